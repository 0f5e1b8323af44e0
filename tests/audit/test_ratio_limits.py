"""Uneven limits: how far a likelihood can go, what sizes tell, and what the rest of a paper tells.

The likelihood is that of two groups: at an event with a and b at risk the share a e^x/(a e^x + b).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from secondlook.audit import RULES, Outcome, Severity, Verdict
from secondlook.audit.block import blocks
from secondlook.audit.ratio_limits import Contrast, contrast, upper_arm
from secondlook.evidence import Evidence, Finding, Reported, Source, Study

BY_ID = {rule.id: rule for rule in RULES}
PAPER = Source("paper", "Table 3")
# arms of ln(1.95/1.00) = 0.668 and ln(1.00/0.47) = 0.755 are 0.885 of each other
UNEVEN = ("1.000", "0.470", "1.950")
EVEN = ("0.500", "0.250", "1.000")
COARSE = ("0.5", "0.3", "1.0")


def ratio(printed: tuple[str, str, str], endpoint: str = "OS", **given: Any) -> Finding:
    value, low, high = map(Reported, printed)
    told: dict[str, Any] = {
        "study": "s",
        "cohort": "a",
        "comparator": "b",
        "statistic": "hazard_ratio",
        "level": Reported("95"),
        "source": PAPER,
    } | given
    return Finding(endpoint=endpoint, value=value, low=low, high=high, **told)


def size(cohort: str, number: str) -> Finding:
    return Finding(
        study="s", cohort=cohort, endpoint="patients", statistic="count", value=Reported(number)
    )


def look(*findings: Finding, rule: str = "log-symmetry") -> list[Verdict]:
    evidence = Evidence(studies=(Study("s"),), findings=findings)
    return [v for block in blocks(evidence) for v in BY_ID[rule].look(block)]


def of_the_first(*findings: Finding) -> Severity | None:
    return look(*findings)[0].severity


def test_uneven_limits_alone_are_an_info() -> None:
    assert of_the_first(ratio(UNEVEN)) is Severity.INFO


def test_uneven_limits_beside_an_even_ratio_of_the_paper_are_a_suspect() -> None:
    first, second = look(ratio(UNEVEN), ratio(EVEN, "DFS"))
    assert first.severity is Severity.SUSPECT
    assert "1 other hazard ratio of this study can tell, and is symmetric" in first.message
    assert {cell.endpoint for cell in first.cells} == {"OS"}  # nothing is said of the other
    assert second.outcome is Outcome.PASSED


@pytest.mark.parametrize(
    "other",
    [
        ratio(COARSE, "DFS"),  # rounding leaves everything open
        ratio(UNEVEN, "DFS"),  # a paper of such limits
        ratio(EVEN),  # the same quantity again
        ratio(EVEN, "DFS", source=Source("review", "text")),
        ratio(EVEN, "DFS", statistic="odds_ratio"),
    ],
)
def test_a_ratio_that_cannot_tell_or_is_another_method_leaves_an_info(other: Finding) -> None:
    assert of_the_first(ratio(UNEVEN), other) is Severity.INFO


def test_one_uneven_ratio_among_even_ones_speaks_for_neither() -> None:
    others = ratio(EVEN, "DFS"), ratio(UNEVEN, "PFS")
    assert of_the_first(ratio(UNEVEN), *others) is Severity.INFO


def test_limits_more_uneven_than_a_likelihood_are_a_suspect_before_they_are_an_error() -> None:
    # W = ln(0.87/0.50) = 0.554: at most ln(W/(1 - exp(-W))) = 0.264 to 0.290, or 1.10;
    # ln(0.665/0.505) = 0.275 over 0.264 fits, ln(0.68/0.50) = 0.307 over 0.246 is 1.25
    assert of_the_first(ratio(("0.68", "0.50", "0.87"), adjusted=True)) is Severity.SUSPECT
    # 0.20, beyond all that was measured
    assert of_the_first(ratio(("0.63", "0.50", "0.66"))) is Severity.ERROR


def test_sizes_tell_which_way_a_likelihood_leans() -> None:
    # 400 of 500 and a ratio of 1: s = 0.8, ln I falls by 0.6 for one of ln HR, so the upper arm
    # is the longer; 0.668 below 0.755 is the other way round
    sizes = size("a", "400"), size("b", "100")
    assert of_the_first(ratio(UNEVEN, adjusted=False), *sizes) is Severity.SUSPECT
    assert of_the_first(ratio(UNEVEN), *sizes) is Severity.INFO  # not known to be crude
    turned = size("a", "100"), size("b", "400")
    assert of_the_first(ratio(UNEVEN, adjusted=False), *turned) is Severity.INFO


def test_the_upper_arm_of_a_steady_information_is_half_the_width() -> None:
    assert upper_arm(0.8, 0.0) == pytest.approx(0.4)
    # by hand: ln(1/(1 - exp(-1))) = 0.458675
    assert upper_arm(1.0, 1.0) == pytest.approx(0.458675, abs=1e-6)
    assert upper_arm(1.0, -1.0) == pytest.approx(1 - 0.458675, abs=1e-6)


@given(width=st.floats(1e-3, 60), rate=st.floats(-1, 1))
def test_both_arms_lower_a_likelihood_alike(width: float, rate: float) -> None:
    arm = upper_arm(width, rate)
    assert 0 < arm < width
    if abs(rate * width) > 0.01:
        # the integral of (arm - t) e^(rate t) on either side

        def fall(x: float) -> float:
            return (math.expm1(rate * x) - rate * x) / rate**2

        assert fall(arm) == pytest.approx(fall(arm - width), rel=1e-6)


at_risk = st.lists(st.tuples(st.integers(1, 400), st.integers(1, 400)), min_size=4, max_size=30)


def fitted(risk: list[tuple[int, int]], treated: int) -> tuple[float, Callable[[float], float]]:
    """The log ratio at which the score is nought, and the log of the likelihood."""

    def score(x: float) -> float:
        return treated - sum(a * math.exp(x) / (a * math.exp(x) + b) for a, b in risk)

    def height(x: float) -> float:
        return treated * x - sum(math.log(a * math.exp(x) + b) for a, b in risk)

    return float(brentq(score, -30, 30)), height


@settings(max_examples=150, deadline=None)
@given(risk=at_risk, data=st.data())
def test_no_profile_likelihood_of_two_groups_is_more_uneven_than_allowed(
    risk: list[tuple[int, int]], data: st.DataObject
) -> None:
    best, height = fitted(risk, data.draw(st.integers(1, len(risk) - 1)))
    goal = height(best) - 0.5 * 1.959964**2
    assume(height(best - 25) < goal and height(best + 25) < goal)
    low, high = (
        float(brentq(lambda x: height(x) - goal, *sorted((best, end))))
        for end in (best - 25, best + 25)
    )
    exact = Contrast((best, best), (low, low), (high, high), 1.959964)
    assert exact.fits(-1 - 1e-9, 1 + 1e-9)


@settings(max_examples=150, deadline=None)
@given(risk=at_risk, data=st.data())
def test_no_other_test_of_two_groups_leaves_what_an_interval_allows_for_p(
    risk: list[tuple[int, int]], data: st.DataObject
) -> None:
    treated = data.draw(st.integers(1, len(risk) - 1))
    best, height = fitted(risk, treated)
    shares = [a * math.exp(best) / (a * math.exp(best) + b) for a, b in risk]
    error = sum(s * (1 - s) for s in shares) ** -0.5
    assume(abs(best) < 3 and error < 2)
    even = [a / (a + b) for a, b in risk]
    tests = {
        "Wald": abs(best) / error,
        "likelihood ratio": math.sqrt(max(0.0, 2 * (height(best) - height(0)))),
        "log-rank": abs(treated - sum(even)) / math.sqrt(sum(s * (1 - s) for s in even)),
    }
    ends = (f"{math.exp(best + sign * 1.959964 * error):.4f}" for sign in (0, -1, 1))
    value, low, high = ends
    for name, z in tests.items():
        if abs(z - tests["Wald"]) > 0.6:  # the other bound, which was measured
            continue
        p = Reported(f"{math.erfc(z / math.sqrt(2)):.4f}")
        printed = ratio((value, low, high), p=p)
        (verdict,) = look(printed, rule="interval-against-p")
        assert verdict.outcome is not Outcome.FIRED, name


def test_a_ratio_near_one_goes_with_no_other_p_than_its_own() -> None:
    # ln 0.90 over (ln 1.02 - ln 0.79)/3.92 is -1.62, P 0.106; 0.04 is 2.05: 0.4 apart, and no
    # test of a ratio so near one is more than a twentieth apart
    (verdict,) = look(
        ratio(("0.90", "0.79", "1.02"), p=Reported("0.04")), rule="interval-against-p"
    )
    assert verdict.severity is Severity.SUSPECT


def test_a_contrast_is_read_once_for_all_rules() -> None:
    (block,) = blocks(Evidence(studies=(Study("s"),), findings=(ratio(EVEN),)))
    found = contrast(block.items[0])
    assert isinstance(found, Contrast)
    assert found.can_tell()
    assert not found.is_uneven()
