"""Egger's regression test, in its classical and its mixed-effects form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import (
    Floats,
    named,
    not_positive,
    one_list,
    raise_any,
    written,
)
from secondlook.synthesis.regression.preparation import check_options
from secondlook.synthesis.small_studies.asymmetry_result import AsymmetryTest, asymmetry_of
from secondlook.synthesis.small_studies.funnel_line import funnel_line
from secondlook.synthesis.small_studies.reading import (
    about_omitted,
    refuse_fewer,
    refuse_unknown,
)
from secondlook.synthesis.study_outcomes import StudyOutcomes, read_outcomes

__all__ = ["MODELS", "PREDICTORS", "Predictor", "egger_test"]

MODELS: dict[str, str] = {
    "linear": "weighted linear regression, sampling variances multiplied by a common dispersion",
    "mixed": "mixed-effects regression, a residual between-study variance added to them",
}
"""What is assumed of the scatter about the line."""


@dataclass(frozen=True, slots=True)
class Predictor:
    """Something effects can be regressed on: what it is, and whether it goes to 0 with size."""

    words: str
    vanishes: bool
    of_size: bool
    value: Callable[[Floats], Floats]


PREDICTORS: dict[str, Predictor] = {
    "standard-error": Predictor("standard error", True, False, np.sqrt),
    "variance": Predictor("sampling variance", True, False, np.array),
    "n": Predictor("sample size", False, True, np.array),
    "inverse-n": Predictor("1/n", True, True, np.reciprocal),
    "root-n": Predictor("square root of n", False, True, np.sqrt),
    "inverse-root-n": Predictor("1/square root of n", True, True, lambda n: 1 / np.sqrt(n)),
}
"""What effects may be regressed on (metafor's sei, vi, ni, ninv, sqrtni and sqrtninv)."""


def egger_test(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    n: ArrayLike | None = None,
    model: str = "linear",
    predictor: str = "standard-error",
    method: str | None = None,
    test: str | None = None,
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> AsymmetryTest:
    """Test whether effects go with the standard errors, or the sizes, of the studies.

    What is estimated is the slope of a weighted regression of effects on a measure of imprecision
    (in the form of the paper: the intercept of yi/se regressed on 1/se), and the effect the line
    gives a study of boundless size.

    Parameters
    ----------
    yi, vi
        Effects and their sampling variances, shape (k,); a study with a NaN is left out.
    n
        Patients of each study, needed by the predictors made of them.
    model
        ``"linear"``, as published, or ``"mixed"``.
    predictor
        ``"standard-error"``, ``"variance"``, ``"n"``, ``"inverse-n"``, ``"root-n"`` or
        ``"inverse-root-n"``.
    method, test
        Estimator of tau² and test of a mixed model, as for :func:`~secondlook.synthesis.regress`;
        ``"REML"`` and ``"hksj"`` if not given (metafor: REML and z). A linear regression has none:
        its test is t with k - 2 degrees of freedom.
    level
        Coverage of the intervals, between 0 and 1.
    names
        What the studies are called.

    Returns
    -------
    AsymmetryTest
        The limit is given where the predictor goes to 0 as studies grow.

    Raises
    ------
    EstimationError
        For fewer than three studies, studies that are all of one precision, sizes that are not
        positive, unknown options, and what :func:`~secondlook.synthesis.pool` refuses.

    Notes
    -----
    Egger, Davey Smith, Schneider and Minder, BMJ 1997;315:629-634; Sterne and Egger, in Rothstein,
    Sutton and Borenstein (eds), Publication Bias in Meta-Analysis, Wiley 2005:99-110, on the mixed
    model. The variance of a log ratio depends on the ratio, so that the test finds asymmetry too
    often where effects are large: see :func:`harbord_test` and :func:`peters_test`. Neither a small
    nor a large P value says whether studies are missing.

    Examples
    --------
    >>> found = egger_test([-0.1, -0.3, -0.2, -0.8, -1.1], [0.01, 0.02, 0.04, 0.2, 0.3])
    >>> round(found.asymmetry.estimate, 3), round(found.limit.estimate, 3)
    (-2.0, 0.08)
    """
    refuse_unknown("egger_test, model", model, list(MODELS))
    refuse_unknown("egger_test, predictor", predictor, list(PREDICTORS))
    _check_options(model, method, test, level)
    kind = PREDICTORS[predictor]
    outcomes, sizes = _read(yi, vi, n, kind, names)
    refuse_fewer("egger_test", outcomes.yi.size, 3)
    linear = model == "linear"
    chosen = "hksj" if test is None else test
    line = funnel_line(
        "egger_test",
        outcomes,
        kind.value(outcomes.vi if sizes is None else sizes),
        kind.words,
        method=None if linear else method or "REML",
        test="t" if linear else chosen,
        level=float(level),
    )
    said = f"Model: {MODELS[model]}" + ("." if linear else f" ({method or 'REML'}).")
    degrees = line.slope.degrees_of_freedom
    distribution = "normal" if degrees is None else f"t with {degrees} degrees of freedom"
    return asymmetry_of(
        line,
        outcomes,
        name="Egger's regression test",
        limit=kind.vanishes,
        level=level,
        conventions=(
            said,
            f"Test and intervals: {distribution}" + ("." if linear else f" ({chosen})."),
        ),
        warnings=tuple(about_omitted(outcomes.omitted)),
    )


def _check_options(model: str, method: str | None, test: str | None, level: float) -> None:
    chosen = "hksj" if test is None else test
    check_options("egger_test", method=method or "REML", test=chosen, level=level)
    if model == "mixed":
        if method == "common":
            rule, remedy = "has no between-study variance to add", 'use model="linear"'
            raise EstimationError(Problem("egger_test, method", method, rule, remedy))
        return
    raise_any(
        [
            Problem(
                f"egger_test, {option}",
                written(value),
                "has no place in a linear regression",
                'use model="mixed", or leave it out',
            )
            for option, value in (("method", method), ("test", test))
            if value is not None
        ]
    )


def _read(
    yi: ArrayLike,
    vi: ArrayLike,
    n: ArrayLike | None,
    kind: Predictor,
    names: Sequence[str] | None,
) -> tuple[StudyOutcomes, Floats | None]:
    if not kind.of_size:
        return read_outcomes(yi, vi, names), None
    if n is None:
        rule, remedy = "needs the sizes of the studies", "give n"
        raise EstimationError(Problem("egger_test, predictor", kind.words, rule, remedy))
    effects, variances = one_list("egger_test, yi", yi), one_list("egger_test, vi", vi)
    sizes = one_list("egger_test, n", n)
    lengths = {"yi": effects.size, "vi": variances.size, "n": sizes.size}
    labels = named("egger_test", lengths, names)
    absent = np.isnan(sizes)
    raise_any(not_positive("n", np.where(absent, 1.0, sizes), labels))
    outcomes = read_outcomes(np.where(absent, np.nan, effects), variances, labels)
    return outcomes, sizes[~(absent | np.isnan(effects) | np.isnan(variances))]
