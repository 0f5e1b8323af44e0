"""What printed statements look like, over the letters of :mod:`.tokens`.

Every repetition is bounded, so that no text makes a pattern search for long, and nothing reads
across the end of a sentence or across a number that it does not name. A group's name is the role
of the numbers in it; a digit at the end of the name only tells two alternatives apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["PATTERNS", "Pattern"]

_WORD = "[wfSapoibgMAen&qtsuP]"
_NEAR = "[wfSapone]"
_UNIT = "[mykd]"
_INTERVAL = (
    r"(?:[,;:(]{0,2}[fw]{0,2}(?:(?P<level>N)%)?" + _NEAR + r"{0,2}?C(?:\(C\))?[,:=;io(]{0,2}"
    r"b?(?P<low>N)%?" + _UNIT + r"?[-t,&](?P<high>N)%?" + _UNIT + r"?\)?)?"
)
_BRACKETED = r"(?:\((?P<low2>N)[-t,](?P<high2>N)(?!" + _UNIT + r")\)?)?"
_P = (
    r"(?:[,;:()]{0,2}[wfz]{0,2}[,;:()]{0,2}P[wfSo]{0,3}?[=:io]{0,2}(?P<p>N)(?![%*N]|"
    + _WORD
    + r"{0,3}s))?"
)
_TIMES = r"(?P<times>(?:N-?" + _UNIT + r"?(?:,&|,|&|/|t)){0,5}N-?[ym])"
_APART = (
    r"(?:\([^.|]{0,12}?\))?(?:" + _NEAR + r"{0,6},?v[wfSapoieb]{0,6}?"
    r"|f" + _NEAR + r"{1,6}(?:,&?|&)|,&?(?=N%?(?!%?[opia]))|&(?=N%?(?!%?[opi])))"
)
_VALUES = r"(?P<values>(?:N%?" + _APART + r"){0,5}N%)(?!" + _NEAR + "{0,2}C)"
_LINK = r"[,:=(io]{0,2}"


@dataclass(frozen=True, slots=True)
class Pattern:
    """One way of printing a statement of a kind."""

    kind: str
    shape: re.Pattern[str]


def _all_of(kind: str, *shapes: str) -> tuple[Pattern, ...]:
    return tuple(Pattern(kind, re.compile(shape)) for shape in shapes)


_RATIOS = _all_of(
    "ratio",
    r"(?P<label>[HOQ])(?:\([HOQ]\))?(?:[,(;](?P<level2>N)?%?C\)?)?(?:[wfSapoiebn&vM,]{0,12}?[i=,:o(]{1,2}|)"
    r"[=:(]?(?P<value>N)(?![%mykdpo/*]|[-t]N|-" + _UNIT + ")" + f"(?:{_INTERVAL}){_BRACKETED}" + _P,
)
_RATES = _all_of(
    "rate",
    _TIMES + r"[wfpenaMo]{0,6}?S[wfSapoiebnvgt&]{0,14}?[,:=(iob]{0,2}" + _VALUES + _INTERVAL + _P,
    r"S[wfpeno]{0,5}?[wfi]" + _TIMES + r"[wfpenoi]{0,10}?" + _LINK + _VALUES + _INTERVAL + _P,
    r"S[wfpenob]{0,10}?" + _LINK + _VALUES + r"[wfpeni]{0,3}?[wfi]" + _TIMES,
    _VALUES + r"[wfpoei]{0,7}?a[wfie]{0,3}?" + _TIMES,
    r"S\(?" + _TIMES + r"\)?[:=,]" + _VALUES,
)
_RATE_RANGES = _all_of(
    "range",
    _TIMES + r"[wfpeno]{0,6}?S[wfSapoiebng]{0,10}?[,:=(iob]{0,2}(?P<low>N)%?[-t](?P<high>N)%",
    _TIMES + r"[wfpeno]{0,6}?S[wfSapoieng]{0,10}?b(?P<low>N)%?&(?P<high>N)%",
)
_SHARE = r"(?P<percent>N)%(?!" + _NEAR + "{0,3}[Cv])"
_COUNTS = _all_of(
    "count",
    r"(?P<events>N)/(?P<n>N)" + _NEAR + r"{0,5}[(;,:=]{1,2}" + _SHARE + r"(?!o)" + _INTERVAL,
    r"(?P<events>N)" + _NEAR + r"{0,6}?o[wfpeo]{0,4}(?P<n>N)[wfSpoe]{0,6}\(" + _SHARE + _INTERVAL,
    r"(?P<events>N)p?oe{0,2}(?P<n>N)p?[,=:]" + _SHARE + r"(?!o)" + _INTERVAL,
    r"(?P<events>N)[wfSpoe]{0,5}\((?P<percent>N)%\)oe{0,2}w?(?P<n>N)",
    r"(?P<percent>N)%[wfpi]{0,3}[(,]n?=?(?P<events>N)p?[/o]e{0,2}w{0,2}(?P<n>N)(?!%)",
    r"oe{0,2}[wfo]{0,2}(?P<n>N)[wfSpe]{0,8},w{0,1}(?P<events>N)[wfp]{0,3}\(" + _SHARE + _INTERVAL,
    r"n=(?P<events>N)[/o](?P<n>N)[,;(]{1,2}" + _SHARE,
    r"n=(?P<events>N)[,;(]{1,2}" + _SHARE,
    r"(?P<percent>N)%[wfpoe]{0,3}[(,;]n=(?P<events>N)(?![%])",
    r"(?P<percent>N)%[wfpoe]{0,3}\((?P<events>N)p",
    r"(?P<events>N)[wfSpoe]{0,5}\(" + _SHARE + _INTERVAL,
    r"(?P<percent>N)%oe{0,2}w{0,2}(?P<n>N)w{0,2}p",
    r"oe{0,2}[wfo]{0,3}(?P<n>N)[wfSpe&]{0,12}," + _SHARE,
    r"(?P<events>N)p?oe{0,2}(?P<n>N)w{0,2}p",
    r"(?P<events>N)p?oe{1,2}(?P<n>N)(?![%mykd-])",
)
_SPREAD = r"(?![-t]N)"
_COMPARED = r"(?P<value>N){unit}?[wfSapoieb]{{0,6}}?,?v[wfSapoieb]{{0,5}}?(?P<value_2>N){unit}"
_BOTH = r"(?P<value>N){unit}?&(?P<value_2>N){unit},?z"
_CENTRES = _all_of(
    "median",
    r"(?P<label>[MA])[wfSapoiebn]{0,12}?" + _LINK + _COMPARED.format(unit=_UNIT) + "z?" + _P,
    r"(?P<label>[MA])[wfSapoiebnv]{0,12}?" + _LINK + _BOTH.format(unit=_UNIT) + _P,
    r"(?P<label>[MA])[wfSapoiebnt]{0,10}?(?:Np[wi]{0,3})?"
    + _LINK
    + r"(?P<value>N)[mykd]"
    + _INTERVAL
    + _P,
    r"(?P<label>[MA])[wfSapoiebnt]{0,8}?[=:io,](?P<value>N)(?![%mykd/N]|-?" + _UNIT + ")" + _SPREAD,
)
_COMPARISONS = _all_of(
    "comparison",
    _COMPARED.format(unit="[mykd]") + ",?z?" + _P,
    _COMPARED.format(unit="%") + ",?z?" + _P,
    _BOTH.format(unit="[mykd]") + _P,
    _BOTH.format(unit="%") + _P,
)
_RANGES = _all_of(
    "range",
    r"(?P<low>N)%?[-t](?P<high>N)%",
    r"b(?P<low>N)%?&(?P<high>N)%",
    r"(?P<low>N)[mykd]?[-t](?P<high>N)[mykd]",
    r"b(?P<low>N)[mykd]?&(?P<high>N)[mykd]",
    r"g[wfo]{0,2}?[,:=;io(]{0,2}b?(?P<low>N)[-t&,](?P<high>N)",
)
_PERCENTS = _all_of(
    "percent", r"(?P<value>N)%(?!" + _NEAR + "{0,2}C|" + _NEAR + "{0,2}u)" + _INTERVAL
)
_P_VALUES = _all_of(
    "p_value", r"P[wfSo]{0,4}?[=:io]{0,2}(?P<p>N)(?!%|\*|" + _WORD + r"{0,3}s|[wfi]{0,2}u)"
)

PATTERNS: tuple[Pattern, ...] = (
    *_RATIOS,
    *_RATE_RANGES,
    *_RATES,
    *_COUNTS,
    *_CENTRES,
    *_COMPARISONS,
    *_RANGES,
    *_PERCENTS,
    *_P_VALUES,
)
"""In the order in which they are looked for; what one has read, the next does not see."""
