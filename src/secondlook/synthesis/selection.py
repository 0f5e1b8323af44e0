"""Which findings an analysis takes, which it cannot take, and why.

A study that was looked at is never dropped in silence: it stays a row, with the printed string and
the reason it is not pooled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from secondlook.errors import EvidenceError, Problem
from secondlook.evidence import ENTIRE, Evidence, Finding, Rate, Reported, Study
from secondlook.question import Analysis

__all__ = ["Arm", "Candidate", "candidates", "unknown_words"]


@dataclass(frozen=True, slots=True)
class Arm:
    """What one cohort of a study brings to an analysis.

    Attributes
    ----------
    cohort
        Its key.
    n
        Number of patients, or None when the document gives none.
    printed
        The number as printed, or the derivation of one that was not.
    value
        The number (a percent, a median in months), or None.
    findings
        What was read, for following a number back to its cell.
    derived
        How the value was put together, when no single cell prints it.
    from_figure
        True when the document says it estimated the number itself.
    against
        For a ratio: what it is against, and whether other factors were controlled for.
    """

    cohort: str
    n: int | None
    printed: str
    value: float | None
    findings: tuple[Finding, ...]
    derived: str = ""
    from_figure: bool = False
    against: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A study an analysis looked at: its arms, or the reason it cannot be used.

    Attributes
    ----------
    study
        The study.
    arms
        One arm, or treated and comparator.
    reason
        Why it is not pooled; empty when it can be.
    """

    study: Study
    arms: tuple[Arm, ...]
    reason: str = ""


_STATISTICS = {
    "survival": ("survival",),
    "survival_difference": ("survival",),
    "hazard_ratio_from_survival": ("survival",),
    "hazard_ratio": ("hazard_ratio",),
    "median": ("median", "mean"),
}


def candidates(evidence: Evidence, analysis: Analysis) -> tuple[Candidate, ...]:
    """List the studies an analysis looks at, in the order of the evidence.

    A study is looked at when it has any finding of the statistic, printed or not, that the
    analysis's endpoint, site, place and cohorts admit.

    Raises
    ------
    EvidenceError
        When a study prints two different numbers for the same thing and the plan does not say
        which to take.
    """
    two_arms = analysis.effect in ("survival_difference", "hazard_ratio_from_survival")
    names = (analysis.cohort, analysis.comparator) if two_arms else (analysis.cohort,)
    admitted = [finding for finding in evidence.findings if _admits(finding, evidence, analysis)]
    keys = list(dict.fromkeys(f.study for f in admitted if _concerns(f, names, evidence)))
    found: list[Candidate] = []
    problems: list[Problem] = []
    for key in keys:
        mine = [finding for finding in admitted if finding.study == key]
        try:
            arms = _arms(evidence, analysis, names, mine)
        except EvidenceError as error:
            problems.extend(error.problems)
            continue
        found.append(Candidate(evidence.study(key), arms, _reason(arms, analysis)))
    if problems:
        raise EvidenceError(problems)
    return tuple(found)


