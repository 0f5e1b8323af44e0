"""Limits of a ratio: how uneven their arms may be on the log scale, and by whose method.

Wald's limits are symmetric. Limits of a profile likelihood are not, but only so far: with one
covariate that is yes or no, the information I(b) in a partial likelihood changes by no more than
|d ln I/db| <= 1, since each event adds s(1 - s) to it and s(1 - s)(1 - 2s) to its slope, s being
the share of one group in the risk of that event. With ln I rising at a steady rate k the upper
arm of limits that are w apart is ln(kw/(1 - exp(-kw)))/k, so k = 1 and k = -1 bound it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, inf, isfinite, log, log1p

from scipy.special import ndtri

from secondlook.audit.arithmetic import Range
from secondlook.audit.block import Block, Item
from secondlook.audit.rule import Class, Rule, fired, not_evaluated, passed
from secondlook.audit.verdict import Cell, Severity, Verdict
from secondlook.evidence import Reported

__all__ = [
    "FLOAT",
    "RATIOS",
    "RULES",
    "Contrast",
    "cells_of",
    "contrast",
    "deviate",
    "ratios",
    "with_interval",
    "worst",
]

FLOAT = 1 - 1e-12
"""What rounding of logarithms may have added is taken off again."""

RATIOS = ("hazard_ratio", "odds_ratio", "risk_ratio")
"""Statistics that compare two cohorts and are looked at on the log scale."""

# (ln u - ln h) / (ln h - ln l) of limits of several methods, as measured by number of patients; a
# ratio the other way round has the reciprocal, so a range is from x to 1/x. Events are never more
# than patients, so a bound on the events may stand in for them.
_MEASURED = ((224, 0.90), (80, 0.78), (30, 0.56))
# k of 3000 profile likelihoods of simulated series lay so far from 1 - 2s with s at time zero,
# which the sizes of the groups give: 99 of 100 did
_STRAYS = (-0.45, 0.35)


@dataclass(frozen=True, slots=True)
class Contrast:
    """A ratio and its limits: ranges of their logarithms, and the normal deviate of the level."""

    ratio: tuple[float, float]
    low: tuple[float, float]
    high: tuple[float, float]
    z: float

    def errors(self) -> tuple[float, float]:
        """The smallest and the largest standard error."""
        least = max(0.0, self.high[0] - self.low[1])
        return least / (2 * self.z), (self.high[1] - self.low[0]) / (2 * self.z)

    def asymmetry(self) -> tuple[float, float]:
        """The upper over the lower arm, at its smallest and its largest."""
        upper, lower = max(0.0, self.high[0] - self.ratio[1]), self.ratio[1] - self.low[0]
        least = upper / lower if lower > 0 else 0.0
        upper, lower = self.high[1] - self.ratio[0], self.ratio[0] - self.low[1]
        return least, upper / lower if lower > 0 else inf

    def is_uneven(self) -> bool:
        """Tell whether the arms differ whatever the rounding was."""
        least, most = self.asymmetry()
        return least * FLOAT > 1 or most < FLOAT

    def can_tell(self) -> bool:
        """Tell whether rounding leaves less open than the most uneven likelihood would show."""
        (least, most), width = self.asymmetry(), self.high[0] - self.low[1]
        if width <= 0 or least <= 0 or most == inf:
            return False
        shorter = upper_arm(width, 1)
        return log(most / least) < log((width - shorter) / shorter)

    def fits(self, least: float, most: float) -> bool:
        """Tell whether ln I may rise at a steady rate between these two."""
        # the arm grows with the width and by less than it: these corners leave most room
        wide, narrow = self.high[1] - self.low[1], self.high[0] - self.low[0]
        above = self.high[1] - self.ratio[0] >= upper_arm(wide, most) * FLOAT
        below = not isfinite(narrow) or (
            (self.high[0] - self.ratio[1]) * FLOAT <= upper_arm(narrow, least)
        )
        return above and below


def upper_arm(width: float, rate: float) -> float:
    """Give the upper arm of limits of a likelihood whose ln I rises at a steady rate."""
    half = abs(width * rate) / 2
    if width <= 0 or half < 1e-5:
        return max(width, 0.0) / 2
    return width / 2 + (log(2 * half) - half - log1p(-exp(-2 * half))) / rate


def deviate(level: Reported) -> float | None:
    """Give z of a printed confidence level; of 95 where none is, None for an impossible one."""
    percent = float(level) if level.is_number else 95.0
    z = float(ndtri(0.5 + percent / 200)) if 0 < percent < 100 else inf
    return z if z > 0 and isfinite(z) else None


def contrast(item: Item) -> Contrast | str:
    """A ratio with its interval, or what is missing."""
    finding = item.finding
    if not item.value.is_number:
        return "the estimate"
    if not (finding.low.is_number and finding.high.is_number):
        return "both limits of the interval"
    printed = (item.value, finding.low, finding.high)
    ratio, low, high = (Range.of(number).logarithms() for number in printed)
    if ratio is None or low is None or high is None:
        return "a ratio and limits above zero"
    if low[0] > min(ratio[1], high[1]) or ratio[0] > high[1]:
        return "limits on either side of the estimate"
    z = deviate(finding.level)
    return "a confidence level between 0 and 100" if z is None else Contrast(ratio, low, high, z)


def worst(item: Item) -> Severity:
    """How much may be said of an interval; less when its level, or its rounding, is a guess."""
    sure = item.finding.level.is_number and not item.finding.from_figure
    return Severity.ERROR if sure else Severity.SUSPECT


def cells_of(item: Item, *fields: str) -> list[Cell]:
    """An estimate, its limits, and these fields, as far as they are printed."""
    given = [f for f in ("value", "low", "high", *fields) if getattr(item.finding, f).printed]
    return [item.cell(field) for field in given]


def with_interval(item: Item) -> str:
    """An estimate with its limits, as printed."""
    return f"{item.value} ({item.finding.low} to {item.finding.high})"


def ratios(block: Block) -> Iterator[Item]:
    """Every ratio of two cohorts."""
    return (item for item in block.items if item.finding.statistic in RATIOS)


def _log_symmetry(block: Block) -> Iterator[Verdict]:
    rule = "log-symmetry"
    for item in ratios(block):
        found = contrast(item)
        if isinstance(found, str):
            yield not_evaluated(rule, found, cells_of(item))
            continue
        least, most = found.asymmetry()
        computed = f"upper over lower arm, logs: {least:.2f} to {most:.2f}"
        cells = cells_of(item, "level")
        if not found.is_uneven():
            yield passed(rule, cells, computed)
            continue
        why, severity = _beyond(item, found) or _against(block, item, found)
        yield fired(rule, cells, f"{with_interval(item)} {why}", computed, severity)


def _beyond(item: Item, found: Contrast) -> tuple[str, Severity] | None:
    """What is said of limits more uneven than any that were measured."""
    least, most = found.asymmetry()
    largest = found.errors()[1]
    events = 4 / largest**2 if largest > 0 else inf
    measured, allowed = next((row for row in _MEASURED if events >= row[0]), (0, 0.56))
    if least * FLOAT <= 1 / allowed and most >= allowed * FLOAT:
        return None
    known = measured > 0 and item.finding.statistic == "hazard_ratio"
    why = f"has an upper arm on the log scale of {least:.2f} to {most:.2f} of the lower,"
    why += f" not {allowed:.2f} to {1 / allowed:.2f}"
    return why, worst(item) if known else Severity.SUSPECT


def _against(block: Block, item: Item, found: Contrast) -> tuple[str, Severity]:
    """What is said of uneven limits by a likelihood, by the groups, by the rest of the paper."""
    statistic = item.finding.statistic
    uneven = "is not symmetric on the log scale"
    if statistic != "risk_ratio" and not found.fits(-1, 1):
        return f"{uneven}, and more uneven than a likelihood of two groups is", Severity.SUSPECT
    rate = _rate(block, item) if statistic == "hazard_ratio" else None
    if rate is not None and not found.fits(
        max(-1.0, rate + _STRAYS[0]), min(1.0, rate + _STRAYS[1])
    ):
        why = f"{uneven}: no Wald's limits, nor a profile likelihood's of groups of such sizes"
        return why, Severity.SUSPECT
    others = [other for other in map(contrast, _others(block, item)) if isinstance(other, Contrast)]
    even = [other for other in others if other.can_tell()]
    if even and not any(other.is_uneven() for other in others):
        name = f"{statistic.replace('_', ' ')}{'s' * (len(even) > 1)}"
        are = "are" if len(even) > 1 else "is"
        why = f"{uneven}; {len(even)} other {name} of this study can tell, and {are} symmetric"
        return why, Severity.SUSPECT
    return f"{uneven}: not Wald's limits", Severity.INFO


def _rate(block: Block, item: Item) -> float | None:
    """1 - 2s at time zero, of a crude ratio of two groups whose sizes are printed."""
    finding = item.finding
    sizes = [block.size(name, item) for name in (finding.cohort, finding.comparator)]
    ours, theirs = (0.0 if size is None else float(size.value) for size in sizes)
    ratio = float(item.value)
    if finding.adjusted is not False or min(ours, theirs, ratio) <= 0:
        return None
    return 1 - 2 / (1 + theirs / (ours * ratio))


def _others(block: Block, item: Item) -> Iterator[Item]:
    """Other quantities of this kind in the same document: other analyses of one paper."""
    mine = item.finding
    for other in ratios(block):
        finding = other.finding
        same = (finding.cohort, finding.comparator, finding.endpoint) == (
            mine.cohort,
            mine.comparator,
            mine.endpoint,
        )
        alike = finding.statistic == mine.statistic
        if alike and not same and finding.source.document == mine.source.document:
            yield other


RULES = (
    Rule(
        "log-symmetry",
        "intervals and P values",
        "On the log scale a ratio lies in the middle of its interval.",
        Class.CONDITIONAL,
        Severity.ERROR,
        "a ratio and both its limits",
        "Wald, profile-likelihood or exact limits, a suspect unless a hazard ratio, level printed; "
        "no more uneven than a profile likelihood's it is an info, but a suspect where the sizes "
        "of the groups, or other ratios of the study that are symmetric, tell against those",
        "Venzon and Moolgavkar, Appl Stat 1988;37:87-94; ranges simulated for this rule",
        study=_log_symmetry,
    ),
)
