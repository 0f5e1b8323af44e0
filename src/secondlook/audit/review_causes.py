"""What would make a statement about many studies consistent: one change of the text, or of a row.

A range, or a span of references, speaks of a whole column. What is tried is the smallest change
only: the end the rows give, a digit of the end, a digit of a row. Everything is tried on the
studies that are spoken of, and the search ends when so much was looked at that it would be felt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from secondlook.audit.block import Block, Item, Whole, blocks
from secondlook.audit.causes import Cause, Search, changed, signatures
from secondlook.audit.edits import SLIPS, Edit, edits
from secondlook.audit.references import with_a_row
from secondlook.audit.rule import Rule
from secondlook.audit.verdict import Verdict
from secondlook.evidence import Evidence, Finding

__all__ = ["search_review"]

_MOST_WORK = 60_000
"""Findings looked at before the search gives up: about a second."""

_MOST_RUNS = 6
"""Spans that a citation of many numbers is written in at the most."""

_COMPUTED = "as computed"


def search_review(whole: Whole, fired: Verdict, rules: Sequence[Rule]) -> Search:
    """Find single changes that satisfy a rule which looks at the whole review.

    Parameters
    ----------
    whole
        The review.
    fired
        What fired.
    rules
        All rules; after a change none of them may newly raise an error or a suspect about the
        study that was changed.

    Returns
    -------
    Search
        Every change that settles it, the likelier kinds first. It gave up when it ended at its
        bound; it found nothing when no single change of a number settles it.
    """
    if all(cell.index is None for cell in fired.cells):
        return Search((), False)
    goal = _Goal(_spoken_of(whole, fired), fired, [r for r in rules if r.id == fired.rule], rules)
    found: list[Cause] = []
    for edit in _possible(goal):
        if goal.work > _MOST_WORK:
            return Search(tuple(found), True)
        if goal.is_settled(edit):
            found.append(Cause((replace(edit, index=goal.part.index[edit.index]),)))
    cited = _as_cited(goal) if not found else None
    return Search((cited,), False) if cited is not None else Search(tuple(found), not found)


@dataclass(frozen=True)
class _Part:
    """The studies that are spoken of, and where their findings stand in the whole."""

    whole: Whole
    index: tuple[int, ...]


def _spoken_of(whole: Whole, fired: Verdict) -> _Part:
    own = dict.fromkeys(cell.study for cell in fired.cells)
    named = [name for key in own for cohort in whole.cohorts(key) for name in cohort.overlaps]
    keys = own | dict.fromkeys(name.partition("/")[0] for name in named)
    everything = whole.evidence
    items = sorted((item for key in keys for item in whole.of(key)), key=lambda item: item.index)
    part = Evidence(
        tuple(study for study in everything.studies if study.key in keys),
        tuple(cohort for key in keys for cohort in whole.cohorts(key)),
        tuple(item.finding for item in items),
        references=everything.references,
    )
    return _Part(Whole(part, whole.question), tuple(item.index for item in items))


@dataclass
class _Goal:
    part: _Part
    fired: Verdict
    concerned: Sequence[Rule]
    rules: Sequence[Rule]
    work: int = 0

    @cached_property
    def blocks(self) -> dict[str, Block]:
        """The studies by their keys."""
        return {block.study.key: block for block in blocks(self.part.whole.evidence)}

    @cached_property
    def items(self) -> dict[int, Item]:
        """The findings of the part by their positions in it."""
        return {item.index: item for block in self.blocks.values() for item in block.items}

    @cached_property
    def at(self) -> list[tuple[Item, str]]:
        """The cells of the verdict that are of findings, with their columns."""
        own = {index: at for at, index in enumerate(self.part.index)}
        cells = [(cell.index, cell.field) for cell in self.fired.cells if cell.index is not None]
        return [(self.items[own[index]], field) for index, field in cells if index in own]

    def is_settled(self, edit: Edit) -> bool:
        """Whether a change ends it, and starts nothing else."""
        block = self.blocks[self.items[edit.index].finding.study]
        after = changed(block, [edit])
        findings = list(self.part.whole.evidence.findings)
        for item in after.items:
            findings[item.index] = item.finding
        self.work += len(findings)
        left = set(signatures(_with(self.part.whole, findings), self.concerned))
        if left & self._mine or not left <= self._before:
            return False
        self.work += len(block.items)
        return set(signatures(after, self.rules)) <= set(signatures(block, self.rules))

    @cached_property
    def _before(self) -> set[tuple[str, tuple[int | None, ...]]]:
        return set(signatures(self.part.whole, self.concerned))

    @cached_property
    def _mine(self) -> set[tuple[str, tuple[int | None, ...]]]:
        """Whatever the rule says of this end of this statement."""
        first = self.at[0][0].index if self.at else None
        return {signature for signature in self._before if first in signature[1]}


def _with(whole: Whole, findings: list[Finding]) -> Whole:
    return Whole(replace(whole.evidence, findings=tuple(findings)), whole.question)


def _possible(goal: _Goal) -> list[Edit]:
    """Changes of the statement, then of the rows it rests on, then of any row."""
    found: dict[tuple[int, str, str], Edit] = {}
    for edit in (*_as_the_rows(goal), *_of_cells(goal), *_of_any_row(goal)):
        found.setdefault((edit.index, edit.field, edit.instead), edit)
    order = list(SLIPS)
    return sorted(found.values(), key=lambda edit: order.index(edit.slip))


def _edit(item: Item, field: str, instead: str, slip: str) -> Edit:
    return _named(Edit.of(item, field, instead, slip), item)


def _named(edit: Edit, item: Item) -> Edit:
    """Say whose row it is, since the statement speaks of many."""
    who = item.finding.source.row or item.finding.study
    return replace(edit, what=f"{edit.what}, {who}")


def _as_the_rows(goal: _Goal) -> Iterator[Edit]:
    """The end that the rows give."""
    statement = goal.at[0][0] if goal.at else None
    for item, field in goal.at:
        if statement is not None and item.index == statement.index and field in ("low", "high"):
            for other, _ in goal.at:
                if other.index != item.index:
                    yield _edit(item, field, other.value.printed, _COMPUTED)
            if item.finding.statistic == "citation_span":
                numbers = _with_rows(goal, item)
                yield _edit(item, field, f"{numbers[0 if field == 'low' else -1]}", _COMPUTED)


def _with_rows(goal: _Goal, statement: Item) -> list[int]:
    """The references of the rows that a span speaks of, in order; at least one."""
    f, studies = statement.finding, goal.part.whole.evidence.studies
    number_of = {study.key: study.reference for study in studies}
    keys = with_a_row(goal.part.whole, f.study, f.cohort, f.source.document)
    return sorted({int(number_of[key]) for key in keys})


def _as_cited(goal: _Goal) -> Cause | None:
    """The numbers of the rows, where they are more than one span: so they might have been cited."""
    spans = [item for item, field in goal.at if field == "low"]
    if not spans or spans[0].finding.statistic != "citation_span":
        return None
    low, high = spans[0].finding.low.printed, spans[0].finding.high.printed
    runs: list[list[int]] = []
    for number in _with_rows(goal, spans[0]):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    if len(runs) < 2 or len(runs) > _MOST_RUNS or len(spans) > 1:
        return None
    shown = " and ".join(f"{run[0]} to {run[-1]}" if run[1:] else f"{run[0]}" for run in runs)
    edit = _edit(spans[0], "value", shown, _COMPUTED)
    return Cause((replace(edit, index=goal.part.index[edit.index], printed=f"{low} to {high}"),))


def _of_cells(goal: _Goal) -> Iterator[Edit]:
    """Whatever the list of slips allows for the cells of the verdict."""
    for key in dict.fromkeys(item.finding.study for item, _ in goal.at):
        cells = [item.cell(field) for item, field in goal.at if item.finding.study == key]
        for edit in edits(goal.blocks[key], [replace(goal.fired, cells=tuple(cells))]):
            yield _named(edit, goal.items[edit.index])


def _of_any_row(goal: _Goal) -> Iterator[Edit]:
    """A row that is one digit from the end that no row reaches."""
    statement, field = goal.at[0] if goal.at else (None, "")
    if statement is None or field not in ("low", "high"):
        return
    mine = statement.finding
    statistic = mine.statistic.removesuffix("_range")
    end = mine.low if field == "low" else mine.high
    for item in goal.items.values():
        f = item.finding
        alike = (f.endpoint, f.statistic, f.months) == (mine.endpoint, statistic, mine.months)
        if alike and f.source.column and f.study != mine.study:
            slip = _wrong_digit(item.value.printed, end.printed)
            if slip:
                yield _edit(item, "value", end.printed, slip)


def _wrong_digit(printed: str, meant: str) -> str:
    """Name the slip of one digit, or two exchanged, between two strings; empty for none."""
    if len(printed) != len(meant) or printed == meant:
        return ""
    apart = [at for at, (a, b) in enumerate(zip(printed, meant, strict=True)) if a != b]
    digits = all(printed[at].isdigit() and meant[at].isdigit() for at in apart)
    if digits and len(apart) == 1:
        return "one digit"
    turned = len(apart) == 2 and apart[1] == apart[0] + 1
    turned = turned and printed[apart[0]] + printed[apart[1]] == meant[apart[1]] + meant[apart[0]]
    return "digits transposed" if digits and turned else ""
