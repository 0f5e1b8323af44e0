"""Copies: the same number in two cells, the same numbers in two rows, the same patients twice.

None of it is an error. Which rows and authors occur more than once is found out by their hashes
first, so that nothing need be kept of those that occur once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

from secondlook.audit.block import Item, Whole
from secondlook.audit.rule import Class, Rule, fired, not_evaluated, passed
from secondlook.audit.verdict import Cell, Severity, Verdict
from secondlook.evidence import Source, Study

__all__ = ["RULES"]

_FAMILY = "plausibility"
_ALIKE = 3  # columns two rows must share, all of them equal, to be called the same
_NAMED = 4  # studies that a message names one by one

Table = tuple[str, str]
"""Document and place."""
Row = dict[str, Item]
"""The first finding of every column."""


def _repeated(keys: Iterable[object]) -> set[int]:
    """Hashes that occur more than once."""
    hashes = np.fromiter((hash(key) for key in keys), dtype=np.int64)
    found, counts = np.unique(hashes, return_counts=True)
    return set(found[counts > 1].tolist())


def _rows(whole: Whole) -> Iterator[tuple[Table, Row]]:
    """Every row of every table, study by study."""
    for study in whole.evidence.studies:
        found: dict[tuple[Table, str], Row] = {}
        for item in whole.of(study.key):
            source = item.finding.source
            if source.row and source.column:
                place = (source.document, source.place), source.row
                found.setdefault(place, {}).setdefault(source.column, item)
        yield from ((table, row) for (table, _), row in found.items())


def _duplicated_neighbours(whole: Whole) -> Iterator[Verdict]:
    rule = "duplicated-neighbours"
    order: dict[Table, dict[str, int]] = {}
    for item in whole.items:
        source = item.finding.source
        if source.row and source.column:
            columns = order.setdefault((source.document, source.place), {})
            columns.setdefault(source.column, len(columns))
    for table, row in _rows(whole):
        yield from _neighbours(rule, row, order[table])
    yield from _same_rows(rule, whole)


def _neighbours(rule: str, row: Row, order: dict[str, int]) -> Iterator[Verdict]:
    cells = sorted(row.items(), key=lambda cell: order[cell[0]])
    near = [
        (a, b)
        for (left, a), (right, b) in pairwise(cells)
        if order[right] == order[left] + 1 and a.value.is_number and b.value.is_number
    ]
    twice = [(a, b) for a, b in near if a.value.value and a.value.value == b.value.value]
    for a, b in twice:
        columns = f"{a.finding.source.column} and {b.finding.source.column}"
        message = f"{a.value} stands in both {columns}"
        yield fired(rule, [a.cell(), b.cell()], message, f"{a.value} = {b.value}", Severity.INFO)
    if near and not twice:
        yield passed(rule, [near[0][0].cell(), near[0][1].cell()])


def _numbers(row: Row) -> tuple[tuple[str, object], ...]:
    """The numbers of a row under their headings; nothing where they are too few to compare."""
    found = [(column, item.value.value) for column, item in row.items() if item.value.is_number]
    return tuple(sorted(found, key=lambda cell: cell[0])) if len(found) >= _ALIKE else ()


def _same_rows(rule: str, whole: Whole) -> Iterator[Verdict]:
    printed = ((table, _numbers(row)) for table, row in _rows(whole))
    twice = _repeated(key for key in printed if key[1])
    seen: dict[tuple[Table, tuple[tuple[str, object], ...]], list[Row]] = {}
    for table, row in _rows(whole) if twice else ():
        key = table, _numbers(row)
        if key[1] and hash(key) in twice:
            seen.setdefault(key, []).append(row)
    for (_, same), alike in seen.items():
        if len(alike) > 1:
            cells = [row[column].cell() for row in alike for column, _ in same]
            message = f"{len(alike)} rows have the same {len(same)} numbers"
            yield fired(rule, cells, message, message, Severity.INFO)


def _author(whole: Whole, study: Study) -> str:
    reference = whole.references.get(study.reference)
    return reference.first_author if reference is not None else ""


def _plain(name: str) -> str:
    return " ".join(name.replace("’", "'").casefold().split())


def _author_cell(whole: Whole, study: Study) -> Cell:
    source = Source(place="references", row=study.reference)
    return Cell(study.key, "", "", "", None, "first_author", _author(whole, study), source)


def _shared_first_authors(whole: Whole) -> Iterator[Verdict]:
    rule = "shared-first-authors"
    located = [study for study in whole.evidence.studies if study.site]
    shared = _repeated((study.site, _plain(_author(whole, study))) for study in located)
    groups: dict[tuple[str, str], list[Study]] = {}
    for study in located:
        key = study.site, _plain(_author(whole, study))
        if not key[1]:
            lacking = "the first author of the reference"
            yield not_evaluated(rule, lacking, [_author_cell(whole, study)])
        elif hash(key) in shared:
            groups.setdefault(key, []).append(study)
        else:
            yield passed(rule, [_author_cell(whole, study)])
    declared = _declared(whole) if groups else {}
    for (site, _), studies in groups.items():
        yield _of_one_author(rule, whole, site, studies, declared)


def _declared(whole: Whole) -> dict[str, set[str]]:
    """For each study those that a cohort of it, or they, are declared to overlap with."""
    found: dict[str, set[str]] = {}
    for cohort in whole.evidence.cohorts:
        for other in (name.partition("/")[0] for name in cohort.overlaps):
            found.setdefault(cohort.study, set()).add(other)
            found.setdefault(other, set()).add(cohort.study)
    return found


def _of_one_author(
    rule: str, whole: Whole, site: str, studies: list[Study], declared: dict[str, set[str]]
) -> Verdict:
    keys = {study.key for study in studies}
    free = [s for s in studies if len((declared.get(s.key, set()) | {s.key}) & keys) < len(keys)]
    if not free:
        said = "declared to overlap" if len(studies) > 1 else ""
        return passed(rule, [_author_cell(whole, study) for study in studies], said)
    names = [study.label or study.key for study in free]
    shown = f"{', '.join(names[:-1])} and {names[-1]}"
    if len(names) > _NAMED:
        shown = f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} others"
    message = f"{shown} ({site}) share a first author, and may share patients"
    computed = f"{len(free)} by {_author(whole, free[0])}"
    cells = [_author_cell(whole, study) for study in free]
    return fired(rule, cells, message, computed, Severity.INFO)


RULES = (
    Rule(
        "duplicated-neighbours",
        _FAMILY,
        "Neighbouring cells, and rows, are not copies of each other.",
        Class.PLAUSIBILITY,
        Severity.INFO,
        "rows of a table",
        "",
        "copying slips to the neighbouring cell or row",
        review=_duplicated_neighbours,
    ),
    Rule(
        "shared-first-authors",
        _FAMILY,
        "Series of one site by one first author may share patients.",
        Class.PLAUSIBILITY,
        Severity.INFO,
        "the site of a study and the first author of its reference",
        "",
        "overlap that is not declared in the cohorts",
        review=_shared_first_authors,
    ),
)
