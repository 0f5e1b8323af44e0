from __future__ import annotations

from decimal import Decimal
from importlib.resources import as_file, files
from typing import Any

import pytest

from secondlook.evidence import (
    Cohort,
    Evidence,
    Factor,
    Finding,
    Reference,
    Reported,
    Source,
    Study,
    Table,
    read,
)
from secondlook.evidence.store import PARTS, columns


def finding(study: str, value: str, statistic: str = "survival", **fields: Any) -> Finding:
    time = Decimal(60) if statistic == "survival" else None
    said = {"endpoint": "OS", "months": time, "value": Reported(value)} | fields
    return Finding(study=study, statistic=statistic, **said)


def patients(study: str, value: str, place: str = "", **fields: Any) -> Finding:
    said = {"endpoint": "patients", "source": Source("review", place)} | fields
    return finding(study, value, "count", **said)


LIVER, LUNG = Study("a", site="liver"), Study("b", site="lung")
TABLE_1, TEXT = Source("review", "Table 1"), Source("review", "p. 3")


@pytest.fixture(scope="module")
def bundled() -> Evidence:
    """Numbers below were read by eye in Pockaj et al. 2010, Ann Surg Oncol 17:2419-2426."""
    example = files("secondlook").joinpath("examples", "stage-iv-breast", "evidence")
    with as_file(example) as folder:
        return read(folder)


def test_rates_are_of_one_endpoint_statistic_time_and_cohort() -> None:
    wanted = finding("a", "37")
    other = [
        finding("a", "20", endpoint="DFS"),
        finding("a", "38", "median"),
        finding("a", "55", months=Decimal(36)),
        finding("a", "50", cohort="surgery"),
    ]
    body = Evidence(studies=(LIVER,), findings=(wanted, *other))
    (rate,) = body.survival_rates(endpoint="OS", months=60)
    assert (rate.study, rate.finding) == (LIVER, wanted)
    assert [r.finding.value.printed for r in body.medians(endpoint="OS")] == ["38"]
    surgery = body.survival_rates(endpoint="OS", months=60, cohort="surgery")
    assert [r.finding.value.printed for r in surgery] == ["50"]


def test_several_times_may_be_asked_for_and_keep_the_order_of_the_evidence() -> None:
    times = [finding("a", str(m), months=Decimal(m)) for m in ("60.0", "36", "7.5")]
    body = Evidence(studies=(LIVER,), findings=tuple(times))
    rates = body.survival_rates(endpoint="OS", months=[7.5, 60])
    assert [rate.finding for rate in rates] == [times[0], times[2]]


def test_site_and_place_restrict_only_where_they_are_given() -> None:
    here, there = finding("a", "37", source=TABLE_1), finding("b", "50", source=TEXT)
    body = Evidence(studies=(LIVER, LUNG), findings=(here, there))

    def found(**where: str) -> list[Finding]:
        return [r.finding for r in body.survival_rates(endpoint="OS", months=60, **where)]

    assert found() == [here, there]
    assert found(site="lung") == found(place="p. 3") == [there]
    assert found(site="liver", place="p. 3") == []


def test_a_rate_without_a_number_is_still_listed() -> None:
    body = Evidence(studies=(LIVER,), findings=(finding("a", "NR"), finding("a", "")))
    assert len(body.survival_rates(endpoint="OS", months=60)) == 2


def test_the_size_printed_in_the_same_place_is_preferred_then_the_first_with_a_number() -> None:
    first, second = patients("a", "9734", "p. 3"), patients("a", "9,734", "Table 1")
    nothing = patients("a", "NR", "Table 2")
    body = Evidence(studies=(LIVER,), findings=(nothing, first, second))
    assert body.size("a", near=second.source) is second
    assert body.size("a", near=Source(place="Table 2")) is first
    assert body.size("a") is first
    assert body.size("a", "surgery") is None
    assert body.size("b") is None


def test_a_rate_takes_its_own_denominator_then_the_size_of_its_cohort() -> None:
    rates = (
        finding("a", "37", source=TABLE_1),
        finding("a", "38", n=Reported("80"), source=TABLE_1),
        finding("a", "39", n=Reported("NR"), source=TEXT),
        finding("b", "50"),
    )
    sizes = (patients("a", "84", "p. 3"), patients("a", "1,085", "Table 1"))
    body = Evidence(studies=(LIVER, LUNG), findings=(*rates, *sizes))
    assert [r.n for r in body.survival_rates(endpoint="OS", months=60)] == [1085, 80, 84, None]


def test_a_study_that_is_not_there_is_a_key_error_and_a_reference_is_none() -> None:
    body = Evidence(studies=(LIVER,), references=(Reference("1", "Greenberg"),))
    assert body.study("a") is LIVER
    with pytest.raises(KeyError):
        body.study("b")
    entry = body.reference("1")
    assert entry is not None
    assert entry.first_author == "Greenberg"
    assert body.reference("2") is None


def cell(value: str, row: str, column: str, whole: str = "", note: str = "") -> Finding:
    source = Source("review", "Table 1", row, column, whole)
    return finding("a", value, "median", source=source, note=note)


