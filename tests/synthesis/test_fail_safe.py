"""Fail-safe N."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from secondlook.errors import EstimationError
from secondlook.synthesis.small_studies import FAIL_SAFE_METHODS, fail_safe_n

EFFECTS = st.integers(-3000, 3000).map(lambda milli: milli / 1000)
VARIANCES = st.integers(1, 2000).map(lambda milli: milli / 1000)
STUDIES = st.lists(st.tuples(EFFECTS, VARIANCES), min_size=1, max_size=9)


def test_worked_by_hand() -> None:
    # z = 2, 3, 4: (9/1.6449)² - 3 = 26.94, and 27 studies
    yi, vi = [2.0, 3.0, 4.0], [1.0, 1.0, 1.0]
    assert fail_safe_n(yi, vi).number == 27
    # the common effect 3, its standard error 1/sqrt(3): 3·((9/1.96)² - 3)/3 = 18.09
    assert fail_safe_n(yi, vi, method="Rosenberg").number == 19
    # to halve a mean takes as many studies again
    assert fail_safe_n(yi, vi, method="Orwin").number == 3
    # from 3 down to 0.7: 3·2.3/0.7 = 9.86
    assert fail_safe_n(yi, vi, method="Orwin", target=0.7).number == 10


def test_a_number_that_is_whole_but_for_rounding_is_not_raised() -> None:
    assert fail_safe_n([0.3, 0.3, 0.3], [0.1] * 3, method="Orwin", target=0.1).number == 6


def test_weights_count_in_the_weighted_mean_alone() -> None:
    yi, vi = [1.0, 0.2], [1.0, 0.01]
    plain = fail_safe_n(yi, vi, method="Orwin", target=0.1)
    weighted = fail_safe_n(yi, vi, method="weighted-Orwin", target=0.1)
    assert plain.mean_effect == pytest.approx(0.6)
    assert weighted.mean_effect == pytest.approx(21 / 101)
    assert plain.number == 10
    assert weighted.number == 3  # 2·(21/101 - 0.1)/0.1 = 2.16


@settings(max_examples=100, deadline=None)
@given(STUDIES, st.sampled_from([0.01, 0.05]))
def test_so_many_studies_undo_significance_and_one_fewer_do_not(
    studies: list[tuple[float, float]], alpha: float
) -> None:
    yi, vi = np.array(studies).T
    number = fail_safe_n(yi, vi, alpha=alpha).number
    assert number is not None
    total = abs(float(np.sum(yi / np.sqrt(vi))))
    assert ndtr(-total / math.sqrt(yi.size + number)) >= alpha - 1e-9
    if number > 0:
        assert ndtr(-total / math.sqrt(yi.size + number - 1)) <= alpha + 1e-9


@settings(max_examples=100, deadline=None)
@given(STUDIES, st.floats(0.01, 1.0))
def test_so_many_null_studies_bring_the_mean_to_its_target(
    studies: list[tuple[float, float]], target: float
) -> None:
    yi, vi = np.array(studies).T
    found = fail_safe_n(yi, vi, method="Orwin", target=target)
    assert found.number is not None
    mean = abs(yi.sum()) / (yi.size + found.number)
    assert mean <= target * (1 + 1e-7) or found.number == 0
    if found.number > 0:
        assert abs(yi.sum()) / (yi.size + found.number - 1) >= target * (1 - 1e-7)


@settings(max_examples=100, deadline=None)
@given(STUDIES, st.sampled_from(list(FAIL_SAFE_METHODS)))
def test_neither_sign_nor_units_matter(studies: list[tuple[float, float]], method: str) -> None:
    yi, vi = np.array(studies).T
    before = fail_safe_n(yi, vi, method=method).number
    assert fail_safe_n(-yi, vi, method=method).number == before
    assert fail_safe_n(2.0**40 * yi, 2.0**80 * vi, method=method).number == before


def test_no_number_of_studies_brings_a_mean_to_nothing() -> None:
    found = fail_safe_n([0.3, 0.5], [0.1, 0.1], method="Orwin", target=0)
    assert found.number is None
    assert "no number of studies" in str(found)


def test_a_result_that_is_not_significant_has_nothing_to_undo() -> None:
    found = fail_safe_n([0.1, -0.1], [1.0, 1.0])
    assert found.number == 0
    assert any("nothing to undo" in sentence for sentence in found.warnings)


@pytest.mark.parametrize("method", FAIL_SAFE_METHODS)
def test_every_result_says_why_it_is_not_to_be_relied_on(method: str) -> None:
    found = fail_safe_n([0.3, 0.5, float("nan")], [0.1, 0.1, 0.1], method=method)
    assert "should not be relied on" in str(found)
    assert found.omitted == ("study 3",)
    assert found.to_frame()["method"].to_list() == [method]
    json.dumps(found.to_dict(), allow_nan=False)


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(EstimationError, match="Rosenthal, Rosenberg"):
        fail_safe_n([0.3], [0.1], method="General")
    with pytest.raises(EstimationError) as raised:
        fail_safe_n([0.3], [0.1], alpha=0.5, target=math.nan)
    assert len(raised.value.problems) == 2
