"""What must hold before evidence is used: keys that point somewhere, numbers that can be numbers.

These are the rules of the form, not of the science: that two printed numbers contradict each other
is for an audit to say. A document that really prints the impossible is transcribed with ``[sic]``
behind the number (``130 [sic]``), which is then kept for the audit instead of being refused here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from secondlook.errors import Problem
from secondlook.evidence.body import Evidence
from secondlook.evidence.records import (
    BIAS_DOMAINS,
    BIAS_JUDGEMENTS,
    ENTIRE,
    STATISTICS,
    Cohort,
    Factor,
    Finding,
    Study,
)
from secondlook.evidence.reported import Reported

__all__ = ["check"]

Where = Callable[[str, int, str], str]
"""Names a place: the part (``findings``), the index of the record, the column."""

_DIRECTIONS = ("better", "worse", "none", "unstated")
_ANALYSES = ("univariable", "multivariable", "")
_DECISIONS = ("confirmed", "dismissed", "resolved", "")
_ATTRIBUTIONS = ("individual", "joint")
_LONGEST_MONTHS = 1200
_SIC = "correct it, or write [sic] behind it if the document prints it so"


@dataclass(frozen=True, slots=True)
class _Rule:
    holds: Callable[[float], bool]
    otherwise: str


_PROBABILITY = _Rule(lambda value: 0 <= value <= 1, "is not a P value from 0 to 1")
_LEVEL = _Rule(
    lambda value: 50 <= value < 100, "is not a confidence level from 50 to 100, written 95 not 0.95"
)
_SIZE = _Rule(
    lambda value: value >= 1 and value.is_integer(), "is not a whole number of at least 1"
)
_COUNT = _Rule(
    lambda value: value >= 0 and value.is_integer(), "is not a whole number of at least 0"
)
_AMOUNT = _Rule(lambda value: value >= 0, "is negative")
# 0.42 for 42 % is how a spreadsheet saves a cell formatted as a percent
_SURVIVAL = _Rule(
    lambda value: value == 0 or 1 <= value <= 100,
    "is not a percent from 0 to 100, written 42 and not 0.42",
)
_PERCENT = _Rule(lambda value: 0 <= value <= 100, "is not a percent from 0 to 100")
# a reduction below zero is an increase, and its interval often reaches there
_REDUCTION = _Rule(lambda value: value <= 100, "is a reduction by more than 100 percent")
# a decimal comma read as thousands (1,234) makes a ratio no study ever printed
_RATIO = _Rule(lambda value: 0 < value < 1000, "is not a ratio between 0 and 1000")

_OF_STATISTIC = (
    dict.fromkeys(("count", "count_range", "at_risk", "citation_span"), _COUNT)
    | dict.fromkeys(("median", "median_range", "mean", "cochran_q"), _AMOUNT)
    | dict.fromkeys(("percent", "percent_range", "i_squared"), _PERCENT)
    | dict.fromkeys(("survival", "survival_range"), _SURVIVAL)
    | dict.fromkeys(("hazard_ratio", "odds_ratio", "risk_ratio"), _RATIO)
    | {"reduction": _REDUCTION, "p_value": _PROBABILITY}
)
_OF_COLUMN = {"p": _PROBABILITY, "level": _LEVEL, "n": _SIZE, "events": _COUNT}


def record_number(part: str, index: int, column: str) -> str:
    """Name a place by the position of its record, for evidence that came from no file."""
    return f"{part}, record {index + 1}, {column}"


def check(evidence: Evidence, *, where: Where = record_number) -> tuple[Problem, ...]:
    """List everything in the evidence that breaks a rule of its form; empty when all is well.

    Parameters
    ----------
    evidence
        The records to look at.
    where
        How to name a place in a message (a file and row, when the records came from files).

    Returns
    -------
    tuple of Problem
        In the order of the files: studies, cohorts, references, findings, factors, audit.
    """
    return tuple(
        problem
        for rule in (_studies, _cohorts, _references, _findings, _factors, _decisions)
        for problem in rule(evidence, where)
    )


def _studies(evidence: Evidence, where: Where) -> Iterator[Problem]:
    numbers = {reference.number for reference in evidence.references}
    first: dict[str, int] = {}
    for index, study in enumerate(evidence.studies):
        here = where("studies", index, "key")
        if not study.key:
            yield Problem(here, "", "names no study", "give the study a short unique key")
        elif study.key in first:
            before = where("studies", first[study.key], "key")
            rule = f"is named a second time (first at {before})"
            yield Problem(here, study.key, rule, "give one of the two another key, or remove it")
        first.setdefault(study.key, index)
        # without a reference list the number is only a note
        if study.reference and numbers and study.reference not in numbers:
            yield Problem(
                where("studies", index, "reference"),
                study.reference,
                "is not a number in references.csv",
                "add the reference, or leave the cell empty",
            )
        yield from _bias(study, index, where)


def _bias(study: Study, index: int, where: Where) -> Iterator[Problem]:
    worst = 0
    for domain in BIAS_DOMAINS:
        column = f"bias_{domain}"
        word = getattr(study, column)
        if not word:
            continue
        if word not in BIAS_JUDGEMENTS:
            remedy = f"write {', '.join(BIAS_JUDGEMENTS)}, or leave it empty"
            yield Problem(where("studies", index, column), word, "is not a judgement", remedy)
        elif word == "no information":
            continue
        elif domain != "overall":
            worst = max(worst, BIAS_JUDGEMENTS.index(word))
        elif BIAS_JUDGEMENTS.index(word) < worst:
            rule = f"is better than the worst domain ({BIAS_JUDGEMENTS[worst]})"
            remedy = "the overall risk of ROBINS-I is at least that of its worst domain"
            yield Problem(where("studies", index, column), word, rule, remedy)


def _references(evidence: Evidence, where: Where) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, reference in enumerate(evidence.references):
        here = where("references", index, "number")
        if not reference.number:
            yield Problem(here, "", "is empty", "number the reference")
        elif reference.number in seen:
            yield Problem(here, reference.number, "is used twice", "renumber one of the two")
        seen.add(reference.number)


def _cohorts(evidence: Evidence, where: Where) -> Iterator[Problem]:
    studies = {study.key for study in evidence.studies}
    parents = {(cohort.study, cohort.key): cohort.subset_of for cohort in evidence.cohorts}
    known = parents.keys() | {(study, ENTIRE) for study in studies}
    seen: set[tuple[str, str]] = set()
    for index, cohort in enumerate(evidence.cohorts):
        identity = (cohort.study, cohort.key)
        if cohort.study not in studies:
            yield _unknown_study(where("cohorts", index, "study"), cohort.study, studies)
        here = where("cohorts", index, "key")
        if not cohort.key:
            yield Problem(here, "", "names no cohort", "give the cohort a name")
        elif identity in seen:
            yield Problem(here, cohort.key, "is named twice in this study", "rename one of the two")
        seen.add(identity)
        yield from _containment(cohort, parents, known, where("cohorts", index, "subset_of"))
        for other in cohort.overlaps:
            study, _, key = other.partition("/")
            if (study, key or ENTIRE) not in known:
                yield Problem(
                    where("cohorts", index, "overlaps"),
                    other,
                    "is not a cohort of this review",
                    "write it as study/cohort, several separated by semicolons",
                )


def _containment(
    cohort: Cohort, parents: dict[tuple[str, str], str], known: set[tuple[str, str]], here: str
) -> Iterator[Problem]:
    if cohort.key == ENTIRE:
        if cohort.subset_of != ENTIRE:
            rule = "cannot contain all patients of the study"
            yield Problem(here, cohort.subset_of, rule, "leave the cell empty")
        return
    if (cohort.study, cohort.subset_of) not in known:
        rule = f"is not a cohort of study {cohort.study}"
        yield Problem(here, cohort.subset_of, rule, f"name one, or write {ENTIRE}")
        return
    above, chain = cohort.subset_of, [cohort.key]
    while above != ENTIRE and above not in chain:
        chain.append(above)
        above = parents.get((cohort.study, above), ENTIRE)
    if above == cohort.key:
        chained = " within ".join([*chain, above])
        yield Problem(here, cohort.subset_of, f"goes in a circle ({chained})", "break the circle")


def _unknown_study(here: str, value: str, studies: set[str]) -> Problem:
    if not value:
        return Problem(here, "", "names no study", "write the key of a study in studies.csv")
    near = [key for key in sorted(studies) if key[:4].casefold() == value[:4].casefold()]
    hint = f" (did you mean {' or '.join(near)}?)" if near else ""
    return Problem(here, value, "is not a study in studies.csv", f"add it or correct it{hint}")


def _membership(
    record: Finding | Factor,
    part: str,
    index: int,
    where: Where,
    studies: set[str],
    cohorts: set[tuple[str, str]],
) -> Iterator[Problem]:
    if record.study not in studies:
        yield _unknown_study(where(part, index, "study"), record.study, studies)
        return
    names = {"cohort": record.cohort}
    if isinstance(record, Finding) and record.comparator:
        names["comparator"] = record.comparator
    for column, name in names.items():
        if name != ENTIRE and (record.study, name) not in cohorts:
            rule = f"is not a cohort of study {record.study}"
            remedy = "add it to cohorts.csv, or correct it"
            yield Problem(where(part, index, column), name, rule, remedy)


def _findings(evidence: Evidence, where: Where) -> Iterator[Problem]:
    studies = {study.key for study in evidence.studies}
    cohorts = {(cohort.study, cohort.key) for cohort in evidence.cohorts}
    for index, finding in enumerate(evidence.findings):

        def here(column: str, index: int = index) -> str:
            return where("findings", index, column)

        yield from _membership(finding, "findings", index, where, studies, cohorts)
        if not finding.endpoint:
            yield Problem(here("endpoint"), "", "is empty", "say what the number is about")
        if finding.statistic not in STATISTICS:
            yield _not_one_of(here("statistic"), finding.statistic, tuple(STATISTICS))
        yield from _time(finding, here)
        yield from _numbers(finding, here)


def _time(finding: Finding, here: Callable[[str], str]) -> Iterator[Problem]:
    months = finding.months
    if months is not None and not (months.is_finite() and 0 <= months <= _LONGEST_MONTHS):
        rule = f"is not a time in months from 0 to {_LONGEST_MONTHS}"
        yield Problem(here("months"), str(months), rule, "give the time in months from time zero")
    if months is None and finding.statistic in ("survival", "at_risk"):
        remedy = "write the time in months"
        yield Problem(here("months"), "", "is empty where the number is one at a time", remedy)


def _numbers(finding: Finding, here: Callable[[str], str]) -> Iterator[Problem]:
    for column in ("value", "low", "high", "level", "p", "n", "events"):
        yield from _number(getattr(finding, column), here(column), _rule(column, finding))


def _number(printed: Reported, here: str, rule: _Rule | None) -> Iterator[Problem]:
    if printed.is_missing:
        return
    if not printed.is_number:
        remedy = "write the number alone and the rest into note (NR if it is not reported)"
        yield Problem(here, printed.printed, "is text where a number belongs", remedy)
    elif rule and "[sic]" not in printed.marks and not rule.holds(float(printed)):
        yield Problem(here, printed.printed, rule.otherwise, _SIC)


def _rule(column: str, finding: Finding) -> _Rule | None:
    """What a number in this column of this finding must be, if it is not free."""
    if column in _OF_COLUMN:
        return _OF_COLUMN[column]
    if finding.statistic == "count" and finding.endpoint == "patients":
        return _SIZE
    return _OF_STATISTIC.get(finding.statistic)


def _factors(evidence: Evidence, where: Where) -> Iterator[Problem]:
    studies = {study.key for study in evidence.studies}
    cohorts = {(cohort.study, cohort.key) for cohort in evidence.cohorts}
    for index, factor in enumerate(evidence.factors):
        yield from _membership(factor, "factors", index, where, studies, cohorts)
        if not factor.factor:
            yield Problem(where("factors", index, "factor"), "", "is empty", "name the factor")
        choices = {
            "direction": _DIRECTIONS,
            "analysis": _ANALYSES,
            "attribution": _ATTRIBUTIONS,
        }
        for column, allowed in choices.items():
            value: str = getattr(factor, column)
            if value not in allowed:
                yield _not_one_of(where("factors", index, column), value, allowed)
        yield from _number(factor.p, where("factors", index, "p"), _PROBABILITY)
        for column in ("hazard_ratio", "low", "high"):
            yield from _number(getattr(factor, column), where("factors", index, column), _RATIO)
        yield from _number(factor.confidence, where("factors", index, "confidence"), _LEVEL)


def _decisions(evidence: Evidence, where: Where) -> Iterator[Problem]:
    first: dict[tuple[str, ...], int] = {}
    for index, decision in enumerate(evidence.audit):
        lines = sorted(line.strip() for line in decision.cells.splitlines() if line.strip())
        before = first.setdefault((decision.rule, *lines), index) if decision.decision else index
        if before != index:
            rule = f"is decided a second time (first at {where('audit', before, 'decision')})"
            here = where("audit", index, "decision")
            yield Problem(
                here, decision.decision, rule, "keep one of the two, and remove the other"
            )
        if decision.decision not in _DECISIONS:
            yield _not_one_of(where("audit", index, "decision"), decision.decision, _DECISIONS)
        if decision.decision == "dismissed" and not decision.reason.strip():
            here = where("audit", index, "reason")
            yield Problem(here, "", "is empty for a dismissed discrepancy", "say why")
        names = [line.rpartition(" = ")[0] for line in decision.cells.splitlines()]
        named = decision.corrected.rpartition(" = ")[0]
        if decision.decision == "resolved" and named not in names:
            here = where("audit", index, "corrected")
            remedy = "copy the line of cells that was wrong, and write the right value behind ="
            yield Problem(here, decision.corrected, "names none of the cells", remedy)


def _not_one_of(here: str, value: str, allowed: Sequence[Any]) -> Problem:
    named = ", ".join(choice or "empty" for choice in allowed)
    return Problem(
        here, value, "is not one of the words this column takes", f"write one of {named}"
    )
