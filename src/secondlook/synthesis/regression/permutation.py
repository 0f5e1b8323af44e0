"""Permutation tests of the coefficients of a regression."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import raise_any, written
from secondlook.synthesis.regression.permuted_statistics import Rearranged
from secondlook.synthesis.regression.predictions import aligned
from secondlook.synthesis.regression.result import Regression
from secondlook.synthesis.result import decimals, p_text

if TYPE_CHECKING:
    import polars

__all__ = ["PermutationTest", "PermutedCoefficient", "permutation_test"]

_MOST = 1_000_000
"""Arrangements gone through at most."""

_ROUNDING = 1.5e-8
"""Statistics this close are taken to be equal, as arrangements that are alike may differ so."""

_SMALL = 0.05


@dataclass(frozen=True, slots=True)
class PermutedCoefficient:
    """One coefficient with its P value by the reference distribution and by permutation."""

    name: str
    estimate: float
    statistic: float | None
    p_value: float | None
    permutation_p_value: float


@dataclass(frozen=True, slots=True)
class PermutationTest:
    """How often chance arrangements give statistics as large as those of a regression.

    Parameters
    ----------
    coefficients
        One :class:`PermutedCoefficient` per coefficient.
    omnibus_statistic, omnibus_p_value, omnibus_permutation_p_value
        The test of the coefficients ``omnibus_of`` together.
    omnibus_of
        Their names.
    arrangements
        How many were compared, the observed one among them.
    possible
        How many there are.
    exact
        Whether all were.
    seed
        Of the random arrangements; None where all were gone through.
    conventions, warnings
        One sentence for each choice, and for each reason for care.
    """

    coefficients: tuple[PermutedCoefficient, ...]
    omnibus_of: tuple[str, ...]
    omnibus_statistic: float | None
    omnibus_p_value: float | None
    omnibus_permutation_p_value: float
    arrangements: int
    possible: int
    exact: bool
    seed: int | None
    conventions: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Give every field as plain JSON types."""
        plain = asdict(self)
        return {key: list(v) if isinstance(v, tuple) else v for key, v in plain.items()}

    def to_frame(self) -> polars.DataFrame:
        """Give one row per coefficient."""
        import polars as pl

        return pl.DataFrame([asdict(one) for one in self.coefficients])

    def __str__(self) -> str:
        kind = f"all {self.arrangements}" if self.exact else f"{self.arrangements} random"
        table = [["", "estimate", "statistic", "P", "P by permutation"]]
        together = PermutedCoefficient(
            "omnibus",
            float("nan"),
            self.omnibus_statistic,
            self.omnibus_p_value,
            self.omnibus_permutation_p_value,
        )
        for one in (*self.coefficients, together):
            table.append(
                [
                    one.name,
                    "" if one is together else decimals(one.estimate),
                    "–" if one.statistic is None else decimals(one.statistic),
                    "–" if one.p_value is None else _p(one.p_value),
                    _p(one.permutation_p_value),
                ]
            )
        lines = [f"Permutation test: {kind} arrangements", "", *aligned(table), "", "Conventions"]
        lines += [f"  {sentence}" for sentence in self.conventions]
        if self.warnings:
            lines += ["", "Warnings", *(f"  {sentence}" for sentence in self.warnings)]
        return "\n".join(lines)


def _p(value: float) -> str:
    return p_text(value).removeprefix("P ").removeprefix("= ")


