"""The tasks done by this package."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from benchmarks.tasks import ALIKE, Answers, Columns, Floats
from benchmarks.turns import Call

from secondlook.synthesis import (
    Influence,
    LeaveOneOut,
    Pooled,
    PooledMany,
    influence,
    leave_one_out,
    pool,
    pool_many,
)
from secondlook.synthesis.count_models import PooledCounts, pool_proportions
from secondlook.synthesis.multilevel import ThreeLevel, pool_three_level
from secondlook.synthesis.regression import Regression, regress
from secondlook.synthesis.regression.permutation import PermutationTest, permutation_test

__all__ = ["ours"]

PROGRAM = "secondlook"

INFLUENCE = {
    "rstudent": "studentized_deleted_residual",
    "dffits": "difference_in_fit",
    "cook": "cooks_distance",
    "covariance_ratio": "covariance_ratio",
    "tau2": "tau2_without",
    "q": "q_without",
    "hat": "leverage",
    "dfbetas": "difference_in_estimate",
}


def _numbers(**named: object) -> Answers:
    return {name: np.asarray(value, dtype=float) for name, value in named.items()}


def _pooled(found: Pooled) -> Answers:
    tau2_low, tau2_high = found.tau2_interval or (np.nan, np.nan)
    further_low, further_high = found.prediction_interval or (np.nan, np.nan)
    return _numbers(
        estimate=found.estimate,
        low=found.interval[0],
        high=found.interval[1],
        tau2=found.tau2,
        tau2_low=tau2_low,
        tau2_high=tau2_high,
        prediction_low=further_low,
        prediction_high=further_high,
        q=found.q,
        i2=found.i2,
    )


def _many(found: PooledMany) -> Answers:
    low, high = found.interval.T
    return _numbers(estimate=found.estimate, low=low, high=high, tau2=found.tau2, q=found.q)


def _regress(columns: Columns) -> Regression:
    moderators = {"moderator": columns["moderator"]}
    return regress(columns["yi"], columns["vi"], moderators, test="hksj")


def _regression(found: Regression) -> Answers:
    coefficients = found.coefficients
    return _numbers(
        estimate=[one.estimate for one in coefficients],
        low=[one.interval[0] for one in coefficients],
        high=[one.interval[1] for one in coefficients],
        tau2=found.tau2,
    )


def _permute(columns: Columns) -> tuple[Columns, PermutationTest]:
    return columns, permutation_test(_regress(columns), permutations=1000)


def _exact(found: tuple[Columns, object]) -> Answers:
    """Give P values of a few studies, of which every arrangement is gone through."""
    few = {name: values[:ALIKE] for name, values in found[0].items()}
    test = permutation_test(_regress(few), permutations=1000)
    return _numbers(p_value=[one.permutation_p_value for one in test.coefficients])


def _influence(found: Influence) -> Answers:
    return {
        name: np.array([getattr(row, field) for row in found.rows], dtype=float)
        for name, field in INFLUENCE.items()
    }


def _leave_one_out(found: LeaveOneOut) -> Answers:
    rows = found.rows
    return _numbers(
        estimate=[row.estimate for row in rows],
        low=[row.interval[0] for row in rows],
        high=[row.interval[1] for row in rows],
        tau2=[row.tau2 for row in rows],
        q=[row.q for row in rows],
    )


def _proportions(found: PooledCounts) -> Answers:
    return _numbers(
        estimate=found.estimate, low=found.interval[0], high=found.interval[1], tau2=found.tau2
    )


def _three_level(found: ThreeLevel) -> Answers:
    low, high = found.interval
    between, within = (
        interval or (np.nan, np.nan) for interval in (found.between_interval, found.within_interval)
    )
    sure = {
        "between_low": between[0],
        "between_high": between[1],
        "within_low": within[0],
        "within_high": within[1],
    }
    return _numbers(
        estimate=found.estimate,
        low=low,
        high=high,
        between=found.between_variance,
        within=found.within_variance,
        **(sure if found.between_interval else {}),
    )


def _nested(columns: Columns, *, intervals: bool) -> ThreeLevel:
    study = columns["study"].astype(int).tolist()
    return pool_three_level(columns["yi"], columns["vi"], study=study, variance_intervals=intervals)


def _yi_vi(columns: Columns) -> tuple[Floats, Floats]:
    return columns["yi"], columns["vi"]


def _paule_mandel(columns: Columns) -> Pooled:
    return pool(*_yi_vi(columns), method="PM", test="hksj-unguarded")


def ours() -> Mapping[str, Call]:
    """Give one call per task."""
    one = Call(PROGRAM, "`pool`", lambda c: pool(*_yi_vi(c)), _pooled)
    each = Call(PROGRAM, "`influence`", lambda c: influence(*_yi_vi(c)), _influence)
    without = Call(PROGRAM, "`leave_one_out`", lambda c: leave_one_out(*_yi_vi(c)), _leave_one_out)
    return {
        "pool-15": one,
        "pool-1000": one,
        "paule-mandel-15": Call(PROGRAM, '`pool(method="PM")`', _paule_mandel, _pooled),
        "many": Call(PROGRAM, "`pool_many`", lambda c: pool_many(*_yi_vi(c)), _many),
        "regression": Call(PROGRAM, "`regress`", _regress, _regression),
        "permutation": Call(PROGRAM, "`regress` + `permutation_test`", _permute, _exact),
        "influence-15": each,
        "influence-100": each,
        "leave-one-out-15": without,
        "leave-one-out-100": without,
        "proportions": Call(
            PROGRAM,
            "`pool_proportions`",
            lambda c: pool_proportions(c["events"], c["patients"]),
            _proportions,
        ),
        "three-level": Call(
            PROGRAM,
            "`pool_three_level(variance_intervals=False)`",
            lambda c: _nested(c, intervals=False),
            _three_level,
        ),
        "three-level-intervals": Call(
            PROGRAM, "`pool_three_level`", lambda c: _nested(c, intervals=True), _three_level
        ),
    }
