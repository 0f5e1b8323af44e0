"""Held against metafor 3.8-1 and meta 8.4-0; validation/metafor/conventions.md says how."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "validation" / "metafor"
REFERENCE: dict[str, Any] = json.loads((FOLDER / "conventions.json").read_text(encoding="utf-8"))
META: dict[str, Any] = json.loads((FOLDER / "conventions_meta.json").read_text(encoding="utf-8"))
METHODS = ("REML", "ML", "DL", "PM", "EB", "SJ", "HE", "HS")

TOLERANCE = 1e-8
# meta asks metafor for the Q-profile interval at metafor's default tolerance, which is absolute and
# so coarse for differences of proportions, whose variances are near 1e-4
META_TAU2_INTERVAL = 0.05


@pytest.fixture(scope="module")
def discrepancies() -> list[Any]:
    return list(runpy.run_path(str(FOLDER / "conventions.py"))["discrepancies"]())


@pytest.mark.parametrize("name", REFERENCE["cases"])
def test_every_number_under_metafor_s_conventions_agrees_to_eight_digits(
    name: str, discrepancies: list[Any]
) -> None:
    compared = [one for one in discrepancies if one.case == name and "metafor" in one.fit]
    assert len(compared) >= 17 * 2 * len(METHODS)
    assert [one for one in compared if not one.size <= TOLERANCE] == []


@pytest.mark.parametrize("name", META["cases"])
def test_every_number_under_meta_s_conventions_agrees(name: str, discrepancies: list[Any]) -> None:
    compared = [one for one in discrepancies if one.case == name and "meta " in one.fit]
    limits = {"tau2_interval (meta)": META_TAU2_INTERVAL}
    assert len(compared) == 13 * 7
    assert [one for one in compared if not one.size <= limits.get(one.quantity, TOLERANCE)] == []


def test_the_grid_of_methods_and_tests_has_no_hole() -> None:
    for name, case in REFERENCE["cases"].items():
        fits = [(fit["method"], fit["test"]) for fit in case["fits"]]
        assert sorted(fits) == sorted((m, t) for m in METHODS for t in ("z", "knha")), name


def test_hts_and_profile_likelihood_are_among_what_is_compared(discrepancies: list[Any]) -> None:
    quantities = {one.quantity for one in discrepancies}
    assert {"prediction_hts", "prediction_t", "profile_likelihood"} <= quantities
    assert {"i2_from_q", "h2_from_q", "i2_interval (meta)", "h2_interval (meta)"} <= quantities


def test_the_page_names_the_versions_the_numbers_were_made_by() -> None:
    page = (FOLDER / "conventions.md").read_text(encoding="utf-8")
    assert REFERENCE["made_with"]["metafor"] == "3.8.1"
    assert META["made_with"]["meta"] == "8.4.0"
    assert "metafor 3.8-1" in page
    assert "meta 8.4-0" in page
