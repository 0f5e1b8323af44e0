"""Held against metafor 3.8-1; validation/metafor/regression.md says how the numbers were made."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "validation" / "metafor"
REFERENCE: dict[str, Any] = {
    **json.loads((FOLDER / "permutation.json").read_text(encoding="utf-8")),
    **json.loads((FOLDER / "regression.json").read_text(encoding="utf-8")),
}
METHODS = ("REML", "ML", "DL", "PM", "EB", "SJ", "HE", "HS", "common")
TESTS = ("z", "t", "knha", "adhoc")

# What is left is rounding: up to 3e-9 of metafor's where years as they are, near 2000, stand beside
# a constant. R² is a difference of two tau² in percent, and loses one digit more.
TOLERANCE = {"r2": 1e-7}


@pytest.fixture(scope="module")
def discrepancies() -> list[Any]:
    return list(runpy.run_path(str(FOLDER / "regression.py"))["discrepancies"]())


def of(part: str, discrepancies: list[Any]) -> list[Any]:
    return [one for one in discrepancies if one.case in REFERENCE[part]]


def too_far(compared: list[Any]) -> list[Any]:
    return [one for one in compared if not one.size <= TOLERANCE.get(one.quantity, 1e-8)]


@pytest.mark.parametrize("name", REFERENCE["models"])
def test_every_number_of_every_regression_agrees(name: str, discrepancies: list[Any]) -> None:
    compared = [one for one in discrepancies if one.case == name]
    assert len(compared) >= 11 * len(METHODS) * len(TESTS)
    assert too_far(compared) == []


def test_every_quantity_of_a_regression_is_compared(discrepancies: list[Any]) -> None:
    assert {one.quantity for one in of("models", discrepancies)} == {
        *("estimate", "standard_error", "p_value", "interval", "omnibus", "omnibus_of"),
        *("variance_factor", "tau2", "tau2_standard_error", "tau2_interval", "i2", "i2_interval"),
        *("h2", "h2_interval", "r2", "q", "q_p_value", "residuals"),
        *("predicted", "predicted interval", "prediction_interval"),
    }


def test_exact_permutation_tests_agree_in_every_arrangement(discrepancies: list[Any]) -> None:
    compared = of("permutations", discrepancies)
    assert {one.case for one in compared} == set(REFERENCE["permutations"])
    assert [one for one in compared if not one.size <= 1e-12] == []


def test_permutest_itself_is_among_what_is_compared(discrepancies: list[Any]) -> None:
    quantities = [one.quantity for one in discrepancies]
    assert quantities.count("permutation P of permutest") >= 45


def test_subgroups_agree_with_their_own_tau2_and_with_one(discrepancies: list[Any]) -> None:
    compared = of("subgroups", discrepancies)
    assert len(compared) == 8 * len(REFERENCE["subgroups"])
    assert too_far(compared) == []


def test_the_grid_of_methods_and_tests_has_no_hole() -> None:
    for name, case in REFERENCE["models"].items():
        assert [block["method"] for block in case["methods"]] == list(METHODS), name
        for block in case["methods"]:
            assert [fit["test"] for fit in block["tests"]] == list(TESTS), name


def test_twenty_data_sets_and_every_kind_of_design_are_among_the_models() -> None:
    cases = REFERENCE["models"].values()
    assert len({case["source"] for case in cases}) >= 20
    formulas = " ".join(case["formula"] for case in cases)
    assert all(kind in formulas for kind in ("*", "I(", "~0 + ", "alloc"))


def test_the_reference_was_made_by_the_versions_the_note_names() -> None:
    note = (FOLDER / "regression.md").read_text(encoding="utf-8")
    assert REFERENCE["made_with"]["metafor"] == "3.8.1"
    assert "metafor 3.8-1" in note
    assert f"R {REFERENCE['made_with']['R']}" in note
