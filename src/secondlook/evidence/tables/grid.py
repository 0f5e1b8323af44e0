"""A table as a person sees it: headings, rows of strings, and the notes underneath."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Grid", "fold"]


@dataclass(frozen=True, slots=True)
class Grid:
    """One table of a file, every cell the string that is printed in it.

    Parameters
    ----------
    file
        Name of the file it was read from.
    name
        What tells it from the other tables of the file: a sheet (``Sheet1``), a label
        (``Table 3``), a position (``table 2``); empty for delimited text, which holds one table.
    caption
        The title above it, or empty.
    header
        One heading for each column, none of them alike. A heading that spans several others stands
        before them: ``3-year survival (%): Without surgery``. A column without any heading is
        called ``column 4``.
    rows
        The cells, each row as long as `header`; a cell that is not there is empty.
    lines
        For each row, its number in the file (delimited text), in the sheet, or in the table.
    notes
        The lines underneath: abbreviations and what the marks mean.
    merged
        Positions ``(row, column)`` of the cells that the file prints as one over several rows or
        columns. The string stands in each of them, since it belongs to all; whether a number
        does is for a person to say.

    Examples
    --------
    >>> grid = Grid("t.csv", "", "", ("Authors", "5-year survival (%)"), (("Adam", "37"),), (2,))
    >>> grid.where(0, "5-year survival (%)")
    't.csv, row 2, column 5-year survival (%)'
    """

    file: str
    name: str
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    notes: tuple[str, ...] = ()
    merged: frozenset[tuple[int, int]] = frozenset()

    def where(self, row: int | None = None, column: str = "") -> str:
        """Say where a row or cell is, as a message begins."""
        parts = [self.file, self.name]
        if row is not None:
            parts.append(f"row {self.lines[row]}")
        if column:
            parts.append(f"column {column}")
        return ", ".join(part for part in parts if part)


def fold(text: str) -> str:
    r"""Write every run of white space as one space, so that headings and labels can be compared.

    Examples
    --------
    >>> fold(" 5-year\n survival ")
    '5-year survival'
    """
    return " ".join(text.split())
