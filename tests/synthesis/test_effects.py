"""Effect sizes: what they are, what they suppose, and what they refuse."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.errors import EstimationError
from secondlook.synthesis import (
    back_transform,
    implied_log_hazard_ratio,
    inverse,
    log_hazard_ratio,
    pool,
    survival_difference,
    survival_proportion,
)

PROPORTIONS = st.integers(1, 999).map(lambda tenths: tenths / 1000)
SIZES = st.integers(1, 5000)


@given(PROPORTIONS, SIZES, st.sampled_from(["logit", "cloglog", "freeman-tukey"]))
def test_every_scale_goes_back_to_the_proportion_it_came_from(
    survival: float, n: int, scale: str
) -> None:
    effects = survival_proportion([survival], [n], scale=scale)
    back = inverse(scale, sample_sizes=[n])(effects.yi)
    assert float(back[0]) == pytest.approx(survival, abs=1e-7)
    assert effects.vi[0] > 0


@given(PROPORTIONS, SIZES, st.sampled_from(["logit", "cloglog"]))
def test_the_variance_is_the_slope_squared_times_the_binomial_variance(
    survival: float, n: int, scale: str
) -> None:
    step = 1e-6 * survival * (1 - survival)
    at = survival_proportion([survival - step, survival + step], [n, n], scale=scale).yi
    slope = float(at[1] - at[0]) / (2 * step)
    expected = slope**2 * survival * (1 - survival) / n
    found = survival_proportion([survival], [n], scale=scale).vi[0]
    assert found == pytest.approx(expected, rel=1e-3)


def test_higher_on_the_cloglog_scale_is_worse_survival() -> None:
    better, worse = survival_proportion([0.9, 0.2], [50, 50], scale="cloglog").yi
    assert worse > better


def test_a_back_transformed_interval_ascends_though_the_scale_runs_down() -> None:
    effects = survival_proportion([0.4, 0.5, 0.2], [50, 40, 60], scale="cloglog")
    pooled = pool(effects.yi, effects.vi)
    view = back_transform(pooled, "cloglog")
    assert view.prediction_interval is not None
    assert view.prediction_interval[0] < view.interval[0] < view.estimate
    assert view.estimate < view.interval[1] < view.prediction_interval[1]
    assert view.estimate == pytest.approx(math.exp(-math.exp(pooled.estimate)))
    assert view.to_dict()["interval"] == list(view.interval)


def test_a_common_effect_goes_back_without_a_prediction_interval() -> None:
    view = back_transform(pool([0.1, 0.2], [0.1, 0.1], method="common"), "log hazard ratio")
    assert view.prediction_interval is None
    assert view.estimate == pytest.approx(math.exp(0.15))


def test_the_record_says_that_censoring_was_ignored() -> None:
    for scale in ("logit", "cloglog", "freeman-tukey"):
        assert "censored" in " ".join(survival_proportion([0.4], [50], scale=scale).assumptions)
    implied = implied_log_hazard_ratio([0.4], [50], [0.3], [60]).assumptions
    assert "proportional" in implied[0]
    assert "censored" in implied[1]


@pytest.mark.parametrize("scale", ["logit", "cloglog"])
def test_nobody_or_everybody_alive_is_refused_by_name_and_not_corrected(scale: str) -> None:
    with pytest.raises(EstimationError) as caught:
        survival_proportion([0.0, 0.5, 1.0], [10, 10, 10], scale=scale, names=["A", "B", "C"])
    assert [line.split(",")[0] for line in str(caught.value).splitlines()] == ["A", "C"]
    assert f"infinite on the {scale} scale" in str(caught.value)


def test_the_double_arcsine_takes_nobody_and_everybody_alive() -> None:
    # arcsin sqrt(0/11) and arcsin sqrt(1/11); arcsin sqrt(10/11) and pi/2
    effects = survival_proportion([0.0, 1.0], [10, 10], scale="freeman-tukey")
    low = math.asin(math.sqrt(1 / 11)) / 2
    assert effects.yi.tolist() == pytest.approx([low, math.pi / 2 - low])
    assert effects.vi.tolist() == pytest.approx([1 / 42, 1 / 42])
    assert inverse("freeman-tukey", sample_sizes=[10])(effects.yi).tolist() == pytest.approx([0, 1])


def test_a_difference_is_treated_minus_control_with_the_sum_of_two_variances() -> None:
    # 0.5*0.5/50 + 0.4*0.6/60 = 0.005 + 0.004
    effects = survival_difference([0.5], [50], [0.4], [60])
    assert effects.yi[0] == pytest.approx(0.1)
    assert effects.vi[0] == pytest.approx(0.009)
    assert effects.measure == "difference"


def test_an_arm_that_adds_no_variance_is_named_and_two_of_them_are_refused() -> None:
    effects = survival_difference([1.0, 0.5], [20, 20], [0.4, 0.4], [60, 60], names=["A", "B"])
    assert effects.assumptions[-1] == "An arm at exactly 0 or 1 adds no variance: A."
    with pytest.raises(EstimationError, match="A, treated and control"):
        survival_difference([1.0], [20], [0.0], [20], names=["A"])


def test_a_hazard_ratio_of_a_half_is_implied_by_a_square_root_of_survival() -> None:
    # S1 = sqrt(S0): 0.5 against 0.25; variances (1 - S)/(n S log² S) at n = 100
    effects = implied_log_hazard_ratio([0.5], [100], [0.25], [100])
    expected = 0.5 / (50 * math.log(2) ** 2) + 0.75 / (25 * math.log(4) ** 2)
    assert effects.yi[0] == pytest.approx(math.log(0.5))
    assert effects.vi[0] == pytest.approx(expected)


def test_a_hazard_ratio_at_the_boundary_is_refused_in_each_arm() -> None:
    with pytest.raises(EstimationError) as caught:
        implied_log_hazard_ratio([1.0, 0.5], [10, 10], [0.5, 0.0], [10, 10])
    assert "study 1, treated" in str(caught.value)
    assert "study 2, control" in str(caught.value)


@given(st.floats(-2, 2), st.floats(0.01, 2), st.sampled_from([90.0, 95.0, 99.0]))
def test_an_interval_gives_back_the_error_it_was_made_from(
    effect: float, error: float, level: float
) -> None:
    # 95, 97.5 and 99.5 % points of the normal distribution, from a table
    z = {90.0: 1.6448536270, 95.0: 1.9599639845, 99.0: 2.5758293035}[level]
    low, high = math.exp(effect - z * error), math.exp(effect + z * error)
    effects = log_hazard_ratio([math.exp(effect)], [low], [high], level=level)
    assert math.sqrt(effects.vi[0]) == pytest.approx(error, rel=1e-8)
    assert effects.yi[0] == pytest.approx(effect, abs=1e-12)
    assert effects.asymmetry is not None
    assert effects.asymmetry[0] == pytest.approx(1, rel=1e-6)


def test_a_lopsided_interval_shows_in_its_asymmetry() -> None:
    # upper half log 4 = 2 log 2, lower half log 2; an estimate at its lower limit has no lower half
    asymmetry = log_hazard_ratio([1.0, 1.0], [0.5, 1.0], [4.0, 1.2]).asymmetry
    assert asymmetry is not None
    assert asymmetry.tolist() == pytest.approx([2.0, math.inf])


def test_each_interval_may_have_its_own_level() -> None:
    effects = log_hazard_ratio([1.0, 1.0], [0.5, 0.5], [2.0, 2.0], level=[95, 90])
    assert effects.vi[1] / effects.vi[0] == pytest.approx((1.9599639845 / 1.6448536270) ** 2)


def test_every_interval_that_cannot_be_is_named_with_its_fault() -> None:
    with pytest.raises(EstimationError) as caught:
        log_hazard_ratio(
            [0.8, 0.8, 0.8, -0.8, 0.8],
            [0.9, 0.9, 0.8, 0.5, 0.5],
            [0.5, 1.2, 0.8, 1.2, 1.2],
            level=[95, 95, 95, 95, 0.95],
            names=["A", "B", "C", "D", "E"],
        )
    text = str(caught.value)
    assert "A, low and high" in text
    assert "wrong order" in text
    assert "B, estimate" in text
    assert "outside its own interval" in text
    assert "C, low and high" in text
    assert "D, estimate" in text
    assert "E, level" in text
    assert "write 95 for 95 %" in text


def test_percents_handed_over_as_proportions_are_all_named() -> None:
    with pytest.raises(EstimationError) as caught:
        survival_proportion([18, 0.4, -0.1], [34, 0, 10], names=["Raab", "Adam", "Elias"])
    starts = [line.split(":")[0] for line in str(caught.value).splitlines()]
    assert starts == ["Raab, survival", "Elias, survival", "Adam, n"]
    assert "divide a percent by 100" in str(caught.value)


def test_a_missing_value_is_named_before_anything_else() -> None:
    with pytest.raises(EstimationError, match="study 2, survival: is missing"):
        survival_proportion([0.5, np.nan], [10, 10])


def test_columns_of_different_lengths_are_refused_with_their_lengths() -> None:
    with pytest.raises(EstimationError, match="survival 2, n 1"):
        survival_proportion([0.5, 0.4], [10])


@pytest.mark.parametrize("survival", [0.5, [[0.5]], ["half"]])
def test_what_is_not_one_list_of_numbers_is_refused(survival: object) -> None:
    with pytest.raises(EstimationError):
        survival_proportion(survival, [10])  # type: ignore[arg-type]


def test_an_unknown_scale_or_measure_is_answered_with_the_known_ones() -> None:
    with pytest.raises(EstimationError, match="logit, cloglog, freeman-tukey"):
        survival_proportion([0.5], [10], scale="probit")
    with pytest.raises(EstimationError, match="log hazard ratio"):
        inverse("probit")
    with pytest.raises(EstimationError, match="give the patients"):
        inverse("freeman-tukey")


def test_effects_cannot_be_changed_after_the_fact() -> None:
    effects = survival_proportion([0.5], [10])
    with pytest.raises(ValueError, match="read-only"):
        effects.yi[0] = 1.0


def test_effects_give_themselves_as_plain_data() -> None:
    plain = survival_proportion([0.5], [10], scale="freeman-tukey", names=["A"]).to_dict()
    assert (plain["names"], plain["sample_sizes"], plain["asymmetry"]) == (["A"], [10.0], None)


@pytest.mark.parametrize("scale", ["logit", "cloglog"])
def test_a_survival_too_near_zero_for_a_finite_variance_is_named(scale: str) -> None:
    with pytest.raises(
        EstimationError, match=r"^Adam: is too extreme .* finite variance"
    ) as caught:
        survival_proportion([1e-320, 0.5], [10, 10], scale=scale, names=["Adam", "Raab"])
    assert len(caught.value.problems) == 1


def test_a_variance_that_vanishes_is_named_and_not_given_as_zero() -> None:
    # S(1 - S)/n is 1e-618, and the logarithms of the two limits are the same double
    with pytest.raises(EstimationError, match="study 1: is too extreme"):
        survival_difference([1e-310], [1e308], [0], [5])
    with pytest.raises(EstimationError, match="study 1: is too extreme"):
        log_hazard_ratio([1e300], [1e300], [math.nextafter(1e300, math.inf)])
    with pytest.raises(EstimationError, match="study 1: is too extreme"):
        implied_log_hazard_ratio([1e-320], [10], [0.5], [10])


@pytest.mark.parametrize(
    ("level", "line"),
    [
        (None, "study 1, level: is missing"),
        ("a", 'effects, level: "a" is not numbers'),
        (np.ma.MaskedArray([95.0], mask=[True]), "effects, level: is a masked array"),
        ([[95.0]], 'effects, level: "1×1" is not one list of numbers'),
    ],
)
def test_a_level_that_is_no_number_is_refused(level: object, line: str) -> None:
    with pytest.raises(EstimationError) as caught:
        log_hazard_ratio([0.7], [0.5], [0.98], level=level)  # type: ignore[arg-type]
    assert str(caught.value).startswith(line)


def test_a_scale_of_another_kind_is_refused_in_one_line() -> None:
    with pytest.raises(EstimationError, match="is not a known scale"):
        survival_proportion([0.5], [10], scale=["logit"])  # type: ignore[arg-type]


def test_a_copy_of_effects_is_read_only_as_they_are() -> None:
    effects = log_hazard_ratio([0.7], [0.5], [0.98], names=["Adam"])
    for other in (pickle.loads(pickle.dumps(effects)), copy.deepcopy(effects)):  # noqa: S301
        assert other.names == ("Adam",)
        assert other.yi.tolist() == effects.yi.tolist()
        assert other.asymmetry is not None
        for array in (other.yi, other.vi, other.asymmetry):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0.0
