"""Cases that are answered, and cases that are refused by name."""

from __future__ import annotations

import datetime
import json
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from secondlook.errors import EstimationError
from secondlook.synthesis import leave_one_out, pool

NAN = float("nan")


def test_one_study_is_its_own_estimate_and_says_what_cannot_be_known() -> None:
    pooled = pool([0.5], [0.04], names=["Adam"])
    # 1.959964 is the 97.5 % point of the normal distribution
    assert pooled.estimate == 0.5
    assert pooled.interval == pytest.approx((0.5 - 0.3919928, 0.5 + 0.3919928), abs=1e-7)
    assert (pooled.k, pooled.test, pooled.weights) == (1, "z", (100.0,))
    for name in ("tau2", "tau2_interval", "prediction_interval", "i2", "h2", "q_p_value"):
        assert getattr(pooled, name) is None
    assert len(pooled.warnings) == 1
    assert "One study" in pooled.warnings[0]


@pytest.mark.parametrize("method", ["REML", "DL", "PM"])
def test_equal_effects_have_no_heterogeneity_and_the_guarded_interval_keeps_its_width(
    method: str,
) -> None:
    pooled = pool([0.1, 0.1, 0.1], [0.1, 0.2, 0.3], method=method)
    assert (pooled.tau2, pooled.q, pooled.q_p_value) == (0.0, 0.0, 1.0)
    assert pooled.estimate == 0.1
    # 1/0.1 + 1/0.2 + 1/0.3 = 55/3
    assert pooled.standard_error == pytest.approx(math.sqrt(3 / 55))
    assert pooled.tau2_interval == (0.0, 0.0)
    assert any("agree more than chance" in sentence for sentence in pooled.warnings)


def test_equal_effects_leave_the_unguarded_test_without_an_error_and_it_says_so() -> None:
    # 0.3 and 0.1 + 0.2 differ in their last bit only
    pooled = pool([0.3, 0.3, 0.1 + 0.2], [0.1, 0.2, 0.3], test="hksj-unguarded")
    assert pooled.standard_error == 0
    assert pooled.statistic is pooled.p_value is None
    assert any("use test hksj" in sentence for sentence in pooled.warnings)
    assert "none: the standard error is 0" in str(pooled)


def test_a_study_without_a_variance_is_left_out_by_name() -> None:
    pooled = pool([0.1, 0.2, NAN, 0.4], [0.1, NAN, 0.1, 0.1], names=["A", "B", "C", "D"])
    assert pooled.names == ("A", "D")
    assert pooled.omitted == ("B", "C")
    assert "Left out, effect or variance missing: B, C." in pooled.warnings
    assert pooled.estimate == pool([0.1, 0.4], [0.1, 0.1]).estimate


def test_every_variance_that_is_not_positive_is_named() -> None:
    with pytest.raises(EstimationError) as caught:
        pool([0.1, 0.2, 0.3, math.inf], [0, 0.1, -0.2, math.inf], names=["A", "B", "C", "D"])
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["A, vi", "C, vi", "D, yi", "D, vi"]


@pytest.mark.parametrize(
    ("yi", "vi"), [([], []), ([NAN], [0.1]), ([0.1, NAN], [NAN, 0.1])], ids=["none", "one", "two"]
)
def test_nothing_to_pool_is_one_line(yi: list[float], vi: list[float]) -> None:
    with pytest.raises(EstimationError, match="too few to pool") as caught:
        pool(yi, vi)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("yi", "vi", "names"),
    [
        ([0.1, 0.2], [0.1], None),
        ([0.1, 0.2], [0.1, 0.1], ["A"]),
        ([[0.1, 0.2]], [0.1, 0.1], None),
        (0.1, 0.2, None),
        (["many", "few"], [0.1, 0.1], None),
        ([0.1 + 2j, 0.2], [0.1, 0.1], None),
        ([np.complex128(2j), None], [0.1, 0.1], None),
        ([0.1, 0.2], np.array(["2010-01-01", "2010-02-01"], dtype="datetime64[D]"), None),
        ([0.1, 0.2], [0.1, np.timedelta64(3, "D")], None),
        ([0.1, np.datetime64("2010-01-01")], [0.1, 0.1], None),
        ([datetime.date(2010, 1, 1)] * 2, [0.1, 0.1], None),
        ([10**400, 1], [0.1, 0.1], None),
        ([10**5000, 1], [0.1, 0.1], None),
        ((effect for effect in (0.1, 0.2)), [0.1, 0.1], None),
        ([0.1, 0.2], [0.1, 0.1], (name for name in "AB")),
        ([0.1, 0.2], [0.1, 0.1], "AB"),
        ([0.1, 0.2], [0.1, 0.1], {"A", "B"}),
        ([0.1, 0.2], [0.1, 0.1], 2),
    ],
)
def test_lists_that_do_not_belong_together_are_refused(
    yi: object, vi: object, names: object
) -> None:
    with pytest.raises(EstimationError) as caught:
        pool(yi, vi, names=names)  # type: ignore[arg-type]
    assert len(str(caught.value).splitlines()) == 1


