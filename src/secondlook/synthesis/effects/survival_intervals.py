"""Survival at one time and its variance from a printed interval or standard error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.effects.record import Effects, effects_by
from secondlook.synthesis.effects.rounding import (
    asymmetry_of,
    asymmetry_warnings,
    improper_rounding,
    rounding_column,
)
from secondlook.synthesis.effects.scales import SCALES, scale_named
from secondlook.synthesis.effects.survival import WITHOUT_COUNTS, strictly_inside
from secondlook.synthesis.printed_columns import (
    Floats,
    improper_intervals,
    not_positive,
    offences,
    raise_any,
    read_columns,
    written,
)

__all__ = ["INTERVAL_TYPES", "survival_from_interval", "survival_from_standard_error"]

INTERVAL_TYPES: dict[str, str] = {
    "log-log": "cloglog",
    "log": "log",
    "plain": "identity",
    "logit": "logit",
    "arcsine": "arcsine",
}
"""How programs make intervals of a Kaplan-Meier estimate, and the scale on which each is even."""

# whether programs cut such an interval off at 0 and at 1, where its own arithmetic goes beyond
_CUT_OFF = {
    "log-log": (False, False),
    "log": (False, True),
    "plain": (True, True),
    "logit": (False, False),
    "arcsine": (True, True),
}
_DELTA = "The standard error is carried from one scale to the other by the delta method."


def survival_from_interval(
    survival: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    *,
    level: ArrayLike = 95.0,
    interval: str = "log-log",
    scale: str = "logit",
    rounding: ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> Effects:
    """Survival at one time with the variance of its printed confidence interval.

    Parameters
    ----------
    survival, low, high
        Survival as printed and the limits of its interval, as proportions, shape (k,).
    level
        Coverage of the intervals in percent, one number for all or shape (k,).
    interval
        How the interval was made: ``"log-log"`` (the default of SAS and Stata), ``"log"`` (of R's
        survfit), ``"plain"`` (of SPSS), ``"logit"`` or ``"arcsine"``. The right one shows itself by
        an ``asymmetry`` near 1.
    scale
        The scale of the effects: ``"logit"``, ``"cloglog"``, ``"log"``, ``"identity"`` or
        ``"arcsine"``.
    rounding
        At most how far the printed proportions are from exact, one number for all or shape (k,):
        0.0005 for one decimal of a percent. With it, rows whose asymmetry rounding cannot explain
        are named in ``warnings``.
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        The standard error is half the width over z on the scale of the interval, times the ratio of
        the slopes of the two scales at S. A limit at exactly 0 or 1 of a plain, log (only 1) or
        arcsine interval was cut off there: the other half of the interval is then used, the
        assumptions name the row, and its asymmetry is NaN.

    Raises
    ------
    EstimationError
        Naming every row with a missing or impossible value: a proportion not strictly between 0 and
        1, limits outside 0 to 1, in the wrong order or equal, a limit that this kind of interval
        cannot have, both limits cut off, an estimate outside, or a level that is not a percent.

    Notes
    -----
    Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data, 1980, for the log-log
    interval; Borgan and Liestøl, Scand J Stat 1990;17:35-41, compare the kinds. A wrong guess of
    the kind matters little near the middle and a great deal near 0 and 1.

    Examples
    --------
    >>> effects = survival_from_interval([0.5], [0.4], [0.6], interval="plain", scale="identity")
    >>> float(np.sqrt(effects.vi[0]).round(4))
    0.051
    """
    way = scale_named("survival_from_interval", scale, WITHOUT_COUNTS)
    if written(interval) not in INTERVAL_TYPES:
        rule, known = "is not a known kind of interval", ", ".join(INTERVAL_TYPES)
        where = "survival_from_interval, interval"
        raise EstimationError(Problem(where, written(interval), rule, f"use {known}"))
    given = {"survival": survival, "low": low, "high": high}
    one_for_all = {"level": level, **rounding_column(rounding)}
    columns, labels = read_columns(given, names, one_for_all=one_for_all)
    at_zero, at_one, impossible = _ends(columns, interval)
    problems = strictly_inside(columns["survival"], labels)
    problems += _improper_limits(columns, labels, interval, impossible)
    problems += improper_intervals(columns, labels, of="survival")
    raise_any(problems + improper_rounding(columns, labels))
    middle, first, second = (_on(interval, columns[name]) for name in given)
    with np.errstate(all="ignore"):  # what a double cannot hold is named by effects_by
        z = ndtri(0.5 + columns["level"] / 200)
        error = np.abs(second - first) / (2 * z)
        error = np.where(at_one, np.abs(middle - first) / z, error)
        error = np.where(at_zero, np.abs(second - middle) / z, error)
        slopes = _slope(scale, columns) / _slope(INTERVAL_TYPES[interval], columns)
        asymmetry = np.where(at_zero | at_one, np.nan, asymmetry_of(middle, first, second))
        proportion = columns["survival"]
        moments = (
            np.array(way.forward(proportion, 1 - proportion, proportion)),
            (error * slopes) ** 2,
        )
    whole = ~(at_zero | at_one)
    return effects_by(
        f"survival and {interval} interval",
        scale,
        moments,
        labels,
        _assumptions(labels, interval, scale, whole),
        asymmetry=asymmetry,
        warnings=_warnings(columns, labels, interval, whole),
    )


def survival_from_standard_error(
    survival: ArrayLike,
    standard_error: ArrayLike,
    *,
    scale: str = "logit",
    names: Sequence[str] | None = None,
) -> Effects:
    """Survival at one time with its printed standard error.

    Parameters
    ----------
    survival
        Kaplan-Meier estimates at the time, strictly between 0 and 1, shape (k,).
    standard_error
        Their standard errors as proportions (Greenwood's, as a rule), positive, shape (k,).
    scale
        ``"logit"``, ``"cloglog"``, ``"log"``, ``"identity"`` or ``"arcsine"``.
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        Delta-method variances: the standard error times the slope of the scale at S, squared.

    Raises
    ------
    EstimationError
        Naming every row with a missing or impossible value, and standard errors above 1/2, which no
        proportion between 0 and 1 can have.

    Notes
    -----
    Greenwood, Reports on Public Health and Medical Subjects 33, 1926. Survival and standard error
    printed in percent are divided by 100 first. A standard deviation or a half-width in place of a
    standard error goes unnoticed below 1/2.

    Examples
    --------
    >>> effects = survival_from_standard_error([0.5], [0.05])
    >>> float(effects.vi[0].round(6))
    0.04
    """
    way = scale_named("survival_from_standard_error", scale, WITHOUT_COUNTS)
    given = {"survival": survival, "standard_error": standard_error}
    columns, labels = read_columns(given, names)
    proportion, error = columns.values()
    problems = strictly_inside(proportion, labels) + not_positive("standard_error", error, labels)
    problems += [
        Problem(
            f"{label}, standard_error",
            f"{value:g}",
            "is more than a proportion can have",
            "divide a percent by 100",
        )
        for label, value in zip(labels, error, strict=True)
        if 0.5 < value < np.inf
    ]
    raise_any(problems)
    with np.errstate(all="ignore"):  # what a double cannot hold is named by effects_by
        effect = np.array(way.forward(proportion, 1 - proportion, proportion))
        variance = (error * _slope(scale, columns)) ** 2
    assumptions = ["The printed standard error is that of the survival itself."]
    if scale != "identity":
        assumptions.append(_DELTA)
    return effects_by(
        "survival and standard error", scale, (effect, variance), labels, tuple(assumptions)
    )


def _on(interval: str, proportion: Floats) -> Floats:
    way = SCALES[INTERVAL_TYPES[interval]]
    with np.errstate(all="ignore"):  # a limit cut off at 0 or 1 may be infinite and is not used
        return np.asarray(way.forward(proportion, 1 - proportion, proportion))


def _slope(scale: str, columns: Mapping[str, Floats]) -> Floats:
    slope = SCALES[scale].slope
    assert slope is not None  # noqa: S101 - the scales without one were refused
    return slope(columns["survival"], 1 - columns["survival"])


def _ends(
    columns: Mapping[str, Floats], interval: str
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Say which lower limits were cut off at 0, which upper at 1, and which ends cannot be."""
    zero, one = columns["low"] == 0, columns["high"] == 1
    at_zero, at_one = (
        mask & may for mask, may in zip((zero, one), _CUT_OFF[interval], strict=True)
    )
    return at_zero, at_one, (zero & ~at_zero) | (one & ~at_one) | (zero & one)


def _improper_limits(
    columns: Mapping[str, Floats],
    labels: tuple[str, ...],
    interval: str,
    impossible: NDArray[np.bool_],
) -> list[Problem]:
    problems = []
    # a plain interval may go beyond 0 and 1, though not by the whole of them
    beyond = 1.0 if interval == "plain" else 0.0
    for name in ("low", "high"):
        values = columns[name]
        broken = ~((values >= -beyond) & (values <= 1 + beyond))
        rule = f"is not a limit of a proportion on the {interval} scale"
        problems += offences(name, values, broken, labels, rule, "divide a percent by 100")
    rule, remedy = f"are ends a {interval} interval cannot have", "name another kind of interval"
    return problems + [
        Problem(f"{label}, low and high", f"{low:g} to {high:g}", rule, remedy)
        for label, low, high, is_so in zip(
            labels, columns["low"], columns["high"], impossible, strict=True
        )
        if is_so
    ]


def _assumptions(
    labels: tuple[str, ...], interval: str, scale: str, whole: NDArray[np.bool_]
) -> tuple[str, ...]:
    sentences = [f"The intervals were made on the {interval} scale."]
    if INTERVAL_TYPES[interval] != scale:
        sentences.append(_DELTA)
    cut = [label for label, is_whole in zip(labels, whole, strict=True) if not is_whole]
    if cut:
        sentences.append(
            f"One limit was cut off at 0 or 1, so the other half stands for both: {', '.join(cut)}."
        )
    return tuple(sentences)


def _warnings(
    columns: Mapping[str, Floats],
    labels: tuple[str, ...],
    interval: str,
    whole: NDArray[np.bool_],
) -> tuple[str, ...]:
    return asymmetry_warnings(
        {name: values[whole] for name, values in columns.items()},
        tuple(label for label, is_whole in zip(labels, whole, strict=True) if is_whole),
        of="survival",
        forward=lambda proportion: _on(interval, proportion),
        limits=(-1.0, 2.0) if interval == "plain" else (0.0, 1.0),
        scale=interval,
    )
