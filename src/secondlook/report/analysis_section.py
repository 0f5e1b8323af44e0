"""Pieces of the page: tables, figures, and one analysis with all that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import polars as pl
from markupsafe import Markup

from secondlook.evidence import Table
from secondlook.report import prose, tables
from secondlook.report.contents import Contents
from secondlook.report.drawings import FURTHER
from secondlook.report.figure_files import svg_text
from secondlook.report.table_html import cell_anchor, html
from secondlook.synthesis import AnalysisResult

__all__ = ["COMPUTED", "Section", "analysis_section", "anchor", "cells_of", "figure", "table"]

COMPUTED = ("Pooled", "Estimate", "95 % interval", "Prediction interval")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Section:
    """One analysis as the page shows it."""

    id: str
    title: str
    answer: str
    heterogeneity: str
    influence: str
    subgroups: str
    outside: str
    figure: Markup
    further: tuple[tuple[str, Markup], ...]
    table: Markup
    left_out: Markup
    routes: Markup
    models: Markup
    assumptions: tuple[str, ...]
    warnings: tuple[str, ...]
    conventions: tuple[str, ...]


def table(
    frame: pl.DataFrame,
    name: str,
    numeric: tuple[str, ...] = (),
    links: dict[tuple[int, str], str] | None = None,
    muted: tuple[int, ...] = (),
    anchors: bool = False,
) -> Markup:
    """Set a frame as a table of the page; nothing for a frame without rows."""
    if not frame.height:
        return Markup()
    page = html(frame, name=name, numeric=numeric, links=links, muted=muted, anchors=anchors)
    return Markup(page)  # noqa: S704 - every cell was escaped where it was set


def figure(drawn: dict[str, bytes], name: str, title: str, description: str) -> Markup:
    """Put a figure that was drawn into the page; nothing where it was not."""
    if name not in drawn:
        return Markup()
    shown = svg_text(drawn[name], name=name, title=title, description=description)
    return Markup(shown)  # noqa: S704 - drawn here; its text is escaped by the drawing


def analysis_section(
    result: AnalysisResult, drawn: dict[str, bytes], contents: Contents
) -> Section:
    """Gather what the page shows of one analysis."""
    plan = result.analysis
    frame = tables.analysis_frame(result)
    links = _links(result, contents)
    unused = tuple(index for index, row in enumerate(result.rows) if row.reason)
    numeric = tuple(
        name for name in frame.columns if name.split(",")[0] in ("n", "Weight (%)", *COMPUTED)
    )
    answer = prose.answer(result)
    pooled = result.pooled
    left_out = tables.left_out_frame(result)
    return Section(
        id=plan.id,
        title=plan.title,
        answer=answer,
        heterogeneity=prose.heterogeneity(result),
        influence=prose.influence(result),
        subgroups=prose.subgroup_sentence(result),
        outside=prose.outside(result),
        figure=figure(drawn, plan.id, plan.title, answer),
        further=tuple(
            (called, figure(drawn, f"{plan.id}-{kind}", f"{called}: {plan.title}", ""))
            for kind, (called, _) in FURTHER.items()
            if f"{plan.id}-{kind}" in drawn
        ),
        table=table(frame, f"analysis-{plan.id}-table", numeric, links, unused),
        left_out=table(left_out, f"analysis-{plan.id}-left-out", tuple(left_out.columns[1:])),
        models=table(tables.models_frame(result), f"analysis-{plan.id}-models", COMPUTED),
        routes=table(tables.routes_frame(result), f"analysis-{plan.id}-routes", COMPUTED),
        assumptions=result.assumptions,
        warnings=result.warnings,
        conventions=() if pooled is None else pooled.conventions,
    )


def _links(result: AnalysisResult, contents: Contents) -> dict[tuple[int, str], str]:
    """Where each printed value of an analysis stands: its cell, or the numbers in running text."""
    cells = {
        (one.document, one.place, row, column): f"#{cell_anchor(cells_of(one), down, across)}"
        for one in contents.evidence.tables()
        for down, (row, _) in enumerate(one.rows)
        for across, column in enumerate(one.columns, 1)
    }
    links = {}
    for index, row in enumerate(result.rows):
        for arm in row.arms:
            if arm.findings:
                source = arm.findings[0].source
                key = (source.document, source.place, source.row, source.column)
                links[index, tables.printed_heading(row, arm)] = cells.get(key, "#text-numbers")
    return links


def cells_of(printed: Table) -> str:
    """Name the cells of a printed table for pointing at them."""
    return f"{anchor(printed)}-cells"


def anchor(printed: Table) -> str:
    """Name a table for the page and its file: readable, never too long, and never twice."""
    whole = f"{printed.document} {printed.place}"
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in whole.casefold())
    name = "-".join(part for part in kept.split("-") if part)
    plain = " ".join("".join(c if c.isalnum() else " " for c in whole.casefold()).split())
    if plain == name.replace("-", " ") and len(name) <= _LONGEST and "-" not in printed.place:
        return f"printed-{name}"
    return f"printed-{name[:_LONGEST]}-{sha256(whole.encode()).hexdigest()[:8]}"
