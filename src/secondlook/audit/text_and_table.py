"""Text against table: what is printed in two places about the same thing.

Findings are matched on every key (cohort, comparator, endpoint, statistic, months), never on their
numbers. A finding stands in a table when its source names a column.

A range statement is a finding of the review itself. The rows it speaks of are the cohorts of other
studies that its own cohort overlaps, which a series of series does by definition; a value the text
sets apart from the range is a finding of a cohort within that cohort.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import combinations, product

from secondlook.audit.arithmetic import Range
from secondlook.audit.block import Block, Item, Whole
from secondlook.audit.rule import Class, Rule, fired, not_evaluated, passed
from secondlook.audit.verdict import Cell, Outcome, Severity, Verdict
from secondlook.evidence import ENTIRE, Kind, Source

__all__ = ["RULES"]

_FAMILY = "text against table"
_ONE_THING = "one quantity has one value"

_FIELDS = ("value", "low", "high", "events", "p")
_EXACT = ("count", "count_range", "at_risk", "period", "citation_span")
_NEAR_SYNONYMS = re.compile(
    r"[drpe]fs|[dr]fi|(disease|recurrence|relapse|progression|event)[- ]free (survival|interval)"
)

# cohort, comparator, endpoint, statistic, months
Key = tuple[str, str, str, str, Decimal | None]


def _key(item: Item) -> Key:
    f = item.finding
    return f.cohort, f.comparator, f.endpoint, f.statistic, f.months


def _same_key(block: Block) -> dict[Key, list[Item]]:
    found: dict[Key, list[Item]] = {}
    for item in block.items:
        found.setdefault(_key(item), []).append(item)
    return found


def _elsewhere(item: Item, other: Item) -> bool:
    return not item.finding.source.is_beside(other.finding.source)


def _read(cell: Cell) -> Range:
    exact = cell.field == "events" or cell.statistic in _EXACT
    return Range.count(cell.reported) if exact else Range.of(cell.reported)


def _heading(item: Item) -> tuple[str, str]:
    return item.finding.source.place, item.finding.source.column


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
    apart = [p for p in pairs if not _read(p[0].cell(field)).meets(_read(p[1].cell(field)))]
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


def _text_against_table(block: Block) -> Iterator[Verdict]:
    for key, items in _same_key(block).items():
        # a numerator that is a finding of its own is compared there; so is a lone P value
        counted = "events" if block.numbers(key[0], key[2], "count") else ""
        fields = [f for f in _FIELDS if f != counted and (f, key[3]) != ("p", "p_value")]
        printed = {f: [i for i in items if getattr(i.finding, f).is_number] for f in fields}
        found = [_compare(_distinct(h, f), f) for f, h in printed.items() if len(h) > 1]
        yield from (verdict for verdict in found if verdict is not None)
        alone = [i.cell(field) for field, here in printed.items() for i in here[:1]]
        if alone and not any(found):
            yield not_evaluated("text-against-table", "a second place", alone[:1])


def _rounded_two_ways(block: Block) -> Iterator[Verdict]:
    rule = "rounded-two-ways"
    for verdict in _text_against_table(block):
        if verdict.outcome is not Outcome.PASSED:
            continue
        reads = [_read(cell) for cell in verdict.cells]
        ends = {read.high for read in reads} & {read.low for read in reads} - {None}
        if not ends or any(read.low == read.high for read in reads):
            yield passed(rule, verdict.cells)
            continue
        printed = " and ".join(dict.fromkeys(cell.printed for cell in verdict.cells))
        half = float(next(end for end in ends if end is not None))
        message = f"{printed} are one number only if it is {half:g}, rounded up once and down once"
        yield fired(rule, verdict.cells, message, f"{half:g}", Severity.SUSPECT)


def _near_synonymous_endpoints(block: Block) -> Iterator[Verdict]:
    rule = "near-synonymous-endpoints"
    alike: dict[tuple[str, str, str, Decimal | None], dict[str, list[Item]]] = {}
    for item in block.items:
        cohort, comparator, name, statistic, months = _key(item)
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
    for items in _same_key(block).values():
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
    same = _same_key(block)

    def confirmed(cell: Item) -> bool:
        """Tell whether another place prints its number under its own heading."""
        there = [i for i in same[_key(cell)] if i.value.is_number and _elsewhere(cell, i)]
        return any(_read(i.cell()).meets(_read(cell.cell())) for i in there)

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


def _range_statements(review: Whole) -> Iterator[Verdict]:
    overlaps = {(c.study, c.key): c.overlaps for c in review.evidence.cohorts}
    within: dict[tuple[str, str], list[str]] = {}
    for cohort in review.evidence.cohorts:
        within.setdefault((cohort.study, cohort.subset_of), []).append(cohort.key)
    printed: dict[tuple[str, str, str], list[Item]] = {}
    for item in review.items:
        f = item.finding
        printed.setdefault((f.source.document, f.study, f.cohort), []).append(item)
    for item in review.items:
        f = item.finding
        if f.statistic.endswith("_range"):
            named = [name.partition("/") for name in overlaps.get((f.study, f.cohort), ())]
            others = [(study, key or ENTIRE) for study, _, key in named if study != f.study]
            inside = [(f.study, key) for key in within.get((f.study, f.cohort), [])]
            rows, apart = (
                [found for key in keys for found in printed.get((f.source.document, *key), [])]
                for keys in (others, inside)
            )
            yield from _range_statement(item, rows, apart)


def _range_statement(item: Item, rows: list[Item], apart: list[Item]) -> Iterator[Verdict]:
    rule, statistic = "range-statement", item.finding.statistic.removesuffix("_range")
    base = ("", item.finding.endpoint, statistic, item.months)
    column = [row for row in rows if _key(row)[1:] == base and row.finding.source.column]
    taken, headings = {row.index for row in column}, {_heading(row) for row in column}
    others = [r for r in rows if r.index not in taken and r.value.is_number]
    # what stands under the heading but is something else, or is of a row but outside the table
    doubtful = [r.cell() for r in others if _key(r)[1:] == base or _heading(r) in headings]
    unsaid = any(r.value.is_missing and r.value.kind is not Kind.NOT_REPORTED for r in column)
    numbers = [row.cell() for row in column if row.value.is_number]
    for other in (a for a in apart if _key(a)[1:] == base and a.value.is_number):
        there = [cell for cell in numbers if _read(cell).meets(_read(other.cell()))]
        numbers = [cell for cell in numbers if cell not in there]
        if there:
            yield passed(rule, [other.cell(), *there])
            continue
        soft = unsaid or any(_read(cell).meets(_read(other.cell())) for cell in doubtful)
        severity = Severity.SUSPECT if soft else Severity.ERROR
        message = f"{other.value} is set apart from the range, and no row of the table prints it"
        yield fired(rule, [other.cell()], message, f"rows that print {other.value}: 0", severity)
    if not numbers:
        yield not_evaluated(rule, "the rows it speaks of", [item.cell("low"), item.cell("high")])
        return
    for field in ("low", "high"):
        end = item.cell(field)
        if end.reported.is_number:
            yield _end(end, numbers, doubtful, unsaid=unsaid)
        else:
            yield not_evaluated(rule, f"its {field} end", [end])


def _end(end: Cell, numbers: list[Cell], doubtful: list[Cell], *, unsaid: bool) -> Verdict:
    """Compare one end with the rows: none lies beyond it, and one reaches it."""
    rule, low = "range-statement", end.field == "low"
    limit = _read(end)
    edge = (min if low else max)(numbers, key=lambda cell: cell.reported.value or 0)
    computed = f"the {'smallest' if low else 'largest'} in the rows is {edge.printed}"
    pairs = [(_read(cell), limit) if low else (limit, _read(cell)) for cell in numbers]
    beyond = [cell for cell, (a, b) in zip(numbers, pairs, strict=True) if a.is_below(b)]
    if beyond:
        rows = "; ".join(f"{cell.printed} ({cell.source.row or cell.study})" for cell in beyond)
        message = f"the range ends at {end.printed}, and beyond it lies {rows}"
        return fired(rule, [end, *beyond], message, computed, Severity.ERROR)
    if any(_read(cell).meets(limit) for cell in numbers):
        return passed(rule, [end, edge], computed)
    soft = unsaid or any(_read(cell).meets(limit) for cell in doubtful)
    message = f"the range ends at {end.printed}, which no row reaches: {computed}"
    severity = Severity.SUSPECT if soft else Severity.ERROR
    return fired(rule, [end, edge], message, computed, severity)


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
    Rule(
        "range-statement",
        _FAMILY,
        "A printed range ends at the smallest and the largest number of the column it speaks of.",
        Class.SOUND,
        Severity.ERROR,
        "the range, the cohorts it ranges over (as overlaps of its cohort) and their table",
        "it ranges over these rows; a blank or footnoted cell that may be its end: suspect only",
        "definition of a range",
        review=_range_statements,
    ),
)
