"""The step-function selection model."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import ndtr

from secondlook.errors import EstimationError
from secondlook.synthesis import pool
from secondlook.synthesis.small_studies import step_selection
from secondlook.synthesis.small_studies.step_likelihood import StepLikelihood

Floats = NDArray[np.float64]

PINNED = Path(__file__).resolve().parents[2] / "validation" / "metafor" / "small_studies.json"

YI = np.array([0.5, 0.4, 0.6, 0.3, 0.2, 0.7, 0.1, 0.45, 0.05, 0.9])
VI = np.array([0.02, 0.03, 0.05, 0.02, 0.03, 0.1, 0.02, 0.04, 0.01, 0.15])

EFFECTS = st.integers(-1500, 1500).map(lambda milli: milli / 1000)
VARIANCES = st.integers(5, 500).map(lambda milli: milli / 1000)
STUDIES = st.lists(st.tuples(EFFECTS, VARIANCES), min_size=5, max_size=9)
ALTERNATIVES = st.sampled_from(["greater", "less", "two-sided"])


def _weight_of(y: float, v: float, steps: list[float], weights: list[float], side: str) -> float:
    z = y / math.sqrt(v)
    p = {"greater": ndtr(-z), "less": ndtr(z), "two-sided": 2 * ndtr(-abs(z))}[side]
    return weights[int(np.searchsorted(steps, p))]


def _log_likelihood(
    mean: float, tau2: float, weights: list[float], steps: list[float], side: str
) -> float:
    """Give the log-likelihood from its definition, each probability by numerical integration."""
    total = 0.0
    for y, v in zip(YI, VI, strict=True):
        error = math.sqrt(v + tau2)

        def density(x: float, error: float = error) -> float:
            return math.exp(-0.5 * ((x - mean) / error) ** 2) / (error * math.sqrt(2 * math.pi))

        def seen(x: float, v: float = v, density: Callable[[float], float] = density) -> float:
            return _weight_of(x, v, steps, weights, side) * density(x)

        grid = np.linspace(mean - 12 * error, mean + 12 * error, 200)
        parts = [quad(seen, a, b, epsabs=1e-14)[0] for a, b in itertools.pairwise(grid)]
        total += math.log(seen(float(y)) / sum(parts))
    return total


@pytest.mark.parametrize("side", ["greater", "less", "two-sided"])
def test_the_likelihood_is_that_of_the_definition(side: str) -> None:
    steps, weights = [0.05, 0.4, 1.0], [1.0, 0.5, 0.2]
    likelihood = StepLikelihood.of(YI, VI, np.array(steps), side)
    found = likelihood.at(0.2, 0.03, np.array(weights)).value
    # the jumps of the weights lie somewhere within the parts that are integrated
    assert found == pytest.approx(_log_likelihood(0.2, 0.03, weights, steps, side), abs=2e-4)


@settings(max_examples=50, deadline=None)
@given(
    STUDIES,
    ALTERNATIVES,
    st.floats(-1, 1),
    st.floats(0.01, 1),
    st.floats(0.05, 5),
    st.floats(0.05, 5),
)
def test_gradient_and_hessian_are_those_of_the_value(
    studies: list[tuple[float, float]],
    side: str,
    mean: float,
    tau2: float,
    second: float,
    third: float,
) -> None:
    yi, vi = np.array(studies).T
    likelihood = StepLikelihood.of(yi, vi, np.array([0.05, 0.4, 1.0]), side)
    point = np.array([mean, tau2, 1.0, second, third])
    step = 1e-5 * np.eye(5)

    def at(x: Floats) -> tuple[float, Floats, Floats]:
        surface = likelihood.at(float(x[0]), float(x[1]), x[2:])
        return surface.value, surface.gradient, surface.hessian

    _, gradient, hessian = at(point)
    slopes = [(at(point + one)[0] - at(point - one)[0]) / 2e-5 for one in step]
    bends = [(at(point + one)[1] - at(point - one)[1]) / 2e-5 for one in step]
    assert gradient == pytest.approx(slopes, rel=1e-4, abs=1e-4)
    assert hessian.ravel() == pytest.approx(np.ravel(bends), rel=1e-3, abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(STUDIES, ALTERNATIVES)
def test_equal_weights_are_no_selection(studies: list[tuple[float, float]], side: str) -> None:
    yi, vi = np.array(studies).T
    found = step_selection(yi, vi, alternative=side, weights=[2.0, 2.0])
    plain = pool(yi, vi, method="ML", test="z")
    assert found.estimate == pytest.approx(plain.estimate, abs=1e-6)
    assert found.tau2 == pytest.approx(plain.tau2, abs=1e-6)
    assert found.selection_test is None


@settings(max_examples=25, deadline=None)
@given(STUDIES)
def test_the_other_sign_of_the_effects_is_the_other_alternative(
    studies: list[tuple[float, float]],
) -> None:
    yi, vi = np.array(studies).T
    given_weights = [1.0, 0.4, 0.2]
    first = step_selection(yi, vi, alternative="greater", steps=[0.025, 0.5], weights=given_weights)
    second = step_selection(-yi, vi, alternative="less", steps=[0.025, 0.5], weights=given_weights)
    assert second.estimate == pytest.approx(-first.estimate, abs=1e-6)
    assert second.log_likelihood == pytest.approx(first.log_likelihood, abs=1e-9)


def test_the_maximum_is_flat_and_nothing_around_it_is_higher() -> None:
    found = step_selection(YI, VI, alternative="greater")
    likelihood = StepLikelihood.of(YI, VI, np.array([0.025, 1.0]), "greater")
    weight = found.weights[1].weight
    surface = likelihood.at(found.estimate, found.tau2, np.array([1.0, weight]))
    assert found.log_likelihood == pytest.approx(surface.value, abs=1e-10)
    assert surface.gradient[[0, 3]] == pytest.approx([0, 0], abs=1e-8)
    assert found.tau2 == 0
    assert surface.gradient[1] < 0
    for mean, tau2, other in itertools.product(
        np.linspace(-1, 1, 21), (0.0, 0.01, 0.1, 1.0), (0.001, 0.01, 0.05, 0.3, 1.0, 10.0)
    ):
        assert likelihood.at(mean, tau2, np.array([1.0, other])).value <= found.log_likelihood


def test_the_highest_of_two_maxima_is_found() -> None:
    # magnesium after infarction (metadat dat.egger2001, log odds ratios): metafor, started at its
    # own values, goes to the maximum at tau² = 0.109 and a weight of 0.243
    case = json.loads(PINNED.read_text(encoding="utf-8"))["cases"]["egger2001"]
    yi, vi = np.array(case["yi"]), np.array(case["vi"])
    found = step_selection(yi, vi, alternative="less")
    likelihood = StepLikelihood.of(yi, vi, np.array([0.025, 1.0]), "less")
    lesser = likelihood.at(-0.3828, 0.10917, np.array([1.0, 0.24331]))
    assert np.abs(lesser.gradient[[0, 1, 3]]).max() < 0.01
    assert found.log_likelihood > lesser.value + 1.5
    assert found.tau2 == 0


def test_weights_below_one_draw_the_mean_to_the_disfavoured_side() -> None:
    plain = step_selection(YI, VI, alternative="greater", weights=[1.0, 1.0]).estimate
    some = step_selection(YI, VI, alternative="greater", weights=[1.0, 0.3]).estimate
    much = step_selection(YI, VI, alternative="greater", weights=[1.0, 0.05]).estimate
    assert much < some < plain


def test_the_test_of_selection_compares_with_pooling_as_if_there_were_none() -> None:
    found = step_selection(YI, VI, alternative="greater")
    free = step_selection(YI, VI, alternative="greater", weights=[1.0, 1.0])
    assert found.selection_test is not None
    gain = 2 * (found.log_likelihood - free.log_likelihood)
    assert found.selection_test.statistic == pytest.approx(gain, abs=1e-8)
    assert found.selection_test.degrees_of_freedom == 1


def test_a_common_effect_has_no_between_study_variance() -> None:
    found = step_selection(YI, VI, alternative="greater", method="common")
    assert found.tau2 == 0
    assert found.heterogeneity_test is None
    assert found.unselected.method == "common"


@pytest.mark.parametrize("unit", [1e-6, 2.0**-300, 1e40])
def test_units_do_not_matter(unit: float) -> None:
    before = step_selection(YI, VI, alternative="greater")
    after = step_selection(unit * YI, unit**2 * VI, alternative="greater")
    assert after.estimate == pytest.approx(unit * before.estimate, rel=1e-8)
    assert after.weights[1].weight == pytest.approx(before.weights[1].weight, rel=1e-8)
    expected = before.log_likelihood - YI.size * math.log(unit)
    assert after.log_likelihood == pytest.approx(expected, rel=1e-10)


def test_a_weight_without_a_maximum_is_held_and_has_no_standard_error() -> None:
    # all but one result is just not significant: selection against significance without limit
    yi = np.array([1.9, 1.85, 1.92, 1.88, 1.95, 1.9, 1.83, 1.97])
    found = step_selection(yi, np.ones(8), alternative="greater")
    assert found.weights[1].weight == pytest.approx(100.0)
    assert found.standard_error is None
    assert any("end of its range" in sentence for sentence in found.warnings)
    assert "standard error none" in str(found)
    json.dumps(found.to_dict(), allow_nan=False)


def test_the_result_prints_itself() -> None:
    found = step_selection(
        np.append(YI, np.nan), np.append(VI, 0.1), alternative="greater", steps=[0.2, 0.025]
    )
    assert [one.low for one in found.weights] == [0.0, 0.025, 0.2]
    assert sum(one.count for one in found.weights) == 10
    assert found.omitted == ("study 11",)
    assert "test of selection" in str(found)
    assert any("not proof" in sentence for sentence in found.warnings)
    assert found.to_frame().height == len(found.weights)
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"alternative": "upper"}, "greater, less, two-sided"),
        ({"alternative": "greater", "steps": [2.5]}, "is not between 0 and 1"),
        ({"alternative": "greater", "steps": []}, "give at least one"),
        ({"alternative": "greater", "steps": [1e-9]}, "holds no study"),
        ({"alternative": "greater", "weights": [1.0]}, "one for each of 2 intervals"),
        ({"alternative": "greater", "weights": [1.0, 0.0]}, "is not a positive number"),
        ({"alternative": "greater", "method": "REML"}, "ML, common"),
        ({"alternative": "greater", "level": 95.0}, "write 0.95"),
    ],
)
def test_what_cannot_be_fitted_is_refused_in_one_line(
    options: dict[str, object], says: str
) -> None:
    with pytest.raises(EstimationError, match=says):
        step_selection(YI, VI, **options)  # type: ignore[arg-type]


def test_fewer_studies_than_parameters_are_refused() -> None:
    with pytest.raises(EstimationError, match="too few for 3 parameters"):
        step_selection([0.1, 0.9], [0.04, 0.04], alternative="greater")
