"""Held against metafor 3.8-1; validation/metafor/stratified.md says what is compared."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "validation" / "metafor"
REFERENCE: dict[str, Any] = json.loads((FOLDER / "stratified.json").read_text(encoding="utf-8"))

# sums of a few products: what is left is rounding
TOLERANCE = 1e-11


@pytest.fixture(scope="module")
def discrepancies() -> list[Any]:
    return list(runpy.run_path(str(FOLDER / "stratified.py"))["discrepancies"]())


@pytest.mark.parametrize("name", REFERENCE["cases"])
def test_every_number_agrees_to_eleven_digits(name: str, discrepancies: list[Any]) -> None:
    compared = [one for one in discrepancies if one.case == name]
    fits = len(REFERENCE["cases"][name]["fits"]) + ("peto" in REFERENCE["cases"][name])
    assert len(compared) == 20 * fits
    assert [one for one in compared if not one.size <= TOLERANCE] == []


def test_every_measure_of_every_table_is_among_them() -> None:
    for name, case in REFERENCE["cases"].items():
        plain = {fit["measure"] for fit in case["fits"] if not fit["options"]}
        if case["kind"] == "tables":
            assert plain == {"odds ratio", "risk ratio", "risk difference"}, name
            assert "peto" in case, name
        else:
            rates = {fit["measure"] for fit in case["fits"]}
            assert rates == {"rate ratio", "rate difference"}, name


def test_every_option_is_among_them() -> None:
    used = {
        (option, value)
        for case in REFERENCE["cases"].values()
        for fit in case["fits"]
        for option, value in fit["options"].items()
    }
    for option, value in (
        ("add", 0.5),
        ("to", "all"),
        ("to", "if0all"),
        ("to_for_q", "all"),
        ("to_for_q", "if0all"),
        ("keep_double_zeros", False),
        ("keep_double_zeros_for_q", True),
        ("continuity_correction", False),
    ):
        assert (option, value) in used


def test_fifteen_published_data_sets_and_more_are_among_them() -> None:
    sources = {case["source"].split(",")[0] for case in REFERENCE["cases"].values()}
    assert len(sources) >= 15
    assert REFERENCE["made_with"]["metafor"] == "3.8.1"
