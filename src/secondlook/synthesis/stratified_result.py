"""What pooling by strata gives back: a record that prints itself, and gives rows and plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secondlook.synthesis.result import Interval, decimals, p_text, range_text

if TYPE_CHECKING:
    import polars

__all__ = ["PooledStrata"]


@dataclass(frozen=True, slots=True)
class PooledStrata:
    """An effect common to all studies, pooled from their tables.

    Parameters
    ----------
    measure
        ``"odds ratio"``, ``"risk ratio"``, ``"risk difference"``, ``"rate ratio"``,
        ``"rate difference"`` or ``"hazard ratio"``.
    estimator
        Mantel and Haenszel's, or Peto's.
    estimate, standard_error, interval
        The common effect, of ratios on the logarithmic scale.
    ratio, ratio_interval
        The same taken back; None for differences.
    statistic, p_value
        Test of no effect by the normal distribution.
    q, q_degrees_of_freedom, q_p_value, i2, h2
        Cochran's test of homogeneity about the common effect, with inverse-variance weights, and
        I² in percent and H² from it; P is None for one study, whose I² and H² are too.
    mantel_haenszel_statistic, mantel_haenszel_p_value
        Cochran-Mantel-Haenszel test of no association, chi-squared with 1 degree of freedom; for
        rate ratios its version for person-time; None for other measures and for Peto's estimator.
    cochran_statistic, cochran_p_value
        The same with Cochran's variance, for odds ratios.
    breslow_day_statistic, breslow_day_p_value
        Breslow and Day's test of homogeneity of odds ratios.
    tarone_statistic, tarone_p_value
        The same with Tarone's correction.
    breslow_day_degrees_of_freedom
        Of both.
    weights
        Percent, one per study, in the order of ``names``.
    yi, vi
        The studies' own effects and variances as they enter Q; None where a study has none.
    counts
        The columns pooled, by name.
    names, k, omitted
        The studies, how many they are, and those left out.
    level
        As asked for.
    conventions
        One sentence for each choice on which programs differ.
    warnings
        One sentence for each reason to read the numbers with care.
    """

    measure: str
    estimator: str
    estimate: float
    standard_error: float
    interval: Interval
    ratio: float | None
    ratio_interval: Interval | None
    statistic: float | None
    p_value: float | None
    q: float
    q_degrees_of_freedom: int
    q_p_value: float | None
    i2: float | None
    h2: float | None
    mantel_haenszel_statistic: float | None
    mantel_haenszel_p_value: float | None
    cochran_statistic: float | None
    cochran_p_value: float | None
    breslow_day_statistic: float | None
    breslow_day_p_value: float | None
    tarone_statistic: float | None
    tarone_p_value: float | None
    breslow_day_degrees_of_freedom: int | None
    weights: tuple[float, ...]
    yi: tuple[float | None, ...]
    vi: tuple[float | None, ...]
    counts: Mapping[str, tuple[float, ...]]
    names: tuple[str, ...]
    k: int
    omitted: tuple[str, ...]
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
        """Give one row per study: its counts, effect, variance and weight."""
        import polars as pl

        columns = {name: list(values) for name, values in self.counts.items()}
        own = {"yi": list(self.yi), "vi": list(self.vi), "weight": list(self.weights)}
        return pl.DataFrame({"name": list(self.names), **columns, **own})

    def __str__(self) -> str:
        parts = [_estimate_lines(self), _heterogeneity_lines(self)]
        parts.append(["Conventions", *(f"  {sentence}" for sentence in self.conventions)])
        if self.warnings:
            parts.append(["Warnings", *(f"  {sentence}" for sentence in self.warnings)])
        return "\n\n".join("\n".join(lines) for lines in parts)


def _estimate_lines(pooled: PooledStrata) -> list[str]:
    studies = "1 study" if pooled.k == 1 else f"{pooled.k} studies"
    percent = f"{100 * pooled.level:g} % interval"
    lines = [f"{pooled.measure.capitalize()}, {pooled.estimator}: {studies}", ""]
    if pooled.ratio is not None and pooled.ratio_interval is not None:
        lines.append(_line(pooled.measure, decimals(pooled.ratio)))
        lines.append(_line(percent, range_text(pooled.ratio_interval)))
    scale = "estimate" if pooled.ratio is None else f"log {pooled.measure}"
    error = f"{decimals(pooled.estimate)}   (standard error {decimals(pooled.standard_error)})"
    lines.append(_line(scale, error))
    lines.append(_line(percent, range_text(pooled.interval)))
    tests = (
        ("test of no effect", "z = ", pooled.statistic, pooled.p_value),
        ("Mantel-Haenszel", "", pooled.mantel_haenszel_statistic, pooled.mantel_haenszel_p_value),
        ("Cochran", "", pooled.cochran_statistic, pooled.cochran_p_value),
    )
    return lines + _tests(tests, 1)


def _heterogeneity_lines(pooled: PooledStrata) -> list[str]:
    if pooled.q_p_value is None:
        return ["Heterogeneity", "  not estimable from one study"]
    q = f"{decimals(pooled.q)}, {pooled.q_degrees_of_freedom} df, {p_text(pooled.q_p_value)}"
    lines = ["Heterogeneity", _line("Q", q)]
    if pooled.i2 is not None and pooled.h2 is not None:
        lines.append(_line("I² (%), H²", f"{pooled.i2:.2f}, {pooled.h2:.2f}"))
    tests = (
        ("Breslow-Day", "", pooled.breslow_day_statistic, pooled.breslow_day_p_value),
        ("Tarone", "", pooled.tarone_statistic, pooled.tarone_p_value),
    )
    return lines + _tests(tests, pooled.breslow_day_degrees_of_freedom or 1)


def _tests(
    found: tuple[tuple[str, str, float | None, float | None], ...], degrees: int
) -> list[str]:
    lines = []
    for title, letter, value, p_value in found:
        if value is not None and p_value is not None:
            freedom = "" if letter else f"{degrees} df, "
            lines.append(_line(title, f"{letter}{decimals(value)}, {freedom}{p_text(p_value)}"))
    return lines


def _line(title: str, shown: str) -> str:
    return f"  {title:<20} {shown}"
