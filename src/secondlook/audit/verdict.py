"""What a rule says: the printed cells it looked at, and fired, passed or not evaluated.

The words of a verdict are about numbers, never about anybody's intent: these printed numbers
cannot all be right.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from secondlook.evidence import Finding, Reported, Source

__all__ = ["Cell", "Outcome", "Severity", "Verdict", "cell"]


class Outcome(StrEnum):
    """What came of a rule at one place."""

    FIRED = "fired"
    PASSED = "passed"
    NOT_EVALUATED = "not evaluated"


class Severity(StrEnum):
    """How much a fired rule says; in this order."""

    ERROR = "error"
    SUSPECT = "suspect"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Cell:
    """One printed string and what it is a value of.

    Attributes
    ----------
    study, cohort, endpoint, statistic, months
        As in the finding; what is not a finding (a reference, a label) leaves some empty.
    field
        The column of the record the string stands in: ``value``, ``low``, ``p``, ``language`` ...
    printed
        The string.
    source
        Where it was seen.
    index
        Position of the finding in the evidence's findings; None for what is not a finding.
    """

    study: str
    cohort: str
    endpoint: str
    statistic: str
    months: Decimal | None
    field: str
    printed: str
    source: Source
    index: int | None = None

    @property
    def reported(self) -> Reported:
        """The string as a number with its interval."""
        return Reported(self.printed)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says of one set of cells.

    Attributes
    ----------
    rule
        The id of the rule.
    outcome
        Fired, passed or not evaluated.
    cells
        The printed strings it rests on, the most telling first; empty where the input is missing.
    severity
        Of a fired verdict; None otherwise.
    message
        One sentence: what cannot be, in numbers.
    computed
        What was computed from the cells, as text: ``87/127 = 68.5 %``.
    missing
        What was not there to look at; empty when it was evaluated.
    """

    rule: str
    outcome: Outcome
    cells: tuple[Cell, ...] = ()
    severity: Severity | None = None
    message: str = ""
    computed: str = ""
    missing: str = ""


def cell(index: int, finding: Finding, field: str = "value") -> Cell:
    """Take one printed string of a finding as a cell."""
    printed: Reported = getattr(finding, field)
    return Cell(
        finding.study,
        finding.cohort,
        finding.endpoint,
        finding.statistic,
        finding.months,
        field,
        printed.printed,
        finding.source,
        index,
    )
