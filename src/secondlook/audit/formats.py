"""An audit as files other programs and people take: JSON, CSV to decide in, INSPECT-SR headings."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from secondlook.audit.causes import Cause
from secondlook.audit.decisions import decision_of
from secondlook.audit.report import UNSEEN, AuditReport, Discrepancy
from secondlook.audit.verdict import Severity

__all__ = ["INSPECT_SR", "as_csv", "as_inspect_sr", "as_json", "as_table", "printed"]

INSPECT_SR: dict[str, tuple[str, ...]] = {
    "4.6 Numbers of participants": ("counts and percents",),
    "4.9 Statistical results": ("intervals and P values", "heterogeneity"),
    "4.10 Other inconsistencies": (),
}
"""Items of INSPECT-SR (Wilkinson and others, medRxiv 2025.09.03.25334905) that an audit of printed
numbers bears on, by number and in our words, and the families of rules below each; the last takes
every other family."""


Consequences = Mapping[int, Sequence[Mapping[str, Any]]]
"""By position of the discrepancy, what it changes in each pooled result."""


def printed(audited: AuditReport, style: str, consequences: Consequences) -> str:
    """Print an audit in a style: ``table``, ``json``, ``csv`` or ``inspect-sr``."""
    if style == "json":
        return as_json(audited, consequences)
    if style == "csv":
        return as_csv(audited)
    if style == "inspect-sr":
        return as_inspect_sr(audited)
    return as_table(audited, consequences)


def as_table(audited: AuditReport, consequences: Consequences) -> str:
    """Print an audit for a terminal, worst first, and what no audit can see."""
    lines = [audited.summary(), ""]
    seen: set[tuple[Cause, ...]] = set()
    for position, found in enumerate(audited.discrepancies):
        lines += found.lines(causes=found.search.causes not in seen)
        seen |= {found.search.causes} if found.search.causes else set()
        for one in consequences.get(position, ()):
            lines.append(f"    {one['sentence']}")
        lines.append("")
    lines.append("No audit of printed numbers can see:")
    lines += [f"  {what}" for what in UNSEEN]
    return "\n".join(lines) + "\n"


def as_json(audited: AuditReport, consequences: Consequences | None = None) -> str:
    """Print an audit as JSON.

    Parameters
    ----------
    audited
        The audit.
    consequences
        By position of the discrepancy, what it changes in each pooled result.

    Returns
    -------
    str
        An object with ``discrepancies`` (each with ``rule, family, severity, outcome, studies,
        cells, source, printed, computed, message, causes, consequence``), ``coverage``, ``lapsed``
        and ``unseen``.
    """
    content = audited.to_dict()
    for position, found in enumerate(content["discrepancies"]):
        found["consequence"] = list((consequences or {}).get(position, ()))
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def as_csv(audited: AuditReport) -> str:
    """Print the discrepancies as CSV, the columns of ``evidence/audit.csv`` behind the rest."""
    stream = io.StringIO(newline="")
    names = ("severity", "state", "studies", "computed", "causes")
    decided = ("rule", "cells", "message", "decision", "corrected", "reason")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names + decided)
    for found in audited.discrepancies:
        decision = decision_of(found.verdict)
        writer.writerow(
            (
                found.severity.value,
                found.state.value,
                ", ".join(found.studies),
                found.verdict.computed,
                "; or ".join(str(cause) for cause in found.search.causes),
                *(getattr(decision, name) for name in decided),
            )
        )
    return stream.getvalue()


def as_inspect_sr(audited: AuditReport) -> str:
    """Print the errors and suspects of each study below the items of INSPECT-SR they bear on.

    The judgement of an item stays with the people who make it.
    """
    lines = ["What an audit of printed numbers contributes to INSPECT-SR, domain 4", ""]
    serious = [d for d in audited.discrepancies if d.severity is not Severity.INFO]
    for study in dict.fromkeys(key for found in serious for key in found.studies):
        lines += [study or "the review", ""]
        for item in INSPECT_SR:
            here = [d for d in serious if study in d.studies and _item(d) == item]
            says = [f"    {d.severity.value} ({d.state.value}): {d.verdict.message}" for d in here]
            lines += [f"  {item}", *(says or ["    nothing found by these rules"])]
        lines.append("")
    if not serious:
        lines.append("Nothing found by these rules in any study.")
    return "\n".join(lines).rstrip() + "\n"


def _item(found: Discrepancy) -> str:
    for item, families in INSPECT_SR.items():
        if found.rule.family in families:
            return item
    return next(item for item, families in INSPECT_SR.items() if not families)
