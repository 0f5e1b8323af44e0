"""What a pooled curve must reduce to where it is something known, held against the known thing.

The binomial model is lme4's (validation/curve_synthesis/lme4.R made the numbers); the normal one
with one rate a study is `pool`, which is metafor's.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, gammaln, ndtr, ndtri
from scipy.stats import t as student

from secondlook.synthesis import pool, survival_proportion
from secondlook.synthesis.curve_synthesis import CurveObservation, CurveSummary, pool_curves

FOLDER = Path(__file__).resolve().parents[2] / "validation" / "curve_synthesis"
LME4: dict[str, Any] = json.loads((FOLDER / "lme4.json").read_text(encoding="utf-8"))
rate, median = CurveObservation.rate, CurveObservation.median

# lme4 is driven to 1e-9 by 25 nodes a study, this package takes 11
AGAINST_LME4 = 1e-7

SURVIVAL = [0.18, 0.18, 0.22, 0.46, 0.34, 0.61, 0.21, 0.30, 0.25, 0.37, 0.33, 0.33, 0.42]
SIZES = [34, 15, 17, 17, 54, 31, 34, 18, 21, 85, 12, 16, 39]


def at_one_time(survival: list[float], sizes: list[int]) -> list[CurveSummary]:
    rows = enumerate(zip(survival, sizes, strict=True))
    return [CurveSummary(f"{i}", n, (rate(60, share),)) for i, (share, n) in rows]


def of_lme4(key: str, *, last_only: bool = False) -> list[CurveSummary]:
    found = []
    for index, study in enumerate(LME4[key]):
        alive, times = np.atleast_1d(study["alive"]), np.atleast_1d(study["time"])
        if last_only:
            alive, times = alive[-1:], np.array([60.0])
        rates = [rate(float(t), a / study["n"]) for t, a in zip(times, alive, strict=True)]
        found.append(CurveSummary(str(index), study["n"], tuple(rates)))
    return found


@pytest.mark.parametrize(
    ("family", "scale", "sign"), [("weibull", "cloglog", 1), ("log-logistic", "logit", -1)]
)
@pytest.mark.parametrize("seed", range(6))
def test_one_rate_a_study_is_reml_pooling_of_rates_on_the_scale_of_the_link(
    family: str, scale: str, sign: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    k = 13 if seed == 0 else int(rng.integers(2, 20))
    survival = SURVIVAL if seed == 0 else rng.uniform(0.05, 0.9, k).round(2).tolist()
    sizes = SIZES if seed == 0 else rng.integers(10, 200, k).tolist()
    effects = survival_proportion(survival, sizes, scale=scale)
    known = pool(sign * effects.yi, effects.vi, method="REML", test="t")
    ours = pool_curves(at_one_time(survival, sizes), family=family, within="normal")
    location = ours.parameters[0]
    assert ours.degrees_of_freedom == k - 1
    assert location.estimate == pytest.approx(known.estimate, rel=1e-7)
    assert location.standard_error == pytest.approx(known.standard_error, rel=1e-6)
    assert ours.tau_location is not None
    assert known.tau2 is not None
    assert ours.tau_location**2 == pytest.approx(known.tau2, rel=1e-5, abs=1e-9)


def test_survival_and_its_limits_are_those_of_the_pooled_rate_carried_back() -> None:
    effects = survival_proportion(SURVIVAL, SIZES, scale="cloglog")
    known = pool(effects.yi, effects.vi, method="REML", test="t")
    ours = pool_curves(at_one_time(SURVIVAL, SIZES), within="normal")
    band = ours.at(60)
    assert known.prediction_interval is not None
    assert band.prediction_low is not None
    assert band.prediction_high is not None

    def back(value: float) -> float:
        return float(np.exp(-np.exp(value)))

    assert band.survival[0] == pytest.approx(back(known.estimate), rel=1e-7)
    assert band.low[0] == pytest.approx(back(known.interval[1]), rel=1e-6)
    assert band.high[0] == pytest.approx(back(known.interval[0]), rel=1e-6)
    assert band.prediction_low[0] == pytest.approx(back(known.prediction_interval[1]), rel=1e-6)
    assert band.prediction_high[0] == pytest.approx(back(known.prediction_interval[0]), rel=1e-6)


def test_studies_that_agree_reduce_to_the_same_tau_of_zero() -> None:
    survival, sizes = [0.30, 0.31, 0.29, 0.30], [40, 50, 45, 80]
    effects = survival_proportion(survival, sizes, scale="cloglog")
    known = pool(effects.yi, effects.vi, method="REML", test="t")
    ours = pool_curves(at_one_time(survival, sizes), within="normal")
    assert known.tau2 == 0
    assert ours.tau_location == 0
    assert ours.parameters[0].estimate == pytest.approx(known.estimate, rel=1e-9)
    assert ours.parameters[0].standard_error == pytest.approx(known.standard_error, rel=1e-9)


def test_maximum_likelihood_of_one_rate_a_study_is_that_of_the_normal_normal_model() -> None:
    effects = survival_proportion(SURVIVAL, SIZES, scale="cloglog")

    def negative(parameters: np.ndarray[Any, Any]) -> float:
        variance = effects.vi + parameters[1] ** 2
        squares = (effects.yi - parameters[0]) ** 2 / variance
        return 0.5 * float(np.sum(np.log(2 * np.pi * variance) + squares))

    known = minimize(negative, [0.0, 0.3], method="Nelder-Mead", options={"xatol": 1e-10})
    ours = pool_curves(at_one_time(SURVIVAL, SIZES), within="normal", method="ML")
    assert ours.parameters[0].estimate == pytest.approx(known.x[0], abs=1e-6)
    assert ours.tau_location == pytest.approx(abs(known.x[1]), abs=1e-6)
    # as densities of the printed survival, so that families can be compared
    survival = np.array(SURVIVAL)
    to_survival = float(np.sum(-np.log(-survival * np.log(survival))))
    assert ours.log_likelihood == pytest.approx(-known.fun + to_survival, abs=1e-8)


@pytest.mark.parametrize("family", ["weibull", "log-logistic"])
def test_one_rate_a_study_is_the_binomial_normal_model_of_lme4(family: str) -> None:
    known = LME4["cases"][f"one time, {family}"]
    ours = pool_curves(of_lme4("studies", last_only=True), family=family, method="ML")
    assert ours.parameters[0].estimate == pytest.approx(known["fixed"][0], abs=AGAINST_LME4)
    assert ours.tau_location == pytest.approx(known["tau"], abs=AGAINST_LME4)


@pytest.mark.parametrize("name", ["shape 0.8", "shape 1", "shape 1.5", "shape estimated"])
def test_rates_at_several_times_are_lme4s_model_of_intervals(name: str) -> None:
    known = LME4["cases"][name]
    shape: Any = "common" if name == "shape estimated" else known["shape"]
    ours = pool_curves(of_lme4("studies"), shape=shape, method="ML")
    # lme4 was given time in units of 36 months
    location = ours.parameters[0].estimate + known["shape"] * np.log(36 / ours.reference_time)
    assert location == pytest.approx(known["fixed"][0], abs=AGAINST_LME4)
    assert ours.tau_location == pytest.approx(known["tau"], abs=AGAINST_LME4)
    if name == "shape estimated":
        assert np.exp(ours.parameters[1].estimate) == pytest.approx(known["shape"], abs=1e-6)


def test_piecewise_hazards_are_lme4s_model_with_a_factor_for_the_interval() -> None:
    known = LME4["cases"]["pieces"]
    ours = pool_curves(
        of_lme4("pieces"), family="piecewise-exponential", cuts=(24, 48), method="ML"
    )
    values = [parameter.estimate for parameter in ours.parameters]
    values[0] += np.log(24 / ours.reference_time)
    assert values == pytest.approx(known["fixed"], abs=AGAINST_LME4)
    assert ours.tau_location == pytest.approx(known["tau"], abs=AGAINST_LME4)


def test_the_reference_was_made_by_the_versions_the_readme_names() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert f"lme4 {LME4['made_with']['lme4']}" in readme
    assert f"R {LME4['made_with']['R']}" in readme


def hazards(family: str) -> Any:
    """Cumulative hazard and log density on the scale of eta, written out by themselves."""
    return {
        "weibull": (np.exp, lambda e: e - np.exp(e)),
        "log-logistic": (lambda e: -np.log(expit(-e)), lambda e: np.log(expit(e) * expit(-e))),
        "log-normal": (
            lambda e: -np.log(ndtr(-e)),
            lambda e: -0.5 * e**2 - 0.5 * np.log(2 * np.pi),
        ),
    }[family]


@pytest.mark.parametrize("family", ["weibull", "log-logistic", "log-normal"])
def test_a_median_is_the_middle_order_statistic_of_an_odd_number_of_patients(family: str) -> None:
    # F^10 f S^10 for the median of 21; with 8 of 21 alive at 60 the 10 after it are 2 and 8
    cumulative, log_density = hazards(family)

    def negative(parameters: np.ndarray[Any, Any]) -> float:
        location, shape = parameters[0], np.exp(parameters[1])
        middle = location + shape * np.log(30 / 42.0)
        late = location + shape * np.log(60 / 42.0)
        step = cumulative(late) - cumulative(middle)
        before = 10 * np.log(-np.expm1(-cumulative(middle)))
        rest = np.log(shape) + log_density(middle) - 10 * cumulative(middle)
        after = 10.5 * ((1 - 16 / 21) * np.log(-np.expm1(-step)) - 16 / 21 * step)
        return -float(before + rest + after)

    known = minimize(negative, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9})
    one = CurveSummary("one", 21, (median(30), rate(60, 8 / 21)))
    ours = pool_curves([one], family=family)
    shape = np.exp(ours.parameters[1].estimate)
    location = ours.parameters[0].estimate + shape * np.log(42 / ours.reference_time)
    assert shape == pytest.approx(np.exp(known.x[1]), rel=1e-5)
    assert location == pytest.approx(known.x[0], abs=1e-5)
    assert ours.log_likelihood == pytest.approx(-known.fun, abs=1e-8)


@pytest.mark.parametrize("family", ["weibull", "log-logistic", "log-normal"])
def test_the_variance_of_a_median_is_one_over_four_n_times_the_squared_density(
    family: str,
) -> None:
    n = 20_000
    ours = pool_curves([CurveSummary("one", n, (median(30),))], family=family, shape=1.3)
    assert ours.median is not None
    low, high = ours.median.interval
    assert low is not None
    assert high is not None
    _, log_density = hazards(family)
    at_half = {"weibull": np.log(np.log(2)), "log-logistic": 0.0, "log-normal": 0.0}[family]
    density = np.exp(log_density(at_half)) * 1.3 / 30
    expected = 1 / np.sqrt(4 * n * density**2)
    assert (high - low) / (2 * ndtri(0.975)) == pytest.approx(expected, rel=1e-3)


def test_covariance_of_two_rates_is_that_of_a_multinomial_cohort() -> None:
    # Fisher's information of three multinomial cells in location and log shape, by hand
    n, times, survival = 400.0, np.array([12.0, 60.0]), np.array([0.8, 0.35])
    eta = np.log(-np.log(survival))
    shape = (eta[1] - eta[0]) / np.log(5.0)
    cells = np.array([0.2, 0.45, 0.35])
    slope = -survival * -np.log(survival)  # dS/d eta
    by_location, by_shape = slope, slope * shape * np.log(times / np.sqrt(720.0))
    changes = np.array([[-d[0], d[0] - d[1], d[1]] for d in (by_location, by_shape)])
    information = n * (changes / cells) @ changes.T
    ours = pool_curves([CurveSummary("one", n, (rate(12, 0.8), rate(60, 0.35)))])
    assert ours.reference_time == pytest.approx(np.sqrt(720.0))
    np.testing.assert_allclose(ours.covariance, np.linalg.inv(information), rtol=1e-8)
    # two points and two coordinates: the curve goes through what was printed
    assert ours.at(12, 60).survival == pytest.approx((0.8, 0.35), abs=1e-9)


def test_two_study_effects_are_integrated_as_a_dense_grid_integrates_them() -> None:
    studies = [
        CurveSummary("a", 40, (rate(12, 0.75), rate(60, 0.30))),
        CurveSummary("b", 30, (median(50), rate(60, 0.40))),
        CurveSummary("c", 60, (rate(12, 0.95), rate(36, 0.50), rate(60, 0.10))),
        CurveSummary("d", 25, (rate(36, 0.60),)),
    ]
    ours = pool_curves(studies, shape="random", method="ML")
    tau, omega, rho = ours.tau_location, ours.tau_shape, ours.correlation
    assert tau is not None
    assert omega is not None
    assert rho is not None
    location, log_shape = (parameter.estimate for parameter in ours.parameters)
    z = np.linspace(-8, 8, 641)
    first, second = np.meshgrid(z, z, indexing="ij")
    a = location + tau * first
    shape = np.exp(log_shape + omega * (rho * first + np.sqrt(1 - rho**2) * second))
    prior = np.exp(-0.5 * (first**2 + second**2)) * (z[1] - z[0]) ** 2 / (2 * np.pi)
    total = 0.0
    for study in studies:
        assert study.n is not None
        before, hazard, log_like = 1.0, np.zeros_like(a), np.zeros_like(a)
        for one in sorted(study.observations, key=lambda one: one.months):
            assert one.survival is not None
            eta = a + shape * np.log(one.months / ours.reference_time)
            own = 0.5 if one.statistic == "quantile" else 0.0
            dead = study.n * (before - one.survival) - own
            step = np.exp(eta) - hazard
            log_like += dead * np.log(-np.expm1(-step)) - (study.n * one.survival + own) * step
            if own:
                log_like += eta + np.log(shape)
            before, hazard = one.survival, np.exp(eta)
        total += np.log(np.sum(prior * np.exp(log_like)))
    assert ours.log_likelihood == pytest.approx(total, abs=1e-3)


def test_a_mean_of_exponential_times_weighs_like_the_deaths_it_is_a_mean_of() -> None:
    # a mean of n exponential times has variance mean²/n, so the log mean 1/n
    ours = pool_curves([CurveSummary("one", 100, (CurveObservation.mean(40),))], shape=1.0)
    rate_of_death = np.exp(ours.parameters[0].estimate) / ours.reference_time
    assert 1 / rate_of_death == pytest.approx(40, rel=1e-4)
    assert ours.parameters[0].standard_error == pytest.approx(0.1, rel=1e-3)


def test_a_mean_beside_a_rate_adds_what_times_vary_within_the_intervals() -> None:
    # exponential with mean 40: of the information n on the log rate a rate at 40 holds
    # n H² S / (1 - S) = n/(e - 1); mean and rate together hold the whole n
    both = CurveSummary("one", 100, (CurveObservation.mean(40), rate(40, float(np.exp(-1)))))
    alone = CurveSummary("one", 100, (rate(40, float(np.exp(-1))),))
    errors = [pool_curves([s], shape=1.0).parameters[0].standard_error for s in (alone, both)]
    assert errors[0] == pytest.approx(np.sqrt((np.e - 1) / 100), rel=1e-6)
    assert errors[1] == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize("shape", [0.7, 1.0, 2.0])
def test_the_restricted_mean_of_a_fixed_weibull_is_its_integral(shape: float) -> None:
    from scipy.special import gammainc

    ours = pool_curves([CurveSummary("one", 100, (rate(60, 0.3),))], shape=shape, horizon=48)
    scale = 60 / (-np.log(0.3)) ** (1 / shape)
    incomplete = gammainc(1 / shape, (48 / scale) ** shape)
    known = scale / shape * np.exp(gammaln(1 / shape)) * incomplete
    assert ours.restricted_mean is not None
    assert ours.restricted_mean.estimate == pytest.approx(known, rel=1e-9)


def test_intervals_use_t_with_studies_less_one_or_numbers_less_coordinates() -> None:
    sparse = [CurveSummary(f"r{i}", 50, (rate(60, s),)) for i, s in enumerate((0.2, 0.4, 0.3))]
    sparse += [CurveSummary(f"m{i}", 50, (median(m),)) for i, m in enumerate((30, 45, 50))]
    rich = [
        CurveSummary(f"{i}", 50, (median(m), rate(60, s)))
        for i, (m, s) in enumerate(product((30.0, 42.0), (0.2, 0.3, 0.4)))
    ]
    for studies, degrees in ((sparse, 4), (rich, 5)):
        ours = pool_curves(studies)
        assert ours.degrees_of_freedom == degrees
        band = ours.at(ours.reference_time)
        eta = [np.log(-np.log(v[0])) for v in (band.survival, band.low, band.high)]
        error = ours.parameters[0].standard_error
        assert (eta[1] - eta[0]) / error == pytest.approx(student.ppf(0.975, degrees), rel=1e-7)
