"""Mixed models of counts: what they reduce to, laws, edges, and what is refused."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from secondlook.errors import EstimationError
from secondlook.synthesis import pool
from secondlook.synthesis.count_models import (
    PROPORTION_MEASURES,
    PooledCounts,
    pool_proportions,
    pool_rates,
    pool_two_arms,
    pool_two_rates,
)

NAN = float("nan")

# metadat dat.pritz1997
EVENTS = [16, 10, 4, 43, 10, 25, 13, 12, 22, 4, 5, 18, 58, 6]
PATIENTS = [17, 12, 8, 58, 10, 42, 14, 12, 41, 5, 6, 23, 68, 10]

COUNTS = st.lists(
    st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    min_size=2,
    max_size=8,
)


def _pool(rows: list[tuple[int, int]], **options: Any) -> PooledCounts | None:
    events, patients = zip(*rows, strict=True)
    try:
        return pool_proportions(events, patients, **options)
    except EstimationError:
        return None


def test_equal_proportions_are_the_pooled_proportion_with_its_binomial_error() -> None:
    # 5/20 three times over: logit of 1/4 is -log 3, its variance 1/15 + 1/45
    pooled = pool_proportions([5, 5, 5], [20, 20, 20], test="z")
    assert pooled.tau2 == 0
    assert pooled.typical == pytest.approx(0.25)
    assert pooled.estimate == pytest.approx(-math.log(3))
    assert pooled.standard_error == pytest.approx(math.sqrt(1 / 15 + 1 / 45))
    assert pooled.marginal_mean == pytest.approx(0.25)
    assert (pooled.tau2_statistic, pooled.tau2_p_value) == (0.0, 1.0)
    assert pooled.likelihood_ratio_statistic == pytest.approx(0, abs=1e-9)
    assert any(sentence.startswith("tau² is 0") for sentence in pooled.warnings)


def test_equal_rates_are_the_pooled_rate_with_its_poisson_error() -> None:
    pooled = pool_rates([4, 4], [40.0, 40.0], test="z")
    assert pooled.tau2 == 0
    assert pooled.typical == pytest.approx(0.1)
    assert pooled.standard_error == pytest.approx(math.sqrt(1 / 8))


def test_many_large_studies_give_what_the_normal_model_gives() -> None:
    # with ten thousand patients each the binomial likelihood is normal; the truth is 0.5, tau 0.6
    rng = np.random.default_rng(20100)
    n = np.full(60, 10_000)
    x = rng.binomial(n, 1 / (1 + np.exp(-rng.normal(0.0, 0.6, 60))))
    mixed = pool_proportions(x, n)
    normal = pool(np.log(x / (n - x)), n / (x * (n - x)), method="ML", test="t")
    assert mixed.estimate == pytest.approx(normal.estimate, abs=1e-3)
    assert mixed.tau2 == pytest.approx(normal.tau2, rel=1e-3)
    assert mixed.tau2_standard_error == pytest.approx(normal.tau2_standard_error, rel=0.02)
    profile = pool(
        np.log(x / (n - x)), n / (x * (n - x)), method="ML", tau2_interval="profile-likelihood"
    )
    assert mixed.tau2_interval == pytest.approx(profile.tau2_interval, rel=2e-3)


@settings(deadline=None, max_examples=60)
@given(COUNTS)
def test_any_counts_give_finite_numbers_or_a_refusal(
    rows: list[tuple[int, int]],
) -> None:
    pooled = _pool(rows)
    assume(pooled is not None)
    assert pooled is not None
    json.dumps(pooled.to_dict(), allow_nan=False)
    assert 0 < pooled.typical < 1
    assert pooled.tau2_interval is None or pooled.tau2_interval[0] <= (pooled.tau2 or 0)


@settings(deadline=None, max_examples=40)
@given(COUNTS)
def test_counting_the_other_outcome_turns_the_logit_over(rows: list[tuple[int, int]]) -> None:
    here, there = _pool(rows), _pool([(n - x, n) for x, n in rows])
    assert (here is None) is (there is None)
    assume(here is not None)
    assert here is not None
    assert there is not None
    assert there.estimate == pytest.approx(-here.estimate, abs=1e-7)
    assert there.tau2 == pytest.approx(here.tau2, abs=1e-7, rel=1e-7)
    assert here.marginal_mean is not None
    assert there.marginal_mean == pytest.approx(1 - here.marginal_mean, abs=1e-8)


@settings(deadline=None, max_examples=40)
@given(COUNTS, st.randoms(use_true_random=False))
def test_the_order_of_studies_does_not_matter(rows: list[tuple[int, int]], order: Any) -> None:
    here, there = _pool(rows), _pool(order.sample(rows, len(rows)))
    assert (here is None) is (there is None)
    assume(here is not None)
    assert here is not None
    assert there is not None
    assert there.estimate == pytest.approx(here.estimate, abs=1e-7)
    assert there.tau2 == pytest.approx(here.tau2, abs=1e-7, rel=1e-7)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.floats(1, 500)), min_size=2, max_size=8),
    st.sampled_from([1e-3, 12.0, 365.25]),
)
def test_person_time_in_other_units_scales_the_rate_and_nothing_else(
    rows: list[tuple[int, float]], unit: float
) -> None:
    events, time = (np.array(column, float) for column in zip(*rows, strict=True))
    assume(events.any())
    here, there = pool_rates(events, time), pool_rates(events, time * unit)
    assert there.typical * unit == pytest.approx(here.typical, rel=1e-7)
    assert there.tau2 == pytest.approx(here.tau2, abs=1e-7, rel=1e-7)
    assert there.log_likelihood == pytest.approx(here.log_likelihood, abs=1e-7)


@pytest.mark.parametrize("model", ["fixed studies", "random studies", "conditional", "approximate"])
def test_exchanging_the_arms_turns_the_ratio_over(model: str) -> None:
    # the first six of metadat dat.bcg
    treated, n1 = [4, 6, 3, 62, 33, 180], [123, 306, 231, 13598, 5069, 1541]
    control, n2 = [11, 29, 11, 248, 47, 372], [139, 303, 220, 12867, 5808, 1451]
    here = pool_two_arms(treated, n1, control, n2, model=model)
    there = pool_two_arms(control, n2, treated, n1, model=model)
    assert there.estimate == pytest.approx(-here.estimate, abs=1e-7)
    assert there.tau2 == pytest.approx(here.tau2, rel=1e-6)
    assert there.log_likelihood == pytest.approx(here.log_likelihood, abs=1e-7)


def test_equal_tables_are_their_own_odds_ratio_by_every_model_but_the_approximate() -> None:
    # three times a, b, c, d = 10, 40, 20, 30: log(300/800); the fixed-studies and conditional
    # estimates of a common odds ratio differ by design, the first being that of one logistic model
    tables = ([10] * 3, [50] * 3, [20] * 3, [50] * 3)
    fixed = pool_two_arms(*tables, test="z")
    assert fixed.tau2 == 0
    assert fixed.typical == pytest.approx(0.375)
    assert fixed.standard_error == pytest.approx(math.sqrt((1 / 10 + 1 / 40 + 1 / 20 + 1 / 30) / 3))
    random = pool_two_arms(*tables, model="random studies")
    assert (random.tau2, random.study_variance) == (0.0, 0.0)
    assert random.typical == pytest.approx(0.375)


def test_the_conditional_model_of_rates_is_binomial() -> None:
    # equal person-time: treated events among all are binomial with logit log(rate ratio):
    # (2 + 5 + 4)/(2 + 5 + 4 + 6 + 9 + 11) = 11/37, odds 11/26
    pooled = pool_two_rates([2, 5, 4], [100.0] * 3, [6, 9, 11], [100.0] * 3, model="conditional")
    assert pooled.tau2 == 0
    assert pooled.typical == pytest.approx(11 / 26)


def test_studies_that_say_nothing_about_a_ratio_are_left_out_by_name_and_change_nothing() -> None:
    tables = ([3, 0, 4, 9], [30, 25, 40, 9], [6, 0, 9, 8], [30, 25, 40, 8])
    names = ["A", "B", "C", "D"]
    pooled = pool_two_arms(*tables, names=names)
    without = pool_two_arms([3, 4], [30, 40], [6, 9], [30, 40])
    assert pooled.names == ("A", "C")
    assert any("nothing about the ratio: B, D." in sentence for sentence in pooled.warnings)
    assert pooled.estimate == without.estimate


def test_one_study_is_its_own_estimate_and_says_what_cannot_be_known() -> None:
    pooled = pool_proportions([5], [20], names=["Adam"])
    assert pooled.typical == pytest.approx(0.25)
    assert (pooled.test, pooled.degrees_of_freedom) == ("z", None)
    for name in ("tau2", "tau2_interval", "prediction_interval", "wald_statistic", "i2"):
        assert getattr(pooled, name) is None
    assert any(sentence.startswith("One study") for sentence in pooled.warnings)
    assert "not estimable from one study" in str(pooled)


def test_two_studies_far_apart_have_an_estimate_and_a_warning() -> None:
    pooled = pool_proportions([1, 18], [20, 20])
    assert pooled.tau2 is not None
    assert pooled.tau2 > 1
    assert any("rest on only 2 studies" in sentence for sentence in pooled.warnings)
    assert pool_proportions([1, 18], [20, 20], prediction="hts").prediction_interval is None


def test_the_mean_proportion_lies_between_the_median_and_one_half() -> None:
    pooled = pool_proportions(EVENTS, PATIENTS)
    assert pooled.marginal_mean is not None
    assert 0.5 < pooled.marginal_mean < pooled.typical
    assert pooled.marginal_mean_interval is not None
    assert pooled.marginal_mean_interval[0] < pooled.marginal_mean


def test_studies_are_drawn_towards_the_mean_the_more_the_smaller_they_are() -> None:
    # 8 of 10 and 80 of 100: the same proportion, above the typical one
    pooled = pool_proportions([8, 80, 20, 3], [10, 100, 60, 30])
    small, large = pooled.shrunken[:2]
    assert pooled.estimate < small < large < math.log(4)
    assert pooled.to_frame().columns == ["name", "events", "n", "shrunken"]


def test_t_and_z_differ_in_the_quantile_only() -> None:
    # 97.5 % points of t with 13 degrees of freedom and of the normal distribution
    by_t, by_z = (pool_proportions(EVENTS, PATIENTS, test=test) for test in ("t", "z"))
    ratio = (by_t.interval[1] - by_t.estimate) / (by_z.interval[1] - by_z.estimate)
    assert ratio == pytest.approx(2.160369 / 1.959964, rel=1e-6)
    assert by_z.prediction == "z"


@pytest.mark.parametrize("measure", [m for m in PROPORTION_MEASURES if m != "glmm"])
def test_proportions_pooled_as_effects_are_what_pooling_the_effects_gives(measure: str) -> None:
    from secondlook.synthesis.back_transform import back_transform
    from secondlook.synthesis.effects.proportions import proportion

    scale = PROPORTION_MEASURES[measure]
    effects = proportion(EVENTS, PATIENTS, scale=scale, add=0.5, to="all")
    pooled = pool(effects.yi, effects.vi, method="DL", test="z")
    way = back_transform(pooled, scale, sample_sizes=effects.sample_sizes)
    found = pool_proportions(
        EVENTS, PATIENTS, measure=measure, method="DL", test="z", add=0.5, to="all"
    )
    assert (found.estimate, found.tau2) == (pooled.estimate, pooled.tau2)
    assert (found.typical, found.typical_interval) == (way.estimate, way.interval)
    assert found.log_likelihood is None
    json.dumps(found.to_dict(), allow_nan=False)
    assert "normal-normal model" in str(found)


def test_missing_rows_are_left_out_by_name() -> None:
    for measure in ("glmm", "PAS"):
        pooled = pool_proportions([3, NAN, 4], [20, 20, 20], names=["A", "B", "C"], measure=measure)
        assert (pooled.omitted, pooled.names) == (("B",), ("A", "C"))
        assert "Left out, a number missing: B." in pooled.warnings


def test_fractions_of_patients_are_named_and_refused_where_they_cannot_be() -> None:
    pooled = pool_proportions([4.8, 6.0], [20, 21], names=["A", "B"])
    assert any(sentence.startswith("Not whole numbers: A;") for sentence in pooled.warnings)
    with pytest.raises(EstimationError, match=r"A, treated_events: .*not a whole number"):
        pool_two_arms([4.8, 6], [20, 21], [3, 4], [20, 21], model="conditional", names=["A", "B"])


@pytest.mark.parametrize(
    ("function", "given", "options", "line"),
    [
        (pool_proportions, ([0, 0], [9, 8]), {}, "typical value of 0 has no place"),
        (pool_proportions, ([9, 8], [9, 8]), {}, "typical value of 1 has no place"),
        (pool_proportions, ([0, 8, 0], [9, 8, 7]), {}, "nothing bounds how much"),
        (pool_proportions, ([10, 8], [9, 8]), {}, "study 1, events: .*more than n"),
        (pool_proportions, ([1, 8], [9, 9]), {"measure": "mean"}, "use glmm, PLO"),
        (pool_proportions, ([1, 8], [9, 9]), {"method": "REML"}, "maximum likelihood; leave it"),
        (pool_proportions, ([1, 8], [9, 9]), {"add": 0.5}, "no need of; leave it out"),
        (pool_proportions, ([1, 8], [9, 9]), {"test": "hksj"}, "use t .* or z"),
        (pool_proportions, ([0, 8], [9, 9]), {"measure": "PLO"}, "study 1: .*add=0.5"),
        (pool_rates, ([0, 0], [9.0, 8.0]), {}, "typical value of 0 has no place"),
        (pool_two_arms, ([0, 0], [9, 9], [1, 2], [9, 9]), {}, '"0" is the odds ratio'),
        (pool_two_arms, ([0, 9], [9, 9], [0, 9], [9, 9]), {}, "there is no ratio to pool"),
        (pool_two_arms, ([1], [9], [2], [9]), {"model": "UM.FS"}, "fixed studies, random studies"),
        (pool_two_arms, ([1], [9], [2], [9]), {"correlated": True}, "only model random studies"),
        (pool_two_arms, ([1], [9], [2], [9]), {"coding": 0.5}, "use both, treated, control"),
        (pool_two_rates, ([1], [9.0], [0], [9.0]), {}, '"infinite" is the rate ratio'),
        (pool_two_rates, ([1], [9.0], [1], [9.0]), {"model": "approximate"}, "not a model"),
    ],
)
def test_what_has_no_answer_is_refused_in_one_line(
    function: Any, given: tuple[Any, ...], options: dict[str, Any], line: str
) -> None:
    with pytest.raises(EstimationError, match=line) as caught:
        function(*given, **options)
    assert len(str(caught.value).splitlines()) == 1


def test_random_intercepts_may_go_along_with_departures() -> None:
    treated, n1 = [4, 6, 3, 62, 33, 180], [123, 306, 231, 13598, 5069, 1541]
    control, n2 = [11, 29, 11, 248, 47, 372], [139, 303, 220, 12867, 5808, 1451]
    tables = (treated, n1, control, n2)
    plain = pool_two_arms(*tables, model="random studies")
    tied = pool_two_arms(*tables, model="random studies", correlated=True)
    assert plain.log_likelihood is not None
    assert tied.log_likelihood is not None
    assert tied.log_likelihood >= plain.log_likelihood - 1e-8
    assert tied.correlation is not None
    assert -1 <= tied.correlation <= 1
    assert tied.parameters == (plain.parameters or 0) + 1


TABLES = st.lists(
    st.tuples(
        *[st.integers(1, 30).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))] * 2
    ),
    min_size=1,
    max_size=5,
)


@settings(deadline=None, max_examples=40)
@given(TABLES, st.sampled_from(["fixed studies", "random studies", "conditional", "approximate"]))
def test_any_tables_give_finite_numbers_or_a_refusal(rows: Any, model: str) -> None:
    columns = zip(*[(a, n1, c, n2) for (a, n1), (c, n2) in rows], strict=True)
    try:
        pooled = pool_two_arms(*columns, model=model)
    except EstimationError as error:
        refusal = str(error)
    else:
        refusal = ""
        json.dumps(pooled.to_dict(), allow_nan=False)
        assert pooled.interval[0] < pooled.estimate < pooled.interval[1]
    assert len(refusal.splitlines()) <= 1


def test_pooling_counts_brings_in_neither_statistics_nor_tables_nor_drawing() -> None:
    heavy = ["scipy.stats", "pandas", "matplotlib", "numba", "polars"]
    code = (
        "import sys; from secondlook.synthesis.count_models import pool_proportions\n"
        "pool_proportions([1, 2], [9, 9])\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
