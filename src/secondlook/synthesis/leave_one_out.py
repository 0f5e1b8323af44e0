"""Pooling again without each study in turn, to see whether one study carries the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.batch import pool_many
from secondlook.synthesis.batch_result import PooledMany
from secondlook.synthesis.pooling import pool
from secondlook.synthesis.result import Interval, Pooled, decimals, p_text, range_text

if TYPE_CHECKING:
    import polars

__all__ = ["LeaveOneOut", "Omission", "leave_one_out", "without_each"]


@dataclass(frozen=True, slots=True)
class Omission:
    """What is pooled when one study is left out; fields as in :class:`.Pooled`."""

    omitted: str
    estimate: float
    standard_error: float
    interval: Interval
    tau2: float | None
    i2: float | None
    h2: float | None
    q: float
    q_p_value: float | None
    statistic: float | None
    p_value: float | None


@dataclass(frozen=True, slots=True)
class LeaveOneOut:
    """One :class:`Omission` per study, and the result of all of them together."""

    everything: Pooled
    rows: tuple[Omission, ...]

    def to_dict(self) -> dict[str, object]:
        """Give the record as plain JSON types."""
        rows = [asdict(row) | {"interval": list(row.interval)} for row in self.rows]
        return {"everything": self.everything.to_dict(), "rows": rows}

    def to_frame(self) -> polars.DataFrame:
        """Give one row per study left out."""
        import polars as pl

        columns = [asdict(row) for row in self.rows]
        for column in columns:
            column["low"], column["high"] = column.pop("interval")
        return pl.DataFrame(columns)

    def __str__(self) -> str:
        width = max(len("Left out"), len("(none)"), *(len(row.omitted) for row in self.rows))
        percent = f"{100 * self.everything.level:g} % interval"
        head = (
            f"{'Left out':<{width}}  {'estimate':>9}  {percent:<22}  {'tau²':>9}  {'I² (%)':>6}  P"
        )
        everything = _line("(none)", self.everything, width)
        return "\n".join([head, everything, *(_line(r.omitted, r, width) for r in self.rows)])


def leave_one_out(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    method: str = "REML",
    test: str = "hksj",
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> LeaveOneOut:
    """Pool the other studies, once for each study left out.

    Parameters
    ----------
    yi, vi, method, test, level, names
        As for :func:`~secondlook.synthesis.pool`.

    Returns
    -------
    LeaveOneOut
        Rows in the order of the studies pooled; a study with a missing value is not among them.

    Raises
    ------
    EstimationError
        As :func:`~secondlook.synthesis.pool` does, and where fewer than two studies can be pooled.

    Notes
    -----
    Viechtbauer and Cheung, Res Synth Methods 2010;1:112-125. A result that no single study changes
    may still be wrong if all of them share a bias.

    Examples
    --------
    >>> result = leave_one_out([0.0, 0.1, 3.0], [0.1, 0.1, 0.1], names=["A", "B", "C"])
    >>> [(row.omitted, round(row.estimate, 2)) for row in result.rows]
    [('A', 1.55), ('B', 1.5), ('C', 0.05)]
    """
    everything = pool(yi, vi, method=method, test=test, level=level, names=names)
    without = without_each(everything, "leave_one_out")
    rows = without.records(*(field.name for field in fields(Omission) if field.name != "omitted"))
    named = zip(everything.names, rows, strict=True)
    return LeaveOneOut(everything, tuple(Omission(omitted=name, **row) for name, row in named))


def without_each(everything: Pooled, asked: str) -> PooledMany:
    """Pool again without each study in turn, with the same options; `asked` says for what."""
    if everything.k < 2:
        problem = Problem(asked, everything.names[0], "is the only study", "give at least two")
        raise EstimationError(problem)
    return pool_many(
        everything.yi,
        everything.vi,
        keep=~np.eye(everything.k, dtype=bool),
        method=everything.method,
        test=everything.test,
        level=everything.level,
    )


def _line(name: str, result: Pooled | Omission, width: int) -> str:
    tau2 = "–" if result.tau2 is None else decimals(result.tau2)
    i2 = "–" if result.i2 is None else f"{result.i2:.2f}"
    p_value = "–" if result.p_value is None else p_text(result.p_value).removeprefix("P ")
    return (
        f"{name:<{width}}  {decimals(result.estimate):>9}  {range_text(result.interval):<22}"
        f"  {tau2:>9}  {i2:>6}  {p_value.removeprefix('= ')}"
    )
