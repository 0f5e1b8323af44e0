"""The design matrix of a regression: what each coefficient multiplies, and how to make it anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import Floats, raise_any, written
from secondlook.synthesis.regression.moderators import Moderator

__all__ = ["INTERCEPT", "Columns", "Design", "Recipe", "read_columns_of", "refuse_collinear"]

INTERCEPT = "intercept"
"""What the constant column is called."""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """A design matrix, what its columns are called, and the terms they belong to."""

    matrix: Floats
    names: tuple[str, ...]
    terms: tuple[str, ...]
    """The term of each column; of the constant column its own name."""

    @property
    def intercept(self) -> bool:
        """Whether there is a constant column."""
        return INTERCEPT in self.names


class Recipe(Protocol):
    """A way from moderators to a design."""

    @property
    def variables(self) -> tuple[str, ...]:
        """Which moderators it needs."""

    def design(self, moderators: dict[str, Moderator], k: int) -> Design:
        """Make the design of the studies a model is fitted to."""


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """The design matrix of a fitted model.

    Parameters
    ----------
    columns
        The matrix, and what its columns are called.
    variables
        The moderators it was made of.
    again
        Makes the same columns for other values of them, and a number of rows.
    """

    columns: Columns
    variables: tuple[str, ...]
    again: Callable[[dict[str, Moderator], int], Floats]

    def which(self, of: str | Sequence[str] | None) -> tuple[int, ...]:
        """Give the columns that bear some names, or belong to terms of those names.

        By default all but the intercept, or the intercept where there is nothing else.
        """
        names, terms = self.columns.names, self.columns.terms
        if of is None:
            chosen = tuple(i for i, name in enumerate(names) if name != INTERCEPT)
            return chosen or (0,)
        asked = [of] if isinstance(of, str) else list(of)
        matched = {one: self._bearing(one) for one in asked}
        rule = "is neither a coefficient nor a moderator of this model"
        remedy = f"use some of {', '.join(dict.fromkeys([*names, *terms]))}"
        raise_any(
            [
                Problem("regress, omnibus_of", written(one), rule, remedy)
                for one, found in matched.items()
                if not found
            ]
        )
        if not asked:
            rule, remedy = "names no coefficient", "name at least one"
            raise EstimationError(Problem("regress, omnibus_of", None, rule, remedy))
        return tuple(sorted({i for found in matched.values() for i in found}))

    def _bearing(self, asked: str) -> set[int]:
        pairs = zip(self.columns.names, self.columns.terms, strict=True)
        exact = {i for i, (name, term) in enumerate(pairs) if asked in (name, term)}
        # C(design) is what a formula calls the moderator design
        wrapped = f"C({asked})"
        return exact or {i for i, term in enumerate(self.columns.terms) if term == wrapped}


@dataclass(frozen=True, slots=True, eq=False)
class _ByColumn:
    """Numbers as they are; words as indicators of every level but the first."""

    variables: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]
    intercept: bool

    def design(self, moderators: dict[str, Moderator], k: int) -> Design:
        names, terms = ([INTERCEPT], [INTERCEPT]) if self.intercept else ([], [])
        for name in self.variables:
            shown = (
                [name]
                if name not in self.levels
                else [
                    f"{name}[{level}]" if self._whole(name) else f"{name}[T.{level}]"
                    for level in self._shown(name)
                ]
            )
            names += shown
            terms += [name] * len(shown)
        columns = Columns(self.again(moderators, k), tuple(names), tuple(terms))
        return Design(columns, self.variables, self.again)

    def again(self, moderators: dict[str, Moderator], k: int) -> Floats:
        parts = [np.ones(k)] if self.intercept else []
        problems = []
        for name in self.variables:
            values = moderators[name].values
            if (name in self.levels) != (moderators[name].levels is not None):
                rule = "is words where the model had numbers, or the other way round"
                problems.append(Problem(f"predict, moderator {name}", None, rule, "give the same"))
            elif name not in self.levels:
                parts.append(values.astype(np.float64))
            else:
                unknown = sorted(set(values.tolist()) - set(self.levels[name]))
                rule = "is not among the levels the model was fitted to"
                remedy = f"use {', '.join(self.levels[name])}"
                where = f"predict, moderator {name}"
                problems += [Problem(where, level, rule, remedy) for level in unknown]
                parts += [(values == level).astype(float) for level in self._shown(name)]
        raise_any(problems)
        return np.stack(parts, axis=1) if parts else np.empty((k, 0))

    def _whole(self, name: str) -> bool:
        # without an intercept the first moderator of words has an indicator for every level
        return not self.intercept and name == next(iter(self.levels))

    def _shown(self, name: str) -> tuple[str, ...]:
        return self.levels[name] if self._whole(name) else self.levels[name][1:]


def read_columns_of(moderators: dict[str, Moderator], *, intercept: bool) -> Recipe:
    """Give the recipe that uses every moderator as it is.

    Raises
    ------
    EstimationError
        For a moderator of words that are all the same, or one called as the constant is.
    """
    levels = {m.name: m.levels for m in moderators.values() if m.levels is not None}
    rule, remedy = "has the same value in every study", "leave it out"
    clash = [
        Problem("regress, moderator", INTERCEPT, "is what the constant is called", "rename it")
    ]
    raise_any(clash if INTERCEPT in moderators else [])
    alike = [name for name, found in levels.items() if len(found) == 1]
    raise_any([Problem("regress, moderator", name, rule, remedy) for name in alike])
    return _ByColumn(tuple(moderators), levels, intercept)


def refuse_collinear(columns: Columns) -> None:
    """Refuse columns that are linear combinations of others, naming which and of what.

    To leave one out silently would change what the other coefficients mean.
    """
    problems, kept = [], np.zeros(columns.matrix.shape[1], dtype=bool)
    # by a power of two first: units do not matter, and no square leaves the range of a double
    largest = np.abs(columns.matrix).max(axis=0)
    matrix = np.ldexp(columns.matrix, -np.frexp(largest)[1])
    norms = np.linalg.norm(matrix, axis=0)
    for j, name in enumerate(columns.names):
        if norms[j] == 0:
            rule, remedy = "is 0 in every study", "leave it out"
            problems.append(Problem("regress, moderator", name, rule, remedy))
            continue
        scaled, column = matrix[:, kept] / norms[kept], matrix[:, j] / norms[j]
        share = np.linalg.lstsq(scaled, column, rcond=None)[0]
        left = column - scaled @ share
        kept[j] = np.linalg.norm(left) > 1e-10
        if not kept[j]:
            made_of = np.array(columns.names)[kept][np.abs(share) > 1e-6]
            problems.append(_collinear(name, made_of))
    raise_any(problems)


def _collinear(name: str, made_of: NDArray[np.str_]) -> Problem:
    if made_of.tolist() == [INTERCEPT]:
        rule, remedy = "has the same value in every study", "leave it out"
    else:
        rule = f"is a linear combination of {', '.join(made_of)}"
        remedy = "leave one of them out"
    return Problem("regress, moderator", name, rule, remedy)
