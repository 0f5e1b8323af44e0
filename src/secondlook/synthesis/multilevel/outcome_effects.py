"""The algebra of effects of several outcomes, one small matrix per study."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook.synthesis.multilevel.covariance import by_size
from secondlook.synthesis.multilevel.likelihood import Moments, Point, point_at
from secondlook.synthesis.multilevel.outcome_structures import Structure
from secondlook.synthesis.multilevel.working_model import WorkingModel
from secondlook.synthesis.printed_columns import Floats

__all__ = ["OutcomeEffects", "outcome_effects"]


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """Studies with the same number n of effects: sampling covariance, outcomes and data."""

    sampling: Floats
    loadings: Floats
    data: Floats


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeEffects:
    """Effects by study, with the design's columns and last the effects as data."""

    batches: tuple[_Batch, ...]
    k: int

    def taken(self, order: NDArray[np.intp]) -> OutcomeEffects:
        """Give the same effects with the outcomes in another order."""
        batches = tuple(_Batch(b.sampling, b.loadings[:, :, order], b.data) for b in self.batches)
        return OutcomeEffects(batches, self.k)

    def point(
        self, structure: Structure, parameters: Floats, *, restricted: bool, linear: bool = False
    ) -> Point:
        """Give the log-likelihood; with `linear` as if the matrix were linear in the parameters."""
        moments = self.moments(structure, parameters, linear=linear)
        return point_at(moments, self.k, restricted=restricted)

    def moments(self, structure: Structure, parameters: Floats, *, linear: bool) -> Moments:
        """Give log det M and S with their derivatives in the parameters of a structure."""
        determinant, products, reach, pull = self._solved(structure.matrix(parameters))
        slopes = structure.slopes(parameters)
        curvatures = structure.curvatures(parameters)
        if linear:
            curvatures = np.zeros_like(curvatures)
        (m, q, c), r = pull.shape, len(slopes)
        # sums over studies as products of wide matrices, which are much faster than sums of small
        flat, bent = slopes.reshape(r, q * q), curvatures.reshape(r * r, q * q)
        wide = pull.reshape(m, q * c)
        both = (wide.T @ wide).reshape(q, c, q, c).transpose(0, 2, 1, 3).reshape(q * q, c * c)
        across = pull.transpose(1, 0, 2).reshape(q, m * c)
        shifts = (slopes.reshape(r * q, q) @ across).reshape(r, q, m, c)
        moved = shifts.transpose(2, 1, 0, 3).reshape(m, q, r * c)
        answers = (reach @ moved).reshape(m * q, r * c)
        pairs = (moved.reshape(m * q, r * c).T @ answers).reshape(r, c, r, c)
        twice = pairs.transpose(0, 2, 1, 3)
        turned = (reach @ slopes.transpose(1, 0, 2).reshape(q, r * q)).reshape(m, q, r, q)
        here = turned.transpose(2, 0, 1, 3).reshape(r, m * q * q)
        there = turned.transpose(2, 0, 3, 1).reshape(r, m * q * q)
        total = reach.sum(axis=0).ravel()
        return Moments(
            log_determinant=determinant,
            log_determinant_slopes=flat @ total,
            log_determinant_curvatures=(bent @ total).reshape(r, r) - here @ there.T,
            products=products,
            product_slopes=-(flat @ both).reshape(r, c, c),
            product_curvatures=(
                twice + twice.transpose(0, 1, 3, 2) - (bent @ both).reshape(r, r, c, c)
            ),
        )

    def _solved(self, between: Floats) -> tuple[float, Floats, Floats, Floats]:
        determinant = 0.0
        products: Floats | float = 0.0
        reach, pull = [], []
        for batch in self.batches:
            loaded = batch.loadings @ between
            covariance = batch.sampling + loaded @ batch.loadings.transpose(0, 2, 1)
            lower = np.linalg.cholesky(covariance)
            determinant += 2 * float(np.log(np.einsum("gii->gi", lower)).sum())
            half = np.linalg.inv(lower)
            outcomes, data = half @ batch.loadings, half @ batch.data
            tall = data.reshape(-1, data.shape[-1])
            products = products + tall.T @ tall
            reach.append(outcomes.transpose(0, 2, 1) @ outcomes)
            pull.append(outcomes.transpose(0, 2, 1) @ data)
        return determinant, np.asarray(products), np.concatenate(reach), np.concatenate(pull)


def outcome_effects(model: WorkingModel, data: Floats) -> OutcomeEffects:
    """Sort effects by study.

    Parameters
    ----------
    model
        The effects with their sampling covariance, studies and outcomes (its loadings).
    data
        The columns of the design and last the effects, shape (k, c).
    """
    batches = [
        _Batch(model.sampling(together), model.loadings[together], data[together])
        for _, together in by_size(model.study.members())
    ]
    return OutcomeEffects(tuple(batches), model.yi.size)
