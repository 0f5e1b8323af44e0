"""Cluster-robust inference: laws, a second way with whole matrices, few clusters, bad input."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import stdtr

from secondlook.errors import EstimationError
from secondlook.synthesis import pool, regress
from secondlook.synthesis.multilevel import (
    ClusterRobust,
    WorkingModel,
    cluster_robust,
    pool_multivariate,
    pool_three_level,
    working_model,
)

CORRECTIONS = ("CR0", "CR1", "CR1p", "CR1S", "CR2")


def _model(seed: int, *, weighted: bool = False) -> tuple[WorkingModel, list[int]]:
    generator = np.random.default_rng(seed)
    cluster = np.sort(generator.integers(0, 7, 24))
    vi = generator.uniform(0.02, 0.4, 24)
    design = np.column_stack([np.ones(24), generator.normal(size=24), cluster % 2])
    yi = generator.normal(size=24)
    model = working_model(
        yi,
        vi,
        tau2=0.1,
        design=design,
        columns=["intercept", "x", "z"],
        weights=generator.uniform(1, 3, 24) if weighted else None,
    )
    return model, cluster.tolist()


def _root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    kept = values > 1e-10 * values.max()
    return np.asarray((vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T)


def _whole(
    model: WorkingModel, cluster: Any, correction: str
) -> tuple[np.ndarray, dict[int, np.ndarray], np.ndarray]:
    # covariance of the coefficients, the rows p_s of every cluster, and V, with whole matrices
    k = model.yi.size
    phi = np.diag(model.known.variances + model.within)
    w = np.linalg.inv(phi) if model.weights is None else np.diag(model.weights)
    x, of = model.design, np.array(cluster)
    m = np.linalg.inv(x.T @ w @ x)
    maker = np.eye(k) - x @ m @ x.T @ w
    e = maker @ model.yi
    total, parts = np.zeros((x.shape[1],) * 2), {}
    for one in np.unique(of):
        rows = of == one
        a = np.eye(rows.sum())
        if correction == "CR2":
            lower = np.linalg.cholesky(phi[np.ix_(rows, rows)])
            residual = maker[rows] @ phi @ maker[rows].T
            a = lower @ _root(lower.T @ residual @ lower) @ lower.T
        taken = m @ x[rows].T @ w[np.ix_(rows, rows)] @ a
        score = taken @ e[rows]
        total += np.outer(score, score)
        parts[int(one)] = taken @ maker[rows]
    return total, parts, phi


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("correction", ["CR0", "CR2"])
def test_covariance_and_degrees_of_freedom_are_those_of_whole_matrices(
    correction: str, weighted: bool
) -> None:
    model, cluster = _model(5, weighted=weighted)
    ours = cluster_robust(model, cluster, correction=correction)
    total, parts, phi = _whole(model, cluster, correction)
    assert np.array(ours.covariance) == pytest.approx(total, rel=1e-9)
    for j, one in enumerate(ours.coefficients):
        rows = np.array([part[j] for part in parts.values()])
        pairs = rows @ phi @ rows.T
        degrees = np.trace(pairs) ** 2 / np.sum(pairs**2)
        assert one.degrees_of_freedom == pytest.approx(degrees, rel=1e-8)
        assert one.statistic is not None
        assert one.p_value == pytest.approx(2 * stdtr(degrees, -abs(one.statistic)), rel=1e-7)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_joint_test_has_the_total_variance_of_a_wishart_matrix(weighted: bool) -> None:
    model, cluster = _model(8, weighted=weighted)
    ours = cluster_robust(model, cluster)
    total, parts, phi = _whole(model, cluster, "CR2")
    rows = np.array([part[1:] for part in parts.values()])
    cross = np.einsum("sik,kl,tjl->stij", rows, phi, rows)
    expected = np.einsum("ssij->ij", cross)
    values, vectors = np.linalg.eigh(expected)
    turn = (vectors / np.sqrt(values)).T
    cross = np.einsum("ai,stij,bj->stab", turn, cross, turn)
    # var of element (i, j): products of like and of crossed pairs
    like, crossed = np.einsum("stii,stjj->", cross, cross), np.einsum("stij,stji->", cross, cross)
    wishart = 2 * 3 / (like + crossed)
    estimates = np.array([one.estimate for one in ours.coefficients])[1:]
    wald = estimates @ np.linalg.solve(total[1:, 1:], estimates)
    assert ours.omnibus is not None
    assert ours.omnibus.denominator_degrees == pytest.approx(wishart - 1, rel=1e-8)
    statistic = wald * (wishart - 1) / (2 * wishart)
    assert ours.omnibus.statistic == pytest.approx(statistic, rel=1e-8)


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=40, deadline=None)
def test_cr2_is_unbiased_under_the_working_model(seed: int, weighted: bool) -> None:
    model, cluster = _model(seed, weighted=weighted)
    assume(len(set(cluster)) >= 5)
    pieces = cluster_robust(model, cluster).pieces
    phi = np.diag(model.known.variances + model.within)
    w = np.linalg.inv(phi) if model.weights is None else np.diag(model.weights)
    m = np.linalg.inv(model.design.T @ w @ model.design)
    truth = m @ model.design.T @ w @ phi @ w @ model.design @ m
    assert pieces.expected(np.eye(3)) == pytest.approx(truth, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_units_and_the_order_of_rows_are_of_no_matter(correction: str) -> None:
    model, cluster = _model(3)
    order = np.random.default_rng(0).permutation(24)
    other = working_model(
        1e-6 * model.yi[order],
        1e-12 * model.known.variances[order],
        tau2=0.1e-12,
        design=model.design[order],
        columns=model.columns,
    )
    one = cluster_robust(model, cluster, correction=correction)
    two = cluster_robust(other, [cluster[i] for i in order], correction=correction)
    for mine, theirs in zip(one.coefficients, two.coefficients, strict=True):
        assert theirs.estimate * 1e6 == pytest.approx(mine.estimate, rel=1e-9)
        assert theirs.standard_error * 1e6 == pytest.approx(mine.standard_error, rel=1e-9)
        assert theirs.degrees_of_freedom == pytest.approx(mine.degrees_of_freedom, rel=1e-8)
        assert theirs.p_value == pytest.approx(mine.p_value, rel=1e-7)


def test_corrections_differ_by_the_factors_they_are_named_for() -> None:
    model, cluster = _model(11)
    m = len(set(cluster))
    plain = np.array(cluster_robust(model, cluster, correction="CR0").covariance)
    for correction, factor in (
        ("CR1", m / (m - 1)),
        ("CR1p", m / (m - 3)),
        ("CR1S", m * 23 / ((m - 1) * 21)),
    ):
        ours = np.array(cluster_robust(model, cluster, correction=correction).covariance)
        assert ours == pytest.approx(factor * plain, rel=1e-12)


def test_equal_clusters_of_one_effect_have_clusters_less_one_degrees_of_freedom() -> None:
    # by hand: with equal variances the robust variance is that of a sample mean
    yi = [0.1, 0.5, 0.9, -0.2, 0.4]
    robust = cluster_robust(working_model(yi, [0.2] * 5), list("abcde"))
    (one,) = robust.coefficients
    assert one.estimate == pytest.approx(np.mean(yi))
    assert one.standard_error == pytest.approx(np.std(yi, ddof=1) / np.sqrt(5), rel=1e-12)
    assert one.degrees_of_freedom == pytest.approx(4, rel=1e-10)


def test_a_pooled_effect_keeps_its_estimate() -> None:
    yi, vi = [0.1, 0.5, 0.9, -0.2, 0.4, 0.3], [0.02, 0.05, 0.04, 0.03, 0.1, 0.2]
    pooled = pool(yi, vi)
    robust = cluster_robust(pooled, ["a", "a", "b", "c", "d", "d"])
    assert robust.coefficients[0].estimate == pytest.approx(pooled.estimate, rel=1e-12)
    assert robust.omnibus is None
    assert robust.cluster_count == 4
    assert "There are only 4 clusters." in robust.warnings
    assert any("Fewer than 4 degrees of freedom" in sentence for sentence in robust.warnings)


def test_a_regression_is_clustered_with_its_own_design_and_tau2() -> None:
    generator = np.random.default_rng(9)
    x, cluster = generator.normal(size=20), np.repeat(np.arange(5), 4).tolist()
    yi, vi = generator.normal(size=20), generator.uniform(0.05, 0.3, 20)
    fit = regress(yi, vi, moderators={"x": x})
    design = np.column_stack([np.ones(20), x])
    model = working_model(yi, vi, tau2=fit.tau2, design=design, columns=["intercept", "x"])
    robust = cluster_robust(fit, cluster)
    assert robust.coefficients == cluster_robust(model, cluster).coefficients
    assert [one.estimate for one in robust.coefficients] == pytest.approx(
        [one.estimate for one in fit.coefficients], rel=1e-9
    )
    assert robust.omnibus is not None
    assert robust.omnibus.names == ("x",)


def _fits() -> list[Any]:
    generator = np.random.default_rng(2)
    study = np.repeat(np.arange(12), 3)
    vi = generator.uniform(0.05, 0.2, 36)
    yi = generator.normal(0.3, 0.4, 36) + generator.normal(0, 0.4, 12)[study]
    nested = pool_three_level(yi, vi, study=study.tolist(), sampling_correlation=0.4)
    several = pool_multivariate(
        yi, vi, study=study.tolist(), outcome=["a", "b", "c"] * 12, variance_intervals=False
    )
    return [nested, several]


@pytest.mark.parametrize("fit", _fits(), ids=["three-level", "multivariate"])
def test_a_fit_with_studies_is_clustered_by_them_or_by_what_holds_them(fit: Any) -> None:
    by_study = cluster_robust(fit)
    assert by_study.coefficients == cluster_robust(fit, list(fit.studies)).coefficients
    assert by_study.cluster_count == 12
    assert [one.estimate for one in by_study.coefficients] == pytest.approx(
        [one.estimate for one in fit.coefficients], rel=1e-9
    )
    labs = [f"lab {int(study) // 2}" for study in fit.studies]
    assert cluster_robust(fit, labs).cluster_count == 6
    with pytest.raises(EstimationError, match="is in more than one cluster"):
        cluster_robust(fit, [f"cluster {i % 5}" for i in range(36)])


def test_clusters_may_be_given_for_rows_the_fit_left_out() -> None:
    yi = [0.1, 0.5, float("nan"), -0.2, 0.4, 0.3, 0.8]
    study = ["a", "a", "b", "b", "c", "c", "d"]
    fit = pool_three_level(yi, [0.1] * 7, study=study)
    labs = ["x", "x", None, "y", "z", "z", "w"]
    assert cluster_robust(fit, labs).cluster_count == 4
    assert cluster_robust(fit, [one for one in labs if one]).cluster_count == 4
    assert "Rows the fit had left out: 1." in cluster_robust(fit, labs).warnings


def test_contrasts_of_a_robust_result_are_tested_like_its_coefficients() -> None:
    model, cluster = _model(4)
    robust = cluster_robust(model, cluster)
    (alone,), joint = robust.contrast({"x": 1})
    assert alone == robust.coefficients[1]
    assert joint is not None
    assert joint.denominator_degrees == pytest.approx(alone.degrees_of_freedom, rel=1e-9)
    assert joint.p_value == pytest.approx(alone.p_value, rel=1e-8)
    _, both = robust.contrast([{"x": 1}, {"z": 1}])
    assert both is not None
    assert robust.omnibus is not None
    assert both.statistic == pytest.approx(robust.omnibus.statistic, rel=1e-9)


@pytest.mark.parametrize("test", ["Satterthwaite", "clusters", "z"])
def test_the_result_prints_itself_and_gives_plain_data(test: str) -> None:
    model, cluster = _model(4)
    robust = cluster_robust(model, cluster, test=test)
    assert isinstance(robust, ClusterRobust)
    assert "24 effects in" in str(robust)
    assert "pieces" not in json.loads(json.dumps(robust.to_dict()))
    assert robust.to_frame().height == 3


def test_a_joint_test_without_degrees_of_freedom_is_not_made() -> None:
    generator = np.random.default_rng(0)
    design = np.column_stack([np.ones(10), generator.normal(size=(10, 3))])
    model = working_model(generator.normal(size=10), [0.1] * 10, design=design)
    robust = cluster_robust(model, list("aabbccddee"))
    assert robust.omnibus is None
    assert any("no degrees of freedom for the joint test" in one for one in robust.warnings)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"correction": "CR9"}, 'correction: "CR9" is not known'),
        ({"test": "t"}, "is not known; use Satterthwaite, clusters, z"),
        ({"level": 2}, "write 0.95 for 95 %"),
        ({"cluster": ["a"] * 24}, 'cluster_robust: "1" are too few clusters for 3 coefficients'),
        ({"cluster": ["a", "b"]}, "is not one label for each of 24 effects"),
        ({"cluster": None}, "is missing: this fit has no studies"),
        ({"cluster": 7}, "is not a list of labels"),
        ({"fit": 7}, '"int" is no fit'),
    ],
)
def test_what_cannot_be_done_is_named_in_one_line(change: dict[str, Any], said: str) -> None:
    model, cluster = _model(1)
    call: dict[str, Any] = {"fit": model, "cluster": cluster} | change
    with pytest.raises(EstimationError) as caught:
        cluster_robust(call.pop("fit"), call.pop("cluster"), **call)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tau2": -1.0}, "is not a variance"),
        ({"weights": [1.0, 0.0, 1.0]}, "is not a positive number"),
        ({"weights": [1.0]}, "is not one weight for each of 3 effects"),
        ({"design": np.ones((2, 1))}, "is not a design of 3 rows"),
        ({"design": np.ones((3, 2))}, '"column 2" is determined by the columns before it'),
        ({"design": np.eye(3)[:, :2], "columns": ["a", "a"]}, "are not different names of 2"),
    ],
)
def test_what_is_no_working_model_is_named_in_one_line(change: dict[str, Any], said: str) -> None:
    with pytest.raises(EstimationError) as caught:
        working_model([0.1, 0.2, 0.3], [0.1, 0.1, 0.1], **change)
    assert said in str(caught.value)
