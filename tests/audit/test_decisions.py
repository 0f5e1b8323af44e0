"""What people decide about discrepancies, and when it holds no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text

import secondlook as sl
from secondlook.audit import AuditReport, Discrepancy, Severity, State, audit, decision_of, resolve
from secondlook.audit.decisions import name_of, states, to_prepare
from secondlook.audit.verdict import cell
from secondlook.errors import EvidenceError, InputError
from secondlook.evidence import Cohort, Decision, Evidence, Finding, Reported, Source, Study
from secondlook.report.forest import forest
from secondlook.synthesis import analyse

Change = Callable[[Path], None]
TABLE = Source("review", "Table 1", "Adam et al.", "Median")
TEXT = Source("review", "text", "p. 3")


def evidence(*findings: Finding, decisions: tuple[Decision, ...] = ()) -> Evidence:
    cohorts = (Cohort("s", "a", split="arm"), Cohort("s", "b", split="arm"))
    return Evidence((Study("s"),), cohorts, findings, audit=decisions)


def median(value: str, source: Source) -> Finding:
    return Finding(
        study="s", endpoint="OS", statistic="median", value=Reported(value), source=source
    )


APART = (median("38", TABLE), median("32", TEXT))


def the_error(found: AuditReport) -> Discrepancy:
    (error,) = (d for d in found.discrepancies if d.severity is Severity.ERROR)
    return error


def decided(decision: str, *, corrected: str = "", reason: str = "") -> Decision:
    made = decision_of(the_error(audit(evidence(*APART))).verdict)
    return replace(made, decision=decision, corrected=corrected, reason=reason)


@pytest.mark.parametrize(
    ("decision", "state"),
    [
        ("confirmed", State.CONFIRMED),
        ("dismissed", State.DISMISSED),
        ("resolved", State.RESOLVED),
        ("", State.OPEN),
    ],
)
def test_a_decision_holds_while_everything_is_printed_as_it_was(
    decision: str, state: State
) -> None:
    made = decided(decision, reason="the text is of a subgroup")
    report = audit(evidence(*APART, decisions=(made,)))
    assert the_error(report).state is state
    assert report.lapsed == ()
    assert bool(report.open()) is (state is State.OPEN)
    assert the_error(report).to_dict()["state"] == state.value


def test_a_decision_lapses_when_a_printed_value_changes_and_stays_in_the_trail() -> None:
    made = decided("dismissed", reason="other patients")
    changed = evidence(median("39", TABLE), APART[1], decisions=(made,))
    report = audit(changed)
    assert the_error(report).state is State.OPEN
    assert report.lapsed == (made,)
    assert report.to_dict()["lapsed"] == 1
    assert "1 decision has lapsed" in report.summary()
    assert changed.audit == (made,)


def test_a_decision_lapses_when_its_rule_fires_no_more() -> None:
    made = decided("confirmed")
    report = audit(evidence(APART[0], median("38", TEXT), decisions=(made,)))
    assert report.lapsed == (made,)


def test_an_undecided_entry_neither_settles_nor_lapses() -> None:
    report = audit(evidence(*APART, decisions=(decided(""), Decision("gone", "s = 1"))))
    assert the_error(report).state is State.OPEN
    assert report.lapsed == ()


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\n\n"])
def test_a_decision_survives_what_spreadsheets_do_to_the_lines_of_a_cell(ends: str) -> None:
    made = decided("confirmed")
    other = replace(made, cells=ends.join(reversed(made.cells.splitlines())))
    assert the_error(audit(evidence(*APART, decisions=(other,)))).state is State.CONFIRMED


NAMES = st.text(st.characters(exclude_characters="|="), max_size=12)


@given(place=NAMES, row=NAMES, column=NAMES, printed=st.sampled_from(["", " ", "38", "NR", "46 a"]))
def test_a_cell_is_one_line_whatever_its_headings_hold(
    place: str, row: str, column: str, printed: str
) -> None:
    seen = cell(0, median(printed, Source("d", place, row, column)))
    (line,) = name_of(seen).splitlines()
    assert line.startswith("s | all | OS | median |")


def test_a_blank_cell_is_named_so_that_nothing_can_strip_it() -> None:
    blank = (median("", TABLE), median("34.3", TEXT))
    report = audit(evidence(*blank))
    (found,) = (d for d in report.discrepancies if d.rule.id == "missing-in-table")
    cells = decision_of(found.verdict).cells
    assert "= (blank)" in cells
    assert all(line == line.strip() for line in cells.splitlines())


def corrected(value: str) -> Decision:
    line = "s | all | OS | median |  | value | Table 1 | Adam et al. | Median"
    return decided("resolved", corrected=f"{line} = {value}")


def test_a_resolved_value_takes_the_place_of_the_printed_one_and_says_so() -> None:
    settled = resolve(evidence(*APART, decisions=(corrected("32"),)))
    assert [f.value.printed for f in settled.findings] == ["32 [resolved]", "32"]
    assert settled.findings[0].value.value == 32
    assert settled.findings[0].value.interval == Reported("32").interval


def test_a_correction_whose_printed_values_changed_is_not_used() -> None:
    changed = (median("39", TABLE), APART[1])
    settled = resolve(evidence(*changed, decisions=(corrected("32"),)))
    assert settled.findings == changed


def test_only_a_resolved_decision_changes_anything() -> None:
    made = replace(corrected("32"), decision="confirmed")
    assert resolve(evidence(*APART, decisions=(made,))).findings == APART


def test_two_corrections_of_one_cell_are_refused() -> None:
    with pytest.raises(EvidenceError, match="not the only correction"):
        resolve(evidence(*APART, decisions=(corrected("32"), corrected("33"))))


def test_the_whole_cell_of_a_table_shows_what_was_resolved_in_it() -> None:
    whole = replace(TABLE, cell="38 (12)")
    other = replace(median("12", whole), endpoint="DFS")
    seen = (median("38", whole), APART[1], other)
    settled = resolve(evidence(*seen, decisions=(corrected("32"),)))
    (table,) = settled.tables()
    assert table.rows == (("Adam et al.", ("38 (12) [resolved: 38 is 32]",)),)


def test_what_is_no_finding_cannot_be_resolved_here(bundled: sl.Review) -> None:
    spelling = next(d for d in bundled.audit().discrepancies if d.rule.id == "author-spelling")
    made = decision_of(spelling.verdict)
    line = next(line for line in made.cells.splitlines() if "references" in line)
    wrong = replace(made, decision="resolved", corrected=line.rpartition(" = ")[0] + " = Rapti E")
    with pytest.raises(EvidenceError, match=r"is no number of findings\.csv"):
        resolve(replace(bundled.evidence, audit=(wrong,)))


def test_what_is_prepared_is_open_new_and_there_once() -> None:
    verdict = the_error(audit(evidence(*APART))).verdict
    (fresh,) = to_prepare([verdict, verdict], ())
    assert (fresh.decision, fresh.corrected, fresh.reason) == ("", "", "")
    assert fresh.message == verdict.message
    assert to_prepare([verdict], (fresh,)) == ()
    assert to_prepare([verdict], (replace(fresh, decision="confirmed"),)) == ()
    assert states([verdict], (fresh,)) == ([State.OPEN], ())


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return sl.new(tmp_path / "mine", source="stage-iv-breast")


def test_preparing_twice_adds_nothing_the_second_time(mine: Path) -> None:
    review = sl.Review.open(mine)
    first = review.prepare_decisions(review.audit())
    assert first == len(review.audit().discrepancies)
    path = mine / "evidence" / "audit.csv"
    written = path.read_bytes()
    again = sl.Review.open(mine)
    assert again.prepare_decisions(again.audit()) == 0
    assert path.read_bytes() == written


def test_the_bundled_review_is_never_written_to(bundled: sl.Review) -> None:
    with pytest.raises(InputError, match="bundled"):
        bundled.prepare_decisions(bundled.audit())


def resolved_review(mine: Path, value: str) -> sl.Review:
    """Adam 2006's 5-year survival corrected, although nothing is wrong with it."""
    review = sl.Review.open(mine)
    index, finding = next(
        (i, f)
        for i, f in enumerate(review.evidence.findings)
        if (f.study, f.statistic, f.months) == ("adam2006", "survival", Decimal(60))
        and f.endpoint == "OS"
        and f.source.place == "Table 1"
    )
    seen = cell(index, finding)
    made = Decision(
        "percent-of-count",
        f"{name_of(seen)} = {seen.printed}",
        decision="resolved",
        corrected=f"{name_of(seen)} = {value}",
    )
    return replace(review, evidence=replace(review.evidence, audit=(made,)))


