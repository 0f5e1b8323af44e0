"""The body of evidence of a review: all of its records, and the views that analyses ask for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from secondlook.evidence.records import (
    ENTIRE,
    PARTS,
    Cohort,
    Decision,
    Factor,
    Finding,
    Reference,
    Source,
    Study,
    cells,
    columns,
)

if TYPE_CHECKING:
    import polars

__all__ = ["Evidence", "Rate", "Table"]


@dataclass(frozen=True, slots=True)
class Rate:
    """A finding about one cohort, beside the size of that cohort.

    Parameters
    ----------
    study
        The study it is of.
    finding
        The survival percent, median or mean.
    size
        The finding that gives the number of patients, or None when the document gives none.
    """

    study: Study
    finding: Finding
    size: Finding | None

    @property
    def n(self) -> int | None:
        """Number of patients in the cohort, or None."""
        if self.finding.n.is_number:
            return round(float(self.finding.n))
        if self.size is None or not self.size.value.is_number:
            return None
        return round(float(self.size.value))


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a document, put together again from the cells its findings were read from.

    Parameters
    ----------
    document, place
        What it is a table of: ``pockaj2010``, ``Table 1``.
    columns
        Column headings, in order of first appearance.
    rows
        Row heading and the printed cells of that row, one for every column; None where no
        finding was read from the cell.
    notes
        What the transcriber noted, as (printed cell, note), without repeats.
    """

    document: str
    place: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str | None, ...]], ...]
    notes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Evidence:
    """All records of a review.

    Nothing is checked here: :func:`secondlook.evidence.read` checks what comes from files, and
    :func:`secondlook.evidence.check` checks records built in Python.

    Examples
    --------
    >>> import secondlook as sl
    >>> evidence = sl.example("stage-iv-breast").evidence
    >>> rates = evidence.survival_rates(endpoint="OS", months=60, site="liver", place="Table 1")
    >>> [rate.finding.value.printed for rate in rates][:3]
    ['18', '18', '22']
    """

    studies: tuple[Study, ...] = ()
    cohorts: tuple[Cohort, ...] = ()
    findings: tuple[Finding, ...] = ()
    factors: tuple[Factor, ...] = ()
    references: tuple[Reference, ...] = ()
    audit: tuple[Decision, ...] = ()

    @cached_property
    def _studies(self) -> dict[str, Study]:
        return {study.key: study for study in self.studies}

    @cached_property
    def _sizes(self) -> dict[tuple[str, str], list[Finding]]:
        sizes: dict[tuple[str, str], list[Finding]] = {}
        for finding in self.findings:
            if finding.statistic == "count" and finding.endpoint == "patients":
                sizes.setdefault((finding.study, finding.cohort), []).append(finding)
        return sizes

    def study(self, key: str) -> Study:
        """Return the study with this key.

        Raises
        ------
        KeyError
            When there is none.
        """
        return self._studies[key]

    def reference(self, number: str) -> Reference | None:
        """Return the reference with this number, or None."""
        return next((entry for entry in self.references if entry.number == number), None)

    def size(
        self, study: str, cohort: str = ENTIRE, *, near: Source | None = None
    ) -> Finding | None:
        """Find the printed number of patients of a cohort.

        A number printed in the same document and place as `near` is preferred, then the first
        there is; the others stay findings of their own, for an audit to compare.
        """
        printed = [f for f in self._sizes.get((study, cohort), []) if f.value.is_number]
        here = [f for f in printed if near is not None and f.source.is_beside(near)]
        return next(iter(here or printed), None)

    def patients(self, study: str) -> int | None:
        """Number of patients of a study: printed, or added up from a declared split of it."""
        printed = self.size(study)
        if printed is not None:
            return round(float(printed.value))
        parts: dict[str, list[Finding | None]] = {}
        for cohort in self.cohorts:
            if (cohort.study, cohort.subset_of) == (study, ENTIRE) and cohort.split:
                parts.setdefault(cohort.split, []).append(self.size(study, cohort.key))
        for sizes in parts.values():
            known = [float(size.value) for size in sizes if size is not None]
            if len(known) == len(sizes) > 1:
                return round(sum(known))
        return None

    def rates(
        self,
        *,
        endpoint: str,
        statistic: str,
        months: Iterable[float] = (),
        cohort: str = ENTIRE,
        site: str = "",
        place: str = "",
    ) -> tuple[Rate, ...]:
        """Every finding of one statistic for one cohort of each study, with the cohort's size.

        Parameters
        ----------
        endpoint, statistic
            Such as ``OS`` and ``survival``.
        months
            The times wanted, in months; none for a statistic that has no time.
        cohort
            Whose numbers.
        site, place
            Restrict to studies of a site, to findings seen in one table or page; an empty string
            does not restrict.

        Returns
        -------
        tuple of Rate
            In the order of the evidence; findings that hold no number are among them.
        """
        wanted = {float(time) for time in months}
        found = []
        for finding in self.findings:
            if (finding.endpoint, finding.statistic, finding.cohort) != (
                endpoint,
                statistic,
                cohort,
            ):
                continue
            if wanted and (finding.months is None or float(finding.months) not in wanted):
                continue
            study = self._studies[finding.study]
            if (site and study.site != site) or (place and finding.source.place != place):
                continue
            size = self.size(finding.study, finding.cohort, near=finding.source)
            found.append(Rate(study, finding, size))
        return tuple(found)

    def survival_rates(
        self,
        *,
        endpoint: str,
        months: float | Iterable[float],
        cohort: str = ENTIRE,
        site: str = "",
        place: str = "",
    ) -> tuple[Rate, ...]:
        """Percent without the event at a time in months, for one cohort of each study."""
        times = tuple(months) if isinstance(months, Iterable) else (months,)
        return self.rates(
            endpoint=endpoint,
            statistic="survival",
            months=times,
            cohort=cohort,
            site=site,
            place=place,
        )

    def medians(
        self, *, endpoint: str, cohort: str = ENTIRE, site: str = "", place: str = ""
    ) -> tuple[Rate, ...]:
        """Median time to the event in months, for one cohort of each study."""
        return self.rates(
            endpoint=endpoint, statistic="median", cohort=cohort, site=site, place=place
        )

    def tables(self) -> tuple[Table, ...]:
        """The tables of the documents that were read, as they were printed."""
        printed: dict[tuple[str, str], list[Finding]] = {}
        for finding in self.findings:
            source = finding.source
            if source.row and source.column:
                printed.setdefault((source.document, source.place), []).append(finding)
        return tuple(_table(document, place, found) for (document, place), found in printed.items())

    def to_frames(self) -> dict[str, polars.DataFrame]:
        """One polars frame of strings for each kind of record, with the columns of its file."""
        import polars

        return {
            part: polars.DataFrame(
                [cells(record) for record in getattr(self, part)],
                schema=dict.fromkeys(columns(part), polars.String),
            )
            for part in PARTS
        }


def _table(document: str, place: str, findings: list[Finding]) -> Table:
    headings = tuple(dict.fromkeys(finding.source.column for finding in findings))
    lines: dict[str, dict[str, str]] = {}
    notes: dict[tuple[str, str], None] = {}
    for finding in findings:
        source = finding.source
        printed = source.cell or finding.value.printed
        row = source.row
        if lines.get(row, {}).get(source.column, printed) != printed:
            # two rows of the table with one heading: the later is named by its study as well
            row = f"{source.row} ({finding.study})"
        lines.setdefault(row, {}).setdefault(source.column, printed)
        if finding.note:
            notes.setdefault((printed, finding.note))
    rows = tuple(
        (row, tuple(line.get(heading) for heading in headings)) for row, line in lines.items()
    )
    return Table(document, place, headings, rows, tuple(notes))
