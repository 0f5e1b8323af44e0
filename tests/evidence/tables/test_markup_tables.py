"""Pages and articles give the text a reader sees, with marks set apart from numbers."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.errors import EvidenceError
from secondlook.evidence.tables import Grid, read_tables

HEAD = "<thead><tr><th>Authors</th><th>5-year</th></tr></thead>"


def read_page(folder: Path, body: str, head: str = "") -> tuple[Grid, ...]:
    path = folder / "page.html"
    path.write_text(f"<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>", "utf-8")
    return read_tables(path)


def read_article(folder: Path, body: str, doctype: str = "") -> tuple[Grid, ...]:
    path = folder / "article.nxml"
    path.write_text(
        f'<?xml version="1.0"?>{doctype}<article><body>{body}</body></article>', "utf-8"
    )
    return read_tables(path)


@pytest.mark.parametrize(
    ("markup", "seen"),
    [
        ("46<sup>a</sup>", "46 a"),
        ("46 <sup>a</sup>", "46 a"),
        ("46<sup>a,b</sup>", "46 a,b"),
        ("46<sup>a</sup><sup>,</sup><sup>b</sup>", "46 a,b"),
        ("46<sup><a href='#f'>a</a></sup> (30)", "46 a (30)"),
        ("28<sup>a</sup>–32", "28 a–32"),
        ("10<sup>-3</sup>", "10 -3"),
        ("28 (PM)<br>32 (TM)", "28 (PM) 32 (TM)"),
        ("<p>28</p><p>32</p>", "28 32"),
        ("<b>16</b>,023", "16,023"),
        ("&lt;0.001", "<0.001"),
        ("9,162&nbsp;(57)", "9,162\u00a0(57)"),
        ("  27\n .6 ", "27 .6"),
        ("27<!-- or 28 -->.6", "27.6"),
        ("", ""),
    ],
)
def test_cell_of_a_page_is_what_a_reader_sees(tmp_path: Path, markup: str, seen: str) -> None:
    (grid,) = read_page(tmp_path, f"<table>{HEAD}<tr><td>A</td><td>{markup}</td></tr></table>")
    assert grid.rows == (("A", seen),)


def test_spanning_cells_stand_in_all_they_span(tmp_path: Path) -> None:
    (grid,) = read_page(
        tmp_path,
        """<table><caption>Table 3<br>Resection</caption>
        <thead><tr><th rowspan=2>Authors<th colspan=2>3-year survival (%)</tr>
        <tr><th>Without<th>With</tr></thead>
        <tbody><tr><td rowspan="2">Khan<td>17<td>28</tr><tr><td colspan=2>NR</tr></tbody>
        <tfoot><tr><td colspan=3>NR not reported</tr></tfoot></table>""",
    )
    assert grid.caption == "Table 3 Resection"
    assert grid.header == (
        "Authors",
        "3-year survival (%): Without",
        "3-year survival (%): With",
    )
    assert grid.rows == (("Khan", "17", "28"), ("Khan", "NR", "NR"))
    assert grid.merged == {(0, 0), (1, 0), (1, 1), (1, 2)}
    assert (grid.lines, grid.notes) == ((3, 4), ("NR not reported",))


def test_headings_are_recognised_without_a_head_section(tmp_path: Path) -> None:
    rows = "<tr><td>Raab<td>34<td>18</tr>"
    for first in (
        "<tr><th>Authors<th>n<th>OS</tr>",
        "<tr><td>Authors<td>n<td>OS</tr>",
        "<tr><td colspan=3>Table 1</tr><tr><td>Authors<td>n<td>OS</tr>",
    ):
        (grid,) = read_page(tmp_path, f"<table>{first}{rows}</table>")
        assert grid.header == ("Authors", "n", "OS")
        assert grid.rows == (("Raab", "34", "18"),)


def test_cells_that_a_page_lets_overlap_are_both_kept(tmp_path: Path) -> None:
    body = "<tr><td>A<td rowspan=2>27</tr><tr><td colspan=2>B</tr>"
    (grid,) = read_page(tmp_path, f"<table>{HEAD}{body}</table>")
    assert grid.rows == (("A", "27"), ("B", "27"))


def test_section_line_within_the_body_stays_a_row(tmp_path: Path) -> None:
    body = "<tr><td colspan=2>Liver</tr><tr><td>Raab<td>18</tr>"
    (grid,) = read_page(tmp_path, f"<table>{HEAD}{body}</table>")
    assert grid.rows == (("Liver", "Liver"), ("Raab", "18"))


def test_cells_beyond_the_headings_are_kept_in_a_named_column(tmp_path: Path) -> None:
    (grid,) = read_page(tmp_path, f"<table>{HEAD}<tr><td>Raab<td>18<td>?</tr></table>")
    assert grid.header == ("Authors", "5-year", "column 3")
    assert grid.rows == (("Raab", "18", "?"),)


def test_table_within_a_table_is_read_once(tmp_path: Path) -> None:
    inner = f"<table>{HEAD}<tr><td>Raab<td>18</tr></table>"
    (grid,) = read_page(tmp_path, f"<table><tr><td>{inner}</td></tr></table>")
    assert grid.rows == (("Raab", "18"),)


@pytest.mark.parametrize(
    ("encoding", "head"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", ""),
        ("cp1252", ""),
        ("iso-8859-2", '<meta charset="iso-8859-2">'),
    ],
)
def test_page_is_read_in_its_own_encoding(tmp_path: Path, encoding: str, head: str) -> None:
    name = "Kołodziej" if encoding == "iso-8859-2" else "Maisonnète"
    table = f"<table>{HEAD}<tr><td>{name}</td><td>18</td></tr></table>"
    path = tmp_path / "saved.xls"
    path.write_bytes(f"<html><head>{head}</head>{table}</html>".encode(encoding))
    assert read_tables(path)[0].rows == ((name, "18"),)


@pytest.mark.parametrize("span", ["0", "-1", "2.5", "x", "999999999999"])
def test_column_span_that_is_no_number_is_read_as_none(tmp_path: Path, span: str) -> None:
    body = f"<tr><td colspan='{span}'>Raab<td>18</tr>"
    assert read_page(tmp_path, f"<table>{HEAD}{body}</table>")[0].rows == (("Raab", "18"),)


def test_spans_that_would_fill_the_memory_are_refused(tmp_path: Path) -> None:
    rows = "<tr><td colspan=1000 rowspan=0>x</td></tr>" * 2000
    with pytest.raises(EvidenceError, match="is no table of a document"):
        read_page(tmp_path, f"<table>{rows}</table>")


def test_page_without_tables_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"holds no table.*; save the table alone as CSV"):
        read_page(tmp_path, "<p>18 of 34</p>")


WRAP = """<table-wrap id="T1"><label>Table 1</label>
<caption><title>Survival</title><p>after resection</p></caption>{table}
<table-wrap-foot><p>NR not reported</p>
<fn id="f1"><label>a</label><p>Value is <italic>mean</italic></p></fn></table-wrap-foot>
</table-wrap>"""


def test_article_gives_label_caption_cells_and_notes(tmp_path: Path) -> None:
    table = f"""<table>{HEAD}<tbody>
    <tr><td>Raab et al.<xref ref-type="bibr" rid="r10">10</xref></td><td>18</td></tr>
    <tr><td>Pocard [<xref ref-type="bibr" rid="r14">14</xref>]</td>
    <td>46<xref ref-type="table-fn" rid="f1"><sup>a</sup></xref></td></tr>
    </tbody></table>"""
    (grid,) = read_article(tmp_path, WRAP.format(table=table))
    assert (grid.name, grid.caption) == ("Table 1", "Survival after resection")
    assert grid.rows == (("Raab et al. 10", "18"), ("Pocard [14]", "46 a"))
    assert grid.notes == ("NR not reported", "a Value is mean")


def test_notes_of_an_article_may_stand_in_a_group(tmp_path: Path) -> None:
    table = f"<table>{HEAD}<tr><td>Raab</td><td>18</td></tr></table>"
    foot = "<fn-group><fn><p>a Mean</p></fn><fn><p>b Median</p></fn></fn-group>"
    wrap = WRAP.format(table=table).replace("<p>NR not reported</p>", foot)
    assert read_article(tmp_path, wrap)[0].notes == ("a Mean", "b Median", "a Value is mean")


def test_oasis_table_is_read_like_any_other(tmp_path: Path) -> None:
    table = """<oasis:table xmlns:oasis="http://docs.oasis-open.org/ns/oasis-exchange/table">
    <oasis:tgroup cols="3"><oasis:colspec colname="c1"/><oasis:colspec colname="c2"/>
    <oasis:colspec colname="c3"/><oasis:spanspec spanname="both" namest="c2" nameend="c3"/>
    <oasis:thead>
    <oasis:row><oasis:entry morerows="1">Authors</oasis:entry>
    <oasis:entry spanname="both">Survival</oasis:entry></oasis:row>
    <oasis:row><oasis:entry>3-year</oasis:entry><oasis:entry>5-year</oasis:entry></oasis:row>
    </oasis:thead><oasis:tbody>
    <oasis:row><oasis:entry>Raab</oasis:entry><oasis:entry colname="c3">18</oasis:entry></oasis:row>
    <oasis:row><oasis:entry>Elias</oasis:entry>
    <oasis:entry namest="c2" nameend="c3">NR</oasis:entry></oasis:row>
    </oasis:tbody></oasis:tgroup></oasis:table>"""
    (grid,) = read_article(tmp_path, WRAP.format(table=table))
    assert grid.header == ("Authors", "Survival: 3-year", "Survival: 5-year")
    assert grid.rows == (("Raab", "", "18"), ("Elias", "NR", "NR"))


def test_table_printed_as_an_image_is_not_passed_over(tmp_path: Path) -> None:
    table = f"<table>{HEAD}<tr><td>Raab</td><td>18</td></tr></table>"
    image = '<table-wrap><label>Table 2</label><graphic href="t2.jpg"/></table-wrap>'
    first, second = read_article(tmp_path, WRAP.format(table=table) + image)
    assert len(first.rows) == 1
    assert (second.name, second.rows) == ("Table 2", ())
    assert "image" in second.notes[-1]


def test_named_character_of_an_article_is_the_character(tmp_path: Path) -> None:
    doctype = '<!DOCTYPE article SYSTEM "http://example.invalid/JATS.dtd">'
    table = f"<table>{HEAD}<tr><td>Raab</td><td>18&ndash;22</td></tr></table>"
    (grid,) = read_article(tmp_path, WRAP.format(table=table), doctype)
    assert grid.rows == (("Raab", "18–22"),)


def test_entity_a_file_defines_is_neither_replaced_nor_lost(tmp_path: Path) -> None:
    bomb = "".join(f'<!ENTITY e{i + 1} "{f"&e{i};" * 10}">' for i in range(9))
    doctype = f'<!DOCTYPE article [<!ENTITY e0 "ha">{bomb}<!ENTITY own SYSTEM "/etc/hostname">]>'
    for name in ("e1", "own"):
        table = f"<table>{HEAD}<tr><td>Raab</td><td>&{name};</td></tr></table>"
        with pytest.raises(EvidenceError, match="an entity that the file defines") as caught:
            read_article(tmp_path, WRAP.format(table=table), doctype)
        assert f'"&{name};"' in str(caught.value)
        assert "\n" not in str(caught.value)


def test_entities_that_grow_without_end_are_refused_in_one_line(tmp_path: Path) -> None:
    bomb = "".join(f'<!ENTITY e{i + 1} "{f"&e{i};" * 10}">' for i in range(12))
    doctype = f'<!DOCTYPE article [<!ENTITY e0 "ha">{bomb}]>'
    table = f"<table>{HEAD}<tr><td title='&e12;'>Raab</td><td>&e12;</td></tr></table>"
    with pytest.raises(EvidenceError, match="is not well-formed") as caught:
        read_article(tmp_path, WRAP.format(table=table), doctype)
    assert "\n" not in str(caught.value)


def test_broken_article_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="is not well-formed") as caught:
        read_article(tmp_path, "<table-wrap><table><tr></table-wrap>")
    assert "\n" not in str(caught.value)


# Left out: control characters and noncharacters (no page can hold them) and, since pages fold it,
# white space other than single spaces within a cell.
CELL = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn"], max_codepoint=0xFFFF), max_size=12
).map(lambda text: re.sub(r" +", " ", text).strip(" "))
LABEL = st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=8)


@pytest.mark.parametrize("kind", ["html", "jats"])
@given(data=st.data(), width=st.integers(2, 5))
def test_any_table_survives_being_written_as_markup(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject, width: int
) -> None:
    header = data.draw(st.lists(LABEL, min_size=width, max_size=width, unique=True))
    row = st.tuples(LABEL, *[CELL for _ in range(width - 1)]).map(list)
    rows = data.draw(st.lists(row, min_size=1, max_size=5))
    table = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
        for cells in [header, *rows]
    )
    folder = tmp_path_factory.mktemp(kind)
    if kind == "html":
        (grid,) = read_page(folder, f"<table>{table}</table>")
    else:
        (grid,) = read_article(folder, WRAP.format(table=f"<table>{table}</table>"))
    assert list(grid.header) == header
    assert [list(cells) for cells in grid.rows] == rows
