"""What a pooled result says about itself: the choices made, and reasons to read it with care."""

from __future__ import annotations

from secondlook.synthesis.between_study_variance import BetweenStudyVariance
from secondlook.synthesis.conventions import (
    CONVENTIONS,
    I2_DEFINITIONS,
    METHODS,
    PREDICTIONS,
    TAU2_INTERVALS,
    TESTS,
    Choices,
)
from secondlook.synthesis.result import Interval, decimals, range_text
from secondlook.synthesis.study_outcomes import StudyOutcomes

__all__ = ["ONE_STUDY", "conventions_of", "left_out", "program_sentences", "warnings_of"]

ONE_STUDY = "One study: its own estimate with a normal interval, whatever was asked."

_FEW = 5
_MULTIPLIED = ("hksj", "hksj-unguarded")


def conventions_of(chosen: Choices, k: int, *, factor: float, unguarded: float) -> tuple[str, ...]:
    """Give one sentence for each choice on which programs differ.

    `factor` is what the variance of the pooled effect was multiplied by, and `unguarded` what it
    would have been without the safeguard.
    """
    sentences = program_sentences(chosen)
    sentences.append(f"Between-study variance: {METHODS[chosen.method]}.")
    sentences.append(f"Test and interval: {_test(chosen.test, k, factor, unguarded)}.")
    if chosen.method == "common":
        sentences.append("I² and H²: from Q, as (Q - df)/Q, not below 0, and Q/df.")
        sentences.append("No prediction interval: a common effect leaves nothing to predict.")
        return tuple(sentences)
    sentences.append(f"Prediction interval: {_prediction(chosen, k)}.")
    sentences.append(f"I² and H²: {I2_DEFINITIONS[chosen.i2_definition]}.")
    interval = TAU2_INTERVALS[chosen.tau2_interval]
    if chosen.tau2_interval == "profile-likelihood" and chosen.method != "ML":
        interval = "profile restricted likelihood"
    if chosen.i2_definition == "q":
        sentences.append(f"Intervals: of tau² {interval}; of I² and H² test-based, from Q.")
    else:
        sentences.append(f"Intervals of tau², I² and H²: {interval}.")
    return tuple(sentences)


def program_sentences(chosen: Choices) -> list[str]:
    """Say whose conventions were asked for, what was given beside them, and what they lack."""
    if chosen.program is None:
        return []
    program = CONVENTIONS[chosen.program]
    beside = f", but for {', '.join(chosen.departures)}" if chosen.departures else ""
    remarks = [said for method, said in program.remarks if method in (None, chosen.method)]
    return [f"Chosen as {program.title} chooses{beside}.", *remarks]


def _test(test: str, k: int, factor: float, unguarded: float) -> str:
    wording = TESTS[test]
    if test not in _MULTIPLIED:
        return wording
    applied = f"variance multiplied by {factor:.4f}"
    if test == "hksj" and unguarded < 1:
        applied += f" in place of {unguarded:.4f}: the safeguard acted"
    elif test == "hksj":
        applied += ": the safeguard had nothing to do"
    return f"{wording}; t distribution with {k - 1} degrees of freedom; {applied}"


def _prediction(chosen: Choices, k: int) -> str:
    if chosen.prediction == "hts":
        if k == 2:
            return "none, since t with k - 2 degrees of freedom needs three studies"
        reference = f"t with {k - 2} degrees of freedom (Higgins, Thompson and Spiegelhalter)"
    elif chosen.prediction == "t":
        reference = f"t with {k - 1} degrees of freedom"
    else:
        reference = PREDICTIONS["z"]
    if chosen.prediction_follows:
        reference += ", as for the test"
    error = "squared standard error"
    if chosen.classic_prediction_error and chosen.test in _MULTIPLIED:
        error = "unmultiplied variance of the pooled effect"
    return f"{reference}, with variance tau² plus the {error}"


def warnings_of(
    outcomes: StudyOutcomes,
    chosen: Choices,
    between: BetweenStudyVariance | None,
    interval: Interval | None,
    *,
    factor: float,
) -> tuple[str, ...]:
    """Give one sentence for each reason to read a pooled result with care."""
    k = outcomes.yi.size
    found = left_out(outcomes)
    if between is None or interval is None:
        if chosen.test in _MULTIPLIED:
            found.append("Hartung-Knapp is made for random effects, not for a common effect.")
    else:
        if k < _FEW:
            found.append(f"tau² and the prediction interval rest on only {k} studies.")
        found += _about_tau2(between, interval, chosen)
    if factor == 0:
        found.append("The effects are equal, so the unguarded standard error is 0: use test hksj.")
    elif factor < 1:
        found.append(
            f"The unguarded factor is {factor:.4f}: the interval is narrower than without "
            "it, as chance agreement of few studies can bring about; test hksj guards against it."
        )
    return tuple(found)


def left_out(outcomes: StudyOutcomes) -> list[str]:
    """Name the studies left out, if any."""
    if not outcomes.omitted:
        return []
    return [f"Left out, effect or variance missing: {', '.join(outcomes.omitted)}."]


def _about_tau2(between: BetweenStudyVariance, interval: Interval, chosen: Choices) -> list[str]:
    found = []
    if between.lesser_maxima:
        others = ", ".join(decimals(tau2) for tau2 in between.lesser_maxima)
        likelihood = "likelihood" if chosen.method == "ML" else "restricted likelihood"
        found.append(
            f"The {likelihood} has more than one maximum (also at tau² = {others}); the "
            "highest is reported, and a program that stops at the first may report another."
        )
    name = "Q-profile" if chosen.tau2_interval == "q-profile" else "profile-likelihood"
    if interval[1] == 0:
        found.append(
            f"The studies agree more than chance allows: no tau² lies in the {name} interval, "
            "which is given as 0 to 0."
        )
    elif not interval[0] <= between.tau2 <= interval[1]:
        found.append(f"tau² lies outside its {name} interval, {range_text(interval)}.")
    return found
