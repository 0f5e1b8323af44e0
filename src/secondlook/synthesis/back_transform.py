"""The way back from the scale of pooling to the scale people read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import (
    Floats,
    not_positive,
    one_list,
    raise_any,
    written,
)
from secondlook.synthesis.result import Pooled

__all__ = ["BackTransformed", "back_transform", "inverse"]


@dataclass(frozen=True, slots=True)
class BackTransformed:
    """A pooled estimate and its intervals on the scale people read.

    Limits are in ascending order, also where the scale of pooling runs the other way (cloglog).
    """

    measure: str
    estimate: float
    interval: tuple[float, float]
    prediction_interval: tuple[float, float] | None

    def to_dict(self) -> dict[str, object]:
        """Give the record as plain JSON types."""
        plain = asdict(self)
        return {key: list(v) if isinstance(v, tuple) else v for key, v in plain.items()}


def inverse(
    measure: str, *, sample_sizes: ArrayLike | None = None
) -> Callable[[ArrayLike], Floats]:
    """Give the function that takes a value of a measure back to what was printed.

    Parameters
    ----------
    measure
        The ``measure`` of some :class:`~secondlook.synthesis.Effects`. Proportions: ``"logit"``,
        ``"cloglog"``, ``"log"``, ``"identity"``, ``"arcsine"``, ``"freeman-tukey"``. Rates:
        ``"log rate"``, ``"rate"``, ``"square root rate"``, ``"freeman-tukey rate"``. Times:
        ``"log median"``. Two arms: ``"log hazard ratio"``, ``"log odds ratio"``,
        ``"log risk ratio"``, ``"log rate ratio"``, which go back to a ratio, and ``"difference"``,
        ``"risk difference"``, ``"rate difference"``, ``"arcsine difference"`` and
        ``"square root rate difference"``, which stay as they are.
    sample_sizes
        Patients per study, for ``"freeman-tukey"`` only, or person-time per study, for
        ``"freeman-tukey rate"``: their harmonic mean stands for that of the pooled value.

    Returns
    -------
    Callable
        From any array of values to an array of the same shape.

    Raises
    ------
    EstimationError
        For an unknown measure, for Freeman-Tukey without sample sizes, or with ones that are not
        positive numbers.

    Notes
    -----
    Miller, Am Stat 1978;32:138, for the double arcsine. Going back from a pooled mean gives the
    value of a *typical* study (for the logit and cloglog scales, a median), not the mean of the
    proportions. Values beyond the ends of a scale (an arcsine below 0, a square root below 0) are
    held there; those of the log and the identity are not, and a proportion above 1 says that the
    scale was a poor choice.

    Examples
    --------
    >>> float(inverse("cloglog")(0.0).round(4))
    0.3679
    """
    # as text, since a list in its place could not even be looked up
    if written(measure) not in (*_INVERSES, *_SIZED_INVERSES):
        known, shown = ", ".join([*_INVERSES, *_SIZED_INVERSES]), written(measure)
        raise EstimationError(Problem("inverse", shown, "is not a known measure", f"use {known}"))
    if measure in _SIZED_INVERSES:
        sized, size = _SIZED_INVERSES[measure], _harmonic_mean(sample_sizes)
        return lambda value: sized(_numbers(value), size)
    back = _INVERSES[measure]

    def inverted(value: ArrayLike) -> Floats:
        # a value far out on a log scale goes back to infinity, or to 0
        with np.errstate(over="ignore", under="ignore"):
            return back(_numbers(value))

    return inverted


def back_transform(
    pooled: Pooled, measure: str, *, sample_sizes: ArrayLike | None = None
) -> BackTransformed:
    """Take a pooled estimate, its interval and its prediction interval back to what was printed.

    Parameters
    ----------
    pooled
        What :func:`~secondlook.synthesis.pool` gave for effects of this measure.
    measure, sample_sizes
        As for :func:`inverse`.

    Returns
    -------
    BackTransformed
        Estimate and limits, each limit transformed by itself.

    Raises
    ------
    EstimationError
        As :func:`inverse` does.

    Examples
    --------
    >>> from secondlook.synthesis import pool
    >>> view = back_transform(pool([0.0, 0.4], [0.1, 0.1], method="common", test="z"), "logit")
    >>> round(view.estimate, 4), [round(limit, 4) for limit in view.interval]
    (0.5498, [0.4407, 0.6544])
    """
    back = inverse(measure, sample_sizes=sample_sizes)

    def ends(interval: tuple[float, float]) -> tuple[float, float]:
        first, second = (float(end) for end in back(interval))
        return min(first, second), max(first, second)

    prediction = pooled.prediction_interval
    return BackTransformed(
        measure=measure,
        estimate=float(back(pooled.estimate)),
        interval=ends(pooled.interval),
        prediction_interval=None if prediction is None else ends(prediction),
    )


def _numbers(value: ArrayLike) -> Floats:
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        problem = Problem("inverse, value", written(value), "is not a number", "give numbers")
        raise EstimationError(problem) from None


def _harmonic_mean(sample_sizes: ArrayLike | None) -> float:
    where = "inverse, sample_sizes"
    remedy = "give the patients (or the person-time) of every study"
    if sample_sizes is None:
        raise EstimationError(Problem(where, None, "is missing", remedy))
    sizes = one_list(where, sample_sizes)
    if not sizes.size:
        raise EstimationError(Problem(where, None, "has no study in it", remedy))
    labels = tuple(f"inverse, study {i}" for i in range(1, sizes.size + 1))
    raise_any(not_positive("sample_sizes", sizes, labels))
    return sizes.size / float(np.sum(1 / sizes))


def _survival_from_cloglog(value: Floats) -> Floats:
    return np.exp(-np.exp(value))


def _itself(value: Floats) -> Floats:
    return value


def _sine_squared(value: Floats) -> Floats:
    return np.asarray(np.sin(np.clip(value, 0, np.pi / 2)) ** 2)


def _square(value: Floats) -> Floats:
    return np.asarray(np.maximum(value, 0) ** 2)


def _inverse_freeman_tukey(value: Floats, n: float) -> Floats:
    # values below that of 0 of n, or above that of n of n, belong to no proportion: Miller's
    # formula turns back there, so they are held at 0 and 1
    lowest = np.arcsin(np.sqrt(1 / (n + 1))) / 2
    highest = (np.arcsin(np.sqrt(n / (n + 1))) + np.pi / 2) / 2
    held = np.clip(value, lowest, highest)
    sine = np.sin(2 * held)
    inside = 1 - (sine + (sine - 1 / sine) / n) ** 2
    # rounding may leave a tiny negative number at the two ends
    root = np.sqrt(np.maximum(inside, 0.0))
    return (1 - np.sign(np.cos(2 * held)) * root) / 2


def _inverse_freeman_tukey_rate(value: Floats, time: float) -> Floats:
    # below half of √(1/t), the value of no event, lies no rate
    held = np.maximum(value, np.sqrt(1 / time) / 2)
    return np.asarray((held - 1 / (4 * held * time)) ** 2)


_INVERSES: dict[str, Callable[[Floats], Floats]] = {
    "logit": expit,
    "cloglog": _survival_from_cloglog,
    "log": np.exp,
    "identity": _itself,
    "arcsine": _sine_squared,
    "log rate": np.exp,
    "rate": _itself,
    "square root rate": _square,
    "log median": np.exp,
    "log hazard ratio": np.exp,
    "log odds ratio": np.exp,
    "log risk ratio": np.exp,
    "log rate ratio": np.exp,
    "difference": _itself,
    "risk difference": _itself,
    "rate difference": _itself,
    "arcsine difference": _itself,
    "square root rate difference": _itself,
}

_SIZED_INVERSES: dict[str, Callable[[Floats, float], Floats]] = {
    "freeman-tukey": _inverse_freeman_tukey,
    "freeman-tukey rate": _inverse_freeman_tukey_rate,
}
