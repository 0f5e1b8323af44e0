"""What pooling gives back: one record that prints itself, and gives rows and plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

if TYPE_CHECKING:
    import polars

__all__ = ["Pooled", "decimals", "p_text", "range_text"]

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Pooled:
    """A pooled effect, its uncertainty and its heterogeneity.

    Parameters
    ----------
    estimate, standard_error, interval
        The pooled effect on the scale of ``yi``, with a confidence interval at ``level``.
    prediction_interval
        Where the true effect of a new study is expected to lie; None for a common effect, for
        k = 1, and for k = 2 with k - 2 degrees of freedom.
    tau2, tau2_standard_error, tau2_interval
        Between-study variance, its asymptotic standard error, and its interval; tau2 is 0 by
        assumption under ``method="common"`` and None for k = 1.
    i2, i2_interval, h2, h2_interval
        I² in percent and H² by the definition that was asked for, with their intervals.
    i2_from_tau2, h2_from_tau2
        Tau² as a share of, and against, itself plus the typical within-study variance; None for a
        common effect.
    i2_from_q, h2_from_q
        (Q - df)/Q in percent, not below 0, and Q/df. Like the other two, None for k = 1.
    q, q_degrees_of_freedom, q_p_value
        Cochran's test of homogeneity; its P value is None for k = 1.
    statistic, degrees_of_freedom, p_value
        The test of no effect; degrees_of_freedom is None for the normal distribution, and
        statistic and p_value are None where the standard error is 0.
    variance_factor
        What the variance of the estimate was multiplied by (Hartung-Knapp); otherwise 1.
    weights
        Percent, one per study, in the order of ``names``.
    names, yi, vi, k
        The studies pooled and how many they are.
    omitted
        Studies left out because their effect or variance is missing.
    method, test, level
        As asked for; ``test`` is ``"z"`` for k = 1, whatever was asked.
    conventions
        One sentence for each choice on which programs differ.
    warnings
        One sentence for each reason to read the numbers with care.
    """

    estimate: float
    standard_error: float
    interval: Interval
    prediction_interval: Interval | None
    tau2: float | None
    tau2_standard_error: float | None
    tau2_interval: Interval | None
    i2: float | None
    i2_interval: Interval | None
    h2: float | None
    h2_interval: Interval | None
    i2_from_tau2: float | None
    h2_from_tau2: float | None
    i2_from_q: float | None
    h2_from_q: float | None
    q: float
    q_degrees_of_freedom: int
    q_p_value: float | None
    statistic: float | None
    degrees_of_freedom: int | None
    p_value: float | None
    variance_factor: float
    weights: tuple[float, ...]
    names: tuple[str, ...]
    yi: tuple[float, ...]
    vi: tuple[float, ...]
    k: int
    omitted: tuple[str, ...]
    method: str
    test: str
    level: float
    conventions: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Give every field as plain JSON types."""
        plain = asdict(self)
        return {key: list(v) if isinstance(v, tuple) else v for key, v in plain.items()}

    def to_frame(self) -> polars.DataFrame:
        """Give one row per study: effect, variance, its own normal interval and its weight."""
        import polars as pl

        error = np.sqrt(np.array(self.vi))
        reach = float(ndtri((1 + self.level) / 2)) * error
        return pl.DataFrame(
            {
                "name": list(self.names),
                "yi": list(self.yi),
                "vi": list(self.vi),
                "standard_error": error,
                "low": np.array(self.yi) - reach,
                "high": np.array(self.yi) + reach,
                "weight": list(self.weights),
            }
        )

    def __str__(self) -> str:
        return self.text()

    def text(self, *, test: bool = True, warnings: bool = True) -> str:
        """Print the result, with or without its test of no effect and its warnings."""
        parts = [_estimate_lines(self, test=test), _heterogeneity_lines(self)]
        parts.append(["Conventions", *(f"  {sentence}" for sentence in self.conventions)])
        if warnings and self.warnings:
            parts.append(["Warnings", *(f"  {sentence}" for sentence in self.warnings)])
        return "\n\n".join("\n".join(lines) for lines in parts)


