"""Tables read for summing over strata, the studies' own effects, and the record put together."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.effects.continuity import corrected
from secondlook.synthesis.event_counts import EventCounts, read_event_counts
from secondlook.synthesis.printed_columns import Floats, not_positive, raise_any, written
from secondlook.synthesis.stratified_result import PooledStrata
from secondlook.synthesis.stratified_tables import ChiSquared, Summed, chi_squared

__all__ = [
    "OWN_RATES",
    "OWN_TABLE",
    "Strata",
    "assembled",
    "check_options",
    "double_zero",
    "own_effects",
    "read_differences",
    "read_tables",
    "read_two_rates",
    "said_of_test",
]

Moments = tuple[Floats, Floats]
Own = Callable[..., Moments]
"""From the cells of tables to the studies' own effects and their variances."""


def _own_odds_ratio(a: Floats, b: Floats, c: Floats, d: Floats) -> Moments:
    return np.log(a / b) - np.log(c / d), 1 / a + 1 / b + 1 / c + 1 / d


def _own_risk_ratio(a: Floats, b: Floats, c: Floats, d: Floats) -> Moments:
    n1, n2 = a + b, c + d
    return np.log(a / n1) - np.log(c / n2), b / (a * n1) + d / (c * n2)


def _own_risk_difference(a: Floats, b: Floats, c: Floats, d: Floats) -> Moments:
    n1, n2 = a + b, c + d
    return a / n1 - c / n2, a * b / n1**3 + c * d / n2**3


def _own_rate_ratio(x1: Floats, t1: Floats, x2: Floats, t2: Floats) -> Moments:
    return np.log(x1 / t1) - np.log(x2 / t2), 1 / x1 + 1 / x2


def _own_rate_difference(x1: Floats, t1: Floats, x2: Floats, t2: Floats) -> Moments:
    return x1 / t1 - x2 / t2, x1 / t1**2 + x2 / t2**2


OWN_TABLE: dict[str, Own] = {
    "odds ratio": _own_odds_ratio,
    "risk ratio": _own_risk_ratio,
    "risk difference": _own_risk_difference,
}
OWN_RATES: dict[str, Own] = {
    "rate ratio": _own_rate_ratio,
    "rate difference": _own_rate_difference,
}


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """What was read, and the cells the sums are made of.

    Parameters
    ----------
    read
        Columns as they were given.
    cells
        Events and others by arm, or events and person-time by arm, or what Peto's method sums.
    corrigible
        Which of the cells are counts, to which a correction could be added.
    warnings
        Studies left out, or that say nothing.
    """

    read: EventCounts
    cells: tuple[Floats, ...]
    corrigible: tuple[int, ...]
    warnings: tuple[str, ...]

    def corrected(
        self, where: str, add: float, to: str
    ) -> tuple[tuple[Floats, ...], tuple[str, ...]]:
        """Give the cells with the correction that was asked for, and what to say about it."""
        counts = tuple(self.cells[i] for i in self.corrigible)
        found = corrected(counts, self.read.names, where=where, add=add, to=to)
        cells = list(self.cells)
        for i, cell in zip(self.corrigible, found.cells, strict=True):
            cells[i] = cell
        return tuple(cells), found.assumptions


def check_options(where: str, measure: object, known: Sequence[str], level: object) -> None:
    """Refuse a measure that does not exist and a level that is none."""
    problems = []
    if written(measure) not in known:
        rule, remedy = "is not pooled by this method", f"use {' or '.join(known)}"
        problems.append(Problem(f"{where}, measure", written(measure), rule, remedy))
    if not (isinstance(level, float | np.floating) and 0 < level < 1):
        rule = "is not a number between 0 and 1"
        problems.append(Problem(f"{where}, level", written(level), rule, "write 0.95 for 95 %"))
    if problems:
        raise EstimationError(problems)


def read_tables(
    where: str, given: Sequence[ArrayLike], names: Sequence[str] | None, *, keep: bool
) -> Strata:
    """Read events and patients of two arms; without `keep`, only where both outcomes occurred."""
    columns = ("treated_events", "treated_n", "control_events", "control_n")
    read = read_event_counts(
        where,
        dict(zip(columns, given, strict=True)),
        names,
        of_patients={"treated_events": "treated_n", "control_events": "control_n"},
    )
    warnings = []
    silent = _one_outcome(read)
    if silent.any():
        who = ", ".join(read.called(silent))
        said = "says nothing about a ratio" if keep else "left out, as asked"
        warnings.append(f"The same outcome in everybody, which {said}: {who}.")
        if not keep and silent.all():
            rule = "has both outcomes among its patients"
            raise EstimationError(Problem(where, "no study", rule, "there is nothing to pool"))
        read = read if keep else read.kept(~silent)
    a, n1, c, n2 = read.columns.values()
    return Strata(read, (a, n1 - a, c, n2 - c), (0, 1, 2, 3), tuple(warnings))


def double_zero(counts: Strata) -> NDArray[np.bool_]:
    """Say in which tables nobody or everybody had the event."""
    return _one_outcome(counts.read)


def _one_outcome(read: EventCounts) -> NDArray[np.bool_]:
    a, n1, c, n2 = read.columns.values()
    return np.asarray((a + c == 0) | (a + c == n1 + n2))


