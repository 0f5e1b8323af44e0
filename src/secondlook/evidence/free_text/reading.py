"""Find the printed numeric statements of a running text, and list every number left over."""

from __future__ import annotations

import re
from decimal import Decimal

from secondlook.evidence.free_text.patterns import PATTERNS
from secondlook.evidence.free_text.statement import Statement, TextReading
from secondlook.evidence.free_text.tokens import Tokens, tokens_of
from secondlook.evidence.free_text.unread import unread
from secondlook.evidence.reported import Reported

__all__ = ["read_text"]

_BACK = 80
_RATIOS = {"H": "hazard_ratio", "O": "odds_ratio", "Q": "risk_ratio"}
_UNITS = {"m": "months", "y": "years", "k": "weeks", "d": "days"}
_OF_TIME = ("median", "mean", "rate", "ratio", "range", "p_value")
_TAIL = r"(?:[-\s](?:free))?(?:\s+(?:survival|interval))?"
_ENDPOINT = re.compile(
    rf"(?P<DFS>\b(?:disease|relapse|event)[-\s]free{_TAIL}|\bDFS\b)"
    rf"|(?P<RFS>\brecurrence[-\s]free{_TAIL}|\bRFS\b)"
    rf"|(?P<PFS>\bprogression[-\s]free{_TAIL}|\bPFS\b)"
    rf"|(?P<CSS>\b(?:cancer|disease|cause)[-\s]specific{_TAIL}|\b[CD]SS\b)"
    r"|(?P<OS>\bsurviv\w*|\bOS\b|\balive\b)|(?P<age>\bage[ds]?\b)|(?P<follow>\bfollow-?\s?up\b)",
    re.IGNORECASE,
)


def read_text(text: str) -> TextReading:
    """Read the numeric statements printed in a text.

    Parameters
    ----------
    text
        Any text, as pasted; for a file see :func:`.article_text`.

    Returns
    -------
    TextReading
        Statements with the exact slice each was read from, and every run of digits that was not
        read. Digits are the decimal digits of any script and the raised and lowered ones.

    Notes
    -----
    Words are not numbers ("five-year", "half"). A statement is what stands in one sentence; whose
    number it is, and which endpoint is meant, is for a person to confirm. How much of what is
    printed is found was measured: see ``validation/free_text``. Do not conclude from a text
    without statements that it prints no numbers: look at what was skipped.

    Examples
    --------
    >>> reading = read_text("Of the 85 treated, 71/85 [84%] responded (Table 2).")
    >>> statement = reading.statements[0]
    >>> statement.text, statement.span
    ('71/85 [84%]', (19, 30))
    >>> {role: number.printed for role, number in statement.numbers.items()}
    {'events': '71', 'n': '85', 'percent': '84'}
    >>> [(entry.text, entry.reason) for entry in reading.skipped]
    [('85', ''), ('2', 'a label: Table')]
    """
    tokens = tokens_of(text)
    letters = original = tokens.letters
    found: list[Statement] = []
    for pattern in PATTERNS:
        pieces: list[str] = []
        position = 0
        for match in pattern.shape.finditer(letters):
            statement = _statement(pattern.kind, match, tokens, original, text)
            if statement is not None:
                found.append(statement)
                pieces += [letters[position : match.start()], "_" * len(match[0])]
                position = match.end()
        letters = "".join([*pieces, letters[position:]])
    found.sort(key=lambda statement: statement.span)
    return TextReading(text, tuple(found), unread(text, tokens, found))


