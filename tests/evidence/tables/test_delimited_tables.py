"""Delimited text becomes a table without losing or moving a cell."""

from __future__ import annotations

import codecs
import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.errors import EvidenceError
from secondlook.evidence.tables import read_tables

PRINTED = ["16,023", "9,162 (57)", "28 (PM) 32 (TM)", "68 of 103", "NR", "46 a", "", "27,6", "–"]


def write(folder: Path, text: str, name: str = "table.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def test_cells_come_through_as_they_are_printed(tmp_path: Path) -> None:
    path = tmp_path / "printed.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["Authors", *(f"c{i}" for i in range(len(PRINTED)))])
        writer.writerow(["Khan", *PRINTED])
    (grid,) = read_tables(path)
    assert grid.rows == (("Khan", *PRINTED),)
    assert (grid.file, grid.lines) == ("printed.csv", (2,))


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("latin-1", b""),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
    ],
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_every_usual_encoding_and_separator_gives_the_same_table(
    tmp_path: Path, encoding: str, mark: bytes, separator: str
) -> None:
    lines = [["Autores", "Años"], ["Núñez", '"27,6"'], ["Maisonnète", "NR"]]
    text = "\r\n".join(separator.join(line) for line in lines)
    path = tmp_path / "t.csv"
    path.write_bytes(mark + text.encode(encoding))
    (grid,) = read_tables(path)
    assert grid.header == ("Autores", "Años")
    assert grid.rows == (("Núñez", "27,6"), ("Maisonnète", "NR"))


def test_title_above_and_notes_below_are_kept_and_are_no_rows(tmp_path: Path) -> None:
    text = (
        "Table 1 Survival after resection\n\nAuthors,No.,5-year\nRaab,34,18\nPocard,65,46 a\n"
        "\nNR not reported\na 4-year value\n"
    )
    (grid,) = read_tables(write(tmp_path, text))
    assert grid.caption == "Table 1 Survival after resection"
    assert grid.notes == ("NR not reported", "a 4-year value")
    assert grid.rows == (("Raab", "34", "18"), ("Pocard", "65", "46 a"))
    assert grid.lines == (4, 5)


def test_last_study_without_numbers_is_not_taken_for_a_note(tmp_path: Path) -> None:
    (grid,) = read_tables(write(tmp_path, "Authors,No.,5-year\nRaab,34,18\nThelen,,\n"))
    assert grid.rows[-1] == ("Thelen", "", "")
    assert grid.notes == ()


def test_unfinished_first_row_takes_its_spanned_headings_from_the_second(tmp_path: Path) -> None:
    text = (
        'Authors,Patients (No.),,"Survival (%)",,P\n'
        ",Total,Without surgery,Without surgery,With surgery,\n"
        "Khan,16,6,17,28,0.01\n"
    )
    (grid,) = read_tables(write(tmp_path, text))
    assert grid.header == (
        "Authors",
        "Patients (No.): Total",
        "Patients (No.): Without surgery",
        "Survival (%): Without surgery",
        "Survival (%): With surgery",
        "P",
    )
    assert grid.lines == (3,)


def test_heading_of_one_column_does_not_reach_over_the_next(tmp_path: Path) -> None:
    text = "Authors,n,,Survival,\n,,Country,3-year,5-year\nRaab,34,Germany,20,18\n"
    (grid,) = read_tables(write(tmp_path, text))
    assert grid.header == ("Authors", "n", "Country", "Survival: 3-year", "Survival: 5-year")


def test_no_more_than_two_rows_of_headings_are_supposed(tmp_path: Path) -> None:
    text = "Authors,Survival,,P\n,3-year,5-year,\nKhan,9 (57),8 (43),log-rank\n"
    (grid,) = read_tables(write(tmp_path, text))
    assert grid.header == ("Authors", "Survival: 3-year", "Survival: 5-year", "P")
    assert grid.rows == (("Khan", "9 (57)", "8 (43)", "log-rank"),)


