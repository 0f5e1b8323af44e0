"""The report: one HTML page that needs nothing else, its figures, its tables and its numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from secondlook.audit import AuditReport
from secondlook.consequences import Consequence
from secondlook.evidence import Evidence
from secondlook.files import finite, replace_bytes
from secondlook.report import prognosis_tables, tables
from secondlook.report.analysis_section import (
    COMPUTED,
    analysis_section,
    anchor,
    cells_of,
    figure,
    table,
)
from secondlook.report.audit_section import audit_section, coverage_frame
from secondlook.report.certainty_section import certainty_notes, findings_frame
from secondlook.report.changes_section import (
    Earlier,
    change_sentences,
    earlier_report,
    shown_changes,
)
from secondlook.report.citations import cited
from secondlook.report.contents import Contents
from secondlook.report.curve_section import curve_frame, curve_section, printed_numbers_frame
from secondlook.report.drawings import drawings
from secondlook.report.figure_files import save
from secondlook.synthesis import Change, fingerprint, profile

__all__ = ["audit_page", "write_report"]

Progress = Callable[[str], None]


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
    before = earlier_report(out / "numbers.json", contents.question.title)
    changed = _changes(before, contents, progress)
    written: list[Path] = []
    drawn: dict[str, bytes] = {}
    for name, draw in drawings(contents).items():
        progress(f"draw: {name}")
        paths = save(draw(), out / "figures", name)
        drawn[name] = paths[0].read_bytes()
        written += paths
    progress("write: tables and numbers")
    for name, frame in _frames(contents).items():
        written.append(replace_bytes(out / "tables" / f"{name}.csv", _csv(frame)))
    progress("write: report.html")
    page = replace_bytes(out / "report.html", _page(contents, drawn, changed).encode())
    names = sorted(path.relative_to(out).as_posix() for path in written)
    numbers = json.dumps(
        _numbers(contents, names, changed), indent=1, ensure_ascii=False, allow_nan=False
    )
    replace_bytes(out / "numbers.json", f"{numbers}\n".encode())
    for name in before.files - set(names):
        (out / name).unlink(missing_ok=True)
    return page


def _changes(before: Earlier, contents: Contents, progress: Progress) -> tuple[Change, ...]:
    changed = shown_changes(before, contents.results)
    if changed != before.changes:
        for change in changed:
            progress(f"changed: {change_sentences(change)[0]}")
    return changed


def _csv(frame: pl.DataFrame) -> bytes:
    return frame.write_csv().encode("utf-8") if frame.width else b""


def _numbers(contents: Contents, names: list[str], changed: Sequence[Change]) -> dict[str, Any]:
    content = {
        "secondlook": version("secondlook"),
        "title": contents.question.title,
        "analyses": [
            result.to_dict() | {"fingerprint": fingerprint(result)} for result in contents.results
        ],
        "curves": [one.to_dict() for one in contents.curves],
        "changes": [change.to_dict() for change in changed],
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
        "certainty": [one.to_dict() for one in contents.certainty],
        "profile": [one.to_dict() for one in profile(contents.votes)],
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
        "prognostic-factors": prognosis_tables.factors_frame(contents),
        "prognostic-profile": prognosis_tables.profile_frame(contents.votes),
        "prognostic-numbers": prognosis_tables.factor_numbers_frame(contents),
        "summary-of-findings": findings_frame(contents.certainty, contents.results),
        "audit": contents.audit.to_frame(),
        "audit-coverage": coverage_frame(contents.audit),
        "prognostic-statements": prognosis_tables.statements_frame(contents.evidence),
    }
    for result in contents.results:
        frames[result.analysis.id] = tables.numeric_rows(result)
        if result.left_out is not None:
            frames[f"{result.analysis.id}-leave-one-out"] = tables.left_out_frame(result)
    for curve in contents.curves:
        if curve.pooled is not None:
            frames[curve.plan.id] = curve_frame(curve.pooled)
            frames[f"{curve.plan.id}-printed"] = printed_numbers_frame(curve.pooled)
    for one in contents.evidence.tables():
        frames[anchor(one)] = tables.printed_frame(one)
    return {name: frame for name, frame in frames.items() if frame.width}


def _page(contents: Contents, drawn: dict[str, bytes], changed: Sequence[Change]) -> str:
    environment = _templates()
    return environment.get_template("report.html").render(
        version=version("secondlook"),
        style=_style(environment),
        question=contents.question,
        evidence=contents.evidence,
        answers=table(tables.answers_frame(contents), "answers", COMPUTED),
        counts=table(tables.counts_frame(contents), "counts", ("Studies", "Patients")),
        changes=[change_sentences(change) for change in changed],
        sections=[analysis_section(result, drawn, contents) for result in contents.results],
        curves=[curve_section(one, drawn) for one in contents.curves],
        ranges=table(tables.ranges_frame(contents), "ranges", ("Smallest", "Largest")),
        stated=table(tables.stated_ranges_frame(contents.evidence), "stated-ranges"),
        certainty=table(
            findings_frame(contents.certainty, contents.results), "summary-of-findings"
        ),
        certainty_notes=certainty_notes(contents.certainty),
        lights=figure(drawn, "risk-of-bias", "Risk of bias as judged, by study and domain", ""),
        profile=table(prognosis_tables.profile_frame(contents.votes), "profile"),
        factor_numbers=table(prognosis_tables.factor_numbers_frame(contents), "factor-numbers"),
        harvest=figure(drawn, "prognostic-factors", "Harvest plot of prognostic factors", ""),
        factors=table(prognosis_tables.factors_frame(contents), "factors", ("Studies × analyses",)),
        statements=table(prognosis_tables.statements_frame(contents.evidence), "statements"),
        documents=_documents(contents),
        printed=_printed(contents),
        text=table(tables.text_frame(contents.evidence), "text-numbers"),
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


def _printed(contents: Contents) -> list[_Printed]:
    labels = {study.key: study.label for study in contents.evidence.studies}
    shown = []
    for one in contents.evidence.tables():
        frame = tables.printed_frame(one)
        cells: dict[str, dict[str, None]] = {}
        for cell, note in one.notes:
            cells.setdefault(note, {})[cell or "blank"] = None
        document = labels.get(one.document) or one.document
        shown.append(
            _Printed(
                id=anchor(one),
                title=", ".join(part for part in (document, one.place) if part),
                table=table(frame, cells_of(one), tuple(frame.columns[1:]), anchors=True),
                notes=tuple((", ".join(where), note) for note, where in cells.items()),
            )
        )
    return shown
