"""The review as a folder on disk, and the order in which its stages run.

The only module that knows both the folder and the stages.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from secondlook.errors import EvidenceError, InputError, Problem
from secondlook.evidence import Evidence, check, read
from secondlook.evidence.store import to_csv
from secondlook.files import replace_bytes
from secondlook.question import Question, read_question

if TYPE_CHECKING:
    from secondlook.audit import AuditReport
    from secondlook.consequences import Consequence
    from secondlook.report import Contents
    from secondlook.synthesis import AnalysisResult, CurveResult

__all__ = ["EXAMPLES", "Review", "example", "new"]

Progress = Callable[[str], None]
"""Is told, in a few words, which stage begins."""

EXAMPLES = ("stage-iv-breast",)
"""The reviews that come with the package."""

_EMPTY = "new-review"


def _silent(_stage: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Review:
    """A review that was opened: its question and its evidence, both checked.

    Attributes
    ----------
    path
        The folder.
    question, evidence
        What is in it.

    Examples
    --------
    >>> import secondlook as sl
    >>> review = sl.example("stage-iv-breast")
    >>> len(review.question.analyses), len(review.evidence.references)
    (9, 59)
    """

    path: Path
    question: Question
    evidence: Evidence

    @classmethod
    def open(cls, path: str | Path) -> Review:
        """Open a review folder.

        Raises
        ------
        InputError
            With every problem of ``review.toml`` and of the evidence, one line each.
        """
        folder = Path(path)
        problems: list[Problem] = []
        try:
            question = read_question(folder / "review.toml")
        except InputError as error:
            problems.extend(error.problems)
        try:
            # without a review.toml this is no review, and the evidence is not missed
            evidence = read(folder / "evidence") if (folder / "review.toml").exists() else None
        except InputError as error:
            problems.extend(error.problems)
        if problems or evidence is None:
            raise InputError(problems)
        return cls(folder, question, evidence)

    def answer(self, progress: Progress = _silent) -> Contents:
        """Carry out the planned analyses and count what is counted; nothing is written.

        Parameters
        ----------
        progress
            Is told which stage begins.

        Raises
        ------
        InputError
            When findings contradict each other and the plan does not say which to take.
        """
        # drawing and table setting take a second to load, and most uses of a review need neither
        from secondlook.consequences import consequences
        from secondlook.report import Contents
        from secondlook.synthesis import assess_certainty, count_studies, count_votes, pool_factors

        progress("audit: the printed numbers")
        audited = self.audit()
        results = self.results(progress)
        progress("count: studies and prognostic statements")
        return Contents(
            question=self.question,
            evidence=self.settled,
            results=results,
            curves=self.curves(progress),
            votes=count_votes(self.settled),
            factor_effects=pool_factors(self.settled),
            certainty=tuple(
                assess_certainty(result, plan)
                for plan in self.question.certainty
                for result in results
                if result.analysis.id == plan.analysis
            ),
            counts=count_studies(self.settled),
            audit=audited,
            consequences=consequences(self.settled, audited, results),
        )

    @cached_property
    def settled(self) -> Evidence:
        """The evidence with the corrected values of resolved discrepancies in place.

        Raises
        ------
        EvidenceError
            When a corrected value is not one that its cell can hold, or there are two for a cell.
        """
        if not any(decision.corrected for decision in self.evidence.audit):
            return self.evidence
        from secondlook.audit import resolve

        settled = resolve(self.evidence)
        problems = check(settled)
        if problems:
            raise EvidenceError(problems)
        return settled

    def results(self, progress: Progress = _silent) -> tuple[AnalysisResult, ...]:
        """Carry out the planned analyses on the settled evidence.

        Raises
        ------
        InputError
            When findings contradict each other and the plan does not say which to take.
        """
        from secondlook.synthesis import analyse

        results = []
        problems: list[Problem] = []
        for plan in self.question.analyses:
            progress(f"pool: {plan.id}")
            try:
                results.append(analyse(self.settled, plan))
            except InputError as error:
                problems.extend(error.problems)
        if problems:
            raise InputError(problems)
        return tuple(results)

    def result(self, name: str) -> AnalysisResult | CurveResult:
        """Carry out one planned analysis or curve synthesis.

        Raises
        ------
        InputError
            When none has this id, or findings contradict each other.
        """
        from secondlook.synthesis import analyse, analyse_curves

        for plan in self.question.curves:
            if plan.id == name:
                return analyse_curves(self.settled, plan)
        return analyse(self.settled, self.question.analysis(name))

    def curves(self, progress: Progress = _silent) -> tuple[CurveResult, ...]:
        """Carry out the planned curve syntheses on the settled evidence.

        Raises
        ------
        InputError
            When findings contradict each other and the plan does not say which to take.
        """
        from secondlook.synthesis import analyse_curves

        results = []
        for plan in self.question.curves:
            progress(f"pool: {plan.id}")
            results.append(analyse_curves(self.settled, plan))
        return tuple(results)

    def consequences(self, audited: AuditReport) -> tuple[Consequence, ...]:
        """Say what each undecided error changes in the pooled results.

        An analysis that cannot be carried out has no pooled result to change, and is passed over.
        """
        from secondlook.consequences import consequences
        from secondlook.synthesis import analyse

        results = []
        for plan in self.question.analyses:
            with suppress(InputError):
                results.append(analyse(self.settled, plan))
        return consequences(self.settled, audited, results)

    def prepare_decisions(self, audited: AuditReport) -> int:
        """Add the open discrepancies to ``evidence/audit.csv``, for a person to decide.

        Returns
        -------
        int
            How many were added; those that are there already stay as they are.

        Raises
        ------
        InputError
            When the review is a bundled one, which stays as it came.
        """
        from secondlook.audit import State
        from secondlook.audit.decisions import to_prepare

        if self.path in map(_bundled, EXAMPLES):
            remedy = "copy it first: secondlook new DIR --from " + self.path.name
            rule = "is a bundled review and stays as it came"
            raise InputError(Problem("--prepare", self.path.name, rule, remedy))
        still_open = (d.verdict for d in audited.discrepancies if d.state is State.OPEN)
        added = to_prepare(still_open, self.evidence.audit)
        evidence = replace(self.evidence, audit=(*self.evidence.audit, *added))
        replace_bytes(self.path / "evidence" / "audit.csv", to_csv(evidence, "audit").encode())
        return len(added)

    def audit(self, progress: Callable[[int, int], None] | None = None) -> AuditReport:
        """Ask every rule of the auditor at every place of the evidence.

        Parameters
        ----------
        progress
            Is told how many studies of how many were looked at.

        Raises
        ------
        EvidenceError
            When a decision corrects a cell to what it cannot hold.
        """
        from secondlook.audit import audit

        _ = self.settled  # a correction that cannot be used is told before anything is printed
        return audit(self.evidence, question=self.question, progress=progress)

    def run(self, out: str | Path | None = None, progress: Progress = _silent) -> Path:
        """Carry the review through to its report.

        Parameters
        ----------
        out
            Folder for report.html, numbers.json, figures/ and tables/; ``out`` in the review's
            own folder when it is not given.
        progress
            Is told which stage begins.

        Returns
        -------
        pathlib.Path
            The report.
        """
        from secondlook.report import write_report

        target = Path(out) if out else self.path / "out"
        if target.exists() and not target.is_dir():
            rule = "is a file, and a folder is needed"
            raise InputError(Problem("out", str(target), rule, "choose another with --out"))
        contents = self.answer(progress)
        return write_report(contents, target, progress)


def example(name: str = EXAMPLES[0]) -> Review:
    """Open a review that comes with the package.

    Raises
    ------
    InputError
        When there is none of this name.

    Examples
    --------
    >>> import secondlook as sl
    >>> sl.example("stage-iv-breast").question.population
    'Women with stage IV breast cancer'
    """
    if name not in EXAMPLES:
        known = ", ".join(EXAMPLES)
        raise InputError(Problem("example", name, "is not a bundled review", f"use one of {known}"))
    return Review.open(_bundled(name))


def new(path: str | Path, *, source: str = "") -> Path:
    """Make the folder of a new review: empty files to fill in, or a copy of a bundled review.

    Parameters
    ----------
    path
        The folder, which must not exist or be empty.
    source
        The name of a bundled review to copy; empty for a blank one.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    InputError
        When something is there already, or there is no such bundled review.
    """
    folder = Path(path).resolve()
    if source and source not in EXAMPLES:
        known = ", ".join(EXAMPLES)
        raise InputError(Problem("new", source, "is not a bundled review", f"use one of {known}"))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        remedy = "choose another name, or empty it first"
        raise InputError(Problem("new", str(path), "is already there and not empty", remedy))
    # made beside its place and renamed into it, so that an interruption leaves no half review
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent)) / folder.name
    try:
        shutil.copytree(_bundled(source or _EMPTY), building)
        if folder.exists():
            for child in building.iterdir():
                child.rename(folder / child.name)
        else:
            building.rename(folder)
    finally:
        shutil.rmtree(building.parent, ignore_errors=True)
    return folder


def _bundled(name: str) -> Path:
    return Path(str(files("secondlook").joinpath("examples", name)))
