from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import secondlook as sl
from secondlook.audit.block import Whole
from secondlook.audit.references import RULES
from secondlook.audit.verdict import Outcome, Severity, Verdict
from secondlook.evidence import Cohort, Evidence, Finding, Reference, Reported, Source, Study
from secondlook.question import Question, Search

BY_ID = {rule.id: rule for rule in RULES}
ENGLISH = Question(
    title="t", search=Search(start="1990-01-01", end="2009-09", languages=("English",))
)


def look(rule: str, evidence: Evidence, question: Question | None = ENGLISH) -> list[Verdict]:
    return list(BY_ID[rule].look(Whole(evidence, question)))


def fired(verdicts: list[Verdict]) -> list[Severity]:
    return [verdict.severity for verdict in verdicts if verdict.severity is not None]


def finding(study: str, statistic: str, value: str = "", **given: Any) -> Finding:
    words = {"low", "high"} & given.keys()
    given |= {name: Reported(given[name]) for name in words}
    fields: dict[str, Any] = {"endpoint": "OS", "source": Source("doc", "text")} | given
    return Finding(study=study, statistic=statistic, value=Reported(value), **fields)


def row(study: str, heading: str) -> Finding:
    return finding(study, "median", "30", source=Source("doc", "Table 1", heading, "Median"))


def cited(low: str, high: str, *rows: int, without: int | None = None) -> list[Verdict]:
    """What is said of a span over these rows, one of which may be missing from the table."""
    studies = (Study("doc"), *(Study(f"s{n}", reference=str(n)) for n in rows))
    series = Cohort("doc", "series", overlaps=tuple(f"s{n}/all" for n in rows))
    said = {"cohort": "series", "endpoint": "references", "low": low, "high": high}
    table = [row(f"s{n}", f"Raab et al. [{n}]") for n in rows if n != without]
    span = finding("doc", "citation_span", **said)
    return look("citation-span", Evidence(studies, (series,), (span, *table)))


def headed(heading: str, author: str, number: str = "52") -> list[Verdict]:
    evidence = Evidence(
        (Study("s", reference="52"),),
        findings=(row("s", heading),),
        references=(Reference(number, author, year="2006"),),
    )
    return look("author-spelling", evidence)


def included(design: str = "case series", **of_reference: str) -> Evidence:
    reference = Reference("1", "Raab", **of_reference)
    return Evidence((Study("s", reference="1", design=design),), references=(reference,))


def dated(start: str, end: str, year: str, *findings: Finding) -> Evidence:
    study = Study("s", reference="1", accrual_start=start, accrual_end=end)
    return Evidence((study,), findings=findings, references=(Reference("1", "Raab", year=year),))


def rate(months: str) -> Finding:
    time = Reported(months).value
    return finding("s", "survival", "20", months=time)


def test_a_cited_reference_without_a_row_is_an_error_that_names_it() -> None:
    (verdict,) = cited("20", "24", 20, 21, 23, 24)
    assert verdict.severity is Severity.ERROR
    assert "22 cited but without a row" in verdict.message
    assert fired(cited("20", "24", 20, 21, 22, 23, 24)) == []


def test_a_declared_row_counts_only_when_the_table_prints_it() -> None:
    assert "21 cited but without" in cited("20", "22", 20, 21, 22, without=21)[0].message


def test_a_row_outside_the_span_and_a_span_that_runs_backwards_are_errors() -> None:
    assert "25 with a row but not cited" in cited("20", "21", 20, 21, 25)[0].message
    assert fired(cited("21", "20", 20, 21)) == [Severity.ERROR]


def test_a_span_with_a_mistyped_end_of_nine_digits_is_told_as_one_gap() -> None:
    assert "22 to 999999999 cited" in cited("20", "999999999", 20, 21)[0].message


@pytest.mark.parametrize(("low", "high"), [("NR", "25"), ("", ""), ("ten", "25")])
def test_a_span_without_its_ends_or_rows_is_not_evaluated(low: str, high: str) -> None:
    assert cited(low, high, 20)[0].missing == "the first and the last number"
    assert cited("20", "25")[0].missing == "the rows it speaks of"


