"""The tables that the README shows, made from one run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.tasks import Task
from benchmarks.turns import Timed

__all__ = ["AIM", "Measured", "page"]

AIM = 20
"""How many times as fast as metafor we want to be; of the others, we want to be ahead."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One task as every program did it, ours first, and metafor's difference if driven on."""

    task: Task
    timed: Sequence[Timed]
    driven_on: Mapping[str, float]
    """By way, the difference that is left."""

    @property
    def ours(self) -> Timed:
        """What we took."""
        return self.timed[0]

    def ratios(self, program: str) -> list[float]:
        """Give what a program took, each way, over what we took."""
        return [one.middle / self.ours.middle for one in self.timed if one.program == program]


def page(measured: Sequence[Measured], peers: Sequence[str]) -> str:
    """Give the tables and what follows from them, as Markdown."""
    parts = [
        "### How many times as long as secondlook",
        *_overview(measured, peers),
        *_falls_short(measured, peers),
        "### Times, and whether the answers agree",
        *_details(measured),
    ]
    return "\n".join(parts)


def _overview(measured: Sequence[Measured], peers: Sequence[str]) -> list[str]:
    heads = ["task", "secondlook", *peers]
    rows = [
        [one.task.title, _time(one.ours.middle)] + [_span(one.ratios(program)) for program in peers]
        for one in measured
    ]
    return ["", *_table(heads, rows, "l" + "r" * (len(peers) + 1)), ""]


def _falls_short(measured: Sequence[Measured], peers: Sequence[str]) -> Iterable[str]:
    """Say where the aim is missed, by the fastest way of each program."""
    for program in peers:
        aim = AIM if program == "metafor" else 1
        short = [
            f"{one.task.title} ({_ratio(min(one.ratios(program)))})"
            for one in measured
            if one.ratios(program) and min(one.ratios(program)) < aim
        ]
        wanted = f"{aim} times as fast as {program}" if aim > 1 else f"ahead of {program}"
        if short:
            yield f"**Not {wanted}:** {'; '.join(short)}."
        else:
            yield f"{wanted[0].upper()}{wanted[1:]} in everything it does here."
        yield ""


def _details(measured: Sequence[Measured]) -> list[str]:
    heads = ["task", "program", "median", "min to max", "ratio", "largest difference"]
    rows = []
    for one in measured:
        for place, timed in enumerate(one.timed):
            low, high = _time(min(timed.spent)), _time(max(timed.spent))
            rows.append(
                [
                    "" if place else one.task.title,
                    f"{timed.program}, {timed.way}",
                    _time(timed.middle),
                    f"{low} to {high}",
                    _ratio(timed.middle / one.ours.middle) if place else "1",
                    _difference(timed, one.driven_on.get(timed.way)) if place else "",
                ]
            )
    return ["", *_table(heads, rows, "llrrrl"), ""]


def _difference(timed: Timed, driven_on: float | None) -> str:
    text = f"{timed.difference:.0e}" if timed.difference else "0"
    if driven_on is not None:
        text += f"; driven on {driven_on:.0e}"
    if timed.unanswered:
        text += f"; {timed.unanswered} without an answer"
    return text


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{_three(seconds / size)} {unit}"
    return f"{_three(seconds / 1e-6)} µs"


def _three(number: float) -> str:
    """Write three digits."""
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def _ratio(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.2g}"


def _span(ratios: Sequence[float]) -> str:
    if not ratios:
        return "–"
    low, high = _ratio(min(ratios)), _ratio(max(ratios))
    return low if low == high else f"{low} to {high}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], sides: str) -> list[str]:
    rule = ["---:" if side == "r" else "---" for side in sides]
    return [f"| {' | '.join(row)} |" for row in (heads, rule, *rows)]
