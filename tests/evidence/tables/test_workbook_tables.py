"""Workbooks give the text that their cells show."""

from __future__ import annotations

import datetime
import io
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont

from secondlook.errors import EvidenceError
from secondlook.evidence.tables import read_tables
from secondlook.evidence.tables.number_format import print_number


def save(folder: Path, rows: Sequence[Any], merged: tuple[str, ...] = ()) -> Path:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    for area in merged:
        sheet.merge_cells(area)
    path = folder / "book.xlsx"
    workbook.save(path)
    return path


def test_merged_headings_stand_before_the_headings_they_span(tmp_path: Path) -> None:
    rows = [
        ["Table 3. Resection of the primary", None, None, None],
        ["Authors", "3-year survival (%)", None, "P"],
        [None, "Without surgery", "With surgery", None],
        ["Khan et al.", "17", "28 (PM) 32 (TM)", "NR"],
    ]
    path = save(tmp_path, rows, ("A1:D1", "A2:A3", "B2:C2", "D2:D3"))
    (grid,) = read_tables(path)
    assert grid.caption == "Table 3. Resection of the primary"
    assert grid.header == (
        "Authors",
        "3-year survival (%): Without surgery",
        "3-year survival (%): With surgery",
        "P",
    )
    assert grid.rows == (("Khan et al.", "17", "28 (PM) 32 (TM)", "NR"),)
    assert (grid.name, grid.lines, grid.merged) == ("Sheet", (4,), frozenset())


def test_merged_data_cell_stands_in_every_row_and_is_known_to_be_merged(tmp_path: Path) -> None:
    rows = [["Study", "Arm", "n"], ["Khan", "yes", 100], [None, "no", None]]
    (grid,) = read_tables(save(tmp_path, rows, ("A2:A3", "C2:C3")))
    assert grid.rows == (("Khan", "yes", "100"), ("Khan", "no", "100"))
    assert grid.merged == {(0, 0), (1, 0), (0, 2), (1, 2)}


def test_years_as_headings_under_a_merged_heading_are_headings(tmp_path: Path) -> None:
    rows = [["Authors", "Survival (%) at years", None], [None, 3, 5], ["Raab", 40, 18]]
    (grid,) = read_tables(save(tmp_path, rows, ("A1:A2", "B1:C1")))
    assert grid.header == ("Authors", "Survival (%) at years: 3", "Survival (%) at years: 5")


def test_merged_heading_without_headings_below_does_not_swallow_a_study(tmp_path: Path) -> None:
    (grid,) = read_tables(save(tmp_path, [["Authors", "OS", None], ["Raab", 27, 18]], ("B1:C1",)))
    assert grid.header == ("Authors", "OS", "OS (2)")
    assert grid.rows == (("Raab", "27", "18"),)


def test_first_study_without_numbers_is_not_taken_for_headings(tmp_path: Path) -> None:
    rows = [[None, "OS", None], ["Raab", "NR", "NR"], ["Elias", 34, 30]]
    (grid,) = read_tables(save(tmp_path, rows, ("B1:C1",)))
    assert grid.header == ("column 1", "OS", "OS (2)")
    assert len(grid.rows) == 2


def test_label_heading_may_stand_in_the_second_row(tmp_path: Path) -> None:
    rows = [[None, "OS", None], ["Authors", "3-year", "5-year"], ["Raab", "NR", 18]]
    (grid,) = read_tables(save(tmp_path, rows, ("B1:C1",)))
    assert grid.header == ("Authors", "OS: 3-year", "OS: 5-year")


def test_merged_heading_reaches_no_further_than_it_is_merged(tmp_path: Path) -> None:
    rows = [["Authors", "OS", None, None], [None, "3-year", "5-year", "P"], ["Raab", 20, 18, 0.1]]
    (grid,) = read_tables(save(tmp_path, rows, ("B1:C1",)))
    assert grid.header == ("Authors", "OS: 3-year", "OS: 5-year", "P")


def test_notes_below_an_empty_row_are_notes(tmp_path: Path) -> None:
    rows = [["Authors", "n"], ["Raab", 34], [None], ["NR not reported"], ["a Mean"]]
    (grid,) = read_tables(save(tmp_path, rows))
    assert grid.notes == ("NR not reported", "a Mean")


