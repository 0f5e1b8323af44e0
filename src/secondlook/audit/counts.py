"""Counts and percents: what arithmetic on whole patients allows.

These hold for any table of counts; none needs to know what is counted. A crude percent is a count
over a count. A survival percent is not, and no rule here looks at one.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from secondlook.audit.arithmetic import Range
from secondlook.audit.block import Block, Item
from secondlook.audit.rule import Class, Rule, fired, not_evaluated, passed
from secondlook.audit.verdict import Cell, Severity, Verdict
from secondlook.evidence import ENTIRE

__all__ = ["RULES"]

_FAMILY = "counts and percents"
_ARITHMETIC = "arithmetic of whole patients"


def _base(block: Block, item: Item) -> tuple[Cell, Fraction, bool] | None:
    """What a percent is a percent of: its cell, its number, and whether the document says so.

    The base printed with it; for the size of a cohort, the cohort that contains it; for anything
    else the cohort itself, which is how such a percent is meant, but not always.
    """
    finding = item.finding
    if finding.n.is_number and finding.n.value:
        return item.cell("n"), Fraction(finding.n.value), True
    if finding.endpoint == "patients":
        if finding.cohort == ENTIRE:
            return None
        parent = block.cohorts[finding.cohort].subset_of if finding.cohort in block.cohorts else ""
        size = block.size(parent, item)
    else:
        size = block.size(finding.cohort, item)
    if size is None or not size.value.value:
        return None
    return size.cell(), Fraction(size.value.value), finding.endpoint == "patients"


def _numerator(block: Block, item: Item) -> tuple[Cell, Fraction] | None:
    finding = item.finding
    if finding.events.is_number and finding.events.value is not None:
        return item.cell("events"), Fraction(finding.events.value)
    if finding.endpoint == "patients":
        size = block.size(finding.cohort, item)
        if size is not None and size.value.value is not None:
            return size.cell(), Fraction(size.value.value)
    return None


def _percents(block: Block) -> Iterator[Item]:
    for key in block.keys("percent"):
        yield from block.numbers(*key)


def _percent_of_count(block: Block) -> Iterator[Verdict]:
    rule = "percent-of-count"
    for item in _percents(block):
        base, top = _base(block, item), _numerator(block, item)
        if base is None or top is None:
            lacking = "the number it is a percent of" if base is None else "the count"
            yield not_evaluated(rule, lacking, [item.cell()])
            continue
        cells = [item.cell(), top[0], base[0]]
        exact = 100 * top[1] / base[1]
        computed = f"{top[1]}/{base[1]} = {float(exact):.2f} %"
        if Range.of(item.value).holds(exact):
            yield passed(rule, cells, computed)
        else:
            message = f"{top[1]} of {base[1]} is {float(exact):.1f} %, not {item.value} %"
            # a base that nobody printed is a guess, however good
            severity = Severity.ERROR if base[2] else Severity.SUSPECT
            yield fired(rule, cells, message, computed, severity)


def _attainable_percent(block: Block) -> Iterator[Verdict]:
    rule = "attainable-percent"
    for item in _percents(block):
        if _numerator(block, item) is not None:
            continue  # with the count printed, percent-of-count says more
        base = _base(block, item)
        if base is None:
            yield not_evaluated(rule, "the number it is a percent of", [item.cell()])
            continue
        cells = [item.cell(), base[0]]
        counts = Range.of(item.value).times(base[1] / 100)
        ends = [float(end) for end in (counts.low, counts.high) if end is not None]
        computed = f"{item.value} % of {base[1]} is {' to '.join(f'{end:.2f}' for end in ends)}"
        if counts.whole_number():
            yield passed(rule, cells, computed)
        else:
            message = f"no whole number out of {base[1]} is {item.value} %"
            severity = Severity.ERROR if base[2] else Severity.SUSPECT
            yield fired(rule, cells, message, computed, severity)


def _sizes_of(block: Block, names: list[str], near: Item) -> list[Item] | None:
    sizes = [block.size(name, near) for name in names]
    found = [size for size in sizes if size is not None]
    return found if len(found) == len(names) else None


def _split_sizes(block: Block, rule: str, *, two: bool) -> Iterator[Verdict]:
    for whole, name, parts in block.splits():
        if (len(parts) == 2) is not two:
            continue
        totals: list[Item | None] = [*block.sizes(whole)]
        for total in totals or [None]:
            if total is None:
                yield not_evaluated(rule, f"the size of {whole} (split by {name})")
                continue
            sizes = _sizes_of(block, [part.key for part in parts], total)
            if sizes is None:
                yield not_evaluated(rule, f"the size of a part (split by {name})", [total.cell()])
                continue
            cells = [total.cell(), *(size.cell() for size in sizes)]
            yield _compare_sum(rule, cells)


def _compare_sum(rule: str, cells: list[Cell]) -> Verdict:
    total = Range.count(cells[0].reported)
    parts = Range(Fraction(0), Fraction(0))
    for part in cells[1:]:
        parts = parts.plus(Range.count(part.reported))
    terms = " + ".join(part.printed for part in cells[1:])
    shown = parts.low if parts.low is not None else parts.high
    computed = f"{terms} = {shown}"
    if parts.meets(total):
        return passed(rule, cells, computed)
    message = f"the parts add up to {shown}, the whole is {cells[0].printed}"
    return fired(rule, cells, message, computed, Severity.ERROR)


def _parts_and_whole(block: Block) -> Iterator[Verdict]:
    yield from _split_sizes(block, "parts-and-whole", two=False)


def _complement(block: Block) -> Iterator[Verdict]:
    yield from _split_sizes(block, "complement", two=True)


def _split_percents(block: Block) -> Iterator[Verdict]:
    rule = "split-percents"
    for whole, name, parts in block.splits():
        printed = [block.numbers(part.key, "patients", "percent") for part in parts]
        if not all(printed):
            yield not_evaluated(rule, f"the percent of a part of {whole} (split by {name})")
            continue
        for first in printed[0]:
            beside = [
                next((i for i in p if i.finding.source.is_beside(first.finding.source)), None)
                for p in printed
            ]
            cells = [item.cell() for item in beside if item is not None]
            if len(cells) < len(parts):
                yield not_evaluated(rule, "the percent of a part in the same place", cells)
                continue
            total = Range(Fraction(0), Fraction(0))
            for part in cells:
                total = total.plus(Range.of(part.reported))
            shown = sum(part.reported.value or 0 for part in cells)
            computed = f"{' + '.join(part.printed for part in cells)} = {shown} %"
            if total.holds(Fraction(100)):
                yield passed(rule, cells, computed)
            else:
                message = f"percents of a whole add up to {shown}, beyond what rounding allows"
                yield fired(rule, cells, message, computed, Severity.ERROR)


def _subset_size(block: Block) -> Iterator[Verdict]:
    rule = "subset-size"
    for cohort in block.cohorts.values():
        if cohort.key == ENTIRE:
            continue
        for part in block.sizes(cohort.key):
            whole = block.size(cohort.subset_of, part)
            if whole is None:
                yield not_evaluated(rule, f"the size of {cohort.subset_of}", [part.cell()])
                continue
            cells = [part.cell(), whole.cell()]
            computed = f"{part.value} of {whole.value}"
            if Range.count(whole.value).is_below(Range.count(part.value)):
                message = f"a part of {part.value} in a whole of {whole.value}"
                yield fired(rule, cells, message, computed, Severity.ERROR)
            else:
                yield passed(rule, cells, computed)


RULES = (
    Rule(
        "percent-of-count",
        _FAMILY,
        "A percent printed with its count is that count over its base.",
        Class.SOUND,
        Severity.ERROR,
        "a crude percent, its count, and the number it is a percent of",
        "where the base is not printed it is the cohort's size; then at most a suspect",
        _ARITHMETIC,
        study=_percent_of_count,
    ),
    Rule(
        "attainable-percent",
        _FAMILY,
        "Some whole number of patients gives a crude percent.",
        Class.SOUND,
        Severity.ERROR,
        "a crude percent without its count, and the number it is a percent of",
        "the percent is crude; where the base is not printed, at most a suspect",
        "Brown and Heathers, Soc Psychol Personal Sci 2017;8:363-369",
        study=_attainable_percent,
    ),
    Rule(
        "parts-and-whole",
        _FAMILY,
        "The sizes of disjoint parts that make up a whole add up to it.",
        Class.SOUND,
        Severity.ERROR,
        "the size of a cohort and of every part of a declared split of it in three or more",
        "",
        _ARITHMETIC,
        study=_parts_and_whole,
    ),
    Rule(
        "complement",
        _FAMILY,
        "Treated and untreated, or any two parts that make up a whole, add up to it.",
        Class.SOUND,
        Severity.ERROR,
        "the size of a cohort and of both parts of a declared split of it in two",
        "",
        _ARITHMETIC,
        study=_complement,
    ),
    Rule(
        "split-percents",
        _FAMILY,
        "The percents of disjoint parts that make up a whole add up to 100 within rounding.",
        Class.SOUND,
        Severity.ERROR,
        "the percent of every part of a declared split, in one place",
        "",
        _ARITHMETIC,
        study=_split_percents,
    ),
    Rule(
        "subset-size",
        _FAMILY,
        "A part is not larger than its whole.",
        Class.SOUND,
        Severity.ERROR,
        "the size of a cohort and of the cohort that contains it",
        "",
        _ARITHMETIC,
        study=_subset_size,
    ),
)
