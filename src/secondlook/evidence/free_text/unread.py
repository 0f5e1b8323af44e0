"""The digits that no statement has read, and why, as far as what stands beside them tells."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from secondlook.evidence.free_text.statement import Skipped, Span, Statement
from secondlook.evidence.free_text.tokens import Token, Tokens

__all__ = ["DIGITS", "unread"]

DIGITS = re.compile(r"[0-9]+|[^\D0-9]+|[⁰¹²³⁴-⁹₀-₉]+")
"""A run of digits: of ASCII, of other scripts, or raised and lowered."""

_BESIDE = {
    "%": "a percent that is a level, a power or a strength, or stands in no statement",
    "p": "a count without a percent or a whole",
    "y": "a time without a statistic",
    "m": "a time without a statistic",
    "k": "a time without a statistic",
    "d": "a time without a statistic",
    "*": "part of a product",
}


def unread(text: str, tokens: Tokens, statements: Sequence[Statement]) -> tuple[Skipped, ...]:
    """List every run of digits that belongs to no statement.

    Parameters
    ----------
    text
        The text the tokens were cut from.
    tokens
        All of its tokens.
    statements
        What was read.

    Returns
    -------
    tuple of Skipped
        In the order of the text.
    """
    places = sorted(place for statement in statements for place in statement.places)
    told = sorted([*tokens.aside, *_reasons(tokens.row)])
    starts, known = [place[0] for place in places], [span[0] for span, _ in told]
    skipped = []
    for run in DIGITS.finditer(text):
        at = bisect_right(starts, run.start()) - 1
        if at >= 0 and run.end() <= places[at][1]:
            continue
        at = bisect_right(known, run.start()) - 1
        covered = at >= 0 and run.start() < told[at][0][1]
        skipped.append(Skipped(run.span(), run[0], told[at][1] if covered else ""))
    return tuple(skipped)


def _reasons(row: Sequence[Token]) -> Iterator[tuple[Span, str]]:
    for index, token in enumerate(row):
        if token.letter == "L":
            yield (token.start, token.end), f"a label: {row[index - 1].text}"
        elif token.letter == "Y":
            yield (token.start, token.end), "a year"
        elif token.letter == "N":
            reason = _reason(row, index)
            if reason:
                yield (token.start, token.end), reason


def _reason(row: Sequence[Token], index: int) -> str:
    before = "".join(token.letter for token in row[max(0, index - 4) : index])
    behind = "".join(token.letter for token in row[index + 1 : index + 4])
    if before.endswith(("P", "P=")):
        return "a P value that is a threshold, or part of a product"
    if behind.startswith("%") and "C" in behind:
        return "a level of confidence, its interval was not read"
    if behind[:1] == "-" and behind[1:2] in ("y", "m", "k", "d"):
        return "a time without a statistic"
    if before.endswith("(") and behind[:1] == ")" and row[index].number.isdigit():
        return "a number alone in brackets: of an item or a citation"
    if before.endswith(("Y;", "N:", "):", "N:N-", "):N-")):
        return "volume or page of a reference"
    if before.endswith("|") or behind[:1] == "|":
        return "in a row of a table"
    return _BESIDE.get(behind[:1], "")
