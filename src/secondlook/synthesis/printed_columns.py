"""Columns of printed numbers, checked once at the door: every offending row is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondlook.errors import EstimationError, Problem

__all__ = [
    "Floats",
    "at_the_boundary",
    "improper_arms",
    "improper_intervals",
    "improper_survival",
    "named",
    "not_positive",
    "one_list",
    "raise_any",
    "read_columns",
]

Floats = NDArray[np.float64]


def read_columns(
    given: Mapping[str, ArrayLike],
    names: Sequence[str] | None,
    *,
    level: ArrayLike | None = None,
) -> tuple[dict[str, Floats], tuple[str, ...]]:
    """Give the columns as float arrays of one length, and what their rows are called."""
    columns = {name: one_list(f"effects, {name}", values) for name, values in given.items()}
    k = next(iter(columns.values())).size
    if level is not None:
        levels = one_list("effects, level", np.atleast_1d(np.asarray(level)))
        columns["level"] = np.repeat(levels, k) if levels.size == 1 else levels
    labels = named("effects", {name: column.size for name, column in columns.items()}, names)
    missing = [
        Problem(f"{label}, {name}", None, "is missing", "fill it in or leave the row out")
        for name, column in columns.items()
        for label, value in zip(labels, column, strict=True)
        if np.isnan(value)
    ]
    raise_any(missing)
    return columns, labels


def one_list(where: str, values: ArrayLike) -> Floats:
    """Give one list of numbers as floats, missing ones as NaN; refuse anything else."""
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        problem = Problem(where, str(values), "is not numbers", "give one number per row")
        raise EstimationError(problem) from None
    if array.ndim != 1:
        shape = "×".join(map(str, array.shape)) or "a single number"
        problem = Problem(where, shape, "is not one list of numbers", "give one number per row")
        raise EstimationError(problem)
    return array


def named(where: str, lengths: Mapping[str, int], names: Sequence[str] | None) -> tuple[str, ...]:
    """Give what the rows are called, and refuse columns of different lengths."""
    found = dict(lengths) if names is None else {**lengths, "names": len(names)}
    if len(set(found.values())) > 1:
        shown = ", ".join(f"{name} {length}" for name, length in found.items())
        rule = "are not the same number of rows"
        raise EstimationError(Problem(where, shown, rule, "give one value per row"))
    k = next(iter(found.values()))
    return tuple(f"study {i}" for i in range(1, k + 1)) if names is None else tuple(names)


def _offences(
    column: str, values: Floats, broken: NDArray[np.bool_], labels: tuple[str, ...], *text: str
) -> list[Problem]:
    rule, remedy = text
    return [
        Problem(f"{label}, {column}", f"{value:g}", rule, remedy)
        for label, value, bad in zip(labels, values, broken, strict=True)
        if bad
    ]


def improper_survival(column: str, values: Floats, labels: tuple[str, ...]) -> list[Problem]:
    """Name the rows whose value is no proportion."""
    rule = "is not a proportion from 0 to 1"
    return _offences(
        column, values, (values < 0) | (values > 1), labels, rule, "divide a percent by 100"
    )


def not_positive(column: str, values: Floats, labels: tuple[str, ...]) -> list[Problem]:
    """Name the rows whose value is not above zero and finite."""
    broken = ~((values > 0) & np.isfinite(values))
    return _offences(column, values, broken, labels, "is not a positive number", "correct it")


def at_the_boundary(
    column: str, values: Floats, labels: tuple[str, ...], scale: str
) -> list[Problem]:
    """Name the rows at exactly 0 or 1, which this scale cannot hold."""
    broken = (values == 0) | (values == 1)
    rule = f"is infinite on the {scale} scale"
    return _offences(column, values, broken, labels, rule, "leave the row out or choose another")


def improper_arms(columns: Mapping[str, Floats], labels: tuple[str, ...]) -> list[Problem]:
    """Name what is wrong in the survival and size of a treated and a control arm."""
    problems: list[Problem] = []
    for arm in ("treated", "control"):
        problems += improper_survival(arm, columns[arm], labels)
        problems += not_positive(f"{arm}_n", columns[f"{arm}_n"], labels)
    return problems


def improper_intervals(columns: Mapping[str, Floats], labels: tuple[str, ...]) -> list[Problem]:
    """Name the rows whose estimate, limits and level cannot belong together."""
    estimate, low, high, level = (columns[name] for name in ("estimate", "low", "high", "level"))
    problems = [
        Problem(f"{label}, low and high", f"{a:g} to {b:g}", rule, "correct the limits")
        for label, a, b in zip(labels, low, high, strict=True)
        if a >= b
        for rule in ["have no width" if a == b else "are in the wrong order"]
    ]
    outside = (low < high) & ((estimate < low) | (estimate > high))
    problems += _offences(
        "estimate", estimate, outside, labels, "lies outside its own interval", "look it up again"
    )
    wrong = ~((level > 1) & (level < 100))
    rule = "is not a percent between 1 and 100"
    return problems + _offences("level", level, wrong, labels, rule, "write 95 for 95 %")


def raise_any(problems: list[Problem]) -> None:
    """Raise everything that was found, if anything was."""
    if problems:
        raise EstimationError(problems)
