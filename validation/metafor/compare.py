"""Hold what this package computes against what metafor said; prints the table of the README.

    python validation/metafor/compare.py

A discrepancy is |ours - metafor's| over the larger of |metafor's| and a unit: the standard error
for an estimate or a limit, the median sampling variance for tau² and what belongs to it, 1 for the
rest. Something present on one side only is infinitely far apart.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from secondlook.synthesis import (
    inverse,
    leave_one_out,
    pool,
    survival_difference,
    survival_proportion,
)

REFERENCE = Path(__file__).with_name("reference.json")

TESTS = {"z": "z", "t": "t", "knha": "hksj-unguarded", "adhoc": "hksj"}

QUANTITIES = {
    "estimate": "error",
    "standard_error": "error",
    "interval": "error",
    "prediction_interval": "error",
    "tau2": "variance",
    "tau2_standard_error": "variance",
    "tau2_interval": "variance",
    "i2": "one",
    "i2_interval": "one",
    "h2": "one",
    "h2_interval": "one",
    "q": "one",
    "q_p_value": "one",
    "statistic": "one",
    "p_value": "one",
    "degrees_of_freedom": "one",
    "variance_factor": "one",
    "weights": "one",
}


class Discrepancy(NamedTuple):
    """One quantity of one fit, and how far apart the two programs are."""

    case: str
    fit: str
    quantity: str
    size: float


def reference() -> dict[str, Any]:
    """Read what metafor said."""
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


def units(case: dict[str, Any], error: float) -> dict[str, float]:
    """Give the unit of each kind of quantity in one case."""
    return {"error": error, "variance": float(np.median(case["vi"])), "one": 1.0}


def fits(name: str, case: dict[str, Any]) -> Iterator[Discrepancy]:
    """Hold every fit of a case against ours."""
    for fit in case["fits"]:
        test = TESTS[fit["test"]]
        ours = pool(case["yi"], case["vi"], method=fit["method"], test=test, level=case["level"])
        unit = units(case, fit["standard_error"])
        for quantity, kind in QUANTITIES.items():
            size = apart(getattr(ours, quantity), fit.get(quantity), unit[kind])
            yield Discrepancy(name, f"{fit['method']} {fit['test']}", quantity, size)


def omissions(name: str, case: dict[str, Any]) -> Iterator[Discrepancy]:
    """Hold every leave-one-out of a case against ours."""
    for fit in case.get("leave_one_out", []):
        rows = leave_one_out(
            case["yi"],
            case["vi"],
            method=fit["method"],
            test=TESTS[fit["test"]],
            level=case["level"],
        ).to_frame()
        unit = units(case, min(fit["standard_error"]))
        for quantity, theirs in fit.items():
            if quantity in ("method", "test"):
                continue
            kind = "error" if quantity in ("low", "high") else QUANTITIES[quantity]
            size = apart(rows[quantity].to_list(), theirs, unit[kind])
            label = f"{fit['method']} {fit['test']}"
            yield Discrepancy(name, label, f"leave-one-out {quantity}", size)


def effects(found: dict[str, Any]) -> Iterator[Discrepancy]:
    """Hold effect sizes and the double arcsine's way back against ours."""
    for name, case in found["proportions"].items():
        survival, n = np.array(case["survival"]), np.array(case["n"])
        inside = np.array(case["inside"])
        for scale in ("logit", "cloglog"):
            ours = survival_proportion(survival[inside], n[inside], scale=scale)
            for part in ("yi", "vi"):
                size = apart(getattr(ours, part), case[scale][part], 1e-3)
                yield Discrepancy(name, scale, f"effect {part}", size)
        arcsine, ours = (
            case["freeman_tukey"],
            survival_proportion(survival, n, scale="freeman-tukey"),
        )
        for part in ("yi", "vi"):
            size = apart(getattr(ours, part), arcsine[part], 1e-3)
            yield Discrepancy(name, "freeman-tukey", f"effect {part}", size)
        pooled = pool(ours.yi, ours.vi, test="z")
        back = inverse("freeman-tukey", sample_sizes=n)([pooled.estimate, *pooled.interval])
        yield Discrepancy(name, "freeman-tukey", "back", apart(back, arcsine["pooled"], 1.0))
        one = [
            float(inverse("freeman-tukey", sample_sizes=[size])(y))
            for y, size in zip(ours.yi, n, strict=True)
        ]
        yield Discrepancy(name, "freeman-tukey", "back", apart(one, arcsine["back"], 1.0))
    for name, case in found["differences"].items():
        arms = (case[key] for key in ("treated", "treated_n", "control", "control_n"))
        ours = survival_difference(*arms)
        for part in ("yi", "vi"):
            size = apart(getattr(ours, part), case[part], 1e-3)
            yield Discrepancy(name, "difference", f"effect {part}", size)
    grid = found["freeman_tukey_inverse"]
    back = inverse("freeman-tukey", sample_sizes=[grid["n"]])(grid["value"])
    yield Discrepancy("grid", "freeman-tukey", "back", apart(back, grid["back"], 1.0))


def discrepancies() -> Iterator[Discrepancy]:
    """Hold everything pinned against ours."""
    found = reference()
    for name, case in found["cases"].items():
        yield from fits(name, case)
        yield from omissions(name, case)
    yield from effects(found["effects"])


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
