"""Ratios of two groups of simulated patients, by the methods papers use, with limits and P values.

Hazard ratios by Cox (Breslow's and Efron's ties; Wald's or profile-likelihood limits) and Peto,
odds ratios by Woolf, by profile likelihood, and by Fisher's exact limits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, sqrt
from math import log as ln

import numpy as np
from scipy.special import chdtrc, gammaln, logsumexp, ndtri
from validation.audit.patients import Flags, Floats

__all__ = ["ODDS", "Ratio", "odds_ratio", "ratio", "two_by_two"]

ODDS = ("Woolf", "profile", "exact", "Fisher")
"""How an odds ratio gets its limits; Fisher's also estimates it given the margins."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A log ratio, its limits at 95 %, its standard error, its P value and the events behind it."""

    log: float
    low: float
    high: float
    error: float
    p: float
    events: int


@dataclass(frozen=True, eq=False)
class _Likelihood:
    """Cox's partial likelihood of one yes or no: the two groups at risk at every event."""

    treated: Floats
    others: Floats
    events: float

    def share(self, b: float) -> Floats:
        high = self.treated * np.exp(b)
        return np.asarray(high / (high + self.others), dtype=np.float64)

    def value(self, b: float) -> float:
        return float(b * self.events - np.log(self.treated * np.exp(b) + self.others).sum())

    def fit(self) -> tuple[float, float] | None:
        b = 0.0
        for _ in range(40):
            share = self.share(b)
            information = float((share * (1 - share)).sum())
            if information < 1e-6 or abs(b) > 6:
                return None
            step = (self.events - float(share.sum())) / information
            b += max(-1.0, min(1.0, step))
            if abs(step) < 1e-10:
                share = self.share(b)
                return b, float((share * (1 - share)).sum()) ** -0.5
        return None

    def limit(self, b: float, error: float, sign: int) -> float:
        """Where twice the logarithm of the likelihood has fallen by 3.84."""
        goal = self.value(b) - 0.5 * float(ndtri(0.975)) ** 2
        near, far = b, b + sign * 2 * error
        while self.value(far) > goal and abs(far) < 50:
            far += sign * 2 * error
        for _ in range(50):
            middle = (near + far) / 2
            near, far = (middle, far) if self.value(middle) > goal else (near, middle)
        return near


def ratio(
    time: Floats, event: Flags, treated: Flags, *, efron: bool, kind: str, test: str
) -> Ratio | None:
    """The hazard ratio of treated against others, by `kind`: Wald, profile or Peto."""
    times, deaths = np.unique(time[event], return_counts=True)
    if len(times) < 3:
        return None
    ours, theirs = (np.sort(time[group]) for group in (treated, ~treated))
    risk = len(ours) - np.searchsorted(ours, times, "left")
    others = len(theirs) - np.searchsorted(theirs, times, "left")
    mine = np.sort(time[event & treated])
    died = np.searchsorted(mine, times, "right") - np.searchsorted(mine, times, "left")
    place = np.repeat(np.arange(len(times)), deaths)
    part = np.arange(len(place)) - np.repeat(np.cumsum(deaths) - deaths, deaths)
    share = part / deaths[place] if efron else np.zeros(len(place))
    likelihood = _Likelihood(
        np.asarray(risk[place] - share * died[place], dtype=np.float64),
        np.asarray(others[place] - share * (deaths - died)[place], dtype=np.float64),
        float(died.sum()),
    )
    total = risk + others
    excess = float((died - deaths * risk / total).sum())
    spread = deaths * risk * others * (total - deaths) / (total**2 * np.maximum(total - 1, 1))
    variance, events, z = float(spread.sum()), int(deaths.sum()), float(ndtri(0.975))
    if variance <= 0.05:
        return None
    log_rank = float(chdtrc(1, excess**2 / variance))
    if kind == "Peto":
        b, error = excess / variance, variance**-0.5
        return Ratio(b, b - z * error, b + z * error, error, log_rank, events)
    fitted = likelihood.fit()
    if fitted is None:
        return None
    b, error = fitted
    statistics = {
        "Wald": (b / error) ** 2,
        "likelihood": max(0.0, 2 * (likelihood.value(b) - likelihood.value(0.0))),
    }
    p = float(chdtrc(1, statistics[test])) if test in statistics else log_rank
    low, high = b - z * error, b + z * error
    if kind == "profile":
        low, high = (likelihood.limit(b, error, sign) for sign in (-1, 1))
    return Ratio(b, low, high, error, p, events)


