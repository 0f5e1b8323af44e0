"""Planned analyses: which findings they take, what they give, and what they say they cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import exp, log
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri

import secondlook as sl
from secondlook.errors import EvidenceError
from secondlook.evidence import Cohort, Evidence, Finding, Reported, Source, Study
from secondlook.question import Analysis
from secondlook.synthesis import AnalysisResult, Pooled, Row, analyse, count_studies, pool


def plan(**keys: Any) -> Analysis:
    given = {"id": "a", "title": "A", "effect": "survival", "months": (60,)}
    return Analysis.model_validate(given | keys)


def series(*rows: tuple[str, str, str], months: int = 60) -> Evidence:
    """Studies with a size and a survival percent each, as printed."""
    findings = []
    for key, n, percent in rows:
        findings += [
            Finding(study=key, endpoint="patients", statistic="count", value=Reported(n)),
            Finding(
                study=key,
                endpoint="OS",
                statistic="survival",
                months=Decimal(months),
                value=Reported(percent),
            ),
        ]
    return Evidence(
        tuple(Study(key, label=key.upper()) for key, *_ in rows), findings=tuple(findings)
    )


def reasons(result: AnalysisResult) -> dict[str, str]:
    return {row.study.key: row.reason for row in result.rows if row.reason}


def repool(rows: Sequence[Row]) -> Pooled:
    used = [(row.yi, row.vi) for row in rows if row.yi is not None and row.vi is not None]
    assert len(used) == len(rows)
    return pool([yi for yi, _ in used], [vi for _, vi in used])


def bundled_result(review: sl.Review, name: str) -> AnalysisResult:
    return analyse(review.evidence, review.question.analysis(name))


def test_a_study_that_did_not_report_stays_a_row_with_the_reason(bundled: sl.Review) -> None:
    result = bundled_result(bundled, "hepatic-5-year-survival")
    assert reasons(result) == {
        "yoshimoto2000": "not reported",
        "pocard2001": "printed at 48 months",
    }
    assert len(result.rows) == 15


def test_a_four_year_value_is_pooled_only_when_the_plan_says_so(bundled: sl.Review) -> None:
    result = bundled_result(bundled, "hepatic-survival-as-tabulated")
    assert reasons(result) == {"yoshimoto2000": "not reported"}


def test_a_subset_is_not_pooled_beside_its_whole(bundled: sl.Review) -> None:
    result = bundled_result(bundled, "pulmonary-5-year-survival")
    friedel = [row for row in result.rows if row.study.key == "friedel1994"]
    assert [row.arms[0].printed for row in friedel] == ["27"]
    assert sum(row.arms[0].n or 0 for row in result.rows) == 1019  # the column without 68, 392


def test_a_cohort_printed_in_parts_is_their_patient_weighted_mean(bundled: sl.Review) -> None:
    result = bundled_result(bundled, "primary-3-year-survival-difference")
    khan = next(row for row in result.rows if row.study.key == "khan2002")
    exact = Fraction(3513 * 28 + 5649 * 32, 3513 + 5649)  # Table 3, first row
    assert khan.arms[0].value == pytest.approx(float(exact), abs=1e-12)
    assert khan.arms[0].derived.startswith("patient-weighted mean of 28")
    assert khan.yi == pytest.approx(float(exact - 17) / 100, abs=1e-12)


def test_parts_that_are_not_declared_a_split_are_not_added_up(bundled: sl.Review) -> None:
    cohorts = tuple(replace(cohort, split="") for cohort in bundled.evidence.cohorts)
    evidence = replace(bundled.evidence, cohorts=cohorts)
    result = analyse(evidence, bundled.question.analysis("primary-3-year-survival-difference"))
    assert reasons(result)["khan2002"] == "nothing printed for surgery"


def test_a_printed_hazard_ratio_gets_its_variance_from_its_interval(bundled: sl.Review) -> None:
    result = bundled_result(bundled, "primary-printed-hazard-ratio")
    (row,) = result.pooled_rows
    error = (log(0.66) - log(0.60)) / (2 * 1.959963984540054)  # Gnerlich: 0.63 (0.60-0.66)
    assert row.yi == pytest.approx(log(0.63), abs=1e-12)
    assert row.vi == pytest.approx(error**2, abs=1e-12)
    assert result.prediction is None
    assert any("One study" in warning for warning in result.warnings)


def test_the_implied_hazard_ratio_is_the_ratio_of_log_survivals(bundled: sl.Review) -> None:
    result = bundled_result(bundled, "primary-implied-hazard-ratio")
    fields = next(row for row in result.rows if row.study.key == "fields2007")
    assert fields.shown is not None
    assert fields.shown.estimate == pytest.approx(log(0.46) / log(0.26), abs=1e-12)


def test_two_numbers_for_one_thing_stop_the_analysis_and_both_are_named(
    bundled: sl.Review,
) -> None:
    everywhere = plan(effect="median", months=(), site="liver")
    with pytest.raises(EvidenceError) as caught:
        analyse(bundled.evidence, everywhere)
    adam = next(str(p) for p in caught.value.problems if "adam2006" in str(p))
    assert '"38 and 32" are two numbers for one thing (in Table 1 and in text' in adam
    assert "place = " in adam


def test_a_mean_is_shown_and_not_taken_for_a_median(bundled: sl.Review) -> None:
    result = bundled_result(bundled, "pulmonary-median-survival")
    assert reasons(result)["murabito2000"] == "a mean, not a median"
    assert result.pooled is None


@pytest.mark.parametrize("percent", ["0", "100"])
def test_zero_and_all_have_no_logit_and_are_said_to_have_none(percent: str) -> None:
    evidence = series(("a", "20", percent), ("b", "30", "50"), ("c", "40", "40"))
    assert reasons(analyse(evidence, plan())) == {"a": f"{percent} % has no finite logit"}
    assert reasons(analyse(evidence, plan(transform="freeman-tukey"))) == {}


def test_a_percent_marked_sic_is_seen_and_not_pooled() -> None:
    evidence = series(("a", "20", "130 [sic]"), ("b", "30", "50"))
    result = analyse(evidence, plan())
    assert reasons(result) == {"a": "130 [sic] is not a percent from 0 to 100"}


def test_without_a_number_of_patients_there_is_no_variance() -> None:
    evidence = series(("a", "NR", "30"), ("b", "30", "50"))
    assert reasons(analyse(evidence, plan())) == {"a": "number of patients not printed"}


def test_nothing_to_pool_is_an_answer_with_a_reason() -> None:
    nothing = analyse(Evidence(), plan())
    assert nothing.pooled is None
    assert "no study has a finding of this kind" in nothing.not_estimable
    missing = analyse(series(("a", "10", "NR"), ("b", "10", "")), plan())
    assert missing.pooled is None
    assert "none of the 2 studies" in missing.not_estimable
    for result in (nothing, missing):
        assert "Not pooled" in str(result)
        assert result.to_dict()["pooled"] is None


def test_each_leave_one_out_is_the_pool_of_the_others(bundled: sl.Review) -> None:
    result = bundled_result(bundled, "pulmonary-5-year-survival")
    used = result.pooled_rows
    for index, row in enumerate(used):
        rest = [other for place, other in enumerate(used) if place != index]
        again = repool(rest)
        percent = 100 / (1 + exp(-again.estimate))
        assert result.without[row.study.label].estimate == pytest.approx(percent, abs=1e-9)


def test_each_subgroup_is_the_pool_of_its_own_rows(bundled: sl.Review) -> None:
    result = bundled_result(bundled, "primary-3-year-survival-difference")
    assert {group.name: group.k for group in result.subgroups} == {
        "registry": 2,
        "single centre": 3,
        "not stated": 1,
    }
    group = next(group for group in result.subgroups if group.name == "single centre")
    rows = [row for row in result.pooled_rows if row.study.data_source == "single centre"]
    again = repool(rows)
    assert group.shown.estimate == pytest.approx(100 * again.estimate, abs=1e-9)


@pytest.mark.parametrize("transform", ["logit", "cloglog", "freeman-tukey"])
def test_every_interval_runs_from_low_to_high_whatever_the_scale(transform: str) -> None:
    evidence = series(("a", "34", "18"), ("b", "17", "46"), ("c", "54", "34"), ("d", "31", "61"))
    result = analyse(evidence, plan(transform=transform))
    assert result.shown is not None
    assert result.prediction is not None
    assert result.prediction[0] < result.shown.low < result.shown.estimate < result.shown.high
    assert result.shown.high < result.prediction[1]
    for row in result.rows:
        assert row.shown is not None
        assert row.shown.low < row.shown.estimate < row.shown.high


@pytest.mark.parametrize("transform", ["logit", "cloglog", "freeman-tukey"])
def test_a_study_comes_back_as_the_percent_it_printed(transform: str) -> None:
    result = analyse(series(("a", "34", "18"), ("b", "17", "46")), plan(transform=transform))
    shown = [row.shown.estimate for row in result.rows if row.shown]
    assert shown == pytest.approx([18, 46], abs=1e-9)


def test_studies_that_may_share_patients_are_named_when_both_are_pooled() -> None:
    evidence = replace(
        series(("a", "34", "18"), ("b", "17", "46")),
        cohorts=(Cohort("a", "all", overlaps=("b/all",)),),
    )
    (warning,) = [w for w in analyse(evidence, plan()).warnings if "share" in w]
    assert "A and B" in warning


def test_studies_with_the_same_label_are_told_apart() -> None:
    evidence = series(("a", "34", "18"), ("b", "17", "46"), ("c", "54", "34"))
    same = tuple(replace(study, label="Same") for study in evidence.studies)
    result = analyse(replace(evidence, studies=same), plan())
    assert set(result.without) == {"Same (a)", "Same (b)", "Same (c)"}


def test_the_first_planned_time_is_preferred_and_the_next_stands_in() -> None:
    evidence = series(("a", "34", "18"), ("b", "17", "46"))
    later = series(("a", "34", "30"), ("c", "20", "50"), months=48)
    both = Evidence(
        (*evidence.studies, later.studies[1]), findings=evidence.findings + later.findings
    )
    result = analyse(both, plan(months=(60, 48)))
    assert [row.arms[0].printed for row in result.rows] == ["18", "46", "50"]


def test_a_place_in_the_plan_keeps_other_places_out() -> None:
    evidence = series(("a", "34", "18"))
    text = replace(evidence.findings[1], value=Reported("20"), source=Source("x", "text", "p. 3"))
    both = replace(evidence, findings=(*evidence.findings, text))
    assert analyse(both, plan(place="text")).rows[0].arms[0].printed == "20"


def test_the_pooled_percent_is_the_back_transformed_mean(bundled: sl.Review) -> None:
    result = bundled_result(bundled, "hepatic-5-year-survival")
    assert result.pooled is not None
    assert result.shown is not None
    assert result.shown.estimate == pytest.approx(
        100 / (1 + np.exp(-result.pooled.estimate)), abs=1e-12
    )
    row = next(row for row in result.rows if row.study.key == "adam2006")
    # Adam, Table 1: 37 % of 85; logit variance 1/(n S (1 - S))
    half = ndtri(0.975) * (1 / (85 * 0.37 * 0.63)) ** 0.5
    low = 100 / (1 + exp(-(log(0.37 / 0.63) - half)))
    assert row.shown is not None
    assert row.shown.low == pytest.approx(low, abs=1e-9)


def test_the_studies_of_the_three_tables_are_counted_as_they_stand(bundled: sl.Review) -> None:
    counts = {(count.site, count.design): count for count in count_studies(bundled.evidence)}
    liver = [34, 15, 17, 25, 65, 17, 54, 31, 34, 18, 21, 85, 12, 16, 39]  # Table 1
    assert (counts["liver", "case series"].studies, counts["liver", "case series"].patients) == (
        len(liver),
        sum(liver),
    )
    primary = [16023, 224, 300, 409, 9734, 395, 728]  # Table 3
    assert counts["primary", "comparison"].patients == sum(primary)


def test_a_misspelt_word_of_the_plan_is_named_with_the_word_it_resembles() -> None:
    evidence = series(("a", "34", "18"), ("b", "17", "46"))
    (warning,) = analyse(evidence, plan(endpoint="os")).warnings
    assert warning == 'no endpoint in the evidence is "os"; did you mean OS?'
    assert (
        'no cohort in the evidence is "surgry"' in analyse(evidence, plan(cohort="surgry")).warnings
    )


def test_a_finding_whose_endpoint_differs_in_case_is_named() -> None:
    evidence = series(("a", "34", "18"), ("b", "17", "46"))
    other = replace(evidence.findings[1], endpoint="os")
    mixed = replace(evidence, findings=(*evidence.findings, other))
    assert 'the endpoint "os" is not taken for "OS"' in analyse(mixed, plan()).warnings


def ratio(low: str, high: str, *, adjusted: bool | None = None, study: str = "a") -> Finding:
    return Finding(
        study=study,
        cohort="surgery",
        comparator="none",
        endpoint="OS",
        statistic="hazard_ratio",
        value=Reported("0.71"),
        low=Reported(low),
        high=Reported(high),
        adjusted=adjusted,
    )


def ratios(*findings: Finding) -> AnalysisResult:
    keys = sorted({finding.study for finding in findings})
    cohorts = tuple(Cohort(key, name) for key in keys for name in ("surgery", "none"))
    evidence = Evidence(tuple(Study(key, key) for key in keys), cohorts, findings)
    asked = plan(effect="hazard_ratio", months=(), cohort="surgery", comparator="none")
    return analyse(evidence, asked)


def test_a_lopsided_interval_is_named_and_an_even_one_is_not() -> None:
    assert any("far from symmetric" in w for w in ratios(ratio("0.64", "1.79")).warnings)
    assert not any("symmetric" in w for w in ratios(ratio("0.50", "1.01")).warnings)


def test_adjusted_and_unadjusted_ratios_are_not_pooled_in_silence() -> None:
    both = ratios(
        ratio("0.5", "1.0", adjusted=True), ratio("0.5", "1.0", adjusted=False, study="b")
    )
    assert any("Adjusted and unadjusted" in sentence for sentence in both.assumptions)
    assert "adjusted for other factors" in both.rows[0].notes[0]


def test_a_ratio_is_shown_with_the_interval_it_was_printed_with() -> None:
    (row,) = ratios(ratio("0.50", "1.01")).rows
    assert row.arms[0].printed == "0.71 (0.50 to 1.01)"


def test_studies_of_the_site_that_bring_nothing_are_named(bundled: sl.Review) -> None:
    result = bundled_result(bundled, "pulmonary-5-year-survival")
    assert "staren1992" in {study.key for study in result.outside}


def test_the_size_of_a_study_is_added_up_from_its_arms_when_only_they_are_printed(
    bundled: sl.Review,
) -> None:
    assert bundled.evidence.size("staren1992") is None
    assert bundled.evidence.patients("staren1992") == 33 + 30  # text, Pulmonary Metastases


def test_a_single_group_has_no_test_of_no_effect(bundled: sl.Review) -> None:
    assert "test of no effect" not in str(bundled_result(bundled, "hepatic-5-year-survival"))
    assert "test of no effect" in str(bundled_result(bundled, "primary-implied-hazard-ratio"))