def _statement(
    kind: str, match: re.Match[str], tokens: Tokens, letters: str, text: str
) -> Statement | None:
    row = tokens.row
    back = max(letters.rfind(".", 0, match.start()) + 1, match.start() - _BACK)
    if kind in ("comparison", "median"):
        kind = _centre(match, letters[back : match.start()], letters)
        if not kind:
            return None
    roles = _roles(match, letters)
    read = sorted({index for indexes in roles.values() for index in indexes})
    numbers = {
        role if place == 1 else f"{role} {place}": Reported(row[index].number)
        for role, indexes in roles.items()
        if role != "times"
        for place, index in enumerate(indexes, 1)
    }
    end = match.end()
    if match[0].count("(") > match[0].count(")") and letters[end : end + 1] == ")":
        end += 1
    start, stop = row[match.start()].start, row[end - 1].end
    behind = letters[read[-1] + 1 : read[-1] + 2]
    values = roles.get("value", [])
    if values and kind in ("median", "mean"):
        behind = letters[values[-1] + 1 : values[-1] + 2]
    months = _months(roles, tokens, letters)
    return Statement(
        kind,
        (start, stop),
        text[start:stop],
        numbers,
        tuple((row[index].start, row[index].end) for index in read),
        _statistic(kind, match, months, behind, letters[back : match.start()]),
        months,
        _UNITS.get(behind, "") if kind in ("median", "mean", "range") else "",
        _endpoint(text[row[back].start : start], text[start:stop]) if kind in _OF_TIME else "",
    )


def _centre(match: re.Match[str], before: str, letters: str) -> str:
    """Tell a median from a mean by the last word that says so; percents have neither."""
    label = match["label"] if "label" in match.re.groupindex else ""
    if not label and letters[match.end("value_2")] == "%":
        return "percent"
    named = label or before[max(before.rfind("M"), before.rfind("A"), 0) :][:1]
    return {"M": "median", "A": "mean"}.get(named, "")


def _roles(match: re.Match[str], letters: str) -> dict[str, list[int]]:
    """The tokens of the numbers by role; what stands in brackets in a list is not of the list."""
    roles: dict[str, list[int]] = {}
    for group in match.re.groupindex:
        start, end = match.span(group)
        depth = 0
        for index in range(max(start, 0), max(end, 0)):
            depth += (letters[index] == "(") - (letters[index] == ")")
            if letters[index] == "N" and depth == 0:
                role = {"values": "value", "value_2": "value"}.get(group, group.rstrip("2"))
                roles.setdefault(role, []).append(index)
    if len(roles.get("value", [])) > 1:
        # the interval behind the last of several numbers is not theirs
        for role in ("low", "high", "level"):
            roles.pop(role, None)
    return roles


def _months(roles: dict[str, list[int]], tokens: Tokens, letters: str) -> tuple[Decimal, ...]:
    """One time for all values or one for each; none where that cannot be told."""
    times = roles.get("times", [])
    values = roles.get("value", [])
    if not times or "t" in letters[times[0] : times[-1]] or len(times) not in (1, len(values)):
        return ()
    found = []
    last = letters[times[-1] + 1 : times[-1] + 3].lstrip("-")[:1]
    for index in times:
        unit = letters[index + 1 : index + 3].lstrip("-")[:1]
        value = Reported(tokens.row[index].number).value
        if value is None:
            return ()
        found.append(value * (12 if (unit if unit in ("y", "m") else last) == "y" else 1))
    return tuple(found)


def _statistic(
    kind: str, match: re.Match[str], months: tuple[Decimal, ...], behind: str, before: str
) -> str:
    if kind == "ratio":
        return _RATIOS[match["label"]]
    if kind == "rate":
        return "survival" if months else ""
    if kind == "count":
        return "percent" if match.re.groupindex.get("percent") else "count"
    if kind != "range":
        return kind
    if behind == "%":
        timed = "times" in match.re.groupindex
        return ("survival_range" if months else "") if timed else "percent_range"
    return "median_range" if behind and behind in "mykd" and "M" in before else ""


def _endpoint(before: str, inside: str) -> str:
    for place in (inside, before):
        named = [match.lastgroup or "" for match in _ENDPOINT.finditer(place)]
        if named:
            return "follow-up" if named[-1] == "follow" else named[-1]
    return ""
