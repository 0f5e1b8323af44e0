"""The likelihood of what one study printed, given that study's own curve.

Two are offered. ``"binomial"``: the patients at risk in each interval of a chain die there or
outlive it, and a printed quantile is an observed time of death (its density is a factor).
``"normal"``: what was printed is normal on the scale of eta, with the delta-method covariance of
its survival estimates at their *printed* values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from secondlook.synthesis.curve_synthesis.chains import Chains, StudyChain
from secondlook.synthesis.curve_synthesis.families import Family
from secondlook.synthesis.curve_synthesis.time_scales import Shift, TimeScale
from secondlook.synthesis.printed_columns import Floats

__all__ = ["Derivatives", "WithinStudy", "binomial_chain", "link_covariance", "normal_on_link"]

_SMALLEST = 1e-130
_LARGEST = 600.0


@dataclass(slots=True)
class Derivatives:
    """Log-likelihood of each study at each node, and its derivatives.

    Parameters
    ----------
    value
        Shape (k, Q).
    gradient
        With respect to location and shape coordinates, shape (D, k, Q).
    hessian
        Shape (D, D, k, Q).
    """

    value: Floats
    gradient: Floats
    hessian: Floats


WithinStudy = Callable[[Floats, Floats, int], Derivatives]
"""From locations (k, Q), shape coordinates, (P,) or (P, k, Q), and how many coordinates, from the
first, derivatives are wanted of, to those derivatives."""


def binomial_chain(chains: Chains, family: Family, scale: TimeScale) -> WithinStudy:
    """Give the likelihood by which patients of a chain die or outlive each interval.

    Multinomial counts between fixed times are exactly such a chain. A quantile that is a patient's
    own time of death splits the others into those before and those after, as an order statistic
    does; its density takes the place of the interval it would have had.
    """
    times = chains.times[:, None, :]
    deaths, survivors = chains.deaths[:, None, :], chains.survivors[:, None, :]
    quantile = chains.is_quantile[:, None, :]

    def evaluate(location: Floats, shape: Floats, wanted: int) -> Derivatives:
        shift = scale.shift(times, shape)
        eta = np.clip(location[..., None] + shift.value, *family.limits)
        hazard = family.hazard(eta)
        slopes = (np.ones_like(shift.value), *shift.first)[:wanted]
        rises = [hazard.first * slope for slope in slopes]
        steps = [_steps(rise) for rise in rises]
        step = np.clip(_steps(hazard.cumulative), _SMALLEST, _LARGEST)
        grown = np.expm1(step)
        per_step = deaths / grown - survivors
        bend = -deaths / grown * (1 + 1 / grown)
        dying = np.log(-np.expm1(-step))
        value = (deaths * dying - survivors * step).sum(-1)
        value = value + (quantile * (hazard.log_first + shift.log_slope)).sum(-1)
        found = _empty(value, len(slopes))
        found.value = value
        point_slope = quantile * hazard.log_first_slope
        point_bend = quantile * hazard.log_first_curvature
        for d, slope in enumerate(slopes):
            found.gradient[d] = (per_step * steps[d] + point_slope * slope).sum(-1)
            for e in range(d, len(slopes)):
                curved = hazard.second * slope * slopes[e]
                entry = bend * steps[d] * steps[e] + point_bend * slope * slopes[e]
                if d > 0:
                    second = shift.second[d - 1][e - 1]
                    curved = curved + hazard.first * second
                    entry = entry + point_slope * second
                entry = (entry + per_step * _steps(curved)).sum(-1)
                found.hessian[d, e] = found.hessian[e, d] = entry
        _add_log_slope(found, shift, quantile)
        return found

    return evaluate


def normal_on_link(chains: Chains, family: Family, scale: TimeScale) -> WithinStudy:
    """Give the normal likelihood on the scale of eta, with covariances at the printed survival."""
    times, quantile = chains.times[:, None, :], chains.is_quantile[:, None, :]
    printed = np.zeros_like(chains.times)
    precision = np.zeros((*chains.times.shape, chains.times.shape[1]))
    constant = np.zeros((chains.times.shape[0], 1))
    usable = [chain for chain in chains.studies if chain.cuts or chain.means]
    for row, chain in enumerate(usable):
        cuts = len(chain.cuts)
        if not cuts:
            continue
        survival = np.array([cut.survival for cut in chain.cuts])
        covariance = link_covariance(chain, family, survival)
        slope = np.log(family.link_slope(survival))
        is_rate = 1 - chains.is_quantile[row, :cuts]
        printed[row, :cuts] = family.link(survival)
        precision[row, :cuts, :cuts] = np.linalg.inv(covariance)
        constant[row] = -0.5 * np.linalg.slogdet(2 * np.pi * covariance)[1] + is_rate @ slope

    def evaluate(location: Floats, shape: Floats, wanted: int) -> Derivatives:
        shift = scale.shift(times, shape)
        slopes = (np.ones_like(shift.value), *shift.first)[:wanted]
        residual = printed[:, None, :] - location[..., None] - shift.value
        weighted = residual @ precision
        value = constant - 0.5 * (residual * weighted).sum(-1)
        value = value + (quantile * shift.log_slope).sum(-1)
        found = _empty(value, len(slopes))
        found.value = value
        for d, slope in enumerate(slopes):
            found.gradient[d] = (weighted * slope).sum(-1)
            leaning = slope @ precision
            for e in range(d, len(slopes)):
                entry = -(leaning * slopes[e]).sum(-1)
                if d > 0:
                    entry = entry + (weighted * shift.second[d - 1][e - 1]).sum(-1)
                found.hessian[d, e] = found.hessian[e, d] = entry
        _add_log_slope(found, shift, quantile)
        return found

    return evaluate


def link_covariance(chain: StudyChain, family: Family, survival: Floats) -> Floats:
    """Give the covariance of a chain's survival estimates on the scale of eta, at some survival.

    Greenwood's: the variance of the log survival at a cut is the sum of q/(p n) over the intervals
    up to it, q dying and p surviving of n at risk, and two cuts share the intervals of the earlier.
    """
    left = survival / np.append(1.0, survival[:-1])
    at_risk = np.array([cut.at_risk for cut in chain.cuts])
    cumulative = np.cumsum((1 - left) / (left * at_risk))
    order = np.arange(survival.size)
    shared = cumulative[np.minimum.outer(order, order)]
    scaled = survival * family.link_slope(survival)
    return np.asarray(shared * np.outer(scaled, scaled))


def _steps(cumulative: Floats) -> Floats:
    stepped = cumulative.copy()
    stepped[..., 1:] -= cumulative[..., :-1]
    return stepped


def _empty(value: Floats, size: int) -> Derivatives:
    shape = value.shape
    return Derivatives(value, np.zeros((size, *shape)), np.zeros((size, size, *shape)))


def _add_log_slope(found: Derivatives, shift: Shift, quantile: Floats) -> None:
    """Add what the density of an observed time owes to the slope of the time scale."""
    wanted = found.gradient.shape[0] - 1
    for p, slope in enumerate(shift.log_slope_first[:wanted]):
        found.gradient[p + 1] += (quantile * slope).sum(-1)
        for q, second in enumerate(shift.log_slope_second[p][:wanted]):
            found.hessian[p + 1, q + 1] += (quantile * second).sum(-1)
