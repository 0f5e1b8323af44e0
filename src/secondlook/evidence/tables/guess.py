"""A column map guessed from headings, to be confirmed, and a bare table as evidence by it.

Guessing is for a first look at somebody's table. What was guessed is always shown, columns that
were not understood are named, and nothing guessed is written into a review.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from secondlook.errors import EvidenceError, Problem
from secondlook.evidence.body import Evidence
from secondlook.evidence.records import Finding, Study
from secondlook.evidence.reported import Reported
from secondlook.evidence.tables.column_map import ColumnMap, read_column_map
from secondlook.evidence.tables.grid import Grid
from secondlook.evidence.tables.mapping import findings
from secondlook.evidence.tables.reading import read_tables

__all__ = ["bare_evidence", "guess"]

_FREE = r"((disease|recurrence|relapse|progression|event)[ -]?free|\b[dpr]fs\b)"
_ALIVE = r"(surviv|\bos\b|\balive\b)"
_YEARS = r"\b(\d{1,2})[ -]?(?:y|years?|yrs?)\b"
_RATIO_WORD = r"(hazard ratio|\bhr\b)"


def _ratio(endpoint: str) -> dict[str, Any]:
    patterns = ["{value} ({low}-{high})", "{value} [{low}-{high}]", "{value}"]
    return {"endpoint": endpoint, "statistic": "hazard_ratio", "pattern": patterns}


# the first that fits wins: what is disease-free is not overall survival
_HEADINGS: tuple[tuple[str, dict[str, Any]], ...] = (
    (r"median.*follow", {"endpoint": "follow-up", "statistic": "median"}),
    (rf"^(?=.*{_RATIO_WORD}).*{_FREE}", _ratio("DFS")),
    (_RATIO_WORD, _ratio("OS")),
    (rf"median.*{_FREE}", {"endpoint": "DFS", "statistic": "median"}),
    (rf"mean.*{_FREE}", {"endpoint": "DFS", "statistic": "mean"}),
    (rf"{_YEARS}.*{_FREE}", {"endpoint": "DFS", "statistic": "survival"}),
    (rf"median.*{_ALIVE}", {"endpoint": "OS", "statistic": "median"}),
    (rf"mean.*{_ALIVE}", {"endpoint": "OS", "statistic": "mean"}),
    (rf"{_YEARS}.*{_ALIVE}", {"endpoint": "OS", "statistic": "survival"}),
    (
        r"^(n|no\.?|number|((no\.?|number) of )?(patients|cases)( \((no\.?|n)\))?)$",
        {"endpoint": "patients", "statistic": "count"},
    ),
)
_NOT_GUESSED = r"\bspecific|in years|\(years?\)|\(y\)"
"""What is of one cause of death, or in years, has no column of its own to be guessed into."""


def guess(grid: Grid) -> tuple[ColumnMap, tuple[str, ...]]:
    """Guess what the columns of a table mean.

    Parameters
    ----------
    grid
        The table.

    Returns
    -------
    ColumnMap
        The first column names the studies; columns without a meaning are left out.
    tuple of str
        One line for each column: what it was taken for.

    Raises
    ------
    EvidenceError
        When no column is understood.
    """
    columns, said, ignored = [], [], []
    for heading in grid.header[1:]:
        meaning = _meaning(heading)
        if meaning is None:
            ignored.append(heading)
            said.append(f'column "{heading}": not understood, left out')
            continue
        columns.append({"heading": heading} | meaning)
        time = f" at {meaning['months']} months" if "months" in meaning else ""
        said.append(f'column "{heading}": {meaning["endpoint"]} {meaning["statistic"]}{time}')
    if not columns:
        rule = "has no heading whose meaning can be guessed"
        remedy = "say what the columns mean with --map (docs/tables.md)"
        raise EvidenceError(Problem(grid.file, None, rule, remedy))
    marks = {
        mark
        for row in grid.rows
        for text in row
        for mark in Reported(text).marks.split()
        if mark not in ("[sic]", "[resolved]")
    }
    column_map = ColumnMap.model_validate(
        {
            "document": grid.file,
            "place": grid.caption or grid.name or grid.file,
            "study": grid.header[0],
            "columns": tuple(columns),
            "ignore_columns": tuple(ignored),
            "footnotes": {mark: {} for mark in marks},
        }
    )
    return column_map, (f'column "{grid.header[0]}": the studies', *said)


def _meaning(heading: str) -> dict[str, Any] | None:
    folded = re.sub(r"[‐-―−]", "-", " ".join(heading.casefold().split()))
    if re.search(_NOT_GUESSED, folded):
        return None
    for pattern, meaning in _HEADINGS:
        match = re.search(pattern, folded)
        if match is None:
            continue
        years = match[1] if meaning["statistic"] == "survival" else None
        return meaning | ({"months": 12 * int(years)} if years else {})
    return None


def bare_evidence(path: Path, column_map: Path | None) -> tuple[Evidence, tuple[str, ...]]:
    """Read the first table of a file as evidence of its own, one study for each row label.

    Parameters
    ----------
    path
        A table as CSV, XLSX, HTML or JATS XML.
    column_map
        What its columns mean; guessed when it is None.

    Returns
    -------
    Evidence
        What could be read.
    tuple of str
        What was guessed, and each cell that could not be read.
    """
    grids = read_tables(path)
    grid = grids[0]
    if column_map is None:
        meant, said = guess(grid)
        said = ("Guessed from the headings (say otherwise with --map):", *said)
    else:
        meant, said = read_column_map(column_map), ()
    if len(grids) > 1:
        rest = "the others with secondlook extract"
        said = (*said, f"{path.name} holds {len(grids)} tables; this is the first ({rest})")
    found, problems = findings(grid, meant)
    return _evidence(found), (*said, *(str(problem) for problem in problems))


def _evidence(found: tuple[Finding, ...]) -> Evidence:
    keys = dict.fromkeys(finding.study for finding in found)
    return Evidence(tuple(Study(key, label=key) for key in keys), findings=found)
