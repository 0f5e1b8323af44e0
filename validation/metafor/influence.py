"""Hold what is computed of single studies against what metafor said.

    python validation/metafor/influence.py

A discrepancy is |ours - metafor's| over the larger of |metafor's| and a unit: the standard error
of the pooled effect for effects and limits, the median sampling variance for tau², 1 for the rest.
Something present on one side only is infinitely far apart.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from secondlook.synthesis.cumulative import cumulative
from secondlook.synthesis.influence import influence
from secondlook.synthesis.shrinkage import predict_studies
from secondlook.synthesis.subsets import pool_subsets

FOLDER = Path(__file__).parent

METHODS = {"EE": "common"}
TESTS = {"z": "z", "t": "t", "knha": "hksj-unguarded", "adhoc": "hksj"}

EFFECTS = {
    "residual",
    "estimate",
    "standard_error",
    "low",
    "high",
    "departure",
    "departure_standard_error",
    "departure_low",
    "departure_high",
}
VARIANCES = {"tau2", "tau2_without"}


class Discrepancy(NamedTuple):
    """One quantity of one fit, and how far apart the two programs are."""

    case: str
    fit: str
    quantity: str
    size: float


def reference(name: str) -> dict[str, Any]:
    """Read what metafor said."""
    content: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return content


def apart(ours: Any, theirs: Any, unit: float) -> float:
    """Give the largest discrepancy between two lists of numbers."""
    a, b = np.asarray(ours, float), np.asarray(theirs, float)
    if a.shape != b.shape or np.isnan(a).any():
        return math.inf
    return float(np.max(np.abs(a - b) / np.maximum(np.abs(b), unit)))


def compared(
    case: str, pinned: dict[str, Any], table: dict[str, Any], vi: list[float], prefix: str
) -> Iterator[Discrepancy]:
    """Hold every column that was pinned against the one of the same name in ours."""
    label = " ".join(pinned[key] for key in ("method", "test") if key in pinned)
    variance = float(np.median(vi))
    error = 1 / math.sqrt(sum(1 / v for v in vi))
    for quantity, theirs in pinned.items():
        if quantity in ("method", "test", "studies", "included"):
            continue
        unit = error if quantity in EFFECTS else variance if quantity in VARIANCES else 1.0
        size = apart(table[quantity], theirs, unit)
        yield Discrepancy(case, label, f"{prefix} {quantity}", size)


def options(pinned: dict[str, Any]) -> dict[str, Any]:
    """Give the options of a fit in our words."""
    method = METHODS.get(pinned["method"], pinned["method"])
    return {"method": method, "test": TESTS[pinned["test"]]}


def of_single_studies() -> Iterator[Discrepancy]:
    """Hold influence, standardized residuals, Baujat's coordinates and predictions against ours."""
    for name, case in reference("influence.json")["cases"].items():
        yi, vi = case["yi"], case["vi"]
        for pinned in case["influence"]:
            table = influence(yi, vi, **options(pinned)).to_frame().to_dict(as_series=False)
            yield from compared(name, pinned, table, vi, "influence")
        for pinned in case["predictions"]:
            table = predict_studies(yi, vi, **options(pinned)).to_frame().to_dict(as_series=False)
            yield from compared(name, pinned, table, vi, "prediction")


def of_several() -> Iterator[Discrepancy]:
    """Hold cumulative pooling and subsets against ours."""
    for name, case in reference("cumulative.json")["cases"].items():
        yi, vi = case["yi"], case["vi"]
        for pinned in case.get("steps", []):
            found = cumulative(yi, vi, order=case["order"], **options(pinned))
            same = [row.added for row in found.rows[1:]] == [
                f"study {i}" for i in pinned["studies"]
            ]
            label = f"{pinned['method']} {pinned['test']}"
            yield Discrepancy(name, label, "cumulative order", 0.0 if same else math.inf)
            table = found.to_frame()[1:].to_dict(as_series=False)
            yield from compared(name, pinned, table, vi, "cumulative")
        for pinned in case.get("subsets", []):
            method = METHODS.get(pinned["method"], pinned["method"])
            subsets = pool_subsets(yi, vi, method=method)
            numbers = (subsets.included @ (1 << np.arange(len(yi)))).tolist()
            rows = [numbers.index(number) for number in pinned["included"]]
            table = subsets.to_frame()[rows].to_dict(as_series=False)
            yield from compared(name, pinned, table, vi, "subset")


def discrepancies() -> Iterator[Discrepancy]:
    """Hold everything pinned against ours."""
    yield from of_single_studies()
    yield from of_several()


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
