"""Best linear unbiased predictions: each study's own true effect, drawn towards the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.pooling import pool
from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.result import Interval, Pooled, decimals, range_text

if TYPE_CHECKING:
    import polars

__all__ = ["StudyPrediction", "StudyPredictions", "predict_studies"]


@dataclass(frozen=True, slots=True)
class StudyPrediction:
    """What is expected of the true effect of one study.

    Parameters
    ----------
    name, observed
        The study and its effect as it was given.
    shrinkage
        How much of the way from the observed to the pooled effect the prediction goes, 0 to 1.
    estimate, standard_error, interval
        The predicted true effect (metafor: ``blup``).
    departure, departure_standard_error, departure_interval
        The predicted true effect less the pooled one (``ranef``).
    """

    name: str
    observed: float
    shrinkage: float
    estimate: float
    standard_error: float
    interval: Interval
    departure: float
    departure_standard_error: float
    departure_interval: Interval


@dataclass(frozen=True, slots=True)
class StudyPredictions:
    """One :class:`StudyPrediction` per study, and the pooled result they rest on."""

    everything: Pooled
    rows: tuple[StudyPrediction, ...]
    conventions: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Give the record as plain JSON types."""
        rows = [
            {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(row).items()}
            for row in self.rows
        ]
        return {
            "everything": self.everything.to_dict(),
            "rows": rows,
            "conventions": list(self.conventions),
            "warnings": list(self.warnings),
        }

    def to_frame(self) -> polars.DataFrame:
        """Give one row per study."""
        import polars as pl

        rows = [asdict(row) for row in self.rows]
        for row in rows:
            row["low"], row["high"] = row.pop("interval")
            row["departure_low"], row["departure_high"] = row.pop("departure_interval")
        return pl.DataFrame(rows)

    def __str__(self) -> str:
        width = max(len("Study"), len("(pooled)"), *(len(row.name) for row in self.rows))
        percent = f"{100 * self.everything.level:g} % interval"
        lines = [f"{'Study':<{width}}  {'observed':>9}  {'predicted':>9}  {percent:<22}  shrinkage"]
        lines += [
            f"{row.name:<{width}}  {decimals(row.observed):>9}  {decimals(row.estimate):>9}"
            f"  {range_text(row.interval):<22}  {row.shrinkage:.3f}"
            for row in self.rows
        ]
        pooled = self.everything
        lines.append(
            f"{'(pooled)':<{width}}  {'':>9}  {decimals(pooled.estimate):>9}"
            f"  {range_text(pooled.interval)}"
        )
        lines += ["", "Conventions", *(f"  {sentence}" for sentence in self.conventions)]
        if self.warnings:
            lines += ["", "Warnings", *(f"  {sentence}" for sentence in self.warnings)]
        return "\n".join(lines)


def predict_studies(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    method: str = "REML",
    test: str = "hksj",
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> StudyPredictions:
    """Predict the true effect of each study from its own effect and from all studies pooled.

    Parameters
    ----------
    yi, vi, method, test, level, names
        As for :func:`~secondlook.synthesis.pool`.

    Returns
    -------
    StudyPredictions
        Rows in the order of the studies pooled; a study with a missing value is not among them.

    Raises
    ------
    EstimationError
        As :func:`~secondlook.synthesis.pool` does, and for a single study, whose tau² is unknown.

    Notes
    -----
    Raudenbush and Bryk, J Educ Stat 1985;10:75-98; Morris, J Am Stat Assoc 1983;78:47-55. The
    standard errors hold the uncertainty of the pooled effect, but not that of tau², and so are too
    small where studies are few. A prediction is about a study that was done; for one yet to be done
    see the prediction interval of :func:`~secondlook.synthesis.pool`.

    Examples
    --------
    Two studies with variance 1 and tau² = 1 go half of the way to their mean:

    >>> found = predict_studies([0.0, 2.0], [1.0, 1.0])
    >>> [round(row.estimate, 6) for row in found.rows]
    [0.5, 1.5]
    """
    everything = pool(yi, vi, method=method, test=test, level=level, names=names)
    if everything.tau2 is None:
        rule = "is the only study, so that tau² is unknown"
        raise EstimationError(
            Problem("predict_studies", everything.names[0], rule, "give at least two")
        )
    effects, variances = np.array(everything.yi), np.array(everything.vi)
    kept = everything.tau2 / (everything.tau2 + variances)
    # of the error of the pooled effect as much as the study goes towards it
    common = everything.standard_error**2
    departure = kept * (effects - everything.estimate)
    error = np.sqrt(kept * variances + (1 - kept) ** 2 * common)
    departure_error = np.sqrt(kept * variances + kept**2 * common)
    estimate = everything.estimate + departure
    reach = _critical(everything)
    rows = zip(
        everything.names,
        everything.yi,
        (1 - kept).tolist(),
        estimate.tolist(),
        error.tolist(),
        _around(estimate, reach * error),
        departure.tolist(),
        departure_error.tolist(),
        _around(departure, reach * departure_error),
        strict=True,
    )
    found = tuple(StudyPrediction(*row) for row in rows)
    return StudyPredictions(everything, found, _conventions(everything), everything.warnings)


def _critical(everything: Pooled) -> float:
    tail, degrees = (1 - everything.level) / 2, everything.degrees_of_freedom
    return -float(ndtri(tail) if degrees is None else stdtrit(degrees, tail))


def _around(centre: Floats, reach: Floats) -> list[Interval]:
    return list(zip((centre - reach).tolist(), (centre + reach).tolist(), strict=True))


def _conventions(everything: Pooled) -> tuple[str, ...]:
    return (
        *everything.conventions,
        "Prediction of a study: tau² is taken as known; the factor of Hartung and Knapp enters by "
        "way of the standard error of the pooled effect.",
    )
