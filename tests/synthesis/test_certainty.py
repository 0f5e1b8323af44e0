"""Certainty of evidence: what is computed, what is suggested, and what stays open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import secondlook as sl
from secondlook.question import DOMAINS, Baseline, Certainty, Judgement
from secondlook.synthesis import AnalysisResult, Interval, analyse
from secondlook.synthesis.certainty import CertaintyOfEvidence, assess_certainty


@pytest.fixture(scope="module")
def ratio() -> AnalysisResult:
    review = sl.example("stage-iv-breast")
    return analyse(review.evidence, review.question.analysis("primary-implied-hazard-ratio"))


def assess(result: AnalysisResult, **said: Any) -> CertaintyOfEvidence:
    return assess_certainty(result, Certainty(analysis=result.analysis.id, **said))


def domain(result: AnalysisResult, name: str, **said: Any) -> Any:
    return next(one for one in assess(result, **said).domains if one.name == name)


def decided(**ratings: str) -> dict[str, Judgement]:
    return {
        name: Judgement(rating=ratings.get(name, "not serious"), reason="as discussed")  # type: ignore[arg-type]
        for name in DOMAINS
    }


def judged(result: AnalysisResult, *words: str) -> AnalysisResult:
    rows = [
        replace(row, study=replace(row.study, bias_overall=word))
        for row, word in zip(result.pooled_rows, words, strict=True)
    ]
    return replace(result, rows=tuple(rows))


def test_certainty_is_open_until_every_domain_is_decided(ratio: AnalysisResult) -> None:
    assert assess(ratio).rating == ""
    assert assess(ratio).open == DOMAINS
    all_but_one = decided()
    del all_but_one["indirectness"]
    assert assess(ratio, **all_but_one).rating == ""
    assert assess(ratio, **all_but_one).open == ("indirectness",)


@pytest.mark.parametrize(
    ("start", "ratings", "upgrade", "rating"),
    [
        ("high", {}, 0, "high"),
        ("low", {}, 0, "low"),
        ("high", {"risk_of_bias": "serious"}, 0, "moderate"),
        ("high", {"risk_of_bias": "very serious", "imprecision": "serious"}, 0, "very low"),
        ("high", {"risk_of_bias": "very serious", "imprecision": "very serious"}, 0, "very low"),
        ("low", {}, 1, "moderate"),
        ("high", {}, 2, "high"),
    ],
)
def test_each_serious_domain_takes_a_level_and_very_serious_two(
    ratio: AnalysisResult, start: str, ratings: dict[str, str], upgrade: int, rating: str
) -> None:
    said = decided(**ratings) | {"start": start, "upgrade": upgrade, "upgrade_reason": "large"}
    assert assess(ratio, **said).rating == rating


def test_imprecision_counts_the_thresholds_the_interval_crosses(ratio: AnalysisResult) -> None:
    wide = replace(ratio, shown=Interval(0.9, 0.7, 1.3))
    assert domain(wide, "imprecision").suggested == "serious"
    assert domain(wide, "imprecision", important=(0.8, 1.25)).suggested == "very serious"
    assert domain(wide, "imprecision", important=(0.5,)).suggested == "not serious"


def test_inconsistency_is_what_the_prediction_crosses_and_the_interval_does_not(
    ratio: AnalysisResult,
) -> None:
    narrow = replace(ratio, shown=Interval(0.6, 0.5, 0.75), prediction=(0.3, 1.3))
    assert domain(narrow, "inconsistency").suggested == "serious"
    assert domain(narrow, "inconsistency", important=(0.8, 1.25)).suggested == "very serious"
    agreeing = replace(narrow, prediction=(0.4, 0.95))
    assert domain(agreeing, "inconsistency").suggested == "not serious"
    # what the interval crosses already is imprecision, and is not counted twice
    both = replace(narrow, shown=Interval(0.8, 0.5, 1.2))
    assert domain(both, "inconsistency").suggested == "not serious"


def test_risk_of_bias_weighs_studies_by_their_weight(ratio: AnalysisResult) -> None:
    k = len(ratio.pooled_rows)
    assert k >= 2
    assert domain(ratio, "risk_of_bias").suggested == ""
    assert "has been judged" in domain(ratio, "risk_of_bias").facts[0]
    serious = judged(ratio, *["serious"] * k)
    assert domain(serious, "risk_of_bias").suggested == "serious"
    critical = judged(ratio, *["critical"] * k)
    assert domain(critical, "risk_of_bias").suggested == "very serious"
    low = judged(ratio, *["low"] * k)
    assert domain(low, "risk_of_bias").suggested == "not serious"


def test_half_judged_suggests_nothing(ratio: AnalysisResult) -> None:
    k = len(ratio.pooled_rows)
    weights = [row.weight or 0.0 for row in ratio.pooled_rows]
    heaviest = weights.index(max(weights))
    words = ["low"] * k
    words[heaviest] = ""
    share = weights[heaviest] > 50
    suggested = domain(judged(ratio, *words), "risk_of_bias").suggested
    assert suggested == ("" if share else "not serious")


def test_survival_with_treatment_is_survival_without_to_the_power_of_the_ratio(
    ratio: AnalysisResult,
) -> None:
    half = replace(ratio, shown=Interval(0.5, 0.25, 1.0))
    assessed = assess(half, without_treatment=(Baseline(months=36, percent=36.0),))
    (absolute,) = assessed.absolute
    # 0.36 to the power 1/2 is 0.6, to the power 1/4 is the root of that
    assert absolute.without == 360
    assert absolute.treated.estimate == pytest.approx(600)
    assert absolute.treated.high == pytest.approx(1000 * 0.6**0.5)
    assert absolute.treated.low == pytest.approx(360)
    assert absolute.difference is not None
    gained = (absolute.difference.estimate, absolute.difference.low, absolute.difference.high)
    assert gained == pytest.approx((240, 0, 1000 * 0.6**0.5 - 360))
    assert any("same at all times" in sentence for sentence in assessed.assumptions)


def test_without_a_baseline_no_absolute_effect_is_made_up(ratio: AnalysisResult) -> None:
    assert assess(ratio).absolute == ()


def test_a_single_group_is_told_in_1000_patients_without_a_comparison() -> None:
    review = sl.example("stage-iv-breast")
    result = analyse(review.evidence, review.question.analysis("hepatic-5-year-survival"))
    (absolute,) = assess(result).absolute
    assert result.shown is not None
    assert absolute.treated.estimate == pytest.approx(10 * result.shown.estimate)
    assert absolute.difference is None


def test_everything_is_plain_data(ratio: AnalysisResult) -> None:
    plain = assess(ratio, **decided()).to_dict()
    assert plain["rating"] == "low"
    assert [one["name"] for one in plain["domains"]] == list(DOMAINS)
