"""The pooled curve as a function of time, with what is uncertain in it and what varies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

from secondlook.synthesis.curve_synthesis.families import Family
from secondlook.synthesis.curve_synthesis.time_scales import TimeScale
from secondlook.synthesis.printed_columns import Floats

if TYPE_CHECKING:
    import polars

__all__ = ["FittedCurve", "SurvivalBand", "TimeEstimate"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(80)
_REACH = 12.0

Limits = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class SurvivalBand:
    """A pooled curve at some times.

    Parameters
    ----------
    times
        In the unit of what was printed.
    survival, low, high
        Survival of the average study, and its confidence limits at each time by itself.
    prediction_low, prediction_high
        Limits for the survival of a new study; None where nothing varies between studies.
    """

    times: tuple[float, ...]
    survival: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    prediction_low: tuple[float, ...] | None
    prediction_high: tuple[float, ...] | None

    def to_frame(self) -> polars.DataFrame:
        """Give one row per time."""
        import polars as pl

        blank = [None] * len(self.times)
        return pl.DataFrame(
            {name: list(column or blank) for name, column in asdict(self).items()},
            schema=dict.fromkeys(asdict(self), pl.Float64),
        )


@dataclass(frozen=True, slots=True)
class TimeEstimate:
    """A pooled time, such as a median; a limit is None where the data set none.

    Parameters
    ----------
    estimate
        In the unit of what was printed.
    interval
        Confidence limits.
    prediction_interval
        Limits for a new study; None where nothing varies between studies.
    """

    estimate: float
    interval: Limits
    prediction_interval: Limits | None


@dataclass(frozen=True, slots=True, eq=False)
class FittedCurve:
    """Everything that is needed to evaluate a pooled curve.

    Parameters
    ----------
    family, scale, reference_time
        What the curve is a function of.
    fixed, covariance
        Location and shape coordinates of the average study and their covariance.
    between
        Covariance of the first coordinates between studies, (r, r); r = 0 where nothing varies.
    critical
        Multiple of a standard error that makes an interval.
    """

    family: Family
    scale: TimeScale
    reference_time: float
    fixed: Floats
    covariance: Floats
    between: Floats
    critical: float

    def eta(self, times: Floats) -> tuple[Floats, Floats, Floats]:
        """Give eta at times, its standard error, and the variance of a new study's around it."""
        shift = self.scale.shift(times / self.reference_time, self.fixed[1:])
        slopes = np.array([np.ones_like(times), *shift.first])
        variance = np.einsum("im,ij,jm->m", slopes, self.covariance, slopes)
        r = self.between.shape[0]
        varying = np.einsum("im,ij,jm->m", slopes[:r], self.between, slopes[:r])
        return self.fixed[0] + shift.value, np.sqrt(np.maximum(variance, 0.0)), varying

    def band(self, times: Sequence[float]) -> SurvivalBand:
        """Give the curve at times; at time 0 everybody is alive."""
        given = np.array([float(time) for time in times])
        columns = [np.ones(given.size) for _ in range(5)]
        later = given > 0
        if np.any(later):
            eta, error, varying = self.eta(given[later])
            reach = self.critical * error
            wide = self.critical * np.sqrt(error**2 + varying)
            offsets = (np.zeros_like(eta), reach, -reach, wide, -wide)
            for column, offset in zip(columns, offsets, strict=True):
                column[later] = self.family.survival(eta + offset)
        parts: list[tuple[float, ...]] = [tuple(column.tolist()) for column in columns]
        varies = self.between.size > 0
        low, high = (parts[3], parts[4]) if varies else (None, None)
        return SurvivalBand(tuple(given.tolist()), parts[0], parts[1], parts[2], low, high)

    def quantile(self, survival: float) -> TimeEstimate:
        """Give the time at which survival falls to a proportion.

        The limits are the times at which the limits of the curve fall to it, as for a Kaplan-Meier
        median; a limit of the curve that never does sets none.
        """
        target = float(self.family.link(np.array(survival)))
        unit_time = self.scale.time_at(np.array([target - self.fixed[0]]), self.fixed[1:])
        centre = float(np.log(unit_time[0] * self.reference_time))

        def outside(log_times: Floats, new_study: bool) -> Floats:
            eta, error, varying = self.eta(np.exp(log_times))
            spread = np.sqrt(error**2 + varying) if new_study else error
            return np.asarray(np.abs(eta - target) - self.critical * spread)

        def limits(new_study: bool) -> Limits:
            def value(log_times: Floats) -> Floats:
                return outside(log_times, new_study)

            return _crossing(value, centre, -1), _crossing(value, centre, 1)

        prediction = limits(True) if self.between.size else None
        return TimeEstimate(float(np.exp(centre)), limits(False), prediction)

    def restricted_mean(self, horizon: float) -> TimeEstimate:
        """Give the mean survival time up to a horizon, its limits on the logit of its share."""
        # squares gather nodes near 0, where a curve may fall steeply
        root = (1 + _NODES) / 2
        times, weights = horizon * root**2, _WEIGHTS * horizon * root
        shift = self.scale.shift(times / self.reference_time, self.fixed[1:])
        eta = np.clip(self.fixed[0] + shift.value, *self.family.limits)
        hazard = self.family.hazard(eta)
        survival = np.exp(-hazard.cumulative)
        mean = float(weights @ survival)
        slopes = np.array([np.ones_like(times), *shift.first])
        gradient = -(slopes * hazard.first * survival) @ weights
        variance = float(gradient @ self.covariance @ gradient)
        r = self.between.shape[0]
        varying = float(gradient[:r] @ self.between @ gradient[:r])
        share = min(max(mean / horizon, 1e-12), 1 - 1e-12)
        scale = horizon * share * (1 - share)

        def limits(spread: float) -> Limits:
            reach = self.critical * np.sqrt(spread) / scale
            low, high = (float(horizon * expit(logit(share) + s * reach)) for s in (-1, 1))
            return low, high

        prediction = limits(variance + varying) if r else None
        return TimeEstimate(mean, limits(variance), prediction)


def _crossing(outside: Callable[[Floats], Floats], centre: float, sign: int) -> float | None:
    """Give the nearest time on one side at which a value leaves the band; None if it never does."""
    steps = centre + sign * np.append(0.0, np.geomspace(1e-9, _REACH, 160))
    beyond = np.flatnonzero(outside(steps) >= 0)
    if not beyond.size:
        return None
    first = int(beyond[0])
    if first == 0:
        return float(np.exp(centre))
    ends = steps[first - 1], steps[first]
    root = brentq(lambda x: float(outside(np.array([x]))[0]), *ends, xtol=1e-12)
    return float(np.exp(root))
