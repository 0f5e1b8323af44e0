"""Coefficients with their tests, and tests of contrasts between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtrc, gammaincc, ndtr, ndtri, stdtr, stdtrit

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import Floats, raise_any, written
from secondlook.synthesis.result import Interval, decimals, p_text, range_text

__all__ = [
    "Coefficient",
    "JointTest",
    "Prediction",
    "coefficients_from",
    "critical_value",
    "joint_test",
    "read_contrasts",
]

Contrasts = Mapping[str, float] | Sequence[Mapping[str, float]] | ArrayLike


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One coefficient, or one contrast of coefficients, with its test against 0.

    ``degrees_of_freedom`` is None for the normal distribution; ``statistic`` and ``p_value`` are
    None where the standard error is 0.
    """

    name: str
    estimate: float
    standard_error: float
    interval: Interval
    statistic: float | None
    degrees_of_freedom: float | None
    p_value: float | None

    def __str__(self) -> str:
        says = f"{self.name}: {decimals(self.estimate)} ({range_text(self.interval)})"
        if self.statistic is None or self.p_value is None:
            return f"{says}, no test: the standard error is 0"
        if self.degrees_of_freedom is None:
            return f"{says}, z = {decimals(self.statistic)}, {p_text(self.p_value)}"
        degrees = f"{self.degrees_of_freedom:.4g} df"
        return f"{says}, t = {decimals(self.statistic)}, {degrees}, {p_text(self.p_value)}"


@dataclass(frozen=True, slots=True)
class JointTest:
    """The test that several coefficients or contrasts are all 0.

    ``statistic`` is chi-squared with ``degrees_of_freedom`` where ``denominator_degrees`` is None,
    and F otherwise.
    """

    names: tuple[str, ...]
    statistic: float
    degrees_of_freedom: int
    denominator_degrees: float | None
    p_value: float

    def __str__(self) -> str:
        if self.denominator_degrees is None:
            text = f"chi² = {decimals(self.statistic)}, {self.degrees_of_freedom} df"
        else:
            below = f"{self.denominator_degrees:.4g}"
            text = f"F = {decimals(self.statistic)}, {self.degrees_of_freedom} and {below} df"
        return f"{text}, {p_text(self.p_value)}"


@dataclass(frozen=True, slots=True)
class Prediction:
    """The mean effect at given moderators, and where a new true effect is expected to lie."""

    estimate: float
    standard_error: float
    interval: Interval
    prediction_interval: Interval | None
    degrees_of_freedom: float | None


def critical_value(level: float, degrees: float | None) -> float:
    """Give how many standard errors an interval reaches to either side.

    Examples
    --------
    >>> round(critical_value(0.95, None), 3), round(critical_value(0.95, 10), 3)
    (1.96, 2.228)
    """
    tail = (1 - level) / 2
    return -float(ndtri(tail) if degrees is None else stdtrit(degrees, tail))


def coefficients_from(
    names: Sequence[str],
    estimates: Floats,
    errors: Floats,
    degrees: Sequence[float | None],
    level: float,
) -> tuple[Coefficient, ...]:
    """Give each coefficient its interval and its test by the t or the normal distribution."""
    found = []
    for name, estimate, error, df in zip(
        names, estimates.tolist(), errors.tolist(), degrees, strict=True
    ):
        reach = critical_value(level, df) * error
        statistic = estimate / error if error > 0 else None
        p_value = None
        if statistic is not None:
            away = -abs(statistic)
            p_value = 2 * float(ndtr(away) if df is None else stdtr(df, away))
        interval = (estimate - reach, estimate + reach)
        found.append(Coefficient(name, estimate, error, interval, statistic, df, p_value))
    return tuple(found)


