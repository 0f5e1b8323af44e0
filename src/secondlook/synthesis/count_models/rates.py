"""Rates of single arms, pooled from their counts by a mixed model."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from secondlook.synthesis.count_models.families import Poisson
from secondlook.synthesis.count_models.inference import check_reference, marginal_rate
from secondlook.synthesis.count_models.reporting import Asked, Described
from secondlook.synthesis.count_models.result import PooledCounts
from secondlook.synthesis.count_models.single_arms import (
    fitted_arms,
    fractions,
    plan_of_one_arm,
    refuse_uniform,
)
from secondlook.synthesis.event_counts import read_event_counts

__all__ = ["pool_rates"]


def pool_rates(
    events: ArrayLike,
    person_time: ArrayLike,
    *,
    test: str = "t",
    level: float = 0.95,
    prediction: str | None = None,
    names: Sequence[str] | None = None,
) -> PooledCounts:
    """Pool rates of events per person-time of single arms by the Poisson-normal model.

    What is estimated is the distribution the studies' own rates come from: their logarithms are
    normal with mean mu and variance tau², and the counts are Poisson.

    Parameters
    ----------
    events
        Events, not negative, shape (k,). A study with a NaN is left out.
    person_time
        Person-time at risk, positive, shape (k,), all in one unit.
    test, level, prediction, names
        As for :func:`~secondlook.synthesis.count_models.pool_proportions` with the mixed model.

    Returns
    -------
    PooledCounts
        Rates per unit of ``person_time``; metafor's ``rma.glmm(measure="IRLN")``.

    Raises
    ------
    EstimationError
        For impossible counts, every study named; where no study has an event; for unknown options.

    Notes
    -----
    Stijnen, Hamza and Özdemir, Stat Med 2010;29:3046-3067. A rate per person-time summarises
    survival only where the hazard is near constant over the follow-up.

    Examples
    --------
    >>> pooled = pool_rates([3, 0, 9], [120.0, 80.0, 210.0])
    >>> round(pooled.typical, 4), round(pooled.tau2, 3)
    (0.0273, 0.06)
    """
    where = "pool_rates"
    predicting = check_reference(where, test=test, prediction=prediction, level=level)
    counts = read_event_counts(
        where,
        {"events": events, "person_time": person_time},
        names,
        of_time={"events": "person_time"},
    )
    x, time = counts.columns["events"], counts.columns["person_time"]
    refuse_uniform(where, x, None)
    half = 0.5 * (x == 0)
    logs, variance = np.log((x + half) / time), 1 / (x + half)
    alike = math.log(x.sum() / time.sum())
    plan = plan_of_one_arm(Poisson(), x, np.log(time), logs, variance, alike=alike)
    described = Described(
        measure="rate",
        model="Poisson-normal model",
        scale="log",
        back=math.exp,
        marginal=marginal_rate,
        conventions=(
            "Model: Poisson counts; the logarithms of the studies' rates are normal.",
            "The typical rate is the median of the studies' rates; their mean is averaged over the "
            "distribution.",
        ),
        warnings=fractions(counts),
    )
    return fitted_arms(plan, described, counts, Asked(test, predicting, float(level)), variance)
