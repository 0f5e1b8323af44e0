"""How time enters a curve: eta = location + u(t), with what u depends on beside t.

Derivatives are with respect to the *shape coordinates*: the logarithm of the shape where time acts
by its logarithm, the log hazards of the later pieces against the first where hazards are pieces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from secondlook.synthesis.printed_columns import Floats

__all__ = ["LogTime", "PiecewiseHazard", "Shift", "TimeScale"]


@dataclass(frozen=True, slots=True)
class Shift:
    """u at some times, and its derivatives with respect to P shape coordinates.

    Parameters
    ----------
    value
        u, of the shape of the times.
    first, second
        First derivatives, P of them, and second, P lists of P.
    log_slope, log_slope_first, log_slope_second
        The logarithm of du/d log t and its derivatives; None where it does not vary.
    """

    value: Floats
    first: tuple[Floats, ...]
    second: tuple[tuple[Floats, ...], ...]
    log_slope: Floats
    log_slope_first: tuple[Floats, ...]
    log_slope_second: tuple[tuple[Floats, ...], ...]


class TimeScale(Protocol):
    """What both ways of letting time act have in common."""

    @property
    def coordinates(self) -> tuple[str, ...]:
        """What the shape coordinates are called."""

    def shift(self, times: Floats, shape: Floats) -> Shift:
        """Give u at times (positive, in reference times) for coordinates of shape (P, ...)."""

    def time_at(self, value: Floats, shape: Floats) -> Floats:
        """Give the time at which u has a value."""


@dataclass(frozen=True, slots=True)
class LogTime:
    """u = shape * log t: a straight line in log time on the scale of eta.

    Parameters
    ----------
    fixed
        The shape where it is not estimated; None where its logarithm is the one coordinate.
    """

    fixed: float | None = None

    @property
    def coordinates(self) -> tuple[str, ...]:
        """The log shape, unless it is fixed."""
        return ("log shape",) if self.fixed is None else ()

    def slope(self, shape: Floats) -> Floats:
        """Give the shape itself."""
        return np.exp(shape[0]) if self.fixed is None else np.asarray(self.fixed)

    def shift(self, times: Floats, shape: Floats) -> Shift:
        """Give u at times; `shape` is broadcast against them from the left."""
        if self.fixed is not None:
            value = self.fixed * np.log(times)
            return Shift(value, (), (), np.full_like(value, np.log(self.fixed)), (), ())
        coordinate = shape[0][..., None] if np.ndim(shape[0]) else shape[0]
        value = np.exp(coordinate) * np.log(times)
        one = np.ones_like(value)
        return Shift(value, (value,), ((value,),), coordinate * one, (one,), ((0 * one,),))

    def time_at(self, value: Floats, shape: Floats) -> Floats:
        """Give the time at which u has a value."""
        slope = self.slope(shape)
        if np.ndim(slope):
            slope = slope[..., None]
        return np.exp(np.clip(value / slope, -300, 300))


@dataclass(frozen=True, slots=True)
class PiecewiseHazard:
    """u = log of the cumulative hazard of constant hazards between cuts, the first of them 1.

    Parameters
    ----------
    cuts
        Ends of all pieces but the last, ascending, in reference times.
    """

    cuts: tuple[float, ...]

    @property
    def coordinates(self) -> tuple[str, ...]:
        """The log hazard of every later piece against the first."""
        return tuple(f"log hazard of piece {i + 2} against 1" for i in range(len(self.cuts)))

    def shift(self, times: Floats, shape: Floats) -> Shift:
        """Give u at times; `shape` holds one number for each later piece."""
        starts, ends = np.array([0.0, *self.cuts]), np.array([*self.cuts, np.inf])
        hazards = np.exp([0.0, *np.ravel(shape)])
        parts = [
            hazard * np.clip(times - start, 0, end - start)
            for hazard, start, end in zip(hazards, starts, ends, strict=True)
        ]
        total = np.sum(parts, axis=0)
        inside = np.searchsorted(self.cuts, times, side="left")
        shares = [part / total for part in parts[1:]]
        pieces = range(len(shares))
        second = tuple(
            tuple((shares[p] if p == q else 0.0) - shares[p] * shares[q] for q in pieces)
            for p in pieces
        )
        return Shift(
            value=np.log(total),
            first=tuple(shares),
            second=second,
            log_slope=np.log(times * hazards[inside] / total),
            log_slope_first=tuple((inside == p + 1) - shares[p] for p in pieces),
            log_slope_second=tuple(tuple(-entry for entry in row) for row in second),
        )

    def time_at(self, value: Floats, shape: Floats) -> Floats:
        """Give the time at which u has a value."""
        hazards = np.exp([0.0, *np.ravel(shape)[: len(self.cuts)]])
        widths = np.diff([0.0, *self.cuts])
        reached = np.append(0.0, np.cumsum(hazards[:-1] * widths))
        cumulative = np.exp(np.clip(value, -300, 300))
        piece = np.searchsorted(reached, cumulative, side="right") - 1
        starts = np.array([0.0, *self.cuts])
        return np.asarray(starts[piece] + (cumulative - reached[piece]) / hazards[piece])
