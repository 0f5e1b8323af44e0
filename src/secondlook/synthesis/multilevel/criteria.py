"""Log-likelihood and information criteria of a model fitted in another unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from secondlook.synthesis.study_outcomes import Unit

__all__ = ["Criteria", "criteria_of", "in_given_unit"]


@dataclass(frozen=True, slots=True)
class Criteria:
    """Log-likelihood, AIC, BIC and AICc; the last two None with too few effects."""

    log_likelihood: float
    aic: float
    bic: float | None
    aicc: float | None


def in_given_unit(value: float, unit: Unit, free: int) -> float:
    """Give a log-likelihood of `free` numbers in the unit the effects were given in."""
    return value - free * unit.exponent * float(np.log(2))


def criteria_of(log_likelihood: float, parameters: int, free: int) -> Criteria:
    """Give the information criteria.

    Parameters
    ----------
    log_likelihood
        Restricted or not.
    parameters
        Coefficients and variances that were estimated.
    free
        Effects, less coefficients where the likelihood is restricted.

    Examples
    --------
    >>> criteria_of(-7.9587, 3, 55).aic
    21.9174
    """
    deviance = -2 * log_likelihood
    counted = max(free, parameters + 2)
    correction = 2 * parameters * counted / (counted - parameters - 1)
    return Criteria(
        log_likelihood,
        deviance + 2 * parameters,
        deviance + parameters * float(np.log(free)) if free > 0 else None,
        deviance + correction if free > 0 else None,
    )
