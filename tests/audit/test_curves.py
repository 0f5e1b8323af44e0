"""Numbers at risk; expected values are worked by hand."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook.audit.block import blocks
from secondlook.audit.curves import RULES
from secondlook.audit.verdict import Outcome, Severity, Verdict
from secondlook.evidence import Evidence, Finding, Reported, Source, Study


def at_risk(value: str, months: str | None) -> Finding:
    return _finding("at_risk", value, months)


def survival(value: str, months: str | None, **more: bool) -> Finding:
    return _finding("survival", value, months, **more)


def patients(value: str) -> Finding:
    return _finding("count", value, None, endpoint="patients")


def _finding(statistic: str, value: str, months: str | None, **more: object) -> Finding:
    time = None if months is None else Decimal(months)
    record = {"endpoint": "OS", "source": Source("paper", "Figure 2")} | more
    return Finding(
        study="s",
        statistic=statistic,
        months=time,
        value=Reported(value),
        **record,  # type: ignore[arg-type]
    )


def verdicts(rule: str, *findings: Finding) -> list[Verdict]:
    card = next(card for card in RULES if card.id == rule)
    block = next(blocks(Evidence(studies=(Study("s"),), findings=findings)))
    return list(card.look(block))


def outcomes(rule: str, *findings: Finding) -> list[tuple[Outcome, Severity | None]]:
    return [(v.outcome, v.severity) for v in verdicts(rule, *findings)]


ERROR = (Outcome.FIRED, Severity.ERROR)
SUSPECT = (Outcome.FIRED, Severity.SUSPECT)
INFO = (Outcome.FIRED, Severity.INFO)
PASSED = (Outcome.PASSED, None)


def test_a_number_at_risk_that_rises_is_an_error() -> None:
    said = outcomes("numbers-at-risk", patients("85"), at_risk("40", "24"), at_risk("42", "36"))
    assert said == [PASSED, ERROR]


def test_a_number_at_risk_may_stay_the_same() -> None:
    said = outcomes("numbers-at-risk", patients("85"), at_risk("85", "0"), at_risk("85", "12"))
    assert said == [PASSED, PASSED]


def test_nobody_is_at_risk_outside_the_cohort() -> None:
    (verdict,) = verdicts("numbers-at-risk", patients("85"), at_risk("88", "0"))
    assert verdict.severity is Severity.ERROR
    assert verdict.message == "88 at risk at 0 months, but 85 patients in all"


def test_a_single_number_at_risk_lacks_another() -> None:
    (verdict,) = verdicts("numbers-at-risk", at_risk("40", "24"))
    assert verdict.missing == "an earlier number at risk"
    (verdict,) = verdicts("numbers-at-risk", at_risk("40", None))
    assert verdict.missing == "the time of the number at risk"


@pytest.mark.parametrize(
    ("percent", "months", "expected"),
    [
        ("49", "24", ERROR),  # 43 of 85 = 50.6 % are alive and watched at 36 months
        ("50.1", "24", ERROR),
        ("51", "24", PASSED),  # 51 may be 50.6
        ("49", "36", INFO),  # all deaths at 36.0 months would do it
        (">40", "24", PASSED),
        ("about 20", "24", PASSED),
    ],
)
def test_survival_is_at_least_the_share_still_at_risk(
    percent: str, months: str, expected: tuple[Outcome, Severity | None]
) -> None:
    given_ = patients("85"), at_risk("43", "36"), survival(percent, months)
    assert outcomes("survival-against-at-risk", *given_) == [expected]


def test_the_number_at_time_zero_is_the_base_where_it_is_printed() -> None:
    given_ = patients("85"), at_risk("60", "0"), at_risk("43", "36"), survival("60", "24")
    assert outcomes("survival-against-at-risk", *given_) == [ERROR]  # 43/60 = 71.7 %


def test_survival_read_off_a_figure_raises_no_error() -> None:
    given_ = patients("85"), at_risk("43", "36"), survival("40", "24", from_figure=True)
    assert outcomes("survival-against-at-risk", *given_) == [SUSPECT]


@pytest.mark.parametrize(
    ("findings", "missing"),
    [
        ([at_risk("43", "36"), survival("40", "24")], "the number at risk at the start"),
        (
            [patients("85"), at_risk("43", "36"), survival("40", "60")],
            "a survival percent at or before that time",
        ),
        ([patients("85"), survival("40", "60")], "a number at risk after time zero"),
        (
            [at_risk("0", "0"), at_risk("43", "36"), survival("40", "24")],
            "the number at risk at the start",
        ),
    ],
)
def test_what_is_missing_beside_a_number_at_risk_is_named(
    findings: list[Finding], missing: str
) -> None:
    (verdict,) = verdicts("survival-against-at-risk", *findings)
    assert (verdict.outcome, verdict.missing) == (Outcome.NOT_EVALUATED, missing)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 60),
    grid=st.sampled_from([0.1, 1.0, 12.0]),
    decimals=st.integers(0, 2),
)
def test_no_error_or_suspect_is_raised_on_simulated_curves_with_ties_and_censoring(
    seed: int, n: int, grid: float, decimals: int
) -> None:
    rng = np.random.default_rng(seed)
    death = np.ceil(rng.exponential(40, n) / grid) * grid
    leaving = np.ceil(rng.exponential(rng.uniform(10, 200), n) / grid) * grid
    time, dead = np.minimum(death, leaving), death <= leaving

    def estimate(at: float) -> float:
        jumps = np.unique(time[dead & (time <= at)])
        return float(np.prod([1 - (dead & (time == t)).sum() / (time >= t).sum() for t in jumps]))

    printed = [patients(str(n))]
    for at in (0, 12, 24, 60):
        printed.append(at_risk(str(int((time >= at).sum())), str(at)))
        printed.append(survival(f"{100 * estimate(at):.{decimals}f}", str(at)))
    said = [v for card in RULES for v in verdicts(card.id, *printed)]
    assert [v for v in said if v.severity in (Severity.ERROR, Severity.SUSPECT)] == []
