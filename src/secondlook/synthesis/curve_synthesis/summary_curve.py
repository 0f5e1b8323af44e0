"""The distribution-free summary curve, for studies that give their curves at the same times.

Combescure, Foucher and Jackson, Stat Med 2014;33:2521-2537: the survival of each interval among
those alive at its start is pooled over studies on the arcsine scale, all intervals together with
the between-study covariance matrix of DerSimonian and Laird (Jackson, White and Thompson, Stat Med
2010;29:1282-1297), and the summary curve is the product of what was pooled.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc, ndtri

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.curve_synthesis.summaries import (
    CurveObservation,
    CurveSummary,
    check_summaries,
)
from secondlook.synthesis.curve_synthesis.summary_curve_result import (
    SummaryCurve,
    SummaryEstimate,
)
from secondlook.synthesis.printed_columns import Floats, written

__all__ = ["summary_curve"]

Flags = NDArray[np.bool_]


def summary_curve(
    summaries: Sequence[CurveSummary],
    *,
    times: Sequence[float] | None = None,
    level: float = 0.95,
) -> SummaryCurve:
    """Pool curves given at the same times without supposing a family of curves.

    Parameters
    ----------
    summaries
        What each study prints; its rates are used. ``at_risk`` of a rate is the number of patients
        at risk at that time, and so at the start of the next interval; where it is missing nobody
        is taken to have been censored. (metaSurvival's ``n.risk`` stands one row later: it is the
        number at the start of the interval that the row ends.)
    times
        At which the curve is summarised; by default every time any study prints. Each study must
        print its rate at every one of them up to its own last.
    level
        Coverage of every interval, between 0 and 1.

    Returns
    -------
    SummaryCurve
        Under fixed effects (all studies share one curve) and random effects.

    Raises
    ------
    EstimationError
        Naming every study that lacks a rate before its last, its number of patients, or has a rate
        that rises; and where there is nothing to pool.

    Notes
    -----
    Combescure, Foucher and Jackson, Stat Med 2014;33:2521-2537. An interval in which p of n at risk
    survive is arcsin(sqrt((n p + 1/4)/(n + 1/2))) with variance 1/(4 n + 2). Random effects are
    effects of intervals: the summary describes the average interval, late ones by the studies that
    follow their patients long, which need not be like the rest.

    Examples
    --------
    >>> from secondlook.synthesis.curve_synthesis import CurveObservation, CurveSummary
    >>> rate = CurveObservation.rate
    >>> summary = summary_curve([
    ...     CurveSummary("one", 40, [rate(12, 0.80, at_risk=30), rate(24, 0.60, at_risk=20)]),
    ...     CurveSummary("two", 60, [rate(12, 0.90, at_risk=50), rate(24, 0.70, at_risk=36)]),
    ... ])
    >>> [round(100 * survival) for survival in summary.fixed.survival]
    [86, 66]
    """
    if not _is_share(level):
        rule, remedy = "is not a number between 0 and 1", "write 0.95 for 95 %"
        raise EstimationError(Problem("summary_curve, level", written(level), rule, remedy))
    given = check_summaries(summaries)
    grid, survival, at_risk = _table(given, times)
    effects, variances = _arcsine(survival, at_risk)
    observed = ~np.isnan(effects)
    between, lonely = _between(effects, variances, observed)
    critical = -float(ndtri((1 - level) / 2))
    pooled = [
        _estimate(*_weighted(effects, variances, observed, matrix), grid, critical)
        for matrix in (np.zeros_like(between), between)
    ]
    q, degrees = _homogeneity(effects, variances, observed)
    several = degrees > 0
    return SummaryCurve(
        times=tuple(grid.tolist()),
        studies_at_risk=tuple(observed.sum(axis=0).tolist()),
        fixed=pooled[0],
        random=pooled[1],
        between=tuple(tuple(row) for row in between.tolist()),
        q=q,
        q_degrees_of_freedom=degrees,
        q_p_value=float(gammaincc(degrees / 2, q / 2)) if several else None,
        h2=q / degrees if several else None,
        i2=(100 * max(0.0, 1 - degrees / q) if q > 0 else 0.0) if several else None,
        names=tuple(summary.study for summary in given),
        level=float(level),
        conventions=(
            "Intervals: arcsine of the survival of those at risk, with 1/4 and 1/2 added; variance "
            "1/(4 n + 2).",
            "Between studies: the matrix of DerSimonian and Laird, its negative eigenvalues set to "
            "0.",
            "Limits: normal on the log of survival; those of the median are where the limits of "
            "the curve fall to 50 %.",
            "H²: Q over the number of intervals given less the number of times.",
        ),
        warnings=_warnings(given, grid, lonely),
    )


def _table(
    given: Sequence[CurveSummary], times: Sequence[float] | None
) -> tuple[Floats, Floats, Floats]:
    """Times, survival and number at risk at the start of each interval; NaN after a study's end."""
    printed = [
        {one.months: one for one in summary.observations if one.statistic == "rate"}
        for summary in given
    ]
    asked = sorted({time for rates in printed for time in rates} if times is None else set(times))
    grid = np.array([float(time) for time in asked])
    if not grid.size or not any(printed):
        rule = "is too little to pool"
        raise EstimationError(Problem("summary_curve", "no rate", rule, "give rates at some times"))
    survival, at_risk = np.full((2, len(given), grid.size), np.nan)
    problems = []
    for row, (summary, rates) in enumerate(zip(given, printed, strict=True)):
        problems += _study_problems(summary, rates, asked)
        before, number = 1.0, summary.n
        for column, time in enumerate(asked):
            one = rates.get(time)
            if one is None or before <= 0:
                break
            survival[row, column] = one.survival
            at_risk[row, column] = before * (summary.n or 0) if number is None else number
            before, number = float(one.survival or 0.0), one.at_risk
    if problems:
        raise EstimationError(problems)
    return grid, survival, at_risk