def _estimate_lines(pooled: Pooled, *, test: bool) -> list[str]:
    model = "Common effect" if pooled.method == "common" else f"Random effects, {pooled.method}"
    studies = "1 study" if pooled.k == 1 else f"{pooled.k} studies"
    percent = f"{100 * pooled.level:g} %"
    lines = [
        f"{model}: {studies}",
        "",
        f"  estimate             {decimals(pooled.estimate)}"
        f"   (standard error {decimals(pooled.standard_error)})",
        f"  {percent + ' interval':<20} {range_text(pooled.interval)}",
    ]
    if pooled.prediction_interval is not None:
        lines.append(f"  {percent + ' prediction':<20} {range_text(pooled.prediction_interval)}")
    if not test:
        return lines
    if pooled.statistic is None or pooled.p_value is None:
        lines.append("  test of no effect    none: the standard error is 0")
    elif pooled.degrees_of_freedom is None:
        says = f"z = {decimals(pooled.statistic)}, {p_text(pooled.p_value)}"
        lines.append(f"  test of no effect    {says}")
    else:
        says = f"t = {decimals(pooled.statistic)}, {pooled.degrees_of_freedom} df"
        lines.append(f"  test of no effect    {says}, {p_text(pooled.p_value)}")
    return lines


def _heterogeneity_lines(pooled: Pooled) -> list[str]:
    lines = ["Heterogeneity"]
    tau2, interval = pooled.tau2, pooled.tau2_interval
    if tau2 is not None and pooled.method != "common":
        error = pooled.tau2_standard_error
        tail = "" if error is None else f"   (standard error {decimals(error)})"
        ends = None if interval is None else (interval[0] ** 0.5, interval[1] ** 0.5)
        lines.append(_row("tau²", decimals(tau2), interval) + tail)
        lines.append(_row("tau", decimals(tau2**0.5), ends))
    if pooled.i2 is not None and pooled.h2 is not None:
        lines.append(_row("I² (%)", f"{pooled.i2:.2f}", pooled.i2_interval, places=2))
        lines.append(_row("H²", f"{pooled.h2:.2f}", pooled.h2_interval, places=2))
    if pooled.q_p_value is None:
        lines.append("  not estimable from one study")
    else:
        degrees = pooled.q_degrees_of_freedom
        test = f"{decimals(pooled.q)}, {degrees} df, {p_text(pooled.q_p_value)}"
        lines.append(f"  {'Q':<8} {test}")
    return lines


def _row(name: str, value: str, interval: Interval | None, *, places: int | None = None) -> str:
    if interval is None:
        return f"  {name:<8} {value}"
    if places is None:
        return f"  {name:<8} {value:>10}   {range_text(interval)}"
    return f"  {name:<8} {value:>10}   {interval[0]:.{places}f} to {interval[1]:.{places}f}"


def decimals(value: float) -> str:
    """Write a number with four decimals, or four significant digits where those would be zeros.

    Examples
    --------
    >>> decimals(-0.71453), decimals(0.0000012345)
    ('-0.7145', '1.234e-06')
    """
    return f"{value:.4f}" if value == 0 or abs(value) >= 0.001 else f"{value:.4g}"


def range_text(interval: Interval) -> str:
    """Write an interval as ``low to high``.

    Examples
    --------
    >>> range_text((-1.10844, -0.32062))
    '-1.1084 to -0.3206'
    """
    return f"{decimals(interval[0])} to {decimals(interval[1])}"


def p_text(p_value: float) -> str:
    """Write a P value with four decimals, never as zero.

    Examples
    --------
    >>> p_text(0.00192), p_text(1e-30)
    ('P = 0.0019', 'P < 0.0001')
    """
    return "P < 0.0001" if p_value < 0.0001 else f"P = {p_value:.4f}"
