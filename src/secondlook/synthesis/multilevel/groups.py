"""Labels that say which rows belong together: studies, outcomes, clusters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import raise_any, written

__all__ = ["Groups", "Labels", "read_groups"]

Labels = Sequence[object] | NDArray[Any]
"""One label per row, of numbers or texts."""


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Which group each row belongs to, and what the groups are called, in order of appearance."""

    of: NDArray[np.intp]
    labels: tuple[str, ...]

    def taken(self, kept: NDArray[np.bool_]) -> Groups:
        """Give the groups of some of the rows; a group without rows is gone."""
        left, of = np.unique(self.of[kept], return_inverse=True)
        return Groups(of.astype(np.intp), tuple(self.labels[i] for i in left))

    def sizes(self) -> NDArray[np.intp]:
        """Give how many rows each group has."""
        return np.bincount(self.of, minlength=len(self.labels))

    def members(self) -> list[NDArray[np.intp]]:
        """Give the rows of each group, in the order of the labels."""
        order = np.argsort(self.of, kind="stable")
        return np.split(order, np.cumsum(self.sizes())[:-1]) if self.labels else []


def read_groups(where: str, values: Labels, k: int) -> Groups:
    """Number labels in order of appearance; refuse a missing one or a wrong count.

    Examples
    --------
    >>> groups = read_groups("pool, study", ["Adam", "Raab", "Adam"], 3)
    >>> groups.of.tolist(), groups.labels
    ([0, 1, 0], ('Adam', 'Raab'))
    """
    texts = list(_texts(where, values))
    if len(texts) != k:
        rule = f"is not one label for each of {k} effects"
        raise EstimationError(Problem(where, str(len(texts)), rule, "give one label per row"))
    problems = [
        Problem(f"{where}, row {i}", None, "is missing", "say to what the row belongs")
        for i, text in enumerate(texts, start=1)
        if text is None
    ]
    raise_any(problems)
    numbers: dict[str, int] = {}
    of = [numbers.setdefault(str(text), len(numbers)) for text in texts]
    return Groups(np.array(of, dtype=np.intp), tuple(numbers))


def _texts(where: str, values: Labels) -> Iterator[str | None]:
    # a text is a list of letters, a set has no order, and an iterator can be read only once
    items: list[object] | None = None
    if not isinstance(values, (str, bytes, AbstractSet, Iterator)):
        with suppress(TypeError):
            items = list(values)
    if not isinstance(items, list):
        rule, remedy = "is not a list of labels", "give one label per row"
        raise EstimationError(Problem(where, written(values), rule, remedy))
    for item in items:
        if isinstance(item, float) and item.is_integer():
            yield str(int(item))
        else:
            text = None if item is None else written(item)
            yield None if text in ("", "nan") else text
