"""Numbers at risk: what the line of counts under a survival curve allows, and what it asks of it.

Patients leave the number at risk by the event or by censoring, and nobody comes back. Only the
events lower a Kaplan-Meier estimate, so the estimate never lies below the share still at risk.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from secondlook.audit.arithmetic import Range
from secondlook.audit.block import Block, Item
from secondlook.audit.rule import Class, Rule, fired, not_evaluated, passed
from secondlook.audit.survival_times import of_one_curve, timed
from secondlook.audit.verdict import Severity, Verdict

__all__ = ["RULES"]

_FAMILY = "curves"
_NO_LATE_ENTRY = "everybody is followed from time zero: nobody enters late"


def _numbers_at_risk(block: Block) -> Iterator[Verdict]:
    rule = "numbers-at-risk"
    for key in block.keys("at_risk"):
        printed = block.numbers(*key)
        times = timed(printed)
        for time, item in times:
            size = block.size(item.finding.cohort, item)
            before = [earlier for t, earlier in times if t < time]
            limits = [*before, *([size] if size is not None else [])]
            if limits:
                yield _not_more(rule, item, limits)
            else:
                yield not_evaluated(rule, "an earlier number at risk", [item.cell()])
        if printed and not times:
            lacking = "the time of the number at risk"
            yield not_evaluated(rule, lacking, [item.cell() for item in printed])


def _not_more(rule: str, item: Item, limits: list[Item]) -> Verdict:
    """Compare a number at risk with the earlier ones and with the size of the cohort."""
    here = Range.count(item.value)
    exceeded = [limit for limit in limits if Range.count(limit.value).is_below(here)]
    if not exceeded:
        against = limits[0]
        return passed(rule, [item.cell(), against.cell()], f"{item.value}, {_named(against)}")
    against = min(
        exceeded, key=lambda i: (of_one_curve([item, i]) != Severity.ERROR, i.value.value)
    )
    message = f"{item.value} at risk at {item.months} months, but {_named(against)}"
    computed = f"{item.value} is more than {against.value}"
    severity = of_one_curve([item, against])
    return fired(rule, [item.cell(), against.cell()], message, computed, severity)


def _named(limit: Item) -> str:
    if limit.finding.statistic == "at_risk":
        return f"{limit.value} at {limit.months} months"
    return f"{limit.value} patients in all"


def _survival_against_at_risk(block: Block) -> Iterator[Verdict]:
    rule = "survival-against-at-risk"
    keys = dict.fromkeys(key[:2] for key in block.keys("at_risk", "survival"))
    for cohort, endpoint in keys:
        counts = timed(block.numbers(cohort, endpoint, "at_risk"))
        rates = timed(block.numbers(cohort, endpoint, "survival"))
        # at time zero everybody is at risk, and every percent is possible
        later = [(time, item) for time, item in counts if time > 0]
        if rates and not later:
            lacking = "a number at risk after time zero"
            yield not_evaluated(rule, lacking, [rate.cell() for _, rate in rates])
        for at in later:
            yield _at_risk_with(block, rule, at, counts, rates)


def _at_risk_with(
    block: Block,
    rule: str,
    at: tuple[Fraction, Item],
    counts: list[tuple[Fraction, Item]],
    rates: list[tuple[Fraction, Item]],
) -> Verdict:
    time, item = at
    start = next((i for t, i in counts if t == 0), None) or block.size(item.finding.cohort, item)
    base = Range.count(start.value).high if start is not None else None
    if start is None or base is None or base <= 0:
        return not_evaluated(rule, "the number at risk at the start", [item.cell()])
    before = [rate for t, rate in rates if t <= time]
    if not before:
        return not_evaluated(rule, "a survival percent at or before that time", [item.cell()])
    share = 100 * (Range.count(item.value).low or Fraction(0)) / base
    computed = (
        f"{item.value} of {start.value} at risk at {item.months} months: {float(share):.1f} %"
    )
    below = [rate for rate in before if Range.of(rate.value).is_below(Range(share, share))]
    if not below:
        return passed(rule, [item.cell(), start.cell(), before[-1].cell()], computed)
    severities = {rate.index: _severity(rate, item, start) for rate in below}
    rate = min(below, key=lambda r: (severities[r.index] != Severity.ERROR, float(r.value)))
    message = (
        f"{float(share):.1f} % are still at risk at {item.months} months, "
        f"more than the {rate.value} % alive at {rate.months}"
    )
    cells = [rate.cell(), item.cell(), start.cell()]
    return fired(rule, cells, message, computed, severities[rate.index])


def _severity(rate: Item, item: Item, start: Item) -> Severity:
    # who has the event at that very time is still counted at risk, and no longer alive; where
    # times are whole months that is common
    if rate.months == item.months:
        return Severity.INFO
    return of_one_curve([rate, item, start])


RULES = (
    Rule(
        "numbers-at-risk",
        _FAMILY,
        "The number at risk never rises, and is never more than the cohort.",
        Class.SOUND,
        Severity.ERROR,
        "numbers at risk at two times, or one and the size of the cohort",
        _NO_LATE_ENTRY,
        "Kaplan and Meier, J Am Stat Assoc 1958;53:457-481: the definition of the risk set",
        study=_numbers_at_risk,
    ),
    Rule(
        "survival-against-at-risk",
        _FAMILY,
        "Survival up to a time is at least the share of the cohort still at risk at it.",
        Class.CONDITIONAL,
        Severity.ERROR,
        "a number at risk, the number at the start, and a survival percent no later",
        f"{_NO_LATE_ENTRY}; at the very same time also that no event falls on it, which is not "
        "known: then an info",
        "Kaplan and Meier, J Am Stat Assoc 1958;53:457-481: each factor 1 - d/r is at least "
        "1 - (d + c)/r",
        study=_survival_against_at_risk,
    ),
)