def test_a_masked_effect_is_not_taken_for_a_number() -> None:
    effects = np.ma.MaskedArray([0.1, 99.0], mask=[False, True])
    with pytest.raises(EstimationError, match="mask would be lost; write NaN"):
        pool(effects, [0.1, 0.1])


@pytest.mark.parametrize(
    ("option", "value"),
    [("method", ["REML"]), ("test", {}), ("test", 1), ("level", "a"), ("level", None)],
)
def test_an_option_of_another_kind_is_refused_as_an_unknown_one_is(option: str, value: Any) -> None:
    for function in (pool, leave_one_out):
        with pytest.raises(EstimationError, match=f"pool, {option}: ") as caught:
            function([0.1, 0.2], [0.1, 0.1], **{option: value})
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("method", ["REML", "DL", "PM"])
@pytest.mark.parametrize("variance", [1e-190, 1e-155, 1e-100])
def test_studies_ever_so_precise_leave_their_sample_variance_as_tau2(
    method: str, variance: float
) -> None:
    # 1, 2 and 3 have mean 2 and sample variance 1, from which the sampling variance takes nothing;
    # 4.302653 is the 97.5 % point of t with 2 degrees of freedom; H² = 1 + tau²/v
    pooled = pool([1, 2, 3], [variance] * 3, method=method)
    assert pooled.estimate == pytest.approx(2, rel=1e-14)
    assert pooled.tau2 == pytest.approx(1, rel=1e-14)
    assert pooled.h2 == pytest.approx(1 / variance, rel=1e-14)
    assert pooled.interval[1] == pytest.approx(2 + 4.302653 / math.sqrt(3), rel=1e-7)


@pytest.mark.parametrize("method", ["REML", "DL", "PM", "common"])
@pytest.mark.parametrize("size", [1e-140, 1e-90, 1e140])
def test_effects_of_any_size_pool_as_those_of_size_one_do(method: str, size: float) -> None:
    # y = 0 and 3 with v = 1 and 2: s² = 4.5, so tau² = 4.5 - 1.5 = 3 (REML, DL and PM agree on two
    # studies), weights 1/4 and 1/5, estimate (3/5)/(9/20) = 4/3; with tau² = 0, 1.5/1.5 = 1
    pooled = pool([0, 3 * size], [size**2, 2 * size**2], method=method)
    tau2, estimate = (0, 1) if method == "common" else (3, 4 / 3)
    assert pooled.tau2 == pytest.approx(tau2 * size**2, rel=1e-12)
    assert pooled.estimate == pytest.approx(estimate * size, rel=1e-12)
    assert pooled.q == pytest.approx(3, rel=1e-12)


@pytest.mark.parametrize("method", ["REML", "DL", "PM", "common"])
def test_what_no_double_can_hold_is_refused_in_one_line_that_names_the_study(method: str) -> None:
    for yi, vi in (([1, 2], [1.0, 1e-300]), ([1, 1e300], [2.0, 1.0]), ([1, 2], [1e300, 5e-324])):
        with pytest.raises(
            EstimationError, match=r"^[AB], vi: .*nothing can be computed"
        ) as caught:
            pool(yi, vi, method=method, names=["A", "B"])
        assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(EstimationError, match="nothing can be computed"):
        pool([1e300], [1e-300], method=method)


@pytest.mark.parametrize("method", ["REML", "DL", "PM"])
def test_a_tau2_no_double_can_hold_is_refused_and_not_given_as_infinite(method: str) -> None:
    # half the square of 1e155
    with pytest.raises(EstimationError, match="no double can hold; give the effects in another"):
        pool([0, 1e155], [1e300, 1e300], method=method)


def test_all_wrong_options_are_named_at_once_with_what_to_write() -> None:
    with pytest.raises(EstimationError) as caught:
        pool([0.1], [0.1], method="reml", test="knha", level=95)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "use REML, DL, PM, ML, EB, SJ, HE, HS, common" in lines[0]
    assert "hksj-unguarded" in lines[1]
    assert "0.95" in lines[2]


def test_reml_takes_the_higher_of_two_maxima_and_names_the_other() -> None:
    # metafor 3.8-1 started at 0.0097 and at its default reaches 0.0097 and 0.3159; the restricted
    # log-likelihoods differ by 0.23 in favour of the first
    pooled = pool([-0.93, 1.87, -0.09, -0.65, 0.05], [0.5, 0.5, 0.002, 0.2, 0.002])
    assert pooled.tau2 == pytest.approx(0.0097, abs=5e-5)
    assert any("also at tau² = 0.3159" in sentence for sentence in pooled.warnings)


