"""Exact intervals: what printed numbers can stand for, carried through arithmetic.

Bounds are :class:`fractions.Fraction` and closed; None is unbounded. There is no tolerance
constant: a rule fires only when no choice inside all the intervals satisfies it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import asin, ceil, erfc, exp, floor, inf, lgamma, log, pi, sin, sqrt

from secondlook.evidence import Reported

__all__ = ["Range", "greenwood_limits", "smallest_p"]


@dataclass(frozen=True, slots=True)
class Range:
    """A closed interval of exact numbers; None is unbounded.

    Examples
    --------
    >>> Range.of(Reported("37")).holds(Fraction(747, 20))
    True
    """

    low: Fraction | None
    high: Fraction | None

    @classmethod
    def of(cls, reported: Reported) -> Range:
        """Everything a printed number can stand for."""
        return _of(reported.printed)

    @classmethod
    def count(cls, reported: Reported) -> Range:
        """A printed count: itself, exactly, unless it is printed as a bound or as about."""
        return _count(reported.printed)

    def holds(self, number: Fraction) -> bool:
        """Tell whether a number lies inside."""
        return (self.low is None or self.low <= number) and (
            self.high is None or number <= self.high
        )

    def meets(self, other: Range) -> bool:
        """Tell whether the two have a number in common."""
        return not (self.is_below(other) or other.is_below(self))

    def is_below(self, other: Range) -> bool:
        """Tell whether every number here is smaller than every number there."""
        if self.high is None or other.low is None:
            return False
        # cross-multiplied: comparing fractions asks first what they are
        high, low = self.high, other.low
        return high.numerator * low.denominator < low.numerator * high.denominator

    def plus(self, other: Range) -> Range:
        """Add."""
        low = None if self.low is None or other.low is None else self.low + other.low
        high = None if self.high is None or other.high is None else self.high + other.high
        return Range(low, high)

    def times(self, factor: Fraction) -> Range:
        """Multiply by a number that is not negative."""
        return Range(
            None if self.low is None else self.low * factor,
            None if self.high is None else self.high * factor,
        )

    def logarithms(self) -> tuple[float, float] | None:
        """Natural logarithms of the ends, in floats; None where nothing inside is above zero."""
        if self.high is not None and self.high <= 0:
            return None
        low = -inf if self.low is None or self.low <= 0 else log(self.low)
        return low, inf if self.high is None else log(self.high)

    def whole_number(self) -> bool:
        """Tell whether there is a whole number inside."""
        if self.low is None or self.high is None:
            return True
        return ceil(self.low) <= floor(self.high)


# the same few thousand strings are looked at again and again, by rule after rule
@lru_cache(maxsize=4096)
def _of(printed: str) -> Range:
    return Range(*Reported(printed).interval)


@lru_cache(maxsize=4096)
def _count(printed: str) -> Range:
    reported = Reported(printed)
    if reported.relation == "=" and reported.value is not None:
        exact = Fraction(reported.value)
        return Range(exact, exact)
    return Range(*reported.interval)


@lru_cache(maxsize=4096)
def greenwood_limits(s: float, n: float, z: float) -> tuple[float, float]:
    """Give the highest lower and the lowest upper limit a survival share of n patients can have.

    Greenwood's variance is at least s(1 - s)/n. The limits are the nearest of plain, log, log-log,
    logit, arcsine and Wilson's (Rothman's) with that variance.
    """
    if not 0 < s < 1:
        return s, s
    error, angle = z * sqrt(s * (1 - s) / n), asin(sqrt(s))
    half = sqrt(error**2 + (z * z / (2 * n)) ** 2)
    ends = [
        (
            s + sign * error,
            s * exp(min(sign * error / s, 700)),
            exp(log(s) * exp(min(sign * error / (s * log(s)), 700))),
            1 / (1 + (1 - s) / s * exp(min(-sign * error / (s * (1 - s)), 600))),
            sin(min(max(angle + sign * z / (2 * sqrt(n)), 0), pi / 2)) ** 2,
            (s + z * z / (2 * n) + sign * half) / (1 + z * z / n),
        )
        for sign in (-1, 1)
    ]
    return max(0.0, *ends[0]), min(1.0, *ends[1])


def smallest_p(
    first: tuple[float, float], second: tuple[float, float], sizes: list[float], total: float
) -> float:
    """Give the smallest P that two shares, each from low to high, can be printed with.

    The smaller of Pearson's two-sided and Fisher's one-sided, where the shares are furthest apart;
    neither Yates' correction nor Fisher's two-sided test gives less. Without the two sizes the
    total is divided as favourably as can be.
    """
    found = [1.0]
    for larger, smaller, turn in ((first[1], second[0], 1), (second[1], first[0], -1)):
        if sizes:
            n, m = sizes[::turn]
        else:
            # Pearson's P is smallest where n/m is this ratio of standard deviations
            ours, theirs = sqrt(larger * (1 - larger)), sqrt(smaller * (1 - smaller))
            n = total * (theirs / (ours + theirs) if ours + theirs else 0.5)
            n = min(max(n, 1.0), total - 1)  # nobody is compared with no one
            m = total - n
        if larger > smaller and min(n, m) > 0:
            found.append(_pearson_or_fisher(larger, smaller, n, m))
    return min(found)


_MOST_SUMMED = 10**6
"""Patients above which Fisher's sum is too long to take; then any P counts as attainable."""


def _pearson_or_fisher(larger: float, smaller: float, n: float, m: float) -> float:
    pooled = (larger * n + smaller * m) / (n + m)
    if n + m > _MOST_SUMMED:
        return 0.0
    squared = (larger - smaller) ** 2 / (pooled * (1 - pooled) * (1 / n + 1 / m))
    a, c = round(larger * n), round(smaller * m)
    b, d = round(n) - a, round(m) - c
    margins = sum(lgamma(x + 1) for x in (a + b, c + d, a + c, b + d)) - lgamma(a + b + c + d + 1)
    tail = 0.0
    for k in range(min(b, c) + 1):
        inside = sum(lgamma(x + 1) for x in (a + k, b - k, c - k, d + k))
        term = exp(margins - inside)
        tail += term
        if term < tail * 1e-17:
            break
    return min(erfc(sqrt(squared / 2)), tail)
