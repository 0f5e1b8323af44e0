"""Counts of events with their patients or person-time, checked once, missing rows set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import (
    Floats,
    improper_counts,
    named,
    not_negative,
    not_positive,
    offences,
    one_list,
    raise_any,
)

__all__ = ["EventCounts", "read_event_counts"]


@dataclass(frozen=True, slots=True, eq=False)
class EventCounts:
    """Columns of counts that can be pooled, what their rows are called, and who was left out."""

    columns: Mapping[str, Floats]
    names: tuple[str, ...]
    omitted: tuple[str, ...]

    @property
    def k(self) -> int:
        """How many rows are left."""
        return len(self.names)

    def kept(self, rows: NDArray[np.bool_]) -> EventCounts:
        """Give some of the rows; who was left out before stays as it was."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        return EventCounts(columns, self.called(rows), self.omitted)

    def called(self, rows: NDArray[np.bool_]) -> tuple[str, ...]:
        """Name some of the rows."""
        return tuple(name for name, is_so in zip(self.names, rows, strict=True) if is_so)


def read_event_counts(
    where: str,
    given: Mapping[str, ArrayLike],
    names: Sequence[str] | None,
    *,
    of_patients: Mapping[str, str] | None = None,
    of_time: Mapping[str, str] | None = None,
    whole: bool = False,
) -> EventCounts:
    """Check counts of events and set rows with a missing number aside.

    Parameters
    ----------
    where
        What the function is called that was given them.
    given
        Columns of equal length, NaN where unknown.
    names
        What the rows are called; ``study 1``, ``study 2``, ... if not given.
    of_patients, of_time
        Which column of events belongs to which column of patients, or of person-time.
    whole
        Refuse events and patients that are not whole numbers.

    Raises
    ------
    EstimationError
        Naming every row with an impossible count, or saying that nothing is left.

    Examples
    --------
    >>> given = {"events": [1, float("nan")], "n": [9, 8]}
    >>> read_event_counts("pool", given, None, of_patients={"events": "n"}).omitted
    ('study 2',)
    """
    columns = {name: one_list(f"{where}, {name}", values) for name, values in given.items()}
    labels = named(where, {name: column.size for name, column in columns.items()}, names)
    missing = np.logical_or.reduce([np.isnan(column) for column in columns.values()])
    if missing.all():
        found = "no studies" if not labels else "no study with all its numbers"
        raise EstimationError(Problem(where, found, "is too few to pool", "give at least one"))
    everything = EventCounts(columns, labels, ())
    kept = everything.kept(~missing)
    problems: list[Problem] = []
    for events, n in (of_patients or {}).items():
        problems += improper_counts(kept.columns, kept.names, events=events, n=n)
    for events, time in (of_time or {}).items():
        problems += not_negative(events, kept.columns[events], kept.names)
        problems += not_positive(time, kept.columns[time], kept.names)
    if whole:
        for name, values in kept.columns.items():
            broken = np.isfinite(values) & (values != np.rint(values))
            rule = "is not a whole number, as this model needs"
            problems += offences(name, values, broken, kept.names, rule, "give the count itself")
    raise_any(problems)
    return EventCounts(kept.columns, kept.names, everything.called(missing))
