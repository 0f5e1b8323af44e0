"""Events per person-time, in one arm and in two."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.effects.continuity import corrected, refuse_without_variance
from secondlook.synthesis.effects.record import Effects, effects_by
from secondlook.synthesis.printed_columns import (
    Floats,
    not_negative,
    not_positive,
    raise_any,
    read_columns,
    written,
)

__all__ = ["incidence_rate", "log_rate_ratio", "rate_difference", "square_root_rate_difference"]

Moments = tuple[Floats, Floats]

_POISSON = "Events are Poisson: each person-time has the same rate, whoever it is from."
_STABLE = "Events are Poisson; the square root makes their variance free of the rate."


def incidence_rate(
    events: ArrayLike,
    person_time: ArrayLike,
    *,
    scale: str = "log",
    add: float = 0.0,
    to: str = "only0",
    names: Sequence[str] | None = None,
) -> Effects:
    """Events per person-time of single arms, on a scale on which they can be pooled.

    Parameters
    ----------
    events
        Events, not negative, shape (k,).
    person_time
        Person-time at risk, positive, shape (k,), all in one unit.
    scale
        ``"log"`` (metafor's IRLN), ``"identity"`` (IR), ``"square root"`` (IRS) or
        ``"freeman-tukey"`` (IRFT), the mean of √(x/t) and √((x + 1)/t).
    add, to
        A continuity correction of the events, made only on request, as for
        :func:`~secondlook.synthesis.effects.proportion`.
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        vi = 1/x on the log, x/t² on the identity, 1/(4t) on the two others. The measure is
        ``"log rate"``, ``"rate"``, ``"square root rate"`` or ``"freeman-tukey rate"``; the last
        carries the person-time its way back needs.

    Raises
    ------
    EstimationError
        Naming every row with a missing or impossible number, and every row without events on the
        log or identity scale when no correction was asked for.

    Notes
    -----
    Freeman and Tukey, Ann Math Stat 1950;21:607-611. With expected events in place of the
    person-time, the rate is a standardised incidence (or mortality) ratio. A rate that changes with
    time since diagnosis, as deaths after surgery do, is not summed up by one number.

    Examples
    --------
    >>> effects = incidence_rate([9], [400.0], scale="square root")
    >>> effects.yi.round(6).tolist(), effects.vi.tolist()
    ([0.15], [0.000625])
    """
    if written(scale) not in _RATE_SCALES:
        known, rule = ", ".join(_RATE_SCALES), "is not a known scale"
        raise EstimationError(
            Problem("incidence_rate, scale", written(scale), rule, f"use {known}")
        )
    measure, moments_of, supposed = _RATE_SCALES[scale]
    columns, labels = read_columns({"events": events, "person_time": person_time}, names)
    time = columns["person_time"]
    problems = not_negative("events", columns["events"], labels)
    raise_any(problems + not_positive("person_time", time, labels))
    counts = corrected((columns["events"],), labels, where="incidence_rate", add=add, to=to)
    with np.errstate(all="ignore"):  # what a double cannot hold is named next
        moments = moments_of(counts.cells[0], time)
    refuse_without_variance(moments, counts, labels, measure)
    return effects_by(
        "events and person-time",
        measure,
        moments,
        labels,
        (supposed, *counts.assumptions),
        sample_sizes=time if scale == "freeman-tukey" else None,
    )


def log_rate_ratio(
    treated_events: ArrayLike,
    treated_time: ArrayLike,
    control_events: ArrayLike,
    control_time: ArrayLike,
    *,
    add: float = 0.0,
    to: str = "only0",
    names: Sequence[str] | None = None,
) -> Effects:
    """Log ratios of the rates of two arms, treated against control (metafor's IRR).

    Parameters
    ----------
    treated_events, control_events
        Events in each arm, not negative, shape (k,).
    treated_time, control_time
        Person-time at risk in each arm, positive, shape (k,), in one unit per row.
    add, to
        A continuity correction of the events of both arms, made only on request, as for
        :func:`~secondlook.synthesis.effects.proportion`.
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        yi = log((x1/t1)/(x0/t0)); vi = 1/x1 + 1/x0.

    Raises
    ------
    EstimationError
        Naming every row with a missing or impossible number, and every row with an arm without
        events when no correction was asked for.

    Notes
    -----
    Rothman, Greenland and Lash, Modern Epidemiology, third edition, 2008. It is a hazard ratio only
    where both hazards are constant in time.

    Examples
    --------
    >>> effects = log_rate_ratio([10], [100.0], [20], [100.0])
    >>> float(effects.yi[0].round(4)), float(effects.vi[0].round(4))
    (-0.6931, 0.15)
    """
    given = (treated_events, treated_time, control_events, control_time)
    return _two_rates(given, _ratio, "log rate ratio", _POISSON, add=add, to=to, names=names)


def rate_difference(
    treated_events: ArrayLike,
    treated_time: ArrayLike,
    control_events: ArrayLike,
    control_time: ArrayLike,
    *,
    add: float = 0.0,
    to: str = "only0",
    names: Sequence[str] | None = None,
) -> Effects:
    """Differences of the rates of two arms, treated minus control (metafor's IRD).

    Parameters
    ----------
    treated_events, treated_time, control_events, control_time, add, to, names
        As for :func:`log_rate_ratio`; here the unit of time must be one for all rows.

    Returns
    -------
    Effects
        yi = x1/t1 - x0/t0; vi = x1/t1² + x0/t0².

    Raises
    ------
    EstimationError
        As for :func:`log_rate_ratio`; an arm without events is an error only where the other has
        none either.

    Notes
    -----
    Rothman, Greenland and Lash, Modern Epidemiology, third edition, 2008. An arm without events
    adds no variance of its own.

    Examples
    --------
    >>> effects = rate_difference([10], [100.0], [20], [100.0])
    >>> float(effects.yi[0].round(4)), float(effects.vi[0].round(4))
    (-0.1, 0.003)
    """
    given = (treated_events, treated_time, control_events, control_time)
    return _two_rates(given, _difference, "rate difference", _POISSON, add=add, to=to, names=names)


def square_root_rate_difference(
    treated_events: ArrayLike,
    treated_time: ArrayLike,
    control_events: ArrayLike,
    control_time: ArrayLike,
    *,
    add: float = 0.0,
    to: str = "only0",
    names: Sequence[str] | None = None,
) -> Effects:
    """Differences of the square roots of the rates of two arms (metafor's IRSD).

    Parameters
    ----------
    treated_events, treated_time, control_events, control_time, add, to, names
        As for :func:`rate_difference`.

    Returns
    -------
    Effects
        yi = √(x1/t1) - √(x0/t0); vi = 1/(4 t1) + 1/(4 t0). No events need no correction.

    Raises
    ------
    EstimationError
        Naming every row with a missing or impossible number.

    Notes
    -----
    Bagos and Nikolopoulos, Int J Biostat 2009;5(1), article 21. There is no way back to a rate
    without the rate of one of the arms.

    Examples
    --------
    >>> effects = square_root_rate_difference([4], [100.0], [9], [100.0])
    >>> float(effects.yi[0].round(4)), float(effects.vi[0])
    (-0.1, 0.005)
    """
    given = (treated_events, treated_time, control_events, control_time)
    measure = "square root rate difference"
    return _two_rates(given, _roots, measure, _STABLE, add=add, to=to, names=names)


def _two_rates(
    given: Sequence[ArrayLike],
    moments_of: Callable[[Floats, Floats, Floats, Floats], Moments],
    measure: str,
    supposed: str,
    *,
    add: float,
    to: str,
    names: Sequence[str] | None,
) -> Effects:
    columns, labels = read_columns(
        dict(
            zip(
                ("treated_events", "treated_time", "control_events", "control_time"),
                given,
                strict=True,
            )
        ),
        names,
    )
    problems = []
    for arm in ("treated", "control"):
        problems += not_negative(f"{arm}_events", columns[f"{arm}_events"], labels)
        problems += not_positive(f"{arm}_time", columns[f"{arm}_time"], labels)
    raise_any(problems)
    x1, t1, x0, t0 = columns.values()
    counts = corrected((x1, x0), labels, where=measure, add=add, to=to)
    with np.errstate(all="ignore"):  # what a double cannot hold is named next
        moments = moments_of(counts.cells[0], t1, counts.cells[1], t0)
    refuse_without_variance(moments, counts, labels, measure)
    return effects_by(
        "events and person-time by arm", measure, moments, labels, (supposed, *counts.assumptions)
    )


def _ratio(x1: Floats, t1: Floats, x0: Floats, t0: Floats) -> Moments:
    return np.log(x1 / t1) - np.log(x0 / t0), 1 / x1 + 1 / x0


def _difference(x1: Floats, t1: Floats, x0: Floats, t0: Floats) -> Moments:
    return x1 / t1 - x0 / t0, x1 / t1**2 + x0 / t0**2


def _roots(x1: Floats, t1: Floats, x0: Floats, t0: Floats) -> Moments:
    return np.sqrt(x1 / t1) - np.sqrt(x0 / t0), 1 / (4 * t1) + 1 / (4 * t0)


def _square_root(x: Floats, t: Floats) -> Moments:
    return np.sqrt(x / t), 1 / (4 * t)


def _freeman_tukey(x: Floats, t: Floats) -> Moments:
    return (np.sqrt(x / t) + np.sqrt((x + 1) / t)) / 2, 1 / (4 * t)


_RATE_SCALES: dict[str, tuple[str, Callable[[Floats, Floats], Moments], str]] = {
    "log": ("log rate", lambda x, t: (np.log(x / t), 1 / x), _POISSON),
    "identity": ("rate", lambda x, t: (x / t, x / t**2), _POISSON),
    "square root": ("square root rate", _square_root, _STABLE),
    "freeman-tukey": ("freeman-tukey rate", _freeman_tukey, _STABLE),
}
