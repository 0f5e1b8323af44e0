"""Predicted deviations of single studies and effects from what the model expects of them.

Best linear unbiased predictions: each deviation is what its data say, drawn towards 0 by how little
they say (Robinson, Stat Sci 1991;6:15-32).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from secondlook.synthesis.multilevel.coefficients import critical_value, plain
from secondlook.synthesis.multilevel.covariance import by_size
from secondlook.synthesis.multilevel.multivariate_result import Multivariate
from secondlook.synthesis.multilevel.three_level_result import ThreeLevel
from secondlook.synthesis.multilevel.working_model import WorkingModel
from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.result import Interval, decimals, range_text

if TYPE_CHECKING:
    import polars

__all__ = ["Deviation", "RandomEffects", "random_effects"]


@dataclass(frozen=True, slots=True)
class Deviation:
    """The deviation of one study or effect: prediction, its standard error and interval."""

    level: str
    name: str
    estimate: float
    standard_error: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class RandomEffects:
    """One :class:`Deviation` per study and effect, or per study and outcome.

    Parameters
    ----------
    rows
        ``level`` is ``"study"``, ``"effect"`` or the name of an outcome.
    coverage
        Of every interval.
    """

    rows: tuple[Deviation, ...]
    coverage: float

    def to_dict(self) -> dict[str, object]:
        """Give every field as plain JSON types."""
        return {one.name: plain(getattr(self, one.name)) for one in fields(self)}

    def to_frame(self) -> polars.DataFrame:
        """Give one row per deviation."""
        import polars as pl

        return pl.DataFrame(
            {
                "level": [one.level for one in self.rows],
                "name": [one.name for one in self.rows],
                "estimate": [one.estimate for one in self.rows],
                "standard_error": [one.standard_error for one in self.rows],
                "low": [one.interval[0] for one in self.rows],
                "high": [one.interval[1] for one in self.rows],
            }
        )

    def __str__(self) -> str:
        width = max(len(f"{one.level}: {one.name}") for one in self.rows)
        lines = [f"Deviations from what the model expects, {100 * self.coverage:g} % intervals"]
        for one in self.rows:
            label = f"{one.level}: {one.name}"
            lines.append(
                f"  {label:<{width}}  {decimals(one.estimate):>9}  {range_text(one.interval)}"
            )
        return "\n".join(lines)


def random_effects(fit: ThreeLevel | Multivariate) -> RandomEffects:
    """Predict how far the true effects of each study lie from what the model expects.

    Parameters
    ----------
    fit
        A result of :func:`.pool_three_level`, for the deviations of studies and those of effects
        within them, or of :func:`.pool_multivariate`, for those of each outcome a study reports.

    Returns
    -------
    RandomEffects

    Notes
    -----
    Intervals take the variances of the random effects as known, and with test ``"t"`` the degrees
    of freedom of the level: studies, or effects, less coefficients. A prediction is drawn towards
    the mean: the spread of predictions is smaller than that of the true effects.

    Examples
    --------
    >>> from secondlook.synthesis.multilevel import pool_three_level
    >>> fit = pool_three_level([0.0, 0.2, 1.0, 1.2], [0.01] * 4, study=["A", "A", "B", "B"])
    >>> [(one.name, round(one.estimate, 2)) for one in random_effects(fit).rows[:2]]
    [('A', -0.49), ('B', 0.49)]
    """
    model = fit.working_model
    shared, shared_errors, own, own_errors = _predicted(model, np.array(fit.covariance), fit)
    study, p = model.study, model.design.shape[1]
    reach = critical_value(fit.level, _degrees(fit, len(study.labels) - p))
    rows = []
    if isinstance(fit, ThreeLevel):
        for label, value, error in zip(
            study.labels, shared[:, 0].tolist(), shared_errors[:, 0].tolist(), strict=True
        ):
            rows.append(_row("study", label, value, error, reach))
        reach = critical_value(fit.level, _degrees(fit, fit.k - p))
        for label, value, error in zip(fit.names, own.tolist(), own_errors.tolist(), strict=True):
            rows.append(_row("effect", label, value, error, reach))
        return RandomEffects(tuple(rows), fit.level)
    reported = dict.fromkeys(zip(study.of.tolist(), fit.effect_outcomes, strict=True))
    for s, outcome in sorted(reported, key=lambda one: (one[0], fit.outcomes.index(one[1]))):
        j = fit.outcomes.index(outcome)
        value, error = float(shared[s, j]), float(shared_errors[s, j])
        rows.append(_row(outcome, study.labels[s], value, error, reach))
    return RandomEffects(tuple(rows), fit.level)


def _row(level: str, name: str, value: float, error: float, reach: float) -> Deviation:
    return Deviation(level, name, value, error, (value - reach * error, value + reach * error))


def _degrees(fit: ThreeLevel | Multivariate, contained: int) -> float | None:
    if fit.test == "z":
        return None
    if fit.degrees_of_freedom == "residual":
        return float(fit.k - len(fit.coefficients))
    return float(max(1, contained))


def _predicted(
    model: WorkingModel, spread: Floats, fit: ThreeLevel | Multivariate
) -> tuple[Floats, Floats, Floats, Floats]:
    """Give predictions and standard errors of the studies' random effects and of the effects'."""
    between, within = model.between, model.within
    away = model.yi - model.design @ np.array([one.estimate for one in fit.coefficients])
    count, r = len(model.study.labels), between.shape[0]
    shared, shared_variances = np.empty((count, r)), np.empty((count, r))
    own, own_variances = np.empty(model.yi.size), np.empty(model.yi.size)
    for which, together in by_size(model.study.members()):
        half = model.whitener(together)
        inverse = half.transpose(0, 2, 1) @ half
        pulled = inverse @ model.design[together]
        residual = inverse - pulled @ spread @ pulled.transpose(0, 2, 1)
        weighted = np.einsum("gij,gj->gi", inverse, away[together])
        taken = model.loadings[together] @ between
        shared[which] = np.einsum("gir,gi->gr", taken, weighted)
        shared_variances[which] = np.diagonal(between) - np.einsum(
            "gir,gij,gjr->gr", taken, residual, taken
        )
        own[together] = within * weighted
        own_variances[together] = within - within**2 * np.einsum("gii->gi", residual)
    return (
        shared,
        np.sqrt(np.maximum(shared_variances, 0.0)),
        own,
        np.sqrt(np.maximum(own_variances, 0.0)),
    )
