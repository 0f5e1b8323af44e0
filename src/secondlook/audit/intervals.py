"""Intervals and P values: what an interval says of its estimate, its P value and its patients.

Ratios are looked at on the log scale, at the corner of their rounding box that favours the
authors most. Counts stay exact; logarithms are floats, and what their rounding (1e-12) leaves open
is decided in the authors' favour too.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import erfc, expm1, inf, sqrt

from scipy.special import ndtri

from secondlook.audit.arithmetic import Range, greenwood_limits
from secondlook.audit.block import Block, Item
from secondlook.audit.ratio_limits import (
    FLOAT,
    RATIOS,
    cells_of,
    contrast,
    deviate,
    ratios,
    with_interval,
    worst,
)
from secondlook.audit.rule import Class, Rule, fired, not_evaluated, passed
from secondlook.audit.verdict import Cell, Severity, Verdict
from secondlook.evidence import ENTIRE, Reported

__all__ = ["RULES", "most_patients"]

_FAMILY = "intervals and P values"
_LOG_RANK_AND_WALD = 0.6  # how far their z differ, at the most
_TIES = 0.05  # by what share ties move them apart besides: more in 0.2 % of simulated ratios
_LEAST_ERROR = {"hazard_ratio": 2, "odds_ratio": 4}  # over the root of the number of patients


def _point_in_interval(block: Block) -> Iterator[Verdict]:
    rule = "point-in-interval"
    for item in block.items:
        finding = item.finding
        ends = {"value": finding.value, "low": finding.low, "high": finding.high}
        there = {name: Range.of(r) for name, r in ends.items() if r.is_number}
        if not (finding.statistic in RATIOS or finding.low.printed or finding.high.printed):
            continue
        if len(there) < 2:
            lacking = " and ".join(name for name in ends if name not in there)
            yield not_evaluated(rule, f"a number for {lacking}", cells_of(item))
            continue
        order = [name for name in ("low", "value", "high") if name in there]
        pairs = [(a, b) for i, a in enumerate(order) for b in order[i + 1 :]]
        wrong = next(((a, b) for a, b in pairs if there[b].is_below(there[a])), None)
        computed = " <= ".join(ends[name].printed for name in order)
        if wrong is None:
            yield passed(rule, cells_of(item), computed)
        else:
            said = {"value": "the estimate", "low": "the lower limit", "high": "the upper limit"}
            message = " is above ".join(f"{said[name]} {ends[name]}" for name in wrong)
            severity = Severity.SUSPECT if finding.from_figure else Severity.ERROR
            yield fired(rule, cells_of(item), message, computed, severity)


def _p_of(block: Block, item: Item) -> Cell | None:
    """The P value of a contrast: printed with it, or alone in the same place."""
    finding = item.finding
    if finding.p.is_number:
        return item.cell("p")
    for other in block.numbers(finding.cohort, finding.endpoint, "p_value"):
        same = (other.finding.comparator, other.finding.adjusted)
        beside = other.finding.source.is_beside(finding.source)
        if beside and same == (finding.comparator, finding.adjusted):
            return other.cell()
    return None


def _deviates(p: Reported) -> tuple[float, float] | None:
    """Give the range of z that a two-sided P value stands for."""
    within = Range.of(p)
    low, high = float(within.low or 0), 1.0 if within.high is None else float(within.high)
    if low > 1 or high < 0:
        return None
    return -float(ndtri(min(high, 1) / 2)), -float(ndtri(max(low, 0) / 2))


def _other_tests(low: float, high: float, log_ratio: float) -> tuple[float, float]:
    """How small and how large |z| of another test may be where Wald's is from low to high.

    A score (log-rank) or likelihood-ratio test looks at the information between the ratio and 1,
    whose logarithm changes no faster than the log ratio itself. With b that log ratio, their z is
    at least 2(1 - exp(-b/2))/b and at most 2(exp(b/2) - 1)/b times Wald's, but for ties.
    """
    half = min(log_ratio, 20.0) / 2
    less, more = (-expm1(-half) / half, expm1(half) / half) if half > 0 else (1.0, 1.0)
    first = max(low - _LOG_RANK_AND_WALD, low * less / (1 + _TIES))
    return first, min(high + _LOG_RANK_AND_WALD, high * more * (1 + _TIES))


def _interval_against_p(block: Block) -> Iterator[Verdict]:
    rule = "interval-against-p"
    for item in ratios(block):
        found, p = contrast(item), _p_of(block, item)
        printed = _deviates(p.reported) if p is not None else None
        if isinstance(found, str) or p is None or printed is None:
            lacking = found if isinstance(found, str) else "a P value from 0 to 1"
            yield not_evaluated(rule, lacking, cells_of(item, "p"))
            continue
        near, far = sorted(abs(end) for end in found.ratio)
        near = 0.0 if found.ratio[0] <= 0 <= found.ratio[1] else near
        least, most = found.errors()
        low, high = near / most if most > 0 else 0.0, far / least if least > 0 else inf
        from_p = f"{printed[0]:.2f} to {printed[1]:.2f}"
        computed = f"|z| from the interval {low:.2f} to {high:.2f}, from P {from_p}"
        cells = [*cells_of(item, "level"), p]
        first, last = _other_tests(
            low, high, far if item.finding.statistic != "risk_ratio" else inf
        )
        if printed[1] < first * FLOAT or last < printed[0] * FLOAT:
            nearest = erfc((low if low > printed[1] else high) / sqrt(2))
            message = f"{with_interval(item)} goes with P = {nearest:.2g}, not with {p.printed}"
            yield fired(rule, cells, message, computed, Severity.SUSPECT)
        else:
            yield passed(rule, cells, computed)


def most_patients(block: Block, cohort: str) -> tuple[Cell, Fraction] | None:
    """The largest size of a cohort that is printed anywhere."""
    ends = [(item.cell(), Range.count(item.value).high or 0) for item in block.sizes(cohort)]
    sizes = [(cell, Fraction(end)) for cell, end in ends if end >= 1]
    return max(sizes, key=lambda size: size[1], default=None)


def _patients(block: Block, item: Item) -> tuple[list[Cell], Fraction] | None:
    """Everybody a contrast can be about: both cohorts, else the whole study."""
    finding = item.finding
    sizes = [most_patients(block, name) for name in (finding.cohort, finding.comparator)]
    found = [size for size in sizes if size is not None]
    if len(found) < 2:
        found = [size for size in (most_patients(block, ENTIRE),) if size is not None]
    return ([cell for cell, _ in found], sum((n for _, n in found), Fraction(0))) if found else None


def _narrow_ratio(block: Block, rule: str) -> Iterator[Verdict]:
    for item in ratios(block):
        factor = _LEAST_ERROR.get(item.finding.statistic)
        if factor is None:
            continue
        found, patients = contrast(item), _patients(block, item)
        if isinstance(found, str) or patients is None:
            lacking = found if isinstance(found, str) else "the numbers of patients"
            yield not_evaluated(rule, lacking, cells_of(item))
            continue
        bounds = [(patients[1], "patients", patients[0], worst(item))]
        events = item.finding.events
        number = Range.count(events).high if events.is_number else None
        if factor == 2 and number is not None and number > 0:
            # whose events they are is not printed
            bounds.append((number, "events", [item.cell("events")], Severity.SUSPECT))
        largest, shown = found.errors()[1] / FLOAT, cells_of(item, "level")
        broken = next((bound for bound in bounds if largest < factor / sqrt(bound[0])), None)
        number, what, beside, severity = broken or bounds[0]
        computed = f"standard error up to {largest:.4f}, at least {factor / sqrt(number):.4f}"
        if broken is None:
            yield passed(rule, shown + beside, computed)
        else:
            message = f"{with_interval(item)} is narrower than {number} {what} allow"
            yield fired(rule, shown + beside, message, computed, severity)


def _narrow_survival(block: Block, rule: str) -> Iterator[Verdict]:
    for item in block.items:
        finding = item.finding
        if finding.statistic != "survival" or not (finding.low.printed or finding.high.printed):
            continue
        size = most_patients(block, finding.cohort)
        own = (Range.count(finding.n).high if finding.n.is_number else None) or Fraction(0)
        n = size[1] if size and size[1] > own else own
        within = Range.of(item.value) if item.value.is_number else Range(None, None)
        z, cells = (
            deviate(finding.level),
            cells_of(item, "level", "n") + ([size[0]] if size else []),
        )
        if n < 1 or z is None or within.low is None or within.high is None:
            lacking = "the number of patients" if n < 1 else "an estimate and a level"
            yield not_evaluated(rule, lacking, cells)
        elif finding.adjusted:
            yield not_evaluated(rule, "an interval that is not of a model", cells)
        else:
            shares = [min(max(float(end) / 100, 0.0), 1.0) for end in (within.low, within.high)]
            ends = [greenwood_limits(share, float(n), z) for share in shares]
            limits = 100 * max(low for low, _ in ends), 100 * min(high for _, high in ends)
            yield _compare_limits(rule, item, cells, limits, n)


def _compare_limits(
    rule: str, item: Item, cells: list[Cell], limits: tuple[float, float], n: Fraction
) -> Verdict:
    ends = (item.finding.low, item.finding.high)
    low, high = (Range.of(end) if end.is_number else Range(None, None) for end in ends)
    computed = f"with {n} patients from {limits[0]:.1f} or less to {limits[1]:.1f} or more"
    inside = low.low is not None and float(low.low) * FLOAT > limits[0]
    if inside or (high.high is not None and float(high.high) < limits[1] * FLOAT):
        message = f"{with_interval(item)} is narrower than {n} patients allow"
        return fired(rule, cells, message, computed, worst(item))
    return passed(rule, cells, computed)


def _interval_too_narrow(block: Block) -> Iterator[Verdict]:
    yield from _narrow_ratio(block, "interval-too-narrow")
    yield from _narrow_survival(block, "interval-too-narrow")


RULES = (
    Rule(
        "point-in-interval",
        _FAMILY,
        "An estimate lies within its interval, and the lower end is not above the upper.",
        Class.SOUND,
        Severity.ERROR,
        "two of an estimate and the ends of its interval or range",
        "",
        "what an interval is",
        study=_point_in_interval,
    ),
    Rule(
        "interval-against-p",
        _FAMILY,
        "The P value of a ratio is the one its interval gives.",
        Class.CONDITIONAL,
        Severity.SUSPECT,
        "a ratio, both its limits and its P value",
        "P is of a Wald, likelihood-ratio or log-rank test of this ratio; level 95 if not printed",
        "Altman and Bland, BMJ 2011;343:d2304; between tests: the slope of the information",
        study=_interval_against_p,
    ),
    Rule(
        "interval-too-narrow",
        _FAMILY,
        "An interval is not narrower than its number of patients allows.",
        Class.SOUND,
        Severity.ERROR,
        "a hazard or odds ratio, or a survival percent, its limits and the patients it is of",
        "first events, unweighted, Greenwood's variance, no late entry; a suspect without a level",
        "2/√events: Schoenfeld, Biometrika 1981;68:316-319; s(1-s)/n: Greenwood 1926",
        study=_interval_too_narrow,
    ),
)
