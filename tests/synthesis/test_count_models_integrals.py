"""The integrals of the mixed models, held against thirty-digit quadrature and a fixed grid."""

from __future__ import annotations

import math
from collections.abc import Callable

import mpmath as mp  # type: ignore[import-untyped]
import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import gammaln, log_expit

from secondlook.synthesis.count_models import pool_proportions, pool_rates
from secondlook.synthesis.count_models.families import (
    Binomial,
    Family,
    Hypergeometric,
    Poisson,
)
from secondlook.synthesis.count_models.inference import marginal_proportion
from secondlook.synthesis.count_models.integrals import Model, integrate

# metadat dat.pritz1997, and the treated arms of metadat dat.nielweise2008
EVENTS = [16, 10, 4, 43, 10, 25, 13, 12, 22, 4, 5, 18, 58, 6]
PATIENTS = [17, 12, 8, 58, 10, 42, 14, 12, 41, 5, 6, 23, 68, 10]

Kernel = Callable[[mp.mpf], mp.mpf]


def _one(family: Family, count: float, offset: float = 0.0) -> Model:
    return Model(
        counts=np.array([[count]]),
        family=family,
        offset=np.array([[offset]]),
        fixed=np.array([[1.0, 0.0]]),
        random=np.array([[[0.0, 1.0]]]),
    )


def _log_integral(kernel: Kernel, mean: mp.mpf, deviation: mp.mpf) -> mp.mpf:
    with mp.workdps(30):
        pieces = [-12, -4, 0, 4, 12]
        return mp.log(mp.quad(lambda z: kernel(mean + deviation * z) * mp.npdf(z), pieces))


def _binomial(x: int, n: int) -> Kernel:
    return lambda eta: mp.binomial(n, x) * mp.exp(x * eta) / (1 + mp.exp(eta)) ** n


def _poisson(x: int, time: float) -> Kernel:
    return lambda eta: (time * mp.exp(eta)) ** x * mp.exp(-time * mp.exp(eta)) / mp.factorial(x)


def _hypergeometric(a: int, n1: int, n2: int, total: int) -> Kernel:
    support = range(max(0, total - n2), min(n1, total) + 1)
    return lambda eta: (
        mp.binomial(n1, a)
        * mp.binomial(n2, total - a)
        * mp.exp(a * eta)
        / mp.fsum(
            mp.binomial(n1, s) * mp.binomial(n2, total - s) * mp.exp(s * eta) for s in support
        )
    )


CASES: dict[str, tuple[Model, Kernel]] = {
    "half of twenty": (_one(Binomial(np.array([[20.0]])), 10), _binomial(10, 20)),
    "none of fifty": (_one(Binomial(np.array([[50.0]])), 0), _binomial(0, 50)),
    "all of three": (_one(Binomial(np.array([[3.0]])), 3), _binomial(3, 3)),
    "no event": (_one(Poisson(), 0, math.log(40.0)), _poisson(0, 40.0)),
    "seven events": (_one(Poisson(), 7, math.log(40.0)), _poisson(7, 40.0)),
    "a table": (
        _one(Hypergeometric.of_tables(np.array([6.0]), np.array([7.0]), np.array([5.0])), 2),
        _hypergeometric(2, 6, 7, 5),
    ),
    "a table at its edge": (
        _one(Hypergeometric.of_tables(np.array([6.0]), np.array([7.0]), np.array([5.0])), 0),
        _hypergeometric(0, 6, 7, 5),
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("mean", "deviation"), [(-1.0, 0.3), (0.4, 1.0), (-0.5, 2.0)])
def test_an_integral_agrees_with_thirty_digit_quadrature(
    name: str, mean: float, deviation: float
) -> None:
    model, kernel = CASES[name]
    found = integrate(model, np.array([[mean, deviation]]), 104)
    ours = found.log_likelihood[0] + model.family.constant(model.counts)
    assert ours == pytest.approx(float(_log_integral(kernel, mean, deviation)), abs=1e-11)


@pytest.mark.parametrize("name", CASES)
def test_gradient_and_hessian_are_derivatives_of_the_integral(name: str) -> None:
    model = CASES[name][0]
    at, step = np.array([-0.4, 0.8]), 1e-5
    found = integrate(model, at[None], 72)
    for i in range(2):
        ahead, behind = (
            integrate(model, (at + sign * step * np.eye(2)[i])[None], 72) for sign in (1, -1)
        )
        slope = (ahead.log_likelihood - behind.log_likelihood) / (2 * step)
        assert found.gradient[0, i] == pytest.approx(slope[0], abs=1e-8)
        curve = (ahead.gradient[0] - behind.gradient[0]) / (2 * step)
        assert found.hessian[0, i].tolist() == pytest.approx(curve.tolist(), abs=1e-8)


def test_more_nodes_change_the_answer_less_and_less() -> None:
    model, kernel = CASES["none of fifty"]
    truth = float(_log_integral(kernel, -1.0, 1.5))
    errors = []
    for order in (2, 6, 18, 54):
        found = integrate(model, np.array([[-1.0, 1.5]]), order)
        errors.append(abs(found.log_likelihood[0] - truth))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-11


def test_the_height_of_the_maximum_agrees_with_thirty_digit_quadrature() -> None:
    pooled = pool_proportions(EVENTS, PATIENTS)
    assert pooled.tau2 is not None
    deviation = math.sqrt(pooled.tau2)
    height = mp.fsum(
        _log_integral(_binomial(x, n), pooled.estimate, deviation)
        for x, n in zip(EVENTS, PATIENTS, strict=True)
    )
    assert pooled.log_likelihood == pytest.approx(float(height), abs=1e-10)


# A second way to the likelihood, on one fixed grid for all studies
Z = np.arange(-9, 9, 0.002)
DENSITY = -(Z**2) / 2 - 0.5 * math.log(2 * math.pi) + math.log(0.002)


def _height(mean: float, deviation: float) -> float:
    x, n = (np.array(column, float)[:, None] for column in (EVENTS, PATIENTS))
    eta = mean + deviation * Z
    ways = gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)
    parts = ways + x * eta + n * log_expit(-eta) + DENSITY
    return float(np.sum(np.logaddexp.reduce(parts, axis=1)))


