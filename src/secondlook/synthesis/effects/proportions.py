"""Proportions of single arms from counts, on every scale on which they are pooled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.effects.continuity import Counts, corrected, refuse_without_variance
from secondlook.synthesis.effects.record import Effects, effects_by
from secondlook.synthesis.effects.scales import scale_named
from secondlook.synthesis.printed_columns import (
    Floats,
    improper_counts,
    raise_any,
    read_columns,
    written,
)

__all__ = ["PROPORTION_VARIANCES", "proportion"]

PROPORTION_VARIANCES: dict[str, str] = {
    "large sample": "The variance is the large-sample one of each row's own proportion.",
    "average": "The variance is that of the average proportion of all rows, weighted by patients.",
    "unbiased": "The variance is the unbiased one, with n - 1 in place of n.",
}
"""How the variance of a proportion is estimated: metafor's vtype LS, AV and UB."""


def proportion(
    events: ArrayLike,
    n: ArrayLike,
    *,
    scale: str = "logit",
    variance: str = "large sample",
    add: float = 0.0,
    to: str = "only0",
    names: Sequence[str] | None = None,
) -> Effects:
    """Proportions of patients with an event, on a scale on which they can be pooled.

    Parameters
    ----------
    events
        Patients with the event, from 0 to ``n``, shape (k,).
    n
        Patients, positive, shape (k,).
    scale
        ``"logit"`` (metafor's PLO), ``"log"`` (PLN), ``"identity"`` (PR), ``"arcsine"`` of the
        square root (PAS), ``"freeman-tukey"`` double arcsine (PFT) or ``"cloglog"``, log(-log p).
    variance
        ``"large sample"``; ``"average"``, from the pooled proportion of all rows, for scales whose
        variance depends on the proportion; ``"unbiased"``, for the identity.
    add, to
        A continuity correction, made only on request: ``add`` to the events and to the others of
        the rows with a zero in either (``to="only0"``), of every row (``"all"``), of every row if
        any has a zero (``"if0all"``), or of none (``"none"``).
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        Large-sample variances as for :func:`~secondlook.synthesis.effects.survival_proportion`. The
        way back from the double arcsine uses the patients, uncorrected.

    Raises
    ------
    EstimationError
        Naming every row with a missing or impossible count, and every row whose zero leaves no
        finite effect with a variance above 0 when no correction was asked for.

    Notes
    -----
    Viechtbauer, J Stat Softw 2010;36(3), whose escalc these agree with. Adding 1/2 moves small
    proportions towards 1/2; a binomial-normal model needs no correction (Stijnen, Hamza and
    Özdemir, Stat Med 2010;29:3046-3067).

    Examples
    --------
    >>> proportion([0, 5], [20, 20], add=0.5).yi.round(4).tolist()
    [-3.7136, -1.0986]
    """
    way = scale_named("proportion", scale)
    _check_variance(scale, variance)
    columns, labels = read_columns({"events": events, "n": n}, names)
    raise_any(improper_counts(columns, labels, events="events", n="n"))
    x, patients = columns["events"], columns["n"]
    counts = corrected((x, patients - x), labels, where="proportion", add=add, to=to)
    x, others = counts.cells
    with np.errstate(all="ignore"):  # what a double cannot hold is named below
        total = x + others
        p, q = x / total, others / total
        moments = (
            np.array(way.forward(p, q, total)),
            np.array(way.binomial(*_variance_at(counts, variance))),
        )
    refuse_without_variance(moments, counts, labels, f"{scale} proportion")
    return effects_by(
        "events and patients",
        scale,
        moments,
        labels,
        (PROPORTION_VARIANCES[variance], *counts.assumptions),
        sample_sizes=patients if scale == "freeman-tukey" else None,
    )


def _variance_at(counts: Counts, variance: str) -> tuple[Floats, Floats, Floats]:
    """Give the proportion, its complement and the patients at which a variance is taken."""
    x, others = counts.cells
    total = x + others
    if variance == "average":
        share = x.sum() / total.sum()
        return np.full_like(x, share), np.full_like(x, others.sum() / total.sum()), total
    return x / total, others / total, total - 1 if variance == "unbiased" else total


def _check_variance(scale: str, variance: str) -> None:
    where = "proportion, variance"
    if written(variance) not in PROPORTION_VARIANCES:
        rule, known = "is not a known variance", ", ".join(PROPORTION_VARIANCES)
        raise EstimationError(Problem(where, written(variance), rule, f"use {known}"))
    stabilised = scale in ("arcsine", "freeman-tukey")
    if (variance == "average" and stabilised) or (variance == "unbiased" and scale != "identity"):
        rule = f"is not defined on the {scale} scale"
        raise EstimationError(Problem(where, variance, rule, "use large sample"))
