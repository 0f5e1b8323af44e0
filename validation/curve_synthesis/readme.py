"""Write what was simulated into the tables of README.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

QUANTITIES = ("S(36)", "S(60)", "median")


def write_readme(folder: Path) -> None:
    """Put the tables between their marks."""
    content = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    path = folder / "README.md"
    text = path.read_text(encoding="utf-8")
    for name in ("main", "choices", "strained"):
        rows = [cell for cell in content["cells"] if cell["table"] == name]
        start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, _, rest = text.partition(start)
        _, _, after = rest.partition(end)
        text = f"{before}{start}\n{table(rows)}\n{end}{after}"
    path.write_text(text, encoding="utf-8")


def table(cells: list[dict[str, Any]]) -> str:
    """One line for each cell."""
    heads = ["truth", "fitted", "reporting", "k"]
    for name in QUANTITIES:
        heads += [f"{name} bias", "SE", "cover"]
    heads += ["predicts", "remarks", "ms"]
    lines = ["| " + " | ".join(heads) + " |", "|---|---|---|" + "---:|" * 11 + "---|---:|"]
    lines += ["| " + " | ".join(line(cell)) + " |" for cell in cells]
    return "\n".join(lines)


def line(cell: dict[str, Any]) -> list[str]:
    """The cells of a line."""
    world = cell["world"]
    truth = world["family"]
    if world["tau_shape"]:
        truth += ", shapes vary"
    if world["last_follow_up"] < 150:
        truth += ", short follow-up"
    if not world["tau_factor"]:
        truth += ", equal studies"
    fitted = cell["family"]
    if cell["table"] == "choices":
        fitted = f"{cell['within']}, {cell['method']}"
    found = [truth, fitted, world["reporting"], str(cell["k"])]
    for name in QUANTITIES:
        one = cell["quantities"][name]
        found += [
            f"{one['bias']:+.1f} ({one['empirical_standard_error'] / one['n'] ** 0.5:.1f})",
            f"{one['empirical_standard_error']:.1f}",
            f"{100 * one['coverage']:.1f}",
        ]
    said = ", ".join(f"{name} {100 * share:.0f} %" for name, share in cell["said"].items())
    found += [f"{100 * cell['prediction_coverage']:.1f}", said, f"{cell['milliseconds']:.0f}"]
    return found


if __name__ == "__main__":
    write_readme(Path(__file__).parent)
