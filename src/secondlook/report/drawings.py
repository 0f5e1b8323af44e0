"""Which figures a report has, and how each is drawn from the results."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from matplotlib.figure import Figure

from secondlook.report.contents import Contents
from secondlook.report.curves import survival_curve
from secondlook.report.forest import forest
from secondlook.report.funnel import funnel, radial
from secondlook.report.harvest import harvest
from secondlook.report.prose import what
from secondlook.report.sensitivity import baujat, subsets
from secondlook.report.spread import caterpillar, drapery, orchard
from secondlook.report.traffic_light import traffic_light
from secondlook.report.two_arms import arms_against_each_other
from secondlook.synthesis import AnalysisResult, influence, pool_subsets

__all__ = ["FURTHER", "drawings", "further"]

Draw = Callable[[], Figure]

FURTHER: dict[str, tuple[str, int]] = {
    "funnel": ("Funnel plot", 3),
    "radial": ("Radial plot (Galbraith)", 3),
    "baujat": ("What each study adds and does (Baujat)", 3),
    "labbe": ("The two groups against each other (L'Abbé)", 1),
    "caterpillar": ("Every interval in order (caterpillar plot)", 2),
    "drapery": ("P value of every effect (drapery plot)", 2),
    "orchard": ("Subgroups (orchard plot)", 2),
    "subsets": ("Subsets of the studies (GOSH)", 4),
}
"""Figures a plan may ask for: what each is called, and how many pooled studies it needs."""

_MOST_SUBSETS = 20_000
_NAMES = {"OS": "Overall survival", "DFS": "Disease-free survival"}


def _same(figure: Figure) -> Figure:
    return figure


def drawings(contents: Contents) -> dict[str, Draw]:
    """Name every figure of a report, and give the way to draw it."""
    found: dict[str, Draw] = {}
    for result in contents.results:
        found[result.analysis.id] = partial(forest, result)
        for kind in result.analysis.figures:
            draw = further(result, kind)
            if draw is not None:
                found[f"{result.analysis.id}-{kind}"] = draw
    for curve in contents.curves:
        if curve.pooled is not None:
            endpoint = _NAMES.get(curve.plan.endpoint, curve.plan.endpoint)
            shown = survival_curve(curve.pooled, title=curve.plan.title, endpoint=endpoint)
            if shown is not None:
                found[curve.plan.id] = partial(_same, shown)
    if contents.votes:
        found["prognostic-factors"] = partial(harvest, contents.votes)
    lights = traffic_light(contents.evidence.studies, title="Risk of bias as judged (ROBINS-I)")
    if lights is not None:
        found["risk-of-bias"] = partial(_same, lights)
    return found


def further(result: AnalysisResult, kind: str) -> Draw | None:
    """Give the way to draw one further figure of an analysis; None where there is nothing to draw.

    Parameters
    ----------
    result
        The analysis.
    kind
        A key of :data:`FURTHER`.
    """
    called, fewest = FURTHER[kind]
    title = f"{called}: {result.analysis.title}"
    if kind == "labbe":
        drawn = arms_against_each_other(result, title=title)
        return None if drawn is None else partial(_same, drawn)
    if result.pooled is None or result.measured is None or result.pooled.k < fewest:
        return None
    pooled, plan = result.pooled, result.analysis
    name = what(result)
    label = f"{name[0].upper()}{name[1:]}"
    scale: dict[str, Any] = {"label": label, "show": result.measured.show, "unit": result.unit}
    null = None if result.null is None else 0.0  # log 1, or no difference
    match kind:
        case "funnel":
            return partial(funnel, pooled, title=title, null=null, **scale)
        case "radial":
            return partial(radial, pooled, title=title)
        case "caterpillar":
            return partial(caterpillar, pooled, title=title, null=null, **scale)
        case "drapery":
            return partial(drapery, pooled, title=title, **scale)
        case "orchard":
            groups = [(group.name, group.pooled) for group in result.subgroups]
            groups.append(("all", pooled))
            return partial(orchard, groups, title=title, null=null, **scale)
    options: dict[str, Any] = {"method": plan.method, "names": pooled.names}
    if kind == "baujat":
        found = influence(pooled.yi, pooled.vi, test=plan.test, **options)
        return partial(baujat, found, title=title)
    several = pool_subsets(pooled.yi, pooled.vi, most=_MOST_SUBSETS, **options)
    return partial(subsets, several, title=title, **scale)
