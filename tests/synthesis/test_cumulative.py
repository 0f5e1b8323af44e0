"""Pooling one study more at a time."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from secondlook.errors import EstimationError
from secondlook.synthesis import METHODS, TESTS, pool
from secondlook.synthesis.cumulative import cumulative


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("test", TESTS)
def test_every_step_is_the_pool_of_the_studies_so_far(method: str, test: str) -> None:
    random = np.random.default_rng(28)
    yi, vi = random.normal(0, 0.7, 7), random.uniform(0.05, 0.6, 7)
    for row in cumulative(yi, vi, method=method, test=test, level=0.9).rows:
        so_far = pool(yi[: row.k], vi[: row.k], method=method, test=test, level=0.9)
        for name in ("estimate", "standard_error", "tau2", "i2", "q", "p_value"):
            ours, theirs = getattr(row, name), getattr(so_far, name)
            assert ours == (None if theirs is None else pytest.approx(theirs, 1e-9, 1e-12)), name
        assert row.interval == pytest.approx(so_far.interval, rel=1e-9)
        prediction = so_far.prediction_interval
        assert row.prediction_interval == (prediction and pytest.approx(prediction, rel=1e-9))


def test_studies_are_added_by_their_number_and_ties_as_they_stand() -> None:
    found = cumulative(
        [3.0, 0.0, 0.1, 0.2], [0.1] * 4, order=[2010, 1994, 2001, 1994], names=list("ABCD")
    )
    assert [(row.added, row.k) for row in found.rows] == [("B", 1), ("D", 2), ("C", 3), ("A", 4)]
    # equal variances: the mean of what is there
    assert [row.estimate for row in found.rows[:3]] == pytest.approx([0, 0.1, 0.1])


def test_the_first_study_stands_alone() -> None:
    first = cumulative([0.5, 0.7], [0.04, 0.04]).rows[0]
    # 1.959964 is the 97.5 % point of the normal distribution
    assert first.interval == pytest.approx((0.5 - 0.3919928, 0.5 + 0.3919928), abs=1e-7)
    assert (first.tau2, first.i2, first.q_p_value, first.prediction_interval) == (None,) * 4


def test_a_single_study_is_a_single_step() -> None:
    assert [row.estimate for row in cumulative([0.5], [0.04]).rows] == [0.5]


def test_a_missing_row_is_named_and_its_place_in_the_order_falls_away() -> None:
    found = cumulative([0.3, math.nan, 0.1], [0.1] * 3, order=[3, 2, 1], names=["A", "B", "C"])
    assert [row.added for row in found.rows] == ["C", "A"]
    assert found.omitted == ("B",)
    assert found.warnings == ("Left out, effect or variance missing: B.",)


@pytest.mark.parametrize(
    "order", [[1, 2], [1, math.nan, 2], [1, math.inf, 2], ["a", "b", "c"], 3, [[1, 2, 3]]]
)
def test_an_order_that_is_no_order_is_refused_in_one_line(order: list[float]) -> None:
    with pytest.raises(EstimationError, match="order") as caught:
        cumulative([0.1, 0.2, 0.3], [0.1] * 3, order=order)
    assert len(str(caught.value).splitlines()) == 1


def test_improper_studies_are_refused_by_their_names() -> None:
    with pytest.raises(EstimationError, match=r"^B, vi: "):
        cumulative([0.1, 0.2], [0.1, -0.1], order=[2, 1], names=["A", "B"])
    with pytest.raises(EstimationError, match="not the same number of rows"):
        cumulative([0.1, 0.2], [0.1])
    with pytest.raises(EstimationError, match="pool, method"):
        cumulative([0.1, 0.2], [0.1, 0.1], method="reml")


def test_two_maxima_on_the_way_are_said() -> None:
    # the first five have two maxima (validation/metafor/reference.json)
    yi = [-0.93, 1.87, -0.09, -0.65, 0.05]
    found = cumulative(yi, [0.5, 0.5, 0.002, 0.2, 0.002], names=list("ABCDE"))
    said = [sentence for sentence in found.warnings if "more than one maximum" in sentence]
    assert len(said) == 1
    assert said[0].endswith("E.")


def test_steps_print_and_become_rows_and_plain_data() -> None:
    found = cumulative([0.1, 0.5, 0.9], [0.1, 0.1, 0.2], names=["A", "B", "C"])
    assert [line.split()[:2] for line in str(found).splitlines()[1:4]] == [
        ["A", "1"],
        ["B", "2"],
        ["C", "3"],
    ]
    assert "Hartung-Knapp" in str(found)
    plain = found.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    frame = found.to_frame()
    assert frame["high"].to_list() == [row.interval[1] for row in found.rows]
    assert frame["prediction_low"].is_null().to_list() == [True, False, False]
