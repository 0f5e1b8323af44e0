"""What Bayesian pooling gives back: one record that prints itself, with its distributions."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.bayesian.posterior_distribution import (
    PosteriorDistribution,
    PosteriorSummary,
)
from secondlook.synthesis.bayesian.priors import HeterogeneityPrior, Normal
from secondlook.synthesis.result import Interval, Pooled, decimals, range_text

if TYPE_CHECKING:
    import polars

__all__ = ["BayesianPooled", "ShrunkenEffect"]


@dataclass(frozen=True, slots=True)
class ShrunkenEffect:
    """The true effect of one study, seen together with all the others.

    ``interval`` leaves the same probability on both sides.
    """

    name: str
    yi: float
    vi: float
    median: float
    mean: float
    standard_deviation: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class BayesianPooled:
    """The posterior distributions of a random-effects meta-analysis.

    Parameters
    ----------
    effect, tau, prediction
        Summaries of the mean effect, of the between-study standard deviation, and of the true
        effect of a new study.
    studies
        The true effects of the studies themselves, drawn to the mean.
    log_marginal_likelihood
        The logarithm of the probability density of the data; None where a prior is improper.
    log_bayes_factor_no_effect, log_bayes_factor_no_heterogeneity
        Logarithms of how many times more probable the data are with a mean effect of 0 than without
        that restriction, and with tau = 0 than without; None where the priors do not allow it.
    tau_prior, effect_prior
        The priors; ``effect_prior`` is None where it is flat.
    hartung_knapp
        For two to four studies, the same studies pooled without a prior: REML with the
        Hartung-Knapp interval. Otherwise None.
    names, yi, vi, k, omitted, level, conventions, warnings
        As in :class:`.Pooled`.
    effect_distribution, tau_distribution, prediction_distribution, study_distributions
        Densities, cumulative probabilities, quantiles and intervals; the last in the order of
        ``names``.
    """

    effect: PosteriorSummary
    tau: PosteriorSummary
    prediction: PosteriorSummary
    studies: tuple[ShrunkenEffect, ...]
    log_marginal_likelihood: float | None
    log_bayes_factor_no_effect: float | None
    log_bayes_factor_no_heterogeneity: float | None
    tau_prior: HeterogeneityPrior
    effect_prior: Normal | None
    hartung_knapp: Pooled | None
    names: tuple[str, ...]
    yi: tuple[float, ...]
    vi: tuple[float, ...]
    k: int
    omitted: tuple[str, ...]
    level: float
    conventions: tuple[str, ...]
    warnings: tuple[str, ...]
    effect_distribution: PosteriorDistribution = field(repr=False, compare=False)
    tau_distribution: PosteriorDistribution = field(repr=False, compare=False)
    prediction_distribution: PosteriorDistribution = field(repr=False, compare=False)
    study_distributions: tuple[PosteriorDistribution, ...] = field(repr=False, compare=False)

    def probability_below(self, x: float) -> float:
        """Give the posterior probability that the mean effect is below a value.

        Of a ratio on the log scale that is below 1 when things go well, the value 0 makes it the
        probability of benefit.
        """
        return self.effect_distribution.probability_below(x)

    def probability_above(self, x: float) -> float:
        """Give the posterior probability that the mean effect is above a value."""
        return self.effect_distribution.probability_above(x)

    def study_distribution(self, name: str) -> PosteriorDistribution:
        """Give the posterior distribution of the true effect of one study.

        Raises
        ------
        EstimationError
            Where no study, or more than one, has that name.
        """
        found = [i for i, known in enumerate(self.names) if known == name]
        if len(found) != 1:
            rule = "is not the name of one study pooled"
            remedy = f"use one of {', '.join(self.names)}"
            raise EstimationError(Problem("study_distribution", name, rule, remedy))
        return self.study_distributions[found[0]]

    @property
    def bayes_factor_no_effect(self) -> float | None:
        """How many times more probable the data are with a mean effect of 0 than without."""
        return _raised(self.log_bayes_factor_no_effect)

    @property
    def bayes_factor_no_heterogeneity(self) -> float | None:
        """How many times more probable the data are with tau = 0 than without."""
        return _raised(self.log_bayes_factor_no_heterogeneity)

    def to_dict(self) -> dict[str, object]:
        """Give every number and sentence as plain JSON types; the distributions are left out."""
        pooled = self.hartung_knapp
        return {
            "effect": _plain(self.effect),
            "tau": _plain(self.tau),
            "prediction": _plain(self.prediction),
            "studies": [_plain(study) for study in self.studies],
            "log_marginal_likelihood": self.log_marginal_likelihood,
            "log_bayes_factor_no_effect": self.log_bayes_factor_no_effect,
            "log_bayes_factor_no_heterogeneity": self.log_bayes_factor_no_heterogeneity,
            "tau_prior": str(self.tau_prior),
            "effect_prior": None if self.effect_prior is None else str(self.effect_prior),
            "hartung_knapp": None if pooled is None else pooled.to_dict(),
            "names": list(self.names),
            "yi": list(self.yi),
            "vi": list(self.vi),
            "k": self.k,
            "omitted": list(self.omitted),
            "level": self.level,
            "conventions": list(self.conventions),
            "warnings": list(self.warnings),
        }

    def to_frame(self) -> polars.DataFrame:
        """Give one row per study: its effect as given, and drawn to the mean."""
        import polars as pl

        rows = [asdict(study) for study in self.studies]
        for row in rows:
            row["low"], row["high"] = row.pop("interval")
        return pl.DataFrame(rows)

    def __str__(self) -> str:
        parts = [_head(self), _summaries(self), _comparisons(self)]
        parts.append(["Conventions", *(f"  {sentence}" for sentence in self.conventions)])
        if self.warnings:
            parts.append(["Warnings", *(f"  {sentence}" for sentence in self.warnings)])
        return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _raised(logarithm: float | None) -> float | None:
    if logarithm is None:
        return None
    return math.exp(logarithm) if logarithm < 709 else math.inf


def _plain(record: PosteriorSummary | ShrunkenEffect) -> dict[str, object]:
    return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(record).items()}


def _head(pooled: BayesianPooled) -> list[str]:
    studies = "1 study" if pooled.k == 1 else f"{pooled.k} studies"
    effect_prior = "flat" if pooled.effect_prior is None else str(pooled.effect_prior)
    return [
        f"Bayesian random effects: {studies}",
        "",
        f"  prior of tau           {pooled.tau_prior}",
        f"  prior of the mean      {effect_prior}",
    ]


def _summaries(pooled: BayesianPooled) -> list[str]:
    percent = f"{100 * pooled.level:g} %"
    head = f"{'median':>10}{'mean':>10}{'sd':>10}   {percent + ' interval':<22} shortest"
    lines = [f"  {'':<15}{head}"]
    rows = {"mean effect": pooled.effect, "tau": pooled.tau, "new study": pooled.prediction}
    for name, one in rows.items():
        numbers = (one.median, one.mean, one.standard_deviation)
        shown = "".join(f"{'none' if v is None else decimals(v):>10}" for v in numbers)
        intervals = f"{range_text(one.interval):<22} {range_text(one.shortest_interval)}"
        lines.append(f"  {name:<15}{shown}   {intervals}")
    return lines


def _comparisons(pooled: BayesianPooled) -> list[str]:
    below = pooled.probability_below(0.0)
    lines = [f"  P(mean effect < 0)     {_probability(below)}"]
    factors = {
        "mean effect = 0": pooled.bayes_factor_no_effect,
        "tau = 0": pooled.bayes_factor_no_heterogeneity,
    }
    for name, factor in factors.items():
        if factor is not None:
            lines.append(f"  {'Bayes factor for ' + name:<34} {factor:.4g}")
    beside = pooled.hartung_knapp
    if beside is not None:
        text = f"{decimals(beside.estimate)}   {range_text(beside.interval)}"
        lines.append(f"  without priors (REML, Hartung-Knapp) {text}")
    return lines


def _probability(value: float) -> str:
    if value < 0.0001:
        return "below 0.0001"
    return "above 0.9999" if value > 0.9999 else f"{value:.4f}"
