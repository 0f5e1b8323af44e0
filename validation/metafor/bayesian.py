"""Hold posterior distributions against those that R found by brute force.

    python validation/metafor/bayesian.py

A discrepancy is |ours - R's| over the larger of |R's| and a unit: the width of the interval for
what has one, 1 for probabilities and logarithms. Something present on one side only is infinitely
far apart.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from secondlook.synthesis.bayesian import (
    BayesianPooled,
    Exponential,
    HalfCauchy,
    HalfNormal,
    HalfT,
    HeterogeneityPrior,
    Normal,
    Uniform,
    pool_bayesian,
)

REFERENCE = Path(__file__).with_name("bayesian.json")


class Discrepancy(NamedTuple):
    """One quantity of one fit, and how far apart the two programs are."""

    case: str
    fit: str
    quantity: str
    size: float


def reference() -> dict[str, Any]:
    """Read what R found."""
    content: dict[str, Any] = json.loads(REFERENCE.read_text(encoding="utf-8"))
    return content


def prior_of(name: str, scale: float) -> HeterogeneityPrior:
    """Give a prior by its name in the reference."""
    priors: dict[str, HeterogeneityPrior] = {"flat": Uniform()}
    if scale is not None:
        priors |= {
            "half-normal": HalfNormal(scale),
            "half-Cauchy": HalfCauchy(scale),
            "half-t": HalfT(scale, degrees_of_freedom=3),
            "exponential": Exponential(scale),
            "uniform": Uniform(scale),
        }
    return priors[name]


def numbers(pooled: BayesianPooled, yi: list[float], vi: list[float]) -> dict[str, Any]:
    """Give everything that was pinned, under the names of the reference."""
    first = pooled.studies[0]
    points = [float(np.mean(yi)), 0.0, yi[int(np.argmin(vi))]]
    summaries = {"tau": pooled.tau, "effect": pooled.effect, "new": pooled.prediction}
    found: dict[str, Any] = {
        name: [one.interval[0], one.median, one.interval[1]] for name, one in summaries.items()
    }
    return found | {
        "tau_mean": pooled.tau.mean,
        "tau_sd": pooled.tau.standard_deviation,
        "effect_mean": pooled.effect.mean,
        "effect_sd": pooled.effect.standard_deviation,
        "new_sd": pooled.prediction.standard_deviation,
        "first": [first.interval[0], first.median, first.interval[1]],
        "first_mean": first.mean,
        "first_sd": first.standard_deviation,
        "below": [pooled.probability_below(x) for x in points],
        "log_marginal": pooled.log_marginal_likelihood,
        "log_no_effect": pooled.log_bayes_factor_no_effect,
        "log_no_heterogeneity": pooled.log_bayes_factor_no_heterogeneity,
    }


def apart(ours: Any, theirs: Any, unit: float) -> float:
    """Give the largest discrepancy between two numbers or two lists of them."""
    if ours is None and theirs is None:
        return 0.0
    if ours is None or theirs is None:
        return math.inf
    a, b = np.atleast_1d(np.asarray(ours, float)), np.atleast_1d(np.asarray(theirs, float))
    return float(np.max(np.abs(a - b) / np.maximum(np.abs(b), unit)))


def discrepancies() -> Iterator[Discrepancy]:
    """Hold everything pinned against ours."""
    for name, case in reference()["cases"].items():
        for fit in case["fits"]:
            prior = prior_of(fit["prior"], fit["scale"])
            normal = Normal(*fit["normal"]) if "normal" in fit else None
            pooled = pool_bayesian(
                case["yi"], case["vi"], tau_prior=prior, effect_prior=normal, level=fit["level"]
            )
            label = f"{fit['prior']}, {'flat' if normal is None else 'normal'} mean"
            for quantity, ours in numbers(pooled, case["yi"], case["vi"]).items():
                of = fit.get(quantity.split("_")[0])
                unit = 1.0 if quantity == "below" or of is None else of[2] - of[0]
                yield Discrepancy(name, label, quantity, apart(ours, fit.get(quantity), unit))


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
