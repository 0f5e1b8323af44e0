"""What pooling curves gives back: one record that prints itself, and gives rows and plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.curve_synthesis.bands import FittedCurve, SurvivalBand, TimeEstimate
from secondlook.synthesis.curve_synthesis.study_curves import StudyCurve
from secondlook.synthesis.printed_columns import written
from secondlook.synthesis.result import decimals, p_text

if TYPE_CHECKING:
    import polars

__all__ = ["Parameter", "PooledCurves"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the pooled curve and its standard error."""

    name: str
    estimate: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class PooledCurves:
    """A pooled survival curve, its uncertainty and how far studies differ.

    Parameters
    ----------
    family, method, within
        As asked for.
    k, n_numbers
        Studies pooled, and printed numbers used.
    degrees_of_freedom, level
        Of the t distribution every interval uses (None: normal), and the level of all of them.
    reference_time
        The time at which the location is the value of the link.
    parameters, covariance
        Location and shape coordinates of the average study.
    tau_location, tau_shape, correlation
        Standard deviation between studies of the location and of the log shape, and their
        correlation; None where not estimated.
    heterogeneity_statistic, heterogeneity_p_value
        Likelihood ratio of what varies against nothing varying; with one standard deviation its
        P value is half that of chi squared with 1 df, otherwise it is None.
    log_likelihood, aic, bic
        At the maximum of the likelihood, whatever the method; comparable between families fitted to
        the same numbers by the same `within`.
    curve
        At the grid of times; None where the numbers say nothing of a curve.
    median, restricted_mean, horizon
        None where the numbers do not say; the mean is that of the time up to the horizon.
    studies
        Each study's own curve against what it printed.
    omitted
        Studies of which nothing could be used.
    unused
        Numbers that could not be used, with the study and the reason.
    converged
        Whether the iterations came to rest.
    conventions, warnings
        One sentence for each choice on which programs differ, and for each reason for care.
    fitted
        The curve as a function, for :meth:`at`.
    """

    family: str
    method: str
    within: str
    k: int
    n_numbers: int
    degrees_of_freedom: int | None
    level: float
    reference_time: float
    parameters: tuple[Parameter, ...]
    covariance: tuple[tuple[float, ...], ...]
    tau_location: float | None
    tau_shape: float | None
    correlation: float | None
    heterogeneity_statistic: float | None
    heterogeneity_p_value: float | None
    log_likelihood: float
    aic: float
    bic: float
    curve: SurvivalBand | None
    median: TimeEstimate | None
    restricted_mean: TimeEstimate | None
    horizon: float | None
    studies: tuple[StudyCurve, ...]
    omitted: tuple[str, ...]
    unused: tuple[str, ...]
    converged: bool
    conventions: tuple[str, ...]
    warnings: tuple[str, ...]
    fitted: FittedCurve = field(repr=False, compare=False)

    def at(self, *times: float) -> SurvivalBand:
        """Give the pooled curve at other times.

        Beyond the last printed time that is extrapolation.

        Raises
        ------
        EstimationError
            Where nothing is known of the shape of the curve, for any time but that of the rates;
            and for a time that is negative or not finite.
        """
        problems = []
        known = () if self.curve is None else self.curve.times
        for time in times:
            if not 0 <= time < float("inf"):
                rule, remedy = "is not a time from the start on", "correct it"
                problems.append(Problem("pooled curve", written(time), rule, remedy))
            elif self.restricted_mean is None and time not in known:
                rule = "is a time of which the numbers say nothing"
                remedy = "add studies that print something else, or give shape=1 to suppose it"
                problems.append(Problem("pooled curve", written(time), rule, remedy))
        if problems:
            raise EstimationError(problems)
        return self.fitted.band(times)

    def to_dict(self) -> dict[str, object]:
        """Give every field but the function as plain JSON types."""
        plain = {
            name: asdict(value)
            if name in ("curve", "median", "restricted_mean") and value
            else value
            for name in self.__slots__
            if name != "fitted"
            for value in [getattr(self, name)]
        }
        plain["parameters"] = [asdict(parameter) for parameter in self.parameters]
        plain["studies"] = [asdict(study) for study in self.studies]
        return {name: _plain(value) for name, value in plain.items()}

    def to_frame(self) -> polars.DataFrame:
        """Give one row per printed number, with what its study's own curve says instead."""
        import polars as pl

        rows = [
            {"study": study.study, "n": study.n, **asdict(number)}
            for study in self.studies
            for number in study.numbers
        ]
        return pl.DataFrame(rows)

    def __str__(self) -> str:
        parts = [_curve_lines(self), _model_lines(self), _residual_lines(self)]
        parts.append(["Conventions", *(f"  {sentence}" for sentence in self.conventions)])
        if self.warnings:
            parts.append(["Warnings", *(f"  {sentence}" for sentence in self.warnings)])
        return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return value


