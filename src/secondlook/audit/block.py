"""What rules look at: one study with all that was printed about it, or the whole review.

A rule of a study sees a :class:`Block`, so that memory stays flat over any number of studies and
a rule can be asked again after one cell was changed. Which findings are whose is kept in two flat
arrays; everything else is made when it is looked at, and let go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from secondlook.audit.verdict import Cell, cell
from secondlook.evidence import ENTIRE, Cohort, Evidence, Finding, Reference, Reported, Study
from secondlook.question import Question

__all__ = ["Block", "Item", "Key", "Quantity", "Whole", "blocks"]

Key = tuple[str, str, str]
"""Cohort, endpoint, statistic."""

Quantity = tuple[str, str, str, str, Decimal | None]
"""Cohort, comparator, endpoint, statistic, months."""


@dataclass(frozen=True, slots=True)
class Item:
    """A finding, its position in the evidence, and what its column prints in the row above."""

    index: int
    finding: Finding
    above: str = ""
    # rule after rule takes the same cells
    _cells: dict[str, Cell] = field(default_factory=dict, init=False, repr=False, compare=False)

    def cell(self, field: str = "value") -> Cell:
        """Take one printed string of it."""
        found = self._cells.get(field)
        if found is None:
            found = self._cells[field] = cell(self.index, self.finding, field)
        return found

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

    @cached_property
    def _numbers(self) -> dict[Key, list[Item]]:
        return {
            key: [item for item in items if item.finding.value.is_number]
            for key, items in self._by_key.items()
        }

    @cached_property
    def quantities(self) -> dict[Quantity, list[Item]]:
        """Findings of the very same thing, wherever it is printed."""
        found: dict[Quantity, list[Item]] = {}
        for item in self.items:
            f = item.finding
            key = (f.cohort, f.comparator, f.endpoint, f.statistic, f.months)
            found.setdefault(key, []).append(item)
        return found

    def numbers(self, cohort: str, endpoint: str, statistic: str) -> list[Item]:
        """Findings of one kind whose value holds a number."""
        return list(self._numbers.get((cohort, endpoint, statistic), ()))

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
    """

    evidence: Evidence
    question: Question | None

    @property
    def items(self) -> Iterator[Item]:
        """All findings with their positions."""
        return (Item(index, finding) for index, finding in enumerate(self.evidence.findings))

    @cached_property
    def references(self) -> dict[str, Reference]:
        """The references by their numbers."""
        return {reference.number: reference for reference in self.evidence.references}

    def of(self, study: str) -> Iterator[Item]:
        """The findings of a study with their positions."""
        findings = self.evidence.findings
        return (Item(index, findings[index]) for index in self._findings.of(study))

    def cohorts(self, study: str) -> list[Cohort]:
        """The cohorts of a study."""
        return [self.evidence.cohorts[index] for index in self._cohorts.of(study)]

    @cached_property
    def _cohorts(self) -> _ByStudy:
        return _ByStudy.sort(self.evidence, (cohort.study for cohort in self.evidence.cohorts))

    @cached_property
    def _findings(self) -> _ByStudy:
        return _ByStudy.sort(self.evidence, (finding.study for finding in self.evidence.findings))


@dataclass(frozen=True, slots=True)
class _ByStudy:
    """Positions of records, sorted by the study they are of."""

    place: dict[str, int]
    order: NDArray[np.int32]
    starts: NDArray[np.int32]

    @classmethod
    def sort(cls, evidence: Evidence, owners: Iterable[str]) -> _ByStudy:
        place: dict[str, int] = {}
        for study in evidence.studies:
            place.setdefault(study.key, len(place))
        codes = np.fromiter((place.get(owner, -1) for owner in owners), dtype=np.int32)
        order = np.argsort(codes, kind="stable").astype(np.int32)
        starts = np.searchsorted(codes[order], np.arange(len(place) + 1)).astype(np.int32)
        return cls(place, order, starts)

    def of(self, study: str) -> list[int]:
        at = self.place.get(study)
        if at is None:
            return []
        found: list[int] = self.order[self.starts[at] : self.starts[at + 1]].tolist()
        return found


def blocks(evidence: Evidence) -> Iterator[Block]:
    """Give every study with its cohorts and findings, in the order of the studies."""
    findings, above = evidence.findings, _rows_above(evidence)
    by_study = _ByStudy.sort(evidence, (finding.study for finding in findings))
    of_cohorts = _ByStudy.sort(evidence, (cohort.study for cohort in evidence.cohorts))
    for study in evidence.studies:
        mine = [evidence.cohorts[index] for index in of_cohorts.of(study.key)]
        cohorts = {ENTIRE: Cohort(study.key, ENTIRE)} | {cohort.key: cohort for cohort in mine}
        items = (
            Item(index, findings[index], _printed(findings, int(above[index])))
            for index in by_study.of(study.key)
        )
        yield Block(study, cohorts, tuple(items))


def _printed(findings: tuple[Finding, ...], index: int) -> str:
    return findings[index].value.printed if index >= 0 else ""


def _rows_above(evidence: Evidence) -> NDArray[np.int32]:
    """For every finding the last one of its column in the row above, or -1."""
    found = np.full(len(evidence.findings), -1, dtype=np.int32)
    # for each column of a table: the row it was last seen in, where, and what was above that row
    last: dict[tuple[str, str, str, str], tuple[str, int, int]] = {}
    for index, finding in enumerate(evidence.findings):
        source = finding.source
        if not source.column:
            continue
        key = (source.document, source.place, source.column, finding.statistic)
        row, printed, above = last.get(key, ("", -1, -1))
        if source.row != row:
            above = printed
        last[key] = (source.row, index, above)
        found[index] = above
    return found
