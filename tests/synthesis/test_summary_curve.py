"""The distribution-free summary curve, held against its formulas worked by hand."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook.errors import EstimationError
from secondlook.synthesis import pool
from secondlook.synthesis.curve_synthesis import CurveObservation, CurveSummary, summary_curve

rate = CurveObservation.rate


def study(name: str, n: float, *points: tuple[float, float, float | None]) -> CurveSummary:
    return CurveSummary(name, n, tuple(rate(t, s, at_risk=y) for t, s, y in points))


THREE = (
    study("a", 50, (12, 0.80, 38), (24, 0.60, 25), (36, 0.48, None)),
    study("b", 120, (12, 0.90, 100), (24, 0.72, 70), (36, 0.63, None)),
    study("c", 30, (12, 0.60, 15), (24, 0.30, None)),
)


def arcsine(n: float, share: float) -> float:
    return math.asin(math.sqrt((n * share + 0.25) / (n + 0.5)))


def test_fixed_effects_are_products_of_weighted_arcsines() -> None:
    # weights 4 n + 2 with n at the start of each interval
    first = (202 * arcsine(50, 0.8) + 482 * arcsine(120, 0.9) + 122 * arcsine(30, 0.6)) / 806
    second = (154 * arcsine(38, 0.75) + 402 * arcsine(100, 0.8) + 62 * arcsine(15, 0.5)) / 618
    third = (102 * arcsine(25, 0.8) + 282 * arcsine(70, 0.875)) / 384
    expected = np.cumprod(np.sin([first, second, third]) ** 2)
    fixed = summary_curve(THREE).fixed
    assert fixed.survival == pytest.approx(expected, rel=1e-12)
    variance = np.cumsum(
        [4 / math.tan(y) ** 2 / w for y, w in ((first, 806), (second, 618), (third, 384))]
    )
    reach = 1.959963984540054 * np.sqrt(variance)
    assert fixed.low == pytest.approx(expected * np.exp(-reach), rel=1e-10)
    assert fixed.high == pytest.approx(np.minimum(expected * np.exp(reach), 1), rel=1e-10)


def test_the_matrix_between_studies_is_that_of_dersimonian_and_laird() -> None:
    v = np.array([[1 / 202, 1 / 154], [1 / 482, 1 / 402], [1 / 122, 1 / 62]])
    y = np.array(
        [
            [arcsine(50, 0.8), arcsine(38, 0.75)],
            [arcsine(120, 0.9), arcsine(100, 0.8)],
            [arcsine(30, 0.6), arcsine(15, 0.5)],
        ]
    )
    moments = np.zeros((2, 2))
    for i in range(2):
        for j in range(2):
            w = 1 / np.sqrt(v[:, i] * v[:, j])
            first, second = (y[:, m] - (w * y[:, m]).sum() / w.sum() for m in (i, j))
            chance = 2.0 if i == j else 0.0
            moments[i, j] = ((w * first * second).sum() - chance) / (
                w.sum() - (w**2).sum() / w.sum()
            )
    values, vectors = np.linalg.eigh(moments)
    expected = vectors @ np.diag(np.maximum(values, 0)) @ vectors.T
    summary = summary_curve(THREE, times=(12, 24))
    np.testing.assert_allclose(summary.between, expected, rtol=1e-10)
    total = sum(np.linalg.inv(np.diag(v[i]) + expected) for i in range(3))
    score = sum(np.linalg.inv(np.diag(v[i]) + expected) @ y[i] for i in range(3))
    angles = np.linalg.solve(total, score)
    assert summary.random.survival == pytest.approx(np.cumprod(np.sin(angles) ** 2), rel=1e-10)
    # the delta method on the log of the product
    slope = np.tril(np.ones((2, 2))) * (2 / np.tan(angles))
    variance = np.diag(slope @ np.linalg.inv(total) @ slope.T)
    low = np.cumprod(np.sin(angles) ** 2) * np.exp(-1.959963984540054 * np.sqrt(variance))
    assert summary.random.low == pytest.approx(low, rel=1e-10)


def test_a_study_that_ends_early_adds_nothing_later() -> None:
    # in the limit of a variance without bound, which is how the authors leave an interval out
    summary = summary_curve(THREE)
    assert summary.studies_at_risk == (3, 3, 2)
    both = summary_curve(THREE[:2])
    assert summary.fixed.survival[2] / summary.fixed.survival[1] == pytest.approx(
        both.fixed.survival[2] / both.fixed.survival[1], rel=1e-12
    )


def test_at_one_time_it_is_pooling_of_arcsine_proportions_by_dersimonian_and_laird() -> None:
    sizes, survival = (50, 120, 30, 44), (0.8, 0.9, 0.6, 0.5)
    studies = [study(f"{n}", n, (12, s, None)) for n, s in zip(sizes, survival, strict=True)]
    yi = [arcsine(n, s) for n, s in zip(sizes, survival, strict=True)]
    vi = [1 / (4 * n + 2) for n in sizes]
    known = pool(yi, vi, method="DL", test="z")
    summary = summary_curve(studies)
    assert summary.between[0][0] == pytest.approx(known.tau2, rel=1e-10)
    assert summary.random.survival[0] == pytest.approx(math.sin(known.estimate) ** 2, rel=1e-10)
    assert summary.q == pytest.approx(known.q, rel=1e-10)
    assert summary.q_p_value == pytest.approx(known.q_p_value, rel=1e-8)
    assert summary.q_degrees_of_freedom == 3


def test_median_and_mean_are_read_off_the_straight_lines_between_the_points() -> None:
    (random,) = [summary_curve(THREE).random]
    s = (1.0, *random.survival)
    mean = sum(12 * (a + b) / 2 for a, b in pairwise(s))
    assert random.restricted_mean == pytest.approx(mean, rel=1e-12)
    low, high = random.restricted_mean_interval
    assert low < mean < high
    if s[3] < 0.5:
        end = next(i for i in range(4) if s[i] < 0.5)
        share = (s[end - 1] - 0.5) / (s[end - 1] - s[end])
        assert random.median == pytest.approx(12 * (end - 1 + share), rel=1e-12)


def test_a_curve_that_stays_above_one_half_has_no_median() -> None:
    studies = [study("a", 50, (12, 0.9, None)), study("b", 40, (12, 0.8, None))]
    fixed = summary_curve(studies).fixed
    assert fixed.median is None
    assert fixed.median_interval[1] is None


def test_one_study_gives_its_own_curve_under_both() -> None:
    summary = summary_curve(THREE[:1])
    assert summary.random == summary.fixed
    assert summary.q_p_value is None
    assert any("One study" in warning for warning in summary.warnings)
    for ours, printed in zip(summary.fixed.survival, (0.80, 0.60, 0.48), strict=True):
        assert ours == pytest.approx(printed, abs=0.01)


def test_an_interval_only_one_study_gives_is_taken_not_to_vary_and_named() -> None:
    summary = summary_curve((THREE[0], THREE[2]))
    assert any("Only one study gives the interval up to 36" in w for w in summary.warnings)
    assert np.asarray(summary.between)[2].tolist() == [0, 0, 0]


def test_missing_numbers_at_risk_suppose_nobody_censored_and_say_so() -> None:
    bare = study("d", 50, (12, 0.80, None), (24, 0.60, None), (36, 0.48, None))
    full = study("d", 50, (12, 0.80, 40), (24, 0.60, 30), (36, 0.48, None))
    ours = summary_curve((*THREE, bare))
    assert ours.random.survival == pytest.approx(summary_curve((*THREE, full)).random.survival)
    assert any("No numbers at risk in d" in warning for warning in ours.warnings)
    assert not any("at risk in" in warning for warning in summary_curve(THREE).warnings)


def test_everybody_and_nobody_alive_are_taken_as_they_are() -> None:
    studies = (
        study("a", 50, (12, 1.0, 50), (24, 0.60, None)),
        study("b", 20, (12, 0.30, 6), (24, 0.0, None)),
        study("c", 20, (12, 0.0, None), (24, 0.0, None)),
    )
    summary = summary_curve(studies)
    assert summary.studies_at_risk == (3, 2)
    assert np.all(np.isfinite(summary.random.low))


@pytest.mark.parametrize(
    ("studies", "options", "match"),
    [
        ((), {}, "no rate"),
        ((CurveSummary("a", 40, (CurveObservation.median(30),)),), {}, "no rate"),
        ((study("x", 40, (24, 0.5, None)), THREE[0]), {}, "x, rates: lacks a rate at 12"),
        ((CurveSummary("a", None, (rate(12, 0.5),)),), {}, "a, n: is missing"),
        ((study("a", 40, (12, 0.5, None), (24, 0.6, None)),), {}, "rises from 0.5"),
        (THREE, {"times": (48,)}, "has no rate at the times asked for"),
        (THREE, {"level": 95}, "level"),
    ],
)
def test_what_cannot_be_summarised_is_named(
    studies: tuple[CurveSummary, ...], options: dict[str, Any], match: str
) -> None:
    with pytest.raises(EstimationError, match=match):
        summary_curve(studies, **options)


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(3)), st.floats(1e-3, 1e3))
def test_order_and_unit_of_time_change_nothing(order: list[int], factor: float) -> None:
    moved = [
        CurveSummary(
            one.study,
            one.n,
            tuple(
                rate(o.months * factor, o.survival or 0.0, at_risk=o.at_risk)
                for o in reversed(one.observations)
            ),
        )
        for one in (THREE[i] for i in order)
    ]
    ours, other = summary_curve(THREE), summary_curve(moved)
    assert other.random.survival == pytest.approx(ours.random.survival, rel=1e-9)
    assert other.random.restricted_mean == pytest.approx(
        ours.random.restricted_mean * factor, rel=1e-9
    )


def test_a_summary_prints_itself_and_is_plain_json() -> None:
    summary = summary_curve(THREE)
    assert "Distribution-free summary curve: 3 studies" in str(summary)
    assert json.loads(json.dumps(summary.to_dict()))["times"] == [12, 24, 36]
    assert summary.to_frame().columns[:3] == ["time", "studies", "fixed_survival"]
