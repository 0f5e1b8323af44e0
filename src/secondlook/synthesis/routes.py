"""The same comparison by every route from print to hazard ratio, pooled side by side.

One study prints a hazard ratio with its interval, another two survival percents, a third two
medians. Each is a route to a log hazard ratio and each supposes something else. Where the routes
disagree, what they suppose is not so, or the studies that print the one are other studies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from secondlook.errors import EstimationError
from secondlook.evidence import Evidence
from secondlook.question import Analysis
from secondlook.synthesis.effects import Effects, log_hazard_ratio_by_route
from secondlook.synthesis.measures import Interval
from secondlook.synthesis.pooling import pool
from secondlook.synthesis.result import Pooled
from secondlook.synthesis.selection import Candidate, candidates

__all__ = ["BEST", "RoutePool", "Routes", "pool_by_route"]

BEST = "best route of each study"
"""What the pool of one effect for each study is called."""

Fields = dict[str, float | str | None]


@dataclass(frozen=True, slots=True)
class RoutePool:
    """What the studies that allow one route pool to.

    Attributes
    ----------
    route
        By its name in ``HAZARD_RATIO_ROUTES``, or :data:`BEST`.
    pooled, shown
        On the log scale, and as a hazard ratio with its interval.
    prediction
        The prediction interval as hazard ratios; None for one study.
    assumptions
        What the route supposes.
    """

    route: str
    pooled: Pooled
    shown: Interval
    prediction: tuple[float, float] | None
    assumptions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Routes:
    """One comparison by every route.

    Attributes
    ----------
    pools
        The best route of each study first, then each route that any study allows.
    by_best
        The route taken for each study.
    omitted
        Studies of the comparison that print nothing a route can start from.
    warnings
        Numbers that no route could use, and rows to read with care.
    """

    pools: tuple[RoutePool, ...]
    by_best: tuple[tuple[str, str], ...]
    omitted: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {
            "pools": [
                {
                    "route": one.route,
                    "k": one.pooled.k,
                    "studies": list(one.pooled.names),
                    "shown": asdict(one.shown),
                    "prediction": None if one.prediction is None else list(one.prediction),
                    "pooled": one.pooled.to_dict(),
                    "assumptions": list(one.assumptions),
                }
                for one in self.pools
            ],
            "by_best": [list(pair) for pair in self.by_best],
            "omitted": list(self.omitted),
            "warnings": list(self.warnings),
        }


def pool_by_route(evidence: Evidence, analysis: Analysis) -> Routes | None:
    """Pool a comparison by every route its studies allow.

    Parameters
    ----------
    evidence
        The review's evidence.
    analysis
        A planned comparison: its site, endpoint, cohort, comparator and times are taken, wherever
        the numbers were printed, and its method and test are used for every pool.

    Returns
    -------
    Routes or None
        None where no study allows any route.

    Raises
    ------
    EvidenceError
        When a study prints two numbers for one thing and the plan does not say which to take.

    Notes
    -----
    Tierney and others, Trials 2007;8:16. An adjusted ratio and one implied by two survival percents
    answer different questions; the pools stand beside each other so that this can be seen, and the
    best route of each study is best in what it supposes, not in what it controls for.

    Examples
    --------
    >>> import secondlook as sl
    >>> review = sl.example("stage-iv-breast")
    >>> plan = review.question.analysis("primary-implied-hazard-ratio")
    >>> routes = pool_by_route(review.evidence, plan)
    >>> [(one.route, one.pooled.k) for one in routes.pools[1:]]
    [('ratio and interval', 1), ('two survival rates', 6)]
    """
    studies: dict[str, Fields] = {}
    for candidate, fields in _printed(evidence, analysis):
        label = candidate.study.label or candidate.study.key
        studies.setdefault(label, {}).update(fields)
    if not studies:
        return None
    try:
        routed = log_hazard_ratio_by_route(studies)
    except EstimationError:
        return None  # no study prints anything a route can start from
    pools = [_pool(BEST, routed.effects, analysis)]
    pools += [_pool(route, effects, analysis) for route, effects in routed.by_route.items()]
    best = zip(routed.effects.names, routed.effects.route, strict=True)
    return Routes(tuple(pools), tuple(best), routed.omitted, routed.warnings)


def _printed(evidence: Evidence, analysis: Analysis) -> Iterator[tuple[Candidate, Fields]]:
    anywhere = analysis.model_copy(update={"place": ""})
    ratios = anywhere.model_copy(update={"effect": "hazard_ratio", "months": ()})
    for candidate in candidates(evidence, ratios):
        yield candidate, _ratio(candidate)
    if analysis.months:
        rates = anywhere.model_copy(
            update={"effect": "hazard_ratio_from_survival", "adjusted": None}
        )
        for candidate in candidates(evidence, rates):
            yield candidate, _survival(candidate)
    for arm, cohort in (("treated", analysis.cohort), ("control", analysis.comparator)):
        medians = anywhere.model_copy(
            update={
                "effect": "median",
                "months": (),
                "cohort": cohort,
                "comparator": "",
                "adjusted": None,
            }
        )
        for candidate in candidates(evidence, medians):
            yield candidate, _median(candidate, arm)


def _ratio(candidate: Candidate) -> Fields:
    if candidate.reason or not candidate.arms or not candidate.arms[0].findings:
        return {}
    finding = candidate.arms[0].findings[0]
    numbers = {
        "ratio": finding.value,
        "low": finding.low,
        "high": finding.high,
        "level": finding.level,
        "p_value": finding.p,
    }
    fields: Fields = {name: float(one) for name, one in numbers.items() if one.is_number}
    digits = [one.decimals for one in (finding.value, finding.low, finding.high) if one.is_number]
    # a limit that was rounded may be off by half of its last digit
    return fields | {"rounding": 0.5 * 10.0 ** -min(digits, default=0)}


def _survival(candidate: Candidate) -> Fields:
    fields: Fields = {}
    for arm, name in zip(candidate.arms, ("treated", "control"), strict=False):
        if arm.value is not None and arm.n:
            fields |= {f"{name}_survival": arm.value / 100, f"{name}_n": arm.n}
    return fields if len(fields) == 4 else {}


def _median(candidate: Candidate, name: str) -> Fields:
    arm = candidate.arms[0] if candidate.arms and not candidate.reason else None
    if arm is None or arm.value is None or not arm.n or arm.findings[0].statistic != "median":
        return {}
    return {f"{name}_median": arm.value, f"{name}_n": arm.n}


def _pool(route: str, effects: Effects, analysis: Analysis) -> RoutePool:
    pooled = pool(
        effects.yi, effects.vi, method=analysis.method, test=analysis.test, names=effects.names
    )
    low, high = np.exp(pooled.interval)
    shown = Interval(float(np.exp(pooled.estimate)), float(low), float(high))
    prediction = None
    if pooled.prediction_interval is not None:
        ends = np.exp(pooled.prediction_interval)
        prediction = (float(ends[0]), float(ends[1]))
    return RoutePool(route, pooled, shown, prediction, effects.assumptions)
