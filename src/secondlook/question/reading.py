"""``review.toml`` read: a mistake is one line with the file, the line, the key and the remedy."""

from __future__ import annotations

import json
import re
import tomllib
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from secondlook.errors import Problem, QuestionError
from secondlook.question.plan import (
    DOMAINS,
    Analysis,
    Baseline,
    Certainty,
    CurvePlan,
    Eligibility,
    Judgement,
    Outcome,
    Question,
    Search,
)

__all__ = ["read_question"]

_TAKEN = {
    "answers", "audit", "audit-coverage", "prognostic-factors", "prognostic-numbers",
    "prognostic-profile", "prognostic-statements", "ranges", "risk-of-bias", "studies-by-site",
    "summary-of-findings",
}  # fmt: skip

_RULES = {
    "tuple_type": "is not a list",
    "string_type": "is not text",
    "string_too_short": "is empty",
    "float_type": "is not a number",
    "model_type": "is not a table of keys",
    "extra_forbidden": "is not a key that is known here",
    "missing": "is missing",
    "string_pattern_mismatch": "is not a short name (a-z, 0-9, single hyphens)",
}


def read_question(path: Path) -> Question:
    """Read ``review.toml``.

    Raises
    ------
    QuestionError
        With every mistake in the file, one line each.
    """
    text = _text(path)
    try:
        content = _lists_to_tuples(tomllib.loads(text))
    except (ValueError, RecursionError) as error:
        # not only tomllib's own error: numbers of many digits, and brackets in brackets in brackets
        remedy = "mend the TOML: text in quotation marks, one key = value a line"
        raise QuestionError(Problem(path.name, None, f"is not TOML ({error})", remedy)) from error
    plan = _plan_problems(_readable_analyses(content), path.name, text)
    try:
        question = Question.model_validate(content)
    except ValidationError as error:
        found = [_problem(detail, path.name, text) for detail in error.errors()]
        raise QuestionError([*found, *plan]) from error
    plan += _curve_problems(question, path.name, text)
    plan += _certainty_problems(question, path.name, text)
    if plan:
        raise QuestionError(plan)
    return question


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        # a path with a NUL in it is a ValueError
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        remedy = "give the folder of a review, or make one with: secondlook new DIR"
        raise QuestionError(
            Problem(str(path), None, f"cannot be read ({reason})", remedy)
        ) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data.count(b"\n", 0, error.start)
        where = f"{path.name}, line {before + 1}"
        raise QuestionError(Problem(where, None, "is not UTF-8", "save it as UTF-8")) from error


