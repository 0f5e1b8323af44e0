"""One log hazard ratio per study by its best route, and what happens to the other routes."""

from __future__ import annotations

import json
import math
from itertools import permutations

import numpy as np
import pytest

from secondlook.errors import EstimationError
from secondlook.synthesis import pool
from secondlook.synthesis.effects import (
    HAZARD_RATIO_FIELDS,
    HAZARD_RATIO_ROUTES,
    log_hazard_ratio,
    log_hazard_ratio_by_route,
    log_hazard_ratio_from_events,
    log_hazard_ratio_from_log_rank,
    log_hazard_ratio_from_medians,
    log_hazard_ratio_from_survival,
    survival_from_interval,
    survival_from_numbers_at_risk,
    survival_from_standard_error,
)

Study = dict[str, float | str | None]

# Lancet 1999;354:533-540 and J Clin Oncol 2011;29:2171-2177, from their abstracts
EARLY: Study = {
    "log_rank_p_value": 0.075,
    "events": 485,
    "favours": "treated",
    "treated_n": 491,
    "control_n": 485,
    "treated_survival": 0.555,
    "control_survival": 0.5,
    "treated_median": 44,
    "control_median": 37.5,
}
LATE: Study = {"ratio": 0.84, "low": 0.72, "high": 0.99, "p_value": 0.037, "rounding": 0.005}

EVERYTHING: Study = {
    "observed_minus_expected": -10.0,
    "variance": 40.0,
    "ratio": 0.78,
    "low": 0.57,
    "high": 1.06,
    "level": 95,
    "p_value": 0.11,
    "log_rank_p_value": 0.12,
    "favours": "treated",
    "treated_events": 70,
    "control_events": 90,
    "treated_expected": 80.0,
    "control_expected": 80.0,
    "treated_n": 100,
    "control_n": 100,
    "treated_survival": 0.4,
    "control_survival": 0.3,
    "treated_median": 20,
    "control_median": 15,
}

ORDER = (
    "O - E and V",
    "ratio and interval",
    "observed and expected by arm",
    "ratio and P value",
    "ratio and events",
    "log-rank P value and events",
    "two survival rates",
    "two medians",
)

# what has to go for the next route to be the best one
TAKEN_AWAY = ("variance", "low", "treated_expected", "p_value", "ratio", "favours")


def test_routes_are_tried_in_the_order_that_is_documented() -> None:
    assert tuple(HAZARD_RATIO_ROUTES) == ORDER
    found = log_hazard_ratio_by_route({"A": EVERYTHING})
    assert found.effects.route == (ORDER[0],)
    assert found.unused == (ORDER[1:],)
    assert tuple(found.by_route) == ORDER
    assert found.warnings == ()


def test_what_is_not_printed_leaves_the_next_route() -> None:
    printed = dict(EVERYTHING)
    seen = []
    # without a P value of its own, the ratio would still have that of the log-rank test
    for field in ("", *TAKEN_AWAY, "treated_survival"):
        printed.pop(field, None)
        if field == "p_value":
            kept = printed.pop("log_rank_p_value")
        seen.append(log_hazard_ratio_by_route({"A": printed}).effects.route[0])
        if field == "p_value":
            printed["log_rank_p_value"] = kept
    assert tuple(seen) == ORDER


def test_three_routes_of_one_abstract_stand_side_by_side_and_agree() -> None:
    found = log_hazard_ratio_by_route({"1999": EARLY, "2011": LATE})
    assert found.effects.route == ("log-rank P value and events", "ratio and interval")
    assert found.unused == (("two survival rates", "two medians"), ("ratio and P value",))
    for route in ("log-rank P value and events", "two survival rates", "two medians"):
        row = found.by_route[route]
        assert row.names == ("1999",)
        assert round(math.exp(row.yi[0]), 2) == 0.85
    frame = found.to_frame()
    assert frame.columns == ["name", "route", "chosen", "hazard_ratio", "yi", "vi"]
    assert frame.filter("chosen")["name"].to_list() == ["1999", "2011"]
    assert frame.height == 5


