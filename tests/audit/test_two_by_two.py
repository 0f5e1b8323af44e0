"""Odds ratios against the counts they are of; limits as SciPy and textbook formulas give them."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import brentq
from scipy.stats.contingency import odds_ratio

from secondlook.audit import RULES, Outcome, Severity, Verdict
from secondlook.audit.block import blocks
from secondlook.evidence import Evidence, Finding, Reported, Source, Study

RULE = next(rule for rule in RULES if rule.id == "odds-ratio-of-counts")
HERE = Source("doc", "Table 1")


def percent(cohort: str, value: str, events: str, n: str) -> Finding:
    return Finding(
        study="s", cohort=cohort, endpoint="margin", statistic="percent", value=Reported(value),
        events=Reported(events), n=Reported(n), source=HERE,
    )  # fmt: skip


def ratio(value: str, low: str = "", high: str = "", **given: Any) -> Finding:
    told: dict[str, Any] = {"adjusted": False, "level": Reported("95")} | given
    return Finding(
        study="s", cohort="a", comparator="b", endpoint="margin", statistic="odds_ratio",
        value=Reported(value), low=Reported(low), high=Reported(high), source=HERE, **told,
    )  # fmt: skip


def counted(a: str, n: str, c: str, m: str) -> list[Finding]:
    rows = [("a", a, n), ("b", c, m)]
    return [
        Finding(
            study="s", cohort=cohort, endpoint="margin", statistic="count",
            value=Reported(top), n=Reported(base), source=HERE,
        )
        for cohort, top, base in rows
    ]  # fmt: skip


def one(*findings: Finding) -> Verdict:
    evidence = Evidence(studies=(Study("s"),), findings=findings)
    (verdict,) = [v for block in blocks(evidence) for v in RULE.look(block)]
    return verdict


ARMS = counted("12", "30", "5", "30")


def test_an_odds_ratio_of_other_counts_is_a_suspect() -> None:
    # 12 x 25 / (18 x 5) = 3.33
    assert one(*ARMS, ratio("3.33")).outcome is Outcome.PASSED
    wrong = one(*ARMS, ratio("3.88"))
    assert wrong.severity is Severity.SUSPECT
    assert "12 of 30 and 5 of 30 have no odds ratio of 3.88" in wrong.message


def test_limits_by_woolf_pass_and_a_digit_of_them_does_not() -> None:
    # 3.333 exp(+-1.96 sqrt(1/12 + 1/18 + 1/5 + 1/25)) = 0.998 to 11.14
    assert one(*ARMS, ratio("3.33", "1.00", "11.14")).outcome is Outcome.PASSED
    wrong = one(*ARMS, ratio("3.33", "1.00", "11.74"))
    assert wrong.severity is Severity.SUSPECT
    assert "by any usual method" in wrong.message


def test_both_limits_are_of_one_method() -> None:
    # 0.998 is Woolf's, 14.04 is Fisher's
    assert one(*ARMS, ratio("3.33", "1.00", "14.04")).outcome is Outcome.FIRED


def test_an_adjusted_ratio_and_one_without_counts_are_not_evaluated() -> None:
    assert one(*ARMS, ratio("2.10", adjusted=True)).missing == "an unadjusted odds ratio"
    assert one(ratio("2.10")).missing == "the counts of both cohorts"
    assert one(*counted("0", "30", "5", "30"), ratio("2.10")).missing


def test_a_ratio_that_may_be_adjusted_is_only_an_info() -> None:
    assert one(*ARMS, ratio("2.10", adjusted=None)).severity is Severity.INFO


def test_counts_beside_percents_will_do() -> None:
    told = percent("a", "40", "12", "30"), percent("b", "17", "5", "30")
    assert one(*told, ratio("3.88")).outcome is Outcome.FIRED


whole = st.integers(1, 60)


@settings(max_examples=80, deadline=None)
@given(a=whole, b=whole, c=whole, d=whole, digits=st.integers(1, 3))
def test_what_scipy_gives_for_the_counts_never_fires(
    a: int, b: int, c: int, d: int, digits: int
) -> None:
    rows = counted(str(a), str(a + b), str(c), str(c + d))
    for kind in ("sample", "conditional"):
        found = odds_ratio([[a, b], [c, d]], kind=kind)
        limits = found.confidence_interval(0.95)
        shown = [f"{x:.{digits}f}" for x in (found.statistic, limits.low, limits.high)]
        assert one(*rows, ratio(*shown)).outcome is Outcome.PASSED, kind


def deviance(log: float, a: int, n: int, c: int, m: int) -> float:
    """Twice the logarithm of the likelihood of two binomials with this odds ratio."""

    def excess(x: float) -> float:
        return a + c - n / (1 + math.exp(-x - log)) - m / (1 + math.exp(-x))

    x = float(brentq(excess, -60, 60))
    return 2 * float(
        stats.binom.logpmf(a, n, 1 / (1 + math.exp(-x - log)))
        + stats.binom.logpmf(c, m, 1 / (1 + math.exp(-x)))
    )


@settings(max_examples=60, deadline=None)
@given(a=whole, b=whole, c=whole, d=whole)
def test_limits_where_the_deviance_has_risen_by_3_84_never_fire(
    a: int, b: int, c: int, d: int
) -> None:
    n, m, best = a + b, c + d, math.log(a * d / (b * c))
    top = deviance(best, a, n, c, m) - float(stats.chi2.isf(0.05, 1))
    low, high = (
        math.exp(float(brentq(lambda x: deviance(x, a, n, c, m) - top, *sorted((best, end)))))
        for end in (best - 15, best + 15)
    )
    shown = [f"{x:.3f}" for x in (math.exp(best), low, high)]
    assert one(*counted(str(a), str(n), str(c), str(m)), ratio(*shown)).outcome is Outcome.PASSED


BAD = (
    ("1", "999999", "5", "30"),
    ("30", "30", "5", "30"),
    ("-1", "3", "NR", "4"),
    ("about 10", "30", "5", "30"),
    ("7", "5", "5", "30"),
)


@pytest.mark.parametrize("counts", BAD)
@pytest.mark.parametrize("level", ["95", "0", "100", "NR", "99.9"])
def test_no_counts_whatever_make_it_fail(counts: tuple[str, str, str, str], level: str) -> None:
    for limits in (("0", "0"), ("0.0001", "9" * 70), ("-3", "x"), ("5", "1"), ("", "")):
        told = ratio("0.001", *limits, level=Reported(level))
        assert one(*counted(*counts), told).cells
