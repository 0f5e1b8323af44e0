"""Prognostic statements counted, not pooled: who reported which factor, and in which direction.

A vote count says how often an association was reported. It says nothing of its size, and a factor
nobody examined looks like one that nobody found.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Literal

from secondlook.evidence import ENTIRE, Evidence, Factor, Study

__all__ = ["FactorVotes", "Vote", "count_votes"]

Outcome = Literal["associated", "direction not stated", "no association", "opposite"]


@dataclass(frozen=True, slots=True)
class Vote:
    """What one study says of a factor by one kind of analysis.

    Attributes
    ----------
    factor, study
        The statement and whose it is.
    repeats
        Other statements that say the same of the same study, or less: a document that says a thing
        twice has not found it twice.
    n
        Patients of the study, or None when not printed.
    favourable
        The level that lives longer by this statement; empty where no direction is stated.
    outcome
        ``associated``, ``direction not stated``, ``no association``; ``opposite`` when the level
        that lives longer here lives shorter by the other statements.
    """

    factor: Factor
    study: Study
    n: int | None
    favourable: str
    outcome: Outcome
    repeats: tuple[Factor, ...] = ()


@dataclass(frozen=True, slots=True)
class FactorVotes:
    """What all studies of one site say of one factor and one endpoint.

    Attributes
    ----------
    site, factor, endpoint
        What they are about.
    favourable
        The level that lives longer by most statements; empty where none states a direction.
    votes
        In the order of the evidence.
    """

    site: str
    factor: str
    endpoint: str
    favourable: str
    votes: tuple[Vote, ...]

    @property
    def name(self) -> str:
        """The factor, and the endpoint where it is not overall survival."""
        return self.factor if self.endpoint in ("", "OS") else f"{self.factor} ({self.endpoint})"

    def count(self, outcome: Outcome, *, attribution: str = "") -> int:
        """Count the votes of an outcome, of one attribution where that is given."""
        return sum(
            vote.outcome == outcome and (not attribution or vote.factor.attribution == attribution)
            for vote in self.votes
        )


def count_votes(evidence: Evidence) -> tuple[FactorVotes, ...]:
    """Group the prognostic statements by site and factor.

    Returns
    -------
    tuple of FactorVotes
        By site in the order of the evidence, within it the factors with most statements first.

    Notes
    -----
    After the harvest plot of Ogilvie and others, BMC Med Res Methodol 2008;8:8. A study votes once
    for each endpoint, level, outcome and kind of analysis, however often it is said. Where several
    factors are cited to several studies together (``attribution`` joint), each pairing is a vote,
    marked as possible and not printed.

    Examples
    --------
    >>> import secondlook as sl
    >>> votes = count_votes(sl.example("stage-iv-breast").evidence)
    >>> {group.site for group in votes} >= {"liver", "lung", "primary"}
    True
    """
    groups: dict[tuple[str, str, str], list[Factor]] = {}
    for factor in evidence.factors:
        site = evidence.study(factor.study).site
        # a statement that names no endpoint is about overall survival, as a rule
        endpoint = factor.endpoint or "OS"
        groups.setdefault((site, factor.factor, endpoint), []).append(factor)
    sites = list(dict.fromkeys(site for site, _, _ in groups))
    counted = [_count(evidence, key, statements) for key, statements in groups.items()]
    return tuple(sorted(counted, key=lambda group: (sites.index(group.site), -len(group.votes))))


def _count(evidence: Evidence, key: tuple[str, str, str], statements: list[Factor]) -> FactorVotes:
    directed = [_favourable(factor) for factor in statements if _favourable(factor)]
    most = Counter(_folded(level) for level in directed).most_common(1)
    favourable = next((level for level in directed if _folded(level) == most[0][0]), "")
    same = [f for f in statements if _folded(_favourable(f)) == _folded(favourable)]
    shorter = {_folded(_unfavourable(f)) for f in same}
    votes = []
    for factor in statements:
        size = evidence.size(factor.study, factor.cohort)
        whole = evidence.patients(factor.study) if factor.cohort == ENTIRE else None
        n = whole if size is None else round(float(size.value))
        mine = _favourable(factor)
        outcome = _outcome(factor, favourable, shorter)
        votes.append(Vote(factor, evidence.study(factor.study), n, mine, outcome))
    return FactorVotes(*key, favourable, _once(votes))


def _once(votes: list[Vote]) -> tuple[Vote, ...]:
    """One vote for each study, outcome and kind of analysis; what says less joins what says more.

    A statement that does not say its kind of analysis says less than one that does, and one cited
    jointly says less than one about the study itself.
    """
    kept: list[Vote] = []
    # the most telling first, so that every other finds its place; ties stay in order
    for vote in sorted(votes, key=_telling):
        for place, other in enumerate(kept):
            less = not vote.factor.analysis or vote.factor.analysis == other.factor.analysis
            if less and _subject(vote) == _subject(other):
                kept[place] = replace(other, repeats=(*other.repeats, vote.factor))
                break
        else:
            kept.append(vote)
    order = {id(vote.factor): index for index, vote in enumerate(votes)}
    return tuple(sorted(kept, key=lambda vote: order[id(vote.factor)]))


def _subject(vote: Vote) -> tuple[str, ...]:
    factor = vote.factor
    levels = (factor.level, factor.reference_level)
    return (vote.study.key, vote.outcome, factor.cohort, *levels)


def _telling(vote: Vote) -> tuple[bool, bool]:
    return vote.factor.attribution == "joint", not vote.factor.analysis


def _favourable(factor: Factor) -> str:
    return {"better": _level(factor), "worse": _other_level(factor)}.get(factor.direction, "")


def _unfavourable(factor: Factor) -> str:
    return {"better": _other_level(factor), "worse": _level(factor)}.get(factor.direction, "")


def _level(factor: Factor) -> str:
    return factor.level or factor.factor


def _other_level(factor: Factor) -> str:
    # one side is enough to know the other by: "not present" against "present"
    level = _level(factor)
    opposite = level.removeprefix("not ") if level.startswith("not ") else f"not {level}"
    return factor.reference_level or opposite


def _outcome(factor: Factor, favourable: str, shorter: set[str]) -> Outcome:
    if factor.direction == "none":
        return "no association"
    if factor.direction == "unstated":
        return "direction not stated"
    against = _folded(_unfavourable(factor)) == _folded(favourable)
    return "opposite" if against or _folded(_favourable(factor)) in shorter else "associated"


def _folded(level: str) -> str:
    return " ".join(level.casefold().split())
