from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtri

import secondlook as sl
from secondlook.audit import RULES as ALL
from secondlook.audit.arithmetic import greenwood_limits, smallest_p
from secondlook.audit.block import blocks
from secondlook.audit.verdict import Outcome, Severity, Verdict
from secondlook.evidence import Evidence, Finding, Reported, Source, Study

RULES = [rule for rule in ALL if rule.family == "intervals and P values"]
BY_ID = {rule.id: rule for rule in RULES}
HERE = Source("doc", "text")


def finding(statistic: str, value: str = "", **given: Any) -> Finding:
    words = {"low", "high", "level", "p", "n", "events"} & given.keys()
    given |= {name: Reported(given[name]) for name in words}
    told: dict[str, Any] = {"endpoint": "OS", "source": HERE} | given
    return Finding(study="s", statistic=statistic, value=Reported(value), **told)


def sizes(a: str, b: str, whole: str = "") -> list[Finding]:
    given = {"a": a, "b": b, "all": whole}
    return [
        finding("count", size, cohort=name, endpoint="patients")
        for name, size in given.items()
        if size
    ]


def ratio(value: str, low: str, high: str, level: str = "95", **given: Any) -> Finding:
    statistic = given.pop("statistic", "hazard_ratio")
    options: dict[str, Any] = {"cohort": "a", "comparator": "b", "low": low, "high": high}
    options["level"] = level
    return finding(statistic, value, **(options | given))


def look(rule: str, *findings: Finding) -> list[Verdict]:
    evidence = Evidence(studies=(Study("s"),), findings=findings)
    return [v for block in blocks(evidence) for v in BY_ID[rule].look(block)]


def one(rule: str, *findings: Finding) -> Verdict:
    (verdict,) = look(rule, *findings)
    return verdict


def test_an_estimate_outside_its_interval_is_an_error() -> None:
    verdict = one("point-in-interval", ratio("0.93", "0.60", "0.66"))
    assert verdict.severity is Severity.ERROR
    assert "0.93 is above the upper limit 0.66" in verdict.message


def test_an_estimate_that_rounds_onto_its_limit_is_no_contradiction() -> None:
    verdict = one("point-in-interval", ratio("0.7", "0.65", "0.66"))
    assert verdict.outcome is Outcome.PASSED


def test_a_range_the_wrong_way_round_is_an_error() -> None:
    verdict = one("point-in-interval", finding("survival_range", low="61", high="18"))
    assert verdict.severity is Severity.ERROR


def test_a_limit_not_reached_leaves_the_other_to_be_checked() -> None:
    open_ended = finding("median", "20", low="24", high="not reached")
    assert one("point-in-interval", open_ended).outcome is Outcome.FIRED
    alone = finding("median", "20", low="not reached", high="not reached")
    assert one("point-in-interval", alone).missing == "a number for low and high"


def test_a_ratio_without_an_interval_is_not_evaluated() -> None:
    bare = finding("hazard_ratio", "0.8", cohort="a", comparator="b")
    for rule in ("log-symmetry", "interval-against-p", "interval-too-narrow"):
        assert one(rule, bare).missing == "both limits of the interval"


def test_a_wrong_digit_in_a_limit_of_a_large_study_is_an_error() -> None:
    # ln(0.66/0.63) over ln(0.63/0.50) is 0.20
    verdict = one("log-symmetry", ratio("0.63", "0.50", "0.66"))
    assert verdict.severity is Severity.ERROR


def test_the_same_asymmetry_without_a_level_or_of_a_risk_ratio_is_only_suspect() -> None:
    unknown = ratio("0.63", "0.50", "0.66", level="")
    assert one("log-symmetry", unknown).severity is Severity.SUSPECT
    other = ratio("0.63", "0.50", "0.66", statistic="risk_ratio")
    assert one("log-symmetry", other).severity is Severity.SUSPECT


def test_limits_only_as_skewed_as_a_profile_likelihood_are_an_info() -> None:
    # arms of ln(1.95/1.00) = 0.668 and ln(1.00/0.47) = 0.755: 0.885 of each other
    assert one("log-symmetry", ratio("1.000", "0.470", "1.950")).severity is Severity.INFO


@settings(max_examples=300, deadline=None)
@given(
    effect=st.floats(-2, 2),
    error=st.floats(0.01, 1.5),
    digits=st.integers(1, 3),
    level=st.sampled_from([90, 95, 99]),
)
def test_rounded_wald_limits_never_fire(
    effect: float, error: float, digits: int, level: int
) -> None:
    z = float(ndtri(0.5 + level / 200))
    low, value, high = (f"{math.exp(effect + sign * z * error):.{digits}f}" for sign in (-1, 0, 1))
    p = f"{2 * stats.norm.sf(abs(effect) / error):.3f}"
    printed = ratio(value, low, high, str(level), p=p)
    for rule in ("point-in-interval", "log-symmetry", "interval-against-p"):
        assert one(rule, printed).outcome is not Outcome.FIRED


