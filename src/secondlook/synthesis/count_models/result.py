"""What pooling counts gives back: one record that prints itself, and gives rows and plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secondlook.synthesis.result import Interval, decimals, p_text, range_text

if TYPE_CHECKING:
    import polars

__all__ = ["PooledCounts"]


@dataclass(frozen=True, slots=True)
class PooledCounts:
    """A proportion, a rate or a ratio pooled from counts, on two scales: its own and the model's.

    Parameters
    ----------
    measure
        ``"proportion"``, ``"rate"``, ``"odds ratio"`` or ``"rate ratio"``.
    model
        How the counts were taken to be distributed.
    scale
        On what scale studies are taken to differ normally: ``"logit"``, ``"log"``, ...
    estimate, standard_error, interval, prediction_interval
        The mean of the distribution of the studies, on that scale, and where a new study's own
        value is expected; the last is None for k = 1.
    typical, typical_interval, typical_prediction_interval
        The same taken back: the *median* of the distribution of proportions, rates or ratios.
    marginal_mean, marginal_mean_interval
        The *mean* of that distribution, further from the edge than the median; None for ratios.
    tau2, tau2_standard_error, tau2_interval
        Variance of the studies on the scale of the model, the standard error from the observed
        information (None at 0), and the profile-likelihood interval.
    tau2_statistic, tau2_p_value
        Likelihood-ratio test of tau² = 0, whose distribution is half a point mass at 0 and half
        chi-squared with 1 degree of freedom.
    study_variance, correlation
        With study intercepts taken as random: their variance, and their correlation with the
        effects where it is estimated.
    likelihood_ratio_statistic, likelihood_ratio_p_value
        Test of homogeneity: every study its own value against one for all; chi-squared with
        ``heterogeneity_degrees_of_freedom``.
    wald_statistic, wald_p_value
        The same by Wald's test (Cochran's Q), which has no value where a count is at its edge.
    heterogeneity_degrees_of_freedom
        k - 1.
    i2, h2
        Tau² against the typical within-study variance of the empirical values.
    statistic, degrees_of_freedom, p_value
        Test that the mean is 0 on the scale of the model; degrees of freedom None for the normal.
    log_likelihood, parameters
        Of the model at its maximum, with all constants, and how many parameters it has; None, like
        the nodes, for proportions pooled as effects.
    nodes
        Quadrature nodes per dimension at which the answer no longer changed.
    shrunken
        Each study's own value on the scale of the model, as expected from its counts and from the
        other studies.
    counts
        The columns pooled, by name.
    names, k, omitted
        The studies, how many they are, and those left out.
    test, prediction, level
        As asked for.
    conventions
        One sentence for each choice on which programs differ.
    warnings
        One sentence for each reason to read the numbers with care.
    """

    measure: str
    model: str
    scale: str
    estimate: float
    standard_error: float
    interval: Interval
    prediction_interval: Interval | None
    typical: float
    typical_interval: Interval
    typical_prediction_interval: Interval | None
    marginal_mean: float | None
    marginal_mean_interval: Interval | None
    tau2: float | None
    tau2_standard_error: float | None
    tau2_interval: Interval | None
    tau2_statistic: float | None
    tau2_p_value: float | None
    study_variance: float | None
    correlation: float | None
    likelihood_ratio_statistic: float | None
    likelihood_ratio_p_value: float | None
    wald_statistic: float | None
    wald_p_value: float | None
    heterogeneity_degrees_of_freedom: int
    i2: float | None
    h2: float | None
    statistic: float | None
    degrees_of_freedom: int | None
    p_value: float | None
    log_likelihood: float | None
    parameters: int | None
    nodes: int | None
    shrunken: tuple[float, ...]
    counts: Mapping[str, tuple[float, ...]]
    names: tuple[str, ...]
    k: int
    omitted: tuple[str, ...]
    test: str
    prediction: str
    level: float
    conventions: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Give every field as plain JSON types."""
        plain: dict[str, object] = {}
        for name in self.__slots__:
            value = getattr(self, name)
            plain[name] = list(value) if isinstance(value, tuple) else value
        plain["counts"] = {name: list(values) for name, values in self.counts.items()}
        return plain

    def to_frame(self) -> polars.DataFrame:
        """Give one row per study: its counts, and its own value shrunken towards the others."""
        import polars as pl

        columns = {name: list(values) for name, values in self.counts.items()}
        return pl.DataFrame({"name": list(self.names), **columns, "shrunken": list(self.shrunken)})

    def __str__(self) -> str:
        parts = [_estimate_lines(self), _heterogeneity_lines(self)]
        parts.append(["Conventions", *(f"  {sentence}" for sentence in self.conventions)])
        if self.warnings:
            parts.append(["Warnings", *(f"  {sentence}" for sentence in self.warnings)])
        return "\n\n".join("\n".join(lines) for lines in parts)


