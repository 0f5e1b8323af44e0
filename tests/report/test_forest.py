from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.text import Text

from secondlook.evidence import Cohort, Evidence, Finding, Study
from secondlook.evidence.reported import Reported
from secondlook.question import Analysis
from secondlook.report.figure_text import printable
from secondlook.report.forest import forest
from secondlook.synthesis import AnalysisResult, analyse

PRINTED = ("18", "46 a", "61", "NR", "33", "9", "72.5")
Check = Callable[[Figure], list[str]]
SURGERY = {"cohort": "surgery", "comparator": "no surgery"}
ANY_LABEL = st.text(min_size=1, max_size=90)


def plan(**keys: Any) -> Analysis:
    given: dict[str, Any] = {"effect": "survival", "months": (60.0,), **keys}
    return Analysis(id="a", title="A planned analysis", **given)


def size(study: str, n: str, cohort: str = "all") -> Finding:
    return Finding(
        study=study, endpoint="patients", statistic="count", cohort=cohort, value=Reported(n)
    )


def percent(study: str, printed: str, months: int = 60, cohort: str = "all") -> Finding:
    value = Reported(printed)
    return Finding(
        study=study,
        endpoint="OS",
        statistic="survival",
        cohort=cohort,
        months=Decimal(months),
        value=value,
    )


def series(labels: list[str], **keys: Any) -> AnalysisResult:
    """Case series of 5, 42, 79, ... patients, with the printed percents in turn."""
    studies = tuple(
        Study(f"s{i}", label, site=("liver", "lung")[i % 2]) for i, label in enumerate(labels)
    )
    findings = []
    for place in range(len(labels)):
        findings.append(size(f"s{place}", f"{5 + 37 * place:,}"))
        findings.append(percent(f"s{place}", PRINTED[place % len(PRINTED)]))
    return analyse(Evidence(studies, (), tuple(findings)), plan(**keys))


