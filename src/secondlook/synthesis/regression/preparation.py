"""From what was handed in to studies with all their moderators and a design matrix for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.between_study_variance import ESTIMATORS
from secondlook.synthesis.printed_columns import Floats, named, one_list, raise_any, written
from secondlook.synthesis.regression.coefficients import is_share
from secondlook.synthesis.regression.design import (
    Columns,
    Design,
    Recipe,
    read_columns_of,
    refuse_collinear,
)
from secondlook.synthesis.regression.formula import read_formula
from secondlook.synthesis.regression.moderators import Moderator, Moderators, read_moderators
from secondlook.synthesis.study_outcomes import StudyOutcomes, read_outcomes

__all__ = ["METHODS", "TESTS", "Prepared", "check_options", "prepared"]

METHODS = (*ESTIMATORS, "common")
"""How the residual between-study variance is had."""

TESTS = {
    "z": "normal distribution",
    "t": "t and F distributions",
    "hksj": "Knapp and Hartung, never narrower than the t interval; t and F distributions",
    "hksj-unguarded": "Knapp and Hartung, which may be narrower; t and F distributions",
}
"""How coefficients are tested and their intervals made."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Studies that can be regressed, their design, and why others were left out."""

    outcomes: StudyOutcomes
    design: Design
    warnings: tuple[str, ...]


def check_options(where: str, *, method: str, test: str, level: float) -> None:
    """Refuse a method, test or level that does not exist, naming all that are wrong."""
    problems = []
    # as text, since a list in their place could not even be looked up
    if written(method) not in METHODS:
        rule, remedy = "is not an estimator of tau²", f"use {', '.join(METHODS)}"
        problems.append(Problem(f"{where}, method", written(method), rule, remedy))
    if written(test) not in TESTS:
        rule = "is not a test of coefficients"
        remedy = f"use {', '.join(TESTS)} (metafor's adhoc is hksj, its knha hksj-unguarded)"
        problems.append(Problem(f"{where}, test", written(test), rule, remedy))
    if not is_share(level):
        rule, remedy = "is not a number between 0 and 1", "write 0.95 for 95 %"
        problems.append(Problem(f"{where}, level", written(level), rule, remedy))
    raise_any(problems)


def prepared(
    yi: ArrayLike,
    vi: ArrayLike,
    moderators: Moderators | None,
    *,
    formula: str | None,
    intercept: bool,
    names: Sequence[str] | None,
) -> Prepared:
    """Check effects, variances and moderators, and set aside rows in which one is missing.

    Raises
    ------
    EstimationError
        For what :func:`~secondlook.synthesis.pool` refuses, moderators that cannot be used or are
        linear combinations of others, and fewer studies than coefficients plus one.
    """
    effects, variances = one_list("regress, yi", yi), one_list("regress, vi", vi)
    labels = named("regress", {"yi": effects.size, "vi": variances.size}, names)
    found = read_moderators("regress", moderators)
    recipe = _recipe(found, formula, intercept)
    used = {name: found[name] for name in recipe.variables}
    _check_length(used, effects.size)
    absent = np.zeros(effects.size, dtype=bool)
    for one in used.values():
        absent |= one.missing
    rows = ~(absent | np.isnan(effects) | np.isnan(variances))
    if not rows.any():
        found_none = "no study with an effect, a variance and every moderator"
        problem = Problem("regress", found_none, "is too few", "fill in what is missing")
        raise EstimationError(problem)
    outcomes = read_outcomes(np.where(absent, np.nan, effects), variances, labels)
    kept = {name: one.kept(rows) for name, one in used.items()}
    recipe = _recipe(kept, formula, intercept)  # levels no study is left with need no coefficient
    design = recipe.design(kept, outcomes.yi.size)
    _check_design(design.columns, outcomes)
    return Prepared(outcomes, design, _left_out(effects, variances, used, labels))


def _recipe(found: dict[str, Moderator], formula: str | None, intercept: bool) -> Recipe:
    if formula is None:
        return read_columns_of(found, intercept=intercept)
    if not intercept:
        rule, remedy = "says itself whether there is an intercept", "begin it with ~ 0 +"
        raise EstimationError(Problem("regress, formula", formula, rule, remedy))
    return read_formula(formula, found)


def _check_length(used: dict[str, Moderator], k: int) -> None:
    for one in used.values():
        if one.missing.size != k:
            shown = f"yi {k}, {one.name} {one.missing.size}"
            rule, remedy = "are not the same number of rows", "give one value per study"
            raise EstimationError(Problem("regress, moderators", shown, rule, remedy))


def _check_design(columns: Columns, outcomes: StudyOutcomes) -> None:
    k, p = columns.matrix.shape
    if p == 0:
        rule, remedy = "has neither moderators nor an intercept", "give at least one"
        raise EstimationError(Problem("regress", None, rule, remedy))
    infinite = np.argwhere(~np.isfinite(columns.matrix))
    rule, remedy = "is not a finite number", "correct the moderator or leave the row out"
    raise_any(
        [
            Problem(f"{outcomes.names[i]}, {columns.names[j]}", None, rule, remedy)
            for i, j in infinite
        ]
    )
    refuse_collinear(columns)
    if k <= p:
        rule = f"are too few for {p} coefficients ({', '.join(columns.names)})"
        remedy = "use fewer moderators: between-study variance needs at least one study more"
        raise EstimationError(Problem("regress", f"{k} studies", rule, remedy))


def _left_out(
    effects: Floats, variances: Floats, used: dict[str, Moderator], labels: tuple[str, ...]
) -> tuple[str, ...]:
    reasons: dict[str, NDArray[np.bool_]] = {
        "effect or variance": np.isnan(effects) | np.isnan(variances),
        **{name: one.missing for name, one in used.items()},
    }
    return tuple(
        f"Left out, {reason} missing: "
        f"{', '.join(label for label, gone in zip(labels, which, strict=True) if gone)}."
        for reason, which in reasons.items()
        if which.any()
    )
