"""Laws a pooled curve must obey whatever the numbers are."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook.errors import EstimationError
from secondlook.synthesis.curve_synthesis import (
    FAMILIES,
    CurveObservation,
    CurveSummary,
    PooledCurves,
    compare_families,
    pool_curves,
)

rate, median, mean = CurveObservation.rate, CurveObservation.median, CurveObservation.mean

MIXED = (
    CurveSummary("a", 34, (median(27), rate(60, 0.18))),
    CurveSummary("b", 54, (rate(60, 0.34),)),
    CurveSummary("c", 25, (median(34),)),
    CurveSummary("d", 65, (median(47), rate(48, 0.46))),
    CurveSummary("e", 85, (rate(12, 0.88), rate(36, 0.55), rate(60, 0.37))),
    CurveSummary("f", 31, (rate(36, 0.75), median(63))),
)


def rescaled(summary: CurveSummary, factor: float) -> CurveSummary:
    def moved(one: CurveObservation) -> CurveObservation:
        error, limits = one.standard_error, one.interval
        if one.statistic != "rate":
            error = None if error is None else error * factor
            limits = None if limits is None else (limits[0] * factor, limits[1] * factor)
        return replace(one, months=one.months * factor, standard_error=error, interval=limits)

    return replace(summary, observations=tuple(map(moved, summary.observations)))


def median_of(pooled: PooledCurves) -> float:
    assert pooled.median is not None
    return pooled.median.estimate


@st.composite
def reviews(draw: st.DrawFn) -> tuple[CurveSummary, ...]:
    """Studies around one curve, each printing a few of its points with some noise."""
    found = []
    for index in range(draw(st.integers(3, 9))):
        n = draw(st.integers(8, 400))
        scale = draw(st.floats(30, 90))
        survival = [float(np.exp(-((t / scale) ** 1.2))) for t in (12, 36, 60)]
        rates = [rate(t, round(s, 2)) for t, s in zip((12, 36, 60), survival, strict=True)]
        chosen = draw(st.lists(st.sampled_from(range(3)), min_size=1, max_size=3, unique=True))
        numbers = [rates[i] for i in chosen]
        if draw(st.booleans()):
            numbers.append(median(round(scale * np.log(2) ** (1 / 1.2), 1)))
        found.append(CurveSummary(f"study {index}", n, tuple(numbers)))
    found.append(CurveSummary("both", 40, (rate(12, 0.8), rate(60, 0.3))))
    return tuple(found)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("factor", [1 / 12, 30.4375, 1e-6])
def test_the_unit_of_time_changes_nothing_but_times(family: str, factor: float) -> None:
    ours = pool_curves(MIXED, family=family)
    other = pool_curves([rescaled(one, factor) for one in MIXED], family=family)
    assert other.log_likelihood == pytest.approx(ours.log_likelihood, abs=1e-7)
    assert other.tau_location == pytest.approx(ours.tau_location, abs=1e-6)
    assert median_of(other) == pytest.approx(median_of(ours) * factor, rel=1e-6)
    here, there = ours.at(36, 60), other.at(36 * factor, 60 * factor)
    assert there.survival == pytest.approx(here.survival, abs=1e-7)
    assert there.low == pytest.approx(here.low, abs=1e-6)
    assert there.prediction_high == pytest.approx(here.prediction_high, abs=1e-6)


def test_the_unit_of_time_changes_nothing_where_a_medians_interval_is_printed() -> None:
    given = (*MIXED, CurveSummary("g", 70, (median(40, interval=(30, 55)),)))
    ours = pool_curves(given)
    other = pool_curves([rescaled(one, 30.4375) for one in given])
    assert other.at(60 * 30.4375).high == pytest.approx(ours.at(60).high, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(reviews(), st.randoms(use_true_random=False))
def test_the_order_of_studies_and_numbers_changes_nothing(
    review: tuple[CurveSummary, ...], random: object
) -> None:
    shuffled = [replace(one, observations=one.observations[::-1]) for one in review]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    ours, other = pool_curves(review), pool_curves(shuffled)
    assert other.log_likelihood == pytest.approx(ours.log_likelihood, abs=1e-6)
    assert other.at(36, 60).survival == pytest.approx(ours.at(36, 60).survival, abs=1e-5)
    assert {s.study for s in other.studies} == {s.study for s in ours.studies}


@settings(max_examples=25, deadline=None)
@given(reviews(), st.sampled_from(list(FAMILIES)))
def test_a_pooled_curve_falls_from_one_and_its_bands_are_nested(
    review: tuple[CurveSummary, ...], family: str
) -> None:
    curve = pool_curves(review, family=family).curve
    assert curve is not None
    assert curve.prediction_low is not None
    assert curve.prediction_high is not None
    survival = np.array(curve.survival)
    assert survival[0] == 1
    assert np.all(np.diff(survival) <= 0)
    for inner, outer in ((curve.low, curve.prediction_low), (survival, curve.low)):
        assert np.all(np.array(outer) <= np.array(inner) + 1e-12)
    for inner, outer in ((curve.high, curve.prediction_high), (survival, curve.high)):
        assert np.all(np.array(outer) >= np.array(inner) - 1e-12)
    assert np.all(np.isfinite(curve.prediction_high))


@settings(max_examples=15, deadline=None)
@given(reviews(), st.sampled_from(list(FAMILIES)), st.sampled_from(["binomial", "normal"]))
def test_the_median_and_its_limits_are_where_the_band_crosses_one_half(
    review: tuple[CurveSummary, ...], family: str, within: str
) -> None:
    pooled = pool_curves(review, family=family, within=within)
    assert pooled.median is not None
    assert pooled.at(pooled.median.estimate).survival[0] == pytest.approx(0.5, abs=1e-9)
    low, high = pooled.median.interval
    if low is not None:
        assert pooled.at(low).low[0] == pytest.approx(0.5, abs=1e-6)
    if high is not None:
        assert pooled.at(high).high[0] == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("within", ["binomial", "normal"])
@pytest.mark.parametrize("family", ["weibull", "log-logistic", "log-normal"])
def test_a_median_that_agrees_with_the_rate_adds_less_than_a_second_study(
    within: str, family: str
) -> None:
    def error(*summaries: CurveSummary) -> float:
        pooled = pool_curves(summaries, shape=1.0, within=within, family=family)
        return pooled.parameters[0].standard_error

    # with equal studies nothing is found to vary, so that only chance is left
    at_half = float(FAMILIES[family].link(np.array(0.5)))
    survival = float(FAMILIES[family].survival(np.array(at_half + np.log(1.5))))
    alone = error(CurveSummary("x", 100, (rate(60, survival),)))
    both = error(CurveSummary("x", 100, (rate(60, survival), median(40))))
    two = error(
        CurveSummary("x", 100, (rate(60, survival),)), CurveSummary("y", 100, (median(40),))
    )
    assert two < both < alone


def test_a_study_with_more_patients_draws_the_curve_towards_itself() -> None:
    def survival(n: int) -> float:
        changed = [replace(one, n=n) if one.study == "a" else one for one in MIXED]
        return pool_curves(changed).at(60).survival[0]

    assert survival(2000) < survival(34) < survival(5)


def test_a_printed_interval_wider_than_chance_makes_a_study_count_less() -> None:
    def weight(observation: CurveObservation) -> float:
        pooled = pool_curves([CurveSummary("x", 100, (observation,))], shape=1.0)
        return pooled.parameters[0].standard_error

    plain = weight(rate(60, 0.4))
    assert weight(rate(60, 0.4, interval=(0.25, 0.55))) > 1.4 * plain
    assert weight(rate(60, 0.4, standard_error=0.1)) == pytest.approx(
        plain * 0.1 / np.sqrt(0.4 * 0.6 / 100), rel=1e-6
    )
    assert weight(median(40, interval=(20, 80))) > 2 * weight(median(40))


def test_numbers_at_risk_make_later_rates_count_less() -> None:
    def error(*at_risk: float | None) -> float:
        rates = [
            rate(t, s, at_risk=y) for t, s, y in zip((12, 60), (0.8, 0.35), at_risk, strict=True)
        ]
        return pool_curves([CurveSummary("x", 100, tuple(rates))]).parameters[1].standard_error

    # 80 and 35 is what is left of 100 when nobody is censored
    assert error(80, 35) == pytest.approx(error(None, None), rel=1e-9)
    assert error(60, 10) > 1.1 * error(None, None)


def test_every_study_has_its_own_curve_between_its_numbers_and_the_average() -> None:
    pooled = pool_curves(MIXED)
    own = {s.study: s for s in pooled.studies}
    average = pooled.at(60).survival[0]
    printed, expected = own["a"].numbers[-1].survival, own["a"].numbers[-1].expected
    assert printed is not None
    assert printed < expected < average


def test_a_number_misread_stands_out_by_its_residual() -> None:
    slips = [
        replace(one, observations=(median(27), rate(60, 0.81))) if one.study == "a" else one
        for one in MIXED
    ]
    clean = pool_curves([s for s in slips if s.study != "a"])
    residuals = [n.standardised_residual for s in clean.studies for n in s.numbers]
    assert max(map(abs, residuals)) < 2.5
    assert clean.to_frame()["standardised_residual"].to_list() == residuals
    # 81 % after a median of 27 cannot be: it is named, and the rest is pooled
    pooled = pool_curves(slips)
    assert any("81 % at 60: survival cannot rise" in reason for reason in pooled.unused)
    high = CurveSummary("g", 90, (rate(60, 0.81),))
    pooled = pool_curves([*MIXED, high])
    worst = max((abs(n.standardised_residual), s.study) for s in pooled.studies for n in s.numbers)
    assert worst[1] == "g"


def test_a_standardised_residual_of_a_lone_rate_is_its_distance_from_the_average_study() -> None:
    studies = [
        CurveSummary(f"{i}", 2000, (rate(60, s),)) for i, s in enumerate((0.2, 0.3, 0.4, 0.35))
    ]
    pooled = pool_curves(studies)
    tau = pooled.tau_location
    assert tau is not None
    location = pooled.parameters[0].estimate
    for study, s in zip(pooled.studies, (0.2, 0.3, 0.4, 0.35), strict=True):
        chance = (1 - s) / (2000 * s * np.log(s) ** 2)
        expected = -(np.log(-np.log(s)) - location) / np.sqrt(tau**2 + chance)
        assert study.numbers[0].standardised_residual == pytest.approx(expected, rel=0.03)


def test_families_are_compared_on_the_same_numbers() -> None:
    review = (*MIXED, CurveSummary("g", 28, (rate(60, 0.5), mean(50))))
    table = compare_families(review)
    assert {row.family for row in table.rows} == set(FAMILIES)
    assert sum(row.aic_weight for row in table.rows) == pytest.approx(1)
    assert [row.aic for row in table.rows] == sorted(row.aic for row in table.rows)
    assert len({pooled.n_numbers for pooled in table.pooled}) == 1
    assert any("mean of g" in warning for warning in table.warnings)
    with_means = compare_families(review, families=("weibull", "log-normal"))
    assert not with_means.warnings
    assert table.to_frame().height == 4
    assert "log-logistic" in str(table)
    assert json.dumps(table.to_dict())


def test_the_family_the_numbers_come_from_fits_them_best() -> None:
    rng = np.random.default_rng(4)
    for family in ("weibull", "log-logistic", "log-normal"):
        times = np.array([6.0, 12, 24, 36, 60, 96, 150])
        studies = []
        for i in range(30):
            eta = rng.normal(0, 0.2) + 1.1 * np.log(times / 40)
            survival = FAMILIES[family].survival(eta)
            rates = [rate(t, s) for t, s in zip(times, survival.round(4), strict=True)]
            studies.append(CurveSummary(f"{i}", 300, tuple(rates)))
        table = compare_families(studies, families=("weibull", "log-logistic", "log-normal"))
        assert table.rows[0].family == family


def test_a_result_prints_itself_and_is_plain_json() -> None:
    pooled = pool_curves(MIXED, shape="random")
    text = str(pooled)
    for word in ("Pooled survival curve", "median", "tau of the log shape", "Conventions"):
        assert word in text
    plain = json.loads(json.dumps(pooled.to_dict()))
    assert plain["curve"]["survival"][0] == 1
    assert plain["studies"][0]["numbers"][0]["statistic"] == "quantile"
    assert "fitted" not in plain
    assert pooled.curve is not None
    assert pooled.curve.to_frame().height == 61


def test_the_normal_likelihood_takes_the_binomial_ones_place_when_studies_are_large() -> None:
    large = [replace(one, n=one.n and one.n * 1000) for one in MIXED]
    binomial, normal = pool_curves(large), pool_curves(large, within="normal")
    assert normal.at(36, 60).survival == pytest.approx(binomial.at(36, 60).survival, abs=0.02)


def test_evidence_and_a_plan_are_not_mixed_with_summaries() -> None:
    from secondlook.question import Analysis

    plan = Analysis(id="x", title="x", effect="median")
    with pytest.raises(EstimationError, match="chooses from evidence"):
        pool_curves(MIXED, analysis=plan)
