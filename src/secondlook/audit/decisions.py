"""What people decided about discrepancies, and whether it still holds.

A decision is tied to its rule and to every printed string the rule looked at. When one of them
changes, or the rule no longer fires, it lapses: it stays in the trail and counts no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum

from secondlook.audit.verdict import Cell, Verdict, cell
from secondlook.errors import EvidenceError, Problem
from secondlook.evidence import Decision, Evidence, Finding, Reported

__all__ = ["State", "decision_of", "name_of", "resolve", "states", "to_prepare"]

_BLANK = "(blank)"
_REVIEW = "review"
_FIELDS = ("value", "low", "high", "level", "p", "n", "events")


class State(StrEnum):
    """What was decided about a discrepancy."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    RESOLVED = "resolved"


def name_of(cell: Cell) -> str:
    """Name a cell so that a person can find it, and a program can find it again.

    Examples
    --------
    >>> from secondlook.evidence import Finding, Reported, Source
    >>> from secondlook.audit.verdict import cell
    >>> seen = Finding(study="a", endpoint="OS", statistic="median", value=Reported("38"),
    ...                source=Source("r", "Table 1", "A et al.", "Median"))
    >>> name_of(cell(0, seen))
    'a | all | OS | median |  | value | Table 1 | A et al. | Median'
    """
    months = "" if cell.months is None else f"{cell.months:f}"
    source = cell.source
    parts = (cell.study or _REVIEW, cell.cohort, cell.endpoint, cell.statistic, months, cell.field)
    # a heading may run over several lines, and a line is what a decision keeps a cell in
    return " | ".join(
        " ".join(part.split()) for part in (*parts, source.place, source.row, source.column)
    )


def _said(cells: Iterable[Cell]) -> str:
    return "\n".join(sorted({f"{name_of(cell)} = {_shown(cell.printed)}" for cell in cells}))


def _shown(printed: str) -> str:
    # a blank must be seen, and must survive spreadsheets that strip the end of a cell
    return " ".join(printed.split()) or _BLANK


def _key(decision: Decision) -> tuple[str, tuple[str, ...]]:
    return decision.rule, tuple(sorted(_lines(decision)))


def _lines(decision: Decision) -> list[str]:
    return [line.strip() for line in decision.cells.splitlines() if line.strip()]


def decision_of(verdict: Verdict) -> Decision:
    """Give a verdict as a decision that is still to be made."""
    return Decision(verdict.rule, _said(verdict.cells), verdict.message)


def to_prepare(verdicts: Iterable[Verdict], decisions: Sequence[Decision]) -> tuple[Decision, ...]:
    """Give the verdicts as decisions to be made, each once, without those there already."""
    there = {_key(decision) for decision in decisions}
    fresh = {_key(decision): decision for decision in map(decision_of, verdicts)}
    return tuple(decision for key, decision in fresh.items() if key not in there)


def states(
    verdicts: Sequence[Verdict], decisions: Sequence[Decision]
) -> tuple[list[State], tuple[Decision, ...]]:
    """Match decisions to the verdicts they were made about.

    Returns
    -------
    tuple of list of State and tuple of Decision
        A state for each verdict, and the decisions that match none: they have lapsed.
    """
    made = {_key(decision): decision for decision in decisions if decision.decision}
    if not made:
        return [State.OPEN] * len(verdicts), ()
    found = [made.get(_key(decision_of(verdict))) for verdict in verdicts]
    used = {_key(decision) for decision in found if decision is not None}
    lapsed = tuple(d for key, d in made.items() if key not in used)
    return [State.OPEN if d is None else State(d.decision) for d in found], lapsed


def resolve(evidence: Evidence) -> Evidence:
    """Put the corrected values of resolved discrepancies in place of the printed ones.

    A corrected value carries the mark ``[resolved]`` wherever it is shown. A decision whose printed
    values are no longer all there is not applied.

    Raises
    ------
    EvidenceError
        When a decision corrects what is no number of ``findings.csv`` (a heading, a reference), or
        two decisions give one cell two values.
    """
    resolved = [d for d in evidence.audit if d.decision == State.RESOLVED]
    printed = _printed(evidence) if resolved else {}
    problems: list[Problem] = []
    instead: dict[tuple[int, str], str] = {}
    for decision in resolved:
        name, _, value = (part.strip() for part in decision.corrected.rpartition(" = "))
        target = next((x for x in _lines(decision) if x.rpartition(" = ")[0].strip() == name), "")
        if _is_elsewhere(target):
            problems.append(_problem(decision, "is no number of findings.csv", _MEND_THERE))
        elif all(line in printed or _is_elsewhere(line) for line in _lines(decision)):
            for place in printed.get(target, ()):
                if instead.setdefault(place, value) != value:
                    problems.append(_problem(decision, "is not the only correction", _CHOOSE))
    if problems:
        raise EvidenceError(problems)
    return replace(evidence, findings=_corrected(evidence.findings, instead))


_MEND_THERE = "mend it in the file it stands in, and leave this one empty"
_CHOOSE = "give one value to one cell"


def _problem(decision: Decision, rule: str, remedy: str) -> Problem:
    return Problem(
        f"audit.csv, {decision.rule}, column corrected", decision.corrected, rule, remedy
    )


def _is_elsewhere(line: str) -> bool:
    """Whether a line names a heading, a study or a reference: it has no cohort or statistic."""
    return line.split(" | ")[1:4] == ["", "", ""]


def _corrected(
    findings: Sequence[Finding], instead: dict[tuple[int, str], str]
) -> tuple[Finding, ...]:
    found = list(findings)
    for (index, field), value in instead.items():
        before: Reported = getattr(found[index], field)
        marked: dict[str, Reported] = {field: Reported(f"{value} [resolved]")}
        source = found[index].source
        found[index] = replace(found[index], **marked)  # type: ignore[arg-type]
        if source.cell:
            # a table shows the whole cell, with every number that was read from it
            note = f"{source.cell} [resolved: {_shown(before.printed)} is {value}]"
            if source.cell.strip() == before.printed.strip():
                note = f"{value} [resolved]"
            for other, finding in enumerate(found):
                if finding.source == source:
                    found[other] = replace(finding, source=replace(source, cell=note))
    return tuple(found)


def _printed(evidence: Evidence) -> dict[str, list[tuple[int, str]]]:
    """Where each named and printed string stands; one thing may be noted twice."""
    found: dict[str, list[tuple[int, str]]] = {}
    for index, finding in enumerate(evidence.findings):
        for field in _FIELDS:
            found.setdefault(_said([cell(index, finding, field)]), []).append((index, field))
    return found
