"""What changed in the answers since an earlier report, and which rows of the evidence did it.

An analysis is known by a fingerprint of its plan and of the rows it looked at. Where that is the
same, so is the answer; where it is not, each changed row is put back by itself, to see what it did.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any, Literal

import numpy as np

from secondlook.errors import InputError
from secondlook.synthesis.analysis_result import AnalysisResult
from secondlook.synthesis.measures import Interval, Measured
from secondlook.synthesis.pooling import pool

__all__ = ["Change", "RowChange", "changes_since", "fingerprint"]

Kind = Literal["new", "dropped", "evidence", "plan", "plan and evidence", "program"]
_SAME = 1e-9
"""Relative difference below which two answers are one answer computed on two machines."""


@dataclass(frozen=True, slots=True)
class RowChange:
    """One study whose row is not what it was.

    Attributes
    ----------
    study, label
        The study.
    before, after
        What the row said: its arms as printed with their numbers of patients, or why it was not
        pooled; empty where the analysis did not look at the study.
    undone
        The pooled answer of now with this row as it was before, on the reader's scale; None where
        that cannot be computed, or the plan changed too.
    """

    study: str
    label: str
    before: str
    after: str
    undone: Interval | None


@dataclass(frozen=True, slots=True)
class Change:
    """What changed in one analysis.

    Attributes
    ----------
    id, title, unit
        The analysis.
    kind
        ``new``, ``dropped``, ``evidence``, ``plan``, ``plan and evidence``; ``program`` where both
        are as before and the answer is not.
    before, after
        The pooled answers; None where there was or is none.
    plan
        Keys of the plan that changed, each with its two values.
    rows
        Studies whose rows changed, in the order of the evidence.
    """

    id: str
    title: str
    unit: str
    kind: Kind
    before: Interval | None
    after: Interval | None
    plan: tuple[str, ...] = ()
    rows: tuple[RowChange, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Change:
        """Read what :meth:`to_dict` gave."""
        rows = tuple(
            RowChange(**{**row, "undone": _interval(row["undone"])}) for row in plain["rows"]
        )
        ends = {name: _interval(plain[name]) for name in ("before", "after")}
        return cls(**{**plain, **ends, "plan": tuple(plain["plan"]), "rows": rows})


def fingerprint(result: AnalysisResult) -> str:
    """Name an analysis by its plan and the rows it looked at, whether pooled or not.

    Returns
    -------
    str
        A SHA-256, the same wherever and whenever it is computed.

    Examples
    --------
    >>> import secondlook as sl
    >>> review = sl.example("stage-iv-breast")
    >>> plan = review.question.analysis("hepatic-5-year-survival")
    >>> name = fingerprint(sl.synthesis.analyse(review.evidence, plan))
    >>> len(name), name == fingerprint(sl.synthesis.analyse(review.evidence, plan))
    (64, True)
    """
    return _fingerprint(result.to_dict())


def changes_since(
    earlier: Sequence[Mapping[str, Any]], results: Sequence[AnalysisResult]
) -> tuple[Change, ...]:
    """Say what changed in each analysis.

    Parameters
    ----------
    earlier
        The analyses of the earlier report, each as :meth:`.AnalysisResult.to_dict` gave it.
    results
        The analyses of now.

    Returns
    -------
    tuple of Change
        One for each analysis that is not what it was, those of now first; empty when nothing
        changed.

    Notes
    -----
    The answers with one row put back do not add up to the whole change: rows weigh differently in
    different company, and the between-study variance changes with each.
    """
    known = {str(plain["id"]): plain for plain in earlier}
    found = []
    for result in results:
        before = known.pop(result.analysis.id, None)
        change = _new(result) if before is None else _change(before, result)
        if change is not None:
            found.append(change)
    for plain in known.values():
        gone, title, unit = str(plain["id"]), str(plain["title"]), str(plain["unit"])
        found.append(Change(gone, title, unit, "dropped", _interval(plain["shown"]), None))
    return tuple(found)


def _fingerprint(plain: Mapping[str, Any]) -> str:
    rows = [
        {"study": row["study"], "arms": row["arms"], "reason": row["reason"]}
        for row in plain["rows"]
    ]
    content = {"plan": plain["plan"], "rows": rows}
    return sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _new(result: AnalysisResult) -> Change:
    plan = result.analysis
    return Change(plan.id, plan.title, result.unit, "new", None, result.shown)


def _change(before: Mapping[str, Any], result: AnalysisResult) -> Change | None:
    after = json.loads(json.dumps(result.to_dict()))
    old, new = _interval(before["shown"]), result.shown
    names = dict.fromkeys((*before["plan"], *after["plan"]))
    plan = tuple(
        f"{name}: {_written(before['plan'].get(name))} → {_written(after['plan'].get(name))}"
        for name in names
        if before["plan"].get(name) != after["plan"].get(name)
    )
    rows = _rows(before, after, None if plan else result)
    kind: Kind
    if plan:
        kind = "plan and evidence" if rows else "plan"
    elif rows:
        kind = "evidence"
    elif _apart(old, new):
        kind = "program"
    else:
        return None
    title, unit = result.analysis.title, result.unit
    return Change(result.analysis.id, title, unit, kind, old, new, plan, rows)


def _rows(
    before: Mapping[str, Any], after: Mapping[str, Any], result: AnalysisResult | None
) -> tuple[RowChange, ...]:
    old = {row["study"]: row for row in before["rows"]}
    new = {row["study"]: row for row in after["rows"]}
    found = []
    for key in dict.fromkeys((*new, *old)):
        was, now = old.get(key), new.get(key)
        if _says(was) == _says(now):
            continue
        label = str((now or was or {}).get("label") or key)
        undone = None if result is None else _undone(result, key, was)
        found.append(RowChange(key, label, _says(was), _says(now), undone))
    return tuple(found)


def _says(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return ""
    arms = [
        (f"{arm['printed']}" or "nothing printed") + ("" if arm["n"] is None else f", n {arm['n']}")
        for arm in row["arms"]
    ]
    said = " against ".join(arms)
    return f"{said} (not pooled: {row['reason']})" if row["reason"] else said


def _undone(result: AnalysisResult, key: str, was: Mapping[str, Any] | None) -> Interval | None:
    """The answer of now with one row as it was."""
    measured = result.measured
    if measured is None:
        return None
    rows = [(r.study.key, r.yi, r.vi, _size(a.n for a in r.arms)) for r in result.pooled_rows]
    at = next((index for index, row in enumerate(rows) if row[0] == key), len(rows))
    put = []
    if was is not None and was["yi"] is not None:
        put = [(key, was["yi"], was["vi"], _size(arm["n"] for arm in was["arms"]))]
    rows[at : at + 1] = put
    if not rows:
        return None
    names, yi, vi, sizes = zip(*rows, strict=True)
    effects = replace(
        measured.effects,
        yi=np.array(yi, dtype=float),
        vi=np.array(vi, dtype=float),
        names=names,
        asymmetry=None,
        sample_sizes=None if measured.effects.sample_sizes is None else np.array(sizes),
    )
    plan = result.analysis
    try:
        pooled = pool(effects.yi, effects.vi, method=plan.method, test=plan.test, names=names)
    except InputError:
        return None
    return Measured(effects, (), measured.factor).interval(pooled.estimate, pooled.interval)


def _size(sizes: Iterable[float | None]) -> float:
    return next((float(n) for n in sizes if n is not None), float("nan"))


def _apart(old: Interval | None, new: Interval | None) -> bool:
    if old is None or new is None:
        return old is not new
    was, now = np.array([*asdict(old).values()]), np.array([*asdict(new).values()])
    return bool(np.any(np.abs(was - now) > _SAME * np.maximum(np.abs(was), np.abs(now))))


def _interval(plain: Mapping[str, float] | None) -> Interval | None:
    if plain is None:
        return None
    return Interval(float(plain["estimate"]), float(plain["low"]), float(plain["high"]))


def _written(value: object) -> str:
    return (
        "not set" if value is None or value == "" or value == [] else json.dumps(value).strip('"')
    )
