"""Maximum likelihood, and the adjusted profile likelihood for what varies between studies.

Maximum likelihood takes the fixed coordinates for known when it judges how far studies differ, and
so finds them too alike when they are few. The adjusted profile log-likelihood of Cox and Reid, J R
Stat Soc B 1987;49:1-39, subtracts half the log determinant of the information on the fixed
coordinates; for normal effects it is the restricted log-likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from secondlook.synthesis.curve_synthesis.integration import Marginal, MarginalLikelihood
from secondlook.synthesis.printed_columns import Floats

__all__ = ["Fit", "maximise", "restrict"]

_NOTHING = 1e-18
_LITTLE = 1e-8
_NOISE = 1e-5
_STEPS = 60
_SECANTS = 25
_HALVINGS = 15
_LONGEST_STEP = 1.5
_START = 0.3
_OFF_THE_EDGE = 0.03
_REACH = 1e-4


@dataclass(frozen=True, slots=True)
class Fit:
    """A maximum: where it is, the likelihood there, and whether it was reached.

    Parameters
    ----------
    parameters
        Fixed coordinates (location first), then the entries of L by rows.
    likelihood
        The marginal log-likelihood at them.
    converged
        Whether the iteration came to rest inside the bounds.
    """

    parameters: Floats
    likelihood: MarginalLikelihood
    converged: bool


def maximise(marginal: Marginal, start: Floats, bounds: Floats, *, free: int | None = None) -> Fit:
    """Climb to a maximum of the marginal likelihood by Newton's method, never downwards.

    Parameters
    ----------
    marginal
        The likelihood.
    start, bounds
        First parameters, and the limits (p, 2) they are held within.
    free
        How many parameters, from the first, may move; all of them if not given.
    """
    count = start.size if free is None else free
    parameters, here = start.copy(), marginal(start)
    for _ in range(_STEPS):
        step, gain = _newton(here, count, parameters, bounds)
        if gain < _NOTHING:
            return Fit(parameters, here, True)
        moved, there = _climb(marginal, parameters, here, step, bounds)
        if there is None:
            return Fit(parameters, here, gain < _NOISE)
        parameters, here = moved, there
        # Newton's method squares what is left, so that after a step of this gain nothing is
        if gain < _LITTLE:
            return Fit(parameters, here, True)
    return Fit(parameters, here, False)


def _newton(
    here: MarginalLikelihood, count: int, parameters: Floats, bounds: Floats
) -> tuple[Floats, float]:
    """Give a step uphill, and twice the rise it promises."""
    gradient = here.gradient[:count].copy()
    outwards = np.where(gradient > 0, parameters[:count] >= bounds[:count, 1], False)
    outwards |= np.where(gradient < 0, parameters[:count] <= bounds[:count, 0], False)
    inner = np.flatnonzero(~outwards)
    step = np.zeros_like(parameters)
    if not inner.size:
        return step, 0.0
    values, vectors = _safe(-here.hessian[np.ix_(inner, inner)])
    along = vectors @ ((vectors.T @ gradient[inner]) / values)
    gain = float(gradient[inner] @ along)
    longest = np.max(np.abs(along))
    step[inner] = along * min(1.0, _LONGEST_STEP / longest) if longest > 0 else along
    return step, gain


def _safe(information: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues, made positive and not too small beside each other, and eigenvectors."""
    values, vectors = np.linalg.eigh(information)
    sizes = np.abs(values)
    return np.maximum(sizes, 1e-8 * np.max(sizes) + 1e-12), vectors


def _climb(
    marginal: Marginal,
    parameters: Floats,
    here: MarginalLikelihood,
    step: Floats,
    bounds: Floats,
) -> tuple[Floats, MarginalLikelihood | None]:
    for halving in range(_HALVINGS):
        moved = np.clip(parameters + step / 2**halving, bounds[:, 0], bounds[:, 1])
        there = marginal(moved)
        # a rise, up to the rounding of a sum of this size
        if there.value >= here.value - 1e-13 * abs(here.value):
            return moved, there
    return parameters, None


def restrict(marginal: Marginal, best: Fit, fixed: int, bounds: Floats) -> Fit:
    """Maximise the adjusted profile likelihood, from a maximum of the likelihood itself."""
    profile = _Profile(marginal, best.parameters[:fixed], fixed, bounds)
    start = best.parameters[fixed:]
    if marginal.random == 1:
        return _one_deviation(profile, float(start[0]))
    # on the edge of a singular covariance the slope is zero, as it is at a maximum
    start = np.where(np.abs(start) < _OFF_THE_EDGE, _OFF_THE_EDGE, start)

    def negative(entries: Floats) -> tuple[float, Floats]:
        fit = profile.at(entries)
        return -profile.value(fit), -profile.slope(fit)

    # quadrature over two effects is not good to more digits than this asks for
    options = {"gtol": 1e-4, "ftol": 1e-9, "maxiter": _STEPS}
    found = minimize(
        negative, start, jac=True, method="L-BFGS-B", bounds=bounds[fixed:], options=options
    )
    fit = profile.at(found.x)
    return Fit(fit.parameters, fit.likelihood, bool(found.success) and fit.converged)


