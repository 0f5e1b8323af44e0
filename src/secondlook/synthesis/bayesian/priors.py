"""What is known of tau and of the mean effect before the studies are seen.

The scale of a prior is in the units of the effects: half-normal with scale 0.5 says of log ratios
that tau is below 1 with 95 % probability, and says something else of risk differences.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import gammaln

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import Floats, written

__all__ = [
    "HETEROGENEITY_PRIORS",
    "WEAKLY_INFORMATIVE",
    "Exponential",
    "HalfCauchy",
    "HalfNormal",
    "HalfT",
    "HeterogeneityPrior",
    "Normal",
    "Uniform",
]

_VAST = 1e150
"""Where a ratio to the scale is cut, so that its square is still a double."""


class HeterogeneityPrior(Protocol):
    """A prior distribution of tau."""

    @property
    def scale(self) -> float:
        """How wide the prior is, in the units of the effects."""

    @property
    def upper(self) -> float:
        """The largest tau the prior allows; infinite where it allows all."""

    @property
    def tail_power(self) -> float:
        """The power of 1/tau with which the density falls; infinite where it falls faster."""

    def log_density(self, tau: Floats) -> Floats:
        """Give the logarithm of the density."""

    def slope(self, tau: Floats) -> Floats:
        """Give the derivative of the logarithm of the density."""

    def in_unit(self, exponent: int) -> HeterogeneityPrior:
        """Give the same prior for effects measured in a unit of 2 to that power."""


@dataclass(frozen=True, slots=True)
class HalfNormal:
    """Half-normal: the absolute value of a normal variable with mean 0.

    Parameters
    ----------
    scale
        Standard deviation of that normal variable. The median is 0.674 and the upper 95 % limit
        1.96 times the scale.

    Examples
    --------
    >>> print(HalfNormal(0.5))
    half-normal with scale 0.5
    """

    scale: float

    def __post_init__(self) -> None:
        _require_positive("HalfNormal, scale", self.scale)

    @property
    def upper(self) -> float:
        """Every tau is allowed."""
        return math.inf

    @property
    def tail_power(self) -> float:
        """Faster than any power."""
        return math.inf

    def log_density(self, tau: Floats) -> Floats:
        """Give the logarithm of the density."""
        ratio = np.minimum(tau / self.scale, _VAST)
        return 0.5 * math.log(2 / math.pi) - math.log(self.scale) - 0.5 * ratio**2

    def slope(self, tau: Floats) -> Floats:
        """Give the derivative of the logarithm of the density."""
        return -tau / self.scale / self.scale

    def in_unit(self, exponent: int) -> HalfNormal:
        """Give the same prior for effects measured in a unit of 2 to that power."""
        return HalfNormal(_measured("HalfNormal, scale", self.scale, exponent))

    def __str__(self) -> str:
        return f"half-normal with scale {self.scale:g}"


@dataclass(frozen=True, slots=True)
class HalfT:
    """Half-t: the absolute value of a scaled variable with Student's t distribution.

    Parameters
    ----------
    scale
        What the t variable is multiplied by.
    degrees_of_freedom
        Positive; 1 is the half-Cauchy distribution.

    Examples
    --------
    >>> print(HalfT(0.5, degrees_of_freedom=3))
    half-t with scale 0.5 and 3 degrees of freedom
    """

    scale: float
    degrees_of_freedom: float

    def __post_init__(self) -> None:
        _require_positive("HalfT, scale", self.scale)
        _require_positive("HalfT, degrees_of_freedom", self.degrees_of_freedom)

    @property
    def upper(self) -> float:
        """Every tau is allowed."""
        return math.inf

    @property
    def tail_power(self) -> float:
        """One more than the degrees of freedom."""
        return self.degrees_of_freedom + 1

    def log_density(self, tau: Floats) -> Floats:
        """Give the logarithm of the density."""
        degrees = self.degrees_of_freedom
        constant = math.log(2) + float(gammaln((degrees + 1) / 2) - gammaln(degrees / 2))
        constant -= 0.5 * math.log(degrees * math.pi) + math.log(self.scale)
        # the logarithm of 1 + ratio², whose square could be beyond a double
        ratio = tau / (self.scale * math.sqrt(degrees))
        return np.asarray(constant - (degrees + 1) * np.log(np.hypot(1.0, ratio)))

    def slope(self, tau: Floats) -> Floats:
        """Give the derivative of the logarithm of the density."""
        width = self.scale * math.sqrt(self.degrees_of_freedom)
        ratio = tau / width
        falls = (self.degrees_of_freedom + 1) / width
        return np.asarray(-falls * (ratio / np.hypot(1.0, ratio) ** 2))

    def in_unit(self, exponent: int) -> HalfT:
        """Give the same prior for effects measured in a unit of 2 to that power."""
        return HalfT(_measured("HalfT, scale", self.scale, exponent), self.degrees_of_freedom)

    def __str__(self) -> str:
        degrees = f"{self.degrees_of_freedom:g} degrees of freedom"
        return f"half-t with scale {self.scale:g} and {degrees}"


@dataclass(frozen=True, slots=True)
class HalfCauchy:
    """Half-Cauchy: half of its probability is beyond its scale, 6 % beyond ten times its scale.

    Parameters
    ----------
    scale
        The median.

    Examples
    --------
    >>> print(HalfCauchy(0.5))
    half-Cauchy with scale 0.5
    """

    scale: float

    def __post_init__(self) -> None:
        _require_positive("HalfCauchy, scale", self.scale)

    @property
    def upper(self) -> float:
        """Every tau is allowed."""
        return math.inf

    @property
    def tail_power(self) -> float:
        """The square."""
        return 2.0

    def log_density(self, tau: Floats) -> Floats:
        """Give the logarithm of the density."""
        return HalfT(self.scale, 1.0).log_density(tau)

    def slope(self, tau: Floats) -> Floats:
        """Give the derivative of the logarithm of the density."""
        return HalfT(self.scale, 1.0).slope(tau)

    def in_unit(self, exponent: int) -> HalfCauchy:
        """Give the same prior for effects measured in a unit of 2 to that power."""
        return HalfCauchy(_measured("HalfCauchy, scale", self.scale, exponent))

    def __str__(self) -> str:
        return f"half-Cauchy with scale {self.scale:g}"


@dataclass(frozen=True, slots=True)
class Exponential:
    """Exponential: of all distributions with a given mean the one that says least else.

    Parameters
    ----------
    scale
        The mean.

    Examples
    --------
    >>> print(Exponential(0.5))
    exponential with mean 0.5
    """

    scale: float

    def __post_init__(self) -> None:
        _require_positive("Exponential, scale", self.scale)

    @property
    def upper(self) -> float:
        """Every tau is allowed."""
        return math.inf

    @property
    def tail_power(self) -> float:
        """Faster than any power."""
        return math.inf

    def log_density(self, tau: Floats) -> Floats:
        """Give the logarithm of the density."""
        return np.asarray(-math.log(self.scale) - tau / self.scale)

    def slope(self, tau: Floats) -> Floats:
        """Give the derivative of the logarithm of the density."""
        return np.full_like(tau, -1 / self.scale)

    def in_unit(self, exponent: int) -> Exponential:
        """Give the same prior for effects measured in a unit of 2 to that power."""
        return Exponential(_measured("Exponential, scale", self.scale, exponent))

    def __str__(self) -> str:
        return f"exponential with mean {self.scale:g}"


@dataclass(frozen=True, slots=True)
class Uniform:
    """Uniform from 0 to an upper limit; without a limit it is improper.

    Parameters
    ----------
    upper
        The largest tau allowed, or infinity. The improper prior needs three studies, or two where
        the prior of the mean effect is proper, and gives no Bayes factor.

    Examples
    --------
    >>> print(Uniform(2.0))
    uniform from 0 to 2
    """

    upper: float = math.inf

    def __post_init__(self) -> None:
        _require_positive("Uniform, upper", self.upper, or_infinite=True)

    @property
    def scale(self) -> float:
        """The upper limit."""
        return self.upper

    @property
    def tail_power(self) -> float:
        """None at all without a limit."""
        return math.inf if math.isfinite(self.upper) else 0.0

    def log_density(self, tau: Floats) -> Floats:
        """Give the logarithm of the density; 0 at every tau if improper."""
        level = -math.log(self.upper) if math.isfinite(self.upper) else 0.0
        return np.where(tau <= self.upper, level, -math.inf)

    def slope(self, tau: Floats) -> Floats:
        """Give the derivative of the logarithm of the density."""
        return np.zeros_like(tau)

    def in_unit(self, exponent: int) -> Uniform:
        """Give the same prior for effects measured in a unit of 2 to that power."""
        if math.isinf(self.upper):
            return self
        return Uniform(_measured("Uniform, upper", self.upper, exponent))

    def __str__(self) -> str:
        if math.isinf(self.upper):
            return "uniform over all tau (improper)"
        return f"uniform from 0 to {self.upper:g}"


@dataclass(frozen=True, slots=True)
class Normal:
    """A normal prior of the mean effect.

    Parameters
    ----------
    mean, standard_deviation
        In the units of the effects.

    Examples
    --------
    >>> print(Normal(0.0, 4.0))
    normal with mean 0 and standard deviation 4
    """

    mean: float
    standard_deviation: float

    def __post_init__(self) -> None:
        if not _is_number(self.mean) or not math.isfinite(self.mean):
            problem = Problem("Normal, mean", written(self.mean), "is not a number", "give one")
            raise EstimationError(problem)
        _require_positive("Normal, standard_deviation", self.standard_deviation)

    def in_unit(self, exponent: int) -> Normal:
        """Give the same prior for effects measured in a unit of 2 to that power."""
        error = _measured("Normal, standard_deviation", self.standard_deviation, exponent)
        if abs(self.mean) > self.standard_deviation:
            _measured("Normal, mean", abs(self.mean), exponent)
        return Normal(math.ldexp(self.mean, -exponent), error)

    def __str__(self) -> str:
        return f"normal with mean {self.mean:g} and standard deviation {self.standard_deviation:g}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.floating | np.integer) and not isinstance(value, bool)


def _require_positive(where: str, value: float, *, or_infinite: bool = False) -> None:
    fine = _is_number(value) and value > 0 and (or_infinite or math.isfinite(value))
    if not fine:
        rule = "is not a positive number"
        raise EstimationError(Problem(where, written(value), rule, "give it in the effects' units"))


WEAKLY_INFORMATIVE = HalfNormal(0.5)
"""For log odds, risk and hazard ratios: tau is below 1 with 95 % probability."""

HETEROGENEITY_PRIORS: dict[str, type[HeterogeneityPrior]] = {
    "half-normal": HalfNormal,
    "half-Cauchy": HalfCauchy,
    "half-t": HalfT,
    "exponential": Exponential,
    "uniform": Uniform,
}
"""The priors of tau that are offered."""

_WIDEST = 200
"""Powers of two between the data and what a prior may say of them, in either direction."""


def _measured(where: str, value: float, exponent: int) -> float:
    # far beyond the data in either direction nothing could be integrated
    if abs(math.log2(value) - exponent) > _WIDEST:
        rule = "is beyond all proportion to the effects and their standard errors"
        raise EstimationError(Problem(where, f"{value:g}", rule, "give it in the effects' units"))
    return math.ldexp(value, -exponent)
