"""Cluster-robust inference for regressions held against clubSandwich and metafor's robust().

That for three-level and multivariate fits is held against both beside the fits themselves.
"""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "validation" / "metafor"
CASES: dict[str, Any] = json.loads((FOLDER / "multilevel.json").read_text(encoding="utf-8"))[
    "cases"
]
TWO_LEVEL: dict[str, Any] = CASES["two_level"]

# Closed forms on both sides, but for tau², which is metafor's on both; `pool` is its own.
TOLERANCE = 1e-8


@pytest.mark.parametrize("name", TWO_LEVEL)
def test_every_number_of_every_correction_agrees(name: str) -> None:
    two_levels = runpy.run_path(str(FOLDER / "multilevel.py"))["two_levels"]
    fit = TWO_LEVEL[name]
    data = CASES["three_level"][fit["data"]]["data"]
    compared = list(two_levels(name, fit, data))
    assert len(compared) >= 5 * 5 + 4
    assert [one for one in compared if not one.size <= TOLERANCE] == []


def test_intercepts_regressions_and_other_weights_are_all_compared() -> None:
    kinds = {name.split()[1] for name in TWO_LEVEL}
    assert kinds == {"intercept", "moderators", "weights"}
    assert len({name.split()[0] for name in TWO_LEVEL}) >= 6
    for fit in TWO_LEVEL.values():
        assert set(fit["robust"]) == {"CR0", "CR1", "CR1p", "CR1S", "CR2"}
