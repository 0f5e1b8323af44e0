"""Counts of two arms made ready for a mixed model: checked, looked at, and given where to start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.count_models.families import Family
from secondlook.synthesis.count_models.fitting import SPREADS, Plan
from secondlook.synthesis.count_models.integrals import Model
from secondlook.synthesis.count_models.single_arms import fractions, plan_of_one_arm
from secondlook.synthesis.event_counts import EventCounts, read_event_counts
from secondlook.synthesis.printed_columns import Floats, written

__all__ = [
    "CODINGS",
    "MODELS",
    "Arms",
    "check_model",
    "odds_of",
    "plan_of_both",
    "plan_of_treated",
    "rates_of",
]

MODELS: dict[str, str] = {
    "fixed studies": "both arms' counts, with an intercept of its own for each study",
    "random studies": "both arms' counts, with normal intercepts for the studies",
    "conditional": "the treated arm's count given the total of both",
    "approximate": "the treated arm's count given the total of both, as if it were binomial",
}
"""Models of two arms: metafor's UM.FS, UM.RS, CM.EL and CM.AL."""

CODINGS: dict[str, tuple[str, tuple[float, float]]] = {
    "both": ("both arms, half each", (0.5, -0.5)),
    "treated": ("the treated arm", (1.0, 0.0)),
    "control": ("the control arm", (0.0, -1.0)),
}
"""Which arm carries a study's departure from the mean: metafor's coding 1/2, 1 and 0."""

_TAUS = (0.15, 0.5, 1.2, 3.0)
_SPREADS = (0.3, 1.0, 2.5)


@dataclass(frozen=True, slots=True, eq=False)
class Arms:
    """Counts of two arms, and what they look like study by study.

    Parameters
    ----------
    counts
        The rows that say something about the ratio.
    treated, control, treated_size, control_size
        Events, and patients or person-time.
    effects, variances
        The studies' own log ratios, 1/2 added to the counts of the rows with a zero among them.
    levels
        The studies' own log odds or log rates, of both arms together.
    warnings
        Who was left out, and what are no whole numbers.
    """

    counts: EventCounts
    treated: Floats
    control: Floats
    treated_size: Floats
    control_size: Floats
    effects: Floats
    variances: Floats
    levels: Floats
    warnings: tuple[str, ...]


def check_model(
    where: str, model: object, coding: object, correlated: object, known: Sequence[str]
) -> None:
    """Refuse a model or coding that does not exist, or a correlation without two variances."""
    problems = []
    if written(model) not in known:
        rule = "is not a model of these counts"
        remedy = f"use {', '.join(known)} (metafor's UM.FS, UM.RS, CM.EL, CM.AL in this order)"
        problems.append(Problem(f"{where}, model", written(model), rule, remedy))
    if written(coding) not in CODINGS:
        rule, remedy = "is not a coding of the arms", f"use {', '.join(CODINGS)}"
        problems.append(Problem(f"{where}, coding", written(coding), rule, remedy))
    if correlated not in (True, False) or (correlated and model != "random studies"):
        rule = "asks for a correlation, which only model random studies has"
        problems.append(Problem(f"{where}, correlated", written(correlated), rule, "leave it out"))
    if problems:
        raise EstimationError(problems)


def odds_of(
    where: str,
    given: Mapping[str, ArrayLike],
    names: Sequence[str] | None,
    *,
    model: str,
) -> Arms:
    """Read two arms of patients with and without an event.

    Raises
    ------
    EstimationError
        For impossible counts, where no study says anything about the odds ratio, and where it is 0
        or infinite in every study.
    """
    counts = read_event_counts(
        where,
        given,
        names,
        of_patients={"treated_events": "treated_n", "control_events": "control_n"},
        whole=model == "conditional",
    )
    counts, warnings = _informative(where, counts, _odds_say_something(counts))
    a, n1, c, n2 = counts.columns.values()
    b, d = n1 - a, n2 - c
    if model == "random studies":
        low, high = bool(not a.any() or not d.any()), bool(not b.any() or not c.any())
    else:
        total = a + c
        low = np.array_equal(a, np.maximum(0, total - n2))
        high = np.array_equal(a, np.minimum(n1, total))
    _refuse_edge(where, low, high, "odds ratio")
    half = 0.5 * ((a == 0) | (b == 0) | (c == 0) | (d == 0))
    a2, b2, c2, d2 = a + half, b + half, c + half, d + half
    return Arms(
        counts=counts,
        treated=a,
        control=c,
        treated_size=n1,
        control_size=n2,
        effects=np.log(a2 / b2) - np.log(c2 / d2),
        variances=1 / a2 + 1 / b2 + 1 / c2 + 1 / d2,
        levels=(np.log(a2 / b2) + np.log(c2 / d2)) / 2,
        warnings=warnings,
    )


