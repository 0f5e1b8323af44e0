"""Hold three-level, multivariate and cluster-robust results against metafor and clubSandwich.

    python validation/metafor/multilevel.py

A discrepancy is |ours - theirs| over the larger of |theirs| and a unit: the standard error for
estimates and limits, its square for their covariance, the median sampling variance for variances, 1
for the rest. Something present on one side only is infinitely far apart.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from secondlook.synthesis import pool
from secondlook.synthesis.multilevel import (
    ClusterRobust,
    JointTest,
    Multivariate,
    ThreeLevel,
    cluster_robust,
    known_covariance,
    pool_multivariate,
    pool_three_level,
    random_effects,
    working_model,
)

FOLDER = Path(__file__).resolve().parent

OPTIONS: dict[str, dict[str, Any]] = {
    "z": {"test": "z"},
    "residual": {"test": "t", "degrees_of_freedom": "residual"},
    "contain": {"test": "t", "degrees_of_freedom": "contain"},
}


class Discrepancy(NamedTuple):
    """One quantity of one fit, and how far apart the two programs are."""

    case: str
    fit: str
    quantity: str
    size: float


def reference(name: str) -> dict[str, Any]:
    """Read what metafor and clubSandwich said."""
    content: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return content


def apart(ours: Any, theirs: Any, unit: Any = 1.0) -> float:
    """Give the largest discrepancy between two numbers or two lists of them."""
    a, b = np.atleast_1d(_numbers(ours)), np.atleast_1d(_numbers(theirs))
    if a.shape != b.shape or np.any(np.isnan(a) != np.isnan(b)):
        return math.inf
    # a limit reached by both at the same infinity is the same limit
    with np.errstate(invalid="ignore"):
        gaps = np.where(a == b, 0.0, np.abs(a - b) / np.maximum(np.abs(b), unit))
    return float(np.nanmax(gaps, initial=0.0))


def _numbers(values: Any) -> np.ndarray[Any, Any]:
    return np.asarray(values, dtype=object).astype(float)


def listed(values: Any) -> list[Any]:
    """Give a list where R wrote a single number."""
    return values if isinstance(values, list) else [values]


def moderators_of(data: dict[str, Any], names: Any) -> dict[str, Any] | None:
    """Give the moderators of a fit by name."""
    return {name: data[name] for name in listed(names)} or None


# --- three-level models ---------------------------------------------------------------------------


def three_level_fit(
    data: dict[str, Any], fit: dict[str, Any], options: dict[str, Any]
) -> ThreeLevel:
    """Fit with this package what metafor fitted."""
    return pool_three_level(
        data["yi"],
        data["vi"],
        study=data["study"],
        moderators=moderators_of(data, fit["moderators"]),
        sampling_correlation=fit["correlation"],
        method=fit["method"],
        **options,
    )


def three_levels(name: str, case: dict[str, Any]) -> Iterator[Discrepancy]:
    """Hold every three-level fit of a case against ours."""
    data = case["data"]
    typical = float(np.median(data["vi"]))
    for fit in case["fits"]:
        label = " ".join([fit["method"], *listed(fit["moderators"])])
        label += "" if fit["correlation"] is None else f" correlation {fit['correlation']:g}"
        ours = three_level_fit(data, fit, OPTIONS["contain"])
        for quantity, size in _three_level_quantities(ours, fit, typical):
            yield Discrepancy(name, label, f"three-level {quantity}", size)
        for option, theirs in fit["tests"].items():
            once = three_level_fit(data, fit, {**OPTIONS[option], "variance_intervals": False})
            for quantity, size in _tests(once, theirs):
                yield Discrepancy(name, f"{label}, {option}", f"three-level {quantity}", size)
            if "prediction" in fit:
                unit = ours.standard_error
                size = apart(once.prediction_interval, fit["prediction"][option], unit)
                yield Discrepancy(name, f"{label}, {option}", "three-level prediction", size)
        if "random_effects" in fit:
            size = _deviations(ours, fit["random_effects"])
            yield Discrepancy(name, label, "three-level random effects", size)
        if "robust" in fit:
            yield from robust(name, label, ours, None, fit)


def _three_level_quantities(
    ours: ThreeLevel, fit: dict[str, Any], typical: float
) -> Iterator[tuple[str, float]]:
    errors = [one.standard_error for one in ours.coefficients]
    yield "estimate", apart([c.estimate for c in ours.coefficients], fit["estimate"], errors)
    square = np.outer(errors, errors).ravel()
    yield "covariance", apart(np.ravel(ours.covariance), fit["covariance"], square)
    variances = [ours.between_variance, ours.within_variance]
    yield "variances", apart(variances, fit["variances"], typical)
    criteria = [ours.log_likelihood, ours.aic, ours.bic]
    yield "log-likelihood, AIC, BIC", apart(criteria, fit["criteria"][:3])
    tests = (ours.test_of_between, ours.test_of_within)
    without = [None if one is None else one.log_likelihood for one in tests]
    yield "log-likelihood without one", apart(without, fit["without"])
    yield "Q", apart([ours.q, ours.q_p_value], fit["q"])
    yield "I²", apart([ours.i2_between, ours.i2_within, ours.i2], fit["i2"])
    for axis, theirs in enumerate(fit["intervals"]):
        interval = (ours.between_interval, ours.within_interval)[axis]
        yield "variance interval", apart(interval, theirs, typical)
    if "weights" in fit:
        yield "weights", apart(ours.weights, fit["weights"])


def _deviations(ours: ThreeLevel, theirs: list[dict[str, Any]]) -> float:
    rows = random_effects(ours).rows
    gaps = []
    for level, found in zip(("study", "effect"), theirs, strict=True):
        mine = [one for one in rows if one.level == level]
        unit = max(ours.standard_error, *(one.standard_error for one in mine))
        gaps.append(apart([one.estimate for one in mine], found["estimate"], unit))
        gaps.append(apart([one.standard_error for one in mine], found["standard_error"], unit))
        low, high = mine[0].interval
        reach = (high - low) / mine[0].standard_error if mine[0].standard_error else None
        gaps.append(apart(reach, found["reach"]))
    return max(gaps)


def _tests(ours: ThreeLevel | Multivariate, theirs: dict[str, Any]) -> Iterator[tuple[str, float]]:
    errors = [one.standard_error for one in ours.coefficients]
    for part in ("statistic", "degrees_of_freedom", "p_value"):
        mine = [getattr(one, part) for one in ours.coefficients]
        yield part.replace("_", " "), apart(mine, theirs[part])
    yield "interval", apart([c.interval[0] for c in ours.coefficients], theirs["low"], errors)
    yield "interval", apart([c.interval[1] for c in ours.coefficients], theirs["high"], errors)
    if ours.omnibus is not None:
        yield "omnibus test", apart(_joint(ours.omnibus), theirs["omnibus"])


def _joint(test: JointTest) -> list[float | None]:
    return [test.statistic, test.degrees_of_freedom, test.denominator_degrees, test.p_value]


# --- cluster-robust inference --------------------------------------------------------------------


def robust(
    name: str, label: str, fit: Any, cluster: Sequence[object] | None, theirs: dict[str, Any]
) -> Iterator[Discrepancy]:
    """Hold every correction of clubSandwich, and metafor's own, against ours."""
    for correction, found in theirs["robust"].items():
        ours = cluster_robust(fit, cluster, correction=correction)
        for quantity, size in _robust_quantities(ours, found):
            yield Discrepancy(name, f"{label}, {correction}", f"robust {quantity}", size)
    own, plain = (
        cluster_robust(fit, cluster, correction="CR1p", test="clusters"),
        theirs["robust_plain"],
    )
    errors = [one.standard_error for one in own.coefficients]
    pairs = [
        ("standard error", errors, "standard_error"),
        ("P value", [one.p_value for one in own.coefficients], "p_value"),
        ("interval", [one.interval[0] for one in own.coefficients], "low"),
        ("interval", [one.interval[1] for one in own.coefficients], "high"),
    ]
    for quantity, mine, key in pairs:
        unit = errors if quantity == "interval" else 1.0
        size = apart(mine, plain[key], unit)
        yield Discrepancy(name, f"{label}, robust()", f"robust {quantity}", size)
    if own.omnibus is not None:
        size = apart(_joint(own.omnibus), plain["omnibus"])
        yield Discrepancy(name, f"{label}, robust()", "robust omnibus test", size)


