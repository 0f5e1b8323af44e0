"""How effects print themselves, what they give as data, and how their measures go back."""

from __future__ import annotations

import copy
import inspect
import json
import math
import pickle
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.errors import EstimationError
from secondlook.synthesis import effects as all_effects
from secondlook.synthesis import inverse, pool
from secondlook.synthesis.effects import (
    Effects,
    arcsine_difference,
    incidence_rate,
    log_hazard_ratio,
    log_odds_ratio,
    log_rate_ratio,
    log_risk_ratio,
    median_survival,
    proportion,
    rate_difference,
    risk_difference,
    square_root_rate_difference,
    survival_difference,
)

RATIOS = ("log hazard ratio", "log odds ratio", "log risk ratio", "log rate ratio")
STAYING = (
    "identity",
    "rate",
    "difference",
    "risk difference",
    "rate difference",
    "arcsine difference",
    "square root rate difference",
)


def test_every_measure_that_a_function_gives_has_a_way_back() -> None:
    tables, rates = ([10], [50], [20], [50]), ([10], [100.0], [20], [100.0])
    given = [
        *(proportion([9], [40], scale=s) for s in ("logit", "cloglog", "log", "identity")),
        *(proportion([9], [40], scale=s) for s in ("arcsine", "freeman-tukey")),
        *(incidence_rate([9], [40.0], scale=s) for s in ("log", "identity", "square root")),
        incidence_rate([9], [40.0], scale="freeman-tukey"),
        log_odds_ratio(*tables),
        log_risk_ratio(*tables),
        risk_difference(*tables),
        arcsine_difference(*tables),
        log_rate_ratio(*rates),
        rate_difference(*rates),
        square_root_rate_difference(*rates),
        survival_difference([0.5], [50], [0.4], [60]),
        log_hazard_ratio([0.7], [0.5], [0.98]),
        median_survival([24], [50]),
    ]
    measures = [effects.measure for effects in given]
    assert len(set(measures)) == len(measures)
    for effects in given:
        back = inverse(effects.measure, sample_sizes=effects.sample_sizes)(effects.yi)
        assert np.all(np.isfinite(back)), effects.measure


@pytest.mark.parametrize("measure", [*RATIOS, "log", "log rate", "log median"])
def test_logs_go_back_by_the_exponential(measure: str) -> None:
    assert inverse(measure)([0.0, math.log(3)]).tolist() == pytest.approx([1, 3])
    assert inverse(measure)(1000.0) == math.inf
    assert inverse(measure)(-1000.0) == 0


@pytest.mark.parametrize("measure", STAYING)
def test_differences_and_plain_values_stay_as_they_are(measure: str) -> None:
    assert inverse(measure)([-0.2, 0.3]).tolist() == [-0.2, 0.3]


def test_arcsines_and_roots_are_held_at_the_ends_of_their_scale() -> None:
    assert inverse("arcsine")([-0.1, math.pi / 4, 1.7]).tolist() == pytest.approx([0, 0.5, 1])
    assert inverse("square root rate")([-0.1, 0.3]).tolist() == pytest.approx([0, 0.09])
    back = inverse("freeman-tukey rate", sample_sizes=[50.0, 50.0])([0.01, 0.3])
    # (0.3 - 1/(4 × 0.3 × 50))²; √(1/50)/2 = 0.07 is the value of no event
    assert back.tolist() == pytest.approx([0, (0.3 - 1 / 60) ** 2], abs=1e-15)


@given(st.integers(0, 500), st.floats(0.5, 1e6))
def test_a_freeman_tukey_rate_goes_back_to_its_rate(events: int, time: float) -> None:
    effects = incidence_rate([events], [time], scale="freeman-tukey")
    back = inverse(effects.measure, sample_sizes=effects.sample_sizes)(effects.yi)
    assert float(back[0]) == pytest.approx(events / time, rel=1e-9, abs=1e-12 / time)


