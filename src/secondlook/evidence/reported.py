"""A number as it was printed: the string, and what the string can stand for.

A number printed with *d* decimals stands for every value within half a unit of its last place.
Keeping the string keeps that interval; turning it into a float at the door loses it. Intervals
are closed and exact (:class:`fractions.Fraction`), so that no comparison needs a tolerance.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

__all__ = ["Kind", "Reported"]


class Kind(StrEnum):
    """What a printed cell holds: a number, one of the kinds of missing, or other text."""

    NUMBER = "number"
    NOT_REPORTED = "not reported"
    NOT_REACHED = "not reached"
    NOT_APPLICABLE = "not applicable"
    BLANK = "blank"
    TEXT = "text"


# Words that stand for a missing number. "NR" alone is read as "not reported", the commoner of its
# two meanings; a table whose legend says otherwise writes "not reached".
_MISSING = {
    "": Kind.BLANK,
    "-": Kind.BLANK,
    "–": Kind.BLANK,
    "—": Kind.BLANK,
    "−": Kind.BLANK,
    "…": Kind.BLANK,
    "...": Kind.BLANK,
    "nr": Kind.NOT_REPORTED,
    "n.r.": Kind.NOT_REPORTED,
    "not reported": Kind.NOT_REPORTED,
    "not stated": Kind.NOT_REPORTED,
    "not reached": Kind.NOT_REACHED,
    "nr (not reached)": Kind.NOT_REACHED,
    "na": Kind.NOT_APPLICABLE,
    "n/a": Kind.NOT_APPLICABLE,
    "n.a.": Kind.NOT_APPLICABLE,
    "not applicable": Kind.NOT_APPLICABLE,
}

_RELATIONS = {
    "": "=",
    "=": "=",
    "<": "<",
    ">": ">",
    "≤": "<=",
    "<=": "<=",
    "≥": ">=",
    ">=": ">=",
    "~": "~",
    "≈": "~",
    "about": "~",
}

# "12 m", "5 y" and "8 w" are units left in a cell, not footnotes m, y and w
_LETTERS = r"\^?\(?[a-ln-vxz]\)?(?:,[a-ln-vxz])*(?![A-Za-z0-9])"
_SYMBOLS = r"\[sic\]|\[resolved\]|[*†‡§¶#‖]|[ᵃ-ᶻ⁰¹²³⁴-⁹]"
_MARKS = rf"(?P<marks>(?:\s*(?:{_SYMBOLS}|{_LETTERS}))*)"
# Digits are ASCII only: \d would take those of other scripts, and half of a mixture of them.
_THOUSANDS = r"(?P<separator>[,\u2009\u202f\u00a0 ])[0-9]{3}(?:(?P=separator)[0-9]{3})*"
_NUMBER = re.compile(
    r"(?P<relation><=|>=|[<>≤≥=~≈]|about(?=\s))?\s*"
    r"(?P<sign>[-−–+])?"
    rf"(?P<digits>[0-9]{{1,3}}{_THOUSANDS}(?:[.·][0-9]+)?|[0-9]*[.·,][0-9]+|[0-9]+)"
    r"\s*%?" + _MARKS
)
_WORD = re.compile(rf"(?P<word>.*?)(?P<marks>(?:\s*(?:{_SYMBOLS})|\s+(?:{_LETTERS}))*)", re.DOTALL)
_GROUPS = re.compile(rf"[1-9][0-9]{{0,2}}{_THOUSANDS}(?:[.·][0-9]+)?")
# Nothing longer is one number; a paragraph in a cell is text, and is not searched for one.
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Reported:
    """A number, or the absence of one, exactly as a document prints it.

    Parameters
    ----------
    printed
        The string, untouched: ``"16,023"``, ``"46 a"``, ``"NR"``, ``"<0.001"``, ``""``.

    Attributes
    ----------
    kind : Kind
        Number, a kind of missing, or text that is no number.
    value : Decimal or None
        The number, without its separators and marks; None unless `kind` is ``NUMBER``.
    decimals : int
        How many decimals are printed.
    relation : str
        ``=``, ``<``, ``<=``, ``>``, ``>=`` or ``~`` ("about").
    marks : str
        Footnote marks, in order; ``[sic]`` says that the document does print what looks impossible.

    Notes
    -----
    ``27,6`` is read as a decimal comma and ``1,234`` as thousands, since that is what they nearly
    always are; ``1.234,5`` and digits of other scripts are text. A unit other than ``%`` makes the
    string text: months and years are told apart by whoever reads the table, not guessed here.

    Examples
    --------
    >>> Reported("46 a").value, Reported("46 a").marks
    (Decimal('46'), 'a')
    >>> Reported("27.6").interval
    (Fraction(551, 20), Fraction(553, 20))
    >>> Reported("NR").kind
    <Kind.NOT_REPORTED: 'not reported'>
    >>> Reported("28 (PM) 32 (TM)").kind
    <Kind.TEXT: 'text'>
    """

    printed: str
    kind: Kind = field(init=False, compare=False)
    value: Decimal | None = field(init=False, compare=False)
    decimals: int = field(init=False, compare=False)
    relation: str = field(init=False, compare=False)
    marks: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        kind, value, decimals, relation, marks = _read(self.printed)
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "value", value)
        object.__setattr__(self, "decimals", decimals)
        object.__setattr__(self, "relation", relation)
        object.__setattr__(self, "marks", marks)

    @property
    def is_number(self) -> bool:
        """True when the string holds a number."""
        return self.kind is Kind.NUMBER

    @property
    def is_missing(self) -> bool:
        """True for every kind of missing, False for a number and for other text."""
        return self.kind not in (Kind.NUMBER, Kind.TEXT)

    @property
    def interval(self) -> tuple[Fraction | None, Fraction | None]:
        """Every value the string can stand for: closed, exact; None is unbounded.

        ``x`` printed with *d* decimals gives ``x ± 0.5 * 10**-d``. A printed bound (``<0.001``)
        is unbounded on its other side, and "about" bounds nothing.

        Raises
        ------
        ValueError
            When there is no number.
        """
        if self.value is None:
            raise ValueError(f'"{self.printed}" holds no number, so no interval')
        centre = Fraction(self.value)
        half = Fraction(1, 2 * 10**self.decimals)
        if self.relation == "~":
            return None, None
        low = None if self.relation.startswith("<") else centre - half
        high = None if self.relation.startswith(">") else centre + half
        if self.relation in ("<", "<="):
            high = centre
        if self.relation in (">", ">="):
            low = centre
        return low, high

    def __float__(self) -> float:
        if self.value is None:
            raise ValueError(f'"{self.printed}" holds no number')
        return float(self.value)

    def __str__(self) -> str:
        return self.printed


# the same few hundred strings are read again and again, by every rule that looks at them
@lru_cache(maxsize=16384)
def _read(printed: str) -> tuple[Kind, Decimal | None, int, str, str]:
    printed = printed.strip()
    if len(printed) > _LONGEST:
        return Kind.TEXT, None, 0, "=", ""
    number = _NUMBER.fullmatch(printed)
    if number is not None:
        digits = number["digits"]
        plain = digits.replace("·", ".")
        if _GROUPS.fullmatch(digits):
            plain = re.sub(r"[,\u2009\u202f\u00a0 ]", "", plain)
        elif re.search(r"[\u2009\u202f\u00a0 ]", plain):
            return Kind.TEXT, None, 0, "=", ""  # "0 123" is two numbers, not one
        else:
            plain = plain.replace(",", ".")
        negative = number["sign"] in ("-", "−", "–")
        value = Decimal(("-" if negative else "") + plain)
        decimals = len(plain.partition(".")[2])
        relation = _RELATIONS[number["relation"] or ""]
        return Kind.NUMBER, value, decimals, relation, _marks(number["marks"])
    for word, marks in _candidates(printed):
        kind = _MISSING.get(" ".join(word.casefold().split()))
        if kind is not None:
            return kind, None, 0, "=", _marks(marks)
    return Kind.TEXT, None, 0, "=", ""


def _candidates(printed: str) -> list[tuple[str, str]]:
    # the whole string first: the "a" of "NA" must not be taken for a footnote mark
    found = [(printed, "")]
    split = _WORD.fullmatch(printed)
    if split is not None and split["marks"] and split["word"].strip():
        found.append((split["word"].strip(), split["marks"]))
    return found


def _marks(raw: str) -> str:
    return " ".join(re.findall(r"\[sic\]|\[resolved\]|[^\s^(),]+", raw))
