"""Held against metafor 3.8-1 and survival 3.5-3; validation/metafor/effects.md says how."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from secondlook.synthesis import log_hazard_ratio, pool
from secondlook.synthesis.effects import log_hazard_ratio_from_observed_minus_expected

FOLDER = Path(__file__).resolve().parents[2] / "validation" / "metafor"
REFERENCE: dict[str, Any] = json.loads((FOLDER / "effects.json").read_text(encoding="utf-8"))

# Closed formulas on both sides: only rounding is left, 4e-13 at its worst, where R's arcsine limits
# near 1 have lost digits on their own way there.
TOLERANCE = 1e-10

MEASURES = {
    "two arms": {"OR", "RR", "RD", "PETO", "AS", "RD AV", "RD UB"},
    "one arm": {"PR", "PLN", "PLO", "PAS", "PFT", "PR AV", "PR UB", "PLN AV", "PLO AV"},
    "two rates": {"IRR", "IRD", "IRSD"},
    "one rate": {"IR", "IRLN", "IRS", "IRFT"},
}
CORRECTIONS = {"none", "only0", "all", "if0all", "only0 by 0.1"}
SCALES = {"identity", "log", "cloglog", "logit", "arcsine"}
INTERVALS = {"log-log", "log", "plain", "logit", "arcsine"}
ROUTES = {
    "ratio and 90 % interval",
    "ratio and 95 % interval",
    "ratio and 99 % interval",
    "ratio and Wald P",
    "ratio and likelihood P",
    "O - E and V",
    "observed and expected",
    "log-rank P and events",
    "ratio and events by arm",
}


@pytest.fixture(scope="module")
def discrepancies() -> list[Any]:
    return list(runpy.run_path(str(FOLDER / "effects.py"))["discrepancies"]())


@pytest.mark.parametrize("name", [*REFERENCE["cases"], "grid"])
def test_every_effect_agrees_and_exactly_the_unusable_rows_are_refused(
    name: str, discrepancies: list[Any]
) -> None:
    compared = [one for one in discrepancies if one.case == name]
    assert compared
    assert [one for one in compared if not one.size <= TOLERANCE] == []


def test_hazard_ratios_and_survival_agree_with_the_patients_they_came_from(
    discrepancies: list[Any],
) -> None:
    patients = {*REFERENCE["comparisons"], *REFERENCE["curves"]}
    compared = [one for one in discrepancies if one.case in patients]
    assert len(compared) >= 900
    assert [one for one in compared if not one.size <= TOLERANCE] == []


def test_the_grid_of_measures_and_corrections_has_no_hole(discrepancies: list[Any]) -> None:
    found = {(one.case, one.fit) for one in discrepancies if one.quantity == "refused rows"}
    for name, case in REFERENCE["cases"].items():
        if case["kind"] not in MEASURES:
            continue
        fits = {fit for case_name, fit in found if case_name == name}
        assert fits == set(case["effects"]), name
        assert {fit.split(", ")[0] for fit in fits} == MEASURES[case["kind"]], name
        plain = {fit.split(", ")[0] for fit in fits if fit.endswith(", none")}
        assert plain >= {code for code in MEASURES[case["kind"]] if " " not in code}, name
    for kind, measures in MEASURES.items():
        cases = [case for case in REFERENCE["cases"].values() if case["kind"] == kind]
        fits = {fit for case in cases for fit in case["effects"]}
        for code in (code for code in measures if " " not in code):
            assert {fit.split(", ")[1] for fit in fits if fit.split(", ")[0] == code} == CORRECTIONS


def test_the_grid_of_routes_intervals_and_scales_has_no_hole(discrepancies: list[Any]) -> None:
    found: dict[str, set[str]] = {}
    for one in discrepancies:
        found.setdefault(one.case, set()).add(one.fit)
    for name in REFERENCE["comparisons"]:
        assert found[name] >= ROUTES, name
    for name in REFERENCE["curves"]:
        for scale in SCALES:
            assert f"standard error on the {scale}" in found[name]
            for interval in INTERVALS:
                for level in (90, 95):
                    assert f"{interval} {level} % interval on the {scale}" in found[name]
        assert "numbers at risk" in found[name]


def test_at_least_150_calculations_over_25_published_data_sets_are_pinned() -> None:
    cases = REFERENCE["cases"].values()
    sources = {case["source"].split(",")[0] for case in cases}
    assert all(source.startswith("metadat dat.") for source in sources)
    assert len(sources) >= 25
    assert sum(len(case.get("effects", [1])) for case in cases) >= 150
    zeros = [
        case for case in cases if any(None in e["yi"] for e in case.get("effects", {}).values())
    ]
    assert len(zeros) >= 15


def test_the_page_names_the_versions_and_counts_of_the_reference() -> None:
    page = (FOLDER / "effects.md").read_text(encoding="utf-8")
    made_with = REFERENCE["made_with"]
    for package in ("metafor", "metadat", "survival"):
        assert f"{package} {made_with[package]}" in page
    calculations = sum(len(case.get("effects", [1])) for case in REFERENCE["cases"].values())
    assert f"{calculations} calculations" in page
    sources = {case["source"].split(",")[0] for case in REFERENCE["cases"].values()}
    assert f"from {len(sources)} data sets" in page


def test_the_pooled_hazard_ratio_of_pignon_2000_is_the_published_one() -> None:
    # Lancet 2000;355:949-955, abstract: 0.90 (0.85-0.94), from O - E and V of every trial
    case = REFERENCE["cases"]["pignon2000"]
    effects = log_hazard_ratio_from_observed_minus_expected(
        case["observed_minus_expected"], case["variance"]
    )
    pooled = pool(effects.yi, effects.vi, method="common", test="z")
    shown = [round(float(np.exp(one)), 2) for one in (pooled.estimate, *pooled.interval)]
    assert shown == [0.90, 0.85, 0.94]


def test_two_decimals_explain_every_interval_of_hackshaw_1998_printed_to_two() -> None:
    # of 37 intervals those of studies 4, 12 and 30 are printed to one decimal
    case = REFERENCE["cases"]["hackshaw1998"]
    given = (case["estimate"], case["low"], case["high"])
    flagged = [line.split(":")[0] for line in log_hazard_ratio(*given, rounding=0.005).warnings]
    assert flagged == ["study 4", "study 12", "study 30"]
    rounding = np.where(np.isin(np.arange(1, 38), (4, 12, 30)), 0.05, 0.005)
    assert log_hazard_ratio(*given, rounding=rounding).warnings == ()
