"""The tasks that other Python programs can do: PyMARE, PyMetaAnalysis and statsmodels.

Their functions for many data sets or for left-out studies are used where they have them; a task for
which a program has no function is not made up from others.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from benchmarks.tasks import ALIKE, Answers, Columns
from benchmarks.turns import Call

__all__ = ["py_meta_analysis", "pymare", "statsmodels"]


def _numbers(**named: object) -> Answers:
    return {name: np.ravel(np.asarray(value, dtype=float)) for name, value in named.items()}


class _PyMare:
    """PyMARE's REML with the conservative Knapp-Hartung correction, the same as ours."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it leaves a file open on import
            module: Any = importlib.import_module("pymare")
        self.dataset = module.Dataset
        self.estimator = module.estimators.VarianceBasedLikelihoodEstimator(
            method="REML", small_sample_correction="knapp-hartung-conservative"
        )

    def fit(self, columns: Columns) -> tuple[Any, Any]:
        """Fit one data set, or many in one call, with intervals."""
        yi, vi = columns["yi"].T, columns["vi"].T
        found = self.estimator.fit(yi, vi, np.ones((len(yi), 1))).summary()
        return found, found.get_fe_stats()

    def fit_dataset(self, columns: Columns) -> tuple[Any, Any]:
        """Fit with a moderator if there is one."""
        further = {"X": columns["moderator"][:, None]} if "moderator" in columns else {}
        dataset = self.dataset(columns["yi"].T, columns["vi"].T, **further)
        found = self.estimator.fit_dataset(dataset).summary()
        return found, found.get_fe_stats()

    def with_heterogeneity(self, columns: Columns) -> tuple[Any, Any, Any]:
        """Add Q and I²."""
        found, stats = self.fit_dataset(columns)
        return found, stats, found.get_heterogeneity_stats()

    def everything(self, columns: Columns) -> tuple[Any, Any, Any, Any]:
        """Add Q, I² and the Q-profile interval of tau²."""
        found, stats, heterogeneity = self.with_heterogeneity(columns)
        return found, stats, heterogeneity, found.get_re_stats()

    def permute(self, columns: Columns) -> tuple[Columns, Any]:
        """Fit and permute."""
        found, _ = self.fit_dataset(columns)
        return columns, found.permutation_test(1000)

    def exact(self, found: tuple[Columns, Any]) -> Answers:
        """Give P values of a few studies, of which every arrangement is gone through."""
        few = {name: values[:ALIKE] for name, values in found[0].items()}
        return _numbers(p_value=self.permute(few)[1].perm_p["fe_p"])

    @staticmethod
    def read(found: Sequence[Any]) -> Answers:
        """Give estimates, intervals and tau², and whatever else was asked for."""
        results, stats, *further = found
        numbers = {"estimate": stats["est"], "low": stats["ci_l"], "high": stats["ci_u"]}
        numbers["tau2"] = results.tau2
        if further:
            numbers["q"] = further[0]["Q"]
        if further[1:]:
            numbers |= {"tau2_low": further[1]["ci_l"], "tau2_high": further[1]["ci_u"]}
        return _numbers(**numbers)


def pymare() -> Mapping[str, list[Call]]:
    """Give PyMARE's calls by task."""
    own = _PyMare()
    fit = Call("PyMARE", "`fit` + intervals", own.fit, own.read)
    every = Call("PyMARE", "+ Q, I², tau² interval", own.everything, own.read)
    return {
        "pool-15": [fit, every],
        "pool-1000": [fit, every],
        "many": [
            Call("PyMARE", "`fit` + intervals, one call", own.fit, own.read),
            Call("PyMARE", "+ Q, I², one call", own.with_heterogeneity, own.read),
        ],
        "regression": [Call("PyMARE", "`fit_dataset` + intervals", own.fit_dataset, own.read)],
        "permutation": [Call("PyMARE", "`permutation_test`", own.permute, own.exact)],
    }


