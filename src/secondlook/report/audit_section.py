"""The audit as the report shows it: what fired, what would settle it, what could not be asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from markupsafe import Markup

from secondlook.audit import NOTHING_SETTLES, UNSEEN, AuditReport, Cause, Discrepancy, Severity
from secondlook.consequences import Consequence
from secondlook.evidence import Evidence
from secondlook.report.numerals import plural
from secondlook.report.table_html import html

__all__ = ["AuditSection", "audit_section", "coverage_frame"]

_MOST_CAUSES = 4
_NOTHING = NOTHING_SETTLES[:1].upper() + NOTHING_SETTLES[1:]


@dataclass(frozen=True, slots=True)
class _Found:
    """One discrepancy in words."""

    severity: str
    state: str
    studies: str
    message: str
    rule: str
    computed: str
    seen: str
    causes: tuple[tuple[str, ...], ...]
    as_above: bool
    more: str
    nothing: str
    consequences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuditSection:
    """The section of the page: a sentence, the discrepancies, the table of coverage."""

    summary: str
    found: tuple[_Found, ...]
    coverage: Markup
    unseen: tuple[str, ...]


def audit_section(
    audited: AuditReport, consequences: Sequence[Consequence], evidence: Evidence
) -> AuditSection:
    """Put an audit into words for the page."""
    labels = {study.key: study.label or study.key for study in evidence.studies}
    shown: list[_Found] = []
    above: set[tuple[Cause, ...]] = set()
    for found in audited.discrepancies:
        shown.append(_found(found, consequences, labels, as_above=found.search.causes in above))
        above |= {found.search.causes} if found.search.causes else set()
    table = html(coverage_frame(audited), name="coverage", numeric=_COUNTS)
    return AuditSection(
        _summary(audited),
        tuple(shown),
        Markup(table),  # noqa: S704 - every cell was escaped where it was set
        UNSEEN,
    )


def _summary(audited: AuditReport) -> str:
    counts = Counter(found.severity for found in audited.discrepancies)
    asked = sum(one.evaluated for one in audited.coverage)
    blind = sum(one.not_evaluated for one in audited.coverage)
    lapsed = plural(len(audited.lapsed), "decision has", "decisions have")
    lapsed = f" {lapsed} lapsed, since what was printed or what fires has changed."
    return (
        f"{plural(len(audited.coverage), 'rule was', 'rules were')} asked at "
        f"{plural(asked, 'place', 'places')}: {plural(counts[Severity.ERROR], 'error', 'errors')}, "
        f"{plural(counts[Severity.SUSPECT], 'suspect', 'suspects')}, "
        f"{plural(counts[Severity.INFO], 'remark', 'remarks')}. At "
        f"{plural(blind, 'place', 'places')} something was missing that the rule needs."
        + (lapsed if audited.lapsed else "")
    )


def _found(
    found: Discrepancy,
    consequences: Sequence[Consequence],
    labels: dict[str, str],
    *,
    as_above: bool,
) -> _Found:
    causes = [tuple(str(edit) for edit in cause.edits) for cause in found.search.causes]
    more = len(causes) - _MOST_CAUSES
    places = dict.fromkeys(
        ", ".join(part for part in (cell.source.place, cell.source.row) if part)
        for cell in found.verdict.cells
    )
    return _Found(
        severity=found.severity.value,
        state=found.state.value,
        studies=", ".join(labels.get(key, key) for key in found.studies) or "the review",
        message=found.verdict.message,
        rule=found.rule.title.rstrip("."),
        computed=found.verdict.computed,
        seen="; ".join(place for place in places if place) or "the references",
        causes=tuple(causes[:_MOST_CAUSES]),
        as_above=as_above,
        more=f"{plural(more, 'other change is', 'other changes are')} as small."
        if more > 0
        else "",
        nothing=f"{_NOTHING}." if found.search.gave_up and not causes else "",
        consequences=tuple(
            f"{one}." for one in consequences if one.discrepancy.verdict == found.verdict
        ),
    )


_COUNTS = ("Evaluated", "Passed", "Fired", "Not evaluated")


def coverage_frame(audited: AuditReport) -> pl.DataFrame:
    """One row for each rule: how often it was asked, and what it lacked."""
    return pl.DataFrame(
        [
            {
                "Rule": one.rule.id,
                "What must hold": one.rule.title,
                "Class": one.rule.kind.value,
                "Evaluated": f"{one.evaluated}",
                "Passed": f"{one.passed}",
                "Fired": f"{one.fired}",
                "Not evaluated": f"{one.not_evaluated}",
                "For want of": "; ".join(what for what, _ in one.missing.most_common(3)),
            }
            for one in audited.coverage
        ]
    )