def test_a_resolved_value_is_pooled_and_marked_in_the_forest_and_the_tables(mine: Path) -> None:
    plain = sl.Review.open(mine)
    plan = plain.question.analysis("hepatic-5-year-survival")
    before = analyse(plain.settled, plan)
    review = resolved_review(mine, "80")
    result = next(r for r in review.results() if r.analysis.id == plan.id)
    assert result.shown is not None
    assert before.shown is not None
    assert result.shown.estimate > before.shown.estimate
    row = next(r for r in result.rows if r.study.key == "adam2006")
    assert [arm.printed for arm in row.arms] == ["80 [resolved]"]
    drawn = " ".join(text.get_text() for text in forest(result).findobj(Text))
    assert "80 [resolved]" in drawn
    table = next(t for t in review.settled.tables() if t.place == "Table 1")
    assert any("80 [resolved]" in cells for _, cells in table.rows)
    assert review.answer().evidence == review.settled


@pytest.mark.parametrize(
    ("value", "rule"), [("banana", "is text where a number belongs"), ("130", "0 to 100")]
)
def test_a_correction_the_cell_cannot_hold_is_one_line_before_anything_is_printed(
    mine: Path, value: str, rule: str
) -> None:
    with pytest.raises(EvidenceError, match=rule):
        resolved_review(mine, value).audit()


def test_a_review_without_decisions_is_settled_as_it_is(bundled: sl.Review) -> None:
    assert bundled.settled is bundled.evidence