@pytest.mark.parametrize("measure", [["logit"], {"logit": 1}, None, 3, "LOGIT"])
def test_a_measure_that_is_none_is_a_named_error(measure: object) -> None:
    with pytest.raises(EstimationError, match=r"is not a known measure; use logit, cloglog"):
        inverse(measure)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (None, "is missing; give the patients"),
        ([], "has no study in it"),
        ([10, 0], "study 2, sample_sizes: .* not a positive"),
        ([10, math.nan], "study 2, sample_sizes: .* not a positive"),
        (10, "is not one list of numbers"),
    ],
)
def test_sample_sizes_that_cannot_be_are_named(sizes: object, message: str) -> None:
    for measure in ("freeman-tukey", "freeman-tukey rate"):
        with pytest.raises(EstimationError, match=message):
            inverse(measure, sample_sizes=sizes)  # type: ignore[arg-type]


def test_a_value_that_is_no_number_is_a_named_error() -> None:
    with pytest.raises(EstimationError, match='inverse, value: "half" is not a number'):
        inverse("logit")("half")


def test_effects_print_one_line_per_row_and_say_what_was_supposed() -> None:
    found = log_hazard_ratio([0.7, 1.2], [0.5, 0.6], [0.98, 1.8], rounding=0.005, names=["A", "B"])
    lines = str(found).splitlines()
    assert lines[0] == "Log hazard ratio: 2 rows"
    assert lines[2].split() == ["name", "yi", "standard", "error", "from"]
    assert lines[3].split()[:3] == ["A", "-0.3567", "0.1717"]
    assert lines[3].endswith("ratio and interval")
    assert "Assumptions" in lines
    assert "Warnings" in lines
    assert "Warnings" not in str(log_hazard_ratio([0.7], [0.5], [0.98]))


def test_effects_give_rows_and_plain_data() -> None:
    found = log_hazard_ratio([0.7], [0.5], [0.98], names=["A"])
    frame = found.to_frame()
    assert frame.columns == ["name", "yi", "vi", "standard_error", "route"]
    assert frame["standard_error"][0] == pytest.approx(math.sqrt(found.vi[0]))
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["route"] == ["ratio and interval"]
    assert plain["warnings"] == []


def test_a_copy_keeps_route_and_warnings() -> None:
    found = log_hazard_ratio([1.2], [0.6], [1.8], rounding=0.005)
    for other in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):  # noqa: S301
        assert other.route == found.route
        assert other.warnings == found.warnings != ()
        assert not other.vi.flags.writeable


def test_every_effect_can_be_pooled_as_it_is() -> None:
    found = log_odds_ratio([10, 5, 8], [50, 40, 30], [20, 9, 9], [50, 40, 30])
    assert pool(found.yi, found.vi, names=found.names).names == found.names


EXTREME = st.sampled_from(
    [0.0, 1.0, -1.0, 0.5, 0.05, 2.0, 50.0, 1e-320, 1e-300, 1e300, 1e308, math.inf, -math.inf]
)
OF_NUMBERS = [
    getattr(all_effects, name)
    for name in all_effects.__all__
    if name[0].islower() and name.split("_from_")[-1] not in ("log_rank", "survival")
    if not name.endswith("by_route")
]


@pytest.mark.parametrize("function", OF_NUMBERS)
@given(data=st.data())
def test_numbers_of_any_size_are_an_effect_with_a_variance_or_a_named_error(
    function: Callable[..., Effects], data: st.DataObject
) -> None:
    parameters = inspect.signature(function).parameters.values()
    columns = [[data.draw(EXTREME)] for one in parameters if one.kind != one.KEYWORD_ONLY]
    try:
        found = function(*columns)
    except EstimationError:
        return
    assert np.all(np.isfinite(found.yi) & np.isfinite(found.vi) & (found.vi > 0))


def test_every_way_to_an_effect_has_an_example_that_is_run() -> None:
    functions = [getattr(all_effects, name) for name in all_effects.__all__ if name[0].islower()]
    assert len(functions) >= 28
    assert [one.__name__ for one in functions if ">>> " not in str(one.__doc__)] == []
