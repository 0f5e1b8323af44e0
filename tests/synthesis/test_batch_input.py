"""What a batch refuses, and how it says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from secondlook.errors import EstimationError
from secondlook.synthesis.batch import pool_many
from secondlook.synthesis.batch_variance import BATCH_METHODS
from secondlook.synthesis.pooling import METHODS

NAN = float("nan")
TRUE = [True, True]


def test_there_is_a_batch_for_every_method_of_pooling() -> None:
    assert set(METHODS) == set(BATCH_METHODS)


@pytest.mark.parametrize(
    ("yi", "vi", "keep"),
    [
        ([[0.1, 0.2]], [0.1], None),
        ([[0.1, 0.2]], [0.1, 0.1, 0.1], None),
        ([[0.1, 0.2]] * 2, [[0.1, 0.1]] * 3, None),
        ([[0.1, 0.2]], [0.1, 0.1], [[True]]),
        ([[0.1, 0.2]] * 2, [0.1, 0.1], [TRUE] * 3),
        ([[0.1, 0.2]], [0.1, 0.1], [[1, 1]]),
        ([[0.1, 0.2]], [0.1, 0.1], [TRUE, [True]]),
        ([[0.1, 0.2]], [0.1, 0.1], True),
        ([[0.1, 0.2], [0.3]], [0.1, 0.1], None),
        (0.1, [0.1, 0.1], None),
        ([[[0.1, 0.2]]], [0.1, 0.1], None),
        ([["many", "few"]], [0.1, 0.1], None),
        ([[0.1 + 2j, 0.2]], [0.1, 0.1], None),
        (np.ma.MaskedArray([[0.1, 99.0]], mask=[[False, True]]), [0.1, 0.1], None),
        ([], [], None),
        (np.empty((0, 3)), [0.1, 0.1, 0.1], None),
    ],
)
def test_tables_that_do_not_belong_together_are_refused_in_one_line(
    yi: Any, vi: Any, keep: Any
) -> None:
    with pytest.raises(EstimationError, match="pool_many, ") as caught:
        pool_many(yi, vi, keep=keep)
    assert len(str(caught.value).splitlines()) == 1


def test_every_improper_number_is_named_by_data_set_and_study() -> None:
    yi = [[0.1, np.inf, 0.3], [0.1, 0.2, 0.3], [NAN, 0.2, 0.3]]
    vi = [[0.1, 0.1, 0.0], [0.1, -0.2, np.inf], [-1.0, 0.1, 0.1]]
    with pytest.raises(EstimationError) as caught:
        pool_many(yi, vi)
    lines = [line.split(": ")[0] for line in str(caught.value).splitlines()]
    assert lines == [
        "pool_many, data set 1, study 2, yi",
        "pool_many, data set 1, study 3, vi",
        "pool_many, data set 2, study 2, vi",
        "pool_many, data set 2, study 3, vi",
    ]


def test_of_ten_thousand_improper_numbers_twenty_are_named() -> None:
    with pytest.raises(EstimationError) as caught:
        pool_many(np.zeros((1000, 10)), np.zeros(10))
    assert len(caught.value.problems) == 20


def test_a_data_set_without_studies_is_named() -> None:
    with pytest.raises(EstimationError, match="data set 2: has no study; leave") as caught:
        pool_many([[0.1, 0.2], [NAN, 0.2]], [0.1, 0.1], keep=[[True, True], [True, False]])
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("option", "value"), [("method", "reml"), ("test", "knha"), ("level", 95), ("level", None)]
)
def test_an_unknown_option_is_refused_as_pool_refuses_it(option: str, value: Any) -> None:
    with pytest.raises(EstimationError, match=f"pool, {option}: "):
        pool_many([[0.1, 0.2]], [0.1, 0.1], **{option: value})


@pytest.mark.parametrize(
    ("yi", "vi"), [([1, 2], [1.0, 1e-120]), ([1, 1e60], [2.0, 1.0]), ([1, 2], [1e300, 5e-324])]
)
def test_numbers_too_far_apart_are_refused_by_data_set(yi: list[float], vi: list[float]) -> None:
    with pytest.raises(EstimationError, match="data set 2: holds numbers too far apart"):
        pool_many(np.array([[1, 2], yi]), np.array([[1, 1], vi]))


def test_a_result_no_double_can_hold_is_refused_by_data_set() -> None:
    # tau² is half the square of 1e155
    with pytest.raises(EstimationError, match="data set 2: leads to a result that no double"):
        pool_many([[0.0, 1.0], [0.0, 1e155]], [[1.0, 1.0], [1e300, 1e300]])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("variance", [1e-190, 1e-99])
def test_numbers_of_any_size_are_no_trouble_where_they_are_of_one_size(
    method: str, variance: float
) -> None:
    # y = 0 and 3 sd with v = 1 and 2: s² = 4.5 and tau² = 3 by the estimators that use squares
    scale = np.sqrt(variance)
    found = pool_many([[0, 3 * scale]], [[variance, 2 * variance]], method=method)
    here = pool_many([[0, 3.0]], [[1.0, 2.0]], method=method)
    assert found.tau2 / variance == pytest.approx(here.tau2, rel=1e-12)
    if method in ("REML", "DL", "PM"):
        assert here.tau2 == pytest.approx([3], rel=1e-12)
