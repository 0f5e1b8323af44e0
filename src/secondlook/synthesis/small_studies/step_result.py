"""What a step-function selection model gives back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from secondlook.synthesis.result import Interval, Pooled, decimals, p_text, range_text
from secondlook.synthesis.small_studies.reading import sections

if TYPE_CHECKING:
    import polars

__all__ = ["LikelihoodRatio", "SelectionWeight", "StepSelection"]


@dataclass(frozen=True, slots=True)
class SelectionWeight:
    """How likely studies with P in an interval are to be seen, beside those in the first.

    ``standard_error`` and ``interval`` are None where the weight was given or has none.
    """

    low: float
    high: float
    count: int
    weight: float
    standard_error: float | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class LikelihoodRatio:
    """A likelihood-ratio test of the model against a simpler one."""

    statistic: float
    degrees_of_freedom: int
    p_value: float


@dataclass(frozen=True, slots=True)
class StepSelection:
    """A random-effects model of effects that were selected by their P values.

    Parameters
    ----------
    estimate, standard_error, interval, statistic, p_value
        The mean of the true effects before selection; None where the likelihood is too flat.
    tau2, tau2_standard_error
        Between-study variance before selection; its standard error is None where it is 0.
    weights
        One per interval of P, in rising order.
    log_likelihood
        At the maximum.
    selection_test
        Against no selection; None where no weight was estimated.
    heterogeneity_test
        Against tau² = 0 with the same selection; None under ``method="common"``.
    unselected
        The same studies pooled by maximum likelihood as if none had been selected.
    alternative, method
        As asked for.
    k, names, omitted, level, conventions, warnings
        As in :class:`.Pooled`.
    """

    estimate: float
    standard_error: float | None
    interval: Interval | None
    statistic: float | None
    p_value: float | None
    tau2: float
    tau2_standard_error: float | None
    weights: tuple[SelectionWeight, ...]
    log_likelihood: float
    selection_test: LikelihoodRatio | None
    heterogeneity_test: LikelihoodRatio | None
    unselected: Pooled
    alternative: str
    method: str
    k: int
    names: tuple[str, ...]
    omitted: tuple[str, ...]
    level: float
    conventions: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Give every field as plain JSON types."""
        plain = asdict(self)
        plain["unselected"] = self.unselected.to_dict()
        plain["weights"] = [
            {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(one).items()}
            for one in self.weights
        ]
        return {key: list(v) if isinstance(v, tuple) else v for key, v in plain.items()}

    def to_frame(self) -> polars.DataFrame:
        """Give one row per interval of P."""
        import polars as pl

        rows = []
        for one in self.weights:
            row = asdict(one)
            interval = row.pop("interval")
            row["weight_low"], row["weight_high"] = interval or (None, None)
            rows.append(row)
        numbers = ("standard_error", "weight_low", "weight_high")
        return pl.DataFrame(rows, schema_overrides=dict.fromkeys(numbers, pl.Float64))

    def __str__(self) -> str:
        model = "common effect" if self.method == "common" else "random effects, ML"
        percent = f"{100 * self.level:g} % interval"
        error = "none" if self.standard_error is None else decimals(self.standard_error)
        lines = [
            f"Step-function selection model ({model}): {self.k} studies",
            "",
            f"  estimate             {decimals(self.estimate)}   (standard error {error})",
        ]
        if self.interval is not None and self.p_value is not None and self.statistic is not None:
            lines.append(f"  {percent:<20} {range_text(self.interval)}")
            says = f"z = {decimals(self.statistic)}, {p_text(self.p_value)}"
            lines.append(f"  test of no effect    {says}")
        lines.append(f"  tau²                 {decimals(self.tau2)}")
        beside = self.unselected
        lines.append(
            f"  without selection    {decimals(beside.estimate)}   {percent} "
            f"{range_text(beside.interval)}"
        )
        lines += ["", "  P                    studies   weight"]
        for one in self.weights:
            reach = "" if one.interval is None else f"   {range_text(one.interval)}"
            span = f"{one.low:g} to {one.high:g}"
            lines.append(f"  {span:<20} {one.count:>7} {decimals(one.weight):>9}{reach}")
        tests = {"selection": self.selection_test, "heterogeneity": self.heterogeneity_test}
        for name, test in tests.items():
            if test is not None:
                says = f"chi²({test.degrees_of_freedom}) = {decimals(test.statistic)}"
                lines.append(f"  test of {name:<13} {says}, {p_text(test.p_value)}")
        return sections(lines, self.conventions, self.warnings)
