"""Each study's own fitted curve, held against what the study printed.

A study's curve lies between what it printed and the average study, nearer to the first the more
patients it has. A number far from its own curve, given what was to be expected by chance, is one
to look up again: it may be a slip of the pen, another statistic than it is called, or a study
unlike the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from secondlook.synthesis.curve_synthesis.chains import Chains, StudyChain
from secondlook.synthesis.curve_synthesis.families import Family
from secondlook.synthesis.curve_synthesis.mean_survival import moments_after
from secondlook.synthesis.curve_synthesis.summaries import CurveObservation
from secondlook.synthesis.curve_synthesis.time_scales import TimeScale
from secondlook.synthesis.printed_columns import Floats

__all__ = ["PrintedNumber", "StudyCurve", "study_curves"]

_STEP = 1e-5


@dataclass(frozen=True, slots=True)
class PrintedNumber:
    """A printed number beside what the study's own fitted curve says.

    Parameters
    ----------
    description
        What was printed, in words.
    statistic
        ``"rate"``, ``"quantile"`` or ``"mean"``.
    months
        The time of a rate; the printed quantile or mean itself.
    survival
        The proportion printed for a rate or meant by a quantile; None for a mean.
    expected
        What the study's curve says instead: a proportion for a rate, a time otherwise.
    standardised_residual
        How far apart they are in standard deviations of that distance; above 0 when the study
        printed longer survival than its curve has.
    """

    description: str
    statistic: str
    months: float
    survival: float | None
    expected: float
    standardised_residual: float


@dataclass(frozen=True, slots=True)
class StudyCurve:
    """One study's own fitted curve.

    Parameters
    ----------
    study, n
        What it is called and its patients.
    location, shape
        Its posterior mean location and its shape coordinates (log shape, or log hazards against
        the first piece).
    survival
        Its curve at the times of the pooled band.
    numbers
        What it printed, each held against this curve.
    """

    study: str
    n: float | None
    location: float
    shape: tuple[float, ...]
    survival: tuple[float, ...]
    numbers: tuple[PrintedNumber, ...]


def study_curves(
    chains: Chains,
    family: Family,
    scale: TimeScale,
    *,
    average: Floats,
    effects: Floats,
    between: Floats,
    times: Floats,
) -> tuple[StudyCurve, ...]:
    """Give every study's own curve.

    Parameters
    ----------
    chains
        What was printed.
    family, scale
        Of the curves.
    average
        Location and shape coordinates of the average study, (D,).
    effects
        Posterior mean of what each study adds to the first of them, (r, k).
    between
        Covariance of the first coordinates between studies, (r, r).
    times
        At which the curves are wanted, above 0.
    """
    usable = [chain for chain in chains.studies if chain.cuts or chain.means]
    found = []
    for row, chain in enumerate(usable):
        own = average.copy()
        own[: effects.shape[0]] += effects[:, row]
        shift = scale.shift(times / chains.reference_time, own[1:])
        survival = family.survival(own[0] + shift.value)
        curve = _Curve(family, scale, chains.reference_time, own)
        found.append(
            StudyCurve(
                study=chain.study,
                n=chain.n,
                location=float(own[0]),
                shape=tuple(own[1:].tolist()),
                survival=tuple(survival.tolist()),
                numbers=_numbers(chain, curve, effects[:, row], between),
            )
        )
    return tuple(found)


@dataclass(frozen=True, slots=True, eq=False)
class _Curve:
    """A study's own curve."""

    family: Family
    scale: TimeScale
    reference: float
    own: Floats

    def time(self, survival: float) -> float:
        eta = float(self.family.link(np.array(survival)))
        relative = self.scale.time_at(np.array([eta - self.own[0]]), self.own[1:])
        return float(relative[0]) * self.reference

    def moved(self, coordinate: int, step: float) -> _Curve:
        changed = self.own + np.eye(self.own.size)[coordinate] * step
        return _Curve(self.family, self.scale, self.reference, changed)

    def mean_after(self, after: float, until: float) -> tuple[float, float]:
        """Mean and mean square of min(T, until) of those who outlive a time, in reference times."""
        location = self.own[:1]
        mean, square = moments_after(self.family, self.scale, location, self.own[1:], after, until)
        return float(mean[0]), float(square[0])


