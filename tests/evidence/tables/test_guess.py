"""Columns guessed from their headings, and bare tables as evidence."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.errors import EvidenceError, InputError
from secondlook.evidence.tables import Grid, bare_evidence, guess


def grid(*headings: str) -> Grid:
    cells = tuple("1" for _ in headings)
    return Grid("t.csv", "", "", ("Authors", *headings), (("A et al.", *cells),), (2,))


def meaning(heading: str) -> tuple[str | None, str | None, float | None] | None:
    try:
        column_map, _ = guess(grid(heading))
    except EvidenceError:
        return None
    (column,) = column_map.columns
    months = None if column.months is None else float(column.months)
    return column.endpoint, column.statistic, months


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("No. of patients", ("patients", "count", None)),
        ("n", ("patients", "count", None)),
        ("Patients (n)", ("patients", "count", None)),
        ("Median survival (months)", ("OS", "median", None)),
        ("Median OS", ("OS", "median", None)),
        ("Median disease-free survival (months)", ("DFS", "median", None)),
        ("Median PFS, months", ("DFS", "median", None)),
        ("Mean survival", ("OS", "mean", None)),
        ("Mean disease-free survival", ("DFS", "mean", None)),
        ("5-year survival (%)", ("OS", "survival", 60)),
        ("5–year survival (%)", ("OS", "survival", 60)),
        ("10 year OS (%)", ("OS", "survival", 120)),
        ("3-yr DFS", ("DFS", "survival", 36)),
        ("Median follow-up (months)", ("follow-up", "median", None)),
        ("Median follow-up of survivors", ("follow-up", "median", None)),
        ("HR (95% CI)", ("OS", "hazard_ratio", None)),
        ("Hazard ratio for DFS", ("DFS", "hazard_ratio", None)),
    ],
)
def test_a_common_heading_is_understood(
    heading: str, expected: tuple[str, str, float | None]
) -> None:
    assert meaning(heading) == expected


@pytest.mark.parametrize(
    "heading",
    [
        "Number of metastases",
        "No. of deaths",
        "Median age",
        "Median survival (years)",
        "5-year cancer-specific survival",
        "5-year local control rate (%)",
        "Published 2006 year",
        "Country",
        "",
    ],
)
def test_a_heading_that_means_something_else_is_left_out(heading: str) -> None:
    assert meaning(heading) is None


def test_what_was_guessed_and_what_was_not_is_said_column_by_column() -> None:
    column_map, said = guess(grid("5-year OS", "Country"))
    assert said == (
        'column "Authors": the studies',
        'column "5-year OS": OS survival at 60 months',
        'column "Country": not understood, left out',
    )
    assert column_map.ignore_columns == ("Country",)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=5, unique=True))
def test_no_heading_whatever_breaks_the_guess(headings: list[str]) -> None:
    try:
        column_map, said = guess(grid(*headings))
    except InputError:
        return
    assert len(said) == 1 + len(headings)
    assert len(column_map.columns) + len(column_map.ignore_columns) == len(headings)


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_bare_table_is_one_study_for_each_row(tmp_path: Path) -> None:
    path = table(tmp_path, "Authors,No. of patients,5-year OS\nA 1999,34,18\nB 2004,NR,46 a\n")
    evidence, said = bare_evidence(path, None)
    assert [study.label for study in evidence.studies] == ["A 1999", "B 2004"]
    assert [f.value.printed for f in evidence.findings] == ["34", "18", "NR", "46 a"]
    assert said[0].startswith("Guessed from the headings")
    assert all(f.source.document == "t.csv" for f in evidence.findings)


def test_a_cell_that_holds_no_number_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    path = table(tmp_path, "Authors,Median survival,Median DFS\nA,red,20\n")
    evidence, said = bare_evidence(path, None)
    assert [f.value.printed for f in evidence.findings] == ["20"]
    assert any('"red"' in line and "Median survival" in line for line in said)


def test_a_table_of_only_text_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="say what the columns mean with --map"):
        bare_evidence(table(tmp_path, "Name,Colour\nA,red\n"), None)


def test_tables_behind_the_first_are_mentioned(tmp_path: Path) -> None:
    path = tmp_path / "two.html"
    one = "<table><tr><th>Authors</th><th>5-year OS</th></tr><tr><td>A</td><td>18</td></tr></table>"
    path.write_text(f"<html><body>{one}{one}</body></html>", encoding="utf-8")
    _, said = bare_evidence(path, None)
    assert any("holds 2 tables; this is the first" in line for line in said)
