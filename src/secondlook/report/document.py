"""The report: one HTML page that needs nothing else, its figures, its tables and its numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from secondlook.audit import AuditReport
from secondlook.consequences import Consequence
from secondlook.evidence import Evidence, Table
from secondlook.files import finite, replace_bytes
from secondlook.report import prose, tables
from secondlook.report.audit_section import audit_section, coverage_frame
from secondlook.report.citations import cited
from secondlook.report.contents import Contents
from secondlook.report.figure_files import save, svg_text
from secondlook.report.forest import forest
from secondlook.report.harvest import harvest
from secondlook.report.table_html import cell_anchor, html
from secondlook.synthesis import AnalysisResult

__all__ = ["audit_page", "write_report"]

_COMPUTED = ("Pooled", "Estimate", "95 % interval", "Prediction interval")

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Section:
    """One analysis as the page shows it."""

    id: str
    title: str
    answer: str
    heterogeneity: str
    influence: str
    subgroups: str
    outside: str
    figure: Markup
    table: Markup
    left_out: Markup
    assumptions: tuple[str, ...]
    warnings: tuple[str, ...]
    conventions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Printed:
    """A table of a document as the page shows it."""

    id: str
    title: str
    table: Markup
    notes: tuple[tuple[str, str], ...]


def write_report(contents: Contents, out: Path, progress: Progress) -> Path:
    """Write report.html, numbers.json, figures/ and tables/ into a folder.

    Each file is written beside its place and renamed into it; files that an earlier report wrote
    and this one does not are removed, others in the folder are left alone.

    Returns
    -------
    pathlib.Path
        The page.
    """
    before = _files_of(out / "numbers.json")
    written: list[Path] = []
    drawn: dict[str, bytes] = {}
    for name, draw in _drawings(contents).items():
        progress(f"draw: {name}")
        paths = save(draw(), out / "figures", name)
        drawn[name] = paths[0].read_bytes()
        written += paths
    progress("write: tables and numbers")
    for name, frame in _frames(contents).items():
        written.append(replace_bytes(out / "tables" / f"{name}.csv", _csv(frame)))
    progress("write: report.html")
    page = replace_bytes(out / "report.html", _page(contents, drawn).encode())
    names = sorted(path.relative_to(out).as_posix() for path in written)
    numbers = json.dumps(_numbers(contents, names), indent=1, ensure_ascii=False, allow_nan=False)
    replace_bytes(out / "numbers.json", f"{numbers}\n".encode())
    for name in before - set(names):
        (out / name).unlink(missing_ok=True)
    return page


def _drawings(contents: Contents) -> dict[str, Callable[[], Figure]]:
    drawings: dict[str, Callable[[], Figure]] = {
        result.analysis.id: partial(forest, result) for result in contents.results
    }
    if contents.votes:
        drawings["prognostic-factors"] = partial(harvest, contents.votes)
    return drawings


def _files_of(numbers: Path) -> set[str]:
    """Figures and tables that an earlier report says it wrote."""
    try:
        names = json.loads(numbers.read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    mine = [name for name in names if isinstance(name, str) and ".." not in Path(name).parts]
    return {name for name in mine if name.startswith(("figures/", "tables/"))}


def _csv(frame: pl.DataFrame) -> bytes:
    return frame.write_csv().encode("utf-8") if frame.width else b""


def _numbers(contents: Contents, names: list[str]) -> dict[str, Any]:
    content = {
        "secondlook": version("secondlook"),
        "title": contents.question.title,
        "analyses": [result.to_dict() for result in contents.results],
        "factors": [
            {
                "site": group.site,
                "factor": group.factor,
                "endpoint": group.endpoint,
                "favourable": group.favourable,
                "votes": [
                    {
                        "study": vote.study.key,
                        "outcome": vote.outcome,
                        "analysis": vote.factor.analysis,
                        "attribution": vote.factor.attribution,
                        "p": vote.factor.p.printed,
                        "sources": [str(f.source) for f in (vote.factor, *vote.repeats)],
                    }
                    for vote in group.votes
                ],
            }
            for group in contents.votes
        ],
        "audit": contents.audit.to_dict(),
        "consequences": [
            {"rule": one.discrepancy.verdict.rule, "message": one.discrepancy.verdict.message}
            | one.to_dict()
            for one in contents.consequences
        ],
        "files": names,
    }
    plain: dict[str, Any] = finite(content)
    return plain


def _frames(contents: Contents) -> dict[str, pl.DataFrame]:
    frames = {
        "answers": tables.numeric_answers(contents),
        "studies-by-site": tables.counts_frame(contents),
        "ranges": tables.ranges_frame(contents),
        "prognostic-factors": tables.factors_frame(contents),
        "audit": contents.audit.to_frame(),
        "audit-coverage": coverage_frame(contents.audit),
        "prognostic-statements": tables.statements_frame(contents.evidence),
    }
    for result in contents.results:
        frames[result.analysis.id] = tables.numeric_rows(result)
        if result.left_out is not None:
            frames[f"{result.analysis.id}-leave-one-out"] = tables.left_out_frame(result)
    for table in contents.evidence.tables():
        frames[_anchor(table)] = tables.printed_frame(table)
    return {name: frame for name, frame in frames.items() if frame.width}


def _anchor(table: Table) -> str:
    """Name a table for the page and its file: readable, never too long, and never twice."""
    whole = f"{table.document} {table.place}"
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in whole.casefold())
    name = "-".join(part for part in kept.split("-") if part)
    plain = " ".join("".join(c if c.isalnum() else " " for c in whole.casefold()).split())
    if plain == name.replace("-", " ") and len(name) <= _LONGEST and "-" not in table.place:
        return f"printed-{name}"
    return f"printed-{name[:_LONGEST]}-{sha256(whole.encode()).hexdigest()[:8]}"


_LONGEST = 60


def _page(contents: Contents, drawn: dict[str, bytes]) -> str:
    environment = _templates()
    return environment.get_template("report.html").render(
        version=version("secondlook"),
        style=_style(environment),
        question=contents.question,
        evidence=contents.evidence,
        answers=_html(tables.answers_frame(contents), "answers", _COMPUTED),
        counts=_html(tables.counts_frame(contents), "counts", ("Studies", "Patients")),
        sections=[_section(result, drawn, contents) for result in contents.results],
        ranges=_html(tables.ranges_frame(contents), "ranges", ("Smallest", "Largest")),
        stated=_html(tables.stated_ranges_frame(contents.evidence), "stated-ranges"),
        harvest=_figure(drawn, "prognostic-factors", "Harvest plot of prognostic factors", ""),
        factors=_html(tables.factors_frame(contents), "factors", ("Studies × analyses",)),
        statements=_html(tables.statements_frame(contents.evidence), "statements"),
        documents=_documents(contents),
        printed=_printed(contents),
        text=_html(tables.text_frame(contents.evidence), "text-numbers"),
        audit=audit_section(contents.audit, contents.consequences, contents.evidence),
        citations=cited(contents.results, harvest=bool(contents.votes)),
    )


def audit_page(
    audited: AuditReport, evidence: Evidence, consequences: Sequence[Consequence] = ()
) -> str:
    """Give an audit as a page of its own."""
    environment = _templates()
    return environment.get_template("audit_page.html").render(
        version=version("secondlook"),
        style=_style(environment),
        audit=audit_section(audited, consequences, evidence),
    )


def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(str(files("secondlook").joinpath("report", "templates"))),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _style(environment: Environment) -> Markup:
    return Markup(environment.get_template("report.css").render())  # noqa: S704 - our own file


def _documents(contents: Contents) -> list[tuple[str, str]]:
    """The documents numbers were read in: label, and what is known of each."""
    keys = dict.fromkeys(finding.source.document for finding in contents.evidence.findings)
    known = {study.key: study for study in contents.evidence.studies}
    described = []
    for key in keys:
        study = known.get(key)
        if study is not None:
            described.append((study.label or study.key, study.note))
        elif key:
            described.append((key, ""))
    return described


def _html(
    frame: pl.DataFrame,
    name: str,
    numeric: tuple[str, ...] = (),
    links: dict[tuple[int, str], str] | None = None,
    muted: tuple[int, ...] = (),
    anchors: bool = False,
) -> Markup:
    if not frame.height:
        return Markup()
    page = html(frame, name=name, numeric=numeric, links=links, muted=muted, anchors=anchors)
    return Markup(page)  # noqa: S704 - every cell was escaped where it was set


def _figure(drawn: dict[str, bytes], name: str, title: str, description: str) -> Markup:
    if name not in drawn:
        return Markup()
    shown = svg_text(drawn[name], name=name, title=title, description=description)
    return Markup(shown)  # noqa: S704 - drawn here; its text is escaped by the drawing


def _section(result: AnalysisResult, drawn: dict[str, bytes], contents: Contents) -> _Section:
    plan = result.analysis
    frame = tables.analysis_frame(result)
    links = _links(result, contents)
    unused = tuple(index for index, row in enumerate(result.rows) if row.reason)
    numeric = tuple(
        name for name in frame.columns if name.split(",")[0] in ("n", "Weight (%)", *_COMPUTED)
    )
    answer = prose.answer(result)
    pooled = result.pooled
    left_out = tables.left_out_frame(result)
    return _Section(
        id=plan.id,
        title=plan.title,
        answer=answer,
        heterogeneity=prose.heterogeneity(result),
        influence=prose.influence(result),
        subgroups=prose.subgroup_sentence(result),
        outside=prose.outside(result),
        figure=_figure(drawn, plan.id, plan.title, answer),
        table=_html(frame, f"analysis-{plan.id}-table", numeric, links, unused),
        left_out=_html(left_out, f"analysis-{plan.id}-left-out", tuple(left_out.columns[1:])),
        assumptions=result.assumptions,
        warnings=result.warnings,
        conventions=() if pooled is None else pooled.conventions,
    )


def _links(result: AnalysisResult, contents: Contents) -> dict[tuple[int, str], str]:
    """Where each printed value of an analysis stands: its cell, or the numbers in running text."""
    cells = {
        (table.document, table.place, row, column): f"#{cell_anchor(_cells(table), down, across)}"
        for table in contents.evidence.tables()
        for down, (row, _) in enumerate(table.rows)
        for across, column in enumerate(table.columns, 1)
    }
    links = {}
    for index, row in enumerate(result.rows):
        for arm in row.arms:
            if arm.findings:
                source = arm.findings[0].source
                key = (source.document, source.place, source.row, source.column)
                links[index, tables.printed_heading(row, arm)] = cells.get(key, "#text-numbers")
    return links


def _cells(table: Table) -> str:
    return f"{_anchor(table)}-cells"


def _printed(contents: Contents) -> list[_Printed]:
    labels = {study.key: study.label for study in contents.evidence.studies}
    shown = []
    for table in contents.evidence.tables():
        frame = tables.printed_frame(table)
        cells: dict[str, dict[str, None]] = {}
        for cell, note in table.notes:
            cells.setdefault(note, {})[cell or "blank"] = None
        document = labels.get(table.document) or table.document
        shown.append(
            _Printed(
                id=_anchor(table),
                title=", ".join(part for part in (document, table.place) if part),
                table=_html(frame, _cells(table), tuple(frame.columns[1:]), anchors=True),
                notes=tuple((", ".join(where), note) for note, where in cells.items()),
            )
        )
    return shown