def test_each_sheet_with_text_is_a_table(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    for title in ("Liver", "Lung"):
        sheet = workbook.create_sheet(title)
        sheet.append(["Authors", "n"])
        sheet.append([title, 1])
    workbook.save(tmp_path / "two.xlsx")
    assert [grid.name for grid in read_tables(tmp_path / "two.xlsx")] == ["Liver", "Lung"]


def test_raised_mark_does_not_become_a_digit(tmp_path: Path) -> None:
    raised = TextBlock(InlineFont(vertAlign="superscript"), "1")
    path = save(tmp_path, [["Authors", "5-year"], ["Pocard", CellRichText("46", raised)]])
    assert read_tables(path)[0].rows == (("Pocard", "46 1"),)


# what a spreadsheet program shows for the stored number, worked out from the format code
@pytest.mark.parametrize(
    ("value", "number_format", "shown"),
    [
        (46, "General", "46"),
        (46.0, "General", "46"),
        (27.599999999999998, "General", "27.6"),
        (0.1 + 0.2, "General", "0.3"),
        (1e-07, "General", "0.0000001"),
        (16023, "#,##0", "16,023"),
        (27, "0.0", "27.0"),
        (27.65, "0.0", "27.7"),
        (2.675, "0.00", "2.68"),
        (0.57, "0%", "57%"),
        (0.575, "0.0%", "57.5%"),
        (-0.04, "0.0", "0.0"),
        (-3.5, "0.0;(0.0)", "(3.5)"),
        (-3.5, "0.0_);[Red]\\(0.0\\)", "(3.5)"),
        (0, '0;-0;"–"', "–"),
        (1234.5, '_(* #,##0.00_);_(* \\(#,##0.00\\);_(* "-"??_);_(@_)', "1,234.50"),
        (0, '_(* #,##0.00_);_(* \\(#,##0.00\\);_(* "-"??_);_(@_)', "-"),
        (12, '0" months"', "12 months"),
        (5, "[$€-407] 0.00", "€ 5.00"),
        (3, "0.0#", "3.0"),
        (0.25, "#.00", ".25"),
        (12345678901234567890, "0", "12345678901234567890"),
    ],
)
def test_number_is_printed_as_its_cell_shows_it(
    value: float, number_format: str, shown: str
) -> None:
    assert print_number(value, number_format) == shown


@pytest.mark.parametrize("number_format", ["0.00E+00", "# ?/?", "0,", "[>100]0", "0;;", "yyyy"])
def test_format_whose_result_is_not_certain_is_not_guessed(number_format: str) -> None:
    assert print_number(0 if number_format == "0;;" else -1, number_format) is None


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), 10**600, -(10**308)])
@pytest.mark.parametrize("number_format", ["General", "0.0", "#,##0", "0%"])
def test_number_that_is_infinite_or_endless_is_not_printed(
    value: float, number_format: str
) -> None:
    assert print_number(value, number_format) is None


def test_largest_number_of_a_spreadsheet_is_printed_in_full() -> None:
    assert print_number(9e307, "0.0") == "9" + "0" * 307 + ".0"
    assert print_number(9e307, "0." + "0" * 30) == "9" + "0" * 307 + "." + "0" * 30
    assert print_number(1.5, "0." + "0" * 500) is None


