"""What is asked of a model of grouped effects: checked in one place, all mistakes at once."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.multilevel.degrees import DEGREES
from secondlook.synthesis.printed_columns import written

__all__ = ["METHODS", "check_level", "check_options", "unknown"]

METHODS: dict[str, str] = {
    "REML": "restricted maximum likelihood, at its highest maximum",
    "ML": "maximum likelihood, at its highest maximum",
}
"""How the variances are estimated."""

_TESTS = ("t", "z")


def check_options(where: str, *, method: str, test: str, degrees: str, level: float) -> None:
    """Refuse a method, test, count of degrees of freedom or level that does not exist."""
    problems = [
        *unknown(f"{where}, method", method, METHODS),
        *unknown(f"{where}, test", test, _TESTS),
        *unknown(f"{where}, degrees_of_freedom", degrees, DEGREES),
        *check_level(where, level),
    ]
    if problems:
        raise EstimationError(problems)


def unknown(where: str, value: object, known: Collection[str]) -> list[Problem]:
    """Name a value that is not among those known."""
    # as text, since a list in its place could not even be looked up
    if written(value) in known:
        return []
    return [Problem(where, written(value), "is not known", f"use {', '.join(known)}")]


def check_level(where: str, level: object) -> list[Problem]:
    """Name a level that is no share between 0 and 1."""
    if isinstance(level, float | np.floating) and 0 < level < 1:
        return []
    rule = "is not a number between 0 and 1"
    return [Problem(f"{where}, level", written(level), rule, "write 0.95 for 95 %")]
