"""Few, extreme, contradictory and impossible numbers: a defined answer, or an error that names."""

from __future__ import annotations

import contextlib
import math
from typing import Any

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


def said(pooled: PooledCurves, *words: str) -> bool:
    return all(any(word in warning for warning in pooled.warnings) for word in words)


def finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, list):
        return all(map(finite, value))
    return not isinstance(value, float) or math.isfinite(value)


@pytest.mark.parametrize("family", ["weibull", "log-logistic", "log-normal"])
def test_rates_at_one_time_say_survival_at_that_time_and_nothing_else(family: str) -> None:
    studies = [CurveSummary(f"{i}", 40, (rate(60, s),)) for i, s in enumerate((0.2, 0.3, 0.5))]
    pooled = pool_curves(studies, family=family)
    assert pooled.curve is not None
    assert pooled.curve.times == (60.0,)
    assert 0.2 < pooled.curve.survival[0] < 0.5
    assert pooled.median is None
    assert pooled.restricted_mean is None
    assert said(pooled, "not identifiable")
    with pytest.raises(EstimationError, match=r"36.*a time of which the numbers say nothing"):
        pooled.at(36)
    assert compare_families(studies, families=(family,)).rows[0].survival[0] is None


def test_every_family_gives_one_rate_of_one_study_back() -> None:
    for family in ("weibull", "log-logistic", "log-normal"):
        pooled = pool_curves([CurveSummary("one", 40, (rate(60, 0.35),))], family=family)
        assert pooled.at(60).survival == pytest.approx((0.35,), abs=1e-9)


def test_medians_alone_say_a_median_and_no_curve() -> None:
    studies = [CurveSummary(f"{i}", 40, (median(m),)) for i, m in enumerate((24, 36, 41, 50))]
    pooled = pool_curves(studies)
    assert pooled.curve is None
    assert pooled.restricted_mean is None
    assert pooled.median is not None
    assert 30 < pooled.median.estimate < 43
    assert said(pooled, "not identifiable", "held at 1")
    with pytest.raises(EstimationError, match="say nothing"):
        pooled.at(36)


def test_means_alone_or_one_other_quantile_alone_need_a_shape() -> None:
    means = [CurveSummary(f"{i}", 40, (mean(m),)) for i, m in enumerate((30, 50))]
    quarter = [CurveSummary("q", 40, (CurveObservation.quantile(12, 0.75),))]
    for studies in (means, quarter):
        with pytest.raises(EstimationError, match="do not say what shape"):
            pool_curves(studies)
        assert pool_curves(studies, shape=1.0).curve is not None


def test_one_study_has_its_curve_with_normal_limits_and_no_prediction() -> None:
    pooled = pool_curves([CurveSummary("one", 85, (median(38), rate(60, 0.37)))])
    assert pooled.k == 1
    assert pooled.degrees_of_freedom is None
    assert pooled.tau_location is None
    assert pooled.curve is not None
    assert pooled.curve.prediction_low is None
    assert said(pooled, "One study")
    # not quite what was printed: one of the 85 died at the median itself
    assert pooled.at(60).survival[0] == pytest.approx(0.37, abs=0.01)


def test_two_studies_have_wide_limits_and_a_warning() -> None:
    studies = [
        CurveSummary("one", 85, (median(38), rate(60, 0.37))),
        CurveSummary("two", 40, (median(50), rate(60, 0.42))),
    ]
    pooled = pool_curves(studies)
    assert pooled.degrees_of_freedom == 1
    assert said(pooled, "only 2 of them")


def test_as_many_numbers_as_coordinates_leave_nothing_to_judge_variation_by() -> None:
    pooled = pool_curves(
        [CurveSummary("a", 50, (rate(60, 0.3),)), CurveSummary("b", 50, (median(30),))]
    )
    assert pooled.tau_location is None
    assert said(pooled, "no more numbers than coordinates")


@pytest.mark.parametrize("family", FAMILIES)
def test_nobody_and_everybody_alive_are_taken_without_correction(family: str) -> None:
    studies = [
        CurveSummary("all alive", 20, (rate(12, 1.0), rate(36, 0.70))),
        CurveSummary("none alive", 15, (rate(12, 0.60), rate(60, 0.0))),
        CurveSummary("some", 60, (rate(12, 0.85), rate(60, 0.30))),
        CurveSummary("never fell", 9, (rate(12, 1.0),)),
    ]
    pooled = pool_curves(studies, family=family)
    assert pooled.n_numbers == 7
    assert not pooled.unused
    assert finite(pooled.to_dict())


def test_nobody_and_everybody_alive_are_named_where_the_normal_likelihood_cannot_hold_them() -> (
    None
):
    studies = [
        CurveSummary("a", 20, (rate(12, 1.0), rate(36, 0.70))),
        CurveSummary("b", 60, (rate(12, 0.85), rate(36, 0.85), rate(60, 0.30))),
        CurveSummary("c", 20, (rate(60, 0.0),)),
    ]
    pooled = pool_curves(studies, within="normal")
    assert len(pooled.unused) == 3
    assert pooled.omitted == ("c",)
    assert any("a: 100 % at 12: is infinite" in reason for reason in pooled.unused)
    assert any("b: 85 % at 36: nobody died" in reason for reason in pooled.unused)