def _robust_quantities(ours: ClusterRobust, theirs: dict[str, Any]) -> Iterator[tuple[str, float]]:
    errors = [one.standard_error for one in ours.coefficients]
    square = np.outer(errors, errors).ravel()
    yield "covariance", apart(np.ravel(ours.covariance), theirs["covariance"], square)
    degrees = [one.degrees_of_freedom for one in ours.coefficients]
    yield "degrees of freedom", apart(degrees, theirs["degrees_of_freedom"])
    yield "P value", apart([one.p_value for one in ours.coefficients], theirs["p_value"])
    yield "interval", apart([one.interval[0] for one in ours.coefficients], theirs["low"], errors)
    yield "interval", apart([one.interval[1] for one in ours.coefficients], theirs["high"], errors)
    if "omnibus" in theirs:
        # clubSandwich gives F = 0 with negative degrees of freedom where there is no test
        none = theirs["omnibus"][2] <= 0
        mine = None if ours.omnibus is None else _joint(ours.omnibus)
        yield "omnibus test (HTZ)", apart(mine, None if none else theirs["omnibus"])


def two_levels(name: str, fit: dict[str, Any], data: dict[str, Any]) -> Iterator[Discrepancy]:
    """Hold robust inference for a two-level regression against ours."""
    moderators = moderators_of(data, fit["moderators"]) or {}
    design = np.column_stack([np.ones(len(data["yi"])), *moderators.values()])
    model = working_model(
        data["yi"],
        data["vi"],
        tau2=fit["tau2"],
        design=design,
        columns=["intercept", *moderators],
        weights=fit["weights"],
    )
    yield from robust(name, "two-level", model, data["study"], fit)
    if not moderators and fit["weights"] is None:
        pooled = pool(data["yi"], data["vi"])
        yield from robust(name, "pool", pooled, data["study"], fit)


