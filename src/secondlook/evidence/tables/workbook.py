"""Tables in spreadsheet workbooks (XLSX): one table for each sheet, every cell as it is shown.

A cell merged over several rows or columns stands in all of them. Marks set as superscripts are
separated by a space, since ``46`` with a raised ``1`` would otherwise be read as 461.
"""

from __future__ import annotations

import datetime
import io
import warnings
import zipfile
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from secondlook.errors import EvidenceError, Problem
from secondlook.evidence.tables.grid import Grid
from secondlook.evidence.tables.layout import Cell, Row, arrange, check_size
from secondlook.evidence.tables.number_format import print_number

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

__all__ = ["read_workbook"]

_LARGEST_BYTES = 500_000_000
_LAST_COLUMN, _LAST_ROW = 16_384, 1_048_576


def read_workbook(data: bytes, file: str) -> tuple[Grid, ...]:
    """Read every sheet that holds any text.

    Raises
    ------
    EvidenceError
        When the bytes are no workbook, or with every cell whose shown text cannot be known.
    """
    shown = _load(data, file, data_only=True)
    typed = _load(data, file, data_only=False)
    problems: list[Problem] = []
    grids = []
    for sheet, formulas in zip(shown.worksheets, typed.worksheets, strict=True):
        check_size(sheet.max_row, sheet.max_column, f"{file}, {sheet.title}")
        rows, found = _rows(sheet, formulas, f"{file}, {sheet.title}")
        problems.extend(found)
        grids.append(arrange(rows, file=file, name=sheet.title))
    if problems:
        raise EvidenceError(problems)
    return tuple(grid for grid in grids if grid.header)


def _load(data: bytes, file: str, *, data_only: bool) -> Any:
    import openpyxl

    remedy = "open it in a spreadsheet program and save it as .xlsx or CSV UTF-8"
    try:
        _check_archive(data, file)
        with warnings.catch_warnings():
            # it warns of charts and validation rules it cannot keep, which no reader of cells needs
            warnings.simplefilter("ignore", UserWarning)
            return openpyxl.load_workbook(io.BytesIO(data), data_only=data_only, rich_text=True)
    except EvidenceError:
        raise
    # a damaged workbook surfaces as whatever its first damaged part happens to raise
    except Exception as error:
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        rule = f"cannot be read as a workbook ({reason})"
        raise EvidenceError(Problem(file, None, rule, remedy)) from error


def _check_archive(data: bytes, file: str) -> None:
    """Refuse what no spreadsheet program writes, before it is unpacked."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        names = {member.filename for member in members}
        if sum(member.file_size for member in members) > _LARGEST_BYTES:
            rule = "is too large when unpacked to be a workbook of tables"
            raise EvidenceError(Problem(file, None, rule, "keep only the sheets with tables"))
        merged = 0
        for member in members:
            part = archive.read(member)
            plain = part.replace(b"\0", b"")  # as UTF-16 has them
            merges = b"mergeCell" in plain
            # the format forbids document types (ECMA-376 part 2); they can define entities
            is_xml = merges or member.filename.endswith((".xml", ".rels"))
            if is_xml and b"<!DOCTYPE" in plain:
                rule = f"defines a document type in {member.filename}, which no workbook does"
                remedy = (
                    "open it in a spreadsheet program and save it again, or ask for a clean one"
                )
                raise EvidenceError(Problem(file, None, rule, remedy))
            merged += _merged_cells(part) if merges else 0
            # each cell of a merged area takes memory, however few bytes name the area
            check_size(merged, 1, f"{file}, merged cells")
            folder, _, name = member.filename.rpartition("/")
            if folder == "xl/chartsheets" and f"{folder}/_rels/{name}.rels" not in names:
                rule = f"holds a chart sheet without a chart ({name})"
                raise EvidenceError(Problem(file, None, rule, "delete that sheet and save it"))


def _merged_cells(part: bytes) -> int:
    """How many cells the merged areas of a sheet cover."""
    from openpyxl.utils import range_boundaries

    total = 0

    def add(name: str, attributes: dict[str, str]) -> None:
        nonlocal total
        if name.rpartition(" ")[2] == "mergeCell":
            left, top, right, bottom = range_boundaries(attributes["ref"])
            columns = (right or _LAST_COLUMN) - (left or 1)
            rows = (bottom or _LAST_ROW) - (top or 1)
            total += (abs(columns) + 1) * (abs(rows) + 1)

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = add
    parser.Parse(part, True)
    return total


def _rows(sheet: Worksheet, formulas: Worksheet, where: str) -> tuple[list[Row], list[Problem]]:
    texts: dict[tuple[int, int], str] = {}
    problems: list[Problem] = []
    for row_number, row in enumerate(sheet.iter_rows(), start=1):
        for column, cell in enumerate(row, start=1):
            here = f"{where}, cell {cell.coordinate}"
            place = (row_number, column)
            text, problem = _shown(cell, formulas.cell(*place), here)
            if problem:
                problems.append(problem)
            if text:
                texts[place] = text
    height = max((place[0] for place in texts), default=0)
    width = max((place[1] for place in texts), default=0)
    origin: dict[tuple[int, int], tuple[int, int]] = {}
    for area in sheet.merged_cells.ranges:
        for row_number in range(area.min_row, min(area.max_row, height) + 1):
            for column in range(area.min_col, min(area.max_col, width) + 1):
                origin[row_number, column] = (area.min_row, area.min_col)
    rows = []
    apart = False
    for number in range(1, height + 1):
        places = [origin.get((number, column), (number, column)) for column in range(1, width + 1)]
        cells = tuple(Cell(texts.get(place, ""), place) for place in places)
        rows.append(Row(number, cells, apart))
        apart = not any(cell.text.strip() for cell in cells)
    return rows, problems


def _shown(cell: Any, formula: Any, here: str) -> tuple[str, Problem | None]:
    value = cell.value
    if value is None:
        if formula.data_type != "f":
            return "", None
        rule = "is a formula without a stored result"
        remedy = "open the workbook, save it again, or replace the formula by its value"
        return "", Problem(here, str(formula.value), rule, remedy)
    if isinstance(value, bool):
        return str(value).upper(), None
    if isinstance(value, int | float):
        text = print_number(value, cell.number_format)
        if text is not None:
            return text, None
        rule = "is a number that cannot be shown here as its cell shows it"
        remedy = "format the cell as text and type what the document prints"
        return "", Problem(here, f"{value} ({cell.number_format})", rule, remedy)
    if isinstance(value, datetime.datetime):
        day_only = value.time() == datetime.time()
        return (value.date() if day_only else value).isoformat(*([] if day_only else [" "])), None
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat(), None
    return _text(value), None


def _text(value: Any) -> str:
    from openpyxl.cell.rich_text import CellRichText, TextBlock

    if not isinstance(value, CellRichText):
        return str(value)
    text = ""
    was_raised = False
    for run in value:
        is_raised = isinstance(run, TextBlock) and run.font.vertAlign is not None
        if is_raised != was_raised and text and not text[-1].isspace():
            text += " "
        text += str(run)
        was_raised = is_raised
    return text
