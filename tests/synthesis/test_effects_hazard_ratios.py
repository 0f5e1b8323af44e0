"""Log hazard ratios by every route: worked by hand, from published trials, and as laws."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from secondlook.errors import EstimationError
from secondlook.synthesis.effects import (
    Effects,
    implied_log_hazard_ratio,
    log_hazard_ratio,
    log_hazard_ratio_from_events,
    log_hazard_ratio_from_log_rank,
    log_hazard_ratio_from_medians,
    log_hazard_ratio_from_observed_and_expected,
    log_hazard_ratio_from_observed_minus_expected,
    log_hazard_ratio_from_p_value,
    log_hazard_ratio_from_survival,
    survival_from_numbers_at_risk,
    survival_from_standard_error,
    survival_proportion,
)

Columns = tuple[list[float], list[int]]

Z95 = 1.9599639845400543  # 97.5 % point of the normal distribution, from a table


def one(effects: Effects) -> tuple[float, float]:
    return float(effects.yi[0]), float(effects.vi[0])


def test_o_minus_e_over_v_is_the_log_ratio_and_one_over_v_its_variance() -> None:
    found = log_hazard_ratio_from_observed_minus_expected([-5, 0], [20, 8])
    assert found.yi.tolist() == [-0.25, 0.0]
    assert found.vi.tolist() == [0.05, 0.125]
    assert found.route == ("O - E and V",) * 2


def test_the_ratio_of_observed_to_expected_has_the_expected_events_in_its_variance() -> None:
    # (20/25)/(30/25) = 2/3; 1/25 + 1/25
    found = log_hazard_ratio_from_observed_and_expected([20], [25], [30], [25])
    assert one(found) == pytest.approx((math.log(2 / 3), 0.08))
    assert found.warnings == ()


def test_expected_events_that_do_not_add_up_to_the_observed_are_named() -> None:
    found = log_hazard_ratio_from_observed_and_expected(
        [20, 20], [25.4, 40], [30, 30], [25.4, 35], names=["Raab", "Adam"]
    )
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith("Adam: 50 events observed and 75 expected")


def test_a_ratio_with_its_p_value_has_the_error_that_gives_that_p() -> None:
    # P = 0.05 is z = 1.96
    found = log_hazard_ratio_from_p_value([0.5, 2.0], [0.05, 0.05])
    assert np.sqrt(found.vi).tolist() == pytest.approx([math.log(2) / Z95] * 2)
    assert found.yi.tolist() == pytest.approx([-math.log(2), math.log(2)])


@pytest.mark.parametrize("test", ["Wald", "log-rank", "likelihood ratio"])
def test_the_test_changes_what_is_supposed_and_not_the_numbers(test: str) -> None:
    found = log_hazard_ratio_from_p_value([0.5], [0.05], test=test)
    assert one(found) == one(log_hazard_ratio_from_p_value([0.5], [0.05]))
    assert test in found.assumptions[0]


def test_a_log_rank_p_needs_a_direction_and_has_the_events_for_its_variance() -> None:
    # 2 (1 - Phi(2)) = 0.0455003; V = 100/4 = 25, so the effect is 2/5
    found = log_hazard_ratio_from_log_rank(
        [0.04550026389635842] * 2, [100, 100], ["treated", "control"]
    )
    assert found.yi.tolist() == pytest.approx([-0.4, 0.4], rel=1e-12)
    assert found.vi.tolist() == [0.04, 0.04]


def test_unequal_arms_carry_less_information_than_equal_ones() -> None:
    # R1 R0/(R1 + R0)² = 2/9 of the events for two to one; 1/20 + 1/30 for events by arm
    found = log_hazard_ratio_from_log_rank([0.2], [90], "treated", treated_share=2 / 3)
    assert found.vi[0] == pytest.approx(1 / 20)
    by_arm = log_hazard_ratio_from_events([0.8], [50], treated_share=20 / 50)
    assert by_arm.vi[0] == pytest.approx(1 / 20 + 1 / 30)


def test_a_p_value_of_one_is_a_log_ratio_of_zero() -> None:
    assert abs(one(log_hazard_ratio_from_log_rank([1.0], [40], "treated"))[0]) == 0


def test_medians_of_twelve_and_eight_months_are_a_ratio_of_two_thirds() -> None:
    by_events = log_hazard_ratio_from_medians([12], [40], [8], [50])
    assert one(by_events) == pytest.approx((math.log(2 / 3), 1 / 40 + 1 / 50))
    by_patients = log_hazard_ratio_from_medians([12], [40], [8], [50], counted="patients")
    assert by_patients.vi[0] == pytest.approx((1 / 40 + 1 / 50) / math.log(2) ** 2)


def test_two_arms_bring_their_own_variances_to_the_ratio_they_imply() -> None:
    # var log(-log S) = var S/(S log S)²: 0.05² and 0.04² at 0.5 and 0.25
    arms = [
        survival_from_standard_error([s], [error], scale="cloglog", names=["Elias"])
        for s, error in ((0.5, 0.05), (0.25, 0.04))
    ]
    expected = (0.05 / (0.5 * math.log(0.5))) ** 2 + (0.04 / (0.25 * math.log(0.25))) ** 2
    found = log_hazard_ratio_from_survival(*arms)
    assert one(found) == pytest.approx((math.log(0.5), expected))
    assert found.names == ("Elias",)


def test_numbers_of_patients_give_the_same_by_arms_as_in_one_call() -> None:
    arms = [survival_proportion([s], [n], scale="cloglog") for s, n in ((0.4, 50), (0.3, 60))]
    together = implied_log_hazard_ratio([0.4], [50], [0.3], [60])
    assert one(log_hazard_ratio_from_survival(*arms)) == one(together)


def test_arms_on_another_scale_or_of_other_studies_are_refused() -> None:
    on_logit = survival_proportion([0.4], [50])
    other = survival_from_numbers_at_risk([0.4], [50], scale="cloglog", names=["Adam"])
    with pytest.raises(EstimationError) as caught:
        log_hazard_ratio_from_survival(on_logit, other)
    assert 'treated: "logit" is not the scale needed; give scale="cloglog"' in str(caught.value)
    assert "are not the same rows" in str(caught.value)


def test_one_abstract_gives_the_same_ratio_by_three_routes() -> None:
    # Lancet 1999;354:533-540, abstract: 485 deaths, log-rank P = 0.075, 491 and 485 patients,
    # survival at three years 55.5 and 50.0 %, medians 44 and 37.5 months
    share = 491 / 976
    routes = [
        log_hazard_ratio_from_log_rank([0.075], [485], "treated", treated_share=share),
        implied_log_hazard_ratio([0.555], [491], [0.5], [485]),
        log_hazard_ratio_from_medians([44], [491], [37.5], [485], counted="patients"),
    ]
    assert [round(math.exp(one(found)[0]), 2) for found in routes] == [0.85, 0.85, 0.85]


def test_the_z_of_a_two_sided_p_of_0_075_is_1_78() -> None:
    # Wang and Zeng, Trials 2013;14:391, on the worked example of Tierney and others 2007
    effect, variance = one(log_hazard_ratio_from_log_rank([0.075], [485], "treated"))
    assert round(-effect / math.sqrt(variance), 2) == 1.78


def test_a_published_interval_and_p_value_give_one_error_within_their_rounding() -> None:
    # J Clin Oncol 2011;29:2171-2177, abstract: 0.84 (0.72 to 0.99), P = 0.037
    by_interval = log_hazard_ratio([0.84], [0.72], [0.99], rounding=0.005)
    assert by_interval.warnings == ()
    error = math.sqrt(one(log_hazard_ratio_from_p_value([0.84], [0.037]))[1])
    narrowest = math.log(0.985 / 0.725) / (2 * Z95)
    widest = math.log(0.995 / 0.715) / (2 * Z95)
    assert narrowest < error < widest


@given(st.floats(0.05, 1.5), st.floats(20, 5000), st.sampled_from(["treated", "control"]))
def test_one_truth_comes_back_by_every_direct_route(size: float, events: float, arm: str) -> None:
    # equal arms: V is a quarter of the events, and everything printed follows from the effect
    effect, v = (-size if arm == "treated" else size), events / 4
    error = v**-0.5
    assume(size / error < 8)
    ratio, p = math.exp(effect), math.erfc(size / error / math.sqrt(2))
    found = [
        log_hazard_ratio_from_observed_minus_expected([effect * v], [v]),
        log_hazard_ratio(
            [ratio], [math.exp(effect - Z95 * error)], [math.exp(effect + Z95 * error)]
        ),
        log_hazard_ratio_from_p_value([ratio], [p]),
        log_hazard_ratio_from_log_rank([p], [events], arm),
        log_hazard_ratio_from_events([ratio], [events]),
    ]
    for effects in found:
        assert one(effects) == pytest.approx((effect, 1 / v), rel=1e-7, abs=1e-12)
    assert len({effects.route for effects in found}) == 5


@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.integers(5, 500), st.integers(5, 500))
def test_the_other_arm_first_turns_the_sign_and_nothing_else(
    s1: float, s0: float, n1: int, n0: int
) -> None:
    pairs: list[tuple[Callable[..., Effects], Columns, Columns]] = [
        (implied_log_hazard_ratio, ([s1], [n1]), ([s0], [n0])),
        (log_hazard_ratio_from_medians, ([10 * s1], [n1]), ([10 * s0], [n0])),
        (log_hazard_ratio_from_observed_and_expected, ([n1], [40]), ([n0], [60])),
    ]
    for function, first, second in pairs:
        there, back = one(function(*first, *second)), one(function(*second, *first))
        assert there == pytest.approx((-back[0], back[1]))


@given(
    st.floats(0.2, 4), st.floats(0.05, 0.8), st.sampled_from([1, 2, 3]), st.sampled_from([90, 95])
)
def test_rounding_explains_every_interval_that_was_even_before_it(
    ratio: float, error: float, decimals: int, level: int
) -> None:
    z = {90: 1.6448536269514722, 95: Z95}[level]
    printed = [round(ratio * math.exp(sign * z * error), decimals) for sign in (0, -1, 1)]
    assume(0 < printed[1] <= printed[0] <= printed[2])
    assume(printed[1] < printed[2])
    columns = [[value] for value in printed]
    found = log_hazard_ratio(*columns, level=level, rounding=0.5 * 10**-decimals)
    assert found.warnings == ()


def test_an_interval_even_on_the_plain_scale_is_beyond_rounding_on_the_log_scale() -> None:
    # 1.20 ± 0.60: limits with middle √(0.6 × 1.8) = 1.04 on the log scale
    columns = ([1.2, 1.2], [0.6, 0.8], [1.8, 1.8])
    found = log_hazard_ratio(*columns, rounding=[0.005, 0.005], names=["Adam", "Raab"])
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith("Adam: the interval is not symmetric on the log scale")
    assert log_hazard_ratio(*columns).warnings == ()
    assert log_hazard_ratio(*columns, rounding=0.1).warnings == ()


@pytest.mark.parametrize("rounding", [-0.1, math.inf, [0.1, 0.1]])
def test_a_rounding_that_is_none_is_refused(rounding: object) -> None:
    with pytest.raises(EstimationError, match="rounding"):
        log_hazard_ratio([1.2], [0.6], [1.8], rounding=rounding)  # type: ignore[arg-type]


@pytest.mark.parametrize("level", [0.95, 1.0, 0.0, 100.0, -95.0, math.inf])
def test_a_level_that_is_a_share_or_no_percent_is_refused_and_not_read_as_one(
    level: float,
) -> None:
    with pytest.raises(EstimationError, match="write 95 for 95 %"):
        log_hazard_ratio([0.7], [0.5], [0.98], level=level)


BAD: list[tuple[Callable[..., Effects], tuple[object, ...], str]] = [
    (log_hazard_ratio_from_p_value, ([1.0], [0.5]), "estimate: .* leaves no variance"),
    (log_hazard_ratio_from_p_value, ([0.8], [1.0]), "p_value: .* leaves no variance"),
    (log_hazard_ratio_from_p_value, ([0.8], [0.0]), "for P < 0.001 write 0.001"),
    (log_hazard_ratio_from_p_value, ([-0.8], [0.5]), "estimate: .* not a positive number"),
    (log_hazard_ratio_from_p_value, ([0.8], [5.0]), "p_value: .* is not a P value"),
    (log_hazard_ratio_from_observed_minus_expected, ([3], [0]), "variance: .* not a positive"),
    (log_hazard_ratio_from_observed_minus_expected, ([math.inf], [4]), "is not finite"),
    (log_hazard_ratio_from_observed_minus_expected, ([math.nan], [4]), "is missing"),
    (log_hazard_ratio_from_observed_and_expected, ([0], [4], [3], [4]), "treated_observed"),
    (log_hazard_ratio_from_observed_and_expected, ([3], [4], [3], [-4]), "control_expected"),
    (log_hazard_ratio_from_log_rank, ([0.1], [0], "treated"), "events: .* not a positive"),
    (log_hazard_ratio_from_log_rank, ([0.1], [50], "neither"), "write treated or control"),
    (log_hazard_ratio_from_log_rank, ([0.1], [50], ["treated"] * 2), "favours 2, rows 1"),
    (log_hazard_ratio_from_log_rank, ([0.1], [50], {"treated"}), "is not a list of names"),
    (log_hazard_ratio_from_events, ([0.8], [math.inf]), "events: .* not a positive"),
    (log_hazard_ratio_from_medians, ([0], [5], [8], [5]), "treated: .* not a positive"),
    (log_hazard_ratio_from_observed_minus_expected, ([1e300], [1e-300]), "too extreme"),
    (log_hazard_ratio_from_events, ([0.8], [1e-320]), "too extreme"),
]


@pytest.mark.parametrize(("function", "columns", "message"), BAD)
def test_what_cannot_be_is_an_error_that_names_the_row(
    function: Callable[..., Effects], columns: tuple[object, ...], message: str
) -> None:
    with pytest.raises(EstimationError, match=message):
        function(*columns)


def test_options_that_do_not_exist_are_answered_with_those_that_do() -> None:
    with pytest.raises(EstimationError, match="use Wald, log-rank, likelihood ratio"):
        log_hazard_ratio_from_p_value([0.8], [0.1], test="Cox")
    with pytest.raises(EstimationError, match="use events or patients"):
        log_hazard_ratio_from_medians([9], [5], [8], [5], counted="n")
    for share in (0.0, 1.0, 50.0):
        with pytest.raises(EstimationError, match=r"write 0\.5 for equal arms"):
            log_hazard_ratio_from_log_rank([0.1], [50], "treated", treated_share=share)


def test_no_row_at_all_gives_no_effect_and_no_error() -> None:
    assert log_hazard_ratio([], [], []).names == ()
    assert log_hazard_ratio_from_p_value([], []).yi.shape == (0,)
