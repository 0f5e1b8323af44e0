"""The effects a plan may ask for: what each needs of a study, how it is put on a scale, and back.

:data:`MEASURES` is the readable list; the keys are the words ``effect`` may say in review.toml.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from secondlook.question import Analysis
from secondlook.synthesis.back_transform import inverse
from secondlook.synthesis.effects import (
    Effects,
    implied_log_hazard_ratio,
    log_hazard_ratio,
    survival_difference,
    survival_proportion,
)
from secondlook.synthesis.selection import Candidate

__all__ = ["MEASURES", "Interval", "Measure", "Measured"]

_MIXTURE = (
    "Where a cohort's survival is printed only for its parts, the patient-weighted mean of the "
    "parts stands for it; when nobody is censored before that time only their rounding is left. "
    "Its variance is that of one binomial proportion, which is never smaller than that of the "
    "parts taken as fixed."
)

_ESTIMATED = (
    "Numbers the document says it estimated itself are taken as if they had been printed: the "
    "error of reading them is not in the variance."
)
_MIXED = "Adjusted and unadjusted ratios are pooled together; they answer different questions."


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its interval on the scale a reader thinks in (percent, ratio, months)."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Effects of the usable studies and the way back to the reader's scale.

    Attributes
    ----------
    effects
        The usable studies' effects and sampling variances.
    assumptions
        What had to be supposed.
    factor
        From proportions to percents (100), or 1.
    warnings
        Rows to read with care.
    """

    effects: Effects
    assumptions: tuple[str, ...]
    factor: float
    warnings: tuple[str, ...] = ()

    def show(self, value: float, among: Sequence[int] | None = None) -> float:
        """Bring a value that was pooled among these studies (all of them) to the reader's scale."""
        sizes = self.effects.sample_sizes
        if sizes is not None and among is not None:
            sizes = sizes[list(among)]
        return self.factor * float(inverse(self.effects.measure, sample_sizes=sizes)(value))

    def interval(
        self, estimate: float, ends: Iterable[float], among: Sequence[int] | None = None
    ) -> Interval:
        """Bring an estimate and its limits to the reader's scale, the lower limit first."""
        # a higher complementary log-log is a lower survival, so the ends may change places
        low, high = sorted(self.show(end, among) for end in ends)
        return Interval(self.show(estimate, among), low, high)


@dataclass(frozen=True, slots=True)
class Measure:
    """One effect: its unit and value of no difference for the reader, and its two functions.

    Attributes
    ----------
    unit, null
        As the reader sees it; `null` is None where nothing is compared.
    screen
        Gives a candidate back with a reason when this effect cannot be had from it.
    measure
        The effects of the candidates without a reason; None for what is shown and never pooled.
    """

    unit: str
    null: float | None
    screen: Callable[[Candidate, Analysis], Candidate]
    measure: Callable[[Sequence[Candidate], Analysis], Measured] | None


def _proportions(usable: Sequence[Candidate], index: int) -> tuple[list[float], list[float]]:
    arms = [candidate.arms[index] for candidate in usable]
    survival = [arm.value / 100 for arm in arms if arm.value is not None]
    return survival, [arm.n for arm in arms if arm.n is not None]


def _labels(usable: Sequence[Candidate]) -> list[str]:
    labels = [candidate.study.label or candidate.study.key for candidate in usable]
    if len(set(labels)) == len(labels):
        return labels
    # keys are unique, labels need not be, and one may even look like another with its key
    return [f"{label} ({c.study.key})" for label, c in zip(labels, usable, strict=True)]


def _assumptions(given: Effects, usable: Sequence[Candidate]) -> tuple[str, ...]:
    arms = [arm for candidate in usable for arm in candidate.arms]
    further = [
        sentence
        for sentence, holds in (
            (_MIXTURE, any(arm.derived for arm in arms)),
            (_ESTIMATED, any(arm.from_figure for arm in arms)),
        )
        if holds
    ]
    return (*given.assumptions, *further)