def ratios(*printed: tuple[str, str, str], **keys: Any) -> AnalysisResult:
    findings = tuple(
        Finding(
            study=f"s{place}",
            endpoint="OS",
            statistic="hazard_ratio",
            cohort="surgery",
            comparator="no surgery",
            value=Reported(value),
            low=Reported(low),
            high=Reported(high),
        )
        for place, (value, low, high) in enumerate(printed)
    )
    studies = tuple(Study(f"s{place}", f"Trial {place}") for place in range(len(printed)))
    given = {"effect": "hazard_ratio", "months": (), **SURGERY, **keys}
    return analyse(Evidence(studies, (), findings), plan(**given))


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def shape(figure: Figure, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    found = [patch for patch in figure.axes[0].patches if patch.get_gid() == name]
    assert len(found) == 1
    assert isinstance(found[0], Polygon)
    return np.asarray(found[0].get_xy())


def line(figure: Figure, name: str) -> Line2D:
    found = [one for one in figure.axes[0].lines if one.get_gid() == name]
    assert len(found) == 1
    return found[0]


def tick(figure: Figure, label: str) -> float:
    """Where the tick of this label stands: the lowest text in the middle of which it is."""
    return next(t.get_position()[0] for t in figure.axes[0].texts if is_tick(t, label))


def is_tick(text: Text, label: str) -> bool:
    return text.get_text() == label and text.get_horizontalalignment() == "center"


@pytest.mark.parametrize("k", [0, 1, 2, 3, 13, 60, 200])
@pytest.mark.parametrize("subgroup", ["", "site"])
def test_no_text_overlaps_or_is_cut_for_any_number_of_studies(
    k: int, subgroup: str, illegible: Check
) -> None:
    figure = forest(series([f"Author {place} 2001" for place in range(k)], subgroup=subgroup))
    assert illegible(figure) == []


@settings(max_examples=40, deadline=None)
@given(labels=st.lists(ANY_LABEL, min_size=1, max_size=5), subgroup=st.sampled_from(["", "site"]))
def test_no_label_however_strange_overlaps_or_is_cut(
    labels: list[str], subgroup: str, illegible: Check
) -> None:
    figure = forest(series(labels, subgroup=subgroup))
    assert illegible(figure) == []


@settings(max_examples=30, deadline=None)
@given(label=ANY_LABEL)
def test_a_long_label_is_wrapped_and_never_shortened(label: str) -> None:
    figure = forest(series([label]))
    drawn = "".join("".join(texts(figure)).split())
    shown = printable(" ".join(label.split()) or label)
    assert "".join(shown.split()) in drawn


@settings(max_examples=25, deadline=None)
@given(cohort=ANY_LABEL, comparator=ANY_LABEL)
def test_cohorts_with_long_names_leave_the_axis_legible(
    cohort: str, comparator: str, illegible: Check
) -> None:
    names = (cohort.strip() or "a", (comparator.strip() or "b") + "'")
    study = Study("s", "Author 2001")
    findings = [
        finding
        for name, printed in zip(names, ("45", "25"), strict=True)
        for finding in (size("s", "120", name), percent("s", printed, cohort=name))
    ]
    evidence = Evidence((study,), tuple(Cohort("s", n) for n in names), tuple(findings))
    keys = {"effect": "survival_difference", "cohort": names[0], "comparator": names[1]}
    assert illegible(forest(analyse(evidence, plan(**keys)))) == []


def test_every_study_looked_at_is_drawn_with_what_it_printed() -> None:
    figure = forest(series([f"Author {place}" for place in range(7)]))
    written = texts(figure)
    assert [text for text in written if text in PRINTED] == list(PRINTED)
    assert [text for text in written if text.startswith("Author")] == [
        f"Author {place}" for place in range(7)
    ]


def test_a_study_that_is_not_pooled_keeps_its_line_its_printed_string_and_the_reason() -> None:
    studies = (Study("a", "A 1"), Study("b", "B 2"), Study("c", "C 3"))
    findings = (
        *(size("a", "50"), percent("a", "30")),
        *(size("b", "40"), percent("b", "46 a", months=48)),
        *(size("c", "30"), percent("c", "NR")),
    )
    written = texts(forest(analyse(Evidence(studies, (), findings), plan())))
    for expected in ("B 2", "46 a", "printed at 48 months", "C 3", "NR", "not reported"):
        assert expected in written


def test_the_area_of_a_square_is_proportional_to_the_weight() -> None:
    result = ratios(("0.5", "0.4", "0.63"), ("0.9", "0.3", "2.7"), ("1.2", "1.0", "1.44"))
    figure = forest(result)
    areas = []
    for place in range(3):
        corners = shape(figure, f"square-{place}")
        areas.append(np.ptp(corners[:, 0]) * np.ptp(corners[:, 1]))
    weights = [row.weight for row in result.rows]
    assert np.array(areas) / sum(areas) == pytest.approx(np.array(weights) / 100, rel=1e-9)


def test_the_null_line_stands_at_the_tick_of_no_difference() -> None:
    figure = forest(ratios(("0.5", "0.2", "1.25"), ("2.5", "1.2", "5.2")))
    xs = np.asarray(line(figure, "null").get_xdata(), dtype=float)
    assert xs == pytest.approx([tick(figure, "1")] * 2)


def test_one_group_of_patients_has_no_null_line() -> None:
    figure = forest(series(["A 1", "B 2"]))
    assert not [one for one in figure.axes[0].lines if one.get_gid() == "null"]


def test_equal_ratios_are_equally_far_apart_on_the_axis_of_a_ratio() -> None:
    figure = forest(ratios(("0.1", "0.08", "0.125"), ("1", "0.8", "1.25"), ("10", "8", "12.5")))
    places = [tick(figure, label) for label in ("0.1", "1", "10")]
    steps = [after - before for before, after in pairwise(places)]
    assert steps[0] == pytest.approx(steps[1])


def test_below_one_is_named_as_longer_survival_with_the_cohort() -> None:
    figure = forest(ratios(("0.5", "0.2", "1.25")))
    null = tick(figure, "1")
    found = {t.get_gid(): t for t in figure.axes[0].texts}
    left, right = found["direction-left"], found["direction-right"]
    assert left.get_text() == "← longer survival with surgery"
    assert right.get_text() == "longer survival with no surgery →"
    assert left.get_position()[0] < null < right.get_position()[0]


def test_a_higher_difference_is_named_as_longer_survival_with_the_cohort() -> None:
    cohorts = (Cohort("s", "surgery"), Cohort("s", "none"))
    findings = (
        *(size("s", "100", "surgery"), percent("s", "45", cohort="surgery")),
        *(size("s", "100", "none"), percent("s", "25", cohort="none")),
    )
    keys = {"effect": "survival_difference", "cohort": "surgery", "comparator": "none"}
    evidence = Evidence((Study("s", "S 1"),), cohorts, findings)
    figure = forest(analyse(evidence, plan(**keys)))
    found = {t.get_gid(): t.get_text() for t in figure.axes[0].texts}
    assert found["direction-right"] == "longer survival with surgery →"
    assert "45 vs 25" in texts(figure)
    assert "100 / 100" in texts(figure)


def test_an_interval_that_runs_off_ends_at_the_edge_and_the_arrow_is_explained() -> None:
    cut = forest(ratios(("0.8", "0.7", "0.91"), ("0.9", "0.001", "810")))
    whole = forest(ratios(("0.8", "0.7", "0.91"), ("0.9", "0.8", "1.01"), ("0.8", "0.6", "1.07")))
    edges = [tick(cut, "0.1"), tick(cut, "10")]  # ten times beyond all estimates, and a little
    left, right = np.asarray(line(cut, "whisker-1").get_xdata(), dtype=float)
    assert edges[0] - 30 < left < edges[0]
    assert edges[1] < right < edges[1] + 30
    assert "the interval goes on" in " ".join(texts(cut))
    assert "the interval goes on" not in " ".join(texts(whole))
    assert "0.90 [<0.01, 810.00]" in texts(cut)


def test_the_prediction_bar_spans_the_prediction_interval() -> None:
    result = series(["A 1", "B 2", "C 3", "D 4", "E 5", "F 6", "G 7"])
    assert result.prediction is not None
    assert result.shown is not None
    figure = forest(result)
    bar, left, right = shape(figure, "prediction"), tick(figure, "0"), tick(figure, "20")
    ends = np.array([bar[:, 0].min(), bar[:, 0].max()])
    values = 20 * (ends - left) / (right - left)
    assert values == pytest.approx(np.array(result.prediction), rel=1e-9)
    assert bar[:, 1].min() > shape(figure, f"diamond-{len(result.rows)}")[:, 1].max()


def test_each_subgroup_has_its_heading_its_studies_and_its_own_diamond() -> None:
    result = series([f"Author {place}" for place in range(6)], subgroup="site")
    figure = forest(result)
    written = texts(figure)
    order = [written.index(name) for name in ("liver", "Author 0", "Author 4")]
    order += [written.index(name) for name in ("lung", "Author 1", "Author 5")]
    assert order == sorted(order)
    diamonds = [p for p in figure.axes[0].patches if str(p.get_gid()).startswith("diamond")]
    assert len(diamonds) == 3


def test_studies_of_a_subgroup_without_a_pool_are_still_drawn() -> None:
    studies = (Study("a", "A 1", site="liver"), Study("b", "B 2", site="brain"))
    findings = (size("a", "50"), percent("a", "30"), size("b", "40"), percent("b", "NR"))
    written = texts(forest(analyse(Evidence(studies, (), findings), plan(subgroup="site"))))
    assert written.index("brain") < written.index("B 2")
    assert "not reported" in written


def medians() -> AnalysisResult:
    studies = tuple(Study(key, f"{key.upper()} 1") for key in "abcd")
    findings = (
        *(
            size("a", "100"),
            Finding(study="a", endpoint="OS", statistic="median", value=Reported("27")),
        ),
        *(
            size("b", "25"),
            Finding(study="b", endpoint="OS", statistic="median", value=Reported(">60")),
        ),
        *(
            size("c", "50"),
            Finding(study="c", endpoint="OS", statistic="mean", value=Reported("33 b")),
        ),
        Finding(study="d", endpoint="OS", statistic="median", value=Reported("NR")),
    )
    return analyse(Evidence(studies, (), findings), plan(effect="median", months=()))


def test_medians_are_dots_whose_area_is_the_number_of_patients() -> None:
    figure = forest(medians())
    wide = [np.ptp(shape(figure, f"dot-{place}")[:, 0]) for place in (0, 1)]
    assert (wide[0] / wide[1]) ** 2 == pytest.approx(100 / 25)


def test_a_mean_among_medians_is_hollow_and_says_so(illegible: Check) -> None:
    figure = forest(medians())
    assert shape(figure, "mean-2").shape[0] == 5
    for expected in ("mean", "33 b", "a mean, not a median", ">60", "NR", "not reported"):
        assert expected in texts(figure)
    assert "Not pooled: medians are shown as printed" in " ".join(texts(figure))
    assert illegible(figure) == []


def test_with_no_study_the_figure_says_that_there_is_nothing_and_why() -> None:
    result = series([])
    written = " ".join(texts(forest(result)))
    assert "Nothing to draw" in written
    assert result.not_estimable in written


def test_with_no_usable_study_the_printed_strings_and_reasons_are_still_shown(
    illegible: Check,
) -> None:
    studies = (Study("a", "A 1"), Study("b", "B 2"))
    findings = (percent("a", "NR"), percent("b", "46 a", months=48))
    figure = forest(analyse(Evidence(studies, (), findings), plan()))
    for expected in ("A 1", "NR", "not reported", "B 2", "46 a", "printed at 48 months"):
        assert expected in texts(figure)
    assert illegible(figure) == []


def test_a_derived_number_has_a_mark_no_printed_string_uses() -> None:
    cohorts = tuple(Cohort(study="s", key=name, split="operation") for name in ("partial", "total"))
    findings = (
        *(size("s", "100", "partial"), percent("s", "28 †", cohort="partial")),
        *(size("s", "300", "total"), percent("s", "32", cohort="total")),
    )
    written = texts(forest(analyse(Evidence((Study("s", "S 1"),), cohorts, findings), plan())))
    assert "28 † / 32 ‡" in written
    assert any(text.startswith("‡ S 1: patient-weighted mean of") for text in written)


def test_heterogeneity_is_written_with_its_intervals_and_the_method() -> None:
    result = series([f"Author {place}" for place in range(7)])
    written = " ".join(texts(forest(result))).replace("\u00a0", " ")
    for expected in (
        "Random effects (REML): 6 studies of 7",
        "τ² = ",
        "I² = ",
        "Q = ",
        "P < 0.001",
    ):
        assert expected in written
    assert "Hartung-Knapp" in written


def test_the_axis_names_the_time_the_endpoint_and_the_unit() -> None:
    assert "5-year overall survival (%)" in texts(forest(series(["A 1"])))
    figure = forest(series(["A 1"], months=(60.0, 18.0)))
    assert "5-year or 18-month overall survival (%)" in texts(figure)


def test_drawing_leaves_the_settings_of_matplotlib_as_they_were() -> None:
    before = dict(mpl.rcParams)
    forest(series(["A 1", "B 2"]))
    assert dict(mpl.rcParams) == before