def _curve_lines(pooled: PooledCurves) -> list[str]:
    studies = "1 study" if pooled.k == 1 else f"{pooled.k} studies"
    numbers = "1 number" if pooled.n_numbers == 1 else f"{pooled.n_numbers} numbers"
    lines = [f"Pooled survival curve, {pooled.family}, {pooled.method}: {studies}, {numbers}", ""]
    percent = f"{100 * pooled.level:g} %"
    lines.append(f"  {'':<22} {'estimate':>9}   {percent + ' interval':<18} {percent} prediction")
    if pooled.curve is not None:
        times = pooled.curve.times
        chosen = sorted({times[round(i * (len(times) - 1) / 5)] for i in range(6)} - {0.0})
        band = pooled.at(*chosen)
        for i, time in enumerate(chosen):
            interval = f"{100 * band.low[i]:.1f} to {100 * band.high[i]:.1f}"
            lines.append(
                f"  {f'survival at {time:g} (%)':<22} {100 * band.survival[i]:>9.1f}"
                f"   {interval:<18} {_predicted(band, i)}".rstrip()
            )
    if pooled.median is not None:
        lines.append(_time_line("median", pooled.median))
    if pooled.restricted_mean is not None:
        lines.append(_time_line(f"mean up to {pooled.horizon:g}", pooled.restricted_mean))
    return lines


def _predicted(band: SurvivalBand, index: int) -> str:
    if band.prediction_low is None or band.prediction_high is None:
        return ""
    return f"{100 * band.prediction_low[index]:.1f} to {100 * band.prediction_high[index]:.1f}"


def _time_line(name: str, time: TimeEstimate) -> str:
    interval = _limits_text(time.interval)
    prediction = "" if time.prediction_interval is None else _limits_text(time.prediction_interval)
    return f"  {name:<22} {time.estimate:>9.1f}   {interval:<18} {prediction}".rstrip()


def _limits_text(limits: tuple[float | None, float | None]) -> str:
    low, high = ("none" if limit is None else f"{limit:.1f}" for limit in limits)
    return f"{low} to {high}"


def _model_lines(pooled: PooledCurves) -> list[str]:
    lines = ["Model"]
    for parameter in pooled.parameters:
        value = decimals(parameter.estimate)
        lines.append(
            f"  {parameter.name:<34} {value:>9}   (standard error "
            f"{decimals(parameter.standard_error)})"
        )
    deviations = (
        ("tau of the location", pooled.tau_location),
        ("tau of the log shape", pooled.tau_shape),
        ("their correlation", pooled.correlation),
    )
    lines += [f"  {name:<34} {decimals(v):>9}" for name, v in deviations if v is not None]
    if pooled.heterogeneity_statistic is not None:
        p = pooled.heterogeneity_p_value
        tail = "" if p is None else f", {p_text(p)}"
        statistic = decimals(pooled.heterogeneity_statistic)
        lines.append(f"  {'likelihood ratio of heterogeneity':<34} {statistic:>9}{tail}")
    lines.append(
        f"  {'log likelihood':<34} {pooled.log_likelihood:>9.2f}   "
        f"(AIC {pooled.aic:.2f}, BIC {pooled.bic:.2f})"
    )
    return lines


def _residual_lines(pooled: PooledCurves) -> list[str]:
    width = max(len(study.study) for study in pooled.studies)
    lines = ["What each study printed, and what its own curve says"]
    for study in pooled.studies:
        for number in study.numbers:
            is_rate = number.statistic == "rate"
            said = f"{100 * number.expected:.1f} %" if is_rate else f"{number.expected:.1f}"
            lines.append(
                f"  {study.study:<{width}}  {number.description:<24} {said:>8}"
                f"   residual {number.standardised_residual:+.2f}"
            )
    return lines
