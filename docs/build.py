"""Write docs/reference.md and the figure of the README from the package itself."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import typer
from typer.main import get_command

import secondlook as sl
from secondlook.cli import app
from secondlook.report.figure_files import save
from secondlook.report.forest import forest

DOCS = Path(__file__).parent
FIGURE = "hepatic-5-year-survival"


def first_paragraph(entry: object) -> str:
    """The first paragraph of a docstring, on one line."""
    text = inspect.getdoc(entry) or ""
    return " ".join(text.split("\n\n")[0].split())


def signature(name: str, entry: object) -> str:
    """A name with its parameters, without their types."""
    if not callable(entry):
        return name
    try:
        names = [
            f"{parameter.name}=" if parameter.default is not parameter.empty else parameter.name
            for parameter in inspect.signature(entry).parameters.values()
        ]
    except ValueError:
        return name
    return f"{name}({', '.join(names)})"


def python_lines() -> list[str]:
    """Every public name, by module, with its first sentence."""
    lines = ["## Python", ""]
    for module, prefix in (
        (sl, "sl"),
        (sl.synthesis, "sl.synthesis"),
        (sl.audit, "sl.audit"),
        (sl.evidence, "sl.evidence"),
        (sl.question, "sl.question"),
        (sl.errors, "sl.errors"),
    ):
        lines += [f"### `{prefix}`", "", first_paragraph(module), ""]
        for name in module.__all__:
            entry = getattr(module, name)
            if inspect.ismodule(entry):
                continue
            shown = (
                signature(f"{prefix}.{name}", entry)
                if inspect.isroutine(entry)
                else f"{prefix}.{name}"
            )
            plain = isinstance(entry, str | tuple | dict)
            lines.append(f"- `{shown}`" + ("" if plain else f": {first_paragraph(entry)}"))
            if inspect.isclass(entry):
                lines += field_lines(entry)
                lines += method_lines(entry)
        lines.append("")
    return lines


def field_lines(entry: type) -> list[str]:
    """The fields of a record, on one line."""
    names = getattr(entry, "model_fields", None)
    if names is None and is_dataclass(entry):
        names = [field.name for field in fields(entry)]
    shown = ", ".join(f"`{name}`" for name in names or ())
    return [f"  - fields: {shown}"] if shown else []


def method_lines(entry: type) -> list[str]:
    """The documented methods and properties of a class."""
    found = []
    for name, member in vars(entry).items():
        function = member.fget if isinstance(member, property) else member
        function = getattr(function, "__func__", function)
        if name.startswith("_") or not inspect.isfunction(function) or not function.__doc__:
            continue
        shown = f".{name}" if isinstance(member, property) else signature(f".{name}", function)
        found.append(
            f"  - `{shown.replace('self, ', '').replace('self', '').replace('cls, ', '')}`: "
            f"{first_paragraph(function)}"
        )
    return found


def command_lines() -> list[str]:
    """Every command with its arguments and options."""
    lines = ["## Command line", ""]
    group = get_command(app)
    context = typer.Context(group, info_name="secondlook")
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        lines += [f"### `secondlook {name}`", "", command.help or "", ""]
        for parameter in command.get_params(context):
            record = parameter.get_help_record(context)
            if record is not None and "--help" not in record[0]:
                lines.append(f"- `{record[0]}`: {re.sub(r' +', ' ', record[1])}")
        lines.append("")
    return lines


def reference() -> str:
    """The whole reference page."""
    head = ["# Reference", "", "Made by `make docs` from the package itself.", ""]
    return "\n".join([*head, *command_lines(), *python_lines()]).rstrip() + "\n"


def main() -> None:
    """Write the page and the figure."""
    (DOCS / "reference.md").write_text(reference(), encoding="utf-8")
    review = sl.example()
    result = sl.synthesis.analyse(review.evidence, review.question.analysis(FIGURE))
    for path in save(forest(result), DOCS, FIGURE):
        if path.suffix != ".png":
            path.unlink()


if __name__ == "__main__":
    main()
