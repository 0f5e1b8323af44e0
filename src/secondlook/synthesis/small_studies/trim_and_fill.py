"""Trim and fill: the funnel plot made symmetric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.between_study_variance import ESTIMATORS
from secondlook.synthesis.heterogeneity import weighted_mean
from secondlook.synthesis.pooling import check_options, pool
from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.result import Pooled, decimals, p_text, range_text
from secondlook.synthesis.small_studies.funnel_line import funnel_line
from secondlook.synthesis.small_studies.reading import (
    NOT_PROOF,
    about_few,
    about_omitted,
    refuse_fewer,
    refuse_unknown,
    sections,
)
from secondlook.synthesis.study_outcomes import StudyOutcomes, read_outcomes, unit_of

if TYPE_CHECKING:
    import polars

__all__ = ["SIDES", "TRIM_ESTIMATORS", "TrimAndFill", "trim_and_fill"]

TRIM_ESTIMATORS: dict[str, str] = {
    "L0": "linear in the Wilcoxon rank sum of the distances to the right of the mean",
    "R0": "the length of the rightmost run of ranks",
    "Q0": "quadratic in the Wilcoxon rank sum",
}
"""How the number of missing studies is estimated; in the words of missing ones on the left."""

SIDES = ("left", "right")
"""Where studies may be missing: the small effects or the large ones."""

_SENSITIVITY = (
    "The filled studies are no data: the filled mean says how much a symmetric funnel would change "
    "the result, and is not a corrected estimate. With heterogeneity trim and fill adds studies "
    "where none are missing, and where many are missing it adds too few."
)


@dataclass(frozen=True, slots=True)
class TrimAndFill:
    """What is pooled when the funnel plot is made symmetric.

    Parameters
    ----------
    missing, missing_standard_error
        How many studies were filled in, and the standard error of that estimate before rounding;
        None where the formula gives none.
    missing_p_value
        Of the hypothesis that none are missing; for R0 only.
    side, estimator
        Where studies are missing, and how they were counted.
    filled, observed
        The pooled effect with and without the filled studies, which come last in ``filled.names``.
    omitted, conventions, warnings
        As in :class:`.Pooled`.
    """

    missing: int
    missing_standard_error: float | None
    missing_p_value: float | None
    side: str
    estimator: str
    filled: Pooled
    observed: Pooled
    omitted: tuple[str, ...]
    conventions: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Give every field as plain JSON types."""
        names = ("missing", "missing_standard_error", "missing_p_value", "side", "estimator")
        return {
            **{name: getattr(self, name) for name in names},
            "filled": self.filled.to_dict(),
            "observed": self.observed.to_dict(),
            "omitted": list(self.omitted),
            "conventions": list(self.conventions),
            "warnings": list(self.warnings),
        }

    def to_frame(self) -> polars.DataFrame:
        """Give one row per study, filled ones last and marked."""
        import polars as pl

        frame = self.filled.to_frame()
        marks = [False] * self.observed.k + [True] * self.missing
        return frame.with_columns(pl.Series("filled", marks))

    def __str__(self) -> str:
        error = self.missing_standard_error
        tail = "" if error is None else f"   (standard error {decimals(error)})"
        if self.missing_p_value is not None:
            tail += f"   {p_text(self.missing_p_value)}"
        percent = f"{100 * self.observed.level:g} % interval"
        lines = [
            f"Trim and fill ({self.estimator}): {self.observed.k} studies",
            "",
            f"  missing on the {self.side:<6} {self.missing}{tail}",
        ]
        for name, pooled in (("observed", self.observed), ("filled", self.filled)):
            lines.append(
                f"  {name:<21} {decimals(pooled.estimate)}   {percent} "
                f"{range_text(pooled.interval)}"
            )
        return sections(lines, self.conventions, self.warnings)


