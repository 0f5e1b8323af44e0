"""Pooling one study more at a time, to see how the result came about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondlook.errors import Problem
from secondlook.synthesis.batch import pool_many
from secondlook.synthesis.batch_result import PooledMany
from secondlook.synthesis.pooling import check_options
from secondlook.synthesis.printed_columns import named, one_list, raise_any
from secondlook.synthesis.result import Interval, decimals, p_text, range_text
from secondlook.synthesis.study_outcomes import StudyOutcomes, read_outcomes

if TYPE_CHECKING:
    import polars

__all__ = ["Cumulative", "CumulativeStep", "cumulative"]


@dataclass(frozen=True, slots=True)
class CumulativeStep:
    """What is pooled once a study has been added; fields as in :class:`.Pooled`."""

    added: str
    k: int
    estimate: float
    standard_error: float
    interval: Interval
    prediction_interval: Interval | None
    tau2: float | None
    i2: float | None
    h2: float | None
    q: float
    q_p_value: float | None
    statistic: float | None
    p_value: float | None


@dataclass(frozen=True, slots=True)
class Cumulative:
    """One :class:`CumulativeStep` per study, in the order in which they were added."""

    rows: tuple[CumulativeStep, ...]
    method: str
    test: str
    level: float
    omitted: tuple[str, ...]
    conventions: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Give the record as plain JSON types."""
        plain = asdict(self)
        rows = [{key: _listed(v) for key, v in row.items()} for row in plain.pop("rows")]
        return {"rows": rows} | {key: _listed(v) for key, v in plain.items()}

    def to_frame(self) -> polars.DataFrame:
        """Give one row per study added."""
        import polars as pl

        rows = [asdict(row) for row in self.rows]
        for row in rows:
            row["low"], row["high"] = row.pop("interval")
            further = row.pop("prediction_interval")
            row["prediction_low"], row["prediction_high"] = further or (None, None)
        return pl.DataFrame(rows, infer_schema_length=None)

    def __str__(self) -> str:
        width = max(len("Added"), *(len(row.added) for row in self.rows))
        percent = f"{100 * self.level:g} % interval"
        lines = [
            f"{'Added':<{width}}  {'k':>4}  {'estimate':>9}  {percent:<22}  {'tau²':>9}"
            f"  {'I² (%)':>6}  P"
        ]
        lines += [_line(row, width) for row in self.rows]
        lines += ["", "Conventions", *(f"  {sentence}" for sentence in self.conventions)]
        if self.warnings:
            lines += ["", "Warnings", *(f"  {sentence}" for sentence in self.warnings)]
        return "\n".join(lines)


def _listed(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _line(row: CumulativeStep, width: int) -> str:
    tau2 = "–" if row.tau2 is None else decimals(row.tau2)
    i2 = "–" if row.i2 is None else f"{row.i2:.2f}"
    p_value = "–" if row.p_value is None else p_text(row.p_value).removeprefix("P ")
    return (
        f"{row.added:<{width}}  {row.k:>4}  {decimals(row.estimate):>9}"
        f"  {range_text(row.interval):<22}  {tau2:>9}  {i2:>6}  {p_value.removeprefix('= ')}"
    )


def cumulative(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    order: ArrayLike | None = None,
    method: str = "REML",
    test: str = "hksj",
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> Cumulative:
    """Pool the first study, the first two, the first three, and so on.

    Parameters
    ----------
    yi, vi, method, test, level, names
        As for :func:`~secondlook.synthesis.pool`.
    order
        A number per study, such as its year, shape (k,): the smallest comes first, and equal ones
        keep the order in which they are given. The order given, if there is none.

    Returns
    -------
    Cumulative
        The last row is the pooled result of all studies. The first is its study's own estimate
        with a normal interval, and has no tau².

    Raises
    ------
    EstimationError
        As :func:`~secondlook.synthesis.pool` does, and where a study has no finite number to be
        ordered by.

    Notes
    -----
    Lau, Antman, Jimenez-Silva, Kupelnick, Mosteller and Chalmers, N Engl J Med 1992;327:248-254.
    Each row is as if no look had been taken before it: that one of many looks has P < 0.05 is much
    more likely than 5 % when nothing is there.

    Examples
    --------
    >>> found = cumulative([3.0, 0.0, 0.1], [0.1] * 3, order=[2010, 1994, 2001], test="z")
    >>> [(row.added, round(row.estimate, 2)) for row in found.rows]
    [('study 2', 0.0), ('study 3', 0.05), ('study 1', 1.03)]
    """
    check_options(method=method, test=test, level=level)
    effects, variances = one_list("pool, yi", yi), one_list("pool, vi", vi)
    labels = named("pool", {"yi": effects.size, "vi": variances.size}, names)
    sequence = _sequence(order, labels)
    ordered = [labels[i] for i in sequence]
    outcomes = read_outcomes(effects[sequence], variances[sequence], ordered)
    found = pool_many(
        outcomes.yi,
        outcomes.vi,
        keep=np.tri(outcomes.yi.size, dtype=bool),
        method=method,
        test=test,
        level=level,
    )
    quantities = [field.name for field in fields(CumulativeStep)][1:]
    records = zip(outcomes.names, found.records(*quantities), strict=True)
    return Cumulative(
        rows=tuple(CumulativeStep(added=name, **record) for name, record in records),
        method=method,
        test=test,
        level=float(level),
        omitted=outcomes.omitted,
        conventions=found.conventions,
        warnings=_warnings(outcomes, found),
    )


def _sequence(order: ArrayLike | None, labels: tuple[str, ...]) -> NDArray[np.intp]:
    if order is None:
        return np.arange(len(labels))
    by = one_list("cumulative, order", order)
    named("cumulative", {"yi": len(labels), "order": by.size}, None)
    rule, remedy = "is not a finite number to order by", "give one, such as the year"
    raise_any(
        [
            Problem(f"{labels[i]}, order", f"{by[i]:g}", rule, remedy)
            for i in np.flatnonzero(~np.isfinite(by))
        ]
    )
    return np.argsort(by, kind="stable")


def _warnings(outcomes: StudyOutcomes, found: PooledMany) -> tuple[str, ...]:
    sentences = []
    if outcomes.omitted:
        sentences.append(f"Left out, effect or variance missing: {', '.join(outcomes.omitted)}.")
    several = [outcomes.names[i] for i in np.flatnonzero(found.several_maxima)]
    if several:
        sentences.append(
            "After these the likelihood of tau² has more than one maximum, and a small change may "
            f"look large: {', '.join(several)}."
        )
    return tuple(sentences)
