"""How sure the evidence of one analysis lets us be: GRADE, with what can be computed computed.

Five domains can lower certainty. For three of them numbers say something, and a suggestion follows
from a stated rule; what the rating is, a person decides and gives a reason. A rating that nobody
decided is open, and so is the certainty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from secondlook.evidence import BIAS_JUDGEMENTS
from secondlook.question import DOMAINS, Baseline, Certainty
from secondlook.synthesis.analysis_result import AnalysisResult, Row
from secondlook.synthesis.measures import Interval

__all__ = ["AbsoluteEffect", "CertaintyOfEvidence", "Domain", "assess_certainty"]

_LEVELS = ("very low", "low", "moderate", "high")
_DOWN = {"not serious": 0, "serious": 1, "very serious": 2}
_WORSE = ("serious", "critical")
_FEWEST = 10
"""Studies below which a test of asymmetry says next to nothing."""


@dataclass(frozen=True, slots=True)
class Domain:
    """One reason to be less sure.

    Attributes
    ----------
    name
        ``risk_of_bias``, ``inconsistency``, ``indirectness``, ``imprecision`` or
        ``publication_bias``.
    facts
        What was computed, a sentence each.
    suggested
        The rating a stated rule suggests; empty where numbers do not suggest one.
    decided, reason
        The rating a person gave, and why; empty while the domain is open.
    """

    name: str
    facts: tuple[str, ...]
    suggested: str
    decided: str
    reason: str


@dataclass(frozen=True, slots=True)
class AbsoluteEffect:
    """Patients alive in 1,000 at a time, without the treatment and with it.

    Attributes
    ----------
    months
        The time.
    without
        Alive in 1,000 without the treatment, as the plan says; None for a single group.
    treated
        Alive in 1,000 with it, with the 95 % interval that follows from that of the effect alone.
    difference
        Treated minus without; None for a single group.
    """

    months: float
    without: float | None
    treated: Interval
    difference: Interval | None


@dataclass(frozen=True, slots=True)
class CertaintyOfEvidence:
    """The certainty of one analysis.

    Attributes
    ----------
    id, title
        The analysis.
    start
        Where the rating begins: ``high`` or ``low``.
    domains
        The five domains.
    upgrade, upgrade_reason
        Levels up, and why.
    rating
        ``high``, ``moderate``, ``low`` or ``very low``; empty while a domain is open.
    absolute
        What the effect means in 1,000 patients; empty where the plan gives no survival without
        treatment.
    studies, patients
        Pooled studies, and their patients as printed; None where a study prints none.
    assumptions
        What the absolute numbers suppose.
    """

    id: str
    title: str
    start: str
    domains: tuple[Domain, ...]
    upgrade: int
    upgrade_reason: str
    rating: str
    absolute: tuple[AbsoluteEffect, ...]
    studies: int
    patients: int | None
    assumptions: tuple[str, ...]

    @property
    def open(self) -> tuple[str, ...]:
        """The domains nobody has decided yet."""
        return tuple(domain.name for domain in self.domains if not domain.decided)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return asdict(self)


def assess_certainty(result: AnalysisResult, plan: Certainty) -> CertaintyOfEvidence:
    """Put what is computed beside what a person decided.

    Parameters
    ----------
    result
        The analysis.
    plan
        Its ``[[certainty]]`` in review.toml.

    Returns
    -------
    CertaintyOfEvidence
        With an empty rating while a domain is open.

    Notes
    -----
    Guyatt and others, BMJ 2008;336:924-926. Imprecision is suggested by how many thresholds the
    interval crosses, inconsistency by those the prediction interval crosses and the interval does
    not, after the minimally contextualised approach (Zeng and others, J Clin Epidemiol
    2021;137:163-175). ROBINS-I: Sterne and others, BMJ 2016;355:i4919. A suggestion is arithmetic;
    certainty is a judgement, and a high one does not turn a description into an effect.

    Examples
    --------
    >>> import secondlook as sl
    >>> review = sl.example("stage-iv-breast")
    >>> plan = review.question.analysis("primary-printed-hazard-ratio")
    >>> result = sl.synthesis.analyse(review.evidence, plan)
    >>> assessed = assess_certainty(result, Certainty(analysis=plan.id))
    >>> assessed.rating, len(assessed.open)
    ('', 5)
    """
    computed = {
        "risk_of_bias": _risk_of_bias(result.pooled_rows),
        "inconsistency": _inconsistency(result, plan.important),
        "indirectness": (_designs(result.pooled_rows), ""),
        "imprecision": _imprecision(result, plan.important),
        "publication_bias": _publication_bias(result),
    }
    domains = []
    for name in DOMAINS:
        facts, suggested = computed[name]
        judged = getattr(plan, name)
        decided, reason = ("", "") if judged is None else (judged.rating, judged.reason)
        domains.append(Domain(name, facts, suggested, decided, reason))
    rating = ""
    if all(domain.decided for domain in domains):
        level = _LEVELS.index(plan.start) - sum(_DOWN[domain.decided] for domain in domains)
        rating = _LEVELS[min(max(level + plan.upgrade, 0), len(_LEVELS) - 1)]
    absolute = _absolute(result, plan.without_treatment)
    return CertaintyOfEvidence(
        id=result.analysis.id,
        title=result.analysis.title,
        start=plan.start,
        domains=tuple(domains),
        upgrade=plan.upgrade,
        upgrade_reason=plan.upgrade_reason,
        rating=rating,
        absolute=absolute,
        studies=len(result.pooled_rows),
        patients=_patients(result.pooled_rows),
        assumptions=_assumptions(result, absolute),
    )


def _risk_of_bias(rows: Sequence[Row]) -> tuple[tuple[str, ...], str]:
    weights = dict.fromkeys((*BIAS_JUDGEMENTS, ""), 0.0)
    for row in rows:
        weights[row.study.bias_overall] += row.weight or 0.0
    if not rows or weights[""] > 99.9:
        return ("No study's risk of bias has been judged (bias_overall in studies.csv).",), ""
    shares = [f"{share:.0f} % {word or 'not judged'}" for word, share in weights.items() if share]
    facts = (f"Share of the weight by overall risk of bias: {', '.join(shares)}.",)
    high = sum(weights[word] for word in _WORSE)
    if weights["critical"] > 50:
        return facts, "very serious"
    if high > 50:
        return facts, "serious"
    return facts, "" if high + weights[""] > 50 else "not serious"


def _thresholds(result: AnalysisResult, important: Sequence[float]) -> tuple[float, ...]:
    if important:
        return tuple(important)
    return () if result.null is None else (result.null,)


def _crossed(low: float, high: float, thresholds: Sequence[float]) -> tuple[float, ...]:
    return tuple(value for value in thresholds if low < value < high)


def _inconsistency(
    result: AnalysisResult, important: Sequence[float]
) -> tuple[tuple[str, ...], str]:
    pooled, shown = result.pooled, result.shown
    if pooled is None or shown is None or pooled.i2 is None or pooled.tau2 is None:
        return ("With fewer than two studies, agreement cannot be seen.",), ""
    facts = [f"I² = {pooled.i2:.0f} %, τ = {pooled.tau2**0.5:.2f} on the scale of pooling."]
    thresholds = _thresholds(result, important)
    if result.prediction is None or not thresholds:
        return tuple(facts), ""
    inside = _crossed(shown.low, shown.high, thresholds)
    beyond = [v for v in _crossed(*result.prediction, thresholds) if v not in inside]
    if not beyond:
        facts.append("The prediction interval crosses no threshold that the interval does not.")
        return tuple(facts), "not serious"
    named = " and ".join(f"{value:g}" for value in beyond)
    facts.append(f"The prediction interval crosses {named}, which the interval does not.")
    return tuple(facts), "serious" if len(beyond) == 1 else "very serious"


def _imprecision(result: AnalysisResult, important: Sequence[float]) -> tuple[tuple[str, ...], str]:
    if result.shown is None:
        return ("Nothing could be pooled.",), ""
    thresholds = _thresholds(result, important)
    if not thresholds:
        return ("No threshold is named (important, in [[certainty]]).",), ""
    crossed = _crossed(result.shown.low, result.shown.high, thresholds)
    named = " and ".join(f"{value:g}" for value in crossed) or "none"
    of = ", ".join(f"{value:g}" for value in thresholds)
    whose = "named in the plan" if important else "no effect, as none is named"
    fact = f"Thresholds crossed by the 95 % interval: {named} of {of} ({whose})."
    return (fact,), ("not serious", "serious", "very serious")[min(len(crossed), 2)]


def _designs(rows: Sequence[Row]) -> tuple[str, ...]:
    designs: dict[str, int] = {}
    for row in rows:
        word = row.study.design or "design not stated"
        designs[word] = designs.get(word, 0) + 1
    said = ", ".join(f"{count} {word}" for word, count in designs.items())
    return (f"Designs of the pooled studies: {said}.",) if said else ()


def _publication_bias(result: AnalysisResult) -> tuple[tuple[str, ...], str]:
    k = len(result.pooled_rows)
    if k < _FEWEST:
        return (f"{k} studies are too few for a test of asymmetry (at least {_FEWEST}).",), ""
    return (f"{k} studies: see the test of asymmetry beside the funnel plot.",), ""


def _patients(rows: Sequence[Row]) -> int | None:
    sizes = [arm.n for row in rows for arm in row.arms]
    known = [round(n) for n in sizes if n is not None]
    return sum(known) if len(known) == len(sizes) else None


def _absolute(result: AnalysisResult, baselines: Sequence[Baseline]) -> tuple[AbsoluteEffect, ...]:
    shown = result.shown
    if shown is None:
        return ()
    if result.unit == "%":
        months = result.analysis.months[0]
        alive = Interval(10 * shown.estimate, 10 * shown.low, 10 * shown.high)
        return (AbsoluteEffect(months, None, alive, None),)
    found = []
    for given in baselines:
        without = 10 * given.percent
        if result.unit == "hazard ratio":
            share = given.percent / 100
            # a lower ratio is a longer survival: the ends change places
            ends = [1000 * share**ratio for ratio in (shown.estimate, shown.high, shown.low)]
        elif result.unit == "percentage points" and given.months in result.analysis.months[:1]:
            ends = [without + 10 * points for points in (shown.estimate, shown.low, shown.high)]
            ends = [min(max(end, 0.0), 1000.0) for end in ends]
        else:
            continue
        treated = Interval(*ends)
        difference = Interval(*(end - without for end in ends))
        found.append(AbsoluteEffect(given.months, without, treated, difference))
    return tuple(found)


def _assumptions(result: AnalysisResult, absolute: Sequence[AbsoluteEffect]) -> tuple[str, ...]:
    if not absolute or absolute[0].without is None:
        return ()
    supposed = ["Survival without treatment is taken as known: its own uncertainty is not carried."]
    if result.unit == "hazard ratio":
        supposed.append(
            "The hazard ratio is the same at all times, so that survival with treatment is "
            "survival without it to the power of the ratio."
        )
    supposed.append("The pooled effect is taken as causal, which the domains above put in doubt.")
    return tuple(supposed)