def test_every_route_gives_what_its_function_gives() -> None:
    found = log_hazard_ratio_by_route({"1999": EARLY, "2011": LATE}).by_route
    interval = log_hazard_ratio([0.84], [0.72], [0.99], rounding=0.005)
    assert found["ratio and interval"].vi.tolist() == interval.vi.tolist()
    assert found["ratio and interval"].asymmetry is not None
    log_rank = log_hazard_ratio_from_log_rank(
        [0.075], [485], "treated", treated_share=491 / (491 + 485)
    )
    assert found["log-rank P value and events"].yi.tolist() == log_rank.yi.tolist()
    medians = log_hazard_ratio_from_medians([44], [491], [37.5], [485], counted="patients")
    assert found["two medians"].vi.tolist() == medians.vi.tolist()


@pytest.mark.parametrize(
    ("fields", "share", "supposed"),
    [
        ({"treated_n": 200.0, "control_n": 100.0}, 2 / 3, None),
        ({"treated_events": 20.0, "control_events": 30.0}, 0.4, "share of the events stands"),
        ({"events": 50.0}, 0.5, "taken to be of equal size"),
    ],
)
def test_the_share_is_that_of_patients_else_of_events_else_a_half(
    fields: Study, share: float, supposed: str | None
) -> None:
    found = log_hazard_ratio_by_route({"A": {"ratio": 0.8, "events": 50, **fields}}).effects
    expected = log_hazard_ratio_from_events([0.8], [50], treated_share=share)
    assert found.vi[0] == pytest.approx(expected.vi[0], rel=1e-15)
    sentences = ("share of the events stands", "taken to be of equal size")
    said = [one for one in sentences if one in " ".join(found.assumptions)]
    assert said == ([] if supposed is None else [supposed])


def test_survival_takes_the_best_uncertainty_that_is_printed() -> None:
    base: Study = {"treated_survival": 0.4, "control_survival": 0.3}
    arms = {"treated": (0.4, 0.05, 0.31, 0.49, 30.0), "control": (0.3, 0.06, 0.2, 0.41, 25.0)}
    names = ("survival_error", "survival_low", "survival_high", "at_risk")
    printed = base | {
        f"{arm}_{name}": value
        for arm, values in arms.items()
        for name, value in zip(names, values[1:], strict=True)
    }
    pairs = {
        "survival_error": [
            survival_from_standard_error([s], [error], scale="cloglog")
            for s, error, *_ in arms.values()
        ],
        "survival_low": [
            survival_from_interval([s], [low], [high], scale="cloglog")
            for s, _, low, high, _ in arms.values()
        ],
        "at_risk": [
            survival_from_numbers_at_risk([s], [n], scale="cloglog") for s, *_, n in arms.values()
        ],
    }
    for source, (treated, control) in pairs.items():
        found = log_hazard_ratio_by_route({"A": printed}).effects
        expected = log_hazard_ratio_from_survival(treated, control)
        assert (found.yi[0], found.vi[0]) == (expected.yi[0], expected.vi[0]), source
        for arm in arms:
            printed.pop(f"{arm}_{source}")


def test_the_order_in_which_studies_or_fields_are_given_does_not_matter() -> None:
    studies = {"A": EARLY, "B": LATE, "C": EVERYTHING}
    first = log_hazard_ratio_by_route(studies)
    values = dict(zip(first.effects.names, first.effects.yi.tolist(), strict=True))
    for names in permutations(studies):
        turned = {name: dict(reversed(studies[name].items())) for name in names}
        found = log_hazard_ratio_by_route(turned).effects
        assert found.names == names
        assert dict(zip(found.names, found.yi.tolist(), strict=True)) == values


def test_numbers_that_cannot_be_are_passed_over_with_a_warning_that_says_why() -> None:
    broken: Study = {"ratio": 0.5, "low": 0.6, "high": 0.8, "p_value": 0.01}
    found = log_hazard_ratio_by_route({"Adam": broken})
    assert found.effects.route == ("ratio and P value",)
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith("Not by ratio and interval: Adam, estimate")
    assert found.unused == ((),)


