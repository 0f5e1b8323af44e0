"""Studies whose true curves are known: patients, follow-up, and what papers print of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook.synthesis.curve_synthesis import FAMILIES, CurveObservation, CurveSummary

Floats = NDArray[np.float64]

MEDIAN = 40.0
SHAPES = {"weibull": 1.2, "log-logistic": 1.6, "log-normal": 1.0}
# the same spread of true medians, a factor of about 1.4 up or down, on each family's scale
TAUS = {"weibull": 0.40, "log-logistic": 0.53, "log-normal": 0.33}


@dataclass(frozen=True, slots=True)
class World:
    """What is true, and how it is looked at.

    Parameters
    ----------
    family
        Of the true curves; the average study has a median of 40 months.
    reporting
        ``"sparse"``: a median or a 5-year rate, not both; ``"both"``: both; ``"rich"``: rates at 1,
        3 and 5 years and the median; ``"rich, at risk"``: with numbers at risk at those times.
    tau_shape
        Standard deviation of the log shape between studies.
    last_follow_up
        Follow-up is uniform from 12 months to this.
    tau_factor
        Multiplies the usual standard deviation of the location.
    """

    family: str
    reporting: str
    tau_shape: float = 0.0
    last_follow_up: float = 150.0
    tau_factor: float = 1.0

    @property
    def location(self) -> float:
        """Location of the average study at one month."""
        at_half = float(FAMILIES[self.family].link(np.array(0.5)))
        return at_half - SHAPES[self.family] * float(np.log(MEDIAN))

    def survival(self, time: float, effect: float = 0.0, log_shape: float = 0.0) -> float:
        """True survival of the study with these effects (of the average study by default)."""
        eta = self.location + effect + SHAPES[self.family] * np.log(time)
        # the shape turns the curve around the average study's median
        eta += SHAPES[self.family] * np.expm1(log_shape) * np.log(time / MEDIAN)
        return float(FAMILIES[self.family].survival(np.array(eta)))

    def effects(self, rng: np.random.Generator) -> tuple[float, float]:
        """Draw the effects of one study."""
        tau = TAUS[self.family] * self.tau_factor
        return tau * rng.normal(), self.tau_shape * rng.normal()


def draw_studies(world: World, k: int, rng: np.random.Generator) -> list[CurveSummary]:
    """Draw studies until k of them print something."""
    found: list[CurveSummary] = []
    while len(found) < k:
        size = int(np.clip(np.exp(rng.normal(np.log(40), 0.7)), 12, 500))
        effect, log_shape = world.effects(rng)
        shape = SHAPES[world.family] * np.exp(log_shape)
        at_median = world.location + effect + SHAPES[world.family] * np.log(MEDIAN)
        eta = FAMILIES[world.family].link(rng.uniform(size=size))
        death = MEDIAN * np.exp((eta - at_median) / shape)
        follow_up = rng.uniform(12, world.last_follow_up, size=size)
        printed = _printed(death, follow_up, world.reporting, rng)
        if printed:
            found.append(CurveSummary(f"study {len(found) + 1}", size, tuple(printed)))
    return found


def _printed(
    death: Floats, follow_up: Floats, reporting: str, rng: np.random.Generator
) -> list[CurveObservation]:
    """Rates in whole percent while anybody is followed, the median in whole months."""
    counts = reporting.endswith("at risk")
    times, survival = _kaplan_meier(np.minimum(death, follow_up), death <= follow_up)
    halved = np.flatnonzero(survival <= 0.5)
    median = [CurveObservation.median(max(round(times[halved[0]]), 1))] if halved.size else []

    def rates(*months: float) -> list[CurveObservation]:
        known = [month for month in months if month <= times[-1]]
        at = np.searchsorted(times, known, side="right")
        shares = np.append(1.0, survival)[at]
        left = [int(np.sum(times >= month)) if counts else None for month in known]
        return [
            CurveObservation.rate(month, round(float(share), 2), at_risk=number)
            for month, share, number in zip(known, shares, left, strict=True)
        ]

    if reporting.startswith("rich"):
        return rates(12, 36, 60) + median
    if reporting == "both":
        return rates(60) + median
    prefers_median = rng.uniform() < 0.5
    return (median or rates(60)) if prefers_median else (rates(60) or median)


def _kaplan_meier(time: Floats, died: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    order = np.argsort(time)
    at_risk = np.arange(time.size, 0, -1)
    return time[order], np.asarray(np.cumprod(1 - died[order] / at_risk), dtype=np.float64)
