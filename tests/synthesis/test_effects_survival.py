"""Survival at a time and medians, from whatever is printed of their uncertainty."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from secondlook.errors import EstimationError
from secondlook.synthesis import inverse
from secondlook.synthesis.effects import (
    INTERVAL_TYPES,
    Effects,
    log_hazard_ratio_from_medians,
    median_survival,
    median_survival_from_interval,
    survival_from_censored_numbers,
    survival_from_interval,
    survival_from_numbers_at_risk,
    survival_from_standard_error,
    survival_proportion,
)

Z95 = 1.9599639845400543  # 97.5 % point of the normal distribution, from a table
SCALES = ("identity", "log", "cloglog", "logit", "arcsine")
INSIDE = st.floats(0.05, 0.95)


def there(scale: str, s: float) -> float:
    """Put a survival on a scale, by the definition of the scale."""
    return {
        "identity": s,
        "log": math.log(s),
        "cloglog": math.log(-math.log(s)),
        "logit": math.log(s / (1 - s)),
        "arcsine": math.asin(math.sqrt(s)),
    }[scale]


def limits(kind: str, s: float, error: float) -> tuple[float, float]:
    """Make the 95 % interval a program of this kind would print, from the error of S."""
    scale = INTERVAL_TYPES[kind]
    step = 1e-6 * s * (1 - s)
    slope = (there(scale, s + step) - there(scale, s - step)) / (2 * step)
    reach = Z95 * abs(slope) * error
    ends = inverse(scale)([there(scale, s) - reach, there(scale, s) + reach])
    return float(min(ends)), float(max(ends))


@given(INSIDE, st.floats(0.005, 0.06), st.sampled_from(list(INTERVAL_TYPES)))
def test_every_kind_of_interval_gives_back_the_error_it_was_made_from(
    s: float, error: float, kind: str
) -> None:
    low, high = limits(kind, s, error)
    assume(0.001 < low < high < 0.999)
    for scale in SCALES:
        found = survival_from_interval([s], [low], [high], interval=kind, scale=scale)
        expected = survival_from_standard_error([s], [error], scale=scale)
        assert found.vi[0] == pytest.approx(expected.vi[0], rel=1e-5)
        assert found.yi[0] == pytest.approx(there(scale, s), rel=1e-12, abs=1e-15)
        assert found.asymmetry is not None
        assert found.asymmetry[0] == pytest.approx(1, rel=1e-4)


@given(INSIDE, st.floats(0.001, 0.2), st.sampled_from(SCALES))
def test_a_standard_error_is_carried_by_the_slope_of_the_scale(
    s: float, error: float, scale: str
) -> None:
    step = 1e-6 * s * (1 - s)
    slope = (there(scale, s + step) - there(scale, s - step)) / (2 * step)
    found = survival_from_standard_error([s], [error], scale=scale)
    assert found.vi[0] == pytest.approx((slope * error) ** 2, rel=1e-4)
    back = inverse(scale)(found.yi)
    assert float(back[0]) == pytest.approx(s, rel=1e-12)


@given(st.integers(2, 400), st.integers(1, 399), st.sampled_from(SCALES))
def test_with_nobody_censored_the_numbers_at_risk_say_what_the_patients_say(
    n: int, alive: int, scale: str
) -> None:
    # then n S are at risk, and Peto's variance is the binomial one
    assume(alive < n)
    s = alive / n
    by_risk = survival_from_numbers_at_risk([s], [alive], scale=scale)
    by_n = survival_proportion([s], [n], scale=scale)
    by_censored = survival_from_censored_numbers([s], [n], [0], scale=scale)
    assert by_risk.vi[0] == pytest.approx(by_n.vi[0], rel=1e-12)
    assert by_censored.vi[0] == pytest.approx(by_n.vi[0], rel=1e-12)


def test_censoring_makes_the_same_survival_less_certain() -> None:
    # Peto: 0.5² × 0.5/20 = 0.00625; actuarial: 0.5 × 0.5/(60 - 10) = 0.005; binomial: 0.25/60
    by_risk = survival_from_numbers_at_risk([0.5], [20], scale="identity")
    by_censored = survival_from_censored_numbers([0.5], [60], [20], scale="identity")
    by_n = survival_proportion([0.5], [60], scale="identity")
    assert [float(one.vi[0]) for one in (by_risk, by_censored, by_n)] == pytest.approx(
        [0.00625, 0.005, 0.25 / 60]
    )


@pytest.mark.parametrize(
    ("kind", "low", "high", "half"),
    [
        ("plain", 0.80, 1.0, 0.91 - 0.80),
        ("plain", 0.0, 0.30, 0.30 - 0.12),
        ("log", 0.80, 1.0, math.log(0.91 / 0.80)),
        ("arcsine", 0.77, 1.0, math.asin(0.91**0.5) - math.asin(0.77**0.5)),
    ],
)
def test_a_limit_cut_off_at_its_end_leaves_the_other_half(
    kind: str, low: float, high: float, half: float
) -> None:
    s = 0.91 if high == 1 else 0.12
    scale = INTERVAL_TYPES[kind]
    found = survival_from_interval(
        [s, 0.5], [low, 0.4], [high, 0.61], interval=kind, scale=scale, names=["Adam", "Raab"]
    )
    assert math.sqrt(found.vi[0]) == pytest.approx(half / Z95)
    assert found.asymmetry is not None
    assert np.isnan(found.asymmetry).tolist() == [True, False]
    assert found.to_dict()["asymmetry"] == [None, pytest.approx(found.asymmetry[1])]
    assert "the other half stands for both: Adam." in found.assumptions[-1]


def test_a_plain_interval_may_go_beyond_0_and_1() -> None:
    found = survival_from_interval([0.05], [-0.02], [0.12], interval="plain", scale="identity")
    assert math.sqrt(found.vi[0]) == pytest.approx(0.07 / Z95)


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        ("log-log", 0.0, 0.9),
        ("log-log", 0.4, 1.0),
        ("logit", 0.0, 0.9),
        ("log", 0.0, 0.9),
        ("plain", 0.0, 1.0),
        ("arcsine", 0.0, 1.0),
    ],
)
def test_ends_that_such_an_interval_cannot_have_are_refused(
    kind: str, low: float, high: float
) -> None:
    with pytest.raises(EstimationError, match="name another kind of interval"):
        survival_from_interval([0.5], [low], [high], interval=kind)


def test_the_wrong_kind_shows_in_the_asymmetry_and_beyond_rounding_in_a_warning() -> None:
    # at 10 % of patients alive, a log-log interval of the error 0.03 is far from even elsewhere
    low, high = (round(limit, 3) for limit in limits("log-log", 0.1, 0.03))
    flagged = {
        kind: survival_from_interval([0.1], [low], [high], interval=kind, rounding=0.0005).warnings
        for kind in INTERVAL_TYPES
    }
    assert [kind for kind, warnings in flagged.items() if not warnings] == ["log-log"]
    assert "symmetric on the plain scale" in flagged["plain"][0]


@given(
    INSIDE,
    st.floats(0.01, 0.06),
    st.sampled_from(list(INTERVAL_TYPES)),
    st.sampled_from([2, 3]),
)
def test_rounding_explains_every_interval_of_its_own_kind(
    s: float, error: float, kind: str, decimals: int
) -> None:
    low, high = limits(kind, s, error)
    assume(0.001 < low < high < 0.999)
    printed = [round(value, decimals) for value in (s, low, high)]
    assume(0 < printed[1] < printed[0] < printed[2] < 1)
    columns = [[value] for value in printed]
    found = survival_from_interval(*columns, interval=kind, rounding=0.5 * 10**-decimals)
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([50], [40], [60]), "divide a percent by 100"),
        (([0.5], [40], [60]), "low: .* divide a percent by 100"),
        (([0.5], [0.6], [0.4]), "wrong order"),
        (([0.5], [0.5], [0.5]), "have no width"),
        (([0.5], [0.6], [0.7]), "survival: .* lies outside its own interval"),
        (([0.0], [0.0], [0.2]), "leaves nothing to take a variance from"),
        (([math.nan], [0.1], [0.2]), "survival: is missing"),
    ],
)
def test_an_interval_that_cannot_be_is_named(
    columns: tuple[list[float], ...], message: str
) -> None:
    for kind in ("log-log", "plain"):
        with pytest.raises(EstimationError, match=message):
            survival_from_interval(*columns, interval=kind)


def test_shares_for_percents_and_unknown_kinds_are_refused() -> None:
    with pytest.raises(EstimationError, match="write 95 for 95 %"):
        survival_from_interval([0.5], [0.4], [0.6], level=0.95)
    with pytest.raises(EstimationError, match="use log-log, log, plain, logit, arcsine"):
        survival_from_interval([0.5], [0.4], [0.6], interval="greenwood")
    for function in (survival_from_numbers_at_risk, survival_from_standard_error):
        with pytest.raises(EstimationError, match="use logit, cloglog, log, identity, arcsine"):
            function([0.5], [0.1], scale="freeman-tukey")


@pytest.mark.parametrize(
    ("function", "columns", "message"),
    [
        (survival_from_standard_error, ([0.5], [5]), "more than a proportion can have"),
        (survival_from_standard_error, ([0.5], [0]), "standard_error: .* not a positive"),
        (survival_from_standard_error, ([1.0], [0.1]), "leaves nothing to take a variance"),
        (survival_from_numbers_at_risk, ([0.5], [0]), "at_risk: .* not a positive"),
        (survival_from_numbers_at_risk, ([0.0], [3]), "leaves nothing to take a variance"),
        (survival_from_censored_numbers, ([0.5], [20], [20]), "is not from 0 to below n"),
        (survival_from_censored_numbers, ([0.5], [20], [-1]), "is not from 0 to below n"),
    ],
)
def test_what_survival_cannot_have_is_named(
    function: object, columns: tuple[list[float], ...], message: str
) -> None:
    with pytest.raises(EstimationError, match=message):
        function(*columns)  # type: ignore[operator]


@pytest.mark.parametrize("scale", ["log", "identity"])
def test_nobody_and_everybody_alive_have_no_variance_on_the_log_and_identity(scale: str) -> None:
    with pytest.raises(EstimationError) as caught:
        survival_proportion([0.0, 0.5, 1.0], [9, 9, 9], scale=scale, names=["A", "B", "C"])
    assert [problem.where for problem in caught.value.problems] == ["A, survival", "C, survival"]
    both = survival_proportion([0.0, 1.0], [9, 9], scale="arcsine")
    assert both.yi.tolist() == pytest.approx([0, math.pi / 2])
    assert both.vi.tolist() == pytest.approx([1 / 36, 1 / 36])


def test_a_median_has_the_variance_of_the_density_there() -> None:
    # f = shape log 2/(2 m) for a Weibull distribution at its median m; 1/(4 n f²), over m²
    for median, n, shape in product((6.0, 24.0), (30, 50), (0.7, 1.0, 2.0)):
        density = shape * math.log(2) / (2 * median)
        found = median_survival([median], [n], shape=shape)
        assert found.yi[0] == pytest.approx(math.log(median))
        assert found.vi[0] == pytest.approx(1 / (4 * n * density**2) / median**2)


def test_the_medians_of_simulated_series_vary_as_much_as_is_said() -> None:
    # 4000 series: the standard error of a variance is 2.2 % of it, and n is odd and large
    draws = np.random.default_rng(20101).weibull(1.5, (4000, 301))
    spread = np.var(np.log(np.median(draws, axis=1)))
    assert median_survival([1.0], [301], shape=1.5).vi[0] == pytest.approx(spread, rel=0.09)


def test_a_median_with_its_interval_is_even_on_the_log_scale() -> None:
    found = median_survival_from_interval([24.0], [18.0], [32.0])
    assert math.sqrt(found.vi[0]) == pytest.approx(math.log(32 / 18) / (2 * Z95))
    assert found.asymmetry is not None
    assert found.asymmetry[0] == pytest.approx(1)
    assert float(inverse("log median")(found.yi)[0]) == pytest.approx(24)


def test_an_upper_limit_not_reached_leaves_the_lower_half() -> None:
    found = median_survival_from_interval(
        [24.0, 10.0], [18.0, 8.0], [math.inf, 12.5], names=["Adam", "Raab"]
    )
    assert math.sqrt(found.vi[0]) == pytest.approx(math.log(24 / 18) / Z95)
    assert found.assumptions[-1].endswith("stands for both: Adam.")
    assert found.asymmetry is not None
    assert found.asymmetry[0] == math.inf
    assert found.to_dict()["asymmetry"] == [None, pytest.approx(1)]


def test_a_lopsided_interval_of_a_median_is_flagged_beyond_rounding() -> None:
    found = median_survival_from_interval([20], [18], [60], rounding=0.5)
    assert "not symmetric on the log scale" in found.warnings[0]
    assert median_survival_from_interval([24], [18], [32], rounding=0.5).warnings == ()


@given(st.floats(1, 60), st.floats(1, 60), st.integers(5, 200), st.floats(0.01, 100))
def test_the_unit_of_time_does_not_change_a_ratio_nor_any_variance(
    first: float, second: float, n: int, unit: float
) -> None:
    def ratio(factor: float) -> Effects:
        return log_hazard_ratio_from_medians([first * factor], [n], [second * factor], [n])

    assert ratio(unit).yi[0] == pytest.approx(ratio(1).yi[0], abs=1e-12)
    assert median_survival([first * unit], [n]).vi[0] == median_survival([first], [n]).vi[0]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([0], [5], [9]), "median: .* not a positive"),
        (([6], [0], [9]), "low: .* not a positive"),
        (([6], [5], [-9]), "high: .* not a positive"),
        (([6], [7], [9]), "median: .* lies outside"),
        (([6], [math.inf], [math.inf]), "low: .* not a positive"),
    ],
)
def test_an_interval_of_a_median_that_cannot_be_is_named(
    columns: tuple[list[float], ...], message: str
) -> None:
    with pytest.raises(EstimationError, match=message):
        median_survival_from_interval(*columns)
    with pytest.raises(EstimationError, match=r"shape: .* not a positive"):
        median_survival([5], [9], shape=0)
