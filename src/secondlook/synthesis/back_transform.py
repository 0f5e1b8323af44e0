"""The way back from the scale of pooling to the scale people read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import Floats
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
        ``"logit"``, ``"cloglog"``, ``"freeman-tukey"``, ``"difference"`` or
        ``"log hazard ratio"``.
    sample_sizes
        Patients per study, for ``"freeman-tukey"`` only: their harmonic mean stands for the sample
        size of the pooled value.

    Returns
    -------
    Callable
        From any array of values to an array of the same shape.

    Raises
    ------
    EstimationError
        For an unknown measure, or for Freeman-Tukey without sample sizes.

    Notes
    -----
    Miller, Am Stat 1978;32:138, for the double arcsine. Going back from a pooled mean gives the
    value of a *typical* study (for the logit and cloglog scales, a median), not the mean of the
    proportions.

    Examples
    --------
    >>> float(inverse("cloglog")(0.0).round(4))
    0.3679
    """
    if measure == "freeman-tukey":
        if sample_sizes is None:
            problem = Problem(
                "inverse, sample_sizes", None, "is missing", "give the patients of every study"
            )
            raise EstimationError(problem)
        n = np.asarray(sample_sizes, dtype=np.float64)
        harmonic = n.size / float(np.sum(1 / n))
        return lambda value: _inverse_freeman_tukey(np.asarray(value, dtype=np.float64), harmonic)
    if measure not in _INVERSES:
        known = ", ".join([*_INVERSES, "freeman-tukey"])
        raise EstimationError(Problem("inverse", measure, "is not a known measure", f"use {known}"))
    back = _INVERSES[measure]
    return lambda value: back(np.asarray(value, dtype=np.float64))


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


def _survival_from_cloglog(value: Floats) -> Floats:
    return np.exp(-np.exp(value))


def _itself(value: Floats) -> Floats:
    return value


_INVERSES: dict[str, Callable[[Floats], Floats]] = {
    "logit": expit,
    "cloglog": _survival_from_cloglog,
    "difference": _itself,
    "log hazard ratio": np.exp,
}


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
