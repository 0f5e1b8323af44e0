"""What an analysis takes and what it must not take: times, bounds, parts, overlaps, twins."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from secondlook.errors import EvidenceError
from secondlook.evidence import Cohort, Evidence, Factor, Finding, Reported, Study
from secondlook.question import Analysis
from secondlook.synthesis import AnalysisResult, analyse, count_votes


def plan(**keys: Any) -> Analysis:
    given = {"id": "a", "title": "A", "effect": "survival_difference", "months": (60, 36)}
    arms = {"cohort": "surgery", "comparator": "none"}
    return Analysis.model_validate(given | arms | keys)


def size(study: str, cohort: str, n: str) -> Finding:
    return Finding(
        study=study, cohort=cohort, endpoint="patients", statistic="count", value=Reported(n)
    )


def rate(study: str, cohort: str, months: int, percent: str, **more: Any) -> Finding:
    return Finding(
        study=study,
        cohort=cohort,
        endpoint="OS",
        statistic="survival",
        months=Decimal(months),
        value=Reported(percent),
        **more,
    )


def body(*findings: Finding, split: str = "treatment", overlaps: tuple[str, ...] = ()) -> Evidence:
    studies = dict.fromkeys(finding.study for finding in findings)
    cohorts = tuple(
        Cohort(study, key, split=split, overlaps=overlaps if study == "a" else ())
        for study in studies
        for key in dict.fromkeys(f.cohort for f in findings if f.study == study)
        if key != "all"
    )
    return Evidence(tuple(Study(key, key.upper()) for key in studies), cohorts, findings)


def two_arms(study: str, at: tuple[int, int], *, n: str = "50") -> tuple[Finding, ...]:
    return (
        size(study, "surgery", n),
        size(study, "none", n),
        rate(study, "surgery", at[0], "40"),
        rate(study, "none", at[1], "20"),
    )


def reason(result: AnalysisResult) -> str:
    (row,) = result.rows
    return row.reason


def test_arms_printed_at_different_times_are_not_compared() -> None:
    result = analyse(body(*two_arms("a", (60, 36))), plan())
    assert result.pooled is None
    assert reason(result) == "printed at 60 and 36 months"


def test_both_arms_are_taken_at_the_first_time_both_have() -> None:
    findings = (*two_arms("a", (36, 36)), rate("a", "surgery", 60, "10"))
    result = analyse(body(*findings), plan())
    assert [arm.printed for arm in result.rows[0].arms] == ["40", "20"]


def test_parts_at_different_times_are_not_averaged() -> None:
    findings = (
        size("a", "x", "50"),
        size("a", "y", "50"),
        rate("a", "x", 60, "20"),
        rate("a", "y", 36, "80"),
    )
    whole = plan(effect="survival", cohort="all", comparator="")
    assert analyse(body(*findings), whole).pooled is None


def test_parts_are_weighted_by_the_number_printed_beside_their_rate() -> None:
    findings = (
        size("a", "x", "50"),
        size("a", "y", "50"),
        rate("a", "x", 60, "20", n=Reported("90")),
        rate("a", "y", 60, "80", n=Reported("10")),
    )
    whole = plan(effect="survival", cohort="all", comparator="")
    (arm,) = analyse(body(*findings), whole).rows[0].arms
    assert (arm.value, arm.n) == (26.0, 100)  # 0.9 * 20 + 0.1 * 80


def test_parts_without_patients_are_no_whole() -> None:
    findings = (
        size("a", "x", "0 [sic]"),
        size("a", "y", "0 [sic]"),
        rate("a", "x", 60, "20"),
        rate("a", "y", 60, "80"),
    )
    whole = plan(effect="survival", cohort="all", comparator="")
    assert analyse(body(*findings), whole).pooled is None


@pytest.mark.parametrize("percent", ["<20", ">20", "≥20", "≤20"])
def test_a_bound_is_not_pooled_as_a_number(percent: str) -> None:
    findings = (size("a", "all", "40"), rate("a", "all", 60, percent))
    whole = plan(effect="survival", cohort="all", comparator="")
    assert reason(analyse(body(*findings), whole)) == f"printed as a bound ({percent})"


def ratio(low: str, high: str, **more: Any) -> Finding:
    return Finding(
        study="a",
        cohort="surgery",
        comparator="none",
        endpoint="OS",
        statistic="hazard_ratio",
        value=Reported("0.6"),
        low=Reported(low),
        high=Reported(high),
        **more,
    )


def test_one_ratio_with_two_intervals_is_two_numbers() -> None:
    both = body(ratio("0.5", "0.7", adjusted=False), ratio("0.3", "1.2", adjusted=True))
    asked = plan(effect="hazard_ratio", months=())
    with pytest.raises(EvidenceError, match="adjusted = true or false"):
        analyse(both, asked)
    chosen = analyse(both, plan(effect="hazard_ratio", months=(), adjusted=True))
    assert chosen.rows[0].arms[0].printed == "0.6 (0.3 to 1.2)"


def test_a_limit_that_is_a_bound_gives_no_variance() -> None:
    asked = plan(effect="hazard_ratio", months=())
    assert reason(analyse(body(ratio("<0.01", "9")), asked)) == "printed as a bound (<0.01)"


def test_an_impossible_level_leaves_out_its_row_and_no_other() -> None:
    asked = plan(effect="hazard_ratio", months=())
    odd = ratio("0.5", "0.7", level=Reported("0.95"))
    assert "not the level of an interval" in reason(analyse(body(odd), asked))


def test_a_median_is_preferred_to_a_mean_and_does_not_contradict_it() -> None:
    findings = tuple(
        Finding(study="a", endpoint="OS", statistic=statistic, value=Reported(printed))
        for statistic, printed in (("mean", "58"), ("median", "34"))
    )
    asked = plan(effect="median", months=(), cohort="all", comparator="")
    assert analyse(body(*findings), asked).rows[0].arms[0].printed == "34"


@pytest.mark.parametrize("declared", ["b", "b/all", "b/surgery"])
def test_an_overlap_is_seen_at_whatever_level_it_is_declared(declared: str) -> None:
    findings = (*two_arms("a", (60, 60)), *two_arms("b", (60, 60)))
    evidence = body(*findings)
    whole = Cohort("a", "all", overlaps=(declared,))
    result = analyse(replace(evidence, cohorts=(*evidence.cohorts, whole)), plan())
    assert [w for w in result.warnings if "share" in w] == [
        "A and B may share patients; both are pooled as if they did not"
    ]


def test_labels_that_look_like_others_with_their_keys_are_told_apart() -> None:
    findings = [f for key in ("k1", "k2", "k3") for f in two_arms(key, (60, 60))]
    labels = ("A", "A", "A (k1)")
    evidence = body(*findings)
    studies = tuple(
        replace(study, label=label) for study, label in zip(evidence.studies, labels, strict=True)
    )
    assert len(analyse(replace(evidence, studies=studies), plan()).without) == 3


def said(study: str, level: str, direction: str, reference: str = "") -> Factor:
    return Factor(
        study=study, factor="age", level=level, reference_level=reference, direction=direction
    )


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        (said("a", "present", "worse"), said("b", "present", "better"), "opposite"),
        (said("a", "present", "better"), said("b", "Present", "worse"), "opposite"),
        (said("a", "", "better"), said("b", "", "worse"), "opposite"),
        (said("a", "young", "better", "old"), said("b", "old", "better"), "opposite"),
        (said("a", "young", "better", "old"), said("b", "old", "worse"), "associated"),
    ],
)
def test_contrary_statements_are_not_counted_as_agreeing(
    first: Factor, second: Factor, outcome: str
) -> None:
    studies = (Study("a", site="liver"), Study("b", site="liver"))
    (group,) = count_votes(Evidence(studies, factors=(first, second)))
    assert [vote.outcome for vote in group.votes] == ["associated", outcome]
