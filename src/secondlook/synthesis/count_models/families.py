"""Counts whose logarithm of the likelihood is x·eta - K(eta), with K the cumulant function.

Binomial counts on the logit scale, Poisson counts on the log scale and the non-central
hypergeometric count of a two-by-two table given its margins on the log odds ratio scale are all of
this form, so that one integral and one Newton step serve them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import expit, gammaln, log_expit, logit, xlogy

from secondlook.synthesis.printed_columns import Floats

__all__ = ["Binomial", "Family", "Hypergeometric", "Poisson", "Saturated"]


@dataclass(frozen=True, slots=True, eq=False)
class Saturated:
    """The eta at which each count is most likely, and the variance of the count there.

    At an edge of what is possible eta is infinite and the variance 0; the supremum of the
    log-likelihood, without its constant, is finite there too.
    """

    eta: Floats
    variance: Floats
    height: float


class Family(Protocol):
    """A cumulant function with its first two derivatives, for the counts of k studies."""

    def repeated(self, times: int) -> Family:
        """Give the family of the same studies several times, one set below the other."""
        ...

    def moments(self, eta: Floats) -> tuple[Floats, Floats]:
        """Give mean and variance of the counts, for eta of shape (k, J) or (k, nodes, J)."""
        ...

    def cumulant(self, eta: Floats) -> tuple[Floats, Floats, Floats]:
        """Give K, the mean and the variance, for eta of shape (k, J) or (k, nodes, J)."""
        ...

    def constant(self, counts: Floats) -> float:
        """Give the part of the log-likelihood that depends on no parameter."""
        ...

    def saturated(self, counts: Floats) -> Saturated:
        """Give every count its own eta."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Binomial:
    """Events among n patients in each arm, eta the logit of the probability; n of shape (k, J)."""

    n: Floats

    def repeated(self, times: int) -> Binomial:
        """See :meth:`Family.repeated`."""
        return Binomial(np.tile(self.n, (times, 1)))

    def moments(self, eta: Floats) -> tuple[Floats, Floats]:
        """See :meth:`Family.moments`."""
        share, n = expit(eta), self._like(eta)
        mean = n * share
        return mean, mean * (1 - share)

    def cumulant(self, eta: Floats) -> tuple[Floats, Floats, Floats]:
        """See :meth:`Family.cumulant`."""
        mean, variance = self.moments(eta)
        return -self._like(eta) * log_expit(-eta), mean, variance

    def constant(self, counts: Floats) -> float:
        """See :meth:`Family.constant`."""
        n = self.n
        return float(np.sum(gammaln(n + 1) - gammaln(counts + 1) - gammaln(n - counts + 1)))

    def saturated(self, counts: Floats) -> Saturated:
        """See :meth:`Family.saturated`."""
        share = counts / self.n
        height = xlogy(counts, share) + xlogy(self.n - counts, 1 - share)
        return Saturated(logit(share), counts * (1 - share), float(height.sum()))

    def _like(self, eta: Floats) -> Floats:
        return self.n if eta.ndim == 2 else self.n[:, None, :]


@dataclass(frozen=True, slots=True, eq=False)
class Poisson:
    """Events in a time at risk, eta the logarithm of their expected number."""

    def repeated(self, times: int) -> Poisson:  # noqa: ARG002
        """See :meth:`Family.repeated`."""
        return self

    def moments(self, eta: Floats) -> tuple[Floats, Floats]:
        """See :meth:`Family.moments`."""
        mean = _expected(eta)
        return mean, mean

    def cumulant(self, eta: Floats) -> tuple[Floats, Floats, Floats]:
        """See :meth:`Family.cumulant`."""
        mean = _expected(eta)
        return mean, mean, mean

    def constant(self, counts: Floats) -> float:
        """See :meth:`Family.constant`."""
        return -float(np.sum(gammaln(counts + 1)))

    def saturated(self, counts: Floats) -> Saturated:
        """See :meth:`Family.saturated`."""
        with np.errstate(divide="ignore"):
            eta = np.log(counts)
        return Saturated(eta, counts, float(np.sum(xlogy(counts, counts) - counts)))


