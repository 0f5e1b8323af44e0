"""The report of an audit: its keys, its order, its counts, and the cards of its rules."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from dataclasses import replace
from decimal import Decimal

import pytest

import secondlook as sl
from secondlook.audit import (
    RULES,
    SLIPS,
    UNSEEN,
    Class,
    Outcome,
    Rule,
    Severity,
    State,
    audit,
    decision_of,
)
from secondlook.audit.block import Block, Whole, blocks
from secondlook.audit.formats import INSPECT_SR, as_csv, as_inspect_sr, as_json, as_table
from secondlook.audit.report import AuditReport
from secondlook.evidence import (
    STATISTICS,
    Cohort,
    Evidence,
    Finding,
    Reported,
    Source,
    Study,
)
from secondlook.evidence.records import columns

DISCREPANCY = {
    "rule", "family", "severity", "outcome", "studies", "cells", "source", "printed", "computed",
    "message", "causes", "search_gave_up", "state", "consequence",
}  # fmt: skip
CELL = {"study", "cohort", "endpoint", "statistic", "months", "field", "printed", "source"}
EDIT = {"slip", "index", "field", "printed", "instead", "would_be"}
COVERAGE = {
    "rule", "family", "class", "evaluated", "passed", "fired", "not_evaluated", "missing",
}  # fmt: skip


@pytest.fixture(scope="module")
def found(bundled: sl.Review) -> AuditReport:
    return bundled.audit()


def test_the_json_has_exactly_the_keys_it_promises(found: AuditReport) -> None:
    content = json.loads(as_json(found))
    assert set(content) == {"discrepancies", "coverage", "lapsed", "unseen"}
    assert content["unseen"] == list(UNSEEN)
    for one in content["discrepancies"]:
        assert set(one) == DISCREPANCY
        assert one["outcome"] == "fired"
        assert one["severity"] in {"error", "suspect", "info"}
        assert one["printed"] == [cell["printed"] for cell in one["cells"]]
        assert one["source"] == [cell["source"] for cell in one["cells"]]
        assert all(set(cell) == CELL for cell in one["cells"])
        assert all(set(edit) == EDIT for cause in one["causes"] for edit in cause)
        assert all(edit["slip"] in SLIPS for cause in one["causes"] for edit in cause)
    assert all(set(one) == COVERAGE for one in content["coverage"])


def test_a_consequence_stands_with_its_discrepancy(found: AuditReport) -> None:
    content = json.loads(as_json(found, {1: [{"sentence": "Pooled: 1"}]}))
    said = [one["consequence"] for one in content["discrepancies"]]
    assert said[1] == [{"sentence": "Pooled: 1"}]
    assert said[0] == said[2] == []
    assert as_table(found, {1: [{"sentence": "Pooled: 1"}]}).count("    Pooled: 1") == 1


def test_the_worst_stands_first_and_the_decided_last(bundled: sl.Review) -> None:
    open_ = bundled.audit()
    order = [list(Severity).index(d.severity) for d in open_.discrepancies]
    assert order == sorted(order)
    made = replace(decision_of(open_.discrepancies[0].verdict), decision="confirmed")
    again = audit(replace(bundled.evidence, audit=(made,)), question=bundled.question)
    assert again.discrepancies[-1].state is State.CONFIRMED
    assert again.discrepancies[-1].verdict == open_.discrepancies[0].verdict


def test_the_coverage_is_every_answer_of_every_rule(found: AuditReport, bundled: sl.Review) -> None:
    places: list[Block | Whole] = [
        *blocks(bundled.evidence),
        Whole(bundled.evidence, bundled.question),
    ]
    assert [one.rule for one in found.coverage] == list(RULES)
    for one in found.coverage:
        answers = [verdict.outcome for place in places for verdict in one.rule.look(place)]
        assert one.evaluated + one.not_evaluated == len(answers)
        assert one.fired == answers.count(Outcome.FIRED)
        assert one.passed == answers.count(Outcome.PASSED)
        assert one.missing.total() == one.not_evaluated
        assert all(one.missing), one.rule.id  # what was missing is always named
    assert sum(one.fired for one in found.coverage) == len(found.discrepancies)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_card_of_a_rule_is_complete(rule: Rule) -> None:
    assert [other.id for other in RULES].count(rule.id) == 1
    assert rule.title.endswith(".")
    assert rule.needs
    assert rule.source or rule.assumption  # where it is from, or what must be so for it
    assert rule.family
    assert (rule.study is None) is not (rule.review is None)
    assert rule.kind is not Class.PLAUSIBILITY or rule.most is not Severity.ERROR
    assert rule.kind is not Class.CONDITIONAL or rule.assumption


def test_no_verdict_says_more_than_its_card_allows(found: AuditReport) -> None:
    order = list(Severity)
    for one in found.discrepancies:
        assert order.index(one.severity) >= order.index(one.rule.most)
        assert one.verdict.message
        assert one.verdict.computed
        assert one.verdict.cells


def test_no_evidence_at_all_is_an_audit_of_nothing() -> None:
    nothing = audit(Evidence())
    assert nothing.discrepancies == ()
    assert sum(one.evaluated for one in nothing.coverage) == 0
    assert as_csv(nothing).count("\n") == 1
    assert "Nothing found" in as_inspect_sr(nothing)
    assert all(what in as_table(nothing, {}) for what in UNSEEN)
    assert nothing.to_frame().height == 0


BAD = (
    "NR", "", "not reached", "46 a", "130", "-5", "0", "<0.001", ">60", "about 10", "1" + "0" * 60,
    "0." + "0" * 50 + "1", "28 (PM) 32 (TM)", "60 [sic]",
)  # fmt: skip


@pytest.mark.parametrize("value", BAD)
def test_no_printed_value_whatever_breaks_a_rule_or_a_format(value: str) -> None:
    number = Reported(value)
    seen = tuple(
        Finding(
            study="s",
            comparator=comparator,
            endpoint=endpoint,
            statistic=statistic,
            months=months,
            value=number,
            low=Reported("9"),
            high=Reported("3"),
            level=number,
            p=number,
            n=number,
            events=number,
        )
        for statistic in STATISTICS
        for endpoint in ("OS", "DFS", "patients", "follow-up")
        for comparator in ("", "other")
        for months in (None, Decimal(-3), Decimal(60))
    )
    everything = Evidence((Study("s"),), findings=seen)
    places: list[Block | Whole] = [*blocks(everything), Whole(everything, None)]
    answers = [verdict for place in places for rule in RULES for verdict in rule.look(place)]
    assert all(v.missing for v in answers if v.outcome is Outcome.NOT_EVALUATED)
    assert all(v.message for v in answers if v.outcome is Outcome.FIRED)
    found = audit(replace(everything, findings=seen[::47]))
    assert json.loads(as_json(found))["discrepancies"] == [
        one.to_dict() | {"consequence": []} for one in found.discrepancies
    ]


def test_the_csv_ends_in_the_columns_of_the_file_of_decisions(found: AuditReport) -> None:
    rows = list(csv.reader(io.StringIO(as_csv(found))))
    assert tuple(rows[0][-6:]) == columns("audit")
    assert len(rows) == 1 + len(found.discrepancies)
    for row, one in zip(rows[1:], found.discrepancies, strict=True):
        decision = decision_of(one.verdict)
        assert row[-6:-3] == [decision.rule, decision.cells, decision.message]


def test_every_study_with_an_error_stands_below_every_item_of_inspect_sr(
    found: AuditReport,
) -> None:
    text = as_inspect_sr(found)
    patients, _, rest = text.partition("\nblanchard2008\n")[2].partition("  4.9 ")
    assert "the parts add up to 244, the whole is 242" in patients
    assert "nothing found by these rules" in rest.partition("  4.10 ")[0]
    assert all(item in text for item in INSPECT_SR)


def test_progress_is_told_for_every_study() -> None:
    told: list[tuple[int, int]] = []
    three = tuple(Study(key) for key in "abc")
    audit(Evidence(three), progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_the_frame_has_one_row_for_each_discrepancy(found: AuditReport) -> None:
    frame = found.to_frame()
    assert frame["rule"].to_list() == [one.rule.id for one in found.discrepancies]
    assert frame["message"].to_list() == [one.verdict.message for one in found.discrepancies]


def many(studies: int) -> Evidence:
    """Series of one table, each with numbers that agree and a range that holds them all."""
    series = [f"s{k}" for k in range(studies)]
    seen = [
        Finding(
            study=key, endpoint=endpoint, statistic=statistic, months=months,
            value=Reported(value), source=Source("review", "Table 1", f"{key} et al.", column),
        )
        for key in series
        for endpoint, statistic, months, value, column in (
            ("patients", "count", None, "85", "n"),
            ("OS", "median", None, "38", "median"),
            ("OS", "survival", Decimal(60), "37", "rate"),
        )
    ]  # fmt: skip
    said = Finding(
        study="review", cohort="all of them", endpoint="OS", statistic="median_range",
        low=Reported("38"), high=Reported("38"), source=Source("review", "text"),
    )  # fmt: skip
    cohort = Cohort("review", "all of them", overlaps=tuple(f"{key}/all" for key in series))
    return Evidence(tuple(map(Study, ("review", *series))), (cohort,), (*seen, said))


def test_memory_hardly_grows_with_the_number_of_studies() -> None:
    rules = [rule for rule in RULES if rule.id != "duplicated-neighbours"]  # all rows are alike
    asked: list[int] = []
    for studies in (300, 3000):
        evidence = many(studies)
        audit(evidence, rules=rules)
        tracemalloc.start()
        found = audit(evidence, rules=rules)
        asked.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert found.discrepancies == ()
    # the rows of one column are held while its range is looked at, and nothing else is
    assert asked[1] - asked[0] < 2700 * 900
