"""From a table and its column map to findings, with everything that did not fit.

Every cell of every row is accounted for: it is in a finding, it is the label of its row, it is
left out because the map says so, or it is in a problem that names its row and column.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from secondlook.errors import Problem
from secondlook.evidence.records import ENTIRE, Finding, Source
from secondlook.evidence.reported import Reported
from secondlook.evidence.tables.column_map import NUMBERS, Column, ColumnMap, joined
from secondlook.evidence.tables.grid import Grid, fold

__all__ = ["findings"]

_SIC = "[sic]"


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose row it is, and the name of the row for a source."""

    study: str
    cohort: str
    name: str


@dataclass(frozen=True, slots=True)
class _Statement:
    """One finding of a cell before footnotes: what is said, its numbers, and its marks."""

    column: Column
    meaning: dict[str, Any]
    numbers: dict[str, str]
    marks: tuple[str, ...]
    cell: str


def findings(grid: Grid, column_map: ColumnMap) -> tuple[tuple[Finding, ...], tuple[Problem, ...]]:
    """Read the findings that a column map sees in a table.

    A cell that holds a word for a missing number, or nothing, is a finding all the same: one for
    each thing the first pattern of its column would have said. A row without a label goes on about
    the study above it. A number that the table prints as one cell over several rows or columns
    is a problem, since nothing in the file says which of them it is true of; a study or cohort
    label merged in the same way belongs to all of them.

    Parameters
    ----------
    grid
        The table.
    column_map
        What its columns mean.

    Returns
    -------
    findings : tuple of Finding
        Row by row, with the source of each: document and place from the map, row and column as
        headed, the whole cell as printed. Of rows with the same label the second is named with
        ``(2)`` behind it, and so on; the label of an arm follows that of the study.
    problems : tuple of Problem
        What is in the table and in no finding, and why. Do not pool before it is empty.

    Examples
    --------
    >>> grid = Grid("t.csv", "", "", ("Authors", "5-year (%)"), (("Pocard", "46 a"),), (2,))
    >>> said = {"heading": "5-year (%)", "endpoint": "OS", "statistic": "survival", "months": 60}
    >>> column_map = ColumnMap(
    ...     document="review", place="Table 1", study="Authors", studies={"Pocard": "pocard2001"},
    ...     columns=[Column(**said)], footnotes={"a": {"months": 48}},
    ... )
    >>> found, problems = findings(grid, column_map)
    >>> found[0].value.printed, found[0].months, problems
    ('46 a', Decimal('48'), ())
    """
    places = {fold(heading): index for index, heading in enumerate(grid.header)}
    problems = list(_heading_problems(grid, column_map, places))
    label_columns = [column_map.study, *([column_map.cohort] if column_map.cohort else [])]
    if any(fold(heading) not in places for heading in label_columns):
        return (), tuple(problems)
    found: list[Finding] = []
    taken: dict[tuple[Any, ...], str] = {}
    for row, owner in _owners(grid, column_map, places, problems):
        statements = list(_statements(grid, row, column_map, places, problems))
        of_row: dict[str, Any] = {}
        for mark in (mark for statement in statements for mark in statement.marks):
            footnote = column_map.footnotes.get(mark)
            if footnote is not None and footnote.row:
                of_row = joined(of_row, footnote.said())
        for statement in statements:
            finding = _finding(statement, owner, of_row, column_map)
            where = grid.where(row, statement.column.heading)
            first = taken.setdefault(_identity(finding), where)
            if first is not where:
                rule = f"says the same thing about the same patients as {first}"
                remedy = "give one of the two another cohort, or ignore one"
                problems.append(Problem(where, statement.cell, rule, remedy))
                continue
            found.append(finding)
    return tuple(found), tuple(problems)


def _heading_problems(
    grid: Grid, column_map: ColumnMap, places: dict[str, int]
) -> Iterator[Problem]:
    for heading in dict.fromkeys(column_map.headings):
        if heading not in places:
            rule = "is in the column map and is no heading of the table"
            yield Problem(grid.where(), heading, rule, _suggestion(heading, grid.header))
    for heading in grid.header:
        if fold(heading) not in column_map.headings:
            rule = "is a heading that the column map does not name"
            remedy = "add it to [[columns]] or to ignore_columns"
            yield Problem(grid.where(), heading, rule, remedy)