def trim_and_fill(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    estimator: str = "L0",
    side: str | None = None,
    method: str = "REML",
    test: str = "hksj",
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> TrimAndFill:
    """Count the studies without a mirror image, mirror them, and pool again.

    What is estimated is how many studies on one side of the funnel plot have been suppressed for
    having the most extreme effects; the mean is found again and again without that many on the
    other side until the number stays.

    Parameters
    ----------
    yi, vi
        Effects and their sampling variances, shape (k,); a study with a NaN is left out.
    estimator
        ``"L0"``, ``"R0"`` or ``"Q0"``.
    side
        ``"left"`` or ``"right"``: where studies are missing. If not given, left where effects rise
        with the standard error, in a regression by the same method, and right where they fall.
    method, test, level
        As for :func:`~secondlook.synthesis.pool`; ``method`` also centres the funnel plot.
    names
        What the studies are called.

    Raises
    ------
    EstimationError
        For fewer than two studies, a side to be found where no regression can find it, a count that
        does not settle, unknown options, and what :func:`~secondlook.synthesis.pool` refuses.

    Notes
    -----
    Duval and Tweedie, Biometrics 2000;56:455-463, and J Am Stat Assoc 2000;95:89-98. Peters,
    Sutton, Jones, Abrams and Rushton, Stat Med 2007;26:4544-4562, on its bias with heterogeneity.

    Examples
    --------
    >>> found = trim_and_fill(
    ...     [-0.1, -0.2, -0.15, -0.5, -0.6, -0.9, -1.2], [0.01, 0.02, 0.02, 0.1, 0.2, 0.3, 0.5],
    ... )
    >>> found.missing, found.side, round(found.filled.estimate, 3)
    (3, 'right', -0.155)
    """
    check_options(method=method, test=test, level=level)
    refuse_unknown("trim_and_fill, estimator", estimator, list(TRIM_ESTIMATORS))
    if side is not None:
        refuse_unknown("trim_and_fill, side", side, SIDES)
    outcomes = read_outcomes(yi, vi, names)
    refuse_fewer("trim_and_fill", outcomes.yi.size, 2)
    unit = unit_of(outcomes)
    effects, variances = unit.measured(outcomes)
    chosen = side or _side(outcomes, method)
    turned = -effects if chosen == "right" else effects
    order = np.argsort(turned, kind="stable")
    count = _settled(turned[order], variances[order], method, estimator)
    others, extreme = np.split(order, [effects.size - count.missing])
    centre = _centre(effects[others], variances[others], method)
    mirrored = [unit.effect(float(2 * centre - effects[i])) for i in extreme]
    observed = pool(
        outcomes.yi, outcomes.vi, method=method, test=test, level=level, names=outcomes.names
    )
    return TrimAndFill(
        missing=count.missing,
        missing_standard_error=count.standard_error,
        missing_p_value=0.5 ** (count.missing + 1) if estimator == "R0" else None,
        side=chosen,
        estimator=estimator,
        filled=_filled(outcomes, mirrored, extreme, observed) if mirrored else observed,
        observed=observed,
        omitted=outcomes.omitted,
        conventions=(
            f"Number missing: {estimator}, {TRIM_ESTIMATORS[estimator]}; rounded.",
            "Side: as asked." if side else "Side: by the slope of effects on standard errors.",
            f"Centre of the funnel plot and filled mean: {method}.",
        ),
        warnings=(
            _SENSITIVITY,
            NOT_PROOF,
            *about_few(outcomes.yi.size),
            *about_omitted(outcomes.omitted),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Count:
    """How many studies are missing on the left, rounded, with its standard error."""

    missing: int
    standard_error: float | None


def _side(outcomes: StudyOutcomes, method: str) -> str:
    k, remedy = outcomes.yi.size, "say on which side studies are missing"
    if k < 3:
        rule = "cannot tell on which side studies are missing"
        raise EstimationError(Problem("trim_and_fill, side", f"{k} studies", rule, remedy))
    line = funnel_line(
        "trim_and_fill, side",
        outcomes,
        np.sqrt(outcomes.vi),
        "standard error",
        method=None if method == "common" else method,
        test="z",
        level=0.95,
    )
    return "right" if line.slope.estimate < 0 else "left"


def _settled(yi: Floats, vi: Floats, method: str, estimator: str) -> _Count:
    """Count again and again, in effects that rise, until the number missing stays."""
    seen: list[int] = []
    missing = 0
    while missing not in seen:
        seen.append(missing)
        kept = yi.size - missing
        if kept < 1:
            rule, remedy = "leaves no study to centre the funnel plot on", "use another estimator"
            raise EstimationError(Problem("trim_and_fill", f"{missing} missing", rule, remedy))
        found = _COUNTS[estimator](_ranks(yi - _centre(yi[:kept], vi[:kept], method)))
        if found.missing == missing:
            return found
        missing = found.missing
    cycle = ", ".join(map(str, seen[seen.index(missing) :]))
    rule, remedy = "goes round and does not settle", "use another estimator or method"
    raise EstimationError(Problem("trim_and_fill, number missing", cycle, rule, remedy))


def _centre(yi: Floats, vi: Floats, method: str) -> float:
    random = method != "common" and yi.size > 1
    tau2 = ESTIMATORS[method](yi, vi).tau2 if random else 0.0
    return weighted_mean(yi, 1 / (vi + tau2))


def _ranks(away: Floats) -> Floats:
    # ranks of the distances, equal ones in the order of the effects, with the sign of the distance
    ranks = np.empty_like(away)
    ranks[np.argsort(np.abs(away), kind="stable")] = np.arange(1, away.size + 1)
    return np.asarray(np.sign(away) * ranks)


def _by_run(ranks: Floats) -> _Count:
    below = -ranks[ranks < 0]
    found = ranks.size - below.max() - 1 if below.size else 0.0
    return _Count(_whole(found), math.sqrt(2 * max(0.0, found) + 2))


def _by_linear(ranks: Floats) -> _Count:
    k = ranks.size
    found = (4 * ranks[ranks > 0].sum() - k * (k + 1)) / (2 * k - 1)
    variance = _rank_sum_variance(k, found)
    return _Count(_whole(found), None if variance < 0 else 4 * math.sqrt(variance) / (2 * k - 1))


def _by_quadratic(ranks: Floats) -> _Count:
    k = ranks.size
    inside = 2 * k**2 - 4 * ranks[ranks > 0].sum() + 0.25
    if inside < 0:
        rule, remedy = "has no solution for these ranks", "use another estimator"
        raise EstimationError(Problem("trim_and_fill, estimator", "Q0", rule, remedy))
    found = k - 0.5 - math.sqrt(inside)
    variance = _rank_sum_variance(k, found)
    below = (k - 0.5) ** 2 - found * (2 * k - found - 1)
    if variance < 0 or below <= 0:
        return _Count(_whole(found), None)
    return _Count(_whole(found), 2 * math.sqrt(variance / below))


_COUNTS = {"L0": _by_linear, "R0": _by_run, "Q0": _by_quadratic}


def _rank_sum_variance(k: int, missing: float) -> float:
    powers = 10 * missing**3 + 27 * missing**2 + 17 * missing
    mixed = 6 * k**2 * missing - 18 * k * missing**2 - 18 * k * missing
    return float(k * (k + 1) * (2 * k + 1) + powers + mixed) / 24


def _whole(missing: float) -> int:
    return max(0, round(float(missing)))


def _filled(
    outcomes: StudyOutcomes, mirrored: list[float], extreme: NDArray[np.intp], observed: Pooled
) -> Pooled:
    names = (f"filled {i}" for i in range(1, len(mirrored) + 1))
    return pool(
        np.append(outcomes.yi, mirrored),
        np.append(outcomes.vi, outcomes.vi[extreme]),
        method=observed.method,
        test=observed.test,
        level=observed.level,
        names=(*outcomes.names, *names),
    )
