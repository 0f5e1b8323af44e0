"""Intervals and P values: what an interval says of its estimate, its P value and its patients.

Ratios are looked at on the log scale, at the corner of their rounding box that favours the
authors most. Counts stay exact; logarithms are floats, and what their rounding (1e-12) leaves open
is decided in the authors' favour too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, erfc, floor, inf, isfinite, sqrt

from scipy.special import ndtri

from secondlook.audit.arithmetic import Range, greenwood_limits, smallest_p
from secondlook.audit.block import Block, Item
from secondlook.audit.rule import Class, Rule, fired, not_evaluated, passed
from secondlook.audit.verdict import Cell, Severity, Verdict
from secondlook.evidence import ENTIRE, Reported

__all__ = ["RULES"]

_FAMILY = "intervals and P values"
_FLOAT = 1 - 1e-12  # what rounding of logarithms may have added is taken off again
_RATIOS = ("hazard_ratio", "odds_ratio", "risk_ratio")

# (ln u - ln h) / (ln h - ln l) of profile-likelihood limits, as measured by number of patients; a
# ratio the other way round has the reciprocal, so a range is from x to 1/x. Events are never more
# than patients, so a bound on the events may stand in for them.
_MEASURED = ((224, 0.90), (80, 0.78), (30, 0.56))
_LOG_RANK_AND_WALD = 0.6  # how far their z differ
_LEAST_ERROR = {"hazard_ratio": 2, "odds_ratio": 4}  # over the root of the number of patients


@dataclass(frozen=True, slots=True)
class _Contrast:
    """A ratio and its limits: ranges of their logarithms, and z of the level."""

    ratio: tuple[float, float]
    low: tuple[float, float]
    high: tuple[float, float]
    z: float

    def errors(self) -> tuple[float, float]:
        """The smallest and the largest standard error."""
        least = max(0.0, self.high[0] - self.low[1])
        return least / (2 * self.z), (self.high[1] - self.low[0]) / (2 * self.z)

    def asymmetry(self) -> tuple[float, float]:
        """The upper over the lower arm, at its smallest and its largest."""
        upper, lower = max(0.0, self.high[0] - self.ratio[1]), self.ratio[1] - self.low[0]
        least = upper / lower if lower > 0 else 0.0
        upper, lower = self.high[1] - self.ratio[0], self.ratio[0] - self.low[1]
        return least, upper / lower if lower > 0 else inf


def _level(level: Reported) -> float | None:
    """Give z of a printed confidence level; of 95 where none is, None for an impossible one."""
    percent = float(level) if level.is_number else 95.0
    z = float(ndtri(0.5 + percent / 200)) if 0 < percent < 100 else inf
    return z if z > 0 and isfinite(z) else None


def _contrast(item: Item) -> _Contrast | str:
    """A ratio with its interval, or what is missing."""
    finding = item.finding
    if not item.value.is_number:
        return "the estimate"
    if not (finding.low.is_number and finding.high.is_number):
        return "both limits of the interval"
    printed = (item.value, finding.low, finding.high)
    ratio, low, high = (Range.of(number).logarithms() for number in printed)
    if ratio is None or low is None or high is None:
        return "a ratio and limits above zero"
    if low[0] > min(ratio[1], high[1]) or ratio[0] > high[1]:
        return "limits on either side of the estimate"
    z = _level(finding.level)
    return "a confidence level between 0 and 100" if z is None else _Contrast(ratio, low, high, z)


def _worst(item: Item) -> Severity:
    """How much may be said of an interval; less when its level, or its rounding, is a guess."""
    sure = item.finding.level.is_number and not item.finding.from_figure
    return Severity.ERROR if sure else Severity.SUSPECT


def _cells(item: Item, *fields: str) -> list[Cell]:
    given = [f for f in ("value", "low", "high", *fields) if getattr(item.finding, f).printed]
    return [item.cell(field) for field in given]


def _with_interval(item: Item) -> str:
    return f"{item.value} ({item.finding.low} to {item.finding.high})"


def _ratios(block: Block) -> Iterator[Item]:
    return (item for item in block.items if item.finding.statistic in _RATIOS)


def _point_in_interval(block: Block) -> Iterator[Verdict]:
    rule = "point-in-interval"
    for item in block.items:
        finding = item.finding
        ends = {"value": finding.value, "low": finding.low, "high": finding.high}
        there = {name: Range.of(r) for name, r in ends.items() if r.is_number}
        if not (finding.statistic in _RATIOS or finding.low.printed or finding.high.printed):
            continue
        if len(there) < 2:
            lacking = " and ".join(name for name in ends if name not in there)
            yield not_evaluated(rule, f"a number for {lacking}", _cells(item))
            continue
        order = [name for name in ("low", "value", "high") if name in there]
        pairs = [(a, b) for i, a in enumerate(order) for b in order[i + 1 :]]
        wrong = next(((a, b) for a, b in pairs if there[b].is_below(there[a])), None)
        computed = " <= ".join(ends[name].printed for name in order)
        if wrong is None:
            yield passed(rule, _cells(item), computed)
        else:
            said = {"value": "the estimate", "low": "the lower limit", "high": "the upper limit"}
            message = " is above ".join(f"{said[name]} {ends[name]}" for name in wrong)
            severity = Severity.SUSPECT if finding.from_figure else Severity.ERROR
            yield fired(rule, _cells(item), message, computed, severity)


def _log_symmetry(block: Block) -> Iterator[Verdict]:
    rule = "log-symmetry"
    for item in _ratios(block):
        contrast = _contrast(item)
        if isinstance(contrast, str):
            yield not_evaluated(rule, contrast, _cells(item))
            continue
        least, most = contrast.asymmetry()
        largest = contrast.errors()[1]
        events = 4 / largest**2 if largest > 0 else inf
        measured, allowed = next((row for row in _MEASURED if events >= row[0]), (0, 0.56))
        computed = f"upper over lower arm, logs: {least:.2f} to {most:.2f}"
        cells = _cells(item, "level")
        if least * _FLOAT > 1 / allowed or most < allowed * _FLOAT:
            message = f"{_with_interval(item)}: upper arm on the log scale {least:.2f} to"
            message += f" {most:.2f} of the lower, not {allowed:.2f} to {1 / allowed:.2f}"
            known = measured > 0 and item.finding.statistic == "hazard_ratio"
            yield fired(rule, cells, message, computed, _worst(item) if known else Severity.SUSPECT)
        elif least * _FLOAT > 1 or most < _FLOAT:
            message = f"{_with_interval(item)} is not symmetric on the log scale: not Wald's limits"
            yield fired(rule, cells, message, computed, Severity.INFO)
        else:
            yield passed(rule, cells, computed)


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


def _interval_against_p(block: Block) -> Iterator[Verdict]:
    rule = "interval-against-p"
    for item in _ratios(block):
        contrast, p = _contrast(item), _p_of(block, item)
        printed = _deviates(p.reported) if p is not None else None
        if isinstance(contrast, str) or p is None or printed is None:
            lacking = contrast if isinstance(contrast, str) else "a P value from 0 to 1"
            yield not_evaluated(rule, lacking, _cells(item, "p"))
            continue
        near, far = sorted(abs(end) for end in contrast.ratio)
        near = 0.0 if contrast.ratio[0] <= 0 <= contrast.ratio[1] else near
        least, most = contrast.errors()
        low, high = near / most if most > 0 else 0.0, far / least if least > 0 else inf
        from_p = f"{printed[0]:.2f} to {printed[1]:.2f}"
        computed = f"|z| from the interval {low:.2f} to {high:.2f}, from P {from_p}"
        cells = [*_cells(item, "level"), p]
        apart = max(low * _FLOAT - printed[1], printed[0] * _FLOAT - high)
        if apart > _LOG_RANK_AND_WALD:
            nearest = erfc((low if low > printed[1] else high) / sqrt(2))
            message = f"{_with_interval(item)} goes with P = {nearest:.2g}, not with {p.printed}"
            yield fired(rule, cells, message, computed, Severity.SUSPECT)
        else:
            yield passed(rule, cells, computed)


def _most_patients(block: Block, cohort: str) -> tuple[Cell, Fraction] | None:
    """The largest size of a cohort that is printed anywhere."""
    ends = [(item.cell(), Range.count(item.value).high or 0) for item in block.sizes(cohort)]
    sizes = [(cell, Fraction(end)) for cell, end in ends if end >= 1]
    return max(sizes, key=lambda size: size[1], default=None)


def _patients(block: Block, item: Item) -> tuple[list[Cell], Fraction] | None:
    """Everybody a contrast can be about: both cohorts, else the whole study."""
    finding = item.finding
    sizes = [_most_patients(block, name) for name in (finding.cohort, finding.comparator)]
    found = [size for size in sizes if size is not None]
    if len(found) < 2:
        found = [size for size in (_most_patients(block, ENTIRE),) if size is not None]
    return ([cell for cell, _ in found], sum((n for _, n in found), Fraction(0))) if found else None


def _narrow_ratio(block: Block, rule: str) -> Iterator[Verdict]:
    for item in _ratios(block):
        factor = _LEAST_ERROR.get(item.finding.statistic)
        if factor is None:
            continue
        contrast, patients = _contrast(item), _patients(block, item)
        if isinstance(contrast, str) or patients is None:
            lacking = contrast if isinstance(contrast, str) else "the numbers of patients"
            yield not_evaluated(rule, lacking, _cells(item))
            continue
        bounds = [(patients[1], "patients", patients[0], _worst(item))]
        events = item.finding.events
        number = Range.count(events).high if events.is_number else None
        if factor == 2 and number is not None and number > 0:
            # whose events they are is not printed
            bounds.append((number, "events", [item.cell("events")], Severity.SUSPECT))
        largest, shown = contrast.errors()[1] / _FLOAT, _cells(item, "level")
        broken = next((bound for bound in bounds if largest < factor / sqrt(bound[0])), None)
        number, what, beside, severity = broken or bounds[0]
        computed = f"standard error up to {largest:.4f}, at least {factor / sqrt(number):.4f}"
        if broken is None:
            yield passed(rule, shown + beside, computed)
        else:
            message = f"{_with_interval(item)} is narrower than {number} {what} allow"
            yield fired(rule, shown + beside, message, computed, severity)


def _narrow_survival(block: Block, rule: str) -> Iterator[Verdict]:
    for item in block.items:
        finding = item.finding
        if finding.statistic != "survival" or not (finding.low.printed or finding.high.printed):
            continue
        size = _most_patients(block, finding.cohort)
        own = (Range.count(finding.n).high if finding.n.is_number else None) or Fraction(0)
        n = size[1] if size and size[1] > own else own
        within = Range.of(item.value) if item.value.is_number else Range(None, None)
        z, cells = _level(finding.level), _cells(item, "level", "n") + ([size[0]] if size else [])
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
    inside = low.low is not None and float(low.low) * _FLOAT > limits[0]
    if inside or (high.high is not None and float(high.high) < limits[1] * _FLOAT):
        message = f"{_with_interval(item)} is narrower than {n} patients allow"
        return fired(rule, cells, message, computed, _worst(item))
    return passed(rule, cells, computed)


def _interval_too_narrow(block: Block) -> Iterator[Verdict]:
    yield from _narrow_ratio(block, "interval-too-narrow")
    yield from _narrow_survival(block, "interval-too-narrow")


def _share(block: Block, item: Item) -> tuple[float, float, tuple[Cell, Fraction] | None] | None:
    """The smallest and largest share a percent or count can be, and the cohort's size."""
    own, percent = item.finding.n, item.finding.statistic == "percent"
    size = _most_patients(block, item.finding.cohort)
    if own.is_number and own.relation == "=" and (own.value or 0) > 0:
        size = item.cell("n"), Fraction(own.value or 1)
    within = Range.of(item.value).times(Fraction(1, 100)) if percent else Range.count(item.value)
    if within.low is None or within.high is None or not (percent or size):
        return None
    low, high = max(within.low, Fraction(0)), within.high
    if size is not None:
        n = size[1]
        low, high = ceil(low * n if percent else low) / n, floor(high * n if percent else high) / n
    return (float(low), min(float(high), 1.0), size) if low <= high and low <= 1 else None


