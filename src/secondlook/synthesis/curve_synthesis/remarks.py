"""The sentences a pooled curve carries: what was chosen, and what to read with care."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from secondlook.synthesis.curve_synthesis.model import ModelFit
from secondlook.synthesis.curve_synthesis.study_curves import StudyCurve

__all__ = ["conventions", "unused_numbers", "warnings"]

_FEW = 5
_STRANGE = 2.5
_VAGUE = 0.5


def conventions(fit: ModelFit) -> tuple[str, ...]:
    """Say what was chosen where programs differ."""
    model = fit.model
    varying = {0: "nothing varies", 1: "the location varies", 2: "location and log shape vary"}
    sentences = [f"Curves: {model.family.name}; {varying[model.random]} between studies."]
    if model.random:
        sentences.append(
            "Pooled curve: that of the average study, whose effects are at their mean; not the "
            "mean of the studies' curves."
        )
    if model.within == "binomial":
        sentences.append(
            "Within a study: the patients at risk in each interval between printed numbers die or "
            "outlive it (binomial); a median is a patient's own time of death."
        )
    else:
        sentences.append(
            "Within a study: normal on the scale of the link, with Greenwood's covariance at the "
            "printed survival."
        )
    if model.random:
        by = {
            "REML": "adjusted profile likelihood (Cox and Reid), which is REML for normal effects",
            "ML": "maximum likelihood",
        }
        sentences.append(f"What varies between studies: {by['REML' if fit.restricted else 'ML']}.")
        degrees = model.degrees_of_freedom
        sentences.append(
            f"Intervals: t with {degrees} degrees of freedom, the fewer of studies less one and "
            "numbers less coordinates of the average curve; prediction adds what varies."
        )
    else:
        sentences.append("Intervals: normal.")
    if model.knowledge == "curve":
        sentences.append(
            "Median: where the curve and its limits fall to 50 %. Restricted mean: limits on the "
            "logit of its share of the horizon."
        )
    sentences.append(
        "Log likelihood, AIC and BIC: at the maximum of the likelihood; BIC counts printed numbers."
    )
    return tuple(sentences)


def unused_numbers(fit: ModelFit) -> tuple[str, ...]:
    """Name every number that could not be used."""
    return tuple(
        f"{chain.study}: {why}" for chain in fit.model.chains.studies for why in chain.unused
    )


def warnings(
    fit: ModelFit,
    studies: Sequence[StudyCurve],
    *,
    method: str,
    omitted: Sequence[str],
    beyond: float | None,
) -> tuple[str, ...]:
    """Say what to read with care; `beyond` is a time asked for after the last printed one."""
    found = []
    if omitted:
        found.append(f"Left out, nothing of them can be used: {', '.join(omitted)}.")
    unused = unused_numbers(fit)
    if unused:
        found.append(f"Not used: {'; '.join(unused)}.")
    found += [f"{chain.study}, {note}." for chain in fit.model.usable for note in chain.notes]
    found += _about_means(fit)
    found += _about_precision(fit)
    found += _about_shape(fit)
    found += _about_variation(fit, method)
    strange = [
        f"{study.study} ({number.description}, residual {number.standardised_residual:+.1f})"
        for study in studies
        for number in study.numbers
        if abs(number.standardised_residual) > _STRANGE
    ]
    if strange:
        found.append(f"Far from the study's own curve, look them up again: {', '.join(strange)}.")
    if beyond is not None:
        found.append(f"Beyond {beyond:g}, the last printed time, the curve is extrapolated.")
    if not (fit.best.converged and fit.reported.converged):
        found.append(
            "The iterations did not come to rest: try another family, a common shape, or look for "
            "a number that was read wrongly."
        )
    return tuple(found)


def _about_means(fit: ModelFit) -> list[str]:
    open_ended = [
        chain.study for chain in fit.model.usable if any(mean.until is None for mean in chain.means)
    ]
    if not open_ended:
        return []
    return [
        f"The mean of {', '.join(open_ended)} is taken for that of all survival times. Where "
        "patients were alive at the end a printed mean is shorter than that, and draws the "
        "study's curve down; `until` says up to which time it was taken."
    ]


def _about_precision(fit: ModelFit) -> list[str]:
    bare = [
        chain.study
        for chain in fit.model.usable
        if not any(
            cut.observation.standard_error or cut.observation.interval or cut.observation.at_risk
            for cut in chain.cuts
        )
    ]
    if not bare:
        return []
    who = (
        "Every study prints" if len(bare) == len(fit.model.usable) else f"{len(bare)} studies print"
    )
    return [
        f"{who} no precision but the number of patients: what censoring takes from it is not "
        "known, so its numbers are taken to be as certain as if nobody had been censored."
    ]


def _about_shape(fit: ModelFit) -> list[str]:
    model = fit.model
    if model.knowledge == "one time":
        return [
            "All numbers are rates at one time: the shape of the curve is not identifiable, and "
            "survival is given at that time only."
        ]
    if model.knowledge == "one level":
        return [
            "All numbers are times of one level of survival: the shape of the curve is not "
            "identifiable; it is held at 1 to weigh the studies, and only that time is given."
        ]
    if not model.scale.coordinates:
        return []
    errors = np.sqrt(np.diag(fit.covariance))[1:]
    shape = fit.fixed[1:]
    limits = model.bounds[1 : model.fixed, 1]
    at_limit = bool(np.any(np.abs(shape) >= limits * (1 - 1e-9)))
    if at_limit and model.family.is_piecewise:
        return ["In a piece nobody is seen to die, or everybody: its hazard is at its limit."]
    if at_limit:
        return [
            "The shape ran to its limit: the numbers contradict every curve of this family, or say "
            "next to nothing of its shape. Read survival only near the printed times."
        ]
    if not model.family.is_piecewise and errors[0] > _VAGUE:
        return [
            f"The shape is poorly known (standard error of its logarithm {errors[0]:.2f}): it "
            "rests on differences between few studies. Read survival only near the printed times."
        ]
    return []


def _about_variation(fit: ModelFit, method: str) -> list[str]:
    model = fit.model
    k = len(model.usable)
    if k == 1:
        return ["One study: how far studies differ, and a prediction, cannot be estimated."]
    if not model.random:
        return [
            "There are no more numbers than coordinates of the curve: how far studies differ "
            "cannot be estimated, and the intervals know of chance alone."
        ]
    found = []
    if k < _FEW:
        found.append(f"What varies between studies rests on only {k} of them.")
    if method == "REML" and not fit.restricted:
        found.append(
            "The adjusted likelihood has no maximum, since hardly a number speaks of the shape: "
            "maximum likelihood is reported, which finds studies too alike when they are few."
        )
    if fit.between[0, 0] < 1e-8:
        found.append("No variation between studies was found, which few studies do not prove.")
    return found