def joint_test(
    names: Sequence[str], estimates: Floats, covariance: Floats, denominator: float | None
) -> JointTest | None:
    """Give the Wald test that all are 0: chi-squared, or F where there are degrees of freedom.

    None where there is nothing to test, or where the covariance has no inverse.
    """
    q = len(names)
    if q == 0:
        return None
    size = np.sqrt(np.diagonal(covariance))
    if not np.all(size > 0):
        return None
    scaled = covariance / (size[:, None] * size)
    if np.linalg.eigvalsh(scaled)[0] <= 1e-12:
        return None
    away = estimates / size
    statistic = float(away @ np.linalg.solve(scaled, away))
    if denominator is None:
        return JointTest(tuple(names), statistic, q, None, float(gammaincc(q / 2, statistic / 2)))
    p_value = float(fdtrc(q, denominator, statistic / q))
    return JointTest(tuple(names), statistic / q, q, denominator, p_value)


def read_contrasts(
    where: str, contrasts: Contrasts, columns: Sequence[str]
) -> tuple[tuple[str, ...], Floats]:
    """Give names and rows of contrasts written by name, or as a matrix with a column for each.

    Examples
    --------
    >>> names, rows = read_contrasts("test", {"PD": 1, "AL": -1}, ["PD", "AL"])
    >>> names, rows.tolist()
    (('PD - AL',), [[1.0, -1.0]])
    """
    if isinstance(contrasts, Mapping):
        contrasts = [contrasts]
    if isinstance(contrasts, Sequence) and all(isinstance(one, Mapping) for one in contrasts):
        rows = _by_name(where, contrasts, columns)
    else:
        try:
            rows = np.atleast_2d(np.array(contrasts, dtype=np.float64))
        except (TypeError, ValueError):
            rows = np.empty((0, 0))
        if rows.ndim != 2 or rows.shape[1] != len(columns) or not np.all(np.isfinite(rows)):
            rule = f"is not a row of {len(columns)} finite numbers for each contrast"
            remedy = "give one number per coefficient, or a mapping from names to numbers"
            raise EstimationError(Problem(where, written(contrasts), rule, remedy))
    rank = np.linalg.matrix_rank(rows) if rows.size else 0
    if rank < len(rows) or not len(rows):
        rule = "are not contrasts that can be tested together"
        remedy = "leave out those that are 0 or follow from the others"
        raise EstimationError(Problem(where, None, rule, remedy))
    return tuple(_named(row, columns) for row in rows), rows


def _by_name(where: str, contrasts: Sequence[object], columns: Sequence[str]) -> Floats:
    place = {name: j for j, name in enumerate(columns)}
    rows = np.zeros((len(contrasts), len(columns)))
    problems = []
    for i, one in enumerate(contrasts):
        if not isinstance(one, Mapping):
            continue
        for name, value in one.items():
            if name not in place:
                remedy = f"use {', '.join(columns)}"
                problems.append(Problem(where, str(name), "is no coefficient", remedy))
            elif not (isinstance(value, int | float | np.number) and np.isfinite(value)):
                rule = f"is not a finite number for {name}"
                problems.append(Problem(where, written(value), rule, "give a number"))
            else:
                rows[i, place[name]] = float(value)
    raise_any(problems)
    return rows


def _named(row: Floats, columns: Sequence[str]) -> str:
    parts = []
    for value, name in zip(row.tolist(), columns, strict=True):
        if value == 0:
            continue
        sign = "-" if value < 0 else "+"
        size = "" if abs(value) == 1 else f"{abs(value):g} × "
        parts.append(f"{sign} {size}{name}")
    text = " ".join(parts)
    return text.removeprefix("+ ")


def table(coefficients: Sequence[Coefficient], level: float) -> list[str]:
    """Write coefficients as lines of text under a heading."""
    width = max(len("coefficient"), *(len(one.name) for one in coefficients))
    percent = f"{100 * level:g} % interval"
    head = (
        f"  {'coefficient':<{width}}  {'estimate':>9}  {'error':>9}  {percent:<20}  "
        f"{'statistic':>9}  {'df':>6}  P"
    )
    lines = [head]
    for one in coefficients:
        degrees = "–" if one.degrees_of_freedom is None else f"{one.degrees_of_freedom:.4g}"
        statistic = "–" if one.statistic is None else decimals(one.statistic)
        p_value = "–" if one.p_value is None else p_text(one.p_value).removeprefix("P ")
        lines.append(
            f"  {one.name:<{width}}  {decimals(one.estimate):>9}  "
            f"{decimals(one.standard_error):>9}  {range_text(one.interval):<20}  "
            f"{statistic:>9}  {degrees:>6}  {p_value.removeprefix('= ')}"
        )
    return lines