@settings(max_examples=300, deadline=None)
@given(events=st.integers(8, 3000), others=st.integers(8, 3000))
def test_exact_limits_of_a_ratio_of_rates_are_never_an_error(events: int, others: int) -> None:
    # Clopper and Pearson limits of the share of events, as a ratio of rates of equal times
    total = events + others
    low = stats.beta.ppf(0.025, events, others + 1)
    high = stats.beta.ppf(0.975, events + 1, others)
    ends = (low / (1 - low), events / others, high / (1 - high))
    shown = [f"{end:.4g}" for end in ends]
    if any("e" in end for end in shown):
        return
    printed = ratio(shown[1], shown[0], shown[2], events=str(total))
    for rule in ("log-symmetry", "interval-too-narrow"):
        found = look(rule, printed, *sizes(str(total), str(total)))
        assert Severity.ERROR not in [v.severity for v in found]


def test_an_interval_that_excludes_one_does_not_go_with_a_large_p() -> None:
    # ln 0.63 over (ln 0.66 - ln 0.60)/3.92 is -19
    verdict = one("interval-against-p", ratio("0.63", "0.60", "0.66", p="0.40"))
    assert verdict.severity is Severity.SUSPECT
    assert one("interval-against-p", ratio("0.63", "0.60", "0.66", p="<0.001")).severity is None


def test_a_p_value_printed_alone_in_the_same_place_is_found() -> None:
    alone = finding("p_value", "0.40", cohort="a", comparator="b")
    verdict = one("interval-against-p", ratio("0.63", "0.60", "0.66"), alone)
    assert verdict.outcome is Outcome.FIRED


def test_a_ratio_without_p_is_not_evaluated_against_it() -> None:
    verdict = one("interval-against-p", ratio("0.63", "0.60", "0.66"))
    assert verdict.missing == "a P value from 0 to 1"


def test_an_interval_narrower_than_two_over_root_n_is_an_error() -> None:
    # width allows ln(0.665/0.595)/3.92 = 0.028 at most; 200 patients need 0.141
    verdict = one("interval-too-narrow", ratio("0.63", "0.60", "0.66"), *sizes("100", "100"))
    assert verdict.severity is Severity.ERROR
    enough = one("interval-too-narrow", ratio("0.63", "0.60", "0.66"), *sizes("4,578", "5,156"))
    assert enough.outcome is Outcome.PASSED


def test_the_whole_study_bounds_a_contrast_of_parts_without_sizes() -> None:
    whole = sizes("", "", "200")
    assert one("interval-too-narrow", ratio("0.63", "0.60", "0.66"), *whole).severity == "error"
    alone = one("interval-too-narrow", ratio("0.63", "0.60", "0.66"))
    assert alone.missing == "the numbers of patients"


def test_too_few_events_make_only_a_suspect_because_whose_they_are_is_not_printed() -> None:
    printed = ratio("0.63", "0.60", "0.66", events="50")
    verdict = one("interval-too-narrow", printed, *sizes("4,578", "5,156"))
    assert verdict.severity is Severity.SUSPECT


def survival(value: str, low: str, high: str, **given: Any) -> Finding:
    return finding("survival", value, low=low, high=high, cohort="a", **({"level": "95"} | given))


def test_a_survival_interval_too_narrow_for_its_patients_is_an_error() -> None:
    # half of 40 patients: standard error 7.9 points, so about 35 to 65
    assert one("interval-too-narrow", survival("50", "47", "53"), *sizes("40", "")).severity
    fits = one("interval-too-narrow", survival("50", "34", "65"), *sizes("40", ""))
    assert fits.outcome is Outcome.PASSED
    unknown = one("interval-too-narrow", survival("50", "47", "53"))
    assert unknown.missing == "the number of patients"


def test_a_survival_interval_of_a_model_is_not_evaluated() -> None:
    printed = survival("50", "47", "53", adjusted=True)
    assert one("interval-too-narrow", printed, *sizes("40", "")).outcome == "not evaluated"


def transformed(s: float, error: float, z: float) -> dict[str, tuple[float, float]]:
    """Limits of survival with a standard error, by their textbook definitions."""
    loglog = error / (s * math.log(s))
    logit, spread = math.log(s / (1 - s)), error / (s * (1 - s))
    inverse: Callable[[float], float] = lambda x: 1 / (1 + math.exp(-x))  # noqa: E731
    return {
        "plain": (max(s - z * error, 0), min(s + z * error, 1)),
        "log": (s * math.exp(-z * error / s), min(s * math.exp(z * error / s), 1)),
        "log-log": (s ** math.exp(-z * loglog), s ** math.exp(z * loglog)),
        "logit": (inverse(logit - z * spread), inverse(logit + z * spread)),
    }