def _lists_to_tuples(value: Any) -> Any:
    # strict mode, which keeps "60" from passing as 60, wants tuples where TOML has arrays
    if isinstance(value, dict):
        return {key: _lists_to_tuples(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return tuple(_lists_to_tuples(inner) for inner in value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("a whole number has more than 64 bits")
    return value


def _readable_analyses(content: dict[str, Any]) -> dict[int, Analysis]:
    """The analyses, by position, in which no key is wrong, whatever the rest of the file is."""
    plans = content.get("analyses", ())
    readable = {}
    for index, plan in enumerate(plans if isinstance(plans, tuple) else ()):
        with suppress(ValidationError):
            readable[index] = Analysis.model_validate(plan)
    return readable


def _plan_problems(analyses: dict[int, Analysis], file: str, text: str) -> list[Problem]:
    problems = []
    seen: set[str] = set()
    for index, analysis in analyses.items():
        if analysis.id in seen:
            where = _where(file, text, ("analyses", index, "id"))
            problems.append(Problem(where, analysis.id, "is used twice", "rename one of the two"))
        seen.add(analysis.id)
        if analysis.id in _TAKEN or analysis.id.endswith("-leave-one-out"):
            where = _where(file, text, ("analyses", index, "id"))
            rule = "is a name the report uses itself"
            problems.append(Problem(where, analysis.id, rule, "choose another"))
        if analysis.comparator and analysis.effect in ("survival", "median"):
            where = _where(file, text, ("analyses", index, "comparator"))
            rule = f"has no meaning for the effect {analysis.effect}"
            problems.append(Problem(where, None, rule, "remove it"))
        if analysis.comparator and analysis.comparator == analysis.cohort:
            where = _where(file, text, ("analyses", index, "comparator"))
            rule = "is the cohort itself"
            problems.append(Problem(where, analysis.comparator, rule, "name another"))
        if analysis.months and "survival" not in analysis.effect:
            where = _where(file, text, ("analyses", index, "months"))
            rule = f"has no meaning for the effect {analysis.effect}"
            problems.append(Problem(where, None, rule, "remove it"))
        lacking = analysis.missing_key()
        if lacking:
            key, why = lacking
            where = _where(file, text, ("analyses", index, key))
            rule = f"is missing for the effect {analysis.effect}"
            problems.append(Problem(where, None, rule, f"add it: {why}"))
    return problems


def _curve_problems(question: Question, file: str, text: str) -> list[Problem]:
    seen = {analysis.id for analysis in question.analyses}
    problems = []
    for index, curve in enumerate(question.curves):
        where = _where(file, text, ("curves", index, "id"))
        if curve.id in seen:
            problems.append(Problem(where, curve.id, "is used twice", "rename one of the two"))
        elif curve.id in _TAKEN or curve.id.endswith("-leave-one-out"):
            rule = "is a name the report uses itself"
            problems.append(Problem(where, curve.id, rule, "choose another"))
        seen.add(curve.id)
    return problems


def _certainty_problems(question: Question, file: str, text: str) -> list[Problem]:
    planned = {analysis.id for analysis in question.analyses}
    problems = []
    seen: set[str] = set()
    for index, certainty in enumerate(question.certainty):
        where = _where(file, text, ("certainty", index, "analysis"))
        if certainty.analysis not in planned:
            remedy = f"use one of {', '.join(sorted(planned))}" if planned else "plan one first"
            problems.append(Problem(where, certainty.analysis, "is not a planned analysis", remedy))
        elif certainty.analysis in seen:
            problems.append(
                Problem(where, certainty.analysis, "is used twice", "keep one of the two")
            )
        seen.add(certainty.analysis)
        if certainty.upgrade and not certainty.upgrade_reason:
            where = _where(file, text, ("certainty", index, "upgrade"))
            rule = "has no reason"
            remedy = 'add upgrade_reason = "..."'
            problems.append(Problem(where, str(certainty.upgrade), rule, remedy))
    return problems


def _problem(detail: ErrorDetails, file: str, text: str) -> Problem:
    location = tuple(detail["loc"])
    kind = detail["type"]
    value = detail["input"]
    rule = _RULES.get(kind) or detail["msg"].replace("Input should be", "is not")
    shown = None if kind in ("missing", "extra_forbidden") else _shown(value)
    return Problem(_where(file, text, location), shown, rule, _remedy(kind, location))


def _shown(value: Any) -> str:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    # lists, tables and true nearly as they are written in TOML, where a date has no quotation marks
    return json.dumps(value, ensure_ascii=False, default=str).strip('"')


def _remedy(kind: str, location: tuple[int | str, ...]) -> str:
    key = str(location[-1])
    table = next(part for part in reversed(location) if isinstance(part, str))
    several = table in ("outcomes", "analyses", "curves", "certainty")
    heading = f"[[{table}]]" if several else f"[{table}]"
    if table in DOMAINS:
        heading = f"[certainty.{table}]"
    if kind == "missing":
        return f"add {key} = ..."
    if kind == "extra_forbidden":
        known = list(_model_at(location[:-1]).model_fields)
        near = get_close_matches(key, known, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        return f"{hint}the keys are {', '.join(known)}"
    if kind == "model_type" or heading.startswith("[["):
        return f"head it {heading} and write its keys below"
    if kind == "tuple_type":
        return f"write {key} = [...]"
    return "write it in quotation marks" if kind == "string_type" else "correct the value"


def _model_at(location: tuple[int | str, ...]) -> type[BaseModel]:
    models: dict[str, type[BaseModel]] = {
        "outcomes": Outcome,
        "search": Search,
        "eligibility": Eligibility,
        "analyses": Analysis,
        "certainty": Certainty,
        "curves": CurvePlan,
        "without_treatment": Baseline,
    }
    models.update(dict.fromkeys(DOMAINS, Judgement))
    names = [part for part in location if isinstance(part, str)]
    return models.get(names[-1], Question) if names else Question


def _where(file: str, text: str, location: tuple[int | str, ...]) -> str:
    keys = [part for part in location if isinstance(part, str)]
    return f"{file}, line {_line(text, location)}, key {'.'.join(keys)}"


_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_KEYS = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADING = re.compile(rf"\s*\[\[?\s*({_KEYS})\s*\]\]?\s*")
_ASSIGNMENT = re.compile(rf"\s*({_KEYS})\s*=")
_STRING_OR_COMMENT = re.compile(
    r"""\"{3}(?:\\.|[^\\])*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\#[^\n]*""", re.DOTALL
)


def _line(text: str, location: tuple[int | str, ...]) -> int:
    """Line of a key in a TOML text; where it is not written, of the table it is missing from."""
    wanted = tuple(part for part in location if isinstance(part, str))[:2]
    index = next((part for part in location[1:2] if isinstance(part, int)), None)
    table: tuple[str, ...] = ()
    best, line, seen = 0, 1, -1
    for number, written in enumerate(_without_prose(text).split("\n"), 1):
        heading, assignment = _HEADING.fullmatch(written), _ASSIGNMENT.match(written)
        if heading:
            table = path = _names(heading[1])
            seen += path == wanted[:1]
        elif assignment:
            path = (*table, *_names(assignment[1]))
        else:
            continue
        is_other = index is not None and table[:1] == wanted[:1] and seen != index
        depth = len(path[:2])
        if path[:2] == wanted[:depth] and depth > best and not is_other:
            best, line = depth, number
    return line


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(name.strip("\"'") for name in re.findall(_KEY, dotted))


def _without_prose(text: str) -> str:
    """Take out comments and strings of several lines, which may hold what looks like a key."""

    def kept(found: re.Match[str]) -> str:
        written = found[0]
        is_prose = written[0] == "#" or written[:3] in ('"""', "'''")
        return "\n" * written.count("\n") if is_prose else written

    return _STRING_OR_COMMENT.sub(kept, text)
