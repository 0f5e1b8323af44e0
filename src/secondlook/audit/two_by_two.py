"""Two groups and a yes or no: what four counts allow the P value and the odds ratio beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, exp, floor, inf, log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, logsumexp, ndtr

from secondlook.audit.arithmetic import Range, smallest_p
from secondlook.audit.block import Block, Item
from secondlook.audit.intervals import most_patients
from secondlook.audit.ratio_limits import FLOAT, cells_of, deviate, with_interval
from secondlook.audit.rule import Class, Rule, fired, not_evaluated, passed
from secondlook.audit.verdict import Cell, Severity, Verdict
from secondlook.evidence import ENTIRE

__all__ = ["RULES"]

_FAMILY = "intervals and P values"
_MOST_COUNTED = 10**5
"""Patients above which exact limits take too long, and are those of every other method."""


def _share(block: Block, item: Item) -> tuple[float, float, tuple[Cell, Fraction] | None] | None:
    """The smallest and largest share a percent or count can be, and the cohort's size."""
    own, percent = item.finding.n, item.finding.statistic == "percent"
    size = most_patients(block, item.finding.cohort)
    if own.is_number and own.relation == "=" and (own.value or 0) > 0:
        size = item.cell("n"), Fraction(own.value or 1)
    within = Range.of(item.value).times(Fraction(1, 100)) if percent else Range.count(item.value)
    if within.low is None or within.high is None or not (percent or size):
        return None
    low, high = max(within.low, Fraction(0)), within.high
    if size is not None:
        n = size[1]
        low, high = ceil(low * n if percent else low) / n, floor(high * n if percent else high) / n
    return (float(low), min(float(high), 1.0), size) if low <= high and low <= 1 else None


def _compared(block: Block) -> Iterator[tuple[Item, Cell, list[Item]]]:
    """Every P value of two cohorts with percents or counts or alone, and the pair it compares."""
    for item in block.items:
        finding = item.finding
        alone = finding.statistic == "p_value"
        if not finding.comparator or not (alone or finding.statistic in ("percent", "count")):
            continue
        if not (item.value if alone else finding.p).is_number or finding.endpoint == "patients":
            continue
        pair: list[Item] = []
        for statistic in ("percent", "count") if alone else (finding.statistic,):
            for cohort in (finding.cohort, finding.comparator) if len(pair) < 2 else ():
                printed = block.numbers(cohort, finding.endpoint, statistic)
                pair += [i for i in printed if i.finding.source.is_beside(finding.source)][:1]
        yield item, item.cell("value" if alone else "p"), pair


def _p_attainable(block: Block) -> Iterator[Verdict]:
    rule = "p-attainable"
    for item, p, pair in _compared(block):
        cells = [p, *(other.cell() for other in pair)]
        if len(pair) != 2 or item.finding.adjusted:
            lacking = "an unadjusted comparison" if len(pair) == 2 else "both percents or counts"
            yield not_evaluated(rule, lacking, cells)
            continue
        shares = [_share(block, other) for other in pair]
        sizes = [share[2] for share in shares if share is not None and share[2] is not None]
        entire, both = most_patients(block, ENTIRE), len(sizes) == 2
        if shares[0] is None or shares[1] is None or not (both or entire):
            yield not_evaluated(rule, "sizes of the cohorts and shares of them", cells)
            continue
        used = sizes if both or entire is None else [entire]
        cells += [size[0] for size in used]
        n, total = [float(size[1]) for size in sizes if both], float(used[0][1])
        least = smallest_p(shares[0][:2], shares[1][:2], n, total)
        high = Range.of(p.reported).high
        computed = f"the smallest attainable P is {least:.2g}"
        if high is not None and float(high) < least * FLOAT:
            shown = " and ".join(i.value.printed for i in pair)
            message = f"{shown} cannot give P {p.printed} here, but at least {least:.2g}"
            yield fired(rule, cells, message, computed, Severity.SUSPECT)
        else:
            yield passed(rule, cells, computed)


