"""Certainty of evidence for the page: the summary of findings, and the domains behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from secondlook.report.numerals import interval_text, plural
from secondlook.synthesis import (
    AbsoluteEffect,
    AnalysisResult,
    CertaintyOfEvidence,
    Domain,
    Interval,
)

__all__ = ["CertaintyNote", "certainty_notes", "findings_frame"]

_UNITS = {"%": "\u00a0%", "percentage points": " points"}
_FILLED = {"high": 4, "moderate": 3, "low": 2, "very low": 1}


@dataclass(frozen=True, slots=True)
class CertaintyNote:
    """One analysis as the page explains its certainty: a heading, domains, and assumptions."""

    title: str
    domains: tuple[tuple[str, str, str], ...]
    assumptions: tuple[str, ...]


def findings_frame(
    certainty: Sequence[CertaintyOfEvidence], results: Sequence[AnalysisResult]
) -> pl.DataFrame:
    """Give the summary of findings: one row for each analysis and time."""
    known = {result.analysis.id: result for result in results}
    rows = []
    for one in certainty:
        if one.id not in known:
            continue
        result = known[one.id]
        unit = _UNITS.get(result.unit, "")
        effect = "–" if result.unit == "%" else interval_text(result.shown, unit)
        for absolute in one.absolute or (None,):
            rows.append(
                {
                    "Outcome": one.title,
                    "Studies (patients)": _studies(one),
                    "Effect": effect,
                    **_absolute(absolute),
                    "Certainty": _rating(one),
                }
            )
    return pl.DataFrame(rows)


def _studies(one: CertaintyOfEvidence) -> str:
    patients = "not all printed" if one.patients is None else f"{one.patients:,}"
    return f"{one.studies} ({patients})"


def _absolute(absolute: AbsoluteEffect | None) -> dict[str, str]:
    names = ("At months", "Alive in 1,000 without", "with", "Difference")
    if absolute is None:
        return dict.fromkeys(names, "–")
    without = "–" if absolute.without is None else f"{absolute.without:.0f}"
    said = (f"{absolute.months:g}", without, _whole(absolute.treated), _whole(absolute.difference))
    return dict(zip(names, said, strict=True))


def _whole(interval: Interval | None) -> str:
    if interval is None:
        return "–"
    values = (interval.estimate, interval.low, interval.high)
    middle, low, high = (f"{value:.0f}".replace("-", "−") for value in values)
    return f"{middle} ({low} to {high})"


def _rating(one: CertaintyOfEvidence) -> str:
    if not one.rating:
        return f"open: {plural(len(one.open), 'domain', 'domains')} undecided"
    filled = _FILLED[one.rating]
    return f"{'⊕' * filled}{'○' * (4 - filled)} {one.rating}"


def certainty_notes(certainty: Sequence[CertaintyOfEvidence]) -> tuple[CertaintyNote, ...]:
    """Explain each rating: by domain what was computed, what that suggests, what was decided."""
    notes = []
    for one in certainty:
        title = f"{one.title}: starts at {one.start}"
        if one.upgrade:
            title += f", {plural(one.upgrade, 'level', 'levels')} up ({one.upgrade_reason})"
        notes.append(CertaintyNote(title, tuple(map(_domain, one.domains)), one.assumptions))
    return tuple(notes)


def _domain(domain: Domain) -> tuple[str, str, str]:
    facts = " ".join(domain.facts)
    if domain.suggested:
        facts += f" This suggests: {domain.suggested}."
    decided = f"{domain.decided}: {domain.reason}" if domain.decided else "not decided yet"
    return domain.name.replace("_", " ").capitalize(), facts, decided
