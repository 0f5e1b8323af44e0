"""A report says what changed since the one before, and which rows did it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import secondlook as sl
from secondlook.evidence import Evidence, Finding
from secondlook.evidence.reported import Reported
from secondlook.review import new
from secondlook.synthesis import analyse, changes_since, fingerprint

PLAN = "hepatic-5-year-survival"


def analysed(evidence: Evidence) -> Any:
    return analyse(evidence, sl.example("stage-iv-breast").question.analysis(PLAN))


def with_rate(evidence: Evidence, study: str, printed: str) -> Evidence:
    def changed(finding: Finding) -> Finding:
        mine = finding.study == study and finding.statistic == "survival" and finding.months == 60
        return replace(finding, value=Reported(printed)) if mine else finding

    return replace(evidence, findings=tuple(map(changed, evidence.findings)))


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return sl.example("stage-iv-breast").evidence


@pytest.fixture(scope="module")
def before(evidence: Evidence) -> list[dict[str, Any]]:
    return [json.loads(json.dumps(analysed(evidence).to_dict()))]


def test_the_same_evidence_and_plan_change_nothing(
    evidence: Evidence, before: list[dict[str, Any]]
) -> None:
    again = analysed(evidence)
    assert changes_since(before, [again]) == ()
    assert fingerprint(again) == fingerprint(analysed(evidence))


def test_a_changed_row_changes_the_fingerprint_and_is_named(
    evidence: Evidence, before: list[dict[str, Any]]
) -> None:
    now = analysed(with_rate(evidence, "elias2003", "43"))
    assert fingerprint(now) != fingerprint(analysed(evidence))
    (change,) = changes_since(before, [now])
    (row,) = change.rows
    assert change.kind == "evidence"
    assert (row.study, row.before, row.after) == ("elias2003", "34, n 54", "43, n 54")


def test_putting_back_the_only_changed_row_gives_the_answer_of_before(
    evidence: Evidence, before: list[dict[str, Any]]
) -> None:
    changed = {
        "a corrected rate": with_rate(evidence, "elias2003", "43"),
        "a rate that is now reported": with_rate(evidence, "yoshimoto2000", "27"),
        "a rate that is no longer reported": with_rate(evidence, "elias2003", "NR"),
    }
    for now in changed.values():
        (change,) = changes_since(before, [analysed(now)])
        (row,) = change.rows
        assert change.before is not None
        assert row.undone is not None
        for name in ("estimate", "low", "high"):
            assert getattr(row.undone, name) == pytest.approx(
                getattr(change.before, name), rel=1e-10
            )


def test_a_changed_plan_is_told_by_its_keys_and_no_row_is_blamed(
    evidence: Evidence, before: list[dict[str, Any]]
) -> None:
    plan = sl.example("stage-iv-breast").question.analysis(PLAN)
    now = analyse(evidence, plan.model_copy(update={"method": "DL", "transform": "cloglog"}))
    (change,) = changes_since(before, [now])
    assert change.kind == "plan"
    assert change.plan == ("transform: logit → cloglog", "method: REML → DL")
    assert change.rows == ()


def test_another_answer_from_the_same_plan_and_evidence_is_put_down_to_the_program(
    evidence: Evidence, before: list[dict[str, Any]]
) -> None:
    earlier = [{**before[0], "shown": {**before[0]["shown"], "estimate": 30.0}}]
    (change,) = changes_since(earlier, [analysed(evidence)])
    assert change.kind == "program"


def test_analyses_that_come_and_go_are_told(
    evidence: Evidence, before: list[dict[str, Any]]
) -> None:
    now = analysed(evidence)
    assert [change.kind for change in changes_since([], [now])] == ["new"]
    assert [change.kind for change in changes_since(before, [])] == ["dropped"]


def rewrite(path: Path, edit: Callable[[dict[str, str]], None]) -> None:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        edit(row)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def correct_one_rate(row: dict[str, str]) -> None:
    if row["study"] == "elias2003" and row["statistic"] == "survival":
        row["value"] = row["cell"] = "43"


def test_a_report_written_over_an_earlier_one_says_what_changed_until_something_else_does(
    tmp_path: Path,
) -> None:
    folder = new(tmp_path / "review", source="stage-iv-breast")
    page = sl.Review.open(folder).run().read_text(encoding="utf-8")
    assert 'id="changes"' not in page
    rewrite(folder / "evidence" / "findings.csv", correct_one_rate)
    told: list[str] = []
    report = sl.Review.open(folder).run(progress=told.append)
    page = report.read_text(encoding="utf-8")
    assert "Elias 2003: 34, n 54 became 43, n 54." in page
    assert sum(line.startswith("changed: ") for line in told) == 2
    told.clear()
    again = sl.Review.open(folder).run(progress=told.append).read_text(encoding="utf-8")
    assert again == page
    assert not any(line.startswith("changed: ") for line in told)


@pytest.mark.parametrize(
    "spoilt", ["{", "[]", '{"files": [], "title": 3}', '{"files": ["../x"], "changes": [{}]}']
)
def test_a_numbers_file_that_was_spoilt_counts_as_none(tmp_path: Path, spoilt: str) -> None:
    folder = new(tmp_path / "review")
    (folder / "out").mkdir()
    (folder / "out" / "numbers.json").write_text(spoilt, encoding="utf-8")
    assert 'id="changes"' not in sl.Review.open(folder).run().read_text(encoding="utf-8")
