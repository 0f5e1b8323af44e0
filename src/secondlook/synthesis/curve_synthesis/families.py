"""Families of survival curves, each by its cumulative hazard on a scale where time is a shift.

A curve is S(t) = exp(-H(eta)), eta = location + u(t). What a family is, is how H rises with eta:

====================  ======================  ==========================================
family                H(eta)                  eta as a function of S
====================  ======================  ==========================================
Weibull               exp(eta)                log(-log S), the complementary log-log
log-logistic          log(1 + exp(eta))       log((1 - S)/S), the logit of death
log-normal            -log Phi(-eta)          the probit of death
piecewise exponential exp(eta)                as Weibull; u(t) is a log cumulative hazard
====================  ======================  ==========================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit, log_ndtr, ndtri

from secondlook.synthesis.printed_columns import Floats

__all__ = ["FAMILIES", "Family", "Hazard"]

_LOG_SQRT_TWO_PI = 0.5 * np.log(2 * np.pi)


@dataclass(frozen=True, slots=True)
class Hazard:
    """H and what its derivatives with respect to eta are, all of the shape of eta.

    Parameters
    ----------
    cumulative, first, second
        H, H' and H''.
    log_first, log_first_slope, log_first_curvature
        log H' and its two derivatives, for the density of a time that is itself observed.
    """

    cumulative: Floats
    first: Floats
    second: Floats
    log_first: Floats
    log_first_slope: Floats
    log_first_curvature: Floats


@dataclass(frozen=True, slots=True)
class Family:
    """A family of survival curves.

    Parameters
    ----------
    name
        As the user writes it.
    hazard
        From eta to H and its derivatives.
    link
        From survival, strictly between 0 and 1, to eta.
    link_slope
        Minus the derivative of `link`.
    limits
        Beyond these eta survival cannot be told from 1 or from 0 in double precision.
    has_mean
        Whether every member has a finite mean and variance.
    is_piecewise
        Whether time acts through pieces of constant hazard; otherwise through its logarithm.
    """

    name: str
    hazard: Callable[[Floats], Hazard]
    link: Callable[[Floats], Floats]
    link_slope: Callable[[Floats], Floats]
    limits: tuple[float, float]
    has_mean: bool = True
    is_piecewise: bool = False

    def survival(self, eta: Floats) -> Floats:
        """Give S at eta."""
        return np.exp(-self.hazard(np.clip(eta, *self.limits)).cumulative)


def _exponential(eta: Floats) -> Hazard:
    hazard, one = np.exp(eta), np.ones_like(eta)
    return Hazard(hazard, hazard, hazard, eta, one, np.zeros_like(eta))


def _logistic(eta: Floats) -> Hazard:
    death, life = expit(eta), expit(-eta)
    product = death * life
    return Hazard(-log_expit(-eta), death, product, log_expit(eta), life, -product)


def _normal(eta: Floats) -> Hazard:
    log_survival = log_ndtr(-eta)
    log_ratio = -0.5 * eta * eta - _LOG_SQRT_TWO_PI - log_survival
    ratio = np.exp(log_ratio)
    slope = ratio - eta
    second = ratio * slope
    return Hazard(-log_survival, ratio, second, log_ratio, slope, second - 1)


def _cloglog(survival: Floats) -> Floats:
    return np.log(-np.log(survival))


def _cloglog_slope(survival: Floats) -> Floats:
    return -1 / (survival * np.log(survival))


def _logit_of_death(survival: Floats) -> Floats:
    return np.log1p(-survival) - np.log(survival)


def _probit_of_death(survival: Floats) -> Floats:
    return np.asarray(-ndtri(survival))


_FAMILIES = (
    Family("weibull", _exponential, _cloglog, _cloglog_slope, (-200.0, 50.0)),
    Family(
        "log-logistic",
        _logistic,
        _logit_of_death,
        lambda survival: 1 / (survival * (1 - survival)),
        (-200.0, 200.0),
        has_mean=False,
    ),
    Family(
        "log-normal",
        _normal,
        _probit_of_death,
        lambda survival: np.exp(0.5 * ndtri(survival) ** 2 + _LOG_SQRT_TWO_PI),
        (-20.0, 30.0),
    ),
    Family(
        "piecewise-exponential",
        _exponential,
        _cloglog,
        _cloglog_slope,
        (-200.0, 50.0),
        is_piecewise=True,
    ),
)

FAMILIES: dict[str, Family] = {family.name: family for family in _FAMILIES}
"""Every family by its name."""
