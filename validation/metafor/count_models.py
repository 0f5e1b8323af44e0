"""Hold mixed models of counts against metafor's rma.glmm and against brute force.

    python validation/metafor/count_models.py

A discrepancy is |ours - theirs| over the larger of |theirs| and a unit: the standard error for
estimates, its square for tau², 1 for the rest. Something present on one side only is infinitely far
apart. What metafor says is as good as the optimiser of lme4; what brute force says, as numerical
derivatives.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from secondlook.synthesis.count_models import (
    PooledCounts,
    pool_proportions,
    pool_rates,
    pool_two_arms,
    pool_two_rates,
)

REFERENCE = Path(__file__).with_name("count_models.json")

MODELS = {
    "UM.FS": "fixed studies",
    "UM.RS": "random studies",
    "CM.EL": "conditional",
    "CM.AL": "approximate",
}
DOORS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "proportion": (pool_proportions, ("events", "n")),
    "rate": (pool_rates, ("events", "person_time")),
    "odds ratio": (
        pool_two_arms,
        ("treated_events", "treated_n", "control_events", "control_n"),
    ),
    "rate ratio": (
        pool_two_rates,
        ("treated_events", "treated_time", "control_events", "control_time"),
    ),
}
TESTS = {"wald_statistic", "likelihood_ratio_statistic", "likelihood_ratio_p_value"}


class Discrepancy(NamedTuple):
    """One quantity of one fit, and how far apart the two programs are."""

    case: str
    fit: str
    quantity: str
    size: float


def reference() -> dict[str, Any]:
    """Read what was pinned."""
    content: dict[str, Any] = json.loads(REFERENCE.read_text(encoding="utf-8"))
    return content


def apart(ours: Any, theirs: Any, unit: float) -> float:
    """Give the largest discrepancy between two numbers or two lists of them."""
    if ours is None and theirs is None:
        return 0.0
    if ours is None or theirs is None:
        return math.inf
    a, b = np.atleast_1d(np.asarray(ours, float)), np.atleast_1d(np.asarray(theirs, float))
    if a.shape != b.shape:
        return math.inf
    return float(np.max(np.abs(a - b) / np.maximum(np.abs(b), unit)))


def pooled(case: dict[str, Any], **options: Any) -> PooledCounts:
    """Pool a case as this package does."""
    door, columns = DOORS[case["kind"]]
    if "model" in case:
        options["model"] = MODELS[case["model"]]
    result: PooledCounts = door(*(case[column] for column in columns), **options)
    return result


def _apart_by_design(case: dict[str, Any], quantity: str, ours: PooledCounts) -> bool:
    # tests that have no value here, for reasons given in count_models.md, and metafor's Wald test
    # of the exact conditional model, whose numerical derivatives are not good enough
    if quantity in ("k", "parameters"):
        return True
    if quantity == "wald_statistic" and case.get("model") == "CM.EL":
        return bool(case["kind"] == "odds ratio")
    return quantity in TESTS and bool(getattr(ours, quantity) is None)


def discrepancies() -> Iterator[Discrepancy]:
    """Hold everything pinned against ours."""
    for name, case in reference()["cases"].items():
        for fit, options in (("brute_force", {}), ("metafor", {}), ("metafor_z", {"test": "z"})):
            theirs = case.get(fit)
            if theirs is None:
                continue
            ours = pooled(case, **options)
            error = ours.standard_error
            units = {"estimate": error, "interval": error, "prediction_interval": error}
            units |= {"tau2": error**2, "tau2_standard_error": error**2}
            for quantity, value in theirs.items():
                if not _apart_by_design(case, quantity, ours):
                    size = apart(getattr(ours, quantity), value, units.get(quantity, 1.0))
                    yield Discrepancy(name, fit, quantity, size)


def main() -> None:
    """Print the largest discrepancy of each quantity and where it is."""
    largest: dict[tuple[str, str], Discrepancy] = {}
    count: dict[tuple[str, str], int] = defaultdict(int)
    for one in discrepancies():
        key = (one.fit.removesuffix("_z"), one.quantity)
        count[key] += 1
        if key not in largest or one.size > largest[key].size:
            largest[key] = one
    print("| against | quantity | compared | largest discrepancy | in |")
    print("|---|---|---:|---:|---|")
    for (fit, quantity), one in sorted(largest.items()):
        shown = fit.replace("_", " ")
        print(f"| {shown} | {quantity} | {count[fit, quantity]} | {one.size:.1e} | {one.case} |")


if __name__ == "__main__":
    main()
