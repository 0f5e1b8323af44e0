"""Degrees of freedom of coefficients in models with grouped effects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from secondlook.synthesis.multilevel.groups import Groups
from secondlook.synthesis.printed_columns import Floats

__all__ = ["DEGREES", "contained_degrees"]

DEGREES: dict[str, str] = {
    "contain": "as many as there are units of the level at which the column varies, less the "
    "number of coefficients",
    "residual": "effects less coefficients",
}
"""How the degrees of freedom of the t distribution are counted."""


def contained_degrees(design: Floats, groupings: Sequence[Groups]) -> list[int]:
    """Count groups less coefficients, of the coarsest grouping within which a column is constant.

    Effects less coefficients for a column that varies within every grouping; never below 1.

    Examples
    --------
    >>> groups = Groups(np.array([0, 0, 1, 1, 2]), ("A", "B", "C"))
    >>> contained_degrees(np.column_stack([np.ones(5), [0, 1, 0, 1, 0]]), [groups])
    [1, 3]
    """
    k, p = design.shape
    found = []
    for column in design.T:
        counts = [k]
        for groups in groupings:
            first = np.zeros(len(groups.labels))
            first[groups.of] = column
            if np.all(column == first[groups.of]):
                counts.append(len(groups.labels))
        found.append(max(1, min(counts) - p))
    return found