def permutation_test(
    regression: Regression, *, permutations: int = 1000, exact: bool = False, seed: int = 1
) -> PermutationTest:
    """Test the coefficients of a regression by permutation.

    What is estimated is the chance of a statistic at least as large, either way, among arrangements
    that would be as likely if there were nothing to find: for the mean alone, effects with their
    signs turned; with moderators, the rows of moderator values handed out anew to the studies.
    Every arrangement is fitted as the data were, tau² included.

    Parameters
    ----------
    regression
        As :func:`regress` gives it, with its method and test.
    permutations
        How many arrangements to compare, the observed one among them. All are gone through where
        there are no more than this.
    exact
        Whether to go through all where there are more, up to a million.
    seed
        Of the random arrangements: the same seed gives the same P values.

    Raises
    ------
    EstimationError
        For fewer than two permutations, a seed that is not a whole number from 0, or more than a
        million arrangements asked for.

    Notes
    -----
    Higgins and Thompson, Stat Med 2004;23:1663-1682; Follmann and Proschan, Biometrics
    1999;55:732-737, on the signs. With few studies the smallest possible P value is large: five
    signs allow none below 2/32. A P value for one of several moderators does not hold the others
    fixed.

    Examples
    --------
    >>> from secondlook.synthesis.regression import regress
    >>> found = permutation_test(regress([0.3, 0.5, 0.4, 0.9], [0.1, 0.1, 0.2, 0.2]))
    >>> found.arrangements, found.exact, found.coefficients[0].permutation_p_value
    (16, True, 0.125)
    """
    _check(permutations, seed)
    rearranged = Rearranged.of(regression)
    possible = rearranged.possible()
    exact = bool(exact) or possible <= permutations
    count = possible if exact else int(permutations)
    if count > _MOST:
        rule = f"are more arrangements than the {_MOST} that can be gone through"
        remedy = "leave exact and lower permutations"
        raise EstimationError(Problem("permutation_test", str(count), rule, remedy))
    p_values = _p_values(rearranged, count, None if exact else int(seed))
    omnibus = regression.omnibus
    return PermutationTest(
        coefficients=tuple(
            PermutedCoefficient(one.name, one.estimate, one.statistic, one.p_value, p_value)
            for one, p_value in zip(regression.coefficients, p_values[:-1], strict=True)
        ),
        omnibus_of=omnibus.coefficients,
        omnibus_statistic=omnibus.statistic,
        omnibus_p_value=omnibus.p_value,
        omnibus_permutation_p_value=p_values[-1],
        arrangements=count,
        possible=possible,
        exact=exact,
        seed=None if exact else int(seed),
        conventions=_conventions(regression, rearranged, count, None if exact else int(seed)),
        warnings=_warnings(rearranged, possible),
    )


def _check(permutations: object, seed: object) -> None:
    problems = []
    if not isinstance(permutations, Integral) or permutations < 2:
        rule, remedy = "is not a whole number of two or more", "write 1000"
        where = "permutation_test, permutations"
        problems.append(Problem(where, written(permutations), rule, remedy))
    if not isinstance(seed, Integral) or seed < 0:
        rule, remedy = "is not a whole number from 0", "write 1"
        problems.append(Problem("permutation_test, seed", written(seed), rule, remedy))
    raise_any(problems)


def _p_values(rearranged: Rearranged, count: int, seed: int | None) -> list[float]:
    """Give the share of arrangements with a statistic at least as large, per statistic."""
    observed = rearranged.statistics(rearranged.yi[None], rearranged.vi[None])[0]
    finite = np.where(np.isinf(observed), 1.0, observed)
    least = observed - _ROUNDING * np.maximum(1.0, finite)
    blocks = rearranged.everything() if seed is None else rearranged.some(count - 1, seed)
    hits = np.zeros(observed.size)
    for yi, vi in blocks:
        hits += (rearranged.statistics(yi, vi) >= least).sum(axis=0)
    if seed is not None:
        hits += 1  # the observed arrangement
    elif rearranged.signs:
        hits *= 2  # every pattern turned round
    return [float(share) for share in hits / count]


def _conventions(
    regression: Regression, rearranged: Rearranged, count: int, seed: int | None
) -> tuple[str, ...]:
    way = "effects with their signs turned" if rearranged.signs else "moderators handed out anew"
    if seed is None:
        drawn = f"all {count} of them"
    else:
        error = 1.96 * (0.05 * 0.95 / count) ** 0.5
        drawn = (
            f"{count} of them at random, the observed one included (seed {seed}); a P value near "
            f"0.05 is known to within {error:.3f}"
        )
    return (
        f"Arrangements: {way}, {drawn}.",
        f"Each is fitted by {regression.method} and tested by {regression.test}; P is the share of "
        "arrangements whose statistic is at least as large, either way.",
    )


def _warnings(rearranged: Rearranged, possible: int) -> tuple[str, ...]:
    least = (2 if rearranged.signs else 1) / possible
    if least <= _SMALL:
        return ()
    return (f"There are so few arrangements that no P value below {least:.3f} is possible.",)
