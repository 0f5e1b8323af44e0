"""A rule and its card: what it needs, what it may claim, and an example on each side.

``sound``: cannot fire on numbers that were computed and rounded correctly. ``conditional``: sound
under a condition the card names; where the condition is not known to hold the rule raises at most
a suspect. ``plausibility``: points at what is odd, raises a suspect or an info, never an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from secondlook.audit.block import Block, Whole
from secondlook.audit.verdict import Cell, Outcome, Severity, Verdict

__all__ = ["Class", "Rule", "fired", "not_evaluated", "passed"]


class Class(StrEnum):
    """What a rule may claim."""

    SOUND = "sound"
    CONDITIONAL = "conditional"
    PLAUSIBILITY = "plausibility"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, by its card.

    Attributes
    ----------
    id
        Short name, stable: decisions are kept by it.
    family
        The file it stands in, in words.
    title
        What must hold, in one sentence.
    kind
        What it may claim.
    most
        The highest severity it may raise.
    needs
        The inputs without which it is not evaluated.
    assumption
        What must be so for it to be right; empty for none.
    source
        Where the logic is from: a paper and page, or the definition it follows from.
    study, review
        The function that looks: at one study, or at the whole review. Exactly one is set.
    """

    id: str
    family: str
    title: str
    kind: Class
    most: Severity
    needs: str
    assumption: str
    source: str
    study: Callable[[Block], Iterable[Verdict]] | None = None
    review: Callable[[Whole], Iterable[Verdict]] | None = None

    def look(self, at: Block | Whole) -> Iterator[Verdict]:
        """Apply the rule; nothing when it does not look at this kind of thing."""
        if isinstance(at, Block) and self.study is not None:
            yield from self.study(at)
        if isinstance(at, Whole) and self.review is not None:
            yield from self.review(at)


def fired(
    rule: str, cells: Iterable[Cell], message: str, computed: str, severity: Severity
) -> Verdict:
    """Say that these cells cannot, or hardly, all be right."""
    return Verdict(rule, Outcome.FIRED, tuple(cells), severity, message, computed)


def passed(rule: str, cells: Iterable[Cell], computed: str = "") -> Verdict:
    """Say that these cells agree."""
    return Verdict(rule, Outcome.PASSED, tuple(cells), computed=computed)


def not_evaluated(rule: str, missing: str, cells: Iterable[Cell] = ()) -> Verdict:
    """Say what was not there to look at."""
    return Verdict(rule, Outcome.NOT_EVALUATED, tuple(cells), missing=missing)
