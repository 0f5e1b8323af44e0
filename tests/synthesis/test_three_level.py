"""Three-level models: laws, few studies, bad input, and a second way of computing them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from secondlook.errors import EstimationError
from secondlook.synthesis import pool
from secondlook.synthesis.multilevel import (
    ThreeLevel,
    known_covariance,
    pool_three_level,
    random_effects,
)

YI = [-0.18, -0.22, 0.23, -0.30, 0.13, -0.26, 0.19, 0.32, 0.55, 0.60]
VI = [0.118, 0.118, 0.144, 0.144, 0.014, 0.014, 0.015, 0.024, 0.05, 0.02]
STUDY = ["a", "a", "a", "a", "b", "b", "c", "c", "d", "e"]


def _dense(
    yi: Any, v: Any, study: Any, design: Any, variances: Any, *, restricted: bool = True
) -> float:
    # the likelihood with whole matrices
    y, x, groups = np.array(yi), np.array(design), np.array(study)
    m = np.array(v) + variances[0] * (groups[:, None] == groups) + variances[1] * np.eye(y.size)
    w = np.linalg.inv(m)
    a = x.T @ w @ x
    residual = y - x @ np.linalg.solve(a, x.T @ w @ y)
    twice = np.linalg.slogdet(m)[1] + residual @ w @ residual
    free = y.size
    if restricted:
        twice += np.linalg.slogdet(a)[1] - np.linalg.slogdet(x.T @ x)[1]
        free -= x.shape[1]
    return float(-(twice + free * np.log(2 * np.pi)) / 2)


def _variances(fit: ThreeLevel) -> tuple[float, float]:
    assert fit.between_variance is not None
    assert fit.within_variance is not None
    return fit.between_variance, fit.within_variance


@st.composite
def _data(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sizes = draw(st.lists(st.integers(1, 4), min_size=3, max_size=7).filter(lambda s: max(s) > 1))
    seed = draw(st.integers(0, 2**32 - 1))
    generator = np.random.default_rng(seed)
    study = np.repeat(np.arange(len(sizes)), sizes)
    vi = generator.uniform(0.02, 0.5, study.size)
    yi = (
        generator.normal(0, np.sqrt(vi))
        + draw(st.floats(0, 1)) * generator.normal(size=len(sizes))[study]
    )
    return yi + draw(st.floats(0, 1)) * generator.normal(size=study.size), vi, study


@given(_data(), st.sampled_from(["REML", "ML"]))
@settings(max_examples=40, deadline=None)
def test_no_pair_of_variances_on_a_fine_grid_is_likelier_than_the_estimate(
    data: tuple[np.ndarray, np.ndarray, np.ndarray], method: str
) -> None:
    yi, vi, study = data
    fit = pool_three_level(yi, vi, study=study.tolist(), method=method, variance_intervals=False)
    ones, restricted = np.ones((yi.size, 1)), method == "REML"
    assert fit.log_likelihood == pytest.approx(
        _dense(yi, np.diag(vi), study, ones, _variances(fit), restricted=restricted), abs=1e-9
    )
    grid = [0.0, *np.geomspace(1e-4, 20, 25)]
    highest = max(
        _dense(yi, np.diag(vi), study, ones, (b, w), restricted=restricted)
        for b in grid
        for w in grid
    )
    assert fit.log_likelihood >= highest - 1e-9


@given(_data())
@settings(max_examples=25, deadline=None)
def test_the_order_of_the_rows_is_of_no_matter(
    data: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    yi, vi, study = data
    order = np.random.default_rng(1).permutation(yi.size)
    one = pool_three_level(yi, vi, study=study.tolist())
    other = pool_three_level(yi[order], vi[order], study=study[order].tolist())
    assert other.estimate == pytest.approx(one.estimate, abs=1e-9)
    assert _variances(other) == pytest.approx(_variances(one), abs=1e-8)
    assert other.between_interval == pytest.approx(one.between_interval, rel=1e-6, abs=1e-8)


@given(_data(), st.sampled_from([1e-6, 1e-3, 7.0, 1e6]), st.floats(-5, 5))
@settings(max_examples=25, deadline=None)
def test_shifting_and_scaling_effects_shifts_and_scales_everything(
    data: tuple[np.ndarray, np.ndarray, np.ndarray], unit: float, shift: float
) -> None:
    yi, vi, study = data
    one = pool_three_level(yi, vi, study=study.tolist())
    other = pool_three_level(unit * (yi + shift), unit**2 * vi, study=study.tolist())
    assert other.estimate / unit - shift == pytest.approx(one.estimate, abs=1e-7)
    assert other.standard_error / unit == pytest.approx(one.standard_error, rel=1e-7)
    scaled = [variance / unit**2 for variance in _variances(other)]
    assert scaled == pytest.approx(_variances(one), abs=1e-8)
    free = yi.size - 1
    assert other.log_likelihood + free * np.log(unit) == pytest.approx(one.log_likelihood, abs=1e-7)
    for mine, theirs in (
        (other.between_interval, one.between_interval),
        (other.within_interval, one.within_interval),
    ):
        assert mine is not None
        assert [m / unit**2 for m in mine] == pytest.approx(theirs, rel=1e-6, abs=1e-8)


@given(_data())
@settings(max_examples=20, deadline=None)
def test_the_ends_of_a_profile_interval_are_where_the_likelihood_ratio_reaches_3_84(
    data: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    yi, vi, study = data
    fit = pool_three_level(yi, vi, study=study.tolist())
    ones = np.ones((yi.size, 1))

    def profile(axis: int, value: float) -> float:
        def short(log_other: np.ndarray) -> float:
            pair = [value, float(np.exp(log_other[0]))]
            return -_dense(yi, np.diag(vi), study, ones, pair if axis == 0 else pair[::-1])

        options = {"xatol": 1e-10, "fatol": 1e-12}
        starts = [minimize(short, [s], method="Nelder-Mead", options=options) for s in (-8, -2, 1)]
        return -min(float(start.fun) for start in starts)

    for axis, interval in enumerate((fit.between_interval, fit.within_interval)):
        assert interval is not None
        for end in interval:
            ratio = 2 * (fit.log_likelihood - profile(axis, end))
            if end == 0:
                assert ratio <= 3.841458820694124 + 1e-5
            else:
                assert ratio == pytest.approx(3.841458820694124, abs=1e-5)


def test_one_effect_per_study_is_the_two_level_model_and_says_so() -> None:
    study = [f"study {i}" for i in range(len(YI))]
    fit = pool_three_level(YI, VI, study=study)
    two_level = pool(YI, VI, method="REML", test="t")
    assert fit.between_variance == pytest.approx(two_level.tau2, rel=1e-9)
    assert fit.estimate == pytest.approx(two_level.estimate, rel=1e-12)
    assert fit.interval == pytest.approx(two_level.interval, rel=1e-10)
    assert fit.prediction_interval == pytest.approx(two_level.prediction_interval, rel=1e-10)
    assert fit.i2 == pytest.approx(two_level.i2, rel=1e-9)
    assert fit.within_variance is None
    assert fit.within_interval is None
    assert any("cannot tell" in sentence for sentence in fit.warnings)


def test_one_study_says_nothing_of_differences_between_studies() -> None:
    fit = pool_three_level(YI, VI, study=["a"] * len(YI))
    two_level = pool(YI, VI, method="REML", test="t")
    assert fit.between_variance is None
    assert fit.within_variance == pytest.approx(two_level.tau2, rel=1e-9)
    assert fit.interval == pytest.approx(two_level.interval, rel=1e-10)
    assert any("nothing of the variance between" in sentence for sentence in fit.warnings)


def test_one_effect_is_its_own_estimate_with_a_normal_interval() -> None:
    fit = pool_three_level([0.3], [0.04], study=["a"])
    assert (fit.estimate, fit.standard_error) == pytest.approx((0.3, 0.2))
    assert fit.interval == pytest.approx((0.3 - 1.959963984540054 * 0.2, 0.3 + 0.3919927969080108))
    assert (fit.between_variance, fit.within_variance, fit.bic) == (None, None, None)
    assert fit.test == "z"
    assert any("no more effects than coefficients" in sentence for sentence in fit.warnings)


def test_two_effects_of_two_studies_have_one_variance() -> None:
    # by hand: REML of two effects of equal variance v is (y1 - y2)²/2 - v
    fit = pool_three_level([0.0, 2.0], [1.0, 1.0], study=["a", "b"])
    assert fit.between_variance == pytest.approx(1.0, rel=1e-10)
    assert fit.within_variance is None


def test_a_balanced_design_has_the_variances_of_the_analysis_of_variance() -> None:
    # by hand: three studies of two effects, v = 0.1; mean square within (1 + 1 + 4)/2/3 = 1, mean
    # square between 2 * ((-3)² + 0 + 3²)/2 = 18; so within = 1 - 0.1, between = (18 - 1)/2
    yi = [-3.5, -2.5, -0.5, 0.5, 2.0, 4.0]
    fit = pool_three_level(yi, [0.1] * 6, study=[1, 1, 2, 2, 3, 3])
    assert _variances(fit) == pytest.approx((8.5, 0.9), rel=1e-10)
    assert fit.estimate == pytest.approx(0.0, abs=1e-12)
    assert fit.standard_error == pytest.approx(np.sqrt(18 / 6), rel=1e-10)
    assert fit.coefficients[0].degrees_of_freedom == 2
    assert fit.intraclass_correlation == pytest.approx(8.5 / 9.4, rel=1e-9)


def test_identical_effects_leave_both_variances_at_their_bound() -> None:
    fit = pool_three_level([0.5] * 6, [0.1, 0.2, 0.1, 0.3, 0.1, 0.2], study=[1, 1, 2, 2, 3, 3])
    assert _variances(fit) == (0.0, 0.0)
    assert fit.estimate == pytest.approx(0.5, rel=1e-14)
    assert fit.q == pytest.approx(0.0, abs=1e-20)
    assert fit.intraclass_correlation is None
    assert sum("at its bound, 0" in sentence for sentence in fit.warnings) == 2


def test_correlated_errors_move_variance_from_between_to_sampling() -> None:
    independent = pool_three_level(YI, VI, study=STUDY)
    correlated = pool_three_level(YI, VI, study=STUDY, sampling_correlation=0.6)
    known = known_covariance(VI, STUDY, correlation=0.6)
    given_known = pool_three_level(YI, known, study=STUDY)
    assert _variances(given_known) == _variances(correlated)
    assert _variances(correlated)[0] < _variances(independent)[0]
    assert any("0.6" in sentence for sentence in correlated.conventions)


@pytest.mark.parametrize("correlation", [-0.2, 0.3, 0.9])
def test_turning_correlated_errors_leaves_the_likelihood_as_it_was(correlation: float) -> None:
    known = known_covariance(VI, STUDY, correlation=correlation)
    full = np.diag(VI)
    for block, rows in zip(known.blocks, known.rows, strict=True):
        full[np.ix_(rows, rows)] = block
    x = np.column_stack([np.ones(10), np.arange(10.0)])
    fit = pool_three_level(YI, full, study=STUDY, moderators={"order": np.arange(10.0)})
    expected = _dense(YI, full, STUDY, x, _variances(fit))
    assert fit.log_likelihood == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    ("study", "yi", "vi", "stopped", "theirs", "gain"),
    [
        (
            [0, 0, 1, 1, 2, 3],
            [1.93, 0.31, 0.17, -1.83, 0.24, -1.43],
            [0.916, 0.006, 0.005, 0.534, 0.033, 0.409],
            (0.0279, 0.38115),
            -8.86464538067,
            1.30,
        ),
        (
            [0, 0, 1, 2, 3],
            [0.08, 0.08, -1.25, 1.21, -0.02],
            [0.009, 0.033, 0.19, 0.37, 0.004],
            (0.26142, 0.0),
            -3.94650083138,
            0.91,
        ),
    ],
)
def test_the_higher_of_two_maxima_is_found_where_metafor_stops_at_the_lower(
    study: list[int],
    yi: list[float],
    vi: list[float],
    stopped: tuple[float, float],
    theirs: float,
    gain: float,
) -> None:
    # rma.mv(yi, vi, random = ~ 1 | study/effect, method = "ML") of metafor 3.8-1 stops at `stopped`
    fit = pool_three_level(yi, vi, study=study, method="ML")
    ones = np.ones((len(yi), 1))
    there = _dense(yi, np.diag(vi), study, ones, stopped, restricted=False)
    here = _dense(yi, np.diag(vi), study, ones, _variances(fit), restricted=False)
    assert there == pytest.approx(theirs, abs=1e-6)
    assert here > there + gain
    assert any("another, lower maximum" in sentence for sentence in fit.warnings)


def test_a_year_near_2000_costs_no_digits() -> None:
    year = np.array([1996, 1999, 2001, 2002, 1998, 2005, 2010, 2003, 2000, 2007], dtype=float)
    raw = pool_three_level(YI, VI, study=STUDY, moderators={"year": year})
    centred = pool_three_level(YI, VI, study=STUDY, moderators={"year": year - 2000})
    assert raw.coefficients[1].estimate == pytest.approx(centred.coefficients[1].estimate, rel=1e-9)
    assert raw.predict({"year": 2000.0}).estimate == pytest.approx(centred.estimate, rel=1e-9)
    assert raw.log_likelihood == pytest.approx(centred.log_likelihood, abs=1e-10)


def test_a_moderator_that_says_nothing_within_studies_has_the_degrees_of_studies() -> None:
    between = [1.0 if s in ("a", "b") else 0.0 for s in STUDY]
    within = [float(i) for i in range(10)]
    fit = pool_three_level(YI, VI, study=STUDY, moderators={"design": between, "order": within})
    assert [c.degrees_of_freedom for c in fit.coefficients] == [2, 2, 7]
    residual = pool_three_level(
        YI, VI, study=STUDY, moderators={"design": between}, degrees_of_freedom="residual"
    )
    assert [c.degrees_of_freedom for c in residual.coefficients] == [8, 8]


def test_an_indicator_for_every_study_leaves_nothing_between_studies() -> None:
    columns = {s: [float(one == s) for one in STUDY] for s in "abcde"}
    fit = pool_three_level(YI, VI, study=STUDY, moderators=columns, intercept=False)
    assert fit.between_variance is None
    assert [c.name for c in fit.coefficients] == list("abcde")
    assert any("nothing of the variance between" in sentence for sentence in fit.warnings)


def test_a_row_with_a_missing_value_is_left_out_and_named() -> None:
    yi = [*YI, float("nan"), 0.2]
    fit = pool_three_level(
        yi,
        [*VI, 0.1, 0.1],
        study=[*STUDY, "f", "g"],
        moderators={"dose": [*range(11), float("nan")]},
    )
    assert fit.omitted == ("f", "g")
    assert "Left out, a number missing: f, g." in fit.warnings
    assert (fit.k, fit.study_count) == (10, 5)


def test_ten_thousand_effects_are_no_trouble() -> None:
    generator = np.random.default_rng(3)
    study = np.repeat(np.arange(2000), 5)
    vi = generator.uniform(0.01, 0.2, study.size)
    yi = generator.normal(0.3, np.sqrt(vi + 0.05)) + generator.normal(0, 0.2, 2000)[study]
    fit = pool_three_level(yi, vi, study=study.tolist())
    assert fit.estimate == pytest.approx(0.3, abs=4 * fit.standard_error)
    assert _variances(fit) == pytest.approx((0.04, 0.05), rel=0.15)
    assert fit.between_interval is not None
    assert fit.between_interval[0] < 0.04 < fit.between_interval[1]


def test_effects_a_million_times_less_precise_than_the_others_change_nothing() -> None:
    vi = [1e-6, 1e6, 1e-6, 1e6, 1e-6, 1e6]
    fit = pool_three_level([1.0, 50.0, 2.0, -70.0, 3.0, 10.0], vi, study=[1, 1, 2, 2, 3, 3])
    # what is left is one effect per study, 1, 2 and 3, of variance 1
    assert fit.estimate == pytest.approx(2.0, abs=1e-3)
    assert sum(_variances(fit)) == pytest.approx(1.0, abs=1e-3)
    assert fit.between_interval is not None
    assert fit.within_interval is not None
    assert (fit.between_interval[0], fit.within_interval[0]) == (0.0, 0.0)


def test_deviations_are_drawn_towards_0_and_balance_out() -> None:
    fit = pool_three_level(YI, VI, study=STUDY)
    found = random_effects(fit)
    studies = [one for one in found.rows if one.level == "study"]
    effects = [one for one in found.rows if one.level == "effect"]
    assert [one.name for one in studies] == list("abcde")
    assert sum(one.estimate for one in studies) == pytest.approx(0, abs=1e-12)
    between, within = _variances(fit)
    for study in studies:
        inside = [e.estimate for e, s in zip(effects, STUDY, strict=True) if s == study.name]
        # both are drawn from the same weighted residuals, each by its own variance
        assert sum(inside) / within == pytest.approx(study.estimate / between, rel=1e-9)
        assert study.standard_error**2 <= between
    assert "study: a" in str(found)
    assert found.to_frame().height == 15
    json.dumps(found.to_dict())


def test_the_result_prints_itself_and_gives_plain_data() -> None:
    fit = pool_three_level(YI, VI, study=STUDY)
    text = str(fit)
    for word in ("10 effects in 5 studies", "between studies", "I²", "Conventions", "prediction"):
        assert word in text
    plain = json.loads(json.dumps(fit.to_dict()))
    assert plain["coefficients"][0]["estimate"] == fit.estimate
    assert "working_model" not in plain
    frame = fit.to_frame()
    assert frame.height == 10
    assert frame["weight"].sum() == pytest.approx(100)
    assert fit.names[:2] == ("a, effect 1", "a, effect 2")
    assert fit.names[-1] == "e"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"vi": [0.1, -0.1, 0.1]}, 'b, effect 1, vi: "-0.1" is not a positive, finite variance'),
        ({"vi": [0.1, 0.1]}, "is not one variance for each of 3 effects"),
        ({"yi": [0.1, np.inf, 0.2]}, 'b, effect 1, yi: "inf" is not finite'),
        ({"yi": [np.nan] * 3}, "is too few to pool"),
        ({"study": ["a", "b"]}, "is not one label for each of 3 effects"),
        ({"study": ["a", None, "b"]}, "study, row 2: is missing"),
        ({"study": "abc"}, "is not a list of labels"),
        ({"effect": ["x", "x", "x"]}, '"b, x" is there more than once'),
        ({"method": "DL"}, 'method: "DL" is not known; use REML, ML'),
        ({"test": "hksj"}, 'test: "hksj" is not known; use t, z'),
        ({"degrees_of_freedom": 3}, "degrees_of_freedom"),
        ({"level": 95}, "write 0.95 for 95 %"),
        ({"moderators": {"one": [1, 1, 1]}}, '"one" is determined by the columns before it'),
        ({"moderators": {"none": [0, 0, 0]}}, '"none" is 0 in every row'),
        ({"moderators": {"x": [1, 2, np.inf]}}, "has an infinite moderator"),
        ({"moderators": {"x": [1, 2]}}, "are not the same number of rows"),
        ({"moderators": {c: [1, 2, i] for i, c in enumerate("wxyz")}}, "are too many coefficients"),
        ({"intercept": False}, "leaves nothing to estimate"),
        ({"sampling_correlation": 1.0}, "would make effects of one study the same number"),
        ({"sampling_correlation": 1.5}, "is not a correlation between -1 and 1"),
    ],
)
def test_what_cannot_be_pooled_is_named_in_one_line(change: dict[str, Any], said: str) -> None:
    call: dict[str, Any] = {"yi": [0.1, 0.2, 0.3], "vi": [0.1, 0.1, 0.1], "study": ["a", "b", "b"]}
    call |= change
    with pytest.raises(EstimationError) as caught:
        pool_three_level(call.pop("yi"), call.pop("vi"), **call)
    assert said in str(caught.value)
