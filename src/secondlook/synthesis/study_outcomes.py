"""Effects and variances as they are handed to pooling: checked once, missing rows set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import Floats, named, one_list, raise_any

__all__ = ["StudyOutcomes", "read_outcomes"]


@dataclass(frozen=True, slots=True, eq=False)
class StudyOutcomes:
    """Effects that can be pooled, what the studies are called, and who had to be left out."""

    yi: Floats
    vi: Floats
    names: tuple[str, ...]
    omitted: tuple[str, ...]

    def without(self, index: int) -> StudyOutcomes:
        """Give the same outcomes without one study."""
        kept = np.arange(self.yi.size) != index
        names = self.names[:index] + self.names[index + 1 :]
        return StudyOutcomes(self.yi[kept], self.vi[kept], names, ())


def read_outcomes(
    yi: ArrayLike, vi: ArrayLike, names: Sequence[str] | None = None
) -> StudyOutcomes:
    """Check effects and variances and set rows with a missing value aside.

    Parameters
    ----------
    yi, vi
        Effects and sampling variances, shape (k,); NaN where unknown.
    names
        What the studies are called; ``study 1``, ``study 2``, ... if not given.

    Raises
    ------
    EstimationError
        Naming every study whose effect is infinite or whose variance is not positive and finite,
        or saying that nothing is left to pool.

    Examples
    --------
    >>> read_outcomes([0.1, float("nan")], [0.2, 0.3], ["Adam", "Raab"]).omitted
    ('Raab',)
    """
    effects, variances = one_list("pool, yi", yi), one_list("pool, vi", vi)
    labels = named("pool", {"yi": effects.size, "vi": variances.size}, names)
    missing = np.isnan(effects) | np.isnan(variances)
    raise_any(_unusable(effects, variances, labels, missing))
    if missing.all():
        found = "no studies" if not labels else "no study with both an effect and a variance"
        raise EstimationError(Problem("pool", found, "is too few to pool", "give at least one"))
    return StudyOutcomes(
        yi=effects[~missing],
        vi=variances[~missing],
        names=tuple(n for n, gone in zip(labels, missing, strict=True) if not gone),
        omitted=tuple(n for n, gone in zip(labels, missing, strict=True) if gone),
    )


def _unusable(
    effects: Floats, variances: Floats, labels: tuple[str, ...], missing: NDArray[np.bool_]
) -> list[Problem]:
    infinite = np.isinf(effects)
    improper = ~((variances > 0) & np.isfinite(variances))
    problems = []
    for i in np.flatnonzero((infinite | improper) & ~missing):
        if infinite[i]:
            effect = f"{effects[i]:g}"
            problems.append(Problem(f"{labels[i]}, yi", effect, "is not finite", "leave it out"))
        if improper[i]:
            variance, rule = f"{variances[i]:g}", "is not a positive, finite variance"
            problems.append(Problem(f"{labels[i]}, vi", variance, rule, "correct or omit it"))
    return problems
