"""The four kinds of posterior distribution of a random-effects meta-analysis."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from secondlook.synthesis.bayesian.heterogeneity_posterior import HeterogeneityPosterior
from secondlook.synthesis.bayesian.normal_mixture import NormalMixture
from secondlook.synthesis.bayesian.posterior_distribution import PosteriorDistribution
from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.study_outcomes import Unit

__all__ = ["Distributions", "distributions"]


@dataclass(frozen=True, slots=True, eq=False)
class Distributions:
    """Of the mean effect, of tau, of the true effect of a new study, and of those of the studies.

    All in the units of the effects; last the mean and standard deviation for each study.
    """

    effect: PosteriorDistribution
    tau: PosteriorDistribution
    prediction: PosteriorDistribution
    studies: tuple[PosteriorDistribution, ...]
    moments_of_studies: tuple[tuple[float, float], ...]


def distributions(
    posterior: HeterogeneityPosterior, yi: Floats, vi: Floats, unit: Unit
) -> Distributions:
    """Put the distribution of tau together with what is normal given tau.

    Parameters
    ----------
    posterior
        Of tau.
    yi, vi
        Effects and variances in the unit of `posterior`.
    unit
        That unit.
    """
    given, k = posterior.panels.sample, vi.size
    proper = posterior.likelihood.prior_weight > 0
    first, second = posterior.has_moment(1), posterior.has_moment(2)
    # where tau is large, the variance of the mean is tau²/k unless its prior bounds it
    tail = posterior.tail(2) if second else math.inf
    normal = _Normal(given.mean, given.width)
    new = _Normal(given.mean, np.hypot(given.width, given.tau))
    single = [_of_study(posterior, float(y), float(v)) for y, v in zip(yi, vi, strict=True)]
    moments = [one.moments(posterior, 0.0, unit) for one in single]
    return Distributions(
        effect=normal.mixed(
            posterior, unit, 0.0 if proper else tail / k, (proper or first, proper or second)
        ),
        tau=PosteriorDistribution(
            posterior,
            unit,
            unit.effect(posterior.mean()) if first else None,
            unit.effect(math.sqrt(posterior.variance())) if second else None,
        ),
        prediction=new.mixed(
            posterior, unit, tail if proper else tail * (1 + 1 / k), (first, second)
        ),
        studies=tuple(
            PosteriorDistribution(one.mixture(posterior), unit, *of_it)
            for one, of_it in zip(single, moments, strict=True)
        ),
        moments_of_studies=tuple(moments),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Normal:
    """Something that is normal given tau: its means and standard deviations at the nodes."""

    means: Floats
    errors: Floats

    def mixture(self, posterior: HeterogeneityPosterior) -> NormalMixture:
        return posterior.mixture(self.means, self.errors)

    def moments(
        self, posterior: HeterogeneityPosterior, tail: float, unit: Unit
    ) -> tuple[float, float]:
        shares = posterior.shares()
        mean = float(np.sum(shares * self.means))
        variance = float(np.sum(shares * (self.errors**2 + (self.means - mean) ** 2))) + tail
        return unit.effect(mean), unit.effect(math.sqrt(variance))

    def mixed(
        self,
        posterior: HeterogeneityPosterior,
        unit: Unit,
        tail: float,
        exist: tuple[bool, bool],
    ) -> PosteriorDistribution:
        mean, error = self.moments(posterior, tail if exist[1] else 0.0, unit)
        return PosteriorDistribution(
            self.mixture(posterior), unit, mean if exist[0] else None, error if exist[1] else None
        )


def _of_study(posterior: HeterogeneityPosterior, yi: float, vi: float) -> _Normal:
    given = posterior.panels.sample
    # of the way from the mean to the study's own effect
    own = given.tau**2 / (given.tau**2 + vi)
    means = given.mean + own * (yi - given.mean)
    return _Normal(means, np.sqrt(own * vi + ((1 - own) * given.width) ** 2))