class _Profile:
    """The adjusted profile log-likelihood, climbing each time from where it was last."""

    def __init__(self, marginal: Marginal, start: Floats, fixed: int, bounds: Floats) -> None:
        self._marginal = marginal
        self._start = start
        self._fixed = fixed
        self._bounds = bounds
        self._last: Fit | None = None

    def at(self, entries: Floats) -> Fit:
        start = self._start
        if self._last is not None:
            change = entries - self._last.parameters[self._fixed :]
            start = self._last.parameters[: self._fixed] + self._drift(self._last) @ change
        start = self._held(np.append(start, entries))
        self._last = maximise(self._marginal, start, self._bounds, free=self._fixed)
        return self._last

    def value(self, fit: Fit) -> float:
        return fit.likelihood.value - 0.5 * self._log_information(fit.likelihood)

    def slope(self, fit: Fit) -> Floats:
        """Gradient with respect to the entries of L."""
        f = self._fixed
        drift = self._drift(fit)
        gradient = fit.likelihood.gradient[f:].copy()
        for j in range(gradient.size):
            reach = _REACH * max(abs(float(fit.parameters[f + j])), _OFF_THE_EDGE)
            # along the path of the maximum, so that no new climb is needed
            along = reach * np.append(drift[:, j], np.arange(gradient.size) == j)
            ahead, behind = (
                self._log_information(self._marginal(self._held(fit.parameters + sign * along)))
                for sign in (1, -1)
            )
            gradient[j] -= 0.25 * (ahead - behind) / reach
        return gradient

    def _drift(self, fit: Fit) -> Floats:
        """How the fixed coordinates at the maximum move with the entries of L."""
        f, hessian = self._fixed, fit.likelihood.hessian
        values, vectors = _safe(-hessian[:f, :f])
        return np.asarray((vectors / values) @ vectors.T @ hessian[:f, f:])

    def _held(self, parameters: Floats) -> Floats:
        return np.clip(parameters, self._bounds[:, 0], self._bounds[:, 1])

    def _log_information(self, likelihood: MarginalLikelihood) -> float:
        values, _ = _safe(-likelihood.hessian[: self._fixed, : self._fixed])
        return float(np.sum(np.log(values)))


def _one_deviation(profile: _Profile, start: float) -> Fit:
    """Climb to the highest maximum seen from a grid around the maximum of the likelihood."""
    size = max(abs(start), _START / 3)
    grid = [0.0, 0.4 * size, 1.1 * size, 2.5 * size]
    fits = [profile.at(np.array([deviation])) for deviation in grid]
    values = [profile.value(fit) for fit in fits]
    while int(np.argmax(values)) == len(grid) - 1:
        if grid[-1] > 10 * size:
            return Fit(fits[-1].parameters, fits[-1].likelihood, False)
        grid.append(2 * grid[-1])
        fits.append(profile.at(np.array([grid[-1]])))
        values.append(profile.value(fits[-1]))
    top = int(np.argmax(values))
    if top > 0:
        return _root(profile, grid[top - 1], grid[top + 1], fits[top])
    # a maximum may still lie between 0 and the first step
    near = profile.at(np.array([grid[1] / 4]))
    return _root(profile, grid[1] / 4, grid[1], near) if profile.slope(near)[0] > 0 else fits[0]


def _root(profile: _Profile, low: float, high: float, fit: Fit) -> Fit:
    """Find where the slope is zero by secants kept between the ends, from a fit between them."""
    here = float(fit.parameters[-1])
    slope = float(profile.slope(fit)[0])
    bend = -max(float(-fit.likelihood.hessian[-1, -1]), 1e-3)
    for _ in range(_SECANTS):
        low, high = (here, high) if slope > 0 else (low, here)
        there = here - slope / bend if bend < 0 else 0.5 * (low + high)
        if not low < there < high:
            there = 0.5 * (low + high)
        fit = profile.at(np.array([there]))
        if abs(there - here) < 1e-8 * there:
            return fit
        risen = float(profile.slope(fit)[0])
        bend = (risen - slope) / (there - here)
        here, slope = there, risen
        # what is left to gain is lost in rounding
        if slope * slope < 1e-14 * max(-bend, 1e-3):
            return fit
    return Fit(fit.parameters, fit.likelihood, False)
