"""Cases small enough to be worked exactly, most of them in fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from secondlook.synthesis import METHODS, Pooled, leave_one_out, pool


def test_dersimonian_laird_of_three_studies_is_that_of_the_fractions() -> None:
    # y = 0, 1, 4 with v = 1, 1/2, 1/4: w = 1, 2, 4, sum 7, mean 18/7
    # Q = 0 + 2 + 64 - 18²/7 = 138/7;  C = 7 - 21/7 = 4;  tau² = (138/7 - 2)/4 = 31/7
    # I² = (138/7 - 2)/(138/7) = 124/138 = 62/69, H² = (138/7)/2 = 69/7
    # w* = 1/(1 + 31/7), 1/(1/2 + 31/7), 1/(1/4 + 31/7) = 7/38, 14/69, 28/131
    weights = [Fraction(7, 38), Fraction(14, 69), Fraction(28, 131)]
    total = sum(weights)
    mean = (weights[1] * 1 + weights[2] * 4) / total
    pooled = pool([0, 1, 4], [1, 0.5, 0.25], method="DL", test="z")
    assert pooled.q == pytest.approx(138 / 7, rel=1e-14)
    assert pooled.tau2 == pytest.approx(31 / 7, rel=1e-14)
    assert pooled.i2 == pytest.approx(100 * 62 / 69, rel=1e-14)
    assert pooled.h2 == pytest.approx(69 / 7, rel=1e-14)
    assert pooled.estimate == pytest.approx(float(mean), rel=1e-14)
    assert pooled.standard_error == pytest.approx(math.sqrt(1 / total), rel=1e-14)
    assert pooled.weights == pytest.approx([float(100 * w / total) for w in weights], rel=1e-14)


@pytest.mark.parametrize("method", ["REML", "DL", "PM"])
def test_two_studies_one_apart_from_each_side_have_tau2_of_one(method: str) -> None:
    # y = 0, 2 with v = 1, 1: Q = 2, s² = 2, and every estimator gives s² - v = 1
    # SE² = (1 + 1)/2 = 1; t with 1 df has its 97.5 % point at tan(0.475 pi)
    pooled = pool([0, 2], [1, 1], method=method, test="hksj")
    reach = math.tan(0.475 * math.pi)
    assert pooled.tau2 == pytest.approx(1, rel=1e-12)
    assert pooled.i2 == pytest.approx(50)
    assert pooled.h2 == pytest.approx(2)
    assert pooled.standard_error == pytest.approx(1, rel=1e-12)
    assert pooled.interval == pytest.approx((1 - reach, 1 + reach), rel=1e-12)
    assert pooled.prediction_interval == pytest.approx(
        (1 - math.sqrt(2) * reach, 1 + math.sqrt(2) * reach), rel=1e-12
    )
    assert pooled.variance_factor == pytest.approx(1, rel=1e-12)


def test_with_equal_variances_hartung_knapp_is_the_t_test_of_one_sample() -> None:
    # weights are equal, so q s²-scales the variance to s²/k whatever tau² is
    effects = np.array([0.1, 0.5, -0.3, 0.9, 1.4, 0.2])
    s2 = float(np.var(effects, ddof=1))
    for method in ("REML", "DL", "PM", "common"):
        pooled = pool(effects, np.full(6, 0.02), method=method, test="hksj-unguarded")
        assert pooled.estimate == pytest.approx(2.8 / 6, rel=1e-14)
        assert pooled.standard_error == pytest.approx(math.sqrt(s2 / 6), rel=1e-12)
        assert pooled.degrees_of_freedom == 5


def test_with_equal_variances_reml_is_the_sample_variance_less_the_sampling_variance() -> None:
    effects = np.array([0.1, 0.5, -0.3, 0.9, 1.4, 0.2])
    pooled = pool(effects, np.full(6, 0.02))
    assert pooled.tau2 == pytest.approx(float(np.var(effects, ddof=1)) - 0.02, rel=1e-12)


def test_q_of_two_studies_has_the_normal_p_value_of_their_difference() -> None:
    # Q = (y1 - y2)²/(v1 + v2) = 1.44/0.13 is the square of a normal deviate
    pooled = pool([0.1, 1.3], [0.04, 0.09])
    assert pooled.q == pytest.approx(1.44 / 0.13, rel=1e-13)
    assert pooled.q_p_value == pytest.approx(math.erfc(math.sqrt(1.44 / 0.26)), rel=1e-11)


def _exact_dersimonian_laird(y: list[Fraction], v: list[Fraction]) -> tuple[float, float]:
    w = [1 / one for one in v]
    k, total = len(y), sum(w)
    p = [[(w[i] if i == j else 0) - w[i] * w[j] / total for j in range(k)] for i in range(k)]
    trace = sum(p[i][i] for i in range(k))
    norm = sum(p[i][j] ** 2 for i in range(k) for j in range(k))
    mean = sum(a * b for a, b in zip(w, y, strict=True)) / total
    q = sum(a * (b - mean) ** 2 for a, b in zip(w, y, strict=True))
    tau2 = (q - (k - 1)) / trace
    variance = (2 * (k - 1) + 4 * tau2 * trace + 2 * tau2**2 * norm) / trace**2
    return float(tau2), math.sqrt(variance)


def test_a_study_with_nearly_all_the_weight_costs_no_digits() -> None:
    # in double precision sum(w) - sum(w²)/sum(w) keeps only nine digits here; fractions keep all
    y, v = ("0.1", "0.9", "-0.7", "0.4"), ("0.0000001", "0.3", "0.2", "0.5")
    tau2, error = _exact_dersimonian_laird([Fraction(a) for a in y], [Fraction(a) for a in v])
    pooled = pool([float(a) for a in y], [float(a) for a in v], method="DL")
    assert pooled.tau2 == pytest.approx(tau2, rel=1e-13)
    assert pooled.tau2_standard_error == pytest.approx(error, rel=1e-13)


# the estimator of Sidik and Jonkman is never 0
@pytest.mark.parametrize("method", [method for method in METHODS if method != "SJ"])
def test_a_vague_study_far_away_takes_no_digits_from_a_precise_one_after_it(method: str) -> None:
    # y = 1000, 0.001 with v = 1e8, 1e-12: Q = 999.999²/(1e8 + 1e-12) < 1, so that tau² = 0 by every
    # method; w = 1e-8, 1e12 and the mean is (1e-5 + 1e9)/(1e-8 + 1e12) = (1000 + 1e17)/(1 + 1e20).
    # 1000 has its last digit at 1e-13: measured from there, 0.001 would keep ten digits.
    mean = Fraction(10**17 + 1000, 10**20 + 1)
    pooled = pool([1000, 0.001], [1e8, 1e-12], method=method)
    assert pooled.tau2 == 0
    assert pooled.estimate == pytest.approx(float(mean), rel=1e-15)
    assert pooled.q == pytest.approx(999.999**2 / 1e8, rel=1e-13)


def test_leaving_one_of_two_studies_out_leaves_the_other_as_it_was() -> None:
    rows = leave_one_out([0.1, 1.3], [0.04, 0.09], names=["first", "second"]).rows
    assert [(row.omitted, row.estimate, row.tau2) for row in rows] == [
        ("first", 1.3, None),
        ("second", 0.1, None),
    ]
    # 1.959964 is the 97.5 % point of the normal distribution
    assert rows[0].interval == pytest.approx((1.3 - 0.3 * 1.959964, 1.3 + 0.3 * 1.959964), abs=1e-6)


def test_the_studys_own_interval_stands_in_the_frame() -> None:
    pooled: Pooled = pool([0.1, 1.3], [0.04, 0.09], names=["first", "second"])
    frame = pooled.to_frame()
    assert frame["name"].to_list() == ["first", "second"]
    assert frame["low"].to_list() == pytest.approx([0.1 - 0.2 * 1.959964, 1.3 - 0.3 * 1.959964])
    assert frame["standard_error"].to_list() == pytest.approx([0.2, 0.3])
