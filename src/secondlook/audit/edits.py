"""The closed list of slips that put a wrong number into a table, as changes that undo them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import floor

from secondlook.audit.block import Block, Item
from secondlook.audit.verdict import Verdict
from secondlook.evidence import Finding, Reported

__all__ = ["SLIPS", "Edit", "edits", "exchangeable"]

SLIPS: dict[str, str] = {
    "rounded twice": "rounded to one more decimal first, and then again",
    "cut off": "decimals cut off instead of rounded",
    "as computed": "the value that follows from the other numbers",
    "other denominator": "taken over, or counted from, another number of patients",
    "follow-up": "the follow-up printed in the place of the survival",
    "as printed elsewhere": "what another place of the document prints for the same thing",
    "neighbour": "the value of a neighbouring column of the same row",
    "swapped": "two groups exchanged in that place, two of their numbers, or the two limits of one",
    "row above": "the value of the row above",
    "same sentence": "another number of the same sentence",
    "years for months": "years printed as months, or months as years",
    "other time": "a value at four years printed as one at five, or the reverse",
    "mean for median": "a mean printed as a median",
    "inverted": "the ratio of the comparison the other way round",
    "other level": "limits of 90 % or of one standard error printed as limits of 95 %",
    "digits transposed": "two neighbouring digits exchanged",
    "one digit": "one digit wrong",
}
"""Every kind of slip that is looked for, the likelier first, with its meaning."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of one printed number that would undo one slip.

    Attributes
    ----------
    index, field
        Which finding, and which column of it.
    printed, instead
        What stands there, and what would stand there.
    slip
        A key of :data:`SLIPS`.
    what, where
        What the number is of, in words, and the place it stands in.
    """

    index: int
    field: str
    printed: str
    instead: str
    slip: str
    what: str
    where: str

    @classmethod
    def of(cls, item: Item, field: str, instead: str, slip: str) -> Edit:
        """Put another string in a column of a finding."""
        place = item.finding.source.place or "this place"
        return cls(
            item.index, field, _printed(item, field), instead, slip, _what(item, field), place
        )

    def apply(self, finding: Finding) -> Finding:
        """Make the change."""
        if self.field == "months":
            return replace(finding, months=Decimal(self.instead))
        if self.field in ("statistic", "cohort"):
            named: dict[str, str] = {self.field: self.instead}
            return replace(finding, **named)  # type: ignore[arg-type]
        changed: dict[str, Reported] = {self.field: Reported(self.instead)}
        return replace(finding, **changed)  # type: ignore[arg-type]

    def __str__(self) -> str:
        if self.slip == "swapped":
            return f"{self.printed} and {self.instead} were exchanged in {self.where}"
        rather = f", not {self.printed}" if self.printed else ""
        return f"{self.what} were {self.instead}{rather} ({SLIPS[self.slip]})"


def edits(block: Block, fired: Sequence[Verdict]) -> list[Edit]:
    """Every change the list allows for the cells of these verdicts, the likelier kinds first.

    The same change found by two slips is kept once, as the likelier one.
    """
    items = {item.index: item for item in block.items}
    cells = dict.fromkeys(
        (cell.index, cell.field)
        for verdict in fired
        for cell in verdict.cells
        if cell.index is not None
    )
    found: dict[tuple[int, str, str, bool], Edit] = {}
    order = list(SLIPS)
    for index, field in cells:
        if index not in items:
            continue
        item = items[index]
        for slip, make in _MAKERS:
            for where, instead in make(block, item, field):
                edit = Edit.of(item, where, instead, slip)
                if instead == edit.printed:
                    continue
                # an exchange changes another number too, and so is another change
                key = index, where, instead, slip == "swapped"
                known = found.get(key)
                if known is None or order.index(slip) < order.index(known.slip):
                    found[key] = edit
    return sorted(found.values(), key=lambda edit: order.index(edit.slip))


Maker = Callable[[Block, Item, str], Iterator[tuple[str, str]]]


def _printed(item: Item, field: str) -> str:
    value = getattr(item.finding, field)
    if isinstance(value, Reported):
        return value.printed
    return "" if value is None else str(value)


def _what(item: Item, field: str) -> str:
    finding = item.finding
    time = f" at {finding.months:f} months" if finding.months is not None else ""
    who = "" if finding.cohort == "all" else f", {finding.cohort}"
    name = "" if field == "value" else f"{field} of "
    where = f" in {finding.source.place}" if finding.source.place else ""
    return f"{name}{finding.endpoint} {finding.statistic.replace('_', ' ')}{time}{who}{where}"


def _shaped(number: Fraction, like: Reported) -> str:
    """A number printed with the decimals and separators of another."""
    digits = f"{abs(_rounded(number, like.decimals)):0{like.decimals + 1}d}"
    whole, decimals = digits[: len(digits) - like.decimals], digits[len(digits) - like.decimals :]
    if re.search(r"[0-9],[0-9]{3}(?![0-9])", like.printed):
        whole = f"{int(whole):,}"
    sign = "-" if number < 0 and int(digits) else ""
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"


def _rounded(number: Fraction, decimals: int) -> int:
    """A number in units of its last decimal, halves away from zero, however long it is."""
    shifted: Fraction = abs(number) * Fraction(f"1e{decimals}")
    units = floor(shifted + Fraction(1, 2))
    return units if number >= 0 else -units


def _ratio_behind(block: Block, item: Item) -> Iterator[tuple[Fraction, Reported]]:
    """The exact percents that a printed percent may stand for, over every base there is."""
    finding = item.finding
    if finding.statistic != "percent" or not item.value.is_number:
        return
    tops = [finding.events, *(s.value for s in block.sizes(finding.cohort))]
    parent = block.cohorts[finding.cohort].subset_of if finding.cohort in block.cohorts else ""
    bases = [finding.n, *(s.value for name in (parent, finding.cohort) for s in block.sizes(name))]
    for top in tops:
        for base in bases:
            if top.is_number and base.is_number and base.value and top.value is not None:
                yield 100 * Fraction(top.value) / Fraction(base.value), item.value


def _rounded_twice(block: Block, item: Item, field: str) -> Iterator[tuple[str, str]]:
    for exact, printed in _ratio_behind(block, item) if field == "value" else ():
        once = Fraction(_rounded(exact, printed.decimals + 1), 10 ** (printed.decimals + 1))
        twice = Fraction(_rounded(once, printed.decimals), 10**printed.decimals)
        if twice == printed.value:
            yield "value", _shaped(exact, printed)


def _cut_off(block: Block, item: Item, field: str) -> Iterator[tuple[str, str]]:
    for exact, printed in _ratio_behind(block, item) if field == "value" else ():
        if Fraction(floor(exact * 10**printed.decimals), 10**printed.decimals) == printed.value:
            yield "value", _shaped(exact, printed)


def _as_computed(block: Block, item: Item, field: str) -> Iterator[tuple[str, str]]:
    for exact, printed in _ratio_behind(block, item) if field == "value" else ():
        yield "value", _shaped(exact, printed)


def _left_over(block: Block, item: Item, field: str) -> Iterator[tuple[str, str]]:
    """The size of a part as what the other parts leave of the whole."""
    finding = item.finding
    if (finding.statistic, finding.endpoint, field) != ("count", "patients", "value"):
        return
    for whole, _, parts in block.splits():
        names = [part.key for part in parts]
        if finding.cohort not in names:
            continue
        total = block.size(whole, item)
        others = [block.size(name, item) for name in names if name != finding.cohort]
        values = [other.value.value for other in others if other is not None]
        if total is not None and total.value.value is not None and len(values) == len(others):
            left = Fraction(total.value.value) - sum(Fraction(v) for v in values if v is not None)
            if left >= 0:
                yield "value", _shaped(left, item.value)


def _other_denominator(block: Block, item: Item, field: str) -> Iterator[tuple[str, str]]:
    finding = item.finding
    is_size = finding.statistic == "count" and finding.endpoint == "patients" and field == "value"
    if not (is_size or field == "n"):
        return
    printed: Reported = getattr(finding, field)
    for whole, _, parts in block.splits():
        if whole != finding.cohort:
            continue
        sizes = [block.size(part.key, item) for part in parts]
        values = [size.value.value for size in sizes if size is not None]
        if len(values) == len(parts):
            total = sum((Fraction(v) for v in values if v is not None), Fraction(0))
            yield field, _shaped(total, printed)
    for key in block.keys("count"):
        for other in block.numbers(*key):
            if key[1] == "patients" and other.value.value is not None:
                yield field, _shaped(Fraction(other.value.value), printed)


def _as_printed_elsewhere(block: Block, item: Item, field: str) -> Iterator[tuple[str, str]]:
    finding = item.finding
    for other in block.all(finding.cohort, finding.endpoint, finding.statistic):
        same = other.months == item.months and other.index != item.index
        if same and not other.finding.source.is_beside(finding.source):
            instead: Reported = getattr(other.finding, field)
            if instead.is_number:
                yield field, instead.printed


def _follow_up(block: Block, item: Item, field: str) -> Iterator[tuple[str, str]]:
    finding = item.finding
    if finding.statistic != "median" or field != "value":
        return
    followed = block.numbers(finding.cohort, "follow-up", "median")
    if any(other.value.value == item.value.value for other in followed):
        yield from _as_printed_elsewhere(block, item, field)


def _neighbours(block: Block, item: Item) -> Iterator[Item]:
    source = item.finding.source
    if not source.column:
        return
    row = [
        i
        for i in block.items
        if i.finding.source.column
        and i.finding.source.is_beside(source)
        and i.finding.source.row == source.row
    ]
    columns = list(dict.fromkeys(i.finding.source.column for i in row))
    here = columns.index(source.column)
    for other in row:
        if abs(columns.index(other.finding.source.column) - here) == 1:
            yield other


def _neighbour(block: Block, item: Item, field: str) -> Iterator[tuple[str, str]]:
    for other in _neighbours(block, item):
        if other.value.is_number and field == "value":
            yield "value", other.value.printed


def _swapped(block: Block, item: Item, field: str) -> Iterator[tuple[str, str]]:
    """What is printed of one group may be of the other, wholly or in one number."""
    finding = item.finding
    if field in ("low", "high") and finding.low.is_number and finding.high.is_number:
        yield "low", finding.high.printed
    if field != "value":
        return
    for name in _sibling(block, finding.cohort):
        yield "cohort", name
    for other in exchangeable(block, item):
        groups = {finding.cohort, other.finding.cohort}
        beside = [i for i in block.items if i.finding.source.is_beside(finding.source)]
        # where nothing else is printed of the two, these are the groups exchanged
        if len(groups) == 1 or sum(i.finding.cohort in groups for i in beside) > 2:
            yield "value", other.value.printed


def _sibling(block: Block, cohort: str) -> Iterator[str]:
    """The other part of every split in two."""
    for _, _, parts in block.splits():
        names = [part.key for part in parts]
        if len(names) == 2 and cohort in names:
            yield next(name for name in names if name != cohort)


def exchangeable(block: Block, item: Item) -> Iterator[Item]:
    """The same number of the other part of a split, or of the other endpoint, in one place."""
    mine = item.finding
    groups = {(name, mine.endpoint) for name in _sibling(block, mine.cohort)}
    for other in block.items:
        f = other.finding
        same = (f.statistic, f.comparator) == (mine.statistic, mine.comparator)
        same = same and f.months == mine.months and f.source.is_beside(mine.source)
        beside = same and other.value.is_number
        endpoints = f.statistic in ("median", "survival") and f.cohort == mine.cohort
        if beside and ((f.cohort, f.endpoint) in groups or (endpoints and other is not item)):
            yield other


def _row_above(_block: Block, item: Item, field: str) -> Iterator[tuple[str, str]]:
    # a slip into this row from above is undone by an unknown number; what can be tried is the
    # reverse, that the row above was filled from here
    if field == "value" and Reported(item.above).is_number:
        yield "value", item.above


def _same_sentence(block: Block, item: Item, field: str) -> Iterator[tuple[str, str]]:
    source = item.finding.source
    for other in block.items:
        there = other.finding.source
        if there.column or source.column or not there.is_beside(source) or there.row != source.row:
            continue
        same = other.finding.statistic == item.finding.statistic
        if same and other.value.is_number and field == "value":
            yield "value", other.value.printed


def _years_for_months(_block: Block, item: Item, field: str) -> Iterator[tuple[str, str]]:
    timed = item.finding.statistic in ("median", "mean") and field == "value"
    if timed and item.value.value is not None:
        exact = Fraction(item.value.value)
        yield "value", _shaped(exact * 12, item.value)
        yield "value", _shaped(exact / 12, item.value)


def _other_time(_block: Block, item: Item, _field: str) -> Iterator[tuple[str, str]]:
    times = {Decimal(60): "48", Decimal(48): "60"}
    if item.finding.statistic == "survival" and item.months in times:
        yield "months", times[item.months]


def _mean_for_median(_block: Block, item: Item, _field: str) -> Iterator[tuple[str, str]]:
    if item.finding.statistic == "median":
        yield "statistic", "mean"


def _inverted(_block: Block, item: Item, field: str) -> Iterator[tuple[str, str]]:
    ratio = item.finding.statistic in ("hazard_ratio", "odds_ratio", "risk_ratio")
    printed: Reported = getattr(item.finding, field)
    if ratio and field in ("value", "low", "high") and printed.value:
        yield field, _shaped(1 / Fraction(printed.value), printed)


def _other_level(_block: Block, item: Item, field: str) -> Iterator[tuple[str, str]]:
    finding = item.finding
    if finding.low.is_number and finding.high.is_number and field in ("value", "low", "high", "p"):
        yield "level", "90"
        yield "level", "68.27"


def _transposed(_block: Block, item: Item, field: str) -> Iterator[tuple[str, str]]:
    text = _printed(item, field)
    for place in range(len(text) - 1):
        if text[place].isdigit() and text[place + 1].isdigit():
            pair = text[place + 1] + text[place]
            yield field, text[:place] + pair + text[place + 2 :]


def _one_digit(_block: Block, item: Item, field: str) -> Iterator[tuple[str, str]]:
    text = _printed(item, field)
    first = next((place for place, sign in enumerate(text) if sign.isdigit()), None)
    for place, sign in enumerate(text):
        if sign.isdigit():
            for digit in "0123456789":
                leading = digit == "0" and place == first and text[place + 1 : place + 2].isdigit()
                if digit != sign and not leading:
                    yield field, text[:place] + digit + text[place + 1 :]


_MAKERS: tuple[tuple[str, Maker], ...] = (
    ("rounded twice", _rounded_twice),
    ("cut off", _cut_off),
    ("as computed", _as_computed),
    ("as computed", _left_over),
    ("other denominator", _other_denominator),
    ("follow-up", _follow_up),
    ("as printed elsewhere", _as_printed_elsewhere),
    ("neighbour", _neighbour),
    ("swapped", _swapped),
    ("row above", _row_above),
    ("same sentence", _same_sentence),
    ("years for months", _years_for_months),
    ("other time", _other_time),
    ("mean for median", _mean_for_median),
    ("inverted", _inverted),
    ("other level", _other_level),
    ("digits transposed", _transposed),
    ("one digit", _one_digit),
)
