"""A fitted linear model of effects as inference after it needs it: design, covariance, weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.multilevel.covariance import KnownCovariance, by_size
from secondlook.synthesis.multilevel.groups import Groups
from secondlook.synthesis.multilevel.rows import Rows, orthonormal_basis, read_rows
from secondlook.synthesis.printed_columns import Floats, not_positive, one_list, raise_any
from secondlook.synthesis.regression.result import Regression
from secondlook.synthesis.result import Pooled

__all__ = ["WorkingModel", "working_model", "working_model_of"]


@dataclass(frozen=True, slots=True, eq=False)
class WorkingModel:
    """Effects, their design, and the covariance and weights a model gives them.

    The covariance of two effects of one study is their sampling covariance plus F T F', with F what
    each effect takes of the study's random effects and T the covariance of those; effects of
    different studies are independent.

    Parameters
    ----------
    yi, design, columns
        Effects, shape (k,); design, shape (k, p), and the names of its columns.
    known, within
        Sampling covariance, and what each effect's own deviation adds to its variance.
    study, loadings, between
        The studies; F, shape (k, r); T, shape (r, r).
    weights
        Shape (k,); None for the inverse of the covariance.
    names, positions, given
        What the rows are called, where they stood, and how many rows there were with those left
        out.
    """

    yi: Floats
    design: Floats
    columns: tuple[str, ...]
    known: KnownCovariance
    within: float
    study: Groups
    loadings: Floats
    between: Floats
    weights: Floats | None
    names: tuple[str, ...]
    positions: NDArray[np.intp]
    given: int

    def covariance(self, together: NDArray[np.intp]) -> Floats:
        """Give the covariance of groups of n rows, shape (g, n) to (g, n, n)."""
        n = together.shape[1]
        loaded = self.loadings[together]
        same = self.study.of[together][:, :, None] == self.study.of[together][:, None, :]
        found = np.where(same, loaded @ self.between @ loaded.transpose(0, 2, 1), 0.0)
        found += self.sampling(together)
        found[:, np.arange(n), np.arange(n)] += self.within
        return found

    def sampling(self, together: NDArray[np.intp]) -> Floats:
        """Give the sampling covariance alone of groups of n rows, likewise."""
        groups, n = together.shape
        sampling = np.zeros((groups, n, n))
        sampling[:, np.arange(n), np.arange(n)] = self.known.variances[together]
        of = np.full(self.yi.size, -1)
        slot = np.zeros(self.yi.size, dtype=np.intp)
        of[together], slot[together] = np.arange(groups)[:, None], np.arange(n)
        for which, rows in by_size(self.known.rows):
            here = of[rows[:, 0]] >= 0
            at, place = of[rows[here]][:, :, None], slot[rows[here]]
            stack = np.array([self.known.blocks[i] for i in which[here]])
            if stack.size:
                sampling[at, place[:, :, None], place[:, None, :]] = stack
        return sampling

    def weighted(self, columns: Floats) -> Floats:
        """Give the covariance's inverse times columns, shape (k, c), study by study."""
        found = np.empty_like(columns)
        for _, together in by_size(self.study.members()):
            half = self.whitener(together)
            found[together] = half.transpose(0, 2, 1) @ (half @ columns[together])
        return found

    def whitener(self, together: NDArray[np.intp]) -> Floats:
        """Give the inverse of the lower triangular root of :meth:`covariance`.

        Raises
        ------
        EstimationError
            Where true effects differ by so many standard errors that no double holds both.
        """
        try:
            return np.asarray(np.linalg.inv(np.linalg.cholesky(self.covariance(together))))
        except np.linalg.LinAlgError:
            rule = "has effects whose errors vanish beside the variance of true effects"
            remedy = "check the units of effects and variances"
            name = self.names[int(together[0, 0])]
            raise EstimationError(Problem("working model", name, rule, remedy)) from None


