"""Effect sizes for comparative survival: from what a paper prints to ``yi`` and ``vi``.

Every function takes one value per row and gives an :class:`Effects`, whose ``yi`` and ``vi`` go
straight to :func:`~secondlook.synthesis.pool` and whose ``assumptions`` say in words what had to
be supposed. No number is corrected in silence: a row a scale cannot hold is an error that names it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logit, ndtri

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import (
    Floats,
    at_the_boundary,
    improper_arms,
    improper_intervals,
    improper_survival,
    not_held,
    not_positive,
    raise_any,
    read_columns,
    written,
)

__all__ = [
    "Effects",
    "implied_log_hazard_ratio",
    "log_hazard_ratio",
    "survival_difference",
    "survival_proportion",
]

_BINOMIAL = (
    "The variance is that of a binomial proportion, S(1 - S)/n, carried to this scale by the delta "
    "method; where patients were censored, a Kaplan-Meier rate is less certain than that."
)
_STABILISED = (
    "The variance 1/(4n + 2) is that of a binomial proportion after the double arcsine; a "
    "Kaplan-Meier rate is less certain than that where patients were censored."
)


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """One effect per row, its sampling variance, and what had to be supposed to get there.

    Parameters
    ----------
    measure
        The scale, by the name :func:`~secondlook.synthesis.inverse` knows it by.
    yi, vi
        Effects and their sampling variances, both of shape (k,), read-only.
    names
        What the rows are called.
    assumptions
        One sentence for each thing supposed.
    sample_sizes
        Patients per row, where the way back needs them (Freeman-Tukey); otherwise None.
    asymmetry
        For intervals: upper half-width over lower half-width on the log scale, 1 when the estimate
        lies in the middle; otherwise None.
    """

    measure: str
    yi: Floats
    vi: Floats
    names: tuple[str, ...]
    assumptions: tuple[str, ...]
    sample_sizes: Floats | None = field(default=None)
    asymmetry: Floats | None = field(default=None)

    def __post_init__(self) -> None:
        for array in (self.yi, self.vi, self.sample_sizes, self.asymmetry):
            if array is not None:
                array.flags.writeable = False

    def __reduce__(self) -> tuple[type[Effects], tuple[object, ...]]:
        # a copy, also one from another process, is made anew and so is read-only again
        return Effects, tuple(getattr(self, one.name) for one in fields(self))

    def to_dict(self) -> dict[str, object]:
        """Give the record as plain JSON types."""
        return {
            "measure": self.measure,
            "yi": self.yi.tolist(),
            "vi": self.vi.tolist(),
            "names": list(self.names),
            "assumptions": list(self.assumptions),
            "sample_sizes": None if self.sample_sizes is None else self.sample_sizes.tolist(),
            "asymmetry": None if self.asymmetry is None else self.asymmetry.tolist(),
        }


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
        survival; ``"freeman-tukey"``, the double arcsine of Freeman and Tukey.
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        With delta-method variances 1/(n S (1 - S)) and (1 - S)/(n S (log S)²), or 1/(4n + 2) for
        the double arcsine.

    Raises
    ------
    EstimationError
        Naming every row with a missing value, a proportion outside 0 to 1, an ``n`` that is not
        positive, or a proportion of exactly 0 or 1 on a scale where that is infinite.

    Notes
    -----
    Freeman and Tukey, Ann Math Stat 1950;21:607-611. The double arcsine is offered because readers
    of older reviews ask for it; its way back has no agreed sample size and can
    mislead (Schwarzer and others, Res Synth Methods 2019;10:476-483). A small variance here is not
    evidence of long follow-up: censoring is not seen.

    Examples
    --------
    >>> effects = survival_proportion([0.5, 0.2], [40, 10])
    >>> effects.yi.round(4).tolist(), effects.vi.round(4).tolist()
    ([0.0, -1.3863], [0.1, 0.625])
    """
    if written(scale) not in _SCALES:
        known = ", ".join(_SCALES)
        raise EstimationError(
            Problem(
                "survival_proportion, scale",
                written(scale),
                "is not a known scale",
                f"use {known}",
            )
        )
    columns, labels = read_columns({"survival": survival, "n": n}, names)
    proportion, patients = columns["survival"], columns["n"]
    problems = improper_survival("survival", proportion, labels)
    problems += not_positive("n", patients, labels)
    if scale != "freeman-tukey":
        problems += at_the_boundary("survival", proportion, labels, scale)
    raise_any(problems)
    with np.errstate(all="ignore"):  # what a double cannot hold is named below
        yi, vi = _SCALES[scale](proportion, patients)
    raise_any(not_held(yi, vi, labels))
    if scale == "freeman-tukey":
        return Effects(scale, yi, vi, labels, (_STABILISED,), sample_sizes=patients)
    return Effects(scale, yi, vi, labels, (_BINOMIAL,))


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
    vi = s1 * (1 - s1) / n1 + s0 * (1 - s0) / n0
    raise_any(not_held(s1 - s0, vi, labels))
    return Effects("difference", s1 - s0, vi, labels, tuple(assumptions))


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
    1998;17:2815-2834, discuss what can be had from published curves). Where curves cross, the
    number depends on the time chosen and is no hazard ratio at all.

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
        problems += at_the_boundary(arm, columns[arm], labels, "log hazard ratio")
    raise_any(problems)
    with np.errstate(all="ignore"):  # what a double cannot hold is named below
        first, first_variance = _cloglog(columns["treated"], columns["treated_n"])
        second, second_variance = _cloglog(columns["control"], columns["control_n"])
    raise_any(not_held(first - second, first_variance + second_variance, labels))
    assumptions = (
        "Hazards are proportional up to that time; otherwise this is the ratio of the cumulative "
        "hazards.",
        "For the variance, no patient was censored before that time. Nothing is adjusted for.",
        _BINOMIAL,
    )
    return Effects(
        "log hazard ratio", first - second, first_variance + second_variance, labels, assumptions
    )


