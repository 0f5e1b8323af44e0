"""Time one pool and many pools, here and in other programs, in one run: ``make bench``.

Everything is REML with the Hartung-Knapp interval, never narrower than the t interval. Programs
take turns within each round, so that whatever else the machine does falls on all of them.
"""

from __future__ import annotations

import importlib
import platform
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from secondlook.synthesis import pool

Floats = NDArray[np.float64]
console = Console(highlight=False, soft_wrap=True, width=130)
HERE = Path(__file__).parent
SEED = 20261123
CHECKED = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """Data sets of one size, one per row, and how often they are pooled."""

    title: str
    yi: Floats
    vi: Floats
    rounds: int


@dataclass(frozen=True, slots=True)
class Program:
    """A way to pool: seconds per pool for a task, the tasks it runs, repeats within a round."""

    title: str
    seconds: Callable[[str, int], float]
    repeats: dict[str, int]


def draw(sets: int, studies: int) -> tuple[Floats, Floats]:
    """Draw data sets from the normal-normal model, tau² a half to four times the variances."""
    random = np.random.default_rng([SEED, sets, studies])
    vi = random.uniform(0.02, 0.4, (sets, studies))
    tau2 = random.uniform(0.1, 0.8, (sets, 1))
    return random.normal(0.3, np.sqrt(vi + tau2)), vi


def all_tasks() -> dict[str, Task]:
    """Give the three tasks."""
    return {
        "small": Task("one data set, k = 15", *draw(1, 15), rounds=9),
        "large": Task("one data set, k = 1000", *draw(1, 1000), rounds=7),
        "many": Task("10,000 data sets, k = 15", *draw(10_000, 15), rounds=3),
    }


def one_by_one(
    tasks: dict[str, Task], call: Callable[[Floats, Floats], object], name: str, repeats: int
) -> float:
    """Time a call on each data set in turn: seconds per pool."""
    task = tasks[name]
    started = perf_counter()
    for _ in range(repeats):
        for yi, vi in zip(task.yi, task.vi, strict=True):
            call(yi, vi)
    return (perf_counter() - started) / (repeats * len(task.yi))


class PyMare:
    """PyMARE's REML with the conservative Knapp-Hartung correction, the same as ours."""

    def __init__(self) -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            pymare: Any = importlib.import_module("pymare")
            self.dataset = pymare.Dataset
            self.estimator = pymare.estimators.VarianceBasedLikelihoodEstimator(
                method="REML", small_sample_correction="knapp-hartung-conservative"
            )
            self.everything(*(column[0] for column in draw(1, 15)))
        self.warned = sorted({str(warning.category.__name__) for warning in caught})

    def fit(self, yi: Floats, vi: Floats) -> tuple[Any, dict[str, Floats]]:
        """Fit one data set of shape (k,), or many as columns of (k, sets), with intervals."""
        found = self.estimator.fit(yi, vi, np.ones((len(yi), 1))).summary()
        return found, found.get_fe_stats()

    def everything(self, yi: Floats, vi: Floats) -> tuple[dict[str, Floats], ...]:
        """Fit one data set; add the Q-profile interval of tau² and the heterogeneity."""
        found = self.estimator.fit_dataset(self.dataset(yi, vi)).summary()
        return found.get_fe_stats(), found.get_re_stats(), found.get_heterogeneity_stats()

    def at_once(self, tasks: dict[str, Task], name: str, repeats: int) -> float:
        """Time all data sets in one call: seconds per pool."""
        task = tasks[name]
        started = perf_counter()
        for _ in range(repeats):
            self.fit(task.yi.T, task.vi.T)
        return (perf_counter() - started) / (repeats * len(task.yi))

    def numbers(self, task: Task) -> Floats:
        """Give estimate, interval and tau² of every data set, shape (sets, 4)."""
        found, stats = self.fit(task.yi.T, task.vi.T)
        columns = (stats["est"], stats["ci_l"], stats["ci_u"], found.tau2)
        return np.column_stack([np.ravel(column) for column in columns])


