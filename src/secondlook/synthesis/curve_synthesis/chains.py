"""From printed numbers to a chain of intervals with their patients at risk and deaths.

The numbers of one study cut its time axis. Between two cuts the patients alive at the first are at
risk, and the printed survival says which share of them died. How many patients that share is worth
is the *effective* number at risk: n times the survival so far when nothing but n is printed, fewer
where a standard error, an interval or a number at risk says that patients were censored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from secondlook.synthesis.curve_synthesis.summaries import CurveObservation, CurveSummary
from secondlook.synthesis.printed_columns import Floats

__all__ = ["Chains", "Cut", "StudyChain", "read_chains"]

Slope = Callable[[float, float], float]
"""From a time and a survival to minus dS/d log t of the pooled curve there."""

_ROUNDING = 0.01
_TIE = 1e-9


@dataclass(frozen=True, slots=True)
class Cut:
    """One rate or quantile: its time, its survival and what its interval is worth.

    Parameters
    ----------
    observation
        What was printed.
    time, survival
        Where it cuts, and the share alive there (never more than at the cut before).
    at_risk
        Effective number of patients at risk in the interval that ends here.
    """

    observation: CurveObservation
    time: float
    survival: float
    at_risk: float


@dataclass(frozen=True, slots=True)
class StudyChain:
    """One study's cuts in order of time, its means, and what had to be left out or supposed."""

    study: str
    n: float | None
    cuts: tuple[Cut, ...]
    means: tuple[CurveObservation, ...]
    unused: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Chains:
    """The chains of all studies as arrays of shape (k, J), padded with intervals without patients.

    Parameters
    ----------
    studies
        The chain of each study.
    reference_time
        The unit in which `times` are, chosen so that they lie around 1.
    times
        Ends of the intervals.
    deaths, survivors
        Effective patients who died in the interval and who outlived it.
    is_quantile
        1 where the end of the interval is itself an observed time of death, else 0.
    """

    studies: tuple[StudyChain, ...]
    reference_time: float
    times: Floats
    deaths: Floats
    survivors: Floats
    is_quantile: Floats


def read_chains(
    summaries: Sequence[CurveSummary], slope: Slope, *, interior: bool = False
) -> Chains:
    """Put the numbers of every study in order of time and give each interval its patients.

    Parameters
    ----------
    summaries
        Checked summaries; studies of which nothing can be used come back with an empty chain.
    slope
        Needed only where a quantile is printed with a standard error or an interval, which is in
        months: the slope of the curve turns it into one of survival.
    interior
        Whether to set aside what no normal distribution on the scale of eta can hold: survival of
        0 or 1, and a rate equal to the one before it.
    """
    chains = tuple(_study_chain(summary, slope, interior) for summary in summaries)
    usable = [chain for chain in chains if chain.cuts or chain.means]
    logs = [np.log(cut.time) for chain in usable for cut in chain.cuts]
    logs += [np.log(mean.months) for chain in usable for mean in chain.means]
    reference = float(np.exp(np.mean(sorted(logs)))) if logs else 1.0
    width = max([len(chain.cuts) for chain in usable] + [1])
    times = np.ones((len(usable), width))
    deaths, survivors, is_quantile = (np.zeros_like(times) for _ in range(3))
    for row, chain in enumerate(usable):
        before = 1.0
        for column, cut in enumerate(chain.cuts):
            left = cut.survival / before if before > 0 else 0.0
            # a patient who dies at an observed time is none of those who died before it
            own = 0.5 if cut.observation.statistic == "quantile" else 0.0
            times[row, column] = cut.time / reference
            deaths[row, column] = max(cut.at_risk * (1 - left) - own, 0.0)
            survivors[row, column] = cut.at_risk * left + own
            is_quantile[row, column] = float(own > 0)
            before = cut.survival
        times[row, len(chain.cuts) :] = times[row, max(len(chain.cuts) - 1, 0)]
    return Chains(chains, reference, times, deaths, survivors, is_quantile)


def _study_chain(summary: CurveSummary, slope: Slope, interior: bool) -> StudyChain:
    unused, notes = list(summary.unused), list[str]()
    means = tuple(one for one in summary.observations if one.statistic == "mean")
    if len(means) > 1:
        unused += [f"{one.describe()}: a second mean of the same patients" for one in means[1:]]
    if means and summary.n is None:
        unused.append(f"{means[0].describe()}: number of patients not printed")
        means = ()
    kept: list[CurveObservation] = []
    printed = [one for one in summary.observations if one.statistic != "mean"]
    # of a rate and a quantile at one time the rate comes first, whatever the order given
    for one in sorted(printed, key=lambda one: (one.months, one.statistic != "rate")):
        reason = _cannot_follow(kept[-1], one) if kept else ""
        if summary.n is None and one.standard_error is None and one.interval is None:
            reason = "number of patients not printed"
        if interior and not reason:
            reason = _not_interior(kept[-1] if kept else None, one)
        if reason:
            unused.append(f"{one.describe()}: {reason}")
        else:
            kept.append(one)
    cuts = _cuts(summary.n, kept, slope, notes)
    return StudyChain(summary.study, summary.n, cuts, means[:1], tuple(unused), tuple(notes))


