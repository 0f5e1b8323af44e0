"""Hold regressions, permutation tests and subgroups against what metafor said.

    python validation/metafor/regression.py

A discrepancy is |ours - metafor's| over the larger of |metafor's| and a unit: the standard error
for coefficients, effects and their limits, the median sampling variance for tau², 1 for the rest.
Something present on one side only is infinitely far apart.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from secondlook.synthesis.regression import (
    Regression,
    compare_subgroups,
    permutation_test,
    regress,
)

FOLDER = Path(__file__).parent

TESTS = {"z": "z", "t": "t", "knha": "hksj-unguarded", "adhoc": "hksj"}


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


def apart(ours: Any, theirs: Any, unit: Any) -> float:
    """Give the largest discrepancy between two numbers or two lists of them."""
    if ours is None and theirs is None:
        return 0.0
    if ours is None or theirs is None:
        return math.inf
    a, b = np.atleast_1d(np.asarray(ours, float)), np.atleast_1d(np.asarray(theirs, float))
    if a.shape != b.shape:
        return math.inf
    return float(np.max(np.abs(a - b) / np.maximum(np.abs(b), unit)))


def formula_of(text: str) -> str | None:
    """Write a formula of R as formulaic reads it; None where it is but the moderators, added."""
    plain = re.fullmatch(r"~\w+( \+ \w+)*", text) and "0" not in text.split(" + ")[0]
    return None if plain else text.replace("I(ablat^2)", "{ablat**2}")


def models() -> Iterator[Discrepancy]:
    """Hold every method and test of every model against ours."""
    for name, case in reference("regression.json")["models"].items():
        for block in case["methods"]:
            for theirs in block["tests"]:
                ours = regress(
                    [np.nan if y is None else y for y in case["yi"]],
                    [np.nan if v is None else v for v in case["vi"]],
                    case["moderators"],
                    formula=formula_of(case["formula"]),
                    method=block["method"],
                    test=TESTS[theirs["test"]],
                    level=case["level"],
                )
                label = f"{block['method']} {theirs['test']}"
                for quantity, size in model(case, block, theirs, ours):
                    yield Discrepancy(name, label, quantity, size)


def model(
    case: dict[str, Any], block: dict[str, Any], theirs: dict[str, Any], ours: Regression
) -> Iterator[tuple[str, float]]:
    """Hold one fit against ours."""
    errors = np.array(theirs["se"])
    unit = float(np.median(ours.vi))
    rows = ours.coefficients
    yield "estimate", apart([c.estimate for c in rows], block["estimate"], errors)
    yield "standard_error", apart([c.standard_error for c in rows], theirs["se"], errors)
    together = [ours.omnibus.statistic, ours.omnibus.p_value]
    yield "omnibus", apart(together, theirs["omnibus"], 1.0)
    yield "variance_factor", apart(ours.variance_factor, theirs["variance_factor"], 1.0)
    yield "tau2", apart(ours.tau2, block["tau2"], unit)
    yield "tau2_standard_error", apart(ours.tau2_standard_error, block["se_tau2"], unit)
    yield "i2", apart(ours.i2, block["i2"], 1.0)
    yield "h2", apart(ours.h2, block["h2"], 1.0)
    if ours.r2 is not None:
        yield "r2", apart(ours.r2, block["r2"], 1.0)
    yield "q", apart(ours.residual_q, case["q"], 1.0)
    yield "q_p_value", apart(ours.residual_q_p_value, case["q_p_value"], 1.0)
    if "subset" in theirs:
        yield "p_value", apart([c.p_value for c in rows], theirs["pval"], 1.0)
        yield "interval", apart([c.interval[0] for c in rows], theirs["low"], errors)
        yield "interval", apart([c.interval[1] for c in rows], theirs["high"], errors)
        names = [n for n in ours.design.columns.names if is_tested(n, case["subset"])]
        some = ours.omnibus_test(names)
        yield "omnibus_of", apart([some.statistic, some.p_value], theirs["subset"], 1.0)
    if block["method"] != "common":
        yield "tau2_interval", apart(ours.tau2_interval, case["tau2_interval"], unit)
        yield "i2_interval", apart(ours.i2_interval, case["i2_interval"], 1.0)
        yield "h2_interval", apart(ours.h2_interval, case["h2_interval"], 1.0)
    if block["method"] == "REML":
        spread = np.sqrt(ours.vi)
        yield "residuals", apart(ours.residuals, case["residuals"], spread)
    if "predicted" in theirs:
        yield from predicted(ours, case["new"], theirs["predicted"])


def is_tested(name: str, pattern: str) -> bool:
    """Tell whether a coefficient is one R's pattern found."""
    return any(part in name for part in pattern.split("|"))