class Metafor:
    """A running R that answers one line at a time."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process, self.folder = process, folder
        self.title = self.answer()
        self.failed: dict[str, int] = {}

    def answer(self) -> str:
        """Read one line."""
        line = self.process.stdout.readline().strip() if self.process.stdout else ""
        if not line:
            raise RuntimeError("R stopped; is the package metafor installed?")
        return line

    def ask(self, *words: object) -> str:
        """Send one line and read one."""
        if self.process.stdin:
            self.process.stdin.write(" ".join(map(str, words)) + "\n")
            self.process.stdin.flush()
        return self.answer()

    def seconds(self, what: str, name: str, repeats: int) -> float:
        """Time a task inside R: seconds per pool."""
        spent, failed = self.ask("time", name, what, repeats).split()
        self.failed[name] = round(float(failed))
        return float(spent)

    def numbers(self, name: str, count: int) -> tuple[Floats, Floats]:
        """Give estimate, interval and tau² as metafor stops by default, and iterated further."""
        self.ask("check", name, count)
        read = np.loadtxt(self.folder / f"{name}-metafor.csv", delimiter=",", ndmin=2)
        return read[:, :4], read[:, 4:]


@contextmanager
def metafor(tasks: dict[str, Task]) -> Iterator[Metafor | None]:
    """Start R with the same data, if it is here."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        console.print("Rscript is not here: going on without metafor")
        yield None
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, task in tasks.items():
            np.savetxt(folder / f"{name}-yi.csv", task.yi, delimiter=",", fmt="%.17g")
            np.savetxt(folder / f"{name}-vi.csv", task.vi, delimiter=",", fmt="%.17g")
        command = [rscript, str(HERE / "pooling.R"), str(folder)]
        process = subprocess.Popen(  # noqa: S603 - our own script, by its full path
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with process:
            try:
                found = Metafor(process, folder)
            except RuntimeError as reason:
                console.print(f"{reason} Going on without metafor")
                found = None
            yield found
            if process.stdin:
                process.stdin.close()


def pymare() -> PyMare | None:
    """Load PyMARE, if it is here and works."""
    try:
        found = PyMare()
    except Exception as reason:  # whatever another program's trouble is, the rest can be timed
        console.print(f"PyMARE does not run here ({reason!r}): going on without it")
        return None
    if found.warned:
        console.print(f"PyMARE {version('pymare')} warned on import: {', '.join(found.warned)}")
    return found


def programs(tasks: dict[str, Task], python: PyMare | None, r: Metafor | None) -> list[Program]:
    """Give every way to pool that is available here, ours first."""
    few = {"small": 100, "large": 10}
    turns = partial(one_by_one, tasks)
    found = [Program("secondlook", partial(turns, pool), {"small": 500, "large": 50, "many": 1})]
    if r is not None:
        slow = {"small": 100, "large": 1}
        found += [
            Program("metafor, rma", partial(r.seconds, "fit"), {**slow, "many": 1}),
            Program("metafor, rma + confint + predict", partial(r.seconds, "all"), slow),
        ]
    if python is not None:
        found += [
            Program("PyMARE, fit + intervals", partial(turns, python.fit), {**few, "many": 1}),
            Program("PyMARE, + tau² interval, Q, I²", partial(turns, python.everything), few),
            Program("PyMARE, one call for all", partial(python.at_once, tasks), {"many": 1}),
        ]
    return found


def ours(task: Task, count: int) -> Floats:
    """Give our estimate, interval and tau² of the first data sets, shape (count, 4)."""
    pairs = zip(task.yi[:count], task.vi[:count], strict=True)
    pooled = [pool(yi, vi) for yi, vi in pairs]
    return np.array([(p.estimate, *p.interval, p.tau2) for p in pooled])


def agreement(tasks: dict[str, Task], python: PyMare | None, r: Metafor | None) -> None:
    """Print the largest difference in estimate, interval and tau²: equal work is what is timed."""
    for name, task in tasks.items():
        count = min(CHECKED, len(task.yi))
        mine = ours(task, count)
        parts = []
        if r is not None:
            default, driven = (
                np.nanmax(np.abs(mine - theirs)) for theirs in r.numbers(name, count)
            )
            parts.append(f"metafor {default:.0e}, {driven:.0e} when its iteration goes to 1e-12")
        if python is not None:
            parts.append(f"PyMARE {np.max(np.abs(mine - python.numbers(task)[:count])):.0e}")
        if parts:
            sets = f" (first {count})" if count < len(task.yi) else ""
            console.print(f"Largest difference, {task.title}{sets}: {'; '.join(parts)}")


def measure(tasks: dict[str, Task], contestants: list[Program]) -> Table:
    """Time every program on every task, taking turns, and set the table."""
    table = Table("task", "program", "median, ms per pool", "min to max", "ratio to secondlook")
    for name, task in tasks.items():
        taking_part = [p for p in contestants if name in p.repeats]
        times: dict[str, list[float]] = {p.title: [] for p in taking_part}
        for number in range(task.rounds + 1):
            step = f"round {number} of {task.rounds}" if number else "warming up"
            console.print(f"{task.title}: {step}")
            for program in taking_part:
                spent = program.seconds(name, program.repeats[name])
                if number:
                    times[program.title].append(1000 * spent)
        base = median(times["secondlook"])
        for title, spent_each in times.items():
            low, middle, high = min(spent_each), median(spent_each), max(spent_each)
            ratio = "1" if title == "secondlook" else f"{middle / base:.2g}"
            table.add_row(task.title, title, f"{middle:.3g}", f"{low:.3g} to {high:.3g}", ratio)
        table.add_section()
    return table


def growth() -> None:
    """Print what one of our pools costs as k grows."""
    parts = []
    for studies in (15, 100, 1000, 10_000):
        yi, vi = (column[0] for column in draw(1, studies))
        spent = []
        for _ in range(15):
            started = perf_counter()
            pool(yi, vi)
            spent.append(1000 * (perf_counter() - started))
        parts.append(f"k = {studies}: {median(spent):.3g} ms")
    console.print(f"One pool by secondlook: {'; '.join(parts)}")


def main() -> None:
    """Check that the answers agree, then time them."""
    tasks = all_tasks()
    python = pymare()
    with metafor(tasks) as r:
        names = [f"{name} {version(name)}" for name in ("secondlook", "numpy", "scipy")]
        names += [f"pymare {version('pymare')}"] if python else []
        names += [r.title] if r else []
        console.print(f"Python {platform.python_version()}, {', '.join(names)}")
        agreement(tasks, python, r)
        table = measure(tasks, programs(tasks, python, r))
        for name, failed in r.failed.items() if r else ():
            if failed:
                console.print(f"metafor did not converge: {failed}, {tasks[name].title}")
    growth()
    console.print(table)


if __name__ == "__main__":
    main()
