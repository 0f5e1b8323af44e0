"""A design matrix written as a formula, by way of formulaic.

A formula is a piece of program, and may come from a file: it is checked to be made of moderators
and of transformations alone before anything of it is evaluated.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import Floats, raise_any
from secondlook.synthesis.regression.design import INTERCEPT, Columns, Design, Recipe
from secondlook.synthesis.regression.moderators import Moderator

__all__ = ["read_formula"]

_TRANSFORMATIONS = frozenset(
    {"C", "I", "Q", "bs", "cc", "center", "contr", "cr", "cs", "exp", "exp10", "exp2", "log"}
    | {"log10", "log2", "poly", "scale", "standardize"}
)
_PARTS = (
    ast.Expression,
    ast.Call,
    ast.keyword,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.BinOp,
    ast.operator,
    ast.UnaryOp,
    ast.unaryop,
    ast.Compare,
    ast.cmpop,
    ast.List,
    ast.Tuple,
    ast.Dict,
)


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """A formula with what its transformations took from the studies: means, levels, knots."""

    spec: Any
    variables: tuple[str, ...]

    def again(self, moderators: dict[str, Moderator], k: int) -> Floats:
        frame = _frame(moderators, self.variables, k)
        return _floats(_evaluated(self.spec, frame, "predict, moderators"))


@dataclass(frozen=True, slots=True, eq=False)
class _ByFormula:
    """What formulaic reads in a formula."""

    formula: Any
    variables: tuple[str, ...]

    def design(self, moderators: dict[str, Moderator], k: int) -> Design:
        made = _evaluated(self.formula, _frame(moderators, self.variables, k), "regress, formula")
        spec = made.model_spec
        terms = {i: str(term) for term, columns in spec.term_indices.items() for i in columns}
        names = [INTERCEPT if n == "Intercept" else str(n) for n in spec.column_names]
        of = tuple(n if n == INTERCEPT else terms[i] for i, n in enumerate(names))
        columns = Columns(_floats(made), tuple(names), of)
        return Design(columns, self.variables, _Fitted(spec, self.variables).again)


def read_formula(formula: str, moderators: dict[str, Moderator]) -> Recipe:
    """Read a formula such as ``~ year + C(design)``.

    Raises
    ------
    EstimationError
        For a formula that cannot be read, that has a left side or several parts, that names no
        moderator there is, or that holds more than moderators and transformations.
    """
    from formulaic import Formula, SimpleFormula  # type: ignore[import-untyped]
    from formulaic.errors import FormulaicError  # type: ignore[import-untyped]

    where = "regress, formula"
    try:
        if not str(formula).strip():
            raise ValueError("formulaic would take nothing for a formula")
        read = Formula(str(formula))
    except (FormulaicError, SyntaxError, TypeError, ValueError):
        rule, remedy = "cannot be read", "write it like ~ year + C(design)"
        raise EstimationError(Problem(where, str(formula), rule, remedy)) from None
    if not isinstance(read, SimpleFormula):
        rule, remedy = "has more than one side", "write what stands right of the ~ only"
        raise EstimationError(Problem(where, formula, rule, remedy))
    problems = []
    used: dict[str, None] = {}
    for factor in dict.fromkeys(factor for term in read for factor in term.factors):
        for name, problem in _parts(factor, moderators):
            used |= {} if name is None else {name: None}
            problems += [] if problem is None else [Problem(where, *problem)]
    raise_any(problems)
    return _ByFormula(read, tuple(used))


def _parts(
    factor: Any, moderators: dict[str, Moderator]
) -> list[tuple[str | None, tuple[str, str, str] | None]]:
    """Give each moderator a factor of a formula uses, or what is wrong with it."""
    if factor.eval_method.value == "literal":
        return []
    if factor.eval_method.value == "lookup":
        return [_moderator(factor.expr, moderators)]
    quoted = re.findall(r"`([^`]*)`", factor.expr)
    refused = (factor.expr, "is more than moderators and transformations", "compute it beforehand")
    try:
        tree = ast.parse(re.sub(r"`[^`]*`", "0", factor.expr), mode="eval")
    except SyntaxError:
        return [(None, refused)]
    if not all(isinstance(node, _PARTS) or _is_contrast(node) for node in ast.walk(tree)):
        return [(None, refused)]
    called = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    if any(isinstance(f, ast.Name) and f.id not in _TRANSFORMATIONS for f in called):
        return [(None, refused)]
    names = [
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node not in called and node.id != "contr"
    ]
    return [_moderator(name, moderators) for name in dict.fromkeys([*quoted, *names])]


def _is_contrast(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "contr"
        and not node.attr.startswith("_")
    )


def _moderator(
    name: str, moderators: dict[str, Moderator]
) -> tuple[str | None, tuple[str, str, str] | None]:
    if name in moderators:
        return name, None
    remedy = f"use {', '.join(moderators)}" if moderators else "give moderators"
    return None, (name, "is not among the moderators", remedy)


def _frame(moderators: dict[str, Moderator], variables: tuple[str, ...], k: int) -> Any:
    import pandas as pd  # type: ignore[import-untyped]

    columns = {}
    for name in variables:
        one = moderators[name]
        words = one.levels is not None
        columns[name] = pd.Categorical(one.values, categories=one.levels) if words else one.values
    return pd.DataFrame(columns, index=range(k))


def _evaluated(source: Any, frame: Any, where: str) -> Any:
    from formulaic.errors import DataMismatchWarning, FormulaicError

    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", DataMismatchWarning)
            return source.get_model_matrix(frame, context={}, na_action="ignore")
    except DataMismatchWarning as unknown:
        rule, remedy = "is not what the model was fitted to", "use levels the studies have"
        raise EstimationError(Problem(where, str(unknown), rule, remedy)) from None
    except (FormulaicError, ValueError, TypeError, ArithmeticError) as refused:
        rule, remedy = "cannot be evaluated", "check the formula against its moderators"
        first = str(refused).strip().splitlines()
        raise EstimationError(Problem(where, first[0] if first else None, rule, remedy)) from None


def _floats(made: Any) -> Floats:
    return np.asarray(made, dtype=np.float64)
