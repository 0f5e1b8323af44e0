"""The data sets that would have been as likely, were there nothing to find.

Without moderators, were the mean 0 and effects symmetric about it, each effect could as well have
had the other sign. With moderators that have nothing to do with the effects, each set of moderator
values could as well have belonged to any other study.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from secondlook.synthesis.printed_columns import Floats

__all__ = ["alike_rows", "all_orders", "all_signs", "orders_possible", "some_orders", "some_signs"]

Indices = NDArray[np.intp]

_AT_ONCE = 4096


def alike_rows(matrix: Floats) -> tuple[Floats, Indices]:
    """Give the rows of a matrix sorted, alike ones together, and the group of each original row."""
    _, groups = np.unique(matrix, axis=0, return_inverse=True)
    groups = groups.ravel()
    return matrix[np.argsort(groups, kind="stable")], groups


def orders_possible(groups: Indices) -> int:
    """Count the ways to hand out rows to studies that differ: k! over the product of group sizes!.

    Examples
    --------
    >>> orders_possible(np.array([0, 0, 1, 1, 1]))
    10
    """
    sizes = np.bincount(groups).tolist()
    return math.factorial(sum(sizes)) // math.prod(map(math.factorial, sizes))


def all_orders(groups: Indices) -> Iterator[Indices]:
    """Give every such way, in blocks: which study receives each of the sorted rows.

    Examples
    --------
    >>> np.concatenate(list(all_orders(np.array([1, 0, 0])))).tolist()
    [[0, 1, 2], [0, 2, 1], [1, 2, 0]]
    """
    k = groups.size
    found = np.zeros((1, 0), dtype=np.intp)
    free = np.arange(k)[None, :]
    for size in np.bincount(groups).tolist():
        chosen = np.array(list(combinations(range(free.shape[1]), size)), dtype=np.intp)
        left = np.array([np.delete(np.arange(free.shape[1]), one) for one in chosen], dtype=np.intp)
        taken = free[:, chosen].reshape(-1, size)
        found = np.concatenate([np.repeat(found, len(chosen), axis=0), taken], axis=1)
        free = free[:, left].reshape(len(found), -1)
    yield from np.array_split(found, math.ceil(len(found) / _AT_ONCE))


def some_orders(k: int, count: int, generator: np.random.Generator) -> Iterator[Indices]:
    """Give random ways, in blocks."""
    for size in _blocks(count):
        yield generator.permuted(np.tile(np.arange(k), (size, 1)), axis=1)


def all_signs(k: int) -> Iterator[Floats]:
    """Give every pattern of signs that begins with a plus, in blocks.

    The others are these turned round, and give the same statistics with the other sign.
    """
    bits = np.arange(k - 1)
    for first in range(0, 2 ** (k - 1), _AT_ONCE):
        codes = np.arange(first, min(first + _AT_ONCE, 2 ** (k - 1)))
        signs: Floats = np.ones((codes.size, k), dtype=np.float64)
        signs[:, 1:] -= 2 * ((codes[:, None] >> bits) & 1)
        yield signs


def some_signs(k: int, count: int, generator: np.random.Generator) -> Iterator[Floats]:
    """Give random patterns of signs, in blocks."""
    for size in _blocks(count):
        yield np.asarray(1 - 2 * generator.integers(0, 2, (size, k)), dtype=np.float64)


def _blocks(count: int) -> Iterator[int]:
    for first in range(0, count, _AT_ONCE):
        yield min(_AT_ONCE, count - first)
