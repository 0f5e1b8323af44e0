from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.report.figure_text import measure
from secondlook.report.scale import Scale, scale_of, tick_text
from secondlook.report.style import SMALL

PERCENT = st.floats(0, 100).map(lambda value: round(value, 3))
DIFFERENCE = st.floats(-100, 100).map(lambda value: round(value, 3))
RATIO = st.floats(1e-4, 1e4)


def made(centres: list[float], ends: list[float], unit: str, null: float | None) -> Scale:
    return scale_of(centres, ends, unit=unit, null=null, left=10, right=210)


def assert_ticks_stand_apart(scale: Scale) -> None:
    assert scale.ticks
    for before, after in pairwise(scale.ticks):
        gap = scale.at(after) - scale.at(before)
        assert gap > sum(measure(tick_text(tick), SMALL).width for tick in (before, after)) / 2 + 5


@given(centres=st.lists(PERCENT, min_size=1), ends=st.lists(PERCENT))
def test_a_scale_of_percents_starts_at_zero_and_cuts_nothing(
    centres: list[float], ends: list[float]
) -> None:
    scale = made(centres, ends, "%", None)
    assert scale.low == 0
    assert max(*centres, *ends, 0) <= scale.high <= 100
    assert_ticks_stand_apart(scale)


@given(centres=st.lists(DIFFERENCE, min_size=1))
def test_a_scale_of_differences_holds_zero_and_every_estimate(centres: list[float]) -> None:
    scale = made(centres, [], "percentage points", 0.0)
    assert scale.low <= min(*centres, 0) <= max(*centres, 0) <= scale.high
    assert_ticks_stand_apart(scale)


@given(centres=st.lists(RATIO, min_size=1), ends=st.lists(st.floats(0, float("inf"))))
def test_a_scale_of_ratios_holds_one_and_every_estimate_and_no_end_that_dwarfs_them(
    centres: list[float], ends: list[float]
) -> None:
    scale = made(centres, ends, "hazard ratio", 1.0)
    assert scale.low < min(*centres, 1) <= max(*centres, 1) < scale.high
    assert scale.low > min(*centres, 1) / 30
    assert scale.high < max(*centres, 1) * 30
    assert 1.0 in scale.ticks
    assert_ticks_stand_apart(scale)


def test_a_value_beyond_the_scale_falls_on_its_end() -> None:
    scale = made([0.5], [], "hazard ratio", 1.0)
    assert (scale.at(1e-9), scale.at(1e9)) == (10, 210)


def test_a_ratio_and_its_inverse_are_equally_far_from_one() -> None:
    scale = made([0.2, 5.0], [], "hazard ratio", 1.0)
    assert scale.at(1) - scale.at(0.25) == pytest.approx(scale.at(4) - scale.at(1))
