"""Results as printed in papers, cited by page.

Inputs come from R's metadat 1.2 by way of validation/metafor/reference.json; which page prints
which number, and where a chapter's rounding differs, follows metafor's own replications of these
papers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from secondlook.synthesis import Pooled, inverse, pool, survival_proportion

REFERENCE: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[2] / "validation/metafor/reference.json").read_text("utf-8")
)["cases"]


def _pool(case: str, method: str, test: str = "z", scale: float = 1.0) -> Pooled:
    yi, vi = np.array(REFERENCE[case]["yi"]), np.array(REFERENCE[case]["vi"])
    return pool(scale * yi, scale**2 * vi, method=method, test=test)


@pytest.mark.parametrize("method", ["common", "REML", "DL"])
def test_lidocaine_of_normand_1999_page_349(method: str) -> None:
    # Stat Med 1999;18:321-359, Table VII: 2.94 percentage points (0.4 to 5.5), tau² 0
    pooled = _pool("hine1989", method, scale=100)
    assert round(pooled.estimate, 2) == 2.94
    assert [round(limit, 1) for limit in pooled.interval] == [0.4, 5.5]
    assert pooled.tau2 == 0


@pytest.mark.parametrize(
    ("method", "estimate", "interval", "tau2"),
    [
        ("common", -3.49, [-5.03, -1.96], 0.0),
        ("DL", -14.10, [-24.45, -3.75], 218.72),
        ("REML", -15.12, [-32.67, 2.43], 685.20),
    ],
)
def test_length_of_stay_of_normand_1999_page_352(
    method: str, estimate: float, interval: list[float], tau2: float
) -> None:
    # Stat Med 1999;18:321-359, Table IX
    pooled = _pool("normand1999", method)
    assert pooled.tau2 is not None
    assert round(pooled.estimate, 2) == estimate
    assert [round(limit, 2) for limit in pooled.interval] == interval
    assert round(pooled.tau2, 2) == tau2


def test_pre_eclampsia_of_viechtbauer_2007_page_44() -> None:
    # Stat Med 2007;26:37-52, Table II: tau² 0.230 (DL), 0.301 (REML); Q-profile 0.072 to 2.203
    moments, restricted = _pool("collins1985b", "DL"), _pool("collins1985b", "REML")
    assert moments.tau2 is not None
    assert restricted.tau2 is not None
    assert moments.tau2_interval is not None
    assert (round(moments.tau2, 3), round(restricted.tau2, 3)) == (0.230, 0.301)
    assert [round(limit, 3) for limit in moments.tau2_interval] == [0.072, 2.203]


@pytest.mark.parametrize(
    ("method", "test", "estimate", "error", "statistic", "interval"),
    [
        ("REML", "z", 0.084, 0.052, 1.621, [-0.018, 0.185]),
        ("DL", "z", 0.089, 0.056, 1.601, [-0.020, 0.199]),
        ("common", "z", 0.060, 0.036, 1.655, [-0.011, 0.132]),
        ("REML", "hksj-unguarded", 0.084, 0.062, 1.359, [-0.046, 0.213]),
        ("DL", "hksj-unguarded", 0.089, 0.064, 1.405, [-0.044, 0.223]),
    ],
)
def test_teacher_expectancy_of_raudenbush_2009_page_309(
    method: str, test: str, estimate: float, error: float, statistic: float, interval: list[float]
) -> None:
    # Handbook of Research Synthesis and Meta-Analysis, 2nd ed. 2009, Table 16.3
    pooled = _pool("raudenbush1985", method, test)
    assert pooled.statistic is not None
    assert round(pooled.estimate, 3) == estimate
    assert round(pooled.standard_error, 3) == error
    assert round(pooled.statistic, 3) == statistic
    assert [round(limit, 3) for limit in pooled.interval] == interval


def test_the_double_arcsine_and_its_way_back_of_miller_1978_page_138() -> None:
    # Am Stat 1978;32:138 works with twice this scale: 1.1391, 1.2888, 1.5253, 0.9515, variances
    # 0.0870, 0.0571, 0.0465, 0.1538; weighted mean 1.3093, which goes back to 0.3595
    n = np.array([11, 17, 21, 6])
    effects = survival_proportion(np.array([3, 6, 10, 1]) / n, n, scale="freeman-tukey")
    pooled = pool(effects.yi, effects.vi, method="common", test="z")
    assert np.round(2 * effects.yi, 4).tolist() == [1.1391, 1.2888, 1.5253, 0.9515]
    assert np.round(4 * effects.vi, 4).tolist() == [0.0870, 0.0571, 0.0465, 0.1538]
    assert round(2 * pooled.estimate, 4) == 1.3093
    assert round(float(inverse("freeman-tukey", sample_sizes=n)(pooled.estimate)), 4) == 0.3595
