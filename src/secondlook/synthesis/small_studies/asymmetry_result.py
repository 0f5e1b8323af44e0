"""What a regression test of funnel plot asymmetry gives back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from secondlook.synthesis.regression import Coefficient
from secondlook.synthesis.result import decimals, p_text, range_text
from secondlook.synthesis.small_studies.funnel_line import FunnelLine
from secondlook.synthesis.small_studies.reading import NOT_PROOF, about_few, sections
from secondlook.synthesis.study_outcomes import StudyOutcomes

if TYPE_CHECKING:
    import polars

__all__ = ["AsymmetryTest", "asymmetry_of"]


@dataclass(frozen=True, slots=True)
class AsymmetryTest:
    """A test whether effects go with the precision of the studies.

    Parameters
    ----------
    name
        Whose test it is.
    asymmetry
        The coefficient of the predictor, with the test that it is 0.
    limit
        The effect expected of a study of boundless size; None where the predictor does not go to 0
        with size.
    predictor
        What effects were regressed on, in words.
    tau2
        Residual between-study variance; None in a linear regression.
    dispersion
        What sampling variances were multiplied by in a linear regression; otherwise None.
    k, names, omitted
        The studies, and those left out because a number is missing.
    level, conventions, warnings
        As in :class:`.Pooled`.
    """

    name: str
    asymmetry: Coefficient
    limit: Coefficient | None
    predictor: str
    tau2: float | None
    dispersion: float | None
    k: int
    names: tuple[str, ...]
    omitted: tuple[str, ...]
    level: float
    conventions: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Give every field as plain JSON types."""
        plain = asdict(self)
        for part in ("asymmetry", "limit"):
            if plain[part] is not None:
                plain[part]["interval"] = list(plain[part]["interval"])
        return {key: list(v) if isinstance(v, tuple) else v for key, v in plain.items()}

    def to_frame(self) -> polars.DataFrame:
        """Give one row for the asymmetry and one for the limit, if there is one."""
        import polars as pl

        rows = []
        for part in (self.asymmetry, self.limit):
            if part is not None:
                row = asdict(part)
                row["low"], row["high"] = row.pop("interval")
                rows.append(row)
        return pl.DataFrame(rows)

    def __str__(self) -> str:
        one = self.asymmetry
        percent = f"{100 * self.level:g} %"
        sign = "z" if one.degrees_of_freedom is None else "t"
        lines = [
            f"{self.name}: {self.k} studies",
            "",
            f"  asymmetry ({self.predictor})   {decimals(one.estimate)}"
            f"   (standard error {decimals(one.standard_error)})",
        ]
        if one.statistic is None or one.p_value is None:
            lines.append("  test                 none: the standard error is 0")
        else:
            degrees = "" if one.degrees_of_freedom is None else f"{one.degrees_of_freedom} df, "
            says = f"{sign} = {decimals(one.statistic)}, {degrees}{p_text(one.p_value)}"
            lines.append(f"  test                 {says}")
        if self.limit is not None:
            lines.append(
                f"  effect in the limit  {decimals(self.limit.estimate)}"
                f"   {percent} interval {range_text(self.limit.interval)}"
            )
        if self.tau2 is not None:
            lines.append(f"  residual tau²        {decimals(self.tau2)}")
        if self.dispersion is not None:
            lines.append(f"  dispersion           {decimals(self.dispersion)}")
        return sections(lines, self.conventions, self.warnings)


def _about_fit(slope: Coefficient) -> list[str]:
    if slope.statistic is not None:
        return []
    return ["The line fits exactly, so that there is nothing to test its slope against."]


def asymmetry_of(
    line: FunnelLine,
    outcomes: StudyOutcomes,
    *,
    name: str,
    limit: bool,
    level: float,
    conventions: tuple[str, ...],
    warnings: tuple[str, ...],
) -> AsymmetryTest:
    """Read a line through the funnel plot as a test of asymmetry."""
    k = outcomes.yi.size
    return AsymmetryTest(
        name=name,
        asymmetry=line.slope,
        limit=line.limit if limit else None,
        predictor=line.slope.name,
        tau2=line.tau2,
        dispersion=line.dispersion,
        k=k,
        names=outcomes.names,
        omitted=outcomes.omitted,
        level=float(level),
        conventions=conventions,
        warnings=(NOT_PROOF, *about_few(k), *warnings, *_about_fit(line.slope)),
    )