def unknown_words(evidence: Evidence, analysis: Analysis) -> tuple[str, ...]:
    """Name the words of a plan that stand nowhere in the evidence, and those they resemble."""
    findings = evidence.findings
    cohorts = {ENTIRE, *(cohort.key for cohort in evidence.cohorts)}
    known = {
        "endpoint": ({finding.endpoint for finding in findings}, analysis.endpoint),
        "site": ({study.site for study in evidence.studies}, analysis.site),
        "place": ({finding.source.place for finding in findings}, analysis.place),
        "cohort": (cohorts, analysis.cohort),
        "comparator": (cohorts, analysis.comparator),
    }
    found = []
    for key, (words, planned) in known.items():
        alike = sorted(w for w in words if w.casefold() == planned.casefold() and w != planned)
        if planned and planned not in words:
            near = alike or get_close_matches(planned, sorted(words), 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            found.append(f'no {key} in the evidence is "{planned}"{hint}')
        elif alike:
            found.append(f'the {key} "{alike[0]}" is not taken for "{planned}"')
    return tuple(found)


def _admits(finding: Finding, evidence: Evidence, analysis: Analysis) -> bool:
    return (
        finding.endpoint == analysis.endpoint
        and finding.statistic in _STATISTICS[analysis.effect]
        and (not analysis.place or finding.source.place == analysis.place)
        and (not analysis.site or evidence.study(finding.study).site == analysis.site)
        and (analysis.effect != "hazard_ratio" or finding.comparator == analysis.comparator)
        and (analysis.adjusted is None or finding.adjusted == analysis.adjusted)
    )


def _concerns(finding: Finding, names: tuple[str, ...], evidence: Evidence) -> bool:
    if finding.cohort in names:
        return True
    return any(
        cohort.study == finding.study
        and cohort.key == finding.cohort
        and cohort.subset_of in names
        and bool(cohort.split)
        for cohort in evidence.cohorts
    )


def _arms(
    evidence: Evidence, analysis: Analysis, names: Sequence[str], findings: list[Finding]
) -> tuple[Arm, ...]:
    """The arms at the first planned time at which all have a number, else what is printed."""
    study = findings[0].study
    for months in analysis.months or (None,):
        there = [_arm_at(evidence, analysis, name, findings, months) for name in names]
        arms = tuple(arm for arm in there if arm is not None)
        if len(arms) == len(names):
            return arms
    return tuple(_printed_arm(evidence, analysis, study, name, findings) for name in names)


def _arm_at(
    evidence: Evidence,
    analysis: Analysis,
    name: str,
    findings: list[Finding],
    months: float | None,
) -> Arm | None:
    chosen = _choose([f for f in findings if f.cohort == name], analysis, months)
    if chosen is not None:
        return _arm(evidence, chosen)
    return _mixture(evidence, analysis, name, findings, months)


def _printed_arm(
    evidence: Evidence, analysis: Analysis, study: str, name: str, findings: list[Finding]
) -> Arm:
    """An arm as it is printed, for a study that cannot be used: its number at another time, NR."""
    mine = [finding for finding in findings if finding.cohort == name]
    planned = [f for f in mine if any(_at(f, months) for months in analysis.months)]
    numbers = [f for f in (*planned, *mine) if f.value.is_number]
    chosen = next(iter(numbers or planned or mine), None)
    if chosen is not None:
        return _arm(evidence, chosen)
    size = evidence.size(study, name, near=findings[0].source)
    return Arm(name, None if size is None else round(float(size.value)), "", None, ())


def _arm(evidence: Evidence, chosen: Finding) -> Arm:
    size = evidence.size(chosen.study, chosen.cohort, near=chosen.source)
    rate = Rate(evidence.study(chosen.study), chosen, size)
    return Arm(
        chosen.cohort,
        rate.n,
        _with_interval(chosen),
        float(chosen.value) if chosen.value.is_number else None,
        (chosen,) if size is None else (chosen, size),
        from_figure=bool(chosen.from_figure),
        against=_against(evidence, chosen),
    )


def _with_interval(finding: Finding) -> str:
    if not (finding.low.printed or finding.high.printed):
        return finding.value.printed
    return f"{finding.value} ({finding.low} to {finding.high})"


def _against(evidence: Evidence, finding: Finding) -> str:
    if finding.statistic not in ("hazard_ratio", "odds_ratio", "risk_ratio"):
        return ""
    size = evidence.size(finding.study, finding.comparator, near=finding.source)
    other = f"against {finding.comparator}" + (f" (n = {size.value})" if size else "")
    known = {True: "adjusted for other factors", False: "not adjusted"}
    return "; ".join([other, *([known[finding.adjusted]] if finding.adjusted is not None else [])])


def _choose(findings: list[Finding], analysis: Analysis, months: float | None) -> Finding | None:
    """The number printed at a time, or None."""
    statistic = _STATISTICS[analysis.effect][0]
    printed = [
        f for f in findings if f.value.is_number and f.statistic == statistic and _at(f, months)
    ]
    for other in printed[1:]:
        if _content(other) != _content(printed[0]):
            raise EvidenceError(_two_numbers(printed[0], other, analysis))
    return next(iter(printed), None)


def _content(finding: Finding) -> tuple[object, ...]:
    numbers = (finding.value, finding.low, finding.high, finding.level)
    return (*((number.value, number.relation) for number in numbers), finding.adjusted)


def _two_numbers(first: Finding, second: Finding, analysis: Analysis) -> Problem:
    places = (first.source.place or "no place", second.source.place or "no place")
    return Problem(
        f"review.toml, analysis {analysis.id}, study {first.study}, cohort {first.cohort}",
        f"{_with_interval(first)} and {_with_interval(second)}",
        f"are two numbers for one thing (in {places[0]} and in {places[1]})",
        _remedy(first, second),
    )


def _remedy(first: Finding, second: Finding) -> str:
    if first.adjusted != second.adjusted:
        return "say which to take with adjusted = true or false in the analysis"
    if first.source.place != second.source.place:
        return "say which to take with place = ... in the analysis"
    return "give one of them another cohort or endpoint in findings.csv"


def _at(finding: Finding, months: float | None) -> bool:
    return months is None or (finding.months is not None and float(finding.months) == months)


def _mixture(
    evidence: Evidence,
    analysis: Analysis,
    name: str,
    findings: list[Finding],
    months: float | None,
) -> Arm | None:
    """A survival percent of a cohort from those of the parts it is declared to be split into.

    The patient-weighted mean of the parts is the percent of the whole when nobody is censored
    before that time, but for the rounding of the parts.
    """
    if "survival" not in analysis.effect:
        return None
    study = findings[0].study
    parts = [c for c in evidence.cohorts if (c.study, c.subset_of) == (study, name) and c.split]
    for split in dict.fromkeys(cohort.split for cohort in parts):
        siblings = [cohort.key for cohort in parts if cohort.split == split]
        rates = []
        for part in siblings:
            chosen = _choose([f for f in findings if f.cohort == part], analysis, months)
            if chosen is not None:
                size = evidence.size(study, part, near=chosen.source)
                rates.append(Rate(evidence.study(study), chosen, size))
        if len(rates) == len(siblings) > 1:
            arm = _weighted(name, rates)
            if arm is not None:
                return arm
    return None


def _weighted(name: str, rates: list[Rate]) -> Arm | None:
    sizes = [rate.n for rate in rates if rate.n]
    total = sum(sizes)
    if len(sizes) < len(rates) or total <= 0:
        return None
    found = [rate.finding for rate in rates]
    value = sum(n * float(f.value) for n, f in zip(sizes, found, strict=True)) / total
    terms = " and ".join(f"{finding.value} ({finding.cohort})" for finding in found)
    seen = (f for rate in rates for f in (rate.finding, rate.size) if f is not None)
    return Arm(
        name,
        total,
        " / ".join(finding.value.printed for finding in found),
        value,
        tuple(seen),
        derived=f"patient-weighted mean of {terms}",
        from_figure=any(finding.from_figure for finding in found),
    )


def _planned(finding: Finding, analysis: Analysis) -> bool:
    return any(_at(finding, months) for months in analysis.months)


def _reason(arms: tuple[Arm, ...], analysis: Analysis) -> str:
    """Why a study cannot be pooled; empty when it can be."""
    blank = {
        arm.findings[0].value.kind if arm.findings else "" for arm in arms if arm.value is None
    }
    both = len(arms) > 1 and all(arm.value is None for arm in arms) and len(blank) == 1
    for arm in arms:
        who = "" if len(arms) == 1 else " in either arm" if both else f" for {arm.cohort}"
        if arm.value is None:
            if not arm.findings:
                return f"nothing printed{who}"
            return f"{arm.findings[0].value.kind}{who}"
        chosen = arm.findings[0]
        if analysis.months and not _planned(chosen, analysis):
            time = "without a time" if chosen.months is None else f"at {chosen.months:f} months"
            return f"printed {time}{who}"
        if analysis.effect == "median" and chosen.statistic == "mean":
            return f"a mean, not a median{who}"
        bound = next((p for p in _used(arm) if p.relation[0] in "<>"), None)
        if bound is not None:
            return f"printed as a bound ({bound}){who}"
        if "survival" in analysis.effect and arm.n is None:
            return f"number of patients not printed{who}"
    times = {arm.findings[0].months for arm in arms if not arm.derived}
    if analysis.months and len(times) > 1:
        return f"printed at {' and '.join(f'{time:f}' for time in times if time)} months"
    return ""


def _used(arm: Arm) -> Iterator[Reported]:
    """The printed numbers an arm is computed from."""
    for finding in arm.findings:
        for printed in (finding.value, finding.low, finding.high, finding.n):
            if printed.is_number:
                yield printed
