"""A mistake in a column map is named with its key, and all of them are named."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from secondlook.errors import EvidenceError
from secondlook.evidence.tables import column_map as module
from secondlook.evidence.tables import read_column_map

TOP = 'document = "review"\nplace = "Table 1"\nstudy = "Authors"\n'
COLUMN = '[[columns]]\nheading = "OS"\nendpoint = "OS"\nstatistic = "median"\n'


def read(folder: Path, text: str) -> module.ColumnMap:
    path = folder / "map.toml"
    path.write_text(text, "utf-8")
    return read_column_map(path)


def test_example_at_the_head_of_the_module_is_a_column_map(tmp_path: Path) -> None:
    assert module.__doc__ is not None
    example = module.__doc__.partition("::\n")[2].partition("\nA table with one row")[0]
    column_map = read(tmp_path, "\n".join(line[4:] for line in example.splitlines()))
    assert column_map.studies == {"Raab et al. 10": "raab1998"}
    assert column_map.footnotes["a"].months == Decimal(48)
    assert [column.heading for column in column_map.columns][-1] == "With surgery, No. (%)"


def test_map_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text(TOP + COLUMN, "utf-8-sig")
    assert read_column_map(path).place == "Table 1"


def test_fractions_of_a_month_are_exact(tmp_path: Path) -> None:
    assert read(tmp_path, TOP + COLUMN + "months = 7.1").columns[0].months == Decimal("7.1")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (TOP, "map.toml, columns: is missing; add it"),
        (TOP + "statistics = 1\n" + COLUMN, "map.toml, statistics: is not a key that belongs here"),
        (TOP + COLUMN + "month = 60", "map.toml, columns[1].month: is not a key"),
        (TOP + COLUMN + "months = true", 'map.toml, columns[1].months: "True" is not a number of'),
        (TOP + COLUMN + "months = -1", 'map.toml, columns[1].months: "-1" is not a number of'),
        (
            TOP + COLUMN + "cohort = 1",
            'map.toml, columns[1].cohort: "1" is not right (input should',
        ),
        (
            TOP + COLUMN.replace("median", "medium"),
            'map.toml, columns[1].statistic: "medium" is no known statistic; write one of count,',
        ),
        (
            TOP + COLUMN.replace("median", "survival"),
            "map.toml, columns[1]: gives a survival percent without its time; add months",
        ),
        (
            TOP + COLUMN.replace('endpoint = "OS"', ""),
            "map.toml, columns[1]: does not say its endpoint; add it",
        ),
        (
            TOP + COLUMN + 'pattern = "{value} ({size})"',
            "map.toml, columns[1]: has a hole {size} that fills nothing; name it after one of",
        ),
        (TOP + COLUMN + 'pattern = "NR"', 'map.toml, columns[1].pattern: "NR" has no hole'),
        (TOP + COLUMN + "pattern = []", "map.toml, columns[1].pattern: is no pattern"),
        (
            TOP + COLUMN + 'findings = [{hole = "n", cohort = "x"}]',
            "map.toml, columns[1]: has a hole {value} that fills nothing; name it after one of n",
        ),
        (
            TOP + COLUMN + 'pattern = "{a}"\nfindings = [{hole = "a"}, {hole = "b"}]',
            "map.toml, columns[1]: has no pattern with {b}; add it to the pattern",
        ),
        (TOP + COLUMN + COLUMN, 'map.toml: names the heading "OS" 2 times; keep one'),
        (TOP + COLUMN + "[footnotes]\na = {stat = 1}", "map.toml, footnotes.a.stat: is not a key"),
        (TOP + "=", "map.toml: is not TOML (Invalid statement (at line 4, column 1)); mend"),
    ],
)
def test_mistake_is_named_with_its_key_rule_and_remedy(
    tmp_path: Path, text: str, line: str
) -> None:
    with pytest.raises(EvidenceError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError) as caught:
        read(tmp_path, "places = 1\n" + COLUMN + 'adjusted = "yes"')
    assert {problem.where for problem in caught.value.problems} == {
        "map.toml, document",
        "map.toml, place",
        "map.toml, study",
        "map.toml, places",
        "map.toml, columns[1].adjusted",
    }


@pytest.mark.parametrize("section", ["studies", "cohorts"])
def test_labels_that_differ_in_white_space_alone_are_refused_and_both_are_named(
    tmp_path: Path, section: str
) -> None:
    labels = f'[{section}]\n"Smith" = "smith1999"\n"Smith " = "smith2004"\n"Raab" = "raab1998"\n'
    with pytest.raises(EvidenceError) as caught:
        read(tmp_path, TOP + COLUMN + labels)
    assert str(caught.value).startswith(
        f'map.toml, {section}: names the same label as "Smith" and "Smith "; keep one of them'
    )
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "months",
    [
        "nan",
        "inf",
        "-inf",
        "1e999999",
        "1e-999999",
        "0e999999",
        "1201",
        "1200.1",
        "0x1" + "0" * 5000,
    ],
)
@pytest.mark.parametrize(
    ("where", "before", "after"),
    [("columns[1]", "", ""), ("footnotes.a", "[footnotes]\na = { ", " }")],
)
def test_months_that_no_follow_up_lasts_are_refused(
    tmp_path: Path, months: str, where: str, before: str, after: str
) -> None:
    with pytest.raises(EvidenceError) as caught:
        read(tmp_path, f"{TOP}{COLUMN}{before}months = {months}{after}")
    line = str(caught.value)
    assert line.startswith(f"map.toml, {where}.months: ")
    assert "is not a number of months from 0 to 1200; write a number" in line
    assert len(line) < 200


def test_months_up_to_a_hundred_years_are_read(tmp_path: Path) -> None:
    for months in ("0", "1200", "1.2e3", "8.571428571428571"):
        read_months = read(tmp_path, f"{TOP}{COLUMN}months = {months}").columns[0].months
        assert read_months == Decimal(months)


@pytest.mark.parametrize(
    "value", ["9" * 5000, "[" * 3000, "1e99999999999999999999"], ids=["digits", "brackets", "power"]
)
def test_what_python_cannot_parse_is_not_toml_in_one_line(tmp_path: Path, value: str) -> None:
    with pytest.raises(EvidenceError, match=r"^map\.toml: is not TOML \(\w") as caught:
        read(tmp_path, f"{TOP}{COLUMN}months = {value}")
    assert "\n" not in str(caught.value)


def test_a_number_of_thousands_of_digits_in_place_of_text_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"columns\[1\]\.note: is not right") as caught:
        read(tmp_path, f"{TOP}{COLUMN}note = 0x1{'0' * 5000}")
    assert "\n" not in str(caught.value)
