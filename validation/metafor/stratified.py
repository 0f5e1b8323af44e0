"""Hold pooling by strata against what metafor's rma.mh and rma.peto said.

    python validation/metafor/stratified.py

A discrepancy is |ours - metafor's| over the larger of |metafor's| and a unit: the standard error
for estimates and limits, 1 for the rest. Something present on one side only is infinitely far
apart.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from secondlook.synthesis.stratified import (
    mantel_haenszel,
    mantel_haenszel_rates,
    peto_odds_ratio,
)

REFERENCE = Path(__file__).with_name("stratified.json")

NOT_QUANTITIES = {"measure", "options"}
IN_STANDARD_ERRORS = {"estimate", "standard_error", "interval"}


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


def compared(name: str, fit: str, ours: Any, theirs: dict[str, Any]) -> Iterator[Discrepancy]:
    """Hold every quantity of one fit against ours."""
    for quantity, value in theirs.items():
        if quantity not in NOT_QUANTITIES:
            unit = theirs["standard_error"] if quantity in IN_STANDARD_ERRORS else 1.0
            yield Discrepancy(name, fit, quantity, apart(getattr(ours, quantity), value, unit))


def discrepancies() -> Iterator[Discrepancy]:
    """Hold everything pinned against ours."""
    for name, case in reference()["cases"].items():
        tables = case["kind"] == "tables"
        size = "n" if tables else "time"
        columns = (f"treated_events treated_{size} control_events control_{size}").split()
        given = [case[column] for column in columns]
        pooling: Any = mantel_haenszel if tables else mantel_haenszel_rates
        for fit in case["fits"]:
            ours = pooling(*given, measure=fit["measure"], **fit["options"])
            said = ", ".join(f"{option} {value}" for option, value in fit["options"].items())
            yield from compared(name, f"{fit['measure']} {said}".strip(), ours, fit)
        if tables:
            yield from compared(name, "Peto", peto_odds_ratio(*given), case["peto"])


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
