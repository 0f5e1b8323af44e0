"""Plausibility: printed numbers that can all be right, but seldom are.

Nothing here is an error. A suspect is worth opening the paper for; an info is worth knowing when
the number is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import combinations, pairwise
from math import inf, log

from secondlook.audit.arithmetic import Range
from secondlook.audit.block import Block, Item, Whole
from secondlook.audit.rule import Class, Rule, fired, not_evaluated, passed
from secondlook.audit.verdict import Cell, Severity, Verdict
from secondlook.evidence import ENTIRE, Kind, Reported, Source, Study

__all__ = ["RULES"]

_FAMILY = "plausibility"
# how far ln(ln S1 / ln S0) strays from the log hazard ratio by chance in 95 of 100 simulated
# studies with this many patients
_STRAYS = ((600, 0.15), (224, 0.27), (80, 0.46), (40, 0.69))
_STEEPEST = 15  # Weibull shapes above it: less than 1 of 100 small simulated series
_ALIKE = 3  # columns two rows must share, all of them equal, to be called the same


def _beside(items: Iterable[Item], other: Item) -> list[Item]:
    return [item for item in items if item.finding.source.is_beside(other.finding.source)]


def _log_hazard(survival: Reported) -> tuple[float, float]:
    """Logarithm of the cumulative hazard: from least to most."""
    within = Range.of(survival)
    low = 0.0 if within.low is None else float(within.low) / 100
    high = 1.0 if within.high is None else float(within.high) / 100
    least = log(-log(high)) if 0 < high < 1 else -inf
    return least, log(-log(low)) if 0 < low < 1 else inf


def _study_size(block: Block, item: Item) -> Fraction | None:
    found = [block.size(name, item) for name in (item.finding.cohort, item.finding.comparator)]
    sizes = [Range.count(size.value).low for size in found if size is not None]
    known = [size for size in sizes if size is not None]
    if len(known) == 2:
        return sum(known, Fraction(0))
    entire = block.size(ENTIRE, item)
    return Range.count(entire.value).low if entire is not None else None


def _survival_against_hazard_ratio(block: Block) -> Iterator[Verdict]:
    rule = "survival-against-hazard-ratio"
    for key in block.keys("hazard_ratio"):
        for ratio in block.all(*key):
            pairs = list(_pairs(block, ratio))
            within = Range.of(ratio.value).logarithms() if ratio.value.is_number else None
            if within is None or not pairs:
                lacking = "survival or medians of both cohorts" if within else "the hazard ratio"
                yield not_evaluated(rule, lacking, [ratio.cell()])
                continue
            for first, second in pairs:
                if first.finding.statistic == "median":
                    yield _medians(rule, ratio, first, second)
                else:
                    size = _study_size(block, ratio)
                    yield _rates(rule, ratio, within, (first, second), size)


def _pairs(block: Block, ratio: Item) -> Iterator[tuple[Item, Item]]:
    """Rates at the same time, and medians, of both cohorts in one place."""
    finding = ratio.finding
    for statistic in ("survival", "median"):
        others = block.numbers(finding.comparator, finding.endpoint, statistic)
        for first in block.numbers(finding.cohort, finding.endpoint, statistic):
            same = [i for i in _beside(others, first) if i.months == first.months]
            yield from ((first, second) for second in same)


def _rates(
    rule: str,
    ratio: Item,
    within: tuple[float, float],
    pair: tuple[Item, Item],
    size: Fraction | None,
) -> Verdict:
    cells = [ratio.cell(), *(item.cell() for item in pair)]
    allowed = next((far for n, far in _STRAYS if size is not None and size >= n), None)
    if allowed is None:
        return not_evaluated(rule, "at least 40 patients", cells)
    (least1, most1), (least0, most0) = (_log_hazard(item.value) for item in pair)
    least, most = least1 - most0, most1 - least0
    computed = f"log hazard ratio from survival {least:.2f} to {most:.2f}, printed"
    computed += f" {within[0]:.2f} to {within[1]:.2f}; {allowed} apart by chance"
    if max(least - within[1], within[0] - most) <= allowed:
        return passed(rule, cells, computed)
    shown = " and ".join(f"{item.value} %" for item in pair)
    message = f"{shown} would go with another hazard ratio than {ratio.value}"
    known = not ratio.finding.adjusted  # an adjusted ratio need not follow crude survival
    return fired(rule, cells, message, computed, Severity.SUSPECT if known else Severity.INFO)


def _medians(rule: str, ratio: Item, first: Item, second: Item) -> Verdict:
    cells = [ratio.cell(), first.cell(), second.cell()]
    finding, even = ratio.finding, Range(Fraction(1), Fraction(1))
    ours, theirs = Range.of(first.value), Range.of(second.value)
    computed = f"medians {first.value} and {second.value}, hazard ratio {ratio.value}"
    printed = Range.of(ratio.value)
    better, worse = printed.is_below(even), even.is_below(printed)
    if not (better and ours.is_below(theirs)) and not (worse and theirs.is_below(ours)):
        return passed(rule, cells, computed)
    limit = finding.high if better else finding.low
    end = Range.of(limit) if limit.is_number else Range(None, None)
    sure = end.is_below(even) if better else even.is_below(end)
    message = f"the medians {first.value} and {second.value} point the other way than {ratio.value}"
    known = sure and not finding.adjusted
    return fired(rule, cells, message, computed, Severity.SUSPECT if known else Severity.INFO)


def _implied_weibull_shape(block: Block) -> Iterator[Verdict]:
    rule = "implied-weibull-shape"
    for cohort, endpoint, _ in block.keys("survival"):
        medians = block.numbers(cohort, endpoint, "median")
        for rate in block.numbers(cohort, endpoint, "survival"):
            beside, months = _beside(medians, rate), rate.months
            if not beside or months is None:
                lacking = "the time" if months is None else "the median in the same place"
                yield not_evaluated(rule, lacking, [rate.cell()])
                continue
            for median in beside:
                yield _shape(rule, median, rate, months)


def _shape(rule: str, median: Item, rate: Item, months: Decimal) -> Verdict:
    cells = [median.cell(), rate.cell()]
    time = Range.of(median.value).logarithms()
    if time is None or months <= 0:
        return not_evaluated(rule, "a median and a time above zero", cells)
    low, high = _log_hazard(rate.value)
    rise = low - log(log(2)), high - log(log(2))
    run = log(months) - time[1], log(months) - time[0]
    if rise[1] < 0 or run[1] < 0:  # before the median both are negative
        rise, run = (-rise[1], -rise[0]), (-run[1], -run[0])
    if rise[1] < 0 or run[1] < 0:
        return not_evaluated(rule, "a rate on the same side of the median as of one half", cells)
    least = max(rise[0], 0.0) / run[1] if run[1] > 0 else (inf if rise[0] > 0 else 0.0)
    computed = f"Weibull shape of at least {least:.1f}"
    if least <= _STEEPEST:
        return passed(rule, cells, computed)
    message = (
        f"{rate.value} % at {months} months beside a median of {median.value} needs nearly all"
        f" events at once (Weibull shape {least:.0f} or more)"
    )
    return fired(rule, cells, message, computed, Severity.SUSPECT)


def _horizon(block: Block) -> Iterator[Verdict]:
    rule = "horizon"
    rates = [i for key in block.keys("survival") for i in block.numbers(*key)]
    timed = [rate for rate in rates if rate.months is not None]
    for cohort in dict.fromkeys(rate.finding.cohort for rate in timed):
        mine = [rate for rate in timed if rate.finding.cohort == cohort]
        lengths = [
            i for name in (cohort, ENTIRE) for i in block.numbers(name, "follow-up", "median")
        ]
        length = next(iter(lengths), None)
        if length is None:
            yield not_evaluated(rule, "the median follow-up", [rate.cell() for rate in mine])
            continue
        most = Range.of(length.value).high
        late = [i for i in mine if most is not None and i.months and Fraction(i.months) > most]
        cells = [length.cell(), *(rate.cell() for rate in late or mine)]
        if late:
            times = ", ".join(dict.fromkeys(f"{rate.months}" for rate in late))
            message = f"survival at {times} months with a median follow-up of {length.value}"
            yield fired(rule, cells, message, message, Severity.INFO)
        else:
            yield passed(rule, cells, f"median follow-up {length.value}")


def _blank_against_nr(whole: Whole) -> Iterator[Verdict]:
    rule = "blank-against-nr"
    columns: dict[tuple[str, ...], list[Item]] = {}
    for item in whole.items:
        source, finding = item.finding.source, item.finding
        if source.column and not (finding.low.printed or finding.high.printed):
            columns.setdefault((source.document, source.place, source.column), []).append(item)
    for (_, place, column), items in columns.items():
        blank = [item for item in items if item.value.kind is Kind.BLANK]
        words = (Kind.NOT_REPORTED, Kind.NOT_REACHED)
        said = [item for item in items if item.value.kind in words]
        if not (blank and said):
            if blank or said:
                yield passed(rule, [(blank or said)[0].cell()], "one word for missing")
            continue
        for item in blank:
            message = f"blank, where {place}, {column} says {said[0].value} elsewhere"
            computed = f"{len(blank)} blank, {len(said)} {said[0].value}"
            yield fired(rule, [item.cell(), said[0].cell()], message, computed, Severity.INFO)


def _footnote_of_a_pair(block: Block) -> Iterator[Verdict]:
    rule = "footnote-of-a-pair"
    rows: dict[tuple[object, ...], list[Item]] = {}
    for item in block.items:
        finding, source = item.finding, item.finding.source
        if source.row and source.column and finding.cohort != ENTIRE and item.value.is_number:
            where = (source.document, source.place, source.row)
            rows.setdefault((*where, finding.endpoint, finding.statistic, item.months), []).append(
                item
            )
    for items in rows.values():
        if len({item.finding.cohort for item in items}) < 2:
            continue
        marks = [set(item.value.marks.split()) - {"[sic]"} for item in items]
        missing = {mark for own in marks for mark in own if any(mark not in m for m in marks)}
        if not missing:
            yield passed(rule, [item.cell() for item in items])
            continue
        lacking = [i for i, own in zip(items, marks, strict=True) if missing - own]
        cells = [*lacking, *(item for item in items if item not in lacking)]
        shown = ", ".join(item.value.printed for item in items)
        message = f"footnote {', '.join(sorted(missing))} is not on every one of {shown}"
        computed = f"{len(lacking)} of {len(items)} without it"
        yield fired(rule, [item.cell() for item in cells], message, computed, Severity.INFO)


def _duplicated_neighbours(whole: Whole) -> Iterator[Verdict]:
    rule = "duplicated-neighbours"
    tables: dict[tuple[str, str], dict[tuple[str, str], dict[str, Item]]] = {}
    order: dict[tuple[str, str], dict[str, int]] = {}
    for item in whole.items:
        source = item.finding.source
        if source.row and source.column:
            table = (source.document, source.place)
            columns = order.setdefault(table, {})
            columns.setdefault(source.column, len(columns))
            row = tables.setdefault(table, {}).setdefault((item.finding.study, source.row), {})
            row.setdefault(source.column, item)
    for table, rows in tables.items():
        for row in rows.values():
            yield from _neighbours(rule, row, order[table])
        yield from _same_rows(rule, rows)


def _neighbours(rule: str, row: dict[str, Item], order: dict[str, int]) -> Iterator[Verdict]:
    cells = sorted(row.items(), key=lambda cell: order[cell[0]])
    near = [
        (a, b)
        for (left, a), (right, b) in pairwise(cells)
        if order[right] == order[left] + 1 and a.value.is_number and b.value.is_number
    ]
    twice = [(a, b) for a, b in near if a.value.value and a.value.value == b.value.value]
    for a, b in twice:
        columns = f"{a.finding.source.column} and {b.finding.source.column}"
        message = f"{a.value} stands in both {columns}"
        yield fired(rule, [a.cell(), b.cell()], message, f"{a.value} = {b.value}", Severity.INFO)
    if near and not twice:
        yield passed(rule, [near[0][0].cell(), near[0][1].cell()])


def _same_rows(rule: str, rows: dict[tuple[str, str], dict[str, Item]]) -> Iterator[Verdict]:
    seen: dict[tuple[tuple[str, Decimal | None], ...], list[dict[str, Item]]] = {}
    for row in rows.values():
        numbers = [(column, i.value.value) for column, i in row.items() if i.value.is_number]
        if len(numbers) >= _ALIKE:
            seen.setdefault(tuple(sorted(numbers, key=lambda cell: cell[0])), []).append(row)
    for same, alike in seen.items():
        if len(alike) > 1:
            cells = [row[column].cell() for row in alike for column, _ in same]
            message = f"{len(alike)} rows have the same {len(same)} numbers"
            yield fired(rule, cells, message, message, Severity.INFO)


@dataclass(frozen=True, slots=True)
class _Author:
    study: Study
    name: str

    def cell(self) -> Cell:
        source = Source(place="references", row=self.study.reference)
        return Cell(self.study.key, "", "", "", None, "first_author", self.name, source)


def _shared_first_authors(whole: Whole) -> Iterator[Verdict]:
    rule = "shared-first-authors"
    references = {entry.number: entry.first_author for entry in whole.evidence.references}
    declared = {
        frozenset((cohort.study, other.partition("/")[0]))
        for cohort in whole.evidence.cohorts
        for other in cohort.overlaps
    }
    groups: dict[tuple[str, str], list[_Author]] = {}
    for study in whole.evidence.studies:
        author = _Author(study, references.get(study.reference, ""))
        name = " ".join(author.name.replace("’", "'").casefold().split())
        if name and study.site:
            groups.setdefault((study.site, name), []).append(author)
        elif study.site:
            yield not_evaluated(rule, "the first author of the reference", [author.cell()])
    for (site, _), authors in groups.items():
        if len(authors) == 1:
            yield passed(rule, [authors[0].cell()])
        for one, other in combinations(authors, 2):
            cells = [one.cell(), other.cell()]
            if frozenset((one.study.key, other.study.key)) in declared:
                yield passed(rule, cells, "declared to overlap")
                continue
            shown = f"{one.study.label or one.study.key} and {other.study.label or other.study.key}"
            message = f"{shown} ({site}) share a first author, and may share patients"
            yield fired(rule, cells, message, f"{one.name} = {other.name}", Severity.INFO)


RULES = (
    Rule(
        "survival-against-hazard-ratio",
        _FAMILY,
        "Survival and medians of two cohorts go the way of their hazard ratio.",
        Class.PLAUSIBILITY,
        Severity.SUSPECT,
        "a hazard ratio and, of both cohorts in one place, survival at one time or medians",
        "proportional hazards; an adjusted ratio raises an info",
        "ln S1 / ln S0 under proportional hazards; how far it strays was simulated",
        study=_survival_against_hazard_ratio,
    ),
    Rule(
        "implied-weibull-shape",
        _FAMILY,
        "A median and a rate can lie on a curve that is not nearly vertical.",
        Class.PLAUSIBILITY,
        Severity.SUSPECT,
        "a median and a survival percent of one cohort and endpoint in one place",
        "deaths are spread over time",
        "S(t) = exp(-ln 2 (t/median)^shape); the limit of 15 was simulated",
        study=_implied_weibull_shape,
    ),
    Rule(
        "horizon",
        _FAMILY,
        "A rate is not from a time beyond the median follow-up.",
        Class.PLAUSIBILITY,
        Severity.INFO,
        "survival percents and the median follow-up",
        "",
        "most of such a rate stands on patients not followed so long",
        study=_horizon,
    ),
    Rule(
        "blank-against-nr",
        _FAMILY,
        "A column says in one way that a number is missing.",
        Class.PLAUSIBILITY,
        Severity.INFO,
        "a column with missing numbers",
        "",
        "what a blank stands for is not printed",
        review=_blank_against_nr,
    ),
    Rule(
        "footnote-of-a-pair",
        _FAMILY,
        "A footnote on one number of a row is on those it is compared with.",
        Class.PLAUSIBILITY,
        Severity.INFO,
        "numbers of one statistic for two cohorts in one row of a table",
        "",
        "numbers that are compared come from one source",
        study=_footnote_of_a_pair,
    ),
    Rule(
        "duplicated-neighbours",
        _FAMILY,
        "Neighbouring cells, and rows, are not copies of each other.",
        Class.PLAUSIBILITY,
        Severity.INFO,
        "rows of a table",
        "",
        "copying slips to the neighbouring cell or row",
        review=_duplicated_neighbours,
    ),
    Rule(
        "shared-first-authors",
        _FAMILY,
        "Series of one site by one first author may share patients.",
        Class.PLAUSIBILITY,
        Severity.INFO,
        "the site of a study and the first author of its reference",
        "",
        "overlap that is not declared in the cohorts",
        review=_shared_first_authors,
    ),
)
