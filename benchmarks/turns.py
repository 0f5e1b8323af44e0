"""Timing programs in turns, and comparing what they answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from benchmarks.tasks import Answers, Columns, Task

__all__ = ["Call", "Contestant", "Timed", "difference", "take_turns"]

TURN = 0.1
"""Seconds a turn lasts at least, where MOST repeats are enough for that."""

MOST = 200


class Contestant(Protocol):
    """A way of one program to do one task."""

    @property
    def program(self) -> str:
        """What it is called."""

    @property
    def way(self) -> str:
        """By which of its functions."""

    def warm_up(self, task: Task) -> None:
        """Do it once, on the first data sets where there are many."""

    def seconds(self, task: Task, repeats: int) -> float:
        """Do it a few times: seconds each."""

    def answers(self, task: Task) -> Answers:
        """Give what the last time answered."""


@dataclass(slots=True)
class Call:
    """A task done by a function of Python; what it returns is read outside the time."""

    program: str
    way: str
    run: Callable[[Columns], Any]
    read: Callable[[Any], Answers]
    found: Any = field(default=None, init=False)

    def warm_up(self, task: Task) -> None:
        """Do it once, on the first data sets where there are many."""
        self.run(task.few())

    def seconds(self, task: Task, repeats: int) -> float:
        """Do it a few times: seconds each."""
        started = perf_counter()
        for _ in range(repeats):
            self.found = self.run(task.columns)
        return (perf_counter() - started) / repeats

    def answers(self, task: Task) -> Answers:  # noqa: ARG002 - R needs to know the task
        """Give what the last time answered."""
        return self.read(self.found)


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds of every round, and the largest difference from our answers."""

    program: str
    way: str
    spent: tuple[float, ...]
    difference: float
    unanswered: int

    @property
    def middle(self) -> float:
        """The median of the rounds."""
        return median(self.spent)


def take_turns(task: Task, contestants: Sequence[Contestant]) -> list[Timed]:
    """Time every contestant once a round, each round begun by another; the first is ours."""
    repeats = [_repeats(one, task) for one in contestants]
    spent: list[list[float]] = [[] for _ in contestants]
    for number in range(task.rounds):
        for place in range(len(contestants)):
            turn = (place + number) % len(contestants)
            spent[turn].append(contestants[turn].seconds(task, repeats[turn]))
    answers = [one.answers(task) for one in contestants]
    if not all(np.isfinite(values).all() for values in answers[0].values()):
        raise RuntimeError(f"{task.title}: our answer is not a number")
    return [
        Timed(one.program, one.way, tuple(times), *difference(answers[0], theirs))
        for one, times, theirs in zip(contestants, spent, answers, strict=True)
    ]


def _repeats(one: Contestant, task: Task) -> int:
    """Warm up, and choose how often to repeat within a turn."""
    for _ in range(2):  # the first time also loads what is needed, so the second tells
        started = perf_counter()
        one.warm_up(task)
        spent = (perf_counter() - started) * task.sets / task.few_sets
        if spent > TURN:
            return 1
    return int(np.clip(TURN / max(spent, 1e-9), 1, MOST))


def difference(ours: Answers, theirs: Answers) -> tuple[float, int]:
    """Give the largest difference in what both answer, and how often they have no answer.

    Differences are absolute, and relative for numbers above 1. Of many data sets, one of the two
    may have answered only the first.
    """
    shared = sorted(ours.keys() & theirs.keys())
    if not shared:
        raise RuntimeError(f"nothing to compare: {', '.join(ours)} with {', '.join(theirs)}")
    largest, unanswered = 0.0, 0
    for name in shared:
        mine, their = (np.atleast_1d(np.asarray(one[name], float)) for one in (ours, theirs))
        first = min(mine.size, their.size)
        mine, their = mine[:first], their[:first]
        away = np.abs(mine - their) / np.maximum(1, np.abs(mine))
        unanswered = max(unanswered, int(np.isnan(away).sum()))
        largest = max(largest, float(np.nanmax(away, initial=0.0)))
    return largest, unanswered
