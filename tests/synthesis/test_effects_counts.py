"""Proportions, two arms and rates from counts: worked by hand, zeros, and laws."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.errors import EstimationError
from secondlook.synthesis import inverse, survival_difference, survival_proportion
from secondlook.synthesis.effects import (
    Effects,
    arcsine_difference,
    incidence_rate,
    log_odds_ratio,
    log_rate_ratio,
    log_risk_ratio,
    peto_log_odds_ratio,
    proportion,
    rate_difference,
    risk_difference,
    square_root_rate_difference,
)

Function = Callable[..., Effects]

TWO_ARMS: list[Function] = [
    log_odds_ratio,
    log_risk_ratio,
    risk_difference,
    peto_log_odds_ratio,
    arcsine_difference,
]
TWO_RATES: list[Function] = [log_rate_ratio, rate_difference, square_root_rate_difference]
SCALES = ("logit", "cloglog", "log", "identity", "arcsine", "freeman-tukey")
COUNTS = st.tuples(st.integers(1, 60), st.integers(1, 60))


def one(effects: Effects) -> tuple[float, float]:
    return float(effects.yi[0]), float(effects.vi[0])


def test_ten_of_fifty_against_twenty_of_fifty_by_hand() -> None:
    arms = ([10], [50], [20], [50])
    by_hand = {
        log_odds_ratio: (math.log(10 * 30 / (40 * 20)), 1 / 10 + 1 / 40 + 1 / 20 + 1 / 30),
        log_risk_ratio: (math.log(0.5), 1 / 10 - 1 / 50 + 1 / 20 - 1 / 50),
        risk_difference: (-0.2, 0.2 * 0.8 / 50 + 0.4 * 0.6 / 50),
        # E = 30 × 50/100 = 15; V = 30 × 70 × 50 × 50/(100² × 99)
        peto_log_odds_ratio: (-5 * 99 / 525, 99 / 525),
        arcsine_difference: (math.asin(0.2**0.5) - math.asin(0.4**0.5), 1 / 100),
    }
    for function, expected in by_hand.items():
        assert one(function(*arms)) == pytest.approx(expected), function


def test_ten_events_in_100_years_against_twenty_by_hand() -> None:
    arms = ([10], [100.0], [20], [100.0])
    by_hand = {
        log_rate_ratio: (math.log(0.5), 0.15),
        rate_difference: (-0.1, 0.003),
        square_root_rate_difference: (0.1**0.5 - 0.2**0.5, 0.005),
    }
    for function, expected in by_hand.items():
        assert one(function(*arms)) == pytest.approx(expected), function


def test_nine_events_in_400_years_on_every_scale() -> None:
    by_hand = {
        "log": (math.log(9 / 400), 1 / 9),
        "identity": (9 / 400, 9 / 400**2),
        "square root": (3 / 20, 1 / 1600),
        "freeman-tukey": ((3 + math.sqrt(10)) / 40, 1 / 1600),
    }
    for scale, expected in by_hand.items():
        assert one(incidence_rate([9], [400.0], scale=scale)) == pytest.approx(expected), scale


@pytest.mark.parametrize("scale", ["log", "identity", "square root", "freeman-tukey"])
def test_a_rate_goes_back_to_the_events_per_time_it_came_from(scale: str) -> None:
    effects = incidence_rate([9], [400.0], scale=scale)
    back = inverse(effects.measure, sample_sizes=effects.sample_sizes)(effects.yi)
    assert float(back[0]) == pytest.approx(9 / 400)


@given(st.integers(1, 80), st.integers(1, 80), st.sampled_from(SCALES))
def test_a_count_is_the_survival_of_those_without_the_event(
    events: int, others: int, scale: str
) -> None:
    n = events + others
    counted = proportion([others], [n], scale=scale)
    as_survival = survival_proportion([others / n], [n], scale=scale)
    assert one(counted) == pytest.approx(one(as_survival), rel=1e-11, abs=1e-12)
    back = inverse(scale, sample_sizes=[n])(counted.yi)
    assert float(back[0]) == pytest.approx(others / n, abs=1e-7)


@given(COUNTS, COUNTS, st.sampled_from(TWO_ARMS))
def test_arms_the_other_way_round_turn_the_sign_and_nothing_else(
    first: tuple[int, int], second: tuple[int, int], function: Function
) -> None:
    (a, b), (c, d) = first, second
    effect, variance = one(function([a], [a + b], [c], [c + d]))
    turned = one(function([c], [c + d], [a], [a + b]))
    assert (effect, variance) == pytest.approx((-turned[0], turned[1]), rel=1e-12, abs=1e-14)


@given(COUNTS, COUNTS)
def test_the_odds_of_those_without_the_event_turn_the_sign_too(
    first: tuple[int, int], second: tuple[int, int]
) -> None:
    (a, b), (c, d) = first, second
    for function in (log_odds_ratio, peto_log_odds_ratio, risk_difference, arcsine_difference):
        effect, variance = one(function([a], [a + b], [c], [c + d]))
        turned = one(function([b], [a + b], [d], [c + d]))
        assert (effect, variance) == pytest.approx((-turned[0], turned[1]), rel=1e-11, abs=1e-13)


@given(COUNTS, COUNTS)
def test_a_risk_difference_is_the_difference_of_two_survivals(
    first: tuple[int, int], second: tuple[int, int]
) -> None:
    (a, b), (c, d) = first, second
    counted = risk_difference([a], [a + b], [c], [c + d])
    printed = survival_difference([a / (a + b)], [a + b], [c / (c + d)], [c + d])
    assert one(counted) == pytest.approx(one(printed), rel=1e-12, abs=1e-14)


@given(st.integers(1, 50), st.integers(1, 50), st.floats(1, 1e4), st.floats(1e-6, 1e6))
def test_the_unit_of_time_leaves_a_rate_ratio_alone_and_scales_a_difference(
    x1: int, x0: int, time: float, unit: float
) -> None:
    plain, scaled = ([x1], [time], [x0], [2 * time]), ([x1], [time * unit], [x0], [2 * time * unit])
    assert one(log_rate_ratio(*plain)) == pytest.approx(one(log_rate_ratio(*scaled)), abs=1e-9)
    effect, variance = one(rate_difference(*scaled))
    expected = one(rate_difference(*plain))
    assert effect * unit == pytest.approx(expected[0], rel=1e-6, abs=1e-12 / time)
    assert variance * unit**2 == pytest.approx(expected[1], rel=1e-9)


# --- zeros and corrections ------------------------------------------------------------------------

TABLES = ([0, 5, 3], [20, 20, 20], [4, 6, 0], [20, 20, 20])
NAMES = ["Adam", "Elias", "Raab"]


@pytest.mark.parametrize("function", [log_odds_ratio, log_risk_ratio])
def test_a_zero_without_a_correction_is_an_error_naming_row_and_remedy(function: Function) -> None:
    with pytest.raises(EstimationError) as caught:
        function(*TABLES, names=NAMES)
    assert [problem.where for problem in caught.value.problems] == ["Adam", "Raab"]
    assert "ask for a correction with add=0.5, or leave the row out" in str(caught.value)


def test_a_correction_is_made_only_where_it_was_asked_for_and_is_said() -> None:
    found = log_odds_ratio(*TABLES, add=0.5, names=NAMES)
    # (0.5/20.5)/(4.5/16.5), 5/15 over 6/14, (3.5/17.5)/(0.5/20.5)
    expected = [0.5 * 16.5 / (20.5 * 4.5), 5 * 14 / (15 * 6), 3.5 * 20.5 / (17.5 * 0.5)]
    assert np.exp(found.yi).tolist() == pytest.approx(expected)
    assert found.assumptions[-1] == "As asked, 0.5 was added to each count of Adam, Raab."
    untouched = log_odds_ratio([5], [20], [6], [20], add=0.5)
    assert untouched.assumptions == log_odds_ratio([5], [20], [6], [20]).assumptions


def test_every_row_is_corrected_when_all_are_to_be_or_one_has_a_zero() -> None:
    everywhere = log_odds_ratio(*TABLES, add=0.5, to="all")
    assert everywhere.assumptions[-1] == "As asked, 0.5 was added to each count of every row."
    if_any = log_odds_ratio(*TABLES, add=0.5, to="if0all")
    assert if_any.yi.tolist() == everywhere.yi.tolist()
    without_zero = ([5], [20], [6], [20])
    assert one(log_odds_ratio(*without_zero, add=0.5, to="if0all")) == one(
        log_odds_ratio(*without_zero)
    )
    assert one(log_odds_ratio(*without_zero, add=0.5, to="none")) == one(
        log_odds_ratio(*without_zero)
    )


@pytest.mark.parametrize("function", [risk_difference, peto_log_odds_ratio, arcsine_difference])
def test_measures_that_can_take_a_zero_take_it_without_correction(function: Function) -> None:
    found = function(*TABLES)
    assert np.all(np.isfinite(found.yi))
    assert np.all(found.vi > 0)


@pytest.mark.parametrize("function", [risk_difference, peto_log_odds_ratio])
def test_no_event_in_either_arm_leaves_no_variance(function: Function) -> None:
    with pytest.raises(EstimationError, match="Adam: has a count of 0"):
        function([0, 5], [20, 20], [0, 6], [20, 20], names=["Adam", "Elias"])


@pytest.mark.parametrize("function", [log_odds_ratio, log_risk_ratio, peto_log_odds_ratio])
def test_rows_without_a_contrast_of_their_own_are_named_when_corrected(function: Function) -> None:
    found = function([0, 5], [20, 20], [0, 6], [30, 20], add=0.5, names=["Adam", "Elias"])
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith("Adam: nobody or everybody had the event in both arms")


def test_a_risk_ratio_minds_zeros_among_the_events_only() -> None:
    # 20 of 20 against 10 of 20: log 2, and 1/20 - 1/20 + 1/10 - 1/20
    assert one(log_risk_ratio([20], [20], [10], [20])) == pytest.approx((math.log(2), 0.05))
    with pytest.raises(EstimationError, match="has a count of 0"):
        log_risk_ratio([20], [20], [30], [30])


REFUSED = {
    "logit": [0, 9],
    "cloglog": [0, 9],
    "log": [0, 9],
    "identity": [0, 9],
    "arcsine": [],
    "freeman-tukey": [],
}


@pytest.mark.parametrize(("scale", "lost"), REFUSED.items())
def test_proportions_of_0_and_1_are_refused_where_they_have_no_variance(
    scale: str, lost: list[int]
) -> None:
    events = [0, 4, 9]
    names = [str(count) for count in events]
    if not lost:
        assert proportion(events, [9] * 3, scale=scale).vi.shape == (3,)
        return
    with pytest.raises(EstimationError) as caught:
        proportion(events, [9] * 3, scale=scale, names=names)
    assert [problem.where for problem in caught.value.problems] == [str(count) for count in lost]
    corrected = proportion(events, [9] * 3, scale=scale, add=0.5)
    assert corrected.assumptions[-1].endswith("study 1, study 3.")
    back = inverse(scale)(corrected.yi)
    assert back.tolist() == pytest.approx([0.05, 4 / 9, 0.95])


def test_no_events_are_refused_as_a_log_rate_and_kept_as_a_square_root() -> None:
    for scale in ("log", "identity"):
        with pytest.raises(EstimationError, match="Adam: has a count of 0"):
            incidence_rate([0, 3], [50.0, 60.0], scale=scale, names=["Adam", "Raab"])
    assert one(incidence_rate([0], [50.0], scale="square root")) == (0.0, 0.005)
    assert one(incidence_rate([0], [50.0], add=0.5)) == pytest.approx((math.log(0.01), 2.0))
    with pytest.raises(EstimationError, match="ask for a correction"):
        log_rate_ratio([0], [50.0], [4], [60.0])
    assert one(rate_difference([0], [50.0], [4], [40.0])) == pytest.approx((-0.1, 0.0025))


def test_the_average_variance_is_that_of_all_rows_together() -> None:
    found = proportion([1, 5], [10, 20], scale="identity", variance="average")
    assert found.yi.tolist() == [0.1, 0.25]
    assert found.vi.tolist() == pytest.approx([0.2 * 0.8 / 10, 0.2 * 0.8 / 20])
    unbiased = proportion([5], [20], scale="identity", variance="unbiased")
    assert unbiased.vi[0] == pytest.approx(0.25 * 0.75 / 19)


# --- bad input ------------------------------------------------------------------------------------

BAD_COUNTS = [
    ([21.0], "treated_events: .* is more than treated_n"),
    ([-1.0], "treated_events: .* is negative or not finite"),
    ([math.inf], "treated_events: .* is negative or not finite"),
    ([math.nan], "treated_events: is missing"),
]


@pytest.mark.parametrize("function", TWO_ARMS)
@pytest.mark.parametrize(("events", "message"), BAD_COUNTS)
def test_a_count_that_cannot_be_is_named(
    function: Function, events: list[float], message: str
) -> None:
    with pytest.raises(EstimationError, match=message):
        function(events, [20], [5], [20])


@pytest.mark.parametrize("function", TWO_RATES)
def test_a_time_that_cannot_be_is_named(function: Function) -> None:
    with pytest.raises(EstimationError, match=r"control_time: .* is not a positive number"):
        function([3], [20.0], [5], [0.0])
    with pytest.raises(EstimationError, match=r"treated_events: .* is negative"):
        function([-3], [20.0], [5], [1.0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"add": -0.5}, "add: .* is not a number from 0 on"),
        ({"add": math.inf}, "add: .* is not a number from 0 on"),
        ({"add": math.nan}, "add: .* is not a number from 0 on"),
        ({"add": "half"}, "add: .* is not a number from 0 on"),
        ({"add": True}, "add: .* is not a number from 0 on"),
        ({"add": 0.5, "to": "zeros"}, "use only0, if0all, all, none"),
        ({"add": 0.5, "to": ["all"]}, "use only0, if0all, all, none"),
        ({"to": "all"}, "adds nothing without add"),
        ({"to": "if0all"}, "adds nothing without add"),
    ],
)
def test_a_correction_that_is_none_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(EstimationError, match=message):
        log_odds_ratio([3], [20], [5], [20], **options)  # type: ignore[arg-type]
    with pytest.raises(EstimationError, match=message):
        incidence_rate([3], [20], **options)  # type: ignore[arg-type]


def test_unknown_scales_and_variances_are_answered_with_those_that_exist() -> None:
    with pytest.raises(EstimationError, match="logit, cloglog, freeman-tukey, log, identity"):
        proportion([3], [20], scale="PLO")
    with pytest.raises(EstimationError, match="use log, identity, square root, freeman-tukey"):
        incidence_rate([3], [20], scale="IRLN")
    known = "use large sample, average, unbiased"
    with pytest.raises(EstimationError, match=known):
        proportion([3], [20], variance="LS")
    with pytest.raises(EstimationError, match=known):
        risk_difference([3], [20], [4], [20], variance="LS")
    for scale, variance in (("logit", "unbiased"), ("arcsine", "average")):
        with pytest.raises(EstimationError, match="is not defined on the"):
            proportion([3], [20], scale=scale, variance=variance)


def test_one_patient_has_no_unbiased_variance() -> None:
    with pytest.raises(EstimationError, match="study 1: has a count of 0"):
        proportion([1], [1], scale="identity", variance="unbiased")
