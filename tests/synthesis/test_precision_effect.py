"""PET, PEESE and the choice between them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook.errors import EstimationError
from secondlook.synthesis.small_studies import egger_test, pet_peese

VI = np.array([0.01, 0.02, 0.04, 0.09, 0.16, 0.25])
SCATTER = np.array([0.01, -0.02, 0.02, 0.01, -0.02, 0.01])

EFFECTS = st.integers(-3000, 3000).map(lambda milli: milli / 1000)
VARIANCES = st.integers(1, 2000).map(lambda milli: milli / 1000)
STUDIES = st.lists(st.tuples(EFFECTS, VARIANCES), min_size=4, max_size=9, unique_by=lambda s: s[1])


def test_each_recovers_the_line_it_supposes() -> None:
    on_errors = pet_peese(0.3 + 2 * np.sqrt(VI), VI)
    assert on_errors.pet.estimate == pytest.approx(0.3)
    on_variances = pet_peese(0.3 + 2 * VI, VI)
    assert on_variances.peese.estimate == pytest.approx(0.3)


def test_without_an_effect_pet_is_chosen_and_with_one_peese() -> None:
    none = pet_peese(2 * np.sqrt(VI) + SCATTER, VI)
    assert none.chosen == "PET"
    assert none.estimate == none.pet
    some = pet_peese(0.8 + 2 * VI + SCATTER, VI)
    assert some.chosen == "PEESE"
    assert some.estimate == some.peese


def test_the_threshold_decides() -> None:
    yi = 0.05 + 1.5 * np.sqrt(VI) + 3 * SCATTER
    p_value = pet_peese(yi, VI).pet.p_value
    assert p_value is not None
    assert pet_peese(yi, VI, alpha=p_value * 1.01).chosen == "PEESE"
    assert pet_peese(yi, VI, alpha=p_value * 0.99).chosen == "PET"


@settings(max_examples=50, deadline=None)
@given(STUDIES)
def test_both_are_limits_of_linear_regressions(studies: list[tuple[float, float]]) -> None:
    yi, vi = np.array(studies).T
    found = pet_peese(yi, vi)
    assert found.pet == egger_test(yi, vi).limit
    assert found.peese == egger_test(yi, vi, predictor="variance").limit
    assert found.estimate == (found.pet if found.chosen == "PET" else found.peese)


@settings(max_examples=50, deadline=None)
@given(STUDIES, st.sampled_from([2.0**-40, 2.0**30]))
def test_units_do_not_matter(studies: list[tuple[float, float]], unit: float) -> None:
    yi, vi = np.array(studies).T
    before, after = pet_peese(yi, vi), pet_peese(unit * yi, unit**2 * vi)
    assert after.chosen == before.chosen
    assert after.estimate.estimate == unit * before.estimate.estimate


def test_the_result_prints_itself_and_its_caveat() -> None:
    found = pet_peese(0.8 + 2 * VI + SCATTER, VI)
    assert str(found).startswith("PET-PEESE: 6 studies, PEESE chosen")
    assert any("extrapolates" in sentence for sentence in found.warnings)
    assert found.to_frame()["chosen"].to_list() == [False, True]
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_threshold_that_is_no_probability_is_refused() -> None:
    with pytest.raises(EstimationError, match=r"write 0\.10"):
        pet_peese(VI, VI, alpha=10.0)
    with pytest.raises(EstimationError, match="give at least 3"):
        pet_peese([0.1, 0.2], [0.1, 0.2])
