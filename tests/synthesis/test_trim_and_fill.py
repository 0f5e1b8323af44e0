"""Trim and fill."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook.errors import EstimationError
from secondlook.synthesis import pool
from secondlook.synthesis.small_studies import TrimAndFill, trim_and_fill

YI = [-0.1, -0.2, -0.15, -0.5, -0.6, -0.9, -1.2]
VI = [0.01, 0.02, 0.02, 0.1, 0.2, 0.3, 0.5]

EFFECTS = st.integers(-3000, 3000).map(lambda milli: milli / 1000)
VARIANCES = st.integers(1, 2000).map(lambda milli: milli / 1000)
STUDIES = st.lists(st.tuples(EFFECTS, VARIANCES), min_size=3, max_size=9, unique=True)
ESTIMATORS = st.sampled_from(["L0", "R0", "Q0"])
METHODS = st.sampled_from(["common", "DL", "REML"])


def _trimmed(
    studies: list[tuple[float, float]], sign: float, estimator: str, side: str, method: str
) -> TrimAndFill | None:
    table = np.array(studies)
    try:
        return trim_and_fill(
            sign * table[:, 0], table[:, 1], estimator=estimator, side=side, method=method
        )
    except EstimationError:
        return None  # a count that does not settle, or has no solution


def test_equal_variances_worked_by_hand() -> None:
    # the mean of 0, 1, 2, 3, 9 is 3; distances -3, -2, -1, 0, 6 have signed ranks -4, -3, -2, 0, 5,
    # so that (4·5 - 30)/9 is below 0 and none are missing; the rightmost run is 5 - 4 - 1 = 0
    for estimator in ("L0", "R0"):
        found = trim_and_fill(
            [0.0, 1.0, 2.0, 3.0, 9.0], [1.0] * 5, estimator=estimator, side="left", method="common"
        )
        assert found.missing == 0
        assert found.filled == found.observed
    # 5 is nearer to the mean 2.66 of all seven than the four small ones are: R0 is 7 - 5 - 1 = 1.
    # To the mean 1.93 without 7 the small ones are the nearest, and R0 is 7 - 4 - 1 = 2, as it is
    # for the mean 1.12 without 7 and 6
    found = trim_and_fill(
        [0.0, 0.1, 0.2, 0.3, 5.0, 6.0, 7.0], [1.0] * 7, estimator="R0", side="left", method="common"
    )
    assert found.missing == 2
    assert found.missing_p_value == 1 / 8
    assert sorted(found.filled.yi[7:]) == pytest.approx([2 * 1.12 - 7, 2 * 1.12 - 6])


def test_filled_studies_are_mirror_images_of_the_most_extreme() -> None:
    found = trim_and_fill(YI, VI)
    assert found.side == "right"
    assert found.missing == 3
    added = np.array(found.filled.yi[7:])
    extreme = np.array([-0.6, -0.9, -1.2])
    centres = (np.sort(added) + np.sort(extreme)[::-1]) / 2
    assert centres == pytest.approx([centres[0]] * 3)
    kept = pool(YI[:4], VI[:4])
    assert centres[0] == pytest.approx(kept.estimate)
    assert sorted(found.filled.vi[7:]) == [0.2, 0.3, 0.5]
    assert found.filled.names[7:] == ("filled 1", "filled 2", "filled 3")


@settings(max_examples=50, deadline=None)
@given(STUDIES, ESTIMATORS, METHODS)
def test_the_other_sign_of_the_effects_is_the_other_side(
    studies: list[tuple[float, float]], estimator: str, method: str
) -> None:
    left = _trimmed(studies, 1.0, estimator, "left", method)
    right = _trimmed(studies, -1.0, estimator, "right", method)
    assert (left is None) == (right is None)
    if left is None or right is None:
        return
    assert left.missing == right.missing
    assert left.filled.estimate == pytest.approx(-right.filled.estimate, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(STUDIES, ESTIMATORS, METHODS)
def test_what_is_filled_is_pooled_with_what_was_seen(
    studies: list[tuple[float, float]], estimator: str, method: str
) -> None:
    found = _trimmed(studies, 1.0, estimator, "left", method)
    if found is None:
        return
    assert found.filled.k == len(studies) + found.missing
    assert found.filled.yi[: len(studies)] == tuple(y for y, _ in studies)
    if found.missing:
        assert max(found.filled.yi[len(studies) :]) < max(found.filled.yi[: len(studies)])


@settings(max_examples=50, deadline=None)
@given(STUDIES, ESTIMATORS, st.sampled_from([2.0**-40, 2.0**30]))
def test_units_do_not_matter(
    studies: list[tuple[float, float]], estimator: str, unit: float
) -> None:
    scaled = [(unit * y, unit**2 * v) for y, v in studies]
    before = _trimmed(studies, 1.0, estimator, "right", "REML")
    after = _trimmed(scaled, 1.0, estimator, "right", "REML")
    if before is None or after is None:
        assert before is after
        return
    assert after.missing == before.missing
    assert after.filled.estimate == pytest.approx(unit * before.filled.estimate, rel=1e-9)


def test_a_symmetric_funnel_lacks_nothing() -> None:
    yi = np.array([-1.42, -0.9, -0.52, -0.2, 0.003, 0.21, 0.5, 0.93, 1.4])
    vi = np.append(0.01, np.delete(yi, 4) ** 2)[[1, 2, 3, 4, 0, 5, 6, 7, 8]]
    for estimator in ("L0", "R0"):
        for side in ("left", "right"):
            assert trim_and_fill(yi, vi, estimator=estimator, side=side).missing == 0


def test_only_the_run_has_a_test_that_none_are_missing() -> None:
    found = trim_and_fill(YI, VI, estimator="R0")
    assert found.missing_p_value == 0.5 ** (found.missing + 1)
    assert trim_and_fill(YI, VI, estimator="L0").missing_p_value is None


def test_equal_effects_lack_nothing() -> None:
    for estimator in ("L0", "R0"):
        found = trim_and_fill([0.3] * 5, VI[:5], estimator=estimator, side="left")
        assert found.missing == 0


def test_the_result_prints_itself_and_warns_that_filled_studies_are_no_data() -> None:
    found = trim_and_fill(YI, VI, names=list("abcdefg"))
    assert "missing on the right" in str(found)
    assert any("no data" in sentence for sentence in found.warnings)
    assert any("not proof" in sentence for sentence in found.warnings)
    assert found.to_frame()["filled"].to_list() == [False] * 7 + [True] * 3
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_missing_row_is_left_out_and_named() -> None:
    found = trim_and_fill([*YI, float("nan")], [*VI, 0.1])
    assert found.omitted == ("study 8",)
    assert any("study 8" in sentence for sentence in found.warnings)


def test_what_cannot_be_done_is_refused_in_one_line() -> None:
    with pytest.raises(EstimationError, match="L0, R0, Q0"):
        trim_and_fill(YI, VI, estimator="S0")
    with pytest.raises(EstimationError, match="left, right"):
        trim_and_fill(YI, VI, side="both")
    with pytest.raises(EstimationError, match="give at least 2"):
        trim_and_fill(YI[:1], VI[:1])
    with pytest.raises(EstimationError, match="say on which side"):
        trim_and_fill(YI[:2], VI[:2])
    with pytest.raises(EstimationError, match="same in every study"):
        trim_and_fill(YI, [0.1] * 7)
    with pytest.raises(EstimationError, match="method"):
        trim_and_fill(YI, VI, method="EE")
