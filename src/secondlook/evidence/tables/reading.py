"""Read the tables of a file, whatever kind of file people keep tables in."""

from __future__ import annotations

import re
from pathlib import Path

from secondlook.errors import EvidenceError, Problem
from secondlook.evidence.delimited import DelimitedRow, decode, read_bytes, read_delimited
from secondlook.evidence.tables.grid import Grid
from secondlook.evidence.tables.layout import Cell, Row, arrange, check_size
from secondlook.evidence.tables.markup import read_html, read_jats
from secondlook.evidence.tables.workbook import read_workbook

__all__ = ["read_tables"]

_TEXT_ENDINGS = (".csv", ".tsv", ".tab", ".txt")
_FOREIGN = {
    b"%PDF": ("is a PDF", "copy the table into a spreadsheet, check it against the page, save it"),
    b"\xd0\xcf\x11\xe0": (
        "is an old Excel or Word file, or one with a password",
        "open it and save it as .xlsx without a password, or as CSV UTF-8",
    ),
}
_MARKUP = re.compile(r"\s*<[!?A-Za-z]")


def read_tables(path: Path) -> tuple[Grid, ...]:
    r"""Read every table of a CSV, TSV, XLSX, HTML or JATS XML file.

    The content decides which it is (a page saved as ``.xls`` is read as the page it is). Every
    cell comes through as it is printed: nothing is turned into a number, nothing is left out.

    Parameters
    ----------
    path
        The file. Nothing else is opened, and nothing is fetched from a network.

    Returns
    -------
    tuple of Grid
        In the order of the file: one for delimited text, one for each sheet of a workbook that
        holds text, one for each table of a page or article (the innermost, where tables hold
        tables). A table that an article prints as an image is there without rows.

    Raises
    ------
    EvidenceError
        When the file cannot be read, is of another kind or damaged, holds no table with at least
        one row below its headings, or (delimited text) has rows with more cells than there are
        headings; each a line with a remedy.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "table1.csv"
    ...     _ = path.write_text('Authors,No. of patients\nKhan et al.,"16,023"\n')
    ...     read_tables(path)[0].rows
    (('Khan et al.', '16,023'),)
    """
    data = read_bytes(path)
    for signature, (rule, remedy) in _FOREIGN.items():
        if data.startswith(signature):
            raise EvidenceError(Problem(path.name, None, rule, remedy))
    if data.startswith(b"PK\x03\x04"):
        grids = read_workbook(data, path.name)
    else:
        text = decode(data, path.name)
        if path.suffix.casefold() in _TEXT_ENDINGS or not _MARKUP.match(text):
            grids = (_delimited(path),)
        elif re.search(r"<(?:\w+:)?table-wrap\b", text):
            grids = read_jats(data, path.name)
        else:
            grids = read_html(data, path.name)
    if not any(grid.rows for grid in grids):
        rule = "holds no table with a row below its headings"
        remedy = "save the table alone as CSV UTF-8, headings in its first row"
        raise EvidenceError(Problem(path.name, None, rule, remedy))
    return grids


def _delimited(path: Path) -> Grid:
    records = read_delimited(path)
    check_size(len(records), max((len(row.cells) for row in records), default=0), path.name)
    rows = []
    end = 1
    for record in records:
        cells = tuple(Cell(text, (record.number, i)) for i, text in enumerate(record.cells))
        rows.append(Row(record.number, cells, record.number > end or len(cells) == 1))
        end = record.number + 1
    grid = arrange(rows, file=path.name)
    if len(grid.header) == 1 and grid.rows:
        rule = "is the only column"
        remedy = "separate the cells by commas, semicolons or tabs, headings in the first row"
        raise EvidenceError(Problem(path.name, grid.header[0], rule, remedy))
    problems = _long_rows(records, grid)
    if problems:
        raise EvidenceError(problems)
    return grid


def _long_rows(records: tuple[DelimitedRow, ...], grid: Grid) -> list[Problem]:
    """Rows that reach beyond the headings: their cells have probably moved to the right."""
    body = set(grid.lines)
    first = min(body, default=0)
    width = max((len(row.cells) for row in records if row.number < first), default=0)
    return [
        Problem(
            f"{grid.file}, row {row.number}",
            ", ".join(row.cells[width:]),
            f"stands beyond the last heading ({len(row.cells)} cells, {width} headings)",
            "put quotation marks around a cell that holds the separator",
        )
        for row in records
        if row.number in body and any(cell.strip() for cell in row.cells[width:])
    ]
