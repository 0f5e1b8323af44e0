"""Text against table: what is printed in two places about the same thing.

Findings are matched on every key (cohort, comparator, endpoint, statistic, months), never on their
numbers. A finding stands in a table when its source names a column.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import combinations, product

from secondlook.audit.arithmetic import Range
from secondlook.audit.block import Block, Item, Quantity
from secondlook.audit.rule import Class, Rule, fired, not_evaluated, passed
from secondlook.audit.verdict import Cell, Outcome, Severity, Verdict
from secondlook.evidence import Kind, Source

__all__ = ["RULES", "quantity", "read"]

_FAMILY = "text against table"
_ONE_THING = "one quantity has one value"

_FIELDS = ("value", "low", "high", "events", "p")
_EXACT = frozenset({"count", "count_range", "at_risk", "period", "citation_span"})
_NEAR_SYNONYMS = re.compile(
    r"[drpe]fs|[dr]fi|(disease|recurrence|relapse|progression|event)[- ]free (survival|interval)"
)


def quantity(item: Item) -> Quantity:
    """What a finding is of: its cohorts, endpoint, statistic and time."""
    f = item.finding
    return f.cohort, f.comparator, f.endpoint, f.statistic, f.months


def _elsewhere(item: Item, other: Item) -> bool:
    return not item.finding.source.is_beside(other.finding.source)


def read(cell: Cell) -> Range:
    """Everything a printed string can stand for, as a count where it is one."""
    exact = cell.field == "events" or cell.statistic in _EXACT
    return Range.count(cell.reported) if exact else Range.of(cell.reported)


def _where(item: Item) -> str:
    source = item.finding.source
    return source.place or source.document or "one place"


def _what(item: Item, field: str = "value") -> str:
    """Name a quantity, for a sentence."""
    finding = item.finding
    time = "" if finding.months is None else f" at {finding.months} months"
    against = f" against {finding.comparator}" if finding.comparator else ""
    part = "" if field == "value" else f", {field}"
    statistic = finding.statistic.replace("_", " ")
    return f"{finding.endpoint}, {statistic}{time}{part} ({finding.cohort}{against})"


def _distinct(items: Iterable[Item], field: str) -> list[Item]:
    """Without what is transcribed twice from one place."""
    found: dict[tuple[Source, str], Item] = {}
    for item in items:
        where = replace(item.finding.source, cell="")
        found.setdefault((where, getattr(item.finding, field).printed), item)
    return list(found.values())


def _is_firm(one: Item, other: Item, field: str) -> bool:
    """Tell whether a disagreement of the two has no other reading."""
    a, b = one.finding, other.finding
    other_base = a.n.is_number and b.n.is_number and a.n.value != b.n.value
    other_level = field in ("low", "high") and a.level.value != b.level.value
    # one comparison may be tested in several ways
    is_test = field == "p" or a.statistic == "p_value"
    doubtful = a.from_figure or b.from_figure or a.adjusted is not b.adjusted
    return not (other_base or other_level or is_test or doubtful) and _elsewhere(one, other)


def _is_another(one: Item, other: Item, field: str) -> bool:
    """Tell whether the two are known to be different quantities under one key."""
    a, b = one.finding, other.finding
    known = a.level.is_number and b.level.is_number and field in ("low", "high")
    levels = known and a.level.value != b.level.value
    return levels or {a.adjusted, b.adjusted} == {True, False}


def _compare(items: list[Item], field: str) -> Verdict | None:
    """One verdict on all places that print one quantity; None when there is nothing to compare."""
    pairs = [pair for pair in combinations(items, 2) if not _is_another(*pair, field)]
    if not pairs:
        return None
    apart = [p for p in pairs if not read(p[0].cell(field)).meets(read(p[1].cell(field)))]
    if not apart:
        used = [item for item in items if any(item in pair for pair in pairs)]
        return passed("text-against-table", [item.cell(field) for item in used])
    one, other = next((pair for pair in apart if _is_firm(*pair, field)), apart[0])
    cells = [item.cell(field) for item in (one, other)]
    printed = f"{cells[0].printed} and {cells[1].printed}"
    message = (
        f"{_what(one, field)}: {_where(one)} prints {cells[0].printed}, "
        f"{_where(other)} prints {cells[1].printed}; both cannot be right"
    )
    cells += [item.cell(field) for item in items if item not in (one, other)]
    severity = Severity.ERROR if _is_firm(one, other, field) else Severity.SUSPECT
    return fired("text-against-table", cells, message, f"{printed} do not meet", severity)


def _fields(block: Block, key: Quantity) -> list[str]:
    """The columns to compare of a quantity."""
    # a numerator that is a finding of its own is compared there; so is a lone P value
    counted = "events" if block.numbers(key[0], key[2], "count") else ""
    return [f for f in _FIELDS if f != counted and (f, key[3]) != ("p", "p_value")]


def _compared(block: Block, key: Quantity, items: list[Item]) -> Iterator[Verdict]:
    for field in _fields(block, key) if len(items) > 1 else ():
        here = [item for item in items if getattr(item.finding, field).is_number]
        verdict = _compare(_distinct(here, field), field) if len(here) > 1 else None
        if verdict is not None:
            yield verdict


def _text_against_table(block: Block) -> Iterator[Verdict]:
    for key, items in block.quantities.items():
        found = list(_compared(block, key, items))
        yield from found
        if found:
            continue
        for item, field in product(items, _FIELDS):
            if getattr(item.finding, field).is_number and field in _fields(block, key):
                lacking = "a second place"
                yield not_evaluated("text-against-table", lacking, [item.cell(field)])
                break


def _rounded_two_ways(block: Block) -> Iterator[Verdict]:
    rule = "rounded-two-ways"
    for key, items in block.quantities.items():
        for verdict in _compared(block, key, items):
            if verdict.outcome is Outcome.PASSED:
                yield _rounded(rule, verdict.cells)


def _rounded(rule: str, cells: tuple[Cell, ...]) -> Verdict:
    reads = [read(cell) for cell in cells]
    ends = {read.high for read in reads} & {read.low for read in reads} - {None}
    if not ends or any(read.low == read.high for read in reads):
        return passed(rule, cells)
    printed = " and ".join(dict.fromkeys(cell.printed for cell in cells))
    half = float(next(end for end in ends if end is not None))
    message = f"{printed} are one number only if it is {half:g}, rounded up once and down once"
    return fired(rule, cells, message, f"{half:g}", Severity.SUSPECT)


def _near_synonymous_endpoints(block: Block) -> Iterator[Verdict]:
    rule = "near-synonymous-endpoints"
    alike: dict[tuple[str, str, str, Decimal | None], dict[str, list[Item]]] = {}
    for item in block.items:
        cohort, comparator, name, statistic, months = quantity(item)
        name, timed = name.casefold(), statistic in ("survival", "median", "mean")
        if timed and _NEAR_SYNONYMS.fullmatch(name) and item.value.is_number:
            named = alike.setdefault((cohort, comparator, statistic, months), {})
            named.setdefault(name, []).append(item)
    for named in alike.values():
        pairs = [
            pair
            for one, other in combinations(named.values(), 2)
            for pair in product(one, other)
            # a place that prints both tells them apart
            if all(_elsewhere(*both) for both in product(one, other))
        ]
        if not pairs:
            item = next(iter(named.values()))[0]
            yield not_evaluated(rule, "a like endpoint in another place", [item.cell()])
        for one, other in pairs:
            cells, computed = [one.cell(), other.cell()], f"{one.value} and {other.value}"
            if Range.of(one.value).meets(Range.of(other.value)):
                yield passed(rule, cells, computed)
                continue
            message = (
                f"{_what(one)} is {one.value} in {_where(one)}, "
                f"{_what(other)} is {other.value} in {_where(other)}; "
                "the two names may mean one endpoint"
            )
            yield fired(rule, cells, message, computed, Severity.SUSPECT)


def _gaps(block: Block) -> Iterator[tuple[Item, list[Item]]]:
    """Every missing cell of a table, and the numbers printed for it in other places."""
    for items in block.quantities.values():
        for gap in items:
            no_number = gap.value.is_missing and not gap.finding.low.is_number
            if no_number and gap.finding.source.column:
                yield gap, [i for i in items if i.value.is_number and _elsewhere(gap, i)]


def _missing_in_table(block: Block) -> Iterator[Verdict]:
    rule = "missing-in-table"
    for gap, others in _gaps(block):
        if not others:
            yield not_evaluated(rule, "the value in another place", [gap.cell()])
            continue
        shown, other = gap.value.printed or "blank", others[0]
        # not reported may be an omission; not reached says that there is no such number
        contrary = gap.value.kind is Kind.NOT_REACHED
        severity = Severity.SUSPECT if contrary else Severity.INFO
        cells = [gap.cell(), *(item.cell() for item in others)]
        message = f"{_what(gap)}: {_where(gap)} is {shown}, {_where(other)} prints {other.value}"
        yield fired(rule, cells, message, f"{shown} beside {other.value}", severity)


def _neighbours(block: Block, gap: Item) -> list[Item]:
    """The numbers in the cells to the left and to the right in the same row of a table."""
    here = gap.finding.source
    columns: dict[str, list[Item]] = {}
    for item in block.items:
        source = item.finding.source
        if source.column and source.is_beside(here) and source.row == here.row:
            columns.setdefault(source.column, []).append(item)
    order = list(columns)
    at = order.index(here.column)
    beside = order[max(at - 1, 0) : at] + order[at + 1 : at + 2]
    return [item for name in beside for item in columns[name] if item.value.is_number]


def _value_in_neighbouring_cell(block: Block) -> Iterator[Verdict]:
    rule = "value-in-neighbouring-cell"
    same = block.quantities

    def confirmed(cell: Item) -> bool:
        """Tell whether another place prints its number under its own heading."""
        there = [i for i in same[quantity(cell)] if i.value.is_number and _elsewhere(cell, i)]
        return any(read(i.cell()).meets(read(cell.cell())) for i in there)

    for gap, others in _gaps(block):
        if not others:
            yield not_evaluated(rule, "the value in another place", [gap.cell()])
            continue
        found = [
            (other, beside)
            for other, beside in product(others, _neighbours(block, gap))
            if Range.of(other.value).meets(Range.of(beside.value)) and not confirmed(beside)
        ]
        if not found:
            yield passed(rule, [gap.cell(), others[0].cell()])
        for other, beside in found:
            message = (
                f"{_what(gap)} is {gap.value.printed or 'blank'} in {_where(gap)} and "
                f"{other.value} in {_where(other)}; the cell beside it prints "
                f"{beside.value} as {_what(beside)}"
            )
            cells = [gap.cell(), other.cell(), beside.cell()]
            computed = f"{other.value} and {beside.value} can be one number"
            yield fired(rule, cells, message, computed, Severity.SUSPECT)


RULES: tuple[Rule, ...] = (
    Rule(
        "text-against-table",
        _FAMILY,
        "What two places print about one thing has a value in common.",
        Class.SOUND,
        Severity.ERROR,
        "a number with the same cohort, comparator, endpoint, statistic and months in two places",
        "keys read rightly; P values, figures, other bases, one place twice: a suspect only",
        _ONE_THING,
        study=_text_against_table,
    ),
    Rule(
        "rounded-two-ways",
        _FAMILY,
        "Two places round one number the same way.",
        Class.PLAUSIBILITY,
        Severity.SUSPECT,
        "a number with the same keys in two places",
        "an exact half is rare",
        "",
        study=_rounded_two_ways,
    ),
    Rule(
        "near-synonymous-endpoints",
        _FAMILY,
        "Disease-free, recurrence-free and progression-free times in two places agree.",
        Class.PLAUSIBILITY,
        Severity.SUSPECT,
        "the same statistic of two such endpoints in two places",
        "the two names mean one endpoint",
        "",
        study=_near_synonymous_endpoints,
    ),
    Rule(
        "missing-in-table",
        _FAMILY,
        "A table has no gap where another place prints the number.",
        Class.PLAUSIBILITY,
        Severity.SUSPECT,
        "a missing cell of a table and a number for it in another place",
        "",
        _ONE_THING,
        study=_missing_in_table,
    ),
    Rule(
        "value-in-neighbouring-cell",
        _FAMILY,
        "A number the text prints for a gap of a table does not stand in the cell beside it.",
        Class.PLAUSIBILITY,
        Severity.SUSPECT,
        "a missing cell of a table and a number for it in another place",
        "",
        "copying slips to the neighbouring cell",
        study=_value_in_neighbouring_cell,
    ),
)
