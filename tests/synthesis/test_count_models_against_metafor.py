"""Held against brute force and metafor 3.8-1; validation/metafor/count_models.md says how."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "validation" / "metafor"
REFERENCE: dict[str, Any] = json.loads((FOLDER / "count_models.json").read_text(encoding="utf-8"))

# The reference differentiates numerically, which costs it half of its digits; heights keep theirs.
BRUTE_FORCE = 1e-7
LOG_LIKELIHOOD = 1e-9
# lme4's optimiser stops at four digits or so, and its standard errors are finite differences.
METAFOR = 1e-3
# With random study intercepts lme4 has one node only, Laplace's approximation.
LAPLACE = 0.05
# There tau² is 0, which metafor's exact conditional model, fitted on the scale of log tau², cannot
# reach; its standard error is then wrong, and brute force says so too.
WITHOUT_STANDARD_ERROR = {"hine1989 CM.EL"}


@pytest.fixture(scope="module")
def discrepancies() -> list[Any]:
    return list(runpy.run_path(str(FOLDER / "count_models.py"))["discrepancies"]())


@pytest.mark.parametrize("name", REFERENCE["cases"])
def test_the_maximum_is_where_brute_force_finds_it(name: str, discrepancies: list[Any]) -> None:
    compared = [one for one in discrepancies if one.case == name and one.fit == "brute_force"]
    assert len(compared) == 5
    for one in compared:
        limit = LOG_LIKELIHOOD if one.quantity == "log_likelihood" else BRUTE_FORCE
        assert one.size <= limit, one


@pytest.mark.parametrize(
    "name", [name for name, case in REFERENCE["cases"].items() if case["metafor"] is not None]
)
def test_metafor_s_numbers_are_ours_to_the_digits_its_optimiser_gives(
    name: str, discrepancies: list[Any]
) -> None:
    limit = LAPLACE if name.endswith("UM.RS") else METAFOR
    compared = [one for one in discrepancies if one.case == name and one.fit != "brute_force"]
    assert len(compared) >= 9
    if name in WITHOUT_STANDARD_ERROR:
        kept = ("estimate", "tau2", "likelihood_ratio_statistic")
        compared = [one for one in compared if one.quantity in kept]
    assert [one for one in compared if not one.size <= limit] == []


def test_every_model_is_among_the_cases() -> None:
    cases = REFERENCE["cases"].values()
    kinds = {(case["kind"], case.get("model")) for case in cases}
    ratios = {("odds ratio", model) for model in ("UM.FS", "UM.RS", "CM.EL", "CM.AL")}
    ratios |= {("rate ratio", model) for model in ("UM.FS", "UM.RS", "CM.EL")}
    assert kinds == ratios | {("proportion", None), ("rate", None)}


def test_fifteen_published_data_sets_are_among_them_and_the_boundary_too() -> None:
    cases = REFERENCE["cases"].values()
    sources = {case["source"].split(",")[0] for case in cases}
    assert len(sources) >= 15
    assert any(case["brute_force"]["tau2"] == 0 for case in cases)
    assert any(0 in case["events"] for case in cases if case["kind"] == "proportion")
    assert REFERENCE["made_with"]["metafor"] == "3.8.1"
