"""What the pooled effect owes to single studies."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.errors import EstimationError
from secondlook.synthesis import METHODS, TESTS, pool
from secondlook.synthesis.influence import Influence, StudyInfluence, influence

EFFECTS = st.integers(-3000, 3000).map(lambda milli: milli / 1000)
VARIANCES = st.integers(1, 2000).map(lambda milli: milli / 1000)
STUDIES = st.lists(st.tuples(EFFECTS, VARIANCES), min_size=3, max_size=8)

NUMBERS = [
    name for name in StudyInfluence.__dataclass_fields__ if name not in ("name", "influential")
]


def _of(studies: list[tuple[float, float]], **options: str) -> Influence:
    yi, vi = zip(*studies, strict=True)
    return influence(yi, vi, **options)  # type: ignore[arg-type]


def test_three_studies_by_hand() -> None:
    # y = 0, 0, 3 with v = 1, one effect: mean 1 with variance 1/3; without the third 0 with 1/2
    third = influence([0, 0, 3], [1, 1, 1], method="common", test="z").rows[2]
    expected = {
        "residual": 2,
        "standardized_residual": 2 / math.sqrt(1 - 1 / 3),
        "studentized_deleted_residual": 3 / math.sqrt(1 + 1 / 2),
        "difference_in_fit": 1 / math.sqrt(1 / 3),
        "cooks_distance": 1 / (1 / 3),
        "covariance_ratio": (1 / 2) / (1 / 3),
        "tau2_without": 0,
        "q_without": 0,
        "leverage": 1 / 3,
        "weight": 100 / 3,
        "difference_in_estimate": 1 / math.sqrt(1 / 3),
        "squared_pearson_residual": 4,
        "squared_shift": 1 / (1 / 2),
    }
    assert {name: getattr(third, name) for name in expected} == pytest.approx(expected)
    assert third.influential


@given(STUDIES)
def test_of_a_common_effect_the_diagnostics_are_functions_of_each_other(
    studies: list[tuple[float, float]],
) -> None:
    found = _of(studies, method="common", test="z")
    q = found.everything.q
    noise = 1e-9 * (1 + q)
    assert sum(row.squared_pearson_residual for row in found.rows) == pytest.approx(q, abs=noise)
    assert sum(row.leverage for row in found.rows) == pytest.approx(1)
    for row in found.rows:
        standardized, deleted = row.standardized_residual, row.studentized_deleted_residual
        assert standardized is not None
        assert deleted == pytest.approx(standardized, rel=1e-6, abs=1e-6)
        assert row.q_without == pytest.approx(q - standardized**2, abs=noise)
        assert row.difference_in_fit == pytest.approx(row.difference_in_estimate, abs=1e-9)
        assert row.difference_in_fit is not None
        assert row.cooks_distance == pytest.approx(row.difference_in_fit**2, abs=1e-9)
        assert row.covariance_ratio == pytest.approx(1 / (1 - row.leverage), rel=1e-6)


@given(STUDIES, st.sampled_from(list(METHODS)), st.sampled_from(list(TESTS)))
def test_the_others_are_pooled_as_if_the_study_were_not_there(
    studies: list[tuple[float, float]], method: str, test: str
) -> None:
    found = _of(studies, method=method, test=test)
    yi, vi = (list(column) for column in zip(*studies, strict=True))
    others = pool(yi[1:], vi[1:], method=method, test=test)
    if any("more than one maximum" in sentence for sentence in others.warnings):
        return  # two maxima of one height may be decided by the last bit
    row = found.rows[0]
    lost = found.everything.estimate - others.estimate
    assert row.tau2_without == pytest.approx(others.tau2 or 0.0, rel=1e-9, abs=1e-12)
    assert row.q_without == pytest.approx(others.q, rel=1e-9, abs=1e-9)
    if row.cooks_distance is not None and found.everything.standard_error > 1e-6:
        expected = lost**2 / found.everything.standard_error**2
        assert row.cooks_distance == pytest.approx(expected, rel=1e-6, abs=1e-9)
    if row.squared_shift is not None and others.standard_error > 1e-6:
        expected = lost**2 / others.standard_error**2
        assert row.squared_shift == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("test", TESTS)
def test_neither_units_nor_a_shift_change_a_diagnostic(method: str, test: str) -> None:
    random = np.random.default_rng(27)
    yi, vi = random.normal(0, 1, 9), random.uniform(0.05, 0.6, 9)
    here = influence(yi, vi, method=method, test=test)
    there = influence(1e-6 * (yi + 2), 1e-12 * vi, method=method, test=test)
    unit = {"residual": 1e-6, "tau2_without": 1e-12}
    for one, other in zip(here.rows, there.rows, strict=True):
        for name in NUMBERS:
            expected = unit.get(name, 1.0) * getattr(one, name)
            assert getattr(other, name) == pytest.approx(
                expected, rel=1e-7, abs=1e-9 * abs(expected) + 1e-20
            )
        assert one.influential is other.influential


def test_a_study_far_from_the_others_is_called_influential_and_marked() -> None:
    found = influence([0.0, 0.1, 0.2, 3.0], [0.1] * 4, names=["A", "B", "C", "D"], test="z")
    assert found.influential == ("D",)
    lines = str(found).splitlines()
    assert [line.split()[0] for line in lines if line.endswith("*")] == ["D"]
    assert "Influential: D" in lines


def test_of_studies_that_belong_together_none_is_called_influential() -> None:
    found = influence([0.1, 0.2, 0.1, 0.2, 0.1, 0.2], [0.1] * 6)
    assert found.influential == ()
    assert "Influential: none" in str(found)


def test_without_an_error_to_divide_by_a_diagnostic_is_none_and_it_is_said() -> None:
    # without the last, equal effects: the unguarded variance is 0
    found = influence([0.3, 0.3, 0.3, 0.9], [0.1, 0.2, 0.3, 0.1], test="hksj-unguarded")
    row = found.rows[3]
    assert row.studentized_deleted_residual is None
    assert row.difference_in_estimate is None
    assert any("A standard error is 0" in sentence for sentence in found.warnings)
    assert "–" in str(found)
    json.dumps(found.to_dict(), allow_nan=False)
    equal = influence([0.3, 0.3, 0.3], [0.1, 0.2, 0.3], test="hksj-unguarded")
    assert [row.cooks_distance for row in equal.rows] == [None, None, None]


def test_two_maxima_without_a_study_are_said() -> None:
    # the first five of these have two maxima (validation/metafor/reference.json)
    yi = [-0.93, 1.87, -0.09, -0.65, 0.05, 0.3]
    vi = [0.5, 0.5, 0.002, 0.2, 0.002, 0.3]
    found = influence(yi, vi, names=list("ABCDEF"))
    said = [sentence for sentence in found.warnings if "Without these" in sentence]
    assert len(said) == 1
    assert "F" in said[0].split(": ")[1]


def test_a_missing_row_is_named_and_has_no_diagnostics() -> None:
    found = influence([0.1, math.nan, 0.3, 0.4], [0.1] * 4, names=["A", "B", "C", "D"])
    assert [row.name for row in found.rows] == ["A", "C", "D"]
    assert "Left out, effect or variance missing: B." in found.warnings


def test_two_studies_are_too_few_but_for_a_common_effect() -> None:
    with pytest.raises(EstimationError, match=r'"A, B" are fewer than 3 studies; .*common'):
        influence([0.1, 0.2], [0.1, 0.1], names=["A", "B"])
    with pytest.raises(EstimationError, match="fewer than 2 studies"):
        influence([0.1], [0.1], method="common")
    found = influence([0.0, 1.0], [1.0, 1.0], method="common", test="z")
    # without one the other stands alone: (0 - 1)/sqrt(1 + 1)
    assert found.rows[0].studentized_deleted_residual == pytest.approx(-1 / math.sqrt(2))
    assert found.rows[0].tau2_without == 0


def test_rows_and_plain_data_hold_every_diagnostic() -> None:
    found = influence([0.1, 0.5, 0.9, 0.2], [0.1, 0.1, 0.2, 0.3])
    plain = found.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    frame = found.to_frame()
    assert set(NUMBERS) <= set(frame.columns)
    assert frame["weight"].sum() == pytest.approx(100)
