"""What must hold for any studies."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from secondlook.errors import EstimationError
from secondlook.synthesis import METHODS, TESTS, Pooled, pool

Floats = NDArray[np.float64]

EFFECTS = st.integers(-3000, 3000).map(lambda milli: milli / 1000)
VARIANCES = st.integers(1, 2000).map(lambda milli: milli / 1000)
STUDIES = st.lists(st.tuples(EFFECTS, VARIANCES), min_size=2, max_size=9)
RANDOM = st.sampled_from(["REML", "DL", "PM"])
ANY_TEST = st.sampled_from(list(TESTS))


def _columns(studies: list[tuple[float, float]]) -> tuple[Floats, Floats]:
    table = np.array(studies)
    return table[:, 0], table[:, 1]


def _log_likelihood(tau2: Floats, yi: Floats, vi: Floats) -> Floats:
    # written from the definition, matrix by matrix, as a second way of computing it
    values = []
    for one in tau2:
        inverse = np.diag(1 / (vi + one))
        column = np.ones((yi.size, 1))
        information = (column.T @ inverse @ column).item()
        away = yi - (column.T @ inverse @ yi).item() / information
        determinant = np.linalg.slogdet(inverse)[1]
        values.append(0.5 * (determinant - np.log(information) - away @ inverse @ away))
    return np.array(values)


ANY_EFFECTS = st.floats(allow_nan=False, allow_infinity=False)
ANY_VARIANCES = st.floats(min_value=5e-324, allow_infinity=False)
ANY_STUDIES = st.lists(st.tuples(ANY_EFFECTS, ANY_VARIANCES), min_size=1, max_size=5)
POWERS = st.tuples(st.floats(-140, 140), st.floats(-140, 140)).map(
    lambda powers: (10.0 ** powers[0], 10.0 ** (2 * powers[1]))
)


@given(
    st.one_of(ANY_STUDIES, st.lists(POWERS, min_size=1, max_size=5)),
    st.sampled_from(list(METHODS)),
    ANY_TEST,
    st.sampled_from([5e-324, 0.5, 0.95, 1 - 2**-53]),
)
def test_every_study_a_double_can_write_is_pooled_in_finite_numbers_or_refused(
    studies: list[tuple[float, float]], method: str, test: str, level: float
) -> None:
    yi, vi = _columns(studies)
    try:
        pooled = pool(yi, vi, method=method, test=test, level=level)
    except EstimationError:
        return
    json.dumps(pooled.to_dict(), allow_nan=False)
    slack = 1e-9 * float(np.abs(yi).max())
    assert yi.min() - slack <= pooled.estimate <= yi.max() + slack


@given(STUDIES)
def test_no_tau2_has_a_higher_restricted_likelihood_than_reml(
    studies: list[tuple[float, float]],
) -> None:
    yi, vi = _columns(studies)
    best = pool(yi, vi, method="REML").tau2
    everywhere = np.concatenate([[0.0], np.geomspace(1e-6, 100, 300)])
    assert best is not None
    assert _log_likelihood(np.array([best]), yi, vi)[0] >= (
        _log_likelihood(everywhere, yi, vi).max() - 1e-9
    )


@given(STUDIES, st.sampled_from(list(METHODS)), ANY_TEST, st.sampled_from([1e-6, 1e-3, 7.0, 1e5]))
def test_other_units_change_nothing_but_the_units(
    studies: list[tuple[float, float]], method: str, test: str, unit: float
) -> None:
    yi, vi = _columns(studies)
    here = pool(yi, vi, method=method, test=test)
    there = pool(unit * yi, unit**2 * vi, method=method, test=test)
    assume(not _may_tie(here, there))
    scale = unit * float(np.max(np.abs(yi)) + np.sqrt(np.max(vi)))
    reach = 1e-7 * scale
    assert there.estimate == pytest.approx(unit * here.estimate, abs=reach)
    assert there.standard_error == pytest.approx(unit * here.standard_error, abs=reach)
    assert here.tau2 is not None
    assert there.tau2 == pytest.approx(unit**2 * here.tau2, rel=1e-6, abs=1e-9 * scale**2)
    assert there.q == pytest.approx(here.q, rel=1e-9, abs=1e-9)


def _may_tie(*results: Pooled) -> bool:
    # two maxima of one height may be decided by the last bit, and so otherwise in other units
    return any("more than one maximum" in w for pooled in results for w in pooled.warnings)


@given(STUDIES, RANDOM, ANY_TEST, st.integers(-5, 5))
def test_moving_every_effect_moves_the_estimate_and_nothing_else(
    studies: list[tuple[float, float]], method: str, test: str, shift: int
) -> None:
    yi, vi = _columns(studies)
    here, there = (pool(y, vi, method=method, test=test) for y in (yi, yi + shift))
    assume(not _may_tie(here, there))
    assert there.estimate == pytest.approx(here.estimate + shift, abs=1e-6)
    assert there.tau2 == pytest.approx(here.tau2, rel=1e-6, abs=1e-9)


@given(STUDIES, RANDOM, ANY_TEST)
def test_prediction_interval_is_never_narrower_than_the_confidence_interval(
    studies: list[tuple[float, float]], method: str, test: str
) -> None:
    pooled = pool(*_columns(studies), method=method, test=test)
    assert pooled.prediction_interval is not None
    assert pooled.prediction_interval[0] <= pooled.interval[0] <= pooled.estimate
    assert pooled.estimate <= pooled.interval[1] <= pooled.prediction_interval[1]
    assert (pooled.prediction_interval == pooled.interval) is (pooled.tau2 == 0) or (
        pooled.tau2 is not None and pooled.tau2 < 1e-9
    )


@given(STUDIES, RANDOM)
def test_the_safeguard_is_never_narrower_than_t_nor_than_the_unguarded(
    studies: list[tuple[float, float]], method: str
) -> None:
    yi, vi = _columns(studies)
    width = {}
    for test in TESTS:
        low, high = pool(yi, vi, method=method, test=test).interval
        width[test] = high - low
    assert width["hksj"] >= width["t"] > width["z"]
    assert width["hksj"] >= width["hksj-unguarded"]
    assert width["hksj"] in (width["t"], width["hksj-unguarded"])


@given(STUDIES, RANDOM)
def test_weights_are_a_hundred_percent_and_the_estimate_is_their_mean(
    studies: list[tuple[float, float]], method: str
) -> None:
    yi, vi = _columns(studies)
    pooled = pool(yi, vi, method=method)
    assert sum(pooled.weights) == pytest.approx(100)
    mean = float(np.average(yi, weights=pooled.weights))
    assert pooled.estimate == pytest.approx(mean, abs=1e-12)
    assert yi.min() - 1e-12 <= pooled.estimate <= yi.max() + 1e-12


@given(STUDIES)
def test_paule_mandel_brings_q_to_its_degrees_of_freedom(
    studies: list[tuple[float, float]],
) -> None:
    yi, vi = _columns(studies)
    tau2 = pool(yi, vi, method="PM").tau2
    assert tau2 is not None
    weights = 1 / (vi + tau2)
    q = float(np.sum(weights * (yi - np.average(yi, weights=weights)) ** 2))
    if tau2 > 0:
        assert q == pytest.approx(yi.size - 1, rel=1e-9)
    else:
        assert q <= yi.size - 1


@given(STUDIES, st.sampled_from([0.5, 0.9, 0.99]))
def test_a_higher_level_gives_wider_intervals_of_everything(
    studies: list[tuple[float, float]], level: float
) -> None:
    yi, vi = _columns(studies)
    narrow, wide = pool(yi, vi, level=level), pool(yi, vi, level=level + 0.005)
    for name in ("interval", "prediction_interval"):
        inner, outer = getattr(narrow, name), getattr(wide, name)
        assert outer[0] < inner[0] < inner[1] < outer[1]
    for name in ("tau2_interval", "i2_interval", "h2_interval"):
        inner, outer = getattr(narrow, name), getattr(wide, name)
        assert outer[0] <= inner[0] <= inner[1] <= outer[1]


@given(STUDIES, RANDOM, ANY_TEST, st.randoms(use_true_random=False))
def test_the_order_of_studies_does_not_matter(
    studies: list[tuple[float, float]], method: str, test: str, order: Any
) -> None:
    shuffled = order.sample(studies, len(studies))
    here, there = (pool(*_columns(s), method=method, test=test) for s in (studies, shuffled))
    assume(not _may_tie(here, there))
    assert there.estimate == pytest.approx(here.estimate, abs=1e-6)
    assert there.tau2 == pytest.approx(here.tau2, rel=1e-6, abs=1e-9)
