from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

import secondlook as sl
from secondlook.audit import RULES as ALL
from secondlook.audit.block import Block, Whole, blocks
from secondlook.audit.verdict import Outcome, Severity, Verdict
from secondlook.evidence import Cohort, Evidence, Finding, Reference, Reported, Source, Study

RULES = [rule for rule in ALL if rule.family == "plausibility"]
BY_ID = {rule.id: rule for rule in RULES}
A, B = {"cohort": "a"}, {"cohort": "b"}


def finding(statistic: str, value: str = "", months: str = "", **given: Any) -> Finding:
    words = {"low", "high", "level", "p", "n"} & given.keys()
    given |= {name: Reported(given[name]) for name in words}
    place = Source("doc", "T1", given.pop("row", ""), given.pop("column", ""))
    time = Decimal(months) if months else None
    told: dict[str, Any] = {"study": "s", "endpoint": "OS", "source": place, "months": time} | given
    return Finding(statistic=statistic, value=Reported(value), **told)


def look(rule: str, *findings: Finding, **parts: Any) -> list[Verdict]:
    studies = tuple(Study(key) for key in dict.fromkeys(f.study for f in findings))
    evidence = Evidence(**({"studies": studies, "findings": findings} | parts))
    places: list[Block | Whole] = [*blocks(evidence), Whole(evidence, None)]
    return [verdict for place in places for verdict in BY_ID[rule].look(place)]


def one(rule: str, *findings: Finding, **parts: Any) -> Verdict:
    (verdict,) = look(rule, *findings, **parts)
    return verdict


def contrast(value: str, n: str = "300", **given: Any) -> list[Finding]:
    return [
        finding("hazard_ratio", value, cohort="a", comparator="b", **given),
        finding("count", n, endpoint="patients", **A),
        finding("count", n, endpoint="patients", **B),
    ]


def rates(first: str, second: str) -> list[Finding]:
    return [finding("survival", first, "36", **A), finding("survival", second, "36", **B)]


def test_survival_that_points_the_other_way_than_the_hazard_ratio_is_suspect() -> None:
    # ln 0.25 / ln 0.45 = 1.74 against 0.63: 1.01 apart on the log scale, 0.15 is allowed
    verdict = one("survival-against-hazard-ratio", *contrast("0.63"), *rates("25", "45"))
    assert verdict.severity is Severity.SUSPECT


def test_an_adjusted_ratio_away_from_crude_survival_is_only_an_info() -> None:
    given = contrast("0.63", adjusted=True)
    verdict = one("survival-against-hazard-ratio", *given, *rates("25", "45"))
    assert verdict.severity is Severity.INFO


def test_survival_within_chance_of_the_hazard_ratio_passes() -> None:
    # ln 0.45 / ln 0.25 = 0.576, 0.09 from 0.63 on the log scale
    verdict = one("survival-against-hazard-ratio", *contrast("0.63"), *rates("45", "25"))
    assert verdict.outcome is Outcome.PASSED


def test_survival_of_a_few_patients_is_not_held_against_a_hazard_ratio() -> None:
    verdict = one("survival-against-hazard-ratio", *contrast("0.63", "15"), *rates("25", "45"))
    assert verdict.missing == "at least 40 patients"
    alone = one("survival-against-hazard-ratio", *contrast("0.63"))
    assert alone.missing == "survival or medians of both cohorts"


def test_medians_in_the_other_direction_are_suspect_once_the_interval_excludes_one() -> None:
    medians = [finding("median", "20", **A), finding("median", "30", **B)]
    sure = contrast("0.63", low="0.50", high="0.80")
    assert one("survival-against-hazard-ratio", *sure, *medians).severity is Severity.SUSPECT
    unsure = contrast("0.63", low="0.30", high="1.30")
    assert one("survival-against-hazard-ratio", *unsure, *medians).severity is Severity.INFO
    turned = [finding("median", "30", **A), finding("median", "20", **B)]
    assert one("survival-against-hazard-ratio", *sure, *turned).outcome is Outcome.PASSED


def test_a_median_just_before_a_low_rate_needs_all_deaths_at_once() -> None:
    # ln(-ln 0.105 / ln 2) / ln(60 / 56.5) = 1.18 / 0.060 = 19.6
    steep = [finding("median", "57"), finding("survival", "10", "60")]
    assert one("implied-weibull-shape", *steep).severity is Severity.SUSPECT


@pytest.mark.parametrize(
    ("median", "rate"), [("27", "18"), ("63", "61"), ("60", "50"), ("35", "35")]
)
def test_a_median_and_rate_on_an_ordinary_curve_pass(median: str, rate: str) -> None:
    pair = [finding("median", median), finding("survival", rate, "60")]
    assert one("implied-weibull-shape", *pair).outcome is Outcome.PASSED


def test_a_rate_without_a_median_implies_no_shape() -> None:
    assert one("implied-weibull-shape", finding("survival", "10", "60")).missing


def test_a_rate_beyond_the_median_follow_up_is_an_info() -> None:
    follow_up = finding("median", "38", endpoint="follow-up")
    assert one("horizon", follow_up, finding("survival", "37", "60")).severity is Severity.INFO
    assert one("horizon", follow_up, finding("survival", "50", "36")).outcome is Outcome.PASSED
    alone = one("horizon", finding("survival", "50", "36"))
    assert alone.missing == "the median follow-up"


def test_a_median_follow_up_that_rounds_to_the_horizon_is_not_before_it() -> None:
    follow_up = finding("median", "60", endpoint="follow-up")
    assert one("horizon", follow_up, finding("survival", "37", "60")).outcome is Outcome.PASSED


