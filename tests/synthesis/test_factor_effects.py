"""Numbers about prognostic factors, against hand calculations."""

from __future__ import annotations

from math import log
from typing import Any

import pytest

import secondlook as sl
from secondlook.evidence import Evidence, Factor, Finding, Reported, Study
from secondlook.synthesis import count_votes, pool
from secondlook.synthesis.factor_effects import combine_p_values, pool_factors, profile


def said(study: str, **keys: Any) -> Factor:
    numbers: dict[str, Any] = {
        name: Reported(keys.pop(name))
        for name in ("p", "hazard_ratio", "low", "high", "confidence")
        if name in keys
    }
    given: dict[str, Any] = {
        "factor": "margin",
        "level": "positive",
        "reference_level": "negative",
        "direction": "worse",
    }
    return Factor(study=study, **(given | numbers | keys))


def review(*factors: Factor, sizes: dict[str, str] | None = None) -> Evidence:
    keys = dict.fromkeys(factor.study for factor in factors)
    findings = [
        Finding(study=key, endpoint="patients", statistic="count", value=Reported(n))
        for key, n in (sizes or {}).items()
    ]
    studies = tuple(Study(key, key.upper(), site="liver") for key in keys)
    return Evidence(studies, (), tuple(findings), factors)


RATIOS = [("2.0", "1.0", "4.0"), ("1.5", "0.9", "2.5"), ("3.0", "1.2", "7.5")]


def ratio(study: str, numbers: tuple[str, str, str], **keys: Any) -> Factor:
    value, low, high = numbers
    return said(study, hazard_ratio=value, low=low, high=high, analysis="multivariable", **keys)


def test_three_ratios_of_one_contrast_are_pooled_on_the_log_scale() -> None:
    (found,) = pool_factors(review(*map(ratio, "abc", RATIOS)))
    z = 1.959963984540054
    yi = [log(float(value)) for value, _, _ in RATIOS]
    vi = [(log(float(high) / float(low)) / (2 * z)) ** 2 for _, low, high in RATIOS]
    expected = pool(yi, vi)
    assert found.pooled.estimate == pytest.approx(expected.estimate, rel=1e-12)
    assert log(found.shown.low) == pytest.approx(expected.interval[0], rel=1e-12)
    assert (found.level, found.reference_level) == ("positive", "negative")


def test_two_ratios_are_not_pooled() -> None:
    assert pool_factors(review(*map(ratio, "ab", RATIOS))) == ()


def test_a_ratio_of_the_contrast_turned_round_counts_as_its_inverse() -> None:
    turned = ratio(
        "c",
        ("0.5", "0.25", "0.8"),
        level="Negative",
        reference_level="positive",
        direction="better",
    )
    same = ratio("c", ("2.0", "1.25", "4.0"))
    one = pool_factors(review(*map(ratio, "ab", RATIOS), turned))[0]
    other = pool_factors(review(*map(ratio, "ab", RATIOS), same))[0]
    assert one.pooled.estimate == pytest.approx(other.pooled.estimate, rel=1e-12)
    assert one.pooled.vi == pytest.approx(other.pooled.vi, rel=1e-12)


def test_univariable_and_multivariable_ratios_are_never_pooled_together() -> None:
    crude = said("c", hazard_ratio="3.0", low="1.2", high="7.5", analysis="univariable")
    assert pool_factors(review(*map(ratio, "ab", RATIOS), crude)) == ()


def test_a_study_that_prints_a_contrast_twice_counts_once() -> None:
    assert pool_factors(review(*map(ratio, "aab", RATIOS))) == ()


def test_two_p_values_of_five_percent_in_one_direction_combine_to_stouffers_z() -> None:
    (group,) = count_votes(review(said("a", p="0.05"), said("b", p="0.05")))
    combined = combine_p_values(group)
    assert combined is not None
    # each z is 1.95996; equal weights: 2 x 1.95996 / sqrt(2)
    assert combined.statistic == pytest.approx(2.771807648699, abs=1e-11)
    assert combined.studies == ("A", "B")


def test_opposite_directions_cancel() -> None:
    opposite = said("b", p="0.05", direction="better")
    (group,) = count_votes(review(said("a", p="0.05"), opposite, said("c")))
    combined = combine_p_values(group)
    assert combined is not None
    assert combined.statistic == pytest.approx(0.0, abs=1e-12)
    assert combined.p_value == pytest.approx(1.0)
    assert combined.silent == ("C",)


def test_larger_studies_weigh_more_where_all_sizes_are_printed() -> None:
    factors = (said("a", p="0.05"), said("b", p="0.05", direction="better"), said("c"))
    (group,) = count_votes(review(*factors, sizes={"a": "900", "b": "100", "c": "50"}))
    combined = combine_p_values(group)
    assert combined is not None
    # weights 30 and 10: (30 - 10) x 1.959964 / sqrt(1000)
    assert combined.statistic == pytest.approx(1.2395900646091, abs=1e-11)


def test_a_bound_counts_as_the_bound_and_no_number_is_silent() -> None:
    (group,) = count_votes(review(said("a", p="<0.05"), said("b", p="0.05"), said("c", p="NS")))
    combined = combine_p_values(group)
    assert combined is not None
    assert combined.statistic == pytest.approx(2.771807648699, abs=1e-11)
    assert combined.silent == ("C",)
    assert any("too small" in sentence for sentence in combined.conventions)


def test_one_p_value_is_not_combined_with_itself() -> None:
    (group,) = count_votes(review(said("a", p="0.05"), said("b")))
    assert combine_p_values(group) is None


def test_the_profile_cites_the_rows_of_the_studies_that_report_it() -> None:
    evidence = sl.example("stage-iv-breast").evidence
    entries = profile(count_votes(evidence))
    margin = next(e for e in entries if (e.site, e.factor) == ("liver", "resection margin"))
    assert margin.trait == "negative margins"
    assert set(margin.supporting) == {"Adam 2006", "Raab 1998", "Thelen 2008"}
    assert margin.multivariable == ("Adam 2006",)
    printed = {str(factor.source) for factor in evidence.factors}
    assert margin.sources
    assert set(margin.sources) <= printed


def test_a_joint_citation_supports_nothing_by_itself() -> None:
    factors = [said(study, attribution="joint") for study in "abc"]
    (entry,) = profile(count_votes(review(*factors)))
    assert entry.supporting == ()
    assert entry.joint == ("A", "B", "C")


def test_a_factor_without_a_direction_is_not_in_the_profile() -> None:
    assert profile(count_votes(review(said("a", direction="unstated")))) == ()
