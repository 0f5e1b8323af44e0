"""One log hazard ratio for each study by its best route, and all the others beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

import numpy as np

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.effects.hazard_ratio_routes import (
    HAZARD_RATIO_FIELDS,
    HAZARD_RATIO_ROUTES,
    Printed,
)
from secondlook.synthesis.effects.record import Effects
from secondlook.synthesis.printed_columns import raise_any, written

if TYPE_CHECKING:
    import polars

__all__ = ["RoutedHazardRatios", "log_hazard_ratio_by_route"]

_WORDS = ("favours", "p_value_test", "survival_interval")


@dataclass(frozen=True, slots=True, eq=False)
class RoutedHazardRatios:
    """Log hazard ratios by the best route of each study, and by every other one.

    Parameters
    ----------
    effects
        One row per study by its best route, for pooling; ``effects.route`` names it.
    by_route
        For every route that any study allows, the effects of all studies that allow it: the same
        evidence route by route, for pooling side by side.
    unused
        For each row of ``effects``, the routes that its study also allows.
    omitted
        Studies that print nothing a route can start from.
    warnings
        One sentence for each study left out, each number no route could use, and each row to read
        with care.
    """

    effects: Effects
    by_route: dict[str, Effects]
    unused: tuple[tuple[str, ...], ...]
    omitted: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Give the record as plain JSON types."""
        return {
            "effects": self.effects.to_dict(),
            "by_route": {route: effects.to_dict() for route, effects in self.by_route.items()},
            "unused": [list(routes) for routes in self.unused],
            "omitted": list(self.omitted),
            "warnings": list(self.warnings),
        }

    def to_frame(self) -> polars.DataFrame:
        """Give one row per study and route: hazard ratio, yi, vi, and whether it was chosen."""
        import polars as pl

        best = dict(zip(self.effects.names, self.effects.route, strict=True))
        rows = [
            {
                "name": name,
                "route": route,
                "chosen": best[name] == route,
                "hazard_ratio": float(np.exp(effects.yi[i])),
                "yi": float(effects.yi[i]),
                "vi": float(effects.vi[i]),
            }
            for route, effects in self.by_route.items()
            for i, name in enumerate(effects.names)
        ]
        place = {name: i for i, name in enumerate(self.effects.names)}
        return pl.DataFrame(sorted(rows, key=lambda row: place[str(row["name"])]))

    def __str__(self) -> str:
        lines = [str(self.effects).split("\n\nWarnings")[0]]
        others = [
            f"  {name}: {', '.join(routes)}"
            for name, routes in zip(self.effects.names, self.unused, strict=True)
            if routes
        ]
        for title, sentences in (("Routes not used", others), ("Warnings", self.warnings)):
            if sentences:
                lines += ["", title, *(f"  {one.strip()}" for one in sentences)]
        return "\n".join(lines)


def log_hazard_ratio_by_route(
    studies: Mapping[str, Mapping[str, float | str | None]],
) -> RoutedHazardRatios:
    """Give each study's log hazard ratio by the best route its printed numbers allow.

    Parameters
    ----------
    studies
        For each study, by its name, what it prints: a mapping from the names in
        ``HAZARD_RATIO_FIELDS`` to numbers (or words, for ``favours``, ``p_value_test`` and
        ``survival_interval``). None, NaN and an absent name mean: not printed.

    Returns
    -------
    RoutedHazardRatios
        The best route is the first of ``HAZARD_RATIO_ROUTES`` that the study's numbers allow: O - E
        and V; ratio and interval; observed and expected by arm; ratio and P value; ratio and
        events; log-rank P value, events and direction; two survival rates; two medians. Numbers
        that cannot be what they are said to be do not stop the others: that route is passed over
        with a warning that says why.

    Raises
    ------
    EstimationError
        For a name that is not known or a value that is not a number, and where no study allows any
        route.

    Notes
    -----
    Parmar, Torri and Stewart, Stat Med 1998;17:2815-2834; Tierney and others, Trials 2007;8:16. The
    order ranks how much is supposed, not what was adjusted for: an adjusted ratio with its interval
    and an unadjusted log-rank test answer different questions. Where routes of one study disagree
    beyond rounding, look the study up again.

    Examples
    --------
    >>> found = log_hazard_ratio_by_route(
    ...     {
    ...         "A": {"ratio": 0.84, "low": 0.72, "high": 0.99, "p_value": 0.037},
    ...         "B": {"log_rank_p_value": 0.075, "events": 485, "favours": "treated"},
    ...     }
    ... )
    >>> found.effects.route
    ('ratio and interval', 'log-rank P value and events')
    >>> found.unused
    (('ratio and P value',), ())
    """
    found: dict[str, list[Effects]] = {route: [] for route in HAZARD_RATIO_ROUTES}
    chosen: list[Effects] = []
    unused: list[tuple[str, ...]] = []
    omitted: list[str] = []
    warnings: list[str] = []
    for printed in _read(studies):
        allowed = _allowed(printed, warnings)
        for route, effects in allowed.items():
            found[route].append(effects)
        if allowed:
            chosen.append(next(iter(allowed.values())))
            unused.append(tuple(allowed)[1:])
        else:
            omitted.append(printed.name)
    if omitted:
        warnings.append(f"Left out, nothing printed that a route can use: {', '.join(omitted)}.")
    if not chosen:
        rule, remedy = "print nothing that a route can use", "give more of what they print"
        shown = ", ".join(omitted) or None
        raise EstimationError(Problem("log_hazard_ratio_by_route", shown, rule, remedy))
    effects = _together(chosen)
    return RoutedHazardRatios(
        effects=effects,
        by_route={route: _together(rows) for route, rows in found.items() if rows},
        unused=tuple(unused),
        omitted=tuple(omitted),
        warnings=(*warnings, *effects.warnings),
    )


