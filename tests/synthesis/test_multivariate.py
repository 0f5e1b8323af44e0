"""Multivariate models: laws, missing outcomes, bounds, bad input, and known covariances."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from secondlook.errors import EstimationError
from secondlook.synthesis import pool
from secondlook.synthesis.multilevel import (
    Multivariate,
    known_covariance,
    pool_multivariate,
    pool_three_level,
)

# Berkey and others 1998, Table I: probing depth and attachment level in five trials
YI = [0.47, -0.32, 0.20, -0.60, 0.40, -0.12, 0.26, -0.31, 0.56, -0.39]
BLOCKS = [
    [[0.0075, 0.0030], [0.0030, 0.0077]],
    [[0.0057, 0.0009], [0.0009, 0.0008]],
    [[0.0021, 0.0007], [0.0007, 0.0014]],
    [[0.0029, 0.0009], [0.0009, 0.0015]],
    [[0.0148, 0.0072], [0.0072, 0.0304]],
]
STUDY = [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
OUTCOME = ["PD", "AL"] * 5
STRUCTURES = (
    "unstructured",
    "compound symmetry",
    "heterogeneous compound symmetry",
    "diagonal",
)


def _berkey(**options: Any) -> Multivariate:
    return pool_multivariate(YI, BLOCKS, study=STUDY, outcome=OUTCOME, **options)


def _likelihood(
    yi: Any, full: Any, study: Any, outcome: Any, between: Any, *, restricted: bool = True
) -> float:
    # the likelihood with whole matrices
    y, groups = np.array(yi), np.array(study)
    labels = list(dict.fromkeys(outcome))
    z = np.array([[float(one == label) for label in labels] for one in outcome])
    same = groups[:, None] == groups
    m = np.array(full) + (z @ np.array(between) @ z.T) * same
    w = np.linalg.inv(m)
    a = z.T @ w @ z
    residual = y - z @ np.linalg.solve(a, z.T @ w @ y)
    twice = np.linalg.slogdet(m)[1] + residual @ w @ residual
    free = y.size
    if restricted:
        twice += np.linalg.slogdet(a)[1] - np.linalg.slogdet(z.T @ z)[1]
        free -= z.shape[1]
    return float(-(twice + free * np.log(2 * np.pi)) / 2)


def _full(blocks: Any) -> np.ndarray:
    k = sum(len(block) for block in blocks)
    full, at = np.zeros((k, k)), 0
    for block in blocks:
        size = len(block)
        full[at : at + size, at : at + size] = block
        at += size
    return full


@given(st.integers(0, 2**32 - 1), st.sampled_from(["REML", "ML"]))
@settings(max_examples=25, deadline=None)
def test_no_covariance_on_a_grid_is_likelier_than_the_estimate(seed: int, method: str) -> None:
    generator = np.random.default_rng(seed)
    study, outcome = np.repeat(np.arange(5), 2), ["a", "b"] * 5
    kept = [0, 1, *(2 + np.flatnonzero(generator.random(8) < 0.8)).tolist()]
    vi = generator.uniform(0.02, 0.3, 10)
    yi = generator.normal(0, np.sqrt(vi)) + np.repeat(generator.normal(size=5), 2)
    yi, vi, study = yi[kept], vi[kept], study[kept]
    outcome = [outcome[i] for i in kept]
    # two studies at least report each outcome; the first reports both
    assume(min(outcome.count("a"), outcome.count("b")) > 1)
    assume(len(kept) > 4)
    fit = pool_multivariate(
        yi, vi, study=study, outcome=outcome, method=method, variance_intervals=False
    )
    restricted = method == "REML"
    full = np.diag(vi)
    own = _likelihood(yi, full, study, outcome, fit.between_covariance, restricted=restricted)
    assert fit.log_likelihood == pytest.approx(own, abs=1e-9)
    for first in (0.0, 0.01, 0.1, 0.5, 1.0, 3.0):
        for second in (0.0, 0.01, 0.1, 0.5, 1.0, 3.0):
            for rho in (-1.0, -0.6, 0.0, 0.6, 0.95, 1.0):
                cross = rho * np.sqrt(first * second)
                between = [[first, cross], [cross, second]]
                other = _likelihood(yi, full, study, outcome, between, restricted=restricted)
                assert fit.log_likelihood >= other - 1e-9


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("unit", [1e-6, 1e4])
def test_units_and_the_order_of_rows_are_of_no_matter(structure: str, unit: float) -> None:
    one = _berkey(structure=structure)
    order = [3, 2, 9, 8, 0, 1, 7, 6, 4, 5]
    full = _full(BLOCKS)[np.ix_(order, order)]
    other = pool_multivariate(
        unit * np.array(YI)[order],
        unit**2 * full,
        study=[STUDY[i] for i in order],
        outcome=[OUTCOME[i] for i in order],
        structure=structure,
    )
    place = {name: i for i, name in enumerate(other.outcomes)}
    for mine in one.coefficients:
        theirs = other.coefficients[place[mine.name]]
        assert theirs.estimate / unit == pytest.approx(mine.estimate, rel=1e-8)
        assert theirs.standard_error / unit == pytest.approx(mine.standard_error, rel=1e-8)
    named = {component.name: component for component in other.variances}
    for component in one.variances:
        assert component.interval is not None
        again = named[component.name]
        assert again.estimate is not None
        assert again.interval is not None
        assert again.estimate / unit**2 == pytest.approx(component.estimate, rel=1e-7)
        scaled = [end / unit**2 for end in again.interval]
        assert scaled == pytest.approx(component.interval, rel=1e-6, abs=1e-10)


def test_one_outcome_is_the_two_level_model() -> None:
    yi, vi = [0.1, 0.5, 0.9, -0.2], [0.02, 0.05, 0.04, 0.03]
    two_level = pool(yi, vi, method="REML", test="t")
    for structure in STRUCTURES:
        fit = pool_multivariate(yi, vi, study=list("abcd"), outcome=["x"] * 4, structure=structure)
        assert fit.variances[0].estimate == pytest.approx(two_level.tau2, rel=1e-9)
        assert fit.coefficients[0].interval == pytest.approx(two_level.interval, rel=1e-9)
        assert fit.prediction_intervals is not None
        assert fit.prediction_intervals[0] == pytest.approx(two_level.prediction_interval, rel=1e-9)


def test_uncorrelated_outcomes_are_pooled_each_by_itself() -> None:
    vi = np.diag(_full(BLOCKS))
    fit = pool_multivariate(YI, vi, study=STUDY, outcome=OUTCOME, structure="diagonal")
    for i, name in enumerate(("PD", "AL")):
        alone = pool(YI[i::2], vi[i::2], method="REML", test="z")
        assert fit.variances[i].estimate == pytest.approx(alone.tau2, rel=1e-8)
        one = fit.coefficients[i]
        assert one.name == name
        assert one.estimate == pytest.approx(alone.estimate, rel=1e-9)
        assert one.standard_error == pytest.approx(alone.standard_error, rel=1e-9)


def test_compound_symmetry_is_the_three_level_model_with_a_mean_per_outcome() -> None:
    vi = np.diag(_full(BLOCKS))
    fit = pool_multivariate(YI, vi, study=STUDY, outcome=OUTCOME, structure="compound symmetry")
    columns = {name: [float(one == name) for one in OUTCOME] for name in ("PD", "AL")}
    nested = pool_three_level(YI, vi, study=STUDY, moderators=columns, intercept=False)
    assert nested.between_variance is not None
    assert nested.within_variance is not None
    total = nested.between_variance + nested.within_variance
    assert fit.variances[0].estimate == pytest.approx(total, rel=1e-8)
    assert fit.correlations[0].estimate == pytest.approx(nested.between_variance / total, rel=1e-8)
    assert fit.log_likelihood == pytest.approx(nested.log_likelihood, abs=1e-10)
    assert [c.estimate for c in fit.coefficients] == pytest.approx(
        [c.estimate for c in nested.coefficients], rel=1e-9
    )


def test_two_outcomes_have_the_same_fit_unstructured_and_heterogeneous() -> None:
    one, other = _berkey(), _berkey(structure="heterogeneous compound symmetry")
    assert np.ravel(one.between_covariance) == pytest.approx(
        np.ravel(other.between_covariance), rel=1e-8
    )
    for mine, theirs in zip(
        (*one.variances, *one.correlations), (*other.variances, *other.correlations), strict=True
    ):
        assert mine.interval == pytest.approx(theirs.interval, rel=1e-6)


def test_an_interval_of_a_correlation_ends_at_1_where_1_is_compatible() -> None:
    correlation = _berkey().correlations[0]
    assert correlation.interval is not None
    assert correlation.interval[1] == 1.0
    low, profiled = correlation.interval[0], -np.inf
    fit = _berkey()
    full = _full(BLOCKS)
    for first in np.geomspace(0.002, 0.1, 60):
        for second in np.geomspace(0.005, 0.3, 60):
            cross = low * np.sqrt(first * second)
            between = [[first, cross], [cross, second]]
            profiled = max(profiled, _likelihood(YI, full, STUDY, OUTCOME, between))
    # the grid is coarse, so that its highest point lies a little below the profile
    assert 2 * (fit.log_likelihood - profiled) == pytest.approx(3.8415, abs=0.01)


def test_a_missing_outcome_borrows_strength_from_the_other() -> None:
    yi = [*YI, 0.9]
    blocks = [*BLOCKS, [[0.001]]]
    fit = pool_multivariate(yi, blocks, study=[*STUDY, 6], outcome=[*OUTCOME, "PD"])
    alone = pool_multivariate(
        yi, blocks, study=[*STUDY, 6], outcome=[*OUTCOME, "PD"], structure="diagonal"
    )
    # a trial far above the others on one outcome raises the other, with which it is correlated
    assert fit.coefficients[1].estimate > alone.coefficients[1].estimate
    assert fit.study_count == 6


def test_contrasts_are_written_by_name_or_as_a_matrix() -> None:
    fit = _berkey(test="z")
    (difference,), joint = fit.contrast({"PD": 1, "AL": -1})
    (same,), _ = fit.contrast([[1.0, -1.0]])
    covariance = np.array(fit.covariance)
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert difference == same
    assert difference.name == "PD - AL"
    assert difference.standard_error == pytest.approx(error)
    assert joint is not None
    assert difference.statistic is not None
    assert joint.statistic == pytest.approx(difference.statistic**2)
    assert joint.p_value == pytest.approx(difference.p_value)
    _, both = fit.contrast([{"PD": 1}, {"AL": 1}])
    assert both is not None
    assert fit.omnibus is not None
    assert both.statistic == pytest.approx(fit.omnibus.statistic)
    with pytest.raises(EstimationError, match='"depth" is no coefficient; use PD, AL'):
        fit.contrast({"depth": 1})
    with pytest.raises(EstimationError, match="are not contrasts that can be tested"):
        fit.contrast([{"PD": 1}, {"PD": 2}])


def test_a_moderator_of_one_outcome_is_a_column_that_is_0_for_the_other() -> None:
    years = [0.0, 0.0, -1.0, -1.0, -4.0, -4.0, 4.0, 4.0, 5.0, 5.0]
    depth = [y * (o == "PD") for y, o in zip(years, OUTCOME, strict=True)]
    fit = _berkey(moderators={"year of PD": depth}, variance_intervals=False)
    assert [c.name for c in fit.coefficients] == ["PD", "AL", "year of PD"]
    assert fit.prediction_intervals is None
    slope = fit.coefficients[2].estimate
    predicted = fit.predict("PD", {"year of PD": 2.0})
    assert predicted.estimate == pytest.approx(fit.coefficients[0].estimate + 2 * slope)
    assert predicted.prediction_interval is not None
    with pytest.raises(EstimationError, match="year of PD: is missing"):
        fit.predict("PD", {})
    with pytest.raises(EstimationError, match="is no coefficient"):
        fit.predict("depth", {"year of PD": 2.0})


def test_outcomes_that_agree_in_every_study_have_a_variance_of_0() -> None:
    yi = [0.3, 1.0, 0.3, 2.0, 0.3, 0.0, 0.3, 3.0]
    fit = pool_multivariate(
        yi, [0.1] * 8, study=[1, 1, 2, 2, 3, 3, 4, 4], outcome=["same", "differing"] * 4
    )
    assert fit.variances[0].estimate == 0.0
    assert fit.correlations[0].estimate is None
    assert any("at its bound, 0: same" in sentence for sentence in fit.warnings)


def test_a_row_with_a_missing_value_takes_its_part_of_the_block_along() -> None:
    yi = [*YI[:9], float("nan")]
    fit = pool_multivariate(yi, BLOCKS, study=STUDY, outcome=OUTCOME)
    without = pool_multivariate(
        YI[:9], [*BLOCKS[:4], [[0.0148]]], study=STUDY[:9], outcome=OUTCOME[:9]
    )
    assert fit.omitted == ("5, AL",)
    assert fit.coefficients == without.coefficients


def test_the_result_prints_itself_and_gives_plain_data() -> None:
    fit = _berkey()
    for word in ("10 effects on 2 outcomes in 5 studies", "tau² of PD", "correlation of PD and AL"):
        assert word in str(fit)
    plain = json.loads(json.dumps(fit.to_dict()))
    assert plain["variances"][0]["name"] == "PD"
    assert fit.to_frame().columns[:3] == ["name", "study", "outcome"]


def test_a_known_covariance_is_made_as_asked() -> None:
    vi, study = [0.04, 0.09, 0.16, 0.25], ["a", "a", "a", "b"]
    known = known_covariance(vi, study, correlation=1.0, time=[0, 1, 3, 0], autocorrelation=0.5)
    assert known.blocks[0].tolist() == [
        [0.04, pytest.approx(0.03), pytest.approx(0.01)],
        [pytest.approx(0.03), 0.09, pytest.approx(0.03)],
        [pytest.approx(0.01), pytest.approx(0.03), 0.16],
    ]
    outcome = ["x", "y", "z", "x"]
    pairs = {("x", "y"): 0.5, ("z", "x"): 0.25, ("y", "z"): 0.0}
    named = known_covariance(vi, study, correlation=pairs, outcome=outcome)
    assert named.blocks[0][0].tolist() == pytest.approx([0.04, 0.03, 0.02])
    separate = known_covariance(vi, study, correlation=0.5, subgroup=["men", "men", "women", "men"])
    assert separate.blocks[0][0].tolist() == pytest.approx([0.04, 0.03, 0.0])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"correlation": -0.9}, "not positive definite"),
        ({"correlation": 2}, "is not a correlation between -1 and 1"),
        ({"correlation": {("x", "y"): 0.5}}, "names pairs of outcomes where no outcomes are given"),
        ({"correlation": {("x", "y"): 0.5}, "outcome": list("xyz")}, "correlation of x and z: is"),
        ({"correlation": 0.5, "outcome": list("xxy")}, "not positive definite"),
        (
            {"correlation": 0.5, "time": [1, 2, 3]},
            "autocorrelation: is missing where time is given",
        ),
        ({"correlation": 1, "time": [1, 2], "autocorrelation": 0.5}, "is not one time for each"),
        ({"correlation": 1, "time": [1, 2, 3], "autocorrelation": 1.5}, "correlation from 0 to 1"),
    ],
)
def test_correlations_that_cannot_be_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(EstimationError) as caught:
        known_covariance([0.1, 0.2, 0.3], ["a", "a", "a"], **options)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"covariances": BLOCKS[:4]}, "is not one block for each of 5 studies"),
        ({"covariances": [*BLOCKS[:4], [[0.1]]]}, 'block of 5: "1×1" is not the covariance of 2'),
        ({"covariances": [*BLOCKS[:4], [[0.1, 0.2], [0.0, 0.1]]]}, "is not symmetric"),
        ({"covariances": [*BLOCKS[:4], [[0.1, 0.2], [0.2, 0.1]]]}, "not positive definite"),
        ({"covariances": np.ones((3, 3))}, "is not a covariance matrix of 10 effects"),
        ({"covariances": np.full((10, 10), 0.01) + np.eye(10)}, "two studies with correlated"),
        ({"covariances": [*BLOCKS[:4], [[0.1, np.nan], [np.nan, 0.1]]]}, "is missing or infinite"),
        ({"structure": "banded"}, "is not known; use unstructured"),
        ({"outcome": [f"o{i}" for i in range(10)]}, "is reported by one study alone"),
        ({"outcome": ["PD", "PD", "AL", "AL", *["PD"] * 2, *["AL"] * 4]}, "use structure diagonal"),
        ({"outcome": OUTCOME[:3]}, "is not one label for each of 10 effects"),
        ({"moderators": {"one": [1.0] * 10}}, "is determined by the columns before it"),
        ({"method": "PM"}, "is not known; use REML, ML"),
    ],
)
def test_what_cannot_be_pooled_is_named_in_one_line(change: dict[str, Any], said: str) -> None:
    call: dict[str, Any] = {"covariances": BLOCKS, "study": STUDY, "outcome": OUTCOME} | change
    with pytest.raises(EstimationError) as caught:
        pool_multivariate(YI, call.pop("covariances"), **call)
    assert said in str(caught.value)
