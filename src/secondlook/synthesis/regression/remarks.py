"""What a regression says beside its numbers: the choices it made, and reasons for care."""

from __future__ import annotations

import numpy as np

from secondlook.synthesis.between_study_variance import BetweenStudyVariance
from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.regression.coefficients import Interval
from secondlook.synthesis.regression.design import INTERCEPT, Columns
from secondlook.synthesis.regression.preparation import TESTS, Prepared
from secondlook.synthesis.result import decimals, range_text

__all__ = ["conventions", "remarks"]

_ENOUGH = 10


def conventions(
    columns: Columns, method: str, test: str, degrees: int, factor: float, unguarded: float
) -> tuple[str, ...]:
    """Give a sentence for each choice on which programs differ."""
    estimated = "a common effect: taken to be 0" if method == "common" else method
    if method in ("REML", "ML"):
        estimated += ", at the highest maximum of its likelihood"
    wording = TESTS[test]
    if test != "z":
        wording += f" with {degrees} residual degrees of freedom"
    if test in ("hksj", "hksj-unguarded"):
        wording += f"; variances multiplied by {factor:.4f}"
        if test == "hksj" and unguarded < 1:
            wording += f" in place of {unguarded:.4f}: the safeguard acted"
    sentences = [
        f"Residual between-study variance: {estimated}.",
        f"Tests and intervals: {wording}.",
    ]
    if method == "common":
        sentences.append("I² and H²: from residual Q, as (Q - df)/Q, not below 0, and Q/df.")
        share = "adjusted for degrees of freedom, with weights 1/v"
    else:
        sentences.append("I² and H²: tau² against the typical within-study variance.")
        sentences.append("Intervals of tau², I² and H²: Q-profile.")
        share = "of tau² about the mean alone, by the same method"
    if columns.intercept and len(columns.names) > 1:
        sentences.append(f"R²: the share accounted for {share}, not below 0.")
    return tuple(sentences)


def remarks(
    ready: Prepared,
    design: Floats,
    test: str,
    unguarded: float,
    between: BetweenStudyVariance | None,
    interval: Interval | None,
    r2: float | None,
) -> tuple[str, ...]:
    """Give a sentence for each reason to read the numbers with care."""
    columns = ready.design.columns
    found = [] if between is None else _about_tau2(between, interval)
    found += _about_studies(ready, design)
    if between is None and test in ("hksj", "hksj-unguarded"):
        found.append("Knapp and Hartung's test is made for random effects, not for a common one.")
    if test == "hksj-unguarded" and unguarded == 0:
        found.append("The moderators fit exactly, so the unguarded errors are 0: use test hksj.")
    elif test == "hksj-unguarded" and unguarded < 1:
        found.append(
            f"The unguarded factor is {unguarded:.4f}: intervals are narrower than without it, as "
            "chance agreement of few studies can bring about; test hksj guards against it."
        )
    if r2 is None and columns.intercept and len(columns.names) > 1:
        found.append(
            "There is no between-study variance without the moderators, so none to account for: "
            "R² is not defined."
        )
    return tuple(found)


def _about_studies(ready: Prepared, design: Floats) -> list[str]:
    columns, k = ready.design.columns, ready.outcomes.yi.size
    slopes = sum(name != INTERCEPT for name in columns.names)
    found = []
    if slopes and k < _ENOUGH * slopes:
        found.append(
            f"{k} studies for {slopes} coefficient{'s' if slopes > 1 else ''} of moderators: fewer "
            "than ten each, below which a regression is likely to mislead."
        )
    alone = np.flatnonzero(np.vecdot(design, design) > 1 - 1e-10)
    if alone.size:
        names = ", ".join(ready.outcomes.names[i] for i in alone)
        found.append(
            f"Fitted exactly, whatever {'their effects are' if alone.size > 1 else 'its effect is'}"
            f": {names}. No other study tells anything about the coefficient."
        )
    return found


def _about_tau2(between: BetweenStudyVariance, interval: Interval | None) -> list[str]:
    found = []
    if between.lesser_maxima:
        others = ", ".join(decimals(tau2) for tau2 in between.lesser_maxima)
        found.append(
            f"The likelihood has more than one maximum (also at tau² = {others}); the highest is "
            "reported, and a program that stops at the first may report another."
        )
    if interval is None:
        return found
    if interval[1] == 0:
        found.append(
            "The studies agree with the regression more than chance allows: no tau² lies in the "
            "Q-profile interval, which is given as 0 to 0."
        )
    elif not interval[0] <= between.tau2 <= interval[1]:
        found.append(f"tau² lies outside its Q-profile interval, {range_text(interval)}.")
    return found