def test_a_study_without_a_route_is_named_and_left_out() -> None:
    found = log_hazard_ratio_by_route({"Adam": {"ratio": 0.8}, "Raab": LATE})
    assert found.omitted == ("Adam",)
    assert found.effects.names == ("Raab",)
    assert found.warnings == ("Left out, nothing printed that a route can use: Adam.",)


def test_none_and_nan_mean_that_it_is_not_printed() -> None:
    printed = {**LATE, "low": None, "high": math.nan}
    assert log_hazard_ratio_by_route({"A": printed}).effects.route == ("ratio and P value",)


def test_a_lopsided_interval_is_named_in_the_warnings() -> None:
    printed: Study = {"ratio": 1.2, "low": 0.6, "high": 1.8, "rounding": 0.005}
    found = log_hazard_ratio_by_route({"Adam": printed})
    assert found.warnings == found.effects.warnings
    assert "Adam: the interval is not symmetric" in found.warnings[0]


def test_a_level_that_was_not_printed_is_supposed_and_said() -> None:
    said = log_hazard_ratio_by_route({"A": LATE}).effects.assumptions
    assert any("taken as a 95 % interval" in sentence for sentence in said)
    said = log_hazard_ratio_by_route({"A": {**LATE, "level": 95}}).effects.assumptions
    assert not any("taken as a 95 % interval" in sentence for sentence in said)


@pytest.mark.parametrize(
    ("studies", "message"),
    [
        ({"A": {"hr": 0.8}}, 'A: "hr" is not a known field'),
        ({"A": {"ratio": "0.8"}}, 'A, ratio: "0.8" is not a number'),
        ({"A": {"ratio": True}}, "A, ratio: .* is not a number"),
        ({"A": 0.8}, "A: .* is not a mapping from fields"),
        ([LATE], "is not a mapping from names"),
        ({"A": {"ratio": 0.8}}, "nothing that a route can use"),
        ({}, "nothing that a route can use"),
    ],
)
def test_what_is_not_known_is_an_error_in_one_line(studies: object, message: str) -> None:
    with pytest.raises(EstimationError, match=message):
        log_hazard_ratio_by_route(studies)  # type: ignore[arg-type]


def test_all_unknown_fields_are_named_at_once() -> None:
    with pytest.raises(EstimationError) as caught:
        log_hazard_ratio_by_route({"A": {"hr": 0.8, "ci": 1.0}, "B": {"p": 0.1}})
    assert len(caught.value.problems) == 3


def test_every_documented_field_may_be_given_and_be_missing() -> None:
    printed: Study = dict.fromkeys(HAZARD_RATIO_FIELDS)
    found = log_hazard_ratio_by_route({"A": printed | LATE})
    assert found.effects.yi[0] == math.log(0.84)


def test_the_record_prints_routes_and_warnings_and_gives_plain_data() -> None:
    found = log_hazard_ratio_by_route({"1999": EARLY, "2011": LATE, "none": {"ratio": 2.0}})
    text = str(found)
    assert "Log hazard ratio: 2 rows" in text
    assert "1999: two survival rates, two medians" in text
    assert text.count("Left out, nothing printed") == 1
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["omitted"] == ["none"]
    assert plain["effects"]["route"] == list(found.effects.route)
    assert list(plain["by_route"]) == list(found.by_route)


def test_the_best_routes_and_each_route_can_be_pooled() -> None:
    found = log_hazard_ratio_by_route({"A": EARLY, "B": LATE, "C": EVERYTHING})
    assert pool(found.effects.yi, found.effects.vi, names=found.effects.names).k == 3
    for effects in found.by_route.values():
        pooled = pool(effects.yi, effects.vi, names=effects.names)
        assert pooled.k == len(effects.names)
        assert np.isfinite(pooled.estimate)
