"""What a multivariate result says of itself: its conventions and its reasons for care."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from secondlook.synthesis.multilevel.degrees import DEGREES
from secondlook.synthesis.multilevel.options import METHODS
from secondlook.synthesis.multilevel.outcome_search import OutcomeSearch
from secondlook.synthesis.multilevel.outcome_structures import STRUCTURES
from secondlook.synthesis.multilevel.rows import Rows

__all__ = ["Asked", "conventions_of", "warnings_of"]

_FEW = 5
_SINGULAR = 1e-9


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of one call."""

    structure: str
    method: str
    test: str
    degrees: str
    intervals: bool
    level: float


def conventions_of(rows: Rows, asked: Asked) -> tuple[str, ...]:
    """Give a sentence for each choice on which programs differ."""
    sampling = "as given" if rows.known.blocks else "independent"
    reference = "normal distribution"
    if asked.test == "t":
        reference = f"t distribution with degrees of freedom by {asked.degrees!r}, "
        reference += DEGREES[asked.degrees]
    sentences = [
        f"Random effects: {asked.structure}, {STRUCTURES[asked.structure]}; "
        f"{METHODS[asked.method]}.",
        f"Sampling errors within studies: {sampling}.",
        f"Test and interval: {reference}.",
        "Prediction intervals: the same distribution, with the outcome's tau² and the squared "
        "standard error.",
    ]
    if asked.intervals:
        sentences.append("Intervals of tau² and correlations: profile likelihood.")
    if asked.method == "REML":
        sentences.append(
            "Restricted log-likelihood: with half the log determinant of X'X, so that it does not "
            "depend on how the design is coded; BIC counts effects less coefficients."
        )
    return tuple(sentences)


def warnings_of(rows: Rows, found: OutcomeSearch) -> tuple[str, ...]:
    """Give a sentence for each reason to read the numbers with care."""
    study, outcomes = rows.groups["study"], rows.groups["outcome"]
    between, said = found.between, []
    if rows.omitted:
        said.append(f"Left out, a number missing: {', '.join(rows.omitted)}.")
    if len(study.labels) < _FEW:
        said.append(f"The covariance of the random effects rests on {len(study.labels)} studies.")
    pairs = set(zip(study.of.tolist(), outcomes.of.tolist(), strict=True))
    if len(pairs) < rows.yi.size:
        said.append(
            "Some studies have several effects on one outcome, which share one random effect: "
            "their true effects are taken to be the same."
        )
    gone = np.diagonal(between) == 0
    if gone.any():
        names = ", ".join(outcomes.labels[i] for i in np.flatnonzero(gone))
        said.append(f"tau² is at its bound, 0: {names}.")
    left = between[np.ix_(~gone, ~gone)]
    if len(left) > 1:
        root = np.sqrt(np.diagonal(left))
        if np.linalg.eigvalsh(left / (root[:, None] * root))[0] < _SINGULAR:
            said.append(
                "The covariance of the random effects is at its bound: correlations as high as "
                "these mean that few studies tell little of them."
            )
    if found.lesser:
        said.append(
            f"The likelihood has {len(found.lesser)} other, lower maximum(s); a program that "
            "stops there reports something else."
        )
    if not found.highest.settled:
        said.append("The search for the maximum did not settle: the last digits are not sure.")
    return tuple(said)