@dataclass(frozen=True, slots=True, eq=False)
class _Sights:
    """What is printed less what the curve says, and how that varies and leans on the effects."""

    expected: tuple[float, ...]
    residual: Floats
    within: Floats
    leaning: Floats


def _numbers(
    chain: StudyChain, curve: _Curve, effect: Floats, between: Floats
) -> tuple[PrintedNumber, ...]:
    sights = _of_cuts(chain, curve, effect.size)
    for mean in chain.means:
        sights = _with_mean(sights, chain, mean, curve)
    away = sights.residual + sights.leaning @ effect
    varying = sights.leaning @ between @ sights.leaning.T
    scores = _standardised(away, sights.within, varying)
    printed = [*(cut.observation for cut in chain.cuts), *chain.means]
    return tuple(
        PrintedNumber(one.describe(), one.statistic, one.months, one.survival, said, float(score))
        for one, said, score in zip(printed, sights.expected, scores, strict=True)
    )


def _of_cuts(chain: StudyChain, curve: _Curve, random: int) -> _Sights:
    times = np.array([cut.time / curve.reference for cut in chain.cuts])
    shift = curve.scale.shift(times, curve.own[1:])
    hazard = curve.family.hazard(np.clip(curve.own[0] + shift.value, *curve.family.limits))
    survival = np.exp(-hazard.cumulative)
    slopes = np.array([np.ones_like(times), *shift.first])[:random]
    expected = tuple(
        float(said) if cut.observation.statistic == "rate" else curve.time(cut.survival)
        for cut, said in zip(chain.cuts, survival, strict=True)
    )
    return _Sights(
        expected,
        np.array([cut.survival for cut in chain.cuts]) - survival,
        _covariance(chain, hazard.cumulative, survival),
        -(slopes * hazard.first * survival).T,
    )


def _with_mean(
    sights: _Sights, chain: StudyChain, mean: CurveObservation, curve: _Curve
) -> _Sights:
    """Add a mean, whose covariance with S(t) is S(t) (E[T | T > t] - E[T]) / n."""
    assert chain.n is not None  # noqa: S101 - a mean without n was set aside
    until = np.inf if mean.until is None else mean.until / curve.reference
    average, square = curve.mean_after(0.0, until)
    shared = np.array(
        [
            (cut.survival - residual) * (curve.mean_after(time, until)[0] - average) / chain.n
            for cut, residual in zip(chain.cuts, sights.residual, strict=True)
            for time in [min(cut.time / curve.reference, until * (1 - _STEP))]
        ]
    )
    slope = [
        (curve.moved(d, _STEP).mean_after(0.0, until)[0] - average) / _STEP
        for d in range(sights.leaning.shape[1])
    ]
    corner = np.array([[(square - average**2) / chain.n]])
    return _Sights(
        (*sights.expected, average * curve.reference),
        np.append(sights.residual, mean.months / curve.reference - average),
        np.block([[sights.within, shared[:, None]], [shared[None], corner]]),
        np.vstack([sights.leaning, slope]),
    )


def _covariance(chain: StudyChain, cumulative: Floats, survival: Floats) -> Floats:
    """Greenwood's covariance of a study's survival estimates, at its fitted curve."""
    steps = np.diff(np.append(0.0, cumulative))
    at_risk = np.array([cut.at_risk for cut in chain.cuts])
    with np.errstate(over="ignore"):
        variances = np.minimum(np.expm1(np.minimum(steps, 600.0)) / at_risk, 1e200)
    summed = np.cumsum(variances)
    order = np.arange(survival.size)
    return np.asarray(summed[np.minimum.outer(order, order)] * np.outer(survival, survival))


def _standardised(away: Floats, within: Floats, varying: Floats) -> Floats:
    """Give what is left of deviations from the average study once the study has its own curve.

    With W within and B between, that is W (W + B)^-1 of the deviation, of which the variance is
    W (W + B)^-1 W: each is divided by its standard deviation.
    """
    size = np.sqrt(np.maximum(np.diag(within), 1e-300))
    scaled = within / np.outer(size, size)
    total = scaled + varying / np.outer(size, size)
    weight = scaled @ np.linalg.pinv(total, hermitian=True, rcond=1e-12)
    variance = np.einsum("ij,ji->i", weight, scaled)
    return np.asarray(weight @ (away / size) / np.sqrt(np.maximum(variance, 1e-12)))