def predicted(
    ours: Regression, new: dict[str, Any], theirs: dict[str, Any]
) -> Iterator[tuple[str, float]]:
    """Hold predictions against ours."""
    rows = ours.predict(new).rows
    unit = np.array([row.standard_error for row in rows])
    yield "predicted", apart([row.estimate for row in rows], theirs["estimate"], unit)
    yield "predicted interval", apart([row.interval[0] for row in rows], theirs["low"], unit)
    yield "predicted interval", apart([row.interval[1] for row in rows], theirs["high"], unit)
    wide = [row.prediction_interval or (math.nan, math.nan) for row in rows]
    yield "prediction_interval", apart([low for low, _ in wide], theirs["prediction_low"], unit)
    yield "prediction_interval", apart([up for _, up in wide], theirs["prediction_high"], unit)


def permutations() -> Iterator[Discrepancy]:
    """Hold every exact permutation test against ours."""
    for name, case in reference("permutation.json")["permutations"].items():
        fitted = regress(
            case["yi"],
            case["vi"],
            case["moderators"],
            method=case["method"],
            test=TESTS[case["test"]],
        )
        ours = permutation_test(fitted, exact=True)
        found = [one.permutation_p_value for one in ours.coefficients]
        found.append(ours.omnibus_permutation_p_value)
        label = f"{case['method']} {case['test']}"
        count = apart(ours.arrangements, case["arrangements"], 1.0)
        yield Discrepancy(name, label, "arrangements", count)
        size = apart(found, case["highest"], 1.0)
        yield Discrepancy(name, label, "permutation P", size)
        if case["permutest"] is not None and case["method"] not in ("REML", "ML"):
            size = apart(found, case["permutest"], 1.0)
            yield Discrepancy(name, label, "permutation P of permutest", size)


def subgroups() -> Iterator[Discrepancy]:
    """Hold subgroups, apart and with one tau², against ours."""
    for name, case in reference("permutation.json")["subgroups"].items():
        label = f"{case['method']} {case['test']}"
        unit, errors = float(np.median(case["vi"])), np.array(case["se"])
        for shared in (False, True):
            ours = compare_subgroups(
                case["yi"],
                case["vi"],
                case["groups"],
                common_tau2=shared,
                method=case["method"],
                test=TESTS[case["test"]],
            )
            start, kind = ("shared_", "one tau²") if shared else ("", "own tau²")
            rows = ours.rows
            tau2 = [row.tau2 for row in rows]
            theirs = np.broadcast_to(np.array(case[f"{start}tau2"]), len(tau2))
            between = [ours.between.statistic, ours.between.p_value]
            estimate = apart([r.estimate for r in rows], case[f"{start}estimate"], errors)
            error = apart([r.standard_error for r in rows], case[f"{start}se"], errors)
            yield Discrepancy(name, label, f"subgroup estimate, {kind}", estimate)
            yield Discrepancy(name, label, f"subgroup standard_error, {kind}", error)
            yield Discrepancy(name, label, f"subgroup tau2, {kind}", apart(tau2, theirs, unit))
            size = apart(between, case[f"{start}between"], 1.0)
            yield Discrepancy(name, label, f"between subgroups, {kind}", size)


def discrepancies() -> Iterator[Discrepancy]:
    """Hold everything pinned against ours."""
    yield from models()
    yield from permutations()
    yield from subgroups()


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
