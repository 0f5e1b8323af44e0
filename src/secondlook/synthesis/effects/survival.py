"""Survival at one time and its variance from the number of patients: proportions of one arm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from secondlook.errors import Problem
from secondlook.synthesis.effects.record import Effects, effects_by
from secondlook.synthesis.effects.scales import Scale, scale_named
from secondlook.synthesis.printed_columns import (
    Floats,
    at_the_boundary,
    improper_arms,
    improper_survival,
    not_positive,
    offences,
    raise_any,
    read_columns,
)

__all__ = [
    "WITHOUT_COUNTS",
    "strictly_inside",
    "survival_difference",
    "survival_from_censored_numbers",
    "survival_from_numbers_at_risk",
    "survival_proportion",
]

WITHOUT_COUNTS = ("logit", "cloglog", "log", "identity", "arcsine")
"""The scales of a probability that need no count: all but the double arcsine."""

_BINOMIAL = (
    "The variance is that of a binomial proportion, S(1 - S)/n, carried to this scale by the delta "
    "method; where patients were censored, a Kaplan-Meier rate is less certain than that."
)
_PLAIN = _BINOMIAL.replace(", carried to this scale by the delta method", "")
_STABILISED = (
    "The variance {} is that of a binomial proportion after the {}; a "
    "Kaplan-Meier rate is less certain than that where patients were censored."
)
_PETO = (
    "The variance is Peto's, S²(1 - S)/r with r at risk at that time, which rather overstates it; "
    "it is carried to this scale by the delta method."
)
_ACTUARIAL = (
    "The variance is that of a binomial proportion of n less half of those censored before that "
    "time, as if each had been followed for half of it."
)


def survival_proportion(
    survival: ArrayLike,
    n: ArrayLike,
    *,
    scale: str = "logit",
    names: Sequence[str] | None = None,
) -> Effects:
    """Survival probabilities at one time, on a scale on which they can be pooled.

    Parameters
    ----------
    survival
        Proportions alive at the time, 0 to 1, shape (k,); ``survival * n`` need not be whole.
    n
        Patients at the start, positive, shape (k,).
    scale
        ``"logit"``, log(S/(1 - S)); ``"cloglog"``, log(-log S), on which higher means *worse*
        survival; ``"freeman-tukey"``, the double arcsine of Freeman and Tukey; ``"log"``;
        ``"identity"``, S itself; ``"arcsine"``, of the square root of S.
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        With delta-method variances: 1/(n S (1 - S)) on the logit, (1 - S)/(n S (log S)²) on the
        cloglog, (1 - S)/(n S) on the log, S(1 - S)/n on the identity, 1/(4n) on the arcsine, and
        1/(4n + 2) for the double arcsine.

    Raises
    ------
    EstimationError
        Naming every row with a missing value, a proportion outside 0 to 1, an ``n`` that is not
        positive, or a proportion of exactly 0 or 1 on a scale where that is infinite or has no
        variance.

    Notes
    -----
    Freeman and Tukey, Ann Math Stat 1950;21:607-611. The double arcsine is offered because readers
    of older reviews ask for it; its way back has no agreed sample size and can
    mislead (Schwarzer and others, Res Synth Methods 2019;10:476-483). A small variance here is not
    evidence of long follow-up: censoring is not seen. Where the paper prints an interval, a
    standard error or the numbers at risk, the functions named after those do better.

    Examples
    --------
    >>> effects = survival_proportion([0.5, 0.2], [40, 10])
    >>> effects.yi.round(4).tolist(), effects.vi.round(4).tolist()
    ([0.0, -1.3863], [0.1, 0.625])
    """
    way = scale_named("survival_proportion", scale)
    columns, labels = read_columns({"survival": survival, "n": n}, names)
    proportion, patients = columns["survival"], columns["n"]
    problems = improper_survival("survival", proportion, labels)
    problems += not_positive("n", patients, labels)
    raise_any(problems + _at_an_end(proportion, labels, scale))
    return effects_by(
        "survival and patients",
        scale,
        _binomial(way, proportion, patients),
        labels,
        (_binomial_sentence(scale),),
        sample_sizes=patients if scale == "freeman-tukey" else None,
    )


def survival_from_numbers_at_risk(
    survival: ArrayLike,
    at_risk: ArrayLike,
    *,
    scale: str = "logit",
    names: Sequence[str] | None = None,
) -> Effects:
    """Survival at one time, with Peto's variance from the numbers at risk there.

    Parameters
    ----------
    survival
        Kaplan-Meier estimates at the time, strictly between 0 and 1, shape (k,).
    at_risk
        Patients still at risk at the time, positive, shape (k,).
    scale
        As for :func:`survival_proportion`, except ``"freeman-tukey"``, which is made for counts.
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        The variance of S is S²(1 - S)/r: that of a binomial proportion of r/S patients.

    Raises
    ------
    EstimationError
        Naming every row with a missing or impossible value.

    Notes
    -----
    Peto and others, Br J Cancer 1977;35:1-39. The variance sees censoring and rather overstates it;
    it is right for what a paper prints under its curve and not a replacement for a printed
    interval.

    Examples
    --------
    >>> effects = survival_from_numbers_at_risk([0.5], [20], scale="identity")
    >>> float(effects.vi[0])
    0.00625
    """
    given = {"survival": survival, "at_risk": at_risk}
    columns, labels = read_columns(given, names)
    proportion, risk = columns["survival"], columns["at_risk"]
    way = scale_named("survival_from_numbers_at_risk", scale, WITHOUT_COUNTS)
    raise_any([*strictly_inside(proportion, labels), *not_positive("at_risk", risk, labels)])
    with np.errstate(over="ignore"):  # what a double cannot hold is named by effects_by
        moments = _binomial(way, proportion, risk / proportion)
    return effects_by("survival and numbers at risk", scale, moments, labels, (_PETO,))


def survival_from_censored_numbers(
    survival: ArrayLike,
    n: ArrayLike,
    censored: ArrayLike,
    *,
    scale: str = "logit",
    names: Sequence[str] | None = None,
) -> Effects:
    """Survival at one time, with the variance of the actuarial effective number of patients.

    Parameters
    ----------
    survival
        Estimates at the time, strictly between 0 and 1, shape (k,).
    n
        Patients at the start, positive, shape (k,).
    censored
        Patients censored before the time, from 0 to below ``n``, shape (k,).
    scale
        As for :func:`survival_from_numbers_at_risk`.
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        The variance of S is S(1 - S)/(n - censored/2).

    Raises
    ------
    EstimationError
        Naming every row with a missing or impossible value.

    Notes
    -----
    Cutler and Ederer, J Chronic Dis 1958;8:699-712: those withdrawn alive count half. One interval
    from the start to the time stands for the whole life table, so this is rougher than theirs.

    Examples
    --------
    >>> effects = survival_from_censored_numbers([0.5], [60], [20], scale="identity")
    >>> float(effects.vi[0])
    0.005
    """
    given = {"survival": survival, "n": n, "censored": censored}
    columns, labels = read_columns(given, names)
    proportion, patients, lost = columns.values()
    way = scale_named("survival_from_censored_numbers", scale, WITHOUT_COUNTS)
    problems = strictly_inside(proportion, labels) + not_positive("n", patients, labels)
    beyond = ~((lost >= 0) & (lost < patients))
    rule, remedy = "is not from 0 to below n", "look both up again"
    raise_any(problems + offences("censored", lost, beyond, labels, rule, remedy))
    moments = _binomial(way, proportion, patients - lost / 2)
    return effects_by("survival, patients and censored", scale, moments, labels, (_ACTUARIAL,))


def survival_difference(
    treated: ArrayLike,
    treated_n: ArrayLike,
    control: ArrayLike,
    control_n: ArrayLike,
    *,
    names: Sequence[str] | None = None,
) -> Effects:
    """Difference of two survival probabilities at one time, treated minus control.

    Parameters
    ----------
    treated, control
        Proportions alive in each arm, 0 to 1, shape (k,).
    treated_n, control_n
        Patients in each arm at the start, positive, shape (k,).
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        yi = S1 - S0 with variance S1(1 - S1)/n1 + S0(1 - S0)/n0; measure ``"difference"``.

    Raises
    ------
    EstimationError
        Naming every row with a missing or impossible value, and rows whose two arms are both at 0
        or 1, which have no estimable variance.

    Notes
    -----
    An arm at exactly 0 or 1 adds no variance, and the record says which rows are so. The
    difference says nothing of any time but this one, nor of why patients were chosen for an arm.

    Examples
    --------
    >>> effects = survival_difference([0.5], [50], [0.4], [60])
    >>> float(effects.yi[0].round(4)), float(effects.vi[0].round(4))
    (0.1, 0.009)
    """
    given = {"treated": treated, "treated_n": treated_n, "control": control, "control_n": control_n}
    columns, labels = read_columns(given, names)
    s1, n1, s0, n0 = columns.values()
    problems = improper_arms(columns, labels)
    extreme = ((s1 == 0) | (s1 == 1), (s0 == 0) | (s0 == 1))
    problems += [
        Problem(
            f"{label}, treated and control", None, "are both 0 or 1: no variance", "leave it out"
        )
        for label, both in zip(labels, extreme[0] & extreme[1], strict=True)
        if both
    ]
    raise_any(problems)
    assumptions = [_BINOMIAL.replace(", carried to this scale by the delta method", " in each arm")]
    one = [label for label, any_ in zip(labels, extreme[0] | extreme[1], strict=True) if any_]
    if one:
        assumptions.append(f"An arm at exactly 0 or 1 adds no variance: {', '.join(one)}.")
    with np.errstate(all="ignore"):  # what a double cannot hold is named by effects_by
        moments = (s1 - s0, s1 * (1 - s1) / n1 + s0 * (1 - s0) / n0)
    return effects_by(
        "two survival rates and patients", "difference", moments, labels, tuple(assumptions)
    )


def strictly_inside(survival: Floats, labels: tuple[str, ...]) -> list[Problem]:
    """Name the rows whose survival is not strictly between 0 and 1."""
    problems = improper_survival("survival", survival, labels)
    rule = "leaves nothing to take a variance from"
    ends = (survival == 0) | (survival == 1)
    return problems + offences("survival", survival, ends, labels, rule, "leave the row out")


def _at_an_end(survival: Floats, labels: tuple[str, ...], scale: str) -> list[Problem]:
    if scale in ("freeman-tukey", "arcsine"):
        return []
    if scale in ("logit", "cloglog"):
        return at_the_boundary("survival", survival, labels, scale)
    rule, remedy = "has no finite value with a variance above 0", "leave the row out or use arcsine"
    ends = (survival == 0) | (survival == 1)
    return offences("survival", survival, ends, labels, f"{rule} on the {scale} scale", remedy)


def _binomial(way: Scale, survival: Floats, n: Floats) -> tuple[Floats, Floats]:
    complement = 1 - survival
    with np.errstate(all="ignore"):  # what a double cannot hold is named by effects_by
        return (
            np.array(way.forward(survival, complement, n)),
            np.array(way.binomial(survival, complement, n)),
        )


def _binomial_sentence(scale: str) -> str:
    if scale == "freeman-tukey":
        return _STABILISED.format("1/(4n + 2)", "double arcsine")
    if scale == "arcsine":
        return _STABILISED.format("1/(4n)", "arcsine of its square root")
    return _PLAIN if scale == "identity" else _BINOMIAL