def read_two_rates(where: str, given: Sequence[ArrayLike], names: Sequence[str] | None) -> Strata:
    """Read events and person-time of two arms."""
    columns = ("treated_events", "treated_time", "control_events", "control_time")
    pairs = {"treated_events": "treated_time", "control_events": "control_time"}
    read = read_event_counts(where, dict(zip(columns, given, strict=True)), names, of_time=pairs)
    return Strata(read, tuple(read.columns.values()), (0, 2), ())


def read_differences(
    where: str, away: ArrayLike, variance: ArrayLike, names: Sequence[str] | None
) -> Strata:
    """Read observed minus expected events and their variances."""
    given = {"observed_minus_expected": away, "variance": variance}
    read = read_event_counts(where, given, names)
    raise_any(not_positive("variance", read.columns["variance"], read.names))
    return Strata(read, tuple(read.columns.values()), (), ())


def own_effects(
    counts: Strata,
    own: Own,
    silent: NDArray[np.bool_] | None,
    *,
    add: float,
    to: str,
) -> Moments:
    """Give the studies' own effects and variances, NaN where a study has none."""
    cells = counts.corrected("Q", add, to)[0]
    with np.errstate(all="ignore"):
        yi, vi = own(*cells)
    usable = np.isfinite(yi) & np.isfinite(vi) & (vi > 0)
    if silent is not None:
        usable &= ~silent
    return np.where(usable, yi, np.nan), np.where(usable, vi, np.nan)


def said_of_test(tests: Mapping[str, ChiSquared], *, corrected: bool) -> tuple[str, ...]:
    """Say whether the test of no association was corrected, where there is one."""
    if not tests:
        return ()
    took = "1/2 taken from the difference" if corrected else "without a continuity correction"
    return (f"Mantel-Haenszel test: {took}.",)


def assembled(
    counts: Strata,
    measure: str,
    estimator: str,
    summed: Summed,
    own: Moments,
    tests: Mapping[str, ChiSquared],
    level: float,
    said: tuple[str, ...],
) -> PooledStrata:
    """Put the record together; arguments as their types and names say."""
    yi, vi = own
    ratio = measure.endswith("ratio")
    error = math.sqrt(max(0.0, summed.variance))
    reach = -float(ndtri((1 - level) / 2)) * error
    low, high = summed.estimate - reach, summed.estimate + reach
    statistic = summed.estimate / error if error > 0 else None
    has = ~np.isnan(yi)
    q = _q(yi[has], vi[has], summed.estimate)
    degrees = int(has.sum()) - 1
    return PooledStrata(
        measure=measure,
        estimator=estimator,
        estimate=summed.estimate,
        standard_error=error,
        interval=(low, high),
        ratio=math.exp(summed.estimate) if ratio else None,
        ratio_interval=(math.exp(low), math.exp(high)) if ratio else None,
        statistic=statistic,
        p_value=None if statistic is None else 2 * float(ndtr(-abs(statistic))),
        q=q,
        q_degrees_of_freedom=max(0, degrees),
        q_p_value=chi_squared(q, degrees).p_value,
        i2=None if degrees < 1 else 100 * max(0.0, 1 - degrees / q) if q > 0 else 0.0,
        h2=None if degrees < 1 else q / degrees,
        **_tested(tests),
        weights=tuple((100 * summed.weights / summed.weights.sum()).tolist()),
        yi=_listed(yi),
        vi=_listed(vi),
        counts={name: tuple(values.tolist()) for name, values in counts.read.columns.items()},
        names=counts.read.names,
        k=counts.read.k,
        omitted=counts.read.omitted,
        level=float(level),
        conventions=_conventions(estimator, said),
        warnings=_warnings(counts, has, statistic),
    )


def _tested(tests: Mapping[str, ChiSquared]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name in ("mantel_haenszel", "cochran", "breslow_day", "tarone"):
        found = tests.get(name)
        fields[f"{name}_statistic"] = None if found is None else found.statistic
        fields[f"{name}_p_value"] = None if found is None else found.p_value
    homogeneous = tests.get("breslow_day")
    fields["breslow_day_degrees_of_freedom"] = None if homogeneous is None else homogeneous.degrees
    return fields


def _listed(values: Floats) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(value) else value for value in values.tolist())


def _q(yi: Floats, vi: Floats, estimate: float) -> float:
    return float(np.sum((yi - estimate) ** 2 / vi)) if yi.size > 1 else 0.0


def _conventions(estimator: str, said: tuple[str, ...]) -> tuple[str, ...]:
    return (
        f"{estimator}: one effect in all studies; normal test and interval.",
        "Q, I² and H²: the studies' own effects about the common one, with inverse-variance "
        "weights.",
        *said,
    )


def _warnings(counts: Strata, has: NDArray[np.bool_], statistic: float | None) -> tuple[str, ...]:
    found = list(counts.warnings)
    if counts.read.omitted:
        found.insert(0, f"Left out, a number missing: {', '.join(counts.read.omitted)}.")
    if not has.all():
        found.append(
            f"Without an effect of their own, not in Q: {', '.join(counts.read.called(~has))}."
        )
    if statistic is None:
        found.append("The standard error is 0, so there is no test: nothing varies.")
    if counts.read.k == 1:
        found.append("One study: heterogeneity cannot be estimated.")
    return tuple(found)
