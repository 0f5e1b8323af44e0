"""The audit of a review: every rule at every place, what fired, and what could not be checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from secondlook.audit.block import Whole, blocks
from secondlook.audit.causes import Search, components, search
from secondlook.audit.decisions import State, states
from secondlook.audit.review_causes import search_review
from secondlook.audit.rule import Class, Rule
from secondlook.audit.rules import RULES
from secondlook.audit.verdict import Cell, Outcome, Severity, Verdict
from secondlook.evidence import Decision, Evidence
from secondlook.question import Question

if TYPE_CHECKING:
    import polars

__all__ = ["NOTHING_SETTLES", "UNSEEN", "AuditReport", "Coverage", "Discrepancy", "audit"]

UNSEEN = (
    "errors made before the numbers were printed: wrong codes, wrong charts, lost patients",
    "a source quoted wrongly in the same way everywhere",
    "a column exchanged with another together with its percents",
    "numbers that are wrong and consistent with each other",
    "confounding, selection, and whether the question was answered at all",
)
"""What no auditor of printed numbers can see; every report says so."""

NOTHING_SETTLES = "no small change was found that settles it"
"""What is said of a search that ended without a cause."""

_NOT_SEARCHED = Search((), False)

Progress = Callable[[int, int], None]
"""Is told how many studies of how many were looked at."""


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One verdict that fired, with what would settle it.

    Attributes
    ----------
    verdict
        What the rule said, and the cells it rests on.
    rule
        The rule's card.
    search
        Changes that would make the numbers consistent, together with everything else that fired
        on the same cells.
    state
        Open, or decided by a person.
    """

    verdict: Verdict
    rule: Rule
    search: Search
    state: State

    @property
    def severity(self) -> Severity:
        """How much it says."""
        return self.verdict.severity or Severity.INFO

    @property
    def studies(self) -> tuple[str, ...]:
        """The studies whose numbers it is about; one empty key where it is only the question."""
        named = tuple(dict.fromkeys(cell.study for cell in self.verdict.cells if cell.study))
        return named or ("",)

    def lines(self, *, causes: bool = True) -> list[str]:
        """Say it for a terminal: what, where, how computed, and what would settle it."""
        state = "" if self.state is State.OPEN else f" [{self.state.value}]"
        places = dict.fromkeys(str(cell.source) for cell in self.verdict.cells if str(cell.source))
        lines = [
            f"{self.severity.value}{state}  {', '.join(self.studies)}: {self.verdict.message}",
            f"    {self.rule.id}: {self.verdict.computed}",
            *(f"    in {place}" for place in places),
        ]
        if not causes:
            return [*lines, "    consistent under the same changes as above"]
        lines += [f"    consistent if {cause}" for cause in self.search.causes[:3]]
        more = len(self.search.causes) - 3
        if more > 0:
            lines.append(f"    or by {more} other change{'s' * (more > 1)} as small")
        elif self.search.gave_up and not self.search.causes:
            lines.append(f"    {NOTHING_SETTLES}")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types; the consequence is added by the review."""
        verdict = self.verdict
        return {
            "rule": verdict.rule,
            "family": self.rule.family,
            "severity": self.severity.value,
            "outcome": verdict.outcome.value,
            "studies": list(self.studies),
            "cells": [_cell_to_dict(cell) for cell in verdict.cells],
            "source": [str(cell.source) for cell in verdict.cells],
            "printed": [cell.printed for cell in verdict.cells],
            "computed": verdict.computed,
            "message": verdict.message,
            "causes": [
                [
                    {
                        "slip": edit.slip,
                        "index": edit.index,
                        "field": edit.field,
                        "printed": edit.printed,
                        "instead": edit.instead,
                        "would_be": str(edit),
                    }
                    for edit in cause.edits
                ]
                for cause in self.search.causes
            ],
            "search_gave_up": self.search.gave_up,
            "state": self.state.value,
        }


@dataclass(slots=True)
class Coverage:
    """How often a rule was asked, and what came of it.

    Attributes
    ----------
    rule
        The rule's card.
    passed, fired, not_evaluated
        Counts of places.
    missing
        What was missing where it was not evaluated, with counts.
    """

    rule: Rule
    passed: int = 0
    fired: int = 0
    not_evaluated: int = 0
    missing: Counter[str] = field(default_factory=Counter)

    def add(self, verdict: Verdict) -> None:
        """Count a verdict."""
        if verdict.outcome is Outcome.PASSED:
            self.passed += 1
        elif verdict.outcome is Outcome.FIRED:
            self.fired += 1
        else:
            self.not_evaluated += 1
            self.missing[verdict.missing] += 1

    @property
    def evaluated(self) -> int:
        """Places where the rule had what it needs."""
        return self.passed + self.fired


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit found and what it could not look at.

    Attributes
    ----------
    discrepancies
        What fired, worst first.
    coverage
        By rule, in the order of the list of rules.
    lapsed
        Decisions whose numbers have changed or no longer fire.
    """

    discrepancies: tuple[Discrepancy, ...]
    coverage: tuple[Coverage, ...]
    lapsed: tuple[Decision, ...]

    def open(self, severity: Severity = Severity.ERROR) -> tuple[Discrepancy, ...]:
        """Discrepancies of a severity about which nobody has decided."""
        return tuple(
            d for d in self.discrepancies if d.severity is severity and d.state is State.OPEN
        )

    def summary(self) -> str:
        """Say in a sentence how much was asked and what came of it."""
        counts = Counter(d.severity for d in self.discrepancies)
        asked = sum(one.evaluated for one in self.coverage)
        blind = sum(one.not_evaluated for one in self.coverage)
        found = ", ".join(f"{counts[severity]} {severity.value}" for severity in Severity)
        return (
            f"{asked} evaluations by {len(self.coverage)} rules: {found}; "
            f"{blind} places could not be evaluated{self._lapsed()}"
        )

    def _lapsed(self) -> str:
        if not self.lapsed:
            return ""
        have = "decisions have" if len(self.lapsed) > 1 else "decision has"
        return f"; {len(self.lapsed)} {have} lapsed, since what was printed or what fires changed"

    def __str__(self) -> str:
        lines = [self.summary()]
        for found in self.discrepancies:
            lines += found.lines()
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {
            "discrepancies": [found.to_dict() for found in self.discrepancies],
            "coverage": [
                {
                    "rule": one.rule.id,
                    "family": one.rule.family,
                    "class": one.rule.kind.value,
                    "evaluated": one.evaluated,
                    "passed": one.passed,
                    "fired": one.fired,
                    "not_evaluated": one.not_evaluated,
                    "missing": dict(one.missing),
                }
                for one in self.coverage
            ],
            "lapsed": len(self.lapsed),
            "unseen": list(UNSEEN),
        }

    def to_frame(self) -> polars.DataFrame:
        """One row for each discrepancy, as text."""
        import polars as pl

        names = ("severity", "state", "rule", "studies", "message", "computed", "printed", "causes")
        rows = [
            {
                "severity": found.severity.value,
                "state": found.state.value,
                "rule": found.rule.id,
                "studies": ", ".join(found.studies),
                "message": found.verdict.message,
                "computed": found.verdict.computed,
                "printed": "; ".join(cell.printed for cell in found.verdict.cells),
                "causes": "; ".join(str(cause) for cause in found.search.causes),
            }
            for found in self.discrepancies
        ]
        return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String))


