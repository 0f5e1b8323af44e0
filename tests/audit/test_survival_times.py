"""Medians, means and percents of one curve; expected values are worked by hand."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import secondlook as sl
from secondlook.audit.block import Block, blocks
from secondlook.audit.survival_times import RULES
from secondlook.audit.verdict import Outcome, Severity, Verdict
from secondlook.evidence import Evidence, Finding, Reported, Source, Study

TABLE = Source("review", "Table 1")


def finding(statistic: str, value: str, months: str | None = None, **more: object) -> Finding:
    time = None if months is None else Decimal(months)
    record = {"endpoint": "OS", "source": TABLE} | more
    return Finding(
        study="s",
        statistic=statistic,
        months=time,
        value=Reported(value),
        **record,  # type: ignore[arg-type]
    )


def block(*findings: Finding) -> Block:
    return next(blocks(Evidence(studies=(Study("s"),), findings=findings)))


def verdicts(rule: str, *findings: Finding) -> list[Verdict]:
    card = next(card for card in RULES if card.id == rule)
    return list(card.look(block(*findings)))


def outcome(rule: str, *findings: Finding) -> tuple[Outcome, Severity | None]:
    (verdict,) = verdicts(rule, *findings)
    return verdict.outcome, verdict.severity


FIRED = (Outcome.FIRED, Severity.ERROR)
SUSPECT = (Outcome.FIRED, Severity.SUSPECT)
PASSED = (Outcome.PASSED, None)


@pytest.mark.parametrize(
    ("median", "months", "percent", "expected"),
    [
        ("63", "60", "49", FIRED),  # at 60 months, before the median, half must live
        ("63", "60", "49.5", FIRED),
        ("63", "60", "50", PASSED),
        ("63", "60", "61", PASSED),
        ("27", "60", "51", FIRED),
        ("27", "60", "50", PASSED),
        ("60", "60", "80", PASSED),  # 60 may be 60.3 and 59.8
        ("60", "60", "20", PASSED),
        ("59", "60", "51", FIRED),  # 59 is 59.5 at most
        ("about 27", "60", "80", PASSED),
        (">60", "60", "70", PASSED),
        (">60", "48", "20", FIRED),
        ("<60", "60", "70", FIRED),
        ("0", "0", "100", PASSED),
        ("130", "60", "<5", FIRED),
        ("-3", "60", "70", FIRED),
        ("not reached", "60", "42", FIRED),
        ("not reached", "60", "50", PASSED),
    ],
)
def test_half_live_before_the_median_and_half_are_dead_from_it_on(
    median: str, months: str, percent: str, expected: tuple[Outcome, Severity | None]
) -> None:
    given_ = finding("median", median), finding("survival", percent, months)
    assert outcome("median-against-rate", *given_) == expected


def test_a_median_that_is_not_reported_is_named_as_missing() -> None:
    (verdict,) = verdicts(
        "median-against-rate", finding("median", "NR"), finding("survival", "20", "60")
    )
    assert (verdict.outcome, verdict.missing) == (Outcome.NOT_EVALUATED, "a median")


def test_a_percent_without_its_time_is_named_as_missing() -> None:
    (verdict,) = verdicts("median-against-rate", finding("median", "20"), finding("survival", "20"))
    assert verdict.missing == "the time of the survival percent"


def test_every_source_of_a_percent_meets_every_source_of_a_median() -> None:
    text = Source("review", "text")
    found = verdicts(
        "median-against-rate",
        finding("median", "38"),
        finding("median", "32", source=text),
        finding("survival", "37", "60"),
        finding("survival", "73", "60", source=text),
    )
    assert [v.outcome for v in found].count(Outcome.FIRED) == 2
    assert len(found) == 4


def test_the_mark_sic_does_not_silence_a_contradiction() -> None:
    both = finding("median", "63 [sic]"), finding("survival", "16 [sic]", "60")
    assert outcome("median-against-rate", *both) == FIRED


def test_a_mean_age_is_not_taken_for_a_survival_time() -> None:
    assert verdicts("mean-bound", finding("mean", "53", endpoint="age (years)")) == []


def test_survival_that_rises_is_an_error() -> None:
    early, late = finding("survival", "42", "36"), finding("survival", "61", "60")
    assert outcome("monotone", late, early) == FIRED


def test_percents_equal_within_rounding_do_not_rise() -> None:
    early, late = finding("survival", "42", "36"), finding("survival", "42.5", "60")
    assert outcome("monotone", early, late) == PASSED
    late = finding("survival", "42.6", "60")
    assert outcome("monotone", early, late) == FIRED


def test_two_percents_at_one_time_are_not_compared_in_time() -> None:
    (verdict,) = verdicts(
        "monotone", finding("survival", "42", "60"), finding("survival", "80", "60.0")
    )
    assert verdict.missing == "a survival percent at a second time"


def test_a_contradiction_between_neighbours_that_are_far_apart_is_found() -> None:
    found = verdicts(
        "monotone",
        finding("survival", "40", "12"),
        finding("survival", "about 60", "24"),
        finding("survival", "50", "36"),
    )
    assert [v.outcome for v in found] == [Outcome.PASSED, Outcome.FIRED]
    assert [c.printed for c in found[1].cells] == ["50", "40"]


@pytest.mark.parametrize(
    "more", [{"from_figure": True}, {"adjusted": True}, {"source": Source("paper", "p. 3")}]
)
def test_numbers_that_may_be_of_another_curve_raise_no_error(more: dict[str, object]) -> None:
    early, late = finding("survival", "42", "36"), finding("survival", "61", "60", **more)
    assert outcome("monotone", early, late) == SUSPECT
    median = finding("median", "24")
    assert outcome("median-against-rate", median, late) == SUSPECT


def test_an_error_is_preferred_to_a_larger_suspect() -> None:
    (verdict,) = verdicts(
        "monotone",
        finding("survival", "10", "12", from_figure=True),
        finding("survival", "40", "12"),
        finding("survival", "50", "36"),
    )
    assert verdict.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("mean", "percent", "expected"),
    [
        ("79", "80", PASSED),  # 60 x 79.5 % = 47.7
        ("47", "80", FIRED),
        ("47.2", "79", PASSED),  # 60 x 78.5 % = 47.1
        ("47.0", "79", FIRED),
        ("20", "<80", PASSED),
        ("about 3", "80", PASSED),
        ("3", "130 [sic]", FIRED),
        ("0", "0", PASSED),
    ],
)
def test_the_mean_is_at_least_the_time_of_those_who_lived_to_it(
    mean: str, percent: str, expected: tuple[Outcome, Severity | None]
) -> None:
    both = finding("mean", mean), finding("survival", percent, "60")
    assert outcome("mean-bound", *both) == expected


def test_a_mean_restricted_to_a_horizon_is_held_against_the_horizon_only() -> None:
    assert outcome("mean-bound", finding("mean", "33", "36"), finding("survival", "80", "60")) == (
        PASSED
    )


def test_a_missing_mean_is_named() -> None:
    (verdict,) = verdicts("mean-bound", finding("survival", "80", "60"))
    assert (verdict.outcome, verdict.missing) == (Outcome.NOT_EVALUATED, "a mean")


@pytest.mark.parametrize("rule", [card.id for card in RULES])
def test_nothing_printed_is_nothing_to_say(rule: str) -> None:
    assert verdicts(rule) == []
    assert verdicts(rule, finding("survival", "NR", "60"), finding("median", "28 (PM)")) == []


def _rounded(number: float, decimals: int) -> str:
    return f"{number:.{decimals}f}"


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 60),
    grid=st.sampled_from([0.1, 1.0, 12.0]),
    censoring=st.floats(0.0, 3.0),
    decimals=st.integers(0, 2),
)
def test_no_rule_fires_on_kaplan_meier_estimates_that_were_rounded(
    seed: int, n: int, grid: float, censoring: float, decimals: int
) -> None:
    rng = np.random.default_rng(seed)
    death = np.ceil(rng.weibull(rng.uniform(0.5, 2), n) * 40 / grid) * grid
    leaving = np.ceil(rng.exponential(40 / max(censoring, 1e-9), n) / grid) * grid
    time, dead = np.minimum(death, leaving), death <= leaving
    jumps = np.unique(time)
    factors = [1 - (dead & (time == t)).sum() / (time >= t).sum() for t in jumps]
    curve = np.cumprod(factors)

    def survival(at: float) -> float:
        return float(curve[jumps <= at][-1]) if (jumps <= at).any() else 1.0

    printed = [
        finding("survival", _rounded(100 * survival(t), decimals), str(t))
        for t in (6, 12, 36, 60)
        if t <= time.max()
    ]
    reached = jumps[curve <= 0.5 + 1e-12]
    median = _rounded(float(reached[0]), decimals) if reached.size else "not reached"
    printed.append(finding("median", median))
    edges = np.concatenate([[0.0], jumps])
    mean = float((np.diff(edges) * np.concatenate([[1.0], curve[:-1]])).sum())
    printed.append(finding("mean", _rounded(mean, decimals)))
    said = [verdict for card in RULES for verdict in card.look(block(*printed))]
    assert [v for v in said if v.outcome is Outcome.FIRED] == []


def test_the_review_that_is_bundled_has_no_contradiction_of_this_kind() -> None:
    # read against Tables 1-3 and the text by hand: each median, mean and percent fits
    evidence = sl.example("stage-iv-breast").evidence
    said = [v for b in blocks(evidence) for card in RULES for v in card.look(b)]
    assert [v for v in said if v.outcome is Outcome.FIRED] == []
    assert sum(v.outcome is Outcome.PASSED for v in said) > 40
