"""Delimited text as people's programs write it: any common encoding, comma, semicolon or tab.

Spreadsheets write UTF-8 with and without a byte-order mark, UTF-16 ("Unicode text"), and the code
page of a western Windows; where the decimal sign is a comma the separator is a semicolon. All are
read to the same rows of strings, and no cell is changed on the way.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from secondlook.errors import EvidenceError, Problem

__all__ = ["DelimitedRow", "decode", "read_delimited"]

_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class DelimitedRow:
    """One record of a delimited file and its number, counted as a spreadsheet counts its rows."""

    number: int
    cells: tuple[str, ...]


def read_delimited(path: Path) -> tuple[DelimitedRow, ...]:
    """Read every record of a delimited file as strings; records without any text are left out.

    Raises
    ------
    EvidenceError
        When the file is missing, is not text, or leaves a quotation mark open.
    """
    text = decode(read_bytes(path), path.name)
    delimiter = _delimiter(text)
    # newline="" leaves line breaks inside quoted cells as they are
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[DelimitedRow] = []
    start = 1
    try:
        for number, cells in enumerate(reader, 1):
            if any(cell.strip() for cell in cells):
                rows.append(DelimitedRow(number, tuple(cells)))
            start = reader.line_num + 1
    except csv.Error as error:
        raise EvidenceError(
            Problem(
                f"{path.name}, line {start}",
                None,
                f"cannot be read as delimited text ({error})",
                "look for an unmatched quotation mark, or save it again as CSV UTF-8",
            )
        ) from error
    return tuple(rows)


def read_bytes(path: Path) -> bytes:
    """Read a file, or say in one line why it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise EvidenceError(
            Problem(str(path), None, f"cannot be read ({reason})", "check the path and its rights")
        ) from error


def decode(data: bytes, name: str) -> str:
    """Decode text by its byte-order mark, else as UTF-8, else as Windows-1252.

    Parameters
    ----------
    data
        The bytes of the whole file.
    name
        What to call the file in an error.

    Raises
    ------
    EvidenceError
        When the bytes are a spreadsheet, an archive or another binary file.

    Examples
    --------
    >>> decode("Maisonnète".encode("latin-1"), "studies.csv")
    'Maisonnète'
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = _strict(data, "utf-16", name)
    elif data.startswith(codecs.BOM_UTF8):
        text = _strict(data, "utf-8-sig", name)
    else:
        text = _guessed(data)
    if "\x00" in text:
        raise EvidenceError(
            Problem(name, None, "is not delimited text", "save it as CSV UTF-8 and try again")
        )
    return text


def _guessed(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        # cp1252 leaves five bytes undefined; latin-1 is the same elsewhere and never fails
        try:
            return data.decode("cp1252")
        except UnicodeDecodeError:
            return data.decode("latin-1")


def _strict(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise EvidenceError(
            Problem(
                name,
                None,
                f"starts as {encoding} and breaks off at byte {error.start}",
                "save it again as CSV UTF-8",
            )
        ) from error


def _delimiter(text: str) -> str:
    # the header decides: it has names, not numbers with decimal commas in them; a title above it
    # has no separator as a rule, and a quoted name may hold separators and line breaks
    unquoted = re.sub(r'"[^"]*"', "", text)
    header = next((line for line in unquoted.splitlines() if set(line) & set(_DELIMITERS)), "")
    counts = {delimiter: header.count(delimiter) for delimiter in _DELIMITERS}
    best = max(counts, key=lambda delimiter: counts[delimiter])
    return best if counts[best] else ","
