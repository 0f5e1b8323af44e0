from __future__ import annotations

import re
from decimal import ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import secondlook as sl
from secondlook.audit import RULES as ALL
from secondlook.audit.block import Block, Whole, blocks
from secondlook.audit.verdict import Outcome, Severity, Verdict
from secondlook.evidence import Cohort, Evidence, Finding, Reported, Source, Study

RULES = [rule for rule in ALL if rule.family == "text against table"]
BY_ID = {rule.id: rule for rule in RULES}
TEXT = Source("doc", "text", "paragraph 1")
ROUNDINGS = (ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_HALF_DOWN)
RANGE_OF_SERIES = "range-statement"


def finding(value: str = "", statistic: str = "median", **given: Any) -> Finding:
    words = {"low", "high", "level", "p", "n", "events"} & given.keys()
    given |= {name: Reported(given[name]) for name in words}
    fields: dict[str, Any] = {"study": "s", "endpoint": "OS", "source": TEXT} | given
    return Finding(statistic=statistic, value=Reported(value), **fields)


def tabled(value: str, column: str = "Median", **given: Any) -> Finding:
    study = given.get("study", "s")
    return finding(value, source=Source("doc", "Table 1", study, column), **given)


def look(rule: str, *findings: Finding, cohorts: tuple[Cohort, ...] = ()) -> list[Verdict]:
    keys = dict.fromkeys([f.study for f in findings] + [c.study for c in cohorts])
    evidence = Evidence(tuple(map(Study, keys)), cohorts, findings)
    found = [v for block in blocks(evidence) for v in BY_ID[rule].look(block)]
    return found + list(BY_ID[rule].look(Whole(evidence, None)))


def one(rule: str, *findings: Finding) -> Verdict:
    (verdict,) = look(rule, *findings)
    return verdict


def rate(value: str, row: str, months: int = 60, **given: Any) -> Finding:
    fields: dict[str, Any] = {"statistic": "survival", "months": Decimal(months), "study": row}
    return tabled(value, column="5-year", **(fields | given))


def ranged(low: str, high: str, *rows: Finding, apart: str = "") -> list[Verdict]:
    """What is said of a survival range of a review over the studies of these rows."""
    names = tuple(dict.fromkeys(f"{row.study}/{row.cohort}" for row in rows))
    cohorts = (Cohort("doc", "series", overlaps=names), Cohort("doc", "outlier", "", "series"))
    about: dict[str, Any] = {"study": "doc", "months": Decimal(60)}
    said = [finding("", "survival_range", cohort="series", low=low, high=high, **about)]
    if apart:
        said.append(finding(apart, "survival", cohort="outlier", **about))
    return look(RANGE_OF_SERIES, *said, *rows, cohorts=cohorts)


def severities(verdicts: list[Verdict]) -> list[Severity]:
    return [verdict.severity for verdict in verdicts if verdict.severity is not None]


def test_a_table_and_a_text_that_print_different_medians_are_an_error() -> None:
    verdict = one("text-against-table", tabled("38"), finding("32"))
    assert verdict.severity is Severity.ERROR
    assert [cell.printed for cell in verdict.cells] == ["38", "32"]


@pytest.mark.parametrize(("table", "text"), [("34", "34.3"), ("38", "about 30"), ("16", "<20")])
def test_numbers_whose_rounding_intervals_meet_agree(table: str, text: str) -> None:
    assert one("text-against-table", tabled(table), finding(text)).outcome is Outcome.PASSED


def test_a_comma_in_a_count_is_no_difference_but_one_patient_is() -> None:
    def count(printed: str) -> Finding:
        return finding(printed, "count", endpoint="patients")

    table = tabled("9,734", statistic="count", endpoint="patients")
    assert one("text-against-table", table, count("9734")).outcome is Outcome.PASSED
    assert one("text-against-table", table, count("9735")).severity is Severity.ERROR


@pytest.mark.parametrize(
    "other",
    [
        {"cohort": "a"},
        {"comparator": "a"},
        {"endpoint": "DFS"},
        {"months": Decimal(48)},
        {"statistic": "mean"},
    ],
)
def test_a_number_is_never_compared_across_a_key(other: dict[str, Any]) -> None:
    found = look("text-against-table", tabled("38"), finding("32", **other))
    assert {verdict.outcome for verdict in found} == {Outcome.NOT_EVALUATED}
    assert {verdict.missing for verdict in found} == {"a second place"}


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"from_figure": True}, {}),
        ({"adjusted": True}, {}),
        ({"n": "85"}, {"n": "54"}),
        ({"source": TEXT}, {}),
    ],
)
def test_a_difference_with_another_reading_is_only_suspect(
    table: dict[str, Any], text: dict[str, Any]
) -> None:
    verdict = one("text-against-table", finding("38", source=Source("doc", "T")), finding("32"))
    assert verdict.severity is Severity.ERROR
    elsewhere: dict[str, Any] = {"source": Source("doc", "T")}
    first = finding("38", **(elsewhere | table))
    assert one("text-against-table", first, finding("32", **text)).severity is Severity.SUSPECT


