"""What a study prints of its survival curve: rates, medians and other quantiles, means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import written

__all__ = ["CurveObservation", "CurveSummary", "check_summaries"]

Statistic = Literal["rate", "quantile", "mean"]


@dataclass(frozen=True, slots=True)
class CurveObservation:
    """One printed number, as a partial sight of a survival curve.

    Best made by :meth:`rate`, :meth:`median`, :meth:`quantile` or :meth:`mean`.

    Parameters
    ----------
    statistic
        ``"rate"``, ``"quantile"`` (a median is one) or ``"mean"``.
    months
        The time of a rate; the quantile or the mean itself. Any unit will do if it is one unit.
    survival
        The proportion alive at that time: printed for a rate, 0.5 for a median, None for a mean.
    standard_error
        As printed: of the proportion for a rate, in months for a quantile or a mean.
    interval, level
        Confidence limits as printed, on the same scale, and their level.
    at_risk
        Patients still at risk at that time.
    until
        For a mean: the time at which follow-up was cut off, where it is a restricted mean.
    """

    statistic: Statistic
    months: float
    survival: float | None = None
    standard_error: float | None = None
    interval: tuple[float, float] | None = None
    level: float = 0.95
    at_risk: float | None = None
    until: float | None = None

    @classmethod
    def rate(
        cls,
        months: float,
        survival: float,
        *,
        standard_error: float | None = None,
        interval: tuple[float, float] | None = None,
        level: float = 0.95,
        at_risk: float | None = None,
    ) -> CurveObservation:
        """Say that a proportion was alive at a time.

        Examples
        --------
        >>> CurveObservation.rate(60, 0.37).survival
        0.37
        """
        return cls("rate", months, survival, standard_error, interval, level, at_risk)

    @classmethod
    def median(
        cls,
        months: float,
        *,
        standard_error: float | None = None,
        interval: tuple[float, float] | None = None,
        level: float = 0.95,
    ) -> CurveObservation:
        """Say when half had died.

        Examples
        --------
        >>> CurveObservation.median(38).survival
        0.5
        """
        return cls("quantile", months, 0.5, standard_error, interval, level)

    @classmethod
    def quantile(
        cls,
        months: float,
        survival: float,
        *,
        standard_error: float | None = None,
        interval: tuple[float, float] | None = None,
        level: float = 0.95,
    ) -> CurveObservation:
        """Say when survival had fallen to a proportion.

        Examples
        --------
        >>> CurveObservation.quantile(14, 0.75).statistic
        'quantile'
        """
        return cls("quantile", months, survival, standard_error, interval, level)

    @classmethod
    def mean(cls, months: float, *, until: float | None = None) -> CurveObservation:
        """Say what the mean survival time was, restricted to `until` where that is known.

        Examples
        --------
        >>> CurveObservation.mean(58).survival is None
        True
        """
        return cls("mean", months, until=until)

    def describe(self) -> str:
        """Say in words what was printed, such as ``37 % at 60``.

        Examples
        --------
        >>> CurveObservation.rate(60, 0.37).describe(), CurveObservation.median(38).describe()
        ('37 % at 60', 'median 38')
        """
        if self.statistic == "rate" and self.survival is not None:
            return f"{100 * self.survival:g} % at {self.months:g}"
        if self.statistic == "mean":
            restricted = "" if self.until is None else f" restricted to {self.until:g}"
            return f"mean{restricted} {self.months:g}"
        if self.survival == 0.5:
            return f"median {self.months:g}"
        return f"{self.months:g} until {100 * (self.survival or 0):g} % were left"


@dataclass(frozen=True, slots=True)
class CurveSummary:
    """What one study prints of the survival curve of one cohort.

    Parameters
    ----------
    study
        What the study is called.
    n
        Patients at the start; None where not printed, which is enough only where every number has
        its own standard error or interval.
    observations
        The numbers, in any order. Two studies are taken to be independent, the numbers of one
        study are not.
    unused
        What the study prints beside that and cannot be used, each with the reason, in words.
    """

    study: str
    n: float | None
    observations: tuple[CurveObservation, ...]
    unused: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "observations", tuple(self.observations))

    def without_means(self, reason: str, *, restricted: bool = False) -> CurveSummary:
        """Give the same summary with its means set aside, restricted ones only where asked."""
        gone = [
            one
            for one in self.observations
            if one.statistic == "mean" and (restricted or one.until is None)
        ]
        kept = tuple(one for one in self.observations if one not in gone)
        named = tuple(f"{one.describe()}: {reason}" for one in gone)
        return replace(self, observations=kept, unused=self.unused + named)


def check_summaries(summaries: Sequence[CurveSummary]) -> tuple[CurveSummary, ...]:
    """Refuse what no study can have printed, naming every offending number.

    Raises
    ------
    EstimationError
        For anything that is not a summary, a proportion outside 0 to 1, a time that is not
        positive, a size below 1, limits that do not enclose their number, a study named twice.
    """
    given = tuple(summaries)
    strangers: list[object] = [one for one in given if type(one) is not CurveSummary]
    if strangers:
        rule, remedy = "is not a CurveSummary", "make one of it, or give the evidence"
        where = "pool_curves, summaries"
        raise EstimationError([Problem(where, written(one), rule, remedy) for one in strangers])
    problems = [problem for summary in given for problem in _study_problems(summary)]
    names = [summary.study for summary in given]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        rule = "is the name of two studies, which would count its patients twice"
        problems.append(Problem("pool_curves", name, rule, "put all its numbers in one summary"))
    if problems:
        raise EstimationError(problems)
    return given


def _study_problems(summary: CurveSummary) -> Iterator[Problem]:
    n = summary.n
    if n is not None and not (_is_number(n) and n >= 1):
        rule = "is not a number of patients"
        yield Problem(f"{summary.study}, n", written(n), rule, "give 1 or more, or None")
    for one in summary.observations:
        where = f"{summary.study}, {one.statistic}"
        yield from _number_problems(where, one)
        yield from _precision_problems(where, one)


def _number_problems(where: str, one: CurveObservation) -> Iterator[Problem]:
    if one.statistic not in ("rate", "quantile", "mean"):
        yield Problem(where, None, "is not rate, quantile or mean", "use one of them")
    if not (_is_number(one.months) and one.months > 0):
        yield Problem(where, written(one.months), "is not a time after the start", "correct it")
    if one.until is not None and not (_is_number(one.until) and one.until >= one.months):
        rule = "is not a time after the mean that it restricts"
        yield Problem(f"{where}, until", written(one.until), rule, "correct it")
    share = one.survival
    if one.statistic == "rate" and not (_is_number(share) and 0 <= (share or 0) <= 1):
        rule = "is not a proportion from 0 to 1"
        yield Problem(where, written(share), rule, "divide a percent by 100")
    if one.statistic == "quantile" and not (_is_number(share) and 0 < (share or 0) < 1):
        rule = "is not a proportion between 0 and 1"
        yield Problem(f"{where}, survival", written(share), rule, "write 0.5 for a median")


def _precision_problems(where: str, one: CurveObservation) -> Iterator[Problem]:
    error = one.standard_error
    if error is not None and not (_is_number(error) and error > 0):
        rule = "is not a positive number"
        yield Problem(
            f"{where}, standard error", written(error), rule, "correct it or leave it out"
        )
    if one.at_risk is not None and not (_is_number(one.at_risk) and one.at_risk >= 0):
        rule = "is not a number of patients"
        yield Problem(f"{where}, at risk", written(one.at_risk), rule, "correct or omit it")
    if not (_is_number(one.level) and 0 < one.level < 1):
        rule = "is not a number between 0 and 1"
        yield Problem(f"{where}, level", written(one.level), rule, "write 0.95 for 95 %")
    if one.interval is None:
        return
    value = one.survival if one.statistic == "rate" else one.months
    limits = tuple(one.interval)
    good = len(limits) == 2 and all(_is_number(limit) for limit in limits)
    if not (good and limits[0] < limits[1] and _is_number(value)):
        rule = "is not an interval from low to high"
        yield Problem(f"{where}, interval", written(one.interval), rule, "correct or omit it")
    elif not limits[0] <= (value or 0) <= limits[1]:
        rule = f"does not enclose {value:g}"
        yield Problem(f"{where}, interval", written(one.interval), rule, "look it up again")


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float | np.integer | np.floating)
        and not isinstance(value, bool)
        and bool(np.isfinite(value))
    )
