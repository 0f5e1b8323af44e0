"""What the findings of a review say of each study's survival curve."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from secondlook.errors import EvidenceError, Problem
from secondlook.evidence import ENTIRE, Evidence, Finding
from secondlook.question import Analysis
from secondlook.synthesis.curve_synthesis.summaries import CurveObservation, CurveSummary

__all__ = ["curve_summaries"]

_STATISTICS = ("survival", "median", "mean")


def curve_summaries(
    evidence: Evidence,
    analysis: Analysis | None = None,
    *,
    endpoint: str = "OS",
    site: str = "",
    place: str = "",
    cohort: str = ENTIRE,
    statistics: Sequence[str] = _STATISTICS,
) -> tuple[CurveSummary, ...]:
    """Collect what every study prints of the survival curve of one cohort.

    Parameters
    ----------
    evidence
        The review's evidence.
    analysis
        A plan whose endpoint, site, place and cohort take the place of those given here.
    endpoint, site, place, cohort
        Whose findings are taken; an empty site or place does not restrict.
    statistics
        Which of ``survival``, ``median`` and ``mean`` are taken.

    Returns
    -------
    tuple of CurveSummary
        One for each study that prints anything of the kind, in the order of the evidence, with
        what cannot be used and why. A study's patients are counted once: numbers of a part of the
        cohort are taken only where the whole has none, and then only where the parts are declared
        to make up the whole and all print survival at a time, whose patient-weighted mean it is.

    Raises
    ------
    EvidenceError
        When a study prints two numbers for one thing and the plan does not say which to take.

    Notes
    -----
    A median "not reached" says that survival was above 50 % for as long as was looked, which is
    not printed: it is named as unused, which leans the pooled curve towards studies with shorter
    survival where it happens often.

    Examples
    --------
    >>> import secondlook as sl
    >>> evidence = sl.example("stage-iv-breast").evidence
    >>> found = curve_summaries(evidence, site="liver", place="Table 1")
    >>> len(found), [one.describe() for one in found[4].observations]
    (15, ['median 47', '46 % at 48'])
    """
    if analysis is not None:
        endpoint, site = analysis.endpoint, analysis.site
        place, cohort = analysis.place, analysis.cohort
    admitted = [
        finding
        for finding in evidence.findings
        if finding.endpoint == endpoint
        and finding.statistic in (*statistics, "at_risk")
        and not finding.comparator
        and (not place or finding.source.place == place)
        and (not site or evidence.study(finding.study).site == site)
    ]
    parts = _parts(evidence, cohort)
    found: list[CurveSummary] = []
    problems: list[Problem] = []
    for study in dict.fromkeys(finding.study for finding in admitted):
        mine = [finding for finding in admitted if finding.study == study]
        whole = [finding for finding in mine if finding.cohort == cohort]
        of_parts = [finding for finding in mine if finding.cohort in parts.get(study, {})]
        if not any(finding.statistic != "at_risk" for finding in (*whole, *of_parts)):
            continue
        problems += _contradictions(whole)
        found.append(_summary(evidence, study, cohort, whole, of_parts))
    if problems:
        raise EvidenceError(problems)
    return tuple(found)


def _parts(evidence: Evidence, cohort: str) -> dict[str, dict[str, str]]:
    """For each study the parts of a cohort, and the split each belongs to."""
    parts: dict[str, dict[str, str]] = {}
    for one in evidence.cohorts:
        if one.subset_of == cohort:
            parts.setdefault(one.study, {})[one.key] = one.split
    return parts


def _contradictions(findings: Iterable[Finding]) -> list[Problem]:
    first: dict[tuple[str, object], Finding] = {}
    problems = []
    for finding in findings:
        if not finding.value.is_number:
            continue
        known = first.setdefault((finding.statistic, finding.months), finding)
        if known.value.value != finding.value.value:
            places = [one.source.place or "no place" for one in (known, finding)]
            problems.append(
                Problem(
                    f"study {finding.study}, cohort {finding.cohort}, {finding.statistic}",
                    f"{known.value} and {finding.value}",
                    f"are two numbers for one thing (in {places[0]} and in {places[1]})",
                    "say which to take with place = ...",
                )
            )
    return problems


def _summary(
    evidence: Evidence, study: str, cohort: str, whole: list[Finding], of_parts: list[Finding]
) -> CurveSummary:
    record = evidence.study(study)
    observations: list[CurveObservation] = []
    unused: list[str] = []
    n: float | None = None
    at_risk = {f.months: float(f.value) for f in whole if _is_at_risk(f)}
    for finding in whole:
        if finding.statistic == "at_risk":
            continue
        reason = _why_not(finding)
        if reason:
            unused.append(f"{_named(finding)}: {reason}")
            continue
        observation = _observation(finding, at_risk.get(finding.months))
        if observation not in observations:
            observations.append(observation)
        n = n or _size(evidence, finding)
    if not observations:
        observations, n, reasons = _from_parts(evidence, study, cohort, of_parts)
        unused += reasons
    elif of_parts:
        names = ", ".join(dict.fromkeys(f.cohort for f in of_parts if f.statistic != "at_risk"))
        unused.append(f"what is printed of {names}: patients of the whole, which prints its own")
    return CurveSummary(record.label or study, n, tuple(observations), tuple(unused))


def _is_at_risk(finding: Finding) -> bool:
    return finding.statistic == "at_risk" and finding.value.is_number


def _named(finding: Finding) -> str:
    time = "" if finding.months is None else f" at {finding.months:f}"
    value = f" {finding.value}" if finding.value.is_number else ""
    return f"{finding.statistic}{time}{value}"


def _why_not(finding: Finding) -> str:
    if not finding.value.is_number:
        return str(finding.value.kind)
    if finding.value.relation[0] in "<>":
        return "printed as a bound"
    if finding.statistic == "survival" and finding.months is None:
        return "printed without a time"
    return ""


def _size(evidence: Evidence, finding: Finding) -> float | None:
    if finding.n.is_number:
        return float(finding.n)
    size = evidence.size(finding.study, finding.cohort, near=finding.source)
    if size is not None and size.value.is_number:
        return float(size.value)
    return evidence.patients(finding.study) if finding.cohort == ENTIRE else None


def _observation(finding: Finding, at_risk: float | None) -> CurveObservation:
    value = float(finding.value)
    limits = (finding.low, finding.high)
    given = all(limit.is_number and limit.relation == "=" for limit in limits)
    interval = (float(limits[0]), float(limits[1])) if given else None
    level = float(finding.level) / 100 if finding.level.is_number else 0.95
    if finding.statistic == "survival":
        share = None if interval is None else (interval[0] / 100, interval[1] / 100)
        return CurveObservation.rate(
            float(finding.months or 0), value / 100, interval=share, level=level, at_risk=at_risk
        )
    if finding.statistic == "median":
        return CurveObservation.median(value, interval=interval, level=level)
    return CurveObservation.mean(value)


def _from_parts(
    evidence: Evidence, study: str, cohort: str, of_parts: list[Finding]
) -> tuple[list[CurveObservation], float | None, list[str]]:
    """Put rates of a whole together from those of the parts it is declared to be split into."""
    splits: dict[str, list[str]] = {}
    for key, split in _parts(evidence, cohort).get(study, {}).items():
        if split:
            splits.setdefault(split, []).append(key)
    for siblings in splits.values():
        sizes = [evidence.size(study, key) for key in siblings]
        weights = [float(size.value) for size in sizes if size is not None]
        if len(siblings) < 2 or len(weights) < len(siblings) or sum(weights) <= 0:
            continue
        rates = {
            (f.months, f.cohort): float(f.value) / 100
            for f in of_parts
            if f.statistic == "survival" and not _why_not(f)
        }
        observations = [
            CurveObservation.rate(float(months), _weighted(weights, found))
            for months in sorted({time for time, _ in rates if time is not None})
            for found in [[rates.get((months, key)) for key in siblings]]
            if None not in found
        ]
        if observations:
            return observations, sum(weights), []
    names = ", ".join(dict.fromkeys(f.cohort for f in of_parts))
    return [], None, [f"what is printed of {names}: only a part of the patients"] if names else []


def _weighted(weights: Sequence[float], values: Sequence[float | None]) -> float:
    products = (w * (v or 0.0) for w, v in zip(weights, values, strict=True))
    return sum(products) / sum(weights)
