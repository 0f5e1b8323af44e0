"""Effects that come in groups, as they are handed to a model: checked once, missing rows aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.multilevel.covariance import KnownCovariance, improper_blocks
from secondlook.synthesis.multilevel.groups import Groups, Labels, read_groups
from secondlook.synthesis.printed_columns import Floats, named, one_list, raise_any
from secondlook.synthesis.study_outcomes import StudyOutcomes, Unit, unit_of

__all__ = ["Basis", "Rows", "orthonormal_basis", "read_rows"]

Covariances = ArrayLike | KnownCovariance | Sequence[ArrayLike]

_DEPENDENT = 1e-11


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Effects that can be used, what they belong to, and which rows were left out.

    Attributes
    ----------
    yi, known
        Effects and their sampling covariance.
    groups
        By name: the studies, and where there are any, the outcomes or effects.
    moderators, columns
        One column per moderator, shape (k, p), and their names.
    names, omitted, positions, given
        What the rows are called, those left out, where the others stood, and how many were given.
    """

    yi: Floats
    known: KnownCovariance
    groups: dict[str, Groups]
    moderators: Floats
    columns: tuple[str, ...]
    names: tuple[str, ...]
    omitted: tuple[str, ...]
    positions: NDArray[np.intp]
    given: int

    def measured(self) -> tuple[Unit, Floats, KnownCovariance]:
        """Give the unit to calculate in, and the effects and their covariance in it."""
        outcomes = StudyOutcomes(self.yi, self.known.variances, self.names, ())
        unit = unit_of(outcomes)
        yi, _ = unit.measured(outcomes)
        return unit, yi, self.known.scaled(-2 * unit.exponent)


def read_rows(
    where: str,
    yi: ArrayLike,
    covariances: Covariances,
    *,
    labels: Mapping[str, Labels],
    moderators: Mapping[str, ArrayLike] | None,
    names: Sequence[str] | None,
) -> Rows:
    """Check effects, their covariance, labels and moderators; leave out rows with a missing value.

    The first of the `labels` is the study, within which sampling errors may be correlated.
    """
    effects = one_list(f"{where}, yi", yi)
    k = effects.size
    groups = {name: read_groups(f"{where}, {name}", given, k) for name, given in labels.items()}
    study = next(iter(groups.values()))
    known = _read_covariances(where, covariances, study, k)
    columns = {
        str(name): one_list(f"{where}, moderator {name}", values)
        for name, values in (moderators or {}).items()
    }
    lengths = {"yi": k} | {f"moderator {name}": c.size for name, c in columns.items()}
    called = _default_names(groups) if names is None else names
    shown = named(where, lengths, called)
    design = np.column_stack(list(columns.values())) if columns else np.empty((k, 0))
    missing = np.isnan(effects) | np.isnan(known.variances) | np.isnan(design).any(axis=1)
    raise_any(_unusable(effects, known.variances, design, shown, missing))
    kept = ~missing
    if not kept.any():
        rule = "is too few to pool"
        raise EstimationError(Problem(where, "no effects", rule, "give at least one"))
    left = {name: group.taken(kept) for name, group in groups.items()}
    sampling = known.taken(kept)
    raise_any(_spanning(where, sampling, left) + improper_blocks(where, sampling, study_of(left)))
    return Rows(
        yi=effects[kept],
        known=sampling,
        groups=left,
        moderators=design[kept],
        columns=tuple(columns),
        names=tuple(name for name, there in zip(shown, kept, strict=True) if there),
        omitted=tuple(name for name, there in zip(shown, kept, strict=True) if not there),
        positions=np.flatnonzero(kept),
        given=k,
    )


def study_of(groups: Mapping[str, Groups]) -> Groups:
    """Give the studies among the groups."""
    return next(iter(groups.values()))


def _default_names(groups: Mapping[str, Groups]) -> list[str]:
    study = study_of(groups)
    if len(groups) > 1:
        inner = list(groups.values())[1]
        return [
            f"{study.labels[s]}, {inner.labels[i]}"
            for s, i in zip(study.of.tolist(), inner.of.tolist(), strict=True)
        ]
    sizes = study.sizes().tolist()
    seen = [0] * len(sizes)
    found = []
    for s in study.of.tolist():
        seen[s] += 1
        label = study.labels[s]
        found.append(label if sizes[s] == 1 else f"{label}, effect {seen[s]}")
    return found


def _unusable(
    effects: Floats,
    variances: Floats,
    design: Floats,
    names: tuple[str, ...],
    missing: NDArray[np.bool_],
) -> list[Problem]:
    problems = []
    for part, broken, rule in (
        ("yi", np.isinf(effects), "is not finite"),
        ("vi", ~((variances > 0) & np.isfinite(variances)), "is not a positive, finite variance"),
        ("moderators", np.isinf(design).any(axis=1), "has an infinite moderator"),
    ):
        values = {"yi": effects, "vi": variances}.get(part)
        for i in np.flatnonzero(broken & ~missing):
            shown = None if values is None else f"{values[i]:g}"
            problems.append(Problem(f"{names[i]}, {part}", shown, rule, "correct or omit it"))
    return problems


def _read_covariances(where: str, given: Covariances, study: Groups, k: int) -> KnownCovariance:
    if isinstance(given, KnownCovariance):
        return _of_length(where, given, k)
    if isinstance(given, np.ndarray) and given.ndim == 2:
        return _from_matrix(where, given, k)
    if isinstance(given, list | tuple) and any(np.ndim(block) == 2 for block in given):
        return _from_blocks(where, given, study, k)
    return _of_length(where, KnownCovariance(one_list(f"{where}, vi", cast("ArrayLike", given))), k)


