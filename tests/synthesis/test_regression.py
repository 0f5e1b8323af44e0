"""Laws and hand calculations of regressions on moderators."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook.synthesis import pool
from secondlook.synthesis.between_study_variance.likelihood import Likelihood
from secondlook.synthesis.between_study_variance.moderated_fit import Moderated
from secondlook.synthesis.regression import Regression, regress
from secondlook.synthesis.regression.fitting import orthonormal
from secondlook.synthesis.regression.preparation import METHODS, TESTS

Y = [-0.9, -1.6, -1.3, -0.2, -0.8, 0.1, -0.5, -1.4]
V = [0.33, 0.19, 0.42, 0.05, 0.2, 0.12, 0.08, 0.1]
YEAR = [1985, 1999, 2004, 1991, 2010, 1995, 2001, 2008]
KIND = ["trial", "cohort", "cohort", "trial", "registry", "trial", "cohort", "registry"]

rows = st.lists(
    st.tuples(st.floats(-3, 3).map(lambda y: round(y, 3)), st.floats(0.01, 2), st.integers(-9, 9)),
    min_size=5,
    max_size=9,
).filter(lambda found: len({x for _, _, x in found}) > 2)


def estimates(found: Regression) -> list[float]:
    return [one.estimate for one in found.coefficients]


def errors(found: Regression) -> list[float]:
    return [one.standard_error for one in found.coefficients]


def numbers(found: Regression) -> list[float]:
    return [*estimates(found), *errors(found), found.tau2, found.residual_q, *found.residuals]


# --- by hand --------------------------------------------------------------------------------------


def test_two_groups_of_equal_variance_differ_by_the_difference_of_their_means() -> None:
    found = regress(
        [1, 3, 6, 8], [0.5] * 4, {"arm": ["a", "a", "b", "b"]}, method="common", test="z"
    )
    # means 2 and 7, each with variance 0.5/2; Q = (1 + 1 + 1 + 1)/0.5
    assert found.coefficient("intercept").estimate == pytest.approx(2, rel=1e-13)
    slope = found.coefficient("arm[T.b]")
    assert slope.estimate == pytest.approx(5, rel=1e-13)
    assert slope.standard_error == pytest.approx(math.sqrt(0.5), rel=1e-13)
    assert found.residual_q == pytest.approx(8, rel=1e-13)
    assert found.omnibus.statistic == pytest.approx(25 / 0.5, rel=1e-13)
    # I² = (8 - 2)/8; R² = 1 - (8/2)/(58/3), since Q about the mean is (3.5² + 1.5²) 2/0.5
    assert found.i2 == pytest.approx(75, rel=1e-13)
    assert found.r2 == pytest.approx(100 * (1 - 4 / (58 / 3)), rel=1e-13)


def test_hedges_with_a_group_is_the_pooled_variance_less_the_sampling_variance() -> None:
    found = regress([1, 3, 6, 8], [0.5] * 4, {"arm": ["a", "a", "b", "b"]}, method="HE")
    # squares within groups 4 over 2 df less 0.5; about the mean 29 over 3 less 0.5
    assert found.tau2 == pytest.approx(1.5, rel=1e-13)
    assert found.tau2_without_moderators == pytest.approx(29 / 3 - 0.5, rel=1e-13)
    assert found.r2 == pytest.approx(100 * (1 - 1.5 / (29 / 3 - 0.5)), rel=1e-13)


def test_years_need_not_be_centred() -> None:
    # the weighted line through 8 points, in fractions; 1985 and 2010 beside a constant
    y, w = [Fraction(str(a)) for a in Y], [1 / Fraction(str(a)) for a in V]
    x = [Fraction(a) for a in YEAR]
    total = sum(w)
    centre = sum(a * b for a, b in zip(w, x, strict=True)) / total
    mean = sum(a * b for a, b in zip(w, y, strict=True)) / total
    spread = sum(a * (b - centre) ** 2 for a, b in zip(w, x, strict=True))
    slope = sum(a * (b - centre) * c for a, b, c in zip(w, x, y, strict=True)) / spread
    found = regress(Y, V, {"year": YEAR}, method="common", test="z")
    assert found.coefficient("year").estimate == pytest.approx(float(slope), rel=1e-12)
    assert found.coefficient("year").standard_error == pytest.approx(
        math.sqrt(1 / spread), rel=1e-12
    )
    assert found.coefficient("intercept").estimate == pytest.approx(
        float(mean - slope * centre), rel=1e-12
    )


def test_a_line_through_every_study_leaves_nothing() -> None:
    found = regress([1, 2, 3, 4], [0.1, 0.2, 0.3, 0.4], {"x": [0, 1, 2, 3]}, test="hksj-unguarded")
    assert found.tau2 == 0
    assert found.variance_factor == 0
    assert found.coefficient("x").statistic is None
    assert found.omnibus.p_value is None
    assert any("fit exactly" in sentence for sentence in found.warnings)
    assert regress([1, 2, 3, 4], [0.1, 0.2, 0.3, 0.4], {"x": [0, 1, 2, 3]}).variance_factor == 1


# --- laws -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("test", TESTS)
def test_without_moderators_a_regression_is_pooling(method: str, test: str) -> None:
    found, pooled = regress(Y, V, method=method, test=test), pool(Y, V, method=method, test=test)
    mean = found.coefficient("intercept")
    assert mean.estimate == pytest.approx(pooled.estimate, rel=1e-12)
    assert mean.standard_error == pytest.approx(pooled.standard_error, rel=1e-12)
    assert mean.interval == pytest.approx(pooled.interval, rel=1e-11)
    assert mean.p_value == pytest.approx(pooled.p_value, rel=1e-11)
    assert found.residual_q == pytest.approx(pooled.q, rel=1e-12)
    assert found.r2 is None
    if method != "common":
        assert found.tau2 == pytest.approx(pooled.tau2, rel=1e-11)
        assert found.tau2_interval == pytest.approx(pooled.tau2_interval, rel=1e-11)


@given(data=rows, method=st.sampled_from(METHODS), power=st.integers(-30, 30))
@settings(max_examples=60, deadline=None)
def test_units_of_effects_do_not_matter(
    data: list[tuple[float, float, int]], method: str, power: int
) -> None:
    yi, vi, x = map(np.array, zip(*data, strict=True))
    once = regress(yi, vi, {"x": x}, method=method)
    scaled = regress(np.ldexp(yi, power), np.ldexp(vi, 2 * power), {"x": x}, method=method)
    assert estimates(scaled) == pytest.approx(
        np.ldexp(estimates(once), power).tolist(), rel=1e-9, abs=math.ldexp(1e-12, power)
    )
    assert scaled.tau2 == pytest.approx(math.ldexp(once.tau2, 2 * power), rel=1e-9)
    assert scaled.residual_q == pytest.approx(once.residual_q, rel=1e-9, abs=1e-12)


@given(data=rows, method=st.sampled_from(METHODS), scale=st.sampled_from([1e-9, 1e-3, 7.0, 1e6]))
@settings(max_examples=60, deadline=None)
def test_the_unit_and_the_origin_of_a_moderator_change_only_what_its_coefficient_means(
    data: list[tuple[float, float, int]], method: str, scale: float
) -> None:
    yi, vi, x = map(np.array, zip(*data, strict=True))
    once = regress(yi, vi, {"x": x}, method=method)
    other = regress(yi, vi, {"x": scale * (x + 3.0)}, method=method)
    assert scale * other.coefficient("x").estimate == pytest.approx(
        once.coefficient("x").estimate, rel=1e-7, abs=1e-9
    )
    assert other.tau2 == pytest.approx(once.tau2, rel=1e-7, abs=1e-9)
    assert other.residuals == pytest.approx(once.residuals, rel=1e-7, abs=1e-7)


@given(data=rows, method=st.sampled_from(METHODS), slope=st.integers(-5, 5))
@settings(max_examples=60, deadline=None)
def test_a_multiple_of_the_moderator_added_to_the_effects_is_added_to_its_coefficient(
    data: list[tuple[float, float, int]], method: str, slope: int
) -> None:
    yi, vi, x = map(np.array, zip(*data, strict=True))
    # SJ starts from the variance of the effects themselves, which the moderator changes
    method = "REML" if method == "SJ" else method
    once = regress(yi, vi, {"x": x}, method=method)
    tilted = regress(yi + slope * x, vi, {"x": x}, method=method)
    assert tilted.coefficient("x").estimate - slope == pytest.approx(
        once.coefficient("x").estimate, abs=1e-7
    )
    assert tilted.tau2 == pytest.approx(once.tau2, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_studies_and_of_moderators_does_not_matter(method: str) -> None:
    order = [3, 1, 7, 0, 2, 6, 5, 4]
    once = regress(Y, V, {"year": YEAR, "kind": KIND}, method=method)
    other = regress(
        np.array(Y)[order],
        np.array(V)[order],
        {"kind": np.array(KIND)[order], "year": np.array(YEAR)[order]},
        method=method,
    )
    for one in once.coefficients:
        assert other.coefficient(one.name).estimate == pytest.approx(one.estimate, rel=1e-9)
    assert other.tau2 == pytest.approx(once.tau2, rel=1e-9, abs=1e-12)


def test_another_reference_level_changes_neither_the_fit_nor_the_omnibus_test() -> None:
    once = regress(Y, V, {"kind": KIND})
    other = regress(
        Y, V, {"kind": pd.Series(pd.Categorical(KIND, ["trial", "registry", "cohort"]))}
    )
    assert other.design.columns.names == ("intercept", "kind[T.registry]", "kind[T.cohort]")
    assert other.fitted == pytest.approx(once.fitted, rel=1e-12)
    assert other.omnibus.statistic == pytest.approx(once.omnibus.statistic, rel=1e-11)


def test_moderators_may_come_as_frames_a_mapping_an_array_or_a_formula() -> None:
    once = regress(Y, V, {"year": YEAR, "kind": KIND})
    frame = pl.DataFrame({"year": YEAR, "kind": KIND})
    for given_as in (
        frame,
        frame.to_dict(as_series=False),
        pd.DataFrame({"year": YEAR, "kind": KIND}),
    ):
        assert numbers(regress(Y, V, given_as)) == numbers(once)
    formula = regress(Y, V, frame, formula="~ year + C(kind)")
    assert numbers(formula) == pytest.approx(numbers(once), rel=1e-11, abs=1e-13)
    indicators = np.array([YEAR, [k == "registry" for k in KIND], [k == "trial" for k in KIND]]).T
    array = regress(Y, V, indicators)
    assert numbers(array) == pytest.approx(numbers(once), rel=1e-12, abs=1e-14)
    assert array.design.columns.names[1:] == ("moderator 1", "moderator 2", "moderator 3")
    assert regress(Y, V, pl.Series("year", YEAR)).design.columns.names == ("intercept", "year")
    assert regress(Y, V, YEAR).design.columns.names == ("intercept", "moderator")


def test_a_formula_may_transform_cross_and_leave_out_the_intercept() -> None:
    data = {"year": YEAR, "kind": KIND}
    centred = regress(Y, V, data, formula="~ center(year)")
    plain = regress(Y, V, {"year": YEAR})
    assert centred.coefficient("center(year)").estimate == pytest.approx(
        plain.coefficient("year").estimate, rel=1e-10
    )
    # a transformation keeps what it learned from the studies
    assert centred.predict({"year": [2000]}).rows[0].estimate == pytest.approx(
        plain.predict({"year": [2000]}).rows[0].estimate, rel=1e-10
    )
    means = regress(Y, V, data, formula="~ 0 + C(kind)")
    assert means.r2 is None
    assert estimates(means) == pytest.approx(
        estimates(regress(Y, V, {"kind": KIND}, intercept=False)), rel=1e-11
    )
    crossed = regress(Y, V, {"x": YEAR, "late": [y > 2000 for y in YEAR]}, formula="~ x * late")
    assert crossed.design.columns.names[-1].startswith("x:late")


@pytest.mark.parametrize("test", TESTS)
def test_the_omnibus_test_of_one_coefficient_is_the_square_of_its_own(test: str) -> None:
    found = regress(Y, V, {"year": YEAR, "kind": KIND}, test=test)
    for one in found.coefficients:
        together = found.omnibus_test(one.name)
        assert one.statistic is not None
        assert together.statistic == pytest.approx(one.statistic**2, rel=1e-10)
        assert together.p_value == pytest.approx(one.p_value, rel=1e-10)


def test_the_omnibus_test_is_of_what_was_asked() -> None:
    found = regress(Y, V, {"year": YEAR, "kind": KIND}, omnibus_of="kind")
    assert found.omnibus.coefficients == ("kind[T.registry]", "kind[T.trial]")
    assert found.omnibus == found.omnibus_test(["kind[T.trial]", "kind[T.registry]"])
    by_formula = regress(
        Y, V, {"year": YEAR, "kind": KIND}, formula="~ year + C(kind)", omnibus_of="kind"
    )
    assert by_formula.omnibus.statistic == pytest.approx(found.omnibus.statistic, rel=1e-10)


def test_predictions_at_the_studies_are_the_fitted_values_and_wider_than_the_interval() -> None:
    found = regress(Y, V, {"year": YEAR, "kind": KIND})
    rows = found.predict().rows
    assert [row.estimate for row in rows] == pytest.approx(found.fitted, rel=1e-9)
    assert [row.name for row in rows] == list(found.names)
    for row in found.predict({"year": [1990, 2020], "kind": ["trial", "cohort"]}, level=0.8).rows:
        assert row.prediction_interval is not None
        assert row.prediction_interval[0] < row.interval[0] < row.estimate
        assert row.estimate < row.interval[1] < row.prediction_interval[1]


def test_a_common_effect_leaves_nothing_to_predict() -> None:
    found = regress(Y, V, {"year": YEAR}, method="common", test="z")
    assert found.predict({"year": 2000}).rows[0].prediction_interval is None
    assert found.tau2_interval is None
    assert "–" in str(found.predict({"year": 2000}))


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_with_moderators_too_the_highest_of_several_maxima_wins(method: str) -> None:
    yi = np.array([-0.93, 1.87, -0.09, -0.65, 0.05, 0.1])
    vi = np.array([0.5, 0.5, 0.002, 0.2, 0.002, 0.001])
    x = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    found = regress(yi, vi, {"x": x}, method=method)
    design, _ = orthonormal(np.stack([np.ones(6), x], axis=1))
    likelihood = Likelihood(Moderated(yi, vi, design), restricted=method == "REML")
    everywhere = likelihood.log(np.geomspace(1e-9, 100, 20_001))
    assert float(likelihood.log(found.tau2)) >= everywhere.max()


def test_one_study_with_nearly_all_the_weight_costs_no_digit() -> None:
    # DerSimonian and Laird about a line through four studies, in fractions
    y = [Fraction(1, 8), Fraction(7, 8), Fraction(-3, 4), Fraction(9, 8)]
    v = [Fraction(1, 2**40), Fraction(1, 4), Fraction(1, 2), Fraction(1, 8)]
    x = [Fraction(2000), Fraction(2001), Fraction(2003), Fraction(2007)]
    w = [1 / one for one in v]
    moments = [sum(a * b**n for a, b in zip(w, x, strict=True)) for n in range(3)]
    determinant = moments[0] * moments[2] - moments[1] ** 2
    p = [
        [
            (w[i] if i == j else 0)
            - w[i]
            * w[j]
            * (moments[2] - moments[1] * (x[i] + x[j]) + moments[0] * x[i] * x[j])
            / determinant
            for j in range(4)
        ]
        for i in range(4)
    ]
    q = sum(y[i] * p[i][j] * y[j] for i in range(4) for j in range(4))
    tau2 = (q - 2) / sum(p[i][i] for i in range(4))
    assert tau2 > 0
    found = regress(list(map(float, y)), list(map(float, v)), list(map(float, x)), method="DL")
    assert found.residual_q == pytest.approx(float(q), rel=1e-12)
    assert found.tau2 == pytest.approx(float(tau2), rel=1e-12)


# --- what it gives back ---------------------------------------------------------------------------


def test_a_regression_prints_its_coefficients_its_heterogeneity_and_its_choices() -> None:
    text = str(regress(Y, V, {"year": YEAR, "kind": KIND}))
    for part in ("kind[T.trial]", "95 % interval", "F(3, 4)", "tau²", "R² (%)", "Conventions"):
        assert part in text
    assert "8 studies for 3 coefficients of moderators" in text
    assert "z  " in str(regress(Y, V, {"year": YEAR}, test="z"))


def test_a_regression_gives_plain_data_and_rows() -> None:
    import json

    found = regress(Y, V, {"year": YEAR, "kind": KIND})
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["design"]["year"] == YEAR
    assert plain["coefficients"][1]["name"] == "year"
    assert found.to_frame().columns[-2:] == ["low", "high"]
    table = found.predict().to_frame()
    assert table.height == 8
    assert json.loads(json.dumps(found.predict().to_dict()))["level"] == 0.95


def test_a_study_only_its_own_coefficient_speaks_of_is_named() -> None:
    kinds = ["a", "a", "a", "b", "b", "b", "b", "c"]
    found = regress(Y, V, {"kind": kinds}, names=list("ABCDEFGH"))
    assert any("Fitted exactly" in s and ": H." in s for s in found.warnings)
    assert found.residuals[7] == pytest.approx(0, abs=1e-14)


def test_r2_is_none_where_there_is_nothing_to_account_for() -> None:
    found = regress([0.1, 0.11, 0.1, 0.09, 0.1], [0.2, 0.3, 0.1, 0.4, 0.2], {"x": [1, 2, 3, 4, 6]})
    assert found.r2 is None
    assert any("not defined" in sentence for sentence in found.warnings)
    assert any("more than chance allows" in sentence for sentence in found.warnings)
