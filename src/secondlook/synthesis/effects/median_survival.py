"""Median survival on the log scale, with the variance of its density or of its interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from secondlook.synthesis.effects.record import Effects, effects_by
from secondlook.synthesis.effects.rounding import (
    asymmetry_of,
    asymmetry_warnings,
    improper_rounding,
    rounding_column,
)
from secondlook.synthesis.printed_columns import (
    improper_intervals,
    not_positive,
    offences,
    raise_any,
    read_columns,
)

__all__ = ["median_survival", "median_survival_from_interval"]


def median_survival(
    median: ArrayLike,
    n: ArrayLike,
    *,
    shape: ArrayLike = 1.0,
    names: Sequence[str] | None = None,
) -> Effects:
    """Log median survival times with the variance that a Weibull density at the median gives.

    Parameters
    ----------
    median
        Median survival times, positive, shape (k,), all in one unit of time.
    n
        Patients, positive, shape (k,). Where many were censored the number of events stands nearer
        to what the median rests on.
    shape
        Shape of the Weibull distribution, positive, one number for all or shape (k,); 1 is the
        exponential.
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        yi = log(median); vi = 1/(n shape² (log 2)²), which is 1/(4 n f²) for the density f of the
        Weibull distribution at its median, carried to the log scale; measure ``"log median"``.

    Raises
    ------
    EstimationError
        Naming every row with a missing value or one that is not positive.

    Notes
    -----
    The asymptotic variance 1/(4 n f²) of a sample median: Stuart and Ord, Kendall's Advanced Theory
    of Statistics, volume 1; Reid, Biometrika 1981;68:601-608, for censored samples. The answer
    leans on the shape with its square: a shape of 0.7 doubles the variance. A printed interval is
    better by far.

    Examples
    --------
    >>> effects = median_survival([24.0], [50])
    >>> float(effects.yi[0].round(4)), float(effects.vi[0].round(4))
    (3.1781, 0.0416)
    """
    columns, labels = read_columns({"median": median, "n": n}, names, one_for_all={"shape": shape})
    raise_any(
        [
            problem
            for name, values in columns.items()
            for problem in not_positive(name, values, labels)
        ]
    )
    with np.errstate(all="ignore"):  # what a double cannot hold is named by effects_by
        variance = 1 / (columns["n"] * (columns["shape"] * np.log(2)) ** 2)
    law = "exponential" if np.all(columns["shape"] == 1) else "Weibull with the shape given"
    assumptions = (
        f"Survival times are {law}, which gives the density at the median that the variance needs.",
        "Nobody was censored before the median.",
    )
    moments = (np.log(columns["median"]), variance)
    return effects_by("median and patients", "log median", moments, labels, assumptions)


def median_survival_from_interval(
    median: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    *,
    level: ArrayLike = 95.0,
    rounding: ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> Effects:
    """Log median survival times with the variance of their printed confidence intervals.

    Parameters
    ----------
    median, low, high
        Median survival times and the limits of their intervals, positive, shape (k,), all in one
        unit of time. An upper limit that was not reached is written as infinity.
    level
        Coverage of the intervals in percent, one number for all or shape (k,).
    rounding
        At most how far the printed times are from exact, one number for all or shape (k,). With it,
        rows whose asymmetry rounding cannot explain are named in ``warnings``.
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        yi = log(median); vi = ((log high - log low)/(2 z))², or ((log median - log low)/z)² where
        the upper limit was not reached; ``asymmetry`` on the log scale, infinite for those; measure
        ``"log median"``.

    Raises
    ------
    EstimationError
        Naming every row with a missing or impossible value, as
        :func:`~secondlook.synthesis.effects.log_hazard_ratio` does.

    Notes
    -----
    Brookmeyer and Crowley, Biometrics 1982;38:29-41, give the interval papers print. It inverts a
    test and is not symmetric on any scale; taking it as normal on the log scale is an approximation
    that is poor for small series and where the curve is flat about the median.

    Examples
    --------
    >>> effects = median_survival_from_interval([24.0], [18.0], [32.0])
    >>> float(np.sqrt(effects.vi[0]).round(4)), effects.asymmetry.round(2).tolist()
    (0.1468, [1.0])
    """
    given = {"median": median, "low": low, "high": high}
    one_for_all = {"level": level, **rounding_column(rounding)}
    columns, labels = read_columns(given, names, one_for_all=one_for_all)
    upper = columns["high"]
    problems = not_positive("median", columns["median"], labels)
    problems += not_positive("low", columns["low"], labels)
    problems += offences(
        "high", upper, ~(upper > 0), labels, "is not a positive number", "correct it"
    )
    problems += improper_intervals(columns, labels, of="median")
    raise_any(problems + improper_rounding(columns, labels))
    middle, first, second = (np.log(columns[name]) for name in given)
    reached = np.isfinite(upper)
    z = ndtri(0.5 + columns["level"] / 200)
    error = np.where(reached, (second - first) / 2, middle - first) / z
    assumptions = ["The interval is taken as symmetric and normal on the log scale."]
    open_ended = [label for label, is_so in zip(labels, reached, strict=True) if not is_so]
    if open_ended:
        assumptions.append(
            "The upper limit was not reached, so the lower half stands for both: "
            f"{', '.join(open_ended)}."
        )
    return effects_by(
        "median and interval",
        "log median",
        (middle, error**2),
        labels,
        tuple(assumptions),
        asymmetry=asymmetry_of(middle, first, second),
        warnings=asymmetry_warnings(
            columns, labels, of="median", forward=np.log, limits=(0.0, np.inf), scale="log"
        ),
    )