def _allowed(printed: Printed, warnings: list[str]) -> dict[str, Effects]:
    allowed = {}
    for route, effects_of in HAZARD_RATIO_ROUTES.items():
        try:
            effects = effects_of(printed)
        except EstimationError as error:
            warnings += [f"Not by {route}: {problem}." for problem in error.problems]
        else:
            if effects is not None:
                allowed[route] = effects
    return allowed


def _together(rows: list[Effects]) -> Effects:
    """Put the single rows of several studies into one record."""
    sentences: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for sentence in row.assumptions:
            sentences.setdefault((row.route[0], sentence), []).append(row.names[0])
    several = len({row.route for row in rows}) > 1
    assumptions = tuple(
        f"{route} ({', '.join(names)}): {sentence}"
        if several or len(names) < len(rows)
        else sentence
        for (route, sentence), names in sentences.items()
    )
    asymmetry = [np.nan if row.asymmetry is None else row.asymmetry[0] for row in rows]
    return Effects(
        "log hazard ratio",
        np.array([row.yi[0] for row in rows]),
        np.array([row.vi[0] for row in rows]),
        tuple(row.names[0] for row in rows),
        assumptions,
        asymmetry=None if np.all(np.isnan(asymmetry)) else np.array(asymmetry),
        route=tuple(row.route[0] for row in rows),
        warnings=tuple(sentence for row in rows for sentence in row.warnings),
    )


def _read(studies: Mapping[str, Mapping[str, float | str | None]]) -> list[Printed]:
    """Give what each study prints, or name every field and value that is not known."""
    if not isinstance(studies, Mapping):
        where, rule = "log_hazard_ratio_by_route", "is not a mapping from names to what is printed"
        raise EstimationError(Problem(where, written(studies), rule, "write {name: {...}}"))
    problems: list[Problem] = []
    read = []
    for name, fields in studies.items():
        if not isinstance(fields, Mapping):
            rule, remedy = "is not a mapping from fields to numbers", "write {'ratio': 0.8, ...}"
            problems.append(Problem(str(name), written(fields), rule, remedy))
            continue
        numbers: dict[str, float] = {}
        words: dict[str, str] = {}
        for field, value in fields.items():
            if field not in HAZARD_RATIO_FIELDS:
                rule, remedy = "is not a known field", "see HAZARD_RATIO_FIELDS"
                problems.append(Problem(str(name), written(field), rule, remedy))
            elif _is_missing(value):
                continue
            elif field in _WORDS:
                words[field] = str(value)
            elif _is_number(value):
                numbers[field] = float(value)
            else:
                rule, remedy = "is not a number", "write a number"
                problems.append(Problem(f"{name}, {field}", written(value), rule, remedy))
        read.append(Printed(str(name), numbers, words))
    raise_any(problems)
    return read


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float | np.floating) and bool(np.isnan(value)))
