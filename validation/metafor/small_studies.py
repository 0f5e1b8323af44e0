"""Hold small-study methods against what metafor said.

    python validation/metafor/small_studies.py

A discrepancy is |ours - metafor's| over the larger of |metafor's| and a unit: the standard error
for estimates and limits, the median sampling variance for tau², 1 for the rest. Something present
on one side only is infinitely far apart.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from secondlook.errors import EstimationError
from secondlook.synthesis.small_studies import (
    AsymmetryTest,
    begg_test,
    egger_test,
    fail_safe_n,
    harbord_test,
    henmi_copas,
    pet_peese,
    peters_test,
    step_selection,
    trim_and_fill,
)

FILES = ("small_studies.json", "small_studies_modelled.json")

TESTS = {"z": "z", "t": "t", "knha": "hksj-unguarded", "adhoc": "hksj"}
PREDICTORS = {
    "sei": "standard-error",
    "vi": "variance",
    "ni": "n",
    "ninv": "inverse-n",
    "sqrtni": "root-n",
    "sqrtninv": "inverse-root-n",
}


class Discrepancy(NamedTuple):
    """One quantity of one fit, and how far apart the two programs are."""

    case: str
    fit: str
    quantity: str
    size: float


def reference() -> dict[str, Any]:
    """Read what metafor said, both files together."""
    folder = Path(__file__).parent
    first, second = (json.loads((folder / name).read_text(encoding="utf-8")) for name in FILES)
    cases = {name: case | second["cases"][name] for name, case in first["cases"].items()}
    return {"made_with": first["made_with"], "cases": cases}


def apart(ours: Any, theirs: Any, unit: float = 1.0) -> float:
    """Give the largest discrepancy between two numbers or two lists of them."""
    a = np.atleast_1d(np.asarray(ours, float))
    b = np.atleast_1d(np.asarray(theirs, float))
    if a.shape != b.shape or np.any(np.isnan(a) != np.isnan(b)):
        return math.inf
    known = ~np.isnan(b)
    sizes = np.abs(a[known] - b[known]) / np.maximum(np.abs(b[known]), unit)
    return float(sizes.max(initial=0.0))


def numbers_of(found: AsymmetryTest) -> dict[str, Any]:
    """Give a test under the names of the reference."""
    limit = found.limit
    return {
        "asymmetry": found.asymmetry.estimate,
        "asymmetry_standard_error": found.asymmetry.standard_error,
        "statistic": found.asymmetry.statistic,
        "p_value": found.asymmetry.p_value,
        "limit": None if limit is None else limit.estimate,
        "limit_interval": [None, None] if limit is None else list(limit.interval),
        "tau2": found.tau2,
    }


def of_egger(name: str, case: dict[str, Any]) -> Iterator[Discrepancy]:
    """Hold regression tests, and PET-PEESE which is made of them."""
    yi, vi = case["yi"], case["vi"]
    limits = {}
    for fit in case["egger"]:
        mixed = fit["model"] == "rma"
        found = egger_test(
            yi,
            vi,
            n=case.get("n"),
            model="mixed" if mixed else "linear",
            predictor=PREDICTORS[fit["predictor"]],
            method=fit["method"] if mixed else None,
            test=TESTS[fit["test"]] if mixed else None,
        )
        if not mixed:
            limits[fit["predictor"]] = fit
        label = f"{fit['model']} {fit['predictor']} {fit['method']} {fit['test']}"
        error = fit["asymmetry_standard_error"]
        ends = fit["limit_interval"]
        width = 1.0 if ends[0] is None else (ends[1] - ends[0]) / 4
        units = {
            "asymmetry": error,
            "asymmetry_standard_error": error,
            "limit": width,
            "limit_interval": width,
            "tau2": float(np.median(vi)),
        }
        for quantity, ours in numbers_of(found).items():
            size = apart(ours, fit[quantity], units.get(quantity, 1.0))
            yield Discrepancy(name, label, f"egger {quantity}", size)
    found_limits = pet_peese(yi, vi)
    for label, fit, part in (
        ("PET", limits["sei"], found_limits.pet),
        ("PEESE", limits["vi"], found_limits.peese),
    ):
        ends = fit["limit_interval"]
        size = apart(part.interval, ends, (ends[1] - ends[0]) / 4)
        yield Discrepancy(name, label, "precision effect interval", size)


def of_begg(name: str, case: dict[str, Any]) -> Iterator[Discrepancy]:
    """Hold the rank correlation test."""
    found = begg_test(case["yi"], case["vi"])
    for quantity in ("kendall_tau", "p_value"):
        size = apart(getattr(found, quantity), case["begg"][quantity])
        yield Discrepancy(name, "begg", f"begg {quantity}", size)


def of_trimming(name: str, case: dict[str, Any]) -> Iterator[Discrepancy]:
    """Hold trim and fill."""
    for fit in case["trim_and_fill"]:
        found = trim_and_fill(
            case["yi"],
            case["vi"],
            method=fit["method"],
            estimator=fit["estimator"],
            side=fit["asked"] or None,
            test="z",
        )
        label = f"{fit['method']} {fit['estimator']} {fit['asked'] or 'side found'}"
        same = found.side == fit["side"] and found.missing == fit["missing"]
        yield Discrepancy(name, label, "trim missing", 0.0 if same else math.inf)
        error = fit["standard_error"]
        compared = {
            "missing_standard_error": (found.missing_standard_error, 1.0),
            "missing_p_value": (found.missing_p_value, 1.0),
            "estimate": (found.filled.estimate, error),
            "standard_error": (found.filled.standard_error, error),
            "tau2": (found.filled.tau2, float(np.median(case["vi"]))),
        }
        for quantity, (ours, unit) in compared.items():
            yield Discrepancy(name, label, f"trim {quantity}", apart(ours, fit[quantity], unit))


def of_henmi(name: str, case: dict[str, Any]) -> Iterator[Discrepancy]:
    """Hold the interval of Henmi and Copas."""
    found, fit = henmi_copas(case["yi"], case["vi"]), case["henmi_copas"]
    units = {"tau2": float(np.median(case["vi"]))}
    for quantity, theirs in fit.items():
        size = apart(getattr(found, quantity), theirs, units.get(quantity, fit["standard_error"]))
        yield Discrepancy(name, "henmi_copas", f"henmi-copas {quantity}", size)


def of_fail_safe(name: str, case: dict[str, Any]) -> Iterator[Discrepancy]:
    """Hold numbers of unseen studies."""
    pinned = case["fail_safe"]
    for label, theirs in pinned.items():
        if label == "target":
            continue
        method, _, option = label.removeprefix("weighted-").partition("-")
        found = fail_safe_n(
            case["yi"],
            case["vi"],
            method=f"weighted-{method}" if label.startswith("weighted") else method,
            alpha=0.01 if option == "1" else 0.05,
            target=pinned["target"] if option == "target" else None,
        )
        size = 0.0 if found.number == theirs else math.inf
        yield Discrepancy(name, label, "fail-safe N", size)


def of_tables(name: str, case: dict[str, Any]) -> Iterator[Discrepancy]:
    """Hold the tests of Harbord and of Peters against lm()."""
    if "tables" not in case:
        return
    counts = [case["tables"][key] for key in ("ai", "n1i", "ci", "n2i")]
    pinned = case["two_by_two"]
    both = {"harbord": harbord_test(*counts), "peters": peters_test(*counts, add=0.5)}
    for label, found in both.items():
        fit, numbers = pinned[label], numbers_of(found)
        for quantity in ("asymmetry", "asymmetry_standard_error", "statistic", "p_value", "limit"):
            unit = fit["asymmetry_standard_error"] if "asymmetry" in quantity else 1.0
            size = apart(numbers[quantity], fit[quantity], unit)
            yield Discrepancy(name, label, f"{label} {quantity}", size)
    unit = pinned["harbord"]["asymmetry_standard_error"]
    size = apart(both["harbord"].asymmetry.estimate, pinned["harbord_intercept"], unit)
    yield Discrepancy(name, "harbord", "harbord as an intercept", size)


_HIGHER = 1e-6
"""Log-likelihoods further apart than this are those of two maxima."""


def of_selection(name: str, case: dict[str, Any]) -> Iterator[Discrepancy]:
    """Hold step-function selection models."""
    for fit in case.get("selection", []):
        steps = np.atleast_1d(fit["steps"]).tolist()
        alternative = fit["alternative"].replace(".", "-")
        try:
            found = step_selection(case["yi"], case["vi"], alternative=alternative, steps=steps)
        except EstimationError as refused:
            if "holds no study" not in str(refused):
                raise
            continue  # metafor gives a number that depends on where its iteration stopped
        if found.log_likelihood > fit["log_likelihood"] + _HIGHER:
            continue  # metafor stopped at a lesser maximum, and its other numbers belong to that
        label = f"{alternative} {', '.join(map(str, steps))}"
        test = found.selection_test
        variance = float(np.median(case["vi"]))
        error = fit["standard_error"]
        weights = [one.weight for one in found.weights]
        errors = [one.standard_error for one in found.weights[1:]]
        compared = {
            "estimate": (found.estimate, error),
            "standard_error": (found.standard_error, error),
            "tau2": (found.tau2, variance),
            "tau2_standard_error": (found.tau2_standard_error, variance),
            "weights": (weights, 1.0),
            "weights_standard_error": (errors, 1.0),
            "log_likelihood": (found.log_likelihood, 1.0),
            "statistic": (None if test is None else test.statistic, 1.0),
            "p_value": (None if test is None else test.p_value, 1.0),
        }
        for quantity, (ours, unit) in compared.items():
            size = apart(ours, fit[quantity], unit)
            yield Discrepancy(name, label, f"selection {quantity}", size)


def discrepancies() -> Iterator[Discrepancy]:
    """Hold everything pinned against ours."""
    topics = (
        of_egger,
        of_begg,
        of_trimming,
        of_henmi,
        of_fail_safe,
        of_tables,
        of_selection,
    )
    for name, case in reference()["cases"].items():
        for topic in topics:
            yield from topic(name, case)


def main() -> None:
    """Print the largest discrepancy of each quantity and where it is."""
    largest: dict[str, Discrepancy] = {}
    count: dict[str, int] = defaultdict(int)
    for one in discrepancies():
        count[one.quantity] += 1
        if one.quantity not in largest or one.size > largest[one.quantity].size:
            largest[one.quantity] = one
    print("| quantity | compared | largest discrepancy | in |\n|---|---:|---:|---|")
    for quantity, one in largest.items():
        print(f"| {quantity} | {count[quantity]} | {one.size:.1e} | {one.case}, {one.fit} |")


if __name__ == "__main__":
    main()
