"""What a comparison of subgroups gives back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from secondlook.synthesis.regression.coefficients import Interval, OmnibusTest
from secondlook.synthesis.regression.predictions import aligned
from secondlook.synthesis.regression.result import Regression
from secondlook.synthesis.result import Pooled, decimals, range_text

if TYPE_CHECKING:
    import polars

__all__ = ["SubgroupEstimate", "Subgroups"]


@dataclass(frozen=True, slots=True)
class SubgroupEstimate:
    """One subgroup's pooled effect.

    Parameters
    ----------
    name, studies, k
        The subgroup, its studies and how many they are.
    estimate, standard_error, interval, prediction_interval
        As in :class:`.Pooled`.
    statistic, degrees_of_freedom, p_value
        The test of no effect in this subgroup.
    tau2
        Its own, or the one all share; None for a single study pooled by itself.
    pooled
        Everything about the subgroup pooled by itself; None where tau² is shared.
    """

    name: str
    studies: tuple[str, ...]
    k: int
    estimate: float
    standard_error: float
    interval: Interval
    prediction_interval: Interval | None
    statistic: float | None
    degrees_of_freedom: int | None
    p_value: float | None
    tau2: float | None
    pooled: Pooled | None


@dataclass(frozen=True, slots=True)
class Subgroups:
    """Subgroups side by side, and the test that their effects do not differ.

    Parameters
    ----------
    rows
        One :class:`SubgroupEstimate` per subgroup.
    between
        The test for subgroup differences.
    overall
        All studies pooled together, whatever their subgroup.
    regression
        The regression on the subgroup that a shared tau² comes from; None where each has its own.
    common_tau2, method, test, level
        As asked for.
    omitted
        Studies left out because their effect, variance or subgroup is missing.
    conventions, warnings
        One sentence for each choice on which programs differ, and for each reason for care.
    """

    rows: tuple[SubgroupEstimate, ...]
    between: OmnibusTest
    overall: Pooled
    regression: Regression | None
    common_tau2: bool
    method: str
    test: str
    level: float
    omitted: tuple[str, ...]
    conventions: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Give every field as plain JSON types."""
        rows: list[dict[str, object]] = []
        for row in self.rows:
            plain = {key: getattr(row, key) for key in _FIELDS}
            plain = {key: list(v) if isinstance(v, tuple) else v for key, v in plain.items()}
            rows.append(plain | {"pooled": row.pooled and row.pooled.to_dict()})
        between = asdict(self.between)
        return {
            "rows": rows,
            "between": between | {"coefficients": list(self.between.coefficients)},
            "overall": self.overall.to_dict(),
            "regression": self.regression and self.regression.to_dict(),
            "common_tau2": self.common_tau2,
            "method": self.method,
            "test": self.test,
            "level": self.level,
            "omitted": list(self.omitted),
            "conventions": list(self.conventions),
            "warnings": list(self.warnings),
        }

    def to_frame(self) -> polars.DataFrame:
        """Give one row per subgroup."""
        import polars as pl

        return pl.DataFrame(
            {
                "name": [row.name for row in self.rows],
                "k": [row.k for row in self.rows],
                "estimate": [row.estimate for row in self.rows],
                "standard_error": [row.standard_error for row in self.rows],
                "low": [row.interval[0] for row in self.rows],
                "high": [row.interval[1] for row in self.rows],
                "tau2": [row.tau2 for row in self.rows],
                "p_value": [row.p_value for row in self.rows],
            },
            schema_overrides={"tau2": pl.Float64, "p_value": pl.Float64},
        )

    def __str__(self) -> str:
        percent = f"{100 * self.level:g} %"
        table = [
            ["", "studies", "estimate", f"{percent} interval", f"{percent} prediction", "tau²"]
        ]
        table += [_row(row.name, row) for row in self.rows]
        table.append(_row("all together", self.overall))
        shared = "one tau²" if self.common_tau2 else "each with its own tau²"
        lines = [f"Subgroups, {self.method}, {shared}", "", *aligned(table), ""]
        lines += [f"  test for subgroup differences: {self.between}", "", "Conventions"]
        lines += [f"  {sentence}" for sentence in self.conventions]
        if self.warnings:
            lines += ["", "Warnings", *(f"  {sentence}" for sentence in self.warnings)]
        return "\n".join(lines)


def _row(name: str, found: SubgroupEstimate | Pooled) -> list[str]:
    beyond = found.prediction_interval
    return [
        name,
        str(found.k),
        decimals(found.estimate),
        range_text(found.interval),
        "–" if beyond is None else range_text(beyond),
        "–" if found.tau2 is None else decimals(found.tau2),
    ]


_FIELDS = tuple(name for name in SubgroupEstimate.__slots__ if name != "pooled")
