"""Sentences written from results, so that words and numbers cannot drift apart.

A kind of result this module has no words for is refused by name.
"""

from __future__ import annotations

from secondlook.report.numerals import interval_text, number, p_text, plural, unit_of
from secondlook.synthesis import AnalysisResult, FactorVotes

__all__ = [
    "answer",
    "factor_sentence",
    "heterogeneity",
    "influence",
    "outside",
    "subgroup_sentence",
    "what",
]

_WHAT = {
    "survival": "percent without the event",
    "survival_difference": "difference in survival, treated minus comparator",
    "hazard_ratio_from_survival": "hazard ratio implied by two survival percents",
    "hazard_ratio": "hazard ratio as printed",
    "median": "median in months, as printed",
}


def what(result: AnalysisResult) -> str:
    """Name the quantity of an analysis in a few words.

    Raises
    ------
    LookupError
        For an effect that has no words here.
    """
    try:
        return _WHAT[result.analysis.effect]
    except KeyError:
        raise LookupError(f"no words for the effect {result.analysis.effect}") from None


def answer(result: AnalysisResult) -> str:
    """Say what an analysis found, in one paragraph."""
    used, seen = len(result.pooled_rows), len(result.rows)
    if result.analysis.effect == "median":
        return _medians(result)
    if result.pooled is None or result.shown is None:
        return f"Nothing could be pooled: {result.not_estimable}."
    unit = unit_of(result)
    text = (
        f"{used} of {plural(seen, 'study', 'studies')} looked at could be used. "
        f"{_subject(result)} {interval_text(result.shown, unit)}."
    )
    if result.prediction is not None:
        low, high = result.prediction
        text += (
            f" The true value in a new study of the same kind would be expected between "
            f"{number(low, unit)} and {number(high, unit)} (95 % prediction interval)."
        )
        if used < 5:
            text += " From so few studies that interval is itself very uncertain."
    elif used == 1:
        text += " One study cannot show how much studies differ, so there is no prediction."
    if result.null == 1:
        text += f" Below 1 means longer survival with {result.analysis.cohort}."
    return text


def _subject(result: AnalysisResult) -> str:
    if len(result.pooled_rows) == 1:
        return "That one study gives"
    return {
        "survival": "Pooled survival is",
        "survival_difference": "The pooled difference is",
        "hazard_ratio_from_survival": "The pooled implied hazard ratio is",
        "hazard_ratio": "The pooled hazard ratio is",
    }[result.analysis.effect]


def _medians(result: AnalysisResult) -> str:
    medians = [row for row in result.rows if not row.reason]
    if not medians:
        return f"None of {plural(len(result.rows), 'study', 'studies')} prints a median."
    values = sorted(row.arms[0].value for row in medians if row.arms[0].value is not None)
    return (
        f"{len(medians)} of {plural(len(result.rows), 'study', 'studies')} print a median, from "
        f"{values[0]:g} to {values[-1]:g} months. They are shown as printed and not pooled."
    )


def heterogeneity(result: AnalysisResult) -> str:
    """Say how much the studies of an analysis differ; empty when that cannot be said."""
    pooled = result.pooled
    if pooled is None or pooled.tau2 is None or pooled.i2 is None or pooled.q_p_value is None:
        return ""
    text = f"Between-study standard deviation τ = {pooled.tau2**0.5:.2f} on the scale of pooling"
    text += f"; I² = {pooled.i2:.0f} %"
    if pooled.i2_interval is not None:
        low, high = pooled.i2_interval
        text += f" (95 % interval {low:.0f} to {high:.0f} %)"
    freedom = pooled.q_degrees_of_freedom
    return f"{text}; Q = {pooled.q:.1f} on {freedom} df, {p_text(pooled.q_p_value)}."


def influence(result: AnalysisResult) -> str:
    """Say how far leaving out one study moves the answer; empty when it was not done."""
    shown = result.without
    if not shown:
        return ""
    unit = unit_of(result)
    low = min(shown, key=lambda name: shown[name].estimate)
    high = max(shown, key=lambda name: shown[name].estimate)
    return (
        f"Leaving out one study at a time, the estimate lies between "
        f"{number(shown[low].estimate, unit)} (without {low}) and "
        f"{number(shown[high].estimate, unit)} (without {high})."
    )


def subgroup_sentence(result: AnalysisResult) -> str:
    """Say what each subgroup gives by itself; empty when there are none."""
    if not result.subgroups:
        return ""
    unit = unit_of(result)
    parts = [
        f"{group.name} ({plural(group.k, 'study', 'studies')}) {interval_text(group.shown, unit)}"
        for group in result.subgroups
    ]
    column = result.analysis.subgroup.replace("_", " ")
    text = f"By {column}: {'; '.join(parts)}. No test of their difference is made."
    if any(group.k < 3 for group in result.subgroups):
        text += (
            " With one study the interval is that study's own, with two it is that of a t "
            "distribution with one degree of freedom: their widths cannot be compared."
        )
    return text


def outside(result: AnalysisResult) -> str:
    """Name the studies of the site that have no finding the analysis takes; empty when none."""
    if not result.outside:
        return ""
    names = ", ".join(study.label or study.key for study in result.outside)
    place = f" in {result.analysis.place}" if result.analysis.place else ""
    return f"Also at this site, without a finding of this kind{place}: {names}."


def factor_sentence(group: FactorVotes) -> str:
    """Say how often a factor was reported, and how."""
    outcomes = {
        "associated": "an association",
        "opposite": "the opposite association",
        "direction not stated": "an association of unstated direction",
        "no association": "none",
    }
    parts = []
    for outcome, words in outcomes.items():
        total = group.count(outcome)  # type: ignore[arg-type]
        if total:
            joint = group.count(outcome, attribution="joint")  # type: ignore[arg-type]
            parts.append(f"{total} {words}" + (f" ({joint} cited jointly)" if joint else ""))
    return ", ".join(parts)
