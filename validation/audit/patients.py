"""Patients who never were, and what is computed from them the way a paper computes it.

Everything here is exact for the simulated patients: curves by Kaplan and Meier, with limits by six
methods. Rounding comes later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["METHODS", "Curve", "Flags", "Floats", "Patients", "draw"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
METHODS = ("plain", "log", "log-log", "logit", "arcsine", "Rothman")


@dataclass(frozen=True, eq=False)
class Patients:
    """One series: who was operated on, margins, two characteristics, deaths and relapses."""

    treated: Flags
    margin: NDArray[np.int64]
    traits: tuple[Flags, Flags]
    death: Floats
    died: Flags
    relapse: Floats
    relapsed: Flags


@dataclass(frozen=True, eq=False)
class Curve:
    """Kaplan and Meier's estimate, with Greenwood's sum."""

    time: Floats
    event: Flags

    @cached_property
    def _steps(self) -> tuple[Floats, Floats, Floats]:
        order = np.sort(self.time)
        times, deaths = np.unique(self.time[self.event], return_counts=True)
        risk = len(order) - np.searchsorted(order, times, "left")
        left: Floats = np.asarray(risk - deaths, dtype=np.float64)
        with np.errstate(divide="ignore"):
            sums: Floats = np.asarray(np.cumsum(deaths / (risk * left)), dtype=np.float64)
        return times, np.asarray(np.cumprod(left / risk), dtype=np.float64), sums

    @property
    def end(self) -> float:
        """The longest time anybody was followed."""
        return float(self.time.max())

    def at(self, t: float) -> tuple[float, float]:
        """Survival and Greenwood's sum of d/(r(r-d))."""
        times, survival, sums = self._steps
        k = int(np.searchsorted(times, t, "right")) - 1
        return (1.0, 0.0) if k < 0 else (float(survival[k]), float(sums[k]))

    def median(self, *, midpoint: bool) -> float | None:
        """The first time at which half or fewer survive; in the middle of a flat half if asked."""
        times, survival, _ = self._steps
        half = survival <= 0.5 + 1e-12
        if not half.any():
            return None
        k = int(np.argmax(half))
        flat = midpoint and abs(survival[k] - 0.5) < 1e-12
        if not flat:
            return float(times[k])
        return float((times[k] + times[k + 1]) / 2) if k + 1 < len(times) else float(times[k])

    def mean(self, until: float) -> float:
        """The area under the curve to a time."""
        times, survival, _ = self._steps
        ends = np.minimum(np.concatenate(([0.0], times, [until])), until)
        return float(np.sum(np.diff(ends) * np.concatenate(([1.0], survival))))

    def limits(self, t: float, method: str, z: float) -> tuple[float, float] | None:
        """The limits of survival at a time by one of six methods; None where it has none."""
        s, total = self.at(t)
        if not 0 < s < 1:
            return None
        error = z * np.sqrt(total)  # of ln S
        if method == "plain":
            ends = s - s * error, s + s * error
        elif method == "log":
            ends = s * np.exp(-error), s * np.exp(error)
        elif method == "log-log":
            shift = error / abs(np.log(s))
            ends = s ** np.exp(shift), s ** np.exp(-shift)
        elif method == "logit":
            odds, shift = s / (1 - s), error / (1 - s)
            low, high = odds * np.exp(-shift), odds * np.exp(shift)
            ends = low / (1 + low), high / (1 + high)
        elif method == "arcsine":
            angle, shift = np.arcsin(np.sqrt(s)), error * np.sqrt(s / (1 - s)) / 2
            low, high = max(angle - shift, 0.0), min(angle + shift, np.pi / 2)
            ends = np.sin(low) ** 2, np.sin(high) ** 2
        else:
            n = (1 - s) / (s * total)  # effective number of patients
            middle = (s + z * z / (2 * n)) / (1 + z * z / n)
            half = z / (1 + z * z / n) * np.sqrt(s * (1 - s) / n + (z / (2 * n)) ** 2)
            ends = middle - half, middle + half
        return max(0.0, float(ends[0])), min(1.0, float(ends[1]))

    def at_risk(self, t: float, *, after: bool) -> int:
        """How many are followed to a time, or beyond it."""
        return int((self.time > t).sum() if after else (self.time >= t).sum())


def draw(random: np.random.Generator, n: int) -> Patients:
    """Draw a series: Weibull, log-normal or partly cured, censored lightly or heavily."""
    treated = random.random(n) < random.uniform(0.2, 0.8)
    treated[0], treated[-1] = True, False
    margin = np.where(treated, random.choice(3, n, p=(0.6, 0.25, 0.15)), 0)
    traits = (
        random.random(n) < np.where(treated, random.uniform(0.1, 0.9), random.uniform(0.1, 0.9)),
        random.random(n) < random.uniform(0.1, 0.9),
    )
    effect = np.exp(np.where(treated, random.uniform(-1.2, 0.4), 0) + 0.3 * margin)
    scale = random.uniform(10, 90)

    def times(slower: float) -> Floats:
        kind, shape = random.integers(3), random.uniform(0.5, 2.5)
        if kind == 0:
            found = slower * scale * (random.exponential(size=n) / effect) ** (1 / shape)
        elif kind == 1:
            found = slower * scale * np.exp(random.normal(0, 1 / shape, n)) / effect
        else:
            found = slower * scale * random.exponential(size=n) / effect
            found = np.where(random.random(n) < 0.3, 1e6, found)
        return np.asarray(found, dtype=np.float64)

    dying, relapsing = times(1.0), times(0.7)
    followed = random.uniform(3, random.uniform(40, 240), n)
    if random.random() < 0.5:
        followed = np.minimum(followed, random.exponential(random.uniform(10, 150), n))
    # as recorded: to the day, or in whole months cut off or rounded up
    recorded: Callable[[Floats], Floats] = (
        lambda t: np.floor(t * 30.4375) / 30.4375,
        np.floor,
        np.ceil,
    )[random.choice(3, p=(0.6, 0.2, 0.2))]
    first = np.minimum(dying, relapsing)
    return Patients(
        treated,
        margin,
        traits,
        recorded(np.minimum(dying, followed)),
        dying <= followed,
        recorded(np.minimum(first, followed)),
        first <= followed,
    )
