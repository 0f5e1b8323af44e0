from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from secondlook.evidence import (
    STATISTICS,
    Cohort,
    Decision,
    Evidence,
    Factor,
    Finding,
    Reference,
    Reported,
    Study,
    check,
)

ADAM = Study("adam")


def lines(*cohorts: Cohort, **parts: Any) -> list[str]:
    return [
        str(problem)
        for problem in check(Evidence(**{"studies": (ADAM,), "cohorts": cohorts} | parts))
    ]


def of_finding(statistic: str = "count", **fields: Any) -> list[str]:
    numbers = {
        name: Reported(value) if isinstance(value, str) and name not in WORDS else value
        for name, value in fields.items()
    }
    said: dict[str, Any] = {"study": "adam", "endpoint": "OS", "statistic": statistic} | numbers
    return lines(findings=(Finding(**said),))


WORDS = {"study", "cohort", "comparator", "endpoint"}
SIC = "correct it, or write [sic] behind it if the document prints it so"


def test_evidence_without_records_breaks_no_rule() -> None:
    assert check(Evidence()) == ()


def test_a_study_named_twice_says_where_it_was_named_first() -> None:
    assert lines(studies=(ADAM, Study("elias"), Study("adam"))) == [
        'studies, record 3, key: "adam" is named a second time (first at studies, record 1, key); '
        "give one of the two another key, or remove it"
    ]


def test_a_study_needs_a_key_and_a_reference_that_is_listed() -> None:
    found = lines(studies=(Study(""), Study("b", reference="7")), references=(Reference("6"),))
    assert found == [
        'studies, record 1, key: "" names no study; give the study a short unique key',
        'studies, record 2, reference: "7" is not a number in references.csv; '
        "add the reference, or leave the cell empty",
    ]


def test_references_are_numbered_once() -> None:
    found = lines(references=(Reference("1"), Reference(""), Reference("1")))
    assert [line.partition(";")[0] for line in found] == [
        'references, record 2, number: "" is empty',
        'references, record 3, number: "1" is used twice',
    ]


@pytest.mark.parametrize(
    ("parents", "circles"),
    [
        ({"a": "a"}, ["a within a"]),
        ({"a": "b", "b": "a"}, ["a within b within a", "b within a within b"]),
        ({"a": "b", "b": "a", "c": "a"}, ["a within b within a", "b within a within b"]),
        ({"a": "b", "b": "c", "c": "all"}, []),
    ],
)
def test_a_cohort_cannot_be_within_itself(parents: dict[str, str], circles: list[str]) -> None:
    found = lines(*(Cohort("adam", key, subset_of=above) for key, above in parents.items()))
    assert [line.partition("(")[2].partition(")")[0] for line in found] == circles
    assert all(line.endswith("break the circle") for line in found)


@pytest.mark.parametrize(
    ("cohort", "start"),
    [
        (Cohort("adam", "a", subset_of="b"), 'subset_of: "b" is not a cohort of study adam'),
        (Cohort("adam", "all", subset_of="b"), 'subset_of: "b" cannot contain all patients'),
        (Cohort("adam", ""), 'key: "" names no cohort'),
        (Cohort("adam", "a", overlaps=("elias/all",)), 'overlaps: "elias/all" is not a cohort of'),
        (Cohort("adam", "a", overlaps=("adam/b",)), 'overlaps: "adam/b" is not a cohort of this'),
    ],
)
def test_cohorts_lead_to_cohorts_that_are_there(cohort: Cohort, start: str) -> None:
    (line,) = lines(cohort)
    assert line.startswith(f"cohorts, record 1, {start}")


def test_a_cohort_is_named_once_in_a_study_and_again_in_another() -> None:
    twice = (Cohort("adam", "a"), Cohort("adam", "a"), Cohort("elias", "a"))
    assert lines(*twice, studies=(ADAM, Study("elias"))) == [
        'cohorts, record 2, key: "a" is named twice in this study; rename one of the two'
    ]


def test_a_misspelt_study_is_met_with_the_likely_ones() -> None:
    (line,) = lines(
        studies=(Study("adam2006"), Study("adams1999"), Study("elias2003")),
        findings=(Finding(study="Adam2005", endpoint="OS", statistic="median"),),
    )
    assert line == (
        'findings, record 1, study: "Adam2005" is not a study in studies.csv; '
        "add it or correct it (did you mean adam2006 or adams1999?)"
    )


@pytest.mark.parametrize("column", ["cohort", "comparator"])
def test_a_finding_is_of_cohorts_of_its_study(column: str) -> None:
    assert of_finding(**{column: "surgery"}) == [
        f'findings, record 1, {column}: "surgery" is not a cohort of study adam; '
        "add it to cohorts.csv, or correct it"
    ]


def test_a_finding_says_what_it_is_about_in_a_known_word() -> None:
    assert of_finding("median", endpoint="")[0].startswith('findings, record 1, endpoint: "" is em')
    (line,) = of_finding("avarage")
    assert '"avarage" is not one of the words this column takes; write one of count,' in line
    assert line.endswith(", ".join(STATISTICS))


