"""Single studies held against metafor 3.8-1; validation/metafor/influence.md says how."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "validation" / "metafor"
SINGLE: dict[str, Any] = json.loads((FOLDER / "influence.json").read_text(encoding="utf-8"))
SEVERAL: dict[str, Any] = json.loads((FOLDER / "cumulative.json").read_text(encoding="utf-8"))
CASES = {**SINGLE["cases"], **SEVERAL["cases"]}
EVERYWHERE = {("REML", "adhoc"), ("DL", "z"), ("EE", "z")}

# Both programs iterate to the end of double precision; the largest discrepancy is 8e-12.
TOLERANCE = 1e-10


@pytest.fixture(scope="module")
def discrepancies() -> list[Any]:
    return list(runpy.run_path(str(FOLDER / "influence.py"))["discrepancies"]())


@pytest.mark.parametrize("name", CASES)
def test_every_number_of_every_study_agrees_to_ten_digits(
    name: str, discrepancies: list[Any]
) -> None:
    compared = [one for one in discrepancies if one.case == name]
    assert len(compared) >= 12
    assert [one for one in compared if not one.size <= TOLERANCE] == []


def test_every_diagnostic_of_metafor_is_compared_in_every_fit(discrepancies: list[Any]) -> None:
    found = {(one.case, one.fit, one.quantity) for one in discrepancies}
    diagnostics = {one.quantity for one in discrepancies if one.quantity.startswith("influence ")}
    assert len(diagnostics) == 13
    for name, case in SINGLE["cases"].items():
        fits = {(fit["method"], fit["test"]) for fit in case["influence"]}
        assert fits >= EVERYWHERE, name
        for method, test in fits:
            assert {(name, f"{method} {test}", one) for one in diagnostics} <= found
        predicted = {(fit["method"], fit["test"]) for fit in case["predictions"]}
        assert predicted >= EVERYWHERE - {("DL", "z")}, name


def test_sixteen_published_data_sets_are_among_the_cases() -> None:
    sources = {case["source"].split(",")[0] for case in SINGLE["cases"].values()}
    assert len({source for source in sources if source.startswith("metadat")}) >= 16
    stepwise = [name for name, case in SEVERAL["cases"].items() if "steps" in case]
    assert len(stepwise) >= 10
    assert {"hart1999-in-millionths", "lau1992"} <= set(stepwise)
    assert sum("subsets" in case for case in SEVERAL["cases"].values()) >= 3


def test_influential_and_other_studies_are_among_those_pinned() -> None:
    called = [
        one
        for case in SINGLE["cases"].values()
        for fit in case["influence"]
        for one in fit["influential"]
    ]
    assert 30 < sum(called) < len(called) / 2


def test_the_reference_was_made_by_the_versions_the_page_names() -> None:
    page = (FOLDER / "influence.md").read_text(encoding="utf-8")
    for content in (SINGLE, SEVERAL):
        assert content["made_with"]["metafor"] == "3.8.1"
        assert f"R {content['made_with']['R']}" in page
    assert "metafor 3.8-1" in page
