"""Columns of printed numbers, checked once at the door: every offending row is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondlook.errors import EstimationError, Problem

__all__ = [
    "Floats",
    "at_the_boundary",
    "improper_arms",
    "improper_counts",
    "improper_intervals",
    "improper_p_values",
    "improper_shares",
    "improper_survival",
    "named",
    "not_held",
    "not_negative",
    "not_positive",
    "offences",
    "one_list",
    "raise_any",
    "read_columns",
    "read_words",
    "written",
]

Floats = NDArray[np.float64]


def read_columns(
    given: Mapping[str, ArrayLike],
    names: Sequence[str] | None,
    *,
    one_for_all: Mapping[str, ArrayLike] | None = None,
) -> tuple[dict[str, Floats], tuple[str, ...]]:
    """Give the columns as float arrays of one length, and what their rows are called.

    In `one_for_all` are columns for which a single number may stand for every row.
    """
    columns = {name: one_list(f"effects, {name}", values) for name, values in given.items()}
    k = next(iter(columns.values())).size
    for name, values in (one_for_all or {}).items():
        column = one_list(f"effects, {name}", values, or_one=True)
        columns[name] = np.repeat(column, k) if column.size == 1 else column
    labels = named("effects", {name: column.size for name, column in columns.items()}, names)
    missing = [
        Problem(f"{label}, {name}", None, "is missing", "fill it in or leave the row out")
        for name, column in columns.items()
        for label, value in zip(labels, column, strict=True)
        if np.isnan(value)
    ]
    raise_any(missing)
    return columns, labels


def one_list(where: str, values: ArrayLike, *, or_one: bool = False) -> Floats:
    """Give one list of numbers as floats, missing ones as NaN; refuse anything else.

    With `or_one` a number by itself is a list of one.
    """
    if isinstance(values, np.ma.MaskedArray):
        rule = "is a masked array, whose mask would be lost"
        raise EstimationError(Problem(where, None, rule, "write NaN where a number is missing"))
    try:
        given = np.asarray(values)
        parts = given.flat if given.dtype.kind == "O" else (given,)
        if any(np.asarray(part).dtype.kind in "cmMV" for part in parts):
            raise TypeError("complex numbers lose a part, dates and durations their meaning")
        array = np.array(given, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        rule = "is not numbers a double can hold"
        problem = Problem(where, written(values), rule, "give one number per row")
        raise EstimationError(problem) from None
    if or_one and array.ndim == 0:
        array = array.reshape(1)
    if array.ndim != 1:
        shape = "×".join(map(str, array.shape)) or "a single number"
        problem = Problem(where, shape, "is not one list of numbers", "give one number per row")
        raise EstimationError(problem)
    return array


def named(where: str, lengths: Mapping[str, int], names: Sequence[str] | None) -> tuple[str, ...]:
    """Give what the rows are called, and refuse columns of different lengths."""
    labels = None if names is None else _labels(where, names)
    found = dict(lengths) if labels is None else {**lengths, "names": len(labels)}
    if len(set(found.values())) > 1:
        shown = ", ".join(f"{name} {length}" for name, length in found.items())
        rule = "are not the same number of rows"
        raise EstimationError(Problem(where, shown, rule, "give one value per row"))
    k = next(iter(found.values()))
    return tuple(f"study {i}" for i in range(1, k + 1)) if labels is None else labels


def _labels(where: str, names: Sequence[str]) -> tuple[str, ...]:
    # a text is a list of letters, a set has no order, and an iterator can be read only once
    is_list = not isinstance(names, str | bytes | AbstractSet | Iterator)
    try:
        if is_list:
            return tuple(map(str, names))
    except (TypeError, ValueError):
        pass
    rule, remedy = "is not a list of names", "give one name per row"
    raise EstimationError(Problem(f"{where}, names", written(names), rule, remedy))


def written(value: object) -> str | None:
    """Write a value for a message; None where Python does not write it."""
    try:
        return str(value)
    except ValueError:  # an integer of thousands of digits
        return None


def offences(
    column: str, values: Floats, broken: NDArray[np.bool_], labels: tuple[str, ...], *text: str
) -> list[Problem]:
    """Name the rows where something is broken, by a rule and a remedy."""
    rule, remedy = text
    return [
        Problem(f"{label}, {column}", f"{value:g}", rule, remedy)
        for label, value, bad in zip(labels, values, broken, strict=True)
        if bad
    ]


def improper_survival(column: str, values: Floats, labels: tuple[str, ...]) -> list[Problem]:
    """Name the rows whose value is no proportion."""
    rule = "is not a proportion from 0 to 1"
    return offences(
        column, values, (values < 0) | (values > 1), labels, rule, "divide a percent by 100"
    )


def not_positive(column: str, values: Floats, labels: tuple[str, ...]) -> list[Problem]:
    """Name the rows whose value is not above zero and finite."""
    broken = ~((values > 0) & np.isfinite(values))
    return offences(column, values, broken, labels, "is not a positive number", "correct it")


def not_negative(column: str, values: Floats, labels: tuple[str, ...]) -> list[Problem]:
    """Name the rows whose value is below zero or not finite."""
    broken = ~((values >= 0) & np.isfinite(values))
    return offences(column, values, broken, labels, "is negative or not finite", "correct it")


def improper_counts(
    columns: Mapping[str, Floats], labels: tuple[str, ...], *, events: str, n: str
) -> list[Problem]:
    """Name the rows whose events are negative or more than the patients, or without patients."""
    problems = not_negative(events, columns[events], labels)
    problems += not_positive(n, columns[n], labels)
    more = (columns[events] > columns[n]) & (columns[n] > 0) & np.isfinite(columns[events])
    rule, remedy = f"is more than {n}", "look both up again"
    return problems + offences(events, columns[events], more, labels, rule, remedy)


def improper_p_values(column: str, values: Floats, labels: tuple[str, ...]) -> list[Problem]:
    """Name the rows whose value is no P value that a calculation can start from."""
    rule = "is not a P value above 0 and up to 1"
    remedy = "for P < 0.001 write 0.001 and read the result as a bound"
    return offences(column, values, ~((values > 0) & (values <= 1)), labels, rule, remedy)


def improper_shares(column: str, values: Floats, labels: tuple[str, ...]) -> list[Problem]:
    """Name the rows whose value is not a share between 0 and 1."""
    broken = ~((values > 0) & (values < 1))
    rule = "is not a share between 0 and 1"
    return offences(column, values, broken, labels, rule, "write 0.5 for equal arms")


def read_words(
    column: str, given: str | Sequence[str], allowed: Sequence[str], labels: tuple[str, ...]
) -> list[str]:
    """Give one word per row, each one of those allowed; a word by itself stands for every row."""
    if isinstance(given, str):
        words = [given] * len(labels)
    else:
        words = list(_labels(f"effects, {column}", given))
        named("effects", {column: len(words), "rows": len(labels)}, None)
    rule, remedy = "is not one of the words used here", f"write {' or '.join(allowed)}"
    raise_any(
        [
            Problem(f"{label}, {column}", word, rule, remedy)
            for label, word in zip(labels, words, strict=True)
            if word not in allowed
        ]
    )
    return words


def not_held(yi: Floats, vi: Floats, labels: tuple[str, ...]) -> list[Problem]:
    """Name the rows whose effect or variance came out as no number a double can hold."""
    broken = ~(np.isfinite(yi) & np.isfinite(vi) & (vi > 0))
    rule = "is too extreme for an effect with a finite variance above 0"
    return [
        Problem(label, None, rule, "look its numbers up again or leave the row out")
        for label, bad in zip(labels, broken, strict=True)
        if bad
    ]


def at_the_boundary(
    column: str, values: Floats, labels: tuple[str, ...], scale: str
) -> list[Problem]:
    """Name the rows at exactly 0 or 1, which this scale cannot hold."""
    broken = (values == 0) | (values == 1)
    rule = f"is infinite on the {scale} scale"
    return offences(column, values, broken, labels, rule, "leave the row out or choose another")


def improper_arms(columns: Mapping[str, Floats], labels: tuple[str, ...]) -> list[Problem]:
    """Name what is wrong in the survival and size of a treated and a control arm."""
    problems: list[Problem] = []
    for arm in ("treated", "control"):
        problems += improper_survival(arm, columns[arm], labels)
        problems += not_positive(f"{arm}_n", columns[f"{arm}_n"], labels)
    return problems


def improper_intervals(
    columns: Mapping[str, Floats], labels: tuple[str, ...], *, of: str = "estimate"
) -> list[Problem]:
    """Name the rows whose estimate, limits and level cannot belong together.

    `of` is the name of the column of estimates.
    """
    estimate, low, high, level = (columns[name] for name in (of, "low", "high", "level"))
    problems = [
        Problem(f"{label}, low and high", f"{a:g} to {b:g}", rule, "correct the limits")
        for label, a, b in zip(labels, low, high, strict=True)
        if a >= b
        for rule in ["have no width" if a == b else "are in the wrong order"]
    ]
    outside = (low < high) & ((estimate < low) | (estimate > high))
    problems += offences(
        of, estimate, outside, labels, "lies outside its own interval", "look it up again"
    )
    wrong = ~((level > 1) & (level < 100))
    rule = "is not a percent between 1 and 100"
    return problems + offences("level", level, wrong, labels, rule, "write 95 for 95 %")


def raise_any(problems: list[Problem]) -> None:
    """Raise everything that was found, if anything was."""
    if problems:
        raise EstimationError(problems)
