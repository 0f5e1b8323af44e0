"""References and dates: who is cited, in which language and year, and what time allows.

An unmarked language is unknown, not English. Years are whole: a year stands for all its days, in
the authors' favour.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from unicodedata import combining, normalize

from secondlook.audit.arithmetic import Range
from secondlook.audit.block import Item, Whole
from secondlook.audit.rule import Class, Rule, fired, not_evaluated, passed
from secondlook.audit.verdict import Cell, Severity, Verdict
from secondlook.evidence import ENTIRE, Reference, Source, Study

__all__ = ["RULES", "with_a_row"]

_FAMILY = "references and dates"
_OUTSIDE = ("background", "review")
_BY_HAND = (
    "the window of the search binds what is included: not so for what was found by hand or "
    "online first, hence a suspect"
)
_ROW_AUTHOR = re.compile(
    r"(?P<name>[^\d\[(,&]*?[^\W\d][^\d\[(,&]*?)\s*"
    r"(?P<others>,?\s*et\s+al\b\.?|,|&|\band\b|(?=[\[(]|\s(?:19|20)\d\d\b))"
)


# longer is no name, and would be searched for one at length
_LONGEST_HEADING = 100


def _cell(study: str, field: str, printed: str, place: str, row: str = "") -> Cell:
    return Cell(study, "", "", "", None, field, printed, Source(place=place, row=row))


def _of_reference(study: str, reference: Reference, field: str) -> Cell:
    printed: str = getattr(reference, field)
    return _cell(study, field, printed, "references", f"reference {reference.number}")


def _year(printed: str) -> int | None:
    """The year in a date; None where there is none."""
    found = re.match(r"\s*([0-9]{4})(?![0-9])", printed)
    return int(found[1]) if found else None


def _number(printed: str) -> int | None:
    return int(printed) if re.fullmatch(r"[0-9]{1,9}", printed) else None


def _of_studies(review: Whole) -> Iterator[tuple[Study, Reference | None, list[Item]]]:
    """Every study with its reference and its findings."""
    for study in review.evidence.studies:
        yield study, review.references.get(study.reference), list(review.of(study.key))


def _citation_span(review: Whole) -> Iterator[Verdict]:
    rule = "citation-span"
    spans: dict[tuple[str, str, Source], list[Item]] = {}
    for item in review.items:
        if item.finding.statistic == "citation_span":
            f = item.finding
            here = Source(f.source.document, f.source.place, f.source.row)
            spans.setdefault((f.study, f.cohort, here), []).append(item)
    number_of = {s.key: s.reference for s in review.evidence.studies} if spans else {}
    for (study, cohort, here), items in spans.items():
        cells = [item.cell(field) for item in items for field in ("low", "high")]
        table = with_a_row(review, study, cohort, here.document)
        present = {_number(number_of.get(other, "")) for other in table}
        ends = [_number(cell.printed.strip()) for cell in cells]
        if not present or None in present or None in ends:
            lacking = "the first and the last number" if None in ends else "the rows it speaks of"
            yield not_evaluated(rule, lacking, cells)
            continue
        whole = [end for end in ends if end is not None]
        pairs = list(zip(whole[::2], whole[1::2], strict=True))
        yield _span(review, cells, pairs, {n for n in present if n is not None})


def with_a_row(review: Whole, study: str, cohort: str, document: str) -> Iterator[str]:
    """The studies that a cohort is made of, as far as a table of the document has their row."""
    named = [own.overlaps for own in review.cohorts(study) if own.key == cohort]
    for name in named[-1] if named else ():
        other, _, key = name.partition("/")
        if any(
            item.finding.source.column
            and item.finding.source.document == document
            and item.finding.cohort == (key or ENTIRE)
            for item in review.of(other)
        ):
            yield other


def _span(
    review: Whole, cells: list[Cell], pairs: list[tuple[int, int]], rows: set[int]
) -> Verdict:
    """Compare cited numbers with rows, as intervals, so that a mistyped end costs nothing."""
    gaps: list[str] = []
    for low, high in pairs:
        before = low - 1
        for row in [*sorted(n for n in rows if low <= n <= high), high + 1]:
            if row - before > 1:
                gaps.append(str(row - 1) if row - before == 2 else f"{before + 1} to {row - 1}")
            before = row
    uncited = sorted(n for n in rows if not any(low <= n <= high for low, high in pairs))
    computed = f"{len(rows)} rows"
    if not gaps and not uncited:
        return passed("citation-span", cells, computed)
    said = [f"{', '.join(gaps)} cited but without a row"] if gaps else []
    said += [f"{', '.join(map(str, uncited))} with a row but not cited"] if uncited else []
    shown = ", ".join(f"{low} to {high}" for low, high in pairs)
    message = f"references {shown} are cited with the table: {'; '.join(said)}"
    wanted = {gap for gap in gaps if gap.isdigit()}
    found = [s for s in review.evidence.studies if s.reference in wanted]
    extra = [_cell(s.key, "reference", s.reference, "studies") for s in found]
    return fired("citation-span", [*cells, *extra], message, computed, Severity.ERROR)


def _plain(name: str) -> str:
    """A family name without accents, marks, spaces and initials."""
    words = [w for w in name.split() if not re.fullmatch(r"(?:[A-Z]\.?-?){1,3}", w)] or [name]
    letters = normalize("NFKD", "".join(words).casefold().replace("ø", "o").replace("ł", "l"))
    return "".join(c for c in letters if c.isalpha() and not combining(c))


def _distance(one: str, other: str) -> int:
    """Letters to insert, remove, replace or swap with the next."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and b == one[i - 2]:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, last = last, row
    return last[-1]


