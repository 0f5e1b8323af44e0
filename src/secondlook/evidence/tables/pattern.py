"""Patterns of cells: ``{value} ({low}-{high})`` written as the cell looks, with holes for numbers.

A hole takes one printed number (with its marks) or a word for a missing one. White space in a
pattern stands for any amount of it, and a hyphen, any dash and the word "to" stand for each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from secondlook.evidence.reported import Kind, Reported

__all__ = ["Pattern", "Reading"]

_HOLE = re.compile(r"\{([A-Za-z_][\w .]*)\}")
_DASH = re.compile(r"[-‐‑‒–—−]|\bto\b")
_ANY_DASH = r"(?:[-‐‑‒–—−]|\bto\b)"
# longer than any number or word for a missing one; keeps running text from being tried at length
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Reading:
    """What each hole of a pattern took from a cell, and the marks that stand behind it all."""

    numbers: tuple[tuple[str, str], ...]
    marks: str = ""


@dataclass(frozen=True)
class Pattern:
    """A template of a cell.

    Parameters
    ----------
    template
        Text and named holes: ``{events} of {n}``.

    Raises
    ------
    ValueError
        With a rule and a remedy, when the template cannot be one.

    Examples
    --------
    >>> Pattern("{value} ({low}-{high})").readings("0.62 (0.48 to 0.80)")
    (Reading(numbers=(('value', '0.62'), ('low', '0.48'), ('high', '0.80')), marks=''),)
    >>> Pattern("{value} ({percent})").readings("9,162 (57) a")
    (Reading(numbers=(('value', '9,162'), ('percent', '57')), marks='a'),)
    >>> Pattern("{value} ({percent})").readings("about half")
    ()
    """

    template: str

    def __post_init__(self) -> None:
        remedy = "write a pattern such as {value} ({low}-{high})"
        if not self.holes:
            raise ValueError("has no hole for a number", remedy)
        if re.search(r"[{}]", _HOLE.sub("", self.template)):
            raise ValueError("has a brace that belongs to no hole", remedy)
        if len(set(self.holes)) < len(self.holes):
            raise ValueError("names a hole twice", "give each hole its own name")
        if "}{" in self.template:
            raise ValueError("has two holes with nothing between them", remedy)

    @cached_property
    def holes(self) -> tuple[str, ...]:
        """Names of the holes, from left to right."""
        return tuple(_HOLE.findall(self.template))

    @cached_property
    def _literals(self) -> tuple[re.Pattern[str], ...]:
        return tuple(_literal(part) for part in _HOLE.split(self.template.strip())[::2])

    def readings(self, cell: str) -> tuple[Reading, ...]:
        """Every different way in which the cell fits; empty when it does not."""
        text = cell.strip()
        start = self._literals[0].match(text)
        if start is None:
            return ()
        return tuple(dict.fromkeys(self._continue(text, start.end(), 0)))

    def _continue(self, text: str, position: int, hole: int) -> Iterator[Reading]:
        if hole == len(self.holes):
            marks = _trailing_marks(text[position:])
            if marks is not None:
                yield Reading((), marks)
            return
        is_open_end = hole == len(self.holes) - 1 and not self._literals[-1].pattern
        furthest = min(len(text), position + _LONGEST)
        ends = [len(text)] if is_open_end else range(position + 1, furthest + 1)
        for end in ends:
            literal = self._literals[hole + 1].match(text, end)
            number = text[position:end].strip()
            if literal is None or not number or Reported(number).kind is Kind.TEXT:
                continue
            for rest in self._continue(text, literal.end(), hole + 1):
                yield Reading(((self.holes[hole], number), *rest.numbers), rest.marks)


def _literal(part: str) -> re.Pattern[str]:
    if not part.strip():
        return re.compile(r"\s+" if part else "")
    pieces = []
    position = 0
    core = " ".join(part.split())
    for dash in _DASH.finditer(core):
        pieces.append(re.escape(core[position : dash.start()]))
        pieces.append(_ANY_DASH)
        position = dash.end()
    pieces.append(re.escape(core[position:]))
    return re.compile(r"\s*" + "".join(pieces).replace(r"\ ", r"\s+") + r"\s*")


def _trailing_marks(rest: str) -> str | None:
    if not rest.strip():
        return ""
    # what may follow a missing number and still be a mark may follow a bracket too
    behind = Reported(f"NR {rest.strip()}")
    is_mark = behind.kind is Kind.NOT_REPORTED and behind.marks
    return behind.marks if is_mark else None
