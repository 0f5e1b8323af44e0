"""What is taken from a review's findings, and the bundled review pooled from all its series."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

import secondlook as sl
from secondlook.errors import EvidenceError
from secondlook.evidence import Cohort, Evidence, Finding, Reported, Source, Study
from secondlook.synthesis.curve_synthesis import (
    CurveObservation,
    CurveSummary,
    compare_families,
    curve_summaries,
    pool_curves,
)

EVIDENCE = sl.example("stage-iv-breast").evidence
TABLES = {"liver": "Table 1", "lung": "Table 2"}


def table(site: str, **options: Any) -> tuple[CurveSummary, ...]:
    return curve_summaries(EVIDENCE, site=site, place=TABLES[site], **options)


def finding(statistic: str, value: str, **more: Any) -> Finding:
    printed: dict[str, Any] = {
        key: Reported(str(more.pop(key))) for key in ("low", "high", "n") if key in more
    }
    months = more.pop("months", None)
    return Finding(
        study="one",
        endpoint=more.pop("endpoint", "OS"),
        statistic=statistic,
        months=None if months is None else Decimal(months),
        value=Reported(value),
        source=Source("paper", more.pop("place", "Table 1")),
        **printed,
        **more,
    )


def size(value: str, cohort: str = "all") -> Finding:
    return finding("count", value, endpoint="patients", cohort=cohort)


def one_study(*findings: Finding, cohorts: tuple[Cohort, ...] = ()) -> tuple[CurveSummary, ...]:
    evidence = Evidence(studies=(Study("one", "One"),), cohorts=cohorts, findings=findings)
    return curve_summaries(evidence)


def described(summary: CurveSummary) -> list[str]:
    return [observation.describe() for observation in summary.observations]


def test_every_series_of_both_tables_is_used_also_those_that_print_only_a_median() -> None:
    for site, series in (("liver", 15), ("lung", 10)):
        pooled = pool_curves(table(site))
        assert pooled.k == series
        assert pooled.omitted == ()
    by_study = {summary.study: summary for summary in table("liver")}
    assert described(by_study["Yoshimoto 2000"]) == ["median 34"]
    assert described(by_study["Elias 2003"]) == ["34 % at 60"]


def test_the_four_year_rate_and_the_mean_are_taken_for_what_they_are() -> None:
    by_study = {summary.study: summary for summary in (*table("liver"), *table("lung"))}
    assert described(by_study["Pocard 2001"]) == ["median 47", "46 % at 48"]
    assert sorted(described(by_study["Murabito 2000"])) == ["80 % at 60", "mean 79"]


def test_patients_of_a_complete_resection_are_not_counted_beside_the_whole_they_belong_to() -> None:
    by_study = {summary.study: summary for summary in table("lung")}
    friedel = by_study["Friedel 2002"]
    assert friedel.n == 467
    assert described(friedel) == ["median 35", "35 % at 60"]
    assert any("complete resection" in reason for reason in friedel.unused)
    part = table("lung", cohort="complete resection")
    assert {summary.study: summary.n for summary in part} == {
        "Friedel 1994": 68,
        "Friedel 2002": 392,
    }


def test_a_plan_says_which_findings_are_taken() -> None:
    plan = sl.example("stage-iv-breast").question.analysis("hepatic-5-year-survival")
    assert curve_summaries(EVIDENCE, plan) == table("liver")
    pooled = pool_curves(EVIDENCE, analysis=plan)
    assert pooled.k == 15


def test_statistics_can_be_chosen() -> None:
    without = {s.study: s for s in table("lung", statistics=("survival", "median"))}
    assert described(without["Murabito 2000"]) == ["80 % at 60"]


def test_two_numbers_for_one_thing_are_an_error_that_says_where_they_stand() -> None:
    # the text gives Adam's median as 32, Table 1 as 38
    with pytest.raises(EvidenceError, match=r"adam2006.*median.*38.*32.*Table 1"):
        curve_summaries(EVIDENCE, site="liver")


def test_pooled_five_year_survival_lies_where_the_pooled_rates_lie() -> None:
    # by itself the 5-year rate pools to 32 % over 13 hepatic and 45 % over 10 pulmonary series
    for site, plan in (("liver", "hepatic-5-year-survival"), ("lung", "pulmonary-5-year-survival")):
        review = sl.example("stage-iv-breast")
        alone = sl.synthesis.analyse(review.evidence, review.question.analysis(plan)).shown
        band = pool_curves(table(site)).at(60)
        assert alone is not None
        assert alone.low < 100 * band.survival[0] < alone.high
        assert band.prediction_low is not None
        assert band.prediction_low[0] < band.low[0]


def test_the_outlier_the_review_sets_apart_stands_out_from_its_own_curve() -> None:
    pooled = pool_curves(table("lung", statistics=("survival", "median")))
    residuals = {
        (study.study, number.description): number.standardised_residual
        for study in pooled.studies
        for number in study.numbers
    }
    assert max(residuals, key=lambda key: abs(residuals[key])) == ("Murabito 2000", "80 % at 60")


def test_all_families_agree_on_five_year_survival_of_the_bundled_review() -> None:
    for site in TABLES:
        comparison = compare_families(table(site), times=(60,))
        survival = [row.survival[0] for row in comparison.rows]
        assert None not in survival
        assert max(s or 0 for s in survival) - min(s or 0 for s in survival) < 0.03


def test_what_cannot_be_used_is_named_with_its_reason() -> None:
    (summary,) = one_study(
        size("40"),
        finding("median", "not reached"),
        finding("survival", "<10", months=120),
        finding("survival", "50"),
        finding("survival", "30", months=60),
    )
    assert summary == CurveSummary(
        "One",
        40,
        (CurveObservation.rate(60, 0.30),),
        (
            "median: not reached",
            "survival at 120 <10: printed as a bound",
            "survival 50: printed without a time",
        ),
    )


def test_intervals_and_numbers_at_risk_are_taken_with_the_rate() -> None:
    (summary,) = one_study(
        size("40"),
        finding("survival", "30", months=60, low=15, high=45),
        finding("at_risk", "12", months=60),
        finding("median", "33", low=20, high="50"),
    )
    assert summary.observations == (
        CurveObservation.rate(60, 0.30, interval=(0.15, 0.45), at_risk=12),
        CurveObservation.median(33, interval=(20, 50)),
    )


def test_a_number_printed_twice_is_one_number_and_comparisons_are_none() -> None:
    (summary,) = one_study(
        size("40"),
        finding("median", "33"),
        finding("median", "33", place="p. 3"),
        finding("median", "12", comparator="no surgery"),
    )
    assert described(summary) == ["median 33"]


def test_parts_that_make_up_the_whole_stand_for_it_where_it_prints_nothing() -> None:
    parts = (
        Cohort("one", "total", subset_of="all", split="operation"),
        Cohort("one", "partial", subset_of="all", split="operation"),
        Cohort("one", "complete resection", subset_of="all"),
    )
    sizes = (size("60", "total"), size("30", "partial"), size("50", "complete resection"))
    rates = (
        finding("survival", "40", months=60, cohort="total"),
        finding("survival", "25", months=60, cohort="partial"),
        finding("survival", "50", months=60, cohort="complete resection"),
    )
    (summary,) = one_study(*sizes, *rates, cohorts=parts)
    assert summary.n == 90
    assert described(summary) == ["35 % at 60"]
    (summary,) = one_study(sizes[2], rates[2], cohorts=parts)
    assert summary.observations == ()
    assert summary.unused == ("what is printed of complete resection: only a part of the patients",)
    (summary,) = one_study(*sizes, *rates, size("95"), finding("median", "30"), cohorts=parts)
    assert described(summary) == ["median 30"]
    assert summary.n == 95