# --- multivariate models -------------------------------------------------------------------------


def multivariate_fit(
    case: dict[str, Any], fit: dict[str, Any], options: dict[str, Any]
) -> Multivariate:
    """Fit with this package what metafor fitted."""
    data = case["data"]
    sizes = [math.isqrt(len(listed(block))) for block in case["blocks"]]
    blocks = [
        np.reshape(listed(block), (size, size))
        for block, size in zip(case["blocks"], sizes, strict=True)
    ]
    return pool_multivariate(
        data["yi"],
        blocks,
        study=data["study"],
        outcome=data["outcome"],
        structure=fit["structure"],
        moderators=moderators_of(data, fit["moderators"]),
        method=fit["method"],
        **options,
    )


def multivariates(name: str, case: dict[str, Any]) -> Iterator[Discrepancy]:
    """Hold every multivariate fit of a case against ours."""
    for fit in case["fits"]:
        label = " ".join([fit["structure"], fit["method"], *listed(fit["moderators"])])
        kind = "multivariate" if fit["exact"] else "multivariate at a bound"
        intervals = "variance_intervals" in fit
        options = {**OPTIONS["contain"], "variance_intervals": intervals}
        ours = multivariate_fit(case, fit, options)
        place = _places(ours, case["outcomes"])
        for quantity, size in _multivariate_quantities(ours, fit, place, case["outcomes"]):
            yield Discrepancy(name, label, f"{kind} {quantity}", size)
        if not fit["exact"]:
            continue
        for option, theirs in fit["tests"].items():
            once = multivariate_fit(case, fit, {**OPTIONS[option], "variance_intervals": False})
            for quantity, size in _tests(_in_order(once, place), theirs):
                yield Discrepancy(name, f"{label}, {option}", f"{kind} {quantity}", size)
        if "robust" in fit:
            model = working_model_in_order(ours, place)
            yield from robust(name, label, model, case["data"]["study"], fit)
            size = _several_deviations(ours, fit["random_effects"])
            yield Discrepancy(name, label, "multivariate random effects", size)
            names = case["outcomes"][:2]
            options = {"test": "z", "variance_intervals": False}
            (one,), _ = multivariate_fit(case, fit, options).contrast({names[0]: 1, names[1]: -1})
            mine = [one.estimate, one.standard_error, one.statistic, one.p_value]
            yield Discrepancy(name, label, "multivariate contrast", apart(mine, fit["contrast"]))
    yield from _sampling(name, case)


