"""Single arms made ready for a mixed model of their counts."""

from __future__ import annotations

import numpy as np

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.count_models.families import Family
from secondlook.synthesis.count_models.fitting import SPREADS, Plan, fit
from secondlook.synthesis.count_models.integrals import Model
from secondlook.synthesis.count_models.reporting import Asked, Described, reported
from secondlook.synthesis.count_models.result import PooledCounts
from secondlook.synthesis.event_counts import EventCounts
from secondlook.synthesis.printed_columns import Floats

__all__ = ["fitted_arms", "fractions", "plan_of_one_arm", "refuse_uniform"]


def plan_of_one_arm(
    family: Family,
    counts: Floats,
    offset: Floats,
    effects: Floats,
    variances: Floats,
    *,
    alike: float,
) -> Plan:
    """Give the plan of one count per study: parameters mu and tau.

    Parameters
    ----------
    family, counts, offset
        Of the model; counts and offset of shape (k,).
    effects, variances
        The studies' own values and their variances, from which to start.
    alike
        Where to look for the mean of studies that are all alike.
    """
    spreads = np.array(SPREADS)
    weights = 1 / (variances + spreads[:, None] ** 2)
    means = weights @ effects / weights.sum(axis=1)
    return Plan(
        model=Model(
            counts=counts[:, None],
            family=family,
            offset=offset[:, None],
            fixed=np.array([[1.0, 0.0]]),
            random=np.array([[[0.0, 1.0]]]),
        ),
        plain=(0,),
        tau=(1,),
        spread=None,
        grid=np.stack([means, spreads], axis=1),
        own=np.empty((spreads.size, 0)),
        shape=spreads.shape,
        alike=alike,
    )


def fitted_arms(
    plan: Plan, described: Described, counts: EventCounts, asked: Asked, variance: Floats
) -> PooledCounts:
    """Fit a plan of one count per study and put the record together."""
    fitted = fit(plan, asked.level)
    saturated = plan.model.family.saturated(plan.model.counts)
    return reported(fitted, plan, described, counts, asked, saturated, variance)


def refuse_uniform(where: str, events: Floats, patients: Floats | None) -> None:
    """Refuse counts that leave the likelihood without a maximum."""
    problems = []
    remedy = "give an exact upper limit from the totals of all studies instead"
    if not events.any():
        rule = "in every study: a typical value of 0 has no place on this scale"
        problems.append(Problem(f"{where}, events", "0", rule, remedy))
    if patients is not None and np.array_equal(events, patients):
        rule = "in every study: a typical value of 1 has no place on this scale"
        remedy = remedy.replace("upper", "lower")
        problems.append(Problem(f"{where}, events", "all patients", rule, remedy))
    if patients is not None and not problems and np.all((events == 0) | (events == patients)):
        rule = "in every study: nothing bounds how much the studies differ"
        remedy = "describe the studies one by one"
        problems.append(Problem(f"{where}, events", "0 or all patients", rule, remedy))
    if problems:
        raise EstimationError(problems)


def fractions(counts: EventCounts) -> tuple[str, ...]:
    """Name the rows whose counts are no whole numbers, if any."""
    broken = np.logical_or.reduce(
        [
            values != np.rint(values)
            for name, values in counts.columns.items()
            if not name.endswith("_time")
        ]
    )
    if not broken.any():
        return ()
    return (
        f"Not whole numbers: {', '.join(counts.called(broken))}; the likelihood is used as it "
        "stands, as if fractions of patients could be counted.",
    )