def working_model(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    tau2: float = 0.0,
    design: ArrayLike | None = None,
    columns: Sequence[str] | None = None,
    weights: ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> WorkingModel:
    """Describe a two-level model, with or without moderators, for :func:`.cluster_robust`.

    Parameters
    ----------
    yi, vi
        Effects and sampling variances, shape (k,). A row with a missing value is left out.
    tau2
        The between-study variance of the fit, in the squared unit of `yi`.
    design, columns
        The design matrix, shape (k, p), an intercept among its columns if there is one, and what
        the columns are called; an intercept alone if not given.
    weights
        Weights of the fit, shape (k,), if they are not 1/(vi + tau2).
    names
        What the rows are called.

    Examples
    --------
    >>> model = working_model([0.1, 0.3], [0.04, 0.09], tau2=0.01)
    >>> model.columns, model.covariance(np.array([[0], [1]])).ravel().round(6).tolist()
    (('intercept',), [0.05, 0.1])
    """
    k = one_list("working_model, yi", yi).size
    matrix = np.ones((k, 1)) if design is None else np.array(design, dtype=np.float64)
    called = _column_names(matrix, k, columns, intercept=design is None)
    labels = [str(i) for i in range(1, k + 1)]
    given = {name: matrix[:, j] for j, name in enumerate(called)}
    shown = [f"study {label}" for label in labels] if names is None else names
    rows = read_rows(
        "working_model", yi, vi, labels={"study": labels}, moderators=given, names=shown
    )
    own = None if weights is None else _own_weights(weights, rows)
    if not 0 <= tau2 < np.inf:
        rule = "is not a variance"
        raise EstimationError(Problem("working_model, tau2", str(tau2), rule, "give 0 or more"))
    orthonormal_basis("working_model", rows.moderators, called)
    return WorkingModel(
        yi=rows.yi,
        design=rows.moderators,
        columns=called,
        known=rows.known,
        within=float(tau2),
        study=rows.groups["study"],
        loadings=np.zeros((rows.yi.size, 0)),
        between=np.zeros((0, 0)),
        weights=own,
        names=rows.names,
        positions=rows.positions,
        given=rows.given,
    )


def _own_weights(weights: ArrayLike, rows: Rows) -> Floats:
    own = one_list("working_model, weights", weights)
    if own.size != rows.given:
        rule = f"is not one weight for each of {rows.given} effects"
        shown = str(own.size)
        raise EstimationError(Problem("working_model, weights", shown, rule, "give one per row"))
    own = own[rows.positions]
    raise_any(not_positive("weights", own, rows.names))
    return own


def _column_names(
    matrix: Floats, k: int, columns: Sequence[str] | None, *, intercept: bool
) -> tuple[str, ...]:
    if matrix.ndim != 2 or matrix.shape[0] != k or matrix.shape[1] == 0:
        shape = "×".join(map(str, matrix.shape))
        rule = f"is not a design of {k} rows"
        raise EstimationError(Problem("working_model, design", shape, rule, "give one row each"))
    if columns is None:
        if intercept:
            return ("intercept",)
        return tuple(f"column {j}" for j in range(1, matrix.shape[1] + 1))
    called = tuple(map(str, columns))
    if len(set(called)) != matrix.shape[1] or len(called) != matrix.shape[1]:
        rule = f"are not different names of {matrix.shape[1]} columns"
        shown = ", ".join(called)
        raise EstimationError(Problem("working_model, columns", shown, rule, "give one each"))
    return called


def working_model_of(fit: Pooled | Regression) -> WorkingModel:
    """Describe what :func:`~secondlook.synthesis.pool` or ``regress`` fitted."""
    if isinstance(fit, Regression):
        columns = fit.design.columns
        return working_model(
            fit.yi,
            fit.vi,
            tau2=fit.tau2,
            design=columns.matrix,
            columns=columns.names,
            names=fit.names,
        )
    tau2 = fit.tau2 or 0.0
    weights = np.array(fit.weights)
    inverse = 1 / (np.array(fit.vi) + tau2)
    inverse *= weights.sum() / inverse.sum()
    usual = np.allclose(weights, inverse, rtol=1e-9, atol=0.0)
    return working_model(
        fit.yi,
        fit.vi,
        tau2=tau2,
        weights=None if usual else weights,
        names=fit.names,
    )
