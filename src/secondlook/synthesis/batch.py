"""Pooling many data sets at once, for permutations, subsets, simulations and left-out studies."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincc, ndtr, ndtri, stdtr, stdtrit

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.batch_result import PooledMany
from secondlook.synthesis.batch_variance import BATCH_METHODS
from secondlook.synthesis.data_sets import DataSets, read_data_sets
from secondlook.synthesis.heterogeneity import TIGHTEST
from secondlook.synthesis.pooling import METHODS, TESTS, check_options
from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.study_columns import Columns, Flags, moments, weighted_mean_of

__all__ = ["pool_many"]

_BLOCK = 32_768
"""Numbers worked on at once: few enough to stay in a processor's cache."""

_WIDEST = 1e50


def pool_many(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    keep: ArrayLike | None = None,
    method: str = "REML",
    test: str = "hksj",
    level: float = 0.95,
) -> PooledMany:
    """Pool each of many data sets, as :func:`~secondlook.synthesis.pool` does one.

    Parameters
    ----------
    yi, vi
        Effects and sampling variances, shape (data sets, studies); of shape (studies,) where all
        data sets share them. A study is absent from a data set where either is NaN.
    keep
        True for the studies present in each data set, shape (data sets, studies); everything if not
        given.
    method, test, level
        As for :func:`~secondlook.synthesis.pool`.

    Returns
    -------
    PooledMany
        One number per data set for every quantity; NaN where a quantity does not exist, as tau² of
        a single study.

    Raises
    ------
    EstimationError
        For shapes that do not belong together, a present study with an infinite effect or a
        variance that is not positive and finite, a data set without studies, an unknown option, and
        where an effect or a standard error is 1e50 times the smallest standard error of its data
        set.

    Notes
    -----
    The maximum of the likelihood (REML, ML) is the highest there is, as with
    :func:`~secondlook.synthesis.pool`: between the points at which its derivative was computed, the
    absence of a second maximum follows from bounds, or the interval is divided until it does.
    Memory beside input and output does not grow with the number of data sets.

    Examples
    --------
    Leaving out each of three studies:

    >>> found = pool_many([0.0, 0.1, 3.0], [0.1, 0.1, 0.1], keep=~np.eye(3, dtype=bool))
    >>> found.estimate.round(2).tolist(), found.tau2.round(3).tolist()
    ([1.55, 1.5, 0.05], [4.105, 4.4, 0.0])
    """
    check_options(method=method, test=test, level=level)
    sets = read_data_sets(yi, vi, keep)
    block = max(1, _BLOCK // sets.keep.shape[1])
    parts = [
        _pool_block(sets, slice(start, start + block), method, test, float(level))
        for start in range(0, sets.count.size, block)
    ]
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    _refuse_unwritable(found)
    several = found.pop("several_maxima").astype(bool)
    prediction = found.pop("prediction_interval")
    return PooledMany(
        **found,
        prediction_interval=None if method == "common" else prediction,
        several_maxima=several,
        k=sets.count,
        absent=sets.missing,
        method=method,
        test=test,
        level=float(level),
        conventions=_conventions(method, test),
    )


def _refuse_unwritable(found: dict[str, Floats]) -> None:
    for values in found.values():
        beyond = np.isinf(values.reshape(len(values), -1)).any(axis=1)
        if beyond.any():
            where = f"pool_many, data set {1 + int(beyond.argmax())}"
            rule = "leads to a result that no double can hold"
            raise EstimationError(Problem(where, None, rule, "give the effects in another unit"))


def _conventions(method: str, test: str) -> tuple[str, ...]:
    sentences = [
        f"Between-study variance: {METHODS[method]}.",
        f"Test and interval: {TESTS[test]}.",
    ]
    if method == "common":
        sentences.append("I² and H²: from Q, as (Q - df)/Q, not below 0, and Q/df.")
    else:
        sentences.append(
            "Prediction interval: the distribution of the test, with variance tau² plus the "
            "squared standard error."
        )
        sentences.append(
            "I² and H²: tau² against the typical within-study variance of Higgins and Thompson."
        )
    sentences.append("A single study: its own estimate with a normal interval, whatever was asked.")
    return tuple(sentences)


def _pool_block(
    sets: DataSets, rows: slice, method: str, test: str, level: float
) -> dict[str, Floats]:
    """Pool some data sets, measured in units of about their smallest standard error."""
    yi, vi = sets.columns(rows)
    count = sets.count[rows].astype(float)
    every = np.arange(count.size)
    precise = vi.argmin(axis=0)
    exponent = np.frexp(vi[precise, every])[1] // 2
    present = np.isfinite(vi)
    with np.errstate(over="ignore"):
        yi, vi = np.ldexp(yi, -exponent), np.ldexp(vi, -2 * exponent)
    _refuse_too_wide(yi, np.where(present, vi, 0.0), rows.start)
    first, smallest = yi[precise, every], vi[precise, every]
    # the most precise study gives its place to the first
    yi[precise, every], vi[precise, every] = yi[0], vi[0]
    away = np.where(np.isfinite(vi[1:]), yi[1:] - first, 0.0)
    columns = Columns(away, vi[1:], smallest, count)
    several = np.flatnonzero(count > 1)
    tau2 = np.zeros(count.size)
    maxima = np.zeros(count.size, dtype=bool)
    tau2[several], maxima[several] = BATCH_METHODS[method](columns.take(several))
    found = _centres(columns, first, tau2, test=test, level=level)
    found |= _heterogeneity(columns, tau2, common=method == "common")
    found |= {"tau2": np.where(count > 1, tau2, np.nan), "several_maxima": maxima}
    return _in_given_unit(found, exponent)


def _refuse_too_wide(yi: Floats, vi: Floats, start: int) -> None:
    wide = (np.abs(yi) > _WIDEST) | (vi > _WIDEST**2)
    if wide.any():
        index = start + int(wide.any(axis=0).argmax())
        rule = "holds numbers too far apart to compute with"
        where, remedy = f"pool_many, data set {index + 1}", "correct them or leave studies out"
        raise EstimationError(Problem(where, None, rule, remedy))


def _centres(
    columns: Columns, first: Floats, tau2: Floats, *, test: str, level: float
) -> dict[str, Floats]:
    count, alone = columns.count, columns.count == 1
    fit = weighted_mean_of(columns, tau2)
    degrees = np.maximum(count - 1, 1)
    unguarded = np.where(fit.q <= _noise(columns, first, tau2), 0.0, fit.q / degrees)
    factor = np.ones(count.size)
    if test in ("hksj", "hksj-unguarded"):
        factor = np.maximum(1.0, unguarded) if test == "hksj" else unguarded
        factor = np.where(alone, 1.0, factor)
    estimate = first + fit.mean
    error = np.sqrt(factor * fit.variance)
    normal = alone | (test == "z")
    critical = _critical(count, normal, level)
    statistic = np.full(count.size, np.nan)
    np.divide(estimate, error, out=statistic, where=error > 0)
    p_value = np.empty(count.size)
    away = -np.abs(statistic)
    p_value[normal] = 2 * ndtr(away[normal])
    p_value[~normal] = 2 * stdtr(degrees[~normal], away[~normal])
    further = critical * np.sqrt(error**2 + tau2)
    further[alone] = np.nan
    return {
        "estimate": estimate,
        "standard_error": error,
        "interval": _around(estimate, critical * error),
        "prediction_interval": _around(estimate, further),
        "statistic": statistic,
        "degrees_of_freedom": np.where(normal, np.nan, degrees),
        "p_value": p_value,
        "variance_factor": factor,
    }


def _noise(columns: Columns, first: Floats, tau2: Floats) -> Floats:
    # effects that differ only in their last bits are equal effects
    weights = 1 / (columns.variances + tau2)
    squares = np.einsum("kn,kn->n", weights, (columns.away + first) ** 2)
    return np.asarray(TIGHTEST**2 * (squares + first**2 / (columns.smallest + tau2)))


def _critical(count: Floats, normal: Flags, level: float) -> Floats:
    tail = (1 - level) / 2
    sizes, place = np.unique(count, return_inverse=True)
    found = -stdtrit(np.maximum(sizes - 1, 1), tail)[place]
    found[normal] = -ndtri(tail)
    return np.asarray(found)


def _around(centre: Floats, reach: Floats) -> Floats:
    return np.column_stack([centre - reach, centre + reach])


def _heterogeneity(columns: Columns, tau2: Floats, *, common: bool) -> dict[str, Floats]:
    alone = columns.count == 1
    degrees = np.where(alone, np.nan, columns.count - 1)
    nothing = np.zeros(tau2.size)
    q = weighted_mean_of(columns, nothing).q
    if common:
        beyond = np.maximum(0.0, q - degrees)
        i2 = 100 * np.divide(beyond, q, out=beyond.copy(), where=q > 0)
        h2 = q / degrees
    else:
        zero = moments(columns, nothing)
        typical = degrees * zero.scale / np.where(alone, 1.0, zero.trace)
        i2, h2 = 100 * tau2 / (tau2 + typical), 1 + tau2 / typical
    p_value = gammaincc(degrees / 2, q / 2)
    return {"i2": i2, "h2": h2, "q": q, "q_p_value": p_value}


def _in_given_unit(found: dict[str, Floats], exponent: Floats) -> dict[str, Floats]:
    with np.errstate(over="ignore"):
        for name in ("estimate", "standard_error"):
            found[name] = np.ldexp(found[name], exponent)
        for name in ("interval", "prediction_interval"):
            found[name] = np.ldexp(found[name], exponent[:, None])
        found["tau2"] = np.ldexp(found["tau2"], 2 * exponent)
    return found
