"""A pattern looks like the cells it reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.evidence.tables.pattern import Pattern

NUMBER = st.decimals(0, 9999, places=1).map(str) | st.integers(0, 99999).map(str)


@pytest.mark.parametrize(
    ("template", "cell", "numbers"),
    [
        ("{value}", "16,023", ["16,023"]),
        ("{value}", "46 a", ["46 a"]),
        ("{value} ({percent})", "9,162 (57)", ["9,162", "57"]),
        ("{value} ({percent})", "9,162(57)", ["9,162", "57"]),
        ("{value} ({percent})", "9,162a ( 57% )", ["9,162a", "57%"]),
        ("{value} ({percent}%)", "9,162 (57%)", ["9,162", "57"]),
        ("{value} ({percent})", "82 (NR)", ["82", "NR"]),
        ("{a} (PM) {b} (TM)", "28 (PM) 32 (TM)", ["28", "32"]),
        ("{a} (PM) {b} (TM)", "28 (PM)\n32\u00a0(TM)", ["28", "32"]),
        ("{events} of {n}", "68 of 103", ["68", "103"]),
        ("{events}/{n}", "68 / 103 b", ["68", "103 b"]),
        ("{value} ({low}-{high})", "0.62 (0.48–0.80)", ["0.62", "0.48", "0.80"]),
        ("{value} ({low}–{high})", "0.62 (0.48 to 0.80)", ["0.62", "0.48", "0.80"]),
        ("{value} ({low} to {high})", "-0.5 (-1.2--0.3)", ["-0.5", "-1.2", "-0.3"]),
        ("{value}, P {p}", "37, P <0.001", ["37", "<0.001"]),
        ("{a} {b}", "28 32", ["28", "32"]),
    ],
)
def test_holes_take_the_numbers_as_printed(template: str, cell: str, numbers: list[str]) -> None:
    (reading,) = Pattern(template).readings(cell)
    assert [number for _, number in reading.numbers] == numbers


@pytest.mark.parametrize(
    ("template", "cell"),
    [
        ("{value}", "28 (PM) 32 (TM)"),
        ("{value}", "27 months"),
        ("{value} ({percent})", "9,162"),
        ("{value} ({percent})", "9,162 (57) more"),
        ("{events} of {n}", "68 in 103"),
        ("{value} ({percent})", "(57)"),
    ],
)
def test_cell_that_does_not_fit_is_not_forced(template: str, cell: str) -> None:
    assert Pattern(template).readings(cell) == ()


def test_cell_that_fits_in_two_ways_gives_both() -> None:
    found = {reading.numbers for reading in Pattern("{a} {b}").readings("1 234 567")}
    assert found == {(("a", "1"), ("b", "234 567")), (("a", "1 234"), ("b", "567"))}


def test_marks_behind_a_bracket_are_read() -> None:
    assert Pattern("{value} ({percent})").readings("9,162 (57) a")[0].marks == "a"
    assert Pattern("{value} ({percent})").readings("9,162 (57)*†")[0].marks == "*†"
    assert Pattern("{events} of {n}").readings("68 of 103 a")[0].marks == ""


@pytest.mark.parametrize(
    ("template", "rule"),
    [
        ("NR", "has no hole"),
        ("{value} ({", "has a brace"),
        ("{value} {value}", "names a hole twice"),
        ("{a}{b}", "nothing between"),
    ],
)
def test_template_that_cannot_be_one_is_refused(template: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        Pattern(template)


@given(numbers=st.lists(NUMBER, min_size=3, max_size=3))
def test_what_a_template_prints_it_reads_back(numbers: list[str]) -> None:
    template = "{value} [95% CI {low} to {high}]"
    cell = template.format(value=numbers[0], low=numbers[1], high=numbers[2])
    (reading,) = Pattern(template).readings(cell)
    assert [number for _, number in reading.numbers] == numbers


@given(cell=st.text(max_size=200))
def test_no_cell_breaks_a_pattern(cell: str) -> None:
    for reading in Pattern("{value} ({low}-{high})").readings(cell):
        assert all(number in cell for _, number in reading.numbers)
