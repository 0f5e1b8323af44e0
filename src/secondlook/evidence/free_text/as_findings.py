"""Statements of a text as findings, so that they can be audited before anyone assigns them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from secondlook.evidence.free_text.statement import Statement
from secondlook.evidence.records import Finding, Source
from secondlook.evidence.reported import Reported

__all__ = ["to_findings"]

_UNASSIGNED = "unassigned"


def to_findings(
    statements: Iterable[Statement], *, study: str = _UNASSIGNED, document: str = ""
) -> tuple[Finding, ...]:
    """Make findings of statements, each of a cohort of its own.

    Parameters
    ----------
    statements
        As read or as confirmed.
    study
        The study that all of them are put under.
    document
        What was read, for the source of each finding.

    Returns
    -------
    tuple of Finding
        In the order of the statements. Survival at several times, one value for each, is one
        cohort at several times; values at the same time are cohorts of their own. A statement
        that is no statistic of a finding (a range of ages, a rate whose time is unclear) gives
        none.

    Notes
    -----
    Cohorts are named by the characters, so that no rule compares numbers of different statements.
    What holds within one statement (a percent of a count, a ratio within its interval) can be
    checked; nothing more must be concluded from findings that nobody has assigned.

    Examples
    --------
    >>> from secondlook.evidence.free_text import read_text, to_findings
    >>> reading = read_text("In 71/85 [84%] it was given.")
    >>> finding, = to_findings(reading.statements, document="letter")
    >>> finding.value.printed, finding.events.printed, finding.n.printed, finding.source.place
    ('84', '71', '85', 'characters 3-14')
    """
    return tuple(
        finding for statement in statements for finding in _findings(statement, study, document)
    )


def _findings(statement: Statement, study: str, document: str) -> Iterator[Finding]:
    if not statement.statistic:
        return
    numbers = statement.numbers
    place = f"characters {statement.span[0]}-{statement.span[1]}"
    blank = Reported("")
    finding = Finding(
        study=study,
        cohort=place,
        endpoint=_endpoint(statement),
        statistic=statement.statistic,
        months=statement.months[0] if statement.months else None,
        low=numbers.get("low", blank),
        high=numbers.get("high", blank),
        level=numbers.get("level", blank),
        p=numbers.get("p", blank),
        n=numbers.get("n", blank),
        events=numbers.get("events", blank),
        source=Source(document=document, place=place, cell=statement.text),
    )
    values = _values(statement)
    if len(values) < 2:
        yield replace(finding, value=values[0] if values else blank)
        return
    # an interval or a P value behind several numbers is not of any one of them
    finding = replace(finding, low=blank, high=blank, level=blank, p=blank)
    timed = len(statement.months) == len(values)
    for number, value in enumerate(values, 1):
        if timed:
            yield replace(finding, value=value, months=statement.months[number - 1])
        else:
            yield replace(finding, value=value, cohort=f"{place}, value {number}")


def _values(statement: Statement) -> tuple[Reported, ...]:
    if statement.kind == "count":
        role = "percent" if "percent" in statement.numbers else "events"
        return (statement.numbers[role],)
    if statement.kind == "p_value":
        return (statement.numbers["p"],)
    return statement.values


def _endpoint(statement: Statement) -> str:
    endpoint = statement.endpoint or _UNASSIGNED
    # a median of survival is in months; one in years must never stand beside it
    return f"{endpoint} ({statement.unit})" if statement.unit not in ("", "months") else endpoint