def _open_percent(candidate: Candidate, analysis: Analysis) -> Candidate:
    """0 and 100 % have no finite logit, cloglog or implied hazard ratio."""
    bounded = analysis.effect == "survival_difference" or (
        analysis.effect == "survival" and analysis.transform == "freeman-tukey"
    )
    for arm in candidate.arms:
        if candidate.reason or arm.value is None or arm.n is None:
            continue
        if not 0 <= arm.value <= 100:
            return replace(candidate, reason=f"{arm.printed} is not a percent from 0 to 100")
        if arm.n <= 0:
            return replace(candidate, reason=f"{arm.n:g} patients")
        if arm.value in (0, 100) and not bounded:
            scale = analysis.transform if analysis.effect == "survival" else "log hazard"
            return replace(candidate, reason=f"{arm.value:g} % has no finite {scale}")
        if arm.value in (0, 100) and analysis.effect == "survival_difference":
            others = [other.value for other in candidate.arms]
            if all(value in (0, 100) for value in others):
                return replace(candidate, reason="0 % or 100 % in both arms has no variance")
    return candidate


def _with_interval(candidate: Candidate, _analysis: Analysis) -> Candidate:
    if candidate.reason:
        return candidate
    finding = candidate.arms[0].findings[0]
    ends = (finding.value, finding.low, finding.high)
    if finding.level.is_number and not 50 <= float(finding.level) < 100:
        return replace(candidate, reason=f"{finding.level} is not the level of an interval")
    if not (finding.low.is_number and finding.high.is_number):
        return replace(candidate, reason="no interval printed")
    if any(float(end) <= 0 for end in ends):
        return replace(candidate, reason="a ratio or limit that is not positive")
    value, low, high = (float(end) for end in ends)
    if not low <= value <= high or low == high:
        return replace(candidate, reason=f"{value:g} does not lie between {low:g} and {high:g}")
    return candidate


def _as_it_is(candidate: Candidate, _analysis: Analysis) -> Candidate:
    return candidate


def _survival(usable: Sequence[Candidate], analysis: Analysis) -> Measured:
    arm = _proportions(usable, 0)
    given = survival_proportion(*arm, scale=analysis.transform, names=_labels(usable))
    return Measured(given, _assumptions(given, usable), 100)


def _difference(usable: Sequence[Candidate], _analysis: Analysis) -> Measured:
    arms = (*_proportions(usable, 0), *_proportions(usable, 1))
    given = survival_difference(*arms, names=_labels(usable))
    return Measured(given, _assumptions(given, usable), 100)


def _implied_ratio(usable: Sequence[Candidate], _analysis: Analysis) -> Measured:
    arms = (*_proportions(usable, 0), *_proportions(usable, 1))
    given = implied_log_hazard_ratio(*arms, names=_labels(usable))
    return Measured(given, _assumptions(given, usable), 1)


def _printed_ratio(usable: Sequence[Candidate], _analysis: Analysis) -> Measured:
    findings = [candidate.arms[0].findings[0] for candidate in usable]
    levels = [float(f.level) if f.level.is_number else 95.0 for f in findings]
    given = log_hazard_ratio(
        [float(finding.value) for finding in findings],
        [float(finding.low) for finding in findings],
        [float(finding.high) for finding in findings],
        level=levels,
        names=_labels(usable),
    )
    unstated = not all(finding.level.is_number for finding in findings)
    supposed = ("An interval printed without its level is taken as a 95 % interval.",)
    adjusted = {bool(finding.adjusted) for finding in findings}
    further = (supposed if unstated else ()) + ((_MIXED,) if len(adjusted) > 1 else ())
    return Measured(given, given.assumptions + further, 1, _lopsided(given))


def _lopsided(given: Effects) -> tuple[str, ...]:
    """Name the intervals that are far from symmetric on the log scale.

    Profile-likelihood limits of small studies reach a ratio of half-widths of about one half;
    beyond twofold either way the interval was made otherwise, or a number is misprinted.
    """
    halves = [] if given.asymmetry is None else given.asymmetry.tolist()
    return tuple(
        f"the interval of {name} is far from symmetric on the log scale (half-widths {half:.2g} "
        "to 1); its variance cannot be trusted"
        for name, half in zip(given.names, halves, strict=False)
        if not 0.5 <= half <= 2
    )


MEASURES: dict[str, Measure] = {
    "survival": Measure("%", None, _open_percent, _survival),
    "survival_difference": Measure("percentage points", 0.0, _open_percent, _difference),
    "hazard_ratio_from_survival": Measure("hazard ratio", 1.0, _open_percent, _implied_ratio),
    "hazard_ratio": Measure("hazard ratio", 1.0, _with_interval, _printed_ratio),
    "median": Measure("months", None, _as_it_is, None),
}
"""Every effect by the name a plan gives it."""
