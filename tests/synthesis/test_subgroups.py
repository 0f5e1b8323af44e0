"""Subgroups: by hand, as pooling and as regression, and at their edges."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest

from secondlook.errors import EstimationError
from secondlook.synthesis import pool
from secondlook.synthesis.regression import compare_subgroups, regress
from secondlook.synthesis.regression.preparation import METHODS, TESTS

Y = np.array([-0.9, -1.6, -1.3, -0.2, -0.8, 0.1, -0.5, -1.4])
V = np.array([0.33, 0.19, 0.42, 0.05, 0.2, 0.12, 0.08, 0.1])
KIND = ["trial", "cohort", "cohort", "trial", "cohort", "trial", "cohort", "trial"]


def test_under_a_common_effect_q_between_is_what_q_within_leaves_of_q() -> None:
    found = compare_subgroups(Y, V, KIND, method="common", test="z")
    within = sum(row.pooled.q for row in found.rows if row.pooled)
    assert found.between.statistic == pytest.approx(found.overall.q - within, rel=1e-12)
    assert found.between.degrees_of_freedom == 1
    assert found.between.p_value == pytest.approx(
        math.erfc(math.sqrt((found.between.statistic or 0) / 2)), rel=1e-10
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("test", TESTS)
def test_each_subgroup_by_itself_is_pooled_by_itself(method: str, test: str) -> None:
    found = compare_subgroups(Y, V, KIND, method=method, test=test)
    for row in found.rows:
        inside = np.array(KIND) == row.name
        names = [f"study {i + 1}" for i in np.flatnonzero(inside)]
        assert row.pooled == pool(Y[inside], V[inside], method=method, test=test, names=names)
        assert row.studies == tuple(names)
        assert row.k == 4
    assert found.overall == pool(Y, V, method=method, test=test)
    assert found.regression is None


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("test", TESTS)
def test_with_one_tau2_subgroups_are_a_regression(method: str, test: str) -> None:
    found = compare_subgroups(Y, V, KIND, common_tau2=True, method=method, test=test)
    fitted = regress(Y, V, {"kind": KIND}, method=method, test=test)
    assert found.between.statistic == pytest.approx(fitted.omnibus.statistic, rel=1e-10)
    assert found.between.p_value == pytest.approx(fitted.omnibus.p_value, rel=1e-10)
    expected = fitted.predict({"kind": ["cohort", "trial"]}).rows
    for row, one in zip(found.rows, expected, strict=True):
        assert row.estimate == pytest.approx(one.estimate, rel=1e-10)
        assert row.interval == pytest.approx(one.interval, rel=1e-9)
        assert row.prediction_interval == (
            None if method == "common" else pytest.approx(one.prediction_interval, rel=1e-9)
        )
        assert row.tau2 == pytest.approx(fitted.tau2, rel=1e-9, abs=1e-13)
        assert row.pooled is None


def test_two_equal_subgroups_do_not_differ() -> None:
    for shared in (False, True):
        found = compare_subgroups(
            np.tile(Y, 2), np.tile(V, 2), ["a"] * 8 + ["b"] * 8, common_tau2=shared
        )
        assert found.between.statistic == pytest.approx(0, abs=1e-20)
        assert found.between.p_value == pytest.approx(1)


def test_subgroups_stand_in_the_order_of_words_numbers_or_categories() -> None:
    assert [r.name for r in compare_subgroups(Y, V, KIND).rows] == ["cohort", "trial"]
    numbers = [10, 2, 2, 10, 2, 10, 2, 10]
    assert [r.name for r in compare_subgroups(Y, V, numbers).rows] == ["2", "10"]
    declared = pd.Series(pd.Categorical(KIND, ["trial", "cohort"]))
    assert [r.name for r in compare_subgroups(Y, V, declared).rows] == ["trial", "cohort"]
    shared = compare_subgroups(Y, V, numbers, common_tau2=True)
    words = compare_subgroups(Y, V, KIND, common_tau2=True)
    assert [r.estimate for r in shared.rows] == pytest.approx(
        [r.estimate for r in words.rows], rel=1e-12
    )


def test_a_subgroup_of_one_study_is_its_own_estimate_with_a_warning() -> None:
    kinds = [*KIND[:7], "registry"]
    found = compare_subgroups(Y, V, kinds)
    alone = found.rows[1]
    assert (alone.name, alone.estimate, alone.tau2) == ("registry", Y[7], None)
    assert alone.standard_error == pytest.approx(math.sqrt(V[7]), rel=1e-14)
    assert any(s.startswith("registry: One study") for s in found.warnings)
    shared = compare_subgroups(Y, V, kinds, common_tau2=True)
    assert shared.rows[1].tau2 == shared.rows[0].tau2
    assert any("Fitted exactly" in sentence for sentence in shared.warnings)


def test_every_study_a_subgroup_can_be_compared_but_shares_no_tau2() -> None:
    names = [f"kind {i}" for i in range(8)]
    found = compare_subgroups(Y, V, names)
    assert found.between.statistic == pytest.approx(found.overall.q, rel=1e-12)
    assert found.between.degrees_of_freedom == 7
    with pytest.raises(EstimationError, match="leave common_tau2 out"):
        compare_subgroups(Y, V, names, common_tau2=True)


def test_studies_without_a_subgroup_or_an_effect_are_left_out_by_name() -> None:
    kinds = [None, *KIND[1:]]
    effects = [*Y[:6], float("nan"), Y[7]]
    found = compare_subgroups(effects, V, kinds, names=list("ABCDEFGH"))
    assert found.omitted == ("A", "G")
    assert found.warnings[:2] == (
        "Left out, subgroup missing: A.",
        "Left out, effect or variance missing: G.",
    )
    assert sum(row.k for row in found.rows) == 6


def test_no_study_in_a_subgroup_is_refused() -> None:
    with pytest.raises(EstimationError, match="no study with an effect, a variance and a subgroup"):
        compare_subgroups(Y, V, [None] * 8)


def test_one_subgroup_is_refused() -> None:
    with pytest.raises(EstimationError, match="is the only subgroup"):
        compare_subgroups(Y, V, ["trial"] * 8)


def test_subgroups_of_another_length_are_refused() -> None:
    with pytest.raises(EstimationError, match="not the same number of rows"):
        compare_subgroups(Y, V, KIND[:5])


def test_options_that_do_not_exist_are_refused_together() -> None:
    with pytest.raises(EstimationError) as caught:
        compare_subgroups(Y, V, KIND, method="BEST", test="best", level=2.0)
    assert len(str(caught.value).splitlines()) == 3


def test_subgroups_of_equal_effects_leave_no_test_without_the_safeguard() -> None:
    effects = [1.0, 1.0, 2.0, 2.0]
    found = compare_subgroups(effects, V[:4], ["a", "a", "b", "b"], test="hksj-unguarded")
    assert found.between.statistic is None
    assert "none: the standard errors are 0" in str(found)


@pytest.mark.parametrize("shared", [False, True])
def test_subgroups_print_themselves_and_give_plain_data(shared: bool) -> None:
    found = compare_subgroups(Y, V, KIND, common_tau2=shared)
    text = str(found)
    for part in ("cohort", "trial", "all together", "test for subgroup differences", "Conventions"):
        assert part in text
    plain = json.loads(json.dumps(found.to_dict()))
    assert [row["name"] for row in plain["rows"]] == ["cohort", "trial"]
    assert found.to_frame().height == 2
