from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

import secondlook as sl
from secondlook.evidence import Evidence, Factor, Finding, Study
from secondlook.evidence.reported import Reported
from secondlook.report.harvest import harvest
from secondlook.synthesis import FactorVotes, count_votes

Check = Callable[[Figure], list[str]]


def counted(
    factors: Sequence[Factor], sizes: dict[str, str], **study: Any
) -> tuple[FactorVotes, ...]:
    keys = dict.fromkeys(factor.study for factor in factors)
    studies = tuple(
        Study(key, f"Study {key}", str(place), site="liver", **study)
        for place, key in enumerate(keys, 1)
    )
    findings = tuple(
        Finding(study=key, endpoint="patients", statistic="count", value=Reported(n))
        for key, n in sizes.items()
    )
    return count_votes(Evidence(studies, (), findings, tuple(factors)))


def better(study: str, factor: str = "margin", **keys: Any) -> Factor:
    return Factor(study=study, factor=factor, direction="better", level="negative", **keys)


def bars(figure: Figure) -> dict[str, Polygon]:
    named = {str(patch.get_gid()): patch for patch in figure.axes[0].patches}
    return {
        name: patch
        for name, patch in named.items()
        if name.startswith("bar-") and isinstance(patch, Polygon)
    }


def height(patch: Polygon) -> float:
    return float(np.ptp(np.asarray(patch.get_xy())[:, 1]))


def left(patch: Polygon) -> float:
    return float(np.asarray(patch.get_xy())[:, 0].min())


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_every_vote_of_the_bundled_review_is_one_bar(bundled: sl.Review, illegible: Check) -> None:
    votes = count_votes(bundled.evidence)
    figure = harvest(votes)
    assert len(bars(figure)) == sum(len(group.votes) for group in votes)
    assert illegible(figure) == []


def test_every_site_and_factor_is_named(bundled: sl.Review) -> None:
    votes = count_votes(bundled.evidence)
    words = " ".join(texts(harvest(votes)))
    for group in votes:
        assert group.site in words
        assert group.factor.split()[0] in words


def test_each_tenfold_number_of_patients_adds_the_same_height() -> None:
    sizes = {"a": "10", "b": "100", "c": "1,000", "d": "10,000"}
    drawn = [
        height(bar) for bar in bars(harvest(counted([better(k) for k in sizes], sizes))).values()
    ]
    steps = [after - before for before, after in pairwise(drawn)]
    assert steps[0] > 2
    assert steps == pytest.approx([steps[0]] * 3)


def test_an_unprinted_number_of_patients_is_a_short_dotted_bar() -> None:
    known, unknown = bars(harvest(counted([better("a"), better("b")], {"a": "50"}))).values()
    assert height(unknown) < height(known)
    assert known.get_linestyle() in ("-", "solid")
    assert unknown.get_linestyle() not in ("-", "solid")


def test_the_three_kinds_of_analysis_differ_in_lightness_and_not_in_hue_alone() -> None:
    factors = [
        better("a", analysis="multivariable"),
        better("b", analysis="univariable"),
        better("c"),
    ]
    drawn = bars(harvest(counted(factors, {})))
    lightness = [
        float(np.dot(to_rgb(bar.get_facecolor()), (0.299, 0.587, 0.114))) for bar in drawn.values()
    ]
    assert lightness[0] + 0.25 < lightness[1] < lightness[2] - 0.25


def test_a_statement_cited_jointly_is_hatched_and_the_key_says_possible() -> None:
    factors = [better("a"), better("b", attribution="joint")]
    figure = harvest(counted(factors, {}))
    hatched = [p for p in figure.axes[0].patches if p.get_hatch()]
    assert isinstance(hatched[0], Polygon)
    assert left(hatched[0]) == left(list(bars(figure).values())[1])
    assert len(hatched) == 2  # the statement and its sample in the key
    assert any("possible, not printed" in text for text in texts(figure))


def test_outcomes_stand_in_their_own_columns() -> None:
    factors = [
        Factor(study="a", factor="margin", direction="none"),
        Factor(study="b", factor="margin", direction="unstated"),
        better("c"),
    ]
    places = [left(bar) for bar in bars(harvest(counted(factors, {}))).values()]
    assert places == sorted(places)
    assert len(set(places)) == 3


def test_a_statement_against_the_others_has_a_column_that_is_otherwise_not_there() -> None:
    contrary = Factor(
        study="c", factor="margin", direction="better", level="positive", reference_level="negative"
    )
    agreed = [better("a", reference_level="positive"), better("b", reference_level="positive")]
    with_it = " ".join(texts(harvest(counted([*agreed, contrary], {}))))
    without = " ".join(texts(harvest(counted(agreed, {}))))
    assert "shorter survival" in with_it
    assert "shorter survival" not in without


def test_more_bars_than_a_column_holds_are_folded_and_none_is_lost(illegible: Check) -> None:
    factors = [better(f"s{place}") for place in range(150)]
    figure = harvest(counted(factors, {}))
    assert len(bars(figure)) == 150
    right = figure.get_figwidth() * 72
    assert max(np.asarray(bar.get_xy())[:, 0].max() for bar in bars(figure).values()) < right
    assert illegible(figure) == []


def test_under_each_bar_stands_the_number_of_the_reference() -> None:
    written = texts(harvest(counted([better("a"), better("b"), better("c")], {})))
    assert [text for text in written if text in "123"] == ["1", "2", "3"]


@settings(max_examples=40, deadline=None)
@given(
    names=st.lists(st.text(min_size=1, max_size=80), min_size=1, max_size=5, unique=True),
    level=st.text(max_size=80),
)
def test_no_factor_however_named_overlaps_or_is_cut(
    names: list[str], level: str, illegible: Check
) -> None:
    factors = [
        Factor(study=f"s{place}", factor=name, direction="better", level=level)
        for place, name in enumerate(names)
    ]
    assert illegible(harvest(counted(factors, {}))) == []


def test_without_statements_the_figure_says_so() -> None:
    assert "no statement" in " ".join(texts(harvest(())))
