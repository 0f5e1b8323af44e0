"""Two arms of patients with and without an event: ratios and differences of their proportions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.effects.continuity import corrected, refuse_without_variance
from secondlook.synthesis.effects.proportions import PROPORTION_VARIANCES
from secondlook.synthesis.effects.record import Effects, effects_by
from secondlook.synthesis.printed_columns import (
    Floats,
    improper_counts,
    raise_any,
    read_columns,
    written,
)

__all__ = [
    "arcsine_difference",
    "log_odds_ratio",
    "log_risk_ratio",
    "peto_log_odds_ratio",
    "risk_difference",
]

Moments = tuple[Floats, Floats]

_UNINFORMATIVE = (
    "{}: nobody or everybody had the event in both arms; what such a row adds to a ratio comes "
    "from the correction alone."
)


def log_odds_ratio(
    treated_events: ArrayLike,
    treated_n: ArrayLike,
    control_events: ArrayLike,
    control_n: ArrayLike,
    *,
    add: float = 0.0,
    to: str = "only0",
    names: Sequence[str] | None = None,
) -> Effects:
    """Log odds ratios of two arms, treated against control (metafor's OR).

    Parameters
    ----------
    treated_events, control_events
        Patients with the event in each arm, shape (k,).
    treated_n, control_n
        Patients in each arm, positive, shape (k,).
    add, to
        A continuity correction, made only on request: ``add`` to the four counts of the rows with
        a zero among them (``to="only0"``), of every row (``"all"``), of every row if any has a
        zero (``"if0all"``), or of none (``"none"``).
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        yi = log(ad/(bc)); vi = 1/a + 1/b + 1/c + 1/d, for a of a + b treated and c of c + d
        controls with the event. Rows without a contrast of their own are named in ``warnings``.

    Raises
    ------
    EstimationError
        Naming every row with a missing or impossible count, and every row with a zero among the
        four counts when no correction was asked for.

    Notes
    -----
    Woolf, Ann Hum Genet 1955;19:251-253. Sweeting, Sutton and Lambert, Stat Med 2004;23:1351-1375,
    on what corrections do to sparse data: with few events Mantel-Haenszel or Peto pooling, or a
    model of the counts, needs none.

    Examples
    --------
    >>> effects = log_odds_ratio([10], [50], [20], [50])
    >>> float(effects.yi[0].round(4)), float(effects.vi[0].round(4))
    (-0.9808, 0.2083)
    """
    return _from_counts(
        (treated_events, treated_n, control_events, control_n),
        _odds_ratio,
        "log odds ratio",
        ("The variance is Woolf's, for large counts.",),
        add=add,
        to=to,
        names=names,
    )


def log_risk_ratio(
    treated_events: ArrayLike,
    treated_n: ArrayLike,
    control_events: ArrayLike,
    control_n: ArrayLike,
    *,
    add: float = 0.0,
    to: str = "only0",
    names: Sequence[str] | None = None,
) -> Effects:
    """Log risk ratios of two arms, treated against control (metafor's RR).

    Parameters
    ----------
    treated_events, treated_n, control_events, control_n, add, to, names
        As for :func:`log_odds_ratio`.

    Returns
    -------
    Effects
        yi = log((a/n1)/(c/n0)); vi = 1/a - 1/n1 + 1/c - 1/n0.

    Raises
    ------
    EstimationError
        As for :func:`log_odds_ratio`; a zero among those *without* the event leaves a risk ratio
        and is no error, unless it stands in both arms.

    Notes
    -----
    Katz and others, Biometrics 1978;34:469-474. The ratio of the risks of dying is not that of
    surviving turned over.

    Examples
    --------
    >>> effects = log_risk_ratio([10], [50], [20], [50])
    >>> float(effects.yi[0].round(4)), float(effects.vi[0].round(4))
    (-0.6931, 0.11)
    """
    return _from_counts(
        (treated_events, treated_n, control_events, control_n),
        _risk_ratio,
        "log risk ratio",
        ("The variance is that of the delta method, for large counts.",),
        add=add,
        to=to,
        names=names,
    )


def risk_difference(
    treated_events: ArrayLike,
    treated_n: ArrayLike,
    control_events: ArrayLike,
    control_n: ArrayLike,
    *,
    variance: str = "large sample",
    add: float = 0.0,
    to: str = "only0",
    names: Sequence[str] | None = None,
) -> Effects:
    """Differences of the risks of two arms, treated minus control (metafor's RD).

    Parameters
    ----------
    treated_events, treated_n, control_events, control_n, add, to, names
        As for :func:`log_odds_ratio`.
    variance
        ``"large sample"``, ``"average"`` (from the pooled risk of each arm over all rows) or
        ``"unbiased"`` (n - 1 in place of n).

    Returns
    -------
    Effects
        yi = a/n1 - c/n0; vi = ab/n1³ + cd/n0³ for large samples.

    Raises
    ------
    EstimationError
        As for :func:`log_odds_ratio`; a zero is an error only where both arms have one and so no
        variance is left.

    Notes
    -----
    An arm in which nobody or everybody had the event adds no variance of its own, which makes such
    a row weigh too much; the average variance does not have that fault.

    Examples
    --------
    >>> effects = risk_difference([10], [50], [20], [50])
    >>> float(effects.yi[0].round(4)), float(effects.vi[0].round(4))
    (-0.2, 0.008)
    """
    if written(variance) not in PROPORTION_VARIANCES:
        rule, known = "is not a known variance", ", ".join(PROPORTION_VARIANCES)
        where = "risk_difference, variance"
        raise EstimationError(Problem(where, written(variance), rule, f"use {known}"))
    return _from_counts(
        (treated_events, treated_n, control_events, control_n),
        lambda *cells: _difference(*cells, variance=variance),
        "risk difference",
        (PROPORTION_VARIANCES[variance],),
        add=add,
        to=to,
        names=names,
    )


def peto_log_odds_ratio(
    treated_events: ArrayLike,
    treated_n: ArrayLike,
    control_events: ArrayLike,
    control_n: ArrayLike,
    *,
    add: float = 0.0,
    to: str = "only0",
    names: Sequence[str] | None = None,
) -> Effects:
    """Log odds ratios by Peto's one step, treated against control (metafor's PETO).

    Parameters
    ----------
    treated_events, treated_n, control_events, control_n, add, to, names
        As for :func:`log_odds_ratio`.

    Returns
    -------
    Effects
        yi = (a - E)/V; vi = 1/V, with E and V the mean and variance of a when all four totals are
        fixed and there is no difference.

    Raises
    ------
    EstimationError
        As for :func:`log_odds_ratio`; a zero is an error only where nobody or everybody in both
        arms had the event.

    Notes
    -----
    Yusuf and others, Prog Cardiovasc Dis 1985;27:335-371. Made for small effects, rare events and
    arms of like size; away from these it is biased (Greenland and Salvan, Stat Med
    1990;9:247-252).

    Examples
    --------
    >>> effects = peto_log_odds_ratio([10], [50], [20], [50])
    >>> float(effects.yi[0].round(4)), float(effects.vi[0].round(4))
    (-0.9429, 0.1886)
    """
    return _from_counts(
        (treated_events, treated_n, control_events, control_n),
        _peto,
        "log odds ratio",
        ("One step from no difference stands for the odds ratio.",),
        add=add,
        to=to,
        names=names,
    )


def arcsine_difference(
    treated_events: ArrayLike,
    treated_n: ArrayLike,
    control_events: ArrayLike,
    control_n: ArrayLike,
    *,
    add: float = 0.0,
    to: str = "only0",
    names: Sequence[str] | None = None,
) -> Effects:
    """Differences of the arcsines of the square roots of two arms' risks (metafor's AS).

    Parameters
    ----------
    treated_events, treated_n, control_events, control_n, add, to, names
        As for :func:`log_odds_ratio`.

    Returns
    -------
    Effects
        yi = arcsin √(a/n1) - arcsin √(c/n0); vi = 1/(4 n1) + 1/(4 n0). Zeros need no correction.

    Raises
    ------
    EstimationError
        Naming every row with a missing or impossible count.

    Notes
    -----
    Rücker and others, Stat Med 2009;28:721-738. There is no way back to a risk without the risk of
    one of the arms.

    Examples
    --------
    >>> effects = arcsine_difference([0], [50], [20], [50])
    >>> float(effects.yi[0].round(4)), float(effects.vi[0])
    (-0.6847, 0.01)
    """
    return _from_counts(
        (treated_events, treated_n, control_events, control_n),
        _arcsine,
        "arcsine difference",
        ("The variance is stabilised: it does not depend on the risks.",),
        add=add,
        to=to,
        names=names,
    )


def _from_counts(
    given: Sequence[ArrayLike],
    moments_of: Callable[[Floats, Floats, Floats, Floats], Moments],
    measure: str,
    assumptions: tuple[str, ...],
    *,
    add: float,
    to: str,
    names: Sequence[str] | None,
) -> Effects:
    columns, labels = read_columns(
        dict(
            zip(("treated_events", "treated_n", "control_events", "control_n"), given, strict=True)
        ),
        names,
    )
    problems = []
    for arm in ("treated", "control"):
        problems += improper_counts(columns, labels, events=f"{arm}_events", n=f"{arm}_n")
    raise_any(problems)
    a, n1, c, n0 = columns.values()
    counts = corrected((a, n1 - a, c, n0 - c), labels, where=measure, add=add, to=to)
    with np.errstate(all="ignore"):  # what a double cannot hold is named next
        moments = moments_of(*counts.cells)
    refuse_without_variance(moments, counts, labels, measure)
    none = ((a == 0) & (c == 0)) | ((a == n1) & (c == n0))
    warnings = tuple(
        _UNINFORMATIVE.format(label)
        for label, is_so in zip(labels, none, strict=True)
        if is_so and measure.startswith("log")
    )
    return effects_by(
        "events and patients by arm",
        measure,
        moments,
        labels,
        assumptions + counts.assumptions,
        warnings=warnings,
    )


def _odds_ratio(a: Floats, b: Floats, c: Floats, d: Floats) -> Moments:
    return np.log(a / b) - np.log(c / d), 1 / a + 1 / b + 1 / c + 1 / d


def _risk_ratio(a: Floats, b: Floats, c: Floats, d: Floats) -> Moments:
    # b/(a n) is 1/a - 1/n without its cancellation
    variance = b / (a * (a + b)) + d / (c * (c + d))
    return np.log(a / (a + b)) - np.log(c / (c + d)), variance


def _difference(a: Floats, b: Floats, c: Floats, d: Floats, *, variance: str) -> Moments:
    n1, n0 = a + b, c + d
    spread = (a * b / n1**2, c * d / n0**2)
    if variance == "average":
        first = a.sum() * b.sum() / n1.sum() ** 2
        spread = (np.full_like(n1, first), np.full_like(n0, c.sum() * d.sum() / n0.sum() ** 2))
    less = 1 if variance == "unbiased" else 0
    return a / n1 - c / n0, spread[0] / (n1 - less) + spread[1] / (n0 - less)


def _peto(a: Floats, b: Floats, c: Floats, d: Floats) -> Moments:
    n1, n0, events, others = a + b, c + d, a + c, b + d
    n = n1 + n0
    information = events * others * (n1 / n) * (n0 / n) / (n - 1)
    return (a - events * n1 / n) / information, 1 / information


def _arcsine(a: Floats, b: Floats, c: Floats, d: Floats) -> Moments:
    n1, n0 = a + b, c + d
    effect = np.arcsin(np.sqrt(a / n1)) - np.arcsin(np.sqrt(c / n0))
    return effect, 1 / (4 * n1) + 1 / (4 * n0)
