"""Expected effects at given moderator values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from secondlook.errors import Problem
from secondlook.synthesis.printed_columns import Floats, raise_any
from secondlook.synthesis.regression.coefficients import Interval
from secondlook.synthesis.regression.design import Design
from secondlook.synthesis.regression.moderators import Moderators, read_moderators
from secondlook.synthesis.result import decimals, range_text

if TYPE_CHECKING:
    import polars

__all__ = ["Prediction", "Predictions", "aligned", "new_rows", "predictions"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """The expected effect at certain moderator values.

    ``prediction_interval`` is where the true effect of a new study with these values is expected;
    None for a common effect.
    """

    name: str
    estimate: float
    standard_error: float
    interval: Interval
    prediction_interval: Interval | None


@dataclass(frozen=True, slots=True)
class Predictions:
    """One :class:`Prediction` for each row of moderator values."""

    rows: tuple[Prediction, ...]
    level: float

    def to_dict(self) -> dict[str, object]:
        """Give the record as plain JSON types."""
        return {"rows": [asdict(row) for row in self.rows], "level": self.level}

    def to_frame(self) -> polars.DataFrame:
        """Give one row per prediction."""
        import polars as pl

        ends = [row.prediction_interval or (None, None) for row in self.rows]
        return pl.DataFrame(
            {
                "name": [row.name for row in self.rows],
                "estimate": [row.estimate for row in self.rows],
                "standard_error": [row.standard_error for row in self.rows],
                "low": [row.interval[0] for row in self.rows],
                "high": [row.interval[1] for row in self.rows],
                "prediction_low": [low for low, _ in ends],
                "prediction_high": [high for _, high in ends],
            },
            schema_overrides={"prediction_low": pl.Float64, "prediction_high": pl.Float64},
        )

    def __str__(self) -> str:
        percent = f"{100 * self.level:g} %"
        table = [["", "estimate", f"{percent} interval", f"{percent} prediction"]]
        for row in self.rows:
            beyond = row.prediction_interval
            wide = "–" if beyond is None else range_text(beyond)
            table.append([row.name, decimals(row.estimate), range_text(row.interval), wide])
        return "\n".join(aligned(table))


def aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Write rows of a table below each other, the first column to the left.

    Examples
    --------
    >>> aligned([["", "a"], ["long", "-1.5"]])
    ['           a', '  long  -1.5']
    """
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            [f"  {row[0]:<{widths[0]}}"]
            + [f"{cell:>{w}}" for cell, w in zip(row[1:], widths[1:], strict=True)]
        ).rstrip()
        for row in table
    ]


def predictions(
    rows: Floats,
    names: Sequence[str],
    estimates: Floats,
    covariance: Floats,
    *,
    tau2: float | None,
    reach: float,
    level: float,
) -> Predictions:
    """Give expected effects for rows of a design matrix; tau2 is None for a common effect."""
    expected = (rows @ estimates).tolist()
    # not below 0 by rounding
    variances = np.maximum(np.vecdot(rows @ covariance, rows), 0.0).tolist()
    found = []
    for name, centre, variance in zip(names, expected, variances, strict=True):
        error = variance**0.5
        near = (centre - reach * error, centre + reach * error)
        wide = None
        if tau2 is not None:
            spread = reach * (variance + tau2) ** 0.5
            wide = (centre - spread, centre + spread)
        found.append(Prediction(name, centre, error, near, wide))
    return Predictions(tuple(found), level)


def new_rows(design: Design, given: Moderators) -> Floats:
    """Make rows of a model's design matrix from moderator values, each named where it fails."""
    needed = design.variables
    found = read_moderators("predict", given)
    rule, remedy = "is not given", "give a value for every moderator of the model"
    absent = [name for name in needed if name not in found]
    raise_any([Problem("predict, moderator", name, rule, remedy) for name in absent])
    raise_any(
        [
            Problem(f"predict, row {i + 1}, moderator {name}", None, "is missing", "fill it in")
            for name in needed
            for i in np.flatnonzero(found[name].missing)
        ]
    )
    rows = design.again(found, max(m.missing.size for m in found.values()) if found else 1)
    infinite = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    rule, remedy = "has a transformed moderator that is not finite", "check its values"
    raise_any([Problem(f"predict, row {i + 1}", None, rule, remedy) for i in infinite])
    return rows
