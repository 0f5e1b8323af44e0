"""Figures with two axes: nothing collides from one study to two hundred, and marks stand right."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from math import exp, log
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

import secondlook as sl
from secondlook.evidence import BIAS_DOMAINS, Study
from secondlook.report.funnel import funnel, radial
from secondlook.report.plane import linear_axis, shown_axis
from secondlook.report.sensitivity import baujat, subsets
from secondlook.report.spread import caterpillar, drapery, orchard
from secondlook.report.traffic_light import traffic_light
from secondlook.report.two_arms import arms_against_each_other
from secondlook.synthesis import AnalysisResult, Pooled, analyse, influence, pool, pool_subsets

Check = Callable[[Figure], list[str]]
RATIO: dict[str, Any] = {"label": "Hazard ratio", "show": exp, "unit": "hazard ratio"}


def studies(k: int, seed: int = 7) -> Pooled:
    random = np.random.default_rng(seed)
    vi = random.uniform(0.01, 0.6, k) ** 1.4
    yi = random.normal(-0.3, np.sqrt(vi + 0.04))
    return pool(yi, vi, names=[f"Müller-Lüdenscheidt {1980 + i}" for i in range(k)])


def is_called(mark: Artist, name: str) -> bool:
    return bool(re.fullmatch(rf"{name}(-\d+)?", str(mark.get_gid())))


def marks(figure: Figure, name: str) -> list[Polygon]:
    return [
        patch
        for patch in figure.axes[0].patches
        if is_called(patch, name) and isinstance(patch, Polygon)
    ]


def centre(patch: Polygon) -> tuple[float, float]:
    corners = np.asarray(patch.get_xy())[:-1]
    return float(corners[:, 0].mean()), float(corners[:, 1].mean())


def paths(figure: Figure, name: str) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    lines = [one for one in figure.axes[0].lines if is_called(one, name)]
    return [np.column_stack([one.get_xdata(), one.get_ydata()]).astype(float) for one in lines]


DRAWN: dict[str, Callable[[Pooled], Figure]] = {
    "funnel": lambda p: funnel(p, title="Funnel plot", null=0.0, **RATIO),
    "radial": lambda p: radial(p, title="Radial plot"),
    "caterpillar": lambda p: caterpillar(p, title="Caterpillar plot", null=0.0, **RATIO),
    "drapery": lambda p: drapery(p, title="Drapery plot", **RATIO),
    "orchard": lambda p: orchard([("registries", p), ("all", p)], title="Orchard", **RATIO),
    "baujat": lambda p: baujat(influence(p.yi, p.vi, names=p.names), title="Baujat"),
}


@pytest.mark.parametrize("k", [3, 13, 60, 200])
@pytest.mark.parametrize("kind", DRAWN)
def test_no_text_runs_over_another_or_off_the_figure(kind: str, k: int, illegible: Check) -> None:
    assert illegible(DRAWN[kind](studies(k))) == []


@pytest.mark.parametrize("kind", ["funnel", "radial", "caterpillar", "drapery"])
def test_one_study_can_be_drawn(kind: str, illegible: Check) -> None:
    assert illegible(DRAWN[kind](pool([-0.5], [0.04], names=["alone"]))) == []


@pytest.mark.parametrize("kind", ["funnel", "radial", "caterpillar", "baujat"])
def test_every_study_is_one_mark(kind: str) -> None:
    assert len(marks(DRAWN[kind](studies(37)), "study")) == 37


@pytest.mark.parametrize("kind", DRAWN)
def test_equal_studies_can_be_drawn(kind: str, illegible: Check) -> None:
    assert illegible(DRAWN[kind](pool([0.2] * 5, [0.1] * 5))) == []


@pytest.mark.parametrize("kind", ["funnel", "radial", "caterpillar", "drapery"])
def test_a_study_a_million_times_more_precise_than_another_can_be_drawn(
    kind: str, illegible: Check
) -> None:
    assert illegible(DRAWN[kind](pool([0.2, -3.0, 0.4], [1e-12, 1.0, 25.0]))) == []


def test_in_a_funnel_a_study_of_half_the_error_stands_half_as_deep() -> None:
    figure = DRAWN["funnel"](pool([0.0, 0.1, -0.1], [0.04, 0.16, 0.16]))
    (_, near), (_, far), _ = map(centre, marks(figure, "study"))
    top = paths(figure, "pooled")[0][0, 1]
    assert (far - top) == pytest.approx(2 * (near - top), rel=1e-6)


def test_a_funnel_names_ratios_at_their_logarithms() -> None:
    axis = shown_axis([log(0.2), log(3.0)], "ratio", show=exp, unit="hazard ratio")
    assert "1" in [words for _, words in axis.ticks]
    assert all(place == pytest.approx(log(float(words)), abs=1e-9) for place, words in axis.ticks)


def test_contours_are_drawn_only_where_there_is_a_value_of_no_effect() -> None:
    with_null = funnel(studies(9), title="", null=0.0, **RATIO)
    without = funnel(studies(9), title="", **RATIO)
    assert len(marks(with_null, "contour")) == 6
    assert marks(without, "contour") == []


def test_a_small_funnel_says_that_asymmetry_cannot_be_told() -> None:
    said = [text.get_text() for text in DRAWN["funnel"](studies(9)).axes[0].texts]
    assert "With 9 studies, asymmetry can hardly be told from chance." in said


def test_the_slope_of_a_radial_plot_is_the_pooled_effect() -> None:
    pooled = studies(20)
    figure = radial(pooled, title="")
    (x0, y0), (x1, y1) = paths(figure, "pooled")[0]
    zs = np.array(pooled.yi) / np.sqrt(pooled.vi)
    where = [centre(mark) for mark in marks(figure, "study")]
    across = np.array([x for x, _ in where])
    down = np.array([y for _, y in where])
    # points per unit of either axis, from the studies themselves
    per_x = np.polyfit(1 / np.sqrt(pooled.vi), across, 1)[0]
    per_y = np.polyfit(zs, down, 1)[0]
    assert ((y1 - y0) / per_y) / ((x1 - x0) / per_x) == pytest.approx(pooled.estimate, rel=1e-6)


def test_a_caterpillar_climbs() -> None:
    where = [centre(mark) for mark in marks(DRAWN["caterpillar"](studies(30)), "study")]
    assert all(a[0] <= b[0] and a[1] > b[1] for a, b in pairwise(where))


def test_the_pooled_drape_crosses_five_percent_at_the_ends_of_the_interval() -> None:
    pooled = studies(12)
    figure = DRAWN["drapery"](pooled)
    # the peak of each study's curve is its effect, and gives the places of two known values
    peaks = [float(curve[curve[:, 1].argmin(), 0]) for curve in paths(figure, "study")]
    per, at_zero = np.polyfit(pooled.yi, peaks, 1)
    (drape,) = paths(figure, "pooled")
    p = (drape[:, 1].max() - drape[:, 1]) / (drape[:, 1].max() - drape[:, 1].min())
    values = (drape[:, 0] - at_zero) / per
    peak = int(p.argmax())
    low = np.interp(0.05, p[: peak + 1], values[: peak + 1])
    high = np.interp(-0.05, -p[peak:], values[peak:])
    assert (low, high) == pytest.approx(pooled.interval, abs=0.02)


def test_all_subsets_of_ten_studies_fall_into_the_cells(illegible: Check) -> None:
    pooled = studies(10)
    found = pool_subsets(pooled.yi, pooled.vi, names=pooled.names)
    plain = subsets(found, title="Subsets", **RATIO)
    apart = subsets(found, title="Subsets", study=pooled.names[0], **RATIO)
    assert illegible(plain) == []
    assert illegible(apart) == []
    assert marks(plain, "with") == []
    assert len(marks(apart, "with")) > 100


@pytest.fixture(scope="module")
def primary() -> AnalysisResult:
    review = sl.example("stage-iv-breast")
    return analyse(review.evidence, review.question.analysis("primary-implied-hazard-ratio"))


def test_labbe_draws_each_study_that_prints_both_percents(
    primary: AnalysisResult, illegible: Check
) -> None:
    figure = arms_against_each_other(primary, title="L'Abbé")
    assert figure is not None
    names = {str(p.get_gid()) for p in figure.axes[0].patches if p.get_gid()}
    both = [r for r in primary.rows if len(r.arms) == 2 and all(a.value for a in r.arms)]
    assert {f"study-{row.study.key}" for row in both} == names
    assert illegible(figure) == []


def test_labbe_of_studies_without_percents_is_not_drawn(primary: AnalysisResult) -> None:
    assert arms_against_each_other(replace(primary, rows=()), title="") is None


def test_each_judgement_has_a_sign_of_its_own_besides_its_colour(illegible: Check) -> None:
    words = ("low", "moderate", "serious", "critical", "no information")
    judged = [
        Study(f"s{i}", f"Study {i}", **{f"bias_{d}": word for d in BIAS_DOMAINS})
        for i, word in enumerate(words)
    ]
    figure = traffic_light(judged, title="Risk of bias")
    assert figure is not None
    signs = [t.get_text() for t in figure.axes[0].texts if len(t.get_text()) == 1]
    # one for each study and domain, and one for each in the key
    assert sorted(signs) == sorted("+–×!?" * (len(BIAS_DOMAINS) + 1))
    assert illegible(figure) == []


def test_studies_nobody_judged_are_not_drawn() -> None:
    assert traffic_light([Study("a"), Study("b")], title="") is None


@settings(deadline=None, max_examples=200)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=6), st.booleans())
def test_a_linear_axis_holds_all_its_values_between_its_ends(
    values: list[float], zero: bool
) -> None:
    axis = linear_axis(values, "", zero=zero)
    slack = 1e-9 * (axis.high - axis.low)
    assert axis.low < axis.high
    assert all(axis.low - slack <= value <= axis.high + slack for value in values)
