"""The scales on which a probability can be pooled, and what a binomial variance is on each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import Floats, written

__all__ = ["SCALES", "Scale", "scale_named"]


@dataclass(frozen=True, slots=True)
class Scale:
    """One scale: the way to it, and the variance there.

    Attributes
    ----------
    forward
        From a probability, its complement and the patients to the scale; only the double arcsine
        looks at the patients.
    binomial
        Variance on the scale from the same three.
    slope
        Derivative of `forward` by the probability, given it and its complement; None for the double
        arcsine, which is made for counts only.
    stabilised
        Whether the variance does not depend on the probability.
    """

    forward: Callable[[Floats, Floats, Floats], Floats]
    binomial: Callable[[Floats, Floats, Floats], Floats]
    slope: Callable[[Floats, Floats], Floats] | None
    stabilised: bool = False


def _double_arcsine(p: Floats, _q: Floats, n: Floats) -> Floats:
    count = p * n
    lower = np.arcsin(np.sqrt(count / (n + 1)))
    # for n of n the ratio is 1, which rounding must not exceed
    upper = np.arcsin(np.sqrt(np.minimum((count + 1) / (n + 1), 1.0)))
    return (lower + upper) / 2


SCALES: dict[str, Scale] = {
    "logit": Scale(
        lambda p, q, _n: np.log(p / q),
        lambda p, q, n: 1 / (n * p * q),
        lambda p, q: 1 / (p * q),
    ),
    "cloglog": Scale(
        lambda p, _q, _n: np.log(-np.log(p)),
        lambda p, q, n: q / (n * p * np.log(p) ** 2),
        lambda p, _q: 1 / (p * np.log(p)),
    ),
    "freeman-tukey": Scale(_double_arcsine, lambda _p, _q, n: 1 / (4 * n + 2), None, True),
    "log": Scale(
        lambda p, _q, _n: np.log(p),
        lambda p, q, n: q / (n * p),
        lambda p, _q: 1 / p,
    ),
    "identity": Scale(
        lambda p, _q, _n: p,
        lambda p, q, n: p * q / n,
        lambda p, _q: np.ones_like(p),
    ),
    "arcsine": Scale(
        lambda p, _q, _n: np.arcsin(np.sqrt(p)),
        lambda _p, _q, n: 1 / (4 * n),
        lambda p, q: 1 / (2 * np.sqrt(p * q)),
        True,
    ),
}
"""Every scale of a probability; metafor's PLO, PFT, PLN, PR and PAS are all but the cloglog."""


def scale_named(where: str, scale: str, among: tuple[str, ...] = tuple(SCALES)) -> Scale:
    """Look a scale up, or answer with the known ones."""
    if written(scale) not in among:
        known = ", ".join(among)
        rule = "is not a known scale"
        raise EstimationError(Problem(f"{where}, scale", written(scale), rule, f"use {known}"))
    return SCALES[scale]
