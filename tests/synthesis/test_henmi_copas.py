"""The interval of Henmi and Copas."""

from __future__ import annotations

import json
from pathlib import Path

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook.errors import EstimationError
from secondlook.synthesis import pool
from secondlook.synthesis.effects import log_odds_ratio
from secondlook.synthesis.small_studies import henmi_copas

PINNED = Path(__file__).resolve().parents[2] / "validation" / "metafor" / "small_studies.json"

YI = [-0.9, -1.6, -1.3, -0.2, 0.4]
VI = [0.33, 0.19, 0.42, 0.05, 0.12]

EFFECTS = st.integers(-3000, 3000).map(lambda milli: milli / 1000)
VARIANCES = st.integers(1, 2000).map(lambda milli: milli / 1000)
STUDIES = st.lists(st.tuples(EFFECTS, VARIANCES), min_size=2, max_size=7)


def test_the_example_of_the_paper() -> None:
    # Henmi and Copas, Stat Med 2010;29:2969-2983, page 2978: -0.5145 (-0.9994 to -0.0295)
    tables = json.loads(PINNED.read_text(encoding="utf-8"))["cases"]["lee2004"]["tables"]
    effects = log_odds_ratio(*(tables[key] for key in ("ai", "n1i", "ci", "n2i")))
    found = henmi_copas(effects.yi, effects.vi)
    assert found.estimate == pytest.approx(-0.5145, abs=5e-5)
    assert found.interval == pytest.approx((-0.9994, -0.0295), abs=5e-5)
    assert found.tau2 == pytest.approx(0.3325, abs=5e-5)


def _tail_of_the_paper(u: float, vi: list[float], tau2: float) -> mpmath.mpf:
    """Give the probability of exceeding u standard errors from the sums the paper defines."""
    weights = [1 / mpmath.mpf(v) for v in vi]
    first = mpmath.fsum(weights)
    second, third, fourth = (
        mpmath.fsum([w**power for w in weights]) / first for power in (2, 3, 4)
    )
    degrees, t2 = len(vi) - 1, mpmath.mpf(tau2)
    ratio = 1 + t2 * second

    def integrand(x: mpmath.mpf) -> mpmath.mpf:
        square = x**2 / ratio - 1 / ratio
        mean = degrees + t2 * (first - second) + t2**2 * square * (third - second**2)
        variance = 2 * degrees + 4 * t2 * (first - second)
        variance += 2 * t2**2 * (first * second - 2 * third + second**2)
        variance += 4 * t2**2 * square * (third - second**2)
        variance += 4 * t2**3 * square * (fourth - 2 * second * third + second**3)
        variance += 2 * t2**4 * (1 - 2 * x**2) / ratio**2 * (third - second**2) ** 2
        q = (first / second - 1) * ((x * mpmath.sqrt(ratio) / u) ** 2 - 1) + degrees
        below = mpmath.gammainc(mean**2 / variance, 0, q * mean / variance, regularized=True)
        return below * mpmath.npdf(x)

    start = u / mpmath.sqrt(ratio)
    return mpmath.quad(integrand, [start, start + 1, start + 3, start + 6, start + 12])


def test_the_critical_value_solves_the_equation_of_the_paper_in_twenty_digits() -> None:
    with mpmath.workdps(20):
        for level in (0.8, 0.95):
            found = henmi_copas(YI, VI, level=level)
            tail = _tail_of_the_paper(found.critical, VI, found.tau2)
            assert float(tail) == pytest.approx((1 - level) / 2, rel=1e-11)


@settings(max_examples=30, deadline=None)
@given(STUDIES)
def test_the_estimate_is_the_common_effect_with_a_larger_error(
    studies: list[tuple[float, float]],
) -> None:
    yi, vi = np.array(studies).T
    found, common = henmi_copas(yi, vi), pool(yi, vi, method="common", test="z")
    assert found.estimate == pytest.approx(common.estimate, abs=1e-12)
    assert found.standard_error >= common.standard_error * (1 - 1e-12)
    assert found.interval[0] < found.estimate < found.interval[1]


@settings(max_examples=30, deadline=None)
@given(STUDIES, st.sampled_from([2.0**-40, 2.0**30]))
def test_units_do_not_matter(studies: list[tuple[float, float]], unit: float) -> None:
    yi, vi = np.array(studies).T
    before, after = henmi_copas(yi, vi), henmi_copas(unit * yi, unit**2 * vi)
    assert after.critical == pytest.approx(before.critical, rel=1e-9)
    assert after.interval[0] == pytest.approx(unit * before.interval[0], rel=1e-9)


def test_more_coverage_takes_a_wider_interval() -> None:
    reaches = [henmi_copas(YI, VI, level=level).critical for level in (0.5, 0.8, 0.95, 0.999)]
    assert reaches == sorted(reaches)
    assert len(set(reaches)) == 4


def test_effects_that_agree_have_an_interval_all_the_same() -> None:
    found = henmi_copas([0.3] * 4, VI[:4])
    assert found.tau2 == 0
    assert found.interval[0] < 0.3 < found.interval[1]


def test_one_precise_study_among_a_million_times_less_precise_ones_has_an_answer() -> None:
    found = henmi_copas([0.1, 0.9, -0.7, 0.4], [1e-12, 0.3, 0.2, 0.5])
    assert found.estimate == pytest.approx(0.1, abs=1e-9)
    assert np.isfinite(found.interval).all()


def test_the_result_prints_itself() -> None:
    found = henmi_copas([*YI, float("nan")], [*VI, 0.1])
    assert str(found).startswith("Henmi and Copas: 5 studies")
    assert found.omitted == ("study 6",)
    assert any("not proof" in sentence for sentence in found.warnings)
    assert found.to_frame().height == 1
    json.dumps(found.to_dict(), allow_nan=False)


def test_one_study_and_a_level_in_percent_are_refused() -> None:
    with pytest.raises(EstimationError, match="give at least 2"):
        henmi_copas(YI[:1], VI[:1])
    with pytest.raises(EstimationError, match=r"write 0\.95"):
        henmi_copas(YI, VI, level=95.0)
