"""Numbers as the report prints them: enough digits to compare, none that pretend."""

from __future__ import annotations

from secondlook.synthesis import AnalysisResult, Interval

__all__ = ["interval_text", "number", "p_text", "plural", "unit_of"]


_UNITS = {"%": "\u00a0%", "percentage points": " points"}


def unit_of(result: AnalysisResult) -> str:
    """What stands behind the numbers of an analysis; nothing behind a ratio."""
    return _UNITS.get(result.unit, "")


def number(value: float, unit: str = "") -> str:
    """Print an estimate: one decimal with a unit of percent, two for a ratio.

    Examples
    --------
    >>> number(17.53, " points"), number(0.60123)
    ('17.5 points', '0.60')
    """
    digits = 1 if unit else 2
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return f"{text.replace('-', '−')}{unit}"


def interval_text(interval: Interval | None, unit: str = "") -> str:
    r"""Print an estimate with its 95 % interval, or a dash where there is none.

    Examples
    --------
    >>> interval_text(Interval(0.6, 0.528, 0.685))
    '0.60 (95\xa0% interval 0.53 to 0.69)'
    """
    if interval is None:
        return "–"
    low, high = number(interval.low, unit), number(interval.high, unit)
    return (
        f"{number(interval.estimate, unit)} (95\u00a0% interval {low.removesuffix(unit)} to {high})"
    )


def p_text(value: float) -> str:
    """Print a P value as journals do.

    Examples
    --------
    >>> p_text(0.04689), p_text(0.00001)
    ('P = 0.047', 'P < 0.001')
    """
    return "P < 0.001" if value < 0.001 else f"P = {value:.3f}"


def plural(count: int, one: str, many: str) -> str:
    """Count things in words that agree.

    Examples
    --------
    >>> plural(1, "study", "studies"), plural(13, "study", "studies")
    ('1 study', '13 studies')
    """
    return f"{count:,} {one if count == 1 else many}"