class _PyMetaAnalysis:
    """PyMetaAnalysis with the safeguarded Hartung-Knapp interval, the same as ours."""

    guarded = "hartung_knapp_adhoc"

    def __init__(self) -> None:
        self.module: Any = importlib.import_module("meta_analyze")

    def fit(self, columns: Columns, **options: str) -> Any:
        """Pool one data set by REML."""
        options = {"ci_method": self.guarded, **options}
        return self.module.meta_analysis(effect=columns["yi"], variance=columns["vi"], **options)

    def with_interval(self, columns: Columns) -> tuple[Any, Any]:
        """Add the Q-profile interval of tau²."""
        found = self.fit(columns)
        return found, found.tau2_confidence_interval()

    def each(self, columns: Columns) -> list[tuple[float, ...]]:
        """Pool many data sets, one by one."""
        rows = zip(columns["yi"], columns["vi"], strict=True)
        fits = (self.fit({"yi": yi, "vi": vi}) for yi, vi in rows)
        return [(found.estimate, *found.ci, found.tau2, found.q) for found in fits]

    def regress(self, columns: Columns) -> Any:
        """Fit a moderator; without one a column of ones, as it refuses the mean alone."""
        moderator = columns.get("moderator", np.ones(len(columns["yi"])))
        return self.module.meta_regression(
            effect=columns["yi"],
            variance=columns["vi"],
            moderators={"moderator": moderator},
            intercept="moderator" in columns,
            inference_method=self.guarded,
        )

    @staticmethod
    def read(found: Any) -> Answers:
        """Give what pooling answers."""
        low, high = found.ci
        return _numbers(estimate=found.estimate, low=low, high=high, tau2=found.tau2, q=found.q)

    def read_interval(self, found: tuple[Any, Any]) -> Answers:
        """Add the interval of tau²."""
        low, high = found[1].ci
        return {**self.read(found[0]), **_numbers(tau2_low=low, tau2_high=high)}

    @staticmethod
    def read_each(found: list[tuple[float, ...]]) -> Answers:
        """Give what pooling answers, of many data sets."""
        return dict(zip(("estimate", "low", "high", "tau2", "q"), np.transpose(found), strict=True))

    @staticmethod
    def read_regression(found: Any) -> Answers:
        """Give coefficients and tau²."""
        table = found.coefficients
        names = {"estimate": "estimate", "low": "ci_low", "high": "ci_high"}
        return _numbers(**{n: table[column] for n, column in names.items()}, tau2=found.tau2)

    @staticmethod
    def read_influence(found: Any) -> Answers:
        """Give the diagnostics it has in common with metafor."""
        table = found.table
        return _numbers(
            rstudent=table["externally_standardized_residual"],
            cook=table["cook_distance"],
            hat=table["leverage"],
            dfbetas=found.dfbetas["dfbetas"],
        )

    @staticmethod
    def read_leave_one_out(found: Any) -> Answers:
        """Give what is pooled without each study."""
        table = found.table
        names = {"estimate": "estimate", "low": "ci_low", "high": "ci_high"}
        names |= {"tau2": "tau2", "q": "q"}
        return _numbers(**{n: table[column] for n, column in names.items()})


def py_meta_analysis() -> Mapping[str, list[Call]]:
    """Give PyMetaAnalysis's calls by task."""
    own, name = _PyMetaAnalysis(), "PyMetaAnalysis"
    fit = Call(name, "`meta_analysis`", own.fit, own.read)
    every = Call(name, "+ tau² interval", own.with_interval, own.read_interval)
    without = Call(
        name, "`leave_one_out`", lambda c: own.fit(c).leave_one_out(), own.read_leave_one_out
    )
    influence = Call(
        name,
        "`meta_regression` + `influence`",
        lambda c: own.regress(c).influence(),
        own.read_influence,
    )
    return {
        "pool-15": [fit, every],
        "pool-1000": [fit, every],
        "paule-mandel-15": [
            Call(
                name,
                '`meta_analysis(tau2_method="PM")`',
                lambda c: own.fit(c, tau2_method="PM", ci_method="hartung_knapp"),
                own.read,
            )
        ],
        "many": [Call(name, "`meta_analysis`, one by one", own.each, own.read_each)],
        "regression": [Call(name, "`meta_regression`", own.regress, own.read_regression)],
        "influence-15": [influence],
        "influence-100": [influence],
        "leave-one-out-15": [without],
        "leave-one-out-100": [without],
    }


def statsmodels() -> Mapping[str, list[Call]]:
    """Give statsmodels's call: it has Paule-Mandel and DerSimonian-Laird, not REML."""
    module: Any = importlib.import_module("statsmodels.stats.meta_analysis")

    def fit(columns: Columns) -> tuple[Any, Any]:
        found = module.combine_effects(columns["yi"], columns["vi"], method_re="pm", use_t=True)
        return found, found.conf_int()

    def read(found: tuple[Any, Any]) -> Answers:
        results, intervals = found
        low, high = intervals[3]  # random effects, scale estimated: Hartung and Knapp's
        return _numbers(
            estimate=results.mean_effect_re, low=low, high=high, tau2=results.tau2, q=results.q
        )

    return {
        "paule-mandel-15": [
            Call("statsmodels", '`combine_effects(method_re="pm")` + `conf_int`', fit, read)
        ]
    }