def _estimate_lines(pooled: PooledCounts) -> list[str]:
    studies = "1 study" if pooled.k == 1 else f"{pooled.k} studies"
    percent = f"{100 * pooled.level:g} %"
    ratio = pooled.measure.endswith("ratio")
    first = pooled.measure if ratio else f"median {pooled.measure}"
    lines = [
        f"{pooled.measure[:1].upper()}{pooled.measure[1:]}, {pooled.model}: {studies}",
        "",
        _line(first, decimals(pooled.typical)),
        _line(f"{percent} interval", range_text(pooled.typical_interval)),
    ]
    if pooled.typical_prediction_interval is not None:
        shown = range_text(pooled.typical_prediction_interval)
        lines.append(_line(f"{percent} prediction", shown))
    if pooled.marginal_mean is not None and pooled.marginal_mean_interval is not None:
        around = range_text(pooled.marginal_mean_interval)
        lines.append(
            _line(f"mean {pooled.measure}", f"{decimals(pooled.marginal_mean)}   {around}")
        )
    error = decimals(pooled.standard_error)
    shown = f"{decimals(pooled.estimate)}   (standard error {error})"
    lines.append(_line(f"on the {pooled.scale} scale", shown))
    if ratio and pooled.statistic is not None and pooled.p_value is not None:
        df = "" if pooled.degrees_of_freedom is None else f", {pooled.degrees_of_freedom} df"
        letter = "t" if df else "z"
        shown = f"{letter} = {decimals(pooled.statistic)}{df}, {p_text(pooled.p_value)}"
        lines.append(_line("test of no effect", shown))
    return lines


def _heterogeneity_lines(pooled: PooledCounts) -> list[str]:
    lines = ["Heterogeneity"]
    if pooled.tau2 is None:
        return [*lines, "  not estimable from one study"]
    shown = decimals(pooled.tau2)
    if pooled.tau2_interval is not None:
        shown += f"   {range_text(pooled.tau2_interval)}"
    lines.append(_line("tau²", shown))
    lines.append(_line("tau", decimals(pooled.tau2**0.5)))
    if pooled.tau2_statistic is not None and pooled.tau2_p_value is not None:
        shown = f"{decimals(pooled.tau2_statistic)}, {p_text(pooled.tau2_p_value)}"
        lines.append(_line("test of tau² = 0", shown))
    degrees = pooled.heterogeneity_degrees_of_freedom
    for title, value, p_value in (
        ("likelihood ratio", pooled.likelihood_ratio_statistic, pooled.likelihood_ratio_p_value),
        ("Wald", pooled.wald_statistic, pooled.wald_p_value),
    ):
        if value is not None and p_value is not None:
            lines.append(_line(title, f"{decimals(value)}, {degrees} df, {p_text(p_value)}"))
    if pooled.i2 is not None and pooled.h2 is not None:
        lines.append(_line("I² (%), H²", f"{pooled.i2:.2f}, {pooled.h2:.2f}"))
    if pooled.study_variance is not None:
        lines.append(_line("variance of studies", decimals(pooled.study_variance)))
    if pooled.correlation is not None:
        lines.append(_line("correlation", decimals(pooled.correlation)))
    return lines


def _line(title: str, shown: str) -> str:
    return f"  {title:<24} {shown}"