def log_hazard_ratio(
    estimate: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    *,
    level: ArrayLike = 95.0,
    names: Sequence[str] | None = None,
) -> Effects:
    """Log hazard ratios and their variances from printed confidence intervals.

    Parameters
    ----------
    estimate, low, high
        Hazard ratios as printed and the limits of their intervals, positive, shape (k,).
    level
        Coverage of the intervals in percent, one number for all or shape (k,).
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        yi = log(estimate); vi = ((log high - log low)/(2 z))²; ``asymmetry`` is
        (log high - log estimate)/(log estimate - log low).

    Raises
    ------
    EstimationError
        Naming every row with a missing value, a limit that is not positive, limits in the wrong
        order or equal, an estimate outside its own interval, or a level that is not a percent.

    Notes
    -----
    Parmar, Torri and Stewart, Stat Med 1998;17:2815-2834. An asymmetry far from 1 means that the
    interval was not made this way, or that a number is misprinted: rounding alone explains a
    little. The variance is that of the interval; an interval that ignores confounding gives one
    that does so too.

    Examples
    --------
    >>> effects = log_hazard_ratio([0.70], [0.50], [0.98])
    >>> float(effects.yi[0].round(4)), float(np.sqrt(effects.vi[0]).round(4))
    (-0.3567, 0.1717)
    """
    given = {"estimate": estimate, "low": low, "high": high}
    columns, labels = read_columns(given, names, one_for_all={"level": level})
    problems = [problem for name in given for problem in not_positive(name, columns[name], labels)]
    problems += improper_intervals(columns, labels)
    raise_any(problems)
    middle, lower, upper = (np.log(columns[name]) for name in given)
    error = (upper - lower) / (2 * ndtri(0.5 + columns["level"] / 200))
    raise_any(not_held(middle, error**2, labels))
    with np.errstate(divide="ignore"):  # an estimate printed equal to its lower limit
        asymmetry = (upper - middle) / (middle - lower)
    assumptions = (
        "The interval is symmetric and normal on the log scale; it is drawn again from that.",
    )
    return Effects("log hazard ratio", middle, error**2, labels, assumptions, asymmetry=asymmetry)


def _logit(survival: Floats, n: Floats) -> tuple[Floats, Floats]:
    return logit(survival), 1 / (n * survival * (1 - survival))


def _cloglog(survival: Floats, n: Floats) -> tuple[Floats, Floats]:
    log_survival = np.log(survival)
    return np.log(-log_survival), (1 - survival) / (n * survival * log_survival**2)


def _freeman_tukey(survival: Floats, n: Floats) -> tuple[Floats, Floats]:
    count = survival * n
    lower = np.arcsin(np.sqrt(count / (n + 1)))
    upper = np.arcsin(np.sqrt((count + 1) / (n + 1)))
    return (lower + upper) / 2, 1 / (4 * n + 2)


_SCALES = {"logit": _logit, "cloglog": _cloglog, "freeman-tukey": _freeman_tukey}
