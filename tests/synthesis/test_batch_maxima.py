"""The maximum of the likelihood that a batch takes is the highest there is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from secondlook.synthesis.batch import pool_many
from secondlook.synthesis.likelihood_bounds import Points, Stretches
from secondlook.synthesis.only_maximum import only_maximum
from secondlook.synthesis.study_columns import Columns, moments

Floats = NDArray[np.float64]

# Precise and imprecise studies that disagree, as pinned in validation/metafor/reference.json: the
# restricted likelihood has two maxima inside, two inside, and one at 0 and one inside.
TWO_MAXIMA = (
    ([-0.93, 1.87, -0.09, -0.65, 0.05], [0.5, 0.5, 0.002, 0.2, 0.002]),
    ([1.77, -0.17, -0.54, 0.13, 0.01, -0.03, -3.37], [1, 0.005, 1, 0.002, 0.001, 0.001, 0.5]),
    ([-0.32, 1.84, -0.07, -0.01], [0.5, 0.2, 0.005, 0.001]),
)

EFFECTS = st.integers(-3000, 3000).map(lambda milli: milli / 1000)
DECADES = st.floats(-4, 0.5).map(lambda power: 10.0**power)
STUDIES = st.lists(st.tuples(EFFECTS, DECADES), min_size=2, max_size=7)
RESTRICTED = st.booleans()


def _table(studies: list[tuple[float, float]]) -> tuple[Floats, Floats]:
    yi, vi = np.array(studies).T
    return np.ascontiguousarray(yi), np.ascontiguousarray(vi)


def _log_likelihood(tau2: Floats, yi: Floats, vi: Floats, restricted: bool) -> Floats:
    # from the definition, matrix by matrix
    values = []
    for one in tau2:
        inverse = np.diag(1 / (vi + one))
        column = np.ones((yi.size, 1))
        information = (column.T @ inverse @ column).item()
        away = yi - (column.T @ inverse @ yi).item() / information
        determinant = np.linalg.slogdet(inverse)[1] - restricted * np.log(information)
        values.append(0.5 * (determinant - away @ inverse @ away))
    return np.array(values)


def _slope(tau2: float, yi: Floats, vi: Floats, restricted: bool) -> float:
    # twice the derivative, by the projection matrix itself
    weights = 1 / (vi + tau2)
    projection = np.diag(weights) - np.outer(weights, weights) / weights.sum()
    residual = projection @ yi
    falls = np.trace(projection) if restricted else weights.sum()
    return float(residual @ residual - falls)


@given(STUDIES, RESTRICTED)
def test_no_tau2_anywhere_is_more_likely(
    studies: list[tuple[float, float]], restricted: bool
) -> None:
    yi, vi = _table(studies)
    found = pool_many(yi, vi, method="REML" if restricted else "ML").tau2
    everywhere = np.concatenate([[0.0], np.geomspace(1e-7, 100, 400)])
    best = _log_likelihood(found, yi, vi, restricted)[0]
    assert best >= _log_likelihood(everywhere, yi, vi, restricted).max() - 1e-9


@pytest.mark.parametrize(("yi", "vi"), TWO_MAXIMA)
def test_a_second_maximum_is_seen_and_the_higher_taken(yi: list[float], vi: list[float]) -> None:
    found = pool_many(yi, vi)
    assert found.several_maxima.tolist() == [True]
    grid = np.concatenate([[0.0], np.geomspace(1e-6, 100, 4000)])
    heights = _log_likelihood(grid, np.array(yi), np.array(vi), True)
    assert found.tau2[0] == pytest.approx(grid[heights.argmax()], rel=0.01)
    assert "1: data sets have a likelihood of tau² with more than one maximum." in found.warnings


def test_the_higher_of_two_maxima_is_the_one_metafor_finds_from_the_right_start() -> None:
    # metafor 3.8-1 started at 0.0097 and at its default reaches 0.0097 and 0.3159
    assert pool_many(*TWO_MAXIMA[0]).tau2[0] == pytest.approx(0.0097, abs=5e-5)


def test_data_sets_with_two_maxima_and_with_one_do_not_disturb_each_other() -> None:
    alone = [pool_many(*data).tau2[0] for data in TWO_MAXIMA]
    yi, vi = np.full((2, 6, 7), np.nan)
    for i, (effects, variances) in enumerate(TWO_MAXIMA):
        yi[2 * i, : len(effects)], vi[2 * i, : len(effects)] = effects, variances
        yi[2 * i + 1, :2], vi[2 * i + 1, :2] = [0.0, 2.0], [1.0, 1.0]
    together = pool_many(yi, vi)
    assert together.several_maxima.tolist() == [True, False] * 3
    # two equally precise studies: half the squared difference less the variance
    assert together.tau2 == pytest.approx([alone[0], 1, alone[1], 1, alone[2], 1], rel=1e-12)


def _columns(yi: Floats, vi: Floats) -> Columns:
    order = vi.argsort()
    away, variances = yi[order] - yi[order[0]], vi[order]
    return Columns(away[1:, None], variances[1:, None], variances[:1], np.array([float(yi.size)]))


@given(STUDIES, RESTRICTED)
def test_the_sums_are_those_of_the_projection_matrix(
    studies: list[tuple[float, float]], restricted: bool
) -> None:
    yi, vi = _table(studies)
    tau2 = 0.07
    found = moments(_columns(yi, vi), np.array([tau2]), restricted=restricted)
    weights = np.diag(1 / (vi + tau2))
    whole = np.ones((yi.size, yi.size))
    projection = weights - weights @ whole @ weights / weights.sum()
    falling = projection if restricted else weights
    residual = projection @ yi
    scale = vi.min() + tau2
    expected = {
        "pull": scale**2 * (residual @ residual),
        "bend": scale**3 * (residual @ projection @ residual),
        "trace": scale * np.trace(falling),
        "norm": scale**2 * np.trace(falling @ falling),
    }
    noise = 1e-13 * float(np.abs(yi).max() ** 2 + 1)
    for name, value in expected.items():
        assert getattr(found, name)[0] == pytest.approx(value, rel=1e-9, abs=noise), name


@given(STUDIES, RESTRICTED, st.floats(-4, 1), st.floats(0.01, 4))
def test_where_the_bounds_say_there_is_no_turn_there_is_none(
    studies: list[tuple[float, float]], restricted: bool, start: float, width: float
) -> None:
    yi, vi = _table(studies)
    columns = _columns(yi, vi)
    ends = 10.0 ** np.array([start, start + width])
    if np.ptp(yi) == 0:
        return
    left, right = (Points.at(columns, ends[i : i + 1], restricted=restricted) for i in range(2))
    stretch = Stretches(np.zeros(1, dtype=np.intp), left, right, left.rising(), right.rising())
    if stretch.settled()[0]:
        inside = np.geomspace(ends[0], ends[1], 25)[1:-1]
        slopes = np.array([_slope(one, yi, vi, restricted) for one in inside])
        scale = np.array([(1 / (vi + one)).sum() for one in inside])
        turned = -slopes if left.rising()[0] else slopes
        assert np.all(turned <= 1e-9 * scale)


@given(STUDIES, RESTRICTED)
def test_the_only_maximum_of_one_data_set_is_that_of_the_batch_or_is_left_open(
    studies: list[tuple[float, float]], restricted: bool
) -> None:
    yi, vi = _table(studies)
    alone = only_maximum(yi, vi, restricted=restricted)
    together = pool_many(yi, vi, method="REML" if restricted else "ML")
    if alone is not None:
        assert not together.several_maxima[0]
        assert together.tau2[0] == pytest.approx(alone, rel=1e-9, abs=1e-13 * float(vi.min()))


@pytest.mark.parametrize(("yi", "vi"), TWO_MAXIMA)
def test_one_of_two_maxima_is_never_called_the_only_one(yi: list[float], vi: list[float]) -> None:
    assert only_maximum(np.array(yi), np.array(vi)) is None


def test_the_only_maximum_is_found_at_once_in_ordinary_data() -> None:
    random = np.random.default_rng(26)
    vi = random.uniform(0.02, 0.4, (200, 15))
    yi = random.normal(0.3, np.sqrt(vi + 0.2))
    found = [only_maximum(y, v) for y, v in zip(yi, vi, strict=True)]
    assert sum(one is None for one in found) <= 10
    many = pool_many(yi, vi).tau2
    known = np.array([one is not None for one in found])
    assert [one for one in found if one is not None] == pytest.approx(many[known], rel=1e-12)


def test_the_only_maximum_of_equal_effects_is_0() -> None:
    assert only_maximum(np.full(3, 0.3), np.array([0.1, 0.2, 0.3])) == 0
