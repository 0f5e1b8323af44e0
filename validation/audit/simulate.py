"""Reviews of simulated series: tables, text and ranges, computed rightly and rounded rightly.

A review draws how it prints: decimals, halves up or to even, which numbers its text repeats and
with how many decimals. Each of its papers draws what it computed: the methods of its limits and
ratios, the tests behind its P values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import chdtrc
from validation.audit.printing import Raw, Style
from validation.audit.series import OTHERS, TREATED, Detail, series

from secondlook.evidence import (
    ENTIRE,
    Cohort,
    Evidence,
    Finding,
    Reference,
    Reported,
    Source,
    Study,
)

__all__ = ["REVIEW", "Review", "simulate"]

REVIEW = "review"
NAMES = ("Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta", "Eta", "Theta", "Iota", "Kappa")


@dataclass(frozen=True, slots=True)
class Review:
    """A review, and what stands in none of its cells: the truth behind slips still to be made."""

    evidence: Evidence
    hidden: dict[tuple[str, str, str], str]


def _is_repeated(raw: Raw) -> bool:
    """Tell whether an abstract would repeat a number."""
    main = raw.cohort in (ENTIRE, TREATED, OTHERS)
    size = raw.endpoint == "patients" and raw.statistic == "count"
    time = raw.endpoint == "OS" and raw.statistic == "median"
    rate = raw.endpoint == "OS" and raw.statistic == "survival" and raw.months != 12
    return main and raw.value is not None and (size or time or rate or raw.kind == "ratio")


def _cohorts(study: str) -> list[Cohort]:
    parts = [Cohort(study, f"R{k}", subset_of=TREATED, split="margin") for k in range(3)]
    return [Cohort(study, name, split="treatment") for name in (TREATED, OTHERS)] + parts


def _ranges(own: list[Raw]) -> Iterator[Raw]:
    """What the text says of a column: its smallest and its largest number."""
    wanted = (("patients", "count", None), ("OS", "median", None), ("OS", "survival", 60))
    for wished in wanted:
        rows = [
            raw
            for raw in own
            if raw.cohort == ENTIRE and (raw.endpoint, raw.statistic, raw.months) == wished
        ]
        values = [raw.value for raw in rows if raw.value is not None]
        if len(values) > 1:
            yield replace(
                rows[0],
                cohort="series",
                statistic=f"{wished[1]}_range",
                value=None,
                missing="",
                low=min(values),
                high=max(values),
                level=None,
            )


def _pooled(own: list[Raw]) -> Iterator[Raw]:
    """Cochran's Q of the 5-year rates, with P and I²."""
    rates = np.array(
        [
            raw.value / 100
            for raw in own
            if (raw.statistic, raw.endpoint, raw.cohort, raw.months)
            == ("survival", "OS", ENTIRE, 60)
            and raw.value is not None
            and 0 < raw.value < 100
        ]
    )
    freedom = len(rates) - 1
    if freedom < 1:
        return
    weights = np.linspace(5, 60, len(rates)) * rates * (1 - rates)
    effects = np.log(rates / (1 - rates))
    q = float((weights * (effects - (weights * effects).sum() / weights.sum()) ** 2).sum())
    base = Raw(
        cohort="series",
        endpoint="OS",
        statistic="cochran_q",
        kind="other",
        value=q,
        p=float(chdtrc(freedom, q)),
        place="pooled",
        column="",
    )
    yield base
    share = 100 * max(0.0, (q - freedom) / q) if q > 0 else 0.0
    yield replace(base, statistic="i_squared", kind="percent", value=share, p=None)
    number = freedom + 1
    yield replace(base, endpoint="studies", statistic="count", kind="count", value=number, p=None)


def _study(number: int, random: np.random.Generator) -> tuple[Reference, Study]:
    start = int(random.integers(1970, 1995))
    end = start + int(random.integers(0, 15))
    year = max(end + int(random.integers(0, 5)), start + 25)
    name = f"{NAMES[number % 10]}{NAMES[number // 10 % 10].casefold()}"
    key = f"study{number}"
    study = Study(
        key, key, str(number), site="liver", accrual_start=str(start), accrual_end=str(end)
    )
    return Reference(str(number), name, year=str(year), language="English"), study


def _of_the_review(own: list[Raw], studies: int, style: Style) -> Iterator[Finding]:
    """Ranges over the rows, the references cited, and a pooled result."""
    here = Source(REVIEW, "text", "ranges")
    yield Finding(
        study=REVIEW,
        cohort="series",
        endpoint="citations",
        statistic="citation_span",
        low=Reported("1"),
        high=Reported(str(studies)),
        source=here,
    )
    yield from (raw.printed(REVIEW, style, here) for raw in _ranges(own))
    pooled = Source(REVIEW, "pooled", "pooled")
    yield from (raw.printed(REVIEW, style, pooled) for raw in _pooled(own))


def simulate(random: np.random.Generator, *, studies: int, detail: Detail, text: float) -> Review:
    """Simulate a review.

    Parameters
    ----------
    random
        Where chance comes from.
    studies
        How many series it reviews.
    detail
        ``complete`` prints everything of every series, ``sparse`` what the bundled review prints.
    text
        The share of the series whose main numbers the text repeats.
    """
    style, other = Style.draw(random), Style.draw(random)
    known = [_study(k + 1, random) for k in range(studies)]
    findings: list[Finding] = []
    own: list[Raw] = []
    hidden: dict[tuple[str, str, str], str] = {}
    for reference, study in known:
        raws, slips = series(random, style.of_a_paper(random), detail=detail)
        own += raws
        hidden |= {(study.key, *key): slip for key, slip in slips.items()}
        row = f"{reference.first_author} et al. [{reference.number}]"
        findings += [
            raw.printed(study.key, style, Source(REVIEW, raw.place, row, raw.column))
            for raw in raws
        ]
        if random.random() < text:
            here = Source(REVIEW, "text", f"paragraph {reference.number}")
            findings += [raw.printed(study.key, other, here) for raw in raws if _is_repeated(raw)]
    findings += _of_the_review(own, studies, other)
    overlaps = tuple(f"{study.key}/all" for _, study in known)
    cohorts = [Cohort(REVIEW, "series", overlaps=overlaps)]
    cohorts += [cohort for _, study in known for cohort in _cohorts(study.key)]
    evidence = Evidence(
        (Study(REVIEW, design="review"), *(study for _, study in known)),
        tuple(cohorts),
        tuple(findings),
        references=tuple(reference for reference, _ in known),
    )
    return Review(evidence, hidden)
