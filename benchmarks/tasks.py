"""What is timed: tasks and their data, drawn with a fixed seed, the same for every program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ALIKE", "FEW", "Answers", "Columns", "Floats", "Task", "every_task"]

Floats = NDArray[np.float64]
Columns = Mapping[str, Floats]
Answers = Mapping[str, Floats]
"""Numbers by name; programs are compared in the names they share."""

SEED = 20261123
FEW = 500
"""Data sets that suffice to warm up where there are many."""

ALIKE = 6
"""Studies of which every arrangement is gone through, to compare permutation tests exactly."""

SCHOOLS = (4, 4, 5, 4, 11, 3, 4, 8, 4, 4, 5)
"""Effects per study of the three-level model: as many as in Konstantopoulos, 56 in 11."""


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """Something to estimate, its data, and how many rounds of turns are taken."""

    name: str
    title: str
    columns: Columns
    rounds: int

    @property
    def sets(self) -> int:
        """How many data sets there are."""
        first = next(iter(self.columns.values()))
        return len(first) if first.ndim > 1 else 1

    @property
    def few_sets(self) -> int:
        """How many data sets are used to warm up."""
        return min(self.sets, FEW)

    def few(self) -> Columns:
        """Give the first data sets where there are many, else all there is."""
        if self.sets == 1:
            return self.columns
        return {name: values[:FEW] for name, values in self.columns.items()}


def every_task() -> list[Task]:
    """Give every task, in the order in which they are run."""
    small, middling, large = _pools(1, 15), _pools(1, 100), _pools(1, 1000)
    moderated, nested = _moderated(15), _nested()
    return [
        Task("pool-15", "one REML pool, k = 15", small, 9),
        Task("pool-1000", "one REML pool, k = 1000", large, 3),
        Task("paule-mandel-15", "one Paule-Mandel pool, k = 15", small, 9),
        Task("many", "10,000 REML pools, k = 15", _pools(10_000, 15), 3),
        Task("regression", "meta-regression, 1 moderator, k = 15", moderated, 9),
        Task("permutation", "its permutation test, 1000 arrangements", moderated, 5),
        Task("influence-15", "influence of each study, k = 15", small, 7),
        Task("influence-100", "influence of each study, k = 100", middling, 5),
        Task("leave-one-out-15", "leave-one-out, k = 15", small, 7),
        Task("leave-one-out-100", "leave-one-out, k = 100", middling, 5),
        Task("proportions", "binomial-normal model, 20 proportions", _proportions(20), 7),
        Task("three-level", "three-level model, 56 effects of 11 studies", nested, 7),
        Task("three-level-intervals", "the same with intervals of both variances", nested, 5),
    ]


def _pools(sets: int, studies: int) -> Columns:
    """Draw from the normal-normal model, tau² a quarter to 40 times the variances."""
    random = np.random.default_rng([SEED, sets, studies])
    vi = random.uniform(0.02, 0.4, (sets, studies))
    tau2 = random.uniform(0.1, 0.8, (sets, 1))
    yi = random.normal(0.3, np.sqrt(vi + tau2))
    return {"yi": yi, "vi": vi} if sets > 1 else {"yi": yi[0], "vi": vi[0]}


def _moderated(studies: int) -> Columns:
    random = np.random.default_rng([SEED, 1, studies, 1])
    moderator, vi = random.normal(size=studies), random.uniform(0.02, 0.4, studies)
    yi = random.normal(0.3 + 0.3 * moderator, np.sqrt(vi + 0.2))
    return {"yi": yi, "vi": vi, "moderator": moderator}


def _proportions(studies: int) -> Columns:
    random = np.random.default_rng([SEED, 2, studies])
    patients = random.integers(20, 200, studies)
    chance = 1 / (1 + np.exp(-random.normal(-1.0, 0.6, studies)))
    events = random.binomial(patients, chance)
    return {"events": events.astype(float), "patients": patients.astype(float)}


def _nested() -> Columns:
    random = np.random.default_rng([SEED, 3])
    study = np.repeat(np.arange(len(SCHOOLS)), SCHOOLS)
    vi = random.uniform(0.01, 0.12, study.size)
    between = random.normal(0, 0.3, len(SCHOOLS))[study]
    yi = 0.2 + between + random.normal(0, np.sqrt(vi + 0.03))
    return {"yi": yi, "vi": vi, "study": study.astype(float)}
