"""Pooling every subset of the studies."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from secondlook.errors import EstimationError
from secondlook.synthesis import METHODS, pool
from secondlook.synthesis import subsets as module
from secondlook.synthesis.subsets import pool_subsets


@pytest.mark.parametrize("method", METHODS)
def test_every_subset_is_there_once_and_is_the_pool_of_its_studies(method: str) -> None:
    random = np.random.default_rng(29)
    yi, vi = random.normal(0, 0.7, 5), random.uniform(0.05, 0.6, 5)
    found = pool_subsets(yi, vi, method=method)
    held = [tuple(np.flatnonzero(row)) for row in found.included]
    expected = {one for size in range(1, 6) for one in combinations(range(5), size)}
    assert len(held) == len(expected)
    assert set(held) == expected
    assert found.exhaustive
    assert found.seed is None
    for i, studies in enumerate(held):
        one = pool(yi[list(studies)], vi[list(studies)], method=method)
        assert found.k[i] == len(studies)
        for name in ("estimate", "tau2", "i2", "h2", "q"):
            value = getattr(one, name)
            assert getattr(found, name)[i] == pytest.approx(
                np.nan if value is None else value, rel=1e-9, abs=1e-12, nan_ok=True
            ), name


def test_too_many_subsets_are_sampled_and_the_seed_says_which() -> None:
    yi, vi = np.linspace(-1, 1, 20), np.full(20, 0.1)
    first, again, other = (pool_subsets(yi, vi, most=2000, seed=seed) for seed in (1, 1, 2))
    assert len(first) == 2000
    assert not first.exhaustive
    assert first.seed == 1
    np.testing.assert_array_equal(first.included, again.included)
    assert np.any(first.included != other.included)
    assert "a random sample (seed 1)" in str(first)
    # a study is in half of the subsets: 1000 with standard deviation 22.4, held to five of these
    assert np.all(np.abs(first.included.sum(axis=0) - 1000) < 112)


def test_no_random_subset_is_empty() -> None:
    found = pool_subsets([0.1, 0.2, 0.3], [0.1] * 3, most=6, seed=3)
    assert not found.exhaustive
    assert found.k.min() >= 1


def test_as_many_as_there_are_are_all_pooled() -> None:
    assert pool_subsets([0.1, 0.2, 0.3], [0.1] * 3, most=7).exhaustive


def test_in_how_many_parts_subsets_are_pooled_does_not_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    yi, vi = np.linspace(-1, 1, 7), np.linspace(0.1, 0.4, 7)
    here = pool_subsets(yi, vi)
    monkeypatch.setattr(module, "_PART", 10)
    np.testing.assert_allclose(pool_subsets(yi, vi).estimate, here.estimate, 1e-12)


def test_the_subsets_with_a_study_are_found_by_its_name() -> None:
    found = pool_subsets([0.0, 0.1, 3.0], [0.1] * 3, names=["A", "B", "C"])
    assert found.with_study("C").sum() == 4
    # with equal variances the mean of those in it
    assert found.estimate[found.with_study("C")].min() == pytest.approx(3.1 / 3)
    with pytest.raises(EstimationError, match='"D" is no study pooled here; use A, B, C'):
        found.with_study("D")


@pytest.mark.parametrize(
    ("option", "value"),
    [("most", 1), ("most", 2.5), ("most", True), ("seed", -1), ("seed", None), ("seed", "a")],
)
def test_numbers_that_are_no_count_or_seed_are_refused(option: str, value: Any) -> None:
    with pytest.raises(EstimationError, match=f"pool_subsets, {option}: ") as caught:
        pool_subsets([0.1, 0.2], [0.1, 0.1], **{option: value})
    assert len(str(caught.value).splitlines()) == 1


def test_a_single_study_has_no_subsets() -> None:
    with pytest.raises(EstimationError, match='"Adam" is the only study'):
        pool_subsets([0.1], [0.1], names=["Adam"])


def test_subsets_print_and_become_rows_and_plain_data() -> None:
    found = pool_subsets([0.0, 0.1, 3.0], [0.1] * 3, names=["A", "B", "C"])
    lines = str(found).splitlines()
    assert lines[0] == "7 subsets of 3 studies: all"
    # without C: 0, 0.1 and their mean 0.05
    row = next(line.split() for line in lines if line.startswith("C"))
    assert row[2] == "0.0500"
    plain: dict[str, Any] = found.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["included"][:3] == [[0], [1], [2]]
    frame = found.to_frame()
    assert frame["with C"].sum() == 4
    assert frame["tau2"].is_null().sum() == 3
