"""A column map loses no cell, guesses none, and says what each footnote changes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.evidence import Evidence, Finding, Kind, Study, check
from secondlook.evidence.tables import ColumnMap, Grid, findings


def grid(*rows: tuple[str, ...], header: tuple[str, ...] = ("Authors", "OS"), **more: Any) -> Grid:
    return Grid("t.csv", "", "", header, rows, tuple(range(2, len(rows) + 2)), **more)


def column(heading: str = "OS", **said: Any) -> dict[str, Any]:
    return {"heading": heading, "endpoint": "OS", "statistic": "median", **said}


def column_map(*columns: dict[str, Any], **said: Any) -> ColumnMap:
    fixed = {"document": "review", "place": "Table 1", "study": "Authors"}
    return ColumnMap.model_validate({**fixed, "columns": columns, **said})


def test_source_says_where_the_number_stands() -> None:
    (found,), problems = findings(
        grid(("Raab et al. 10", "27 a")),
        column_map(column(), studies={"Raab et al.  10": "raab1998"}, footnotes={"a": {}}),
    )
    assert problems == ()
    assert (found.study, found.cohort, found.value.printed) == ("raab1998", "all", "27 a")
    source = found.source
    assert (source.document, source.place) == ("review", "Table 1")
    assert (source.row, source.column, source.cell) == ("Raab et al. 10", "OS", "27 a")


def test_holes_of_a_single_finding_fill_its_fields() -> None:
    said = column(
        statistic="hazard_ratio",
        pattern=["{value} ({low}-{high}), P = {p}", "{value}"],
        cohort="surgery",
        comparator="no surgery",
        level="95",
        adjusted=True,
    )
    (first, second), problems = findings(
        grid(("Khan", "0.61 (0.58–0.65), P = 0.001"), ("Rapiti", "0.6")), column_map(said)
    )
    assert problems == ()
    printed = [n.printed for n in (first.value, first.low, first.high, first.p, first.level)]
    assert printed == ["0.61", "0.58", "0.65", "0.001", "95"]
    assert (first.comparator, first.adjusted) == ("no surgery", True)
    assert (second.value.printed, second.low.printed) == ("0.6", "")


def test_several_findings_of_a_cell_share_what_the_column_says() -> None:
    said = column(
        statistic="survival",
        months=36,
        pattern=["{value}", "{PM} (PM) {TM} ({TM.low}-{TM.high}) (TM)"],
        findings=[
            {"hole": "value", "cohort": "surgery"},
            {"hole": "PM", "cohort": "partial"},
            {"hole": "TM", "cohort": "total"},
        ],
    )
    found, problems = findings(
        grid(("Khan", "28 (PM) 32 (30 to 34) (TM)"), ("Fields", "46"), ("Rapiti", "NR")),
        column_map(said),
    )
    assert problems == ()
    assert [(f.study, f.cohort, f.value.printed, f.low.printed) for f in found] == [
        ("Khan", "partial", "28", ""),
        ("Khan", "total", "32", "30"),
        ("Fields", "surgery", "46", ""),
        ("Rapiti", "surgery", "NR", ""),
    ]
    assert {f.months for f in found} == {Decimal(36)}


@pytest.mark.parametrize(
    ("cell", "kind"),
    [("NR", Kind.NOT_REPORTED), ("", Kind.BLANK), ("–", Kind.BLANK), ("N/A", Kind.NOT_APPLICABLE)],
)
def test_missing_cell_is_a_missing_finding_for_each_hole(cell: str, kind: Kind) -> None:
    said = column(
        pattern="{number} ({percent})",
        findings=[{"hole": "number"}, {"hole": "percent", "statistic": "percent"}],
    )
    found, problems = findings(grid(("Raab", cell)), column_map(said))
    assert problems == ()
    assert [(f.statistic, f.value.printed, f.value.kind) for f in found] == [
        ("median", cell, kind),
        ("percent", cell, kind),
    ]


def test_footnote_changes_the_finding_it_marks_and_no_other() -> None:
    notes = {"a": {"months": 48, "note": "4-year value"}, "†": {"from_figure": True}}
    said = column(statistic="survival", months=60, note="crude")
    found, problems = findings(
        grid(("A", "46 a"), ("B", "37"), ("C", "12a†"), ("D", "NR a")),
        column_map(said, footnotes=notes | {"a†": {}}),
    )
    assert [(f.months, f.from_figure, f.note) for f in found[:2]] == [
        (Decimal(48), None, "crude; 4-year value"),
        (Decimal(60), None, "crude"),
    ]
    assert found[-1].months == Decimal(48)
    assert problems == ()


def test_mark_nobody_explains_keeps_its_number_out() -> None:
    found, problems = findings(grid(("A", "46 a"), ("B", "130 [sic]")), column_map(column()))
    assert [f.value.printed for f in found] == ["130 [sic]"]
    assert [str(problem) for problem in problems] == [
        't.csv, row 2, column OS: "46 a" has a mark "a" that the column map does not explain; '
        'write under [footnotes] what it changes, or "a" = {} if nothing'
    ]


def test_mark_of_a_row_makes_another_cohort_of_the_whole_row() -> None:
    table = grid(("Friedel", "103", "27"), ("", "68 a", "31"), header=("Authors", "n", "5-year"))
    size = column("n", endpoint="patients", statistic="count")
    rate = column("5-year", statistic="survival", months=60)
    notes = {"a": {"cohort": "complete resection", "row": True}}
    found, problems = findings(table, column_map(size, rate, footnotes=notes))
    assert problems == ()
    assert [(f.study, f.cohort, f.source.row, f.value.printed) for f in found] == [
        ("Friedel", "all", "Friedel", "103"),
        ("Friedel", "all", "Friedel", "27"),
        ("Friedel", "complete resection", "Friedel (2)", "68 a"),
        ("Friedel", "complete resection", "Friedel (2)", "31"),
    ]


def test_second_number_for_the_same_patients_is_a_problem_and_names_the_first() -> None:
    found, problems = findings(grid(("Friedel", "35"), ("", "37")), column_map(column()))
    assert [f.value.printed for f in found] == ["35"]
    assert str(problems[0]).startswith(
        't.csv, row 3, column OS: "37" says the same thing about the same patients as '
        "t.csv, row 2, column OS; give"
    )


def test_crude_and_adjusted_ratio_of_the_same_patients_are_two_findings() -> None:
    table = grid(("Khan", "0.5", "0.6"), header=("Authors", "crude", "adjusted"))
    crude = column("crude", statistic="hazard_ratio", adjusted=False)
    adjusted = column("adjusted", statistic="hazard_ratio", adjusted=True)
    found, problems = findings(table, column_map(crude, adjusted))
    assert [(f.value.printed, f.adjusted) for f in found] == [("0.5", False), ("0.6", True)]
    assert problems == ()


def test_rows_of_arms_take_their_cohort_from_the_column_of_arms() -> None:
    table = grid(
        ("Khan", "Surgery", "32"),
        ("", "None", "17"),
        ("Rapiti", "", "NR"),
        header=("Authors", "Arm", "OS"),
    )
    arms = {"Surgery": "surgery", "None": "no surgery"}
    found, problems = findings(table, column_map(column(), cohort="Arm", cohorts=arms))
    assert [(f.study, f.cohort, f.source.row) for f in found] == [
        ("Khan", "surgery", "Khan: Surgery"),
        ("Khan", "no surgery", "Khan: None"),
    ]
    assert [problem.where for problem in problems] == ["t.csv, row 4, column Arm"]


def test_number_in_one_cell_over_two_rows_is_given_to_neither() -> None:
    table = grid(
        ("Khan", "Surgery", "100"),
        ("Khan", "None", "100"),
        header=("Authors", "Arm", "OS"),
        merged=frozenset({(0, 0), (1, 0), (0, 2), (1, 2)}),
    )
    found, problems = findings(table, column_map(column(), cohort="Arm"))
    assert found == ()
    assert [problem.where for problem in problems] == [
        "t.csv, row 2, column OS",
        "t.csv, row 3, column OS",
    ]
    assert "one cell over several rows or columns" in problems[0].rule


def test_label_without_a_key_is_a_problem_unless_its_row_is_ignored() -> None:
    table = grid(("Raab", "27"), ("Rab", "28"), ("Total", "27"), ("", "3"))
    said = column_map(column(), studies={"Raab": "raab1998"}, ignore_rows=["Total"])
    found, problems = findings(table, said)
    assert [f.study for f in found] == ["raab1998"]
    assert [str(problem) for problem in problems] == [
        't.csv, row 3: "Rab" is no label in [studies] of the column map; '
        "add it there with its key, or add the row to ignore_rows"
    ]


def test_first_row_without_a_label_is_a_problem() -> None:
    found, problems = findings(grid(("", "27")), column_map(column()))
    assert found == ()
    assert "the row is about nobody" in str(problems[0])


def test_heading_on_one_side_only_is_a_problem_with_a_suggestion() -> None:
    table = grid(("Raab", "27", "34"), header=("Authors", "Median survival", "n"))
    found, problems = findings(table, column_map(column("Median  survivals")))
    assert found == ()
    assert [str(problem) for problem in problems] == [
        't.csv: "Median survivals" is in the column map and is no heading of the table; '
        'write "Median survival"?',
        't.csv: "Median survival" is a heading that the column map does not name; '
        "add it to [[columns]] or to ignore_columns",
        't.csv: "n" is a heading that the column map does not name; '
        "add it to [[columns]] or to ignore_columns",
    ]


def test_table_without_its_column_of_studies_gives_nothing_but_the_problem() -> None:
    found, problems = findings(grid(("Raab", "27"), header=("Study", "OS")), column_map(column()))
    assert found == ()
    assert [problem.value for problem in problems] == ["Authors", "Study"]


def test_cell_that_can_be_read_in_two_ways_is_not_guessed() -> None:
    said = column(pattern="{n} {value}")
    found, problems = findings(grid(("A", "1 234 567")), column_map(said))
    assert found == ()
    assert problems[0].rule == "fits {n} {value} in more than one way"


CELL = st.sampled_from(
    ["27", "16,023", "46 a", "46 z", "NR", "", "9 (57)", "9 (57) a", "28 (PM)", "Khan et al."]
) | st.text(max_size=10)


@st.composite
def mapped_tables(draw: st.DrawFn) -> tuple[Grid, ColumnMap]:
    label = st.sampled_from(["A", "B", "", "Total", "X"])
    rows = draw(st.lists(st.tuples(label, CELL, CELL, CELL, CELL), min_size=1, max_size=6))
    places = st.tuples(st.integers(0, len(rows) - 1), st.integers(0, 4))
    table = grid(
        *rows,
        header=("Authors", "one", "two", "dropped", "unknown"),
        merged=draw(st.frozensets(places, max_size=3)),
    )
    parts = [{"hole": "number"}, {"hole": "percent", "statistic": "percent"}]
    second = column("two", endpoint="n", pattern=["{number} ({percent})", "{number}"])
    said = column_map(
        column("one"),
        second | {"findings": parts},
        studies={"A": "a", "B": "b"},
        ignore_columns=["dropped"],
        ignore_rows=["Total"],
        footnotes={"a": {"months": 48}},
    )
    return table, said


@given(mapped_tables())
def test_every_cell_is_a_finding_a_label_ignored_or_a_problem(
    drawn: tuple[Grid, ColumnMap],
) -> None:
    table, said = drawn
    found, problems = findings(table, said)
    places = {problem.where for problem in problems}
    columns = {problem.value for problem in problems if problem.where == "t.csv"}
    assert columns == {"unknown"}
    label, counts = "", dict.fromkeys(["A", "B"], 0)
    for index, cells in enumerate(table.rows):
        label = cells[0] or label
        if label == "Total":
            continue
        if label not in counts:
            assert table.where(index) in places
            continue
        counts[label] += 1
        row = f"{label} ({counts[label]})" if counts[label] > 1 else label
        for heading, cell in zip(("one", "two"), cells[1:3], strict=True):
            read = [f for f in found if (f.source.row, f.source.column) == (row, heading)]
            assert all(f.source.cell == cell and f.value.printed in cell for f in read)
            assert read or table.where(index, heading) in places


def test_findings_of_a_mapped_table_pass_the_check_of_evidence() -> None:
    found, _ = findings(grid(("raab1998", "27")), column_map(column()))
    assert check(Evidence(studies=(Study("raab1998"),), findings=found)) == ()
    assert isinstance(found[0], Finding)