def test_a_table_is_put_together_from_its_cells_as_they_were_printed() -> None:
    findings = (
        cell("9,162", "Khan", "No. (%)", "9,162 (57)"),
        cell("57", "Khan", "No. (%)", "9,162 (57)"),
        cell("NR b", "Khan", "Median", note="not reported"),
        cell("", "Adam", "Median"),
        cell("46 a", "Adam", "Survival", note="4 years"),
        cell("47 a", "Khan", "Survival", note="4 years"),
        finding("a", "5", "median", source=Source("review", "text", "paragraph 3", "")),
    )
    assert Evidence(findings=findings).tables() == (
        Table(
            document="review",
            place="Table 1",
            columns=("No. (%)", "Median", "Survival"),
            rows=(("Khan", ("9,162 (57)", "NR b", "47 a")), ("Adam", (None, "", "46 a"))),
            notes=(("NR b", "not reported"), ("46 a", "4 years"), ("47 a", "4 years")),
        ),
    )


def test_frames_have_the_columns_of_the_files_even_when_nothing_is_in_them() -> None:
    frames = Evidence().to_frames()
    assert sorted(frames) == sorted(PARTS)
    for part, frame in frames.items():
        assert tuple(frame.columns) == columns(part)
        assert frame.height == 0
        assert set(map(str, frame.dtypes)) == {"String"}


def test_frames_say_what_the_files_say() -> None:
    source = Source("review", "Table 1", "Adam", "Survival", "46 a")
    body = Evidence(
        studies=(LIVER,),
        cohorts=(Cohort("a", "R0", overlaps=("a/all", "b/all")),),
        findings=(finding("a", "46 a", adjusted=False, source=source),),
        factors=(Factor(study="a", factor="age", direction="none", p=Reported("NR")),),
    )
    frames = body.to_frames()
    (row,) = frames["findings"].rows(named=True)
    assert (row["value"], row["cell"], row["place"]) == ("46 a", "46 a", "Table 1")
    assert (row["months"], row["adjusted"], row["from_figure"]) == ("60", "no", "")
    assert frames["cohorts"]["overlaps"].to_list() == ["a/all;b/all"]
    assert frames["factors"]["p"].to_list() == ["NR"]


def test_hepatic_survival_of_table_1_has_the_sizes_of_its_rows(bundled: Evidence) -> None:
    rates = bundled.survival_rates(endpoint="OS", months=60, site="liver", place="Table 1")
    found = {rate.study.key: (rate.finding.value.printed, rate.n) for rate in rates}
    assert found["adam2006"] == ("37", 85)
    assert found["vlastos2004"] == ("61", 31)
    assert found["yoshimoto2000"] == ("NR", 25)
    # Pocard's 46 is a 4-year survival (note a)
    assert "pocard2001" not in found
    assert len(rates) == 14


def test_pulmonary_medians_of_table_2_leave_complete_resections_to_their_cohort(
    bundled: Evidence,
) -> None:
    whole = bundled.medians(endpoint="OS", site="lung", place="Table 2")
    assert [rate.finding.value.printed for rate in whole] == "47| |42|35|96.9|50|32| |NR".replace(
        " ", ""
    ).split("|")
    complete = bundled.medians(endpoint="OS", cohort="complete resection", place="Table 2")
    assert [(rate.finding.value.printed, rate.n) for rate in complete] == [("36", 68), ("37", 392)]


def test_primary_resection_of_table_3_has_the_sizes_of_its_arms(bundled: Evidence) -> None:
    arms = {
        cohort: {
            rate.study.key: (rate.finding.value.printed, rate.n)
            for rate in bundled.survival_rates(
                endpoint="OS", months=36, cohort=cohort, site="primary", place="Table 3"
            )
        }
        for cohort in ("surgery", "no surgery")
    }
    assert arms["surgery"]["gnerlich2007"] == ("45 a", 4578)
    assert arms["no surgery"]["gnerlich2007"] == ("25 a", 5156)
    assert arms["no surgery"]["khan2002"] == ("17", 6861)
    assert arms["surgery"]["ruiterkamp2009"] == ("45", 288)


def test_tables_of_the_paper_are_rebuilt_line_by_line(bundled: Evidence) -> None:
    tables = {table.place: table for table in bundled.tables()}
    assert {place: len(tables[place].rows) for place in ("Table 1", "Table 2", "Table 3")} == {
        "Table 1": 15,
        "Table 2": 12,
        "Table 3": 7,
    }
    first = dict(tables["Table 1"].rows)
    assert first["Pocard et al. [14]"] == ("65", "NR", "47", "46 a")
    second = dict(tables["Table 2"].rows)
    assert second["Friedel et al. [29], line 2"] == ("68 a", "", "36", "31")
    _, khan = tables["Table 3"].rows[0]
    assert set(khan) == {
        *("16,023", "6,861", "9,162 (57)", "3,513 (38)", "5,649 (62)", "25", "17"),
        "28 (PM) 32 (TM)",
    }
