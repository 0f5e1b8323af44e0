"""Whether rounding alone can put an estimate off the middle of its printed interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from secondlook.errors import Problem
from secondlook.synthesis.printed_columns import Floats, not_negative

__all__ = ["asymmetry_of", "asymmetry_warnings", "improper_rounding", "rounding_column"]


def rounding_column(rounding: ArrayLike | None) -> dict[str, ArrayLike]:
    """Give the column that `rounding` adds to those read, if it was given."""
    return {} if rounding is None else {"rounding": rounding}


def improper_rounding(columns: Mapping[str, Floats], labels: tuple[str, ...]) -> list[Problem]:
    """Name the rows whose rounding, where it was given, is negative or not finite."""
    if "rounding" not in columns:
        return []
    return not_negative("rounding", columns["rounding"], labels)


def asymmetry_of(middle: Floats, first: Floats, second: Floats) -> Floats:
    """Give the half-width to the second limit over that to the first."""
    with np.errstate(all="ignore"):  # an estimate printed equal to its lower limit
        return (second - middle) / (middle - first)


def asymmetry_warnings(
    columns: Mapping[str, Floats],
    names: tuple[str, ...],
    *,
    of: str,
    forward: Callable[[Floats], Floats],
    limits: tuple[float, float],
    scale: str,
) -> tuple[str, ...]:
    """Name the rows whose interval rounding cannot make symmetric; none without ``rounding``.

    `of` is the name of the column of estimates.
    An interval is explained when some estimate and some limits, each within ``rounding`` of what is
    printed and within `limits`, have the estimate midway on the scale of `forward`. Since `forward`
    is monotone, it is enough to look at the ends.
    """
    if "rounding" not in columns:
        return ()
    off = columns["rounding"]

    def moved(name: str, by: Floats) -> Floats:
        return forward(np.clip(columns[name] + by, *limits))

    with np.errstate(all="ignore"):
        middle = np.sort([(moved("low", by) + moved("high", by)) / 2 for by in (-off, off)], axis=0)
        printed = np.sort([moved(of, by) for by in (-off, off)], axis=0)
        gap = np.maximum(middle[0], printed[0]) - np.minimum(middle[1], printed[1])
        # arithmetic itself rounds: a gap of a billionth of the interval is none
        width = np.abs(forward(columns["high"]) - forward(columns["low"]))
    found = np.isfinite(gap) & np.isfinite(width) & (gap > 1e-9 * width)
    return tuple(
        f"{name}: the interval is not symmetric on the {scale} scale, and rounding by at most "
        f"{by:g} cannot explain it; it was made in another way, or a number is misprinted."
        for name, by, is_so in zip(names, off, found, strict=True)
        if is_so
    )
