"""Permutation tests: by brute force, by their laws, and what they refuse."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from secondlook.errors import EstimationError
from secondlook.synthesis.regression import permutation_test, regress
from secondlook.synthesis.regression.preparation import METHODS

Y = np.array([-0.9, -1.6, -1.3, -0.2, -0.8, 0.1, -0.5, -1.4])
V = np.array([0.33, 0.19, 0.42, 0.05, 0.2, 0.12, 0.08, 0.1])
X = np.array([3.0, 1.0, 4.0, 1.5, 5.0, 9.0, 2.0, 6.0])


def test_turned_signs_of_a_common_effect_are_counted_by_brute_force() -> None:
    w = 1 / V[:6]
    sums = [abs(w @ (np.array(s) * Y[:6])) for s in itertools.product([1, -1], repeat=6)]
    expected = np.mean(np.array(sums) >= abs(w @ Y[:6]) - 1e-9)
    found = permutation_test(regress(Y[:6], V[:6], method="common", test="z"))
    assert found.exact
    assert found.arrangements == 64
    assert found.coefficients[0].permutation_p_value == pytest.approx(expected, rel=1e-12)
    assert found.omnibus_permutation_p_value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("test", ["z", "hksj", "hksj-unguarded"])
def test_moderators_handed_out_anew_are_each_fitted_as_the_data_were(
    method: str, test: str
) -> None:
    # every one of 5! arrangements by the regression itself
    y, v, x = Y[:5], V[:5], X[:5]
    observed = regress(y, v, {"x": x}, method=method, test=test)
    arranged = [
        regress(y, v, {"x": x[list(order)]}, method=method, test=test)
        for order in itertools.permutations(range(5))
    ]
    found = permutation_test(observed)
    assert found.arrangements == 120
    for i, one in enumerate(found.coefficients):
        statistics = np.abs([each.coefficients[i].statistic or 0.0 for each in arranged])
        assert one.statistic is not None
        share = np.mean(statistics >= abs(one.statistic) * (1 - 1e-7))
        assert one.permutation_p_value == pytest.approx(share, rel=1e-12)
    omnibus = np.array([each.omnibus.statistic for each in arranged])
    share = np.mean(omnibus >= omnibus[0] * (1 - 1e-7))
    assert found.omnibus_permutation_p_value == pytest.approx(share, rel=1e-12)


def test_alike_rows_are_handed_out_once() -> None:
    group = ["a", "a", "b", "b", "b", "b", "b", "b"]
    found = permutation_test(regress(Y, V, {"group": group}))
    assert found.possible == found.arrangements == 28
    flipped = permutation_test(regress(Y, V, {"group": ["b" if g == "a" else "a" for g in group]}))
    assert flipped.omnibus_permutation_p_value == found.omnibus_permutation_p_value


@pytest.mark.parametrize("data", [None, {"x": X}])
def test_the_same_seed_gives_the_same_p_values(data: dict[str, Any] | None) -> None:
    fitted = regress(Y, V, data)
    once = permutation_test(fitted, permutations=100, seed=5)
    assert not once.exact
    assert once.arrangements == 100
    assert permutation_test(fitted, permutations=100, seed=5) == once
    others = [permutation_test(fitted, permutations=100, seed=s) for s in range(4)]
    assert len({one.omnibus_permutation_p_value for one in others}) > 1


@pytest.mark.parametrize("data", [None, {"x": X}])
def test_random_arrangements_come_near_all_of_them(data: dict[str, Any] | None) -> None:
    fitted = regress(Y, V, data, method="DL")
    every = permutation_test(fitted, exact=True)
    some = permutation_test(fitted, permutations=200 if data is None else 5000, seed=3)
    assert every.exact
    assert not some.exact
    for one, other in zip(every.coefficients, some.coefficients, strict=True):
        p = one.permutation_p_value
        error = (p * (1 - p) / some.arrangements) ** 0.5
        assert abs(other.permutation_p_value - p) < 4 * error + 1 / some.arrangements


def test_no_p_value_is_below_one_arrangement_of_those_compared() -> None:
    far = regress(Y - 20, V, {"x": X}, omnibus_of="x")
    found = permutation_test(regress(5 * X, V, {"x": X}), permutations=50)
    assert found.omnibus_permutation_p_value == pytest.approx(1 / 50)
    signs = permutation_test(regress(far.yi, far.vi))
    assert signs.coefficients[0].permutation_p_value == pytest.approx(2 / 2**8)


@pytest.mark.parametrize("power", [-30, 30])
def test_units_do_not_matter(power: int) -> None:
    once = permutation_test(regress(Y, V, {"x": X}), permutations=300)
    scaled = permutation_test(
        regress(np.ldexp(Y, power), np.ldexp(V, 2 * power), {"x": 1e6 * X}), permutations=300
    )
    assert [one.permutation_p_value for one in scaled.coefficients] == [
        one.permutation_p_value for one in once.coefficients
    ]


def test_under_the_null_a_p_value_is_below_its_level_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(11)
    below = 0
    for _ in range(200):
        v = generator.uniform(0.05, 0.5, 7)
        y = generator.normal(0, np.sqrt(0.1 + v))
        fitted = regress(y, v, {"x": generator.normal(size=7)}, method="DL")
        below += permutation_test(fitted, permutations=60).omnibus_permutation_p_value <= 0.1
    # 200 trials at 0.1: 20, and a standard deviation of 4.2
    assert 8 <= below <= 32


def test_exactly_fitted_arrangements_count_as_large() -> None:
    # equal effects in every arrangement: a standard error of 0 throughout
    fitted = regress([0.3] * 5, V[:5], {"x": X[:5]}, test="hksj-unguarded")
    found = permutation_test(fitted)
    assert found.coefficients[1].statistic is None
    assert found.coefficients[1].permutation_p_value == 1


def test_few_arrangements_are_warned_of() -> None:
    found = permutation_test(regress(Y[:4], V[:4]))
    assert found.warnings == (
        "There are so few arrangements that no P value below 0.125 is possible.",
    )
    assert permutation_test(regress(Y, V)).warnings == ()


def test_a_permutation_test_prints_itself_and_gives_plain_data() -> None:
    import json

    found = permutation_test(regress(Y, V, {"x": X}), permutations=100, seed=9)
    assert "100 random arrangements" in str(found)
    assert "seed 9" in str(found)
    assert "all 256 arrangements" in str(permutation_test(regress(Y, V)))
    assert json.loads(json.dumps(found.to_dict()))["seed"] == 9
    assert found.to_frame().height == 2


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"permutations": 1}, "is not a whole number of two or more"),
        ({"permutations": 1e3}, "is not a whole number of two or more"),
        ({"permutations": 2_000_000}, "are more arrangements than"),
        ({"seed": -1}, "is not a whole number from 0"),
        ({"seed": None}, "is not a whole number from 0"),
    ],
)
def test_what_cannot_be_gone_through_is_refused(options: dict[str, Any], rule: str) -> None:
    with pytest.raises(EstimationError, match=rule):
        permutation_test(regress(np.tile(Y, 4), np.tile(V, 4)), **options)


def test_all_arrangements_of_many_studies_are_refused() -> None:
    with pytest.raises(EstimationError, match="leave exact"):
        permutation_test(regress(np.tile(Y, 4), np.tile(V, 4)), exact=True)
