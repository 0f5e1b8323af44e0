"""Log hazard ratios that two points of two survival curves imply: two rates, or two medians."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.effects.record import Effects, effects_by
from secondlook.synthesis.effects.survival import survival_proportion
from secondlook.synthesis.printed_columns import (
    at_the_boundary,
    improper_arms,
    not_positive,
    raise_any,
    read_columns,
    written,
)

__all__ = [
    "implied_log_hazard_ratio",
    "log_hazard_ratio_from_medians",
    "log_hazard_ratio_from_survival",
]

_MEASURE = "log hazard ratio"
_PROPORTIONAL = (
    "Hazards are proportional up to that time; otherwise this is the ratio of the cumulative "
    "hazards."
)


def implied_log_hazard_ratio(
    treated: ArrayLike,
    treated_n: ArrayLike,
    control: ArrayLike,
    control_n: ArrayLike,
    *,
    names: Sequence[str] | None = None,
) -> Effects:
    """Log hazard ratio that two survival probabilities at one time imply.

    Parameters
    ----------
    treated, control
        Proportions alive in each arm, strictly between 0 and 1, shape (k,).
    treated_n, control_n
        Patients in each arm at the start, positive, shape (k,).
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        yi = log(log S1 / log S0), below 0 in favour of the treated; vi is the sum of the two
        complementary log-log variances; measure ``"log hazard ratio"``.

    Raises
    ------
    EstimationError
        Naming every row with a missing or impossible value or a proportion of exactly 0 or 1.

    Notes
    -----
    Under proportional hazards S1(t) = S0(t) ** HR at every t (Parmar, Torri and Stewart, Stat Med
    1998;17:2815-2834, discuss what can be had from published curves; Perneger, Contemp Clin Trials
    2008;29:762-766, uses this ratio for its own sake). Where curves cross, the
    number depends on the time chosen and is no hazard ratio at all. Where intervals, standard
    errors or numbers at risk are printed, see :func:`log_hazard_ratio_from_survival`.

    Examples
    --------
    >>> effects = implied_log_hazard_ratio([0.5], [100], [0.25], [100])
    >>> float(np.exp(effects.yi[0]).round(6))
    0.5
    """
    given = {"treated": treated, "treated_n": treated_n, "control": control, "control_n": control_n}
    columns, labels = read_columns(given, names)
    problems = improper_arms(columns, labels)
    for arm in ("treated", "control"):
        problems += at_the_boundary(arm, columns[arm], labels, _MEASURE)
    raise_any(problems)
    s1, n1, s0, n0 = columns.values()
    first, second = (
        survival_proportion(survival, n, scale="cloglog", names=labels)
        for survival, n in ((s1, n1), (s0, n0))
    )
    assumptions = (
        _PROPORTIONAL,
        "For the variance, no patient was censored before that time. Nothing is adjusted for.",
        *first.assumptions,
    )
    moments = (first.yi - second.yi, first.vi + second.vi)
    return effects_by("two survival rates", _MEASURE, moments, labels, assumptions)


def log_hazard_ratio_from_survival(treated: Effects, control: Effects) -> Effects:
    """Log hazard ratio that two arms' survival at one time implies, each with its own variance.

    Parameters
    ----------
    treated, control
        Survival of each arm at the same time on the scale ``"cloglog"``, by any of the functions
        that give it: from patients, an interval, a standard error or the numbers at risk. Rows are
        matched by their place and must have the same names.

    Returns
    -------
    Effects
        yi = log(log S1 / log S0), below 0 in favour of the treated; vi is the sum of the variances.

    Raises
    ------
    EstimationError
        Where an arm is on another scale, or the names of the rows differ.

    Notes
    -----
    As for :func:`implied_log_hazard_ratio`; Williamson and others, Stat Med 2002;21:3337-3351, use
    the numbers at risk over several intervals of time, of which this is one.

    Examples
    --------
    >>> from secondlook.synthesis.effects import survival_from_numbers_at_risk
    >>> treated = survival_from_numbers_at_risk([0.5], [40], scale="cloglog")
    >>> control = survival_from_numbers_at_risk([0.25], [20], scale="cloglog")
    >>> float(np.exp(log_hazard_ratio_from_survival(treated, control).yi[0]).round(6))
    0.5
    """
    where = "log_hazard_ratio_from_survival"
    problems = [
        Problem(f"{where}, {name}", arm.measure, "is not the scale needed", 'give scale="cloglog"')
        for name, arm in (("treated", treated), ("control", control))
        if arm.measure != "cloglog"
    ]
    if treated.names != control.names:
        shown = f"{', '.join(treated.names)} and {', '.join(control.names)}"
        rule, remedy = "are not the same rows", "give both arms the same names in the same order"
        problems.append(Problem(where, shown, rule, remedy))
    raise_any(problems)
    arms = (("Treated arm", treated), ("Control arm", control))
    assumptions = [f"{title}: {sentence}" for title, arm in arms for sentence in arm.assumptions]
    if treated.assumptions == control.assumptions:
        assumptions = list(treated.assumptions)
    moments = (treated.yi - control.yi, treated.vi + control.vi)
    return effects_by(
        "two survival rates",
        _MEASURE,
        moments,
        treated.names,
        (_PROPORTIONAL, *assumptions),
        warnings=tuple(f"{title}: {said}" for title, arm in arms for said in arm.warnings),
    )


def log_hazard_ratio_from_medians(
    treated: ArrayLike,
    treated_size: ArrayLike,
    control: ArrayLike,
    control_size: ArrayLike,
    *,
    counted: str = "events",
    names: Sequence[str] | None = None,
) -> Effects:
    """Log hazard ratio that two median survival times imply if survival is exponential.

    Parameters
    ----------
    treated, control
        Median survival times in each arm, positive, shape (k,), in one unit of time.
    treated_size, control_size
        Events, or patients, in each arm, positive, shape (k,).
    counted
        What the sizes count. ``"events"``: vi = 1/d1 + 1/d0, as if the medians had been had from
        exponential rates. ``"patients"``: vi = (1/n1 + 1/n0)/(log 2)², the variance of the medians
        of uncensored exponential samples, twice as large for the same numbers.
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        yi = log(m0/m1), below 0 in favour of the treated.

    Raises
    ------
    EstimationError
        Naming every row with a missing value or one that is not positive, or for an unknown word.

    Notes
    -----
    The weakest of the routes. Under exponential survival the hazard is log(2)/median; with a
    Weibull shape s common to both arms the log ratio is s times this one. Simes, Stat Med
    1987;6:11-29, for the ratio of medians; Michiels and others, Int J Technol Assess Health Care
    2005;21:119-125, compared it with individual patient data and advise against it wherever a
    hazard ratio can be had.

    Examples
    --------
    >>> effects = log_hazard_ratio_from_medians([44.0], [491], [37.5], [485], counted="patients")
    >>> float(np.exp(effects.yi[0]).round(3))
    0.852
    """
    if written(counted) not in ("events", "patients"):
        where, rule = "log_hazard_ratio_from_medians, counted", "is not a word used here"
        raise EstimationError(Problem(where, written(counted), rule, "use events or patients"))
    given = {
        "treated": treated,
        "treated_size": treated_size,
        "control": control,
        "control_size": control_size,
    }
    columns, labels = read_columns(given, names)
    raise_any([p for name in given for p in not_positive(name, columns[name], labels)])
    m1, size1, m0, size0 = columns.values()
    factor = 1.0 if counted == "events" else np.log(2) ** -2
    with np.errstate(all="ignore"):  # what a double cannot hold is named by effects_by
        moments = (np.log(m0) - np.log(m1), factor * (1 / size1 + 1 / size0))
    supposed = (
        "The variance is that of exponential rates had from these events, which is less than that "
        "of two Kaplan-Meier medians."
        if counted == "events"
        else "The variance is that of two medians of exponential samples without censoring."
    )
    assumptions = ("Survival is exponential in both arms: the hazard is log(2)/median.", supposed)
    return effects_by("two medians", _MEASURE, moments, labels, assumptions)
