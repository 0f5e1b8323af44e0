"""Documentation cannot drift: a test reads it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from typer.main import get_command

import secondlook as sl
from secondlook.cli import app
from secondlook.evidence import STATISTICS
from secondlook.evidence.store import PARTS, columns
from secondlook.question import Analysis
from secondlook.report.citations import CITATIONS
from secondlook.synthesis import MEASURES, METHODS

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "secondlook"


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def modules() -> set[str]:
    """Every module as a dotted name below the package; a package stands for its own file."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found.add(".".join(part for part in parts if part != "__init__"))
    return found - {""}


def test_the_architecture_names_every_module_and_nothing_else() -> None:
    named = set(re.findall(r"^\| `([\w.]+)` \|", text("ARCHITECTURE.md"), re.MULTILINE))
    # a package whose parts are not listed one by one is described by its own line
    described = {name for name in named if not any(n.startswith(f"{name}.") for n in named)}
    existing = {
        name for name in modules() if not any(name.startswith(f"{whole}.") for whole in described)
    }
    assert named == existing


def test_the_reference_page_is_what_the_package_says_now() -> None:
    location = importlib.util.spec_from_file_location("build", ROOT / "docs" / "build.py")
    assert location is not None
    assert location.loader is not None
    build = importlib.util.module_from_spec(location)
    location.loader.exec_module(build)
    assert build.reference() == text("docs/reference.md"), "run: make docs"


def test_the_readme_names_every_command_and_every_option() -> None:
    readme = text("README.md")
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        assert f"secondlook {name}" in readme
        for parameter in command.params:
            for option in parameter.opts:
                assert not option.startswith("--") or option in readme, option


def test_the_template_explains_every_column_and_every_statistic() -> None:
    guide = (SOURCE / "examples" / "new-review" / "README.md").read_text(encoding="utf-8")
    for part in PARTS:
        section = guide.partition(f"## evidence/{part}.csv")[2].partition("\n## ")[0]
        for column in columns(part):
            assert f"`{column}`" in section, f"{part}.{column}"
    for statistic in STATISTICS:
        assert f"`{statistic}`" in guide, statistic


def test_the_methods_page_names_every_effect_and_every_method() -> None:
    methods = text("docs/methods.md")
    for name in (*MEASURES, *METHODS):
        assert f"`{name}`" in methods, name


def test_the_plan_takes_exactly_the_effects_and_methods_that_exist() -> None:
    properties = Analysis.model_json_schema()["properties"]
    assert set(properties["effect"]["enum"]) == set(MEASURES)
    assert set(properties["method"]["enum"]) == set(METHODS)
    assert set(properties["method"]["enum"]) - {"common"} <= set(CITATIONS)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"])
def test_every_link_to_a_file_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", text(name)):
        assert (ROOT / target).exists(), target


def test_every_public_name_can_be_imported() -> None:
    for name in sl.__all__:
        assert getattr(sl, name) is not None
    assert dir(sl) == sorted(sl.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sl.nothing
