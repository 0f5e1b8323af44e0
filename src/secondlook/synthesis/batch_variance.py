"""The between-study variance of many data sets at once, each a column of an array.

The estimators are those of :mod:`secondlook.synthesis.between_study_variance`; here each of them
goes through all data sets in step.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from secondlook.synthesis.likelihood_maxima import highest_maximum
from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.study_columns import (
    Columns,
    Flags,
    moments,
    squares_about_the_mean,
    weighted_mean_of,
)

__all__ = ["BATCH_METHODS"]

_TIGHTEST = 9e-16

Estimate = tuple[Floats, Flags]


def _nothing(columns: Columns) -> Floats:
    return np.zeros(columns.smallest.size)


def _one_maximum(estimator: Callable[[Columns], Floats]) -> Callable[[Columns], Estimate]:
    return lambda columns: (estimator(columns), np.zeros(columns.smallest.size, dtype=bool))


def _restricted_likelihood(columns: Columns) -> Estimate:
    return highest_maximum(columns)


def _likelihood(columns: Columns) -> Estimate:
    return highest_maximum(columns, restricted=False)


def _dersimonian_laird(columns: Columns) -> Floats:
    zero = moments(columns, _nothing(columns))
    excess = weighted_mean_of(columns, _nothing(columns)).q - (columns.count - 1)
    return np.asarray(np.maximum(0.0, excess * (zero.scale / zero.trace)))


def _hunter_schmidt(columns: Columns) -> Floats:
    zero = weighted_mean_of(columns, _nothing(columns))
    return np.asarray(np.maximum(0.0, (zero.q - columns.count) * zero.variance))


def _hedges(columns: Columns) -> Floats:
    sampling = np.sum(columns.variances, axis=0, where=np.isfinite(columns.variances))
    sampling = (sampling + columns.smallest) / columns.count
    squares = squares_about_the_mean(columns)
    return np.asarray(np.maximum(0.0, squares / (columns.count - 1) - sampling))


def _sidik_jonkman(columns: Columns) -> Floats:
    first = squares_about_the_mean(columns) / columns.count
    return first * weighted_mean_of(columns, first).q / (columns.count - 1)


def _paule_mandel(columns: Columns) -> Floats:
    # Newton's method on 1/Q, which rises and is concave, climbs from 0 and never too far
    answer, which = _nothing(columns), np.arange(columns.smallest.size)
    tau2, target = answer.copy(), columns.count - 1
    while which.size:
        found = weighted_mean_of(columns, tau2)
        above = found.q > target
        pull = moments(columns, tau2).pull / (columns.smallest + tau2) ** 2
        step = (found.q / target - 1) * (found.q / np.where(above, pull, 1.0)) * above
        tau2 = tau2 + step
        answer[which] = tau2
        go = np.flatnonzero(step > _TIGHTEST * tau2)
        columns, which, tau2, target = columns.take(go), which[go], tau2[go], target[go]
    return answer


BATCH_METHODS: dict[str, Callable[[Columns], Estimate]] = {
    "REML": _restricted_likelihood,
    "ML": _likelihood,
    "DL": _one_maximum(_dersimonian_laird),
    "PM": _one_maximum(_paule_mandel),
    "EB": _one_maximum(_paule_mandel),
    "SJ": _one_maximum(_sidik_jonkman),
    "HE": _one_maximum(_hedges),
    "HS": _one_maximum(_hunter_schmidt),
    "common": _one_maximum(_nothing),
}
"""What gives tau² of many data sets, and whether its likelihood has more than one maximum."""
