"""Hold the estimators of tau² against what metafor said.

    python validation/metafor/estimators.py

A discrepancy is |ours - metafor's| over the larger of |metafor's| and the median sampling variance.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from secondlook.synthesis.between_study_variance import ESTIMATORS
from secondlook.synthesis.heterogeneity import profile_likelihood_interval

REFERENCE = Path(__file__).with_name("estimators.json")


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


def apart(ours: float, theirs: float | None, unit: float) -> float:
    """Give how far two numbers are apart; infinitely where metafor gave none."""
    return math.inf if theirs is None else abs(ours - theirs) / max(abs(theirs), unit)


def discrepancies() -> Iterator[Discrepancy]:
    """Hold everything pinned against ours."""
    for name, case in reference()["cases"].items():
        yi, vi = np.array(case["yi"]), np.array(case["vi"])
        unit = float(np.median(vi))
        for fit in case["fits"]:
            method = fit["method"]
            ours = ESTIMATORS[method](yi, vi)
            yield Discrepancy(name, method, "tau2", apart(ours.tau2, fit["tau2"], unit))
            error = apart(ours.standard_error, fit["standard_error"], unit)
            yield Discrepancy(name, method, "tau2_standard_error", error)
            if fit.get("profile_likelihood", [None])[0] is None:
                continue
            limits = profile_likelihood_interval(yi, vi, 0.95, restricted=method == "REML")
            size = max(map(apart, limits, fit["profile_likelihood"], (unit, unit)))
            yield Discrepancy(name, method, "profile_likelihood_interval", size)


def main() -> None:
    """Print the largest discrepancy of each quantity and method, and where it is."""
    largest: dict[tuple[str, str], Discrepancy] = {}
    count: dict[tuple[str, str], int] = defaultdict(int)
    for one in discrepancies():
        key = one.quantity, one.fit
        count[key] += 1
        if key not in largest or one.size > largest[key].size:
            largest[key] = one
    print("| quantity | method | compared | largest discrepancy | in |\n|---|---|---:|---:|---|")
    for key, one in largest.items():
        print(f"| {key[0]} | {key[1]} | {count[key]} | {one.size:.1e} | {one.case} |")


if __name__ == "__main__":
    main()
