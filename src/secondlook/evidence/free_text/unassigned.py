"""A whole text as evidence of its own, before anyone has said whose its numbers are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from secondlook.evidence.body import Evidence
from secondlook.evidence.free_text.article import article_text
from secondlook.evidence.free_text.as_findings import to_findings
from secondlook.evidence.free_text.reading import read_text
from secondlook.evidence.records import Study

__all__ = ["text_evidence"]


def text_evidence(path: Path) -> tuple[Evidence, tuple[str, ...]]:
    """Read the numeric statements of a text or article as findings of one unassigned study.

    Parameters
    ----------
    path
        A ``.txt`` file, or JATS as ``.xml`` or ``.nxml``.

    Returns
    -------
    Evidence
        One finding or more for each statement that was understood.
    tuple of str
        What was read, each with its place, for confirmation, and what was passed over.
    """
    reading = read_text(article_text(path))
    found = to_findings(reading.statements, document=path.name)
    said = [
        f"read as {statement.kind}, characters {statement.span[0]}-{statement.span[1]}: "
        f'"{" ".join(statement.text.split())}"'
        for statement in reading.statements
    ]
    reasons = Counter(skipped.reason or "not understood" for skipped in reading.skipped)
    passed_over = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    said.append(f"passed over: {passed_over or 'nothing'}")
    studies = tuple(Study(key) for key in dict.fromkeys(finding.study for finding in found))
    return Evidence(studies, findings=found), tuple(said)
