"""Heterogeneity of a pooled result: Cochran's Q, its P value and I² say the same thing thrice.

The number of studies is a ``count`` of the endpoint ``studies``. Where several are printed, any
of them that fits is granted to the authors.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import isnan

from scipy.special import chdtrc

from secondlook.audit.arithmetic import Range
from secondlook.audit.block import Block, Item
from secondlook.audit.rule import Class, Rule, fired, not_evaluated, passed
from secondlook.audit.verdict import Cell, Severity, Verdict

__all__ = ["RULES"]

_FAMILY = "heterogeneity"
_STUDIES = "studies"
_TWO = Range(Fraction(2), None)
_BESIDE = "the number of studies is of the same analysis: where it stands elsewhere, a suspect"


def _studies(block: Block, near: Item) -> list[Item]:
    """Numbers of studies that an analysis can have had, two or more: those beside it, else all."""
    printed = block.numbers(near.finding.cohort, _STUDIES, "count")
    several = [k for k in printed if not Range.count(k.value).is_below(_TWO)]
    beside = [k for k in several if k.finding.source.is_beside(near.finding.source)]
    return beside or several


def _freedom(studies: Item) -> Range:
    count = Range.count(studies.value)
    low = Fraction(1) if count.low is None else max(count.low - 1, Fraction(1))
    return Range(low, None if count.high is None else count.high - 1)


def _i_squared(q: Range, freedom: Range) -> Range:
    """I² in percent over all Q and degrees of freedom: it rises with Q and falls with them."""
    low = _excess(q.low, freedom.high)
    high = _excess(q.high, freedom.low)
    return Range(Fraction(0) if low is None else low, Fraction(100) if high is None else high)


def _excess(q: Fraction | None, freedom: Fraction | None) -> Fraction | None:
    if q is None or freedom is None:
        return None
    return 100 * max(Fraction(0), (q - freedom) / q) if q > 0 else Fraction(0)


def _p_of(q: Range, freedom: Range) -> Range:
    """P over all Q and degrees of freedom; what float rounding leaves open is granted."""
    low = _upper_tail(q.high, freedom.low)
    high = _upper_tail(q.low, freedom.high)
    slack = Fraction(1, 10**9)  # the tail is good to that, and no P is printed to nine digits
    return Range(
        None if low is None else low * (1 - slack),
        None if high is None else high * (1 + slack),
    )


def _upper_tail(q: Fraction | None, freedom: Fraction | None) -> Fraction | None:
    if q is None or freedom is None:
        return None
    p = float(chdtrc(float(freedom), float(max(q, Fraction(0)))))
    return None if isnan(p) else Fraction(p)


def _shown(number: Fraction | None, digits: int) -> str:
    return "?" if number is None else f"{float(number):.{digits}g}"


def _beside(items: list[Item], near: Item) -> list[Item]:
    found = [i for i in items if i.finding.source.is_beside(near.finding.source)]
    in_row = [i for i in found if i.finding.source.row == near.finding.source.row]
    return in_row or found or items


def _i2_from_q(block: Block) -> Iterator[Verdict]:
    rule = "i2-from-q"
    keys = dict.fromkeys(key[:2] for key in block.keys("cochran_q", "i_squared"))
    for cohort, endpoint in keys:
        all_q = block.numbers(cohort, endpoint, "cochran_q")
        printed = block.numbers(cohort, endpoint, "i_squared")
        if not printed and all_q:
            yield not_evaluated(rule, "I²", [q.cell() for q in all_q])
        for i2 in printed:
            mine = _beside([q for q in all_q if q.finding.comparator == i2.finding.comparator], i2)
            yield _i2_with(rule, i2, [(q, k) for q in mine for k in _studies(block, q)], mine)


def _i2_with(rule: str, i2: Item, pairs: list[tuple[Item, Item]], all_q: list[Item]) -> Verdict:
    cells = [i2.cell(), *(q.cell() for q in all_q)]
    if not pairs:
        lacking = "the number of studies (two or more)" if all_q else "Cochran's Q"
        return not_evaluated(rule, lacking, cells)
    tried: list[tuple[list[Cell], str]] = []
    for q, k in pairs:
        implied = _i_squared(Range.of(q.value), _freedom(k))
        computed = (
            f"Q {q.value} of {k.value} studies: I² from {_shown(implied.low, 4)} "
            f"to {_shown(implied.high, 4)} %"
        )
        tried.append(([i2.cell(), q.cell(), k.cell()], computed))
        if implied.meets(Range.of(i2.value)):
            return passed(rule, *tried[-1])
    message = f"I² of {i2.value} % does not follow from Q of {pairs[0][0].value}"
    return fired(rule, tried[0][0], message, tried[0][1], Severity.SUSPECT)


def _p_from_q(block: Block) -> Iterator[Verdict]:
    rule = "p-from-q"
    for key in block.keys("cochran_q"):
        for q in block.numbers(*key):
            p = q.finding.p
            if not p.is_number:
                yield not_evaluated(rule, "the P value of Q", [q.cell()])
                continue
            studies = _studies(block, q)
            if not studies:
                lacking = "the number of studies (two or more)"
                yield not_evaluated(rule, lacking, [q.cell("p"), q.cell()])
                continue
            yield _p_with(rule, q, studies)


def _p_with(rule: str, q: Item, studies: list[Item]) -> Verdict:
    tried: list[tuple[list[Cell], str]] = []
    for k in studies:
        implied = _p_of(Range.of(q.value), _freedom(k))
        computed = (
            f"chi-square of {q.value} on {k.value} - 1 degrees of freedom: P from "
            f"{_shown(implied.low, 3)} to {_shown(implied.high, 3)}"
        )
        tried.append(([q.cell("p"), q.cell(), k.cell()], computed))
        if implied.meets(Range.of(q.finding.p)):
            return passed(rule, *tried[-1])
    message = f"P {q.finding.p} does not follow from Q of {q.value} in {studies[0].value} studies"
    beside = studies[0].finding.source.is_beside(q.finding.source)
    severity = Severity.ERROR if beside else Severity.SUSPECT
    return fired(rule, tried[0][0], message, tried[0][1], severity)


RULES = (
    Rule(
        "i2-from-q",
        _FAMILY,
        "I² is the share of Q beyond its degrees of freedom, or zero.",
        Class.CONDITIONAL,
        Severity.SUSPECT,
        "I², Cochran's Q and the number of studies",
        "I² was computed from Q; software that takes it from the between-study variance of "
        "another estimator (REML) prints another I² beside the same Q",
        "Higgins and Thompson, Stat Med 2002;21:1539-1558",
        study=_i2_from_q,
    ),
    Rule(
        "p-from-q",
        _FAMILY,
        "The P value of Q is the upper tail of chi-square on one degree of freedom less than "
        "there are studies.",
        Class.SOUND,
        Severity.ERROR,
        "Cochran's Q with its P value, and the number of studies",
        _BESIDE,
        "Cochran, Biometrics 1954;10:101-129",
        study=_p_from_q,
    ),
)