def test_stored_numbers_dates_and_truths_are_shown(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.append(["Authors", "a", "b", "c", "d"])
    day = datetime.datetime(2004, 3, 1)
    sheet.append(["Raab", 0.57, day, True, day + datetime.timedelta(hours=7)])
    sheet["B2"].number_format = "0%"
    workbook.save(tmp_path / "types.xlsx")
    (grid,) = read_tables(tmp_path / "types.xlsx")
    assert grid.rows == (("Raab", "57%", "2004-03-01", "TRUE", "2004-03-01 07:00:00"),)


def test_every_cell_whose_text_is_not_known_is_named(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.append(["Authors", "a", "b"])
    sheet.append(["Raab", "=1+1", 0.5])
    sheet["C2"].number_format = "# ?/?"
    workbook.save(tmp_path / "unknown.xlsx")
    with pytest.raises(EvidenceError) as caught:
        read_tables(tmp_path / "unknown.xlsx")
    assert [problem.where for problem in caught.value.problems] == [
        "unknown.xlsx, Sheet, cell B2",
        "unknown.xlsx, Sheet, cell C2",
    ]


def test_workbook_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path, [["Authors", "n"], ["Raab", 34]])
    monkeypatch.setattr("secondlook.evidence.tables.workbook._LARGEST_BYTES", 1000)
    with pytest.raises(EvidenceError, match="too large when unpacked"):
        read_tables(path)


def test_cell_far_away_is_refused_before_the_sheet_is_spread_out(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet["XFD1048576"] = "x"
    workbook.save(tmp_path / "far.xlsx")
    with pytest.raises(EvidenceError, match="1048576 x 16384 cells"):
        read_tables(tmp_path / "far.xlsx")


def changed(path: Path, part: str, old: bytes, new: bytes) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(stream, "w") as copy:
        for member in archive.namelist():
            text = archive.read(member)
            assert member != part or text.count(old) == 1
            copy.writestr(member, text.replace(old, new) if member == part else text)
    path.write_bytes(stream.getvalue())


SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize(
    "areas",
    [
        [b"A1:XFD1048576"],
        [b"A3:A1048576"],
        [b"A&#51;&#58;A1048576"],
        [b"A1048576:A3"],
        [b"A3:A600000", b"B3:B600000"],
    ],
)
def test_merged_areas_larger_than_any_table_are_refused_before_they_are_spread_out(
    tmp_path: Path, areas: list[bytes]
) -> None:
    path = save(tmp_path, [["Authors", "n"], ["Raab", 34]], ("A1:B1",))
    new = b"/>".join(b'<mergeCell ref="%b"' % area for area in areas)
    changed(path, SHEET, b'<mergeCell ref="A1:B1"', new)
    started = time.perf_counter()
    with pytest.raises(EvidenceError, match=r"merged cells: .* is no table of") as caught:
        read_tables(path)
    assert time.perf_counter() - started < 5
    assert "\n" not in str(caught.value)


def test_merged_cells_named_in_the_text_of_a_cell_are_text(tmp_path: Path) -> None:
    text = '<mergeCell ref="A1:XFD1048576"/>'
    (grid,) = read_tables(save(tmp_path, [["Authors", "n"], ["Raab", text]]))
    assert grid.rows == (("Raab", text),)


def test_chart_sheet_without_a_chart_is_one_clear_line(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.append(["Authors", "n"])
    sheet.append(["Raab", 34])
    workbook.create_chartsheet("Chart")
    workbook.save(tmp_path / "chart.xlsx")
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(tmp_path / "chart.xlsx") as archive,
        zipfile.ZipFile(stream, "w") as copy,
    ):
        for member in archive.namelist():
            if not member.startswith("xl/chartsheets/_rels/"):
                copy.writestr(member, archive.read(member))
    (tmp_path / "chart.xlsx").write_bytes(stream.getvalue())
    with pytest.raises(EvidenceError, match=r"holds a chart sheet without a chart \(") as caught:
        read_tables(tmp_path / "chart.xlsx")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("stored", [b"1E999", b"-1E999", b"1" * 600])
@pytest.mark.parametrize("number_format", ["General", "0.0", "0%"])
def test_number_no_spreadsheet_holds_is_named_with_its_cell(
    tmp_path: Path, stored: bytes, number_format: str
) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.append(["Authors", "n"])
    sheet.append(["Raab", 34])
    sheet["B2"].number_format = number_format
    path = tmp_path / "huge.xlsx"
    workbook.save(path)
    changed(path, SHEET, b"<v>34</v>", b"<v>%b</v>" % stored)
    with pytest.raises(EvidenceError, match=r"cell B2: .*cannot be shown") as caught:
        read_tables(path)
    assert len(str(caught.value)) < 250


def test_entity_bomb_within_a_workbook_is_refused_in_one_line(tmp_path: Path) -> None:
    path = save(tmp_path, [["Authors", "n"], ["Raab", "bomb"]])
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {new} "{f"&{old};" * 10}">'
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(stream, "w") as new:
        for member in old.namelist():
            text = old.read(member)
            if member == "xl/worksheets/sheet1.xml":
                root = text.index(b"<worksheet")
                text = (bomb + "]>").encode() + text[root:].replace(b"bomb", b"&i;")
            new.writestr(member, text)
    path.write_bytes(stream.getvalue())
    with pytest.raises(EvidenceError, match="defines a document type") as caught:
        read_tables(path)
    assert "\n" not in str(caught.value)


# Left out: control characters (no workbook can hold them) with the line break that becomes another
# one, "_x0041_" escapes, and a leading "=" or error word such as "#N/A", which the writing library
# stores as a formula or an error instead of text.
CELL = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="=#_\ufffe\uffff"),
    max_size=12,
)
LABEL = st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=8)


@settings(deadline=None, max_examples=40)
@given(data=st.data(), width=st.integers(2, 5))
def test_any_table_survives_being_written_as_a_workbook(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, width: int
) -> None:
    header = data.draw(st.lists(LABEL, min_size=width, max_size=width, unique=True))
    row = st.tuples(LABEL, *[CELL for _ in range(width - 1)]).map(list)
    rows = data.draw(st.lists(row, min_size=1, max_size=5))
    (grid,) = read_tables(save(tmp_path_factory.mktemp("xlsx"), [header, *rows]))
    assert list(grid.header) == header
    assert [list(cells) for cells in grid.rows] == rows
