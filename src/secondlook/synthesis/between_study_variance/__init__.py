"""Estimators of the between-study variance tau².

===========  ====================================================================================
``"REML"``   restricted maximum likelihood; Viechtbauer, J Educ Behav Stat 2005;30:261-293
``"ML"``     maximum likelihood; the same; Hardy and Thompson, Stat Med 1996;15:619-629
``"DL"``     DerSimonian and Laird, Control Clin Trials 1986;7:177-188
``"PM"``     Paule and Mandel, J Res Natl Bur Stand 1982;87:377-385
``"EB"``     empirical Bayes; Morris, J Am Stat Assoc 1983;78:47-55
``"SJ"``     Sidik and Jonkman, J R Stat Soc C 2005;54:367-384
``"HE"``     Hedges, Psychol Bull 1983;93:388-395
``"HS"``     Hunter and Schmidt, Methods of Meta-Analysis, Sage 1990
===========  ====================================================================================

All are written for a regression on moderators, of which the mean alone is the simplest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from secondlook.synthesis.between_study_variance import moments
from secondlook.synthesis.between_study_variance.likelihood import Likelihood
from secondlook.synthesis.between_study_variance.weighted_fit import InterceptOnly, Model
from secondlook.synthesis.only_maximum import only_maximum
from secondlook.synthesis.printed_columns import Floats

__all__ = ["ESTIMATORS", "BetweenStudyVariance", "between_study_variance", "tau2_of_each"]


@dataclass(frozen=True, slots=True)
class BetweenStudyVariance:
    """An estimate of tau², its asymptotic standard error, and the other maxima that lost to it."""

    tau2: float
    standard_error: float
    lesser_maxima: tuple[float, ...] = ()


def _by_likelihood(restricted: bool) -> Callable[[Model], BetweenStudyVariance]:
    def estimate(model: Model) -> BetweenStudyVariance:
        alone = None
        if isinstance(model, InterceptOnly):
            alone = only_maximum(model.yi, model.vi, restricted=restricted)
        tau2, lesser = Likelihood(model, restricted).best() if alone is None else (alone, ())
        fit = model.at(tau2)
        information = fit.squares() if restricted else np.vecdot(fit.weights, fit.weights)
        return BetweenStudyVariance(tau2, float(np.sqrt(2 / information)), lesser)

    return estimate


def _by_moments(
    estimator: Callable[[Model], Floats], error: Callable[[Model, float], float]
) -> Callable[[Model], BetweenStudyVariance]:
    def estimate(model: Model) -> BetweenStudyVariance:
        tau2 = float(estimator(model))
        return BetweenStudyVariance(tau2, error(model, tau2))

    return estimate


_MOMENTS = {
    "DL": (moments.dersimonian_laird, moments.dersimonian_laird_error),
    "PM": (moments.paule_mandel, moments.paule_mandel_error),
    "EB": (moments.paule_mandel, moments.paule_mandel_error),
    "SJ": (moments.sidik_jonkman, moments.sidik_jonkman_error),
    "HE": (moments.hedges, moments.hedges_error),
    "HS": (moments.hunter_schmidt, moments.hunter_schmidt_error),
}

_OF_MODEL: dict[str, Callable[[Model], BetweenStudyVariance]] = {
    "REML": _by_likelihood(restricted=True),
    "ML": _by_likelihood(restricted=False),
    **{method: _by_moments(*functions) for method, functions in _MOMENTS.items()},
}


def between_study_variance(model: Model, method: str) -> BetweenStudyVariance:
    """Estimate tau² of a model by one of the methods of :data:`ESTIMATORS`.

    Examples
    --------
    >>> model = InterceptOnly.of(np.array([0.0, 2.0]), np.array([1.0, 1.0]))
    >>> between_study_variance(model, "DL").tau2
    1.0
    """
    return _OF_MODEL[method](model)


def tau2_of_each(model: Model, method: str) -> Floats:
    """Estimate tau² for each of many data sets, shape (data sets,)."""
    if method in ("REML", "ML"):
        return Likelihood(model, method == "REML").highest()
    return _MOMENTS[method][0](model)


def _of_effects(method: str) -> Callable[[Floats, Floats], BetweenStudyVariance]:
    return lambda yi, vi: between_study_variance(InterceptOnly.of(yi, vi), method)


ESTIMATORS: dict[str, Callable[[Floats, Floats], BetweenStudyVariance]] = {
    method: _of_effects(method) for method in _OF_MODEL
}
"""Each takes effects and sampling variances, shape (k,), k at least 2, scattered about one mean."""