def _study_problems(
    summary: CurveSummary, rates: dict[float, CurveObservation], asked: Sequence[float]
) -> list[Problem]:
    where = f"{summary.study}, rates"
    mine = sorted(set(rates) & set(asked))
    if not mine:
        rule = "has no rate at the times asked for"
        return [Problem(summary.study, None, rule, "leave the study out")]
    problems = []
    if summary.n is None:
        problems.append(Problem(f"{summary.study}, n", None, "is missing", "fill it in"))
    lacking = [time for time in asked if time < mine[-1] and time not in rates]
    if lacking:
        shown = ", ".join(f"{time:g}" for time in lacking)
        rule = f"lacks a rate at {shown}, before its last at {mine[-1]:g}"
        remedy = "choose times at which every study has one, with times = ..."
        problems.append(Problem(where, None, rule, remedy))
    survival = [float(rates[time].survival or 0.0) for time in mine]
    for time, (earlier, later) in zip(mine[1:], pairwise(survival), strict=True):
        if later > earlier:
            rule = f"rises from {earlier:g}, and survival cannot"
            problems.append(Problem(f"{where} at {time:g}", f"{later:g}", rule, "look it up again"))
    return problems


def _arcsine(survival: Floats, at_risk: Floats) -> tuple[Floats, Floats]:
    before = np.column_stack([np.ones(survival.shape[0]), survival[:, :-1]])
    with np.errstate(invalid="ignore", divide="ignore"):
        left = np.where(before > 0, survival / before, np.nan)
    angles = np.arcsin(np.sqrt((at_risk * left + 0.25) / (at_risk + 0.5)))
    return angles, 1 / (4 * at_risk + 2)


def _between(effects: Floats, variances: Floats, observed: Flags) -> tuple[Floats, list[int]]:
    """Moment estimates of the between-study covariances, made positive semi-definite.

    Of two intervals i and j, with weights 1/sqrt(v_i v_j) in the studies that give both: the
    weighted sum of products of residuals, less its expectation by chance (which is 0 between two
    intervals of one study), over what one unit of covariance would make it.
    """
    size = effects.shape[1]
    moments = np.zeros((size, size))
    lonely = []
    for i in range(size):
        for j in range(i + 1):
            both = observed[:, i] & observed[:, j]
            if both.sum() < 2:
                lonely += [i] if i == j else []
                continue
            weights = 1 / np.sqrt(variances[both, i] * variances[both, j])
            total = weights.sum()
            first, second = (
                effects[both, which] - weights @ effects[both, which] / total for which in (i, j)
            )
            chance = both.sum() - 1 if i == j else 0
            unit = total - weights @ weights / total
            moments[i, j] = moments[j, i] = (weights @ (first * second) - chance) / unit
    values, vectors = np.linalg.eigh(moments)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T), lonely