def odds_ratio(ours: Flags, theirs: Flags, kind: str) -> Ratio | None:
    """The odds ratio of a characteristic, by one of :data:`ODDS`; None with an empty cell."""
    a, c, n, m = int(ours.sum()), int(theirs.sum()), len(ours), len(theirs)
    b, d = n - a, m - c
    if min(a, b, c, d) == 0:
        return None
    log, error = float(np.log(a * d / (b * c))), (1 / a + 1 / b + 1 / c + 1 / d) ** 0.5
    half = float(ndtri(0.975)) * error
    wald = Ratio(log, log - half, log + half, error, float(chdtrc(1, (log / error) ** 2)), a + c)
    if kind == "profile":
        return _by_profile(a, c, n, m, wald)
    return wald if kind == "Woolf" else _given_margins(a, c, n, m, wald, kind)


def _where(falls: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that falls crosses nought."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if falls(middle) > 0 else (low, middle)
    return low


def _by_profile(a: int, c: int, n: int, m: int, wald: Ratio) -> Ratio:
    """Where the likelihood of two binomials, at its highest for the ratio, has fallen by 3.84."""

    def height(log: float) -> float:
        # the shares with this ratio that keep the total, which solve a quadratic
        excess, k = exp(log) - 1, a + c
        turn = n * (excess + 1) + m - k * excess
        q = 2 * k / (turn + sqrt(turn**2 + 4 * m * excess * k))
        p = (k - m * q) / n
        return a * ln(p) + (n - a) * ln(1 - p) + c * ln(q) + (m - c) * ln(1 - q)

    goal, far = height(wald.log) - 0.5 * float(ndtri(0.975)) ** 2, 4 * wald.error
    low = -_where(lambda x: height(-x) - goal, -wald.log, far - wald.log)
    high = _where(lambda x: height(x) - goal, wald.log, wald.log + far)
    p = float(chdtrc(1, max(0.0, 2 * (height(wald.log) - height(0.0)))))
    return Ratio(wald.log, low, high, wald.error, p, wald.events)


def _given_margins(a: int, c: int, n: int, m: int, wald: Ratio, kind: str) -> Ratio:
    """Fisher's limits, which leave a tail of 2.5 % each, and his two-sided P."""
    k = a + c
    x = np.arange(max(0, k - m), min(k, n) + 1)
    parts = (n, x), (m, k - x)
    ways = sum(gammaln(s + 1) - gammaln(y + 1) - gammaln(s - y + 1) for s, y in parts)

    def weights(log: float) -> Floats:
        logs = ways + log * x
        return np.asarray(np.exp(logs - logsumexp(logs)), dtype=np.float64)

    low = _where(lambda log: 0.025 - float(weights(log)[x >= a].sum()), -40, 40)
    high = _where(lambda log: float(weights(log)[x <= a].sum()) - 0.025, -40, 40)
    even = weights(0.0)
    p = float(min(1.0, even[even <= even[x == a][0] * (1 + 1e-7)].sum()))
    log = _where(lambda b: a - float((weights(b) * x).sum()), -40, 40)
    return Ratio(log if kind == "Fisher" else wald.log, low, high, wald.error, p, wald.events)


def two_by_two(ours: Flags, theirs: Flags, test: str) -> float | None:
    """P of a two-by-two table by Pearson, Yates or Fisher (two-sided)."""
    a, c, n, m = int(ours.sum()), int(theirs.sum()), len(ours), len(theirs)
    k, total = a + c, n + m
    if k in (0, total):
        return None
    if test == "Fisher":
        x = np.arange(max(0, k - m), min(k, n) + 1)
        parts = (n, x), (m, k - x)
        logs = sum(gammaln(s + 1) - gammaln(y + 1) - gammaln(s - y + 1) for s, y in parts)
        weights = np.exp(logs - np.max(logs))
        own = weights[x == a][0]
        return float(min(1.0, weights[weights <= own * (1 + 1e-7)].sum() / weights.sum()))
    apart = float(abs(a * (m - c) - c * (n - a)))
    apart = max(0.0, apart - total / 2) if test == "Yates" else apart
    return float(chdtrc(1, apart**2 * total / (n * m * k * (total - k))))
