"""Tests of funnel plot asymmetry: Egger, Begg and Mazumdar, Harbord, Peters."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from secondlook.errors import EstimationError
from secondlook.synthesis.small_studies import (
    begg_test,
    egger_test,
    harbord_test,
    peters_test,
)

Floats = NDArray[np.float64]

YI = [-0.9, -1.6, -1.3, -0.2, -0.4, 0.1]
VI = [0.33, 0.19, 0.42, 0.05, 0.11, 0.02]

EFFECTS = st.integers(-3000, 3000).map(lambda milli: milli / 1000)
VARIANCES = st.integers(1, 2000).map(lambda milli: milli / 1000)
STUDIES = st.lists(st.tuples(EFFECTS, VARIANCES), min_size=4, max_size=9, unique_by=lambda s: s[1])

# treated events and patients, control events and patients: no zero among the counts
TABLES = ([3, 7, 12, 40, 9], [30, 60, 80, 300, 45], [8, 12, 15, 52, 20], [31, 58, 82, 290, 44])


def _columns(studies: list[tuple[float, float]]) -> tuple[Floats, Floats]:
    table = np.array(studies)
    return table[:, 0], table[:, 1]


def _least_squares(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Give coefficients and standard errors of y on 1 and x, matrix by matrix."""
    design = np.column_stack([np.ones_like(x), x])
    inverse = np.linalg.inv(design.T @ design)
    found = inverse @ design.T @ y
    residuals = y - design @ found
    variance = residuals @ residuals / (x.size - 2)
    return found, np.sqrt(variance * np.diagonal(inverse))


def test_the_slope_is_the_intercept_of_the_regression_egger_published() -> None:
    error = np.sqrt(VI)
    coefficients, errors = _least_squares(1 / error, np.array(YI) / error)
    found = egger_test(YI, VI)
    assert found.asymmetry.estimate == pytest.approx(coefficients[0], rel=1e-12)
    assert found.asymmetry.standard_error == pytest.approx(errors[0], rel=1e-12)
    assert found.limit is not None
    assert found.limit.estimate == pytest.approx(coefficients[1], rel=1e-12)
    assert found.limit.standard_error == pytest.approx(errors[1], rel=1e-12)
    assert found.asymmetry.degrees_of_freedom == 4


def test_three_studies_worked_by_hand() -> None:
    # standard errors 1, 2, 2 and effects 0, 2, 4: weights 1, 1/4, 1/4, so that the mean standard
    # error is 4/3, the mean effect 1, the sums of squares 1/3 and of products 1
    found = egger_test([0.0, 2.0, 4.0], [1.0, 4.0, 4.0])
    assert found.asymmetry.estimate == pytest.approx(3.0)
    assert found.limit is not None
    assert found.limit.estimate == pytest.approx(-3.0)
    # residuals 0, -1, 1: the mean square is (1/4 + 1/4)/1
    assert found.dispersion == pytest.approx(0.5)
    assert found.asymmetry.standard_error == pytest.approx((0.5 * 3) ** 0.5)


def test_effects_on_a_line_have_nothing_to_test_its_slope_against() -> None:
    variances = np.array([1.0, 4.0, 9.0, 16.0])
    found = egger_test(1 + 2 * np.sqrt(variances), variances)
    assert found.asymmetry.estimate == pytest.approx(2.0)
    assert found.asymmetry.standard_error == 0
    assert found.asymmetry.p_value is None
    assert "none: the standard error is 0" in str(found)
    assert any("fits exactly" in sentence for sentence in found.warnings)


def test_a_mixed_model_without_scatter_has_the_slope_of_a_linear_one() -> None:
    yi = [0.1, 0.12, 0.2, 0.21, 0.3]
    mixed = egger_test(yi, VI[:5], model="mixed", test="z")
    linear = egger_test(yi, VI[:5])
    assert mixed.tau2 == 0
    assert mixed.asymmetry.estimate == pytest.approx(linear.asymmetry.estimate, rel=1e-12)
    assert linear.dispersion is not None
    scale = linear.dispersion**0.5
    assert linear.asymmetry.standard_error == pytest.approx(
        scale * mixed.asymmetry.standard_error, rel=1e-12
    )


