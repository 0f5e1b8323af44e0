"""The statistics of a regression on many rearranged data sets at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook.synthesis.between_study_variance import tau2_of_each
from secondlook.synthesis.between_study_variance.moderated_fit import (
    Moderated,
    ModeratedFit,
    heavy_basis,
)
from secondlook.synthesis.heterogeneity import TIGHTEST
from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.regression.arrangements import (
    alike_rows,
    all_orders,
    all_signs,
    orders_possible,
    some_orders,
    some_signs,
)
from secondlook.synthesis.regression.design import INTERCEPT
from secondlook.synthesis.regression.fitting import orthonormal
from secondlook.synthesis.regression.result import Regression
from secondlook.synthesis.study_outcomes import StudyOutcomes, unit_of

__all__ = ["Rearranged"]


@dataclass(frozen=True, slots=True, eq=False)
class Rearranged:
    """A regression to be repeated on its own studies in other arrangements.

    Studies are in the order of their moderators, so that to hand out moderators anew is to permute
    the studies against a design that stays.
    """

    yi: Floats
    vi: Floats
    design: Floats
    back: Floats
    groups: NDArray[np.intp]
    signs: bool
    """Whether arrangements turn signs, as there are no moderators, or hand out moderators."""
    method: str
    test: str
    tested: list[int]

    @classmethod
    def of(cls, regression: Regression) -> Rearranged:
        """Sort the studies of a regression by their moderators."""
        columns = regression.design.columns
        matrix, groups = alike_rows(columns.matrix)
        outcomes = StudyOutcomes(
            np.array(regression.yi), np.array(regression.vi), regression.names, ()
        )
        yi, vi = unit_of(outcomes).measured(outcomes)
        order = np.argsort(groups, kind="stable")
        return cls(
            yi[order],
            vi[order],
            *orthonormal(matrix),
            np.sort(groups),
            columns.names == (INTERCEPT,),
            regression.method,
            regression.test,
            [columns.names.index(name) for name in regression.omnibus.coefficients],
        )

    def possible(self) -> int:
        """Count the arrangements."""
        return 2**self.yi.size if self.signs else orders_possible(self.groups)

    def everything(self) -> Iterator[tuple[Floats, Floats]]:
        """Give every arrangement, of those that mirror each other one; in blocks."""
        if self.signs:
            return self._turned(all_signs(self.yi.size))
        return self._ordered(all_orders(self.groups))

    def some(self, count: int, seed: int) -> Iterator[tuple[Floats, Floats]]:
        """Give random arrangements, in blocks."""
        generator = np.random.default_rng(seed)
        if self.signs:
            return self._turned(some_signs(self.yi.size, count, generator))
        return self._ordered(some_orders(self.yi.size, count, generator))

    def _turned(self, blocks: Iterator[Floats]) -> Iterator[tuple[Floats, Floats]]:
        return ((signs * self.yi, np.tile(self.vi, (len(signs), 1))) for signs in blocks)

    def _ordered(self, blocks: Iterator[NDArray[np.intp]]) -> Iterator[tuple[Floats, Floats]]:
        return ((self.yi[order], self.vi[order]) for order in blocks)

    def statistics(self, yi: Floats, vi: Floats) -> Floats:
        """Give absolute statistics of the coefficients and that of the omnibus test.

        Parameters
        ----------
        yi, vi
            Arrangements, shape (arrangements, k).

        Returns
        -------
        numpy.ndarray
            Shape (arrangements, coefficients + 1); infinite where the standard error is 0.
        """
        weights = 1 / self.vi if self.signs else np.ones_like(self.vi)
        model = Moderated(yi, vi, self.design, heavy_basis(weights, self.design))
        tau2 = 0.0 * yi[:, 0] if self.method == "common" else tau2_of_each(model, self.method)
        fit = model.at(tau2)
        estimates = fit.coefficients(yi) @ self.back.T
        covariance = self.back @ fit.covariance() @ self.back.T
        errors = np.sqrt(np.einsum("...ii->...i", covariance))
        standardised = estimates / errors
        correlations = covariance / (errors[:, :, None] * errors[:, None, :])
        some = standardised[:, self.tested]
        among = correlations[:, self.tested][:, :, self.tested]
        wald = np.vecdot(some, np.linalg.solve(among, some[..., None])[..., 0])
        factor = self._factor(fit, yi)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.concatenate(
                [np.abs(standardised) / np.sqrt(factor)[:, None], (wald / factor)[:, None]], axis=1
            )
        return np.where(factor[:, None] > 0, found, np.inf)

    def _factor(self, fit: ModeratedFit, yi: Floats) -> Floats:
        squares = fit.q()
        if not self.test.startswith("hksj"):
            return np.ones_like(squares)
        noise = TIGHTEST**2 * np.vecdot(fit.weights, yi**2)
        unguarded = np.where(squares <= noise, 0.0, squares / (yi.shape[1] - self.back.shape[1]))
        return np.maximum(unguarded, 1.0) if self.test == "hksj" else unguarded
