"""The interval of Henmi and Copas, which small studies lead less far astray."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import gammainc

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.between_study_variance import ESTIMATORS
from secondlook.synthesis.between_study_variance.weighted_fit import InterceptOnly
from secondlook.synthesis.heterogeneity import TIGHTEST, weighted_mean
from secondlook.synthesis.printed_columns import Floats, written
from secondlook.synthesis.regression.coefficients import is_share
from secondlook.synthesis.result import Interval, decimals, range_text
from secondlook.synthesis.small_studies.reading import (
    NOT_PROOF,
    about_few,
    about_omitted,
    refuse_fewer,
    sections,
)
from secondlook.synthesis.study_outcomes import read_outcomes, unit_of

if TYPE_CHECKING:
    import polars

__all__ = ["HenmiCopas", "henmi_copas"]

_NODES = 16
_FAR = 39.0
"""Standard deviations beyond which a normal density is 0."""

_STABLE = 1e-13
_MOST_PANELS = 2**14


@dataclass(frozen=True, slots=True)
class HenmiCopas:
    """A mean of common-effect weights, with an interval that allows for heterogeneity.

    Parameters
    ----------
    estimate, standard_error, interval
        The mean, its standard error with tau² in it, and its confidence interval at ``level``.
    critical
        By how many standard errors the interval reaches to each side.
    tau2
        As DerSimonian and Laird estimate it.
    k, names, omitted, level, conventions, warnings
        As in :class:`.Pooled`.
    """

    estimate: float
    standard_error: float
    interval: Interval
    critical: float
    tau2: float
    k: int
    names: tuple[str, ...]
    omitted: tuple[str, ...]
    level: float
    conventions: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Give every field as plain JSON types."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}

    def to_frame(self) -> polars.DataFrame:
        """Give one row."""
        import polars as pl

        columns = ("estimate", "standard_error", "critical", "tau2", "k")
        row = {name: getattr(self, name) for name in columns}
        return pl.DataFrame([row | {"low": self.interval[0], "high": self.interval[1]}])

    def __str__(self) -> str:
        percent = f"{100 * self.level:g} % interval"
        lines = [
            f"Henmi and Copas: {self.k} studies",
            "",
            f"  estimate             {decimals(self.estimate)}"
            f"   (standard error {decimals(self.standard_error)})",
            f"  {percent:<20} {range_text(self.interval)}",
            f"  tau²                 {decimals(self.tau2)}",
        ]
        return sections(lines, self.conventions, self.warnings)


def henmi_copas(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> HenmiCopas:
    """Pool with common-effect weights, under which small studies count for little.

    What is estimated is the mean of the true effects, by weights 1/vi. Where small studies differ
    from large ones, for whatever reason, this mean is less biased than that of random effects; its
    interval is made for random effects.

    Parameters
    ----------
    yi, vi
        Effects and their sampling variances, shape (k,); a study with a NaN is left out.
    level
        Coverage of the interval, between 0 and 1.
    names
        What the studies are called.

    Raises
    ------
    EstimationError
        For fewer than two studies, a level that is not between 0 and 1, and what
        :func:`~secondlook.synthesis.pool` refuses.

    Notes
    -----
    Henmi and Copas, Stat Med 2010;29:2969-2983. The distribution of the mean over its standard
    error is that of a normal variable divided by a function of Cochran's Q, which given the
    variable is taken to be gamma with the mean and variance it has. A bias that all studies share
    stays, and the interval is wide where large studies are few.

    Examples
    --------
    >>> found = henmi_copas([-0.9, -1.6, -1.3, -0.2], [0.33, 0.19, 0.42, 0.05])
    >>> round(found.estimate, 4), round(found.critical, 4)
    (-0.5947, 3.0854)
    """
    if not is_share(level):
        rule, remedy = "is not a number between 0 and 1", "write 0.95 for 95 %"
        raise EstimationError(Problem("henmi_copas, level", written(level), rule, remedy))
    outcomes = read_outcomes(yi, vi, names)
    k = outcomes.yi.size
    refuse_fewer("henmi_copas", k, 2)
    unit = unit_of(outcomes)
    effects, variances = unit.measured(outcomes)
    tau2 = ESTIMATORS["DL"](effects, variances).tau2
    pivot = _Pivot.of(variances, tau2)
    estimate = weighted_mean(effects, 1 / variances)
    error = math.sqrt(pivot.inflation / float(np.sum(1 / variances)))
    critical = pivot.critical((1 - level) / 2)
    return HenmiCopas(
        estimate=unit.effect(estimate),
        standard_error=unit.effect(error),
        interval=(
            unit.effect(estimate - critical * error),
            unit.effect(estimate + critical * error),
        ),
        critical=critical,
        tau2=unit.variance(tau2),
        k=k,
        names=outcomes.names,
        omitted=outcomes.omitted,
        level=float(level),
        conventions=(
            "Weights 1/v; tau² by DerSimonian and Laird; the interval by the approximation of the "
            "paper, at that tau².",
        ),
        warnings=(NOT_PROOF, *about_few(k), *about_omitted(outcomes.omitted)),
    )


@dataclass(frozen=True, slots=True)
class _Pivot:
    """The distribution of the mean over its standard error, as far as sums of weights go.

    Everything is in units of ``inflation``, 1 + tau² times the mean of the weights over the studies
    taken with those weights, so that no tau² is too large. With c = tau²/inflation and P the matrix
    of Q: ``degrees`` (k - 1)/inflation, ``spread`` c tr P, ``norm`` c² tr PP, ``second`` c² times
    the variance of the weights, ``third`` c³ times their mean weight times its squared distance
    from its mean, ``ratio`` tr P over the mean weight.
    """

    degrees: float
    spread: float
    norm: float
    second: float
    third: float
    inflation: float
    ratio: float

    @classmethod
    def of(cls, vi: Floats, tau2: float) -> _Pivot:
        weights = 1 / vi
        fit = InterceptOnly.of(np.zeros_like(vi), vi).weighted(weights)
        share = weights / weights.sum()
        mean = float(share @ weights)
        away = weights - mean
        inflation = 1 + tau2 * mean
        shrunk = 0.0 if tau2 == 0 else 1 / (1 / tau2 + mean)
        return cls(
            degrees=(vi.size - 1) / inflation,
            spread=shrunk * float(fit.trace()),
            norm=shrunk**2 * float(fit.squares()),
            second=float(share @ (shrunk * away) ** 2),
            third=float(share @ (shrunk * weights * (shrunk * away) ** 2)),
            inflation=inflation,
            ratio=float(fit.trace()) / mean,
        )

    def critical(self, tail: float) -> float:
        """Give by how many standard errors the mean exceeds the truth with a probability."""
        high = 1.0
        while self._tail(high) > tail:
            high *= 2
        low = high / 2
        while self._tail(low) < tail:
            low /= 2

        def excess(u: float) -> float:
            return self._tail(u) - tail

        return float(
            brentq(excess, low, high, xtol=sys.float_info.min, rtol=TIGHTEST, maxiter=1000)
        )

    def _tail(self, u: float) -> float:
        # the number of panels is doubled until the integral has settled
        panels, before, found = 64, math.inf, self._integral(u, 32)
        while abs(found - before) > _STABLE * found and panels <= _MOST_PANELS:
            before, found = found, self._integral(u, panels)
            panels *= 2
        return found

    def _integral(self, u: float, panels: int) -> float:
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        start = u / math.sqrt(self.inflation)
        edges = np.linspace(start, start + _FAR, panels + 1)
        half = (edges[1] - edges[0]) / 2
        x = (edges[:-1, None] + half * (nodes + 1)).ravel()
        q = self.ratio * ((x / u) ** 2 - 1 / self.inflation) + self.degrees
        density = np.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)
        inside = (self._below(x, q) * density).reshape(panels, _NODES)
        return float(np.sum(inside @ (half * weights)))

    def _below(self, x: Floats, q: Floats) -> Floats:
        """Give the probability that Q is below some values when the mean is x of its errors."""
        rate = 1 / self.inflation
        excess = x**2 - 1
        mean = self.degrees + self.spread + excess * self.second
        constant = 2 * self.degrees * rate + 4 * self.spread * rate + 2 * self.norm
        moving = 4 * excess * (self.second * rate + self.third)
        variance = constant + moving + 2 * (1 - 2 * x**2) * self.second**2
        return np.asarray(gammainc(mean**2 / variance, np.maximum(q, 0.0) * (mean / variance)))
