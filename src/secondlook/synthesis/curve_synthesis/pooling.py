"""Pooling what studies print of their survival curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from secondlook.errors import EstimationError, Problem
from secondlook.evidence import Evidence
from secondlook.question import Analysis
from secondlook.synthesis.curve_synthesis.assembly import assembled
from secondlook.synthesis.curve_synthesis.evidence_summaries import curve_summaries
from secondlook.synthesis.curve_synthesis.families import FAMILIES
from secondlook.synthesis.curve_synthesis.model import fit_summaries
from secondlook.synthesis.curve_synthesis.result import PooledCurves
from secondlook.synthesis.curve_synthesis.summaries import CurveSummary, check_summaries
from secondlook.synthesis.printed_columns import written

__all__ = ["given_summaries", "pool_curves"]

_METHODS = ("REML", "ML")
_WITHIN = ("binomial", "normal")


def pool_curves(
    summaries: Sequence[CurveSummary] | Evidence,
    *,
    family: str = "weibull",
    method: str = "REML",
    within: str = "binomial",
    shape: str | float = "common",
    cuts: Sequence[float] | None = None,
    horizon: float | None = None,
    level: float = 0.95,
    analysis: Analysis | None = None,
) -> PooledCurves:
    """Pool the survival curves of studies from whatever each prints of its own.

    What is estimated is the curve of the average study: study i has the curve of its family whose
    location is normal around a common one (and its log shape too under ``shape="random"``), and a
    printed rate, median or mean is a partial sight of that study's curve.

    Parameters
    ----------
    summaries
        What each study prints, or a review's evidence; `analysis` then says which of it.
    family
        ``"weibull"``, ``"log-logistic"``, ``"log-normal"`` or ``"piecewise-exponential"``.
    method
        ``"REML"``, an adjusted profile likelihood for what varies between studies, or ``"ML"``.
    within
        ``"binomial"`` takes the patients of each interval between printed numbers to die or
        outlive it; ``"normal"`` takes what is printed to be normal on the scale of the link, with
        variances at the printed survival.
    shape
        ``"common"`` to all studies, ``"random"`` between them, or a number to hold it at (1 is
        the exponential for Weibull). Piecewise hazards are common.
    cuts
        Where the piecewise hazard changes; by default three pieces with a third of the distinct
        printed times each.
    horizon
        End of the grid of the curve and of the restricted mean; the last printed time by default.
    level
        Coverage of every interval, between 0 and 1.
    analysis
        The plan that says which findings of the evidence to take: its endpoint, site, place and
        cohort.

    Returns
    -------
    PooledCurves
        Few, equal or contradictory numbers are in its ``warnings``; numbers that cannot be used are
        named in ``unused``.

    Raises
    ------
    EstimationError
        For a number no study can have printed, naming each; for options that do not exist; where
        nothing can be pooled.

    Notes
    -----
    With one rate per study at one time, ``within="normal"`` and a Weibull, log-logistic or
    log-normal family this is the random-effects pooling of complementary log-log, logit or probit
    rates; ``within="binomial"`` is the binomial-normal model of Stijnen, Hamza and Ozdemir, Stat
    Med 2010;29:3046-3067, with that link. Several rates of one study: Arends, Hunink and Stijnen,
    Stat Med 2008;27:4381-4396, whose multivariate model is extended here to medians, other
    quantiles and means. What is pooled describes the patients these studies chose: a pooled curve
    after an operation is not the curve the operation would give to other patients.

    Examples
    --------
    >>> from secondlook.synthesis.curve_synthesis import CurveObservation, CurveSummary
    >>> pooled = pool_curves([
    ...     CurveSummary("one", 85, [CurveObservation.median(38), CurveObservation.rate(60, 0.37)]),
    ...     CurveSummary("two", 54, [CurveObservation.rate(60, 0.34)]),
    ...     CurveSummary("three", 25, [CurveObservation.median(34)]),
    ... ])
    >>> print(f"{100 * pooled.at(60).survival[0]:.0f} %, median {pooled.median.estimate:.0f}")
    35 %, median 37
    """
    _check_options(family=family, method=method, within=within, shape=shape, cuts=cuts)
    _check_numbers(horizon=horizon, level=level)
    given = given_summaries(summaries, analysis)
    chosen = FAMILIES[family]
    if not chosen.has_mean:
        reason = f"a {family} curve may have no finite mean"
        given = tuple(summary.without_means(reason) for summary in given)
    fit = fit_summaries(given, chosen, method=method, within=within, shape=shape, cuts=cuts)
    return assembled(fit, method=method, horizon=horizon, level=float(level))


def given_summaries(
    summaries: Sequence[CurveSummary] | Evidence, analysis: Analysis | None
) -> tuple[CurveSummary, ...]:
    """Give checked summaries, read from the evidence where that is what was given."""
    if isinstance(summaries, Evidence):
        return check_summaries(curve_summaries(summaries, analysis))
    if analysis is not None:
        rule, remedy = "chooses from evidence, and summaries were given", "leave it out"
        raise EstimationError(Problem("pool_curves, analysis", analysis.id, rule, remedy))
    return check_summaries(summaries)


def _check_options(
    *,
    family: str,
    method: str,
    within: str,
    shape: str | float,
    cuts: Sequence[float] | None,
) -> None:
    problems = []
    for name, value, known in (
        ("family", family, tuple(FAMILIES)),
        ("method", method, _METHODS),
        ("within", within, _WITHIN),
    ):
        if written(value) not in known:
            remedy = f"use {' or '.join(known)}"
            problems.append(Problem(f"pool_curves, {name}", written(value), "is not known", remedy))
    piecewise = family in FAMILIES and FAMILIES[family].is_piecewise
    if not (shape in ("common", "random") or _is_positive(shape)):
        rule, remedy = "is not common, random or a positive number", "use one of them"
        problems.append(Problem("pool_curves, shape", written(shape), rule, remedy))
    elif piecewise and shape != "common":
        rule = "has no meaning for piecewise hazards, which all studies have in common"
        problems.append(Problem("pool_curves, shape", written(shape), rule, "leave it out"))
    if cuts is not None and not piecewise:
        rule, remedy = "have no meaning for this family", "leave them out"
        problems.append(Problem("pool_curves, cuts", written(cuts), rule, remedy))
    if problems:
        raise EstimationError(problems)


def _check_numbers(*, horizon: float | None, level: object) -> None:
    problems = []
    if horizon is not None and not 0 < horizon < np.inf:
        rule = "is not a time after the start"
        problems.append(Problem("pool_curves, horizon", written(horizon), rule, "correct it"))
    if not (isinstance(level, float | np.floating) and 0 < level < 1):
        rule = "is not a number between 0 and 1"
        problems.append(Problem("pool_curves, level", written(level), rule, "write 0.95 for 95 %"))
    if problems:
        raise EstimationError(problems)


def _is_positive(value: str | float) -> bool:
    return not isinstance(value, str | bool) and bool(0 < value < np.inf)
