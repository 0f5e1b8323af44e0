"""What pooling many data sets gives back: one array per quantity."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.result import decimals

if TYPE_CHECKING:
    import polars

__all__ = ["PooledMany", "plain"]

_BOUNDS = ("interval", "prediction_interval")
_HEADS = ("smallest", "quartile", "median", "quartile", "largest")


@dataclass(frozen=True, slots=True, eq=False)
class PooledMany:
    """Pooled effects of many data sets; NaN marks what does not exist for a data set.

    Parameters
    ----------
    estimate, standard_error, statistic, p_value, variance_factor
        As in :class:`.Pooled`, shape (data sets,). statistic and p_value are NaN where the standard
        error is 0.
    interval, prediction_interval
        Limits, shape (data sets, 2); no prediction interval (None) for a common effect, NaN for a
        single study.
    degrees_of_freedom
        NaN where the reference distribution is the normal.
    tau2, i2, h2, q, q_p_value
        As in :class:`.Pooled`; all but q are NaN for a single study.
    k
        Studies in each data set.
    several_maxima
        Whether the likelihood has more than one maximum, of which the highest was taken.
    absent
        How many effects or variances were missing (NaN) where a study was to be kept.
    method, test, level, conventions
        As in :class:`.Pooled`.
    """

    estimate: Floats
    standard_error: Floats
    interval: Floats
    prediction_interval: Floats | None
    tau2: Floats
    i2: Floats
    h2: Floats
    q: Floats
    q_p_value: Floats
    statistic: Floats
    degrees_of_freedom: Floats
    p_value: Floats
    variance_factor: Floats
    k: NDArray[np.int64]
    several_maxima: NDArray[np.bool_]
    absent: int
    method: str
    test: str
    level: float
    conventions: tuple[str, ...]

    def __len__(self) -> int:
        return self.estimate.size

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each reason to read some of the numbers with care."""
        alone, equal = (np.count_nonzero(which) for which in (self.k == 1, self._without_error()))
        several = np.count_nonzero(self.several_maxima)
        counted = (
            (self.absent, "effects or variances are missing; their studies are left out."),
            (alone, "data sets hold a single study: heterogeneity is not estimable (NaN)."),
            (several, "data sets have a likelihood of tau² with more than one maximum."),
            (equal, "data sets have a standard error of 0: no test of them exists (NaN)."),
        )
        return tuple(f"{number}: {sentence}" for number, sentence in counted if number)

    def _without_error(self) -> NDArray[np.bool_]:
        return np.asarray(self.standard_error == 0)

    def records(self, *names: str) -> list[dict[str, Any]]:
        """Give some quantities of each data set as plain numbers, None where there is none."""
        nothing = [None] * len(self)
        columns = [nothing if (v := getattr(self, n)) is None else plain(v) for n in names]
        rows = zip(*columns, strict=True)
        return [dict(zip(names, map(_bounds, row), strict=True)) for row in rows]

    def to_dict(self) -> dict[str, object]:
        """Give every field as plain JSON types, None where a number does not exist."""
        every = {field.name: plain(getattr(self, field.name)) for field in fields(self)}
        return every | {"warnings": list(self.warnings)}

    def to_frame(self) -> polars.DataFrame:
        """Give one row per data set, null where a number does not exist."""
        import polars as pl

        columns: dict[str, NDArray[np.generic]] = {}
        for field in fields(self):
            values = getattr(self, field.name)
            if field.name in _BOUNDS:
                if values is not None:
                    prefix = "" if field.name == "interval" else "prediction_"
                    columns[f"{prefix}low"], columns[f"{prefix}high"] = values.T
            elif isinstance(values, np.ndarray):
                columns[field.name] = values
        return pl.DataFrame(columns).fill_nan(None)

    def __str__(self) -> str:
        model = "Common effect" if self.method == "common" else f"Random effects, {self.method}"
        studies = (
            f"{self.k.min()}"
            if self.k.min() == self.k.max()
            else (f"{self.k.min()} to {self.k.max()}")
        )
        lines = [
            f"{model}: {len(self)} data sets of {studies} studies",
            "",
            f"  {'':<14}" + "".join(f"{head:>11}" for head in _HEADS),
        ]
        shown = {"estimate": self.estimate, "tau²": self.tau2, "I² (%)": self.i2, "P": self.p_value}
        lines += [f"  {name:<14}{_quartiles(values)}" for name, values in shown.items()]
        lines += ["", "Conventions", *(f"  {sentence}" for sentence in self.conventions)]
        if self.warnings:
            lines += ["", "Warnings", *(f"  {sentence}" for sentence in self.warnings)]
        return "\n".join(lines)


def _bounds(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return None if value[0] is None else tuple(value)


def plain(value: Any) -> Any:
    """Give an array or a tuple as a list, None for NaN; anything else as it is.

    Examples
    --------
    >>> plain(np.array([1.5, np.nan]))
    [1.5, None]
    """
    if isinstance(value, tuple):
        return list(value)
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.kind != "f":
        return value.tolist()
    objects = value.astype(object)
    objects[np.isnan(value)] = None
    return objects.tolist()


def _quartiles(values: Floats) -> str:
    known = values[~np.isnan(values)]
    if not known.size:
        return f"{'–':>11}" * 5
    return "".join(f"{decimals(one):>11}" for one in np.quantile(known, [0, 0.25, 0.5, 0.75, 1]))
