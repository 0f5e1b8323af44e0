"""Continuity corrections, made only where they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import Floats, written

__all__ = ["CORRECTED_ROWS", "Counts", "corrected", "refuse_without_variance"]

CORRECTED_ROWS: dict[str, str] = {
    "only0": "to the rows with a zero count",
    "if0all": "to every row, if any row has a zero count",
    "all": "to every row",
    "none": "to no row",
}
"""To which rows ``add`` is added, by metafor's words."""


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Counts after the correction that was asked for.

    Attributes
    ----------
    cells
        The counts, each of shape (k,).
    touched
        Which rows were corrected.
    assumptions
        A sentence that names them, if any were.
    """

    cells: tuple[Floats, ...]
    touched: NDArray[np.bool_]
    assumptions: tuple[str, ...]


def corrected(
    cells: Sequence[Floats], names: tuple[str, ...], *, where: str, add: float, to: str
) -> Counts:
    """Add a number to every count of the rows that are to have it, and say so."""
    _check(where, add, to)
    zero = np.logical_or.reduce([cell == 0 for cell in cells])
    if to == "all":
        touched = np.ones_like(zero)
    elif to == "if0all":
        touched = np.full_like(zero, zero.any())
    else:
        touched = zero if to == "only0" else np.zeros_like(zero)
    touched &= add > 0
    if not touched.any():
        return Counts(tuple(cells), touched, ())
    rows = ", ".join(name for name, is_so in zip(names, touched, strict=True) if is_so)
    said = f"As asked, {add:g} was added to each count of {'every row' if touched.all() else rows}."
    with np.errstate(over="ignore"):  # what a double cannot hold has no finite effect either
        return Counts(tuple(cell + add * touched for cell in cells), touched, (said,))


def refuse_without_variance(
    moments: tuple[Floats, Floats],
    counts: Counts,
    names: tuple[str, ...],
    measure: str,
) -> None:
    """Name the rows whose zero counts leave no finite effect with a variance above 0."""
    yi, vi = moments
    broken = ~(np.isfinite(yi) & np.isfinite(vi) & (vi > 0))
    zero = np.logical_or.reduce([cell == 0 for cell in counts.cells])
    rule = f"has a count of 0, which leaves no finite {measure} with a variance above 0"
    remedy = "ask for a correction with add=0.5, or leave the row out"
    problems = [
        Problem(name, None, rule, remedy)
        for name, is_so in zip(names, broken & zero, strict=True)
        if is_so
    ]
    if problems:
        raise EstimationError(problems)


def _check(where: str, add: float, to: str) -> None:
    problems = []
    is_number = isinstance(add, int | float | np.integer | np.floating)
    if not is_number or isinstance(add, bool) or not 0 <= add < np.inf:
        rule = "is not a number from 0 on"
        problems.append(Problem(f"{where}, add", written(add), rule, "add=0.5 is customary"))
    if written(to) not in CORRECTED_ROWS:
        rule, known = "does not say which rows to correct", ", ".join(CORRECTED_ROWS)
        problems.append(Problem(f"{where}, to", written(to), rule, f"use {known}"))
    elif not problems and add == 0 and to in ("all", "if0all"):
        rule = "adds nothing without add"
        problems.append(Problem(f"{where}, to", to, rule, "give add=0.5 as well, or leave to out"))
    if problems:
        raise EstimationError(problems)