@settings(max_examples=50, deadline=None)
@given(STUDIES, st.floats(-3, 3), st.sampled_from(["linear", "mixed"]))
def test_a_shift_moves_the_limit_and_not_the_slope(
    studies: list[tuple[float, float]], shift: float, model: str
) -> None:
    yi, vi = _columns(studies)
    before, after = (egger_test(one, vi, model=model) for one in (yi, yi + shift))
    assert after.asymmetry.estimate == pytest.approx(before.asymmetry.estimate, rel=1e-6, abs=1e-6)
    assert before.limit is not None
    assert after.limit is not None
    assert after.limit.estimate == pytest.approx(before.limit.estimate + shift, rel=1e-6, abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(STUDIES, st.sampled_from([2.0**-40, 2.0**30]), st.sampled_from(["linear", "mixed"]))
def test_units_do_not_matter(studies: list[tuple[float, float]], unit: float, model: str) -> None:
    yi, vi = _columns(studies)
    before = egger_test(yi, vi, model=model)
    after = egger_test(unit * yi, unit**2 * vi, model=model)
    assert after.asymmetry.estimate == before.asymmetry.estimate
    assert after.asymmetry.p_value == before.asymmetry.p_value
    assert before.limit is not None
    assert after.limit is not None
    assert after.limit.estimate == unit * before.limit.estimate


@settings(max_examples=50, deadline=None)
@given(STUDIES, st.randoms(use_true_random=False))
def test_the_order_of_the_studies_does_not_matter(
    studies: list[tuple[float, float]], random: Any
) -> None:
    shuffled = random.sample(studies, len(studies))
    before, after = (egger_test(*_columns(one)) for one in (studies, shuffled))
    assert after.asymmetry.estimate == pytest.approx(before.asymmetry.estimate, rel=1e-8, abs=1e-8)
    first, second = (begg_test(*_columns(one)) for one in (studies, shuffled))
    assert second.score == first.score


def test_sizes_predict_as_well_as_standard_errors() -> None:
    n = [40, 60, 30, 400, 200, 900]
    for predictor in ("inverse-n", "inverse-root-n"):
        assert egger_test(YI, VI, n=n, predictor=predictor).limit is not None
    for predictor in ("n", "root-n"):
        assert egger_test(YI, VI, n=n, predictor=predictor).limit is None


def test_a_study_without_its_size_is_left_out_and_named() -> None:
    n = [40, 60, float("nan"), 400, 200, 900]
    found = egger_test(YI, VI, n=n, predictor="inverse-n", names=list("abcdef"))
    assert found.omitted == ("c",)
    assert found.k == 5
    assert any(sentence.endswith("missing: c.") for sentence in found.warnings)


def test_the_exact_p_value_counts_all_orders() -> None:
    found = begg_test(YI[:5], VI[:5])
    scores = []
    for order in itertools.permutations(range(5)):
        pairs = itertools.combinations(range(5), 2)
        scores.append(sum(1 if order[i] < order[j] else -1 for i, j in pairs))
    expected = np.mean(np.abs(scores) >= abs(found.score))
    assert found.exact
    assert found.p_value == pytest.approx(expected, rel=1e-14)


def test_ties_are_tested_by_a_normal_distribution_with_a_corrected_variance() -> None:
    # of the six pairs those of equal variances count nothing; R's cor.test gives the same
    found = begg_test([0.1, 0.5, 0.2, 0.9], [0.1, 0.1, 0.2, 0.3])
    assert not found.exact
    assert found.statistic is not None
    # (4·3·13 - 2·1·9)/18 pairs of scores
    assert found.statistic == pytest.approx(found.score / (138 / 18) ** 0.5)
    assert found.kendall_tau == pytest.approx(found.score / (6 * 5) ** 0.5)


@settings(max_examples=50, deadline=None)
@given(STUDIES)
def test_the_other_sign_of_the_effects_is_the_other_sign_of_the_correlation(
    studies: list[tuple[float, float]],
) -> None:
    yi, vi = _columns(studies)
    try:
        before = begg_test(yi, vi)
    except EstimationError:
        return
    after = begg_test(-yi, vi)
    assert after.score == -before.score
    assert after.p_value == pytest.approx(before.p_value)


def test_harbord_is_the_regression_of_the_paper_worked_matrix_by_matrix() -> None:
    a, n1, c, n0 = (np.array(column, dtype=float) for column in TABLES)
    n, events = n1 + n0, a + c
    score = a - events * n1 / n
    information = n1 * n0 * events * (n - events) / (n**2 * (n - 1))
    coefficients, errors = _least_squares(np.sqrt(information), score / np.sqrt(information))
    found = harbord_test(*TABLES)
    assert found.asymmetry.estimate == pytest.approx(coefficients[0], rel=1e-12)
    assert found.asymmetry.standard_error == pytest.approx(errors[0], rel=1e-12)


def test_peters_weights_log_odds_ratios_by_events_and_others() -> None:
    a, n1, c, n0 = (np.array(column, dtype=float) for column in TABLES)
    log_odds_ratios = np.log(a * (n0 - c) / (c * (n1 - a)))
    root = np.sqrt((a + c) * (n1 + n0 - a - c) / (n1 + n0))
    design = np.column_stack([root, root / (n1 + n0)])
    expected = np.linalg.lstsq(design, root * log_odds_ratios, rcond=None)[0]
    found = peters_test(*TABLES)
    assert found.limit is not None
    assert [found.limit.estimate, found.asymmetry.estimate] == pytest.approx(expected, rel=1e-10)


def test_studies_without_events_have_no_part_in_tests_of_odds_ratios() -> None:
    columns = [[*column, extra] for column, extra in zip(TABLES, (0, 20, 0, 20), strict=True)]
    for test in (harbord_test, peters_test):
        found = test(*columns, names=list("abcdef"))
        assert found.k == 5
        assert any("both arms: f." in sentence for sentence in found.warnings)
        assert found.asymmetry == test(*TABLES, names=list("abcde")).asymmetry


def test_a_zero_count_needs_a_correction_only_where_a_log_odds_ratio_is_taken() -> None:
    columns = [[*column, extra] for column, extra in zip(TABLES, (0, 20, 3, 20), strict=True)]
    assert harbord_test(*columns).k == 6
    with pytest.raises(EstimationError, match="study 6"):
        peters_test(*columns)
    corrected = peters_test(*columns, add=0.5)
    assert any("0.5 was added" in sentence for sentence in corrected.conventions)


def test_every_result_says_that_asymmetry_proves_nothing_and_that_few_studies_tell_little() -> None:
    for found in (egger_test(YI, VI), begg_test(YI, VI), harbord_test(*TABLES)):
        assert any("not proof of publication bias" in sentence for sentence in found.warnings)
        assert any("fewer than 10 studies" in sentence for sentence in found.warnings)
        json.dumps(found.to_dict(), allow_nan=False)
        assert found.to_frame().height >= 1
        assert "Warnings" in str(found)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: egger_test(YI[:2], VI[:2]), "give at least 3"),
        (lambda: egger_test(YI, [0.1] * 6), "is the same in every study"),
        (lambda: egger_test(YI, VI, predictor="n"), "needs the sizes"),
        (lambda: egger_test(YI, VI, n=[1, 2, 3, 4, 5, 0], predictor="n"), "study 6, n"),
        (lambda: egger_test(YI, VI, n=[5] * 6, predictor="n"), "is the same in every study"),
        (lambda: egger_test(YI, VI, predictor="sei"), "standard-error, variance"),
        (lambda: egger_test(YI, VI, model="rma"), "linear, mixed"),
        (lambda: egger_test(YI, VI, method="DL"), "has no place in a linear regression"),
        (lambda: egger_test(YI, VI, model="mixed", method="common"), 'use model="linear"'),
        (lambda: egger_test(YI, [*VI[:5], 0.0]), "study 6, vi"),
        (lambda: egger_test(YI, VI, level=95), "write 0.95"),
        (lambda: begg_test(YI[:1], VI[:1]), "give at least 2"),
        (lambda: begg_test(YI, [0.1] * 6), "the variances"),
        (lambda: begg_test([1.0] * 6, VI), "the standardised effects"),
        (lambda: harbord_test([1, 2], [9, 9], [3, 4], [9, 9]), "give at least 3"),
        (lambda: harbord_test([1, 2, 10], [9, 9, 9], [3, 4, 5], [9, 9, 9]), "study 3"),
        (lambda: peters_test([1, 2, 3], [9, 9, 9], [3, 4, 5], [9, 9, 9]), "same in every study"),
        (lambda: peters_test(*TABLES, level=2.0), "write 0.95"),
    ],
)
def test_what_cannot_be_tested_is_refused_in_one_line(
    call: Callable[[], object], says: str
) -> None:
    with pytest.raises(EstimationError, match=says):
        call()
