"""The rank correlation test of Begg and Mazumdar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.between_study_variance.weighted_fit import InterceptOnly
from secondlook.synthesis.heterogeneity import weighted_mean
from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.result import decimals, p_text
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

__all__ = ["RankCorrelationTest", "begg_test"]

_EXACT_TO = 500
"""Studies up to which the exact distribution is worked out; beyond, it is normal to five digits."""


@dataclass(frozen=True, slots=True)
class RankCorrelationTest:
    """Begg and Mazumdar's test whether effects go with their variances.

    Parameters
    ----------
    kendall_tau
        The rank correlation of standardised effects and variances, tau-b where there are ties.
    score
        Pairs of studies in the same order less pairs in the opposite order.
    statistic
        The score over its standard deviation; None where the distribution is exact.
    p_value, exact
        Two-sided, and whether from the exact distribution.
    k, names, omitted, conventions, warnings
        As in :class:`.Pooled`.
    """

    kendall_tau: float
    score: int
    statistic: float | None
    p_value: float
    exact: bool
    k: int
    names: tuple[str, ...]
    omitted: tuple[str, ...]
    conventions: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Give every field as plain JSON types."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}

    def to_frame(self) -> polars.DataFrame:
        """Give one row."""
        import polars as pl

        columns = ("kendall_tau", "score", "statistic", "p_value", "exact", "k")
        return pl.DataFrame([{name: getattr(self, name) for name in columns}])

    def __str__(self) -> str:
        test = "exact" if self.statistic is None else f"z = {decimals(self.statistic)}"
        lines = [
            f"Begg and Mazumdar's rank correlation test: {self.k} studies",
            "",
            f"  Kendall's tau        {decimals(self.kendall_tau)}   (score {self.score})",
            f"  test                 {test}, {p_text(self.p_value)}",
        ]
        return sections(lines, self.conventions, self.warnings)


def begg_test(
    yi: ArrayLike, vi: ArrayLike, *, names: Sequence[str] | None = None
) -> RankCorrelationTest:
    """Test whether effects and their variances are ordered alike.

    What is estimated is Kendall's rank correlation between variances and effects standardised as
    distances from their common mean.

    Parameters
    ----------
    yi, vi
        Effects and their sampling variances, shape (k,); a study with a NaN is left out.
    names
        What the studies are called.

    Raises
    ------
    EstimationError
        For fewer than two studies, variances or standardised effects that are all the same, and
        what :func:`~secondlook.synthesis.pool` refuses.

    Notes
    -----
    Begg and Mazumdar, Biometrics 1994;50:1088-1101. The power is fair with 75 studies and
    moderate with 25, as the authors found; with fewer there is little.

    Examples
    --------
    >>> found = begg_test([-0.1, -0.3, -0.2, -0.8, -1.1], [0.01, 0.02, 0.04, 0.2, 0.3])
    >>> round(found.kendall_tau, 3), round(found.p_value, 4)
    (-0.8, 0.0833)
    """
    outcomes = read_outcomes(yi, vi, names)
    k = outcomes.yi.size
    refuse_fewer("begg_test", k, 2)
    effects, variances = unit_of(outcomes).measured(outcomes)
    standardised = _standardised(effects, variances)
    score = _score(standardised, variances)
    by_effect, by_variance = _tied(standardised), _tied(variances)
    pairs = k * (k - 1) / 2
    untied = (pairs - _pairs(by_effect)) * (pairs - _pairs(by_variance))
    if untied == 0:
        same = "the variances" if _pairs(by_variance) == pairs else "the standardised effects"
        rule = "are all the same: they cannot be ordered"
        raise EstimationError(Problem("begg_test", same, rule, "this test does not apply"))
    ties = by_effect.size < k or by_variance.size < k
    statistic = None
    if ties or k > _EXACT_TO:
        statistic = score / math.sqrt(_variance(k, by_effect, by_variance))
        p_value = 2 * float(ndtr(-abs(statistic)))
        said = "P value: normal approximation without continuity correction"
        said += ", variance corrected for ties." if ties else "."
    else:
        p_value, said = _exact(k, score), "P value: from the exact distribution of the score."
    return RankCorrelationTest(
        kendall_tau=score / math.sqrt(untied),
        score=score,
        statistic=statistic,
        p_value=p_value,
        exact=statistic is None,
        k=k,
        names=outcomes.names,
        omitted=outcomes.omitted,
        conventions=(said,),
        warnings=(NOT_PROOF, *about_few(k), *about_omitted(outcomes.omitted)),
    )


def _standardised(yi: Floats, vi: Floats) -> Floats:
    # the variance of a distance from the mean, vi less that of the mean, without its cancellation
    weights = 1 / vi
    spare = InterceptOnly.of(yi, vi).weighted(weights).diagonal() * vi
    return np.asarray((yi - weighted_mean(yi, weights)) / np.sqrt(vi * spare))


def _score(first: Floats, second: Floats) -> int:
    total = 0
    for i in range(first.size - 1):
        signs = np.sign(first[i + 1 :] - first[i]) * np.sign(second[i + 1 :] - second[i])
        total += int(signs.sum())
    return total


def _tied(values: Floats) -> Floats:
    return np.unique(values, return_counts=True)[1].astype(np.float64)


def _pairs(ties: Floats) -> float:
    return float(np.sum(ties * (ties - 1))) / 2


def _variance(k: int, first: Floats, second: Floats) -> float:
    # Kendall and Gibbons, Rank Correlation Methods, 5th ed., on ties in both rankings
    def five(ties: Floats | float) -> float:
        return float(np.sum(ties * (ties - 1) * (2 * ties + 5)))

    def triples(ties: Floats) -> float:
        return float(np.sum(ties * (ties - 1) * (ties - 2)))

    found = (five(float(k)) - five(first) - five(second)) / 18
    found += 2 * _pairs(first) * _pairs(second) / (k * (k - 1))
    if k > 2:
        found += triples(first) * triples(second) / (9.0 * k * (k - 1) * (k - 2))
    return found


def _exact(k: int, score: int) -> float:
    """Give the probability of a score as far from 0 or further, all orders being equally likely."""
    # of k(k - 1)/2 pairs those in the opposite order are as many as inversions in a random order,
    # the sum of independent uniform numbers from 0 to 0, 1, ..., k - 1
    pairs = k * (k - 1) // 2
    furthest = (pairs - abs(score)) // 2
    share = np.zeros(furthest + 1)
    share[0] = 1.0
    for i in range(2, k + 1):
        summed = np.cumsum(share)
        summed[i:] -= summed[:-i].copy()
        share = summed / i
    return min(1.0, 2 * float(share.sum()))
