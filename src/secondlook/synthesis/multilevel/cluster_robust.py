"""Inference that holds when the model has the dependence of effects wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.multilevel.coefficients import (
    Coefficient,
    Contrasts,
    JointTest,
    coefficients_from,
    joint_test,
    plain,
    read_contrasts,
    table,
)
from secondlook.synthesis.multilevel.groups import Groups, Labels, read_groups
from secondlook.synthesis.multilevel.multivariate_result import Multivariate
from secondlook.synthesis.multilevel.options import check_level, unknown
from secondlook.synthesis.multilevel.rows import orthonormal_basis
from secondlook.synthesis.multilevel.sandwich import Sandwich, sandwich
from secondlook.synthesis.multilevel.three_level_result import ThreeLevel
from secondlook.synthesis.multilevel.working_model import WorkingModel, working_model_of
from secondlook.synthesis.printed_columns import Floats, raise_any
from secondlook.synthesis.regression.result import Regression
from secondlook.synthesis.result import Pooled

if TYPE_CHECKING:
    import polars

__all__ = ["CORRECTIONS", "ClusterRobust", "cluster_robust"]

CORRECTIONS: dict[str, str] = {
    "CR0": "none",
    "CR1": "m/(m - 1), m the number of clusters",
    "CR1p": "m/(m - p), p the number of coefficients (metafor's robust() without clubSandwich)",
    "CR1S": "m(k - 1)/((m - 1)(k - p)), k the number of effects",
    "CR2": "residuals of each cluster turned so that the covariance is unbiased under the working "
    "model",
}
"""How the covariance is corrected for residuals being smaller than errors."""

TESTS: dict[str, str] = {
    "Satterthwaite": "t with the degrees of freedom of Satterthwaite, and for several coefficients "
    "the approximate Hotelling T² (HTZ)",
    "clusters": "t and F with clusters less coefficients degrees of freedom",
    "z": "the normal and the chi-squared distribution",
}
"""How coefficients are tested."""

_WHERE = "cluster_robust"
_UNSAFE = 4.0
_FEW = 10


@dataclass(frozen=True, slots=True)
class ClusterRobust:
    """Coefficients of a model with standard errors that do not lean on its covariance.

    Parameters
    ----------
    coefficients
        One :class:`.Coefficient` each, with robust standard error, test and interval.
    covariance
        Their robust variance-covariance matrix.
    omnibus
        The test that all coefficients but the intercept are 0; None for an intercept alone, and
        where so few clusters leave no degrees of freedom for it.
    k, cluster_count
        How many effects and clusters there are.
    correction, test, level
        As asked for.
    pieces
        What tests of contrasts are made from.
    conventions, warnings
        One sentence for each choice on which programs differ, and for each reason to read the
        numbers with care.
    """

    coefficients: tuple[Coefficient, ...]
    covariance: tuple[tuple[float, ...], ...]
    omnibus: JointTest | None
    k: int
    cluster_count: int
    correction: str
    test: str
    level: float
    pieces: Sandwich
    conventions: tuple[str, ...]
    warnings: tuple[str, ...]

    def contrast(self, contrasts: Contrasts) -> tuple[tuple[Coefficient, ...], JointTest | None]:
        """Give contrasts of coefficients with their tests, and the test that all are 0."""
        names, rows = read_contrasts("contrast", contrasts, [one.name for one in self.coefficients])
        found = _tested(self.pieces, names, rows, self.test, self.level, self.cluster_count)
        return found, _joint(self.pieces, names, rows, self.test, self.cluster_count)

    def to_dict(self) -> dict[str, object]:
        """Give every field but the pieces as plain JSON types."""
        return {
            one.name: plain(getattr(self, one.name)) for one in fields(self) if one.name != "pieces"
        }

    def to_frame(self) -> polars.DataFrame:
        """Give one row per coefficient."""
        import polars as pl

        return pl.DataFrame(
            {
                "coefficient": [one.name for one in self.coefficients],
                "estimate": [one.estimate for one in self.coefficients],
                "standard_error": [one.standard_error for one in self.coefficients],
                "low": [one.interval[0] for one in self.coefficients],
                "high": [one.interval[1] for one in self.coefficients],
                "statistic": [one.statistic for one in self.coefficients],
                "degrees_of_freedom": [one.degrees_of_freedom for one in self.coefficients],
                "p_value": [one.p_value for one in self.coefficients],
            }
        )

    def __str__(self) -> str:
        head = (
            f"Cluster-robust inference, {self.correction}: {self.k} effects in "
            f"{self.cluster_count} clusters"
        )
        lines = [head, "", *table(self.coefficients, self.level)]
        if self.omnibus is not None:
            lines.append(f"  test of moderators: {self.omnibus}")
        lines += ["", "Conventions", *(f"  {sentence}" for sentence in self.conventions)]
        if self.warnings:
            lines += ["", "Warnings", *(f"  {sentence}" for sentence in self.warnings)]
        return "\n".join(lines)


def cluster_robust(
    fit: Pooled | Regression | ThreeLevel | Multivariate | WorkingModel,
    cluster: Labels | None = None,
    *,
    correction: str = "CR2",
    test: str = "Satterthwaite",
    level: float = 0.95,
) -> ClusterRobust:
    """Estimate the covariance of a model's coefficients from the residuals of whole clusters.

    The coefficients are those of the fit. Their standard errors hold whatever the dependence of
    effects within a cluster, if there are enough clusters and these are independent; the model's
    covariance only serves as a working model.

    Parameters
    ----------
    fit
        A result of :func:`~secondlook.synthesis.pool`, :func:`~secondlook.synthesis.regress`,
        :func:`.pool_three_level` or :func:`.pool_multivariate`, or a :func:`.working_model` of any
        other.
    cluster
        The cluster of each row, of all rows given to the fit or of those it used; not given, the
        studies of a three-level or multivariate fit.
    correction
        ``"CR0"``, ``"CR1"``, ``"CR1p"``, ``"CR1S"`` or ``"CR2"``.
    test
        ``"Satterthwaite"``, ``"clusters"`` or ``"z"``.
    level
        Coverage of every interval, between 0 and 1.

    Returns
    -------
    ClusterRobust
        With a warning where clusters are few or degrees of freedom below 4, at which P values are
        no longer to be trusted (Tipton, Psychol Methods 2015;20:375-393).

    Raises
    ------
    EstimationError
        For no more clusters than coefficients, for clusters that cut a study in two, or an unknown
        option.

    Notes
    -----
    Hedges, Tipton and Johnson, Res Synth Methods 2010;1:39-65; Tipton and Pustejovsky, J Educ Behav
    Stat 2015;40:604-634; Pustejovsky and Tipton, J Bus Econ Stat 2018;36:672-683. Robust errors
    mend the inference, not the estimate: weights made from a wrong model still waste information,
    and the variances of the fit stay what they were.

    Examples
    --------
    >>> from secondlook.synthesis.multilevel import working_model
    >>> model = working_model([0.2, 0.4, 0.1, 0.5, 0.3], [0.1, 0.1, 0.2, 0.2, 0.1])
    >>> robust = cluster_robust(model, ["A", "A", "B", "C", "D"])
    >>> round(robust.coefficients[0].estimate, 3), robust.cluster_count
    (0.3, 4)
    """
    problems = [
        *unknown(f"{_WHERE}, correction", correction, CORRECTIONS),
        *unknown(f"{_WHERE}, test", test, TESTS),
        *check_level(_WHERE, level),
    ]
    raise_any(problems)
    model = _model_of(fit)
    clusters = _clusters(fit, model, cluster)
    _refuse_cuts(model, clusters)
    count, (k, p) = len(clusters.labels), model.design.shape
    if count <= p:
        rule = f"are too few clusters for {p} coefficients"
        remedy = "use a model with fewer coefficients or finer clusters"
        raise EstimationError(Problem(_WHERE, str(count), rule, remedy))
    pieces = _pieces(model, clusters.members(), correction)
    names, level = model.columns, float(level)
    coefficients = _tested(pieces, names, np.eye(p), test, level, count)
    moderators = [j for j, name in enumerate(names) if j or name != "intercept"]
    omnibus = None
    if moderators:
        tested = [names[j] for j in moderators]
        omnibus = _joint(pieces, tested, np.eye(p)[moderators], test, count)
    return ClusterRobust(
        coefficients=coefficients,
        covariance=tuple(map(tuple, pieces.covariance.tolist())),
        omnibus=omnibus,
        k=k,
        cluster_count=count,
        correction=correction,
        test=test,
        level=level,
        pieces=pieces,
        conventions=(
            f"Correction of the covariance: {CORRECTIONS[correction]}.",
            f"Tests and intervals: {TESTS[test]}.",
            "Working covariance: that of the fit.",
        ),
        warnings=_warnings(model, coefficients, count, untested=bool(moderators) and not omnibus),
    )


def _model_of(fit: Pooled | Regression | ThreeLevel | Multivariate | WorkingModel) -> WorkingModel:
    if isinstance(fit, WorkingModel):
        return fit
    if isinstance(fit, ThreeLevel | Multivariate):
        return fit.working_model
    if isinstance(fit, Pooled | Regression):
        return working_model_of(fit)
    rule = "is no fit that robust inference is known for"
    remedy = "give a result of pool, regress, pool_three_level or pool_multivariate"
    raise EstimationError(Problem(_WHERE, type(fit).__name__, rule, remedy))


def _clusters(fit: object, model: WorkingModel, cluster: Labels | None) -> Groups:
    if cluster is None:
        if isinstance(fit, ThreeLevel | Multivariate):
            return model.study
        rule = "is missing: this fit has no studies with several effects"
        raise EstimationError(Problem(f"{_WHERE}, cluster", None, rule, "give one per row"))
    try:
        count = len(cluster)
    except TypeError:
        count = -1
    if count == model.given and count != model.yi.size:
        # of all rows given to the fit, those it left out may have no cluster
        kept = [cluster[int(i)] for i in model.positions]
        return read_groups(f"{_WHERE}, cluster", kept, model.yi.size)
    return read_groups(f"{_WHERE}, cluster", cluster, model.yi.size)


def _refuse_cuts(model: WorkingModel, clusters: Groups) -> None:
    tied = [model.study.members()] if model.between.size else []
    problems = []
    for rows in (*(tied[0] if tied else ()), *model.known.rows):
        if np.unique(clusters.of[rows]).size > 1:
            study = model.study.labels[model.study.of[rows[0]]]
            rule = "is in more than one cluster, though its effects are correlated in the fit"
            problems.append(Problem(f"{_WHERE}, cluster", study, rule, "put it into one"))
    raise_any(list(dict.fromkeys(problems)))


def _pieces(model: WorkingModel, clusters: list[NDArray[np.intp]], correction: str) -> Sandwich:
    # orthonormal columns keep the digits that a year near 2000 beside an intercept would cost
    basis = orthonormal_basis(_WHERE, model.design, model.columns)
    turned = WorkingModel(
        yi=model.yi,
        design=basis.columns,
        columns=model.columns,
        known=model.known,
        within=model.within,
        study=model.study,
        loadings=model.loadings,
        between=model.between,
        weights=model.weights,
        names=model.names,
        positions=model.positions,
        given=model.given,
    )
    found = sandwich(turned, clusters, correction=correction)
    back = basis.coefficients(np.eye(len(model.columns)))
    return Sandwich(
        back @ found.coefficients,
        back @ found.covariance @ back.T,
        back @ found.own @ back.T,
        found.shared @ back.T,
        found.kernel,
    )


def _tested(
    pieces: Sandwich, names: Sequence[str], rows: Floats, test: str, level: float, clusters: int
) -> tuple[Coefficient, ...]:
    variances = np.einsum("ia,ab,ib->i", rows, pieces.covariance, rows)
    degrees: list[float | None] = [None] * len(rows)
    if test == "Satterthwaite":
        degrees = [pieces.degrees(row[None]) for row in rows]
    elif test == "clusters":
        degrees = [float(clusters - rows.shape[1])] * len(rows)
    errors = np.sqrt(np.maximum(variances, 0.0))
    return coefficients_from(names, rows @ pieces.coefficients, errors, degrees, level)


def _joint(
    pieces: Sandwich, names: Sequence[str], rows: Floats, test: str, clusters: int
) -> JointTest | None:
    estimates, spread = rows @ pieces.coefficients, rows @ pieces.covariance @ rows.T
    below = float(clusters - rows.shape[1]) if test == "clusters" else None
    wald = joint_test(names, estimates, spread, below)
    if wald is None or test != "Satterthwaite":
        return wald
    q, wishart = len(rows), pieces.degrees(rows)
    below = wishart - q + 1
    if below <= 0:
        return None
    statistic = wald.statistic * below / (wishart * q)
    return JointTest(wald.names, statistic, q, below, float(fdtrc(q, below, statistic)))


def _warnings(
    model: WorkingModel, coefficients: Sequence[Coefficient], clusters: int, *, untested: bool
) -> tuple[str, ...]:
    said = []
    if len(model.names) < model.given:
        said.append(f"Rows the fit had left out: {model.given - len(model.names)}.")
    if clusters < _FEW:
        said.append(f"There are only {clusters} clusters.")
    unsafe = [
        one.name
        for one in coefficients
        if one.degrees_of_freedom is not None and one.degrees_of_freedom < _UNSAFE
    ]
    if unsafe:
        said.append(
            f"Fewer than {_UNSAFE:g} degrees of freedom, at which P values and intervals are not "
            f"to be trusted: {', '.join(unsafe)}."
        )
    if untested:
        said.append("So few clusters leave no degrees of freedom for the joint test.")
    return tuple(said)
