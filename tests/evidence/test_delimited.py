from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook.errors import EvidenceError
from secondlook.evidence.delimited import decode, read_delimited

CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
TABLE = [("Author", "No."), ("Maisonnète, D.", "16,023"), ("d’Annibale", "27·6")]


def as_csv(rows: Iterable[tuple[str, ...]], delimiter: str = ",") -> str:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter).writerows(rows)
    return stream.getvalue()


def problems(path: Path) -> list[str]:
    with pytest.raises(EvidenceError) as caught:
        read_delimited(path)
    return [str(problem).replace(str(path.parent), "HERE") for problem in caught.value.problems]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_table_is_the_same_in_every_encoding_and_with_every_separator(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(as_csv(TABLE, delimiter).encode(encoding))
    assert [row.cells for row in read_delimited(path)] == TABLE


@pytest.mark.parametrize(
    ("mark", "encoding"), [(b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")]
)
def test_either_byte_order_of_utf_16_is_read(tmp_path: Path, mark: bytes, encoding: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(mark + as_csv(TABLE).encode(encoding))
    assert [row.cells for row in read_delimited(path)] == TABLE


def test_the_bytes_that_windows_leaves_undefined_are_read_as_latin_1() -> None:
    assert decode(b"\xe9\x81", "x.csv") == "é\x81"
    assert decode(b"\x93\xe9\x94", "x.csv") == "“é”"


@settings(deadline=None)
@given(st.lists(st.tuples(CELL, CELL), max_size=5))
def test_no_cell_is_changed_and_only_empty_rows_are_left_out(rows: list[tuple[str, str]]) -> None:
    # a file for each example would be slow; what a path adds is tested above
    class Held:
        name = "table.csv"

        def read_bytes(self) -> bytes:
            return as_csv([("a", "b"), *rows]).encode()

    read = [row.cells for row in read_delimited(Held())]  # type: ignore[arg-type]
    assert read == [("a", "b"), *(row for row in rows if any(cell.strip() for cell in row))]


def test_a_row_is_numbered_as_a_spreadsheet_numbers_it(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b'\na,b\n"1\n2",x\n\n ,\n3,y\n')
    rows = [(row.number, row.cells) for row in read_delimited(path)]
    assert rows == [(2, ("a", "b")), (3, ("1\n2", "x")), (6, ("3", "y"))]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_on_any_system(tmp_path: Path, end: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(end.join(["a;b", "1,5;2", ""]).encode())
    assert [row.cells for row in read_delimited(path)] == [("a", "b"), ("1,5", "2")]


def test_separators_and_line_breaks_within_a_heading_do_not_decide_the_separator(
    tmp_path: Path,
) -> None:
    path = tmp_path / "table.csv"
    path.write_text('"Patients,\nNo., all";Median\n37;47\n', encoding="utf-8")
    assert [row.cells for row in read_delimited(path)] == [
        ("Patients,\nNo., all", "Median"),
        ("37", "47"),
    ]


@pytest.mark.parametrize("content", [b"", b"\n \n\n", b"\xef\xbb\xbf", b"\xff\xfe", b" , ,\n"])
def test_a_file_without_text_has_no_rows(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    assert read_delimited(path) == ()


def test_an_open_quotation_mark_is_reported_at_the_row_where_it_opens(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('a,b\n1,2\n3,"4\n5,6\n', encoding="utf-8")
    (line,) = problems(path)
    assert line.startswith("table.csv, line 3: cannot be read as delimited text (")
    assert line.endswith("look for an unmatched quotation mark, or save it again as CSV UTF-8")


def test_a_cell_too_long_for_a_table_is_reported_and_not_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1," + "x" * 200_000, encoding="utf-8")
    (line,) = problems(path)
    assert line.startswith("table.csv, line 2: cannot be read")


def test_a_workbook_renamed_to_csv_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    openpyxl.Workbook().save(path.with_suffix(".xlsx"))
    path.with_suffix(".xlsx").rename(path)
    assert problems(path) == [
        "table.csv: is not delimited text; save it as CSV UTF-8 and try again"
    ]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_text_with_null_bytes_is_refused_and_not_read_letter_by_letter(
    tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes("key,label\na,b\n".encode(encoding))
    assert problems(path) == [
        "table.csv: is not delimited text; save it as CSV UTF-8 and try again"
    ]


def test_a_file_that_breaks_off_within_a_letter_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes("a,é\n".encode("utf-16")[:-1])
    (line,) = problems(path)
    assert line == (
        "table.csv: starts as utf-16 and breaks off at byte 8; save it again as CSV UTF-8"
    )


def test_what_is_no_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    ends = "; check the path and its rights"
    assert problems(tmp_path / "folder.csv") == [
        f"HERE/folder.csv: cannot be read (Is a directory){ends}"
    ]
    assert problems(tmp_path / "none.csv") == [
        f"HERE/none.csv: cannot be read (No such file or directory){ends}"
    ]