def audit(
    evidence: Evidence,
    *,
    question: Question | None = None,
    rules: Sequence[Rule] = RULES,
    progress: Progress | None = None,
) -> AuditReport:
    """Ask every rule at every place of the evidence.

    Parameters
    ----------
    evidence
        The review's evidence.
    question
        The review's question, for rules about eligibility; without it they are not evaluated.
    rules
        The rules to ask.
    progress
        Is told how many studies were looked at.

    Returns
    -------
    AuditReport
        Errors first, then suspects, then infos; within them in the order of the evidence.

    Notes
    -----
    That nothing fired does not make numbers right: see :data:`UNSEEN`, and the places that could
    not be evaluated. That something fired says that printed numbers cannot all be right, not which
    of them, and nothing of why.

    Examples
    --------
    >>> import secondlook as sl
    >>> found = sl.audit.audit(sl.example("stage-iv-breast").evidence)
    >>> "complement" in {d.rule.id for d in found.discrepancies if "blanchard2008" in d.studies}
    True
    """
    coverage = {rule.id: Coverage(rule) for rule in rules}
    cards = {rule.id: rule for rule in rules}
    found: list[tuple[Verdict, Search]] = []
    total = len(evidence.studies)
    for done, block in enumerate(blocks(evidence), 1):
        for group in components(_ask(rules, block, coverage)):
            serious = [v for v in group if v.severity is not Severity.INFO]
            # nearly any change settles what is only odd, so a cause for it would say nothing
            proven = any(cards[v.rule].kind is not Class.PLAUSIBILITY for v in serious)
            result = search(block, serious, rules) if proven else _NOT_SEARCHED
            found += [(v, result if v in serious else _NOT_SEARCHED) for v in group]
        if progress is not None:
            progress(done, total)
    whole = Whole(evidence, question)
    for verdict in _ask(rules, whole, coverage):
        proven = cards[verdict.rule].kind is not Class.PLAUSIBILITY
        proven = proven and verdict.severity is not Severity.INFO
        result = search_review(whole, verdict, rules) if proven else _NOT_SEARCHED
        found.append((verdict, result))
    decided, lapsed = states([verdict for verdict, _ in found], evidence.audit)
    order = list(Severity)
    discrepancies = sorted(
        (
            Discrepancy(verdict, cards[verdict.rule], result, state)
            for (verdict, result), state in zip(found, decided, strict=True)
        ),
        key=lambda d: (d.state is not State.OPEN, order.index(d.severity), _first(d.verdict)),
    )
    return AuditReport(tuple(discrepancies), tuple(coverage.values()), lapsed)


def _ask(rules: Iterable[Rule], at: Any, coverage: dict[str, Coverage]) -> list[Verdict]:
    fired = []
    for rule in rules:
        for verdict in rule.look(at):
            coverage[rule.id].add(verdict)
            if verdict.outcome is Outcome.FIRED:
                fired.append(verdict)
    return fired


def _first(verdict: Verdict) -> int:
    return min((c.index for c in verdict.cells if c.index is not None), default=10**9)


def _cell_to_dict(cell: Cell) -> dict[str, Any]:
    return {
        "study": cell.study,
        "cohort": cell.cohort,
        "endpoint": cell.endpoint,
        "statistic": cell.statistic,
        "months": None if cell.months is None else float(cell.months),
        "field": cell.field,
        "printed": cell.printed,
        "source": str(cell.source),
    }
