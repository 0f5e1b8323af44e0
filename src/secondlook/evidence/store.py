"""The ``evidence/`` folder: five CSV files, read whole or not at all and written back unchanged.

Each file has one row for each record and one column for each field, named alike, in any order.
A column that is missing is empty (unless no record makes sense without it), a column that is not
known is refused, since a misspelt heading would otherwise lose everything below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from secondlook.errors import EvidenceError, Problem
from secondlook.evidence.body import Evidence
from secondlook.evidence.delimited import DelimitedRow, read_delimited
from secondlook.evidence.records import PARTS, YES_NO, Source, cells, columns
from secondlook.evidence.reported import Reported
from secondlook.evidence.validation import check
from secondlook.files import replace_bytes

__all__ = ["PARTS", "columns", "read", "to_csv", "write"]

_REQUIRED = ("studies", "findings")
_SOURCE = tuple(part.name for part in fields(Source))


def read(folder: Path) -> Evidence:
    """Read and check an evidence folder.

    Parameters
    ----------
    folder
        Holds ``studies.csv`` and ``findings.csv``, and ``cohorts.csv``, ``factors.csv`` and
        ``references.csv`` where there is something to say in them.

    Raises
    ------
    EvidenceError
        With every problem of every file: nothing is read in part. Whether the records agree with
        each other is seen once every file has a header that can be read.
    """
    unreadable: list[Problem] = []
    rows: dict[str, tuple[DelimitedRow, ...]] = {}
    for part in PARTS:
        try:
            rows[part] = _rows(part, folder / f"{part}.csv")
        except EvidenceError as error:
            absent = isinstance(error.__cause__, FileNotFoundError)
            if part in _REQUIRED or not absent:
                unreadable.extend(error.problems)
    records: dict[str, tuple[Any, ...]] = {}
    problems: list[Problem] = []
    for part in rows:
        records[part], misread = _records(part, rows[part])
        problems.extend(misread)

    def where(part: str, index: int, column: str) -> str:
        return f"{part}.csv, row {rows[part][index + 1].number}, column {column}"

    evidence = Evidence(**records)
    if not unreadable:
        # what leads into an unreadable file would be called wrong; a cell is not called wrong twice
        told = {problem.where for problem in problems}
        found = check(evidence, where=where)
        problems.extend(problem for problem in found if problem.where not in told)
    if unreadable or problems:
        raise EvidenceError([*unreadable, *problems])
    return evidence


def write(evidence: Evidence, folder: Path) -> None:
    """Write an evidence folder, each file beside its place first and then renamed into it.

    Reading it again gives equal evidence; an interruption leaves each file old or new, never half.
    """
    for part in PARTS:
        replace_bytes(folder / f"{part}.csv", to_csv(evidence, part).encode())


def to_csv(evidence: Evidence, part: str) -> str:
    """Write one part of the evidence as CSV text (UTF-8, comma, one header row)."""
    rows = [columns(part), *(cells(record).values() for record in getattr(evidence, part))]
    return "".join(",".join(map(_quoted, row)) + "\n" for row in rows)


def _quoted(cell: str) -> str:
    # csv.writer may leave a lone carriage return bare, at which every reader ends the row
    return '"' + cell.replace('"', '""') + '"' if re.search(r'[",\r\n]', cell) else cell


def _rows(part: str, path: Path) -> tuple[DelimitedRow, ...]:
    """The header of a file, found to be in order, and the rows below it."""
    rows = read_delimited(path)
    if not rows:
        remedy = f"write a header row: {','.join(columns(part))}"
        raise EvidenceError(Problem(path.name, None, "is empty", remedy))
    names = [cell.strip() for cell in rows[0].cells]
    while not names[-1]:  # spreadsheets leave empty columns at the end
        names.pop()
    header = DelimitedRow(rows[0].number, tuple(names))
    problems = list(_header_problems(part, header))
    if problems:
        raise EvidenceError(problems)
    return (header, *rows[1:])


def _records(part: str, rows: tuple[DelimitedRow, ...]) -> tuple[tuple[Any, ...], list[Problem]]:
    header = rows[0].cells
    records: list[Any] = []
    problems: list[Problem] = []
    for row in rows[1:]:
        here = f"{part}.csv, row {row.number}"
        outside = row.cells[len(header) :]
        if any(cell.strip() for cell in outside):
            remedy = "put quotation marks around a cell that holds the separator"
            problems.append(Problem(here, ",".join(outside), "stands outside every column", remedy))
        short = len(header) - len(row.cells)
        record, found = _record(
            part, dict(zip(header, row.cells + ("",) * short, strict=False)), here
        )
        records.append(record)
        problems.extend(found)
    return tuple(records), problems


def _header_problems(part: str, header: DelimitedRow) -> Iterator[Problem]:
    known = columns(part)
    here = f"{part}.csv, row {header.number}"
    for index, name in enumerate(header.cells):
        if name not in known:
            remedy = f"rename or remove it; the columns are {', '.join(known)}"
            yield Problem(f"{here}, column {index + 1}", name, "is not a known column", remedy)
        elif name in header.cells[:index]:
            remedy = "remove one of the two"
            yield Problem(f"{here}, column {index + 1}", name, "is there twice", remedy)
    for entry in fields(PARTS[part]):
        needed = entry.default is MISSING and entry.default_factory is MISSING
        if needed and entry.name not in header.cells:
            yield Problem(here, None, f"lacks the column {entry.name}", "add it")


def _record(part: str, row: dict[str, str], here: str) -> tuple[Any, list[Problem]]:
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    for entry in fields(PARTS[part]):
        if entry.name == "source":
            values["source"] = _source(row)
        elif entry.name in row:
            try:
                values[entry.name] = _value(entry, row[entry.name])
            except ValueError as error:
                rule, remedy = error.args
                place = f"{here}, column {entry.name}"
                problems.append(Problem(place, row[entry.name], rule, remedy))
                values[entry.name] = None
    return PARTS[part](**values), problems


def _source(row: dict[str, str]) -> Source:
    # the document and the place are named by the transcriber, the rest stands there as printed
    said = {name: row.get(name, "") for name in _SOURCE}
    return Source(**said | {name: said[name].strip() for name in ("document", "place")})


def _value(entry: Field[Any], cell: str) -> Any:
    # annotations are strings here, since the records' module defers them
    match entry.type:
        case "Reported":
            return Reported(cell)
        case "Decimal | None":
            text = cell.strip()
            if not text:
                return None
            if not re.fullmatch(r"-?[0-9]{1,9}(\.[0-9]+)?", text):
                raise ValueError("is not a number of months", "write a number such as 60 or 7.5")
            return Decimal(text)
        case "bool | None":
            word = cell.strip().casefold()
            if word not in YES_NO:
                raise ValueError("is neither yes nor no", "write yes or no, or leave it empty")
            return YES_NO[word]
        case "tuple[str, ...]":
            return tuple(part.strip() for part in cell.split(";") if part.strip())
    # a space typed behind a name must not make it another name; only what is printed keeps its own
    text = cell.strip()
    return entry.default if entry.name in ("cohort", "subset_of") and not text else text
