"""A frame of text as an HTML table that the page's own stylesheet dresses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import polars as pl
from great_tables import GT
from great_tables import html as as_html

__all__ = ["cell_anchor", "html"]


def html(
    frame: pl.DataFrame,
    *,
    name: str,
    numeric: Sequence[str] = (),
    links: Mapping[tuple[int, str], str] | None = None,
    muted: Sequence[int] = (),
    anchors: bool = False,
) -> str:
    """Render a frame of text as an HTML table that the page's own stylesheet dresses.

    Parameters
    ----------
    frame
        Strings; they are escaped here.
    name
        The table's id in the page.
    numeric
        Columns set flush right.
    links
        Row and column of a cell to the page address it points to.
    muted
        Rows shown as not used.
    anchors
        Whether cells can be pointed at, as :func:`cell_anchor` names them.
    """
    targets = links or {}

    def cell(text: str, row: int, column: str) -> str:
        plain = _MARK.sub(r"\1<sup>\2</sup>", escape(text, quote=False))
        if anchors:
            here = cell_anchor(name, row, frame.columns.index(column))
            return f'<span id="{here}">{plain}</span>'
        target = targets.get((row, column))
        return f'<a href="{escape(target)}">{plain}</a>' if target else plain

    # columns are numbered inside: headings may hold anything, and may be empty
    shown = pl.DataFrame(
        {
            f"{name}-{index}": [
                cell(text, row, column) for row, text in enumerate(frame[column].to_list())
            ]
            for index, column in enumerate(frame.columns)
        },
        schema={f"{name}-{index}": pl.String for index in range(frame.width)},
    )
    labels: dict[str, Any] = {
        inside: as_html(escape(heading, quote=False))
        for inside, heading in zip(shown.columns, frame.columns, strict=True)
    }
    # cells are escaped above, and a formatter's text is taken as it is
    table = GT(shown, id=name).cols_label(cases=labels).cols_align("left").fmt(_as_it_is)
    right = [f"{name}-{frame.columns.index(column)}" for column in numeric if column in frame]
    if right:
        table = table.cols_align("right", columns=right)
    page = table.as_raw_html()
    # every table would bring the same eight kilobytes of style; the page has one stylesheet
    page = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    page = re.sub(r'(<div id="[^"]*") style="[^"]*"', r'\1 class="table"', page, count=1)
    return _mute(page, muted)


def cell_anchor(name: str, row: int, column: int) -> str:
    """Name a cell of a table for pointing at it.

    Examples
    --------
    >>> cell_anchor("t", 3, 2)
    't-row-3-cell-2'
    """
    return f"{name}-row-{row}-cell-{column}"


def _as_it_is(text: str) -> str:
    return text


# a footnote mark behind a number or NR
_MARK = re.compile(r"^((?:.*\d|NR)) ([a-z*†‡§])$")


def _mute(page: str, rows: Sequence[int]) -> str:
    if not rows:
        return page
    head, body, tail = re.split(r"(<tbody.*?</tbody>)", page, maxsplit=1, flags=re.DOTALL)
    pieces = body.split("<tr>")
    for row in rows:
        pieces[row + 1] = f"\x00{pieces[row + 1]}"
    return head + "<tr>".join(pieces).replace("<tr>\x00", '<tr class="muted">') + tail
