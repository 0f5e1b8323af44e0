"""Moderators as they are handed in: named columns of numbers or of words, missing values marked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import Floats, raise_any, written

__all__ = ["Moderator", "Moderators", "read_moderators"]


class Frame(Protocol):
    """What polars and pandas frames have in common."""

    @property
    def columns(self) -> Any:
        """Give the names of the columns."""

    def __getitem__(self, key: Any, /) -> Any:
        """Give one column."""


Moderators: TypeAlias = Mapping[str, object] | Frame | ArrayLike
"""A frame, a mapping from names to columns, or an array with a column per moderator."""


@dataclass(frozen=True, slots=True, eq=False)
class Moderator:
    """One column: numbers, or words and the order of their levels."""

    name: str
    values: Floats | NDArray[np.object_]
    missing: NDArray[np.bool_]
    levels: tuple[str, ...] | None

    def kept(self, rows: NDArray[np.bool_]) -> Moderator:
        """Give some of the rows, and only the levels that occur in them."""
        values = self.values[rows]
        levels = self.levels
        if levels is not None:
            levels = tuple(level for level in levels if level in set(values.tolist()))
        return Moderator(self.name, values, self.missing[rows], levels)


def read_moderators(where: str, given: Moderators | None) -> dict[str, Moderator]:
    """Give the columns of a frame, a mapping or an array by name.

    Parameters
    ----------
    where
        What the columns belong to, for messages.
    given
        Columns of numbers, or of words, which stand for groups. None, NaN and an empty text are
        missing. A single value stands for a column of one row.

    Raises
    ------
    EstimationError
        For a column that is neither numbers nor words, an infinite number, or columns of different
        lengths.

    Examples
    --------
    >>> found = read_moderators("regress", {"year": [1999, None], "design": ["trial", "cohort"]})
    >>> found["year"].missing.tolist(), found["design"].levels
    ([False, True], ('cohort', 'trial'))
    """
    columns = {} if given is None else dict(_named_columns(where, given))
    problems: list[Problem] = []
    found = {name: _column(where, name, values, problems) for name, values in columns.items()}
    lengths = {name: column.missing.size for name, column in found.items()}
    if not problems and len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
        rule = "are not the same number of rows"
        problems.append(Problem(f"{where}, moderators", shown, rule, "give one value per study"))
    raise_any(problems)
    return found


def _named_columns(where: str, given: Any) -> Iterable[tuple[str, object]]:
    if isinstance(given, Mapping):
        return [(str(name), values) for name, values in given.items()]
    if hasattr(given, "columns"):
        names = [str(name) for name in given.columns]
        if len(set(names)) < len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            rule = "is the name of more than one column"
            problems = [Problem(f"{where}, moderators", n, rule, "rename one") for n in twice]
            raise EstimationError(problems)
        return [(str(name), given[name]) for name in given.columns]
    name = getattr(given, "name", None)
    if hasattr(given, "dtype") and isinstance(name, str):
        return [(name or "moderator", given)]
    try:
        array = np.asarray(given, dtype=object if _has_words(given) else None)
    except ValueError:
        array = np.empty(0)
    if array.ndim == 1 and array.size:
        return [("moderator", array)]
    if array.ndim == 2 and array.shape[1]:
        return [(f"moderator {i + 1}", array[:, i]) for i in range(array.shape[1])]
    rule = "is not a frame, a mapping of columns, or an array with one row per study"
    raise EstimationError(Problem(f"{where}, moderators", written(given), rule, "name the columns"))


def _has_words(given: object) -> bool:
    return isinstance(given, Iterable) and any(isinstance(one, str) for one in given)


def _column(where: str, name: str, given: Any, problems: list[Problem]) -> Moderator:
    values = _listed(given)
    missing = np.array([_is_missing(value) for value in values], dtype=bool)
    present = [value for value, gone in zip(values, missing, strict=True) if not gone]
    at = f"{where}, moderator {name}"
    if all(isinstance(value, str) for value in present) and present:
        words = np.array(
            [None if g else v for v, g in zip(values, missing, strict=True)], dtype=object
        )
        return Moderator(name, words, missing, _levels(given, set(words[~missing].tolist())))
    numeric = np.full(missing.size, np.nan)
    strange = [v for v in present if not isinstance(v, Real | np.bool_)]
    if strange:
        rule = "is neither a number nor a word" if len(strange) == len(present) else "is no number"
        remedy = "give a column of numbers, or one of words"
        problems.append(Problem(at, written(strange[0]), rule, remedy))
        return Moderator(name, numeric, missing, None)
    try:
        numeric[~missing] = np.array(present, dtype=np.float64)
    except OverflowError:
        numeric[~missing] = np.inf
    if np.isinf(numeric).any():
        problems.append(Problem(at, "inf", "is not finite", "correct it or leave the row out"))
    return Moderator(name, numeric, missing, None)


def _listed(given: Any) -> list[object]:
    if isinstance(given, str | bytes):
        return [given]
    for way in ("to_list", "tolist"):
        if hasattr(given, way):
            listed = getattr(given, way)()
            return listed if isinstance(listed, list) else [listed]
    return list(given) if isinstance(given, Iterable) else [given]


def _is_missing(value: object) -> bool:
    # pandas has missing values of its own, which are not equal to anything, not even comparable
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, float) and value != value


def _levels(given: object, found: set[str]) -> tuple[str, ...]:
    # the order a categorical column declares, of which the first is the reference; else the
    # alphabet's
    declared = getattr(getattr(given, "dtype", None), "categories", None)
    try:
        ordered = tuple(str(level) for level in declared) if declared is not None else ()
    except TypeError:
        ordered = ()
    if found <= set(ordered):
        return tuple(level for level in ordered if level in found)
    return tuple(sorted(found))
