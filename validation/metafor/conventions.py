"""Hold pooling under other programs' conventions against what those programs said.

    python validation/metafor/conventions.py

A discrepancy is |ours - theirs| over the larger of |theirs| and a unit: the standard error for
estimates and limits, the median sampling variance for tau², 1 for the rest. Something present on
one side only is infinitely far apart.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from secondlook.synthesis import pool

FOLDER = Path(__file__).parent

TESTS = {"z": "z", "knha": "hksj-unguarded"}

UNITS = {
    "estimate": "error",
    "standard_error": "error",
    "interval": "error",
    "prediction_interval": "error",
    "prediction_hts": "error",
    "prediction_t": "error",
    "tau2": "variance",
    "tau2_standard_error": "variance",
    "tau2_interval": "variance",
    "profile_likelihood": "variance",
}


class Discrepancy(NamedTuple):
    """One quantity of one fit, and how far apart the two programs are."""

    case: str
    fit: str
    quantity: str
    size: float


def reference(name: str) -> dict[str, Any]:
    """Read what a program said."""
    content: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
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


def unit(quantity: str, case: dict[str, Any], error: float) -> float:
    """Give the unit in which a quantity is compared."""
    kind = UNITS.get(quantity, "one")
    return {"error": error, "variance": float(np.median(case["vi"])), "one": 1.0}[kind]


def by_metafor() -> Iterator[Discrepancy]:
    """Hold metafor's choices against ours made as metafor makes them."""
    for name, case in reference("conventions.json")["cases"].items():
        yi, vi = case["yi"], case["vi"]
        for fit in case["fits"]:
            asked = {"method": fit["method"], "test": TESTS[fit["test"]]}
            ours = pool(yi, vi, conventions="metafor", **asked)
            found: dict[str, Any] = {
                quantity: getattr(ours, quantity) for quantity in fit if hasattr(ours, quantity)
            }
            for prediction in ("hts", "t"):
                other = pool(yi, vi, **asked, prediction=prediction)
                found[f"prediction_{prediction}"] = other.prediction_interval
            if fit["profile_likelihood"][0] is not None:
                other = pool(yi, vi, **asked, tau2_interval="profile-likelihood")
                found["profile_likelihood"] = other.tau2_interval
            found["i2_from_q"], found["h2_from_q"] = ours.i2_from_q, ours.h2_from_q
            theirs = fit | {"i2_from_q": case["i2_from_q"], "h2_from_q": case["h2_from_q"]}
            label = f"metafor {fit['method']} {fit['test']}"
            for quantity, value in found.items():
                if quantity in theirs and quantity not in ("method", "test"):
                    size = apart(
                        value, theirs[quantity], unit(quantity, case, fit["standard_error"])
                    )
                    yield Discrepancy(name, label, quantity, size)


def by_meta() -> Iterator[Discrepancy]:
    """Hold meta's choices against ours made as meta makes them."""
    for name, case in reference("conventions_meta.json")["cases"].items():
        for fit in case["fits"]:
            ours = pool(case["yi"], case["vi"], conventions="meta", **fit["options"])
            label = "meta " + " ".join(fit["options"].values())
            for quantity, value in fit.items():
                if quantity != "options":
                    size = apart(
                        getattr(ours, quantity), value, unit(quantity, case, fit["standard_error"])
                    )
                    yield Discrepancy(name, label, f"{quantity} (meta)", size)


def discrepancies() -> Iterator[Discrepancy]:
    """Hold everything pinned against ours."""
    yield from by_metafor()
    yield from by_meta()


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
