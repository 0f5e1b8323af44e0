"""Many data sets as they are handed to a batch: shapes matched and every number checked once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import Floats, one_list, raise_any, written

__all__ = ["DataSets", "read_data_sets"]

_NAMED = 20


@dataclass(frozen=True, slots=True, eq=False)
class DataSets:
    """Effects, variances and presence, each of shape (data sets, studies), often one row shared.

    ``count`` is the number of studies present, shape (data sets,); ``missing`` the number of places
    kept by the caller where an effect or a variance is NaN.
    """

    yi: Floats
    vi: Floats
    keep: NDArray[np.bool_]
    count: NDArray[np.int64]
    missing: int

    def columns(self, rows: slice) -> tuple[Floats, Floats]:
        """Give effects and variances of some data sets as columns, infinite variance if absent."""
        keep = self.keep[rows]
        yi = np.where(keep, self.yi[rows], 0.0)
        vi = np.where(keep, self.vi[rows], np.inf)
        return np.ascontiguousarray(yi.T), np.ascontiguousarray(vi.T)


def read_data_sets(yi: ArrayLike, vi: ArrayLike, keep: ArrayLike | None) -> DataSets:
    """Match the shapes of effects, variances and presence, and check what is present.

    Raises
    ------
    EstimationError
        Naming data set and study of up to twenty improper numbers, or the shapes that do not match.

    Examples
    --------
    >>> read_data_sets([0.1, float("nan")], [[1.0, 1.0], [2.0, 2.0]], None).count.tolist()
    [1, 1]
    """
    effects, variances = _table("pool_many, yi", yi), _table("pool_many, vi", vi)
    given = np.ones((1, 1), dtype=bool) if keep is None else _flags(keep)
    shapes = [effects.shape, variances.shape, given.shape]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        shape = (0, 0)
    studies = {shown[1] for shown in shapes[: 2 if keep is None else 3]}
    if len(studies) > 1 or 0 in shape:
        shown = ", ".join(f"{rows}×{columns}" for rows, columns in shapes)
        rule = "are shapes that do not belong together or hold nothing"
        remedy = "give data sets × studies, or one row for all"
        raise EstimationError(Problem("pool_many, yi, vi, keep", shown, rule, remedy))
    # as long as one row is shared it is looked at once
    known = ~(np.isnan(effects) | np.isnan(variances))
    present = np.broadcast_to(known & given, shape)
    missing = int(np.count_nonzero(np.broadcast_to(given, shape)) - np.count_nonzero(present))
    effects, variances = np.broadcast_to(effects, shape), np.broadcast_to(variances, shape)
    count = np.count_nonzero(present, axis=1)
    raise_any(_unusable(effects, variances, present) + _empty(count))
    return DataSets(effects, variances, present, count, missing)


def _table(where: str, values: ArrayLike) -> Floats:
    if isinstance(values, np.ma.MaskedArray):
        one_list(where, values)  # refuses it
    try:
        given = np.asarray(values)
    except ValueError:
        rule = "is not a table of numbers"
        remedy = "give one number per data set and study"
        raise EstimationError(Problem(where, written(values), rule, remedy)) from None
    if given.ndim != 2:
        return one_list(where, values)[None, :]
    return one_list(where, given.reshape(-1)).reshape(given.shape)


def _flags(keep: ArrayLike) -> NDArray[np.bool_]:
    rule, remedy = "is not a table of True and False", "give one per data set and study"
    try:
        given = np.asarray(keep)
    except ValueError:
        raise EstimationError(Problem("pool_many, keep", written(keep), rule, remedy)) from None
    if given.dtype != bool or given.ndim not in (1, 2):
        raise EstimationError(Problem("pool_many, keep", written(keep), rule, remedy))
    return np.atleast_2d(given)


def _unusable(effects: Floats, variances: Floats, present: NDArray[np.bool_]) -> list[Problem]:
    smallest, largest = variances.min(initial=np.inf), variances.max(initial=0.0)
    if smallest > 0 and largest < np.inf and not np.isinf(effects).any():
        return []
    infinite = present & np.isinf(effects)
    improper = present & ~((variances > 0) & np.isfinite(variances))
    problems = []
    for i, j in np.argwhere(infinite | improper)[:_NAMED]:
        place = f"pool_many, data set {i + 1}, study {j + 1}"
        if infinite[i, j]:
            effect = f"{effects[i, j]:g}"
            problems.append(Problem(f"{place}, yi", effect, "is not finite", "leave it out"))
        if improper[i, j]:
            variance, rule = f"{variances[i, j]:g}", "is not a positive, finite variance"
            problems.append(Problem(f"{place}, vi", variance, rule, "correct or omit it"))
    return problems


def _empty(count: NDArray[np.int64]) -> list[Problem]:
    return [
        Problem(f"pool_many, data set {i + 1}", None, "has no study", "leave the data set out")
        for i in np.flatnonzero(count == 0)[:_NAMED]
    ]
