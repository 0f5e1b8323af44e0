"""The budgets of the house: small files, small functions, no cycles, a quick import."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp

SOURCE = Path(__file__).parents[1] / "src" / "secondlook"
MODULES = sorted(SOURCE.rglob("*.py"))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function of a file and its length without its docstring."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            documented = ast.get_docstring(node, clean=False)
            length = node.end_lineno - node.lineno + 1
            yield node.name, length - (documented.count("\n") + 1 if documented else 0)


def test_no_file_is_longer_than_400_lines() -> None:
    lengths = {path.name: path.read_text(encoding="utf-8").count("\n") for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_no_function_is_longer_than_60_lines() -> None:
    long = {
        f"{path.relative_to(SOURCE)}:{name}": length
        for path in MODULES
        for name, length in functions(path)
        if length > 60
    }
    assert long == {}


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = grimp.build_graph("secondlook")
    circles = [
        module
        for module in sorted(graph.modules)
        for neighbour in graph.find_modules_directly_imported_by(module)
        if graph.chain_exists(importer=neighbour, imported=module)
    ]
    assert circles == []


def test_no_folder_has_a_name_that_says_nothing() -> None:
    names = {part for path in MODULES for part in path.relative_to(SOURCE).with_suffix("").parts}
    assert names & {"utils", "util", "core", "common", "helpers", "misc", "base"} == set()


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = ["matplotlib", "pandas", "scipy.stats", "numba", "polars", "great_tables", "pydantic"]
    program = (
        f"import json, sys, secondlook; print(json.dumps([m for m in {heavy} if m in sys.modules]))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert json.loads(printed.stdout) == []


def test_pooling_loads_no_statistics_package_and_no_drawing() -> None:
    heavy = ["matplotlib", "pandas", "scipy.stats", "numba", "great_tables"]
    program = (
        "import json, sys, secondlook as sl; sl.synthesis.pool([0.1, 0.2], [1, 1]);"
        f"print(json.dumps([m for m in {heavy} if m in sys.modules]))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert json.loads(printed.stdout) == []