def test_a_blank_where_other_rows_say_not_reported_is_an_info() -> None:
    column = {"column": "Median"}
    said = finding("median", "NR", study="s", row="1", **column)
    blank = finding("median", "", study="t", row="2", **column)
    verdict = one("blank-against-nr", said, blank)
    assert (verdict.severity, verdict.cells[0].study) == (Severity.INFO, "t")
    assert one("blank-against-nr", said).outcome is Outcome.PASSED


def test_a_range_has_no_blank_value() -> None:
    said = finding("median", "NR", row="1", column="Median")
    spread = finding("median_range", low="3", high="15", row="2", column="Median")
    assert one("blank-against-nr", said, spread).outcome is Outcome.PASSED


def marked(first: str, second: str) -> list[Finding]:
    row = {"row": "Ruiterkamp", "months": "36"}
    return [
        finding("survival", first, column="without", **row, **A),
        finding("survival", second, column="with", **row, **B),
    ]


def test_a_footnote_on_one_of_two_compared_numbers_is_an_info() -> None:
    verdict = one("footnote-of-a-pair", *marked("25 a", "45"))
    assert verdict.severity is Severity.INFO
    assert verdict.cells[0].printed == "45"


@pytest.mark.parametrize("pair", [("25 a", "45 a"), ("25", "45"), ("25 [sic]", "45")])
def test_a_footnote_on_both_or_neither_passes(pair: tuple[str, str]) -> None:
    assert one("footnote-of-a-pair", *marked(*pair)).outcome is Outcome.PASSED


def row(study: str, *values: str) -> list[Finding]:
    columns = zip("NMS", values, strict=True)
    return [finding("count", v, study=study, row=study, column=c) for c, v in columns]


def test_the_same_number_in_neighbouring_cells_is_an_info() -> None:
    verdict = one("duplicated-neighbours", *row("s", "467", "35", "35"))
    assert verdict.severity is Severity.INFO
    apart = one("duplicated-neighbours", *row("s", "35", "46", "35"))
    assert apart.outcome is Outcome.PASSED


def test_two_rows_with_the_same_numbers_are_an_info() -> None:
    rows = [*row("s", "16", "42", "33"), *row("t", "16", "42", "33")]
    found = [v for v in look("duplicated-neighbours", *rows) if v.outcome is Outcome.FIRED]
    assert [v.message for v in found] == ["2 rows have the same 3 numbers"]


def authored(first: str, second: str, sites: str = "lung lung", **parts: Any) -> list[Verdict]:
    one_site, other_site = sites.split()
    studies = (Study("s", reference="1", site=one_site), Study("t", reference="2", site=other_site))
    references = (Reference("1", first), Reference("2", second))
    return look("shared-first-authors", studies=studies, references=references, **parts)


def test_two_series_of_one_site_by_one_author_may_overlap() -> None:
    (verdict,) = authored("D’Annibale", "d'Annibale")
    assert verdict.severity is Severity.INFO


def test_other_sites_other_authors_and_declared_overlaps_pass() -> None:
    declared = (Cohort("s", "R0", overlaps=("t/all",)),)
    cases = [
        authored("Friedel", "Chen"),
        authored("Yoshimoto", "Yoshimoto", "liver lung"),
        authored("Friedel", "Friedel", cohorts=declared),
    ]
    assert {v.outcome for case in cases for v in case} == {Outcome.PASSED}


def test_a_group_that_shares_an_author_is_one_remark_whatever_its_size() -> None:
    many = 2000
    studies = tuple(Study(f"s{k}", reference=str(k), site="liver") for k in range(many))
    references = tuple(Reference(str(k), "Chen") for k in range(many))
    # two that are declared to overlap with each other are not so with the rest
    cohorts = (Cohort("s0", "R0", overlaps=("s1/all",)),)
    (verdict,) = look(
        "shared-first-authors", studies=studies, references=references, cohorts=cohorts
    )
    assert verdict.severity is Severity.INFO
    assert len(verdict.cells) == many
    assert "s0, s1, s2, s3 and 1996 others (liver)" in verdict.message


def test_a_study_without_a_reference_is_not_evaluated_for_overlap() -> None:
    assert Outcome.NOT_EVALUATED in [v.outcome for v in authored("Friedel", "")]


@pytest.mark.parametrize("rule", BY_ID)
@pytest.mark.parametrize("value", ["0", "-5", "130", "NR", "", "about 10", "<0.001", "9" * 90])
def test_nothing_printed_makes_a_rule_fail(rule: str, value: str) -> None:
    for months in ("0", "-12", "60", ""):
        told = {"low": value, "high": "NR", "row": "r", "column": "c"}
        found = [
            finding("hazard_ratio", value, cohort="a", comparator="b", **told),
            finding("count", value, endpoint="patients"),
            finding("median", value, endpoint="follow-up"),
            *(finding(s, value, months, **c) for c in (A, B) for s in ("survival", "median")),
        ]
        assert all(v.severity is not Severity.ERROR for v in look(rule, *found))
    assert look(rule) == []


def test_the_bundled_review_shows_what_is_odd_and_raises_no_suspect(bundled: sl.Review) -> None:
    evidence = bundled.evidence
    places: list[Block | Whole] = [*blocks(evidence), Whole(evidence, None)]
    found = [
        verdict
        for place in places
        for rule in RULES
        for verdict in rule.look(place)
        if verdict.outcome is Outcome.FIRED
    ]
    assert {v.severity for v in found} == {Severity.INFO}
    assert {(v.rule, v.cells[0].study) for v in found} == {
        ("horizon", "adam2006"),
        ("blank-against-nr", "friedel1994"),
        ("blank-against-nr", "friedel2002"),
        ("blank-against-nr", "yoshimoto2008"),
        ("footnote-of-a-pair", "ruiterkamp2009"),
        ("duplicated-neighbours", "friedel2002"),
        ("shared-first-authors", "friedel1994"),
    }
