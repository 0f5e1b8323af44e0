"""Tables 1 to 3 of Pockaj et al. 2010, typed as people type tables, give back the printed cells.

The labels carry the numbers of the references, and a raised mark is typed behind its number. The
legend of Table 3 is not in the text at hand, so its marks are declared to change nothing.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from secondlook.evidence import Evidence, Finding, Study
from secondlook.evidence.tables import Grid, findings, read_column_map, read_tables

SERIES = "Authors;No. of patients;Median DFI (months);Median survival (months);5-year survival (%)"
TABLE_1 = f"""{SERIES}
Raab et al. 10;34;NR;27;18
Seifert et al. 11;15;NR;57;18
Selzner et al. 12;17;NR;24;22
Yoshimoto et al. 13;25;NR;34;NR
Pocard et al. 14;65;NR;47;46 a
Carlini et al. 15;17;NR;53;46
Elias et al. 16;54;34;NR;34
Vlastos et al. 17;31;22;63;61
Sakamoto et al. 18;34;NR;36;21
d'Annibale et al. 19;18;NR;32;30
Ercolani et al. 20;21;NR;42;25
Adam et al. 21;85;20;38;37
Caralt et al. 23;12;NR;36;33
Lubrano et al. 24;16;NR;42;33
Thelen et al. 25;39;NR;NR;42

NR not reported
a 4-year value
"""
TABLE_2 = f"""{SERIES}
Lanza et al. 28;37;NR;47;50
Friedel et al. 29;103;NR;;27
;68 a;;36;31
McDonald et al. 30;60;18;42;38
Murabito et al. 31;28;NR;79 b;80
Friedel et al. 32;467;NR;35;35
;392 a;;37;38
Ludwig et al. 33;21;27.6;96.9;53
Planchard et al. 34;125;36;50;45
Welter et al. 35;47;43;32;36
Yoshimoto et al. 36;90;NR;;54
Chen et al. 37;41;NR;NR;51
"""
TABLE_3 = """Authors,Patients (No.),,"Patients with surgery, No. (%)",,,3-year survival (%),,
,Total,Without surgery,With surgery,Partial mastectomy,Total mastectomy,Overall,Without,With
Khan 50,"16,023","6,861","9,162 (57)","3,513 (38)","5,649 (62)",25,17,28 (PM) 32 (TM)
Babiera 51,224,142,82 (37),39 (48),43 (52),83 a,80 a,95 a
Rapti 52,300,173,127 (42),40 (32),87 (69),31,NR b,NR b
Fields 53,409,222,187 (46),61 (33),103 (55),NR,26 a,46 a
Gnerlich 54,"9,734","5,156","4,578 (47)","1,844 (40)","2,485 (54)",NR,25 a,45 a
Blanchard 55,395,153,242 (61),191 (78),53 (22),NR,20 a,40 a
Ruiterkamp 56,728,440,288 (40),85 (30),189 (66),NR,25 a,45
"""
TOP = 'document = "pockaj2010"\nplace = "Table {number}"\nstudy = "Authors"\n'
SERIES_MAP = """
[[columns]]
heading = "No. of patients"
endpoint = "patients"
statistic = "count"

[[columns]]
heading = "Median DFI (months)"
endpoint = "DFI"
statistic = "median"

[[columns]]
heading = "Median survival (months)"
endpoint = "OS"
statistic = "median"

[[columns]]
heading = "5-year survival (%)"
endpoint = "OS"
statistic = "survival"
months = 60

[footnotes]
"""
NOTES = {
    1: 'a = { months = 48, note = "4-year value" }\n',
    2: 'a = { cohort = "complete resection", row = true }\nb = { statistic = "mean" }\n',
}
COUNT = """
[[columns]]
heading = "{heading}"
endpoint = "patients"
statistic = "count"
cohort = "{cohort}"
"""
SHARE = """
[[columns]]
heading = "Patients with surgery, No. (%): {heading}"
pattern = "{{number}} ({{percent}})"
endpoint = "patients"
cohort = "{cohort}"
findings = [
  {{ hole = "number", statistic = "count" }},
  {{ hole = "percent", statistic = "percent" }},
]
"""
RATE = """
[[columns]]
heading = "3-year survival (%): {heading}"
endpoint = "OS"
statistic = "survival"
months = 36
cohort = "{cohort}"
"""
EITHER = """
[[columns]]
heading = "3-year survival (%): With"
pattern = ["{surgery}", "{PM} (PM) {TM} (TM)"]
endpoint = "OS"
statistic = "survival"
months = 36
findings = [
  { hole = "surgery", cohort = "surgery" },
  { hole = "PM", cohort = "partial mastectomy" },
  { hole = "TM", cohort = "total mastectomy" },
]

