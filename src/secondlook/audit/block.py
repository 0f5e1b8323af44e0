"""What rules look at: one study with all that was printed about it, or the whole review.

A rule of a study sees a :class:`Block`, so that memory stays flat over any number of studies and
a rule can be asked again after one cell was changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property

from secondlook.audit.verdict import Cell, cell
from secondlook.evidence import ENTIRE, Cohort, Evidence, Finding, Reported, Study
from secondlook.question import Question

__all__ = ["Block", "Item", "Whole", "blocks"]

Key = tuple[str, str, str]
"""Cohort, endpoint, statistic."""


@dataclass(frozen=True, slots=True)
class Item:
    """A finding, its position in the evidence, and what its column prints in the row above."""

    index: int
    finding: Finding
    above: str = ""

    def cell(self, field: str = "value") -> Cell:
        """Take one printed string of it."""
        return cell(self.index, self.finding, field)

    @property
    def value(self) -> Reported:
        """The printed value."""
        return self.finding.value

    @property
    def months(self) -> Decimal | None:
        """The time in months."""
        return self.finding.months


@dataclass(frozen=True)
class Block:
    """One study, its cohorts, and everything printed about them.

    Attributes
    ----------
    study
        The study.
    cohorts
        By name; the cohort of all patients is always there.
    items
        Its findings in the order of the evidence.
    """

    study: Study
    cohorts: dict[str, Cohort]
    items: tuple[Item, ...]

    @cached_property
    def _by_key(self) -> dict[Key, list[Item]]:
        found: dict[Key, list[Item]] = {}
        for item in self.items:
            finding = item.finding
            key = (finding.cohort, finding.endpoint, finding.statistic)
            found.setdefault(key, []).append(item)
        return found

    def numbers(self, cohort: str, endpoint: str, statistic: str) -> list[Item]:
        """Findings of one kind whose value holds a number."""
        return [i for i in self._by_key.get((cohort, endpoint, statistic), []) if i.value.is_number]

    def all(self, cohort: str, endpoint: str, statistic: str) -> list[Item]:
        """Findings of one kind, printed or missing."""
        return list(self._by_key.get((cohort, endpoint, statistic), []))

    def keys(self, *statistics: str) -> Iterator[Key]:
        """The kinds of findings there are, of these statistics."""
        return (key for key in self._by_key if key[2] in statistics)

    def sizes(self, cohort: str) -> list[Item]:
        """Every printed number of patients of a cohort."""
        return self.numbers(cohort, "patients", "count")

    def size(self, cohort: str, near: Item) -> Item | None:
        """The number of patients printed beside a finding, else the first there is."""
        printed = self.sizes(cohort)
        beside = [i for i in printed if i.finding.source.is_beside(near.finding.source)]
        return next(iter(beside or printed), None)

    def splits(self) -> Iterator[tuple[str, str, tuple[Cohort, ...]]]:
        """Cohorts that are declared disjoint and together the whole: whole, name, parts."""
        found: dict[tuple[str, str], list[Cohort]] = {}
        for cohort in self.cohorts.values():
            if cohort.split and cohort.key != ENTIRE:
                found.setdefault((cohort.subset_of, cohort.split), []).append(cohort)
        for (whole, name), parts in found.items():
            if len(parts) > 1:
                yield whole, name, tuple(parts)

    def changed(self, index: int, finding: Finding) -> Block:
        """The same block with one finding in the place of another."""
        items = tuple(replace(i, finding=finding) if i.index == index else i for i in self.items)
        return replace(self, items=items)


@dataclass(frozen=True)
class Whole:
    """The whole review, for rules that compare studies, references and the question.

    Attributes
    ----------
    evidence, question
        The review's; the question is None where a bare table is looked at.
    items
        All findings.
    """

    evidence: Evidence
    question: Question | None

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """All findings with their positions."""
        return tuple(Item(index, f) for index, f in enumerate(self.evidence.findings))


def blocks(evidence: Evidence) -> Iterator[Block]:
    """Give every study with its cohorts and findings, in the order of the studies."""
    items: dict[str, list[Item]] = {}
    for item in _with_rows_above(evidence):
        items.setdefault(item.finding.study, []).append(item)
    cohorts: dict[str, dict[str, Cohort]] = {}
    for cohort in evidence.cohorts:
        cohorts.setdefault(cohort.study, {})[cohort.key] = cohort
    for study in evidence.studies:
        mine = {ENTIRE: Cohort(study.key, ENTIRE)} | cohorts.get(study.key, {})
        yield Block(study, mine, tuple(items.get(study.key, ())))


def _with_rows_above(evidence: Evidence) -> Iterator[Item]:
    # for each column of a table: the row it was last seen in, what it prints there, and above
    last: dict[tuple[str, str, str, str], tuple[str, str, str]] = {}
    for index, finding in enumerate(evidence.findings):
        source = finding.source
        key = (source.document, source.place, source.column, finding.statistic)
        row, printed, above = last.get(key, ("", "", ""))
        if source.row != row:
            above = printed
        last[key] = (source.row, finding.value.printed, above)
        yield Item(index, finding, above if source.column else "")
