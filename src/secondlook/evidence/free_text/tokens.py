"""Running text as a row of tokens, one letter for each, so that patterns can be short.

A text is cut once, from left to right, by alternatives that need no search; what statements look
like is then said in :mod:`.patterns` over the letters. The letters:

====== ====================================== ====== ======================================
``N``  a number                               ``%``  percent
``Y``  a calendar year                        ``L``  a number that labels (Table 2, grade 3)
``-``  a dash                                 ``t``  to
``(``  an opening bracket                     ``)``  a closing bracket
``H``  hazard ratio                           ``O``  odds ratio
``Q``  risk ratio                             ``C``  confidence interval
``P``  P                                      ``M``  median
``A``  mean                                   ``S``  survival, or an endpoint of it
``a``  alive                                  ``v``  versus
``o``  of                                     ``e``  the, these
``i``  is, was, at                            ``p``  patients
``&``  and                                    ``b``  between
``g``  range                                  ``n``  n, as in n = 85
``y m`` ``k d`` years, months, weeks, days    ``z``  respectively
``q``  most, whom                             ``u``  significance, power
``s``  considered                             ``f``  for, in, after, with
``w``  any other word                         ``c``  a citation
``|``  anything else; nothing reads across    ``.``  the end of a sentence
====== ====================================== ====== ======================================

Commas, semicolons, colons, slashes and ``=`` stand for themselves; ``*`` is a sign of
multiplication. Raised numbers, citations in square brackets and names with digits are no numbers:
they are set aside with a reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from secondlook.evidence.free_text.statement import Span

__all__ = ["Token", "Tokens", "tokens_of"]

_DASHES = "-‐‑‒–—−"
_HYPHENS = "-‐‑"
_RAISED = "⁰¹²³⁴-⁹₀-₉"
_TOKEN = re.compile(
    rf"""
    (?P<raised> <su[pb]>[^<]*</su[pb]> | [{_RAISED}]+ )
  | (?P<citation> (?<![\d%]) (?<![\d%]\s) \[\s?[0-9]{{1,3}}\s?\]
      | (?<![\d%]) (?<![\d%]\s) (?<!months\s) (?<!years\s) (?<!mo\s)
        \[\s?[0-9]{{1,3}}(?:\s?[,;{_DASHES}]\s?[0-9]{{1,3}})+\s?\] )
  | (?P<markup> </?(?:i|b|em|strong|p|br|span)\s?/?> | [$*_\u200b\ufeff]+ )
  | (?P<identifier> https?://\S+ | (?i:doi:\s?\S+) | 10\.[0-9]{{4,9}}/\S+ )
  | (?P<date> [0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?!\d)
      | [0-9]{{1,2}}(?P<dot>[./])[0-9]{{1,2}}(?P=dot)[12][0-9]{{3}}(?!\d) )
  | (?P<percent> \\?[%％] | (?i:per\s?cents?|pct)\b )
  | (?P<relation> [<>≤≥~≈] | \\(?:geq?|leq?)\b | &[lg][te]; )
  | (?P<number>
        [1-9][0-9]{{0,2}}(?P<separator>[,\u2009\u202f\u00a0])[0-9]{{3}}
          (?:(?P=separator)[0-9]{{3}}){{0,4}}(?!\d)(?:[.·∙⋅][0-9]+)?
      | 0[.·∙⋅]\s?\n\s?[0-9]+
      | [0-9]+[.·∙⋅][0-9]+
      | (?<![\w%)\]’”"'])[.·∙⋅][0-9]+
      | 0,[0-9]+(?!\d)
      | [0-9]+,[0-9]{{1,2}}(?=\s?%)
      | [0-9]+ )
  | (?P<foreign> \d+ )
  | (?P<word> (?i:
        hazards?\s+ratios? | odds\s+ratios? | (?:relative\s+risk|risk\s+ratio|rate\s+ratio)s?
      | confidence\s+(?:interval|limit)s? | compared\s+(?:with|to)\b | out\s+of\b
      | (?:more|less|greater|fewer)\s+than\b | interquartile\s+range )
      | [^\W\d_]+(?:[-‐‑'’][^\W\d_]+)* )
  | (?P<space> \s+ )
  | (?P<mark> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_WORDS: dict[str, str] = {
    word: letter
    for letter, words in {
        "H": "hr,hrs,hazard ratio,hazard ratios,hazards ratio,ahr",
        "O": "or,ors,odds ratio,odds ratios,aor",
        "Q": "rr,relative risk,relative risks,risk ratio,risk ratios",
        "C": "ci,cis,confidence interval,confidence intervals,confidence limits,confidence limit",
        "P": "p,p-value,p-values",
        "M": "median,medians",
        "A": "mean,average,means",
        "S": "survival,os,dfs,rfs,pfs,css,dss,efs,survivals,survivorship",
        "a": "alive,survived,surviving,survive,survivors",
        "v": "vs,v,versus,compared with,compared to,against",
        "o": "of,out of",
        "e": "the,these,those,all,our",
        "i": "was,were,is,are,at,being,equalled,reached,averaged,as,to be",
        "p": "patients,women,men,cases,subjects,participants,persons,people,pts,individuals,"
        "patient,tumours,tumors,deaths,children,adults,specimens,procedures,operations",
        "f": "for,in,after,with,among",
        "&": "and",
        "t": "to",
        "b": "between,from",
        "g": "range,ranges,ranged,ranging,iqr,interquartile range,varies,varied,vary",
        "n": "n",
        "y": "year,years,yr,yrs,y",
        "m": "month,months,mo,mos,mth,mths",
        "k": "week,weeks,wk,wks",
        "d": "day,days",
        "z": "respectively",
        "q": "most,majority,whom,which,half,who,that,remaining",
        "u": "significance,power,significant,alpha,dextrose,saline,solution,formalin,oxygen,"
        "glucose,ethanol,error,probability,confident,type,two-sided,one-sided",
        "s": "considered,deemed,regarded,defined,denoted,indicated,taken,set",
    }.items()
    for word in words.split(",")
}
_APPROXIMATE = {
    **dict.fromkeys(("about", "approximately", "around", "nearly", "almost", "roughly"), "about "),
    **dict.fromkeys(("less than", "fewer than", "below", "under"), "<"),
    **dict.fromkeys(("more than", "greater than", "over", "above", "exceeding"), ">"),
}
_SIGNS = {
    "<": "<", ">": ">", "≤": "≤", "≥": "≥", "~": "~", "≈": "≈", "&lt;": "<", "&gt;": ">",
    "&le;": "≤", "&ge;": "≥", "\\ge": "≥", "\\geq": "≥", "\\le": "≤", "\\leq": "≤",
}  # fmt: skip


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_LABELS = _words(
    "table tables figure figures fig figs stage stages grade grades phase phases reference "
    "references ref refs section appendix chapter page pages equation level class type step group "
    "groups arm arms day cycle version volume vol no question item line model cohort score pubmed "
    "pmid pmcid visit week course courses hypothesis supplement box criterion aim part"
)
_MONTH_NAMES = _words(
    "january february march april may june july august september october november december jan "
    "feb mar apr jun jul aug sep sept oct nov dec"
)
_ABBREVIATIONS = _words("al vs fig figs no nos ref refs dr eg ie ca approx vol pp st eq resp cf")
_LONGEST = 15


@dataclass(slots=True)
class Token:
    """A piece of the text; `number` is what it says as a printed number, where it is one."""

    letter: str
    start: int
    end: int
    text: str
    number: str = ""
    glued: bool = False


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens statements are made of, and the spans that hold no number of a statement."""

    row: tuple[Token, ...]
    aside: tuple[tuple[Span, str], ...]

    @property
    def letters(self) -> str:
        """One letter for each token."""
        return "".join(token.letter for token in self.row)


_ASIDE = {
    "raised": "raised or lowered: a citation, a footnote mark or an exponent",
    "citation": "a citation",
    "identifier": "part of an identifier or address",
    "date": "a date",
    "foreign": "in the digits of another script",
}


def tokens_of(text: str) -> Tokens:
    """Cut a text into tokens, in time that grows with its length."""
    row: list[Token] = []
    aside: list[tuple[Span, str]] = []
    glued = False
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind in _ASIDE:
            aside.append((match.span(), _ASIDE[kind]))
            if kind in ("identifier", "date"):
                row.append(Token("|", *match.span(), match[0]))
            continue
        letter = _letter(kind, match, text)
        if letter:
            row.append(Token(letter, *match.span(), match[0], glued=glued))
        glued = kind != "space" and (glued if kind == "markup" else True)
    kept: list[Token] = []
    for index, token in enumerate(row):
        reason = _why_no_number(row, index) if token.letter == "N" else ""
        if reason:
            aside.append(((token.start, token.end), reason))
            token.letter = "c" if reason == _ASIDE["citation"] else "w"
            if kept and kept[-1].text in _HYPHENS and token.letter == "w" and token.glued:
                kept.pop()  # "HER-2" is one word
        elif token.letter == "N":
            _read_number(token, kept)
        if token.letter != "c":
            kept.append(token)
    for index, token in enumerate(kept):
        if token.letter == "N":
            token.letter = _kind_of_number(kept, index)
    return Tokens(tuple(kept), tuple(sorted(aside)))


def _letter(kind: str, match: re.Match[str], text: str) -> str:
    printed = match[0]
    if kind == "number":
        return "N"
    if kind == "percent":
        return "%"
    if kind == "relation":
        return "r"
    if kind == "word":
        word = " ".join(printed.casefold().split())
        # a lower-case "or" is the conjunction
        return "w" if printed in ("or", "Or", "y") else _WORDS.get(word, "w")
    if kind == "space":
        return _letter_of_space(match, text)
    if kind == "mark":
        return _letter_of_mark(match, text)
    return ""


def _letter_of_space(match: re.Match[str], text: str) -> str:
    if "\t" in match[0]:
        return "|"
    if match[0].count("\n") < 2:
        return ""
    before, behind = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
    # a page break within a sentence leaves an empty line too
    return "" if (before.isalnum() or before == ",") and behind.islower() else "."


def _letter_of_mark(match: re.Match[str], text: str) -> str:
    mark = match[0]
    if mark in "([{":
        return "("
    if mark in ")]}":
        return ")"
    if mark in _DASHES:
        return "-"
    if mark in ",;:/=":
        return mark
    if mark in "×✕":
        return "*"
    if mark == "&":
        return "&"
    if mark in "?!":
        return "."
    if mark in "·∙⋅\"'“”‘’\\":
        return ""
    return _letter_of_point(match.start(), text) if mark == "." else "|"


def _letter_of_point(at: int, text: str) -> str:
    rest = text[at + 1 : at + 4]
    ends = not rest or rest[0].isdigit() or rest[0] == "<"
    if rest[:1].isspace():
        following = rest.lstrip()[:1]
        ends = not following or following.isupper() or following.isdigit() or following in "([“"
    word = re.search(r"[^\W\d_]{1,6}$", text[max(0, at - 7) : at])
    abbreviated = word is not None and word[0].casefold() in _ABBREVIATIONS
    return "." if ends and not abbreviated else ""


def _why_no_number(row: Sequence[Token], index: int) -> str:
    """Say why digits are no number of their own, from what touches them."""
    token = row[index]
    before = row[index - 1] if index and token.glued else None
    before2 = row[index - 2] if before is not None and index > 1 and before.glued else None
    after = row[index + 1] if index + 1 < len(row) and row[index + 1].glued else None
    after2 = row[index + 2] if after is not None and index + 2 < len(row) else None
    short = token.text.isdigit() and len(token.text) < 4
    if len(token.text) > _LONGEST:
        return "too long for a number of a study"
    if before is not None and before.letter == "c":
        return "a citation"
    if before is not None and before2 is not None:
        chained = before.text in {",", *_DASHES} and before2.letter == "c"
        trailing = before.letter in ".,;" and (before2.text[-1].isalpha() or before2.letter in "%)")
        if short and (chained or trailing):
            return "a citation"
        if before.text in _HYPHENS and before2.text[-1:].isalpha():
            return "part of a name"
    if before is not None and before.text[-1].isalpha() and before.letter not in "Pn":
        return "part of a name"
    if after is not None and after.text[0].isalpha() and after.letter not in "mykdpv":
        return "part of a name"
    if after is None or after2 is None or after.text not in _HYPHENS or not after2.glued:
        return ""
    return "part of a name" if after2.text[0].isalpha() and after2.letter not in "mykd&t" else ""


def _read_number(token: Token, kept: list[Token]) -> None:
    """Give a number its printed form, with the relation or sign before it."""
    printed = re.sub(r"\s*\n\s*", "", token.text).replace("∙", ".").replace("⋅", ".")
    before = kept[-1] if kept else None
    if before is not None and before.letter == "r":
        printed, token.start = _SIGNS[before.text] + printed, kept.pop().start
        if kept and kept[-1].letter == "=" and kept[-1].end == token.start:
            kept.pop()
    elif before is not None and before.letter == "w":
        relation = _APPROXIMATE.get(" ".join(before.text.casefold().split()))
        if relation:
            printed, token.start = relation + printed, kept.pop().start
    elif (
        before is not None
        and (before.letter, before.glued, token.glued) == ("-", False, True)
        and (len(kept) < 2 or kept[-2].letter not in "N%mykdY")
    ):
        printed, token.start = "-" + printed, kept.pop().start
    token.number = printed


def _kind_of_number(row: Sequence[Token], index: int) -> str:
    """Tell years and labels from numbers."""
    token = row[index]
    before = row[index - 1] if index else None
    after = row[index + 1].letter if index + 1 < len(row) else " "
    plain = token.number.isdigit()
    of_a_year = plain and len(token.number) == 4 and token.number[:2] in ("18", "19", "20")
    if of_a_year and after not in "%p":
        return "Y"
    if before is None or not plain:
        return "N"
    word = before.text.casefold()
    if word in _MONTH_NAMES and before.text[0].isupper() and int(token.number) < 32:
        return "L"
    if word in _LABELS and before.letter in "wdkf" and after not in "%mykd":
        return "L"
    chained = index > 1 and before.letter in ",&-/" and row[index - 2].letter == "L"
    return "L" if chained and after not in "%" else "N"
