"""What every way to an effect gives back."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np

from secondlook.synthesis.printed_columns import Floats, not_held, raise_any
from secondlook.synthesis.result import decimals

if TYPE_CHECKING:
    import polars

__all__ = ["Effects", "effects_by"]


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """One effect per row, its sampling variance, and what had to be supposed to get there.

    Parameters
    ----------
    measure
        The scale, by the name :func:`~secondlook.synthesis.inverse` knows it by.
    yi, vi
        Effects and their sampling variances, both of shape (k,), read-only.
    names
        What the rows are called.
    assumptions
        One sentence for each thing supposed.
    sample_sizes
        Patients (or person-time) per row, where the way back needs them (Freeman-Tukey); otherwise
        None.
    asymmetry
        For intervals: upper half-width over lower half-width on the scale of the interval, 1 when
        the estimate lies in the middle, NaN where one limit was cut off at 0 or 1; otherwise None.
    route
        From which printed numbers each row was had, shape (k,).
    warnings
        One sentence for each row to read with care.
    """

    measure: str
    yi: Floats
    vi: Floats
    names: tuple[str, ...]
    assumptions: tuple[str, ...]
    sample_sizes: Floats | None = field(default=None)
    asymmetry: Floats | None = field(default=None)
    route: tuple[str, ...] = field(default=())
    warnings: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for array in (self.yi, self.vi, self.sample_sizes, self.asymmetry):
            if array is not None:
                array.flags.writeable = False

    def __reduce__(self) -> tuple[type[Effects], tuple[object, ...]]:
        # a copy, also one from another process, is made anew and so is read-only again
        return Effects, tuple(getattr(self, one.name) for one in fields(self))

    def to_dict(self) -> dict[str, object]:
        """Give the record as plain JSON types; an asymmetry without a finite value as None."""
        asymmetry = None
        if self.asymmetry is not None:
            asymmetry = [one if np.isfinite(one) else None for one in self.asymmetry.tolist()]
        return {
            "measure": self.measure,
            "yi": self.yi.tolist(),
            "vi": self.vi.tolist(),
            "names": list(self.names),
            "assumptions": list(self.assumptions),
            "sample_sizes": None if self.sample_sizes is None else self.sample_sizes.tolist(),
            "asymmetry": asymmetry,
            "route": list(self.route),
            "warnings": list(self.warnings),
        }

    def to_frame(self) -> polars.DataFrame:
        """Give one row per effect: name, effect, variance, standard error and route."""
        import polars as pl

        return pl.DataFrame(
            {
                "name": list(self.names),
                "yi": self.yi,
                "vi": self.vi,
                "standard_error": np.sqrt(self.vi),
                "route": list(self.route) or [None] * len(self.names),
            }
        )

    def __str__(self) -> str:
        rows = "1 row" if len(self.names) == 1 else f"{len(self.names)} rows"
        lines = [f"{self.measure[:1].upper()}{self.measure[1:]}: {rows}", ""]
        width = max(4, *map(len, self.names)) if self.names else 4
        lines.append(f"  {'name':<{width}}  {'yi':>11}  {'standard error':>14}  from")
        errors = np.sqrt(self.vi).tolist()
        routes = self.route or ("",) * len(self.names)
        for name, effect, error, route in zip(
            self.names, self.yi.tolist(), errors, routes, strict=True
        ):
            row = f"  {name:<{width}}  {decimals(effect):>11}  {decimals(error):>14}  {route}"
            lines.append(row.rstrip())
        for title, sentences in (("Assumptions", self.assumptions), ("Warnings", self.warnings)):
            if sentences:
                lines += ["", title, *(f"  {sentence}" for sentence in sentences)]
        return "\n".join(lines)


def effects_by(
    route: str,
    measure: str,
    moments: tuple[Floats, Floats],
    names: tuple[str, ...],
    assumptions: tuple[str, ...],
    *,
    sample_sizes: Floats | None = None,
    asymmetry: Floats | None = None,
    warnings: tuple[str, ...] = (),
) -> Effects:
    """Give effects that all came by one route, or name the rows that no double can hold."""
    yi, vi = moments
    raise_any(not_held(yi, vi, names))
    return Effects(
        measure,
        yi,
        vi,
        names,
        assumptions,
        sample_sizes=sample_sizes,
        asymmetry=asymmetry,
        route=(route,) * len(names),
        warnings=warnings,
    )
