"""The model of a set of summaries: what can be known from them, and the fit of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.curve_synthesis.chains import Chains, Cut, Slope, StudyChain, read_chains
from secondlook.synthesis.curve_synthesis.families import Family
from secondlook.synthesis.curve_synthesis.fitting import Fit, maximise, restrict
from secondlook.synthesis.curve_synthesis.integration import Marginal, factor
from secondlook.synthesis.curve_synthesis.mean_survival import with_means
from secondlook.synthesis.curve_synthesis.summaries import CurveSummary
from secondlook.synthesis.curve_synthesis.time_scales import LogTime, PiecewiseHazard, TimeScale
from secondlook.synthesis.curve_synthesis.within_study import (
    WithinStudy,
    binomial_chain,
    normal_on_link,
)
from secondlook.synthesis.printed_columns import Floats, written

__all__ = ["CurveModel", "Knowledge", "ModelFit", "fit_summaries"]

Knowledge = Literal["curve", "one time", "one level"]

_NODES = {0: 1, 1: 11, 2: 15}
_LOCATION_LIMIT = 40.0
_LOG_SHAPE_LIMIT = float(np.log(20))
_LOG_HAZARD_LIMIT = 8.0
_DEVIATION_LIMIT = 20.0
_ROUNDS = 20
_FARTHEST = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class CurveModel:
    """A family fitted to chains.

    Parameters
    ----------
    chains, family, scale
        What was printed, and what the curves are.
    within
        ``"binomial"`` or ``"normal"``.
    knowledge
        What the numbers speak of: a curve, survival at one time, or the time of one level.
    random
        How many coordinates vary between studies.
    """

    chains: Chains
    family: Family
    scale: TimeScale
    within: str
    knowledge: Knowledge
    random: int

    @property
    def usable(self) -> tuple[StudyChain, ...]:
        """The studies of which something can be used."""
        return _usable(self.chains)

    @property
    def fixed(self) -> int:
        """Number of location and shape coordinates."""
        return 1 + len(self.scale.coordinates)

    @property
    def numbers(self) -> int:
        """Printed numbers used."""
        return sum(len(chain.cuts) + len(chain.means) for chain in self.usable)

    @property
    def degrees_of_freedom(self) -> int:
        """No more than studies less one, nor than numbers less fixed coordinates."""
        return min(len(self.usable) - 1, self.numbers - self.fixed)

    @property
    def bounds(self) -> Floats:
        """Limits of the parameters."""
        widest = _LOG_HAZARD_LIMIT if self.family.is_piecewise else _LOG_SHAPE_LIMIT
        entries = self.random * (self.random + 1) // 2
        limits = [_LOCATION_LIMIT, *[widest] * (self.fixed - 1), *[_DEVIATION_LIMIT] * entries]
        return np.array([[-limit, limit] for limit in limits])

    def marginal(self, random: int) -> Marginal:
        """Give the marginal likelihood with so many coordinates varying."""
        kind = binomial_chain if self.within == "binomial" else normal_on_link
        within: WithinStudy = kind(self.chains, self.family, self.scale)
        return Marginal(
            with_means(within, self.chains, self.family, self.scale),
            studies=len(self.usable),
            fixed=self.fixed,
            random=random,
            nodes=_NODES[random],
        )


@dataclass(frozen=True, slots=True, eq=False)
class ModelFit:
    """A model, its maximum of the likelihood, and the fit that is reported.

    Parameters
    ----------
    model
        What was fitted.
    best
        The maximum of the likelihood itself.
    reported
        The same, or the maximum of the adjusted profile likelihood.
    restricted
        Whether that is so: False as well where the adjusted likelihood has no maximum.
    without_variation
        The log-likelihood with nothing varying; None where nothing varies anyway.
    covariance, between
        Of the fixed coordinates, and between studies.
    """

    model: CurveModel
    best: Fit
    reported: Fit
    restricted: bool
    without_variation: float | None
    covariance: Floats
    between: Floats

    @property
    def fixed(self) -> Floats:
        """Location and shape coordinates of the average study."""
        return self.reported.parameters[: self.model.fixed]

    def slope(self, time: float, survival: float) -> float:
        """Minus dS/d log t of a curve of the average shape that has this survival at this time."""
        model = self.model
        eta = model.family.link(np.array([survival]))
        hazard = model.family.hazard(eta)
        relative = np.array([time / model.chains.reference_time])
        shift = model.scale.shift(relative, self.fixed[1:])
        return float(survival * hazard.first[0] * np.exp(shift.log_slope[0]))


def fit_summaries(
    summaries: Sequence[CurveSummary],
    family: Family,
    *,
    method: str,
    within: str,
    shape: str | float,
    cuts: Sequence[float] | None,
) -> ModelFit:
    """Build the model of some summaries and fit it.

    A quantile's printed precision is in months, and what it is worth depends on the slope of the
    curve; where there is one the fit is repeated with its own slope until that no longer moves.
    """

    def fitted(slope: Slope) -> ModelFit:
        chains = read_chains(summaries, slope, interior=within == "normal")
        return _fit(_model(chains, family, within, shape, cuts), method)

    def exponential(_: float, survival: float) -> float:
        return survival * float(family.hazard(family.link(np.array([survival]))).first[0])

    fit = fitted(exponential)
    if not any(_has_printed_error(cut) for chain in fit.model.usable for cut in chain.cuts):
        return fit
    for _ in range(_ROUNDS):
        again = fitted(fit.slope)
        moved = np.max(np.abs(again.fixed - fit.fixed))
        fit = again
        if moved < 1e-9:
            break
    return fit


def _has_printed_error(cut: Cut) -> bool:
    one = cut.observation
    printed = one.standard_error is not None or one.interval is not None
    return one.statistic == "quantile" and printed


def _model(
    chains: Chains,
    family: Family,
    within: str,
    shape: str | float,
    cuts: Sequence[float] | None,
) -> CurveModel:
    usable = _usable(chains)
    _refuse_hopeless(chains, usable)
    scale, knowledge = _scale(chains, usable, family, shape, cuts)
    fixed = 1 + len(scale.coordinates)
    numbers = sum(len(chain.cuts) + len(chain.means) for chain in usable)
    random = 1 if len(usable) > 1 and numbers > fixed else 0
    if shape == "random" and random:
        several = sum(len(chain.cuts) > 1 for chain in usable)
        if several < 3:
            rule = "cannot vary between studies of which fewer than 3 print two points of a curve"
            remedy = "leave the shape common"
            raise EstimationError(Problem("pool_curves, shape", "random", rule, remedy))
        random = 2
    return CurveModel(chains, family, scale, within, knowledge, random)


def _usable(chains: Chains) -> tuple[StudyChain, ...]:
    return tuple(chain for chain in chains.studies if chain.cuts or chain.means)


def _refuse_hopeless(chains: Chains, usable: tuple[StudyChain, ...]) -> None:
    if not usable:
        found = "no studies" if not chains.studies else "no number that can be used"
        reasons = [f"{chain.study}: {why}" for chain in chains.studies for why in chain.unused]
        rule = "is too little to pool" + (f" ({'; '.join(reasons)})" if reasons else "")
        raise EstimationError(Problem("pool_curves", found, rule, "give at least one"))
    moving = any(chain.means for chain in usable) or bool(np.any(chains.is_quantile))
    if not moving and not np.any(chains.deaths):
        rule = "leaves no curve to estimate: it never falls"
        raise EstimationError(Problem("pool_curves", "100 % at every time", rule, "add a study"))
    if not moving and not np.any(chains.survivors):
        rule = "leaves no curve to estimate: when they died is not known"
        raise EstimationError(Problem("pool_curves", "0 % at every time", rule, "add a study"))


def _scale(
    chains: Chains,
    usable: tuple[StudyChain, ...],
    family: Family,
    shape: str | float,
    cuts: Sequence[float] | None,
) -> tuple[TimeScale, Knowledge]:
    times = sorted({cut.time for chain in usable for cut in chain.cuts})
    if family.is_piecewise:
        ends = _default_cuts(times) if cuts is None else tuple(float(cut) for cut in cuts)
        _refuse_empty_pieces(ends, times)
        return PiecewiseHazard(tuple(end / chains.reference_time for end in ends)), "curve"
    if not isinstance(shape, str):
        return LogTime(float(shape)), "curve"
    sights = {
        (one.statistic, one.months if one.statistic == "rate" else one.survival)
        for chain in usable
        for one in (*(cut.observation for cut in chain.cuts), *chain.means)
    }
    if len(sights) > 1:
        return LogTime(), "curve"
    ((statistic, level),) = sights
    if statistic == "rate":
        return LogTime(1.0), "one time"
    if statistic == "quantile" and level == 0.5:
        return LogTime(1.0), "one level"
    shown = "means only" if statistic == "mean" else f"times when {level:.0%} were left only"
    rule = "do not say what shape the curve has"
    remedy = "give shape=1 to suppose one, or add studies that print something else"
    raise EstimationError(Problem("pool_curves", shown, rule, remedy))


def _default_cuts(times: Sequence[float]) -> tuple[float, ...]:
    """Put about a third of the distinct times into each of three pieces; fewer if they are few."""
    pieces = min(3, len(times))
    ends = [times[len(times) * piece // pieces - 1] for piece in range(1, pieces)]
    return tuple(ends)


def _refuse_empty_pieces(ends: tuple[float, ...], times: Sequence[float]) -> None:
    edges = [0.0, *ends, np.inf]
    if any(low >= high for low, high in pairwise(edges)):
        rule, remedy = "are not times in ascending order", "correct them"
        raise EstimationError(Problem("pool_curves, cuts", written(ends), rule, remedy))
    problems = []
    for low, high in pairwise(edges):
        if not any(low < time <= high for time in times):
            until = f"from {low:g} on" if np.isinf(high) else f"from {low:g} to {high:g}"
            rule = "holds no printed time, so that its hazard is not known"
            problems.append(Problem("pool_curves, cuts", until, rule, "choose other cuts"))
    if problems:
        raise EstimationError(problems)


def _fit(model: CurveModel, method: str) -> ModelFit:
    bounds, fixed = model.bounds, model.fixed
    start = np.append(_start(model), np.zeros(fixed - 1))
    alone = maximise(model.marginal(0), start, bounds[:fixed])
    if not model.random:
        covariance = _inverse(-alone.likelihood.hessian)
        return ModelFit(model, alone, alone, False, None, covariance, np.zeros((0, 0)))
    marginal = model.marginal(model.random)
    entries = {1: [0.3], 2: [0.3, 0.0, 0.2]}[model.random]
    best = maximise(marginal, np.append(alone.parameters, entries), bounds)
    if best.likelihood.value < alone.likelihood.value:
        still = np.append(alone.parameters, np.zeros(len(entries)))
        best = Fit(still, marginal(still), True)
    reported = best
    if method == "REML":
        adjusted = restrict(marginal, best, fixed, bounds)
        reported = best if _ran_off(adjusted, best, model) else adjusted
    lower = factor(reported.parameters[fixed:], model.random)
    covariance = _covariance(reported, fixed)
    without = alone.likelihood.value
    restricted = reported is not best
    return ModelFit(model, best, reported, restricted, without, covariance, lower @ lower.T)


def _ran_off(adjusted: Fit, best: Fit, model: CurveModel) -> bool:
    """Whether the adjusted likelihood has no maximum to speak of.

    With one number a study, and nearly all of one kind, a steeper curve with studies further apart
    is never less likely: the numbers say nothing against it. The likelihood itself still does.
    """
    fixed = model.fixed
    at_limit = np.abs(adjusted.parameters) >= model.bounds[:, 1] * (1 - 1e-9)
    if not adjusted.converged or np.any(at_limit[fixed:]):
        return True
    if model.family.is_piecewise:
        # a piece in which nobody dies has a hazard of 0, which is no sign of anything
        return False
    moved = np.abs(adjusted.parameters - best.parameters)[1:fixed]
    return bool(np.any(at_limit[1:fixed]) or np.any(moved > _FARTHEST))


def _start(model: CurveModel) -> float:
    at = []
    for chain in model.usable:
        for cut in chain.cuts:
            survival = np.clip(cut.survival, 0.05, 0.95)
            relative = np.array([cut.time / model.chains.reference_time])
            shape = np.zeros(model.fixed - 1)
            shift = model.scale.shift(relative, shape).value[0]
            at.append(float(model.family.link(np.array(survival)) - shift))
    return float(np.mean(sorted(at))) if at else 0.0


def _covariance(fit: Fit, fixed: int) -> Floats:
    """Covariance of the fixed coordinates.

    A steeper curve with studies further apart can look like a flatter one with studies closer
    together, so that where there is a shape it is not taken for known how far they are apart. The
    location alone is orthogonal to that.
    """
    information = -fit.likelihood.hessian
    varies = bool(np.all(np.abs(np.diag(_factor_of(fit, fixed))) > 1e-4))
    if fixed > 1 and varies and np.all(np.linalg.eigvalsh(information) > 0):
        return _inverse(information)[:fixed, :fixed]
    return _inverse(information[:fixed, :fixed])


def _factor_of(fit: Fit, fixed: int) -> Floats:
    """Give L of a fit."""
    entries = fit.parameters[fixed:]
    return factor(entries, {1: 1, 3: 2}[entries.size])


def _inverse(information: Floats) -> Floats:
    """Invert, giving a direction of which nothing is known a very large variance."""
    values, vectors = np.linalg.eigh(information)
    values = np.maximum(values, 1e-8 * max(float(np.max(values)), 1e-8))
    return np.asarray((vectors / values) @ vectors.T)
