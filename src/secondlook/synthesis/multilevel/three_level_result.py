"""What a three-level model gives back."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from secondlook.synthesis.multilevel.coefficients import (
    Coefficient,
    JointTest,
    LikelihoodRatio,
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

__all__ = ["ThreeLevel"]


@dataclass(frozen=True, slots=True)
class ThreeLevel:
    """A pooled effect, or a regression, of effects nested in studies.

    Parameters
    ----------
    coefficients
        The pooled effect (``intercept``), or with moderators one :class:`.Coefficient` per column.
    covariance
        Their variance-covariance matrix.
    prediction_interval
        Where a new true effect in a new study is expected to lie; None with moderators, for which
        :meth:`predict` gives it.
    omnibus
        The test that all coefficients but the intercept are 0; None without moderators.
    between_variance, between_interval
        Variance of true mean effects between studies, with its profile-likelihood interval; None
        where the data cannot say.
    within_variance, within_interval
        Variance of true effects within studies, likewise. Where the two cannot be told apart,
        all of it is `between_variance`, and this is None.
    intraclass_correlation
        Share of the two variances that is between studies; None where both are 0 or one is None.
    i2_between, i2_within, i2
        Percent of the total variance that is between studies, within studies, and both, the
        typical sampling variance being the rest; None where nothing is left to estimate it from.
    test_of_between, test_of_within
        Likelihood-ratio tests against the two-level models without the one variance or the other.
    q, q_degrees_of_freedom, q_p_value
        Test of (residual) homogeneity against the sampling covariance alone.
    log_likelihood, aic, bic, aicc
        Of the restricted likelihood where method is ``"REML"``; the last two None with too few
        effects.
    weights
        Percent, one per effect: the row sums of the weight matrix; None with moderators.
    names, studies, yi, vi, k, study_count
        Effects used, the study of each, and how many there are of both.
    omitted
        Rows left out because a number is missing.
    method, test, degrees_of_freedom, level
        As asked for.
    working_model
        Design and fitted covariance, as :func:`.cluster_robust` uses them.
    conventions, warnings
        One sentence for each choice on which programs differ, and for each reason to read the
        numbers with care.
    """

    coefficients: tuple[Coefficient, ...]
    covariance: tuple[tuple[float, ...], ...]
    prediction_interval: Interval | None
    omnibus: JointTest | None
    between_variance: float | None
    between_interval: Interval | None
    within_variance: float | None
    within_interval: Interval | None
    intraclass_correlation: float | None
    i2_between: float | None
    i2_within: float | None
    i2: float | None
    test_of_between: LikelihoodRatio | None
    test_of_within: LikelihoodRatio | None
    q: float
    q_degrees_of_freedom: int
    q_p_value: float | None
    log_likelihood: float
    aic: float
    bic: float | None
    aicc: float | None
    weights: tuple[float, ...] | None
    names: tuple[str, ...]
    studies: tuple[str, ...]
    yi: tuple[float, ...]
    vi: tuple[float, ...]
    k: int
    study_count: int
    omitted: tuple[str, ...]
    method: str
    test: str
    degrees_of_freedom: str
    level: float
    working_model: WorkingModel
    conventions: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def estimate(self) -> float:
        """The first coefficient: the pooled effect, or with moderators the intercept."""
        return self.coefficients[0].estimate

    @property
    def standard_error(self) -> float:
        """The standard error of :attr:`estimate`."""
        return self.coefficients[0].standard_error

    @property
    def interval(self) -> Interval:
        """The confidence interval of :attr:`estimate`."""
        return self.coefficients[0].interval

    def predict(self, moderators: Mapping[str, float]) -> Prediction:
        """Give the mean effect at given moderators, and where a new true effect would lie."""
        added = (self.between_variance or 0.0) + (self.within_variance or 0.0)
        return at_moderators(
            "predict", moderators, self.coefficients, self.covariance, added, self.level
        )

    def contrast(self, contrasts: Contrasts) -> tuple[tuple[Coefficient, ...], JointTest | None]:
        """Give contrasts of coefficients with their tests, and the test that all are 0."""
        return wald_test("contrast", contrasts, self.coefficients, self.covariance, self.level)

    def to_dict(self) -> dict[str, object]:
        """Give every field but the working model as plain JSON types."""
        return {
            one.name: plain(getattr(self, one.name))
            for one in fields(self)
            if one.name != "working_model"
        }

    def to_frame(self) -> polars.DataFrame:
        """Give one row per effect: its study, its own normal interval, and its weight."""
        import polars as pl

        yi, error = np.array(self.yi), np.sqrt(np.array(self.vi))
        reach = float(ndtri((1 + self.level) / 2)) * error
        return pl.DataFrame(
            {
                "name": list(self.names),
                "study": list(self.studies),
                "yi": yi,
                "vi": list(self.vi),
                "standard_error": error,
                "low": yi - reach,
                "high": yi + reach,
                "weight": [None] * self.k if self.weights is None else list(self.weights),
            }
        )

    def __str__(self) -> str:
        effects = "1 effect" if self.k == 1 else f"{self.k} effects"
        studies = "1 study" if self.study_count == 1 else f"{self.study_count} studies"
        head = [f"Three-level model, {self.method}: {effects} in {studies}", ""]
        parts = [head + self._estimate_lines(), ["Heterogeneity", *self._variance_lines()]]
        parts.append(["Conventions", *(f"  {sentence}" for sentence in self.conventions)])
        if self.warnings:
            parts.append(["Warnings", *(f"  {sentence}" for sentence in self.warnings)])
        return "\n\n".join("\n".join(lines) for lines in parts)

    def _estimate_lines(self) -> list[str]:
        lines = table(self.coefficients, self.level)
        if self.prediction_interval is not None:
            percent = f"{100 * self.level:g} % prediction interval"
            lines.append(f"  {percent}: {range_text(self.prediction_interval)}")
        if self.omnibus is not None:
            lines.append(f"  test of moderators: {self.omnibus}")
        return lines

    def _variance_lines(self) -> list[str]:
        lines = []
        for name, variance, interval, test in (
            ("between studies", self.between_variance, self.between_interval, self.test_of_between),
            ("within studies", self.within_variance, self.within_interval, self.test_of_within),
        ):
            if variance is None:
                lines.append(f"  variance {name:<16} not estimable")
                continue
            reach = "" if interval is None else f"   {range_text(interval)}"
            line = f"  variance {name:<16} {decimals(variance):>10}{reach}"
            lines.append(line if test is None else f"{line}   {test}")
        if self.intraclass_correlation is not None:
            lines.append(f"  intraclass correlation    {self.intraclass_correlation:>10.4f}")
        if self.i2 is not None:
            of = ((self.i2_between, "between"), (self.i2_within, "within"))
            shares = ", ".join(f"{value:.2f} {name}" for value, name in of if value is not None)
            lines.append(f"  I² (%)                    {self.i2:>10.2f}   ({shares})")
        if self.q_p_value is not None:
            says = f"{decimals(self.q)}, {self.q_degrees_of_freedom} df, {p_text(self.q_p_value)}"
            lines.append(f"  Q {says}")
        criteria = f"log-likelihood {decimals(self.log_likelihood)}, AIC {decimals(self.aic)}"
        lines.append(f"  {criteria}" + ("" if self.bic is None else f", BIC {decimals(self.bic)}"))
        return lines
