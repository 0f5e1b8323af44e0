"""The bundled review's contradictions, each read by hand in Pockaj and others 2010.

Pockaj BA, Wasif N, Dueck AC, et al. Ann Surg Oncol 2010;17:2419-2426: Tables 1 to 3 and the text.
"""

from __future__ import annotations

import pytest

import secondlook as sl
from secondlook.audit import Discrepancy, Severity
from secondlook.audit.report import AuditReport


@pytest.fixture(scope="module")
def found(bundled: sl.Review) -> AuditReport:
    return bundled.audit()


def about(found: AuditReport, rule: str, study: str) -> list[Discrepancy]:
    return [d for d in found.discrepancies if d.rule.id == rule and study in d.studies]


def printed(one: Discrepancy) -> set[str]:
    return {cell.printed for cell in one.verdict.cells}


def test_blanchards_mastectomies_are_two_more_than_the_operated(found: AuditReport) -> None:
    # Table 3 and the text: 191 and 53 of 242; 191 + 53 = 244
    both = about(found, "complement", "blanchard2008")
    assert [d.severity for d in both] == [Severity.ERROR] * 2
    assert {d.verdict.cells[0].source.place.split(",")[0] for d in both} == {"Table 3", "text"}
    for one in both:
        assert printed(one) == {"242", "191", "53"}
        assert "244" in one.verdict.message


def test_blanchards_78_percent_is_not_191_of_242(found: AuditReport) -> None:
    # 191/242 = 0.78926
    both = about(found, "percent-of-count", "blanchard2008")
    assert [d.severity for d in both] == [Severity.ERROR] * 2
    assert all("78.9" in d.verdict.message for d in both)


def test_blanchards_partial_and_total_are_exchanged_between_table_and_text(
    found: AuditReport,
) -> None:
    # Table 3: partial 191 (78), total 53 (22); text: total 191 (78 %), partial 53 (22 %)
    pairs = about(found, "text-against-table", "blanchard2008")
    assert {(d.verdict.cells[0].cohort, *sorted(printed(d))) for d in pairs} == {
        ("partial mastectomy", "191", "53"),
        ("partial mastectomy", "22", "78"),
        ("total mastectomy", "191", "53"),
        ("total mastectomy", "22", "78"),
    }
    slips = [edit.slip for d in pairs for cause in d.search.causes for edit in cause.edits]
    assert "swapped" in slips
    instead = [edit.instead for d in pairs for cause in d.search.causes for edit in cause.edits]
    assert "189" in instead  # 242 - 53


def test_rapitis_40_of_127_is_not_32_percent(found: AuditReport) -> None:
    # 40/127 = 0.31496, which to one decimal is 31.5, and from there 32; the text prints 31
    (one,) = about(found, "percent-of-count", "rapiti2006")
    assert (one.severity, printed(one)) == (Severity.ERROR, {"32", "40", "127"})
    slips = [(e.slip, e.instead) for cause in one.search.causes for e in cause.edits]
    assert slips[0] == ("rounded twice", "31")
    (other,) = about(found, "rounded-two-ways", "rapiti2006")
    assert (other.severity, printed(other)) == (Severity.SUSPECT, {"32", "31"})


def test_adams_median_is_38_in_the_table_and_32_in_the_text(found: AuditReport) -> None:
    (one,) = about(found, "text-against-table", "adam2006")
    assert (one.severity, printed(one)) == (Severity.ERROR, {"38", "32"})
    # the text prints a median follow-up of 38 months
    slips = [(e.slip, e.printed, e.instead) for c in one.search.causes for e in c.edits]
    assert slips[0] == ("follow-up", "38", "32")


def test_adams_55_of_71_is_77_percent(found: AuditReport) -> None:
    # 55/71 = 0.7746; at most a suspect, since the 71 are not printed beside it as its base
    (one,) = about(found, "percent-of-count", "adam2006")
    assert (one.severity, "78" in printed(one)) == (Severity.SUSPECT, True)
    assert one.verdict.message == "55 of 71 is 77.5 %, not 78 %"


def test_elias_median_is_missing_in_the_table_and_34_3_in_the_text(found: AuditReport) -> None:
    # Table 1 prints NR for the median survival and 34 beside it as disease-free
    (info,) = about(found, "missing-in-table", "elias2003")
    assert (info.severity, printed(info)) == (Severity.INFO, {"NR", "34.3"})
    (one,) = about(found, "value-in-neighbouring-cell", "elias2003")
    assert (one.severity, printed(one)) == (Severity.SUSPECT, {"NR", "34.3", "34"})


def test_the_pulmonary_range_from_35_leaves_out_welters_32(found: AuditReport) -> None:
    # text: medians of 35 to 97 months; Table 2, Welter: 32
    (one,) = about(found, "range-statement", "welter2008")
    assert one.severity is Severity.ERROR
    assert {"35", "32"} <= printed(one)


def test_welters_disease_free_survival_exceeds_the_overall(found: AuditReport) -> None:
    # 43 against 32 months in 47 patients: estimates may cross, so at most a suspect
    (one,) = about(found, "endpoint-order", "welter2008")
    assert (one.severity, printed(one)) == (Severity.SUSPECT, {"43", "32"})


def test_reference_22_is_cited_with_the_hepatic_table_and_has_no_row(found: AuditReport) -> None:
    (one,) = [d for d in found.discrepancies if d.rule.id == "citation-span"]
    assert one.severity is Severity.ERROR
    assert "10 to 25" in one.verdict.message
    assert "22 cited but without a row" in one.verdict.message


def test_rapti_is_rapiti(found: AuditReport) -> None:
    (one,) = about(found, "author-spelling", "rapiti2006")
    assert "Rapti" in one.verdict.message
    assert "Rapiti" in one.verdict.message


def test_a_search_of_english_includes_a_french_and_an_italian_reference(
    found: AuditReport,
) -> None:
    languages = {
        d.verdict.computed: (d.severity, [c.source.row for c in d.verdict.cells][:1])
        for d in found.discrepancies
        if d.rule.id == "language-eligibility"
    }
    assert languages == {
        "French": (Severity.SUSPECT, ["reference 14"]),
        "Italian": (Severity.SUSPECT, ["reference 31"]),
    }


def test_nothing_else_is_called_an_error(found: AuditReport) -> None:
    errors = {(d.rule.id, d.studies[-1]) for d in found.open(Severity.ERROR)}
    assert errors == {
        ("complement", "blanchard2008"),
        ("percent-of-count", "blanchard2008"),
        ("text-against-table", "blanchard2008"),
        ("percent-of-count", "rapiti2006"),
        ("text-against-table", "adam2006"),
        ("range-statement", "welter2008"),
        ("citation-span", "furka2008"),
    }


@pytest.mark.parametrize(
    "study",
    [
        "ruiterkamp2009",  # 85 and 189 are not all of the 288
        "fields2007",  # partial and total are not all of the operated
        "gnerlich2007",
        "pocard2001",  # 46 a: a 4-year value in a 5-year column
        "murabito2000",  # a mean among medians
        "vlastos2004",
        "lanza1992",
    ],
)
def test_what_is_only_odd_is_no_error(found: AuditReport, study: str) -> None:
    assert any(s.key == study for s in sl.example("stage-iv-breast").evidence.studies)
    assert [d for d in found.open(Severity.ERROR) if study in d.studies] == []
