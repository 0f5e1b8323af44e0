"""The tasks done by metafor in R, which is timed inside R."""

from __future__ import annotations

import csv
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.tasks import ALIKE, Answers, Task

__all__ = ["Metafor", "MetaforCall", "metafor"]

SCRIPT = Path(__file__).with_suffix(".R")

CALLS: Mapping[str, Sequence[tuple[str, str]]] = {
    "pool-15": [("pool", "`rma`"), ("pool_further", "`rma` + `confint` + `predict`")],
    "pool-1000": [("pool", "`rma`"), ("pool_further", "`rma` + `confint` + `predict`")],
    "paule-mandel-15": [("paule_mandel", '`rma(method="PM")`')],
    "many": [("each", "`rma`, one by one")],
    "regression": [("regression", "`rma(mods=)`")],
    "permutation": [("permutation", "`rma(mods=)` + `permutest`")],
    "influence-15": [("influence", "`rma` + `influence`")],
    "influence-100": [("influence", "`rma` + `influence`")],
    "leave-one-out-15": [("leave_one_out", "`rma` + `leave1out`")],
    "leave-one-out-100": [("leave_one_out", "`rma` + `leave1out`")],
    "proportions": [("proportions", '`rma.glmm(measure="PLO")`')],
    "three-level": [("three_level", "`rma.mv`")],
    "three-level-intervals": [("three_level_intervals", "`rma.mv` + `confint`")],
}
"""By task, the names of calls in the script and what they are."""


class Metafor:
    """A running R that answers one line at a time."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process, self.folder = process, folder
        self.title = self._answer()

    def ask(self, *words: object) -> str:
        """Send one line and read one."""
        if self.process.stdin:
            self.process.stdin.write(" ".join(map(str, words)) + "\n")
            self.process.stdin.flush()
        return self._answer()

    def numbers(self, *words: object) -> Answers:
        """Have numbers written, and read them."""
        file = self.folder / "answers"
        self.ask(*words, file)
        with file.open(newline="") as lines:
            head, *rows = csv.reader(lines)
        columns = np.array(rows, dtype=float).T
        return dict(zip(head, columns, strict=True))

    def calls(self, task: Task) -> list[MetaforCall]:
        """Give what metafor can do of a task."""
        return [MetaforCall(self, call, way) for call, way in CALLS.get(task.name, ())]

    def _answer(self) -> str:
        line = self.process.stdout.readline().strip() if self.process.stdout else ""
        if not line:
            raise RuntimeError("R stopped; what it said stands above")
        return line


@dataclass(frozen=True, slots=True)
class MetaforCall:
    """A task done by a function of R."""

    r: Metafor
    call: str
    way: str
    program: str = "metafor"

    @property
    def by_chance(self) -> bool:
        """Whether the answer is another each time."""
        return self.call == "permutation"

    def warm_up(self, task: Task) -> None:
        """Do it once, on the first data sets where there are many."""
        self.r.ask("warm", self.call, task.name, task.few_sets)

    def seconds(self, task: Task, repeats: int) -> float:
        """Do it a few times: seconds each."""
        return float(self.r.ask("time", self.call, task.name, repeats))

    def answers(self, task: Task) -> Answers:
        """Give what the last time answered, or what is not left to chance."""
        if self.by_chance:
            return self.driven_on(task)
        return self.r.numbers("answers", self.call, task.name)

    def driven_on(self, task: Task) -> Answers:
        """Give answers with the iterations driven on, of the first data sets where many."""
        return self.r.numbers("on", self.call, task.name, task.few_sets, ALIKE)


@contextmanager
def metafor(tasks: Sequence[Task]) -> Iterator[Metafor | None]:
    """Start R with the data of every task; None if R or metafor is not here."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for task in tasks:
            for name, values in task.columns.items():
                file = folder / f"{task.name}.{name}.csv"
                np.savetxt(file, values, delimiter=",", fmt="%.17g")
        process = subprocess.Popen(  # noqa: S603 - our own script, by its full path
            [rscript, str(SCRIPT), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                found = Metafor(process, folder)
            except RuntimeError:
                found = None
            yield found
            if process.stdin:
                process.stdin.close()
