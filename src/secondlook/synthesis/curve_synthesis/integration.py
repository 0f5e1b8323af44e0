"""The marginal likelihood: study effects integrated out by adaptive Gauss-Hermite quadrature.

Study i has location and, where asked, log shape ``fixed + L z`` with z standard normal, so that
L = 0 is an ordinary point and not an edge. The derivatives are those of the integral: the gradient
is the posterior mean of the score (Fisher's identity) and the Hessian the posterior mean of the
second derivative plus the posterior variance of the score (Louis, J R Stat Soc B 1982;44:226-233),
both over the nodes the integral is taken over. Nodes: Pinheiro and Bates, J Comput Graph Stat
1995;4:12-35.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from secondlook.synthesis.curve_synthesis.within_study import Derivatives, WithinStudy
from secondlook.synthesis.printed_columns import Floats

__all__ = ["Marginal", "MarginalLikelihood", "factor"]

_LONGEST_STEP = 3.0
_MODE_TOLERANCE = 1e-7


@dataclass(frozen=True, slots=True)
class MarginalLikelihood:
    """The log-likelihood at one point and its derivatives.

    Parameters
    ----------
    value, gradient, hessian
        With respect to the fixed coordinates (location first), then the entries of L by rows.
    effects
        Posterior means of the study effects L z, shape (r, k).
    """

    value: float
    gradient: Floats
    hessian: Floats
    effects: Floats


class Marginal:
    """A marginal log-likelihood of k studies, which remembers where their modes were.

    Parameters
    ----------
    within
        Likelihood of each study given its own location and shape.
    studies
        Their number k.
    fixed
        Number D of fixed coordinates.
    random
        How many of them, from the first, vary between studies: 0, 1 or 2.
    nodes
        Quadrature nodes for each of them.
    """

    def __init__(
        self, within: WithinStudy, *, studies: int, fixed: int, random: int, nodes: int
    ) -> None:
        self._within = within
        self._fixed = fixed
        self.random = random
        self._modes = np.zeros((random, studies))
        points, weights = np.polynomial.hermite.hermgauss(nodes)
        index = np.indices((nodes,) * random).reshape(random, nodes**random)
        self._points = np.sqrt(2.0) * points[index]
        # the factor exp(x²) of the rule and the 1/sqrt(2 pi) of the normal density, as logarithms
        self._log_weights = np.log(weights[index]).sum(0) + (points[index] ** 2).sum(0)
        self._log_weights -= 0.5 * random * np.log(np.pi)
        rows, columns = np.tril_indices(random)
        self._rows = np.concatenate([np.arange(fixed), rows])
        self._columns = columns
        self.size = self._rows.size

    def __call__(self, parameters: Floats) -> MarginalLikelihood:
        """Evaluate at fixed coordinates followed by the entries of L."""
        lower = factor(parameters[self._fixed :], self.random)
        nodes, log_scale = self._nodes(parameters, lower)
        found = self._at(parameters, lower, nodes, self._fixed)
        log_terms = found.value - 0.5 * (nodes**2).sum(0) + self._log_weights + log_scale[:, None]
        peak = log_terms.max(axis=1, keepdims=True)
        weights = np.exp(log_terms - peak)
        total = weights.sum(axis=1, keepdims=True)
        weights /= total
        factors = np.ones((self.size, *nodes.shape[1:]))
        factors[self._fixed :] = nodes[self._columns]
        score = found.gradient[self._rows] * factors
        second = found.hessian[np.ix_(self._rows, self._rows)] * factors[:, None] * factors
        second += score[:, None] * score
        means = (weights * score).sum(-1)
        return MarginalLikelihood(
            value=float(np.sum(peak + np.log(total))),
            gradient=means.sum(-1),
            hessian=(weights * second).sum((-2, -1)) - means @ means.T,
            effects=np.einsum("ij,jk->ik", lower, (weights * nodes).sum(-1)),
        )

    def _at(self, parameters: Floats, lower: Floats, z: Floats, wanted: int) -> Derivatives:
        moved = np.einsum("ij,jkq->ikq", lower, z)
        location = np.full(z.shape[1:], parameters[0])
        if self.random:
            location = location + moved[0]
        shape = parameters[1 : self._fixed]
        if self.random > 1:
            shape = (shape[0] + moved[1])[None]
        return self._within(location, shape, wanted)

    def _nodes(self, parameters: Floats, lower: Floats) -> tuple[Floats, Floats]:
        """Nodes (r, k, Q) around each study's mode, and the log volume they are stretched by."""
        studies = self._modes.shape[1]
        if not self.random:
            return np.zeros((0, studies, 1)), np.zeros(studies)
        modes, precision = self._modes, np.empty(0)
        for _ in range(50):
            modes, precision, moved = self._step(parameters, lower, modes)
            if moved < _MODE_TOLERANCE:
                break
        self._modes = modes
        spread = np.linalg.cholesky(np.linalg.inv(precision))
        nodes = modes[:, :, None] + np.einsum("kij,jq->ikq", spread, self._points)
        return nodes, np.log(np.diagonal(spread, axis1=1, axis2=2)).sum(-1)

    def _step(
        self, parameters: Floats, lower: Floats, modes: Floats
    ) -> tuple[Floats, Floats, float]:
        """One Newton step of every mode, the precision it was taken with, and its length."""
        r = self.random
        found = self._at(parameters, lower, modes[:, :, None], r)
        gradient = np.einsum("ji,jk->ki", lower, found.gradient[:r, :, 0]) - modes.T
        bend = np.einsum("ji,jmk,mn->kin", lower, found.hessian[:r, :r, :, 0], lower)
        values, vectors = np.linalg.eigh(np.eye(r) - bend)
        # where the likelihood is not concave the normal density alone decides
        values = np.maximum(values, 1.0 if r == 1 else 0.5)
        precision = np.einsum("kij,kj,klj->kil", vectors, values, vectors)
        step = np.einsum("kij,kj,klj,kl->ki", vectors, 1 / values, vectors, gradient)
        step = np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
        return modes + step.T, precision, float(np.max(np.abs(step), initial=0.0))


def factor(entries: Floats, random: int) -> Floats:
    """Give the lower triangular L of which these are the entries by rows."""
    lower = np.zeros((random, random))
    lower[np.tril_indices(random)] = entries
    return lower
