"""What a three-level result says of itself: the conventions it used and its reasons for care."""

from __future__ import annotations

from dataclasses import dataclass

from secondlook.synthesis.multilevel.degrees import DEGREES
from secondlook.synthesis.multilevel.nested_search import NestedSearch
from secondlook.synthesis.multilevel.options import METHODS
from secondlook.synthesis.multilevel.rows import Rows
from secondlook.synthesis.result import decimals
from secondlook.synthesis.study_outcomes import Unit

__all__ = ["Asked", "conventions_of", "estimated_of", "warnings_of"]

_FEW = 5
_NAMES = ("between", "within")


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of one call."""

    method: str
    test: str
    degrees: str
    level: float
    correlation: float | None


def estimated_of(found: NestedSearch) -> tuple[bool, bool]:
    """Say which of the two variances was estimated rather than set to 0."""
    between, within = found.estimable
    return between, within and (found.told_apart or not between)


def conventions_of(rows: Rows, asked: Asked) -> tuple[str, ...]:
    """Give a sentence for each choice on which programs differ."""
    if asked.correlation is not None:
        sampling = f"correlated by {asked.correlation:g} within studies, which is assumed"
    elif rows.known.blocks:
        sampling = "correlated within studies as given"
    else:
        sampling = "independent, which those of effects of the same patients are not"
    reference = "normal distribution"
    if asked.test == "t":
        reference = f"t distribution with degrees of freedom by {asked.degrees!r}, "
        reference += DEGREES[asked.degrees]
    sentences = [
        f"Variances: {METHODS[asked.method]}.",
        f"Sampling errors: {sampling}.",
        f"Test and interval: {reference}.",
        "Prediction interval: the same distribution, with both variances and the squared standard "
        "error.",
        "Intervals of the variances: profile likelihood.",
        "I²: against the typical sampling variance (k - p)/tr(P).",
        "Likelihood-ratio tests: chi-squared with 1 df; the even mixture that the bound calls for "
        "is boundary_p_value.",
    ]
    if asked.method == "REML":
        sentences.append(
            "Restricted log-likelihood: with half the log determinant of X'X, so that it does not "
            "depend on how the design is coded; BIC counts effects less coefficients."
        )
    return tuple(sentences)


def warnings_of(rows: Rows, found: NestedSearch, unit: Unit, free: int) -> tuple[str, ...]:
    """Give a sentence for each reason to read the numbers with care."""
    said = []
    if rows.omitted:
        said.append(f"Left out, a number missing: {', '.join(rows.omitted)}.")
    if free == 0:
        said.append("There are no more effects than coefficients: no variance can be estimated.")
        return tuple(said)
    said += _about_identity(found)
    studies = len(rows.groups["study"].labels)
    if 1 < studies < _FEW and found.estimable[0]:
        said.append(f"The variance between studies rests on only {studies} studies.")
    estimated = estimated_of(found)
    for name, there, value in zip(_NAMES, estimated, found.highest.parameters, strict=True):
        if there and value == 0:
            said.append(f"The variance {name} studies is at its bound, 0.")
    for pair in found.lesser:
        between, within = (decimals(unit.variance(one)) for one in pair)
        said.append(
            f"The likelihood has another, lower maximum (between {between}, within {within}); a "
            "program that stops there reports something else."
        )
    if not found.highest.settled:
        said.append("The search for the maximum did not settle: the last digits are not sure.")
    return tuple(said)


def _about_identity(found: NestedSearch) -> list[str]:
    between, within = found.estimable
    if between and within and not found.told_apart:
        return [
            "The data cannot tell variance between studies from variance within them: all of it is "
            "given as between studies."
        ]
    said = []
    for name, there in zip(_NAMES, found.estimable, strict=True):
        if not there:
            said.append(f"The data say nothing of the variance {name} studies: it is taken as 0.")
    return said
