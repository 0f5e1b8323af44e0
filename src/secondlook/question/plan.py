"""The question a review asks and the plan it answers it by, as frozen records."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from secondlook.errors import Problem, QuestionError

__all__ = [
    "DOMAINS",
    "Analysis",
    "Baseline",
    "Certainty",
    "CurvePlan",
    "Eligibility",
    "Judgement",
    "Outcome",
    "Question",
    "Search",
]

Text = Annotated[str, StringConstraints(strip_whitespace=True)]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=80, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$"),
]
Months = Annotated[float, Field(gt=0, le=1200)]


Figure = Literal[
    "funnel", "radial", "baujat", "labbe", "caterpillar", "drapery", "orchard", "subsets"
]
"""What can be drawn of an analysis besides its forest plot."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Outcome(_Record):
    """What is compared, and when.

    Attributes
    ----------
    name
        In words: ``overall survival``.
    endpoint
        The name the findings use for it: ``OS``.
    months
        The times at which it is asked for, in months.
    """

    name: Text
    endpoint: Text
    months: tuple[Months, ...] = ()


class Search(_Record):
    """How the literature was searched."""

    database: Text = ""
    query: Text = ""
    keywords: tuple[Text, ...] = ()
    start: Text = ""
    end: Text = ""
    languages: tuple[Text, ...] = ()


class Eligibility(_Record):
    """What a study must have, and must not have, to be included."""

    include: tuple[Text, ...] = ()
    exclude: tuple[Text, ...] = ()


class Analysis(_Record):
    """One planned analysis: which findings, which effect, which subgroups.

    Attributes
    ----------
    id
        Short name; the figure and the table of the analysis bear it.
    title
        As the report shows it.
    effect
        ``survival``: one cohort's percent without the event at `months`;
        ``survival_difference``: treated minus comparator, percentage points;
        ``hazard_ratio_from_survival``: implied by the two percents under proportional hazards;
        ``hazard_ratio``: as printed with its interval;
        ``median``: medians as printed, which are shown and never pooled.
    endpoint
        The endpoint of the findings.
    months
        The time in months; further times are taken from a study that does not report the first.
    site, place
        Only studies of this site; only findings seen in this table. Empty does not restrict.
    cohort, comparator
        The cohort the numbers are of, and what it is compared with.
    adjusted
        Only findings that are (true) or are not (false) controlled for other factors.
    transform
        Scale on which survival percents are pooled: ``logit``, ``cloglog`` or ``freeman-tukey``.
    subgroup
        A column of ``studies.csv``; every value of it is pooled by itself as well.
    method, test
        Estimator of the between-study variance, and test of the pooled effect.
    figures
        Further figures beside the forest plot: ``funnel``, ``radial``, ``baujat``, ``labbe``,
        ``caterpillar``, ``drapery``, ``orchard`` (of subgroups), ``subsets`` (GOSH).
    """

    id: Name
    title: Text
    effect: Literal[
        "survival", "survival_difference", "hazard_ratio_from_survival", "hazard_ratio", "median"
    ]
    endpoint: Text = "OS"
    months: tuple[Months, ...] = ()
    site: Text = ""
    place: Text = ""
    cohort: Text = "all"
    comparator: Text = ""
    adjusted: bool | None = None
    transform: Literal["logit", "cloglog", "freeman-tukey"] = "logit"
    subgroup: Literal["", "site", "design", "data_source", "country", "centre"] = ""
    method: Literal["REML", "DL", "PM", "ML", "EB", "SJ", "HE", "HS", "common"] = "REML"
    test: Literal["hksj", "hksj-unguarded", "t", "z"] = "hksj"
    figures: tuple[Figure, ...] = ()

    def missing_key(self) -> tuple[str, str] | None:
        """A key this effect needs and lacks, and why; None when the plan is complete."""
        if "survival" in self.effect and not self.months:
            return "months", "a survival percent has a time, such as months = [60]"
        if self.effect not in ("survival", "median") and not self.comparator:
            return "comparator", "a comparison needs the cohort that is compared with"
        return None


class CurvePlan(_Record):
    """One planned curve synthesis: whose survival curve, and of which family.

    Attributes
    ----------
    id
        Short name; the figure and the table bear it.
    title
        As the report shows it.
    endpoint, site, place, cohort
        Which findings: percents at any time, medians, means, numbers at risk.
    family
        Family of the curves.
    horizon
        Months up to which the curve is shown and the restricted mean is taken; the last printed
        time where it is not given.
    """

    id: Name
    title: Text
    endpoint: Text = "OS"
    site: Text = ""
    place: Text = ""
    cohort: Text = "all"
    family: Literal["weibull", "log-logistic", "log-normal", "piecewise-exponential"] = "weibull"
    horizon: Months | None = None


class Judgement(_Record):
    """What a person decided about one domain of certainty, and why."""

    rating: Literal["not serious", "serious", "very serious"]
    reason: Annotated[Text, Field(min_length=1)]


class Baseline(_Record):
    """The percent of patients alive at a time without the treatment."""

    months: Months
    percent: Annotated[float, Field(gt=0, lt=100)]


class Certainty(_Record):
    """How sure one analysis lets us be, by GRADE: what a person must say and decide.

    Attributes
    ----------
    analysis
        The id of the planned analysis.
    start
        ``high`` for randomised trials, and for other studies judged with ROBINS-I; ``low``
        otherwise.
    important
        The smallest effects that would matter to patients, on the reader's scale, such as
        ``[0.8, 1.25]`` for a hazard ratio. No effect is the threshold where none is named.
    without_treatment
        Percent alive without the treatment, from which numbers in 1,000 patients are computed.
    risk_of_bias, inconsistency, indirectness, imprecision, publication_bias
        The decision about each domain; a domain without one is open.
    upgrade, upgrade_reason
        Levels up (large effect, dose response, or confounding that works against the effect).
    """

    analysis: Name
    start: Literal["high", "low"] = "low"
    important: tuple[float, ...] = ()
    without_treatment: tuple[Baseline, ...] = ()
    risk_of_bias: Judgement | None = None
    inconsistency: Judgement | None = None
    indirectness: Judgement | None = None
    imprecision: Judgement | None = None
    publication_bias: Judgement | None = None
    upgrade: Literal[0, 1, 2] = 0
    upgrade_reason: Text = ""


DOMAINS = ("risk_of_bias", "inconsistency", "indirectness", "imprecision", "publication_bias")
"""GRADE's five reasons to be less sure, as ``[[certainty]]`` names them."""


class Question(_Record):
    """The whole of ``review.toml``."""

    title: Text
    population: Text = ""
    intervention: Text = ""
    comparator: Text = ""
    outcomes: tuple[Outcome, ...] = ()
    search: Search = Search()
    eligibility: Eligibility = Eligibility()
    analyses: tuple[Analysis, ...] = ()
    curves: tuple[CurvePlan, ...] = ()
    certainty: tuple[Certainty, ...] = ()

    def analysis(self, name: str) -> Analysis:
        """Return the planned analysis with this id.

        Raises
        ------
        QuestionError
            When there is none; the message names those there are.
        """
        for analysis in self.analyses:
            if analysis.id == name:
                return analysis
        known = ", ".join(analysis.id for analysis in self.analyses) or "none yet"
        raise QuestionError(
            Problem("review.toml", name, "is not a planned analysis", f"choose one of: {known}")
        )
