"""Pooling every subset of the studies: how the result depends on which were done and found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.batch import pool_many
from secondlook.synthesis.batch_result import plain
from secondlook.synthesis.pooling import pool
from secondlook.synthesis.printed_columns import Floats, written
from secondlook.synthesis.result import Pooled, decimals, range_text

if TYPE_CHECKING:
    import polars

__all__ = ["PooledSubsets", "pool_subsets"]

_PART = 100_000
"""Subsets pooled at once: what is not kept of them is given back before the next."""


@dataclass(frozen=True, slots=True, eq=False)
class PooledSubsets:
    """What subsets of the studies pool to; NaN where a single study leaves something unknown.

    Parameters
    ----------
    everything
        All studies pooled.
    included
        Which studies, in the order of ``everything.names``, are in each subset, shape (subsets, k).
    k, estimate, tau2, i2, h2, q
        Studies and pooled quantities of each subset, shape (subsets,).
    exhaustive
        Whether these are all subsets there are.
    seed
        What the random subsets were drawn with; None where nothing was drawn.
    """

    everything: Pooled
    included: NDArray[np.bool_]
    k: NDArray[np.int64]
    estimate: Floats
    tau2: Floats
    i2: Floats
    h2: Floats
    q: Floats
    exhaustive: bool
    seed: int | None

    def __len__(self) -> int:
        return self.estimate.size

    def with_study(self, name: str) -> NDArray[np.bool_]:
        """Say which subsets hold a study.

        Raises
        ------
        EstimationError
            Where no study of that name was pooled.
        """
        if name not in self.everything.names:
            remedy = f"use {', '.join(self.everything.names)}"
            raise EstimationError(Problem("with_study", name, "is no study pooled here", remedy))
        return self.included[:, self.everything.names.index(name)]

    def to_dict(self) -> dict[str, object]:
        """Give every field as plain JSON types, the studies of a subset as their numbers from 0."""
        columns = ("k", "estimate", "tau2", "i2", "h2", "q")
        return {
            "everything": self.everything.to_dict(),
            "included": [np.flatnonzero(row).tolist() for row in self.included],
            **{name: plain(getattr(self, name)) for name in columns},
            "exhaustive": self.exhaustive,
            "seed": self.seed,
        }

    def to_frame(self) -> polars.DataFrame:
        """Give one row per subset, with a column per study that says whether it is in it."""
        import polars as pl

        columns = ("k", "estimate", "tau2", "i2", "h2", "q")
        table = {name: getattr(self, name) for name in columns}
        held = {
            f"with {name}": column
            for name, column in zip(self.everything.names, self.included.T, strict=True)
        }
        return pl.DataFrame(table | held).fill_nan(None)

    def __str__(self) -> str:
        which = "all" if self.exhaustive else f"a random sample (seed {self.seed})"
        width = max(len("Study"), *(len(name) for name in self.everything.names))
        low, middle, high = np.quantile(self.estimate, [0.025, 0.5, 0.975])
        everything = decimals(self.everything.estimate)
        lines = [
            f"{len(self)} subsets of {self.everything.k} studies: {which}",
            "",
            f"  estimate   median {decimals(middle)}, middle 95 % {range_text((low, high))}"
            f"   (all studies: {everything})",
            "",
            "Medians over the subsets with and without each study",
            f"{'Study':<{width}}  {'estimate':>9}  {'without':>9}  {'I² (%)':>7}  {'without':>7}",
        ]
        for name, held in zip(self.everything.names, self.included.T, strict=True):
            estimates = (_median(self.estimate[held]), _median(self.estimate[~held]))
            shares = (_median(self.i2[held]), _median(self.i2[~held]))
            lines.append(
                f"{name:<{width}}  {decimals(estimates[0]):>9}  {decimals(estimates[1]):>9}"
                f"  {shares[0]:>7.2f}  {shares[1]:>7.2f}"
            )
        return "\n".join(lines)


def _median(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else float("nan")


def pool_subsets(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    most: int = 100_000,
    seed: int = 0,
    method: str = "REML",
    names: Sequence[str] | None = None,
) -> PooledSubsets:
    """Pool every subset of the studies, or a random sample of the subsets where they are too many.

    Parameters
    ----------
    yi, vi, method, names
        As for :func:`~secondlook.synthesis.pool`.
    most
        How many subsets to pool at most, 2 or more. There are 2^k - 1; where these are more, as
        many as `most` are drawn, each study being in a subset with probability 1/2, some perhaps
        twice.
    seed
        Seed of the draw, not negative; the same seed draws the same subsets.

    Returns
    -------
    PooledSubsets
        It holds 48 + k bytes per subset: 6 million for 100,000 subsets of 15 studies.

    Raises
    ------
    EstimationError
        As :func:`~secondlook.synthesis.pool` does; for a single study; and where `most` or `seed`
        is not such a number.

    Notes
    -----
    Olkin, Dahabreh and Trikalinos, Res Synth Methods 2012;3:214-223, who plot I² against the
    estimate (GOSH). Two clouds, one with and one without a study, show what that study does.
    Subsets overlap, so that their spread is no measure of uncertainty.

    Examples
    --------
    >>> found = pool_subsets([0.0, 0.1, 3.0], [0.1, 0.1, 0.1], names=["A", "B", "C"])
    >>> len(found), found.exhaustive
    (7, True)
    >>> found.estimate[found.k == 2].round(2).tolist()
    [0.05, 1.5, 1.55]
    """
    most, seed = _whole("most", most, 2), _whole("seed", seed, 0)
    everything = pool(yi, vi, method=method, test="z", names=names)
    if everything.k == 1:
        rule = "is the only study"
        problem = Problem("pool_subsets", everything.names[0], rule, "give at least two")
        raise EstimationError(problem)
    exhaustive = 2**everything.k - 1 <= most
    included = _all(everything.k) if exhaustive else _drawn(everything.k, most, seed)
    parts = [
        pool_many(
            everything.yi, everything.vi, keep=included[i : i + _PART], method=method, test="z"
        )
        for i in range(0, len(included), _PART)
    ]
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("k", "estimate", "tau2", "i2", "h2", "q")
    }
    return PooledSubsets(
        everything=everything,
        included=included,
        **columns,
        exhaustive=exhaustive,
        seed=None if exhaustive else seed,
    )


def _whole(name: str, value: object, least: int) -> int:
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= least:
        return int(value)
    rule, remedy = f"is not a whole number from {least}", f"write {least} or more"
    raise EstimationError(Problem(f"pool_subsets, {name}", written(value), rule, remedy))


def _all(k: int) -> NDArray[np.bool_]:
    # by size, and among those of one size the first studies first
    numbers = np.arange(1, 2**k)
    included = (numbers[:, None] >> np.arange(k)) & 1 == 1
    return np.asarray(included[np.argsort(included.sum(axis=1), kind="stable")])


def _drawn(k: int, most: int, seed: int) -> NDArray[np.bool_]:
    random = np.random.default_rng(seed)
    included = random.random((most, k)) < 0.5
    while (empty := np.flatnonzero(~included.any(axis=1))).size:
        included[empty] = random.random((empty.size, k)) < 0.5
    return included
