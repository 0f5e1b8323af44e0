"""Tests of funnel plot asymmetry for events in two arms: Harbord's and Peters'."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.effects import log_odds_ratio
from secondlook.synthesis.event_counts import EventCounts, read_event_counts
from secondlook.synthesis.printed_columns import Floats, not_held, raise_any, written
from secondlook.synthesis.regression.coefficients import is_share
from secondlook.synthesis.small_studies.asymmetry_result import AsymmetryTest, asymmetry_of
from secondlook.synthesis.small_studies.funnel_line import funnel_line
from secondlook.synthesis.small_studies.reading import about_omitted, refuse_fewer
from secondlook.synthesis.study_outcomes import StudyOutcomes

__all__ = ["harbord_test", "peters_test"]


def harbord_test(
    treated_events: ArrayLike,
    treated_n: ArrayLike,
    control_events: ArrayLike,
    control_n: ArrayLike,
    *,
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> AsymmetryTest:
    """Test by efficient scores whether log odds ratios go with the precision of the studies.

    With Z the events of the treated less those expected without an effect and V the variance of Z
    then, Z/sqrt(V) is regressed on sqrt(V); the intercept, here called asymmetry, is tested. That
    is Egger's regression of the log odds ratios Z/V with variances 1/V, which do not depend on the
    effect as those of Woolf do.

    Parameters
    ----------
    treated_events, treated_n, control_events, control_n
        Patients with the event, and patients, in each arm, shape (k,). A study with a NaN is left
        out, and so is one without events, or without anything else, in both arms: it has no
        information on the odds ratio.
    level
        Coverage of the intervals, between 0 and 1.
    names
        What the studies are called.

    Raises
    ------
    EstimationError
        For impossible counts, fewer than three studies, and studies that are all of one precision.

    Notes
    -----
    Harbord, Egger and Sterne, Stat Med 2006;25:3443-3457; V has N - 1 in its denominator, as that
    of Peto's method. No continuity correction is needed. With much heterogeneity this test, too,
    rejects too often.

    Examples
    --------
    >>> found = harbord_test([2, 5, 9, 30], [20, 40, 90, 400], [6, 9, 14, 38], [20, 40, 90, 400])
    >>> round(found.asymmetry.estimate, 3)
    -1.58
    """
    given = (treated_events, treated_n, control_events, control_n)
    a, n1, c, n0, kept, warnings = _informative("harbord_test", given, names)
    with np.errstate(all="ignore"):  # what a double cannot hold is named next
        n = n1 + n0
        score = a - (a + c) * (n1 / n)
        information = (n1 / n) * (n0 / n) * (a + c) * ((n - a - c) / (n - 1))
        ratios, variances = score / information, 1 / information
    raise_any(not_held(ratios, variances, kept.names))
    outcomes = StudyOutcomes(ratios, variances, kept.names, kept.omitted)
    return _tested(
        "harbord_test",
        outcomes,
        np.sqrt(variances),
        "1/square root of V",
        name="Harbord's test",
        level=level,
        conventions=("Score and its variance are hypergeometric, with N - 1 in the denominator.",),
        warnings=warnings,
    )


def peters_test(
    treated_events: ArrayLike,
    treated_n: ArrayLike,
    control_events: ArrayLike,
    control_n: ArrayLike,
    *,
    add: float = 0.0,
    to: str = "only0",
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> AsymmetryTest:
    """Test whether log odds ratios go with the inverse of the sizes of the studies.

    Log odds ratios are regressed on 1/N with weights (1/events + 1/others)⁻¹, events and others
    being those of both arms together; the slope, here called asymmetry, is tested.

    Parameters
    ----------
    treated_events, treated_n, control_events, control_n
        As for :func:`harbord_test`.
    add, to
        A continuity correction of the log odds ratios, made only on request, as for
        :func:`~secondlook.synthesis.log_odds_ratio`; the weights keep the counts as they are.
    level
        Coverage of the intervals, between 0 and 1.
    names
        What the studies are called.

    Raises
    ------
    EstimationError
        As :func:`harbord_test` does, and for a count of 0 where no correction was asked for.

    Notes
    -----
    Peters, Sutton, Jones, Abrams and Rushton, JAMA 2006;295:676-680. The weights, unlike Woolf's,
    hardly depend on the odds ratio, so that the test does not mistake a large effect for asymmetry.

    Examples
    --------
    >>> found = peters_test([2, 5, 9, 30], [20, 40, 90, 400], [6, 9, 14, 38], [20, 40, 90, 400])
    >>> round(found.asymmetry.estimate, 2), round(found.limit.estimate, 3)
    (-44.7, -0.209)
    """
    given = (treated_events, treated_n, control_events, control_n)
    a, n1, c, n0, kept, warnings = _informative("peters_test", given, names)
    effects = log_odds_ratio(a, n1, c, n0, add=add, to=to, names=kept.names)
    with np.errstate(all="ignore"):
        n = n1 + n0
        variances = 1 / (a + c) + 1 / (n - a - c)
    raise_any(not_held(effects.yi, variances, kept.names))
    outcomes = StudyOutcomes(effects.yi, variances, kept.names, kept.omitted)
    return _tested(
        "peters_test",
        outcomes,
        1 / n,
        "1/N",
        name="Peters' test",
        level=level,
        conventions=effects.assumptions,
        warnings=warnings,
    )


def _tested(
    where: str,
    outcomes: StudyOutcomes,
    predictor: Floats,
    words: str,
    *,
    name: str,
    level: float,
    conventions: tuple[str, ...],
    warnings: tuple[str, ...],
) -> AsymmetryTest:
    if not is_share(level):
        rule, remedy = "is not a number between 0 and 1", "write 0.95 for 95 %"
        raise EstimationError(Problem(f"{where}, level", written(level), rule, remedy))
    line = funnel_line(where, outcomes, predictor, words, method=None, test="t", level=float(level))
    degrees = f"t with {outcomes.yi.size - 2} degrees of freedom"
    return asymmetry_of(
        line,
        outcomes,
        name=name,
        limit=True,
        level=level,
        conventions=(*conventions, f"Test and intervals: {degrees}."),
        warnings=warnings,
    )


def _informative(
    where: str, given: tuple[ArrayLike, ...], names: Sequence[str] | None
) -> tuple[Floats, Floats, Floats, Floats, EventCounts, tuple[str, ...]]:
    words = ("treated_events", "treated_n", "control_events", "control_n")
    counts = read_event_counts(
        where,
        dict(zip(words, given, strict=True)),
        names,
        of_patients={"treated_events": "treated_n", "control_events": "control_n"},
    )
    events = counts.columns["treated_events"] + counts.columns["control_events"]
    patients = counts.columns["treated_n"] + counts.columns["control_n"]
    silent = (events == 0) | (events == patients)
    warnings = about_omitted(counts.omitted)
    if silent.any():
        called = ", ".join(counts.called(silent))
        warnings.append(f"Left out, nobody or everybody had the event in both arms: {called}.")
    kept = counts.kept(~silent)
    refuse_fewer(where, kept.k, 3)
    a, n1, c, n0 = (kept.columns[word] for word in words)
    return a, n1, c, n0, kept, tuple(warnings)