def test_an_estimate_outside_its_q_profile_interval_is_said() -> None:
    # the same studies; metafor 3.8-1: tau² 0.00967, Q-profile 0.01221 to 9.40584
    pooled = pool([-0.93, 1.87, -0.09, -0.65, 0.05], [0.5, 0.5, 0.002, 0.2, 0.002])
    assert "tau² lies outside its Q-profile interval, 0.0122 to 9.4058." in pooled.warnings


def test_a_common_effect_has_no_prediction_interval_and_discourages_hartung_knapp() -> None:
    pooled = pool([0.0, 2.0], [1.0, 1.0], method="common")
    assert pooled.prediction_interval is None
    assert pooled.tau2_interval is None
    assert pooled.tau2 == 0
    assert (pooled.i2, pooled.h2) == (50.0, 2.0)
    assert any("not for a common effect" in sentence for sentence in pooled.warnings)


def test_a_narrowing_factor_is_a_warning_without_the_guard_and_a_convention_with_it() -> None:
    effects, variances = [0.10, 0.11, 0.10, 0.09, 0.10], [0.2, 0.3, 0.1, 0.4, 0.2]
    unguarded = pool(effects, variances, test="hksj-unguarded")
    guarded = pool(effects, variances, test="hksj")
    assert any("narrower than without it" in sentence for sentence in unguarded.warnings)
    assert guarded.variance_factor == 1
    assert any("the safeguard acted" in sentence for sentence in guarded.conventions)


def test_every_convention_programs_differ_on_is_named() -> None:
    text = " ".join(pool([0.1, 0.5, 0.9], [0.1, 0.1, 0.2]).conventions)
    for words in (
        "restricted maximum likelihood",
        "Hartung-Knapp-Sidik-Jonkman",
        "safeguard",
        "Prediction interval: t with 2 degrees of freedom",
        "Higgins and Thompson",
        "Q-profile",
    ):
        assert words in text


def test_a_result_prints_what_a_statistician_looks_for() -> None:
    # numbers as printed by metafor 3.8-1: rma(yi, vi, test="t") and confint for y = 0, 2, v = 1, 1
    text = str(pool([0, 2], [1, 1], test="t", names=["A", "B"]))
    assert "Random effects, REML: 2 studies" in text
    assert "1.0000   (standard error 1.0000)" in text
    assert "t = 1.0000, 1 df, P = 0.5000" in text
    assert "-11.7062 to 13.7062" in text
    assert "95 % prediction" in text
    assert "Q        2.0000, 1 df, P = 0.1573" in text
    assert "Conventions" in text
    assert "tau² and the prediction interval rest on only 2 studies." in text


def test_a_result_goes_through_json_and_comes_back_the_same() -> None:
    pooled = pool([0.1, 0.5, 0.9], [0.1, 0.1, 0.2], names=["A", "B", "C"])
    plain = pooled.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["names"] == ["A", "B", "C"]
    assert plain["interval"] == list(pooled.interval)


def test_leave_one_out_names_its_rows_and_prints_them() -> None:
    result = leave_one_out([0.0, 0.1, 3.0], [0.1, 0.1, 0.1], names=["A", "B", "C"])
    assert result.to_frame()["omitted"].to_list() == ["A", "B", "C"]
    assert [line.split()[0] for line in str(result).splitlines()[1:]] == ["(none)", "A", "B", "C"]
    plain = result.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    # without C, y = 0 and 0.1 with equal variances
    assert result.rows[2].estimate == pytest.approx(0.05)


def test_names_that_are_numbers_are_names() -> None:
    result = leave_one_out([0.0, 0.1, 3.0], [0.1, 0.1, 0.1], names=[1, 2, 3])  # type: ignore[list-item]
    assert [line.split()[0] for line in str(result).splitlines()[1:]] == ["(none)", "1", "2", "3"]


def test_leave_one_out_of_one_study_is_refused_by_its_name() -> None:
    with pytest.raises(EstimationError, match="Adam"):
        leave_one_out([0.1, NAN], [0.1, 0.2], names=["Adam", "Raab"])


def test_ten_thousand_studies_are_no_trouble() -> None:
    rng = np.random.default_rng(20100)
    vi = rng.uniform(0.01, 0.5, 10_000)
    yi = rng.normal(0.3, np.sqrt(vi + 0.04))
    pooled = pool(yi, vi)
    # the truth that was simulated, within four standard errors
    assert pooled.tau2 is not None
    assert pooled.tau2_standard_error is not None
    assert abs(pooled.estimate - 0.3) < 4 * pooled.standard_error
    assert abs(pooled.tau2 - 0.04) < 4 * pooled.tau2_standard_error


def test_pooling_brings_in_neither_statistics_nor_tables_nor_drawing() -> None:
    heavy = ["scipy.stats", "pandas", "matplotlib", "numba", "polars"]
    code = (
        "import sys, secondlook.synthesis.pooling, secondlook.synthesis.leave_one_out\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
