"""Bias and coverage of pooled curves over simulated reviews.

    python -m validation.curve_synthesis.simulate [REPLICATES]

Writes results.json and the tables of README.md. 1,000 replicates of every cell take about half an
hour on one core.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from validation.curve_synthesis.patients import MEDIAN, World, draw_studies
from validation.curve_synthesis.readme import write_readme

from secondlook.synthesis.curve_synthesis import PooledCurves, pool_curves

FOLDER = Path(__file__).parent
SEED = 20100901
TIMES = (36.0, 60.0)


@dataclass(frozen=True, slots=True)
class Cell:
    """One world looked at by one way of pooling."""

    table: str
    world: World
    k: int
    family: str
    method: str = "REML"
    within: str = "binomial"


def cells() -> list[Cell]:
    """Everything that is simulated."""
    found = []
    for truth, fitted in (
        ("weibull", "weibull"),
        ("log-normal", "log-normal"),
        ("weibull", "log-logistic"),
        ("log-normal", "weibull"),
    ):
        for reporting in ("sparse", "rich"):
            for k in (5, 15, 40):
                found.append(Cell("main", World(truth, reporting), k, fitted))
    for within in ("binomial", "normal"):
        for method in ("REML", "ML"):
            for reporting in ("sparse", "both", "rich"):
                for k in (5, 15):
                    world = World("weibull", reporting)
                    found.append(Cell("choices", world, k, "weibull", method, within))
        found.append(Cell("choices", World("weibull", "both"), 40, "weibull", "REML", within))
    for world in (
        World("weibull", "rich", tau_shape=0.2),
        World("weibull", "sparse", tau_shape=0.2),
        World("weibull", "rich", last_follow_up=80),
        World("weibull", "rich, at risk", last_follow_up=80),
        World("weibull", "sparse", last_follow_up=80),
        World("weibull", "rich", tau_factor=0),
        World("weibull", "sparse", tau_factor=0),
    ):
        found += [Cell("strained", world, k, "weibull") for k in (5, 15, 40)]
    return found


def main() -> None:
    """Run every cell, each from its own seed, and write what was found."""
    replicates = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    results = []
    for index, cell in enumerate(cells()):
        # one seed for one world and k, so that ways of pooling see the same reviews
        key = [cell.k, *map(ord, cell.world.family[:4] + cell.world.reporting)]
        results.append(run(cell, replicates, np.random.default_rng([SEED, *key])))
        print(index + 1, "of", len(cells()), flush=True)
    content = {"seed": SEED, "replicates": replicates, "cells": results}
    text = json.dumps(content, indent=None, separators=(",", ":"))
    (FOLDER / "results.json").write_text(text.replace('{"table"', '\n{"table"') + "\n", "utf-8")
    write_readme(FOLDER)


def run(cell: Cell, replicates: int, rng: np.random.Generator) -> dict[str, Any]:
    """Pool replicates of one cell and say how far from the truth they are."""
    truth = {f"S({t:g})": 100 * cell.world.survival(t) for t in TIMES} | {"median": MEDIAN}
    errors: dict[str, list[float]] = {name: [] for name in truth}
    covered: dict[str, list[bool]] = {name: [] for name in [*truth, "prediction"]}
    said: Counter[str] = Counter()
    taus, seconds = [], []
    for _ in range(replicates):
        studies = draw_studies(cell.world, cell.k, rng)
        new = 100 * cell.world.survival(60, *cell.world.effects(rng))
        started = time.process_time()
        pooled = pool_curves(studies, family=cell.family, method=cell.method, within=cell.within)
        seconds.append(time.process_time() - started)
        for name, (estimate, low, high) in estimates(pooled).items():
            errors[name].append(estimate - truth[name])
            covered[name].append(low <= truth[name] <= high)
        covered["prediction"] += predicted(pooled, new)
        if pooled.tau_location is not None:
            taus.append(pooled.tau_location)
        said.update(remarks(pooled))
    return asdict(cell) | {
        "quantities": {name: describe(errors[name], covered[name]) for name in truth},
        "prediction_coverage": float(np.mean(covered["prediction"])),
        "predictions": len(covered["prediction"]),
        "tau_median": float(np.median(taus)),
        "said": {name: said[name] / replicates for name in sorted(said)},
        "milliseconds": 1000 * float(np.median(seconds)),
    }


def estimates(pooled: PooledCurves) -> dict[str, tuple[float, float, float]]:
    """Estimate and limits of what can be had: nothing but S(60) when all print a rate there."""
    found = {}
    known = () if pooled.curve is None else pooled.curve.times
    for t in TIMES:
        if pooled.restricted_mean is not None or t in known:
            band = pooled.at(t)
            values = (band.survival[0], band.low[0], band.high[0])
            found[f"S({t:g})"] = (100 * values[0], 100 * values[1], 100 * values[2])
    if pooled.median is not None:
        low, high = pooled.median.interval
        ends = (low or 0.0, np.inf if high is None else high)
        found["median"] = (pooled.median.estimate, *ends)
    return found


def predicted(pooled: PooledCurves, new: float) -> list[bool]:
    """Whether a new study's true survival at 60 lies in the prediction interval, if any."""
    if pooled.restricted_mean is None:
        return []
    band = pooled.at(60)
    if band.prediction_low is None or band.prediction_high is None:
        return []
    return [100 * band.prediction_low[0] <= new <= 100 * band.prediction_high[0]]


def remarks(pooled: PooledCurves) -> list[str]:
    """Which of the warnings that matter here were given."""
    known = {
        "no shape": "not identifiable",
        "shape poorly known": "shape is poorly known",
        "shape at its limit": "ran to its limit",
        "no variation found": "No variation",
        "not converged": "did not come to rest",
        "ML for REML": "has no maximum",
    }
    text = " ".join(pooled.warnings)
    return [name for name, sign in known.items() if sign in text]


def describe(errors: list[float], covered: list[bool]) -> dict[str, float]:
    """Bias, empirical standard error and coverage; the median error is not moved by a wild fit."""
    found = np.array(errors)
    return {
        "n": found.size,
        "bias": float(found.mean()),
        "median_error": float(np.median(found)),
        "empirical_standard_error": float(found.std(ddof=1)),
        "coverage": float(np.mean(covered)),
    }


if __name__ == "__main__":
    main()
