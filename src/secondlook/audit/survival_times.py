"""Survival times: what a median, a mean and the percents of one survival curve allow each other.

All of it follows from one thing: a survival curve starts at 100 % and never rises, and so does its
Kaplan-Meier estimate under any censoring. Numbers of one cohort and endpoint are taken together,
wherever in a document they stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from secondlook.audit.arithmetic import Range
from secondlook.audit.block import Block, Item
from secondlook.audit.rule import Class, Rule, fired, not_evaluated, passed
from secondlook.audit.verdict import Severity, Verdict
from secondlook.evidence import Kind

__all__ = ["RULES", "of_one_curve", "timed"]

_FAMILY = "survival times"
_ONE_CURVE = (
    "the numbers are of one curve: at most a suspect where one was read off a figure or adjusted, "
    "or where they stand in different documents (another date of analysis is another curve)"
)
_TIMES = frozenset({"OS", "DFS", "RFS", "PFS"})
_HALF = Fraction(50)


def of_one_curve(items: Iterable[Item]) -> Severity:
    """Give the severity of a contradiction: an error where all are known to be of one curve.

    Not known are a number that was read off a figure, whose last digit says nothing of its error,
    a number adjusted for other factors, and numbers of two documents.
    """
    findings = [item.finding for item in items]
    documents = {finding.source.document for finding in findings}
    doubtful = any(finding.from_figure or finding.adjusted for finding in findings)
    return Severity.SUSPECT if doubtful or len(documents) > 1 else Severity.ERROR


def timed(items: Iterable[Item]) -> list[tuple[Fraction, Item]]:
    """Give the findings that name a time, with it, in the order of time."""
    found = [
        (_exact(months), item)
        for item in items
        if (months := item.finding.months) is not None and months.is_finite()
    ]
    return sorted(found, key=lambda pair: pair[0]) if len(found) > 1 else found


@lru_cache(maxsize=1024)
def _exact(months: Decimal) -> Fraction:
    return Fraction(months)


def _places(block: Block, statistic: str) -> Iterator[tuple[str, str]]:
    """Cohorts and endpoints where survival, or this statistic of a time, is spoken of.

    A mean age is no time to anything: an endpoint counts when it has survival percents somewhere
    in the study, or is one of the usual ones.
    """
    times = _TIMES | {endpoint for _, endpoint, _ in block.keys("survival")}
    keys = block.keys("survival", statistic)
    yield from dict.fromkeys((cohort, end) for cohort, end, _ in keys if end in times)


def _partners(
    block: Block, rule: str, place: tuple[str, str], partners: list[Item], name: str
) -> Iterator[tuple[Fraction, Item, Item]] | Verdict | None:
    """Every percent with every partner; or what is missing; or None where nothing is printed."""
    rates = block.numbers(*place, "survival")
    if not rates and not partners:
        return None
    cells = [item.cell() for item in (*rates, *partners)]
    if not partners:
        return not_evaluated(rule, name, cells)
    times = timed(rates)
    if not times:
        lacking = "the time of the survival percent" if rates else "a survival percent at a time"
        return not_evaluated(rule, lacking, cells)
    return ((time, rate, partner) for partner in partners for time, rate in times)


def _median_against_rate(block: Block) -> Iterator[Verdict]:
    rule = "median-against-rate"
    for place in _places(block, "median"):
        printed = block.all(*place, "median")
        medians = [m for m in printed if m.value.is_number or m.value.kind is Kind.NOT_REACHED]
        pairs = _partners(block, rule, place, medians, "a median")
        if isinstance(pairs, Verdict):
            yield pairs
        elif pairs is not None:
            yield from (_median_with(rule, time, rate, median) for time, rate, median in pairs)


def _median_with(rule: str, time: Fraction, rate: Item, median: Item) -> Verdict:
    percent = Range.of(rate.value)
    reached = median.value.is_number
    month = Range.of(median.value) if reached else Range(None, None)
    # t < m asks for S(t) >= 1/2 and t >= m for S(t) <= 1/2; a rounded m may allow both
    above = not reached or month.high is None or month.high > time
    below = reached and (month.low is None or month.low <= time)
    cells = [median.cell(), rate.cell()]
    sides = [text for text, allowed in (("at least", above), ("at most", below)) if allowed]
    computed = f"survival at {rate.months} months: {' or '.join(sides)} 50 %, printed {rate.value}"
    fits_above = above and (percent.high is None or percent.high >= _HALF)
    fits_below = below and (percent.low is None or percent.low <= _HALF)
    if fits_above or fits_below:
        return passed(rule, cells, computed)
    what = f"a median of {median.value} months" if reached else "a median that is not reached"
    message = f"{what} and {rate.value} % at {rate.months} months cannot both be right"
    return fired(rule, cells, message, computed, of_one_curve([median, rate]))


def _monotone(block: Block) -> Iterator[Verdict]:
    rule = "monotone"
    for key in block.keys("survival"):
        rates = block.numbers(*key)
        times = timed(rates)
        if len({time for time, _ in times}) < 2:
            if rates:
                lacking = "a survival percent at a second time"
                yield not_evaluated(rule, lacking, [rate.cell() for rate in rates])
            continue
        for time, rate in times:
            earlier = [item for before, item in times if before < time]
            if earlier:
                yield _after(rule, rate, earlier)


def _after(rule: str, rate: Item, earlier: list[Item]) -> Verdict:
    """Compare a percent with all earlier ones; the worst answer stands for them."""
    percent = Range.of(rate.value)
    below = [item for item in earlier if Range.of(item.value).is_below(percent)]
    if not below:
        nearest = earlier[-1]
        computed = f"{nearest.value} % at {nearest.months}, {rate.value} % at {rate.months} months"
        return passed(rule, [rate.cell(), nearest.cell()], computed)
    # an error before a suspect, then the largest contradiction
    against = min(
        below, key=lambda item: (of_one_curve([rate, item]) != Severity.ERROR, float(item.value))
    )
    computed = f"{against.value} % at {against.months}, {rate.value} % at {rate.months} months"
    message = (
        f"survival rises from {against.value} % at {against.months} months "
        f"to {rate.value} % at {rate.months}"
    )
    severity = of_one_curve([rate, against])
    return fired(rule, [rate.cell(), against.cell()], message, computed, severity)


def _mean_bound(block: Block) -> Iterator[Verdict]:
    rule = "mean-bound"
    for place in _places(block, "mean"):
        pairs = _partners(block, rule, place, block.numbers(*place, "mean"), "a mean")
        if isinstance(pairs, Verdict):
            yield pairs
        elif pairs is not None:
            yield from (_mean_with(rule, time, rate, mean) for time, rate, mean in pairs)


def _mean_with(rule: str, time: Fraction, rate: Item, mean: Item) -> Verdict:
    # a mean restricted to a horizon counts nothing beyond it
    horizon = min([time, *(until for until, _ in timed([mean]))])
    low, high = Range.of(rate.value).low, Range.of(mean.value).high
    least = Fraction(0) if low is None else horizon * low / 100
    computed = f"{horizon} months x {rate.value} %, rounded down, is {float(least):.1f} months"
    cells = [mean.cell(), rate.cell()]
    if high is None or high >= least:
        return passed(rule, cells, computed)
    message = (
        f"with {rate.value} % alive at {rate.months} months the mean is at least "
        f"{float(least):.1f} months, not {mean.value}"
    )
    return fired(rule, cells, message, computed, of_one_curve([mean, rate]))


RULES = (
    Rule(
        "median-against-rate",
        _FAMILY,
        "Before the median at least half survive; from the median on at most half.",
        Class.SOUND,
        Severity.ERROR,
        "a median (or that it was not reached) and a survival percent, same cohort and endpoint",
        _ONE_CURVE,
        "Brookmeyer and Crowley, Biometrics 1982;38:29-41: the median is inf{t: S(t) <= 1/2}",
        study=_median_against_rate,
    ),
    Rule(
        "monotone",
        _FAMILY,
        "Survival at a later time is not higher than at an earlier one.",
        Class.SOUND,
        Severity.ERROR,
        "survival percents at two times, same cohort and endpoint",
        _ONE_CURVE,
        "Kaplan and Meier, J Am Stat Assoc 1958;53:457-481: a product of factors of at most one",
        study=_monotone,
    ),
    Rule(
        "mean-bound",
        _FAMILY,
        "Mean survival is at least a time multiplied by the survival at that time.",
        Class.SOUND,
        Severity.ERROR,
        "a mean and a survival percent, same cohort and endpoint",
        f"the mean is the area under the curve; {_ONE_CURVE}",
        "Markov's inequality: the area under a curve that never rises",
        study=_mean_bound,
    ),
)
