"""Other programs' choices, and the definitions on which programs differ."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.errors import EstimationError
from secondlook.synthesis import pool
from secondlook.synthesis.conventions import CONVENTIONS, choose
from secondlook.synthesis.inconsistency import from_q

# Four studies with unlike variances
YI, VI = [0.1, 0.5, 0.9, -0.2], [0.04, 0.09, 0.0625, 0.16]

STUDIES = st.lists(
    st.tuples(
        st.integers(-3000, 3000).map(lambda milli: milli / 1000),
        st.integers(1, 2000).map(lambda milli: milli / 1000),
    ),
    min_size=3,
    max_size=9,
)


def test_stata_s_printed_summary_of_its_ten_fictional_studies_comes_out() -> None:
    # printed by Stata for "meta summ" after "webuse metaset", quoted in full in a post to the
    # Statalist on the confidence interval of the total effect (thread 1696829); effects and limits
    # have three decimals there, hence the tolerances
    effects = [1.480, 0.999, 1.272, 1.001, 1.179, 1.939, 2.377, 0.694, 1.099, 1.805]
    low = [-0.352, -0.933, 0.427, 0.750, -0.527, 0.427, 1.005, -0.569, -0.147, -0.151]
    high = [3.311, 2.931, 2.117, 1.252, 2.884, 3.452, 3.750, 1.956, 2.345, 3.761]
    variances = [((b - a) / (2 * 1.959964)) ** 2 for a, b in zip(low, high, strict=True)]
    pooled = pool(effects, variances, conventions="stata")
    assert pooled.estimate == pytest.approx(1.138, abs=0.001)
    assert pooled.interval == pytest.approx((0.857, 1.418), abs=0.001)
    assert pooled.tau2 == pytest.approx(0.0157, abs=0.0002)
    assert pooled.i2 == pytest.approx(5.30, abs=0.1)
    assert pooled.h2 == pytest.approx(1.06, abs=0.01)
    assert pooled.statistic == pytest.approx(7.95, abs=0.02)
    assert pooled.q == pytest.approx(6.34, abs=0.01)
    assert pooled.q_p_value == pytest.approx(0.7054, abs=0.002)
    printed = [2.30, 2.07, 10.15, 63.77, 2.65, 3.35, 4.05, 4.75, 4.88, 2.02]
    assert pooled.weights == pytest.approx(printed, abs=0.1)


def test_prediction_intervals_differ_in_nothing_but_the_quantile() -> None:
    # 97.5 % points of t with 3 and 2 degrees of freedom and of the normal distribution
    quantiles = {"t": 3.182446, "hts": 4.302653, "z": 1.959964}
    widths = {}
    for prediction, quantile in quantiles.items():
        interval = pool(YI, VI, test="z", prediction=prediction).prediction_interval
        assert interval is not None
        widths[prediction] = (interval[1] - interval[0]) / quantile
    assert widths["hts"] == pytest.approx(widths["t"], rel=1e-6)
    assert widths["z"] == pytest.approx(widths["t"], rel=1e-6)


@pytest.mark.parametrize(("test", "degrees"), [("z", None), ("t", 3), ("hksj", 3)])
def test_prediction_follows_the_test_where_nothing_else_is_asked(
    test: str, degrees: int | None
) -> None:
    followed = pool(YI, VI, test=test)
    explicit = pool(YI, VI, test=test, prediction="z" if degrees is None else "t")
    assert followed.prediction_interval == explicit.prediction_interval
    assert any("as for the test" in sentence for sentence in followed.conventions)


def test_two_studies_leave_no_degrees_of_freedom_for_hts_and_it_says_so() -> None:
    pooled = pool([0.1, 0.9], [0.04, 0.04], prediction="hts")
    assert pooled.prediction_interval is None
    assert any("needs three studies" in sentence for sentence in pooled.conventions)


def test_meta_predicts_with_the_unmultiplied_variance_and_hartung_knapp_does_not() -> None:
    plain = pool(YI, VI, test="t").prediction_interval
    as_meta = pool(YI, VI, conventions="meta", test="hksj-unguarded").prediction_interval
    multiplied = pool(YI, VI, test="hksj-unguarded").prediction_interval
    assert as_meta == plain
    assert multiplied != plain


@given(STUDIES)
def test_the_two_definitions_of_i2_are_one_for_dersimonian_and_laird(
    studies: list[tuple[float, float]],
) -> None:
    yi, vi = zip(*studies, strict=True)
    pooled = pool(yi, vi, method="DL")
    assert pooled.i2_from_tau2 == pytest.approx(pooled.i2_from_q, abs=1e-6)
    assert pooled.i2 == pooled.i2_from_tau2


@given(STUDIES, st.sampled_from(["REML", "PM", "SJ"]))
def test_both_definitions_are_given_whichever_is_shown(
    studies: list[tuple[float, float]], method: str
) -> None:
    yi, vi = zip(*studies, strict=True)
    by_tau2, by_q = (pool(yi, vi, method=method, i2_definition=d) for d in ("tau2", "q"))
    for one in (by_tau2, by_q):
        assert one.i2_from_q == pytest.approx(max(0, 100 * (1 - (one.k - 1) / max(one.q, 1e-300))))
        assert one.h2_from_q == pytest.approx(one.q / (one.k - 1))
    assert by_q.i2_from_tau2 == by_tau2.i2 == by_tau2.i2_from_tau2
    assert by_q.i2 == by_tau2.i2_from_q


def test_the_test_based_interval_is_that_of_higgins_and_thompson() -> None:
    # by hand from their formulas: Q = 30, k = 11: H = sqrt(3); se(log H) = 0.5 log(3)/(sqrt(60)
    # - sqrt(19)) = 0.549306/3.387067 = 0.162178; log H = 0.549306; 1.959964 se = 0.317863
    found = from_q(30.0, 10, 0.95)
    assert found.h2 == pytest.approx(3)
    assert found.i2 == pytest.approx(100 * 2 / 3)
    low, high = math.exp(2 * (0.549306 - 0.317863)), math.exp(2 * (0.549306 + 0.317863))
    assert found.h2_interval == pytest.approx((low, high), rel=1e-5)
    assert found.i2_interval == pytest.approx((100 * (1 - 1 / low), 100 * (1 - 1 / high)), rel=1e-5)


def test_the_test_based_interval_ends_at_no_heterogeneity_and_may_not_exist() -> None:
    # Q = 2 of 5 studies: se(log H) = sqrt((1 - 1/27)/6) = 0.400617, log H held at 0
    found = from_q(2.0, 4, 0.95)
    assert (found.i2, found.h2) == (0.0, 1.0)
    assert found.h2_interval == pytest.approx((1, math.exp(2 * 1.959964 * 0.400617)), rel=1e-5)
    assert from_q(1.0, 1, 0.95).h2_interval is None
    pooled = pool([0.1, 0.2], [1.0, 1.0], i2_definition="q")
    assert pooled.i2_interval is None


@pytest.mark.parametrize("program", CONVENTIONS)
def test_every_result_says_whose_conventions_it_used(program: str) -> None:
    title = CONVENTIONS[program].title
    assert pool(YI, VI, conventions=program).conventions[0] == f"Chosen as {title} chooses."
    assert f"Chosen as {title} chooses." in pool([0.1], [0.2], conventions=program).conventions
    assert not any("Chosen as" in sentence for sentence in pool(YI, VI).conventions)


def test_what_is_given_goes_before_a_program_s_choice_and_is_named() -> None:
    pooled = pool(YI, VI, conventions="stata", method="DL", prediction="t")
    assert (pooled.method, pooled.test) == ("DL", "z")
    assert pooled.conventions[0].endswith("chooses, but for method, prediction.")
    by_itself = pool(YI, VI, method="DL", test="z", prediction="t")
    assert pooled.prediction_interval == by_itself.prediction_interval


def test_jackson_s_interval_is_missed_only_where_meta_would_give_it() -> None:
    sentence = "Meta gives Jackson's interval of tau² with DL; this one is ours."
    assert sentence in pool(YI, VI, conventions="meta", method="DL").conventions
    assert sentence not in pool(YI, VI, conventions="meta").conventions


def test_ours_are_what_cochrane_recommends() -> None:
    # Cochrane, Random-effects meta-analysis methods for intervention reviews: REML, HKSJ, Q-profile
    # and I² from tau²; the safeguard is ours
    chosen = choose()
    assert (chosen.method, chosen.test, chosen.prediction) == ("REML", "hksj", "t")
    assert (chosen.tau2_interval, chosen.i2_definition) == ("q-profile", "tau2")
    assert pool(YI, VI) == pool(
        YI, VI, method="REML", test="hksj", tau2_interval="q-profile", i2_definition="tau2"
    )


def test_revman_is_ours_without_the_safeguard() -> None:
    as_revman, ours = pool(YI, VI, conventions="revman"), pool(YI, VI, test="hksj-unguarded")
    assert as_revman.to_dict() | {"conventions": None} == ours.to_dict() | {"conventions": None}


@pytest.mark.parametrize("method", ["REML", "ML", "DL"])
def test_a_profile_likelihood_interval_holds_the_estimate_of_its_likelihood(method: str) -> None:
    pooled = pool(YI, VI, method=method, tau2_interval="profile-likelihood")
    assert pooled.tau2_interval is not None
    assert pooled.tau2 is not None
    assert pooled.tau2_interval[0] <= pooled.tau2 <= pooled.tau2_interval[1]
    word = "profile likelihood" if method == "ML" else "profile restricted likelihood"
    assert any(word in sentence for sentence in pooled.conventions)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("prediction", "riley"),
        ("prediction", 3),
        ("tau2_interval", ["q-profile"]),
        ("i2_definition", "Q"),
        ("conventions", "spss"),
        ("conventions", {}),
    ],
)
def test_an_unknown_choice_is_one_line_that_names_what_there_is(option: str, value: Any) -> None:
    with pytest.raises(EstimationError, match=rf"^pool, {option}: .*use ") as caught:
        pool(YI, VI, **{option: value})
    assert len(str(caught.value).splitlines()) == 1


def test_all_wrong_choices_are_named_at_once() -> None:
    with pytest.raises(EstimationError) as caught:
        pool(YI, VI, method="x", test="x", level=2.0, prediction="x", conventions="x")
    assert len(str(caught.value).splitlines()) == 5
