"""Laws and hand calculations of the estimators of the between-study variance."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook.synthesis.between_study_variance import (
    ESTIMATORS,
    between_study_variance,
    tau2_of_each,
)
from secondlook.synthesis.between_study_variance.likelihood import Likelihood
from secondlook.synthesis.between_study_variance.moderated_fit import Moderated
from secondlook.synthesis.between_study_variance.weighted_fit import InterceptOnly
from secondlook.synthesis.heterogeneity import profile_likelihood_interval, q_profile
from secondlook.synthesis.printed_columns import Floats

Y, V = np.array([0.0, 1.0, 4.0]), np.array([1.0, 0.5, 0.25])

studies = st.lists(
    st.tuples(st.floats(-3, 3).map(lambda y: round(y, 3)), st.floats(0.01, 2)),
    min_size=3,
    max_size=9,
)


def columns(rows: list[tuple[float, float]]) -> tuple[Floats, Floats]:
    yi, vi = np.array(rows).T
    return yi, vi


# --- by hand --------------------------------------------------------------------------------------


def test_hedges_of_three_studies_is_that_of_the_fractions() -> None:
    # mean 5/3, squares 25/9 + 4/9 + 49/9 = 26/3; less (1 - 1/3)(1 + 1/2 + 1/4) = 7/6; over 2
    found = ESTIMATORS["HE"](Y, V)
    assert found.tau2 == pytest.approx(15 / 4, rel=1e-14)
    # P = I - 1/3: sum of P_ij² v_i v_j = sum v²/3 + (sum v)²/9 = (21/16)/3 + (49/16)/9
    own = Fraction(21, 48) + Fraction(49, 144)
    total = 2 * own + 4 * Fraction(15, 4) * Fraction(7, 6) + 2 * Fraction(15, 4) ** 2 * 2
    assert found.standard_error == pytest.approx(math.sqrt(total) / 2, rel=1e-14)


def test_hunter_and_schmidt_of_three_studies_is_that_of_the_fractions() -> None:
    # w = 1, 2, 4; Q = 138/7, and (138/7 - 3)/7 = 117/49
    found = ESTIMATORS["HS"](Y, V)
    assert found.tau2 == pytest.approx(117 / 49, rel=1e-14)
    # trace 4; sum of P_ij² = sum w²(1 - w/7)² + 2 sum_{i<j} (w_i w_j/7)²
    norm = (36 + 100 + 144) / 49 + 2 * (4 + 16 + 64) / 49
    tau2 = 117 / 49
    error = math.sqrt(4 + 16 * tau2 + 2 * tau2**2 * norm) / 7
    assert found.standard_error == pytest.approx(error, rel=1e-13)


def test_sidik_and_jonkman_of_two_studies_is_that_of_the_fractions() -> None:
    # y = 0, 4 with v = 1, 5: first variance 4; w = 1/5, 1/9; Q = 16/(5 + 9) = 8/7; 4 times 8/7
    assert ESTIMATORS["SJ"](np.array([0.0, 4.0]), np.array([1.0, 5.0])).tau2 == pytest.approx(
        32 / 7, rel=1e-14
    )


@pytest.mark.parametrize(
    ("method", "tau2"), [("REML", 1), ("DL", 1), ("PM", 1), ("EB", 1), ("HE", 1), ("ML", 0)]
)
def test_two_studies_two_apart_with_variance_one(method: str, tau2: float) -> None:
    # s² = 2 less v = 1; maximum likelihood divides the squares by 2: 1 - 1 = 0
    found = ESTIMATORS[method](np.array([0.0, 2.0]), np.array([1.0, 1.0])).tau2
    assert found == pytest.approx(tau2, abs=1e-12)


def test_with_equal_variances_maximum_likelihood_is_the_mean_square_less_the_variance() -> None:
    effects = np.array([0.1, 0.5, -0.3, 0.9, 1.4, 0.2])
    found = ESTIMATORS["ML"](effects, np.full(6, 0.02))
    assert found.tau2 == pytest.approx(float(np.var(effects)) - 0.02, rel=1e-12)
    # information k/(2 (v + tau²)²)
    assert found.standard_error == pytest.approx(math.sqrt(2 / 6) * np.var(effects), rel=1e-12)


def test_profile_likelihood_of_equal_variances_solves_its_equation() -> None:
    # with u = v + tau² and s² = 8: (k - 1)(log u + s²/u) rises by the 95 % point of chi-squared
    yi = np.array([0.0, 4.0, 2.0, -2.0, 6.0, 2.0])
    low, high = profile_likelihood_interval(yi, np.full(6, 0.5), 0.95)
    least = 5 * (math.log(8) + 1) + 3.841458820694124
    for limit in (low, high):
        u = limit + 0.5
        assert 5 * (math.log(u) + 8 / u) == pytest.approx(least, rel=1e-12)
    assert low < 7.5 < high


def test_one_study_with_nearly_all_the_weight_costs_hedges_and_hunter_no_digit() -> None:
    y, v = [Fraction(1, 8), Fraction(7, 8), Fraction(-3, 4)], [Fraction(1, 2**40), Fraction(1, 4)]
    v.append(Fraction(1, 2))
    w = [1 / one for one in v]
    total = sum(w)
    mean = sum(a * b for a, b in zip(w, y, strict=True)) / total
    q = sum(a * (b - mean) ** 2 for a, b in zip(w, y, strict=True))
    p = [[(w[i] if i == j else 0) - w[i] * w[j] / total for j in range(3)] for i in range(3)]
    trace = sum(p[i][i] for i in range(3))
    norm = sum(p[i][j] ** 2 for i in range(3) for j in range(3))
    tau2 = (q - 2) / trace
    assert tau2 > 0
    found = ESTIMATORS["DL"](np.array([float(a) for a in y]), np.array([float(a) for a in v]))
    assert found.tau2 == pytest.approx(float(tau2), rel=1e-13)
    error = math.sqrt(4 + 4 * tau2 * trace + 2 * tau2**2 * norm) / float(trace)
    assert found.standard_error == pytest.approx(error, rel=1e-13)


# --- laws -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ESTIMATORS)
@given(rows=studies, power=st.integers(-40, 40))
@settings(max_examples=25, deadline=None)
def test_units_do_not_matter(method: str, rows: list[tuple[float, float]], power: int) -> None:
    yi, vi = columns(rows)
    once = ESTIMATORS[method](yi, vi)
    scaled = ESTIMATORS[method](np.ldexp(yi, power), np.ldexp(vi, 2 * power))
    assert scaled.tau2 == pytest.approx(math.ldexp(once.tau2, 2 * power), rel=1e-9)
    assert scaled.standard_error == pytest.approx(
        math.ldexp(once.standard_error, 2 * power), rel=1e-9
    )


@pytest.mark.parametrize("method", ESTIMATORS)
@given(rows=studies, shift=st.integers(-8, 8), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_neither_a_shift_nor_the_order_matters(
    method: str, rows: list[tuple[float, float]], shift: int, seed: int
) -> None:
    yi, vi = columns(rows)
    order = np.random.default_rng(seed).permutation(yi.size)
    once = ESTIMATORS[method](yi, vi)
    other = ESTIMATORS[method](yi[order] + shift, vi[order])
    assert other.tau2 == pytest.approx(once.tau2, rel=1e-7, abs=1e-9 * float(vi.min()))


@given(rows=studies)
@settings(max_examples=50, deadline=None)
def test_empirical_bayes_solves_the_equation_of_paule_and_mandel(
    rows: list[tuple[float, float]],
) -> None:
    assert ESTIMATORS["EB"](*columns(rows)) == ESTIMATORS["PM"](*columns(rows))


@given(rows=studies, restricted=st.booleans(), level=st.floats(0.5, 0.99))
@settings(max_examples=50, deadline=None)
def test_a_profile_likelihood_interval_holds_every_tau2_likely_enough_and_no_other(
    rows: list[tuple[float, float]], restricted: bool, level: float
) -> None:
    yi, vi = columns(rows)
    found = ESTIMATORS["REML" if restricted else "ML"](yi, vi)
    low, high = profile_likelihood_interval(yi, vi, level, restricted=restricted)
    likelihood = Likelihood(InterceptOnly.of(yi, vi), restricted)
    assert low <= found.tau2 <= high
    at_high = float(likelihood.log(high))
    assert float(likelihood.log(1.001 * high)) < at_high < float(likelihood.log(found.tau2))
    if low > 0:
        assert float(likelihood.log(0.0)) < float(likelihood.log(low))
        assert float(likelihood.log(low)) == pytest.approx(at_high, abs=1e-9)


@given(rows=studies)
@settings(max_examples=25, deadline=None)
def test_a_wider_level_never_gives_a_narrower_profile_likelihood_interval(
    rows: list[tuple[float, float]],
) -> None:
    yi, vi = columns(rows)
    narrow = profile_likelihood_interval(yi, vi, 0.8)
    wide = profile_likelihood_interval(yi, vi, 0.95)
    assert wide[0] <= narrow[0]
    assert narrow[1] < wide[1]


@pytest.mark.parametrize("method", ESTIMATORS)
@given(rows=studies)
@settings(max_examples=25, deadline=None)
def test_the_mean_is_a_regression_on_a_constant(
    method: str, rows: list[tuple[float, float]]
) -> None:
    yi, vi = columns(rows)
    constant = Moderated(yi, vi, np.full((yi.size, 1), yi.size**-0.5))
    alone = between_study_variance(InterceptOnly.of(yi, vi), method)
    found = between_study_variance(constant, method)
    assert found.tau2 == pytest.approx(alone.tau2, rel=1e-9, abs=1e-11 * float(vi.min()))
    assert found.standard_error == pytest.approx(alone.standard_error, rel=1e-9)


@pytest.mark.parametrize("method", ESTIMATORS)
def test_many_data_sets_at_once_are_each_by_itself(method: str) -> None:
    generator = np.random.default_rng(7)
    yi, vi = generator.normal(size=(60, 6)), generator.uniform(0.05, 2, (60, 6))
    together = tau2_of_each(InterceptOnly.of(yi, vi), method)
    singly = [ESTIMATORS[method](y, v).tau2 for y, v in zip(yi, vi, strict=True)]
    assert together == pytest.approx(singly, rel=1e-9, abs=1e-12)
    assert np.count_nonzero(together) > 0


# --- several maxima -------------------------------------------------------------------------------

# metafor's default reaches 0.316 by restricted maximum likelihood, where 0.0097 is higher
LOWER_START = (
    np.array([-0.93, 1.87, -0.09, -0.65, 0.05]),
    np.array([0.5, 0.5, 0.002, 0.2, 0.002]),
)


TWO_INSIDE = (
    np.array([1.77, -0.17, -0.54, 0.13, 0.01, -0.03, -3.37]),
    np.array([1, 0.005, 1, 0.002, 0.001, 0.001, 0.5]),
)


@pytest.mark.parametrize(
    ("method", "data"), [("REML", LOWER_START), ("REML", TWO_INSIDE), ("ML", TWO_INSIDE)]
)
def test_the_highest_of_several_maxima_wins_and_the_others_are_named(
    method: str, data: tuple[Floats, Floats]
) -> None:
    found = ESTIMATORS[method](*data)
    likelihood = Likelihood(InterceptOnly.of(*data), method == "REML")
    everywhere = likelihood.log(np.geomspace(1e-9, 100, 100_001))
    assert float(likelihood.log(found.tau2)) >= everywhere.max()
    assert found.lesser_maxima
    for other in found.lesser_maxima:
        assert likelihood.log(other) < likelihood.log(found.tau2)
        nearby = likelihood.log(other * np.array([0.99, 1.01]))
        assert np.all(nearby <= likelihood.log(other))


def test_equal_effects_have_no_variance_between_them() -> None:
    for method, estimate in ESTIMATORS.items():
        found = estimate(np.full(4, 0.3), np.array([0.1, 0.2, 0.3, 0.4]))
        assert found.tau2 == 0, method
        assert found.lesser_maxima == ()


def test_an_interval_of_equal_effects_begins_at_0_and_ends() -> None:
    low, high = profile_likelihood_interval(np.full(4, 0.3), np.array([0.1, 0.2, 0.3, 0.4]), 0.95)
    assert low == 0
    assert 0 < high < 10
    assert q_profile(np.full(4, 0.3), np.array([0.1, 0.2, 0.3, 0.4]), 0.95) == (0, 0)


def test_variances_twelve_orders_of_magnitude_apart_leave_an_ordinary_answer() -> None:
    yi, vi = np.array([0.1, 0.9, -0.7, 0.4]), np.array([1e-12, 1.0, 1e-6, 1e-3])
    for method, estimate in ESTIMATORS.items():
        assert math.isfinite(estimate(yi, vi).standard_error), method
    for method in ("REML", "ML", "PM", "SJ", "HE"):
        assert 0.05 < ESTIMATORS[method](yi, vi).tau2 < 2, method
    # these weigh by 1/v alone, so that the one precise study and its deviation are all they see
    w = [1 / Fraction(float(v)) for v in vi]
    mean = sum(a * Fraction(float(b)) for a, b in zip(w, yi, strict=True)) / sum(w)
    q = sum(a * (Fraction(float(b)) - mean) ** 2 for a, b in zip(w, yi, strict=True))
    trace = sum(w) - sum(a**2 for a in w) / sum(w)
    assert ESTIMATORS["DL"](yi, vi).tau2 == pytest.approx(float((q - 3) / trace), rel=1e-12)
    assert ESTIMATORS["HS"](yi, vi).tau2 == pytest.approx(float((q - 4) / sum(w)), rel=1e-12)
