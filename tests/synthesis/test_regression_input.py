"""What a regression refuses, and what it leaves out by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import polars as pl
import pytest

from secondlook.errors import EstimationError
from secondlook.synthesis.regression import Regression, regress

Y = [-0.9, -1.6, -1.3, -0.2, -0.8, 0.1]
V = [0.33, 0.19, 0.42, 0.05, 0.2, 0.12]
YEAR = [1985, 1999, 2004, 1991, 2010, 1995]
KIND = ["trial", "cohort", "cohort", "trial", "cohort", "trial"]


def refusal(*arguments: Any, **options: Any) -> str:
    with pytest.raises(EstimationError) as caught:
        regress(*arguments, **options)
    return str(caught.value)


def fitted() -> Regression:
    return regress(Y, V, {"year": YEAR, "kind": KIND})


# --- designs --------------------------------------------------------------------------------------


def test_a_moderator_made_of_others_is_refused_and_both_are_named() -> None:
    decades = [(year - 1900) / 10 for year in YEAR]
    said = refusal(Y, V, {"year": YEAR, "decade": decades, "weeks": [1, 2, 3, 4, 5, 7]})
    assert '"decade" is a linear combination of intercept, year' in said
    assert "weeks" not in said
    assert "leave one of them out" in said


def test_indicators_of_every_level_beside_an_intercept_are_refused() -> None:
    trial, cohort = [k == "trial" for k in KIND], [k == "cohort" for k in KIND]
    said = refusal(Y, V, {"trial": trial, "cohort": cohort})
    assert '"cohort" is a linear combination of intercept, trial' in said
    assert regress(Y, V, {"trial": trial, "cohort": cohort}, intercept=False).k == 6


def test_years_and_their_squares_are_no_linear_combination() -> None:
    squares = [year**2 for year in YEAR]
    assert regress(Y, V, {"year": YEAR, "square": squares}).residual_degrees_of_freedom == 3


@pytest.mark.parametrize("values", [[3] * 6, ["trial"] * 6, [0] * 6])
def test_a_moderator_that_does_not_vary_is_refused(values: list[object]) -> None:
    said = refusal(Y, V, {"flat": values})
    assert '"flat"' in said
    assert "in every study; leave it out" in said


def test_too_few_studies_for_the_coefficients_are_refused() -> None:
    said = refusal(Y[:3], V[:3], {"a": [1, 2, 4], "b": [2, 1, 4]})
    assert '"3 studies" are too few for 3 coefficients (intercept, a, b)' in said
    assert regress(Y[:4], V[:4], {"a": [1, 2, 4, 3], "b": [2, 1, 4, 9]}).k == 4


def test_nothing_to_regress_on_is_refused() -> None:
    assert "neither moderators nor an intercept" in refusal(Y, V, intercept=False)
    assert "neither moderators nor" in refusal(Y, V, {"year": YEAR}, formula="~ 0")


def test_a_moderator_called_as_the_constant_is_refused() -> None:
    assert "is what the constant is called" in refusal(Y, V, {"intercept": YEAR})


# --- columns --------------------------------------------------------------------------------------


def test_a_missing_moderator_leaves_its_study_out_by_name() -> None:
    names = list("ABCDEF")
    data = {"year": [1985, None, 2004, 1991, 2010, float("nan")], "other": [None] * 6}
    found = regress(Y, V, data, formula="~ year", names=names)
    assert found.omitted == ("B", "F")
    assert found.names == ("A", "C", "D", "E")
    assert "Left out, year missing: B, F." in found.warnings
    rest = [0, 2, 3, 4]
    plain = regress([Y[i] for i in rest], [V[i] for i in rest], {"year": [YEAR[i] for i in rest]})
    assert found.coefficient("year").estimate == plain.coefficient("year").estimate


def test_no_study_without_something_missing_is_refused() -> None:
    assert "no study with an effect, a variance" in refusal(Y, V, {"year": [None] * 6})
    assert "no study with an effect, a variance" in refusal([], [], {})


def test_missing_effects_and_words_are_named_too() -> None:
    kinds = ["trial", "cohort", "", "trial", "cohort", "trial"]
    found = regress([float("nan"), *Y[1:]], V, {"kind": kinds}, names=list("ABCDEF"))
    assert "Left out, effect or variance missing: A." in found.warnings
    assert "Left out, kind missing: C." in found.warnings


def test_a_level_no_study_is_left_with_has_no_coefficient() -> None:
    found = regress([*Y[:5], float("nan")], V, {"kind": [*KIND[:5], "registry"]})
    assert found.design.columns.names == ("intercept", "kind[T.trial]")


def test_missing_values_of_polars_and_pandas_are_missing() -> None:
    polars = regress(Y, V, pl.DataFrame({"year": [None, *YEAR[1:]]}))
    pandas = regress(Y, V, pd.DataFrame({"year": pd.array([None, *YEAR[1:]], dtype="Int64")}))
    assert polars.omitted == pandas.omitted == ("study 1",)
    assert polars.fitted == pandas.fitted


@pytest.mark.parametrize(
    ("column", "rule"),
    [
        ([1, 2, "three", 4, 5, 6], "is no number"),
        ([1, 2, 3, 4, 5, np.inf], "is not finite"),
        ([1j] * 6, "is neither a number nor a word"),
        ([[1], [2], [3], [4], [5], [6]], "is neither a number nor a word"),
        ([10**400, 2, 3, 4, 5, 6], "is not finite"),
    ],
)
def test_a_column_of_anything_but_numbers_or_words_is_refused(
    column: list[object], rule: str
) -> None:
    said = refusal(Y, V, {"strange": column})
    assert "moderator strange" in said
    assert rule in said


def test_columns_of_other_lengths_are_refused_with_their_lengths() -> None:
    assert '"yi 6, year 5"' in refusal(Y, V, {"year": YEAR[:5]})
    assert '"a 6, b 5"' in refusal(Y, V, {"a": YEAR, "b": YEAR[:5]})


def test_two_columns_of_one_name_are_refused() -> None:
    frame = pd.DataFrame([[1, 2]] * 6, columns=["x", "x"])
    assert "name of more than one column" in refusal(Y, V, frame)


@pytest.mark.parametrize("strange", [3, "year", np.zeros((6, 2, 2)), [[1, 2], [3]], object()])
def test_moderators_that_are_no_table_are_refused(strange: object) -> None:
    assert "moderators" in refusal(Y, V, strange)


# --- formulas -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "rule"),
    [
        ("~ (", "cannot be read"),
        ("", "cannot be read"),
        ("yi ~ year", "has more than one side"),
        ("year | kind", "has more than one side"),
        ("~ decade", '"decade" is not among the moderators'),
        ("~ log(decade)", '"decade" is not among the moderators'),
        ("~ C(kind, contr.nonsense)", "cannot be evaluated"),
        ("~ log(kind)", "cannot be evaluated"),
    ],
)
def test_a_formula_that_makes_no_design_is_refused(formula: str, rule: str) -> None:
    assert rule in refusal(Y, V, {"year": YEAR, "kind": KIND}, formula=formula)


@pytest.mark.parametrize(
    "formula",
    [
        "~ open('x')",
        "~ {__import__('os').getcwd()}",
        "~ {year.__class__}",
        "~ {(lambda: 1)()}",
        "~ {[x for x in year]}",
        "~ np.load('x')",
        "~ {contr.__dict__}",
        "~ eval('1')",
    ],
)
def test_a_formula_that_is_a_program_is_refused_before_it_runs(formula: str) -> None:
    said = refusal(Y, V, {"year": YEAR}, formula=formula)
    assert any(
        rule in said
        for rule in ("is more than moderators", "cannot be read", "is not among the moderators")
    )


def test_a_transformation_that_is_not_finite_names_the_study() -> None:
    said = refusal(Y, V, {"dose": [0, 1, 2, 3, 4, 5]}, formula="~ log(dose)", names=list("ABCDEF"))
    assert "A, log(dose)" in said


def test_an_intercept_is_left_out_in_the_formula_not_beside_it() -> None:
    said = refusal(Y, V, {"year": YEAR}, formula="~ year", intercept=False)
    assert "begin it with ~ 0 +" in said


# --- options and predictions ----------------------------------------------------------------------


def test_every_option_that_does_not_exist_is_named_at_once() -> None:
    said = refusal(Y, V, {"year": YEAR}, method="BEST", test=["z"], level=95)
    assert len(said.splitlines()) == 3
    for part in ("BEST", "hksj-unguarded", "write 0.95 for 95 %"):
        assert part in said


def test_a_coefficient_that_does_not_exist_is_refused_with_those_that_do() -> None:
    assert "use some of intercept, year" in refusal(Y, V, {"year": YEAR}, omnibus_of="decade")
    assert "names no coefficient" in refusal(Y, V, {"year": YEAR}, omnibus_of=[])
    with pytest.raises(EstimationError, match="use intercept, year"):
        fitted().coefficient("decade")


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"year": [2000]}, 'moderator: "kind" is not given'),
        ({"year": [2000], "kind": ["registry"]}, '"registry" is not among the levels'),
        ({"year": [2000, None], "kind": ["trial", "trial"]}, "row 2, moderator year: is missing"),
        ({"year": [2000], "kind": [1]}, "is words where the model had numbers"),
        ({"year": [2000, 2001], "kind": ["trial"]}, "not the same number of rows"),
    ],
)
def test_a_prediction_needs_every_moderator_at_a_value_the_model_knows(
    given: dict[str, list[object]], rule: str
) -> None:
    with pytest.raises(EstimationError) as caught:
        fitted().predict(given)
    assert rule in str(caught.value)


def test_a_prediction_by_formula_needs_them_too() -> None:
    data = {"dose": [1, 2, 3, 4, 5, 7], "kind": KIND}
    found = regress(Y, V, data, formula="~ log(dose) + C(kind)")
    for given, rule in (
        ({"dose": [1], "kind": ["registry"]}, "is not what the model was fitted to"),
        ({"dose": [0], "kind": ["trial"]}, "row 1: has a transformed moderator"),
    ):
        with pytest.raises(EstimationError) as caught:
            found.predict(given)
        assert rule in str(caught.value)


def test_the_level_of_a_prediction_is_a_share() -> None:
    with pytest.raises(EstimationError, match=r"write 0\.95"):
        fitted().predict(level=95)


@pytest.mark.parametrize("unit", [1e-300, 1e200, 1e300])
def test_a_moderator_in_a_unit_no_double_can_hold_is_refused_by_name(unit: float) -> None:
    said = refusal(Y, V, {"dose": [unit * x for x in (1, 2, 3, 4, 5, 7)]})
    assert '"dose" leads to a coefficient that no double can hold' in said


def test_variances_far_beyond_any_data_are_answered() -> None:
    spread = [1e-90, 1, 1e-60, 1e-3, 1e80, 1]
    found = regress(Y, spread, {"x": [1, 2, 3, 4, 5, 7]})
    assert all(np.isfinite([one.standard_error for one in found.coefficients]))


def test_variances_that_are_none_are_refused_by_study() -> None:
    said = refusal(Y, [*V[:4], 0, -1], {"year": YEAR})
    assert "study 5, vi" in said
    assert "study 6, vi" in said