def test_a_review_in_which_nobody_or_everybody_died_has_no_curve() -> None:
    with pytest.raises(EstimationError, match="never falls"):
        pool_curves([CurveSummary(f"{i}", 20, (rate(12, 1.0),)) for i in range(3)])
    with pytest.raises(EstimationError, match="when they died is not known"):
        pool_curves([CurveSummary(f"{i}", 20, (rate(60, 0.0),)) for i in range(3)])


def test_survival_that_rises_is_named_and_what_came_first_is_kept() -> None:
    other = CurveSummary("b", 60, (rate(12, 0.85), rate(60, 0.30)))
    pooled = pool_curves([CurveSummary("a", 40, (rate(36, 0.40), rate(60, 0.55))), other])
    assert pooled.n_numbers == 3
    assert "a: 55 % at 60: survival cannot rise after 40 % at 36" in pooled.unused
    # a hundredth is rounding
    pooled = pool_curves([CurveSummary("a", 40, (rate(36, 0.49), median(37))), other])
    assert not pooled.unused


def test_a_rate_and_a_median_at_one_time_are_one_sight_or_a_contradiction() -> None:
    other = CurveSummary("b", 60, (rate(12, 0.85), rate(60, 0.30)))
    same = pool_curves([CurveSummary("a", 40, (median(60), rate(60, 0.50))), other])
    assert same.unused == ("a: median 60: says what another number at the same time says",)
    against = pool_curves([CurveSummary("a", 40, (rate(60, 0.30), median(60))), other])
    assert against.unused == ("a: median 60: contradicts 30 % at 60",)


def test_a_study_without_its_size_is_named_unless_its_numbers_have_their_own_precision() -> None:
    other = CurveSummary("b", 60, (rate(12, 0.85), rate(60, 0.30)))
    bare = CurveSummary("a", None, (rate(60, 0.4), mean(40)))
    pooled = pool_curves([bare, other])
    assert pooled.omitted == ("a",)
    assert said(pooled, "number of patients not printed")
    own = CurveSummary("a", None, (rate(60, 0.4, interval=(0.3, 0.5)),))
    assert pool_curves([own, other]).k == 2


def test_a_precision_no_such_number_of_patients_can_have_is_named() -> None:
    studies = [
        CurveSummary("a", 20, (rate(60, 0.4, standard_error=0.01),)),
        CurveSummary("b", 60, (rate(12, 0.85), rate(60, 0.30))),
    ]
    assert said(pool_curves(studies), "would need 2400 patients")


def test_a_mean_is_not_used_where_the_curve_may_have_none_and_is_doubted_where_it_is() -> None:
    studies = [
        CurveSummary("a", 28, (rate(60, 0.5), mean(70))),
        CurveSummary("b", 60, (rate(12, 0.85), rate(60, 0.30))),
    ]
    assert said(pool_curves(studies), "is taken for that of all survival times")
    unused = pool_curves(studies, family="log-logistic").unused
    assert unused == ("a: mean 70: a log-logistic curve may have no finite mean",)
    restricted = CurveSummary("a", 28, (rate(60, 0.5), mean(50, until=84)))
    pooled = pool_curves([restricted, studies[1]], family="log-logistic")
    assert not pooled.unused
    assert not said(pooled, "is taken for that of all survival times")


def test_a_shape_no_number_speaks_of_is_called_poorly_known() -> None:
    studies = [CurveSummary(f"m{i}", 40, (median(m),)) for i, m in enumerate((30, 44, 38))]
    studies += [CurveSummary(f"r{i}", 40, (rate(60, s),)) for i, s in enumerate((0.5, 0.2))]
    assert said(pool_curves(studies), "Read survival only near the printed times")


def test_a_shape_that_runs_to_its_limit_is_named() -> None:
    steep = [CurveSummary("a", 40, (rate(59, 1.0), rate(60, 0.0)))]
    assert said(pool_curves(steep), "ran to its limit")


def test_time_beyond_the_last_printed_is_called_extrapolation() -> None:
    studies = [CurveSummary("b", 60, (rate(12, 0.85), rate(60, 0.30)))]
    assert said(pool_curves(studies, horizon=120), "Beyond 60")
    assert not said(pool_curves(studies, horizon=48), "Beyond")


def test_a_random_shape_needs_studies_that_print_two_points() -> None:
    studies = [CurveSummary(f"{i}", 40, (rate(36 + i, 0.4),)) for i in range(4)]
    with pytest.raises(EstimationError, match="fewer than 3 print two points"):
        pool_curves(studies, shape="random")


