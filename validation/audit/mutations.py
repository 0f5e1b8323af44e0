"""How many slips are caught, by which rules, and how often the true cause is among those named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np
from validation.audit.series import Detail
from validation.audit.simulate import REVIEW, Review, simulate
from validation.audit.slips import SLIPS, Case, Undo, slipped

from secondlook.audit import RULES, Class, Outcome, Severity, Verdict
from secondlook.audit.block import Block, Whole, blocks
from secondlook.audit.causes import Cause, changed, components, search
from secondlook.audit.review_causes import search_review
from secondlook.evidence import Evidence, Finding

__all__ = ["SETTINGS", "mutations"]

STUDIES = 6
SEARCHED = {"complete": 10, "sparse": 40}
"""Reviews in which causes are searched for, which takes the longer the more is printed."""
SETTINGS: dict[str, tuple[Detail, float]] = {
    "complete, text repeats": ("complete", 1.0),
    "complete, tables alone": ("complete", 0.0),
    "sparse": ("sparse", 0.27),
}
"""What is printed, and the share of series whose main numbers the text repeats."""

Mark = tuple[str, str, tuple[tuple[int | None, str], ...]]
_FIELDS = ("value", "low", "high", "p", "events", "n")
_KIND = {rule.id: rule.kind for rule in RULES}


def _fired(at: Block | Whole) -> list[Verdict]:
    return [v for rule in RULES for v in rule.look(at) if v.outcome is Outcome.FIRED]


def _mark(verdict: Verdict) -> Mark:
    cells = tuple((cell.index, cell.field) for cell in verdict.cells)
    return verdict.rule, str(verdict.severity), cells


def _level(new: list[Verdict]) -> str:
    """What caught it: a sound rule with an error, a soft one, an info, nothing."""
    levels = {
        "sound"
        if _KIND[v.rule] is Class.SOUND and v.severity is Severity.ERROR
        else ("info" if v.severity is Severity.INFO else "soft")
        for v in new
    }
    return next((level for level in ("sound", "soft", "info") if level in levels), "unseen")


def _names(name: str, slip: _Slip, new: list[Verdict]) -> str:
    """Whether the true cause is named: first, among others, or not; empty without a search."""
    answers = set()
    for causes in _searches(slip, {_mark(v) for v in new if _is_proven(v)}):
        right = [
            _undoes(slip.block, changed(slip.block, cause.edits), slip.undo)
            or _is_kind(cause, name, slip.undo)
            for cause in causes
            if all(edit.index in slip.indexes for edit in cause.edits)
        ]
        first = bool(causes) and all(edit.index in slip.indexes for edit in causes[0].edits)
        answers.add(("first" if first and right[0] else "among") if any(right) else "unnamed")
    return next((answer for answer in ("first", "among", "unnamed") if answer in answers), "")


def _is_proven(verdict: Verdict) -> bool:
    """Tell whether causes are searched for: not for what is only odd."""
    return verdict.severity is not Severity.INFO and _KIND[verdict.rule] is not Class.PLAUSIBILITY


def _searches(slip: _Slip, marks: set[Mark]) -> Iterator[tuple[Cause, ...]]:
    """The causes of everything new, as an audit would search for them."""
    for group in components(_fired(slip.block)):
        serious = [v for v in group if v.severity is not Severity.INFO]
        if any(_mark(v) in marks for v in serious):
            yield search(slip.block, serious, RULES).causes
    whole = Whole(slip.evidence, None)
    for verdict in _fired(whole):
        if _mark(verdict) in marks:
            yield search_review(whole, verdict, RULES).causes


def _is_kind(cause: Cause, name: str, undo: list[Undo]) -> bool:
    """Tell whether years are named as such: in months they are not known to the last digit."""
    edits = [(edit.index, edit.slip) for edit in cause.edits]
    return name == "years for months" and edits == [(i, name) for i in undo[0]]


def _undoes(wrong: Block, after: Block, undo: list[Undo]) -> bool:
    """Tell whether a change restores what was printed before the slip, and nothing else."""
    findings = [(item.index, item.finding) for item in after.items]
    before = {item.index: item.finding for item in wrong.items}
    return any(all(f == (before | right)[i] for i, f in findings) for right in undo)


def _apart(review: Review, wrong: dict[int, Finding]) -> bool:
    """Tell whether some number was changed so far that its two rounding intervals do not touch."""
    for index, finding in wrong.items():
        before = review.evidence.findings[index]
        for field in ("value", "low", "high", "p"):
            old, new = getattr(before, field), getattr(finding, field)
            if old.is_number and new.is_number and old.printed != new.printed:
                (a, b), (c, d) = old.interval, new.interval
                if (b is not None and c is not None and b < c) or (
                    a is not None and d is not None and d < a
                ):
                    return True
    return False


@dataclass(frozen=True)
class _Slip:
    """A review with a slip in it: the study it is in, and what would undo it."""

    evidence: Evidence
    block: Block
    changed: frozenset[tuple[int, str]]
    undo: list[Undo]

    @cached_property
    def indexes(self) -> set[int]:
        """The findings of the study."""
        return {item.index for item in self.block.items}


def _made(name: str, case: Case, known: dict[str, Block]) -> tuple[_Slip, bool] | None:
    """Make a slip; and tell whether it leaves the rounding of the right number."""
    made = slipped(name, case)
    if made is None:
        return None
    wrong, undo = made
    findings = list(case.review.evidence.findings)
    cells = set()
    for index, finding in wrong.items():
        cells |= {(index, f) for f in _FIELDS if getattr(finding, f) != getattr(findings[index], f)}
        findings[index] = finding
    block = known[findings[next(iter(wrong))].study]
    for index, finding in wrong.items():
        block = block.changed(index, finding)
    evidence = replace(case.review.evidence, findings=tuple(findings))
    return _Slip(evidence, block, frozenset(cells), undo), _apart(case.review, wrong)


def _one(name: str, case: Case, clean: _Clean, *, causes: bool) -> Counter[str]:
    made = _made(name, case, clean.known)
    if made is None:
        return Counter()
    slip, apart = made
    study = slip.block.study.key
    new = [v for v in _fired(slip.block) if _mark(v) not in clean.before[study]]
    new += [v for v in _fired(Whole(slip.evidence, None)) if _mark(v) not in clean.before[""]]
    level = _level(new)
    counts = Counter({"slips": 1, level: 1})
    if apart:
        counts += Counter({"apart": 1, f"apart {level}": 1})
    # a number no rule sees beside another: before the slip, or after it
    if not (clean.is_linked(slip.changed) or any(_links(v, slip.changed) for v in new)):
        counts += Counter({"alone": 1, f"alone {level}": 1})
    if causes and level in ("sound", "soft"):
        named = _names(name, slip, new)
        counts += Counter({named: 1} if named else {})
    return counts


def _links(verdict: Verdict, wrong: frozenset[tuple[int, str]]) -> bool:
    """Tell whether a rule that is no plausibility rule saw a wrong number beside another."""
    if _KIND[verdict.rule] is Class.PLAUSIBILITY or verdict.outcome is Outcome.NOT_EVALUATED:
        return False
    cells = {(cell.index, cell.field) for cell in verdict.cells}
    return bool(cells & wrong) and bool(cells - wrong)


@dataclass(frozen=True)
class _Clean:
    """A review before the slip: its studies, what fires there, and which numbers are compared."""

    known: dict[str, Block]
    before: dict[str, set[Mark]]
    links: list[set[tuple[int | None, str]]]

    @classmethod
    def of(cls, evidence: Evidence) -> _Clean:
        known = {block.study.key: block for block in blocks(evidence)}
        places: dict[str, Block | Whole] = {**known, "": Whole(evidence, None)}
        before: dict[str, set[Mark]] = {key: set() for key in places}
        links = []
        for key, at in places.items():
            for verdict in (v for rule in RULES for v in rule.look(at)):
                if verdict.outcome is Outcome.FIRED:
                    before[key].add(_mark(verdict))
                if verdict.outcome is Outcome.NOT_EVALUATED:
                    continue
                if _KIND[verdict.rule] is not Class.PLAUSIBILITY:
                    links.append({(cell.index, cell.field) for cell in verdict.cells})
        return cls(known, before, links)

    def is_linked(self, wrong: frozenset[tuple[int, str]]) -> bool:
        """Tell whether some rule compares one of these numbers with another."""
        return any(cells & wrong and cells - wrong for cells in self.links)


def _reviews(seed: int, setting: str, numbers: Iterable[int]) -> dict[str, Counter[str]]:
    detail, text = SETTINGS[setting]
    counts: dict[str, Counter[str]] = {name: Counter() for name in SLIPS}
    for number in numbers:
        random = np.random.default_rng([seed, 1, list(SETTINGS).index(setting), number])
        review = simulate(random, studies=STUDIES, detail=detail, text=text)
        clean = _Clean.of(review.evidence)
        studies = [key for key in clean.known if key != REVIEW]
        for name in SLIPS:
            case = Case(review, studies[int(random.integers(len(studies)))], random)
            counts[name] += _one(name, case, clean, causes=number < SEARCHED[detail])
    return counts


def mutations(*, seed: int, reviews: int, workers: int) -> dict[str, Any]:
    """Make every slip once in each of this many reviews, on three kinds of table."""
    start, results = perf_counter(), {}
    for setting in SETTINGS:
        total: dict[str, Counter[str]] = {name: Counter() for name in SLIPS}
        parts = [range(first, reviews, 16) for first in range(16)]
        with ProcessPoolExecutor(workers) as pool:
            futures = [pool.submit(_reviews, seed, setting, part) for part in parts]
            for done, future in enumerate(futures, 1):
                for name, counts in future.result().items():
                    total[name] += counts
                seconds = perf_counter() - start
                print(f"\rslips, {setting}: {done}/{len(parts)}, {seconds:.0f} s ", end="")
        print()
        results[setting] = {name: dict(counts) for name, counts in total.items()}
    return {"seed": seed, "reviews": reviews, "searched": SEARCHED, "tables": results}
