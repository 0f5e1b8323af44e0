"""The highest maximum of the likelihood of tau², for many data sets at once and with a proof.

Newton's method finds one maximum of each; the bounds of :mod:`.likelihood_bounds` then show that
nowhere else the likelihood turns, and where they do not, the interval is halved until they do.
Nothing is left to the luck of a start.
"""

from __future__ import annotations

import numpy as np

from secondlook.synthesis.likelihood_bounds import Points, Stretches, no_maximum_beyond
from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.study_columns import Columns, Flags, Indices, moments

__all__ = ["highest_maximum"]

_NARROW = 0.1  # of log tau²: each weight turns over about two units
_CLOSE = 1e-10  # the next step of Newton is beyond double precision
_ROUNDING = 2.3e-16
_EQUAL = (
    1e-200  # differences of 1e-100 standard errors: tau² is 0, and their squares are no doubles
)


def highest_maximum(columns: Columns, *, restricted: bool = True) -> tuple[Floats, Flags]:
    """Give the tau² of the highest maximum, and whether there are others.

    Parameters
    ----------
    columns
        Data sets of two studies or more.
    restricted
        Whether the likelihood is the restricted one.

    Returns
    -------
    tuple of numpy.ndarray
        tau², not negative, and whether the likelihood has a second maximum, shapes (data sets,).

    Notes
    -----
    Viechtbauer, J Educ Behav Stat 2005;30:261-293, on the two likelihoods.

    Examples
    --------
    >>> one = Columns(np.array([[2.0]]), np.array([[1.0]]), np.array([1.0]), np.array([2.0]))
    >>> tau2, several = highest_maximum(one)
    >>> round(tau2.item(), 12), several.item()
    (1.0, False)
    """
    tau2 = np.zeros(columns.smallest.size)
    several = np.zeros(columns.smallest.size, dtype=bool)
    pull = moments(columns, tau2, restricted=restricted).pull
    differing = np.flatnonzero(pull > _EQUAL * columns.smallest)
    if differing.size:
        found = _of_differing_studies(columns.take(differing), restricted=restricted)
        tau2[differing], several[differing] = found
    return tau2, several


def _of_differing_studies(columns: Columns, *, restricted: bool) -> tuple[Floats, Flags]:
    nothing = np.zeros(columns.smallest.size)
    zero = Points.at(columns, nothing, restricted=restricted)
    end = no_maximum_beyond(columns)
    rising = zero.rising()
    up = np.flatnonzero(rising)
    part = columns.take(up)
    start = _start(zero, up, end)
    root = _root(part, nothing[up], end[up], start, restricted=restricted)
    first = nothing.copy()
    first[up] = root
    here = zero.copy()
    here.put(up, Points.at(part, root, restricted=restricted))
    far = Points.at(columns, end, restricted=restricted)
    everywhere = np.arange(nothing.size)
    falls = np.zeros(nothing.size, dtype=bool)
    left = Stretches(up, zero.take(up), here.take(up), ~falls[up], ~falls[up])
    right = Stretches(everywhere, here, far, falls, falls)
    tops = _tops(columns, left.joined(right), restricted=restricted)
    if not tops.column.size:
        return first, falls
    return _best(columns, first, tops, restricted=restricted)


def _start(zero: Points, up: Indices, end: Floats) -> Floats:
    # one step of Newton's method on g/f = F²/G, which is linear where all variances are equal
    _, high, slope, level, incline = zero.values[:, up]
    ratio = high * high / level
    change = ratio * (2 * slope / high - incline / level)
    with np.errstate(divide="ignore"):
        step = (1 - ratio) / change
    return np.where((step > 0) & (step < end[up]), step, 0.1 * end[up])


def _root(
    columns: Columns, low: Floats, high: Floats, start: Floats, *, restricted: bool
) -> Floats:
    # Newton's method on g/f within a bracket: the derivative is positive at low, negative at high.
    # What has arrived is put aside when it has become a fair part of all.
    answer, which = start.copy(), np.arange(start.size)
    tau2 = start
    while which.size:
        found = moments(columns, tau2, restricted=restricted)
        excess = found.pull - found.trace * found.scale
        low = np.where(excess > 0, tau2, low)
        high = np.where(excess > 0, high, tau2)
        incline = 2 * found.bend * found.trace - found.norm * found.pull
        # not towards a minimum, where g/f falls
        rises = incline > 0
        step = found.pull * excess / np.where(rises, incline, np.inf)
        small = np.maximum(_CLOSE * tau2, _ROUNDING * found.scale)
        near = (rises & (np.abs(step) <= small)) | (high - low <= 4 * _ROUNDING * high)
        # where Newton leads out of the bracket its middle is next
        led = near | (rises & (tau2 + step > low) & (tau2 + step < high))
        tau2 = np.where(led, np.clip(tau2 + step, low, high), low + (high - low) / 2)
        answer[which] = tau2
        go = np.flatnonzero(~near)
        columns, which = columns.take(go), which[go]
        low, high, tau2 = low[go], high[go], tau2[go]
    return answer


def _tops(columns: Columns, stretches: Stretches, *, restricted: bool) -> Stretches:
    # narrow intervals in which the likelihood turns from rising to falling
    tops = stretches.take(np.zeros(stretches.column.size, dtype=bool))
    while True:
        offset = columns.smallest[stretches.column]
        left, right = (
            np.log(point.values[0] + offset) for point in (stretches.left, stretches.right)
        )
        narrow = right - left <= _NARROW
        top = narrow & stretches.up_left & ~stretches.up_right
        if top.any():
            tops = tops.joined(stretches.take(top))
        go = ~narrow & ~stretches.settled()
        if not go.any():
            return tops
        stretches = stretches.take(go)
        middle = np.exp((left[go] + right[go]) / 2) - offset[go]
        part = columns.take(stretches.column)
        point = Points.at(part, middle, restricted=restricted)
        rising = point.rising()
        halves = Stretches(stretches.column, stretches.left, point, stretches.up_left, rising)
        stretches = halves.joined(
            Stretches(stretches.column, point, stretches.right, rising, stretches.up_right)
        )


def _best(
    columns: Columns, first: Floats, tops: Stretches, *, restricted: bool
) -> tuple[Floats, Flags]:
    low, high = tops.left.values[0], tops.right.values[0]
    part = columns.take(tops.column)
    others = _root(part, low, high, low + (high - low) / 2, restricted=restricted)
    among = np.unique(tops.column)
    column = np.concatenate([among, tops.column])
    tau2 = np.concatenate([first[among], others])
    height = _log_likelihood(columns.take(column), tau2, restricted=restricted)
    # of each data set the highest, and of equal ones the smallest tau²
    order = np.lexsort([tau2, -height, column])
    winner = order[np.searchsorted(column[order], among)]
    best, several = first.copy(), np.zeros(first.size, dtype=bool)
    best[among], several[among] = tau2[winner], True
    return best, several


def _log_likelihood(columns: Columns, tau2: Floats, *, restricted: bool) -> Floats:
    found = moments(columns, tau2)
    weights = found.scale / (columns.variances + tau2)
    squares = np.einsum("kn,kn->n", weights, (columns.away - found.mean) ** 2)
    logs = np.log(np.where(weights > 0, weights, 1.0)).sum(axis=0)
    logs -= (columns.count - restricted) * np.log(found.scale)
    if restricted:
        logs -= np.log(found.total)
    return np.asarray((logs - (found.mean**2 + squares) / found.scale) / 2)
