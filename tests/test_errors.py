from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.errors import (
    EstimationError,
    EvidenceError,
    InputError,
    Problem,
    QuestionError,
    SecondlookError,
)

ANYTHING = st.text()
PROBLEM = st.builds(Problem, ANYTHING, st.none() | ANYTHING, ANYTHING, ANYTHING)


@pytest.mark.parametrize("kind", [QuestionError, EvidenceError, EstimationError])
def test_every_mistake_of_a_user_is_caught_by_one_name(kind: type[InputError]) -> None:
    with pytest.raises(SecondlookError) as caught:
        raise kind(Problem("here", "5", "is wrong", "mend it"))
    assert isinstance(caught.value, InputError)
    assert str(caught.value) == 'here: "5" is wrong; mend it'


@given(PROBLEM)
def test_a_problem_is_one_printable_line_whatever_it_quotes(problem: Problem) -> None:
    assert str(problem).isprintable()


def test_where_nothing_stands_nothing_is_quoted() -> None:
    assert str(Problem("here", None, "is missing", "add it")) == "here: is missing; add it"
    assert str(Problem("here", "", "is empty", "fill it")) == 'here: "" is empty; fill it'


def test_a_long_value_is_cut_and_marked_as_cut() -> None:
    whole, cut = (str(Problem("here", "x" * n, "is long", "cut it")) for n in (60, 61))
    assert f'"{"x" * 60}"' in whole
    assert f'"{"x" * 59}…"' in cut


@given(st.lists(PROBLEM, max_size=4))
def test_an_error_has_one_line_for_each_of_its_problems(problems: list[Problem]) -> None:
    error = EvidenceError(problem for problem in problems)
    assert error.problems == tuple(problems)
    assert str(error) == "\n".join(str(problem) for problem in problems)


@given(st.lists(PROBLEM, min_size=1, max_size=3))
def test_an_error_survives_being_copied_and_sent_elsewhere(problems: list[Problem]) -> None:
    error = QuestionError(problems)
    for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301
        assert type(other) is QuestionError
        assert other.problems == error.problems