@pytest.mark.parametrize(
    ("statistic", "printed", "rule"),
    [
        ("survival", "130", "is not a percent from 0 to 100, written 42 and not 0.42"),
        ("survival", "0.42", "is not a percent from 0 to 100, written 42 and not 0.42"),
        ("percent", "−3", "is not a percent from 0 to 100"),
        ("survival", "1,234.5", "is not a percent from 0 to 100, written 42 and not 0.42"),
        ("count", "-1", "is not a whole number of at least 0"),
        ("count", "1.234", "is not a whole number of at least 0"),
        ("median", "-3", "is negative"),
        ("hazard_ratio", "0", "is not a ratio between 0 and 1000"),
        ("hazard_ratio", "1,234", "is not a ratio between 0 and 1000"),
        ("odds_ratio", "-0.5", "is not a ratio between 0 and 1000"),
        ("p_value", "1.2", "is not a P value from 0 to 1"),
        ("reduction", "101", "is a reduction by more than 100 percent"),
    ],
)
@pytest.mark.parametrize("column", ["value", "low", "high"])
def test_a_number_that_cannot_be_is_refused_unless_it_is_marked_as_printed_so(
    column: str, statistic: str, printed: str, rule: str
) -> None:
    here = f"findings, record 1, {column}"
    months = Decimal(60)
    found = of_finding(statistic, months=months, **{column: printed})
    assert found == [f'{here}: "{printed}" {rule}; {SIC}']
    assert of_finding(statistic, months=months, **{column: f"{printed} [sic]"}) == []
    assert of_finding(statistic, months=months, **{column: f"{printed} a [sic]"}) == []


@pytest.mark.parametrize(
    ("column", "printed", "rule"),
    [
        ("n", "0", "is not a whole number of at least 1"),
        ("n", "10.5", "is not a whole number of at least 1"),
        ("events", "-1", "is not a whole number of at least 0"),
        ("p", "5", "is not a P value from 0 to 1"),
        ("level", "0", "is not a confidence level from 50 to 100, written 95 not 0.95"),
        ("level", "100", "is not a confidence level from 50 to 100, written 95 not 0.95"),
    ],
)
def test_numbers_beside_the_value_have_rules_of_their_own(
    column: str, printed: str, rule: str
) -> None:
    found = of_finding("median", **{column: printed})
    assert found == [f'findings, record 1, {column}: "{printed}" {rule}; {SIC}']
    assert of_finding("median", **{column: f"{printed} [sic]"}) == []


def test_a_cohort_has_at_least_one_patient_but_a_count_of_things_may_be_zero() -> None:
    assert "at least 1" in of_finding(endpoint="patients", value="0")[0]
    assert of_finding(endpoint="deaths", value="0") == []


@pytest.mark.parametrize(
    ("statistic", "printed"),
    [
        ("count", "16,023"),
        ("count", "34.0"),
        ("survival", "46 a"),
        ("survival", "NR b"),
        ("survival", "0"),
        ("survival", "100"),
        ("p_value", "<0,001"),
        ("reduction", "-5"),
        ("period", "1988"),
        ("median", ""),
    ],
)
def test_numbers_that_can_be_and_every_kind_of_missing_pass(statistic: str, printed: str) -> None:
    assert of_finding(statistic, value=printed, months=Decimal(36)) == []


@pytest.mark.parametrize(
    "printed",
    ["fifty", "9,162 (57)", "12-May", "1.00E+03", "nan", "inf", "٣", "1.234,5", "P<0.001"],
)
@pytest.mark.parametrize("column", ["value", "p", "n"])
def test_text_is_refused_where_a_number_belongs(column: str, printed: str) -> None:
    assert of_finding("median", **{column: printed}) == [
        f'findings, record 1, {column}: "{printed}" is text where a number belongs; '
        "write the number alone and the rest into note (NR if it is not reported)"
    ]


@pytest.mark.parametrize("months", ["-3", "1201", "NaN", "Infinity", "-1E-9"])
def test_a_time_lies_within_a_hundred_years_of_the_start(months: str) -> None:
    assert of_finding("survival", months=Decimal(months)) == [
        f'findings, record 1, months: "{Decimal(months)}" is not a time in months from 0 to 1200; '
        "give the time in months from time zero"
    ]


def test_only_a_number_at_a_time_needs_a_time() -> None:
    assert of_finding("survival") == [
        'findings, record 1, months: "" is empty where the number is one at a time; '
        "write the time in months"
    ]
    assert of_finding("median") == []
    assert of_finding("survival", months=Decimal(0)) == []


def test_a_factor_takes_known_words_and_a_p_value() -> None:
    wrong = Factor(
        study="adam", factor="", direction="up", analysis="cox", attribution="", p=Reported("sig")
    )
    found = lines(factors=(wrong,))
    assert [line.partition(":")[0].rpartition(" ")[2] for line in found] == [
        *("factor", "direction", "analysis", "attribution", "p")
    ]
    assert found[2].endswith("write one of univariable, multivariable, empty")
    right = Factor(study="adam", factor="age", direction="worse", p=Reported("1.3 [sic]"))
    assert lines(factors=(right,)) == []


def test_one_discrepancy_is_decided_once_and_may_be_prepared_again() -> None:
    cells = "a | all | OS | median |  | value | Table 1 | A | Median = 38\nb = 32"
    turned = "b = 32\n a | all | OS | median |  | value | Table 1 | A | Median = 38 "
    made = Decision("text-against-table", cells, decision="confirmed")
    other = Decision("text-against-table", turned, decision="dismissed", reason="two cohorts")
    asked = Decision("text-against-table", cells)
    (said,) = lines(audit=(asked, made, other))
    assert said.startswith("audit, record 3, decision")
    assert "is decided a second time (first at audit, record 2, decision)" in said
    elsewhere = Decision("monotone", cells, decision="confirmed")
    assert lines(audit=(made, asked, elsewhere)) == []


def test_all_that_is_wrong_is_listed_in_the_order_of_the_files() -> None:
    found = lines(
        Cohort("elias", "a", subset_of="b"),
        studies=(ADAM, ADAM),
        references=(Reference(""),),
        findings=(Finding(study="elias", endpoint="", statistic="x"),),
        factors=(Factor(study="elias", factor="age", direction="worse"),),
    )
    assert [line.partition(",")[0] for line in found] == [
        *["studies", "cohorts", "cohorts", "references"],
        *["findings"] * 3,
        "factors",
    ]