def _compared(block: Block) -> Iterator[tuple[Item, Cell, list[Item]]]:
    """Every P value of two cohorts with percents or counts or alone, and the pair it compares."""
    for item in block.items:
        finding = item.finding
        alone = finding.statistic == "p_value"
        if not finding.comparator or not (alone or finding.statistic in ("percent", "count")):
            continue
        if not (item.value if alone else finding.p).is_number or finding.endpoint == "patients":
            continue
        pair: list[Item] = []
        for statistic in ("percent", "count") if alone else (finding.statistic,):
            for cohort in (finding.cohort, finding.comparator) if len(pair) < 2 else ():
                printed = block.numbers(cohort, finding.endpoint, statistic)
                pair += [i for i in printed if i.finding.source.is_beside(finding.source)][:1]
        yield item, item.cell("value" if alone else "p"), pair


def _p_attainable(block: Block) -> Iterator[Verdict]:
    rule = "p-attainable"
    for item, p, pair in _compared(block):
        cells = [p, *(other.cell() for other in pair)]
        if len(pair) != 2 or item.finding.adjusted:
            lacking = "an unadjusted comparison" if len(pair) == 2 else "both percents or counts"
            yield not_evaluated(rule, lacking, cells)
            continue
        shares = [_share(block, other) for other in pair]
        sizes = [share[2] for share in shares if share is not None and share[2] is not None]
        entire, both = _most_patients(block, ENTIRE), len(sizes) == 2
        if shares[0] is None or shares[1] is None or not (both or entire):
            yield not_evaluated(rule, "sizes of the cohorts and shares of them", cells)
            continue
        used = sizes if both or entire is None else [entire]
        cells += [size[0] for size in used]
        n, total = [float(size[1]) for size in sizes if both], float(used[0][1])
        least = smallest_p(shares[0][:2], shares[1][:2], n, total)
        high = Range.of(p.reported).high
        computed = f"the smallest attainable P is {least:.2g}"
        if high is not None and float(high) < least * _FLOAT:
            shown = " and ".join(i.value.printed for i in pair)
            message = f"{shown} cannot give P {p.printed} here, but at least {least:.2g}"
            yield fired(rule, cells, message, computed, Severity.SUSPECT)
        else:
            yield passed(rule, cells, computed)


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
        "log-symmetry",
        _FAMILY,
        "On the log scale a ratio lies in the middle of its interval.",
        Class.CONDITIONAL,
        Severity.ERROR,
        "a ratio and both its limits",
        "Wald, profile-likelihood or exact limits; a suspect unless a hazard ratio, level printed",
        "Venzon and Moolgavkar, Appl Stat 1988;37:87-94; ranges simulated for this rule",
        study=_log_symmetry,
    ),
    Rule(
        "interval-against-p",
        _FAMILY,
        "The P value of a ratio is the one its interval gives.",
        Class.CONDITIONAL,
        Severity.SUSPECT,
        "a ratio, both its limits and its P value",
        "P is of a Wald, likelihood-ratio or log-rank test of this ratio; level 95 if not printed",
        "Altman and Bland, BMJ 2011;343:d2304",
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
    Rule(
        "p-attainable",
        _FAMILY,
        "Some counts behind two percents give a P value as small as the printed one.",
        Class.CONDITIONAL,
        Severity.SUSPECT,
        "P, the percents or counts of two cohorts, and their sizes or that of the whole study",
        "a Pearson, Yates or Fisher test of exactly these two shares",
        "Fisher, J R Stat Soc 1935;98:39-82",
        study=_p_attainable,
    ),
)
