"""Estimators of tau² that set a sum of squares to its expectation."""

from __future__ import annotations

import sys

import numpy as np

from secondlook.synthesis.between_study_variance.weighted_fit import Model
from secondlook.synthesis.printed_columns import Floats

__all__ = [
    "TIGHTEST",
    "dersimonian_laird",
    "dersimonian_laird_error",
    "hedges",
    "hedges_error",
    "hunter_schmidt",
    "hunter_schmidt_error",
    "paule_mandel",
    "paule_mandel_error",
    "sidik_jonkman",
    "sidik_jonkman_error",
    "where_q_is",
]

TIGHTEST = 4 * sys.float_info.epsilon
"""Relative tolerance of every root: a few units in the last place."""


def _degrees(model: Model) -> int:
    return int(model.yi.shape[-1]) - model.coefficients


def dersimonian_laird(model: Model) -> Floats:
    """Give the tau² at which Cochran's Q has its expectation, not below 0."""
    fit = model.at(0.0)
    return np.asarray(np.maximum(0.0, (fit.q() - _degrees(model)) / fit.trace()))


def dersimonian_laird_error(model: Model, tau2: float) -> float:
    """Give the standard error of the estimator of DerSimonian and Laird."""
    fit = model.at(0.0)
    return _error_of_q(model, tau2) / float(fit.trace())


def hunter_schmidt(model: Model) -> Floats:
    """Give what Q has in excess of the number of studies, over the total weight, not below 0."""
    fit = model.at(0.0)
    excess = fit.q() - model.yi.shape[-1]
    return np.asarray(np.maximum(0.0, excess / fit.weights.sum(axis=-1)))


def hunter_schmidt_error(model: Model, tau2: float) -> float:
    """Give the standard error of the estimator of Hunter and Schmidt."""
    return _error_of_q(model, tau2) / float(np.sum(1 / model.vi))


def _error_of_q(model: Model, tau2: float) -> float:
    # the square root of 2 df + 4 tau² trace + 2 tau⁴ norm, whose last term could be beyond a double
    fit = model.at(0.0)
    first = np.sqrt(2 * _degrees(model) + 4 * tau2 * fit.trace())
    return float(np.hypot(first, tau2 * np.sqrt(2 * fit.squares())))


def hedges(model: Model) -> Floats:
    """Give the unweighted residual variance less the mean sampling variance, not below 0."""
    fit = model.weighted(np.ones_like(model.vi))
    sampling = np.vecdot(fit.diagonal(), model.vi)
    return np.asarray(np.maximum(0.0, (fit.q() - sampling) / _degrees(model)))


def hedges_error(model: Model, tau2: float) -> float:
    """Give the standard error of the estimator of Hedges."""
    fit, degrees = model.weighted(np.ones_like(model.vi)), _degrees(model)
    mixed = 4 * tau2 * float(np.vecdot(fit.diagonal(), model.vi))
    total = 2 * fit.squares(model.vi, model.vi) + mixed + 2 * tau2**2 * degrees
    return float(np.sqrt(total)) / degrees


def sidik_jonkman(model: Model) -> Floats:
    """Give a first variance of the effects, multiplied by the mean square it leaves in Q."""
    first = _first_variance(model)
    return np.asarray(first * model.at(first).q() / _degrees(model))


def sidik_jonkman_error(model: Model, tau2: float) -> float:
    """Give the standard error of the estimator of Sidik and Jonkman."""
    first = _first_variance(model)
    fit = model.at(first)
    terms = [
        2 * fit.squares(model.vi, model.vi),
        4 * tau2 * fit.squares(model.vi),
        2 * tau2**2 * fit.squares(),
    ]
    return float(first * np.sqrt(sum(terms)) / _degrees(model))


def _first_variance(model: Model) -> Floats:
    away = model.yi - model.yi.mean(axis=-1, keepdims=True)
    return np.asarray(np.vecdot(away, away) / away.shape[-1])


def paule_mandel(model: Model) -> Floats:
    """Give the tau² at which Q equals its degrees of freedom, or 0 where it starts below them."""
    return where_q_is(float(_degrees(model)), model)


def paule_mandel_error(model: Model, tau2: float) -> float:
    """Give the standard error of the estimator of Paule and Mandel."""
    k = model.yi.shape[-1]
    return float(np.sqrt(2 * k**2 / _degrees(model)) / np.sum(1 / (model.vi + tau2)))


def where_q_is(target: float, model: Model) -> Floats:
    """Give the tau² at which Q has fallen to a target, or 0 where it starts at or below it.

    Notes
    -----
    Q(tau²) is a sum of terms a/(b + tau²), a and b not negative, so that 1/Q is a harmonic mean of
    linear functions: it rises and is concave. Newton's method on 1/Q therefore climbs from 0 to the
    root without passing it, whatever the data.
    """
    tau2 = np.zeros(model.yi.shape[:-1])
    while True:
        fit = model.at(tau2)
        q = fit.q()
        above = q > target
        # where Q is not above its target the step is 0, also where there is nothing to divide by
        step = (q / target - 1) * (q / np.where(above, fit.pull(), 1.0)) * above
        tau2 = tau2 + step
        if not np.any(step > TIGHTEST * tau2):
            return tau2
