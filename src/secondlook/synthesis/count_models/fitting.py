"""One model of counts fitted by maximum likelihood: estimates, their covariance, and tau²."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from secondlook.synthesis.count_models.integrals import Model
from secondlook.synthesis.count_models.maximum import Climb, Maximum, at, polish, rising, scan
from secondlook.synthesis.count_models.profiles import profile_limits
from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.result import Interval

__all__ = ["SPREADS", "Fitted", "Plan", "fit"]

SPREADS = (0.12, 0.3, 0.65, 1.2, 2.2, 4.0, 8.0)
"""Standard deviations scanned, on the logit or the log scale, where no unit matters."""

_ZERO = 1e-3
_HIGHER = 1e-10
_APART = 1e-4
_NARROW = (12, 20, 32, 48, 72, 104, 144, 192)
_WIDE = (32, 48, 72, 104, 144, 192)
_TWO = (8, 12, 18, 26, 38, 54)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A model, which of its parameters are what, and where to look for its maximum.

    Parameters
    ----------
    model
        Of k studies; its first parameter is the mean.
    plain
        Indices of the shared parameters that are no standard deviations, the mean first.
    tau
        Index, or indices, of those whose squares add up to tau².
    spread
        Index of the standard deviation of random study intercepts; None without.
    grid, own, shape
        As :func:`~secondlook.synthesis.count_models.maximum.scan` takes them.
    alike
        Where to look for the mean of studies that are all alike.
    """

    model: Model
    plain: tuple[int, ...]
    tau: tuple[int, ...]
    spread: int | None
    grid: Floats
    own: Floats
    shape: tuple[int, ...]
    alike: float

    @property
    def free(self) -> tuple[int, ...]:
        """Every shared parameter."""
        return (*self.plain, *self.random)

    @property
    def random(self) -> tuple[int, ...]:
        """Every shared parameter that makes studies differ."""
        return self.tau if self.spread is None else (*self.tau, self.spread)


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A model at its highest maximum.

    Parameters
    ----------
    shared
        The parameters all studies share.
    tau2
        Their variance; None for a single study.
    free
        Which of them were not at the boundary.
    covariance
        Of the free ones, from the observed information.
    height, common_height
        Log-likelihood with all constants, here and with tau² = 0.
    tau2_interval
        By profile likelihood; None where it was not asked for or cannot be had.
    lesser_maxima
        Tau² at lower maxima.
    climb
        The integrals at the maximum.
    nodes, change
        See :class:`~secondlook.synthesis.count_models.maximum.Maximum`.
    """

    shared: Floats
    tau2: float | None
    free: tuple[int, ...]
    covariance: Floats
    height: float
    common_height: float
    tau2_interval: Interval | None
    lesser_maxima: tuple[float, ...]
    climb: Climb
    nodes: int
    change: float


def fit(plan: Plan, level: float) -> Fitted:
    """Fit by maximum likelihood; a single study has no tau².

    Raises
    ------
    EstimationError
        Where the likelihood has no maximum.
    """
    common, free = _common(plan)
    best = common
    lesser: tuple[float, ...] = ()
    if plan.model.k > 1:
        best, free, lesser = _highest(plan, common, free)
    _refuse_a_ridge(best)
    sign = _signs(plan, best.at.shared[0])
    shared = sign * best.at.shared[0]
    tau2 = float(np.sum(shared[list(plan.tau)] ** 2)) if plan.model.k > 1 else None
    interval = None
    if tau2 is not None and len(plan.tau) == 1:
        others = tuple(i for i in free if i not in plan.tau)
        interval = profile_limits(
            plan.model, best, common, others=others, tau=plan.tau[0], level=level
        )
    constant = plan.model.family.constant(plan.model.counts)
    return Fitted(
        shared=shared,
        tau2=tau2,
        free=free,
        covariance=np.linalg.inv(best.information) * np.outer(sign, sign)[np.ix_(free, free)],
        height=float(best.at.height[0]) + constant,
        common_height=float(common.at.height[0]) + constant,
        tau2_interval=interval,
        lesser_maxima=lesser,
        climb=best.at,
        nodes=best.order,
        change=best.change,
    )


def _signs(plan: Plan, shared: Floats) -> Floats:
    # turning a random effect round changes nothing but the signs of what multiplies it
    sign = np.ones(shared.size)
    leads = plan.tau[:1] if plan.spread is None else (plan.spread, plan.tau[0])
    for along, lead in zip(plan.model.random, leads, strict=True):
        if shared[lead] < 0:
            sign[: along.shape[1]][along[:, : shared.size].any(axis=0)] = -1
    return sign


def _refuse_a_ridge(best: Maximum) -> None:
    if np.linalg.eigvalsh(best.information)[0] <= 0:
        raise rising()


def _common(plan: Plan) -> tuple[Maximum, tuple[int, ...]]:
    # tau² = 0: one integral over the study intercepts is left where these are random
    model, start = plan.model, plan.grid[:1].copy()
    start[:, list(plan.tau)] = 0
    start[:, 0] = plan.alike
    own = plan.own[:1]
    if plan.spread is None:
        return polish(model, start, own, free=plan.plain, orders=(1,)), plan.plain
    found, free = _with_spread(replace(model, random=model.random[:1]), start, own, plan)
    whole = at(model, model.k, found.at.shared, found.at.own, min(found.order, 20), None)
    return replace(found, at=replace(whole, height=found.at.height)), free


def _with_spread(
    model: Model, start: Floats, own: Floats, plan: Plan
) -> tuple[Maximum, tuple[int, ...]]:
    spread = plan.spread or 0
    free = (*plan.plain, spread)
    grid = np.repeat(start, len(SPREADS), axis=0)
    grid[:, spread] = SPREADS
    none = np.repeat(own, len(SPREADS), axis=0)
    shape = (len(SPREADS),)
    peaks = scan(model, grid, none, free=plan.plain, shape=shape, order=8)
    found = [
        polish(model, shared, each, free=free, orders=_orders(shared, (spread,)), mode=mode)
        for shared, each, mode in peaks
    ]
    best = max(found, key=lambda one: float(one.at.height[0]))
    if abs(best.at.shared[0, spread]) > _ZERO:
        return best, free
    flat = start.copy()
    flat[:, spread] = 0
    return polish(model, flat, own, free=plan.plain, orders=(1,)), plan.plain


def _highest(
    plan: Plan, common: Maximum, free: tuple[int, ...]
) -> tuple[Maximum, tuple[int, ...], tuple[float, ...]]:
    order = 7 if plan.spread is None else 5
    peaks = scan(plan.model, plan.grid, plan.own, free=plan.plain, shape=plan.shape, order=order)
    found: list[tuple[Maximum, tuple[int, ...]]] = [(common, free)]
    for shared, own, mode in peaks:
        found.append(_polished(plan, shared, own, mode))
    # the simpler model wins a tie
    best, free = max(found, key=lambda one: float(one[0].at.height[0]) - _HIGHER * len(one[1]))
    tau2 = _tau2(plan, best)
    others = sorted(_tau2(plan, one) for one, _ in found[1:])
    return best, free, tuple(other for other in others if abs(other - tau2) > _APART)


def _polished(
    plan: Plan, shared: Floats, own: Floats, mode: Floats
) -> tuple[Maximum, tuple[int, ...]]:
    orders = _TWO if plan.spread is not None else _orders(shared, plan.tau)
    best = polish(plan.model, shared, own, free=plan.free, orders=orders, mode=mode)
    at_zero = [i for i in plan.random if abs(best.at.shared[0, i]) < _ZERO]
    if not at_zero:
        return best, plan.free
    # without the standard deviation that has gone to 0, which its square root would not reach
    flat = best.at.shared.copy()
    flat[:, at_zero] = 0
    free = tuple(i for i in plan.free if i not in at_zero)
    orders = orders if set(plan.random) - set(at_zero) else (1,)
    simpler = polish(
        plan.model, flat, best.at.own, free=free, orders=orders, mode=best.at.integral.mode
    )
    if simpler.at.height[0] >= best.at.height[0] - _HIGHER:
        return simpler, free
    return best, plan.free


def _orders(shared: Floats, spreads: Sequence[int]) -> tuple[int, ...]:
    return _NARROW if np.abs(shared[0, list(spreads)]).max() < 3 else _WIDE


def _tau2(plan: Plan, found: Maximum) -> float:
    return float(np.sum(found.at.shared[0, list(plan.tau)] ** 2))
