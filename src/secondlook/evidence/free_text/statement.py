"""What a reading of running text comes to: statements, and the digits that belong to none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from secondlook.evidence.reported import Reported

__all__ = ["KINDS", "Skipped", "Span", "Statement", "TextReading"]

Span = tuple[int, int]
"""First character and one past the last, counted from 0."""

KINDS: dict[str, str] = {
    "count": "a count with its percent, its whole, or both: 71/85 [84%]",
    "percent": "a percent alone, or two that are compared",
    "ratio": "a hazard, odds or risk ratio, with the interval and P printed with it",
    "median": "a median, or two that are compared",
    "mean": "a mean, or two that are compared",
    "rate": "survival percents at a time, or at several",
    "range": "two ends: 35-97 months",
    "p_value": "a P value printed without any other number",
}
"""What is read; the keys are the kinds of statement."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One printed numeric statement, for a person to confirm.

    Parameters
    ----------
    kind
        A key of :data:`KINDS`.
    span, text
        Where it stands, and exactly what stands there.
    numbers
        The printed numbers by their role: ``events``, ``n``, ``percent``, ``value`` (and
        ``value 2``, ``value 3`` where several are printed together), ``low``, ``high``,
        ``level``, ``p``. A word such as "about" is part of the number; a line break is not.
    places
        The span of every number that was read, those of the times among them, in order.
    statistic
        What it would be as a finding (see :data:`secondlook.evidence.STATISTICS`); empty where
        there is no such thing, as for a range of ages.
    months
        The times of survival percents: one for each value, or one for all.
    unit
        ``months``, ``years``, ``weeks`` or ``days`` behind a median, mean or range; else empty.
    endpoint
        ``OS``, ``DFS``, ... when words before the number name one; a guess, to be confirmed.
    """

    kind: str
    span: Span
    text: str
    numbers: Mapping[str, Reported] = field(hash=False)
    places: tuple[Span, ...]
    statistic: str = ""
    months: tuple[Decimal, ...] = ()
    unit: str = ""
    endpoint: str = ""

    @property
    def values(self) -> tuple[Reported, ...]:
        """The values in the order in which they are printed."""
        return tuple(number for role, number in self.numbers.items() if role.startswith("value"))


@dataclass(frozen=True, slots=True)
class Skipped:
    """A run of digits that was not read, and why where that is known."""

    span: Span
    text: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TextReading:
    """Everything that was found in a text.

    Parameters
    ----------
    text
        The text, untouched; all spans count its characters.
    statements
        In the order of the text; none overlaps another.
    skipped
        Every run of digits that no statement has read, in the order of the text.
    """

    text: str
    statements: tuple[Statement, ...]
    skipped: tuple[Skipped, ...]

    def around(self, span: Span, *, width: int = 60) -> tuple[str, str]:
        """Give up to `width` characters before and behind a span."""
        return self.text[max(0, span[0] - width) : span[0]], self.text[span[1] : span[1] + width]
