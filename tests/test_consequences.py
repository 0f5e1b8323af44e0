"""What an error changes in the pooled results."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

import secondlook as sl
from secondlook.audit import AuditReport, audit
from secondlook.consequences import Consequence, consequences
from secondlook.evidence import Evidence, Finding, Reported, Source, Study
from secondlook.question import Analysis
from secondlook.synthesis import AnalysisResult, analyse

TABLE = Source("review", "Table 1", "row", "5-year survival (%)")
SIZES = {"a": "100", "b": "100", "c": "100"}


def rate(study: str, percent: str, source: Source = TABLE, months: int = 60) -> Finding:
    return Finding(
        study=study,
        endpoint="OS",
        statistic="survival",
        months=Decimal(months),
        value=Reported(percent),
        n=Reported("100"),
        source=source,
    )


def body(*more: Finding) -> Evidence:
    studies = tuple(Study(key, label=f"Study {key}", site="liver") for key in SIZES)
    rates = tuple(
        rate(key, percent) for key, percent in zip("abc", ("20", "30", "70"), strict=True)
    )
    return Evidence(studies, findings=rates + more)


@pytest.fixture(scope="module")
def plan(bundled: sl.Review) -> Analysis:
    """Survival at five years, as the bundled review plans it, of every site and place."""
    return bundled.question.analysis("hepatic-5-year-survival")


def worked(
    evidence: Evidence, plan: Analysis
) -> tuple[AuditReport, AnalysisResult, tuple[Consequence, ...]]:
    audited = audit(evidence)
    result = analyse(evidence, plan)
    return audited, result, consequences(evidence, audited, [result])


# study c prints 70 at five years and 40 at four: survival cannot rise
RISING = rate("c", "40", Source("review", "text", "p. 2"), months=48)


def test_an_error_is_pooled_as_printed_left_out_and_under_each_cause(plan: Analysis) -> None:
    evidence = body(RISING)
    audited, result, (one,) = worked(evidence, plan)
    assert one.discrepancy.rule.id == "monotone"
    assert one.as_printed == result.shown
    without = analyse(replace(evidence, findings=evidence.findings[:2]), plan)
    assert one.left_out is not None
    assert without.shown is not None
    assert one.left_out.estimate == pytest.approx(without.shown.estimate, abs=1e-9)
    assert [cause for cause, _ in one.under] == [
        str(cause) for cause in one.discrepancy.search.causes[: len(one.under)]
    ]
    for cause, (_, shown) in zip(one.discrepancy.search.causes, one.under, strict=False):
        findings = list(evidence.findings)
        for edit in cause.edits:
            findings[edit.index] = edit.apply(findings[edit.index])
        again = analyse(replace(evidence, findings=tuple(findings)), plan).shown
        assert shown == again
    assert audited.open()


def test_an_error_that_no_analysis_uses_changes_nothing(plan: Analysis) -> None:
    source = Source("review", "text", "p. 4")
    apart = Finding(
        study="a", endpoint="response", statistic="percent", value=Reported("78"),
        n=Reported("71"), events=Reported("55"), source=source,
    )  # fmt: skip
    audited, _, found = worked(body(apart), plan)
    assert [d.rule.id for d in audited.open()] == ["percent-of-count"]
    assert found == ()


def test_a_decided_error_has_no_consequence(plan: Analysis) -> None:
    evidence = body(RISING)
    (error,) = audit(evidence).open()
    made = replace(sl.audit.decision_of(error.verdict), decision="confirmed")
    assert worked(replace(evidence, audit=(made,)), plan)[2] == ()


def test_a_consequence_is_a_sentence_and_plain_json(plan: Analysis) -> None:
    (one,) = worked(body(RISING), plan)[2]
    content = json.loads(json.dumps(one.to_dict()))
    assert set(content) == {"analysis", "sentence", "unit", "as_printed", "left_out", "under"}
    assert set(content["as_printed"]) == {"estimate", "low", "high"}
    assert all(set(case) == {"would_be", "pooled"} for case in content["under"])
    sentence = content["sentence"]
    assert sentence.startswith(plan.title)
    for words in ("as printed", "without the study", "under these changes"):
        assert words in sentence


def test_no_study_no_error_no_consequence(plan: Analysis) -> None:
    assert consequences(Evidence(), audit(Evidence()), []) == ()
    assert worked(body(), plan)[2] == ()


def test_the_bundled_errors_move_the_answers_they_are_about(bundled: sl.Review) -> None:
    audited = bundled.audit()
    found = bundled.consequences(audited)
    assert {"blanchard2008"} == {
        study for one in found for study in one.discrepancy.studies if study != "pockaj2010"
    }
    for one in found:
        assert one.discrepancy in audited.open()
        result = next(r for r in bundled.results() if r.analysis.title == one.analysis)
        assert one.as_printed == result.shown


def test_an_analysis_that_cannot_be_carried_out_does_not_stop_an_audit(
    bundled: sl.Review,
) -> None:
    findings = bundled.evidence.findings
    index, one = next(
        (i, f)
        for i, f in enumerate(findings)
        if f.study == "adam2006" and f.statistic == "survival"
    )
    twice = replace(one, value=Reported("12"))
    evidence = replace(bundled.evidence, findings=(*findings[:index], twice, *findings[index:]))
    review = replace(bundled, evidence=evidence)
    with pytest.raises(sl.errors.InputError):
        review.results()
    assert review.consequences(review.audit())
