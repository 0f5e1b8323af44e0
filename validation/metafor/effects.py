"""Hold effects against metafor's escalc and R's survival; prints a table when run as a script.

    python validation/metafor/effects.py

A discrepancy is |ours - R's| over the larger of |R's| and a unit: the standard error for an effect,
nothing for a variance, 1 for a value taken back. Where R has no effect with a variance above 0, the
rows this package refuses must be exactly those: otherwise they are infinitely far apart.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from secondlook.errors import EstimationError
from secondlook.synthesis import effects, inverse

REFERENCE = Path(__file__).with_name("effects.json")

ADDED: dict[str, dict[str, Any]] = {
    "none": {},
    "only0": {"add": 0.5},
    "all": {"add": 0.5, "to": "all"},
    "if0all": {"add": 0.5, "to": "if0all"},
    "only0 by 0.1": {"add": 0.1, "to": "only0"},
}
VARIANCES: dict[str, dict[str, Any]] = {
    "AV": {"variance": "average"},
    "UB": {"variance": "unbiased"},
}
TWO_ARMS = {
    "OR": effects.log_odds_ratio,
    "RR": effects.log_risk_ratio,
    "RD": effects.risk_difference,
    "PETO": effects.peto_log_odds_ratio,
    "AS": effects.arcsine_difference,
}
TWO_RATES = {
    "IRR": effects.log_rate_ratio,
    "IRD": effects.rate_difference,
    "IRSD": effects.square_root_rate_difference,
}
PROPORTIONS = {
    "PR": "identity",
    "PLN": "log",
    "PLO": "logit",
    "PAS": "arcsine",
    "PFT": "freeman-tukey",
}
RATES = {"IR": "identity", "IRLN": "log", "IRS": "square root", "IRFT": "freeman-tukey"}
COLUMNS = {
    "two arms": ("treated_events", "treated_n", "control_events", "control_n"),
    "one arm": ("events", "n"),
    "two rates": ("treated_events", "treated_time", "control_events", "control_time"),
    "one rate": ("events", "person_time"),
}


class Discrepancy(NamedTuple):
    """One quantity of one calculation, and how far apart the two programs are."""

    case: str
    fit: str
    quantity: str
    size: float


def reference() -> dict[str, Any]:
    """Read what R said."""
    content: dict[str, Any] = json.loads(REFERENCE.read_text(encoding="utf-8"))
    return content


def apart(ours: Any, theirs: Any, unit: Any) -> float:
    """Give the largest discrepancy between two lists of numbers."""
    a, b = np.asarray(ours, float), np.asarray(theirs, float)
    if a.shape != b.shape or not a.size:
        return math.inf
    size = np.abs(a - b) / np.maximum(np.abs(b), unit)
    return float(np.max(np.where(a == b, 0.0, size)))


def both(
    case: str, fit: str, ours: effects.Effects, yi: ArrayLike, vi: ArrayLike
) -> Iterator[Discrepancy]:
    """Hold effects and variances against R's."""
    yield Discrepancy(case, fit, "effect", apart(ours.yi, yi, np.sqrt(np.asarray(vi))))
    yield Discrepancy(case, fit, "variance", apart(ours.vi, vi, 1e-300))


def calculation(kind: str, measure: str) -> Callable[..., effects.Effects]:
    """Give our function for one of escalc's measures."""
    if kind == "two arms":
        return TWO_ARMS[measure]
    if kind == "two rates":
        return TWO_RATES[measure]
    if kind == "one arm":
        return lambda *given, **options: effects.proportion(
            *given, scale=PROPORTIONS[measure], **options
        )
    return lambda *given, **options: effects.incidence_rate(*given, scale=RATES[measure], **options)


def refused(function: Callable[..., effects.Effects], given: list[Any], options: Any) -> set[int]:
    """Give the places of the rows this package refuses."""
    names = [str(place) for place in range(len(given[0]))]
    try:
        function(*given, names=names, **options)
    except EstimationError as error:
        return {int(problem.where.split(",")[0]) for problem in error.problems}
    return set()


def counts(name: str, case: dict[str, Any]) -> Iterator[Discrepancy]:
    """Hold every measure and correction of one set of counts or rates against ours."""
    given = [np.array(case[column]) for column in COLUMNS[case["kind"]]]
    for fit, theirs in case["effects"].items():
        measure, correction = fit.split(", ")
        code, _, variance = measure.partition(" ")
        function = calculation(case["kind"], code)
        options = {**ADDED[correction], **VARIANCES.get(variance, {})}
        lost = {i for i, value in enumerate(theirs["yi"]) if value is None}
        same = refused(function, given, options) == lost
        yield Discrepancy(name, fit, "refused rows", 0.0 if same else math.inf)
        kept = [i for i in range(given[0].size) if i not in lost]
        if kept:
            ours = function(*(column[kept] for column in given), **options)
            yi, vi = ([theirs[part][i] for i in kept] for part in ("yi", "vi"))
            yield from both(name, fit, ours, yi, vi)


def ways_back(found: dict[str, Any]) -> Iterator[Discrepancy]:
    """Hold the ways back to a proportion or a rate against metafor's."""
    for measure, theirs in found.items():
        if measure in ("value", "sizes"):
            continue
        sizes = found["sizes"] if "freeman" in measure else None
        ours = inverse(measure, sample_sizes=sizes)(found["value"])
        yield Discrepancy("grid", measure, "way back", apart(ours, theirs, 1.0))


