"""The algebra of effects nested in studies, study by study and never effect by effect.

The covariance of the effects of one study is V + s_w I + s_b 11'. Turning them by the eigenvectors
of V makes V diagonal and leaves s_w I as it is, so that only u u', u the turned ones, couples the
effects; and what it adds to the likelihood hangs on one number per study, a = u'(V + s_w I)⁻¹u, the
precision of the study's mean before the studies differ. Work and memory grow as the number of
effects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook.synthesis.multilevel.covariance import KnownCovariance, by_size
from secondlook.synthesis.multilevel.likelihood import Moments
from secondlook.synthesis.printed_columns import Floats

__all__ = ["NestedEffects", "nested_effects"]

_AT_ONCE = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class NestedEffects:
    """Effects sorted by study, turned so that their sampling errors are independent.

    Attributes
    ----------
    variances
        Sampling variances after turning, shape (k,).
    loading
        What one unit of a study's own deviation adds to each, shape (k,).
    data
        The columns of the design and last the effects, one row each, shape (q, k).
    starts, study
        Where each study begins, and to which study each effect belongs.
    order
        Where each effect stood before sorting.
    turns
        Rows of blocks, before sorting, and the eigenvectors that turned them.
    """

    variances: Floats
    loading: Floats
    data: Floats
    starts: NDArray[np.intp]
    study: NDArray[np.intp]
    order: NDArray[np.intp]
    turns: tuple[tuple[NDArray[np.intp], Floats], ...]

    def moments(self, between: float, within: float) -> Moments:
        """Give log det M and S with their derivatives in the two variances, between first."""
        weights = 1 / (self.variances + within)
        loaded = weights * self.loading
        summed = self._by_study(
            np.vstack([loaded * self.loading, loaded**2, loaded**2 * weights, self.data * loaded])
        )
        precision, squared, cubed = summed[0], summed[1], summed[2]
        shrink = 1 / (1 + between * precision)
        reduced = precision * shrink
        means = summed[3:] / precision
        inside = self.data - means[:, self.study] * self.loading
        solved = weights * (inside + (means * shrink)[:, self.study] * self.loading)
        pulled = means * reduced
        raw = self._by_study(solved * loaded)
        again = raw * shrink
        lost = between * shrink
        slopes = np.stack([-pulled @ pulled.T, -solved @ solved.T])
        cross = pulled @ again.T
        curvatures = np.empty((2, 2, *cross.shape))
        curvatures[0, 0] = 2 * (pulled * reduced) @ pulled.T
        curvatures[0, 1] = curvatures[1, 0] = cross + cross.T
        curvatures[1, 1] = 2 * ((solved * weights) @ solved.T - (raw * lost) @ raw.T)
        mixed = -float(squared @ shrink**2)
        own = -float(weights @ weights - 2 * (cubed @ lost) + (squared * lost) @ (squared * lost))
        return Moments(
            log_determinant=float(np.log1p(between * precision).sum() - np.log(weights).sum()),
            log_determinant_slopes=np.array(
                [float(reduced.sum()), float(weights.sum() - lost @ squared)]
            ),
            log_determinant_curvatures=np.array([[-float(reduced @ reduced), mixed], [mixed, own]]),
            products=(inside * weights) @ inside.T + pulled @ means.T,
            product_slopes=slopes,
            product_curvatures=curvatures,
        )

    def _by_study(self, values: Floats) -> Floats:
        return np.asarray(np.add.reduceat(values, self.starts, axis=-1))

    def row_sums(self, between: float, within: float) -> Floats:
        """Give the row sums of the inverse covariance of the effects, in their first order."""
        loaded = self.loading / (self.variances + within)
        precision = self._by_study(loaded * self.loading)
        sums = np.empty_like(loaded)
        sums[self.order] = loaded / (1 + between * precision)[self.study]
        for rows, vectors in self.turns:
            sums[rows] = np.einsum("gnm,gm->gn", vectors, sums[rows])
        return sums

    def surface(self, between: Floats, within: Floats, *, restricted: bool) -> Floats:
        """Give the log-likelihood at every pair of two lists of variances."""
        q, k = self.data.shape
        together = max(1, _AT_ONCE // (k * max(q, between.size)))
        parts = [
            self._surface(between, within[i : i + together], restricted=restricted)
            for i in range(0, within.size, together)
        ]
        free = k - restricted * (q - 1)
        return np.asarray(np.concatenate(parts).T - free * np.log(2 * np.pi) / 2)

    def _surface(self, between: Floats, within: Floats, *, restricted: bool) -> Floats:
        # within in rows, between in columns
        q, m = self.data.shape[0], self.starts.size
        weights = 1 / (self.variances + within[:, None])
        loaded = weights * self.loading
        precision = self._by_study(loaded * self.loading)
        means = self._by_study(self.data * loaded[:, None]) / precision[:, None]
        inside = self.data - means[:, :, self.study] * self.loading
        products = (inside * weights[:, None]) @ inside.transpose(0, 2, 1)
        scale = 1 + between[:, None] * precision[:, None]
        pairs = (means[:, :, None] * means[:, None]).reshape(-1, q * q, m).transpose(0, 2, 1)
        added = (precision[:, None] / scale) @ pairs
        whole = products[:, None] + added.reshape(within.size, between.size, q, q)
        determinant = np.log(scale).sum(axis=-1) - np.log(weights).sum(axis=-1)[:, None]
        return _profile(whole, determinant, restricted=restricted)


def _profile(products: Floats, determinant: Floats, *, restricted: bool) -> Floats:
    p = products.shape[-1] - 1
    fixed, cross = products[..., :p, :p], products[..., :p, p]
    solution = np.linalg.solve(fixed, cross[..., None])[..., 0]
    value = determinant + products[..., p, p] - np.vecdot(cross, solution)
    if restricted:
        value = value + np.linalg.slogdet(fixed)[1]
    return np.asarray(-value / 2)


def nested_effects(
    yi: Floats, known: KnownCovariance, study: NDArray[np.intp], columns: Floats
) -> NestedEffects:
    """Sort effects by study and turn each block of correlated errors to independent ones.

    Parameters
    ----------
    yi
        Effects, or their residuals from any fit, shape (k,).
    known
        Their sampling covariance.
    study
        The number of the study of each, from 0 without a gap.
    columns
        The design, shape (k, p).
    """
    variances, loading = known.variances.copy(), np.ones(yi.size)
    data = np.vstack([columns.T, yi])
    turns = []
    for which, together in by_size(known.rows):
        stack = np.array([known.blocks[i] for i in which])
        values, vectors = np.linalg.eigh(stack)
        variances[together] = values
        loading[together] = vectors.sum(axis=1)
        data[:, together] = np.einsum("qgn,gnm->qgm", data[:, together], vectors)
        turns.append((together, vectors))
    order = np.argsort(study, kind="stable")
    sorted_study = study[order]
    starts = np.flatnonzero(np.diff(sorted_study, prepend=-1))
    return NestedEffects(
        variances[order],
        loading[order],
        np.ascontiguousarray(data[:, order]),
        starts.astype(np.intp),
        sorted_study,
        order,
        tuple(turns),
    )
