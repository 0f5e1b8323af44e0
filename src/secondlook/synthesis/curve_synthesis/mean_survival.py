"""The likelihood of a printed mean survival time, given a study's own curve.

The mean is that of the patients dying in each interval of the study's chain, weighted by the
printed share of each. Given those shares its variance is what the times vary *within* intervals,
so that a mean printed beside rates and a median adds only what they do not say already.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from secondlook.synthesis.curve_synthesis.chains import Chains, StudyChain
from secondlook.synthesis.curve_synthesis.families import Family
from secondlook.synthesis.curve_synthesis.time_scales import TimeScale
from secondlook.synthesis.curve_synthesis.within_study import Derivatives, WithinStudy
from secondlook.synthesis.printed_columns import Floats

__all__ = ["moments_after", "with_means"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)
_RARE = 1e-8
_STEP = 1e-3


@dataclass(frozen=True, slots=True)
class _Mean:
    """A printed mean in reference times, and the shares of the intervals it is a mean over."""

    row: int
    value: float
    n: float
    until: float
    edges: Floats
    shares: Floats


def with_means(
    within: WithinStudy, chains: Chains, family: Family, scale: TimeScale
) -> WithinStudy:
    """Add the printed means, if there are any, to a within-study likelihood."""
    usable = [chain for chain in chains.studies if chain.cuts or chain.means]
    means = [
        _read(row, chain, chains.reference_time) for row, chain in enumerate(usable) if chain.means
    ]
    if not means:
        return within

    def evaluate(location: Floats, shape: Floats, wanted: int) -> Derivatives:
        found = within(location, shape, wanted)
        for mean in means:
            _add(found, mean, family, scale, location, shape)
        return found

    return evaluate


def moments_after(
    family: Family, scale: TimeScale, location: Floats, shape: Floats, after: float, until: float
) -> tuple[Floats, Floats]:
    """Give mean and mean square of min(T, until) of those who outlive a time, at each location."""
    low = _eta_at(family, scale, location, shape, np.full_like(location, after))
    end = _end(family, scale, location, shape, until)
    mass, first, second = _moments(family, scale, location, shape, low, end, end)
    return first / mass, second / mass


def _read(row: int, chain: StudyChain, reference: float) -> _Mean:
    mean = chain.means[0]
    until = np.inf if mean.until is None else mean.until / reference
    cuts = [cut for cut in chain.cuts if cut.time / reference < until and cut.survival > 0]
    survival = np.array([1.0, *(cut.survival for cut in cuts), 0.0])
    edges = np.array([0.0, *(cut.time / reference for cut in cuts)])
    assert chain.n is not None  # noqa: S101 - a mean without n was set aside when it was read
    return _Mean(row, mean.months / reference, chain.n, until, edges, -np.diff(survival))


def _add(
    found: Derivatives,
    mean: _Mean,
    family: Family,
    scale: TimeScale,
    location: Floats,
    shape: Floats,
) -> None:
    # the terms are smooth and few, so central differences cost less than their formulas would
    row = mean.row
    centre = location[row]
    spread = [s[row] if np.ndim(s) else s for s in shape]
    size = found.gradient.shape[0]

    def at(*steps: float) -> Floats:
        moved = np.array([s + h for s, h in zip_longest(spread, steps[1:], fillvalue=0.0)])
        return _log_density(mean, family, scale, centre + steps[0], moved)

    here = at(*[0.0] * size)
    unit = np.eye(size) * _STEP
    up, down = [at(*unit[d]) for d in range(size)], [at(*-unit[d]) for d in range(size)]
    found.value[row] += here
    for d in range(size):
        found.gradient[d, row] += (up[d] - down[d]) / (2 * _STEP)
        found.hessian[d, d, row] += (up[d] - 2 * here + down[d]) / _STEP**2
        for e in range(d):
            both = at(*(unit[d] + unit[e])) + at(*(-unit[d] - unit[e]))
            cross = (both - up[d] - down[d] - up[e] - down[e] + 2 * here) / (2 * _STEP**2)
            found.hessian[d, e, row] += cross
            found.hessian[e, d, row] += cross


def _log_density(
    mean: _Mean, family: Family, scale: TimeScale, location: Floats, shape: Floats
) -> Floats:
    """Log density of the log of the mean, at each location."""
    end = _end(family, scale, location, shape, mean.until)
    expected, variance = np.zeros_like(location), np.zeros_like(location)
    edges = [_eta_at(family, scale, location, shape, np.full_like(location, t)) for t in mean.edges]
    for index, share in enumerate(mean.shares):
        if share <= 0:
            continue
        high = edges[index + 1] if index + 1 < len(edges) else end
        beyond = end if index + 1 == len(edges) else None
        mass, first, second = _moments(family, scale, location, shape, edges[index], high, beyond)
        average = first / mass
        expected += share * average
        variance += share * np.maximum(second / mass - average**2, 0.0) / mean.n
    relative = np.maximum(variance / expected**2, 1e-12)
    away = np.log(mean.value / expected)
    return -0.5 * (away**2 / relative + np.log(2 * np.pi * relative))


def _end(family: Family, scale: TimeScale, location: Floats, shape: Floats, until: float) -> Floats:
    last = family.link(np.array(_RARE))
    if not np.isfinite(until):
        return np.full_like(location, last)
    return np.minimum(_eta_at(family, scale, location, shape, np.full_like(location, until)), last)


def _eta_at(
    family: Family, scale: TimeScale, location: Floats, shape: Floats, times: Floats
) -> Floats:
    first = float(family.link(np.array(1 - _RARE)))
    if not np.any(times > 0):
        return np.full_like(location, first)
    value = scale.shift(np.maximum(times, 1e-300)[..., None], shape).value[..., 0]
    return np.maximum(location + value, first)


def _moments(
    family: Family,
    scale: TimeScale,
    location: Floats,
    shape: Floats,
    low: Floats,
    high: Floats,
    beyond: Floats | None = None,
) -> tuple[Floats, Floats, Floats]:
    """Give mass, first and second moment of time between two eta; all mass after `beyond` is at it.

    In eta the density H' exp(-H) is the same for every member of a family, and smooth.
    """
    high = np.maximum(high, low + 1e-9)
    half, middle = (high - low) / 2, (high + low) / 2
    eta = middle[..., None] + half[..., None] * _NODES
    hazard = family.hazard(np.clip(eta, *family.limits))
    peak = np.max(hazard.log_first - hazard.cumulative, axis=-1, keepdims=True)
    density = np.exp(hazard.log_first - hazard.cumulative - peak) * _WEIGHTS * half[..., None]
    time = scale.time_at(eta - location[..., None], shape)
    parts = [(density * time**power).sum(-1) for power in (0, 1, 2)]
    if beyond is not None:
        edge = np.clip(high, *family.limits)
        left = np.exp(-family.hazard(edge).cumulative - peak[..., 0])
        last = scale.time_at((high - location)[..., None], shape)[..., 0]
        parts = [part + left * last**power for power, part in enumerate(parts)]
    return parts[0], parts[1], parts[2]
