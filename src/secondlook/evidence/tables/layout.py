"""From cells laid out in rows to a table: which rows are title, headings, body and notes.

All formats meet here. A file that marks its headings is believed. Where nothing is marked, the
first row holds the headings, and a second row does too when the first is visibly unfinished: a cell
of it reaches down or spans columns, or columns without a heading have one in the row below.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from secondlook.errors import EvidenceError, Problem
from secondlook.evidence.reported import Kind, Reported
from secondlook.evidence.tables.grid import Grid, fold

__all__ = ["LARGEST", "Cell", "Row", "arrange", "check_size"]

LARGEST = 1_000_000
"""More cells than this are no table of a document, but a mistake or an attack."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A string, and the place of the printed cell it belongs to (shared by all it spans)."""

    text: str
    origin: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Row:
    """One row, its number for messages, and whether it stands apart from the row above.

    A row stands apart when an empty line comes before it, or when it was typed without any
    separator, as people write notes below a table.
    """

    line: int
    cells: tuple[Cell, ...]
    apart: bool = False


def check_size(rows: int, columns: int, where: str) -> None:
    """Refuse a table that is too large to be one, before it is spread out in memory."""
    if rows * columns > LARGEST:
        raise EvidenceError(
            Problem(
                where,
                f"{rows} x {columns} cells",
                "is no table of a document",
                "delete the empty formatted rows and columns, or keep only the table",
            )
        )


def arrange(
    rows: Sequence[Row],
    *,
    file: str,
    name: str = "",
    caption: str = "",
    notes: Sequence[str] = (),
    headings: int = 0,
) -> Grid:
    """Make a table of rows of equal or unequal length.

    Parameters
    ----------
    rows
        In order; rows and columns without any text are left out.
    file, name, caption, notes
        What is already known of the table; titles and notes among the rows are added.
    headings
        How many of the first rows the file marks as headings; 0 when it marks none.

    Returns
    -------
    Grid
        Without rows or headings when there is no text.
    """
    marked = [index < headings for index in range(len(rows))]
    kept = [(row, mark) for row, mark in zip(_squared(rows), marked, strict=True) if _texts(row)]
    titles = _titles(kept)
    body = [row for row, _ in kept[titles:]]
    count = sum(mark for _, mark in kept[titles:]) or _heading_rows(body)
    last = _first_note(body, count)
    data = body[count:last]
    return Grid(
        file=file,
        name=name,
        caption=" ".join([caption, *(_texts(row)[0] for row, _ in kept[:titles])]).strip(),
        header=_header(body[:count]),
        rows=tuple(tuple(cell.text for cell in row.cells) for row in data),
        lines=tuple(row.line for row in data),
        notes=(*notes, *(_texts(row)[0] for row in body[last:])),
        merged=_merged(data),
    )


def _texts(row: Row) -> list[str]:
    """The text of each printed cell that has one."""
    return list({cell.origin: fold(cell.text) for cell in row.cells if cell.text.strip()}.values())


def _squared(rows: Sequence[Row]) -> list[Row]:
    """All rows of one length, without the columns that hold no text anywhere."""
    width = max((len(row.cells) for row in rows), default=0)
    used = [
        any(len(row.cells) > column and row.cells[column].text.strip() for row in rows)
        for column in range(width)
    ]
    squared = []
    for row in rows:
        padding = (Cell("", (row.line, column)) for column in range(len(row.cells), width))
        cells = (*row.cells, *padding)
        kept = tuple(cell for cell, use in zip(cells, used, strict=True) if use)
        squared.append(replace(row, cells=kept))
    return squared


def _spans_all(row: Row) -> bool:
    return len(row.cells) > 1 and len({cell.origin for cell in row.cells}) == 1


def _is_single(row: Row) -> bool:
    """Tell whether the row is a line of text: one cell over all columns, or only its first."""
    if _spans_all(row):
        return True
    first, *others = row.cells
    return bool(first.text.strip() and others) and not any(cell.text.strip() for cell in others)


def _titles(rows: Sequence[tuple[Row, bool]]) -> int:
    """How many of the first rows are lines of text above the headings."""
    count = 0
    # a marked heading row may well have a heading over its first column only
    while count < len(rows) - 1:
        row, is_marked = rows[count]
        if not (_spans_all(row) if is_marked else _is_single(row)):
            break
        count += 1
    return count


def _first_note(rows: Sequence[Row], headings: int) -> int:
    """Index of the first row of the notes that end the table."""
    first = index = len(rows)
    while index > headings and _is_single(rows[index - 1]):
        index -= 1
        if rows[index].apart or _spans_all(rows[index]):
            first = index
    return first


def _heading_rows(rows: Sequence[Row]) -> int:
    count = min(1, len(rows))
    while 0 < count < len(rows) and _is_unfinished(rows[count - 1], rows[count], count):
        count += 1
    return count


def _is_unfinished(row: Row, below: Row, count: int) -> bool:
    pairs = list(zip(row.cells, below.cells, strict=True))
    if any(upper.text.strip() and upper.origin == lower.origin for upper, lower in pairs):
        return True
    label, under_label = row.cells[0].text.strip(), below.cells[0].text.strip()
    has_numbers = any(
        cell.text.strip() and Reported(cell.text).kind is not Kind.TEXT for cell in below.cells
    )
    # the first row of the body says what it is about and holds numbers, or words for missing ones
    could_be_headings = not under_label or (not label and not has_numbers)
    if _has_spanner(row):
        return could_be_headings
    if count > 1:
        return False
    under_blanks = [lower.text.strip() for upper, lower in pairs[1:] if not upper.text.strip()]
    return could_be_headings and bool(under_blanks) and all(under_blanks)


def _has_spanner(row: Row) -> bool:
    return any(
        left.origin == right.origin and left.text.strip() for left, right in pairwise(row.cells)
    )


def _header(rows: Sequence[Row]) -> tuple[str, ...]:
    texts = [[fold(cell.text) for cell in row.cells] for row in rows]
    for upper, lower, row in zip(texts, texts[1:], rows, strict=False):
        if _has_spanner(row):
            continue
        # without merged cells, a spanner is typed once and the cells to its right stay empty
        for column in range(1, len(upper)):
            if not upper[column] and lower[column] and lower[column - 1]:
                upper[column] = upper[column - 1]
    names: list[str] = []
    for column, parts in enumerate(zip(*texts, strict=True)):
        found = list(dict.fromkeys(part for part in parts if part))
        name = ": ".join(found) or f"column {column + 1}"
        repeat = 1
        unique = name
        while unique in names:
            repeat += 1
            unique = f"{name} ({repeat})"
        names.append(unique)
    return tuple(names)


def _merged(rows: Sequence[Row]) -> frozenset[tuple[int, int]]:
    size = Counter(cell.origin for row in rows for cell in row.cells)
    return frozenset(
        (index, column)
        for index, row in enumerate(rows)
        for column, cell in enumerate(row.cells)
        if size[cell.origin] > 1 and cell.text.strip()
    )
