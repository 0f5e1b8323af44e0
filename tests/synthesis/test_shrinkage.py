"""Predictions of each study's own effect."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.errors import EstimationError
from secondlook.synthesis import METHODS
from secondlook.synthesis.shrinkage import predict_studies

EFFECTS = st.integers(-3000, 3000).map(lambda milli: milli / 1000)
VARIANCES = st.integers(1, 2000).map(lambda milli: milli / 1000)
STUDIES = st.lists(st.tuples(EFFECTS, VARIANCES), min_size=2, max_size=8)


def test_two_studies_by_hand() -> None:
    # y = 0, 3 with v = 1, 2: tau² = 3, weights 1/4 and 1/5, mean 4/3, its variance 20/9 (DL and z)
    first, second = predict_studies([0, 3], [1, 2], method="DL", test="z").rows
    assert first.shrinkage == pytest.approx(1 / 4)
    assert first.estimate == pytest.approx(1 / 4 * 4 / 3)
    assert second.estimate == pytest.approx(3 / 5 * 3 + 2 / 5 * 4 / 3)
    # lambda v + (1 - lambda)² times the variance of the mean; of the departure, lambda² times it
    assert first.standard_error == pytest.approx(math.sqrt(3 / 4 + 20 / 9 / 16))
    assert first.departure_standard_error == pytest.approx(math.sqrt(3 / 4 + 9 / 16 * 20 / 9))
    reach = 1.959964 * first.standard_error  # the 97.5 % point of the normal distribution
    assert first.interval == pytest.approx((1 / 3 - reach, 1 / 3 + reach), abs=1e-6)
    assert first.departure == pytest.approx(1 / 3 - 4 / 3)


@given(STUDIES, st.sampled_from(list(METHODS)))
def test_a_prediction_lies_between_the_study_and_the_pooled_effect(
    studies: list[tuple[float, float]], method: str
) -> None:
    yi, vi = zip(*studies, strict=True)
    found = predict_studies(yi, vi, method=method)
    pooled = found.everything.estimate
    for row in found.rows:
        low, high = sorted((row.observed, pooled))
        assert low - 1e-9 <= row.estimate <= high + 1e-9
        assert 0 <= row.shrinkage <= 1
        assert row.departure == pytest.approx(row.estimate - pooled, abs=1e-9)


@given(STUDIES, st.sampled_from(list(METHODS)))
def test_departures_add_up_to_nothing_and_the_vaguer_study_is_drawn_further(
    studies: list[tuple[float, float]], method: str
) -> None:
    yi, vi = zip(*studies, strict=True)
    rows = predict_studies(yi, vi, method=method).rows
    assert sum(row.departure for row in rows) == pytest.approx(0, abs=1e-9)
    drawn = [row.shrinkage for _, row in sorted(zip(vi, rows, strict=True), key=lambda p: p[0])]
    assert drawn == sorted(drawn)


def test_a_common_effect_draws_every_study_all_the_way() -> None:
    found = predict_studies([0.0, 2.0], [1.0, 1.0], method="common", test="z")
    # the mean of two effects with variance 1 has variance 1/2
    for row in found.rows:
        assert (row.estimate, row.shrinkage, row.departure) == (1.0, 1.0, 0.0)
        assert row.standard_error == pytest.approx(math.sqrt(1 / 2))


def test_the_interval_uses_the_distribution_of_the_test() -> None:
    normal = predict_studies([0, 3], [1, 2], method="DL", test="z").rows[0]
    t = predict_studies([0, 3], [1, 2], method="DL", test="t").rows[0]
    # 12.706205 and 1.959964: the 97.5 % points of t with 1 degree of freedom and of the normal
    widths = [row.interval[1] - row.interval[0] for row in (t, normal)]
    assert widths[0] / widths[1] == pytest.approx(12.706205 / 1.959964, rel=1e-6)


def test_a_single_study_has_nothing_to_be_drawn_to() -> None:
    with pytest.raises(EstimationError, match='"Adam" is the only study'):
        predict_studies([0.1, math.nan], [0.1, 0.1], names=["Adam", "Raab"])


def test_predictions_print_and_become_rows_and_plain_data() -> None:
    found = predict_studies([0.1, 0.5, math.nan], [0.1, 0.1, 0.2], names=["A", "B", "C"])
    text = str(found)
    first = [line.split()[0] for line in text.splitlines() if line]
    assert first[:4] == ["Study", "A", "B", "(pooled)"]
    assert "tau² is taken as known" in text
    assert "Left out, effect or variance missing: C." in text
    plain = found.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    frame = found.to_frame()
    assert frame["low"].to_list() == [row.interval[0] for row in found.rows]
    assert frame["departure_high"].to_list() == [row.departure_interval[1] for row in found.rows]