def rates_of(where: str, given: Mapping[str, ArrayLike], names: Sequence[str] | None) -> Arms:
    """Read two arms with events and person-time.

    Raises
    ------
    EstimationError
        For impossible counts, where no study has an event, and where one arm never has one.
    """
    pairs = {"treated_events": "treated_time", "control_events": "control_time"}
    counts = read_event_counts(where, given, names, of_time=pairs)
    columns = counts.columns
    events = columns["treated_events"] + columns["control_events"]
    counts, warnings = _informative(where, counts, events > 0)
    x1, t1, x2, t2 = counts.columns.values()
    _refuse_edge(where, not x1.any(), not x2.any(), "rate ratio")
    half = 0.5 * ((x1 == 0) | (x2 == 0))
    log1, log2 = np.log((x1 + half) / t1), np.log((x2 + half) / t2)
    return Arms(
        counts=counts,
        treated=x1,
        control=x2,
        treated_size=t1,
        control_size=t2,
        effects=log1 - log2,
        variances=1 / (x1 + half) + 1 / (x2 + half),
        levels=(log1 + log2) / 2,
        warnings=warnings,
    )


def _odds_say_something(counts: EventCounts) -> NDArray[np.bool_]:
    a, n1, c, n2 = counts.columns.values()
    return np.asarray((a + c > 0) & (a + c < n1 + n2))


def _informative(
    where: str, counts: EventCounts, informs: NDArray[np.bool_]
) -> tuple[EventCounts, tuple[str, ...]]:
    warnings = fractions(counts)
    if informs.all():
        return counts, warnings
    if not informs.any():
        rule = "has both outcomes among its patients: there is no ratio to pool"
        raise EstimationError(Problem(where, "no study", rule, "describe the studies one by one"))
    silent = ", ".join(counts.called(~informs))
    said = f"Left out, the same outcome in everybody and so nothing about the ratio: {silent}."
    return counts.kept(informs), (said, *warnings)


def _refuse_edge(where: str, low: bool, high: bool, measure: str) -> None:
    if not (low or high):
        return
    shown = "0" if low else "infinite"
    rule = f"is the {measure} of every study, so that the likelihood has no maximum"
    remedy = "give an exact limit of a single table of the totals instead"
    raise EstimationError(Problem(where, shown, rule, remedy))


def plan_of_treated(family: Family, arms: Arms, offset: Floats) -> Plan:
    """Give the plan of the treated arm's counts given the totals."""
    effects, variances = arms.effects, arms.variances
    alike = float(effects @ (1 / variances) / np.sum(1 / variances))
    return plan_of_one_arm(family, arms.treated, offset, effects, variances, alike=alike)


def plan_of_both(
    family: Family, arms: Arms, offset: Floats, model: str, coding: str, correlated: bool
) -> Plan:
    """Give the plan of both arms' counts, with fixed or random study intercepts.

    Parameters are mu, tau and each study's intercept; or mu, the mean intercept, tau, the standard
    deviation of intercepts and, where it is asked for, the part of a departure that goes along
    with the intercept.
    """
    counts = np.stack([arms.treated, arms.control], axis=1)
    share = np.array(CODINGS[coding][1])
    if model == "random studies":
        return _random_studies(family, arms, counts, offset, share, correlated)
    spreads = np.array(SPREADS)
    means = _means(arms, spreads)
    return Plan(
        model=Model(
            counts=counts,
            family=family,
            offset=offset,
            fixed=np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]),
            random=np.array([[[0.0, share[0], 0.0], [0.0, share[1], 0.0]]]),
            own=True,
        ),
        plain=(0,),
        tau=(1,),
        spread=None,
        grid=np.stack([means, spreads], axis=1),
        own=arms.levels - means[:, None] / 2,
        shape=spreads.shape,
        alike=float(means[0]),
    )


def _random_studies(
    family: Family, arms: Arms, counts: Floats, offset: Floats, share: Floats, correlated: bool
) -> Plan:
    taus, spreads = (grid.ravel() for grid in np.meshgrid(_TAUS, _SPREADS, indexing="ij"))
    means = _means(arms, taus)
    columns = [means, arms.levels.mean() - means / 2, taus, spreads]
    p = 5 if correlated else 4
    random = np.zeros((2, 2, p))
    random[0, :, 3] = 1
    random[1, :, 2] = share
    if correlated:
        random[0, :, 4] = share
        columns.append(np.zeros_like(taus))
    fixed = np.zeros((2, p))
    fixed[0, 0] = fixed[0, 1] = fixed[1, 1] = 1
    return Plan(
        model=Model(counts=counts, family=family, offset=offset, fixed=fixed, random=random),
        plain=(0, 1),
        tau=(2, 4) if correlated else (2,),
        spread=3,
        grid=np.stack(columns, axis=1),
        own=np.empty((taus.size, 0)),
        shape=(len(_TAUS), len(_SPREADS)),
        alike=float(means[0]),
    )


def _means(arms: Arms, taus: Floats) -> Floats:
    weights = 1 / (arms.variances + taus[:, None] ** 2)
    return np.asarray(weights @ arms.effects / weights.sum(axis=1))
