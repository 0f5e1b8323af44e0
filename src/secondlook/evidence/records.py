"""The records evidence is made of: where a number was seen, whose it is, and what it says.

Every record is one row of one CSV file in ``evidence/`` and every field is one column of it (a
:class:`Source` spreads over the columns ``document, place, row, column, cell``). Text fields are
empty when nothing is known. What a field may hold is checked in :mod:`.validation`, so that a
record can be built from a document that prints the impossible.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any

from secondlook.evidence.reported import Reported

__all__ = [
    "BIAS_DOMAINS",
    "BIAS_JUDGEMENTS",
    "ENTIRE",
    "PARTS",
    "STATISTICS",
    "YES_NO",
    "Cohort",
    "Decision",
    "Factor",
    "Finding",
    "Reference",
    "Source",
    "Study",
    "cells",
    "columns",
]

ENTIRE = "all"
"""The cohort every study has without being told: all its patients."""

STATISTICS: dict[str, str] = {
    "count": "a number of patients or things",
    "percent": "a crude percent of a cohort",
    "survival": "percent without the event at a time in months",
    "median": "a median (of a time: in months)",
    "mean": "a mean (of a time: in months)",
    "hazard_ratio": "cohort against comparator; below 1 favours the cohort",
    "odds_ratio": "cohort against comparator",
    "risk_ratio": "cohort against comparator",
    "reduction": "a relative reduction in percent, cohort against comparator",
    "p_value": "the P value of a comparison printed without any other number",
    "period": "calendar years, low to high",
    "count_range": "low to high of counts",
    "percent_range": "low to high of crude percents",
    "survival_range": "low to high of survival percents at a time in months",
    "median_range": "low to high of medians",
    "at_risk": "patients still at risk at a time in months",
    "cochran_q": "Cochran's Q of a pooled result",
    "i_squared": "I² of a pooled result, in percent",
    "citation_span": "first and last number of references cited together, low to high",
}
"""What kind of number a finding is; the keys are what ``findings.csv`` may say."""

_NOTHING = Reported("")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a number was seen.

    Parameters
    ----------
    document
        The key of the study or review that was read (not necessarily the study it speaks of).
    place
        A table, figure or page: ``Table 1``, ``p. 2421``.
    row, column
        Row and column heading of a table, or the section of a running text.
    cell
        The whole cell as printed, where the number is only a part of it: ``9,162 (57)``.
    """

    document: str = ""
    place: str = ""
    row: str = ""
    column: str = ""
    cell: str = ""

    def is_beside(self, other: Source) -> bool:
        """Tell whether both stand in the same place of the same document."""
        return (self.document, self.place) == (other.document, other.place)

    def __str__(self) -> str:
        return ", ".join(
            part for part in (self.document, self.place, self.row, self.column) if part
        )


@dataclass(frozen=True, slots=True)
class Study:
    """One published study.

    Parameters
    ----------
    key
        Short and unique, such as ``adam2006``; every other record names the study by it.
    label
        As a figure shows it: ``Adam 2006``.
    reference
        Number in ``references.csv``, or empty.
    site
        What was operated on, in the review's own words: ``liver``, ``lung``, ``primary``.
    design
        ``case series``, ``comparison``, ``matched comparison``, ``review``, ...
    data_source
        ``single centre``, ``registry`` or empty where the document does not say.
    accrual_start, accrual_end
        Calendar years, as printed.
    bias_confounding, bias_selection, bias_classification, bias_deviations, bias_missing, \
    bias_measurement, bias_reporting, bias_overall
        Risk of bias by domain of ROBINS-I, as the review's authors judge it: ``low``,
        ``moderate``, ``serious``, ``critical``, ``no information``; empty where nobody has.
    """

    key: str
    label: str = ""
    reference: str = ""
    site: str = ""
    design: str = ""
    data_source: str = ""
    centre: str = ""
    country: str = ""
    accrual_start: str = ""
    accrual_end: str = ""
    pmid: str = ""
    note: str = ""
    bias_confounding: str = ""
    bias_selection: str = ""
    bias_classification: str = ""
    bias_deviations: str = ""
    bias_missing: str = ""
    bias_measurement: str = ""
    bias_reporting: str = ""
    bias_overall: str = ""


BIAS_DOMAINS = (
    "confounding", "selection", "classification", "deviations",
    "missing", "measurement", "reporting", "overall",
)  # fmt: skip
"""Domains of ROBINS-I, in its order; ``bias_`` before each is a column of studies.csv."""