def test_greenwood_limits_of_simulated_series_never_fire() -> None:
    random, looked = np.random.default_rng(20240501), 0
    for _ in range(400):
        n = int(random.integers(8, 120))
        times = np.ceil(random.exponential(30, n))
        censoring = np.ceil(random.exponential(random.choice([20, 60, 500]), n))
        seen, died = np.minimum(times, censoring), times <= censoring
        s, variance = 1.0, 0.0
        for time in np.unique(seen[died & (seen <= 36)]):
            at_risk, deaths = (seen >= time).sum(), (died & (seen == time)).sum()
            s *= 1 - deaths / at_risk
            variance += deaths / (at_risk * (at_risk - deaths)) if deaths < at_risk else 0
        if not 0 < s < 1:
            continue
        for low, high in transformed(s, s * math.sqrt(variance), 1.959964).values():
            for digits in (0, 1):
                ends = [f"{100 * share:.{digits}f}" for share in (s, low, high)]
                printed = survival(*ends)
                verdict = one("interval-too-narrow", printed, *sizes(str(n), ""))
                assert verdict.outcome is Outcome.PASSED, verdict
                looked += 1
    assert looked > 2000


def test_the_nearest_limits_of_one_half_are_logs_below_and_log_logs_above() -> None:
    # by hand: se = sqrt(0.25/40) = 0.079057; 0.5 exp(-1.959964 se/0.5) = 0.36676 and
    # 0.5 ** exp(-1.959964 se/(0.5 ln 2)) = 0.64194; plain is 0.345 to 0.655, Wilson 0.352 to 0.648
    low, high = greenwood_limits(0.5, 40, 1.959964)
    assert (low, high) == pytest.approx((0.36676, 0.64194), abs=1e-5)


def compared(first: str, second: str, p: str, **given: Any) -> list[Finding]:
    words = {"endpoint": "operated on"} | given
    return [
        finding("percent", first, cohort="a", comparator="b", p=p, **words),
        finding("percent", second, cohort="b", **words),
    ]


def test_two_percents_cannot_be_more_different_than_their_patients_allow() -> None:
    pair = compared("61", "41", "<0.0001")
    assert one("p-attainable", *pair, *sizes("100", "200")).severity is Severity.SUSPECT
    assert one("p-attainable", *pair, *sizes("1000", "2000")).outcome is Outcome.PASSED


def test_unprinted_sizes_are_divided_as_the_authors_would_like_best() -> None:
    pair = compared("61", "41", "<0.0001")
    assert one("p-attainable", *pair, *sizes("", "", "300")).outcome is Outcome.FIRED
    assert one("p-attainable", *pair, *sizes("", "", "400")).outcome is Outcome.PASSED
    assert one("p-attainable", *pair).outcome is Outcome.NOT_EVALUATED


def test_an_adjusted_p_is_not_held_against_crude_percents() -> None:
    pair = compared("61", "41", "<0.0001", adjusted=True)
    assert one("p-attainable", *pair, *sizes("100", "200")).outcome is Outcome.NOT_EVALUATED


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_usual_test_gives_less_than_the_smallest_p(data: st.DataObject) -> None:
    n, m = data.draw(st.integers(2, 80)), data.draw(st.integers(2, 80))
    a, b = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    table = [[a, n - a], [b, m - b]]
    usual = [float(stats.fisher_exact(table)[1])]
    if 0 < a + b < n + m:
        usual += [float(stats.chi2_contingency(table, correction=c)[1]) for c in (True, False)]
    known = smallest_p((a / n, a / n), (b / m, b / m), [n, m], 0)
    anyhow = smallest_p((a / n, a / n), (b / m, b / m), [], n + m)
    assert known <= min(usual) * (1 + 1e-9)
    assert anyhow <= usual[-1] * (1 + 1e-9)


@pytest.mark.parametrize("rule", BY_ID)
@pytest.mark.parametrize(
    "printed",
    [
        ("0", "0", "0"),
        ("0.0", "-1", "-2"),
        ("NR", "NR", "NR"),
        ("about 10", "<0.001", ">5"),
        ("1" * 60, "0.1", "9" * 80),
        ("130", "120", "140"),
        ("-5", "-7", "x"),
    ],
)
def test_nothing_printed_makes_a_rule_fail(rule: str, printed: tuple[str, str, str]) -> None:
    value, low, high = printed
    for level in ("95", "0", "100", "", "NR"):
        for p in ("0", "1.5", "-1", "NS", "<0.001", ""):
            told = {"low": low, "high": high, "level": level, "p": p, "n": "0", "events": "0"}
            for statistic in ("hazard_ratio", "survival", "percent", "count", "p_value"):
                first = finding(statistic, value, cohort="a", comparator="b", **told)
                second = finding(statistic, value, cohort="b")
                for many in ("0", "about 10", "1", "NR"):
                    assert all(
                        v.missing or v.cells for v in look(rule, first, second, *sizes(many, many))
                    )


def test_the_bundled_review_raises_one_suspect_and_no_error(bundled: sl.Review) -> None:
    found = [
        (v.rule, v.cells[0].study, v.severity)
        for block in blocks(bundled.evidence)
        for rule in RULES
        for v in rule.look(block)
        if v.outcome is Outcome.FIRED
    ]
    assert found == [("p-attainable", "rapiti2006", Severity.SUSPECT)]