def test_pieces_without_a_printed_time_are_named() -> None:
    studies = [CurveSummary("b", 60, (rate(12, 0.85), rate(60, 0.30)))]
    with pytest.raises(EstimationError, match=r"(?s)from 24 to 48.*from 72 on"):
        pool_curves(studies, family="piecewise-exponential", cuts=(24, 48, 72))
    with pytest.raises(EstimationError, match="ascending"):
        pool_curves(studies, family="piecewise-exponential", cuts=(48, 24))
    one_piece = pool_curves(studies, family="piecewise-exponential", cuts=())
    assert len(one_piece.parameters) == 1


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"family": "gompertz"}, "family: .gompertz. is not known"),
        ({"method": "DL", "within": "exact"}, r"(?s)method.*within"),
        ({"shape": -1.0}, "shape"),
        ({"shape": "free"}, "shape"),
        ({"family": "piecewise-exponential", "shape": 1.0}, "no meaning for piecewise"),
        ({"cuts": (12,)}, "no meaning for this family"),
        ({"horizon": 0}, "horizon"),
        ({"level": 95}, "level"),
    ],
)
def test_options_that_do_not_exist_are_named(options: dict[str, Any], match: str) -> None:
    with pytest.raises(EstimationError, match=match):
        pool_curves([CurveSummary("b", 60, (rate(60, 0.30),))], **options)


@pytest.mark.parametrize(
    ("summary", "match"),
    [
        (CurveSummary("Adam", 0, (rate(60, 0.3),)), "Adam, n: .0. is not a number of patients"),
        (CurveSummary("Adam", math.nan, (rate(60, 0.3),)), "Adam, n"),
        (CurveSummary("Adam", 40, (rate(60, 37),)), "Adam, rate: .37. is not a proportion"),
        (CurveSummary("Adam", 40, (rate(60, math.nan),)), "Adam, rate"),
        (CurveSummary("Adam", 40, (rate(0, 0.3),)), "is not a time after the start"),
        (CurveSummary("Adam", 40, (median(-3),)), "is not a time after the start"),
        (CurveSummary("Adam", 40, (CurveObservation.quantile(9, 1.0),)), "between 0 and 1"),
        (CurveSummary("Adam", 40, (rate(60, 0.3, interval=(0.4, 0.5)),)), "does not enclose 0.3"),
        (CurveSummary("Adam", 40, (rate(60, 0.3, interval=(0.4, 0.2)),)), "from low to high"),
        (CurveSummary("Adam", 40, (rate(60, 0.3, standard_error=0),)), "standard error"),
        (CurveSummary("Adam", 40, (rate(60, 0.3, at_risk=-1),)), "at risk"),
        (CurveSummary("Adam", 40, (mean(60, until=40),)), "until"),
    ],
)
def test_numbers_no_study_can_have_printed_are_named(summary: CurveSummary, match: str) -> None:
    with pytest.raises(EstimationError, match=match):
        pool_curves([summary])


def test_all_that_is_wrong_is_named_at_once() -> None:
    wrong = [CurveSummary("a", -1, (rate(60, 2.0),)), CurveSummary("a", 3, (median(0),))]
    with pytest.raises(EstimationError) as caught:
        pool_curves(wrong)
    assert len(caught.value.problems) == 4


def test_nothing_to_pool_is_an_error_that_gives_the_reasons() -> None:
    with pytest.raises(EstimationError, match="no studies"):
        pool_curves([])
    with pytest.raises(EstimationError, match="a: 40 % at 60: number of patients not printed"):
        pool_curves([CurveSummary("a", None, (rate(60, 0.4),))])
    with pytest.raises(EstimationError, match="is not a CurveSummary"):
        pool_curves([("a", 40, 0.3)])  # type: ignore[list-item]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 2, 7, 40, 5000, 10**7]),
            st.lists(
                st.tuples(
                    st.sampled_from([0.01, 1, 12, 12.001, 36, 60, 240, 5000]),
                    st.sampled_from([0.0, 1e-6, 0.01, 0.2, 0.5, 0.8, 0.999, 1.0]),
                    st.booleans(),
                ),
                min_size=1,
                max_size=4,
            ),
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(list(FAMILIES)),
    st.sampled_from(["binomial", "normal"]),
)
def test_extreme_numbers_have_a_finite_answer_or_an_error_with_a_name(
    given_studies: list[tuple[int, list[tuple[float, float, bool]]]], family: str, within: str
) -> None:
    studies = []
    for index, (n, numbers) in enumerate(given_studies):
        found = [
            CurveObservation.quantile(t, s) if as_quantile and 0 < s < 1 else rate(t, s)
            for t, s, as_quantile in numbers
        ]
        studies.append(CurveSummary(f"study {index}", n, tuple(found)))
    pooled = None
    with contextlib.suppress(EstimationError):
        pooled = pool_curves(studies, family=family, within=within)
    if pooled is None:
        return
    assert finite(pooled.to_dict())
    assert np.all(np.abs([p.estimate for p in pooled.parameters]) < 50)