def plain(value: object) -> object:
    """Give records and tuples as plain JSON types, and None for what is infinite."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple | list):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and np.isinf(value) else value


@dataclass(frozen=True, slots=True)
class LikelihoodRatio:
    """A likelihood-ratio test against a model without one of the variances.

    ``p_value`` is that of chi-squared with one degree of freedom. A variance of 0 lies on the bound
    of what it may be, for which this is too large: ``boundary_p_value`` is that of an even mixture
    of 0 and chi-squared (Self and Liang, J Am Stat Assoc 1987;82:605-610).
    """

    statistic: float
    p_value: float
    boundary_p_value: float
    log_likelihood: float

    def __str__(self) -> str:
        return f"likelihood ratio {decimals(self.statistic)}, {p_text(self.p_value)}"


def likelihood_ratio(full: float, reduced: float) -> LikelihoodRatio:
    """Give the test of one variance from the log-likelihoods with and without it.

    Examples
    --------
    >>> round(likelihood_ratio(-10.0, -11.92073).p_value, 4)
    0.05
    """
    statistic = max(0.0, 2 * (full - reduced))
    p_value = float(gammaincc(0.5, statistic / 2))
    return LikelihoodRatio(statistic, p_value, p_value / 2 if statistic > 0 else 1.0, reduced)


def wald_test(
    where: str,
    contrasts: Contrasts,
    coefficients: Sequence[Coefficient],
    covariance: Sequence[Sequence[float]],
    level: float,
) -> tuple[tuple[Coefficient, ...], JointTest | None]:
    """Give contrasts with their tests, and the test that all are 0.

    A contrast has the smallest degrees of freedom of the coefficients in it.
    """
    names, rows = read_contrasts(where, contrasts, [one.name for one in coefficients])
    estimates = rows @ np.array([one.estimate for one in coefficients])
    spread = rows @ np.array(covariance) @ rows.T
    degrees = [_least_degrees(row, coefficients) for row in rows]
    errors = np.sqrt(np.maximum(np.diagonal(spread), 0.0))
    known = [one for one in degrees if one is not None]
    joint = joint_test(names, estimates, spread, min(known) if known else None)
    return coefficients_from(names, estimates, errors, degrees, level), joint


def _least_degrees(row: Floats, coefficients: Sequence[Coefficient]) -> float | None:
    inside = [
        one.degrees_of_freedom
        for one, value in zip(coefficients, row.tolist(), strict=True)
        if value != 0 and one.degrees_of_freedom is not None
    ]
    return min(inside) if inside else None


def at_moderators(
    where: str,
    moderators: Mapping[str, float],
    coefficients: Sequence[Coefficient],
    covariance: Sequence[Sequence[float]],
    added: float | None,
    level: float,
) -> Prediction:
    """Give the mean at given values of the moderators, `added` being the variance about it."""
    columns = [one.name for one in coefficients]
    values = {"intercept": 1.0, **moderators} if "intercept" in columns else dict(moderators)
    missing = [name for name in columns if name not in values]
    raise_any([Problem(f"{where}, {name}", None, "is missing", "give a value") for name in missing])
    row = _by_name(where, [values], columns)[0]
    estimate = float(row @ np.array([one.estimate for one in coefficients]))
    variance = max(0.0, float(row @ np.array(covariance) @ row))
    degrees = _least_degrees(row, coefficients)
    reach = critical_value(level, degrees)
    error = float(np.sqrt(variance))
    further = None if added is None else reach * float(np.sqrt(variance + added))
    return Prediction(
        estimate,
        error,
        (estimate - reach * error, estimate + reach * error),
        None if further is None else (estimate - further, estimate + further),
        degrees,
    )
