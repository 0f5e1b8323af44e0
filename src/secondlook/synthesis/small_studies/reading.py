"""How any result about small studies is to be read: sentences, and the layout they stand in."""

from __future__ import annotations

from collections.abc import Sequence

from secondlook.errors import EstimationError, Problem

__all__ = [
    "FEW",
    "NOT_PROOF",
    "about_few",
    "about_omitted",
    "refuse_fewer",
    "refuse_unknown",
    "sections",
]

FEW = 10
"""Below so many studies tests of asymmetry have little power (Sterne and others, BMJ
2011;343:d4002)."""

NOT_PROOF = (
    "Asymmetry is not proof of publication bias: heterogeneity, poorer methods in small studies, "
    "the choice of effect measure and chance bring it about as well."
)


def about_few(k: int) -> list[str]:
    """Warn where there are too few studies to see asymmetry.

    Examples
    --------
    >>> about_few(12)
    []
    """
    if k >= FEW:
        return []
    return [
        f"With fewer than {FEW} studies (here {k}) asymmetry can hardly be told from chance: "
        "finding none is no evidence that there is none."
    ]


def about_omitted(omitted: Sequence[str]) -> list[str]:
    """Say which studies were left out because a number is missing."""
    return [f"Left out, a number missing: {', '.join(omitted)}."] if omitted else []


def refuse_fewer(where: str, k: int, least: int) -> None:
    """Refuse fewer studies than a method needs."""
    if k < least:
        shown = f"{k} {'study' if k == 1 else 'studies'}"
        rule, remedy = "is too few here", f"give at least {least}"
        raise EstimationError(Problem(where, shown, rule, remedy))


def refuse_unknown(where: str, option: object, known: Sequence[str]) -> None:
    """Refuse an option that does not exist."""
    if not isinstance(option, str) or option not in known:
        rule, remedy = "is not known here", f"use {', '.join(known)}"
        raise EstimationError(Problem(where, str(option), rule, remedy))


def sections(head: Sequence[str], conventions: Sequence[str], warnings: Sequence[str]) -> str:
    """Put a result, the choices behind it and the reasons for care under each other."""
    parts = [list(head)]
    if conventions:
        parts.append(["Conventions", *(f"  {sentence}" for sentence in conventions)])
    if warnings:
        parts.append(["Warnings", *(f"  {sentence}" for sentence in warnings)])
    return "\n\n".join("\n".join(lines) for lines in parts)
