"""What a multivariate model gives back."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from secondlook.synthesis.multilevel.coefficients import (
    Coefficient,
    JointTest,
    Prediction,
    at_moderators,
    plain,
    table,
    wald_test,
)
from secondlook.synthesis.multilevel.working_model import WorkingModel
from secondlook.synthesis.result import Interval, decimals, p_text, range_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars

    from secondlook.synthesis.multilevel.coefficients import Contrasts

__all__ = ["Component", "Multivariate"]


@dataclass(frozen=True, slots=True)
class Component:
    """A variance or correlation of random effects with its profile-likelihood interval.

    ``interval`` is None where it was not asked for, or a variance of the pair is 0.
    """

    name: str
    estimate: float | None
    interval: Interval | None

    def __str__(self) -> str:
        reach = "" if self.interval is None else f" ({range_text(self.interval)})"
        return f"{self.name} {'–' if self.estimate is None else decimals(self.estimate)}{reach}"


@dataclass(frozen=True, slots=True)
class Multivariate:
    """Pooled effects of several outcomes, or regressions, estimated together.

    Parameters
    ----------
    coefficients
        The pooled effect of each outcome, by its name, then one per moderator.
    covariance
        Their variance-covariance matrix.
    prediction_intervals
        For each outcome where a new true effect is expected to lie; None with moderators, for which
        :meth:`predict` gives it.
    omnibus
        The test that all coefficients are 0.
    outcomes
        Names of the outcomes.
    between_covariance
        Covariance matrix of the random effects, in the order of the outcomes.
    variances, correlations
        What the structure estimates of it, as :class:`.Component`: one variance per outcome or one
        for all; one correlation per pair, one for all or none.
    q, q_degrees_of_freedom, q_p_value
        Test of (residual) homogeneity against the sampling covariance alone.
    log_likelihood, aic, bic, aicc
        Of the restricted likelihood where method is ``"REML"``; the last two None with too few
        effects.
    names, studies, effect_outcomes, yi, vi, k, study_count
        Effects used, the study and outcome of each, and how many effects and studies there are.
    omitted
        Rows left out because a number is missing.
    structure, method, test, degrees_of_freedom, level
        As asked for.
    working_model
        Design and fitted covariance, as :func:`.cluster_robust` uses them.
    conventions, warnings
        One sentence for each choice on which programs differ, and for each reason to read the
        numbers with care.
    """

    coefficients: tuple[Coefficient, ...]
    covariance: tuple[tuple[float, ...], ...]
    prediction_intervals: tuple[Interval, ...] | None
    omnibus: JointTest | None
    outcomes: tuple[str, ...]
    between_covariance: tuple[tuple[float, ...], ...]
    variances: tuple[Component, ...]
    correlations: tuple[Component, ...]
    q: float
    q_degrees_of_freedom: int
    q_p_value: float | None
    log_likelihood: float
    aic: float
    bic: float | None
    aicc: float | None
    names: tuple[str, ...]
    studies: tuple[str, ...]
    effect_outcomes: tuple[str, ...]
    yi: tuple[float, ...]
    vi: tuple[float, ...]
    k: int
    study_count: int
    omitted: tuple[str, ...]
    structure: str
    method: str
    test: str
    degrees_of_freedom: str
    level: float
    working_model: WorkingModel
    conventions: tuple[str, ...]
    warnings: tuple[str, ...]

    def contrast(self, contrasts: Contrasts) -> tuple[tuple[Coefficient, ...], JointTest | None]:
        """Give contrasts of coefficients with their tests, and the test that all are 0.

        One contrast is a mapping from coefficients to numbers, ``{"PD": 1, "AL": -1}``; several are
        a list of such, or a matrix.
        """
        return wald_test("contrast", contrasts, self.coefficients, self.covariance, self.level)

    def predict(self, outcome: str, moderators: Mapping[str, float]) -> Prediction:
        """Give the mean effect on an outcome at given moderators, and where a new one would lie."""
        values = {name: float(name == outcome) for name in self.outcomes} | dict(moderators)
        added = None
        if outcome in self.outcomes:
            place = self.outcomes.index(outcome)
            added = self.between_covariance[place][place]
        else:
            values[outcome] = 1.0
        return at_moderators(
            "predict", values, self.coefficients, self.covariance, added, self.level
        )

    def to_dict(self) -> dict[str, object]:
        """Give every field but the working model as plain JSON types."""
        return {
            one.name: plain(getattr(self, one.name))
            for one in fields(self)
            if one.name != "working_model"
        }

    def to_frame(self) -> polars.DataFrame:
        """Give one row per effect: its study and outcome, effect and variance."""
        import polars as pl

        return pl.DataFrame(
            {
                "name": list(self.names),
                "study": list(self.studies),
                "outcome": list(self.effect_outcomes),
                "yi": list(self.yi),
                "vi": list(self.vi),
                "standard_error": np.sqrt(np.array(self.vi)),
            }
        )

    def __str__(self) -> str:
        counts = f"{self.k} effects on {len(self.outcomes)} outcomes in {self.study_count} studies"
        head = [f"Multivariate model, {self.method}, {self.structure}: {counts}", ""]
        lines = table(self.coefficients, self.level)
        for outcome, interval in zip(
            self.outcomes, self.prediction_intervals or (), strict=bool(self.prediction_intervals)
        ):
            percent = f"{100 * self.level:g} % prediction interval"
            lines.append(f"  {percent}, {outcome}: {range_text(interval)}")
        if self.omnibus is not None:
            lines.append(f"  test of all: {self.omnibus}")
        parts = [head + lines, ["Heterogeneity", *self._variance_lines()]]
        parts.append(["Conventions", *(f"  {sentence}" for sentence in self.conventions)])
        if self.warnings:
            parts.append(["Warnings", *(f"  {sentence}" for sentence in self.warnings)])
        return "\n\n".join("\n".join(lines) for lines in parts)

    def _variance_lines(self) -> list[str]:
        lines = [f"  tau² of {one}" for one in self.variances]
        lines += [f"  correlation of {one}" for one in self.correlations]
        if self.q_p_value is not None:
            test = f"{decimals(self.q)}, {self.q_degrees_of_freedom} df, {p_text(self.q_p_value)}"
            lines.append(f"  Q {test}")
        criteria = f"log-likelihood {decimals(self.log_likelihood)}, AIC {decimals(self.aic)}"
        lines.append(f"  {criteria}" + ("" if self.bic is None else f", BIC {decimals(self.bic)}"))
        return lines
