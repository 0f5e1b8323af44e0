"""The likelihood of counts whose studies differ by normal random effects.

For each study a standard normal vector z is integrated out by adaptive Gauss-Hermite quadrature:
nodes are centred at the mode of the integrand and scaled by its curvature there (Liu and Pierce,
Biometrika 1994;81:624-629; Pinheiro and Bates, J Comput Graph Stat 1995;4:12-35). Gradient and
Hessian are posterior moments at the same nodes (Louis, J R Stat Soc B 1982;44:226-233).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.special import roots_hermite

from secondlook.synthesis.count_models.families import Family
from secondlook.synthesis.printed_columns import Floats

__all__ = ["Integral", "Model", "integrate"]

_NEAR_THE_MODE = 1e-3
_LONGEST = 1.5
"""The furthest a linear predictor may move in one step towards the mode."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A linear predictor that is linear in the parameters given the random effects.

    In arm j of study i it is ``offset[i, j] + (fixed[j] + sum_d z_d · random[d, j]) · parameters``:
    a standard deviation is a parameter that multiplies a standard normal z.

    Parameters
    ----------
    counts
        Observed counts, shape (k, J).
    family
        Their distribution.
    offset
        Known part of the linear predictor, shape (k, J).
    fixed, random
        Shapes (J, p) and (d, J, p). Of one count per study with one random effect the parameters
        are a mean and a standard deviation.
    own
        True where the last parameter is each study's own: an intercept not assumed random.
    """

    counts: Floats
    family: Family
    offset: Floats
    fixed: Floats
    random: Floats
    own: bool = False

    @property
    def k(self) -> int:
        """How many rows there are."""
        return int(self.counts.shape[0])

    def repeated(self, times: int) -> Model:
        """Give the same studies several times, one set below the other."""
        return (
            self
            if times == 1
            else replace(
                self,
                counts=np.tile(self.counts, (times, 1)),
                offset=np.tile(self.offset, (times, 1)),
                family=self.family.repeated(times),
            )
        )


@dataclass(frozen=True, slots=True, eq=False)
class Integral:
    """Log-likelihood, gradient and Hessian of each row, and the posterior of its random effects.

    Shapes are (r,), (r, p), (r, p, p), and (r, d) for the mode and the mean of the posterior.
    """

    log_likelihood: Floats
    gradient: Floats
    hessian: Floats
    mode: Floats
    mean: Floats


def integrate(
    model: Model,
    parameters: Floats,
    order: int,
    *,
    start: Floats | None = None,
) -> Integral:
    """Integrate the random effects out of each row.

    Parameters
    ----------
    model
        Of r rows.
    parameters
        Those of each row, shape (r, p).
    order
        Number of nodes in each dimension.
    start
        Where to begin looking for the modes, shape (r, d).
    """
    dimensions, arms, p = model.random.shape
    if dimensions == arms == 1:
        return _one_of_each(model, parameters, order, start)
    counts = model.counts
    base = model.offset + parameters @ model.fixed.T
    slopes = (parameters @ model.random.reshape(-1, p).T).reshape(-1, dimensions, arms)
    mode = np.zeros((base.shape[0], dimensions)) if start is None else start
    mode, scale, log_scale = _modes(model.family, counts, base, slopes, mode)
    nodes, log_weights = _nodes(order, dimensions)
    z = mode[:, None, :] + nodes @ scale.mT
    eta = base[:, None, :] + z @ slopes
    cumulant, mean, variance = model.family.cumulant(eta)
    exponent = (counts[:, None, :] * eta - cumulant).sum(axis=2)
    exponent -= 0.5 * np.vecdot(z, z)
    exponent += log_weights
    top = exponent.max(axis=1)
    weights = np.exp(exponent - top[:, None])
    total = weights.sum(axis=1)
    weights /= total[:, None]
    design = model.fixed.ravel() + z @ model.random.reshape(dimensions, -1)
    design = design.reshape(*z.shape[:2], arms, p)
    residual = counts[:, None, :] - mean
    score = (residual[..., None, :] @ design)[..., 0, :] if arms > 1 else residual * design[:, :, 0]
    gradient = (weights[:, None, :] @ score)[:, 0]
    hessian = score.mT @ (weights[..., None] * score) - gradient[:, :, None] * gradient[:, None, :]
    flat = design.reshape(z.shape[0], -1, p)
    hessian -= flat.mT @ ((weights[..., None] * variance).reshape(*flat.shape[:2], 1) * flat)
    return Integral(
        log_likelihood=top + np.log(total) + log_scale,
        gradient=gradient,
        hessian=hessian,
        mode=mode,
        mean=(weights[:, None, :] @ z)[:, 0],
    )


def _one_of_each(model: Model, parameters: Floats, order: int, start: Floats | None) -> Integral:
    # one arm and one random effect, whose parameters are a mean and a standard deviation: the same
    # sums written out, in half of the time
    counts, slope = model.counts, parameters[:, 1]
    base = model.offset[:, 0] + parameters[:, 0]
    z = np.zeros(base.size) if start is None else start[:, 0]
    for _ in range(200):
        mean, variance = model.family.moments((base + slope * z)[:, None])
        pull = slope * (counts - mean)[:, 0] - z
        spread = 1 / (1 + slope**2 * variance[:, 0])
        step = spread * pull
        if (step * pull).max() < _NEAR_THE_MODE:
            break
        z = z + step * (_LONGEST / np.maximum(np.abs(slope * step), _LONGEST))
    scale, mode = np.sqrt(spread), z[:, None]
    nodes, log_weights = _nodes(order, 1)
    z = mode + scale[:, None] * nodes[:, 0]
    eta = base[:, None] + slope[:, None] * z
    cumulant, mean, variance = model.family.cumulant(eta[..., None])
    exponent = counts * eta - cumulant[..., 0] - 0.5 * z**2 + log_weights
    top = exponent.max(axis=1)
    weights = np.exp(exponent - top[:, None])
    total = weights.sum(axis=1)
    weights /= total[:, None]
    score = counts - mean[..., 0]
    gradient = np.empty((base.size, 2))
    np.vecdot(weights, score, out=gradient[:, 0])
    np.vecdot(weights * z, score, out=gradient[:, 1])
    weighted = weights * (score**2 - variance[..., 0])
    along = weighted * z
    hessian = -gradient[:, :, None] * gradient[:, None, :]
    hessian[:, 0, 0] += weighted.sum(axis=1)
    across = along.sum(axis=1)
    hessian[:, 0, 1] += across
    hessian[:, 1, 0] += across
    hessian[:, 1, 1] += np.vecdot(along, z)
    middle = np.vecdot(weights, z)[:, None]
    return Integral(top + np.log(total * scale), gradient, hessian, mode, middle)


def _modes(
    family: Family, counts: Floats, base: Floats, slopes: Floats, z: Floats
) -> tuple[Floats, Floats, Floats]:
    # Newton's method for a concave exponent, with steps so short that its curvature cannot change
    # beyond recognition; nodes do not mind a mode that is a little off
    for _ in range(200):
        mean, variance = family.moments(base + (z[:, None, :] @ slopes)[:, 0])
        pull = (slopes @ (counts - mean)[:, :, None])[:, :, 0] - z
        covariance = _inverse((slopes * variance[:, None, :]) @ slopes.mT)
        step = (covariance @ pull[:, :, None])[:, :, 0]
        decrement = np.vecdot(step, pull)
        if decrement.max() < _NEAR_THE_MODE:
            break
        change = np.abs((step[:, None, :] @ slopes)[:, 0]).max(axis=1)
        z = z + step * np.minimum(1, _LONGEST / np.maximum(change, _LONGEST))[:, None]
    return z, *_square_root(covariance)


def _inverse(information: Floats) -> Floats:
    # of the identity plus a matrix of one or two rows
    if information.shape[-1] == 1:
        return np.asarray(1 / (1 + information))
    a, b, c = 1 + information[:, 0, 0], information[:, 0, 1], 1 + information[:, 1, 1]
    determinant = a * c - b * b
    inverse = np.stack([c, -b, -b, a], axis=-1) / determinant[:, None]
    return inverse.reshape(-1, 2, 2)


def _square_root(covariance: Floats) -> tuple[Floats, Floats]:
    # the lower triangular root, and the logarithm of its determinant
    first = np.sqrt(covariance[:, 0, 0])
    if covariance.shape[-1] == 1:
        return first[:, None, None], np.log(first)
    below = covariance[:, 1, 0] / first
    second = np.sqrt(covariance[:, 1, 1] - below**2)
    root = np.stack([first, np.zeros_like(first), below, second], axis=-1)
    return root.reshape(-1, 2, 2), np.log(first * second)


@lru_cache(maxsize=64)
def _nodes(order: int, dimensions: int) -> tuple[Floats, Floats]:
    # for an integral over exp(-|z|²/2)/(2π)^(d/2), with that density left in the integrand
    x, weights = roots_hermite(order)
    x, logs = np.sqrt(2) * x, np.log(weights) + x**2 - 0.5 * np.log(np.pi)
    if dimensions == 1:
        return x[:, None], logs
    nodes = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1).reshape(-1, 2)
    return nodes, np.add.outer(logs, logs).ravel()
