"""Three-level models held against metafor 3.8-1; validation/metafor/multilevel.md says how."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "validation" / "metafor"
REFERENCE: dict[str, Any] = json.loads((FOLDER / "multilevel.json").read_text(encoding="utf-8"))
CASES: dict[str, Any] = REFERENCE["cases"]["three_level"]

# Both sides are carried to the end of double precision; what is left is rounding.
TOLERANCE = 1e-9
# Ends of profile intervals are found by metafor from likelihoods its optimiser stopped short of.
INTERVAL = 1e-7


@pytest.mark.parametrize("name", CASES)
def test_every_number_of_every_fit_agrees(name: str) -> None:
    three_levels = runpy.run_path(str(FOLDER / "multilevel.py"))["three_levels"]
    compared = list(three_levels(name, CASES[name]))
    assert len(compared) >= 14 * len(CASES[name]["fits"])
    off = [
        one
        for one in compared
        if not one.size <= (INTERVAL if one.quantity.endswith("variance interval") else TOLERANCE)
    ]
    assert off == []


@pytest.mark.parametrize("name", CASES)
def test_no_optimiser_of_metafor_is_above_the_maximum(name: str) -> None:
    module = runpy.run_path(str(FOLDER / "multilevel.py"))
    for fit in CASES[name]["fits"]:
        options = {**module["OPTIONS"]["z"], "variance_intervals": False}
        ours = module["three_level_fit"](CASES[name]["data"], fit, options)
        assert ours.log_likelihood >= fit["own_log_likelihood"] - 1e-10


def test_the_grid_of_methods_and_tests_has_no_hole() -> None:
    assert len(CASES) >= 11
    for name, case in CASES.items():
        assert {fit["method"] for fit in case["fits"]} == {"REML", "ML"}, name
        for fit in case["fits"]:
            both = {"z"} if fit["method"] == "ML" else {"z", "residual", "contain"}
            assert set(fit["tests"]) == both, name
            assert ("robust" in fit) == (fit["method"] == "REML"), name
    fits = [fit for case in CASES.values() for fit in case["fits"]]
    assert sum(bool(fit["intervals"]) for fit in fits) >= 25
    assert sum(fit["correlation"] is not None for fit in fits) >= 8
    assert sum(bool(fit["moderators"]) for fit in fits) >= 16


def test_the_reference_was_made_by_the_versions_the_page_names() -> None:
    page = (FOLDER / "multilevel.md").read_text(encoding="utf-8")
    assert REFERENCE["made_with"]["metafor"] == "3.8.1"
    assert "metafor 3.8-1" in page
    assert f"clubSandwich {REFERENCE['made_with']['clubSandwich']}" in page