def _several_deviations(ours: Multivariate, theirs: dict[str, Any]) -> float:
    rows = {f"{one.level} | {one.name}": one for one in random_effects(ours).rows}
    mine = [rows[" ".join(name.split())] for name in theirs["names"]]
    unit = max(one.standard_error for one in mine)
    return max(
        apart([one.estimate for one in mine], theirs["estimate"], unit),
        apart([one.standard_error for one in mine], theirs["standard_error"], unit),
    )


def _places(ours: Multivariate, outcomes: Sequence[str]) -> list[int]:
    """Give where each coefficient of metafor, whose outcomes are in another order, is in ours."""
    names = [one.name for one in ours.coefficients]
    return [names.index(one) for one in [*outcomes, *names[len(outcomes) :]]]


def _in_order(ours: Multivariate, place: list[int]) -> Multivariate:
    from dataclasses import replace

    return replace(ours, coefficients=tuple(ours.coefficients[i] for i in place))


def working_model_in_order(ours: Multivariate, place: list[int]) -> Any:
    """Give the working model with the columns in metafor's order."""
    from dataclasses import replace

    model = ours.working_model
    return replace(
        model,
        design=model.design[:, place],
        columns=tuple(model.columns[i] for i in place),
    )


def _multivariate_quantities(
    ours: Multivariate, fit: dict[str, Any], place: list[int], outcomes: Sequence[str]
) -> Iterator[tuple[str, float]]:
    errors = np.array([ours.coefficients[i].standard_error for i in place])
    estimates = [ours.coefficients[i].estimate for i in place]
    yield "estimate", apart(estimates, fit["estimate"], errors)
    covariance = np.array(ours.covariance)[np.ix_(place, place)]
    yield (
        "covariance",
        apart(covariance.ravel(), fit["covariance"], np.outer(errors, errors).ravel()),
    )
    q = len(outcomes)
    between = np.array(ours.between_covariance)[np.ix_(place[:q], place[:q])]
    typical = float(np.median(ours.vi))
    yield "between-study covariance", apart(between.ravel(), fit["between"], typical)
    yield "Q", apart([ours.q, ours.q_p_value], fit["q"])
    if fit["exact"]:
        criteria = [ours.log_likelihood, ours.aic, ours.bic, ours.aicc]
        yield "log-likelihood, AIC, BIC, AICc", apart(criteria, fit["criteria"])
    # ours may be higher, never lower
    yield (
        "log-likelihood short of theirs",
        max(0.0, fit["own_log_likelihood"] - ours.log_likelihood),
    )
    if "variance_intervals" in fit:
        yield from _intervals(ours, fit, outcomes, typical)


def _intervals(
    ours: Multivariate, fit: dict[str, Any], outcomes: Sequence[str], typical: float
) -> Iterator[tuple[str, float]]:
    common = fit["structure"] == "compound symmetry"
    mine = {one.name: one for one in ours.variances}
    for name, theirs in zip(
        ["every outcome"] if common else outcomes, fit["variance_intervals"], strict=True
    ):
        yield "variance interval", apart(mine[name].interval, theirs, typical)
    if len(outcomes) > 2:
        return
    for one, theirs in zip(ours.correlations, fit.get("correlation_intervals", []), strict=True):
        yield "correlation interval", apart(one.interval, theirs)


def _sampling(name: str, case: dict[str, Any]) -> Iterator[Discrepancy]:
    data = case["data"]
    if "vi" not in data:
        return
    if "time" in data:
        options: dict[str, Any] = {
            "correlation": 1.0,
            "time": data["time"],
            "autocorrelation": 0.97,
        }
    else:
        correlation = {"kalaian1996": 0.66, "riley2003": 0.5}[name]
        options = {"correlation": correlation, "outcome": data["outcome"]}
    known = known_covariance(data["vi"], data["study"], **options)
    theirs = [block for block in case["blocks"] if len(listed(block)) > 1]
    for ours, block in zip(known.blocks, theirs, strict=True):
        yield Discrepancy(name, "vcalc", "known covariance", apart(ours.ravel(), block, 1e-300))


def discrepancies() -> Iterator[Discrepancy]:
    """Hold everything pinned against ours."""
    cases = reference("multilevel.json")["cases"]
    for name, case in cases["three_level"].items():
        yield from three_levels(name, case)
    for name, case in reference("multilevel_outcomes.json")["cases"].items():
        yield from multivariates(name, case)
    for name, fit in cases["two_level"].items():
        yield from two_levels(name, fit, cases["three_level"][fit["data"]]["data"])


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
