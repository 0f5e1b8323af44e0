"""Slips of the pen, each as a change of one clean simulated review.

A slip gives the findings it changes and what would undo it, or nothing where there is no place for
it. A slip that leaves a printed string as it was is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import cached_property

import numpy as np
from validation.audit.series import OTHERS, TREATED
from validation.audit.simulate import REVIEW, Review

from secondlook.evidence import ENTIRE, Finding, Reported

__all__ = ["SLIPS", "Case", "Undo", "slipped"]

Undo = dict[int, Finding]
"""What would stand in the place of every changed finding."""


@dataclass(frozen=True)
class Case:
    """One study of a review, where a slip is to be made."""

    review: Review
    study: str
    random: np.random.Generator

    @cached_property
    def found(self) -> list[tuple[int, Finding]]:
        """What tables print of the study."""
        everything = enumerate(self.review.evidence.findings)
        return [(i, f) for i, f in everything if f.study == self.study and f.source.column]

    def numbers(
        self, *statistics: str, field: str = "value", endpoint: str = "", months: int | None = None
    ) -> list[tuple[int, Finding]]:
        """Findings of these statistics that print a number."""
        return [
            (i, f)
            for i, f in self.found
            if f.statistic in statistics
            and getattr(f, field).is_number
            and endpoint in ("", f.endpoint)
            and months in (None, f.months)
        ]

    def pick(self, found: list[tuple[int, Finding]]) -> tuple[int, Finding] | None:
        """Take one by chance."""
        return found[int(self.random.integers(len(found)))] if found else None

    def one(self, cohort: str, endpoint: str, statistic: str, months: int | None = None) -> int:
        """Give the position of a number, or -1."""
        places = self.numbers(statistic, endpoint=endpoint, months=months)
        return next((i for i, f in places if f.cohort == cohort), -1)

    def at(self, index: int) -> Finding:
        """Give a finding by its position."""
        return self.review.evidence.findings[index]


Change = dict[tuple[int, str], str]
"""Finding and field, and what is printed there instead."""
Slip = Callable[[Case], Change]


def _digit(case: Case, text: str) -> str:
    places = [k for k, sign in enumerate(text) if sign.isdigit()]
    place = places[int(case.random.integers(len(places)))]
    leading = place == places[0] and text[place + 1 : place + 2].isdigit()
    wrong = [d for d in "0123456789" if d != text[place] and not (leading and d == "0")]
    return text[:place] + wrong[int(case.random.integers(len(wrong)))] + text[place + 1 :]


def _transposed(case: Case, text: str) -> str:
    pairs = [
        k
        for k in range(len(text) - 1)
        if text[k : k + 2].isdigit() and text[k] != text[k + 1] and (k or text[k + 1] != "0")
    ]
    if not pairs:
        return text
    k = pairs[int(case.random.integers(len(pairs)))]
    return text[:k] + text[k + 1] + text[k] + text[k + 2 :]


def _off_by_one(case: Case, text: str) -> str:
    value = Reported(text).value or Decimal(0)
    return f"{value + (1 if value < 1 or case.random.random() < 0.5 else -1):f}"


def _typed(
    how: Callable[[Case, str], str], *statistics: str, fields: tuple[str, ...] = ("value",)
) -> Slip:
    def slip(case: Case) -> Change:
        field = fields[int(case.random.integers(len(fields)))]
        place = case.pick(case.numbers(*statistics, field=field))
        if place is None:
            return {}
        return {(place[0], field): how(case, getattr(place[1], field).printed)}

    return slip


def _exact(case: Case, finding: Finding, *, base: str = "") -> Decimal | None:
    """A crude percent before rounding, or the same count over another cohort."""
    parent = ENTIRE if finding.cohort in (TREATED, OTHERS) else TREATED
    own, whole = (case.one(name, "patients", "count") for name in (finding.cohort, base or parent))
    if whole < 0 or own < 0:
        return None
    top = finding.events if finding.events.is_number else case.at(own).value
    alone = finding.endpoint != "patients"
    below = finding.n if alone and not base else case.at(whole).value
    if top.value is None or not below.value or (alone and not finding.events.is_number):
        return None
    return 100 * top.value / below.value


def _misrounded(how: Callable[[Decimal, Decimal], Decimal], *, base: str = "") -> Slip:
    def slip(case: Case) -> Change:
        place = case.pick(case.numbers("percent"))
        exact = _exact(case, place[1], base=base) if place else None
        if place is None or exact is None:
            return {}
        step = Decimal(1).scaleb(-place[1].value.decimals)
        return {(place[0], "value"): f"{how(exact, step):f}"}

    return slip


def _cut_off(exact: Decimal, step: Decimal) -> Decimal:
    return exact.quantize(step, ROUND_FLOOR)


def _rounded_twice(exact: Decimal, step: Decimal) -> Decimal:
    return exact.quantize(step / 10, ROUND_HALF_UP).quantize(step, ROUND_HALF_UP)


def _rounded(exact: Decimal, step: Decimal) -> Decimal:
    return exact.quantize(step, ROUND_HALF_UP)


def _exchanged(case: Case, one: int, other: int, *fields: str) -> Change:
    if min(one, other) < 0:
        return {}
    change: Change = {}
    for field in fields or ("value",):
        first, second = (getattr(case.at(i), field).printed for i in (one, other))
        change |= {(one, field): second, (other, field): first}
    return change


def _arms_exchanged(case: Case) -> Change:
    one, other = (case.one(name, "patients", "count") for name in (TREATED, OTHERS))
    return _exchanged(case, one, other)


def _arms_of_survival_exchanged(case: Case) -> Change:
    place = case.pick([p for p in case.numbers("survival") if p[1].cohort == TREATED])
    if place is None:
        return {}
    other = next(
        (
            i
            for i, f in case.numbers("survival", endpoint=place[1].endpoint)
            if (f.cohort, f.months) == (OTHERS, place[1].months)
        ),
        -1,
    )
    return _exchanged(case, place[0], other, "value", "low", "high")


def _column_with_percents(case: Case) -> Change:
    """Two characteristics in both arms; in a sparse table two parts of a split."""
    change: Change = {}
    for arm in (TREATED, OTHERS):
        one, other = (case.one(arm, name, "percent") for name in ("node-positive", "high grade"))
        change |= _exchanged(case, one, other, "value", "events", "p")
    if not change:
        for statistic in ("count", "percent"):
            one, other = (case.one(name, "patients", statistic) for name in ("R0", "R1"))
            change |= _exchanged(case, one, other)
    return change


def _medians_exchanged(case: Case) -> Change:
    place = case.pick(case.numbers("median", endpoint="OS"))
    other = case.one(place[1].cohort, "DFS", "median") if place else -1
    return _exchanged(case, place[0], other) if place else {}


def _median_and_rate_exchanged(case: Case) -> Change:
    place = case.pick(case.numbers("median", endpoint="OS"))
    other = case.one(place[1].cohort, "OS", "survival", 60) if place else -1
    return _exchanged(case, place[0], other) if place else {}


def _hidden(name: str, statistic: str, months: int | None = None) -> Slip:
    def slip(case: Case) -> Change:
        place = case.pick(case.numbers(statistic, endpoint="OS", months=months))
        if place is None:
            return {}
        instead = case.review.hidden.get((case.study, place[1].cohort, name))
        return {(place[0], "value"): instead} if instead else {}

    return slip


def _row_above(case: Case) -> Change:
    place = case.pick(case.numbers("count", "median", "survival"))
    if place is None:
        return {}
    above = [
        f
        for f in case.review.evidence.findings[: place[0]]
        if (f.source.column, f.statistic) == (place[1].source.column, place[1].statistic)
        and f.study != case.study
    ]
    number = above and above[-1].value.is_number
    return {(place[0], "value"): above[-1].value.printed} if number else {}


def _inverted(case: Case) -> Change:
    place = case.pick(case.numbers("hazard_ratio", "odds_ratio"))
    if place is None or not place[1].value.value:
        return {}
    step = Decimal(1).scaleb(-place[1].value.decimals)
    return {(place[0], "value"): f"{_rounded(1 / place[1].value.value, step):f}"}


def _limits_exchanged(case: Case) -> Change:
    place = case.pick(case.numbers("hazard_ratio", "odds_ratio"))
    if place is None:
        return {}
    f = place[1]
    return {(place[0], "low"): f.high.printed, (place[0], "high"): f.low.printed}


def _other_level(case: Case) -> Change:
    place = case.pick(case.numbers("hazard_ratio", "odds_ratio"))
    if place is None:
        return {}
    column = place[1].source.column
    ends = {f: case.review.hidden.get((case.study, column, f), "") for f in ("low", "high")}
    return {(place[0], field): end for field, end in ends.items()}


def _repeats(case: Case) -> Iterator[tuple[int, str, Finding]]:
    for i, f in case.found:
        for other in case.review.evidence.findings:
            key = (f.study, f.cohort, f.endpoint, f.statistic, f.months)
            there = (other.study, other.cohort, other.endpoint, other.statistic, other.months)
            if not other.source.column and key == there:
                yield from ((i, field, other) for field in ("value", "low", "high"))


def _text_states_it(case: Case) -> Change:
    places = [p for p in _repeats(case) if getattr(p[2], p[1]).is_number]
    if not places:
        return {}
    index, field, said = places[int(case.random.integers(len(places)))]
    instead = _digit(case, getattr(case.at(index), field).printed)
    # what the text's own rounding leaves open it does not contradict
    ours, theirs = Reported(instead).interval, getattr(said, field).interval
    inside = max(ours[0], theirs[0]) < min(ours[1], theirs[1])
    return {} if inside else {(index, field): instead}


def _range_end(case: Case) -> Change:
    field = ("low", "high")[int(case.random.integers(2))]
    everything = enumerate(case.review.evidence.findings)
    place = case.pick(
        [(i, f) for i, f in everything if f.study == REVIEW and f.statistic.endswith("_range")]
    )
    if place is None:
        return {}
    return {(place[0], field): _digit(case, getattr(place[1], field).printed)}


def _heterogeneity(case: Case) -> Change:
    everything = enumerate(case.review.evidence.findings)
    kinds = (("cochran_q", "value"), ("i_squared", "value"), ("cochran_q", "p"))
    statistic, field = kinds[int(case.random.integers(3))]
    place = case.pick([(i, f) for i, f in everything if f.statistic == statistic])
    if place is None:
        return {}
    return {(place[0], field): _digit(case, getattr(place[1], field).printed)}


_RATIOS = ("hazard_ratio", "odds_ratio")
SLIPS: dict[str, Slip] = {
    "count: one digit": _typed(_digit, "count"),
    "count: two digits transposed": _typed(_transposed, "count"),
    "counts of the arms exchanged": _arms_exchanged,
    "percent: one digit": _typed(_digit, "percent"),
    "percent: off by one": _typed(_off_by_one, "percent"),
    "percent: cut off": _misrounded(_cut_off),
    "percent: rounded twice": _misrounded(_rounded_twice),
    "percent: of all instead of the part": _misrounded(_rounded, base=ENTIRE),
    "columns exchanged with their percents": _column_with_percents,
    "median: one digit": _typed(_digit, "median"),
    "medians of OS and DFS exchanged": _medians_exchanged,
    "median and 5-year survival exchanged": _median_and_rate_exchanged,
    "follow-up for median": _hidden("follow-up", "median"),
    "mean for median": _hidden("mean", "median"),
    "years for months": _hidden("years", "median"),
    "survival: one digit": _typed(_digit, "survival"),
    "survival limit: one digit": _typed(_digit, "survival", fields=("low", "high")),
    "4-year for 5-year survival": _hidden("48", "survival", 60),
    "survival of the arms exchanged": _arms_of_survival_exchanged,
    "number at risk: one digit": _typed(_digit, "at_risk"),
    "value of the row above": _row_above,
    "ratio: one digit": _typed(_digit, *_RATIOS),
    "ratio limit: one digit": _typed(_digit, *_RATIOS, fields=("low", "high")),
    "ratio limits exchanged": _limits_exchanged,
    "ratio limits of 90 % as of 95 %": _other_level,
    "ratio inverted": _inverted,
    "P of a ratio: one digit": _typed(_digit, *_RATIOS, fields=("p",)),
    "table value that the text states": _text_states_it,
    "end of a range in the text: one digit": _range_end,
    "Q, its P, or I²: one digit": _heterogeneity,
}
"""Every slip, by the name the table gives it."""


def slipped(name: str, case: Case) -> tuple[dict[int, Finding], list[Undo]] | None:
    """Make a slip: the findings it changes, and what would undo it, in one way or two."""
    change = {
        (index, field): printed
        for (index, field), printed in SLIPS[name](case).items()
        if Reported(printed).value != getattr(case.at(index), field).value
    }
    if not change:
        return None
    found: dict[int, Finding] = {}
    for (index, field), printed in change.items():
        there = found.get(index, case.at(index))
        found[index] = replace(there, **{field: Reported(printed)})  # type: ignore[arg-type]
    undo = [{index: case.at(index) for index in found}]
    # the wrong number may also be given its right name
    if name == "mean for median":
        undo.append({i: replace(f, statistic="mean") for i, f in found.items()})
    if name == "4-year for 5-year survival":
        undo.append({i: replace(f, months=Decimal(48)) for i, f in found.items()})
    if name == "ratio limits of 90 % as of 95 %":
        undo.append({i: replace(f, level=Reported("90")) for i, f in found.items()})
    return found, undo
