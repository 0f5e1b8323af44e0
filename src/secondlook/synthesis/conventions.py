"""What programs choose when nothing is said, and how to get their number.

Five choices make most of the differences between programs that pool the same studies: the
estimator of tau², the test, the distribution and the variance behind the prediction interval, the
interval of tau², and which of two quantities is called I². :data:`CONVENTIONS` holds what the
customary programs choose, with the source of each.

==========  ==========  ======  ==================  ==========  =========
program     tau²        test    prediction          tau² range  I² from
==========  ==========  ======  ==================  ==========  =========
here        REML        hksj    t, k - 1            Q-profile   tau²
metafor     REML        z       as the test         Q-profile   tau²
meta        REML        z       t, k - 1, classic   Q-profile   Q
RevMan      REML        hksj†   t, k - 1            Q-profile   tau²
Stata       REML        z       t, k - 2            (none)      tau²
==========  ==========  ======  ==================  ==========  =========

† without the safeguard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import written

__all__ = [
    "CONVENTIONS",
    "I2_DEFINITIONS",
    "METHODS",
    "PREDICTIONS",
    "TAU2_INTERVALS",
    "TESTS",
    "Choices",
    "Program",
    "choose",
]

METHODS: dict[str, str] = {
    "REML": "restricted maximum likelihood, at its highest maximum",
    "DL": "the moment estimator of DerSimonian and Laird",
    "PM": "the estimator of Paule and Mandel",
    "ML": "maximum likelihood, at its highest maximum",
    "EB": "the empirical Bayes estimator of Morris, which is that of Paule and Mandel",
    "SJ": "the estimator of Sidik and Jonkman",
    "HE": "the unweighted moment estimator of Hedges",
    "HS": "the estimator of Hunter and Schmidt",
    "common": "a common effect: tau² is taken to be 0",
}
"""How the between-study variance is had."""

TESTS: dict[str, str] = {
    "z": "normal distribution",
    "t": "t distribution with k - 1 degrees of freedom",
    "hksj": "Hartung-Knapp-Sidik-Jonkman, never narrower than the t interval",
    "hksj-unguarded": "Hartung-Knapp-Sidik-Jonkman, which may be narrower",
}
"""How the pooled effect is tested and its interval made."""

PREDICTIONS: dict[str, str] = {
    "t": "t with k - 1 degrees of freedom",
    "hts": "t with k - 2 degrees of freedom, as Higgins, Thompson and Spiegelhalter proposed",
    "z": "normal",
}
"""The reference distribution of the prediction interval."""

TAU2_INTERVALS: dict[str, str] = {
    "q-profile": "Q-profile",
    "profile-likelihood": "profile likelihood",
}
"""How the interval of tau² is made; those of I² and H² from tau² follow from it."""

I2_DEFINITIONS: dict[str, str] = {
    "tau2": "tau² against the typical within-study variance of Higgins and Thompson",
    "q": "from Q, as (Q - df)/Q and Q/df, not below 0 and 1",
}
"""What I² and H² compare."""


@dataclass(frozen=True, slots=True)
class Program:
    """What a program does when nothing is said.

    Parameters
    ----------
    title
        The program and the version this was read of.
    method, test, prediction, tau2_interval, i2_definition
        By the words of :func:`~secondlook.synthesis.pool`; a prediction of None follows the test.
    classic_prediction_error
        Whether the prediction interval keeps the unmultiplied variance of the pooled effect also
        when the test is Hartung-Knapp's.
    remarks
        What the program does that is not done here, or was not documented: the method it concerns,
        or None for all, and a sentence.
    source
        Where this was read.
    """

    title: str
    method: str
    test: str
    prediction: str | None
    tau2_interval: str
    i2_definition: str
    classic_prediction_error: bool
    remarks: tuple[tuple[str | None, str], ...]
    source: str


CONVENTIONS: dict[str, Program] = {
    "metafor": Program(
        title="metafor 3.8",
        method="REML",
        test="z",
        prediction=None,
        tau2_interval="q-profile",
        i2_definition="tau2",
        classic_prediction_error=False,
        remarks=(),
        source="rma.uni, predict.rma and confint.rma.uni of metafor 3.8-1, run",
    ),
    "meta": Program(
        title="meta 8",
        method="REML",
        test="z",
        prediction="t",
        tau2_interval="q-profile",
        i2_definition="q",
        classic_prediction_error=True,
        remarks=(("DL", "Meta gives Jackson's interval of tau² with DL; this one is ours."),),
        source="help pages meta-package and settings.meta, and NEWS of meta 8.0-0 to 8.4-0",
    ),
    "revman": Program(
        title="RevMan on the web, 2025",
        method="REML",
        test="hksj-unguarded",
        prediction=None,
        tau2_interval="q-profile",
        i2_definition="tau2",
        classic_prediction_error=False,
        remarks=(
            (
                None,
                "RevMan also offers DL and the Wald-type interval (test z); whether it guards "
                "against a narrow Hartung-Knapp interval is not documented.",
            ),
        ),
        source="Cochrane, Random-effects meta-analysis methods for intervention reviews, updates "
        "of May 2024 and January and May 2025",
    ),
    "stata": Program(
        title="Stata 18, meta summarize",
        method="REML",
        test="z",
        prediction="hts",
        tau2_interval="q-profile",
        i2_definition="tau2",
        classic_prediction_error=False,
        remarks=((None, "Stata prints no intervals of tau², I² and H²; these are ours."),),
        source="Stata Meta-Analysis Reference Manual, meta summarize",
    ),
}
"""The programs whose choices are known, by the word ``conventions`` takes."""


@dataclass(frozen=True, slots=True)
class Choices:
    """Every choice made, with nothing left open.

    Parameters
    ----------
    method, test, tau2_interval, i2_definition, level
        By the words of :func:`~secondlook.synthesis.pool`.
    prediction
        ``"t"``, ``"hts"`` or ``"z"``.
    prediction_follows
        Whether that was left to follow the test.
    classic_prediction_error
        See :class:`Program`.
    program
        Whose conventions were asked for, by its word; None for ours.
    departures
        The options given explicitly beside those conventions.
    """

    method: str
    test: str
    prediction: str
    prediction_follows: bool
    tau2_interval: str
    i2_definition: str
    level: float
    classic_prediction_error: bool = False
    program: str | None = None
    departures: tuple[str, ...] = ()


_OURS = Program("", "REML", "hksj", None, "q-profile", "tau2", False, (), "")

_OPTIONS: dict[str, tuple[dict[str, str], str, str]] = {
    "method": (METHODS, "is not a method of pooling", "metafor's EE and FE are common here"),
    "test": (
        TESTS,
        "is not a test of the pooled effect",
        "metafor's adhoc is hksj, its knha hksj-unguarded",
    ),
    "prediction": (
        PREDICTIONS,
        "is not a distribution for prediction",
        "metafor's pi.type riley is hts",
    ),
    "tau2_interval": (TAU2_INTERVALS, "is not an interval of tau²", "metafor's QP is q-profile"),
    "i2_definition": (I2_DEFINITIONS, "is not a definition of I²", "meta's default is q"),
}


def choose(
    *,
    method: object = None,
    test: object = None,
    level: object = 0.95,
    prediction: object = None,
    tau2_interval: object = None,
    i2_definition: object = None,
    conventions: object = None,
) -> Choices:
    """Settle every choice: what is given, else what a program does, else what is done here.

    Raises
    ------
    EstimationError
        For options that do not exist, all of them named.

    Examples
    --------
    >>> chosen = choose(conventions="stata", method="DL")
    >>> chosen.method, chosen.test, chosen.prediction, chosen.departures
    ('DL', 'z', 'hts', ('method',))
    """
    given = {
        "method": method,
        "test": test,
        "prediction": prediction,
        "tau2_interval": tau2_interval,
        "i2_definition": i2_definition,
    }
    given = {option: value for option, value in given.items() if value is not None}
    share = _checked(given, level, conventions)
    program = _OURS if conventions is None else CONVENTIONS[str(conventions)]
    word = {option: str(given.get(option, getattr(program, option))) for option in _OPTIONS}
    follows = word["prediction"] == "None"
    as_the_test = "z" if word["test"] == "z" else "t"
    return Choices(
        method=word["method"],
        test=word["test"],
        prediction=as_the_test if follows else word["prediction"],
        prediction_follows=follows,
        tau2_interval=word["tau2_interval"],
        i2_definition=word["i2_definition"],
        level=share,
        classic_prediction_error=program.classic_prediction_error,
        program=None if conventions is None else str(conventions),
        departures=() if conventions is None else tuple(given),
    )


def _checked(given: Mapping[str, object], level: object, conventions: object) -> float:
    problems = [found for one in given.items() for found in _unknown(*one)]
    share = float(level) if isinstance(level, float | np.floating) else np.nan
    if not 0 < share < 1:
        rule = "is not a number between 0 and 1"
        problems.append(Problem("pool, level", written(level), rule, "write 0.95 for 95 %"))
    # as text, since a list in their place could not even be looked up
    if conventions is not None and written(conventions) not in CONVENTIONS:
        rule, known = "is not a program known here", ", ".join(CONVENTIONS)
        where = "pool, conventions"
        problems.append(Problem(where, written(conventions), rule, f"use {known} or none"))
    if problems:
        raise EstimationError(problems)
    return share


def _unknown(option: str, value: object) -> list[Problem]:
    known, rule, hint = _OPTIONS[option]
    if written(value) in known:
        return []
    return [Problem(f"pool, {option}", written(value), rule, f"use {', '.join(known)} ({hint})")]
