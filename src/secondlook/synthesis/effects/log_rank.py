"""Log hazard ratios whose information is taken from the number of events."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from secondlook.synthesis.effects.record import Effects, effects_by
from secondlook.synthesis.printed_columns import (
    improper_p_values,
    improper_shares,
    not_positive,
    raise_any,
    read_columns,
    read_words,
)

__all__ = ["log_hazard_ratio_from_events", "log_hazard_ratio_from_log_rank"]

_MEASURE = "log hazard ratio"
_INFORMATION = (
    "The log-rank variance is taken as events × share × (1 - share): the arms keep their shares of "
    "those at risk throughout, as they do when hazards differ little and censoring is alike."
)


def log_hazard_ratio_from_log_rank(
    p_value: ArrayLike,
    events: ArrayLike,
    favours: str | Sequence[str],
    *,
    treated_share: ArrayLike = 0.5,
    names: Sequence[str] | None = None,
) -> Effects:
    """Log hazard ratios from a log-rank P value, the events and the direction of the difference.

    Parameters
    ----------
    p_value
        Two-sided log-rank P values, above 0 and up to 1, shape (k,); a one-sided one is doubled
        first.
    events
        Events in both arms together, positive, shape (k,).
    favours
        ``"treated"`` or ``"control"``: in which arm survival was better; one word for all or shape
        (k,). A P value does not say.
    treated_share
        Share of the patients who were in the treated arm, between 0 and 1, one number for all or
        shape (k,): 0.5 for equal arms. Where only the events of each arm are known, the treated
        arm's share of them stands in.
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        V = events × share × (1 - share); yi = ∓z/√V, z the normal quantile of 1 - P/2; vi = 1/V.

    Raises
    ------
    EstimationError
        Naming every row with a missing or impossible value or an unknown direction.

    Notes
    -----
    Parmar, Torri and Stewart, Stat Med 1998;17:2815-2834; Tierney and others, Trials 2007;8:16: V
    is a quarter of the events for equal arms, events × R1 R0/(R1 + R0)² for R1 and R0 randomised,
    and O1 O0/(O1 + O0) for the events of each arm. Written as 0.001, a bound such as P < 0.001
    gives an effect nearer to none than it was. An adjusted or stratified test answers another
    question than these events.

    Examples
    --------
    >>> effects = log_hazard_ratio_from_log_rank([0.075], [485], "treated")
    >>> float(np.exp(effects.yi[0]).round(2)), float(1 / effects.vi[0])
    (0.85, 121.25)
    """
    given = {"p_value": p_value, "events": events}
    one_for_all = {"treated_share": treated_share}
    columns, labels = read_columns(given, names, one_for_all=one_for_all)
    p, count, share = columns.values()
    problems = improper_p_values("p_value", p, labels) + not_positive("events", count, labels)
    raise_any(problems + improper_shares("treated_share", share, labels))
    words = read_words("favours", favours, ("treated", "control"), labels)
    sign = np.array([-1.0 if word == "treated" else 1.0 for word in words])
    with np.errstate(all="ignore"):  # what a double cannot hold is named by effects_by
        information = count * share * (1 - share)
        moments = (sign * np.abs(ndtri(p / 2)) / np.sqrt(information), 1 / information)
    assumptions = ("The P value is two-sided and from an unadjusted log-rank test.", _INFORMATION)
    return effects_by("log-rank P value and events", _MEASURE, moments, labels, assumptions)


def log_hazard_ratio_from_events(
    estimate: ArrayLike,
    events: ArrayLike,
    *,
    treated_share: ArrayLike = 0.5,
    names: Sequence[str] | None = None,
) -> Effects:
    """Log hazard ratios printed without their uncertainty, with the variance of the events.

    Parameters
    ----------
    estimate
        Hazard ratios as printed, positive, shape (k,).
    events
        Events in both arms together, positive, shape (k,).
    treated_share
        As for :func:`log_hazard_ratio_from_log_rank`. With the treated arm's share of the events,
        the variance is 1/O1 + 1/O0.
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        yi = log(estimate); vi = 1/(events × share × (1 - share)).

    Raises
    ------
    EstimationError
        Naming every row with a missing or impossible value.

    Notes
    -----
    Parmar, Torri and Stewart, Stat Med 1998;17:2815-2834; Tierney and others, Trials 2007;8:16. The
    ratio of an adjusted model is less certain than its events alone say.

    Examples
    --------
    >>> effects = log_hazard_ratio_from_events([0.8], [100])
    >>> float(effects.vi[0])
    0.04
    """
    given = {"estimate": estimate, "events": events}
    one_for_all = {"treated_share": treated_share}
    columns, labels = read_columns(given, names, one_for_all=one_for_all)
    ratio, count, share = columns.values()
    problems = not_positive("estimate", ratio, labels) + not_positive("events", count, labels)
    raise_any(problems + improper_shares("treated_share", share, labels))
    with np.errstate(all="ignore"):  # what a double cannot hold is named by effects_by
        moments = (np.log(ratio), 1 / (count * share * (1 - share)))
    return effects_by("ratio and events", _MEASURE, moments, labels, (_INFORMATION,))
