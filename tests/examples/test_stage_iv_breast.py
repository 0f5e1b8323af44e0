"""The bundled review against Pockaj et al. 2010, Ann Surg Oncol 17:2419-2426, counted by hand.

Every expected number below was read off the paper's tables, notes and paragraphs.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import fields
from decimal import Decimal
from importlib.resources import files

import pytest

from secondlook.evidence import records
from secondlook.evidence.records import ENTIRE, STATISTICS
from secondlook.evidence.reported import Kind, Reported

FOLDER = files("secondlook").joinpath("examples", "stage-iv-breast", "evidence")
RECORDS = {
    "studies": records.Study,
    "cohorts": records.Cohort,
    "findings": records.Finding,
    "factors": records.Factor,
    "references": records.Reference,
}
Row = dict[str, str]


def read(name: str) -> list[Row]:
    text = FOLDER.joinpath(f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


STUDIES, COHORTS, FINDINGS, FACTORS, REFERENCES = (read(name) for name in RECORDS)
IN_TEXT = [row for row in FINDINGS if row["place"].startswith("text, ")]


def chosen(rows: list[Row], **wanted: str) -> list[Row]:
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def shown(rows: list[Row], *names: str) -> list[tuple[str, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def values(**wanted: str) -> list[str]:
    return [row["value"] for row in chosen(FINDINGS, **wanted)]


def section(row: Row) -> str:
    return row["place"].removeprefix("text, ").split()[0]


@pytest.mark.parametrize("name", RECORDS)
def test_columns_are_the_fields_of_the_record(name: str) -> None:
    own = [field.name for field in fields(RECORDS[name])]
    if own[-1] == "source":
        own[-1:] = [field.name for field in fields(records.Source)]
    assert sorted(read(name)[0]) == sorted(own)


@pytest.mark.parametrize("name", RECORDS)
def test_files_are_plain_utf8_with_unix_line_ends(name: str) -> None:
    raw = FOLDER.joinpath(f"{name}.csv").read_bytes()
    assert raw.endswith(b"\n")
    assert not any(mark in raw for mark in (b"\r", b"\xef\xbb\xbf"))


def test_no_cell_holds_a_sentence() -> None:
    assert max(len(row["cell"]) for row in FINDINGS + FACTORS) <= 40
    assert max(len(row["cell"]) for row in IN_TEXT) <= 30


def test_every_statement_says_where_it_is_printed_and_none_is_there_twice() -> None:
    assert all(row["place"] and row["row"] for row in FINDINGS + FACTORS)
    assert {row["document"] for row in FINDINGS + FACTORS} == {"pockaj2010"}
    names = ("study", "cohort", "comparator", "endpoint", "statistic", "months")
    statements = shown(FINDINGS, *names, "place", "row", "column")
    assert len(set(statements)) == len(statements)


def test_every_study_and_cohort_that_is_named_has_one_row() -> None:
    studies = [row["key"] for row in STUDIES]
    cohorts = shown(COHORTS, "study", "key")
    assert len({*studies, *cohorts}) == len(studies) + len(cohorts)
    assert {row["study"] for row in FINDINGS + FACTORS + COHORTS} <= set(studies)
    named = {*shown(FINDINGS + FACTORS, "study", "cohort"), *shown(COHORTS, "study", "subset_of")}
    named.update(shown(FINDINGS, "study", "comparator"))
    named.update(
        tuple(pair.split("/")) for row in COHORTS for pair in row["overlaps"].split(";") if pair
    )
    assert {pair for pair in named if pair[1] not in ("", ENTIRE)} <= set(cohorts)


def test_every_number_can_be_read_and_every_code_is_an_agreed_one() -> None:
    for row in FINDINGS:
        assert row["statistic"] in STATISTICS
        for name in ("value", "low", "high", "level", "p", "n", "events"):
            assert Reported(row[name]).kind is not Kind.TEXT, row
        assert {row["adjusted"], row["from_figure"]} <= {"yes", "no", ""}
    assert all(Reported(row["p"]).kind is not Kind.TEXT for row in FACTORS)
    assert {row["direction"] for row in FACTORS} == {"better", "worse", "none", "unstated"}
    assert {row["analysis"] for row in FACTORS} == {"univariable", "multivariable", ""}
    assert {row["attribution"] for row in FACTORS} == {"individual", "joint"}


def test_a_survival_percent_always_has_its_time_and_a_range_its_two_ends() -> None:
    for row in FINDINGS:
        timed = row["statistic"] in ("survival", "survival_range")
        assert bool(row["months"] and Decimal(row["months"]) > 0) == timed
        if row["statistic"].endswith("_range") or row["statistic"] in ("period", "citation_span"):
            assert (bool(row["low"]), bool(row["high"]), row["value"]) == (True, True, "")


def test_references_1_to_59_are_present_once() -> None:
    assert [row["number"] for row in REFERENCES] == [str(number) for number in range(1, 60)]


@pytest.mark.parametrize(
    "expected",
    [
        ("1", "Greenberg", "1996", "14", "2197–205", "8708708"),
        ("19", "d’Annibale", "2005", "52", "1858–62", "16334793"),
        ("21", "Adam", "2006", "244", "897–907", "17122615"),
        ("38", "Swenerton", "1979", "39", "1552–62", "427797"),
        ("45", "van Geel", "2009", "18", "94–9", "19243947"),
        ("50", "Khan", "2002", "132", "620–6", "12407345"),
        ("59", "Fields", "2009", "99", "85–6", "18988227"),
    ],
)
def test_reference_is_as_printed(expected: tuple[str, ...]) -> None:
    names = ("number", "first_author", "year", "volume", "pages", "pmid")
    assert shown(chosen(REFERENCES, number=expected[0]), *names) == [expected]


def test_only_two_references_are_printed_with_another_language() -> None:
    translated = [row for row in REFERENCES if row["language"]]
    assert shown(translated, "number", "language") == [("14", "French"), ("31", "Italian")]


def test_studies_carry_the_author_year_and_pmid_of_their_reference() -> None:
    review, *others = STUDIES
    assert (review["key"], review["reference"]) == ("pockaj2010", "")
    for row in others:
        (reference,) = chosen(REFERENCES, number=row["reference"])
        assert row["pmid"] == reference["pmid"]
        assert row["label"] == f"{reference['first_author']} {reference['year']}"


def test_studies_by_site_are_as_many_as_the_tables_and_text_name() -> None:
    # Table 1; Table 2 and Staren; Table 3 and Cady; references 41 to 43; the rest once or twice
    sites = Counter(row["site"] for row in STUDIES if row["site"])
    few = {site: sites.pop(site) for site in list(sites) if sites[site] < 3}
    assert sites == {"liver": 15, "lung": 11, "primary": 8, "brain": 3}
    assert (sum(few.values()), few["chest wall"]) == (6, 2)  # references 44 to 49


def test_furka_is_cited_with_table_1_but_has_no_number() -> None:
    assert shown(chosen(STUDIES, key="furka2008"), "reference", "site") == [("22", "")]
    assert not chosen(FINDINGS, study="furka2008")


PATIENTS = "No. of patients"
FREE = "Median disease-free survival (months)"
MEDIAN = "Median survival (months)"
FIVE = "5-year survival (%)"
TABLE_1 = {
    PATIENTS: "34 15 17 25 65 17 54 31 34 18 21 85 12 16 39",
    FREE: "NR NR NR NR NR NR 34 22 NR NR NR 20 NR NR NR",
    MEDIAN: "27 57 24 34 47 53 NR 63 36 32 42 38 36 42 NR",
    FIVE: "18 18 22 NR 46_a 46 34 61 21 30 25 37 33 33 42",
}
TABLE_2 = {
    PATIENTS: "37 103 68_a 60 28 467 392_a 21 125 47 90 41",
    FREE: "NR NR - 18 NR NR - 27.6 36 43 NR NR",
    MEDIAN: "47 - 36 42 79_b 35 37 96.9 50 32 - NR",
    FIVE: "50 27 31 38 80 35 38 53 45 36 54 51",
}


@pytest.mark.parametrize(("place", "table"), [("Table 1", TABLE_1), ("Table 2", TABLE_2)])
@pytest.mark.parametrize("column", [PATIENTS, FREE, MEDIAN, FIVE])
def test_metastasectomy_columns_are_as_printed(place: str, table: Row, column: str) -> None:
    expected = [cell.replace("_", " ").replace("-", "") for cell in table[column].split()]
    assert values(place=place, column=column) == expected
    assert shown(chosen(FINDINGS, place=place, column=column), "cell") == [(c,) for c in expected]


def test_a_row_of_table_1_keeps_its_author_number_and_spelling() -> None:
    rows = [row["row"] for row in chosen(FINDINGS, place="Table 1", column=PATIENTS)]
    # 22 has no row
    assert rows[9::3] == ["d'Annibale et al. [19]", "Caralt et al. [23]"]


def test_footnotes_of_a_value_change_its_time_or_its_statistic_and_stay_printed() -> None:
    pocard = chosen(FINDINGS, study="pocard2001", statistic="survival")
    assert shown(pocard, "value", "months") == [("46 a", "48")]
    murabito = chosen(FINDINGS, study="murabito2000", column=MEDIAN)
    assert shown(murabito, "value", "statistic") == [("79 b", "mean")]


def test_complete_resections_stand_in_the_second_line_of_their_row() -> None:
    rows = chosen(FINDINGS, place="Table 2", cohort="complete resection", endpoint="patients")
    assert shown(rows, "row", "value") == [
        ("Friedel et al. [29], line 2", "68 a"),
        ("Friedel et al. [32], line 2", "392 a"),
    ]


def test_blank_cells_are_kept_apart_from_not_reported_ones() -> None:
    kinds = Counter((row["place"], Reported(row["value"]).kind) for row in FINDINGS)
    tables = ("Table 1", "Table 2", "Table 3")
    assert [kinds[table, Kind.BLANK] for table in tables] == [0, 4, 0]
    assert [kinds[table, Kind.NOT_REPORTED] for table in tables] == [15, 7, 6]


OPERATED = "Patients with surgery, No. (%)"
TABLE_3 = {
    "Patients (No.): Total": "16,023|224|300|409|9,734|395|728",
    "Patients (No.): Without surgery": "6,861|142|173|222|5,156|153|440",
    "With surgery, No. (%)": "9,162 (57)|82 (37)|127 (42)|187 (46)|4,578 (47)|242 (61)|288 (40)",
    f"{OPERATED}: Partial mastectomy": "3,513 (38)|39 (48)|40 (32)|61 (33)|1,844 (40)|191 (78)|"
    "85 (30)",
    f"{OPERATED}: Total mastectomy": "5,649 (62)|43 (52)|87 (69)|103 (55)|2,485 (54)|53 (22)|"
    "189 (66)",
    "3-year survival (%): Overall": "25|83 a|31|NR|NR|NR|NR",
    "3-year survival (%): Without surgery": "17|80 a|NR b|26 a|25 a|20 a|25 a",
    "3-year survival (%): With surgery": "28 (PM) 32 (TM)|95 a|NR b|46 a|45 a|40 a|45",
}
AUTHORS = ["Khan", "Babiera", "Rapti", "Fields", "Gnerlich", "Blanchard", "Ruiterkamp"]


@pytest.mark.parametrize("column", TABLE_3)
def test_table_3_columns_are_as_printed(column: str) -> None:
    rows = chosen(FINDINGS, place="Table 3", column=column)
    authors = [f"{name} et al. [{number}]" for number, name in enumerate(AUTHORS, start=50)]
    expected = list(zip(authors, TABLE_3[column].split("|"), strict=True))
    assert list(dict.fromkeys(shown(rows, "row", "cell"))) == expected


def test_a_cell_with_two_numbers_becomes_two_findings() -> None:
    rows = chosen(FINDINGS, cell="9,162 (57)")
    assert shown(rows, "cohort", "statistic", "value", "events") == [
        ("surgery", "count", "9,162", ""),
        ("surgery", "percent", "57", "9,162"),
    ]
    rows = chosen(FINDINGS, cell="28 (PM) 32 (TM)")
    assert shown(rows, "cohort", "months", "value") == [
        ("partial mastectomy", "36", "28"),
        ("total mastectomy", "36", "32"),
    ]


def test_the_ten_marked_survivals_of_table_3_are_the_only_estimated_numbers() -> None:
    cells = " ".join(row["cell"] for row in chosen(FINDINGS, from_figure="yes"))
    assert cells == "83 a 80 a 95 a 26 a 46 a 25 a 45 a 20 a 40 a 25 a"
    ruiterkamp = chosen(FINDINGS, study="ruiterkamp2009", cohort="surgery", endpoint="OS")
    assert shown(ruiterkamp, "value", "from_figure") == [("45", "no")]


def test_note_b_of_table_3_holds_5_year_survival_by_margin() -> None:
    rows = chosen(FINDINGS, place="Table 3, note b", study="rapiti2006")
    assert shown(rows, "cohort", "months", "value") == [
        ("no surgery", "60", "13"),
        ("negative margins", "60", "27"),
        ("positive margins", "60", "16"),
    ]


def test_tables_and_text_are_transcribed_whole() -> None:
    # 15 and 12 lines of 4 cells; 7 rows of 8 cells, of which 3 hold two numbers and Khan's a
    # fourth; 3 numbers in note b
    assert len(FINDINGS) - len(IN_TEXT) == 60 + 48 + 7 * 11 + 1 + 3
    assert Counter(section(row) for row in IN_TEXT) == {
        "Introduction": 4,
        "Hepatic": 6 + 1 + 3 + 29 + 7,  # frequency, span of references, ranges, Adam, Elias
        "Pulmonary": 2 + 1 + 3 + 10 + 23,  # frequency, span, ranges, Staren, the registry
        # span, Khan, Gnerlich, Rapiti, Babiera, Fields, Blanchard, Cady
        "Surgery": 1 + 10 + 7 + 14 + 8 + 9 + 7 + 6,
    }


def test_adam_is_printed_with_two_different_medians() -> None:
    # Table 1, then the text
    assert values(study="adam2006", endpoint="OS", statistic="median") == ["38", "32"]
    assert values(study="adam2006", endpoint="follow-up") == ["38"]


def test_elias_has_a_disease_free_median_in_the_table_that_the_text_gives_to_survival() -> None:
    assert values(study="elias2003", endpoint="DFS", statistic="median") == ["34"]
    assert values(study="elias2003", endpoint="OS", statistic="median") == ["NR", "34.3"]


def test_blanchard_is_printed_with_its_operations_exchanged() -> None:
    counts = {"study": "blanchard2008", "statistic": "count"}
    # Table 3 first, then the text
    assert values(**counts, cohort="surgery") == ["242", "242"]
    assert values(**counts, cohort="partial mastectomy") == ["191", "53"]
    assert values(**counts, cohort="total mastectomy") == ["53", "191"]


def test_small_contradictions_between_table_and_text_survive() -> None:
    partial = "partial mastectomy"
    assert values(study="rapiti2006", cohort=partial, statistic="percent") == ["32", "31"]
    assert values(study="gnerlich2007", cohort=ENTIRE, endpoint="patients") == ["9,734", "9734"]


def test_the_only_hazard_ratio_is_adjusted() -> None:
    names = ("study", "cohort", "comparator", "value", "low", "high", "level", "adjusted")
    assert shown(chosen(FINDINGS, statistic="hazard_ratio"), *names) == [
        ("gnerlich2007", "surgery", "no surgery", "0.63", "0.60", "0.66", "95", "yes")
    ]


def test_gnerlich_medians_are_split_by_vital_status_with_their_p_values() -> None:
    rows = chosen(FINDINGS, study="gnerlich2007", statistic="median")
    assert shown(rows, "cohort", "value", "p") == [
        ("surgery, alive", "36", "<0.001"),
        ("no surgery, alive", "21", ""),
        ("surgery, died", "18", "<0.001"),
        ("no surgery, died", "7", ""),
    ]


def test_ranges_belong_to_the_review_and_the_outlier_stands_apart() -> None:
    rows = chosen(FINDINGS, study="pockaj2010", endpoint="OS")
    assert shown(rows, "cohort", "statistic", "value", "low", "high") == [
        ("hepatic series", "survival_range", "", "18", "61"),
        ("pulmonary series", "survival_range", "", "27", "54"),
        ("pulmonary outlier", "survival", "80", "", ""),
        ("pulmonary series", "median_range", "", "35", "97"),
    ]


def test_the_two_comparisons_outside_the_tables_are_there() -> None:
    assert values(study="staren1992", endpoint="patients") == ["33", "30"]
    assert values(study="staren1992", statistic="mean") == ["58", "34"]
    assert values(study="staren1992", statistic="survival") == ["36", "11"]
    assert values(study="cady2008", statistic="count") == ["622", "388", "234"]
    assert values(study="cady2008", statistic="p_value") == ["<0.0001"]


def test_registry_of_lung_metastases_has_three_late_survivals_of_complete_resections() -> None:
    rows = chosen(IN_TEXT, study="friedel2002", statistic="survival")
    assert shown(rows, "cohort", "months", "value") == [
        ("complete resection", "60", "38"),
        ("complete resection", "120", "22"),
        ("complete resection", "180", "20"),
        ("incomplete resection", "60", "18"),
    ]


def test_accrual_of_a_study_is_also_a_finding() -> None:
    periods = shown(chosen(FINDINGS, statistic="period"), "study", "low", "high")
    dated = [row for row in STUDIES if row["accrual_start"]]
    assert sorted(periods) == sorted(shown(dated, "key", "accrual_start", "accrual_end"))
    assert len(periods) == 4


def test_splits_are_declared_only_where_the_words_make_them_exhaustive() -> None:
    exhaustive = {row["study"] for row in chosen(COHORTS, split="type of surgery")}
    assert exhaustive == {"khan2002", "babiera2006", "rapiti2006", "blanchard2008"}
    assert len(chosen(COHORTS, key="partial mastectomy", split="")) == 3
    # Staren, Table 3, Cady
    assert len(chosen(COHORTS, key="surgery", split="treatment")) == 1 + 7 + 1


def test_every_prognostic_statement_is_there() -> None:
    assert Counter(section(row) for row in FACTORS) == {
        "Hepatic": 8 + 2 + 3 + 25,  # Adam, Elias, margins, joint
        "Pulmonary": 1 + 5 + 8 + 15,  # Staren, the registry, disease-free interval, joint
        "Other": 3,
        # summary, Khan, Gnerlich, Rapiti, Babiera, Fields, Blanchard, Cady, margins, axilla
        "Surgery": 7 + 5 + 2 + 3 + 4 + 1 + 5 + 3 + 4 + 1,
    }


def test_adam_keeps_three_of_four_factors_when_adjusted() -> None:
    single = chosen(FACTORS, study="adam2006", analysis="univariable")
    assert [row["p"] for row in single] == ["0.004", "0.004", "0.00001", "0.01"]
    adjusted = chosen(FACTORS, study="adam2006", analysis="multivariable")
    assert shown(adjusted, "factor") == shown(single, "factor")
    assert shown(chosen(adjusted, direction="none"), "factor") == [("extrahepatic disease",)]


def test_joint_citations_make_every_pair_of_factor_and_study() -> None:
    joint = chosen(FACTORS, attribution="joint")
    # 5 factors by 5 references, 3 by 5, and 1 by 3
    assert sorted(Counter(shown(joint, "place", "factor")).values()) == [3] + [5] * 8


def test_eight_pulmonary_studies_tie_survival_to_the_disease_free_interval() -> None:
    rows = chosen(FACTORS, factor="disease-free interval", attribution="individual", level="longer")
    cited = {row["key"]: row["reference"] for row in STUDIES}
    assert " ".join(cited[row["study"]] for row in rows) == "28 29 31 32 33 34 36 37"


def test_positive_margins_lose_the_benefit_in_geneva_but_not_in_the_national_database() -> None:
    rows = chosen(FACTORS, level="surgery with positive margins", reference_level="no surgery")
    assert shown(rows, "study", "direction") == [("khan2002", "better"), ("rapiti2006", "none")]
