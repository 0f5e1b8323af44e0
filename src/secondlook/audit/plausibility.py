"""Plausibility: printed numbers that can all be right, but seldom are.

Nothing here is an error. A suspect is worth opening the paper for; an info is worth knowing when
the number is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import inf, log

from secondlook.audit.arithmetic import Range
from secondlook.audit.block import Block, Item, Whole
from secondlook.audit.rule import Class, Rule, fired, not_evaluated, passed
from secondlook.audit.verdict import Severity, Verdict
from secondlook.evidence import ENTIRE, Kind, Reported

__all__ = ["RULES"]

_FAMILY = "plausibility"
# how far ln(ln S1 / ln S0) strays from the log hazard ratio by chance in 95 of 100 simulated
# studies with this many patients
_STRAYS = ((600, 0.15), (224, 0.27), (80, 0.46), (40, 0.69))
_STEEPEST = 15  # Weibull shapes above it: less than 1 of 100 small simulated series


def _beside(items: Iterable[Item], other: Item) -> list[Item]:
    return [item for item in items if item.finding.source.is_beside(other.finding.source)]


def _log_hazard(survival: Reported) -> tuple[float, float]:
    """Logarithm of the cumulative hazard: from least to most."""
    within = Range.of(survival)
    low = 0.0 if within.low is None else float(within.low) / 100
    high = 1.0 if within.high is None else float(within.high) / 100
    least = log(-log(high)) if 0 < high < 1 else -inf
    return least, log(-log(low)) if 0 < low < 1 else inf


def _study_size(block: Block, item: Item) -> Fraction | None:
    found = [block.size(name, item) for name in (item.finding.cohort, item.finding.comparator)]
    sizes = [Range.count(size.value).low for size in found if size is not None]
    known = [size for size in sizes if size is not None]
    if len(known) == 2:
        return sum(known, Fraction(0))
    entire = block.size(ENTIRE, item)
    return Range.count(entire.value).low if entire is not None else None


def _survival_against_hazard_ratio(block: Block) -> Iterator[Verdict]:
    rule = "survival-against-hazard-ratio"
    for key in block.keys("hazard_ratio"):
        for ratio in block.all(*key):
            pairs = list(_pairs(block, ratio))
            within = Range.of(ratio.value).logarithms() if ratio.value.is_number else None
            if within is None or not pairs:
                lacking = "survival or medians of both cohorts" if within else "the hazard ratio"
                yield not_evaluated(rule, lacking, [ratio.cell()])
                continue
            for first, second in pairs:
                if first.finding.statistic == "median":
                    yield _medians(rule, ratio, first, second)
                else:
                    size = _study_size(block, ratio)
                    yield _rates(rule, ratio, within, (first, second), size)


def _pairs(block: Block, ratio: Item) -> Iterator[tuple[Item, Item]]:
    """Rates at the same time, and medians, of both cohorts in one place."""
    finding = ratio.finding
    for statistic in ("survival", "median"):
        others = block.numbers(finding.comparator, finding.endpoint, statistic)
        for first in block.numbers(finding.cohort, finding.endpoint, statistic):
            same = [i for i in _beside(others, first) if i.months == first.months]
            yield from ((first, second) for second in same)


def _rates(
    rule: str,
    ratio: Item,
    within: tuple[float, float],
    pair: tuple[Item, Item],
    size: Fraction | None,
) -> Verdict:
    cells = [ratio.cell(), *(item.cell() for item in pair)]
    allowed = next((far for n, far in _STRAYS if size is not None and size >= n), None)
    if allowed is None:
        return not_evaluated(rule, "at least 40 patients", cells)
    (least1, most1), (least0, most0) = (_log_hazard(item.value) for item in pair)
    least, most = least1 - most0, most1 - least0
    computed = f"log hazard ratio from survival {least:.2f} to {most:.2f}, printed"
    computed += f" {within[0]:.2f} to {within[1]:.2f}; {allowed} apart by chance"
    if max(least - within[1], within[0] - most) <= allowed:
        return passed(rule, cells, computed)
    shown = " and ".join(f"{item.value} %" for item in pair)
    message = f"{shown} would go with another hazard ratio than {ratio.value}"
    known = not ratio.finding.adjusted  # an adjusted ratio need not follow crude survival
    return fired(rule, cells, message, computed, Severity.SUSPECT if known else Severity.INFO)


def _medians(rule: str, ratio: Item, first: Item, second: Item) -> Verdict:
    cells = [ratio.cell(), first.cell(), second.cell()]
    finding, even = ratio.finding, Range(Fraction(1), Fraction(1))
    ours, theirs = Range.of(first.value), Range.of(second.value)
    computed = f"medians {first.value} and {second.value}, hazard ratio {ratio.value}"
    printed = Range.of(ratio.value)
    better, worse = printed.is_below(even), even.is_below(printed)
    if not (better and ours.is_below(theirs)) and not (worse and theirs.is_below(ours)):
        return passed(rule, cells, computed)
    limit = finding.high if better else finding.low
    end = Range.of(limit) if limit.is_number else Range(None, None)
    sure = end.is_below(even) if better else even.is_below(end)
    message = f"the medians {first.value} and {second.value} point the other way than {ratio.value}"
    known = sure and not finding.adjusted
    return fired(rule, cells, message, computed, Severity.SUSPECT if known else Severity.INFO)


def _implied_weibull_shape(block: Block) -> Iterator[Verdict]:
    rule = "implied-weibull-shape"
    for cohort, endpoint, _ in block.keys("survival"):
        medians = block.numbers(cohort, endpoint, "median")
        for rate in block.numbers(cohort, endpoint, "survival"):
            beside, months = _beside(medians, rate), rate.months
            if not beside or months is None:
                lacking = "the time" if months is None else "the median in the same place"
                yield not_evaluated(rule, lacking, [rate.cell()])
                continue
            for median in beside:
                yield _shape(rule, median, rate, months)


def _shape(rule: str, median: Item, rate: Item, months: Decimal) -> Verdict:
    cells = [median.cell(), rate.cell()]
    time = Range.of(median.value).logarithms()
    if time is None or months <= 0:
        return not_evaluated(rule, "a median and a time above zero", cells)
    low, high = _log_hazard(rate.value)
    rise = low - log(log(2)), high - log(log(2))
    run = log(months) - time[1], log(months) - time[0]
    if rise[1] < 0 or run[1] < 0:  # before the median both are negative
        rise, run = (-rise[1], -rise[0]), (-run[1], -run[0])
    if rise[1] < 0 or run[1] < 0:
        return not_evaluated(rule, "a rate on the same side of the median as of one half", cells)
    least = max(rise[0], 0.0) / run[1] if run[1] > 0 else (inf if rise[0] > 0 else 0.0)
    computed = f"Weibull shape of at least {least:.1f}"
    if least <= _STEEPEST:
        return passed(rule, cells, computed)
    message = (
        f"{rate.value} % at {months} months beside a median of {median.value} needs nearly all"
        f" events at once (Weibull shape {least:.0f} or more)"
    )
    return fired(rule, cells, message, computed, Severity.SUSPECT)


def _horizon(block: Block) -> Iterator[Verdict]:
    rule = "horizon"
    rates = [i for key in block.keys("survival") for i in block.numbers(*key)]
    timed = [rate for rate in rates if rate.months is not None]
    for cohort in dict.fromkeys(rate.finding.cohort for rate in timed):
        mine = [rate for rate in timed if rate.finding.cohort == cohort]
        lengths = [
            i for name in (cohort, ENTIRE) for i in block.numbers(name, "follow-up", "median")
        ]
        length = next(iter(lengths), None)
        if length is None:
            yield not_evaluated(rule, "the median follow-up", [rate.cell() for rate in mine])
            continue
        most = Range.of(length.value).high
        late = [i for i in mine if most is not None and i.months and Fraction(i.months) > most]
        cells = [length.cell(), *(rate.cell() for rate in late or mine)]
        if late:
            times = ", ".join(dict.fromkeys(f"{rate.months}" for rate in late))
            message = f"survival at {times} months with a median follow-up of {length.value}"
            yield fired(rule, cells, message, message, Severity.INFO)
        else:
            yield passed(rule, cells, f"median follow-up {length.value}")


@dataclass(slots=True)
class _Gaps:
    """What a column prints where a number is missing."""

    blank: list[Item]
    said: Item | None = None
    times: int = 0


def _blank_against_nr(whole: Whole) -> Iterator[Verdict]:
    rule = "blank-against-nr"
    columns: dict[tuple[str, str, str], _Gaps] = {}
    for item in whole.items:
        source, finding = item.finding.source, item.finding
        kind = item.value.kind
        missing = kind in (Kind.BLANK, Kind.NOT_REPORTED, Kind.NOT_REACHED)
        if not (missing and source.column) or finding.low.printed or finding.high.printed:
            continue
        own = columns.setdefault((source.document, source.place, source.column), _Gaps([]))
        if kind is Kind.BLANK:
            own.blank.append(item)
        else:
            own.said, own.times = own.said or item, own.times + 1
    for (_, place, column), own in columns.items():
        if own.said is None or not own.blank:
            yield passed(rule, [(own.said or own.blank[0]).cell()], "one word for missing")
            continue
        for item in own.blank:
            message = f"blank, where {place}, {column} says {own.said.value} elsewhere"
            computed = f"{len(own.blank)} blank, {own.times} {own.said.value}"
            yield fired(rule, [item.cell(), own.said.cell()], message, computed, Severity.INFO)


def _footnote_of_a_pair(block: Block) -> Iterator[Verdict]:
    rule = "footnote-of-a-pair"
    rows: dict[tuple[object, ...], list[Item]] = {}
    for item in block.items:
        finding, source = item.finding, item.finding.source
        if source.row and source.column and finding.cohort != ENTIRE and item.value.is_number:
            where = (source.document, source.place, source.row)
            rows.setdefault((*where, finding.endpoint, finding.statistic, item.months), []).append(
                item
            )
    for items in rows.values():
        if len({item.finding.cohort for item in items}) < 2:
            continue
        marks = [set(item.value.marks.split()) - {"[sic]"} for item in items]
        missing = {mark for own in marks for mark in own if any(mark not in m for m in marks)}
        if not missing:
            yield passed(rule, [item.cell() for item in items])
            continue
        lacking = [i for i, own in zip(items, marks, strict=True) if missing - own]
        cells = [*lacking, *(item for item in items if item not in lacking)]
        shown = ", ".join(item.value.printed for item in items)
        message = f"footnote {', '.join(sorted(missing))} is not on every one of {shown}"
        computed = f"{len(lacking)} of {len(items)} without it"
        yield fired(rule, [item.cell() for item in cells], message, computed, Severity.INFO)


RULES = (
    Rule(
        "survival-against-hazard-ratio",
        _FAMILY,
        "Survival and medians of two cohorts go the way of their hazard ratio.",
        Class.PLAUSIBILITY,
        Severity.SUSPECT,
        "a hazard ratio and, of both cohorts in one place, survival at one time or medians",
        "proportional hazards; an adjusted ratio raises an info",
        "ln S1 / ln S0 under proportional hazards; how far it strays was simulated",
        study=_survival_against_hazard_ratio,
    ),
    Rule(
        "implied-weibull-shape",
        _FAMILY,
        "A median and a rate can lie on a curve that is not nearly vertical.",
        Class.PLAUSIBILITY,
        Severity.SUSPECT,
        "a median and a survival percent of one cohort and endpoint in one place",
        "deaths are spread over time",
        "S(t) = exp(-ln 2 (t/median)^shape); the limit of 15 was simulated",
        study=_implied_weibull_shape,
    ),
    Rule(
        "horizon",
        _FAMILY,
        "A rate is not from a time beyond the median follow-up.",
        Class.PLAUSIBILITY,
        Severity.INFO,
        "survival percents and the median follow-up",
        "",
        "most of such a rate stands on patients not followed so long",
        study=_horizon,
    ),
    Rule(
        "blank-against-nr",
        _FAMILY,
        "A column says in one way that a number is missing.",
        Class.PLAUSIBILITY,
        Severity.INFO,
        "a column with missing numbers",
        "",
        "what a blank stands for is not printed",
        review=_blank_against_nr,
    ),
    Rule(
        "footnote-of-a-pair",
        _FAMILY,
        "A footnote on one number of a row is on those it is compared with.",
        Class.PLAUSIBILITY,
        Severity.INFO,
        "numbers of one statistic for two cohorts in one row of a table",
        "",
        "numbers that are compared come from one source",
        study=_footnote_of_a_pair,
    ),
)
