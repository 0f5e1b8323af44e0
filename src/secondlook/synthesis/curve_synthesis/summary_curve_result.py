"""What the distribution-free summary gives back: one record that prints itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from secondlook.synthesis.curve_synthesis.bands import Limits
from secondlook.synthesis.result import decimals, p_text

if TYPE_CHECKING:
    import polars

__all__ = ["SummaryCurve", "SummaryEstimate"]


@dataclass(frozen=True, slots=True)
class SummaryEstimate:
    """A summary curve under fixed or random effects.

    Parameters
    ----------
    survival, low, high
        At each time, with confidence limits of each by itself.
    median, median_interval
        Where the straight lines through the curve (and through its limits) fall to 50 %; None where
        they do not.
    restricted_mean, restricted_mean_interval
        Area under the straight lines through the curve up to the last time.
    """

    survival: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    median: float | None
    median_interval: Limits
    restricted_mean: float
    restricted_mean_interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class SummaryCurve:
    """The distribution-free summary curve.

    Parameters
    ----------
    times
        Ends of the intervals.
    studies_at_risk
        How many studies give each interval.
    fixed, random
        The two summaries.
    between
        Covariance between studies of the arcsine survivals of the intervals.
    q, q_degrees_of_freedom, q_p_value
        Test that all studies have the same curve.
    h2, i2
        Q over its degrees of freedom, and (H² - 1)/H² in percent, not below 0; None where there is
        one study.
    names, level
        The studies, and the coverage of every interval.
    conventions, warnings
        One sentence for each choice on which programs differ, and for each reason for care.
    """

    times: tuple[float, ...]
    studies_at_risk: tuple[int, ...]
    fixed: SummaryEstimate
    random: SummaryEstimate
    between: tuple[tuple[float, ...], ...]
    q: float
    q_degrees_of_freedom: int
    q_p_value: float | None
    h2: float | None
    i2: float | None
    names: tuple[str, ...]
    level: float
    conventions: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Give every field as plain JSON types."""
        plain = asdict(self)
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in plain.items()
        }

    def to_frame(self) -> polars.DataFrame:
        """Give one row per time, fixed and random side by side."""
        import polars as pl

        columns: dict[str, object] = {"time": self.times, "studies": self.studies_at_risk}
        for name, one in (("fixed", self.fixed), ("random", self.random)):
            columns |= {
                f"{name}_{part}": list(getattr(one, part)) for part in ("survival", "low", "high")
            }
        return pl.DataFrame(columns)

    def __str__(self) -> str:
        percent = f"{100 * self.level:g} %"
        lines = [f"Distribution-free summary curve: {len(self.names)} studies", ""]
        lines.append(
            f"  {'time':>8} {'studies':>8}   {'fixed (%)':>9} {percent:<16} "
            f"{'random (%)':>10} {percent}"
        )
        for i, time in enumerate(self.times):
            fixed, random = (
                (100 * one.survival[i], f"{100 * one.low[i]:.1f} to {100 * one.high[i]:.1f}")
                for one in (self.fixed, self.random)
            )
            lines.append(
                f"  {time:>8g} {self.studies_at_risk[i]:>8}   {fixed[0]:>9.1f} {fixed[1]:<16} "
                f"{random[0]:>10.1f} {random[1]}"
            )
        for name, one in (("fixed", self.fixed), ("random", self.random)):
            median = "beyond" if one.median is None else f"{one.median:.1f}"
            mean = f"{one.restricted_mean:.1f}"
            lines.append(f"  {name}: median {median}, mean up to {self.times[-1]:g} {mean}")
        if self.q_p_value is not None and self.i2 is not None and self.h2 is not None:
            lines.append(
                f"  Q {decimals(self.q)}, {self.q_degrees_of_freedom} df, {p_text(self.q_p_value)}"
                f"; I² {self.i2:.1f} %, H² {self.h2:.2f}"
            )
        lines += ["", "Conventions", *(f"  {sentence}" for sentence in self.conventions)]
        if self.warnings:
            lines += ["", "Warnings", *(f"  {sentence}" for sentence in self.warnings)]
        return "\n".join(lines)
