"""Held against metafor 3.8-1; validation/metafor/README.md says how the numbers were made."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from secondlook.synthesis import survival_proportion

FOLDER = Path(__file__).resolve().parents[2] / "validation" / "metafor"
REFERENCE: dict[str, Any] = json.loads((FOLDER / "reference.json").read_text(encoding="utf-8"))
METHODS = ("REML", "DL", "PM", "common")
TESTS = ("z", "t", "knha", "adhoc")

# Both programs iterate to the end of double precision; what is left is rounding, 1e-9 at its worst
# where one study has a million times the weight of the others.
TOLERANCE = 1e-8


@pytest.fixture(scope="module")
def discrepancies() -> list[Any]:
    return list(runpy.run_path(str(FOLDER / "compare.py"))["discrepancies"]())


@pytest.mark.parametrize("name", REFERENCE["cases"])
def test_every_number_of_every_fit_agrees_to_eight_digits(
    name: str, discrepancies: list[Any]
) -> None:
    compared = [one for one in discrepancies if one.case == name]
    assert len(compared) >= 18 * len(METHODS) * len(TESTS)
    assert [one for one in compared if not one.size <= TOLERANCE] == []


def test_effect_sizes_agree_to_eight_digits(discrepancies: list[Any]) -> None:
    compared = [one for one in discrepancies if one.case not in REFERENCE["cases"]]
    quantities = {(one.fit, one.quantity) for one in discrepancies}
    for scale in ("logit", "cloglog", "freeman-tukey", "difference"):
        assert {(scale, "effect yi"), (scale, "effect vi")} <= quantities
    assert ("freeman-tukey", "back") in quantities
    assert [one for one in compared if not one.size <= TOLERANCE] == []


@pytest.mark.parametrize("name", [n for n, case in REFERENCE["cases"].items() if "scale" in case])
def test_the_printed_survival_of_a_series_becomes_the_effects_that_were_pinned(name: str) -> None:
    case = REFERENCE["cases"][name]
    ours = survival_proportion(case["survival"], case["n"], scale=case["scale"])
    assert ours.yi.tolist() == pytest.approx(case["yi"], rel=1e-13)
    assert ours.vi.tolist() == pytest.approx(case["vi"], rel=1e-13)


def test_the_grid_of_methods_and_tests_has_no_hole() -> None:
    expected = {(method, test) for method in METHODS for test in TESTS}
    for name, case in REFERENCE["cases"].items():
        fits = [(fit["method"], fit["test"]) for fit in case["fits"]]
        assert len(fits) == len(expected), name
        assert set(fits) == expected, name


def test_eight_published_data_sets_and_both_printed_tables_are_among_the_cases() -> None:
    sources = [case["source"] for case in REFERENCE["cases"].values()]
    data_sets = {source.split(",")[0] for source in sources if source.startswith("metadat")}
    assert len(data_sets) >= 8
    assert sum("Table 1" in source for source in sources) == 4
    assert sum("Table 2" in source for source in sources) == 2


def test_leave_one_out_is_pinned_where_there_is_a_study_to_spare() -> None:
    pinned = {name for name, case in REFERENCE["cases"].items() if "leave_one_out" in case}
    assert {"hepatic-5-year-survival", "bcg-risk-ratio", "yusuf1985-table-6"} <= pinned


def test_the_reference_was_made_by_the_versions_the_readme_names() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    made_with = REFERENCE["made_with"]
    assert f"R {made_with['R']}" in readme
    assert made_with["metafor"] == "3.8.1"
    assert "metafor 3.8-1" in readme


def test_the_readme_gives_the_digits_of_every_quantity_compared(discrepancies: list[Any]) -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    missing = {one.quantity for one in discrepancies if f"| {one.quantity} |" not in readme}
    assert missing == set()
