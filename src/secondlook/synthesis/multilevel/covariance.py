"""Sampling covariance of effects of the same patients: known, or made from a guessed correlation.

Effects at several times, of several outcomes or against one shared control group have correlated
sampling errors. Where a paper gives their covariance, it is given as blocks; where it does not, a
correlation is assumed and the covariance made from it, to be varied in a sensitivity analysis
(Pustejovsky and Tipton, Prev Sci 2022;23:425-438).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.multilevel.groups import Groups, Labels, read_groups
from secondlook.synthesis.printed_columns import Floats, one_list, raise_any, written

__all__ = ["KnownCovariance", "by_size", "known_covariance"]

_SINGULAR = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class KnownCovariance:
    """Sampling variances of k effects, and the blocks in which their errors are correlated.

    Parameters
    ----------
    variances
        Sampling variances, shape (k,); NaN where unknown.
    blocks, rows
        Covariance matrices and the rows each belongs to. A row in no block has an error of its own.
    """

    variances: Floats
    blocks: tuple[Floats, ...] = ()
    rows: tuple[NDArray[np.intp], ...] = ()

    def taken(self, kept: NDArray[np.bool_]) -> KnownCovariance:
        """Give the covariance of some of the rows, numbered anew."""
        number = np.cumsum(kept) - 1
        blocks, rows = [], []
        for block, where in zip(self.blocks, self.rows, strict=True):
            inside = kept[where]
            if inside.sum() > 1:
                blocks.append(block[np.ix_(inside, inside)])
                rows.append(number[where[inside]])
        return KnownCovariance(self.variances[kept], tuple(blocks), tuple(rows))

    def scaled(self, exponent: int) -> KnownCovariance:
        """Give the same covariance times a power of two."""
        blocks = tuple(np.ldexp(block, exponent) for block in self.blocks)
        return KnownCovariance(np.ldexp(self.variances, exponent), blocks, self.rows)

    def to_list(self) -> list[list[list[float]]]:
        """Give the blocks as plain lists."""
        return [block.tolist() for block in self.blocks]


def by_size(
    rows: Sequence[NDArray[np.intp]],
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Sort blocks of rows by how many they hold: which blocks, and their rows side by side.

    Examples
    --------
    >>> for which, together in by_size([np.array([0, 1]), np.array([2]), np.array([3, 4])]):
    ...     print(which.tolist(), together.tolist())
    [1] [[2]]
    [0, 2] [[0, 1], [3, 4]]
    """
    sizes = np.array([where.size for where in rows])
    for size in np.unique(sizes):
        which = np.flatnonzero(sizes == size)
        yield which, np.array([rows[i] for i in which.tolist()], dtype=np.intp)


def known_covariance(
    vi: ArrayLike,
    study: Labels,
    *,
    correlation: float | Mapping[tuple[str, str], float],
    outcome: Labels | None = None,
    time: ArrayLike | None = None,
    autocorrelation: float | None = None,
    subgroup: Labels | None = None,
) -> KnownCovariance:
    """Make the sampling covariance of effects of the same patients from assumed correlations.

    Parameters
    ----------
    vi
        Sampling variances, shape (k,).
    study
        The study of each effect. Errors of different studies are independent.
    correlation
        The correlation of the sampling errors of two effects of one study; with `outcome`, of two
        different outcomes, in one number or as ``{("pain", "sleep"): 0.6, ...}``.
    outcome
        What each effect measures. Two effects of one outcome then differ by `time` alone.
    time, autocorrelation
        When each effect was measured; each unit of time between two effects multiplies their
        correlation by `autocorrelation`.
    subgroup
        Groups of different patients within a study, whose errors are independent.

    Returns
    -------
    KnownCovariance
        As ``vi`` of :func:`~secondlook.synthesis.multilevel.pool_three_level` or ``covariances`` of
        :func:`~secondlook.synthesis.multilevel.pool_multivariate`.

    Raises
    ------
    EstimationError
        For a correlation outside -1 to 1, a pair of outcomes without one, or correlations that no
        numbers can have together (a matrix not positive definite); the study is named.

    Notes
    -----
    Pustejovsky and Tipton, Prev Sci 2022;23:425-438. A correlation that is guessed is not known:
    repeat the analysis with others, and let :func:`.cluster_robust` make the inference.

    Examples
    --------
    >>> known = known_covariance([0.04, 0.09, 0.05], ["A", "A", "B"], correlation=0.5)
    >>> known.to_list()
    [[[0.04, 0.03], [0.03, 0.09]]]
    """
    variances = one_list("known_covariance, vi", vi)
    k = variances.size
    studies = read_groups("known_covariance, study", study, k)
    outcomes = None if outcome is None else read_groups("known_covariance, outcome", outcome, k)
    separate = None if subgroup is None else read_groups("known_covariance, subgroup", subgroup, k)
    _refuse_bare(correlation, outcomes, time, autocorrelation)
    table = _between_outcomes(correlation, outcomes)
    when = np.zeros(k) if time is None else _times(time, k)
    blocks, rows = [], []
    for where in studies.members():
        pattern = _pattern(where, table, outcomes, when, autocorrelation)
        if separate is not None:
            same = separate.of[where][:, None] == separate.of[where]
            pattern = np.where(same, pattern, 0.0)
        np.fill_diagonal(pattern, 1.0)
        if np.any(pattern != np.eye(where.size)):
            errors = np.sqrt(np.where(variances[where] > 0, variances[where], np.nan))
            block = pattern * errors[:, None] * errors
            np.fill_diagonal(block, variances[where])
            blocks.append(block)
            rows.append(where)
    known = KnownCovariance(variances, tuple(blocks), tuple(rows))
    raise_any(improper_blocks("known_covariance", known, studies))
    return known


