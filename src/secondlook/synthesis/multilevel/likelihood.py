"""The normal likelihood of effects whose covariance depends on a few parameters.

With M the covariance of the effects, X the design and y the effects, everything the likelihood
needs is log det M and the small matrix S = (X, y)' M⁻¹ (X, y). Its slopes and curvatures in the
parameters follow from those of the two, whatever the structure of M; each model supplies these as
:class:`Moments`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from secondlook.synthesis.printed_columns import Floats

__all__ = ["Moments", "Point", "point_at"]


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """log det M and S, and their first and second derivatives in r parameters.

    Shapes: ``log_determinant`` scalar, (r,), (r, r); ``products`` (q, q), (r, q, q), (r, r, q, q),
    the last row and column of each product belonging to the effects.
    """

    log_determinant: float
    log_determinant_slopes: Floats
    log_determinant_curvatures: Floats
    products: Floats
    product_slopes: Floats
    product_curvatures: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """The log-likelihood at one value of the parameters.

    Attributes
    ----------
    value, gradient, hessian
        The log-likelihood and its derivatives.
    residual
        The generalised sum of squares of the residuals.
    solution, inverse
        Coefficients and the inverse of X' M⁻¹ X.
    traces, information
        tr(P dM/di) and half tr(P dM/di P dM/dj), where P takes effects to weighted residuals and M
        is linear in the parameters.
    """

    value: float
    gradient: Floats
    hessian: Floats
    residual: float
    solution: Floats
    inverse: Floats
    traces: Floats
    information: Floats


def point_at(moments: Moments, k: int, *, restricted: bool) -> Point:
    """Give the log-likelihood that follows from the moments of k effects."""
    p = moments.products.shape[0] - 1
    inverse, fixed = _inverse(moments.products[:p, :p])
    solution = inverse @ moments.products[:p, p]
    contrast = np.append(-solution, 1.0)
    residual = max(0.0, float(moments.products[p] @ contrast))
    # derivatives of the residual sum: those of S alone, and what the coefficients' moving adds
    turned = moments.product_slopes @ contrast
    pull = turned[:, :p]
    slopes = turned @ contrast
    curvatures = moments.product_curvatures @ contrast @ contrast - 2 * pull @ inverse @ pull.T
    spread = inverse @ moments.product_slopes[:, :p, :p]
    fixed_slopes = np.einsum("iaa->i", spread)
    r = len(spread)
    bent = moments.product_curvatures[:, :, :p, :p].reshape(r, r, p * p)
    crossed = spread.transpose(0, 2, 1).reshape(r, p * p)
    fixed_curvatures = bent @ inverse.ravel() - spread.reshape(r, p * p) @ crossed.T
    traces = moments.log_determinant_slopes + fixed_slopes
    bends = moments.log_determinant_curvatures + fixed_curvatures
    if restricted:
        value = (k - p) * np.log(2 * np.pi) + moments.log_determinant + fixed + residual
        gradient, hessian = traces + slopes, bends + curvatures
    else:
        value = k * np.log(2 * np.pi) + moments.log_determinant + residual
        gradient = moments.log_determinant_slopes + slopes
        hessian = moments.log_determinant_curvatures + curvatures
    return Point(
        value=-float(value) / 2,
        gradient=-gradient / 2,
        hessian=-hessian / 2,
        residual=residual,
        solution=solution,
        inverse=inverse,
        traces=traces,
        information=-bends / 2,
    )


def _inverse(matrix: Floats) -> tuple[Floats, float]:
    # with the log determinant of the matrix
    if matrix.shape == (1, 1):
        return 1 / matrix, float(np.log(matrix[0, 0]))
    # to ones on the diagonal first, so that coefficients of very different precision keep digits
    size = 1 / np.sqrt(np.diagonal(matrix))
    root = np.linalg.cholesky(matrix * size[:, None] * size)
    lower = np.linalg.inv(root)
    determinant = 2 * float(np.log(np.diagonal(root)).sum() - np.log(size).sum())
    return np.asarray((lower.T @ lower) * size[:, None] * size), determinant
