"""Three-level and multivariate results as printed in papers, cited by page.

Inputs come from R's metadat 1.2 by way of validation/metafor/multilevel.json; which page prints
which number, and where a paper's rounding differs, follows metafor's own replications.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from secondlook.synthesis import pool
from secondlook.synthesis.multilevel import Multivariate, pool_multivariate, pool_three_level

FOLDER = Path(__file__).resolve().parents[2] / "validation" / "metafor"
NESTED = json.loads((FOLDER / "multilevel.json").read_text("utf-8"))["cases"]["three_level"]
SCHOOLS: dict[str, Any] = NESTED["konstantopoulos2011"]["data"]
SEVERAL: dict[str, Any] = json.loads((FOLDER / "multilevel_outcomes.json").read_text("utf-8"))[
    "cases"
]


def _several(name: str, **options: Any) -> Multivariate:
    case = SEVERAL[name]
    data = case["data"]
    sizes = [int(np.sqrt(np.size(block))) for block in case["blocks"]]
    blocks = [
        np.reshape(block, (size, size)) for block, size in zip(case["blocks"], sizes, strict=True)
    ]
    return pool_multivariate(
        data["yi"], blocks, study=data["study"], outcome=data["outcome"], test="z", **options
    )


def test_schools_of_konstantopoulos_2011_page_70() -> None:
    # Res Synth Methods 2011;2:61-76, Table 4: two-level model, 0.128 (0.044), tau² 0.088
    pooled = pool(SCHOOLS["yi"], SCHOOLS["vi"], method="REML", test="z")
    assert pooled.tau2 is not None
    assert round(pooled.estimate, 3) == 0.128
    assert round(pooled.standard_error, 3) == 0.044
    assert round(pooled.tau2, 3) == 0.088


def test_schools_within_districts_of_konstantopoulos_2011_page_71() -> None:
    # Table 5, maximum likelihood: 0.1845 (0.0805); variances 0.0577 and 0.0329
    pooled = pool_three_level(
        SCHOOLS["yi"], SCHOOLS["vi"], study=SCHOOLS["study"], method="ML", test="z"
    )
    assert pooled.between_variance is not None
    assert pooled.within_variance is not None
    assert (round(pooled.estimate, 4), round(pooled.standard_error, 4)) == (0.1845, 0.0805)
    assert round(pooled.between_variance, 4) == 0.0577
    assert round(pooled.within_variance, 4) == 0.0329


def test_schools_by_year_of_konstantopoulos_2011_page_71() -> None:
    # Table 5: slope of year 0.0051 (0.0085), variances 0.0565 and 0.0329; the paper's intercept of
    # 0.183 is a misprint of 0.178
    year = np.array(SCHOOLS["year"])
    fit = pool_three_level(
        SCHOOLS["yi"],
        SCHOOLS["vi"],
        study=SCHOOLS["study"],
        moderators={"year": year - year.mean()},
        method="ML",
        test="z",
    )
    assert fit.between_variance is not None
    assert fit.within_variance is not None
    assert [round(one.estimate, 4) for one in fit.coefficients] == [0.1780, 0.0051]
    assert [round(one.standard_error, 4) for one in fit.coefficients] == [0.0805, 0.0085]
    assert round(fit.between_variance, 4) == 0.0565
    assert round(fit.within_variance, 4) == 0.0329


def test_periodontal_disease_by_year_of_berkey_1998_page_2545() -> None:
    # Stat Med 1998;17:2537-2550, Table II, maximum likelihood
    data = SEVERAL["berkey1998"]["data"]
    fit = _several(
        "berkey1998",
        method="ML",
        moderators={name: data[name] for name in ("year_PD", "year_AL")},
    )
    found = {one.name: one for one in fit.coefficients}
    estimates = {name: round(one.estimate, 4) for name, one in found.items()}
    assert estimates == {"PD": 0.3479, "AL": -0.3351, "year_PD": 0.0010, "year_AL": -0.0108}
    errors = {name: round(one.standard_error, 4) for name, one in found.items()}
    assert errors == {"PD": 0.0520, "AL": 0.0787, "year_PD": 0.0154, "year_AL": 0.0243}
    assert [round(one.estimate or 0, 4) for one in fit.variances] == [0.0080, 0.0250]
    assert round(fit.between_covariance[0][1], 4) == 0.0093


def test_tuberculosis_by_arm_of_van_houwelingen_2002_pages_604_and_605() -> None:
    # Stat Med 2002;21:589-624: log odds -4.834 and -4.096; variances 1.431 and 2.407; correlation
    # 0.947; difference -0.738 (0.180), whose variance between trials is 0.324
    fit = _several("colditz1994", method="ML")
    found = {one.name: one for one in fit.coefficients}
    assert round(found["vaccinated"].estimate, 3) == -4.834
    assert round(found["control"].estimate, 3) == -4.096
    assert round(found["control"].standard_error, 3) == 0.435
    variances = {one.name: one.estimate for one in fit.variances}
    assert variances["vaccinated"] == pytest.approx(1.431, abs=0.0005)
    assert variances["control"] == pytest.approx(2.407, abs=0.0005)
    assert fit.correlations[0].estimate == pytest.approx(0.947, abs=0.0005)
    (difference,), _ = fit.contrast({"vaccinated": 1, "control": -1})
    assert round(difference.estimate, 3) == -0.738
    assert round(difference.standard_error, 3) == 0.180
    between = np.array(fit.between_covariance)
    assert between.trace() - 2 * between[0, 1] == pytest.approx(0.324, abs=0.0005)


def test_tuberculosis_by_latitude_of_van_houwelingen_2002_pages_612_and_613() -> None:
    # with latitude the correlation between arms is estimated at 1
    data = SEVERAL["colditz1994"]["data"]
    names = ("north_vaccinated", "north_control")
    fit = _several("colditz1994", method="ML", moderators={name: data[name] for name in names})
    found = {one.name: one for one in fit.coefficients}
    assert [round(found[name].estimate, 3) for name in ("vaccinated", "control")] == [
        -4.826,
        -4.117,
    ]
    assert [round(found[name].estimate, 3) for name in names] == [0.039, 0.072]
    assert [round(found[name].standard_error, 3) for name in names] == [0.022, 0.022]
    assert {one.name: round(one.estimate or 0, 2) for one in fit.variances} == {
        "vaccinated": 1.23,
        "control": 1.18,
    }
    assert fit.correlations[0].estimate == pytest.approx(1.0, abs=1e-9)
    assert any("at its bound" in sentence for sentence in fit.warnings)
    (slope,), _ = fit.contrast({"north_vaccinated": 1, "north_control": -1})
    assert (round(slope.estimate, 3), round(slope.standard_error, 3)) == (-0.033, 0.003)


def test_brain_stimulation_of_ishak_2007_table_1() -> None:
    # Clin Trials 2007;4:525-539, column of independent times: means and variances by occasion
    data = SEVERAL["ishak2007"]["data"]
    fit = pool_multivariate(
        data["yi"], data["vi"], study=data["study"], outcome=data["outcome"], structure="diagonal"
    )
    found = {one.name: round(one.estimate, 1) for one in fit.coefficients}
    assert found == {"time1": -24.9, "time2": -27.5, "time3": -28.5, "time4": -24.1}
    variances = {one.name: round(one.estimate or 0, 1) for one in fit.variances}
    assert variances == {"time1": 23.1, "time2": 27.8, "time3": 27.7, "time4": 29.9}
