"""Pooling again without each study in turn, to see whether one study carries the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.pooling import check_options, pool_outcomes
from secondlook.synthesis.result import Interval, Pooled, decimals, p_text, range_text
from secondlook.synthesis.study_outcomes import read_outcomes

if TYPE_CHECKING:
    import polars

__all__ = ["LeaveOneOut", "Omission", "leave_one_out"]


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
    check_options(method=method, test=test, level=level)
    outcomes = read_outcomes(yi, vi, names)
    if outcomes.yi.size < 2:
        problem = Problem(
            "leave_one_out", outcomes.names[0], "is the only study", "give at least two"
        )
        raise EstimationError(problem)
    level = float(level)
    rows = tuple(
        _omission(name, pool_outcomes(outcomes.without(i), method=method, test=test, level=level))
        for i, name in enumerate(outcomes.names)
    )
    return LeaveOneOut(pool_outcomes(outcomes, method=method, test=test, level=level), rows)


def _omission(name: str, pooled: Pooled) -> Omission:
    return Omission(
        omitted=name,
        estimate=pooled.estimate,
        standard_error=pooled.standard_error,
        interval=pooled.interval,
        tau2=pooled.tau2,
        i2=pooled.i2,
        h2=pooled.h2,
        q=pooled.q,
        q_p_value=pooled.q_p_value,
        statistic=pooled.statistic,
        p_value=pooled.p_value,
    )


def _line(name: str, result: Pooled | Omission, width: int) -> str:
    tau2 = "–" if result.tau2 is None else decimals(result.tau2)
    i2 = "–" if result.i2 is None else f"{result.i2:.2f}"
    p_value = "–" if result.p_value is None else p_text(result.p_value).removeprefix("P ")
    return (
        f"{name:<{width}}  {decimals(result.estimate):>9}  {range_text(result.interval):<22}"
        f"  {tau2:>9}  {i2:>6}  {p_value.removeprefix('= ')}"
    )
