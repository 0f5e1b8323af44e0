"""How much each study says about the others, and how much the pooled effect owes to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammainc

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.batch_result import PooledMany, plain
from secondlook.synthesis.leave_one_out import without_each
from secondlook.synthesis.pooling import pool
from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.result import Pooled, decimals

if TYPE_CHECKING:
    import polars

__all__ = ["Influence", "StudyInfluence", "influence"]

_CONVENTIONS = (
    "Deleted: tau² and the pooled effect are estimated anew without the study.",
    "Hartung-Knapp: its factor, in the full data or without the study, multiplies the variances "
    "that are estimated from them, except in the standardized residual.",
    "Called influential: |difference in fit| above 3 times the square root of 1/(k - 1), Cook's "
    "distance beyond the median of chi-squared with 1 degree of freedom, leverage above 3/k, or "
    "|difference in estimate| above 1.",
)


@dataclass(frozen=True, slots=True)
class StudyInfluence:
    """What the result owes to one study; None where a standard error of 0 leaves no answer.

    Parameters
    ----------
    name
        The study.
    residual
        Its effect less the pooled effect.
    standardized_residual
        The residual over its standard error, all studies pooled (metafor: ``rstandard``).
    studentized_deleted_residual
        Its effect less that of the others pooled, over its standard error (``rstudent``): near
        standard normal if the study belongs to the others.
    difference_in_fit
        What the pooled effect loses without the study, over its standard error with tau² estimated
        without it and the study's weight kept (``dffits``).
    cooks_distance
        The squared loss over the variance of the pooled effect (``cook.d``).
    covariance_ratio
        The variance of the pooled effect without the study over that with it (``cov.r``); below 1
        the study makes the result less precise.
    tau2_without, q_without
        tau² and Cochran's Q of the others (``tau2.del``, ``QE.del``).
    leverage, weight
        The share of the pooled effect that is the study's (``hat``), and the same in percent
        (``weight``).
    difference_in_estimate
        The loss over its standard error with tau² estimated without the study (``dfbs``).
    squared_pearson_residual, squared_shift
        The coordinates of the plot of Baujat and others (``x`` and ``y`` of ``baujat``): the
        squared residual over tau² plus the sampling variance (under a common effect, what the study
        adds to Q), and the squared loss over the variance of the pooled effect of the others.
    influential
        Whether it is called so, by the rule among the conventions.
    """

    name: str
    residual: float
    standardized_residual: float | None
    studentized_deleted_residual: float | None
    difference_in_fit: float | None
    cooks_distance: float | None
    covariance_ratio: float | None
    tau2_without: float
    q_without: float
    leverage: float
    weight: float
    difference_in_estimate: float | None
    squared_pearson_residual: float
    squared_shift: float | None
    influential: bool


@dataclass(frozen=True, slots=True)
class Influence:
    """One :class:`StudyInfluence` per study, and the result of all of them together."""

    everything: Pooled
    rows: tuple[StudyInfluence, ...]
    conventions: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def influential(self) -> tuple[str, ...]:
        """The names of the studies that are called influential."""
        return tuple(row.name for row in self.rows if row.influential)

    def to_dict(self) -> dict[str, object]:
        """Give the record as plain JSON types."""
        return {
            "everything": self.everything.to_dict(),
            "rows": [asdict(row) for row in self.rows],
            "influential": list(self.influential),
            "conventions": list(self.conventions),
            "warnings": list(self.warnings),
        }

    def to_frame(self) -> polars.DataFrame:
        """Give one row per study."""
        import polars as pl

        return pl.DataFrame([asdict(row) for row in self.rows])

    def __str__(self) -> str:
        width = max(len("Study"), *(len(row.name) for row in self.rows))
        heads = ("rstudent", "dffits", "Cook's d", "cov. ratio", "tau²", "Q", "weight %", "dfbetas")
        lines = [f"{'Study':<{width}}" + "".join(f"  {head:>10}" for head in heads)]
        lines += [_line(row, width) for row in self.rows]
        lines += ["", f"Influential: {', '.join(self.influential) or 'none'}"]
        lines += ["", "Conventions", *(f"  {sentence}" for sentence in self.conventions)]
        if self.warnings:
            lines += ["", "Warnings", *(f"  {sentence}" for sentence in self.warnings)]
        return "\n".join(lines)


def _line(row: StudyInfluence, width: int) -> str:
    numbers = (
        row.studentized_deleted_residual,
        row.difference_in_fit,
        row.cooks_distance,
        row.covariance_ratio,
        row.tau2_without,
        row.q_without,
        row.weight,
        row.difference_in_estimate,
    )
    shown = "".join(f"  {'–' if one is None else decimals(one):>10}" for one in numbers)
    return f"{row.name:<{width}}{shown}{'  *' if row.influential else ''}"


def influence(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    method: str = "REML",
    test: str = "hksj",
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> Influence:
    """Measure how each study fits the others and what it does to the pooled effect.

    Parameters
    ----------
    yi, vi, method, test, level, names
        As for :func:`~secondlook.synthesis.pool`.

    Returns
    -------
    Influence
        Rows in the order of the studies pooled; a study with a missing value is not among them.

    Raises
    ------
    EstimationError
        As :func:`~secondlook.synthesis.pool` does, and for fewer than three studies (two, under a
        common effect): without one of them there would be no tau².

    Notes
    -----
    Viechtbauer and Cheung, Res Synth Methods 2010;1:112-125; Baujat, Mahe, Pignon and Hill, Stat
    Med 2002;21:2641-2652. Of twenty studies that belong together one has a deleted residual beyond
    2 by chance: an influential study is one to read again, not one to leave out.

    Examples
    --------
    >>> found = influence([0.0, 0.1, 0.2, 3.0], [0.1] * 4, names=["A", "B", "C", "D"], test="z")
    >>> found.influential
    ('D',)
    >>> round(found.rows[3].studentized_deleted_residual, 2)
    7.94
    """
    everything = pool(yi, vi, method=method, test=test, level=level, names=names)
    fewest = 2 if method == "common" else 3
    if everything.k < fewest:
        named = ", ".join(everything.names)
        rule = f"are fewer than {fewest} studies"
        remedy = "give more; with two studies only the method common can leave one out"
        raise EstimationError(Problem("influence", named, rule, remedy))
    without = without_each(everything, "influence")
    columns = _diagnostics(everything, without)
    columns["influential"] = _called_influential(columns, everything.k)
    records = zip(*(plain(values) for values in columns.values()), strict=True)
    rows = tuple(
        StudyInfluence(name, **dict(zip(columns, record, strict=True)))
        for name, record in zip(everything.names, records, strict=True)
    )
    return Influence(everything, rows, _CONVENTIONS, _warnings(everything, without))


def _diagnostics(everything: Pooled, without: PooledMany) -> dict[str, NDArray[np.generic]]:
    yi, vi = np.array(everything.yi), np.array(everything.vi)
    tau2 = everything.tau2 or 0.0
    leverage = np.array(everything.weights) / 100
    variance = everything.standard_error**2
    residual = yi - everything.estimate
    lost = everything.estimate - without.estimate
    variance_without = without.standard_error**2
    # a single study left by a common effect has no tau², and needs none
    tau2_without = np.where(without.k == 1, 0.0, without.tau2)
    spread_without = without.variance_factor * (vi + tau2_without)
    # with tau² from the others and the study kept: the weights of all studies sum to this
    total = np.array([np.sum(1 / (vi + one)) for one in tau2_without])
    # the variance of a residual: of the effect, less that of the mean before Hartung and Knapp
    own = (vi + tau2) * (1 - leverage)
    return {
        "residual": residual,
        "standardized_residual": _over(residual, np.sqrt(own)),
        "studentized_deleted_residual": _over(
            yi - without.estimate, np.sqrt(spread_without + variance_without)
        ),
        "difference_in_fit": _over(lost, np.sqrt(leverage * spread_without)),
        "cooks_distance": _over(lost**2, np.full(yi.size, variance)),
        "covariance_ratio": _over(variance_without, np.full(yi.size, variance)),
        "tau2_without": tau2_without,
        "q_without": without.q,
        "leverage": leverage,
        "weight": 100 * leverage,
        "difference_in_estimate": _over(lost, np.sqrt(without.variance_factor / total)),
        "squared_pearson_residual": residual**2 / (vi + tau2),
        "squared_shift": _over(lost**2, variance_without),
    }


def _over(numbers: Floats, by: Floats) -> Floats:
    result = np.full(numbers.size, np.nan)
    np.divide(numbers, by, out=result, where=by > 0)
    return result


def _called_influential(columns: dict[str, NDArray[np.generic]], k: int) -> NDArray[np.bool_]:
    # what does not exist is nan, and nan is not beyond anything
    named = {name: np.asarray(values, dtype=np.float64) for name, values in columns.items()}
    fit, estimate = np.abs(named["difference_in_fit"]), np.abs(named["difference_in_estimate"])
    return np.asarray(
        (fit > 3 * np.sqrt(1 / (k - 1)))
        | (gammainc(0.5, named["cooks_distance"] / 2) > 0.5)
        | (named["leverage"] > 3 / k)
        | (estimate > 1)
    )


def _warnings(everything: Pooled, without: PooledMany) -> tuple[str, ...]:
    found = list(everything.warnings)
    several = [
        name for name, more in zip(everything.names, without.several_maxima, strict=True) if more
    ]
    if several:
        found.append(
            "Without these the likelihood of tau² has more than one maximum, and a small change "
            f"may look large: {', '.join(several)}."
        )
    if everything.standard_error == 0 or np.any(without.standard_error == 0):
        found.append(
            "A standard error is 0 because effects are equal: what would be divided by it is not "
            "given; use test hksj."
        )
    return tuple(found)
