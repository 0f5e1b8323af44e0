"""Counts and percents; expected values are worked by hand."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.audit.block import Block, blocks
from secondlook.audit.counts import RULES
from secondlook.audit.verdict import Outcome, Severity, Verdict
from secondlook.evidence import Cohort, Evidence, Finding, Reported, Source, Study

TABLE = Source("review", "Table 3")
HALVES = (Cohort("s", "a", split="arm"), Cohort("s", "b", split="arm"))
THIRDS = (*HALVES, Cohort("s", "c", split="arm"))
LOOSE = (Cohort("s", "a"), Cohort("s", "b"))

FIRED = (Outcome.FIRED, Severity.ERROR)
SUSPECT = (Outcome.FIRED, Severity.SUSPECT)
PASSED = (Outcome.PASSED, None)


def size(cohort: str, value: str, source: Source = TABLE) -> Finding:
    return Finding(
        study="s",
        cohort=cohort,
        endpoint="patients",
        statistic="count",
        value=Reported(value),
        source=source,
    )


def share(value: str, *, cohort: str = "all", endpoint: str = "response", **more: str) -> Finding:
    numbers = {name: Reported(text) for name, text in more.items()}
    return Finding(
        study="s",
        cohort=cohort,
        endpoint=endpoint,
        statistic="percent",
        value=Reported(value),
        source=TABLE,
        **numbers,  # type: ignore[arg-type]
    )


def verdicts(rule: str, *findings: Finding, cohorts: tuple[Cohort, ...] = HALVES) -> list[Verdict]:
    evidence = Evidence(studies=(Study("s"),), cohorts=cohorts, findings=findings)
    block: Block = next(blocks(evidence))
    return list(next(card for card in RULES if card.id == rule).look(block))


def outcome(
    rule: str, *findings: Finding, cohorts: tuple[Cohort, ...] = HALVES
) -> tuple[Outcome, Severity | None]:
    (verdict,) = verdicts(rule, *findings, cohorts=cohorts)
    return verdict.outcome, verdict.severity


def lacking(rule: str, *findings: Finding, cohorts: tuple[Cohort, ...] = HALVES) -> str:
    (verdict,) = verdicts(rule, *findings, cohorts=cohorts)
    assert verdict.outcome is Outcome.NOT_EVALUATED
    return verdict.missing


@pytest.mark.parametrize(
    ("events", "n", "percent", "expected"),
    [
        ("71", "85", "84", PASSED),  # 83.53
        ("85", "224", "38", PASSED),  # 37.95
        ("55", "71", "78", FIRED),  # 77.46
        ("40", "127", "32", FIRED),  # 31.496
        ("191", "242", "78", FIRED),  # 78.93
        ("1", "8", "12", PASSED),  # 12.5 may be rounded either way
        ("1", "8", "13", PASSED),
        ("87", "127", "68.5", PASSED),
        ("87", "127", "68.6", FIRED),
        ("55", "71", "78 [sic]", FIRED),  # a mark does not silence a rule
        ("55", "71", "about 78", PASSED),
        ("55", "71", ">70", PASSED),
        ("55", "71", "<70", FIRED),
        ("90", "71", "127", PASSED),  # above 100, and yet the quotient
        ("0", "71", "0", PASSED),
    ],
)
def test_a_percent_is_its_count_over_its_base_within_its_own_rounding(
    events: str, n: str, percent: str, expected: tuple[Outcome, Severity | None]
) -> None:
    assert outcome("percent-of-count", share(percent, events=events, n=n)) == expected


def test_a_base_that_nobody_printed_makes_at_most_a_suspect() -> None:
    assert outcome("percent-of-count", size("all", "71"), share("78", events="55")) == SUSPECT


def test_the_size_of_a_part_is_a_percent_of_the_cohort_that_contains_it() -> None:
    part = share("50", cohort="a", endpoint="patients")
    assert outcome("percent-of-count", size("all", "40"), size("a", "20"), part) == PASSED
    assert outcome("percent-of-count", size("all", "40"), size("a", "22"), part) == FIRED


def test_a_percent_without_its_count_or_base_names_the_one_it_lacks() -> None:
    assert lacking("percent-of-count", share("78", n="71")) == "the count"
    bare = share("78", events="55")
    assert lacking("percent-of-count", bare) == "the number it is a percent of"
    nobody = share("78", events="55", n="0")
    assert lacking("percent-of-count", nobody) == "the number it is a percent of"


@pytest.mark.parametrize(
    ("percent", "n", "expected"),
    [
        ("17", "12", PASSED),  # 2 of 12 is 16.7
        ("20", "12", FIRED),  # 2 is 16.7, 3 is 25
        ("33.3", "12", PASSED),
        ("33.4", "12", FIRED),
        ("20", "100", PASSED),
        ("about 20", "12", PASSED),
    ],
)
def test_some_whole_number_of_patients_gives_a_crude_percent(
    percent: str, n: str, expected: tuple[Outcome, Severity | None]
) -> None:
    assert outcome("attainable-percent", share(percent, n=n)) == expected


def test_a_percent_of_an_unprinted_base_is_at_most_suspect_and_without_one_not_evaluated() -> None:
    assert outcome("attainable-percent", size("all", "12"), share("20")) == SUSPECT
    assert lacking("attainable-percent", share("20")) == "the number it is a percent of"


def test_a_percent_with_its_count_is_left_to_the_rule_that_says_more() -> None:
    assert verdicts("attainable-percent", share("20", events="3", n="12")) == []


def test_a_survival_percent_is_no_count_over_a_count() -> None:
    curve = Finding(
        study="s",
        endpoint="OS",
        statistic="survival",
        months=Decimal(60),
        value=Reported("20"),
        n=Reported("12"),
        source=TABLE,
    )
    for rule in ("percent-of-count", "attainable-percent"):
        assert verdicts(rule, size("all", "12"), curve) == []


@pytest.mark.parametrize(("rule", "cohorts"), [("complement", HALVES), ("parts-and-whole", THIRDS)])
def test_disjoint_parts_that_make_up_a_whole_add_up_to_it(
    rule: str, cohorts: tuple[Cohort, ...]
) -> None:
    rest = [size("c", "0")] if len(cohorts) == 3 else []
    whole, first = size("all", "242"), size("a", "191")
    assert outcome(rule, whole, first, size("b", "51"), *rest, cohorts=cohorts) == PASSED
    assert outcome(rule, whole, first, size("b", "53"), *rest, cohorts=cohorts) == FIRED
    vague = size("b", "about 53")
    assert outcome(rule, whole, first, vague, *rest, cohorts=cohorts) == PASSED
    assert lacking(rule, first, cohorts=cohorts) == "the size of all (split by arm)"
    assert lacking(rule, whole, first, cohorts=cohorts) == "the size of a part (split by arm)"


@pytest.mark.parametrize("rule", ["complement", "parts-and-whole", "split-percents"])
def test_cohorts_that_are_not_declared_to_make_up_the_whole_never_fire(rule: str) -> None:
    sizes = size("all", "10"), size("a", "9"), size("b", "9")
    percents = [share("90", cohort=key, endpoint="patients") for key in "ab"]
    assert verdicts(rule, *sizes, *percents, cohorts=LOOSE) == []


@pytest.mark.parametrize(
    ("percents", "expected"),
    [
        (("33", "33", "33"), PASSED),  # 99, and three thirds
        (("17", "42", "42"), PASSED),  # 101: 16.5 + 41.5 + 41.5 is 99.5 at least
        (("33", "33", "32"), FIRED),  # 98, and 99.5 at most
        (("34", "34", "34"), FIRED),  # 102, and 100.5 at least
        (("33.3", "33.3", "33.3"), PASSED),
        (("33.3", "33.3", "33.1"), FIRED),
    ],
)
def test_percents_of_a_whole_add_up_to_100_within_their_rounding(
    percents: tuple[str, ...], expected: tuple[Outcome, Severity | None]
) -> None:
    parts = [share(p, cohort=c, endpoint="patients") for c, p in zip("abc", percents, strict=True)]
    assert outcome("split-percents", *parts, cohorts=THIRDS) == expected


def test_a_split_without_the_percent_of_a_part_is_not_evaluated() -> None:
    one = share("40", cohort="a", endpoint="patients")
    assert lacking("split-percents", one) == "the percent of a part of all (split by arm)"


def test_a_part_is_never_larger_than_its_whole() -> None:
    cohorts = (Cohort("s", "a"),)
    whole = size("all", "34")
    assert outcome("subset-size", whole, size("a", "35"), cohorts=cohorts) == FIRED
    assert outcome("subset-size", whole, size("a", "34"), cohorts=cohorts) == PASSED
    assert outcome("subset-size", whole, size("a", "about 40"), cohorts=cohorts) == PASSED
    assert lacking("subset-size", size("a", "34"), cohorts=cohorts) == "the size of all"


@pytest.mark.parametrize("text", ["NR", "", "not reached", "see text", "NA"])
def test_a_missing_number_is_never_a_number(text: str) -> None:
    for rule in (card.id for card in RULES):
        given_ = size("all", text), size("a", text), share(text, events=text, n=text)
        assert all(v.outcome is Outcome.NOT_EVALUATED for v in verdicts(rule, *given_))


@given(
    parts=st.lists(st.integers(0, 400), min_size=3, max_size=3).filter(lambda p: sum(p) > 0),
    decimals=st.integers(0, 2),
    mode=st.sampled_from([ROUND_HALF_UP, ROUND_HALF_EVEN]),
)
def test_no_rule_fires_on_patients_that_were_counted_and_rounded(
    parts: list[int], decimals: int, mode: str
) -> None:
    total = sum(parts)
    step = Decimal(1).scaleb(-decimals)
    printed = [str((Decimal(100 * k) / total).quantize(step, mode)) for k in parts]
    table = [size("all", str(total))]
    for cohort, k, percent in zip("abc", parts, printed, strict=True):
        table += [size(cohort, str(k)), share(percent, cohort=cohort, endpoint="patients")]
        table += [share(percent, endpoint=f"x{cohort}", n=str(total))]
        table += [share(percent, endpoint=f"y{cohort}", n=str(total), events=str(k))]
    for card in RULES:
        assert all(
            v.outcome is not Outcome.FIRED for v in verdicts(card.id, *table, cohorts=THIRDS)
        )


@given(k=st.integers(0, 200), n=st.integers(1, 200), wrong=st.integers(0, 300))
def test_a_whole_percent_fires_exactly_when_it_is_more_than_half_a_point_off(
    k: int, n: int, wrong: int
) -> None:
    # 2 * |100 k - wrong n| > n, in whole numbers
    expected = FIRED if 2 * abs(100 * k - wrong * n) > n else PASSED
    assert outcome("percent-of-count", share(str(wrong), events=str(k), n=str(n))) == expected
