"""How a review prints: decimals, halves, methods and tests, and a number with what is beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Literal

import numpy as np
from validation.audit.patients import METHODS
from validation.audit.ratios import ODDS

from secondlook.evidence import Finding, Reported, Source

__all__ = ["Kind", "Raw", "Style"]

Kind = Literal["count", "percent", "months", "ratio", "other"]
BLANK = Reported("")


@dataclass(frozen=True, slots=True)
class Style:
    """How a place prints: decimals by kind, halves, and the tests and methods it uses."""

    decimals: dict[Kind, int]
    p_decimals: int
    half_even: bool
    method: str
    level: float
    kind: str
    odds: str
    test: str
    efron: bool
    midpoint: bool
    two_by_two: str
    after: bool
    separators: bool

    @classmethod
    def draw(cls, random: np.random.Generator) -> Style:
        """Draw one, the common ways the more often."""
        return cls(
            {
                "count": 0,
                "percent": int(random.choice(3, p=(0.5, 0.4, 0.1))),
                "months": int(random.choice(3, p=(0.4, 0.5, 0.1))),
                "ratio": int(random.choice((1, 2, 3), p=(0.1, 0.7, 0.2))),
                "other": int(random.choice((1, 2))),
            },
            int(random.choice((2, 3, 4), p=(0.3, 0.5, 0.2))),
            bool(random.random() < 0.5),
            str(random.choice(METHODS)),
            float(random.choice((95.0, 90.0, 99.0), p=(0.9, 0.05, 0.05))),
            str(random.choice(("Wald", "profile", "Peto"), p=(0.8, 0.1, 0.1))),
            str(random.choice(ODDS, p=(0.8, 0.1, 0.05, 0.05))),
            str(random.choice(("Wald", "likelihood", "log-rank"))),
            bool(random.random() < 0.5),
            bool(random.random() < 0.5),
            str(random.choice(("Pearson", "Yates", "Fisher"))),
            bool(random.random() < 0.5),
            bool(random.random() < 0.5),
        )

    def of_a_paper(self, random: np.random.Generator) -> Style:
        """The methods of another paper, printed by the review that quotes it in its own way."""
        paper = Style.draw(random)
        return replace(
            paper,
            decimals=self.decimals,
            p_decimals=self.p_decimals,
            half_even=self.half_even,
            separators=self.separators,
        )

    def number(self, value: float, kind: Kind) -> Reported:
        """Round, and print with all decimals."""
        return Reported(self._text(value, self.decimals[kind]))

    def _text(self, value: float, decimals: int) -> str:
        mode = ROUND_HALF_EVEN if self.half_even else ROUND_HALF_UP
        rounded = Decimal(value).quantize(Decimal(1).scaleb(-decimals), mode)
        return f"{rounded:,f}" if self.separators else f"{rounded:f}"

    def p(self, value: float) -> Reported:
        """Print a P value, as below the last decimal when it would be nought."""
        text = self._text(value, self.p_decimals)
        least = f"<{10.0**-self.p_decimals:.{self.p_decimals}f}"
        return Reported(text if float(text) > 0 else least)


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """A number before it is rounded, with what is printed beside it."""

    cohort: str
    endpoint: str
    statistic: str
    kind: Kind
    value: float | None
    column: str
    place: str
    months: int | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    p: float | None = None
    n: int | None = None
    events: int | None = None
    comparator: str = ""
    missing: str = "NR"

    def printed(self, study: str, style: Style, source: Source) -> Finding:
        """Print it in a place."""
        is_p = self.statistic == "p_value"

        def number(value: float | None, kind: Kind = self.kind) -> Reported:
            return BLANK if value is None else style.number(value, kind)

        value = Reported(self.missing) if self.value is None else number(self.value)
        return Finding(
            study=study,
            cohort=self.cohort,
            comparator=self.comparator,
            endpoint=self.endpoint,
            statistic=self.statistic,
            months=None if self.months is None else Decimal(self.months),
            value=style.p(self.value) if is_p and self.value is not None else value,
            low=number(self.low),
            high=number(self.high),
            level=BLANK if self.level is None else Reported(f"{self.level:g}"),
            p=BLANK if self.p is None else style.p(self.p),
            n=number(self.n, "count"),
            events=number(self.events, "count"),
            adjusted=False if self.kind == "ratio" else None,
            source=source,
        )
