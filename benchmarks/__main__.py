"""Time pooling here and in other programs, in one run: ``make bench``.

``python -m benchmarks --write`` also puts the tables into benchmarks/README.md. Every task is done
by all programs on the same data with the same method, by turns, so that whatever else the machine
does falls on all of them; what they answer is compared in the same run.
"""

from __future__ import annotations

import argparse
import os
import platform
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

from benchmarks.metafor import Metafor, metafor
from benchmarks.ours import ours
from benchmarks.python_peers import py_meta_analysis, pymare, statsmodels
from benchmarks.tables import Measured, page
from benchmarks.tasks import Task, every_task
from benchmarks.turns import Call, Contestant, difference, take_turns
from rich.console import Console

PAGE = Path(__file__).with_name("README.md")
MARK = "<!-- What follows is written by: python -m benchmarks --write -->"
PYTHON_PEERS: Mapping[str, Callable[[], Mapping[str, list[Call]]]] = {
    "PyMARE": pymare,
    "PyMetaAnalysis": py_meta_analysis,
    "statsmodels": statsmodels,
}
console = Console(highlight=False, soft_wrap=True, markup=False)


def _python_peers() -> dict[str, Mapping[str, list[Call]]]:
    """Load the other Python programs that are here."""
    found = {}
    for name, load in PYTHON_PEERS.items():
        try:
            found[name] = load()
        except ImportError as reason:
            console.print(f"Going on without {name}: {reason}")
    return found


def _measure(task: Task, first: Call, others: Sequence[Call], r: Metafor | None) -> Measured:
    console.print(task.title)
    in_r = r.calls(task) if r else []
    contestants: list[Contestant] = [first, *in_r, *others]
    timed = take_turns(task, contestants)
    mine = first.answers(task)
    iterated = [call for call in in_r if not call.by_chance]
    left = {call.way: difference(mine, call.driven_on(task))[0] for call in iterated}
    return Measured(task, timed, left)


def _circumstances(r: Metafor | None, peers: Sequence[str], busy: float) -> str:
    """Say when, where and with which versions it was measured."""
    names = ["secondlook", "numpy", "scipy", *peers]
    versions = [f"{name} {version(name)}" for name in names] + ([r.title] if r else [])
    cores = os.cpu_count()
    return (
        f"{datetime.now(UTC).date()}, {cores} cores of which other work kept {busy:.1f} busy when "
        f"it began. Python {platform.python_version()}, {', '.join(versions)}."
    )


def _write(text: str) -> None:
    before, mark, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    if not mark:
        raise SystemExit(f"{PAGE.name} has lost the line {MARK}")
    PAGE.write_text(f"{before}{MARK}\n\n{text}", encoding="utf-8")
    console.print(f"Written to {PAGE.name}")


def _asked() -> argparse.Namespace:
    names = [task.name for task in every_task()]
    parser = argparse.ArgumentParser(prog="benchmarks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--write", action="store_true", help="put the tables into the README")
    parser.add_argument("--only", nargs="+", choices=names, metavar="TASK", help=", ".join(names))
    asked = parser.parse_args()
    if asked.write and asked.only:
        parser.error("--write needs every task: leave out --only")
    return asked


def main() -> None:
    """Time every task and print the tables."""
    asked = _asked()
    tasks = [task for task in every_task() if not asked.only or task.name in asked.only]
    warnings.simplefilter("ignore")  # other programs' warnings are theirs
    started, busy = perf_counter(), os.getloadavg()[0]
    mine, peers = ours(), _python_peers()
    with metafor(tasks) as r:
        if r is None:
            console.print("Going on without metafor: Rscript or the package is not here")
        measured = []
        for task in tasks:
            others = [call for calls in peers.values() for call in calls.get(task.name, ())]
            measured.append(_measure(task, mine[task.name], others, r))
        names = [*(["metafor"] if r else []), *peers]
        text = f"{_circumstances(r, list(peers), busy)}\n\n{page(measured, names)}"
    console.print(f"\n{text}")
    console.print(f"{perf_counter() - started:.0f} s")
    if asked.write:
        if len(names) <= len(PYTHON_PEERS):
            raise SystemExit("Not written: a program is missing")
        _write(text)


if __name__ == "__main__":
    main()
