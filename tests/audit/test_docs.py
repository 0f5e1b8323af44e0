"""The auditor's page cannot drift: a test reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import secondlook as sl
from secondlook.audit import RULES, SLIPS, UNSEEN, Class, Outcome, Severity, State
from secondlook.audit.formats import as_json
from secondlook.cli import Format, app

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    found = re.search(rf"^#+ {title}$(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            if key != "missing":  # its keys are what was missing
                yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def test_the_table_of_rules_is_the_list_of_rules() -> None:
    rows = re.findall(
        r"^\| `([a-z0-9-]+)` \| (\w+) \| (\w+) \| (.+) \|$", section("The rules"), re.MULTILINE
    )
    assert rows == [(r.id, r.kind.value, r.most.value, r.title) for r in RULES]


def test_every_key_of_the_json_is_documented(bundled: sl.Review) -> None:
    audited = bundled.audit()
    consequences = {0: [one.to_dict() for one in bundled.consequences(audited)]}
    content = json.loads(as_json(audited, consequences))
    documented = set(re.findall(r"`(\w+)`", section("JSON")))
    assert set(keys(content)) <= documented


def test_every_slip_every_word_and_every_limit_is_on_the_page() -> None:
    for slip, meaning in SLIPS.items():
        assert f"| `{slip}` | {meaning} |" in PAGE
    for words in UNSEEN:
        assert f"- {words}\n" in PAGE
    for word in (*Severity, *Class, *Outcome):
        assert word.value in PAGE, word
    for state in set(State) - {State.OPEN}:
        assert f"| `{state.value}` |" in section("Deciding")


def test_every_format_and_every_option_is_on_the_page() -> None:
    for style in Format:
        assert f"| `{style.value}` |" in section("Formats and exit status"), style
    command = get_command(app).commands["audit"]  # type: ignore[attr-defined]
    options = {o for p in command.params for o in p.opts if o.startswith("--")}
    assert {option for option in options if option not in PAGE} == set()


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
def test_the_example_in_python_runs(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(code, {})  # noqa: S102 - our own page
    said = capsys.readouterr().out
    assert "191 of 242 is 78.9 %" in said


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", PAGE):
        assert (Path(__file__).parents[2] / "docs" / target).exists(), target
