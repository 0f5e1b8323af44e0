"""What would settle a contradiction; every expected change is worked by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.audit import RULES, SLIPS, Outcome, Rule, Severity, Verdict, audit
from secondlook.audit.block import Block, blocks
from secondlook.audit.causes import Search, changed, components
from secondlook.audit.edits import Edit, edits
from secondlook.audit.rule import Class, fired
from secondlook.evidence import Cohort, Evidence, Finding, Reported, Source, Study

ARMS = (Cohort("s", "a", split="arm"), Cohort("s", "b", split="arm"))


def finding(
    value: str, endpoint: str, statistic: str, *, where: str = "Table 1", **more: object
) -> Finding:
    column = "" if where == "text" else f"{endpoint} {statistic}"
    record = {"source": Source("review", where, "row", column)} | {
        name: Reported(text) if isinstance(text, str) and name not in ("cohort",) else text
        for name, text in more.items()
    }
    return Finding(
        study="s",
        endpoint=endpoint,
        statistic=statistic,
        value=Reported(value),
        **record,  # type: ignore[arg-type]
    )


def size(cohort: str, value: str) -> Finding:
    return finding(value, "patients", "count", cohort=cohort)


def search_of(
    rule: str, *findings: Finding, cohorts: tuple[Cohort, ...] = (), rules: Sequence[Rule] = RULES
) -> Search:
    evidence = Evidence(studies=(Study("s"),), cohorts=cohorts, findings=findings)
    report = audit(evidence, rules=rules)
    return next(d.search for d in report.discrepancies if d.rule.id == rule)


def said(found: Search) -> list[tuple[str, str, str, str]]:
    """Every cause of one change: slip, field, printed, instead."""
    alone = [cause.edits[0] for cause in found.causes if len(cause.edits) == 1]
    return [(edit.slip, edit.field, edit.printed, edit.instead) for edit in alone]


def test_a_percent_rounded_twice_is_named_as_that() -> None:
    # 40/127 = 31.496: to one decimal 31.5, and from there 32
    percent = finding("32", "response", "percent", events="40", n="127")
    first = said(search_of("percent-of-count", percent))[0]
    assert first == ("rounded twice", "value", "32", "31")


def test_a_percent_cut_off_is_named_as_that() -> None:
    # 191/242 = 78.93
    percent = finding("78", "response", "percent", events="191", n="242")
    first = said(search_of("percent-of-count", percent))[0]
    assert first == ("cut off", "value", "78", "79")


def test_one_count_that_settles_both_its_sum_and_its_percent_is_preferred_to_two() -> None:
    # 191 + 53 is not 242, and 191/242 is not 78 %; 189 + 53 = 242, and 189/242 = 78.1 %;
    # 191 + 53 = 244, and 191/244 = 78.3 %
    part = finding("78", "patients", "percent", cohort="a")
    table = size("all", "242"), size("a", "191"), size("b", "53"), part
    for rule in ("complement", "percent-of-count"):
        found = search_of(rule, *table, cohorts=ARMS)
        assert said(found) == [
            ("as computed", "value", "191", "189"),
            ("other denominator", "value", "242", "244"),
        ]


def test_groups_exchanged_in_the_text_are_one_change() -> None:
    table = [size("a", "189"), size("b", "53")]
    text = [
        finding(value, "patients", "count", where="text", cohort=cohort)
        for cohort, value in (("a", "53"), ("b", "189"))
    ]
    evidence = Evidence(
        studies=(Study("s"),), cohorts=ARMS, findings=(size("all", "242"), *table, *text)
    )
    found = audit(evidence).discrepancies
    assert {d.rule.id for d in found} == {"text-against-table"}
    for one in found:
        changes = [c.edits[0] for c in one.search.causes if c.edits[0].slip == "swapped"]
        assert [edit.where for edit in changes] == ["Table 1", "text"]
        assert all({edit.printed, edit.instead} == {"a", "b"} for edit in changes)
        assert all("were exchanged in" in str(edit) for edit in changes)


def test_a_follow_up_in_the_place_of_the_survival_is_named_as_that() -> None:
    # Adam 2006 as reviewed: the table prints the median follow-up of 38, the text a median of 32
    followed = finding("38", "follow-up", "median", where="text")
    found = search_of(
        "text-against-table",
        finding("38", "OS", "median"),
        finding("32", "OS", "median", where="text"),
        followed,
    )
    assert ("follow-up", "value", "38", "32") in said(found)
    assert ("as printed elsewhere", "value", "32", "38") in said(found)  # as small


def test_a_ratio_the_other_way_round_is_offered() -> None:
    # 1/0.61 = 1.64 within 1.30 to 2.07
    ratio = finding("0.61", "OS", "hazard_ratio", low="1.30", high="2.07", level="95")
    found = said(search_of("point-in-interval", ratio))
    assert ("inverted", "value", "0.61", "1.64") in found


def test_limits_of_another_level_are_offered() -> None:
    # ln(0.73/0.49)/2 = 0.199: as one standard error z is 0.511/0.199 = 2.56 and P 0.010; as 1.96
    # of them z is 5.0, and as 1.645 of them 4.2
    ratio = finding("0.60", "OS", "hazard_ratio", low="0.49", high="0.73", p="0.010")
    found = said(search_of("interval-against-p", ratio))
    assert ("other level", "level", "", "68.27") in found
    assert ("other level", "level", "", "90") not in found


def test_years_printed_as_months_are_offered() -> None:
    # a median of 3 months cannot be where 60 % live at 24; a median of 36 can
    found = said(
        search_of(
            "median-against-rate",
            finding("3", "OS", "median"),
            finding("60", "OS", "survival", months=Decimal(24)),
        )
    )
    assert ("years for months", "value", "3", "36") in found


def test_a_four_year_value_printed_as_five_years_is_offered() -> None:
    # 46 at 60 months against 38 in the text; at 48 months 46 goes with both 60 at 36 and 38 at 60
    found = said(
        search_of(
            "text-against-table",
            finding("60", "OS", "survival", months=Decimal(36)),
            finding("46", "OS", "survival", months=Decimal(60)),
            finding("38", "OS", "survival", where="text", months=Decimal(60)),
        )
    )
    assert ("other time", "months", "60", "48") in found
    # once, of the 46: 38 at 48 months would lie below 46 at 60, which another rule refuses
    assert len([f for f in found if f[0] == "other time"]) == 1


def test_every_equally_small_change_is_listed() -> None:
    # three parts of 10 that add up to 12: whole, or any part by two
    cohorts = tuple(Cohort("s", key, split="arm") for key in "abc")
    table = size("all", "10"), size("a", "4"), size("b", "5"), size("c", "3")
    found = {(p, i) for _, _, p, i in said(search_of("parts-and-whole", *table, cohorts=cohorts))}
    assert {("10", "12"), ("4", "2"), ("5", "3"), ("3", "1")} <= found


def test_a_change_that_makes_another_rule_fire_is_not_offered() -> None:
    # a + b = 12 of 10: a of 7 would do, were its percent not 90
    parts = size("all", "10"), size("a", "9"), size("b", "3")
    percent = finding("90", "patients", "percent", cohort="a")
    free = said(search_of("complement", *parts, cohorts=ARMS))
    bound = said(search_of("complement", *parts, percent, cohorts=ARMS))
    assert ("as computed", "value", "9", "7") in free
    assert ("as computed", "value", "9", "7") not in bound
    assert ("as computed", "value", "3", "1") in bound


def test_a_search_that_finds_nothing_says_that_it_gave_up() -> None:
    impossible = Rule(
        "never", "test", "Nothing.", Class.SOUND, Severity.ERROR, "anything", "", "",
        study=lambda block: [
            fired("never", [item.cell() for item in block.items], "no", "no", Severity.ERROR)
        ],
    )  # fmt: skip
    evidence = Evidence(studies=(Study("s"),), findings=(finding("38", "OS", "median"),))
    (found,) = audit(evidence, rules=[impossible]).discrepancies
    assert found.search == Search((), True)
    assert any("no small change was found" in line for line in found.lines())
    assert found.to_dict()["search_gave_up"] is True


def test_verdicts_that_share_a_cell_are_settled_together() -> None:
    part = finding("78", "patients", "percent", cohort="a")
    table = size("all", "242"), size("a", "191"), size("b", "53"), part
    apart = finding("99", "response", "percent", events="1", n="2")
    evidence = Evidence(studies=(Study("s"),), cohorts=ARMS, findings=(*table, apart))
    verdicts = [found.verdict for found in audit(evidence).discrepancies]
    groups = components(verdicts)
    assert sorted(len(group) for group in groups) == [1, 2]


def test_a_change_reaches_every_reading_of_the_same_cell() -> None:
    both = Source("review", "Table 3", "row", "Partial", "191 (78)")
    count = Finding(
        study="s", endpoint="patients", statistic="count", value=Reported("191"), source=both
    )
    percent = Finding(
        study="s", endpoint="patients", statistic="percent", value=Reported("78"),
        events=Reported("191"), n=Reported("242"), source=both,
    )  # fmt: skip
    block = next(blocks(Evidence(studies=(Study("s"),), findings=(count, percent))))
    edit = Edit(0, "value", "191", "189", "one digit", "patients", "Table 3")
    first, second = changed(block, [edit]).items
    assert (first.value.printed, second.finding.events.printed) == ("189", "189")
    assert second.value.printed == "78"


def test_two_counts_exchanged_without_their_percents_are_one_change() -> None:
    # 53/242 = 21.9 %, 189/242 = 78.1 %: the percents stand right
    table = size("all", "242"), size("a", "53"), size("b", "189")
    percents = [
        finding(value, "patients", "percent", cohort=cohort)
        for cohort, value in (("a", "78"), ("b", "22"))
    ]
    found = search_of("percent-of-count", *table, *percents, cohorts=ARMS)
    # or the percents: 53 of 242 are 22 %
    assert [str(cause) for cause in found.causes] == [
        "78 and 22 were exchanged in Table 1",
        "53 and 189 were exchanged in Table 1",
    ]
    assert {(e.slip, e.field) for c in found.causes for e in c.edits} == {("swapped", "value")}


def test_medians_of_two_endpoints_exchanged_are_one_change() -> None:
    # 60 % alive at 24 months, so the median is later; 30 % free of disease, so it is earlier
    found = search_of(
        "median-against-rate",
        finding("18", "OS", "median"),
        finding("36", "DFS", "median"),
        finding("60", "OS", "survival", months=Decimal(24)),
        finding("30", "DFS", "survival", months=Decimal(24)),
    )
    # the percents, or the medians
    assert {frozenset((e.printed, e.instead)) for c in found.causes for e in c.edits} == {
        frozenset(("18", "36")),
        frozenset(("30", "60")),
    }


def test_limits_exchanged_are_one_change() -> None:
    printed = finding("0.60", "OS", "hazard_ratio", low="0.73", high="0.49", level="95")
    first = search_of("point-in-interval", printed).causes[0].edits[0]
    assert (first.slip, first.field, first.instead) == ("swapped", "low", "0.49")
    block = next(blocks(Evidence(studies=(Study("s"),), findings=(printed,))))
    (item,) = changed(block, [first]).items
    assert (item.finding.low.printed, item.finding.high.printed) == ("0.49", "0.73")


def test_many_contradictions_end_the_search_by_the_work_done() -> None:
    looked = 0

    def count(block: Block) -> list[Verdict]:
        nonlocal looked
        looked += len(block.items)
        return list(monotone.look(block))

    monotone = next(rule for rule in RULES if rule.id == "monotone")
    counted = replace(monotone, study=count)
    rates = [
        finding(str(20 + month), "OS", "survival", months=Decimal(12 + month))
        for month in range(60)
    ]
    report = audit(Evidence(studies=(Study("s"),), findings=tuple(rates)), rules=[counted])
    assert len(report.discrepancies) > 50
    assert report.discrepancies[0].search.gave_up
    assert looked <= 200_000 + 60 * 60


def reviewed(rows: dict[str, str], *more: Finding) -> Evidence:
    """A review of some series, each with its median in a table."""
    studies = [Study(key, reference=str(at)) for at, key in enumerate(rows, 1)]
    seen = [
        Finding(
            study=key, endpoint="OS", statistic="median", value=Reported(value),
            source=Source("review", "Table 1", key, "median"),
        )
        for key, value in rows.items()
    ]  # fmt: skip
    cohort = Cohort("review", "series", overlaps=tuple(f"{key}/all" for key in rows))
    return Evidence((Study("review"), *studies), (cohort,), (*seen, *more))


def said_by(statistic: str, low: str, high: str) -> Finding:
    return Finding(
        study="review", cohort="series", endpoint="OS", statistic=statistic, low=Reported(low),
        high=Reported(high), source=Source("review", "text"),
    )  # fmt: skip


def causes_of(rule: str, evidence: Evidence) -> list[str]:
    (found,) = [d for d in audit(evidence).discrepancies if d.rule.id == rule]
    return [str(cause) for cause in found.search.causes]


def test_a_range_that_misses_a_row_may_be_mended_at_its_end_or_in_the_row() -> None:
    # 32 lies below 35: the range may begin at 32, or the row may be one digit off: 35 to 39, 42...
    rows = {"adam": "35", "bond": "50", "cole": "32"}
    said = causes_of("range-statement", reviewed(rows, said_by("median_range", "35", "50")))
    assert said[0].startswith("low of OS median range, series in text, review were 32, not 35")
    assert any("Table 1, cole were 42, not 32" in one for one in said)
    assert not any("Table 1, cole were 31" in one for one in said)


def test_an_end_that_no_row_reaches_may_be_a_digit_of_any_row() -> None:
    # nobody has 35: 37, 45 and 53 are a digit or an exchange from it
    rows = {"adam": "37", "bond": "90", "cole": "45", "dunn": "53"}
    said = causes_of("range-statement", reviewed(rows, said_by("median_range", "35", "90")))
    assert said[0].startswith("low of OS median range, series in text, review were 37, not 35")
    for row in ("adam were 35, not 37", "cole were 35, not 45", "dunn were 35, not 53"):
        assert any(row in one for one in said), row


def test_a_span_of_references_is_told_as_the_numbers_of_the_rows() -> None:
    rows = {"adam": "36", "bond": "90", "cole": "45"}
    (beyond,) = causes_of("citation-span", reviewed(rows, said_by("citation_span", "1", "5")))
    assert "were 3, not 5" in beyond
    gap = reviewed(rows, said_by("citation_span", "1", "3"))
    gap = replace(gap, findings=(gap.findings[0], *gap.findings[2:]))  # bond has no row
    (said,) = causes_of("citation-span", gap)
    assert "were 1 and 3, not 1 to 3" in said


def test_a_row_whose_change_another_rule_refuses_is_not_offered() -> None:
    rate = Finding(
        study="cole", endpoint="OS", statistic="survival", months=Decimal(38),
        value=Reported("40"), source=Source("review", "Table 1", "cole", "rate"),
    )  # fmt: skip
    rows = {"adam": "35", "bond": "50", "cole": "32"}
    text = said_by("median_range", "35", "50")
    said = causes_of("range-statement", reviewed(rows, text, rate))
    # 40 % are alive at 38 months, so the median is no later than that
    assert any("cole were 35, not 32" in one for one in said)
    assert not any("cole were 42, not 32" in one for one in said)


@pytest.mark.parametrize("slip", SLIPS)
def test_every_slip_is_explained(slip: str) -> None:
    assert SLIPS[slip]


@given(
    value=st.from_regex(r"\A[0-9]{1,40}(\.[0-9]{1,30})?\Z"),
    events=st.integers(0, 10**30),
    n=st.integers(1, 10**30),
)
def test_no_number_whatever_breaks_the_search_for_changes(value: str, events: int, n: int) -> None:
    percent = finding(value, "x", "percent", events=str(events), n=str(n), low=value, high="1")
    block = next(blocks(Evidence(studies=(Study("s"),), findings=(percent,))))
    item = block.items[0]
    verdict = fired("r", [item.cell(), item.cell("low")], "", "", Severity.ERROR)
    for edit in edits(block, [verdict]):
        assert edit.instead != edit.printed
        assert edit.apply(item.finding) != item.finding


@given(k=st.integers(0, 500), n=st.integers(1, 500))
def test_the_value_that_follows_always_settles_a_percent(k: int, n: int) -> None:
    exact = 100 * Fraction(k, n)
    wrong = str(int(exact) + 3)
    found = search_of("percent-of-count", finding(wrong, "x", "percent", events=str(k), n=str(n)))
    instead = {i for slip, _, _, i in said(found) if slip == "as computed"}
    assert any(abs(Fraction(i) - exact) <= Fraction(1, 2) for i in instead)


def test_a_remark_has_no_search() -> None:
    beyond = (
        finding("40", "OS", "survival", months=Decimal(60)),
        finding("24", "follow-up", "median"),
    )
    report = audit(Evidence(studies=(Study("s"),), findings=beyond))
    remarks = [d for d in report.discrepancies if d.severity is Severity.INFO]
    assert remarks
    assert all(d.search == Search((), False) for d in remarks)
    assert all(d.verdict.outcome is Outcome.FIRED for d in remarks)
