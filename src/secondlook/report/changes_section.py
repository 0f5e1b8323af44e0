"""What an earlier report in the same folder said, and what changed since."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secondlook.report.numerals import interval_text, number, plural
from secondlook.synthesis import AnalysisResult, Change, Interval, changes_since

__all__ = ["Earlier", "change_sentences", "earlier_report", "shown_changes"]

_UNITS = {"%": "\u00a0%", "percentage points": " points"}
_WHY = {
    "new": "is a new analysis",
    "dropped": "is no longer planned",
    "evidence": "changed, since its evidence did",
    "plan": "changed, since its plan did",
    "plan and evidence": "changed, since its plan and its evidence did",
    "program": "changed although its plan and its evidence did not: the program did",
}


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a folder's numbers.json says.

    Attributes
    ----------
    files
        Figures and tables it says were written.
    analyses
        Its analyses; empty when it is of another review.
    changes
        What had changed when it was written.
    """

    files: frozenset[str] = frozenset()
    analyses: tuple[Mapping[str, Any], ...] = ()
    changes: tuple[Change, ...] = ()


def earlier_report(numbers: Path, title: str) -> Earlier:
    """Read an earlier report's numbers; one that is missing or was edited counts as none."""
    try:
        content = json.loads(numbers.read_text(encoding="utf-8"))
        names = [name for name in content["files"] if isinstance(name, str)]
    except (OSError, ValueError, KeyError, TypeError):
        return Earlier()
    mine = [name for name in names if ".." not in Path(name).parts]
    files = frozenset(name for name in mine if name.startswith(("figures/", "tables/")))
    try:
        if content["title"] != title:
            return Earlier(files)
        changes = tuple(Change.from_dict(plain) for plain in content["changes"])
        analyses = tuple(content["analyses"])
        changes_since(analyses, ())  # an edited file shows itself here, and not half way through
    except (KeyError, TypeError, ValueError, AttributeError):
        return Earlier(files)
    return Earlier(files, analyses, changes)


def shown_changes(earlier: Earlier, results: Sequence[AnalysisResult]) -> tuple[Change, ...]:
    """Give what changed since the earlier report, or what it says itself when nothing did.

    A report that is written twice from the same evidence therefore stays as it is.
    """
    if not earlier.analyses:
        return ()
    return changes_since(earlier.analyses, results) or earlier.changes


def change_sentences(change: Change) -> tuple[str, tuple[str, ...]]:
    """Say what changed in an analysis, and in a sentence each which keys and rows did it."""
    unit = _UNITS.get(change.unit, "")
    said = f"{change.title} {_WHY[change.kind]}"
    if change.kind in ("new", "dropped"):
        pass
    elif change.before is None or change.after is None:
        said += f": from {_pooled(change.before, unit)} to {_pooled(change.after, unit)}"
    else:
        said += (
            f": from {number(change.before.estimate, unit)} to {interval_text(change.after, unit)}"
        )
    details = [f"In the plan, {key}." for key in change.plan]
    for row in change.rows:
        if not row.before:
            what = f"{row.label} was added: {row.after}"
        elif not row.after:
            what = f"{row.label} was taken out: {row.before}"
        else:
            what = f"{row.label}: {row.before} became {row.after}"
        if row.undone is not None and len(change.rows) > 1:
            what += f". Without this change the answer would be {interval_text(row.undone, unit)}"
        details.append(f"{what}.")
    if len(change.rows) > 1:
        many = plural(len(change.rows), "row", "rows")
        details.append(f"The effects of {many} do not add up exactly to the whole change.")
    return f"{said}.", tuple(details)


def _pooled(interval: Interval | None, unit: str) -> str:
    return "no pooled answer" if interval is None else interval_text(interval, unit)
