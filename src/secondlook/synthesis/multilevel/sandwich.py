"""Cluster-robust covariance of coefficients, and how uncertain that covariance itself is.

With A a correction of the residuals of each cluster, W the weights, M = (X'WX)⁻¹ and e the
residuals, the covariance is the sum over clusters of G'e e'G, G = A W X M restricted to the
cluster. CR2 chooses A so that the estimate is unbiased if the working covariance is right (Bell and
McCaffrey, Surv Methodol 2002;28:169-181; Pustejovsky and Tipton, J Bus Econ Stat 2018;36:672-683).
What two clusters contribute to a contrast covaries, under the working model, by a term of their own
plus one of low rank that all share, so that no matrix of clusters by clusters is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook.synthesis.multilevel.covariance import by_size
from secondlook.synthesis.multilevel.working_model import WorkingModel
from secondlook.synthesis.printed_columns import Floats

__all__ = ["Sandwich", "sandwich"]

_SINGULAR = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Sandwich:
    """Coefficients, their robust covariance, and what its degrees of freedom follow from.

    Attributes
    ----------
    coefficients, covariance
        Shapes (p,) and (p, p).
    own, shared, kernel
        Of m clusters: G'VG, shape (m, p, p); F, shape (m, 2p, p), and K, shape (2p, 2p), such that
        under the working model contributions of clusters s and t covary by F_s' K F_t, plus G'VG
        where s is t.
    """

    coefficients: Floats
    covariance: Floats
    own: Floats
    shared: Floats
    kernel: Floats

    def expected(self, rows: Floats) -> Floats:
        """Give the covariance of contrasts that is expected under the working model."""
        shared = self.shared @ rows.T
        return np.asarray(
            np.einsum("ia,mab,jb->ij", rows, self.own, rows)
            + np.einsum("mai,ab,mbj->ij", shared, self.kernel, shared)
        )

    def degrees(self, rows: Floats) -> float:
        """Give the degrees of freedom of the covariance of q contrasts.

        For one contrast those of Satterthwaite; for several those of the Wishart distribution with
        the same total variance.
        """
        q = len(rows)
        values, vectors = np.linalg.eigh(self.expected(rows))
        if values[0] <= 0:
            return 0.0
        turned = (vectors / np.sqrt(values)).T @ rows
        own = turned @ self.own @ turned.T
        shared = self.shared @ turned.T
        diagonal = shared.transpose(0, 2, 1) @ self.kernel @ shared
        # squares of traces, and traces of squares, of all pairs of clusters
        flat = shared.transpose(0, 2, 1).reshape(len(shared), -1)
        wide = np.kron(np.eye(q), self.kernel)
        moved = wide @ (flat.T @ flat)
        traces = np.einsum("mii->m", own)
        spread = float(
            (traces**2).sum()
            + 2 * (traces @ np.einsum("mii->m", diagonal))
            + np.einsum("ab,ba->", moved, moved)
        )
        cross = np.einsum("ab,mbj,mci->ijac", self.kernel, shared, shared)
        spread += float(
            np.einsum("mij,mji->", own, own)
            + 2 * np.einsum("mij,mji->", own, diagonal)
            + np.einsum("ijab,ijba->", cross, cross)
        )
        return q * (q + 1) / spread


def sandwich(model: WorkingModel, clusters: list[NDArray[np.intp]], *, correction: str) -> Sandwich:
    """Give the robust covariance of the coefficients of a model.

    Parameters
    ----------
    model
        Effects with design, working covariance and weights.
    clusters
        The rows of each cluster.
    correction
        One of those of :func:`.cluster_robust`.
    """
    design, p = model.design, model.design.shape[1]
    weighted = model.weighted(design) if model.weights is None else model.weights[:, None] * design
    batches = [
        (which, rows, model.covariance(rows), np.asarray(np.linalg.inv(model.whitener(rows))))
        for which, rows in by_size(clusters)
    ]
    inverse = _inverse(design.T @ weighted)
    coefficients = inverse @ (weighted.T @ model.yi)
    residuals = model.yi - design @ coefficients
    middle = np.zeros((p, p))
    for _, rows, covariance, _ in batches:
        pulled = weighted[rows].transpose(0, 2, 1)
        middle += (pulled @ covariance @ weighted[rows]).sum(axis=0)
    spread = inverse @ middle @ inverse
    total = np.zeros((p, p))
    own = np.empty((len(clusters), p, p))
    shared = np.empty((len(clusters), 2 * p, p))
    for which, rows, covariance, lower in batches:
        x, y = design[rows], weighted[rows]
        taken = y @ inverse
        if correction == "CR2":
            taken = _unbiased(covariance, lower, x, y, inverse, spread) @ taken
        score = np.einsum("gna,gn->ga", taken, residuals[rows])
        total += score.T @ score
        own[which] = taken.transpose(0, 2, 1) @ covariance @ taken
        shared[which, :p] = y.transpose(0, 2, 1) @ covariance @ taken
        shared[which, p:] = x.transpose(0, 2, 1) @ taken
    kernel = np.zeros((2 * p, 2 * p))
    kernel[:p, p:] = kernel[p:, :p] = -inverse
    kernel[p:, p:] = spread
    scale = _scale(correction, len(clusters), model.yi.size, p)
    return Sandwich(coefficients, scale * total, scale * own, np.sqrt(scale) * shared, kernel)


def _scale(correction: str, m: int, k: int, p: int) -> float:
    return {
        "CR0": 1.0,
        "CR1": m / (m - 1),
        "CR1p": m / (m - p),
        "CR1S": m * (k - 1) / ((m - 1) * (k - p)),
        "CR2": 1.0,
    }[correction]


def _unbiased(
    covariance: Floats, lower: Floats, x: Floats, y: Floats, inverse: Floats, spread: Floats
) -> Floats:
    # the symmetric matrix that takes the covariance of the residuals back to that of the errors
    fitted = x @ inverse @ y.transpose(0, 2, 1) @ covariance
    residual = covariance - fitted - fitted.transpose(0, 2, 1) + x @ spread @ x.transpose(0, 2, 1)
    upper = lower.transpose(0, 2, 1)
    values, vectors = np.linalg.eigh(upper @ residual @ lower)
    most = np.linalg.eigvalsh(upper @ covariance @ lower)[:, -1:]
    kept = values > _SINGULAR * most
    root = np.where(kept, 1 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
    half = lower @ vectors
    return np.asarray((half * root[:, None, :]) @ half.transpose(0, 2, 1))


def _inverse(matrix: Floats) -> Floats:
    size = 1 / np.sqrt(np.diagonal(matrix))
    return np.asarray(np.linalg.inv(matrix * size[:, None] * size) * size[:, None] * size)
