"""The grid of reference values is as wide as the README says, and every topic is compared."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "validation" / "metafor"
SUMMARY: dict[str, Any] = runpy.run_path(str(FOLDER / "summary.py"))
TOPICS: tuple[str, ...] = tuple(SUMMARY["TOPICS"])


def test_there_are_150_cases_over_25_published_data_sets() -> None:
    cases = {topic: SUMMARY["pinned"](topic) for topic in TOPICS}
    names = {name for found in cases.values() for name in SUMMARY["data_sets"](found)}
    assert sum(map(len, cases.values())) >= 150
    assert len(names) >= 25


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_has_its_numbers_and_a_test_that_holds_them(topic: str) -> None:
    assert SUMMARY["pinned"](topic)
    texts = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]
    assert any(f'"{topic}.py"' in text for text in texts)


def test_no_file_of_reference_values_is_compared_with_nothing() -> None:
    pinned = {path.name for topic in TOPICS for path in SUMMARY["files"](topic)}
    assert {path.name for path in FOLDER.glob("*.json")} == pinned
