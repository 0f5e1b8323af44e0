"""From a fitted model to what is reported of it."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaincc, ndtri, stdtrit

from secondlook.synthesis.curve_synthesis.bands import FittedCurve
from secondlook.synthesis.curve_synthesis.model import ModelFit
from secondlook.synthesis.curve_synthesis.remarks import conventions, unused_numbers, warnings
from secondlook.synthesis.curve_synthesis.result import Parameter, PooledCurves
from secondlook.synthesis.curve_synthesis.study_curves import StudyCurve, study_curves
from secondlook.synthesis.printed_columns import Floats

__all__ = ["assembled"]

_STEPS = 60
_START = 1e-9


def assembled(fit: ModelFit, *, method: str, horizon: float | None, level: float) -> PooledCurves:
    """Give the result of a fit, up to a horizon (the last printed time if None)."""
    model = fit.model
    degrees = model.degrees_of_freedom if model.random else None
    curve = _curve(fit, degrees, level)
    last = _last_printed(fit)
    end = last if horizon is None else float(horizon)
    knows_curve = model.knowledge == "curve"
    times = np.linspace(0, end, _STEPS + 1) if knows_curve else np.array([last])
    studies = _studies(fit, np.maximum(times, _START * last))
    likelihood, size = fit.best.likelihood.value, fit.best.parameters.size
    statistic, p_value = _heterogeneity(fit)
    location, shape, correlation = _deviations(fit.between)
    return PooledCurves(
        family=model.family.name,
        method=method,
        within=model.within,
        k=len(model.usable),
        n_numbers=model.numbers,
        degrees_of_freedom=degrees,
        level=level,
        reference_time=model.chains.reference_time,
        parameters=_parameters(fit),
        covariance=tuple(tuple(row) for row in fit.covariance.tolist()),
        tau_location=location,
        tau_shape=shape,
        correlation=correlation,
        heterogeneity_statistic=statistic,
        heterogeneity_p_value=p_value,
        log_likelihood=likelihood,
        aic=2 * size - 2 * likelihood,
        bic=float(np.log(model.numbers)) * size - 2 * likelihood,
        curve=None if model.knowledge == "one level" else curve.band(times.tolist()),
        median=None if model.knowledge == "one time" else curve.quantile(0.5),
        restricted_mean=curve.restricted_mean(end) if knows_curve else None,
        horizon=end if knows_curve else None,
        studies=studies,
        omitted=_omitted(fit),
        unused=unused_numbers(fit),
        converged=fit.best.converged and fit.reported.converged,
        conventions=conventions(fit),
        warnings=warnings(
            fit,
            studies,
            method=method,
            omitted=_omitted(fit),
            beyond=last if end > last else None,
        ),
        fitted=curve,
    )


def _curve(fit: ModelFit, degrees: int | None, level: float) -> FittedCurve:
    tail = (1 - level) / 2
    model = fit.model
    return FittedCurve(
        family=model.family,
        scale=model.scale,
        reference_time=model.chains.reference_time,
        fixed=fit.fixed,
        covariance=fit.covariance,
        between=fit.between,
        critical=-float(ndtri(tail) if degrees is None else stdtrit(degrees, tail)),
    )


def _last_printed(fit: ModelFit) -> float:
    usable = fit.model.usable
    printed = [cut.time for chain in usable for cut in chain.cuts]
    return max(printed or [mean.months for chain in usable for mean in chain.means])


def _omitted(fit: ModelFit) -> tuple[str, ...]:
    return tuple(c.study for c in fit.model.chains.studies if not (c.cuts or c.means))


def _studies(fit: ModelFit, times: Floats) -> tuple[StudyCurve, ...]:
    model = fit.model
    return study_curves(
        model.chains,
        model.family,
        model.scale,
        average=fit.fixed,
        effects=fit.reported.likelihood.effects,
        between=fit.between,
        times=times,
    )


def _parameters(fit: ModelFit) -> tuple[Parameter, ...]:
    names = ("location", *fit.model.scale.coordinates)
    errors = np.sqrt(np.diag(fit.covariance)).tolist()
    rows = zip(names, fit.fixed.tolist(), errors, strict=True)
    return tuple(Parameter(name, value, error) for name, value, error in rows)


def _deviations(between: Floats) -> tuple[float | None, float | None, float | None]:
    deviations = np.sqrt(np.diag(between)).tolist()
    if len(deviations) < 2:
        return (*deviations, *[None] * (3 - len(deviations)))
    product = deviations[0] * deviations[1]
    correlation = float(between[0, 1]) / product if product > 0 else None
    return deviations[0], deviations[1], correlation


def _heterogeneity(fit: ModelFit) -> tuple[float | None, float | None]:
    """Give the likelihood ratio of what varies, and its P value where its distribution is known.

    With one standard deviation, which cannot be negative, that is an equal mixture of 0 and chi
    squared with 1 df (Self and Liang, J Am Stat Assoc 1987;82:605-610).
    """
    if fit.without_variation is None:
        return None, None
    statistic = max(2 * (fit.best.likelihood.value - fit.without_variation), 0.0)
    if fit.model.random > 1:
        return statistic, None
    return statistic, 0.5 * float(gammaincc(0.5, statistic / 2)) if statistic > 0 else 1.0
