"""The same numbers under several families of curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from secondlook.errors import EstimationError, Problem
from secondlook.evidence import Evidence
from secondlook.question import Analysis
from secondlook.synthesis.curve_synthesis.families import FAMILIES
from secondlook.synthesis.curve_synthesis.pooling import given_summaries, pool_curves
from secondlook.synthesis.curve_synthesis.result import PooledCurves
from secondlook.synthesis.curve_synthesis.summaries import CurveSummary

if TYPE_CHECKING:
    import polars

__all__ = ["FamilyComparison", "FamilyRow", "compare_families"]


@dataclass(frozen=True, slots=True)
class FamilyRow:
    """One family, and how well its curves fit.

    Parameters
    ----------
    family, n_parameters
        The family and how many parameters it was given.
    log_likelihood, aic, bic
        At the maximum of the likelihood.
    aic_difference, aic_weight
        AIC above the lowest, and exp(-difference/2) as a share of the sum over the families.
    survival
        Pooled survival at the times of the comparison; None where nothing is known of it.
    median
        Pooled median; None where it is not known.
    tau_location
        Standard deviation of the location between studies; None where not estimated.
    """

    family: str
    n_parameters: int
    log_likelihood: float
    aic: float
    bic: float
    aic_difference: float
    aic_weight: float
    survival: tuple[float | None, ...]
    median: float | None
    tau_location: float | None


@dataclass(frozen=True, slots=True)
class FamilyComparison:
    """Families of curves fitted to the same numbers, the lowest AIC first.

    Parameters
    ----------
    rows
        One for each family.
    times
        At which survival is compared.
    pooled
        The whole result of each family, in the order of the rows.
    warnings
        One sentence for each reason for care.
    """

    rows: tuple[FamilyRow, ...]
    times: tuple[float, ...]
    pooled: tuple[PooledCurves, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Give the table as plain JSON types."""
        rows = [asdict(row) | {"survival": list(row.survival)} for row in self.rows]
        return {"rows": rows, "times": list(self.times), "warnings": list(self.warnings)}

    def to_frame(self) -> polars.DataFrame:
        """Give one row per family."""
        import polars as pl

        rows = []
        for row in self.rows:
            plain = asdict(row)
            survival = plain.pop("survival")
            named = (f"survival at {time:g}" for time in self.times)
            rows.append(plain | dict(zip(named, survival, strict=True)))
        return pl.DataFrame(rows)

    def __str__(self) -> str:
        width = max(len(row.family) for row in self.rows)
        heads = " ".join(f"{f'S({time:g})':>8}" for time in self.times)
        lines = [
            f"{'family':<{width}}  {'par.':>4} {'log lik.':>10} {'AIC':>10} {'BIC':>10} "
            f"{'weight':>7}  {'median':>7} {heads}"
        ]
        for row in self.rows:
            median = "-" if row.median is None else f"{row.median:.1f}"
            survival = " ".join(
                f"{'-':>8}" if value is None else f"{100 * value:>6.1f} %" for value in row.survival
            )
            lines.append(
                f"{row.family:<{width}}  {row.n_parameters:>4} {row.log_likelihood:>10.2f} "
                f"{row.aic:>10.2f} {row.bic:>10.2f} {row.aic_weight:>7.3f}  {median:>7} {survival}"
            )
        return "\n".join([*lines, *([""] if self.warnings else []), *self.warnings])


def compare_families(
    summaries: Sequence[CurveSummary] | Evidence,
    *,
    families: Sequence[str] = tuple(FAMILIES),
    times: Sequence[float] = (36.0, 60.0),
    method: str = "REML",
    within: str = "binomial",
    level: float = 0.95,
    analysis: Analysis | None = None,
) -> FamilyComparison:
    """Pool the same numbers under several families of curves and compare them.

    Parameters
    ----------
    summaries, analysis
        As for :func:`pool_curves`.
    families
        Which families.
    times
        At which their survival is set side by side.
    method, within, level
        As for :func:`pool_curves`; likelihoods are at the maximum of the likelihood in either case.

    Returns
    -------
    FamilyComparison
        The lowest AIC first.

    Raises
    ------
    EstimationError
        As :func:`pool_curves`, and where no family is named.

    Notes
    -----
    All families are fitted to the same numbers: where one of them may have no finite mean, means
    are set aside for all. Akaike weights: Burnham and Anderson, Sociol Methods Res
    2004;33:261-304. With few numbers every family fits; that their AIC are alike does not say that
    their curves are, above all beyond the printed times.

    Examples
    --------
    >>> import secondlook as sl
    >>> from secondlook.synthesis.curve_synthesis import curve_summaries
    >>> evidence = sl.example("stage-iv-breast").evidence
    >>> table = compare_families(curve_summaries(evidence, site="liver", place="Table 1"))
    >>> [row.family for row in table.rows][0], len(table.rows)
    ('weibull', 4)
    """
    if not families:
        rule, remedy = "leaves nothing to compare", f"name some of {', '.join(FAMILIES)}"
        raise EstimationError(Problem("compare_families, families", "none", rule, remedy))
    given = given_summaries(summaries, analysis)
    warnings = []
    without = [f for f in families if f in FAMILIES and not FAMILIES[f].has_mean]
    means = [s.study for s in given if s.without_means("") != s]
    if without and means:
        warnings.append(
            f"Set aside for every family, since a {without[0]} curve may have no finite mean: the "
            f"mean of {', '.join(means)}."
        )
        given = tuple(summary.without_means("not comparable between families") for summary in given)
    fits = [
        pool_curves(given, family=family, method=method, within=within, level=level)
        for family in families
    ]
    fits.sort(key=lambda fit: fit.aic)
    lowest = fits[0].aic
    relative = np.exp([-(fit.aic - lowest) / 2 for fit in fits])
    rows = [
        _row(fit, lowest, float(share), times)
        for fit, share in zip(fits, relative / relative.sum(), strict=True)
    ]
    return FamilyComparison(tuple(rows), tuple(map(float, times)), tuple(fits), tuple(warnings))


def _row(fit: PooledCurves, lowest: float, share: float, times: Sequence[float]) -> FamilyRow:
    return FamilyRow(
        family=fit.family,
        n_parameters=round((fit.aic + 2 * fit.log_likelihood) / 2),
        log_likelihood=fit.log_likelihood,
        aic=fit.aic,
        bic=fit.bic,
        aic_difference=fit.aic - lowest,
        aic_weight=share,
        survival=tuple(_survival(fit, float(time)) for time in times),
        median=None if fit.median is None else fit.median.estimate,
        tau_location=fit.tau_location,
    )


def _survival(fit: PooledCurves, time: float) -> float | None:
    known = () if fit.curve is None else fit.curve.times
    return fit.at(time).survival[0] if fit.restricted_mean is not None or time in known else None