[footnotes]
a = {}
b = {}
"""
MAP_3 = (
    COUNT.format(heading="Patients (No.): Total", cohort="all")
    + COUNT.format(heading="Patients (No.): Without surgery", cohort="no surgery")
    + SHARE.format(heading="With surgery", cohort="surgery")
    + SHARE.format(heading="Partial mastectomy", cohort="partial mastectomy")
    + SHARE.format(heading="Total mastectomy", cohort="total mastectomy")
    + RATE.format(heading="Overall", cohort="all")
    + RATE.format(heading="Without", cohort="no surgery")
    + EITHER
)
TEXTS = {1: TABLE_1, 2: TABLE_2, 3: TABLE_3}


def read(folder: Path, number: int) -> tuple[Grid, tuple[Finding, ...]]:
    (folder / "table.csv").write_text(TEXTS[number], "utf-8")
    said = MAP_3 if number == 3 else SERIES_MAP + NOTES[number]
    (folder / "map.toml").write_text(TOP.format(number=number) + said, "utf-8")
    (grid,) = read_tables(folder / "table.csv")
    found, problems = findings(grid, read_column_map(folder / "map.toml"))
    assert problems == ()
    return grid, found


def say(finding: Finding) -> tuple[str, str, str, Decimal | None]:
    return finding.cohort, finding.statistic, finding.value.printed, finding.months


@pytest.mark.parametrize("number", [1, 2, 3])
def test_cells_of_the_findings_are_the_printed_table(tmp_path: Path, number: int) -> None:
    grid, found = read(tmp_path, number)
    studies = tuple(Study(key) for key in dict.fromkeys(finding.study for finding in found))
    (table,) = Evidence(studies=studies, findings=found).tables()
    assert (table.document, table.place) == ("pockaj2010", f"Table {number}")
    assert table.columns == grid.header[1:]
    assert [cells for _, cells in table.rows] == [row[1:] for row in grid.rows]


def test_table_1_has_fifteen_series_and_one_four_year_value(tmp_path: Path) -> None:
    grid, found = read(tmp_path, 1)
    assert grid.notes == ("NR not reported", "a 4-year value")
    assert len(found) == 15 * 4
    early = [finding for finding in found if finding.months == 48]
    assert [(f.study, f.value.printed, f.note) for f in early] == [
        ("Pocard et al. 14", "46 a", "4-year value")
    ]


def test_table_2_tells_complete_resections_apart_and_a_mean_from_medians(tmp_path: Path) -> None:
    _, found = read(tmp_path, 2)
    friedel = [say(f) for f in found if f.study == "Friedel et al. 29"]
    month_60 = Decimal(60)
    assert friedel == [
        ("all", "count", "103", None),
        ("all", "median", "NR", None),
        ("all", "median", "", None),
        ("all", "survival", "27", month_60),
        ("complete resection", "count", "68 a", None),
        ("complete resection", "median", "", None),
        ("complete resection", "median", "36", None),
        ("complete resection", "survival", "31", month_60),
    ]
    means = [(f.study, f.value.printed) for f in found if f.statistic == "mean"]
    assert means == [("Murabito et al. 31", "79 b")]
    assert {f.value.printed for f in found if f.study.startswith("Ludwig")} == {
        "21",
        "27.6",
        "96.9",
        "53",
    }


def test_table_3_takes_counts_percents_and_two_rates_out_of_single_cells(tmp_path: Path) -> None:
    grid, found = read(tmp_path, 3)
    assert grid.header[3] == "Patients with surgery, No. (%): With surgery"
    month_36 = Decimal(36)
    assert [say(f) for f in found if f.study == "Khan 50"] == [
        ("all", "count", "16,023", None),
        ("no surgery", "count", "6,861", None),
        ("surgery", "count", "9,162", None),
        ("surgery", "percent", "57", None),
        ("partial mastectomy", "count", "3,513", None),
        ("partial mastectomy", "percent", "38", None),
        ("total mastectomy", "count", "5,649", None),
        ("total mastectomy", "percent", "62", None),
        ("all", "survival", "25", month_36),
        ("no surgery", "survival", "17", month_36),
        ("partial mastectomy", "survival", "28", month_36),
        ("total mastectomy", "survival", "32", month_36),
    ]
    assert [f.value.printed for f in found if f.study == "Rapti 52"][-2:] == ["NR b", "NR b"]
    assert {f.source.cell for f in found if f.value.printed == "57"} == {"9,162 (57)"}
