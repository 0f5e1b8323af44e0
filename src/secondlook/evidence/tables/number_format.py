"""What a spreadsheet shows for a stored number under its number format.

A workbook stores 27.599999999999998 and shows 27.6; what is shown is what a person checked against
the document. Only formats whose result is certain are printed: plain and grouped digits, decimals,
percent, and fixed text around them (ECMA-376 part 1, 18.8.31).
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal

__all__ = ["print_number"]

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|(?P<padding>[_*].)|\[\$(?P<currency>[^\]-]*)[^\]]*\]'
    r"|(?P<colour>\[(?:Black|Blue|Cyan|Green|Magenta|Red|White|Yellow)\])"
    r"|(?P<plain>[-+$()€£: ])|(?P<code>[0#?.,%])",
    re.IGNORECASE,
)
_CODE = re.compile(r"(?P<whole>(?P<group>#,##)?[0#]|#*0?)(?:\.(?P<decimals>0*#*))?(?P<percent>%?)")
_SEMICOLON = re.compile(r';(?=(?:[^"]*"[^"]*")*[^"]*$)')  # one that is not within quotation marks
_MOST_DIGITS = 308
_MOST_DECIMALS = 30  # ECMA-376 leaves it open; spreadsheet programs stop there
_EXACT = Context(prec=400)


def print_number(value: float, number_format: str) -> str | None:
    """Print a stored number as its cell shows it.

    Parameters
    ----------
    value
        As stored; a spreadsheet calculates with 15 significant digits and so are read here.
    number_format
        The cell's format code: ``General``, ``0.0``, ``#,##0``, ``0%``.

    Returns
    -------
    str or None
        None when the format is one whose result is not certain here, or the number is none that a
        spreadsheet can hold: infinite, not a number, or of more than 308 digits.

    Examples
    --------
    >>> print_number(27.599999999999998, "General"), print_number(46.0, "General")
    ('27.6', '46')
    >>> print_number(16023, "#,##0"), print_number(0.57, "0%"), print_number(27, "0.0")
    ('16,023', '57%', '27.0')
    >>> print_number(0.5, "# ?/?") is None
    True
    """
    number = Decimal(value) if isinstance(value, int) else Decimal(f"{value:.15g}")
    if not number.is_finite() or number.adjusted() >= _MOST_DIGITS:
        return None
    sections = _SEMICOLON.split(number_format or "General")
    section = sections[0]
    if number < 0 and len(sections) > 1:
        section, number = sections[1], abs(number)
    elif number == 0 and len(sections) > 2:
        section = sections[2]
    if section.strip().casefold() in ("general", "@"):
        return _plain(number)
    parts = _parts(section)
    if parts is None or not section:
        return None
    before, code, after = parts
    digits = _digits(number, code) if code else ""
    if digits is None:
        return None
    sign = "-" if digits.startswith("-") else ""
    return f"{sign}{before}{digits.removeprefix('-')}{after}".strip()


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _parts(section: str) -> tuple[str, str, str] | None:
    """Text before the digits, the code for the digits, and text after them."""
    found = {"before": "", "code": "", "after": ""}
    position = 0
    while position < len(section):
        token = _TOKEN.match(section, position)
        if token is None:
            return None
        position = token.end()
        if token["code"]:
            if found["after"]:
                return None
            found["code"] += token["code"].replace("?", "#")
        elif not (token["padding"] or token["colour"]):
            side = "after" if found["code"] else "before"
            texts = (token["quoted"], token["escaped"], token["currency"], token["plain"])
            found[side] += "".join(text or "" for text in texts)
    return found["before"], found["code"], found["after"]


def _digits(number: Decimal, code: str) -> str | None:
    match = _CODE.fullmatch(code)
    decimals = (match["decimals"] or "") if match else ""
    if match is None or len(decimals) > _MOST_DECIMALS:
        return None
    if match["percent"]:
        number = number.scaleb(2, _EXACT)
    rounded = number.quantize(
        Decimal(1).scaleb(-len(decimals)), rounding=ROUND_HALF_UP, context=_EXACT
    )
    # a number that rounds to nothing is shown without its sign
    text = format(abs(rounded) if rounded == 0 else rounded, ",f" if match["group"] else "f")
    optional = decimals.count("#")
    while optional and text.endswith("0"):
        text, optional = text[:-1], optional - 1
    if "0" not in match["whole"]:
        text = re.sub(r"^(-?)0(?=\.|$)", r"\1", text)
    return text + match["percent"]
