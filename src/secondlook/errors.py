"""One tree of errors, and the one sentence each of them prints.

::

    SecondlookError
    └── InputError              what the user wrote can be mended (exit status 2)
        ├── QuestionError       in review.toml
        ├── EvidenceError       in the evidence folder or in a table read from outside
        └── EstimationError     in numbers handed to a calculating function

An :class:`InputError` carries every problem that was found, not only the first, so that a file
is mended in one pass. Each :class:`Problem` is one line: where, what stands there, which rule it
breaks and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "EstimationError",
    "EvidenceError",
    "InputError",
    "Problem",
    "QuestionError",
    "SecondlookError",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in what the user gave, and how to mend it.

    Parameters
    ----------
    where
        The file and the place in it, as a person would say it: ``findings.csv, row 12, column n``.
    value
        What stands there, or None where nothing stands.
    rule
        What must hold, as a clause that follows the value: ``is not a percent from 0 to 100``.
    remedy
        What to do, as an imperative.

    Examples
    --------
    >>> print(Problem("findings.csv, row 3, column n", "0", "is not positive", "correct it"))
    findings.csv, row 3, column n: "0" is not positive; correct it
    """

    where: str
    value: str | None
    rule: str
    remedy: str

    def __str__(self) -> str:
        shown = "" if self.value is None else f'"{_shortened(self.value)}" '
        line = f"{self.where}: {shown}{self.rule}; {self.remedy}"
        # control characters and line breaks, wherever they come from, would tear the one line
        return "".join(c if c.isprintable() else " " for c in line)


def _shortened(value: str, longest: int = 60) -> str:
    return value if len(value) <= longest else value[: longest - 1] + "…"


class SecondlookError(Exception):
    """The root: catching it catches everything this package raises on purpose."""


class InputError(SecondlookError):
    """Something the user wrote can be mended; carries all that was found."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (
            (problems,) if isinstance(problems, Problem) else tuple(problems)
        )
        # an exception is copied, also to another process, by calling its class on its arguments
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class QuestionError(InputError):
    """review.toml does not state a question that can be run."""


class EvidenceError(InputError):
    """An evidence file, or a table read from outside, breaks a rule."""


class EstimationError(InputError):
    """Numbers handed to a calculating function cannot be what they are said to be."""
