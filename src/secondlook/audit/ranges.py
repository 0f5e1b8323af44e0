"""Ranges in the text against the rows of a table they speak of.

A range statement is a finding of the review itself. The rows it speaks of are the cohorts of other
studies that its own cohort overlaps, which a series of series does by definition; a value the text
sets apart from the range is a finding of a cohort within that cohort.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from secondlook.audit.block import Item, Whole
from secondlook.audit.rule import Class, Rule, fired, not_evaluated, passed
from secondlook.audit.text_and_table import quantity, read
from secondlook.audit.verdict import Cell, Severity, Verdict
from secondlook.evidence import ENTIRE, Kind

__all__ = ["RULES"]


def _heading(item: Item) -> tuple[str, str]:
    return item.finding.source.place, item.finding.source.column


def _range_statements(review: Whole) -> Iterator[Verdict]:
    for item in review.items:
        f = item.finding
        if not f.statistic.endswith("_range"):
            continue
        named = [
            name.partition("/")
            for cohort in review.cohorts(f.study)
            if cohort.key == f.cohort
            for name in cohort.overlaps
        ]
        inside = [cohort.key for cohort in review.cohorts(f.study) if cohort.subset_of == f.cohort]
        others = [(study, key or ENTIRE) for study, _, key in named if study != f.study]
        rows = _rows(review, item, others)
        yield from _range_statement(item, rows, _rows(review, item, [(f.study, k) for k in inside]))


def _base(item: Item) -> tuple[str, str, str, Decimal | None]:
    """What the rows of a range are of."""
    f = item.finding
    return "", f.endpoint, f.statistic.removesuffix("_range"), f.months


def _rows(review: Whole, item: Item, cohorts: list[tuple[str, str]]) -> list[Item]:
    """What the document prints of the quantity of a range, or under a heading of it."""
    document, base = item.finding.source.document, _base(item)

    def printed() -> Iterator[tuple[Item, bool]]:
        for study, cohort in cohorts:
            for row in review.of(study):
                f = row.finding
                if f.cohort == cohort and f.source.document == document:
                    yield row, quantity(row)[1:] == base

    headings = {_heading(row) for row, is_of in printed() if is_of and row.finding.source.column}
    return [row for row, is_of in printed() if is_of or _heading(row) in headings]


def _range_statement(item: Item, rows: list[Item], apart: list[Item]) -> Iterator[Verdict]:
    rule, base = "range-statement", _base(item)
    column = [row for row in rows if quantity(row)[1:] == base and row.finding.source.column]
    taken, headings = {row.index for row in column}, {_heading(row) for row in column}
    others = [r for r in rows if r.index not in taken and r.value.is_number]
    # what stands under the heading but is something else, or is of a row but outside the table
    doubtful = [r.cell() for r in others if quantity(r)[1:] == base or _heading(r) in headings]
    unsaid = any(r.value.is_missing and r.value.kind is not Kind.NOT_REPORTED for r in column)
    numbers = [row.cell() for row in column if row.value.is_number]
    for other in (a for a in apart if quantity(a)[1:] == base and a.value.is_number):
        there = [cell for cell in numbers if read(cell).meets(read(other.cell()))]
        numbers = [cell for cell in numbers if cell not in there]
        if there:
            yield passed(rule, [other.cell(), *there])
            continue
        soft = unsaid or any(read(cell).meets(read(other.cell())) for cell in doubtful)
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
    limit = read(end)
    edge = (min if low else max)(numbers, key=lambda cell: cell.reported.value or 0)
    computed = f"the {'smallest' if low else 'largest'} in the rows is {edge.printed}"
    pairs = [(read(cell), limit) if low else (limit, read(cell)) for cell in numbers]
    beyond = [cell for cell, (a, b) in zip(numbers, pairs, strict=True) if a.is_below(b)]
    if beyond:
        rows = "; ".join(f"{cell.printed} ({cell.source.row or cell.study})" for cell in beyond)
        message = f"the range ends at {end.printed}, and beyond it lies {rows}"
        return fired(rule, [end, *beyond], message, computed, Severity.ERROR)
    if any(read(cell).meets(limit) for cell in numbers):
        return passed(rule, [end, edge], computed)
    soft = unsaid or any(read(cell).meets(limit) for cell in doubtful)
    message = f"the range ends at {end.printed}, which no row reaches: {computed}"
    severity = Severity.SUSPECT if soft else Severity.ERROR
    return fired(rule, [end, edge], message, computed, severity)


RULES: tuple[Rule, ...] = (
    Rule(
        "range-statement",
        "text against table",
        "A printed range ends at the smallest and the largest number of the column it speaks of.",
        Class.SOUND,
        Severity.ERROR,
        "the range, the cohorts it ranges over (as overlaps of its cohort) and their table",
        "it ranges over these rows; a blank or footnoted cell that may be its end: suspect only",
        "definition of a range",
        review=_range_statements,
    ),
)
