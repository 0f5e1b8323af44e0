"""Tables in marked-up text: HTML pages, and articles in JATS XML as PubMed Central gives them.

Cells that span rows or columns stand in all of them. Raised and lowered characters and references
are set apart by a space, so that ``46<sup>a</sup>`` is ``46 a``. Nothing outside the file is
loaded and no entity that a file defines for itself is replaced.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from secondlook.errors import EvidenceError, Problem
from secondlook.evidence.delimited import decode
from secondlook.evidence.tables.grid import Grid
from secondlook.evidence.tables.layout import Cell, Row, arrange, check_size
from secondlook.evidence.untrusted_xml import untrusted_parser

__all__ = ["read_html", "read_jats"]

_APART = {"sup", "sub", "xref"}
_BREAKS = {
    "br", "break", "p", "div", "li", "list-item", "title", "label", "dt", "dd", "def-item", "tr",
    "td", "th", "fn",
}  # fmt: skip
_UNSEEN = {"script", "style", "template", "object-id", "graphic", "inline-graphic", "tex-math"}
# no XML and no HTML text can hold these two, so they can mark where a raised part begins and ends
_BEGIN, _END = "\x01", "\x02"
_RUN = f"[{_BEGIN}{_END}]+"
_NO_SPACE = re.compile(
    rf"^{_RUN}|(?<=[\s(\[,;/]){_RUN}|(?<=\w[–-]){_RUN}|{_RUN}(?=[\s,;)\]]|$)|{_END}+(?=[.:/–-])"
)
_DECLARED = re.compile(rb"<meta[^>]+charset", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Span:
    """A printed cell: its text, how far it reaches, and its column where the file names one."""

    text: str
    across: int
    down: int
    column: int | None = None


def read_html(data: bytes, file: str) -> tuple[Grid, ...]:
    """Read every table of a page that has no other table within it."""
    encoding: str | None = "utf-8"
    try:
        data = data.removeprefix(b"\xef\xbb\xbf")
        data.decode("utf-8")
    except UnicodeDecodeError:
        if _DECLARED.search(data[:4096]) and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            encoding = None
        else:
            data = decode(data, file).encode("utf-8")
    parser = etree.HTMLParser(
        no_network=True, huge_tree=False, encoding=encoding, remove_comments=True, remove_pis=True
    )
    root = _parse(data, parser, file)
    tables = [table for table in root.iter("table") if table.find(".//table") is None]
    return tuple(
        _table(table, file=file, name=f"table {number}", caption=_text_of(table, "caption", file))
        for number, table in enumerate(tables, start=1)
    )


def read_jats(data: bytes, file: str) -> tuple[Grid, ...]:
    """Read every table of an article; one that is printed as an image has a note and no rows."""
    root = _parse(data, untrusted_parser(), file)
    grids = []
    wraps = list(root.iter("{*}table-wrap"))
    for number, wrap in enumerate(wraps, start=1):
        name = _text_of(wrap, "label", file) or wrap.get("id") or f"table {number}"
        caption = _text_of(wrap, "caption", file)
        foot = wrap.findall("{*}table-wrap-foot")
        notes = [_text(note, file) for part in foot for note in _notes(part)]
        tables = list(wrap.iter("{*}tgroup")) or list(wrap.iter("{*}table"))
        for table in tables:
            grids.append(_table(table, file=file, name=name, caption=caption, notes=notes))
        if not tables:
            notes.append("the file holds this table as an image only")
            grids.append(arrange((), file=file, name=name, caption=caption, notes=notes))
    return tuple(grids)


def _parse(data: bytes, parser: Any, file: str) -> Any:
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        rule = f"is not well-formed ({' '.join(str(error.msg).split())[:100]})"
        raise EvidenceError(
            Problem(file, None, rule, "download it again, or save the table as CSV UTF-8")
        ) from error
    if root is None:
        raise EvidenceError(Problem(file, None, "holds no markup", "check that it is the file"))
    return root


def _name(element: Any) -> str:
    return etree.QName(element).localname.lower() if isinstance(element.tag, str) else ""


def _text_of(parent: Any, child: str, file: str) -> str:
    found = parent.find(f"{{*}}{child}")
    return "" if found is None else _text(found, file)


def _notes(foot: Any) -> Iterator[Any]:
    for child in foot:
        if _name(child) == "fn-group":
            yield from _notes(child)
        elif _name(child):
            yield child


def _text(element: Any, file: str) -> str:
    """The text of an element as it is read on the page."""
    raw = _NO_SPACE.sub("", "".join(_pieces(element, file)).strip(" \t\r\n\f"))
    spaced = raw.replace(_BEGIN, " ").replace(_END, " ")
    # only the white space that markup folds: a no-break space was typed on purpose
    return re.sub(r"[ \t\r\n\f]+", " ", spaced).strip(" ")


def _pieces(element: Any, file: str) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        name = _name(child)
        if child.tag is etree.Entity:
            yield _entity(child, file)
        elif name in _APART:
            yield _BEGIN
            yield from _pieces(child, file)
            yield _END
        elif name not in _UNSEEN:
            space = " " if name in _BREAKS else ""
            yield space
            yield from _pieces(child, file)
            yield space
        yield child.tail or ""


def _entity(node: Any, file: str) -> str:
    character = html.unescape(node.text)
    if character == node.text:
        rule = "is an entity that the file defines for itself and that is not replaced"
        remedy = "write the characters it stands for"
        raise EvidenceError(Problem(f"{file}, line {node.sourceline}", node.text, rule, remedy))
    return character


def _table(table: Any, *, file: str, name: str, caption: str, notes: Sequence[str] = ()) -> Grid:
    sections: dict[str, list[list[_Span]]] = {"thead": [], "tbody": [], "tfoot": []}
    columns = _named_columns(table)
    marked = 0
    for element in table.iter("{*}tr", "{*}row"):
        section = next(
            (kind for kind in map(_name, element.iterancestors()) if kind in sections), "tbody"
        )
        printed = [child for child in element if _name(child) in ("td", "th", "entry")]
        is_heading = bool(printed) and all(_name(cell) == "th" for cell in printed)
        if section == "tbody" and is_heading and marked == len(sections["tbody"]):
            marked += 1
        sections[section].append([_span(cell, columns, file) for cell in printed])
    rows: list[Row] = []
    for part in sections.values():
        rows.extend(_spread(part, len(rows) + 1, f"{file}, {name}"))
    if marked == len(sections["tbody"]):
        marked = 0
    headings = len(sections["thead"]) or marked
    return arrange(rows, file=file, name=name, caption=caption, notes=notes, headings=headings)


def _named_columns(table: Any) -> dict[str, tuple[int, int]]:
    """First and last column of each name that an OASIS table gives to columns and spans."""
    columns: dict[str, tuple[int, int]] = {}
    for index, column in enumerate(table.findall("{*}colspec")):
        number = _whole(column.get("colnum"), smallest=1, otherwise=index + 1) - 1
        columns[column.get("colname", "")] = (number, number)
    for span in table.findall("{*}spanspec"):
        ends = (columns.get(span.get("namest", "")), columns.get(span.get("nameend", "")))
        if ends[0] and ends[1]:
            columns[span.get("spanname", "")] = (ends[0][0], ends[1][1])
    columns.pop("", None)
    return columns


def _span(cell: Any, columns: dict[str, tuple[int, int]], file: str) -> _Span:
    text = _text(cell, file)
    if _name(cell) != "entry":
        across = min(_whole(cell.get("colspan"), smallest=1, otherwise=1), 1000)
        return _Span(text, across, _whole(cell.get("rowspan"), smallest=0, otherwise=1))
    down = 1 + _whole(cell.get("morerows"), smallest=0, otherwise=0)
    named = cell.get("spanname") or cell.get("namest") or cell.get("colname") or ""
    if named not in columns:
        return _Span(text, 1, down)
    first, last = columns[named]
    last = columns.get(cell.get("nameend", ""), (first, last))[1]
    return _Span(text, max(1, last - first + 1), down, first)


def _whole(text: str | None, *, smallest: int, otherwise: int) -> int:
    number = text.strip() if text else ""
    # browsers read a span that is no number as if it were not there
    if not (number.isascii() and number.isdigit() and len(number) < 6):
        return otherwise
    return int(number) if int(number) >= smallest else otherwise


def _spread(rows: Sequence[Sequence[_Span]], first_line: int, where: str) -> list[Row]:
    """Give every place of a section of a table the printed cell that covers it."""
    places: dict[tuple[int, int], Cell] = {}
    for row, spans in enumerate(rows):
        column = 0
        for span in spans:
            column = column if span.column is None else span.column
            while (row, column) in places:
                column += 1
            # a cell ends with its section, and one that reaches 0 rows down reaches to that end
            bottom = min(row + span.down, len(rows)) if span.down else len(rows)
            check_size(len(places) + (bottom - row) * span.across, 1, where)
            cell = Cell(span.text, (first_line + row, column))
            for line in range(row, bottom):
                for beside in range(column, column + span.across):
                    places.setdefault((line, beside), cell)
            column += span.across
    width = 1 + max((column for _, column in places), default=-1)
    return [
        Row(
            first_line + row,
            tuple(
                places.get((row, column), Cell("", (first_line + row, column)))
                for column in range(width)
            ),
        )
        for row in range(len(rows))
    ]