@pytest.mark.parametrize("notes", ["NR not reported\na Mean", "\nNR not reported,,\na Mean,,"])
def test_notes_are_told_by_an_empty_line_or_by_having_no_separator(
    tmp_path: Path, notes: str
) -> None:
    (grid,) = read_tables(write(tmp_path, f"Authors,No.,5-year\nRaab,34,18\n{notes}\n"))
    assert grid.notes == ("NR not reported", "a Mean")


def test_row_without_a_label_below_complete_headings_stays_a_row(tmp_path: Path) -> None:
    (grid,) = read_tables(write(tmp_path, "Authors,No.,5-year\n,68 a,31\nRaab,34,18\n"))
    assert grid.header == ("Authors", "No.", "5-year")
    assert grid.rows[0] == ("", "68 a", "31")


def test_equal_headings_are_told_apart_and_missing_ones_are_named(tmp_path: Path) -> None:
    (grid,) = read_tables(write(tmp_path, "Authors,n,n,,n (2)\nRaab,1,2,3,4\n"))
    assert grid.header == ("Authors", "n", "n (2)", "column 4", "n (2) (2)")


def test_short_rows_are_padded_and_columns_without_text_left_out(tmp_path: Path) -> None:
    (grid,) = read_tables(write(tmp_path, "Authors,n,,P,\nRaab,34\nElias,54,,0.1,\n"))
    assert grid.header == ("Authors", "n", "P")
    assert grid.rows == (("Raab", "34", ""), ("Elias", "54", "0.1"))


def test_every_long_row_is_named_with_the_cells_that_stand_out(tmp_path: Path) -> None:
    path = write(tmp_path, "Authors,n\nKhan,16,023\nRaab,34\nGnerlich,9,734\n")
    with pytest.raises(EvidenceError) as caught:
        read_tables(path)
    assert str(caught.value).splitlines() == [
        f'table.csv, row {row}: "{cells}" stands beyond the last heading (3 cells, 2 headings); '
        "put quotation marks around a cell that holds the separator"
        for row, cells in [(2, "023"), (4, "734")]
    ]


def test_rows_are_numbered_as_a_spreadsheet_numbers_them(tmp_path: Path) -> None:
    (grid,) = read_tables(write(tmp_path, 'Authors,n\n"Raab\net al.",34\n\nElias,54\n'))
    assert grid.lines == (2, 4)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "holds no table with a row below its headings"),
        (b"\n\n  \n", "holds no table with a row below its headings"),
        (b"Authors,n\n", "holds no table with a row below its headings"),
        (b"Authors|n\nRaab|34\n", '"Authors|n" is the only column'),
        (b"%PDF-1.7 ...", "is a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "is an old Excel or Word file"),
        (b"PK\x03\x04broken", "cannot be read as a workbook"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is not delimited text"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(tmp_path: Path, content: bytes, rule: str) -> None:
    path = tmp_path / "input.csv"
    path.write_bytes(content)
    with pytest.raises(EvidenceError) as caught:
        read_tables(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("input.csv")
    assert rule in str(caught.value)
    assert caught.value.problems[0].remedy


def test_missing_file_and_folder_are_refused_in_one_line(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere.xlsx"):
        with pytest.raises(EvidenceError, match="cannot be read") as caught:
            read_tables(path)
        assert "\n" not in str(caught.value)


# Left out: NUL (no text file holds it), surrogates (they have no bytes), and headings and labels
# that are not letters and digits (a title, a note and an empty row are told by blank ones).
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
LABEL = st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=8)


@st.composite
def grids(draw: st.DrawFn, cells: st.SearchStrategy[str] = TEXT) -> list[list[str]]:
    width = draw(st.integers(2, 5))
    header = draw(st.lists(LABEL, min_size=width, max_size=width, unique=True))
    rows = st.tuples(LABEL, *[cells for _ in range(width - 1)]).map(list)
    return [header, *draw(st.lists(rows, min_size=1, max_size=5))]


@given(table=grids())
def test_any_table_survives_being_written_as_csv(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as stream:
        csv.writer(stream).writerows(table)
    (grid,) = read_tables(path)
    assert [list(grid.header), *map(list, grid.rows)] == table