@given(first=st.integers(1, 500), length=st.integers(1, 40))
def test_a_span_of_exactly_its_rows_never_fires(first: int, length: int) -> None:
    rows = range(first, first + length)
    assert cited(str(first), str(rows[-1]), *rows)[0].outcome is Outcome.PASSED


def test_a_name_a_letter_apart_is_a_suspect_spelling_and_another_name_an_error() -> None:
    assert fired(headed("Rapti et al. [52]", "Rapiti")) == [Severity.SUSPECT]
    assert fired(headed("Fields et al. [52]", "Rapiti")) == [Severity.ERROR]


@pytest.mark.parametrize(
    ("heading", "author"),
    [
        ("d'Annibale et al. [52]", "d’Annibale"),
        ("Hanninen et al. [52]", "Hänninen"),
        ("van Geel et al. [52]", "van Geel"),
        ("Friedel et al. [52], line 2", "Friedel"),
        ("R. Adam et al. [52]", "Adam"),
        ("Adam R, Aloia T", "Adam"),
        ("Khan and Morrow 2002", "Khan"),
        ("ADAM 2006", "Adam"),
    ],
)
def test_accents_marks_initials_and_case_make_no_other_author(heading: str, author: str) -> None:
    assert [v.outcome for v in headed(heading, author)] == [Outcome.PASSED]


@pytest.mark.parametrize(
    ("heading", "author"),
    [
        ("Paris 2004", "Raab"),
        ("Clarke et al. [52]", "Early Breast Cancer Trialists Collaborative Group"),
        ("Clarke et al.", "Raab"),
    ],
)
def test_a_heading_that_may_be_no_citation_is_only_suspect(heading: str, author: str) -> None:
    assert fired(headed(heading, author)) == [Severity.SUSPECT]


def test_a_row_without_an_author_or_a_reference_is_not_evaluated() -> None:
    assert headed("Age over 50", "Raab")[0].missing == "an author in the heading of the row"
    assert headed("Rapiti et al. [52]", "Rapiti", number="51")[0].missing == "the reference"
    assert headed("a" * 100_000, "Raab")[0].outcome is Outcome.NOT_EVALUATED


@given(name=st.text(st.characters(categories=["L"], max_codepoint=0x17F), min_size=3, max_size=20))
def test_the_name_of_the_reference_itself_never_fires(name: str) -> None:
    assert fired(headed(f"{name} et al. [52]", name)) == []


def test_a_language_outside_the_search_is_suspect_since_inclusion_may_be_wider() -> None:
    rule = "language-eligibility"
    assert fired(look(rule, included(language="French"))) == [Severity.SUSPECT]
    assert fired(look(rule, included("background", language="French"))) == []


@pytest.mark.parametrize("language", ["English", "eng", "French; English", "English and German"])
def test_a_reference_also_in_a_searched_language_agrees(language: str) -> None:
    (verdict,) = look("language-eligibility", included(language=language))
    assert verdict.outcome is Outcome.PASSED


def test_an_unmarked_language_is_unknown_and_not_english() -> None:
    (verdict,) = look("language-eligibility", included())
    assert verdict.missing == "the language of the reference"


@pytest.mark.parametrize(("year", "fires"), [("1989", 1), ("1990", 0), ("2009", 0), ("2010", 1)])
def test_a_year_outside_the_search_is_suspect(year: str, fires: int) -> None:
    assert fired(look("year-eligibility", included(year=year))) == [Severity.SUSPECT] * fires


@pytest.mark.parametrize("year", ["", "in press", "90"])
def test_a_reference_without_a_year_is_not_evaluated(year: str) -> None:
    (verdict,) = look("year-eligibility", included(year=year))
    assert verdict.missing == "the year of the reference"


@pytest.mark.parametrize("rule", ["language-eligibility", "year-eligibility"])
@pytest.mark.parametrize("question", [None, Question(title="t")])
def test_without_a_search_eligibility_is_not_evaluated(
    rule: str, question: Question | None
) -> None:
    (verdict,) = look(rule, included(language="French", year="1950"), question)
    assert verdict.outcome is Outcome.NOT_EVALUATED