def test_an_adjusted_and_an_unadjusted_ratio_are_two_quantities() -> None:
    crude = tabled("0.50", statistic="hazard_ratio", adjusted=False)
    adjusted = finding("0.63", "hazard_ratio", adjusted=True)
    assert one("text-against-table", crude, adjusted).outcome is Outcome.NOT_EVALUATED


def test_ends_of_intervals_are_compared_only_at_one_level() -> None:
    table = tabled("0.63", statistic="hazard_ratio", low="0.60", high="0.66", level="95")
    narrow = finding("0.63", "hazard_ratio", low="0.61", high="0.65", level="90")
    assert severities(look("text-against-table", table, narrow)) == []
    wrong = finding("0.63", "hazard_ratio", low="0.50", high="0.66", level="95")
    assert severities(look("text-against-table", table, wrong)) == [Severity.ERROR]


@given(
    value=st.decimals(0, 100, places=4),
    decimals=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    rounding=st.tuples(st.sampled_from(ROUNDINGS), st.sampled_from(ROUNDINGS)),
)
def test_one_number_rounded_twice_in_any_way_is_never_a_contradiction(
    value: Decimal, decimals: tuple[int, int], rounding: tuple[str, str]
) -> None:
    table, text = (
        str(value.quantize(Decimal(1).scaleb(-places), rounding=mode))
        for places, mode in zip(decimals, rounding, strict=True)
    )
    assert one("text-against-table", tabled(table), finding(text)).outcome is Outcome.PASSED


@given(value=st.integers(0, 300), by=st.integers(1, 50), places=st.integers(0, 2))
def test_every_mistyped_table_value_that_the_text_states_is_seen(
    value: int, by: int, places: int
) -> None:
    right = str(Decimal(value).scaleb(-places))
    wrong = str(Decimal(value + by).scaleb(-places))
    findings = tabled(wrong), finding(right)
    found = [*look("text-against-table", *findings), *look("rounded-two-ways", *findings)]
    assert severities(found) == [Severity.SUSPECT if by == 1 else Severity.ERROR]


def test_neighbouring_whole_numbers_are_one_number_only_at_the_half() -> None:
    verdict = one("rounded-two-ways", tabled("32"), finding("31"))
    assert verdict.severity is Severity.SUSPECT
    assert "31.5" in verdict.message
    assert one("rounded-two-ways", tabled("34"), finding("34.3")).outcome is Outcome.PASSED
    assert look("rounded-two-ways", tabled("34")) == []


def test_a_like_endpoint_with_another_value_is_suspect_and_never_an_error() -> None:
    rule, table = "near-synonymous-endpoints", tabled("20", endpoint="DFS")
    assert one(rule, table, finding("15", endpoint="RFS")).severity is Severity.SUSPECT
    assert one(rule, table, finding("20.4", endpoint="RFS")).outcome is Outcome.PASSED
    assert one(rule, table).missing == "a like endpoint in another place"
    assert look(rule, tabled("20"), finding("15", endpoint="time to recurrence")) == []


def test_a_place_that_prints_two_like_endpoints_tells_them_apart() -> None:
    text = finding("20", endpoint="DFS"), finding("15", endpoint="RFS")
    found = look("near-synonymous-endpoints", tabled("20", endpoint="DFS"), *text)
    assert severities(found) == []


def test_a_gap_that_the_text_fills_is_noted_and_a_median_not_reached_is_suspect() -> None:
    rule = "missing-in-table"
    assert one(rule, tabled("NR"), finding("34.3")).severity is Severity.INFO
    assert one(rule, tabled(""), finding("34.3")).severity is Severity.INFO
    assert one(rule, tabled("not reached"), finding("34.3")).severity is Severity.SUSPECT
    assert one(rule, tabled("NR")).missing == "the value in another place"
    assert look(rule, tabled("34"), finding("34.3")) == []


def test_a_value_the_text_gives_a_gap_is_found_in_the_cell_beside_it() -> None:
    rule, row = "value-in-neighbouring-cell", tabled("34", "DFS", endpoint="DFS")
    gap, text = tabled("NR", "OS"), finding("34.3")
    (verdict,) = look(rule, row, gap, text)
    assert verdict.severity is Severity.SUSPECT
    assert [cell.printed for cell in verdict.cells] == ["NR", "34.3", "34"]
    assert one(rule, gap, text).outcome is Outcome.PASSED
    assert one(rule, gap).outcome is Outcome.NOT_EVALUATED


def test_a_cell_whose_own_number_the_text_confirms_has_taken_no_other() -> None:
    row = tabled("34", "DFS", endpoint="DFS"), tabled("NR", "OS")
    text = finding("34.3"), finding("34", endpoint="DFS")
    assert severities(look("value-in-neighbouring-cell", *row, *text)) == []