def routes(name: str, one: dict[str, Any]) -> Iterator[Discrepancy]:
    """Hold every route to a hazard ratio against the patients it came from."""
    ratio, exact = [one["ratio"]], ([math.log(one["ratio"])], [one["se"] ** 2])
    for level, low, high in zip(one["level"], one["low"], one["high"], strict=True):
        ours = effects.log_hazard_ratio(ratio, [low], [high], level=level)
        yield from both(name, f"ratio and {level} % interval", ours, *exact)
    ours = effects.log_hazard_ratio_from_p_value(ratio, [one["wald_p"]])
    yield from both(name, "ratio and Wald P", ours, *exact)
    test = "likelihood ratio"
    ours = effects.log_hazard_ratio_from_p_value(ratio, [one["likelihood_p"]], test=test)
    yield from both(name, "ratio and likelihood P", ours, exact[0], [one["likelihood_vi"]])
    ours = effects.log_hazard_ratio_from_observed_minus_expected(
        [one["observed_minus_expected"]], [one["variance"]]
    )
    yield from both(name, "O - E and V", ours, [one["score_yi"]], [one["score_vi"]])
    arms = [
        [one[f"{arm}_{part}"]] for arm in ("treated", "control") for part in ("events", "expected")
    ]
    ours = effects.log_hazard_ratio_from_observed_and_expected(*arms)
    yield from both(name, "observed and expected", ours, [one["pike_yi"]], [one["pike_vi"]])
    events = one["treated_events"] + one["control_events"]
    share = one["treated_n"] / (one["treated_n"] + one["control_n"])
    ours = effects.log_hazard_ratio_from_log_rank(
        [one["log_rank_p"]], [events], one["favours"], treated_share=share
    )
    yield from both(name, "log-rank P and events", ours, [one["share_yi"]], [one["share_vi"]])
    share = one["treated_events"] / events
    ours = effects.log_hazard_ratio_from_events(ratio, [events], treated_share=share)
    yield from both(name, "ratio and events by arm", ours, exact[0], [one["by_arm_vi"]])


def curve(name: str, one: dict[str, Any]) -> Iterator[Discrepancy]:
    """Hold survival at several times of one curve, and its median, against survfit."""
    survival, fitted = np.array(one["survival"]), one["vi"]
    on = {
        "identity": survival,
        "log": np.log(survival),
        "cloglog": np.log(-np.log(survival)),
        "logit": np.log(survival / (1 - survival)),
        "arcsine": np.arcsin(np.sqrt(survival)),
    }
    for scale, vi in fitted.items():
        ours = effects.survival_from_standard_error(survival, one["standard_error"], scale=scale)
        yield from both(name, f"standard error on the {scale}", ours, on[scale], vi)
        for interval in one["intervals"]:
            low, high = np.array(interval["low"]), np.array(interval["high"])
            kind, level = interval["kind"], interval["level"]
            usable = low > 0 if kind == "log" else (low > 0) | (high < 1)
            ours = effects.survival_from_interval(
                survival[usable],
                low[usable],
                high[usable],
                level=level,
                interval=kind,
                scale=scale,
            )
            fit = f"{kind} {level} % interval on the {scale}"
            yield from both(name, fit, ours, on[scale][usable], np.array(vi)[usable])
    ours = effects.survival_from_numbers_at_risk(survival, one["at_risk"], scale="log")
    yield from both(name, "numbers at risk", ours, on["log"], one["peto_log_vi"])
    if one["median"] is not None:
        reached = math.inf if one["median_high"] is None else one["median_high"]
        given = ([one["median"]], [one["median_low"]], [reached])
        ours = effects.median_survival_from_interval(*given)
        yield from both(name, "median", ours, [math.log(one["median"])], [one["median_vi"]])


def discrepancies() -> Iterator[Discrepancy]:
    """Hold everything pinned against ours."""
    found = reference()
    for name, case in found["cases"].items():
        if case["kind"] == "intervals":
            ours = effects.log_hazard_ratio(case["estimate"], case["low"], case["high"])
            yield from both(name, "ratio and interval", ours, case["yi"], case["vi"])
        elif case["kind"] == "o minus e":
            ours = effects.log_hazard_ratio_from_observed_minus_expected(
                case["observed_minus_expected"], case["variance"]
            )
            yield from both(name, "O - E and V", ours, case["yi"], case["vi"])
        else:
            yield from counts(name, case)
    yield from ways_back(found["back"])
    for name, one in found["comparisons"].items():
        yield from routes(name, one)
    for name, one in found["curves"].items():
        yield from curve(name, one)


def main() -> None:
    """Print the largest discrepancy of each kind of calculation and where it is."""
    largest: dict[tuple[str, str], Discrepancy] = {}
    count: dict[tuple[str, str], int] = defaultdict(int)
    for one in discrepancies():
        # corrections, levels and scales of one calculation share a line
        key = (re.sub(r",.*| \d+ %|,? on the .*", "", one.fit), one.quantity)
        count[key] += 1
        if key not in largest or one.size > largest[key].size:
            largest[key] = one
    print(
        "| calculation | quantity | compared | largest discrepancy | in |\n|---|---|---:|---:|---|"
    )
    for (fit, quantity), one in largest.items():
        print(f"| {fit} | {quantity} | {count[fit, quantity]} | {one.size:.1e} | {one.case} |")


if __name__ == "__main__":
    main()