BIAS_JUDGEMENTS = ("low", "moderate", "serious", "critical", "no information")
"""What each may be judged, from best to worst."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """A group of patients within a study, other than all of them.

    Parameters
    ----------
    study, key
        The study, and a name unique within it: ``surgery``, ``complete resection``.
    subset_of
        The cohort of the same study that contains it (``all`` for the whole study).
    split
        A name shared by sibling cohorts that are disjoint and together make up `subset_of`
        as the document defines them; empty where that is not declared.
    overlaps
        Cohorts, ``study/cohort``, that may share patients with this one; several are separated
        by semicolons in the file.
    """

    study: str
    key: str
    label: str = ""
    subset_of: str = ENTIRE
    split: str = ""
    overlaps: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One printed statement: a number, the interval and P printed with it, and where it stands.

    Parameters
    ----------
    study, cohort
        Whose number it is.
    comparator
        The other cohort of the same study, for a contrast; empty otherwise.
    endpoint
        What the number is about: ``OS``, ``DFS``, ``patients`` (the size of the cohort) or a
        characteristic in words (``extrahepatic disease``).
    statistic
        A key of :data:`STATISTICS`.
    months
        The time of a survival percent, in months.
    value, low, high
        The number and its interval (or the ends of a range), as printed.
    level
        Confidence level of the interval in percent, as printed.
    p, n, events
        P value, denominator and numerator printed with it.
    adjusted, from_figure
        Whether other factors were controlled for; whether it was read off a figure or otherwise
        estimated by the document it stands in. None where that is not known.
    note
        The transcriber's own words.
    """

    study: str
    cohort: str = ENTIRE
    comparator: str = ""
    endpoint: str
    statistic: str
    months: Decimal | None = None
    value: Reported = _NOTHING
    low: Reported = _NOTHING
    high: Reported = _NOTHING
    level: Reported = _NOTHING
    p: Reported = _NOTHING
    n: Reported = _NOTHING
    events: Reported = _NOTHING
    adjusted: bool | None = None
    from_figure: bool | None = None
    note: str = ""
    source: Source = field(default_factory=Source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One statement that a characteristic was, or was not, associated with survival.

    Parameters
    ----------
    factor, level, reference_level
        ``response to chemotherapy``: ``no response`` against ``response``.
    direction
        What `level` does to survival: ``worse``, ``better``, ``none``, or ``unstated`` (associated,
        but the document does not say in which direction).
    analysis
        ``univariable``, ``multivariable`` or empty where the document does not say.
    attribution
        ``individual`` when the statement is about this study; ``joint`` when several factors are
        cited to several studies together, so that this pairing is possible, not printed.
    p
        P value as printed.
    hazard_ratio, low, high, confidence
        Hazard ratio of `level` against `reference_level` as printed, its limits, and their level
        in percent.
    """

    study: str
    cohort: str = ENTIRE
    factor: str
    level: str = ""
    reference_level: str = ""
    direction: str
    endpoint: str = ""
    analysis: str = ""
    attribution: str = "individual"
    p: Reported = _NOTHING
    hazard_ratio: Reported = _NOTHING
    low: Reported = _NOTHING
    high: Reported = _NOTHING
    confidence: Reported = _NOTHING
    note: str = ""
    source: Source = field(default_factory=Source)


@dataclass(frozen=True, slots=True)
class Reference:
    """One entry of a reference list, field by field as printed."""

    number: str
    first_author: str = ""
    authors: str = ""
    title: str = ""
    journal: str = ""
    year: str = ""
    volume: str = ""
    pages: str = ""
    language: str = ""
    pmid: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about a discrepancy an audit found.

    Parameters
    ----------
    rule
        The id of the rule.
    cells
        The printed strings it looked at, one a line, as the audit names them. When one of them is
        no longer printed so, the decision lapses.
    message
        What the rule said, for whoever decides; not read back.
    decision
        ``confirmed``, ``dismissed``, ``resolved``, or empty while it is open.
    corrected
        For a resolved one: the line of `cells` that was wrong, with the right value behind ``=``.
    reason
        Why; needed to dismiss.
    """

    rule: str
    cells: str
    message: str = ""
    decision: str = ""
    corrected: str = ""
    reason: str = ""


PARTS: dict[str, type] = {
    "studies": Study,
    "cohorts": Cohort,
    "references": Reference,
    "findings": Finding,
    "factors": Factor,
    "audit": Decision,
}
"""The parts of a body of evidence, which are the files of its folder, and what each is made of."""

YES_NO = {"yes": True, "no": False, "": None}
"""How a column says that something holds, does not hold, or is not known."""


def columns(part: str) -> tuple[str, ...]:
    """Column headings of a part, in the order in which they are written.

    Examples
    --------
    >>> columns("cohorts")
    ('study', 'key', 'label', 'subset_of', 'split', 'overlaps', 'note')
    """
    names = [entry.name for entry in fields(PARTS[part])]
    if names[-1] == "source":
        names[-1:] = [entry.name for entry in fields(Source)]
    return tuple(names)


def cells(record: Study | Cohort | Finding | Factor | Reference | Decision) -> dict[str, str]:
    """What stands in each column of a record's row.

    Examples
    --------
    >>> row = cells(Cohort("adam2006", "R0", overlaps=("elias2003/all", "pocard2001/all")))
    >>> row["subset_of"], row["overlaps"]
    ('all', 'elias2003/all;pocard2001/all')
    """
    row: dict[str, str] = {}
    for entry in fields(record):
        value = getattr(record, entry.name)
        if isinstance(value, Source):
            row |= {part.name: getattr(value, part.name) for part in fields(Source)}
        else:
            row[entry.name] = _cell(value)
    return row


def _cell(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, tuple):
        return ";".join(value)
    if value is None or isinstance(value, bool):
        return next(word for word, meaning in YES_NO.items() if meaning is value)
    return str(value)