def test_a_rate_at_a_time_longer_than_accrual_to_publication_is_an_error() -> None:
    rule = "horizon-possible"
    assert fired(look(rule, dated("2002", "2004", "2006", rate("72")))) == [Severity.ERROR]
    # January 2002 to December 2006 are five years
    assert fired(look(rule, dated("2002", "2004", "2006", rate("60")))) == []


@pytest.mark.parametrize(
    ("start", "year", "missing"),
    [
        ("", "2006", "the first year of accrual"),
        ("about 2002", "2006", "the first year of accrual"),
        ("2002", "", "the year of publication"),
    ],
)
def test_a_horizon_without_its_dates_is_not_evaluated(start: str, year: str, missing: str) -> None:
    (verdict,) = look("horizon-possible", dated(start, "", year, rate("60")))
    assert verdict.missing == missing


@given(
    start=st.floats(1950, 2000),
    follow_up=st.floats(0, 30),
    delay=st.floats(0, 3),
    accrued=st.floats(0, 1),
)
def test_true_dates_cut_to_their_years_never_fire(
    start: float, follow_up: float, delay: float, accrued: float
) -> None:
    months = int(follow_up * 12)
    end, year = int(start + accrued * follow_up), int(start + follow_up + delay)
    period = finding("s", "period", endpoint="accrual", low=str(int(start)), high=str(end))
    evidence = dated(str(int(start)), str(end), str(year), rate(str(months)), period)
    for rule in ("horizon-possible", "period-before-publication"):
        assert fired(look(rule, evidence)) == []


def test_a_period_that_ends_before_it_starts_or_after_publication_is_an_error() -> None:
    rule = "period-before-publication"
    assert fired(look(rule, dated("2004", "1984", "2006"))) == [Severity.ERROR]
    assert fired(look(rule, dated("1984", "2007", "2006"))) == [Severity.ERROR]
    assert fired(look(rule, dated("1984", "2006", "2006"))) == []
    assert [v.missing for v in look(rule, dated("", "2004", ""))] == ["the year of publication"]


def test_a_printed_period_is_looked_at_like_the_years_of_the_study() -> None:
    period = finding("s", "period", endpoint="accrual", low="2004", high="1984")
    evidence = dated("1984", "2004", "2006", period)
    assert fired(look("period-before-publication", evidence)) == [Severity.ERROR]


@pytest.mark.parametrize("rule", BY_ID)
def test_nothing_is_said_as_an_error_of_empty_evidence(rule: str) -> None:
    assert fired(look(rule, Evidence())) == []
    assert fired(look(rule, Evidence((Study("s", reference="9"),)), None)) == []


def test_the_bundled_review_cites_one_row_it_lacks_and_three_references_are_suspect() -> None:
    # read off Pockaj et al. 2010: reference 22, "Rapti", references 14 and 31
    review = sl.example("stage-iv-breast")
    found = [v for rule in RULES for v in look(rule.id, review.evidence, review.question)]
    assert [(v.rule, v.severity, v.cells[0].study) for v in found if v.severity] == [
        ("citation-span", Severity.ERROR, "pockaj2010"),
        ("author-spelling", Severity.SUSPECT, "rapiti2006"),
        ("language-eligibility", Severity.SUSPECT, "pocard2001"),
        ("language-eligibility", Severity.SUSPECT, "murabito2000"),
    ]


def test_the_spans_of_the_bundled_review_are_as_printed_and_speak_of_the_rows_of_a_table() -> None:
    evidence = sl.example("stage-iv-breast").evidence
    rows = {c.key: len(c.overlaps) for c in evidence.cohorts if c.study == "pockaj2010"}
    spans = [f for f in evidence.findings if f.statistic == "citation_span"]
    assert [(f.cohort, str(f.low), str(f.high), rows[f.cohort]) for f in spans] == [
        ("hepatic series", "10", "25", 15),
        ("pulmonary series", "28", "37", 12),
        ("primary series", "50", "56", 7),
    ]