def _weighted(
    effects: Floats,
    variances: Floats,
    observed: Flags,
    between: Floats,
) -> tuple[Floats, Floats]:
    """Generalised least squares over what each study gives: estimates and their covariance."""
    size = effects.shape[1]
    information, score = np.zeros((size, size)), np.zeros(size)
    for effect, variance, present in zip(effects, variances, observed, strict=True):
        index = np.flatnonzero(present)
        weight = np.linalg.inv(np.diag(variance[index]) + between[np.ix_(index, index)])
        information[np.ix_(index, index)] += weight
        score[index] += weight @ effect[index]
    covariance = np.linalg.inv(information)
    return covariance @ score, np.asarray(covariance, dtype=np.float64)


def _estimate(
    arcsines: Floats, covariance: Floats, times: Floats, critical: float
) -> SummaryEstimate:
    angle = np.clip(arcsines, 1e-9, np.pi / 2)
    survival = np.cumprod(np.sin(angle) ** 2)
    slope = 2 / np.tan(angle)
    logs = np.cumsum(np.cumsum(covariance * np.outer(slope, slope), axis=0), axis=1)
    reach = critical * np.sqrt(np.maximum(np.diag(logs), 0.0))
    low, high = survival * np.exp(-reach), np.minimum(survival * np.exp(reach), 1.0)
    widths = np.diff(np.append(0.0, times))
    # of the trapezia each survival is the end of one and the start of the next
    weights = (widths + np.append(widths[1:], 0.0)) / 2
    mean = float(widths[0] / 2 + weights @ survival)
    spread = weights * survival
    error = float(np.sqrt(max(spread @ logs @ spread, 0.0)))
    return SummaryEstimate(
        survival=tuple(survival.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        median=_halved(times, survival),
        median_interval=(_halved(times, low), _halved(times, high)),
        restricted_mean=mean,
        restricted_mean_interval=(mean - critical * error, mean + critical * error),
    )


def _halved(times: Floats, survival: Floats) -> float | None:
    below = np.flatnonzero(survival <= 0.5)
    if not below.size:
        return None
    t, s = np.append(0.0, times), np.append(1.0, survival)
    end = int(below[0]) + 1
    share = (s[end - 1] - 0.5) / (s[end - 1] - s[end])
    return float(t[end - 1] + share * (t[end] - t[end - 1]))


def _homogeneity(
    effects: Floats,
    variances: Floats,
    observed: Flags,
) -> tuple[float, int]:
    weights = np.where(observed, 1 / variances, 0.0)
    filled = np.where(observed, effects, 0.0)
    means = (weights * filled).sum(axis=0) / weights.sum(axis=0)
    q = float(np.sum(weights * (filled - means) ** 2))
    return q, int(observed.sum()) - effects.shape[1]


def _warnings(
    given: Sequence[CurveSummary], grid: Floats, lonely: Sequence[int]
) -> tuple[str, ...]:
    found = []
    if len(given) == 1:
        found.append("One study: how far studies differ cannot be estimated.")
    elif lonely:
        times = ", ".join(f"{grid[i]:g}" for i in lonely)
        found.append(f"Only one study gives the interval up to {times}: it is taken not to vary.")
    supposed = []
    for summary in given:
        rates = [one for one in summary.observations if one.statistic == "rate"]
        last = max(one.months for one in rates if one.months <= grid[-1])
        if any(one.at_risk is None for one in rates if one.months < last):
            supposed.append(summary.study)
    if supposed:
        found.append(
            f"No numbers at risk in {', '.join(supposed)}: nobody is taken to have been censored."
        )
    return tuple(found)


def _is_share(level: object) -> bool:
    return isinstance(level, float | np.floating) and bool(0 < level < 1)
