"""What a regression gives back: one record that prints itself, and gives rows and plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import written
from secondlook.synthesis.regression.coefficients import (
    Coefficient,
    Interval,
    OmnibusTest,
    critical,
    is_share,
    omnibus_test,
)
from secondlook.synthesis.regression.design import Design
from secondlook.synthesis.regression.moderators import Moderators
from secondlook.synthesis.regression.predictions import (
    Predictions,
    aligned,
    new_rows,
    predictions,
)
from secondlook.synthesis.result import decimals, p_text, range_text

if TYPE_CHECKING:
    import polars

__all__ = ["Regression"]


@dataclass(frozen=True, slots=True)
class Regression:
    """Effects regressed on moderators, and the heterogeneity the moderators leave.

    Parameters
    ----------
    coefficients, covariance
        One :class:`Coefficient` per column of the design, and their covariance matrix.
    omnibus
        The test of all coefficients of moderators, or of those asked for.
    tau2, tau2_standard_error, tau2_interval
        Residual between-study variance, its asymptotic standard error, and its Q-profile interval;
        0 by assumption and None under ``method="common"``.
    tau2_without_moderators, r2
        tau² of the same method about the mean alone, and the percentage of it the moderators
        account for, not below 0. ``r2`` is None without an intercept or where there is no
        between-study variance to account for.
    i2, i2_interval, h2, h2_interval
        Residual I² in percent and H².
    residual_q, residual_degrees_of_freedom, residual_q_p_value
        Cochran's test that the moderators leave no heterogeneity.
    variance_factor
        What the variances of the coefficients were multiplied by (Hartung-Knapp); otherwise 1.
    fitted, residuals
        Expected effects at each study's moderators, and the effects less these.
    names, yi, vi, k
        The studies and how many they are.
    design
        The design matrix, ``design.columns.matrix``, and what its columns are called.
    omitted
        Studies left out because their effect, variance or a moderator is missing.
    method, test, level
        As asked for.
    conventions
        One sentence for each choice on which programs differ.
    warnings
        One sentence for each reason to read the numbers with care.
    """

    coefficients: tuple[Coefficient, ...]
    covariance: tuple[tuple[float, ...], ...]
    omnibus: OmnibusTest
    tau2: float
    tau2_standard_error: float | None
    tau2_interval: Interval | None
    tau2_without_moderators: float | None
    r2: float | None
    i2: float
    i2_interval: Interval | None
    h2: float
    h2_interval: Interval | None
    residual_q: float
    residual_degrees_of_freedom: int
    residual_q_p_value: float
    variance_factor: float
    fitted: tuple[float, ...]
    residuals: tuple[float, ...]
    names: tuple[str, ...]
    yi: tuple[float, ...]
    vi: tuple[float, ...]
    k: int
    design: Design
    omitted: tuple[str, ...]
    method: str
    test: str
    level: float
    conventions: tuple[str, ...]
    warnings: tuple[str, ...]

    def coefficient(self, name: str) -> Coefficient:
        """Give one coefficient by name."""
        for one in self.coefficients:
            if one.name == name:
                return one
        rule = "is not a coefficient of this model"
        remedy = f"use {', '.join(one.name for one in self.coefficients)}"
        raise EstimationError(Problem("regression", name, rule, remedy))

    def omnibus_test(self, of: str | Sequence[str]) -> OmnibusTest:
        """Test that some coefficients are all 0.

        Parameters
        ----------
        of
            Names of coefficients, or of moderators, which stand for all their coefficients.

        Raises
        ------
        EstimationError
            Naming what is neither.
        """
        estimates = np.array([one.estimate for one in self.coefficients])
        names = self.design.columns.names
        which = self.design.which(of)
        degrees = self.coefficients[0].degrees_of_freedom
        return omnibus_test(names, estimates, np.array(self.covariance), which, degrees)

    def predict(
        self, moderators: Moderators | None = None, *, level: float | None = None
    ) -> Predictions:
        """Give expected effects at moderator values, with confidence and prediction intervals.

        Parameters
        ----------
        moderators
            Values for every moderator of the model, as they were given to :func:`regress`: a
            column of each, or a single value. By default those of the studies themselves.
        level
            Coverage of the intervals; by default that of the regression.

        Raises
        ------
        EstimationError
            For a moderator that is not given, a missing or infinite value, or a level of a
            categorical moderator that no study had.

        Notes
        -----
        Outside the moderator values of the studies a prediction rests on the line alone.
        """
        level = self.level if level is None else level
        if not is_share(level):
            rule, remedy = "is not a number between 0 and 1", "write 0.95 for 95 %"
            raise EstimationError(Problem("predict, level", written(level), rule, remedy))
        rows, names = self.design.columns.matrix, self.names
        if moderators is not None:
            rows = new_rows(self.design, moderators)
            names = tuple(f"row {i + 1}" for i in range(len(rows)))
        return predictions(
            rows,
            names,
            np.array([one.estimate for one in self.coefficients]),
            np.array(self.covariance),
            tau2=None if self.method == "common" else self.tau2,
            reach=critical(level, self.coefficients[0].degrees_of_freedom),
            level=float(level),
        )

    def to_dict(self) -> dict[str, object]:
        """Give every field as plain JSON types; the design as its columns by name."""
        columns = self.design.columns
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "design"}
        plain = {key: list(v) if isinstance(v, tuple) else v for key, v in plain.items()}
        plain["coefficients"] = [_plain(one) for one in self.coefficients]
        plain["covariance"] = [list(row) for row in self.covariance]
        plain["omnibus"] = _plain(self.omnibus)
        plain["design"] = dict(zip(columns.names, columns.matrix.T.tolist(), strict=True))
        return plain

    def to_frame(self) -> polars.DataFrame:
        """Give one row per coefficient."""
        import polars as pl

        columns = [asdict(one) for one in self.coefficients]
        for column in columns:
            column["low"], column["high"] = column.pop("interval")
        return pl.DataFrame(columns)

    def __str__(self) -> str:
        parts = [_coefficient_lines(self), _heterogeneity_lines(self)]
        parts.append(["Conventions", *(f"  {sentence}" for sentence in self.conventions)])
        if self.warnings:
            parts.append(["Warnings", *(f"  {sentence}" for sentence in self.warnings)])
        return "\n\n".join("\n".join(lines) for lines in parts)


def _plain(record: Coefficient | OmnibusTest) -> dict[str, object]:
    return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(record).items()}


def _coefficient_lines(found: Regression) -> list[str]:
    model = "Common effect" if found.method == "common" else f"Random effects, {found.method}"
    sign = "z" if found.test == "z" else "t"
    percent = f"{100 * found.level:g} % interval"
    table = [["", "estimate", "standard error", sign, "P", percent]]
    for one in found.coefficients:
        statistic, p_value = "–", "–"
        if one.statistic is not None and one.p_value is not None:
            statistic = decimals(one.statistic)
            p_value = p_text(one.p_value).removeprefix("P ").removeprefix("= ")
        numbers = [decimals(one.estimate), decimals(one.standard_error), statistic, p_value]
        table.append([one.name, *numbers, range_text(one.interval)])
    tested = ", ".join(found.omnibus.coefficients)
    many = len(found.coefficients)
    head = f"{model}: {found.k} studies, {many} coefficient{'s' if many > 1 else ''}"
    return [head, "", *aligned(table), "", f"  test of {tested}: {found.omnibus}"]


def _heterogeneity_lines(found: Regression) -> list[str]:
    table = []
    if found.tau2_interval is not None:
        ends = found.tau2_interval
        roots = (ends[0] ** 0.5, ends[1] ** 0.5)
        table.append(["tau²", decimals(found.tau2), range_text(ends)])
        table.append(["tau", decimals(found.tau2**0.5), range_text(roots)])
    for name, value, interval in (
        ("I² (%)", found.i2, found.i2_interval),
        ("H²", found.h2, found.h2_interval),
    ):
        ends_text = "" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}"
        table.append([name, f"{value:.2f}", ends_text])
    if found.r2 is not None:
        table.append(["R² (%)", f"{found.r2:.2f}", ""])
    degrees = found.residual_degrees_of_freedom
    test = f"{degrees} df, {p_text(found.residual_q_p_value)}"
    table.append(["Q", decimals(found.residual_q), test])
    return ["Heterogeneity the moderators leave", *aligned(table)]
