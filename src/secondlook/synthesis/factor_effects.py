"""What numbers say of prognostic factors: pooled hazard ratios, combined P values, and a profile.

A count of statements has no size of effect. Where three studies or more print a hazard ratio of the
same contrast they are pooled; where only P values are printed they are combined, which tests
whether there is an association anywhere and measures nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from secondlook.evidence import Evidence, Factor
from secondlook.synthesis.effects import log_hazard_ratio
from secondlook.synthesis.measures import Interval
from secondlook.synthesis.pooling import pool
from secondlook.synthesis.prognosis import FactorVotes, Vote
from secondlook.synthesis.result import Pooled

__all__ = [
    "CombinedPValue",
    "FactorEffect",
    "ProfileEntry",
    "combine_p_values",
    "pool_factors",
    "profile",
]

_FEWEST = 3
"""Hazard ratios below which none are pooled."""


@dataclass(frozen=True, slots=True)
class FactorEffect:
    """The pooled hazard ratio of one contrast of one factor.

    Attributes
    ----------
    site, factor, endpoint, analysis
        What it is about, and whether the ratios are ``multivariable``, ``univariable``, or do not
        say (empty); the kinds are never pooled together.
    level, reference_level
        The ratio is of the first against the second.
    pooled, shown
        On the log scale, and as a ratio with its interval.
    sources
        Where each ratio was read.
    """

    site: str
    factor: str
    endpoint: str
    analysis: str
    level: str
    reference_level: str
    pooled: Pooled
    shown: Interval
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CombinedPValue:
    """P values of one factor combined.

    Attributes
    ----------
    site, factor, endpoint, favourable
        What it is about; `favourable` is the direction that counts as positive.
    statistic, p_value
        Stouffer's z and its two-sided P.
    studies
        Those whose P values were combined.
    silent
        Studies that state a direction or the absence of one without a number.
    conventions
        What was supposed, and what not to conclude.
    """

    site: str
    factor: str
    endpoint: str
    favourable: str
    statistic: float
    p_value: float
    studies: tuple[str, ...]
    silent: tuple[str, ...]
    conventions: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ProfileEntry:
    """One trait of the patients in whom longer survival was reported.

    Attributes
    ----------
    site, factor, endpoint, trait
        Of what, and the level that lived longer.
    supporting, opposing, without
        Studies that report it, the opposite, and no association, about themselves.
    joint
        Studies cited jointly with others, where the pairing is possible and not printed.
    multivariable
        Those of `supporting` that report it with other factors controlled for.
    sources
        The rows that say so.
    """

    site: str
    factor: str
    endpoint: str
    trait: str
    supporting: tuple[str, ...]
    opposing: tuple[str, ...]
    without: tuple[str, ...]
    joint: tuple[str, ...]
    multivariable: tuple[str, ...]
    sources: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return asdict(self)


def pool_factors(evidence: Evidence) -> tuple[FactorEffect, ...]:
    """Pool printed hazard ratios of prognostic factors, three or more of the same contrast.

    Parameters
    ----------
    evidence
        Its factors with ``hazard_ratio``, ``low`` and ``high``.

    Returns
    -------
    tuple of FactorEffect
        A ratio of the second level against the first is turned round. Empty where no contrast has
        three studies.

    Notes
    -----
    Riley and others, BMJ 2019;364:k4597. Factors are reported where they were found to matter:
    pooled ratios of prognostic factors are too far from 1 as a rule.

    Examples
    --------
    >>> import secondlook as sl
    >>> pool_factors(sl.example("stage-iv-breast").evidence)
    ()
    """
    groups: dict[tuple[str, ...], list[Factor]] = {}
    for factor in evidence.factors:
        numbers = (factor.hazard_ratio, factor.low, factor.high)
        if factor.attribution == "individual" and all(one.is_number for one in numbers):
            levels = sorted((_folded(factor.level), _folded(factor.reference_level)))
            key = (
                evidence.study(factor.study).site,
                factor.factor,
                factor.endpoint or "OS",
                factor.analysis,
                *levels,
            )
            groups.setdefault(key, []).append(factor)
    found = []
    for (site, name, endpoint, analysis, *_), given in groups.items():
        once = list({factor.study: factor for factor in reversed(given)}.values())[::-1]
        if len(once) >= _FEWEST:
            found.append(_pooled_factor(evidence, (site, name, endpoint, analysis), once))
    return tuple(found)


def _pooled_factor(
    evidence: Evidence, key: tuple[str, str, str, str], factors: Sequence[Factor]
) -> FactorEffect:
    first = factors[0]
    ratios = []
    for factor in factors:
        numbers = [float(one) for one in (factor.hazard_ratio, factor.low, factor.high)]
        if _folded(factor.level) != _folded(first.level):
            middle, low, high = (1 / number for number in numbers)
            numbers = [middle, high, low]
        ratios.append(numbers)
    levels = [float(f.confidence) if f.confidence.is_number else 95.0 for f in factors]
    studies = [evidence.study(factor.study) for factor in factors]
    names = [study.label or study.key for study in studies]
    effects = log_hazard_ratio(*zip(*ratios, strict=True), level=levels, names=names)
    pooled = pool(effects.yi, effects.vi, names=names)
    low, high = np.exp(pooled.interval)
    shown = Interval(float(np.exp(pooled.estimate)), float(low), float(high))
    sources = tuple(str(factor.source) for factor in factors)
    return FactorEffect(*key, first.level, first.reference_level, pooled, shown, sources)


def combine_p_values(group: FactorVotes) -> CombinedPValue | None:
    """Combine the P values of one factor by Stouffer's method, each in its own direction.

    Parameters
    ----------
    group
        The statements of one site and factor.

    Returns
    -------
    CombinedPValue or None
        None where fewer than two studies print a P value with a direction.

    Notes
    -----
    Stouffer and others, The American Soldier, 1949; weights: the roots of the numbers of patients
    where all are printed, else equal (Liptak 1958). A P printed as below a bound counts as that
    bound.

    Examples
    --------
    >>> import secondlook as sl
    >>> votes = sl.synthesis.count_votes(sl.example("stage-iv-breast").evidence)
    >>> [one.studies for group in votes if (one := combine_p_values(group))]
    [('Fields 2007', 'Cady 2008')]
    """
    numbered: dict[str, tuple[Vote, float]] = {}
    silent: dict[str, None] = {}
    for vote in group.votes:
        label = vote.study.label or vote.study.key
        p = _upper(vote.factor)
        directed = vote.outcome in ("associated", "opposite")
        if vote.factor.attribution == "individual" and directed and p is not None:
            # the analysis that controls for more comes first where a study prints two
            if label not in numbered or vote.factor.analysis == "multivariable":
                numbered[label] = (vote, p)
        else:
            silent[label] = None
    if len(numbered) < 2:
        return None
    votes = [vote for vote, _ in numbered.values()]
    signs = [1 if vote.outcome == "associated" else -1 for vote in votes]
    scores = np.array(signs) * -ndtri(np.array([p for _, p in numbered.values()]) / 2)
    sizes = [vote.n for vote in votes]
    known = all(n is not None and n > 0 for n in sizes)
    weights = np.sqrt(np.array(sizes, dtype=float)) if known else np.ones(len(votes))
    z = float(weights @ scores / np.sqrt(weights @ weights))
    return CombinedPValue(
        group.site,
        group.factor,
        group.endpoint,
        group.favourable,
        z,
        2 * float(ndtr(-abs(z))),
        tuple(numbered),
        tuple(name for name in silent if name not in numbered),
        (
            "Weights: roots of the numbers of patients." if known else "Weights: equal.",
            "It tests whether there is an association in any study; it measures none.",
            "Studies that print no P value are not in it, and those are the ones without an "
            "association as a rule: the combined P is too small.",
        ),
    )


def _upper(factor: Factor) -> float | None:
    """The P value, or the bound it is printed to be below; None where neither is there."""
    if not factor.p.is_number:
        return None
    _, high = factor.p.interval
    value = float(factor.p) if high is None or factor.p.printed.strip()[:1] != "<" else float(high)
    return value if 0 < value < 1 else None


def profile(votes: Sequence[FactorVotes]) -> tuple[ProfileEntry, ...]:
    """List the traits of patients in whom longer survival was reported.

    Parameters
    ----------
    votes
        The statements by site and factor.

    Returns
    -------
    tuple of ProfileEntry
        By site; within it those with most studies of their own first.

    Notes
    -----
    A description of groups in published series. It is no score, and it says nothing of how long
    one patient with these traits would live or whether an operation would help.

    Examples
    --------
    >>> import secondlook as sl
    >>> votes = sl.synthesis.count_votes(sl.example("stage-iv-breast").evidence)
    >>> entry = profile(votes)[0]
    >>> entry.site, len(entry.supporting) > 1
    ('liver', True)
    """
    entries = []
    for group in votes:
        if not group.favourable:
            continue
        named: dict[str, dict[str, None]] = {}
        for vote in group.votes:
            label = vote.study.label or vote.study.key
            kind = "joint" if vote.factor.attribution == "joint" else vote.outcome
            named.setdefault(kind, {})[label] = None
            if kind == "associated" and vote.factor.analysis == "multivariable":
                named.setdefault("multivariable", {})[label] = None
        said = [v.factor for v in group.votes if v.outcome == "associated"]
        said += [again for v in group.votes if v.outcome == "associated" for again in v.repeats]
        kinds = ("associated", "opposite", "no association", "joint", "multivariable")
        supporting, opposing, without, joint, multivariable = (
            tuple(named.get(kind, ())) for kind in kinds
        )
        sources = tuple(dict.fromkeys(str(factor.source) for factor in said))
        entries.append(
            ProfileEntry(
                group.site,
                group.factor,
                group.endpoint,
                group.favourable,
                supporting,
                opposing,
                without,
                joint,
                multivariable,
                sources,
            )
        )
    sites = list(dict.fromkeys(group.site for group in votes))
    order = {site: place for place, site in enumerate(sites)}
    return tuple(
        sorted(
            entries,
            key=lambda e: (order[e.site], -len(e.supporting), -len(e.multivariable), -len(e.joint)),
        )
    )


def _folded(level: str) -> str:
    return " ".join(level.casefold().split())
