"""Fail-safe N: how many unseen studies without effect would undo a result."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.heterogeneity import weighted_mean
from secondlook.synthesis.printed_columns import Floats, written
from secondlook.synthesis.result import decimals, p_text
from secondlook.synthesis.small_studies.reading import (
    NOT_PROOF,
    about_omitted,
    refuse_unknown,
    sections,
)
from secondlook.synthesis.study_outcomes import StudyOutcomes, read_outcomes, unit_of

if TYPE_CHECKING:
    import polars

__all__ = ["FAIL_SAFE_METHODS", "FailSafeNumber", "fail_safe_n"]

FAIL_SAFE_METHODS: dict[str, str] = {
    "Rosenthal": "studies with mean z of 0 that would make the summed z not significant, one-sided",
    "Rosenberg": "studies without effect, of mean weight, that would make the common effect not "
    "significant, two-sided",
    "Orwin": "studies without effect that would bring the mean effect down to a target",
    "weighted-Orwin": "the same, for the mean weighted by precision",
}
"""What is counted."""

_NOT_RELIED_ON = (
    "A fail-safe N should not be relied on: it supposes that unseen studies show no effect on "
    "average rather than the opposite one, ignores their sizes and heterogeneity, and has no "
    "distribution, so that no number of it is large."
)


@dataclass(frozen=True, slots=True)
class FailSafeNumber:
    """How many studies without effect would undo a result.

    Parameters
    ----------
    number
        Rounded up; None where no number of them would.
    method
        By the words of :data:`FAIL_SAFE_METHODS`.
    mean_effect, target
        What the effect is and what it would be brought down to; None where neither is used.
    p_value, alpha
        Of the observed studies together, and what it would be brought up to; None for Orwin's.
    k, names, omitted, conventions, warnings
        As in :class:`.Pooled`.
    """

    number: int | None
    method: str
    mean_effect: float | None
    target: float | None
    p_value: float | None
    alpha: float | None
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

        columns = ("method", "number", "mean_effect", "target", "p_value", "alpha", "k")
        row = {name: getattr(self, name) for name in columns}
        # a number of studies can be beyond the integers of a frame
        row["number"] = None if self.number is None else float(self.number)
        return pl.DataFrame([row])

    def __str__(self) -> str:
        number = "no number of studies" if self.number is None else f"{self.number}"
        lines = [f"Fail-safe N ({self.method}): {self.k} studies", "", f"  N   {number}"]
        if self.mean_effect is not None and self.target is not None:
            lines.append(f"  mean effect {decimals(self.mean_effect)}, to be brought down to")
            lines[-1] += f" {decimals(self.target)}"
        if self.p_value is not None:
            lines.append(
                f"  together now {p_text(self.p_value)}, to be brought up to {self.alpha:g}"
            )
        return sections(lines, self.conventions, self.warnings)


def fail_safe_n(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    method: str = "Rosenthal",
    alpha: float = 0.05,
    target: float | None = None,
    names: Sequence[str] | None = None,
) -> FailSafeNumber:
    """Count the studies without effect that would undo a result.

    Parameters
    ----------
    yi, vi
        Effects and their sampling variances, shape (k,); a study with a NaN is left out.
    method
        ``"Rosenthal"``, ``"Rosenberg"``, ``"Orwin"`` or ``"weighted-Orwin"``.
    alpha
        Level of significance, for Rosenthal's and Rosenberg's.
    target
        The mean effect that would no longer matter, for Orwin's; half of the observed mean if not
        given. Its sign is taken from the mean.
    names
        What the studies are called.

    Raises
    ------
    EstimationError
        For an unknown method, an alpha that is not between 0 and 0.5, a target that is not a
        number, and what :func:`~secondlook.synthesis.pool` refuses.

    Notes
    -----
    Rosenthal, Psychol Bull 1979;86:638-641; Orwin, J Educ Stat 1983;8:157-159; Rosenberg, Evolution
    2005;59:464-468. Becker, in Rothstein, Sutton and Borenstein (eds), Publication Bias in
    Meta-Analysis, Wiley 2005:111-125, advises against all of them, and the warning says why.

    Examples
    --------
    >>> fail_safe_n([-0.9, -1.6, -1.3, -0.2], [0.33, 0.19, 0.42, 0.05]).number
    21
    """
    refuse_unknown("fail_safe_n, method", method, list(FAIL_SAFE_METHODS))
    _check(alpha, target)
    outcomes = read_outcomes(yi, vi, names)
    unit = unit_of(outcomes)
    effects, variances = unit.measured(outcomes)
    by_target = method in ("Orwin", "weighted-Orwin")
    mean: float | None = None
    if by_target:
        weights = 1 / variances if method == "weighted-Orwin" else np.ones_like(variances)
        mean = unit.effect(weighted_mean(effects, weights))
        goal = mean / 2 if target is None else math.copysign(target, mean)
        number, p_value = _orwin(outcomes.yi.size, mean, goal), None
    elif method == "Rosenthal":
        number, p_value = _rosenthal(effects, variances, alpha)
    else:
        number, p_value = _rosenberg(effects, variances, alpha)
        mean = unit.effect(weighted_mean(effects, 1 / variances))
    return FailSafeNumber(
        number=number,
        method=method,
        mean_effect=mean,
        target=goal if by_target else None,
        p_value=p_value,
        alpha=None if by_target else float(alpha),
        k=outcomes.yi.size,
        names=outcomes.names,
        omitted=outcomes.omitted,
        conventions=(f"Counted: {FAIL_SAFE_METHODS[method]}; rounded up.",),
        warnings=_warnings(outcomes, number, p_value),
    )


def _check(alpha: object, target: Any) -> None:
    problems = []
    if not isinstance(alpha, float | np.floating) or not 0 < alpha < 0.5:
        rule = "is not a number between 0 and 0.5"
        problems.append(Problem("fail_safe_n, alpha", written(alpha), rule, "write 0.05 for 5 %"))
    is_number = isinstance(target, int | float | np.floating | np.integer)
    if target is not None and not (is_number and math.isfinite(target)):
        rule = "is not a number"
        problems.append(Problem("fail_safe_n, target", written(target), rule, "give an effect"))
    if problems:
        raise EstimationError(problems)


def _rosenthal(yi: Floats, vi: Floats, alpha: float) -> tuple[int, float]:
    total = abs(float(np.sum(yi / np.sqrt(vi))))
    p_value = float(ndtr(-total / math.sqrt(yi.size)))
    return _up((total / float(ndtri(alpha))) ** 2 - yi.size), p_value


def _rosenberg(yi: Floats, vi: Floats, alpha: float) -> tuple[int, float]:
    weights = 1 / vi
    together, total = float(weights @ yi), float(weights.sum())
    p_value = 2 * float(ndtr(-abs(together) / math.sqrt(total)))
    excess = (together / float(ndtri(alpha / 2))) ** 2 - total
    return _up(yi.size * excess / total), p_value


def _orwin(k: int, mean: float, target: float) -> int | None:
    if target == 0:
        return 0 if mean == 0 else None
    return _up(k * (mean - target) / target)


def _up(number: float) -> int:
    # a number of studies that is whole but for rounding is that whole number
    near = round(max(0.0, number))
    return near if abs(number - near) < 1e-8 * max(1.0, number) else math.ceil(max(0.0, number))


def _warnings(
    outcomes: StudyOutcomes, number: int | None, p_value: float | None
) -> tuple[str, ...]:
    found = [_NOT_RELIED_ON, NOT_PROOF, *about_omitted(outcomes.omitted)]
    if number is None:
        found.append("Studies without effect bring a mean nearer to 0, and never to 0 itself.")
    elif number == 0 and p_value is not None:
        found.append("The result is not significant as it is, so there is nothing to undo.")
    return tuple(found)