@dataclass(frozen=True)
class _Fourfold:
    """Two groups: how many of how many had it."""

    a: int
    n: int
    c: int
    m: int

    @cached_property
    def log_ratio(self) -> float:
        """Logarithm of the odds ratio of the sample."""
        return log(self.a * (self.m - self.c) / (self.c * (self.n - self.a)))

    @cached_property
    def _error(self) -> float:
        return sqrt(sum(1 / x for x in (self.a, self.n - self.a, self.c, self.m - self.c)))

    @cached_property
    def _ways(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        k = self.a + self.c
        x = np.arange(max(0, k - self.m), min(k, self.n) + 1, dtype=np.float64)
        parts = (self.n, x), (self.m, k - x)
        logs = sum(gammaln(s + 1) - gammaln(y + 1) - gammaln(s - y + 1) for s, y in parts)
        return x, np.asarray(logs)

    def weights(self, log_ratio: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Every number the first group can have with these margins, and its probability."""
        x, logs = self._ways
        logs = logs + log_ratio * x
        return x, np.exp(logs - logsumexp(logs))

    def _shares(self, log_ratio: float) -> tuple[float, float]:
        """The likeliest shares of the two groups that have an odds ratio."""
        excess, k = exp(log_ratio) - 1, self.a + self.c
        turn = self.n * (excess + 1) + self.m - k * excess
        root = sqrt(turn * turn + 4 * self.m * excess * k)
        # of two ways to write the root of a quadratic, the one that loses no digits
        second = 2 * k / (turn + root) if turn > 0 else (root - turn) / (2 * self.m * excess)
        first = (k - self.m * second) / self.n
        return min(max(first, 1e-300), 1 - 1e-16), min(max(second, 1e-300), 1 - 1e-16)

    def _height(self, p: float, q: float) -> float:
        a, b, c, d = self.a, self.n - self.a, self.c, self.m - self.c
        return a * log(p) + b * log(1 - p) + c * log(q) + d * log(1 - q)

    def tails(self, method: str, log_ratio: float) -> tuple[float, float]:
        """By a method, how probable as many as there are, or more, are; and as many or fewer."""
        if method in ("exact", "mid-P"):
            x, weights = self.weights(log_ratio)
            own = float(weights[x == self.a].sum()) * (0.5 if method == "mid-P" else 0.0)
            more, fewer = weights[x >= self.a].sum(), weights[x <= self.a].sum()
            return float(more) - own, float(fewer) - own
        if method == "Woolf":
            z = (log_ratio - self.log_ratio) / self._error
        else:
            p, q = self._shares(log_ratio)
            if method == "score":
                z = self.n * p - self.a
                z *= sqrt(1 / (self.n * p * (1 - p)) + 1 / (self.m * q * (1 - q)))
            else:
                best = self._height(self.a / self.n, self.c / self.m)
                z = sqrt(max(0.0, 2 * (best - self._height(p, q))))
                z = z if log_ratio > self.log_ratio else -z
        return float(ndtr(z)), float(ndtr(-z))


_METHODS = ("Woolf", "profile", "score", "exact", "mid-P")


def _four_counts(block: Block, item: Item) -> tuple[_Fourfold, list[Cell]] | None:
    """The counts of both cohorts of an odds ratio, where both are printed exactly."""
    finding = item.finding
    found: list[tuple[int, int]] = []
    cells: list[Cell] = []
    for cohort in (finding.cohort, finding.comparator):
        own = _count(block, cohort, item)
        if own is None:
            return None
        found.append((own[0], own[1]))
        cells += own[2]
    (a, n), (c, m) = found
    whole = 0 < a < n and 0 < c < m and n + m <= _MOST_COUNTED
    return (_Fourfold(a, n, c, m), cells) if whole else None


def _count(block: Block, cohort: str, near: Item) -> tuple[int, int, list[Cell]] | None:
    for statistic, top in (("percent", "events"), ("count", "value")):
        for other in block.numbers(cohort, near.finding.endpoint, statistic):
            finding = other.finding
            own = finding.n.is_number
            size = None if own else block.size(cohort, other)
            base = other.cell("n") if own else (size.cell() if size is not None else None)
            if getattr(finding, top).is_number and base is not None:
                ends = [Range.count(cell.reported) for cell in (other.cell(top), base)]
                whole = [e.low for e in ends if e.low == e.high and e.low and e.low % 1 == 0]
                if len(whole) == 2:
                    return int(whole[0]), int(whole[1]), [other.cell(top), base]
    return None


def _odds_ratio_of_counts(block: Block) -> Iterator[Verdict]:
    rule = "odds-ratio-of-counts"
    for item in (i for i in block.items if i.finding.statistic == "odds_ratio"):
        counts = _four_counts(block, item)
        within = Range.of(item.value).logarithms() if item.value.is_number else None
        if counts is None or within is None or item.finding.adjusted:
            lacking = "an unadjusted odds ratio" if counts else "the counts of both cohorts"
            yield not_evaluated(rule, lacking, cells_of(item))
            continue
        table, beside = counts
        computed = f"{table.a} of {table.n} and {table.c} of {table.m}: odds ratio "
        computed += f"{exp(table.log_ratio):.3g}"
        cells = [*cells_of(item, "level"), *beside]
        wrong = "" if _is_estimate(table, within) else f"no odds ratio of {item.value}"
        if not wrong and not any(_are_limits(table, item, method) for method in _METHODS):
            wrong = f"no limits of {with_interval(item)}, by any usual method"
        if not wrong:
            yield passed(rule, cells, computed)
            continue
        message = f"{table.a} of {table.n} and {table.c} of {table.m} have {wrong}"
        known = item.finding.adjusted is False
        yield fired(rule, cells, message, computed, Severity.SUSPECT if known else Severity.INFO)


def _is_estimate(table: _Fourfold, within: tuple[float, float]) -> bool:
    """Tell whether it is the ratio of the sample, or the likeliest given the margins."""
    slack = (1 / FLOAT - 1) * (1 + abs(table.log_ratio))
    if within[0] - slack <= table.log_ratio <= within[1] + slack:
        return True
    means = [inf * end if abs(end) == inf else _mean(table, end) for end in within]
    return means[0] * FLOAT <= table.a <= means[1] / FLOAT


def _mean(table: _Fourfold, log_ratio: float) -> float:
    x, weights = table.weights(log_ratio)
    return float((x * weights).sum())


def _are_limits(table: _Fourfold, item: Item, method: str) -> bool:
    """Tell whether the printed limits may be a method's, both of them."""
    z = deviate(item.finding.level)
    if z is None:
        return True
    tail = float(ndtr(-z))
    for limit, side in ((item.finding.low, 0), (item.finding.high, 1)):
        ends = Range.of(limit).logarithms() if limit.is_number else (-inf, inf)
        if ends is None:
            return False
        # the tail rises with the ratio on one side, and falls on the other
        low, high = (_tail(table, method, end, side) for end in (ends if side == 0 else ends[::-1]))
        if not low * (1 - 1e-9) <= tail <= high * (1 + 1e-9):
            return False
    return True


def _tail(table: _Fourfold, method: str, log_ratio: float, side: int) -> float:
    if abs(log_ratio) > 50:  # beyond any ratio of so many patients
        return float((log_ratio > 0) is (side == 0))
    return table.tails(method, log_ratio)[side]


RULES = (
    Rule(
        "p-attainable",
        _FAMILY,
        "Some counts behind two percents give a P value as small as the printed one.",
        Class.CONDITIONAL,
        Severity.SUSPECT,
        "P, the percents or counts of two cohorts, and their sizes or that of the whole study",
        "a Pearson, Yates or Fisher test of exactly these two shares",
        "Fisher, J R Stat Soc 1935;98:39-82",
        study=_p_attainable,
    ),
    Rule(
        "odds-ratio-of-counts",
        _FAMILY,
        "An odds ratio and its limits are those of the counts it is of.",
        Class.CONDITIONAL,
        Severity.SUSPECT,
        "an odds ratio, and how many of how many in both cohorts",
        "crude (an info where that is not said); limits by Woolf, profile likelihood, score, "
        "Fisher's exact or mid-P",
        "Woolf, Ann Hum Genet 1955;19:251-253; Fisher, J R Stat Soc 1935;98:39-82",
        study=_odds_ratio_of_counts,
    ),
)