def _suggestion(name: str, names: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    return f'write "{near[0]}"?' if near else f"write one of {'; '.join(names)}"


def _owners(
    grid: Grid, column_map: ColumnMap, places: dict[str, int], problems: list[Problem]
) -> Iterator[tuple[int, _Owner]]:
    """Each row that is to be read, and whose it is."""
    ignored = {fold(label) for label in column_map.ignore_rows}
    seen: Counter[str] = Counter()
    above = ""
    for row, cells in enumerate(grid.rows):
        label = above = cells[places[fold(column_map.study)]].strip() or above
        if label and fold(label) in ignored:
            continue
        name, cohort = label, ENTIRE
        study, problem = _key(label, column_map.studies, "studies", grid.where(row))
        if column_map.cohort and problem is None:
            arm = cells[places[fold(column_map.cohort)]].strip()
            here = grid.where(row, column_map.cohort)
            cohort, problem = _key(arm, column_map.cohorts, "cohorts", here)
            name = f"{label}: {arm}" if arm else label
        if problem is not None:
            problems.append(problem)
            continue
        seen[name] += 1
        repeated = f"{name} ({seen[name]})" if seen[name] > 1 else name
        yield row, _Owner(study, cohort, repeated)


def _key(label: str, keys: dict[str, str], section: str, where: str) -> tuple[str, Problem | None]:
    key = keys.get(fold(label), "") if keys else label
    if key:
        return key, None
    if not label:
        rule, remedy = "is empty, so the row is about nobody", "write a label in the table"
    else:
        rule = f"is no label in [{section}] of the column map"
        remedy = "add it there with its key, or add the row to ignore_rows"
    return "", Problem(where, label, rule, remedy)


def _statements(
    grid: Grid,
    row: int,
    column_map: ColumnMap,
    places: dict[str, int],
    problems: list[Problem],
) -> Iterator[_Statement]:
    for column in column_map.columns:
        place = places.get(fold(column.heading))
        if place is None:
            continue
        cell = grid.rows[row][place]
        said, broken = _read(cell, column, is_merged=(row, place) in grid.merged)
        unknown = [
            mark
            for statement in said
            for mark in statement.marks
            if mark != _SIC and mark not in column_map.footnotes
        ]
        if unknown:
            rule = f'has a mark "{unknown[0]}" that the column map does not explain'
            remedy = f'write under [footnotes] what it changes, or "{unknown[0]}" = {{}} if nothing'
            broken = (rule, remedy)
        if broken:
            problems.append(Problem(grid.where(row, column.heading), cell, *broken))
        else:
            yield from said


def _read(
    cell: str, column: Column, *, is_merged: bool
) -> tuple[list[_Statement], tuple[str, str] | None]:
    """What a cell says, or the rule it breaks and the remedy."""
    meanings = column.meanings()
    whole = Reported(cell)
    if whole.is_missing:
        first = {column.places[hole][0] for hole in column.pattern[0].holes}
        return [
            _Statement(column, meanings[index], {"value": cell}, tuple(whole.marks.split()), cell)
            for index in sorted(first)
        ], None
    if is_merged:
        remedy = "take the cells apart and write it where it is true"
        return [], ("is one cell over several rows or columns", remedy)
    readings = next(filter(None, (pattern.readings(cell) for pattern in column.pattern)), ())
    if len(readings) != 1:
        templates = " nor ".join(pattern.template for pattern in column.pattern)
        rule = f"fits {templates} in more than one way" if readings else f"does not fit {templates}"
        return [], (rule, "add a pattern for it to the column map, or mend the cell")
    reading = readings[0]
    numbers: dict[int, dict[str, str]] = {}
    for hole, number in reading.numbers:
        index, name = column.places[hole]
        numbers.setdefault(index, {})[name] = number
    return [
        _Statement(column, meanings[index], filled, _marks(filled, reading.marks), cell)
        for index, filled in numbers.items()
    ], None


def _marks(numbers: dict[str, str], behind: str) -> tuple[str, ...]:
    found = [mark for number in numbers.values() for mark in Reported(number).marks.split()]
    return tuple(dict.fromkeys([*found, *behind.split()]))


def _finding(
    statement: _Statement, owner: _Owner, of_row: dict[str, Any], column_map: ColumnMap
) -> Finding:
    said = joined(joined({"cohort": owner.cohort}, statement.meaning), of_row)
    for mark in statement.marks:
        if mark in column_map.footnotes:
            said = joined(said, column_map.footnotes[mark].said())
    said |= statement.numbers
    said |= {name: Reported(said[name]) for name in NUMBERS if name in said}
    return Finding(
        study=owner.study,
        **said,
        source=Source(
            document=column_map.document,
            place=column_map.place,
            row=owner.name,
            column=statement.column.heading,
            cell=statement.cell,
        ),
    )


def _identity(finding: Finding) -> tuple[Any, ...]:
    return (
        finding.study,
        finding.cohort,
        finding.comparator,
        finding.endpoint,
        finding.statistic,
        finding.months,
        finding.adjusted,
    )
