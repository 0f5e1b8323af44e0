"""How many slips are caught, by which rules, and how often the true cause is among those named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
from validation.audit.series import Detail
from validation.audit.simulate import REVIEW, Review, simulate
from validation.audit.slips import SLIPS, Case, Undo, slipped

from secondlook.audit import RULES, Class, Outcome, Severity, Verdict
from secondlook.audit.block import Block, Whole, blocks
from secondlook.audit.causes import Cause, changed, components, search
from secondlook.evidence import Finding

__all__ = ["SETTINGS", "mutations"]

STUDIES = 6
SEARCHED = {"complete": 4, "sparse": 80}
"""Reviews in which causes are searched for, which takes the longer the more is printed."""
SETTINGS: dict[str, tuple[Detail, float]] = {
    "complete, text repeats": ("complete", 1.0),
    "complete, tables alone": ("complete", 0.0),
    "sparse": ("sparse", 0.27),
}
"""What is printed, and the share of series whose main numbers the text repeats."""

Mark = tuple[str, str, tuple[tuple[int | None, str], ...]]
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


def _names(name: str, block: Block, new: list[Verdict], undo: list[Undo]) -> str:
    """Whether the true cause is named: first, among others, or not; empty without a search."""
    marks = {_mark(v) for v in new if v.severity is not Severity.INFO}
    if not marks:
        return ""
    answers = {"unnamed"}
    for group in components(_fired(block)):
        serious = [v for v in group if v.severity is not Severity.INFO]
        if not any(_mark(v) in marks for v in serious):
            continue
        causes = search(block, serious, RULES).causes
        right = [
            _undoes(block, changed(block, cause.edits), undo) or _is_kind(cause, name, undo)
            for cause in causes
        ]
        if any(right):
            answers.add("first" if right[0] else "among")
    return next(answer for answer in ("first", "among", "unnamed") if answer in answers)


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


def _one(
    name: str, case: Case, before: dict[str, set[Mark]], known: dict[str, Block], *, causes: bool
) -> Counter[str]:
    made = slipped(name, case)
    if made is None:
        return Counter()
    wrong, undo = made
    findings = list(case.review.evidence.findings)
    for index, finding in wrong.items():
        findings[index] = finding
    evidence = replace(case.review.evidence, findings=tuple(findings))
    study = findings[next(iter(wrong))].study
    block = known[study]
    for index, finding in wrong.items():
        block = block.changed(index, finding)
    new = [v for v in _fired(block) if _mark(v) not in before[study]]
    new += [v for v in _fired(Whole(evidence, None)) if _mark(v) not in before[""]]
    level = _level(new)
    counts = Counter({"slips": 1, level: 1})
    if _apart(case.review, wrong):
        counts += Counter({"apart": 1, f"apart {level}": 1})
    if causes and level in ("sound", "soft"):
        named = _names(name, block, [v for v in new if _in(v, study)], undo)
        counts += Counter({named: 1} if named else {})
    return counts


def _in(verdict: Verdict, study: str) -> bool:
    return any(cell.study == study and cell.index is not None for cell in verdict.cells)


def _reviews(seed: int, setting: str, numbers: Iterable[int]) -> dict[str, Counter[str]]:
    detail, text = SETTINGS[setting]
    counts: dict[str, Counter[str]] = {name: Counter() for name in SLIPS}
    for number in numbers:
        random = np.random.default_rng([seed, 1, list(SETTINGS).index(setting), number])
        review = simulate(random, studies=STUDIES, detail=detail, text=text)
        known = {block.study.key: block for block in blocks(review.evidence)}
        before = {key: {_mark(v) for v in _fired(block)} for key, block in known.items()}
        before[""] = {_mark(v) for v in _fired(Whole(review.evidence, None))}
        studies = [key for key in known if key != REVIEW]
        for name in SLIPS:
            case = Case(review, studies[int(random.integers(len(studies)))], random)
            counts[name] += _one(name, case, before, known, causes=number < SEARCHED[detail])
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