def _pattern(
    where: NDArray[np.intp],
    table: Floats,
    outcomes: Groups | None,
    when: Floats,
    autocorrelation: float | None,
) -> Floats:
    """Give the correlations of the errors of one study."""
    if outcomes is None:
        pattern = np.full((where.size, where.size), table[0, 0])
    else:
        pattern = table[np.ix_(outcomes.of[where], outcomes.of[where])]
    if autocorrelation is None:
        return pattern
    apart = np.abs(when[where][:, None] - when[where])
    return np.asarray(pattern * np.power(float(autocorrelation), apart))


def _refuse_bare(
    correlation: float | Mapping[tuple[str, str], float],
    outcomes: Groups | None,
    time: ArrayLike | None,
    autocorrelation: float | None,
) -> None:
    problems = []
    if isinstance(correlation, Mapping):
        if outcomes is None:
            rule = "names pairs of outcomes where no outcomes are given"
            problems.append(_problem("correlation", None, rule, "give outcome too"))
    elif not _is_correlation(correlation):
        problems.append(_problem("correlation", correlation, *_OUTSIDE))
    elif outcomes is None and autocorrelation is None and correlation == 1:
        rule = "would make effects of one study the same number"
        problems.append(_problem("correlation", 1, rule, "give a correlation below 1"))
    if (time is None) != (autocorrelation is None):
        missing, there = ("time", "autocorrelation")[:: 1 if time is None else -1]
        rule = f"is missing where {there} is given"
        problems.append(_problem(missing, None, rule, "give both or neither"))
    elif autocorrelation is not None and not (
        _is_correlation(autocorrelation) and autocorrelation >= 0
    ):
        rule = "is not a correlation from 0 to 1"
        problems.append(_problem("autocorrelation", autocorrelation, rule, "correct it"))
    raise_any(problems)


_OUTSIDE = ("is not a correlation between -1 and 1", "correct it")


def _problem(where: str, value: object, rule: str, remedy: str) -> Problem:
    shown = None if value is None else written(value)
    return Problem(f"known_covariance, {where}", shown, rule, remedy)


def _is_correlation(value: object) -> bool:
    return isinstance(value, int | float | np.number) and bool(-1 <= value <= 1)


def _times(time: ArrayLike, k: int) -> Floats:
    when = one_list("known_covariance, time", time)
    if when.size != k:
        rule = f"is not one time for each of {k} effects"
        raise EstimationError(_problem("time", when.size, rule, "give one value per row"))
    if not np.all(np.isfinite(when)):
        rule = "has a time that is missing or infinite"
        raise EstimationError(_problem("time", None, rule, "give a finite time for every row"))
    return when


def _between_outcomes(
    correlation: float | Mapping[tuple[str, str], float], outcomes: Groups | None
) -> Floats:
    if outcomes is None:
        # of any two effects, since nothing tells outcomes apart
        return np.array([[correlation]], dtype=np.float64)
    labels = outcomes.labels
    if not isinstance(correlation, Mapping):
        table = np.full((len(labels), len(labels)), float(correlation))
        np.fill_diagonal(table, 1.0)
        return table
    given = {frozenset(map(str, pair)): value for pair, value in correlation.items()}
    table = np.eye(len(labels))
    problems = []
    for i, one in enumerate(labels):
        for j, other in enumerate(labels[:i]):
            value = given.get(frozenset((one, other)))
            if value is None or not _is_correlation(value):
                where = f"correlation of {other} and {one}"
                text = ("is missing", "give it") if value is None else _OUTSIDE
                problems.append(_problem(where, value, *text))
            else:
                table[i, j] = table[j, i] = value
    raise_any(problems)
    return table


def improper_blocks(where: str, known: KnownCovariance, studies: Groups) -> list[Problem]:
    """Name the studies whose block is no covariance: not positive definite beyond rounding."""
    problems = []
    for which, together in by_size(known.rows):
        stack = np.array([known.blocks[i] for i in which])
        errors = np.sqrt(np.einsum("gii->gi", stack))
        complete = np.all(np.isfinite(stack), axis=(1, 2)) & np.all(errors > 0, axis=1)
        scaled = stack[complete] / (errors[complete][:, :, None] * errors[complete][:, None, :])
        least = np.linalg.eigvalsh(scaled)[:, 0]
        for row in together[complete][least <= _SINGULAR * together.shape[1], 0]:
            study = studies.labels[studies.of[row]]
            rule = "has a sampling covariance that is not positive definite"
            remedy = "correct the correlations, or give effects that repeat each other only once"
            problems.append(Problem(f"{where}, study", study, rule, remedy))
    return problems
