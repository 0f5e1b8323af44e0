"""Held against metafor 3.8-1; validation/metafor/estimators.md says how the numbers were made."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from secondlook.synthesis.between_study_variance import ESTIMATORS

FOLDER = Path(__file__).resolve().parents[2] / "validation" / "metafor"
REFERENCE: dict[str, Any] = json.loads((FOLDER / "estimators.json").read_text(encoding="utf-8"))
POOLED: dict[str, Any] = json.loads((FOLDER / "reference.json").read_text(encoding="utf-8"))

# Both programs iterate to the end of double precision; metafor loses some of it where one study has
# a million times the weight of the others (4e-11).
TOLERANCE = 1e-9


@pytest.fixture(scope="module")
def discrepancies() -> list[Any]:
    return list(runpy.run_path(str(FOLDER / "estimators.py"))["discrepancies"]())


@pytest.mark.parametrize("name", REFERENCE["cases"])
def test_every_estimator_its_error_and_its_interval_agree(
    name: str, discrepancies: list[Any]
) -> None:
    compared = [one for one in discrepancies if one.case == name]
    assert len(compared) == 2 * len(ESTIMATORS) + 2
    assert [one for one in compared if not one.size <= TOLERANCE] == []


def test_the_grid_of_methods_has_no_hole() -> None:
    for name, case in REFERENCE["cases"].items():
        assert [fit["method"] for fit in case["fits"]] == list(ESTIMATORS), name


def test_every_case_of_pooling_and_twenty_eight_further_data_sets_are_among_the_cases() -> None:
    assert set(POOLED["cases"]) < set(REFERENCE["cases"])
    further = [
        case["source"].split(",")[0]
        for name, case in REFERENCE["cases"].items()
        if name not in POOLED["cases"]
    ]
    assert len(set(further)) == 28


def test_the_reference_was_made_by_the_versions_the_note_names() -> None:
    note = (FOLDER / "estimators.md").read_text(encoding="utf-8")
    assert REFERENCE["made_with"]["metafor"] == "3.8.1"
    assert "metafor 3.8-1" in note
    assert f"R {REFERENCE['made_with']['R']}" in note
