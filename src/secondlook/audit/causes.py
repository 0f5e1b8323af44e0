"""What would make contradictory numbers consistent: the smallest change, from a closed list.

All rules that fired on connected cells of a study are taken together, and the smallest number of
changed cells is sought that satisfies every one of them and makes no other rule fire (the error
localisation of Fellegi and Holt, J Am Stat Assoc 1976;71:17-35). A change is a possibility, never
a finding: several are often equally small, and all of them are given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from secondlook.audit.block import Block, Item
from secondlook.audit.edits import Edit, edits
from secondlook.audit.rule import Rule
from secondlook.audit.verdict import Outcome, Severity, Verdict

__all__ = ["Cause", "Search", "changed", "components", "search"]

_MOST_CHANGES = 3
"""Cells changed together at the most; more explain nothing a reader could follow."""

_MOST_TRIALS = 4000
"""Sets of changes tried at each size before the search gives up."""

_KEPT = 12
"""Sets of changes that settle most, from which the next size is tried."""

_DIGITS = ("one digit", "digits transposed")


@dataclass(frozen=True, slots=True)
class Cause:
    """Changes that would make the numbers consistent.

    Attributes
    ----------
    edits
        One change, or several that are needed together.
    """

    edits: tuple[Edit, ...]

    def __str__(self) -> str:
        return " and ".join(str(edit) for edit in self.edits)


@dataclass(frozen=True, slots=True)
class Search:
    """What a search for causes came to.

    Attributes
    ----------
    causes
        Every equally small set of changes, the likelier kinds first; empty when none was found.
    gave_up
        True when the search ended at its bound, so that there may be others.
    """

    causes: tuple[Cause, ...]
    gave_up: bool


def components(verdicts: Iterable[Verdict]) -> list[list[Verdict]]:
    """Group fired verdicts that share a printed cell, directly or through others."""
    groups: list[tuple[set[int], list[Verdict]]] = []
    for verdict in verdicts:
        cells = {cell.index for cell in verdict.cells if cell.index is not None}
        mine = (cells, [verdict])
        apart = []
        for group in groups:
            if group[0] & mine[0]:
                mine = (group[0] | mine[0], group[1] + mine[1])
            else:
                apart.append(group)
        groups = [*apart, mine]
    return [sorted(found, key=lambda v: v.rule) for _, found in groups]


def search(block: Block, fired: Sequence[Verdict], rules: Sequence[Rule]) -> Search:
    """Find the smallest changes that satisfy every fired verdict of a component.

    Parameters
    ----------
    block
        The study.
    fired
        One component, as :func:`components` gives it.
    rules
        All rules; after a change none of them may newly raise an error or a suspect.
    """
    concerned = [rule for rule in rules if rule.id in {verdict.rule for verdict in fired}]
    goal = _Goal(block, fired, concerned, rules)
    cells = {cell.index for verdict in fired for cell in verdict.cells if cell.index is not None}
    possible = _once([edit for edit in edits(block, fired) if edit.index in cells], block)
    started: list[tuple[Edit, ...]] = [()]
    pruned = False
    for size in range(1, _MOST_CHANGES + 1):
        # beyond a first change single digits are too many to try, and too weak to believe
        further = possible if size == 1 else [e for e in possible if e.slip not in _DIGITS]
        tried = [(*start, edit) for start in started for edit in further if _is_new(start, edit)]
        pruned = pruned or len(tried) > _MOST_TRIALS or (size > 1 and len(further) < len(possible))
        tried = list({frozenset(change): change for change in tried[:_MOST_TRIALS]}.values())
        scored = [(goal.left(change), change) for change in tried]
        found = [Cause(change) for left, change in scored if left == 0 and goal.is_clean(change)]
        if found:
            return Search(tuple(found), pruned)
        scored.sort(key=lambda one: one[0])
        pruned = pruned or len(scored) > _KEPT
        started = [change for left, change in scored[:_KEPT] if left]
    return Search((), True)


def _is_new(start: tuple[Edit, ...], edit: Edit) -> bool:
    return all((edit.index, edit.field) != (other.index, other.field) for other in start)


def _once(found: list[Edit], block: Block) -> list[Edit]:
    """An exchange of two groups is one change, whichever of its cells it was thought of at."""
    items = {item.index: item.finding.source for item in block.items}
    kept: dict[object, Edit] = {}
    for edit in found:
        source = items[edit.index]
        place = (source.document, source.place, frozenset((edit.printed, edit.instead)))
        kept.setdefault(place if edit.slip == "swapped" else edit, edit)
    return list(kept.values())


@dataclass(frozen=True)
class _Goal:
    block: Block
    fired: Sequence[Verdict]
    concerned: Sequence[Rule]
    rules: Sequence[Rule]

    def left(self, change: Sequence[Edit]) -> int:
        return len(self._left(changed(self.block, change)))

    def is_clean(self, change: Sequence[Edit]) -> bool:
        """Whether nothing fires after the change that did not fire before."""
        return set(_signatures(changed(self.block, change), self.rules)) <= self._before

    @cached_property
    def _before(self) -> set[tuple[str, tuple[int | None, ...]]]:
        return set(_signatures(self.block, self.rules))

    def _left(self, block: Block) -> list[tuple[str, tuple[int | None, ...]]]:
        mine = {_signature(verdict) for verdict in self.fired}
        touched = {index for _, indexes in mine for index in indexes}
        return [
            signature
            for signature in _signatures(block, self.concerned)
            if signature in mine or touched & set(signature[1])
        ]


def changed(block: Block, change: Sequence[Edit]) -> Block:
    """Make the changes of a cause, in every reading of the cells they are of."""
    for edit in change:
        item = next(item for item in block.items if item.index == edit.index)
        if edit.slip == "swapped":
            block = _exchanged(block, item, edit)
            continue
        block = block.changed(edit.index, edit.apply(item.finding))
        for other, field in _same_print(block, item, edit):
            copied = replace(edit, index=other.index, field=field)
            block = block.changed(other.index, copied.apply(other.finding))
    return block


def _exchanged(block: Block, item: Item, edit: Edit) -> Block:
    other = {edit.printed: edit.instead, edit.instead: edit.printed}
    for one in block.items:
        if one.finding.source.is_beside(item.finding.source) and one.finding.cohort in other:
            block = block.changed(one.index, replace(one.finding, cohort=other[one.finding.cohort]))
    return block


def _same_print(block: Block, item: Item, edit: Edit) -> Iterator[tuple[Item, str]]:
    """Other findings that hold the very number that is changed: two readings of one cell."""
    if edit.field not in ("value", "events"):
        return
    for other in block.items:
        if other.index != item.index and other.finding.source == item.finding.source:
            for field in ("value", "events"):
                if getattr(other.finding, field).printed == edit.printed:
                    yield other, field


def _signature(verdict: Verdict) -> tuple[str, tuple[int | None, ...]]:
    return verdict.rule, tuple(sorted({c.index for c in verdict.cells if c.index is not None}))


def _signatures(
    block: Block, rules: Iterable[Rule]
) -> Iterator[tuple[str, tuple[int | None, ...]]]:
    for rule in rules:
        for verdict in rule.look(block):
            if verdict.outcome is Outcome.FIRED and verdict.severity is not Severity.INFO:
                yield _signature(verdict)
