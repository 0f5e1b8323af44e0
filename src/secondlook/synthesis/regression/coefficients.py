"""Coefficients of a regression and the tests that some of them are 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, fdtrc, ndtr, ndtri, stdtr, stdtrit

from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.result import decimals, p_text

__all__ = [
    "Coefficient",
    "Interval",
    "OmnibusTest",
    "coefficients",
    "critical",
    "is_share",
    "omnibus_test",
]

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One coefficient, with the test that it is 0 and its confidence interval.

    ``statistic`` and ``p_value`` are None where the standard error is 0; ``degrees_of_freedom`` is
    None for the normal distribution.
    """

    name: str
    estimate: float
    standard_error: float
    statistic: float | None
    degrees_of_freedom: int | None
    p_value: float | None
    interval: Interval


@dataclass(frozen=True, slots=True)
class OmnibusTest:
    """A test that several coefficients are all 0.

    Parameters
    ----------
    coefficients
        Their names.
    statistic
        Chi-squared, or F where the coefficients are tested by t; None where it cannot be computed.
    degrees_of_freedom, residual_degrees_of_freedom
        Of the numerator, which is the number of coefficients, and of the denominator; the latter is
        None for chi-squared.
    p_value
        None where the statistic is.
    """

    coefficients: tuple[str, ...]
    statistic: float | None
    degrees_of_freedom: int
    residual_degrees_of_freedom: int | None
    p_value: float | None

    def __str__(self) -> str:
        degrees = f"{self.degrees_of_freedom}"
        sign = "chi²"
        if self.residual_degrees_of_freedom is not None:
            sign, degrees = "F", f"{degrees}, {self.residual_degrees_of_freedom}"
        if self.statistic is None or self.p_value is None:
            return "none: the standard errors are 0"
        return f"{sign}({degrees}) = {decimals(self.statistic)}, {p_text(self.p_value)}"


def is_share(level: object) -> bool:
    """Tell whether something is a number between 0 and 1.

    Examples
    --------
    >>> is_share(0.95), is_share(95), is_share("0.95")
    (True, False, False)
    """
    return isinstance(level, float | np.floating) and bool(0 < level < 1)


def critical(level: float, degrees: int | None) -> float:
    """Give by how many standard errors an interval reaches to each side.

    Examples
    --------
    >>> round(critical(0.95, None), 4), round(critical(0.95, 10), 4)
    (1.96, 2.2281)
    """
    tail = (1 - level) / 2
    return -float(ndtri(tail) if degrees is None else stdtrit(degrees, tail))


def coefficients(
    names: Sequence[str],
    estimates: Floats,
    covariance: Floats,
    degrees: int | None,
    level: float,
) -> tuple[Coefficient, ...]:
    """Test each coefficient by the normal distribution, or by t where there are degrees."""
    reach = critical(level, degrees)
    found = []
    errors = np.sqrt(np.diagonal(covariance)).tolist()
    for name, estimate, error in zip(names, estimates.tolist(), errors, strict=True):
        statistic = estimate / error if error > 0 else None
        p_value = None
        if statistic is not None:
            away = -abs(statistic)
            p_value = 2 * float(ndtr(away) if degrees is None else stdtr(degrees, away))
        interval = (estimate - reach * error, estimate + reach * error)
        found.append(Coefficient(name, estimate, error, statistic, degrees, p_value, interval))
    return tuple(found)


def omnibus_test(
    names: Sequence[str],
    estimates: Floats,
    covariance: Floats,
    which: tuple[int, ...],
    degrees: int | None,
) -> OmnibusTest:
    """Test by Wald's statistic that some coefficients are all 0."""
    tested, size = tuple(names[i] for i in which), len(which)
    some = np.array(which)
    errors = np.sqrt(np.diagonal(covariance)[some])
    if not errors.all():
        return OmnibusTest(tested, None, size, degrees, None)
    standardised = estimates[some] / errors
    correlations = covariance[np.ix_(some, some)] / np.outer(errors, errors)
    wald = float(standardised @ np.linalg.solve(correlations, standardised))
    if degrees is None:
        return OmnibusTest(tested, wald, size, None, float(chdtrc(size, wald)))
    p_value = float(fdtrc(size, degrees, wald / size))
    return OmnibusTest(tested, wald / size, size, degrees, p_value)