def _of_length(where: str, known: KnownCovariance, k: int) -> KnownCovariance:
    if known.variances.size != k:
        shown, rule = str(known.variances.size), f"is not one variance for each of {k} effects"
        raise EstimationError(Problem(f"{where}, vi", shown, rule, "give one per row"))
    return known


def _from_matrix(where: str, matrix: NDArray[np.float64], k: int) -> KnownCovariance:
    if matrix.shape != (k, k):
        shape = "×".join(map(str, matrix.shape))
        rule = f"is not a covariance matrix of {k} effects"
        raise EstimationError(Problem(where, shape, rule, f"give {k}×{k} numbers"))
    full = np.array(matrix, dtype=np.float64)
    # rows connected by a covariance, directly or through others, form a block
    first = np.arange(k)
    linked = (full != 0) & ~np.isnan(full)
    while True:
        least = np.where(linked, first, k).min(axis=1)
        joined = np.minimum(first, least)
        if np.array_equal(joined, first):
            break
        first = joined
    rows = [np.flatnonzero(first == start) for start in np.unique(first)]
    rows = [where_ for where_ in rows if where_.size > 1]
    blocks = [_symmetric(where, full[np.ix_(one, one)]) for one in rows]
    return KnownCovariance(np.diagonal(full).copy(), tuple(blocks), tuple(rows))


def _from_blocks(where: str, given: Sequence[ArrayLike], study: Groups, k: int) -> KnownCovariance:
    members = study.members()
    if len(given) != len(members):
        shown, rule = str(len(given)), f"is not one block for each of {len(members)} studies"
        raise EstimationError(Problem(where, shown, rule, "give them in the order of the studies"))
    variances, blocks, rows, problems = np.empty(k), [], [], []
    for label, one, here in zip(study.labels, given, members, strict=True):
        block = np.atleast_2d(np.array(one, dtype=np.float64))
        if block.shape != (here.size, here.size):
            shape = "×".join(map(str, block.shape))
            rule = f"is not the covariance of {here.size} effects"
            remedy = f"give {here.size}×{here.size} numbers"
            problems.append(Problem(f"{where}, block of {label}", shape, rule, remedy))
            continue
        variances[here] = np.diagonal(block)
        if here.size > 1:
            blocks.append(_symmetric(f"{where}, block of {label}", block))
            rows.append(here)
    raise_any(problems)
    return KnownCovariance(variances, tuple(blocks), tuple(rows))


def _symmetric(where: str, block: Floats) -> Floats:
    errors = np.sqrt(np.abs(np.diagonal(block)))
    allowed = 1e-8 * np.nan_to_num(errors[:, None] * errors)
    uneven = np.nan_to_num(np.abs(block - block.T), posinf=np.inf)
    if np.any(uneven > allowed):
        rule = "is not symmetric"
        raise EstimationError(Problem(where, None, rule, "give each covariance the same twice"))
    return (block + block.T) / 2


def _spanning(where: str, known: KnownCovariance, groups: Mapping[str, Groups]) -> list[Problem]:
    study = study_of(groups)
    problems = []
    for block, rows in zip(known.blocks, known.rows, strict=True):
        inside = np.unique(study.of[rows])
        if not np.all(np.isfinite(block)):
            shown, rule = study.labels[inside[0]], "has a covariance that is missing or infinite"
            remedy = "fill it in, or 0 where errors are independent"
            problems.append(Problem(f"{where}, study", shown, rule, remedy))
        if inside.size > 1:
            shown = " and ".join(study.labels[i] for i in inside[:2])
            rule = "are two studies with correlated sampling errors"
            remedy = "call them one study, or set their covariance to 0"
            problems.append(Problem(f"{where}, study", shown, rule, remedy))
    return problems


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """Columns of a design as orthonormal ones, and the triangle that leads back to them."""

    columns: Floats
    triangle: Floats

    def coefficients(self, solution: Floats) -> Floats:
        """Take coefficients of the orthonormal columns back to those of the design."""
        return np.asarray(np.linalg.solve(self.triangle, solution))

    def covariance(self, inverse: Floats) -> Floats:
        """Take their covariance back in the same way."""
        half = np.linalg.solve(self.triangle, inverse)
        whole = np.linalg.solve(self.triangle, half.T)
        return np.asarray((whole + whole.T) / 2)


def orthonormal_basis(where: str, design: Floats, columns: Sequence[str]) -> Basis:
    """Turn a design into orthonormal columns; refuse one that others already determine.

    So a year near 2000 beside an intercept loses no digits, and the scale of a column is of no
    matter.
    """
    if design.shape[1] > design.shape[0]:
        shown, rule = str(design.shape[1]), f"are too many coefficients for {len(design)} effects"
        raise EstimationError(Problem(where, shown, rule, "leave moderators out"))
    size = np.abs(design).max(axis=0)
    empty = size == 0
    scaled = design / np.where(empty, 1.0, size)
    orthonormal, triangle = np.linalg.qr(scaled)
    lengths = np.sqrt(np.einsum("ij,ij->j", scaled, scaled))
    dependent = np.abs(np.diagonal(triangle)) <= _DEPENDENT * lengths
    problems = [
        Problem(
            f"{where}, moderators",
            columns[int(i)],
            "is 0 in every row" if empty[i] else "is determined by the columns before it",
            "leave it out",
        )
        for i in np.flatnonzero(empty | dependent)
    ]
    raise_any(problems)
    return Basis(orthonormal, triangle * size)
