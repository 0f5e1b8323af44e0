"""The same evidence by several routes and models: each stands beside the others, none replaces."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest

import secondlook as sl
from secondlook.question import Analysis, CurvePlan
from secondlook.synthesis import (
    AnalysisResult,
    analyse,
    analyse_curves,
    pool,
    pool_by_model,
    pool_by_route,
    survival_proportion,
)
from secondlook.synthesis.routes import BEST


@pytest.fixture(scope="module")
def review() -> sl.Review:
    return sl.example("stage-iv-breast")


@pytest.fixture(scope="module")
def primary(review: sl.Review) -> AnalysisResult:
    plan = review.question.analysis("primary-implied-hazard-ratio")
    return analyse(review.evidence, plan)


def test_a_study_that_prints_a_ratio_is_pooled_by_it_and_by_its_survival_percents(
    primary: AnalysisResult,
) -> None:
    assert primary.routes is not None
    best = dict(primary.routes.by_best)
    assert best["Gnerlich 2007"] == "ratio and interval"
    pools = {one.route: one for one in primary.routes.pools}
    assert "Gnerlich 2007" in pools["two survival rates"].pooled.names
    assert pools["ratio and interval"].pooled.names == ("Gnerlich 2007",)


def test_the_printed_ratio_of_gnerlich_comes_back_as_printed(primary: AnalysisResult) -> None:
    assert primary.routes is not None
    (ratio,) = [one for one in primary.routes.pools if one.route == "ratio and interval"]
    # the document prints 0.63 (0.60 to 0.66)
    printed = (ratio.shown.estimate, ratio.shown.low, ratio.shown.high)
    assert tuple(round(value, 2) for value in printed) == (0.63, 0.60, 0.66)


def test_the_route_of_survival_percents_is_the_analysis_of_survival_percents(
    primary: AnalysisResult,
) -> None:
    assert primary.routes is not None
    assert primary.pooled is not None
    (rates,) = [one for one in primary.routes.pools if one.route == "two survival rates"]
    assert rates.pooled.estimate == pytest.approx(primary.pooled.estimate, rel=1e-9)
    assert rates.pooled.interval == pytest.approx(primary.pooled.interval, rel=1e-9)


def test_the_best_route_counts_each_study_once(primary: AnalysisResult) -> None:
    assert primary.routes is not None
    (best,) = [one for one in primary.routes.pools if one.route == BEST]
    assert len(set(best.pooled.names)) == best.pooled.k == len(primary.routes.by_best)


def test_a_study_that_prints_nothing_for_a_route_is_named(primary: AnalysisResult) -> None:
    assert primary.routes is not None
    assert primary.routes.omitted == ("Rapiti 2006",)


def test_a_comparison_nobody_prints_has_no_routes(review: sl.Review) -> None:
    plan = Analysis(
        id="none",
        title="none",
        effect="hazard_ratio",
        site="brain",
        cohort="surgery",
        comparator="no surgery",
    )
    assert pool_by_route(review.evidence, plan) is None


def test_the_normal_models_are_those_of_pool() -> None:
    survival, n = [0.18, 0.37, 0.46, 0.22], [34.0, 85.0, 21.0, 17.0]
    found = {one.model: one for one in pool_by_model(survival, n, list("ABCD"))}
    effects = survival_proportion(survival, n, scale="logit")
    pooled = pool(effects.yi, effects.vi)
    shown = found["normal, on the logit"].shown
    assert log(shown.estimate / (100 - shown.estimate)) == pytest.approx(pooled.estimate)
    effects = survival_proportion(survival, n, scale="cloglog")
    pooled = pool(effects.yi, effects.vi)
    shown = found["normal, on the complementary log-log"].shown
    assert shown.estimate == pytest.approx(100 * exp(-exp(pooled.estimate)))
    assert shown.low < shown.estimate < shown.high


def test_the_binomial_model_takes_all_and_none_alive_and_the_normal_ones_do_not() -> None:
    found = pool_by_model([0.0, 0.3, 0.5, 1.0], [10.0, 40.0, 30.0, 8.0], list("ABCD"))
    assert [one.model for one in found] == ["binomial-normal (GLMM)"]
    assert found[0].k == 4


def test_large_equal_studies_leave_the_models_nothing_to_disagree_about() -> None:
    found = pool_by_model([0.4] * 6, [100_000.0] * 6, list("ABCDEF"))
    assert [one.shown.estimate for one in found] == pytest.approx([40.0] * 3, abs=1e-3)


def test_the_bundled_tables_are_pooled_as_counts_and_as_effects(review: sl.Review) -> None:
    for name, k in (("hepatic-5-year-survival", 13), ("pulmonary-5-year-survival", 10)):
        result = analyse(review.evidence, review.question.analysis(name))
        assert [one.k for one in result.models] == [k] * 3
        estimates = [one.shown.estimate for one in result.models]
        assert np.ptp(estimates) < 5


@pytest.mark.parametrize(
    ("name", "series"), [("hepatic-survival-curve", 15), ("pulmonary-survival-curve", 10)]
)
def test_every_series_is_in_the_pooled_curve_also_one_that_prints_only_a_median(
    review: sl.Review, name: str, series: int
) -> None:
    (plan,) = [plan for plan in review.question.curves if plan.id == name]
    result = analyse_curves(review.evidence, plan)
    assert result.pooled is not None
    assert result.pooled.k == series
    assert result.families is not None
    if name == "hepatic-survival-curve":
        yoshimoto = [s for s in result.pooled.studies if s.study == "Yoshimoto 2000"]
        assert [n.statistic for s in yoshimoto for n in s.numbers] == ["quantile"]


def test_a_curve_nobody_prints_says_so(review: sl.Review) -> None:
    plan = CurvePlan(id="none", title="none", site="spleen")
    result = analyse_curves(review.evidence, plan)
    assert result.pooled is None
    assert "no study prints a number of this curve" in str(result)
