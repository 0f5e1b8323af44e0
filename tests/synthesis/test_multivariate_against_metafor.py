"""Multivariate models held against metafor 3.8-1; validation/metafor/multilevel.md says how."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "validation" / "metafor"
REFERENCE: dict[str, Any] = json.loads(
    (FOLDER / "multilevel_outcomes.json").read_text(encoding="utf-8")
)
CASES: dict[str, Any] = REFERENCE["cases"]
STRUCTURES = {
    "unstructured",
    "compound symmetry",
    "heterogeneous compound symmetry",
    "diagonal",
}

# Both sides are carried to the end of double precision; what is left is rounding.
TOLERANCE = 1e-9
# Ends of profile intervals are found by metafor from likelihoods its optimiser stopped short of.
INTERVAL = 1e-7
# At a bound, a variance of 0 or correlations of 1, the search for which is metafor's alone.
BOUND = 1e-5


@pytest.mark.parametrize("name", CASES)
def test_every_number_of_every_fit_agrees(name: str) -> None:
    multivariates = runpy.run_path(str(FOLDER / "multilevel.py"))["multivariates"]
    compared = list(multivariates(name, CASES[name]))
    assert len(compared) >= 5 * len(CASES[name]["fits"])
    off = []
    for one in compared:
        allowed = TOLERANCE
        if one.quantity.startswith("multivariate at a bound"):
            allowed = BOUND
        elif one.quantity.endswith(("variance interval", "correlation interval")):
            allowed = INTERVAL
        if one.quantity.endswith("short of theirs"):
            allowed = TOLERANCE
        if not one.size <= allowed:
            off.append(one)
    assert off == []


def test_every_structure_is_compared_by_both_methods_on_every_data_set() -> None:
    for name, case in CASES.items():
        fits = {(fit["structure"], fit["method"]) for fit in case["fits"]}
        assert fits >= {(one, method) for one in STRUCTURES for method in ("REML", "ML")}, name


def test_most_maxima_are_inside_and_some_at_a_bound() -> None:
    exact = [fit["exact"] for case in CASES.values() for fit in case["fits"]]
    assert len(CASES) >= 7
    assert sum(exact) >= 30
    assert exact.count(False) >= 10