def _profile(deviation: float) -> float:
    found = minimize_scalar(
        lambda mean: -_height(mean, deviation), bounds=(0, 4), options={"xatol": 1e-10}
    )
    return -float(found.fun)


def test_the_maximum_is_one_on_the_grid_too() -> None:
    pooled = pool_proportions(EVENTS, PATIENTS)
    assert pooled.tau2 is not None
    mean, deviation, step = pooled.estimate, math.sqrt(pooled.tau2), 1e-4
    by_mean = _height(mean + step, deviation) - _height(mean - step, deviation)
    by_deviation = _height(mean, deviation + step) - _height(mean, deviation - step)
    assert [by_mean / step, by_deviation / step] == pytest.approx([0, 0], abs=1e-6)


@pytest.mark.parametrize(("level", "drop"), [(0.95, 3.841459), (0.8, 1.642374)])
def test_at_the_limits_of_tau2_the_profile_has_fallen_by_half_a_chi_squared_quantile(
    level: float, drop: float
) -> None:
    pooled = pool_proportions(EVENTS, PATIENTS, level=level)
    assert pooled.tau2_interval is not None
    assert pooled.log_likelihood is not None
    for limit in pooled.tau2_interval:
        fallen = 2 * (pooled.log_likelihood - _profile(math.sqrt(limit)))
        assert fallen == pytest.approx(drop, abs=2e-6)


def test_the_test_of_tau2_compares_with_the_pooled_binomial_likelihood() -> None:
    pooled = pool_proportions(EVENTS, PATIENTS)
    share = sum(EVENTS) / sum(PATIENTS)
    common = _height(math.log(share / (1 - share)), 0.0)
    assert pooled.log_likelihood is not None
    assert pooled.tau2_statistic == pytest.approx(2 * (pooled.log_likelihood - common), abs=1e-8)


def test_the_limits_of_a_rate_s_variance_scale_with_nothing() -> None:
    here = pool_rates([7, 6, 17, 3, 5], [1491.0, 1429.0, 2121.0, 9.0, 300.0])
    there = pool_rates([7, 6, 17, 3, 5], [14910.0, 14290.0, 21210.0, 90.0, 3000.0])
    assert here.tau2_interval is not None
    assert there.tau2_interval == pytest.approx(here.tau2_interval, rel=1e-6)


@pytest.mark.parametrize(("mean", "deviation"), [(-3.0, 1.0), (0.5, 3.0), (2.0, 0.0)])
def test_the_mean_of_a_logistic_normal_agrees_with_thirty_digit_quadrature(
    mean: float, deviation: float
) -> None:
    with mp.workdps(30):
        truth = mp.quad(
            lambda z: mp.npdf(z) / (1 + mp.exp(-(mean + deviation * z))),
            [-12, -6, -3, -1, 0, 1, 3, 6, 12],
        )
    assert marginal_proportion(mean, deviation)[0] == pytest.approx(float(truth), abs=1e-13)
