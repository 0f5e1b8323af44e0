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
