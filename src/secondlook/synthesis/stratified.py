"""A common effect from tables summed over studies: the methods of Mantel and Haenszel, and Peto.

They suppose one effect in all studies. With few events they are steadier than weighting each
study's own logarithm by its own variance, and need no correction of zero counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.stratified_assembly import (
    OWN_RATES,
    OWN_TABLE,
    Strata,
    assembled,
    check_options,
    double_zero,
    own_effects,
    read_differences,
    read_tables,
    read_two_rates,
    said_of_test,
)
from secondlook.synthesis.stratified_result import PooledStrata
from secondlook.synthesis.stratified_tables import (
    Summed,
    association,
    association_of_rates,
    homogeneity_of_odds,
    summed_rates,
    summed_tables,
)

__all__ = [
    "mantel_haenszel",
    "mantel_haenszel_rates",
    "peto_hazard_ratio",
    "peto_odds_ratio",
]

_MANTEL_HAENSZEL = "Mantel-Haenszel"
_PETO = "Peto's one step"


def mantel_haenszel(
    treated_events: ArrayLike,
    treated_n: ArrayLike,
    control_events: ArrayLike,
    control_n: ArrayLike,
    *,
    measure: str = "odds ratio",
    add: float = 0.0,
    to: str = "only0",
    add_for_q: float = 0.5,
    to_for_q: str = "only0",
    keep_double_zeros: bool = True,
    keep_double_zeros_for_q: bool = False,
    continuity_correction: bool = True,
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> PooledStrata:
    """Pool two-by-two tables by the method of Mantel and Haenszel, treated against control.

    What is estimated is one odds ratio, risk ratio or risk difference common to all studies.

    Parameters
    ----------
    treated_events, control_events
        Patients with the event in each arm, shape (k,). A study with a NaN is left out.
    treated_n, control_n
        Patients in each arm, positive, shape (k,).
    measure
        ``"odds ratio"``, ``"risk ratio"`` or ``"risk difference"``.
    add, to
        A correction of the tables pooled, made only on request: ``add`` to the four counts of the
        rows with a zero among them (``to="only0"``), of every row (``"all"``), of every row if any
        has a zero (``"if0all"``), or of none (``"none"``).
    add_for_q, to_for_q
        The same for the studies' own effects, which enter Q, I² and H² and nothing else.
    keep_double_zeros
        Whether studies in which nobody or everybody had the event stay among the tables pooled.
        They change only a risk difference.
    keep_double_zeros_for_q
        Whether they count in Q, for which they have to be corrected.
    continuity_correction
        Take 1/2 from the difference in the tests of no association.
    level
        Coverage of the interval, between 0 and 1.
    names
        What the studies are called.

    Returns
    -------
    PooledStrata
        Agrees with metafor's ``rma.mh``, whose ``add``, ``to`` and ``drop00`` give the pair for Q
        first and that for the tables second.

    Raises
    ------
    EstimationError
        For impossible counts, every study named; for a ratio of 0 or infinity; for unknown options.

    Notes
    -----
    Mantel and Haenszel, J Natl Cancer Inst 1959;22:719-748; Robins, Breslow and Greenland,
    Biometrics 1986;42:311-323; Greenland and Robins, Biometrics 1985;41:55-68; Sato, Biometrics
    1989;45:1323-1324. A common effect is no summary of effects that differ.

    Examples
    --------
    >>> pooled = mantel_haenszel([4, 6, 3], [123, 306, 231], [11, 29, 11], [139, 303, 220])
    >>> round(pooled.ratio, 3), round(pooled.q, 3)
    (0.243, 0.94)
    """
    where = "mantel_haenszel"
    check_options(where, measure, tuple(OWN_TABLE), level)
    given = (treated_events, treated_n, control_events, control_n)
    counts = read_tables(where, given, names, keep=keep_double_zeros)
    cells, said = counts.corrected(where, add, to)
    summed = summed_tables(cells, measure, where)
    tests = {}
    if measure == "odds ratio":
        related = association(cells, corrected=continuity_correction)
        tests = {"mantel_haenszel": related[0], "cochran": related[1]}
        homogeneous = homogeneity_of_odds(cells, math.exp(summed.estimate))
        tests |= {"breslow_day": homogeneous[0], "tarone": homogeneous[1]}
    silent = double_zero(counts) if not keep_double_zeros_for_q else None
    own = own_effects(counts, OWN_TABLE[measure], silent, add=add_for_q, to=to_for_q)
    said += said_of_test(tests, corrected=continuity_correction)
    return assembled(counts, measure, _MANTEL_HAENSZEL, summed, own, tests, level, said)


def mantel_haenszel_rates(
    treated_events: ArrayLike,
    treated_time: ArrayLike,
    control_events: ArrayLike,
    control_time: ArrayLike,
    *,
    measure: str = "rate ratio",
    add_for_q: float = 0.5,
    to_for_q: str = "only0",
    continuity_correction: bool = True,
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> PooledStrata:
    """Pool events per person-time of two arms by the method of Mantel and Haenszel.

    What is estimated is one ratio or difference of rates common to all studies.

    Parameters
    ----------
    treated_events, control_events
        Events in each arm, not negative, shape (k,). A study with a NaN is left out.
    treated_time, control_time
        Person-time at risk in each arm, positive; for differences in one unit for all studies.
    measure
        ``"rate ratio"`` or ``"rate difference"``.
    add_for_q, to_for_q, continuity_correction, level, names
        As for :func:`mantel_haenszel`.

    Returns
    -------
    PooledStrata
        Agrees with metafor's ``rma.mh`` for IRR and IRD.

    Raises
    ------
    EstimationError
        For impossible numbers, every study named; for a ratio of 0 or infinity; for unknown
        options.

    Notes
    -----
    Greenland and Robins, Biometrics 1985;41:55-68; Rothman, Greenland and Lash, Modern
    Epidemiology, 3rd edition, 2008, chapter 15.

    Examples
    --------
    >>> pooled = mantel_haenszel_rates([2, 5], [100.0, 210.0], [6, 9], [98.0, 200.0])
    >>> round(pooled.ratio, 3)
    0.449
    """
    where = "mantel_haenszel_rates"
    check_options(where, measure, tuple(OWN_RATES), level)
    given = (treated_events, treated_time, control_events, control_time)
    counts = read_two_rates(where, given, names)
    cells = counts.cells
    summed = summed_rates(cells, measure, where)
    tests = {}
    if measure == "rate ratio":
        tested = association_of_rates(cells, corrected=continuity_correction)
        tests = {"mantel_haenszel": tested}
    own = own_effects(counts, OWN_RATES[measure], None, add=add_for_q, to=to_for_q)
    said = said_of_test(tests, corrected=continuity_correction)
    return assembled(counts, measure, _MANTEL_HAENSZEL, summed, own, tests, level, said)


def peto_odds_ratio(
    treated_events: ArrayLike,
    treated_n: ArrayLike,
    control_events: ArrayLike,
    control_n: ArrayLike,
    *,
    add: float = 0.0,
    to: str = "only0",
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> PooledStrata:
    """Pool two-by-two tables by Peto's one-step odds ratio, treated against control.

    What is estimated is one odds ratio common to all studies, by one step from no difference.

    Parameters
    ----------
    treated_events, treated_n, control_events, control_n, add, to, level, names
        As for :func:`mantel_haenszel`. Studies in which nobody or everybody had the event say
        nothing here, and are named.

    Returns
    -------
    PooledStrata
        Agrees with metafor's ``rma.peto``; weights are the variances of the observed events.

    Raises
    ------
    EstimationError
        For impossible counts, every study named; where no study had both outcomes; for unknown
        options.

    Notes
    -----
    Yusuf, Peto, Lewis, Collins and Sleight, Prog Cardiovasc Dis 1985;27:335-371. Biased where the
    effect is large or the arms are of unlike size (Greenland and Salvan, Stat Med 1990;9:247-252).

    Examples
    --------
    >>> pooled = peto_odds_ratio([4, 6, 3], [123, 306, 231], [11, 29, 11], [139, 303, 220])
    >>> round(pooled.ratio, 3)
    0.29
    """
    where = "peto_odds_ratio"
    check_options(where, "odds ratio", ("odds ratio",), level)
    given = (treated_events, treated_n, control_events, control_n)
    counts = read_tables(where, given, names, keep=True)
    (a, b, c, d), said = counts.corrected(where, add, to)
    n1, n2, events = a + b, c + d, a + c
    n = n1 + n2
    spread = events * (n1 / n) * (n2 / n) * (b + d) / np.maximum(n - 1, 1)
    return _peto(counts, "odds ratio", a - events * (n1 / n), spread, level, said)


def peto_hazard_ratio(
    observed_minus_expected: ArrayLike,
    variance: ArrayLike,
    *,
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> PooledStrata:
    """Pool log-rank observed minus expected events and their variances by Peto's method.

    What is estimated is one hazard ratio common to all studies, by one step from no difference.

    Parameters
    ----------
    observed_minus_expected
        Events in the treated arm less those expected there without a difference, shape (k,); a
        study with a NaN is left out.
    variance
        Its log-rank variances, positive, shape (k,).
    level, names
        As for :func:`mantel_haenszel`.

    Returns
    -------
    PooledStrata
        The same as a common effect of log hazard ratios (O - E)/V with variances 1/V.

    Raises
    ------
    EstimationError
        For a variance that is not positive, every study named; for unknown options.

    Notes
    -----
    Yusuf, Peto, Lewis, Collins and Sleight, Prog Cardiovasc Dis 1985;27:335-371. The step falls
    short where the hazard ratio is far from 1.

    Examples
    --------
    >>> pooled = peto_hazard_ratio([-3.0, -5.0], [10.0, 14.0])
    >>> round(pooled.estimate, 4), round(pooled.ratio, 4)
    (-0.3333, 0.7165)
    """
    where = "peto_hazard_ratio"
    check_options(where, "hazard ratio", ("hazard ratio",), level)
    counts = read_differences(where, observed_minus_expected, variance, names)
    away, spread = counts.cells
    return _peto(counts, "hazard ratio", away, spread, level, ())


def _peto(
    counts: Strata,
    measure: str,
    away: Floats,
    spread: Floats,
    level: float,
    said: tuple[str, ...],
) -> PooledStrata:
    total = float(spread.sum())
    if total <= 0:
        rule, remedy = "has both outcomes among its patients", "there is no odds ratio to pool"
        raise EstimationError(Problem("peto_odds_ratio", "no study", rule, remedy))
    summed = Summed(float(away.sum()) / total, 1 / total, spread)
    information = np.where(spread > 0, spread, np.nan)
    own = (away / information, 1 / information)
    return assembled(counts, measure, _PETO, summed, own, {}, level, said)
