"""Mantel-Haenszel and Peto: by hand, as laws, and what is refused."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.errors import EstimationError
from secondlook.synthesis import pool
from secondlook.synthesis.stratified import (
    mantel_haenszel,
    mantel_haenszel_rates,
    peto_hazard_ratio,
    peto_odds_ratio,
)

NAN = float("nan")
MEASURES = ("odds ratio", "risk ratio", "risk difference")

ARMS = st.integers(2, 60).flatmap(lambda n: st.tuples(st.integers(1, n - 1), st.just(n)))
TABLES = st.lists(st.tuples(ARMS, ARMS), min_size=1, max_size=8).map(
    lambda rows: tuple(
        np.array(column, float)
        for column in zip(*[(a, n1, c, n2) for (a, n1), (c, n2) in rows], strict=True)
    )
)


def test_one_table_is_its_own_ratio_with_its_own_large_sample_variance() -> None:
    # a, b, c, d = 10, 40, 20, 30: log(300/800), Woolf's 1/10 + 1/40 + 1/20 + 1/30 = 0.208333;
    # log(0.2/0.4), 1/10 - 1/50 + 1/20 - 1/50 = 0.11; -0.2, 0.2 · 0.8/50 + 0.4 · 0.6/50 = 0.008
    for measure, estimate, variance in (
        ("odds ratio", math.log(0.375), 0.625 / 3),
        ("risk ratio", math.log(0.5), 0.11),
        ("risk difference", -0.2, 0.008),
    ):
        pooled = mantel_haenszel([10], [50], [20], [50], measure=measure)
        assert pooled.estimate == pytest.approx(estimate)
        assert pooled.standard_error**2 == pytest.approx(variance)
        assert (pooled.q, pooled.q_p_value, pooled.i2) == (0.0, None, None)
        assert "One study: heterogeneity cannot be estimated." in pooled.warnings


def test_two_tables_by_hand() -> None:
    # n = 100 and 60: R = 10·30/100 + 5·20/60 = 14/3, S = 40·20/100 + 25·10/60 = 73/6, OR = 28/73;
    # Cochran-Mantel-Haenszel: sum of a - E = -5 - 2.5 = -7.5; its variance 50·50·30·70/(100²·99)
    # + 30·30·15·45/(60²·59) = 5.303030 + 2.860169, so (7.5 - 0.5)²/8.163200 and 7.5²/8.163200
    tables = ([10, 5], [50, 30], [20, 10], [50, 30])
    pooled = mantel_haenszel(*tables)
    assert pooled.ratio == pytest.approx(28 / 73)
    assert pooled.mantel_haenszel_statistic == pytest.approx(49 / 8.1632, rel=1e-5)
    plain = mantel_haenszel(*tables, continuity_correction=False)
    assert plain.mantel_haenszel_statistic == pytest.approx(56.25 / 8.1632, rel=1e-5)
    assert plain.estimate == pooled.estimate
    # Peto: -7.5 over the same variance
    assert peto_odds_ratio(*tables).estimate == pytest.approx(-7.5 / 8.1632, rel=1e-5)


def test_breslow_and_day_s_tables_of_esophageal_cancer_give_their_printed_odds_ratio() -> None:
    # Breslow and Day, Statistical Methods in Cancer Research I, IARC 1980, chapter 4 (alcohol and
    # oesophageal cancer by age): 5.158; metafor 3.8-1: 5.1576, 3.5621 to 7.4677
    exposed_cases, exposed = [1, 4, 25, 42, 19, 5], [10, 30, 54, 69, 37, 5]
    other_cases, others = [0, 5, 21, 34, 36, 8], [106, 169, 159, 173, 124, 39]
    pooled = mantel_haenszel(exposed_cases, exposed, other_cases, others)
    assert pooled.ratio == pytest.approx(5.1576, abs=5e-5)
    assert pooled.ratio_interval == pytest.approx((3.5621, 7.4677), abs=5e-5)


def test_a_hazard_ratio_by_peto_is_the_common_effect_of_its_parts() -> None:
    away, variance = [-3.0, -5.0, 1.5], [10.0, 14.0, 6.0]
    pooled = peto_hazard_ratio(away, variance)
    parts = pool(
        [a / v for a, v in zip(away, variance, strict=True)],
        [1 / v for v in variance],
        method="common",
        test="z",
    )
    # (-6.5)/30
    assert pooled.estimate == pytest.approx(-6.5 / 30)
    assert pooled.estimate == pytest.approx(parts.estimate)
    assert pooled.standard_error == pytest.approx(parts.standard_error)
    assert pooled.q == pytest.approx(parts.q)
    assert pooled.weights == pytest.approx(parts.weights)
    assert pooled.ratio == pytest.approx(math.exp(-6.5 / 30))


@given(TABLES, st.sampled_from(MEASURES))
def test_exchanging_the_arms_turns_the_sign_and_nothing_else(
    tables: tuple[Any, ...], measure: str
) -> None:
    a, n1, c, n2 = tables
    here = mantel_haenszel(a, n1, c, n2, measure=measure)
    there = mantel_haenszel(c, n2, a, n1, measure=measure)
    assert there.estimate == pytest.approx(-here.estimate, abs=1e-12)
    assert there.standard_error == pytest.approx(here.standard_error, rel=1e-9)
    assert there.mantel_haenszel_statistic == pytest.approx(here.mantel_haenszel_statistic)
    assert there.q == pytest.approx(here.q, abs=1e-9)


@given(TABLES)
def test_counting_the_other_outcome_turns_an_odds_ratio_over(tables: tuple[Any, ...]) -> None:
    a, n1, c, n2 = tables
    here, there = mantel_haenszel(*tables), mantel_haenszel(n1 - a, n1, n2 - c, n2)
    assert there.estimate == pytest.approx(-here.estimate, abs=1e-12)
    assert there.breslow_day_statistic == pytest.approx(here.breslow_day_statistic, abs=1e-8)


@given(TABLES, st.sampled_from(MEASURES), st.randoms(use_true_random=False))
def test_the_order_of_tables_does_not_matter(
    tables: tuple[Any, ...], measure: str, order: Any
) -> None:
    shuffled = order.sample(range(tables[0].size), tables[0].size)
    here = mantel_haenszel(*tables, measure=measure)
    there = mantel_haenszel(*(column[shuffled] for column in tables), measure=measure)
    assert there.estimate == pytest.approx(here.estimate, abs=1e-12)
    assert there.q == pytest.approx(here.q, abs=1e-9)
    assert sum(here.weights) == pytest.approx(100)


@given(TABLES)
def test_tarone_is_never_more_than_breslow_and_day(tables: tuple[Any, ...]) -> None:
    pooled = mantel_haenszel(*tables)
    assert pooled.tarone_statistic is not None
    assert pooled.breslow_day_statistic is not None
    assert 0 <= pooled.tarone_statistic <= pooled.breslow_day_statistic + 1e-12


@given(TABLES, st.floats(0.01, 100))
def test_person_time_in_other_units_leaves_a_rate_ratio_and_scales_a_difference(
    tables: tuple[Any, ...], unit: float
) -> None:
    x1, t1, x2, t2 = tables
    here = mantel_haenszel_rates(x1, t1, x2, t2)
    there = mantel_haenszel_rates(x1, unit * t1, x2, unit * t2)
    assert there.estimate == pytest.approx(here.estimate, abs=1e-9)
    here = mantel_haenszel_rates(x1, t1, x2, t2, measure="rate difference")
    there = mantel_haenszel_rates(x1, unit * t1, x2, unit * t2, measure="rate difference")
    assert there.estimate * unit == pytest.approx(here.estimate, abs=1e-12)


def test_double_zeros_change_a_risk_difference_and_no_ratio_and_are_named() -> None:
    tables = ([3, 0, 4], [30, 25, 40], [6, 0, 9], [30, 25, 40])
    names = ["A", "B", "C"]
    for measure in MEASURES:
        kept = mantel_haenszel(*tables, measure=measure, names=names)
        without = mantel_haenszel(*tables, measure=measure, names=names, keep_double_zeros=False)
        assert (kept.estimate == without.estimate) is (measure != "risk difference")
        assert any("B" in sentence for sentence in kept.warnings)
        assert (kept.k, without.k) == (3, 2)


def test_peto_gives_no_effect_to_a_table_that_says_nothing() -> None:
    pooled = peto_odds_ratio([3, 0], [30, 25], [6, 0], [30, 25], names=["A", "B"])
    assert pooled.yi[1] is pooled.vi[1] is None
    assert (pooled.weights[1], pooled.q_degrees_of_freedom) == (0.0, 0)
    assert pooled.estimate == peto_odds_ratio([3], [30], [6], [30]).estimate
    json.dumps(pooled.to_dict(), allow_nan=False)


def test_a_correction_is_made_only_on_request_and_says_where() -> None:
    tables = ([0, 4], [30, 40], [6, 9], [30, 40])
    plain, corrected = mantel_haenszel(*tables), mantel_haenszel(*tables, add=0.5)
    assert plain.estimate != corrected.estimate
    assert not any("added" in sentence for sentence in plain.conventions)
    assert any("0.5 was added" in sentence for sentence in corrected.conventions)


def test_missing_rows_are_left_out_by_name_and_a_result_is_plain_data() -> None:
    pooled = mantel_haenszel(
        [3, NAN, 4], [30, 25, 40], [6, 1, 9], [30, 25, 40], names=["A", "B", "C"]
    )
    assert (pooled.omitted, pooled.names) == (("B",), ("A", "C"))
    assert "Left out, a number missing: B." in pooled.warnings
    plain = pooled.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert pooled.to_frame()["name"].to_list() == ["A", "C"]
    text = str(pooled)
    for words in ("Odds ratio, Mantel-Haenszel: 2 studies", "Breslow-Day", "Tarone", "Q "):
        assert words in text


def test_nothing_that_varies_leaves_no_test() -> None:
    pooled = mantel_haenszel([0, 0], [20, 30], [0, 0], [20, 30], measure="risk difference")
    assert (pooled.estimate, pooled.standard_error) == (0.0, 0.0)
    assert pooled.statistic is pooled.p_value is None
    assert any("The standard error is 0" in sentence for sentence in pooled.warnings)


@pytest.mark.parametrize(
    ("function", "given", "line"),
    [
        (mantel_haenszel, ([0, 0], [9, 9], [1, 2], [9, 9]), "is the odds ratio of all studies"),
        (mantel_haenszel, ([1, 2], [9, 9], [0, 0], [9, 9]), '"infinite" is the odds ratio'),
        (mantel_haenszel, ([0], [9], [0], [9]), "has no study that says anything"),
        (peto_odds_ratio, ([0, 9], [9, 9], [0, 9], [9, 9]), "has both outcomes"),
        (mantel_haenszel_rates, ([0], [9.0], [3], [9.0]), "is the rate ratio of all studies"),
        (peto_hazard_ratio, ([0.5], [0.0]), "is not a positive number"),
    ],
)
def test_what_has_no_answer_is_refused_in_one_line(
    function: Any, given: tuple[Any, ...], line: str
) -> None:
    with pytest.raises(EstimationError, match=line) as caught:
        function(*given)
    assert len(str(caught.value).splitlines()) == 1


def test_every_impossible_count_is_named() -> None:
    with pytest.raises(EstimationError) as caught:
        mantel_haenszel([10, 1, -1], [9, 0, 9], [1, 1, 1], [9, 9, 9], names=["A", "B", "C"])
    lines = str(caught.value).splitlines()
    assert {line.split(":")[0] for line in lines} == {
        "A, treated_events",
        "B, treated_n",
        "C, treated_events",
    }


def test_unknown_options_are_named_at_once() -> None:
    with pytest.raises(EstimationError) as caught:
        mantel_haenszel([1], [9], [2], [9], measure="OR", level=95.0)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert "use odds ratio or risk ratio or risk difference" in lines[0]