def _author_spelling(review: Whole) -> Iterator[Verdict]:
    for study in review.evidence.studies:
        seen: set[tuple[str, str, str]] = set()
        for item in review.of(study.key):
            source = item.finding.source
            place = (source.document, source.place, source.row)
            if source.column and source.document != study.key and place not in seen:
                seen.add(place)
                yield _row_author(review, study, source)


def _row_author(review: Whole, study: Study, source: Source) -> Verdict:
    row = source.row
    heading = Cell(study.key, "", "", "", None, "row", row, source)
    name = _ROW_AUTHOR.match(row[:_LONGEST_HEADING])
    cited = re.search(r"\[\s*([0-9]+)\s*\]", row)
    reference = review.references.get(cited[1] if cited else study.reference)
    if name is None or reference is None or not reference.first_author:
        lacking = "the reference" if name else "an author in the heading of the row"
        return not_evaluated("author-spelling", lacking, [heading])
    # only a heading that says "et al." and the number names its author beyond doubt
    sure = cited is not None and "et" in name["others"].split()
    cells = [heading, _of_reference(study.key, reference, "first_author")]
    return _names(cells, name["name"], reference, sure=sure)


def _names(cells: list[Cell], name: str, reference: Reference, *, sure: bool) -> Verdict:
    rule, first = "author-spelling", reference.first_author
    a, b = _plain(name), _plain(first)
    apart = _distance(a, b) if a != b else 0
    computed = f"{apart} letter{'s' * (apart != 1)} apart"
    if a == b:
        return passed(rule, cells, computed)
    near = apart <= max(1, max(len(a), len(b)) // 3) or a.endswith(b) or b.endswith(a)
    if near:
        message = f"the row is headed {name}, reference {reference.number} begins with {first}"
        return fired(rule, cells, message, computed, Severity.SUSPECT)
    message = f"the row is headed {name}, but reference {reference.number} is by {first}"
    # a group that signs as one is cited by a person's name
    severity = Severity.ERROR if sure and len(first.split()) <= 3 else Severity.SUSPECT
    return fired(rule, cells, message, computed, severity)


def _included(review: Whole) -> Iterator[tuple[Study, Reference]]:
    """The studies that were reviewed, not only cited, with their references."""
    for study, reference, _ in _of_studies(review):
        if reference is not None and study.design not in _OUTSIDE:
            yield study, reference


def _one_language(word: str, name: str) -> bool:
    """Tell whether two words name one language; a code (en, eng) is the start of its name."""
    name = name.strip().casefold()
    return len(word) > 1 and (name.startswith(word) or word.startswith(name))


def _language_eligibility(review: Whole) -> Iterator[Verdict]:
    rule = "language-eligibility"
    wanted = review.question.search.languages if review.question else ()
    asked = [_cell("", "search.languages", ", ".join(wanted), "review.toml")] if wanted else []
    if not wanted:
        yield not_evaluated(rule, "the languages of the search")
        return
    for study, reference in _included(review):
        cells = [_of_reference(study.key, reference, "language"), *asked]
        own = re.split(r"[,;/]|\band\b", reference.language.casefold())
        if not reference.language.strip():
            yield not_evaluated(rule, "the language of the reference", cells)
        elif any(_one_language(word.strip(), name) for word in own for name in wanted):
            yield passed(rule, cells)
        else:
            message = (
                f"reference {reference.number} is in {reference.language}, "
                f"the search was of {', '.join(wanted)}"
            )
            yield fired(rule, cells, message, reference.language, Severity.SUSPECT)


def _year_eligibility(review: Whole) -> Iterator[Verdict]:
    rule = "year-eligibility"
    search = review.question.search if review.question else None
    start, end = (_year(search.start), _year(search.end)) if search else (None, None)
    if search is None or (start is None and end is None):
        yield not_evaluated(rule, "the years of the search")
        return
    asked = [
        _cell("", f"search.{name}", printed, "review.toml")
        for name, printed in (("start", search.start), ("end", search.end))
        if printed
    ]
    for study, reference in _included(review):
        cells = [_of_reference(study.key, reference, "year"), *asked]
        year = _year(reference.year)
        if year is None:
            yield not_evaluated(rule, "the year of the reference", cells)
        elif (start is not None and year < start) or (end is not None and year > end):
            message = (
                f"reference {reference.number} is of {year}, the search ran "
                f"from {search.start or 'any time'} to {search.end or 'any time'}"
            )
            yield fired(rule, cells, message, str(year), Severity.SUSPECT)
        else:
            yield passed(rule, cells, str(year))


def _accrual(study: Study, items: Iterable[Item], end: str) -> list[Cell]:
    """What is printed of the first (`low`) or last (`high`) year of accrual."""
    found = [
        item.cell(end)
        for item in items
        if (item.finding.statistic, item.finding.endpoint.casefold()) == ("period", "accrual")
    ]
    field = "accrual_start" if end == "low" else "accrual_end"
    cells = [*found, _cell(study.key, field, getattr(study, field), "studies")]
    return [cell for cell in cells if cell.printed.strip()]


def _years(cell: Cell) -> Range:
    # "1984" may carry a footnote mark or "about"; what is no number bounds nothing
    return Range.count(cell.reported) if cell.reported.is_number else Range(None, None)


def _horizon_possible(review: Whole) -> Iterator[Verdict]:
    rule = "horizon-possible"
    for study, reference, items in _of_studies(review):
        rates = [i for i in items if i.finding.statistic == "survival" and i.value.is_number]
        timed = [(i, i.months) for i in rates if i.months is not None and i.months.is_finite()]
        if not timed:
            continue
        starts = _accrual(study, items, "low")
        lows = [low for low in (_years(cell).low for cell in starts) if low is not None]
        year = _year(reference.year) if reference else None
        if reference is None or year is None or not lows or len(lows) < len(starts):
            lacking = "the first year of accrual" if year else "the year of publication"
            yield not_evaluated(rule, lacking, [timed[0][0].cell()])
            continue
        room = year + 1 - min(lows)
        for item, months in timed:
            cells = [item.cell(), *starts, _of_reference(study.key, reference, "year")]
            computed = f"from {min(lows)} to the end of {year} are {room} years"
            if Fraction(months) / 12 <= room:
                yield passed(rule, cells, computed)
            else:
                message = f"a survival at {months} months was not to be seen: {computed}"
                yield fired(rule, cells, message, computed, Severity.ERROR)


def _period_before_publication(review: Whole) -> Iterator[Verdict]:
    rule = "period-before-publication"
    for study, reference, items in _of_studies(review):
        starts, ends = _accrual(study, items, "low"), _accrual(study, items, "high")
        for start, end in [(s, e) for s in starts for e in ends if s.index == e.index]:
            if _years(end).is_below(_years(start)):
                message = f"accrual ends in {end.printed}, before it starts in {start.printed}"
                yield fired(rule, [start, end], message, message, Severity.ERROR)
            else:
                yield passed(rule, [start, end])
        year = _year(reference.year) if reference else None
        for end in ends:
            if reference is None or year is None:
                yield not_evaluated(rule, "the year of publication", [end])
                continue
            cells = [end, _of_reference(study.key, reference, "year")]
            computed = f"{end.printed} and {year}"
            if Range(Fraction(year), Fraction(year)).is_below(_years(end)):
                message = f"accrual ends in {end.printed}, after the publication in {year}"
                yield fired(rule, cells, message, computed, Severity.ERROR)
            else:
                yield passed(rule, cells, computed)


RULES: tuple[Rule, ...] = (
    Rule(
        "citation-span",
        _FAMILY,
        "The references cited with a table are the references of its rows.",
        Class.SOUND,
        Severity.ERROR,
        "the first and last number cited, the cohorts (as overlaps) and their references",
        "the cited numbers are meant as the rows of the table",
        "definition of the set",
        review=_citation_span,
    ),
    Rule(
        "author-spelling",
        _FAMILY,
        "The author in the heading of a row is the first author of its reference.",
        Class.CONDITIONAL,
        Severity.ERROR,
        "an author in the heading of the row, and the reference",
        "the heading names an author (et al.) and the number of the reference",
        "",
        review=_author_spelling,
    ),
    Rule(
        "language-eligibility",
        _FAMILY,
        "A study that was reviewed is in a language that was searched.",
        Class.CONDITIONAL,
        Severity.SUSPECT,
        "the languages of the search and of the reference",
        _BY_HAND,
        "",
        review=_language_eligibility,
    ),
    Rule(
        "year-eligibility",
        _FAMILY,
        "A study that was reviewed is of a year that was searched.",
        Class.CONDITIONAL,
        Severity.SUSPECT,
        "the years of the search and of the reference",
        _BY_HAND,
        "",
        review=_year_eligibility,
    ),
    Rule(
        "horizon-possible",
        _FAMILY,
        "A survival at a time needs that time between the first patient and the publication.",
        Class.SOUND,
        Severity.ERROR,
        "the time of the rate, the first year of accrual and the year of publication",
        "the rate was observed, not extrapolated",
        "a rate at a time needs patients followed to it",
        review=_horizon_possible,
    ),
    Rule(
        "period-before-publication",
        _FAMILY,
        "Accrual starts before it ends, and ends before the source is published.",
        Class.SOUND,
        Severity.ERROR,
        "the years of accrual; the year of publication",
        "",
        "order of time",
        review=_period_before_publication,
    ),
)