def _cannot_follow(last: CurveObservation, one: CurveObservation) -> str:
    before, after = float(last.survival or 0.0), float(one.survival or 0.0)
    if one.months <= last.months * (1 + _TIE):
        if abs(after - before) <= _ROUNDING:
            return "says what another number at the same time says"
        return f"contradicts {last.describe()}"
    if after > before + _ROUNDING:
        return f"survival cannot rise after {last.describe()}"
    return "all had died before" if before <= 0 else ""


def _not_interior(last: CurveObservation | None, one: CurveObservation) -> str:
    if one.survival in (0, 1):
        return "is infinite on the scale of the normal likelihood; the binomial one takes it"
    if last is not None and float(one.survival or 0.0) >= float(last.survival or 0.0):
        return f"nobody died after {last.describe()}; the binomial likelihood takes it"
    return ""


def _cuts(
    n: float | None, kept: Sequence[CurveObservation], slope: Slope, notes: list[str]
) -> tuple[Cut, ...]:
    sizes = _effective_sizes(n, kept, slope, notes)
    cuts: list[Cut] = []
    before, variance_before, at_risk_before = 1.0, 0.0, n
    for one, size in zip(kept, sizes, strict=True):
        survival = min(float(one.survival or 0.0), before)
        left = survival / before
        most = (size if n is None else n) * before
        variance = (1 - survival) / (survival * size) if survival > 0 else np.inf
        count = size * before
        if 0 < left < 1:
            gained = variance - variance_before
            # no interval can tell more than everyone alive at its start would
            count = min((1 - left) / (left * gained), most) if gained > 0 else most
        own = one.standard_error is not None or one.interval is not None
        if one.at_risk is not None and at_risk_before is not None and not own and one.at_risk > 0:
            # losses spread evenly over the interval, as in a life table
            count = min((at_risk_before + one.at_risk) / (1 + left), most)
        if 0 < left < 1:
            variance = max(variance, variance_before + (1 - left) / (left * count))
        cuts.append(Cut(one, one.months, survival, count))
        before = survival
        variance_before = variance if survival > 0 else variance_before
        at_risk_before = one.at_risk
    return tuple(cuts)


def _effective_sizes(
    n: float | None, kept: Sequence[CurveObservation], slope: Slope, notes: list[str]
) -> list[float]:
    """Give the binomial size that has the printed precision, of each cut.

    A cut without a precision of its own takes that of the next later one that has, so that a rate
    is not thought more certain than a later one of the same patients, then that of the last before.
    """
    own: list[float | None] = []
    for one in kept:
        size = _implied_size(one, slope)
        if size is not None and n is not None and size > n:
            if size > 1.5 * n:
                notes.append(
                    f"{one.describe()}: its printed precision would need {size:.0f} patients; "
                    f"it is taken for {n:g}"
                )
            size = n
        own.append(size)
    filled: list[float] = []
    for index, size in enumerate(own):
        later = [other for other in own[index:] if other is not None]
        earlier = [other for other in own[:index] if other is not None]
        known = size or (later[0] if later else earlier[-1] if earlier else n)
        filled.append(float(known or 1.0))
    return filled


def _implied_size(one: CurveObservation, slope: Slope) -> float | None:
    survival = float(one.survival or 0.0)
    if not 0 < survival < 1:
        return None
    if one.statistic == "quantile":
        error = _log_time_error(one)
        error = None if error is None else error * slope(one.months, survival)
    else:
        error = one.standard_error or _rate_error(one, survival)
    return None if error is None else survival * (1 - survival) / error**2


def _log_time_error(one: CurveObservation) -> float | None:
    if one.standard_error is not None:
        return one.standard_error / one.months
    if one.interval is None or one.interval[0] <= 0:
        return None
    return float(np.log(one.interval[1] / one.interval[0])) / _width(one.level)


def _rate_error(one: CurveObservation, survival: float) -> float | None:
    """Standard error of a rate from its interval, on the scale on which that lies evenly."""
    if one.interval is None:
        return None
    low, high = one.interval
    plain = (high - low) / _width(one.level)
    if not 0 < low < survival < high < 1:
        return plain
    limits = np.log(-np.log([low, survival, high]))
    skew = abs(np.log((limits[0] - limits[1]) / (limits[1] - limits[2])))
    if skew >= abs(np.log((high - survival) / (survival - low))):
        return plain
    error = (limits[0] - limits[2]) / _width(one.level)
    return float(-error * survival * np.log(survival))


def _width(level: float) -> float:
    return 2 * float(ndtri((1 + level) / 2))
