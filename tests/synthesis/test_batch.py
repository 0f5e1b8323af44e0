"""Many data sets pooled at once are the data sets pooled one by one."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import secondlook.synthesis.batch as batch
from secondlook.synthesis import METHODS, TESTS, Pooled, pool
from secondlook.synthesis.batch import pool_many
from secondlook.synthesis.batch_result import PooledMany

Floats = NDArray[np.float64]

QUANTITIES = (
    "estimate",
    "standard_error",
    "interval",
    "prediction_interval",
    "tau2",
    "i2",
    "h2",
    "q",
    "q_p_value",
    "statistic",
    "degrees_of_freedom",
    "p_value",
    "variance_factor",
    "k",
)
OWN_UNIT = {"i2", "h2", "q", "q_p_value", "p_value", "statistic", "variance_factor"}


def _same(many: PooledMany, index: int, one: Pooled) -> None:
    # relative to the number itself, or to what one study of this data set can be off by
    unit = float(np.sqrt(np.min(one.vi)))
    for name in QUANTITIES:
        theirs = getattr(one, name)
        column = getattr(many, name)
        ours = np.atleast_1d(np.nan if column is None else column[index])
        if theirs is None:
            assert np.isnan(ours).all(), name
            continue
        scale = 1.0 if name in OWN_UNIT else unit**2 if name == "tau2" else unit
        assert ours.tolist() == pytest.approx(np.atleast_1d(theirs).tolist(), 1e-10, 1e-10 * scale)


def _drawn(seed: int, sets: int, studies: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    random = np.random.default_rng(seed)
    vi = 10 ** random.uniform(-2.5, 0.5, (sets, studies))
    tau2 = random.choice([0.0, 0.05, 0.5], (sets, 1))
    keep = random.random((sets, studies)) < 0.7
    keep[np.arange(sets), random.integers(0, studies, sets)] = True
    return random.normal(0.3, np.sqrt(vi + tau2)), vi, keep


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("test", TESTS)
def test_every_number_of_every_data_set_is_that_of_pool(method: str, test: str) -> None:
    yi, vi, keep = _drawn(20, 60, 8)
    keep[0], keep[1] = np.arange(8) == 3, np.arange(8) < 2  # one study, two studies
    many = pool_many(yi, vi, keep=keep, method=method, test=test, level=0.9)
    for i, kept in enumerate(keep):
        one = pool(yi[i, kept], vi[i, kept], method=method, test=test, level=0.9)
        _same(many, i, one)
        several = any("more than one maximum" in sentence for sentence in one.warnings)
        assert bool(many.several_maxima[i]) is several


STUDIES = st.lists(
    st.tuples(st.integers(-3000, 3000), st.integers(1, 10**7)), min_size=1, max_size=6
)


@given(st.lists(STUDIES, min_size=1, max_size=4), st.sampled_from(list(METHODS)))
def test_data_sets_of_any_size_stand_side_by_side(
    sets: list[list[tuple[int, int]]], method: str
) -> None:
    widest = max(map(len, sets))
    yi, vi = np.full((2, len(sets), widest), np.nan)
    for i, studies in enumerate(sets):
        yi[i, : len(studies)], vi[i, : len(studies)] = np.array(studies).T * [[1e-3], [1e-6]]
    many = pool_many(yi, vi, method=method)
    for i, studies in enumerate(sets):
        one = pool(yi[i, : len(studies)], vi[i, : len(studies)], method=method)
        if not any("more than one maximum" in sentence for sentence in one.warnings):
            _same(many, i, one)  # two maxima of one height may be decided by the last bit


@pytest.mark.parametrize("method", METHODS)
def test_other_units_change_nothing_but_the_units(method: str) -> None:
    yi, vi, keep = _drawn(21, 40, 7)
    units = 10.0 ** np.linspace(-60, 60, 40)[:, None]
    here = pool_many(yi, vi, keep=keep, method=method)
    there = pool_many(units * yi, units**2 * vi, keep=keep, method=method)
    assert there.estimate == pytest.approx(units[:, 0] * here.estimate, rel=1e-9)
    assert there.standard_error == pytest.approx(units[:, 0] * here.standard_error, rel=1e-9)
    assert there.p_value == pytest.approx(here.p_value, rel=1e-9)
    beyond = here.tau2 > 0
    assert (there.tau2 / units[:, 0] ** 2)[beyond] == pytest.approx(here.tau2[beyond], rel=1e-9)


def test_absence_by_mask_by_a_missing_effect_and_by_a_missing_variance_are_one() -> None:
    yi, vi, keep = _drawn(22, 30, 6)
    by_mask = pool_many(yi, vi, keep=keep)
    by_effect = pool_many(np.where(keep, yi, np.nan), vi)
    by_variance = pool_many(yi, np.where(keep, vi, np.nan), keep=keep)
    for other in (by_effect, by_variance):
        for name in QUANTITIES:
            np.testing.assert_array_equal(getattr(other, name), getattr(by_mask, name))
    assert (by_mask.absent, by_effect.absent) == (0, int(np.count_nonzero(~keep)))
    assert by_variance.absent == 0
    assert f"{by_effect.absent}: effects or variances are missing" in by_effect.warnings[0]


def test_what_stands_in_the_place_of_an_absent_study_does_not_matter() -> None:
    yi, vi, keep = _drawn(23, 30, 6)
    strange = np.where(keep, yi, np.inf), np.where(keep, vi, -1.0)
    for name in QUANTITIES:
        here, there = (getattr(pool_many(*data, keep=keep), name) for data in ((yi, vi), strange))
        np.testing.assert_array_equal(here, there)


def test_effects_and_variances_that_all_data_sets_share_are_given_once() -> None:
    yi, vi, keep = _drawn(24, 30, 6)
    once = pool_many(yi[0], vi[0], keep=keep)
    often = pool_many(np.tile(yi[0], (30, 1)), np.tile(vi[0], (30, 1)), keep=keep)
    np.testing.assert_array_equal(once.estimate, often.estimate)
    assert len(pool_many(yi, vi[0])) == 30
    assert len(pool_many(yi[0], vi[0])) == 1


@pytest.mark.parametrize("method", ["REML", "PM"])
def test_how_many_are_worked_on_at_once_changes_nothing_but_rounding(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    yi, vi, keep = _drawn(25, 50, 7)
    here = pool_many(yi, vi, keep=keep, method=method)
    monkeypatch.setattr(batch, "_BLOCK", 30)
    there = pool_many(yi, vi, keep=keep, method=method)
    for name in QUANTITIES:
        np.testing.assert_allclose(getattr(there, name), getattr(here, name), 1e-11, 1e-13)


def test_two_studies_by_hand() -> None:
    # y = 0, 2 and v = 1, 1: s² = 2, tau² = 1, mean 1, variance of the mean (1 + 1)/2 = 1
    found = pool_many([[0.0, 2.0], [5.0, 9.0]], [1.0, 1.0], test="t")
    # y = 5, 9: s² = 8, tau² = 7, mean 7, variance (1 + 7)/2 = 4; t with 1 df: 12.7062
    assert found.tau2.tolist() == pytest.approx([1, 7], rel=1e-14)
    assert found.estimate.tolist() == pytest.approx([1, 7], rel=1e-15)
    assert found.standard_error.tolist() == pytest.approx([1, 2], rel=1e-15)
    assert found.interval[1].tolist() == pytest.approx([7 - 25.4124, 7 + 25.4124], abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_equal_effects_have_no_heterogeneity_whatever_their_last_bits(method: str) -> None:
    found = pool_many([[0.3, 0.1 + 0.2, 0.3], [1.0, 1.0, 1.0]], [0.1, 0.2, 0.3], method=method)
    assert found.tau2 == pytest.approx([0, 0], abs=1e-30)
    assert found.q_p_value == pytest.approx([1, 1])
    # 1/0.1 + 1/0.2 + 1/0.3 = 55/3
    assert found.standard_error == pytest.approx(np.full(2, np.sqrt(3 / 55)))


def test_a_standard_error_of_0_leaves_no_test_and_is_said() -> None:
    found = pool_many([[0.3, 0.1 + 0.2, 0.3]] * 2, [0.1, 0.2, 0.3], test="hksj-unguarded")
    assert found.standard_error.tolist() == [0, 0]
    assert np.isnan(found.statistic).all()
    assert np.isnan(found.p_value).all()
    assert "2: data sets have a standard error of 0" in found.warnings[0]


def test_a_study_with_nearly_all_the_weight_costs_no_digits() -> None:
    # the moment estimator worked in fractions, for the data of test_worked_by_hand.py and for the
    # same with the precise study last
    y = [Fraction(one) for one in ("0.1", "0.9", "-0.7", "0.4")]
    v = [Fraction(one) for one in ("0.0000001", "0.3", "0.2", "0.5")]
    w = [1 / one for one in v]
    total = sum(w)
    trace = total - sum(one**2 for one in w) / total
    mean = sum(a * b for a, b in zip(w, y, strict=True)) / total
    q = sum(a * (b - mean) ** 2 for a, b in zip(w, y, strict=True))
    order = [[0, 1, 2, 3], [3, 2, 1, 0]]
    yi, vi = (np.array([float(one) for one in column])[order] for column in (y, v))
    found = pool_many(yi, vi, method="DL")
    assert found.tau2 == pytest.approx(np.full(2, float((q - 3) / trace)), rel=1e-13)


def test_a_common_effect_has_no_prediction_interval() -> None:
    found = pool_many([[0.0, 2.0]], [1.0, 1.0], method="common")
    assert found.prediction_interval is None
    assert (found.i2.tolist(), found.h2.tolist(), found.tau2.tolist()) == ([50], [2], [0])
    assert "prediction_low" not in found.to_frame().columns


def test_plain_data_and_rows_hold_none_where_there_is_no_number() -> None:
    found = pool_many([[0.1, 0.5, 0.9], [0.1, np.nan, np.nan]], [0.1, 0.1, 0.2])
    plain: dict[str, Any] = found.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["tau2"][1] is None
    assert plain["prediction_interval"][1] == [None, None]
    frame = found.to_frame()
    assert frame["tau2"].is_null().to_list() == [False, True]
    assert frame["low"].to_list() == found.interval[:, 0].tolist()
    assert frame["k"].to_list() == [3, 1]


def test_a_batch_prints_how_its_numbers_are_spread() -> None:
    # common effect of y = (0, 0), (1, 1), ..., (4, 4) with v = 2, 2: estimates 0 to 4, error 1
    yi = np.repeat(np.arange(5.0)[:, None], 2, axis=1)
    text = str(pool_many(yi, [2.0, 2.0], method="common", test="z"))
    assert "Common effect: 5 data sets of 2 studies" in text
    row = next(line for line in text.splitlines() if "estimate" in line)
    assert row.split()[1:] == ["0.0000", "1.0000", "2.0000", "3.0000", "4.0000"]
    assert "tau² is taken to be 0" in text
    alone = str(pool_many([[0.1], [0.2]], [1.0]))
    assert "2: data sets hold a single study" in alone
    assert "–" in alone
