"""What would make contradictory numbers consistent: the smallest change, from a closed list.

All rules that fired on connected cells of a study are taken together, and the smallest number of
changed cells is sought that satisfies every one of them and makes no other rule fire (the error
localisation of Fellegi and Holt, J Am Stat Assoc 1976;71:17-35). A change is a possibility, never
a finding: several are often equally small, and all of them are given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from secondlook.audit.block import Block, Item, Whole
from secondlook.audit.edits import Edit, edits, exchangeable
from secondlook.audit.rule import Rule
from secondlook.audit.verdict import Outcome, Severity, Verdict

__all__ = ["Cause", "Search", "changed", "components", "search", "signatures"]

_MOST_CHANGES = 3
"""Cells changed together at the most; more explain nothing a reader could follow."""

_MOST_TRIALS = 4000
"""Sets of changes tried at each size before the search gives up."""

_MOST_WORK = 200_000
"""Findings, and pairs of one kind, looked at by each rule before the search gives up: a second."""

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
        settle = [change for change in tried if goal.settles(change)]
        settle = settle[:_KEPT] if goal.is_spent else settle
        found = [Cause(change) for change in settle if goal.is_clean(change)]
        if found or goal.is_spent or size == _MOST_CHANGES:
            return Search(tuple(found), pruned or goal.is_spent or not found)
        scored = sorted(((goal.left(change), change) for change in tried), key=lambda one: one[0])
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
        pair = frozenset((edit.printed, edit.instead))
        place = (source.document, source.place, edit.field, pair)
        kept.setdefault(place if edit.slip == "swapped" else edit, edit)
    return list(kept.values())


@dataclass
class _Goal:
    block: Block
    fired: Sequence[Verdict]
    concerned: Sequence[Rule]
    rules: Sequence[Rule]
    work: int = 0

    @property
    def is_spent(self) -> bool:
        """Whether so much was looked at that the search ends here."""
        return self.work > _MOST_WORK

    def settles(self, change: Sequence[Edit]) -> bool:
        """Whether nothing on these cells is left; no, once too much was looked at."""
        if self.is_spent:
            return False
        after = changed(self.block, change)
        return not any(self._left(after, rule) for rule in self._worst_first)

    def left(self, change: Sequence[Edit]) -> int:
        """How many verdicts on these cells a change leaves; none is known of what is not tried."""
        if self.is_spent:
            return _MOST_TRIALS
        after = changed(self.block, change)
        return sum(self._left(after, rule) for rule in self.concerned)

    def _left(self, block: Block, rule: Rule) -> int:
        self.work += self._size
        mine, touched = self._goal
        return sum(
            signature in mine or not touched.isdisjoint(signature[1])
            for signature in signatures(block, [rule])
        )

    @cached_property
    def _worst_first(self) -> list[Rule]:
        fired = Counter(verdict.rule for verdict in self.fired)
        return sorted(self.concerned, key=lambda rule: -fired[rule.id])

    def is_clean(self, change: Sequence[Edit]) -> bool:
        """Whether nothing fires after the change that did not fire before."""
        self.work += len(self.rules) * self._size
        after = signatures(changed(self.block, change), self.rules)
        return all(signature in self._before for signature in after)

    @cached_property
    def _size(self) -> int:
        kinds = Counter((i.finding.cohort, i.finding.statistic) for i in self.block.items)
        return len(self.block.items) + sum(number * number for number in kinds.values()) // 4

    @cached_property
    def _goal(self) -> tuple[set[Signature], set[int | None]]:
        mine = {_signature(verdict) for verdict in self.fired}
        return mine, {index for _, indexes in mine for index in indexes}

    @cached_property
    def _before(self) -> set[Signature]:
        return set(signatures(self.block, self.rules))


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
    """Exchange what is printed of two groups in a place, two numbers, or the limits of one."""
    mine = item.finding
    if edit.field == "low":
        return block.changed(item.index, replace(mine, low=mine.high, high=mine.low))
    if edit.field == "cohort":
        names = {edit.printed: edit.instead, edit.instead: edit.printed}
        for one in block.items:
            cohort = one.finding.cohort
            if cohort in names and one.finding.source.is_beside(mine.source):
                block = block.changed(one.index, replace(one.finding, cohort=names[cohort]))
        return block
    other = next((o for o in exchangeable(block, item) if o.value.printed == edit.instead), item)
    theirs = other.finding
    block = block.changed(
        item.index, replace(mine, value=theirs.value, low=theirs.low, high=theirs.high)
    )
    return block.changed(
        other.index, replace(theirs, value=mine.value, low=mine.low, high=mine.high)
    )


def _same_print(block: Block, item: Item, edit: Edit) -> Iterator[tuple[Item, str]]:
    """Other findings that hold the very number that is changed: two readings of one cell."""
    if edit.field not in ("value", "events"):
        return
    for other in block.items:
        if other.index != item.index and other.finding.source == item.finding.source:
            for field in ("value", "events"):
                if getattr(other.finding, field).printed == edit.printed:
                    yield other, field


Signature = tuple[str, tuple[int | None, ...]]
"""A rule and the positions of the findings it fired on."""


def _signature(verdict: Verdict) -> Signature:
    return verdict.rule, tuple(sorted({c.index for c in verdict.cells if c.index is not None}))


def signatures(at: Block | Whole, rules: Iterable[Rule]) -> Iterator[Signature]:
    """Everything that fires there as an error or a suspect."""
    for rule in rules:
        for verdict in rule.look(at):
            if verdict.outcome is Outcome.FIRED and verdict.severity is not Severity.INFO:
                yield _signature(verdict)