def test_a_row_beyond_a_range_is_an_error_that_names_the_row() -> None:
    found = ranged("35", "97", rate("32", "welter"), rate("35", "friedel"), rate("96.9", "ludwig"))
    assert severities(found) == [Severity.ERROR]
    (verdict,) = [v for v in found if v.severity]
    assert "32 (welter)" in verdict.message
    assert [cell.printed for cell in verdict.cells] == ["35", "32"]


def test_an_end_no_row_reaches_is_an_error_unless_a_blank_cell_may_be_it() -> None:
    rows = rate("18", "raab"), rate("60", "vlastos")
    assert severities(ranged("18", "65", *rows)) == [Severity.ERROR]
    assert severities(ranged("18", "65", *rows, rate("NR", "elias"))) == [Severity.ERROR]
    assert severities(ranged("18", "65", *rows, rate("", "elias"))) == [Severity.SUSPECT]


def test_a_four_year_value_in_the_column_is_no_member_of_the_range() -> None:
    rows = rate("18", "raab"), rate("61", "vlastos"), rate("70 a", "pocard", 48)
    assert severities(ranged("18", "61", *rows)) == []
    # a reader of the column may have taken it for one
    assert severities(ranged("18", "70", *rows)) == [Severity.SUSPECT]


def test_a_value_set_apart_from_a_range_is_no_member_but_must_have_a_row() -> None:
    rows = rate("27", "friedel"), rate("54", "yoshimoto")
    assert severities(ranged("27", "54", *rows, rate("80", "murabito"), apart="80")) == []
    assert severities(ranged("27", "54", *rows, rate("80", "murabito"))) == [Severity.ERROR]
    assert severities(ranged("27", "54", *rows, rate("50", "murabito"), apart="80")) == [
        Severity.ERROR
    ]


@pytest.mark.parametrize("low", ["NR", ""])
def test_a_range_without_an_end_or_without_rows_is_not_evaluated(low: str) -> None:
    found = ranged(low, "61", rate("61", "a"))
    assert [v.missing for v in found if v.missing] == ["its low end"]
    assert [v.missing for v in ranged("18", "61", rate("NR", "a"))] == ["the rows it speaks of"]
    assert [v.missing for v in ranged("18", "61")] == ["the rows it speaks of"]


@given(
    values=st.lists(st.decimals(0, 100, places=3), min_size=1, max_size=8),
    modes=st.tuples(st.sampled_from(ROUNDINGS), st.sampled_from(ROUNDINGS)),
    places=st.tuples(st.integers(0, 1), st.integers(0, 1)),
)
def test_a_range_rounded_from_the_numbers_of_its_rows_never_fires(
    values: list[Decimal], modes: tuple[str, str], places: tuple[int, int]
) -> None:
    def rounded(value: Decimal, which: int) -> str:
        return str(value.quantize(Decimal(1).scaleb(-places[which]), rounding=modes[which]))

    rows = [rate(rounded(value, 0), f"s{index}") for index, value in enumerate(values)]
    assert severities(ranged(rounded(min(values), 1), rounded(max(values), 1), *rows)) == []


@pytest.mark.parametrize("rule", BY_ID)
@pytest.mark.parametrize(
    "value", ["", "NR", "0", "-5", "130 [sic]", "about 10", "<0.001", "9" * 40]
)
def test_odd_values_and_empty_evidence_crash_no_rule(rule: str, value: str) -> None:
    pair = tabled(value), finding("12"), finding("", "survival_range", low=value, high="1")
    assert all(verdict.rule == rule for verdict in look(rule, *pair))
    assert look(rule) == []


def test_the_bundled_review_contradicts_itself_in_six_places() -> None:
    # read off Pockaj et al. 2010, Tables 1-3 against the text
    review = sl.example("stage-iv-breast")
    at: list[Block | Whole] = [Whole(review.evidence, review.question), *blocks(review.evidence)]
    found = [v for rule in RULES for place in at for v in rule.look(place) if v.severity]
    errors = [v for v in found if v.severity is Severity.ERROR]
    assert sorted((v.rule, v.cells[0].study) for v in errors) == [
        ("range-statement", "pockaj2010"),
        ("text-against-table", "adam2006"),
        *[("text-against-table", "blanchard2008")] * 4,
    ]
    others = [(v.rule, v.cells[0].study) for v in found if v.severity is not Severity.ERROR]
    assert sorted(others) == [
        ("missing-in-table", "elias2003"),
        ("near-synonymous-endpoints", "adam2006"),
        ("rounded-two-ways", "rapiti2006"),
        ("value-in-neighbouring-cell", "elias2003"),
    ]


def test_no_note_of_the_bundled_review_tells_what_a_rule_must_find() -> None:
    told = re.compile(r"Table \d prints (?:NR|\d)|the text (?:prints|gives) \d|unlike|spelled")
    evidence = sl.example("stage-iv-breast").evidence
    noted: list[Any] = [*evidence.studies, *evidence.cohorts, *evidence.findings]
    # sizes of a title against a table: no rule compares them
    assert [r.note for r in noted if told.search(r.note)] == [evidence.study("ercolani2005").note]
