"""How often each rule fires on numbers that are computed and rounded rightly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from time import perf_counter
from typing import Any

import numpy as np
from validation.audit.series import Detail
from validation.audit.simulate import simulate

from secondlook.audit import RULES, Class, Outcome, Severity
from secondlook.audit.block import Block, Whole, blocks

__all__ = ["soundness"]

STUDIES = 20
"""Series in a simulated review."""


def _review(seed: int, number: int) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Ask every rule about one review: counts by rule and outcome, and every false error."""
    random = np.random.default_rng([seed, number])
    detail: Detail = "complete" if number % 5 < 3 else "sparse"
    evidence = simulate(random, studies=STUDIES, detail=detail, text=0.6).evidence
    counts: Counter[tuple[str, str]] = Counter()
    errors: list[str] = []
    places: list[Block | Whole] = [*blocks(evidence), Whole(evidence, None)]
    for at in places:
        for rule in RULES:
            for verdict in rule.look(at):
                fired = verdict.outcome is Outcome.FIRED and verdict.severity is not None
                counts[rule.id, verdict.severity or verdict.outcome.value] += 1
                if fired and verdict.severity is Severity.ERROR:
                    where = ", ".join(str(cell.source) for cell in verdict.cells)
                    errors.append(f"review {number}, {rule.id}: {verdict.message} ({where})")
    return counts, errors


def _reviews(seed: int, numbers: Iterable[int]) -> tuple[Counter[tuple[str, str]], list[str]]:
    counts: Counter[tuple[str, str]] = Counter()
    errors: list[str] = []
    for number in numbers:
        more, wrong = _review(seed, number)
        counts += more
        errors += wrong
    return counts, errors


def soundness(*, seed: int, studies: int, workers: int) -> dict[str, Any]:
    """Simulate this many series and count what every rule says of them."""
    reviews, start = studies // STUDIES, perf_counter()
    counts: Counter[tuple[str, str]] = Counter()
    errors: list[str] = []
    parts = [range(first, min(first + 20, reviews)) for first in range(0, reviews, 20)]
    with ProcessPoolExecutor(workers) as pool:
        futures = [pool.submit(_reviews, seed, part) for part in parts]
        for done, future in enumerate(futures, 1):
            more, wrong = future.result()
            counts += more
            errors += wrong
            print(f"\rsoundness {done}/{len(parts)}, {perf_counter() - start:.0f} s", end="")
    print()
    rows = []
    for rule in RULES:
        levels = {level.value: counts[rule.id, level.value] for level in Severity}
        passed = counts[rule.id, Outcome.PASSED.value]
        rows.append(
            {
                "rule": rule.id,
                "class": rule.kind.value,
                "evaluated": passed + sum(levels.values()),
                "passed": passed,
                **levels,
                "not_evaluated": counts[rule.id, Outcome.NOT_EVALUATED.value],
            }
        )
    sound = {rule.id for rule in RULES if rule.kind is Class.SOUND}
    return {
        "seed": seed,
        "studies": reviews * STUDIES,
        "seconds": round(perf_counter() - start),
        "sound_errors": sum(row["error"] for row in rows if row["rule"] in sound),
        "errors": errors[:50],
        "rules": rows,
    }