@dataclass(frozen=True, slots=True, eq=False)
class Hypergeometric:
    """Events in the first of two arms given the total of events, eta the log odds ratio.

    Parameters
    ----------
    possible
        For each study the counts its margins allow, in ascending order.
    log_ways
        For each study the logarithm of the number of tables with each of those counts.
    """

    possible: tuple[Floats, ...]
    log_ways: tuple[Floats, ...]

    @classmethod
    def of_tables(cls, n1: Floats, n2: Floats, total: Floats) -> Hypergeometric:
        """Give the family of tables with n1 and n2 patients and a total of events each."""
        possible, ways = [], []
        for first, second, events in zip(n1, n2, total, strict=True):
            counts = np.arange(max(0.0, events - second), min(first, events) + 1)
            possible.append(counts)
            ways.append(_log_choose(first, counts) + _log_choose(second, events - counts))
        return cls(tuple(possible), tuple(ways))

    def repeated(self, times: int) -> Hypergeometric:  # noqa: ARG002
        """See :meth:`Family.repeated`; rows are dealt out to the studies in turn."""
        return self

    def moments(self, eta: Floats) -> tuple[Floats, Floats]:
        """See :meth:`Family.moments`."""
        return self.cumulant(eta)[1:]

    def cumulant(self, eta: Floats) -> tuple[Floats, Floats, Floats]:
        """See :meth:`Family.cumulant`."""
        found = np.empty((3, *eta.shape))
        k = len(self.possible)
        for i, (counts, ways) in enumerate(zip(self.possible, self.log_ways, strict=True)):
            found[:, i::k] = _sums_over(counts, ways, eta[i::k])
        return found[0], found[1], found[2]

    def constant(self, counts: Floats) -> float:
        """See :meth:`Family.constant`."""
        first = zip(counts[:, 0], self.possible, self.log_ways, strict=True)
        return float(sum(ways[int(x - possible[0])] for x, possible, ways in first))

    def saturated(self, counts: Floats) -> Saturated:
        """See :meth:`Family.saturated`."""
        found = np.array(
            [
                _most_likely(x, possible, ways)
                for x, possible, ways in zip(
                    counts[:, 0], self.possible, self.log_ways, strict=True
                )
            ]
        )
        return Saturated(found[:, :1], found[:, 1:2], float(found[:, 2].sum()))


def _expected(eta: Floats) -> Floats:
    # nodes far out, which weigh nothing, must not give infinity, which times nothing has no value
    return np.asarray(np.exp(np.minimum(eta, 300.0)))


def _most_likely(x: float, possible: Floats, ways: Floats) -> tuple[float, float, float]:
    # eta, variance of the count, and height; the mean rises with eta, so that Newton's method on
    # its logit between the edges needs no bracket but a limit to its steps
    first, last = possible[0], possible[-1]
    if x in (first, last):
        edge = 0.0 if first == last else np.inf * (1 if x == last else -1)
        return edge, 0.0, -float(ways[int(x - first)])
    eta = np.zeros(1)
    for _ in range(200):
        cumulant, mean, variance = _sums_over(possible, ways, eta)
        step = float((x - mean[0]) / variance[0])
        if abs(step) < 1e-13 * max(1.0, abs(eta[0])):
            break
        eta = eta + max(-2.0, min(2.0, step))
    return float(eta[0]), float(variance[0]), float(x * eta[0] - cumulant[0])


def _log_choose(n: float, counts: Floats) -> Floats:
    return np.asarray(gammaln(n + 1) - gammaln(counts + 1) - gammaln(n - counts + 1))


def _sums_over(counts: Floats, ways: Floats, eta: Floats) -> Sequence[Floats]:
    # counts are measured from their middle, so that a steep exponential keeps its digits
    middle = counts[counts.size // 2]
    away = counts - middle
    exponent = eta[..., None] * away + ways
    top = exponent.max(axis=-1)
    weights = np.exp(exponent - top[..., None])
    total = weights.sum(axis=-1)
    mean = weights @ away / total
    variance = np.maximum(weights @ away**2 / total - mean**2, 0)
    return top + np.log(total) + middle * eta, middle + mean, variance
