"""What people decided about discrepancies, and whether it still holds.

A decision is tied to its rule and to every printed string the rule looked at. When one of them
changes, or the rule no longer fires, it lapses: it stays in the trail and counts no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum

from secondlook.audit.verdict import Cell, Verdict, cell
from secondlook.evidence import Decision, Evidence, Finding, Reported

__all__ = ["State", "decision_of", "name_of", "resolve", "states"]

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
    parts = (cell.study, cell.cohort, cell.endpoint, cell.statistic, months, cell.field)
    return " | ".join((*parts, source.place, source.row, source.column))


def _said(cells: Iterable[Cell]) -> str:
    return "\n".join(sorted(f"{name_of(cell)} = {cell.printed}" for cell in cells))


def decision_of(verdict: Verdict) -> Decision:
    """Give a verdict as a decision that is still to be made."""
    return Decision(verdict.rule, _said(verdict.cells), verdict.message)


def states(
    verdicts: Sequence[Verdict], decisions: Sequence[Decision]
) -> tuple[list[State], tuple[Decision, ...]]:
    """Match decisions to the verdicts they were made about.

    Returns
    -------
    tuple of list of State and tuple of Decision
        A state for each verdict, and the decisions that match none: they have lapsed.
    """
    made = {(d.rule, d.cells): d for d in decisions if d.decision}
    found = [made.get((verdict.rule, _said(verdict.cells))) for verdict in verdicts]
    used = {(d.rule, d.cells) for d in found if d is not None}
    lapsed = tuple(d for key, d in made.items() if key not in used)
    return [State.OPEN if d is None else State(d.decision) for d in found], lapsed


def resolve(evidence: Evidence) -> Evidence:
    """Put the corrected values of resolved discrepancies in place of the printed ones.

    A corrected value carries the mark ``[resolved]`` wherever it is shown. A decision whose printed
    values are no longer all there is not applied.
    """
    printed = _printed(evidence)
    changed: dict[int, Finding] = {}
    for decision in evidence.audit:
        lines = decision.cells.splitlines()
        holds = all(line in printed for line in lines)
        name, _, instead = decision.corrected.rpartition(" = ")
        target = next((line for line in lines if line.rpartition(" = ")[0] == name), None)
        if decision.decision == State.RESOLVED and holds and target is not None:
            index, field = printed[target]
            finding = changed.get(index, evidence.findings[index])
            marked: dict[str, Reported] = {field: Reported(f"{instead} [resolved]")}
            changed[index] = replace(finding, **marked)  # type: ignore[arg-type]
    findings = tuple(changed.get(index, f) for index, f in enumerate(evidence.findings))
    return replace(evidence, findings=findings)


def _printed(evidence: Evidence) -> dict[str, tuple[int, str]]:
    if not any(decision.decision == State.RESOLVED for decision in evidence.audit):
        return {}
    return {
        _said([seen]): (index, field)
        for index, finding in enumerate(evidence.findings)
        for field in _FIELDS
        for seen in [cell(index, finding, field)]
    }
