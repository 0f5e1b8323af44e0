"""What came of it, in a table and in sentences: every number is taken from the results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from validation.audit.mutations import SETTINGS

__all__ = ["summary"]

_COUNTS = (
    "count: one digit",
    "count: two digits transposed",
    "counts of the arms exchanged",
    "percent: one digit",
    "percent: off by one",
    "percent: cut off",
    "percent: rounded twice",
    "percent: of all instead of the part",
)
_RATIOS = ("ratio: one digit", "ratio limit: one digit")
_STATED = ("table value that the text states",)
_LIMITS = ("survival limit: one digit",)
_OF_A_RATIO = ("log-symmetry", "interval-against-p", "odds-ratio-of-counts")


def summary(results: dict[str, Any]) -> str:
    """Say what was asked for and what came of it; nothing before everything was measured."""
    if not {"soundness", "mutations", "timing"} <= results.keys():
        return ""
    slips = results["mutations"]["tables"]
    return "\n## What came of it\n\n" + _table(results, slips) + "\n" + _sentences(results, slips)


def _sum(slips: dict[str, dict[str, int]], names: Iterable[str]) -> Counter[str]:
    total: Counter[str] = Counter()
    for name in names:
        total.update(slips[name])
    return total


def _caught(total: Counter[str], among: str = "") -> int:
    return total[f"{among}sound"] + total[f"{among}soft"]


def _share(part: int, whole: int, asked: int = 0) -> str:
    if not whole:
        return "none printed"
    shown = f"{100 * part / whole:.1f} % of {whole}"
    return f"**{shown}**" if 100 * part < asked * whole else shown


def _row(slips: dict[str, Any], title: str, names: Iterable[str], asked: int = 0) -> list[str]:
    totals = [_sum(slips[setting], names) for setting in SETTINGS]
    return [title, *(_share(_caught(t), t["slips"], asked) for t in totals)]


def _compared(slips: dict[str, Any], title: str, names: Iterable[str], asked: int) -> list[str]:
    """Without the numbers that no rule sees beside another."""
    totals = [_sum(slips[setting], names) for setting in SETTINGS]
    cells = [
        _share(_caught(t) - _caught(t, "alone "), t["slips"] - t["alone"], asked) for t in totals
    ]
    return [title, *cells]


def _apart(slips: dict[str, Any], title: str, names: Iterable[str], asked: int) -> list[str]:
    totals = [_sum(slips[setting], names) for setting in SETTINGS]
    return [title, *(_share(_caught(t, "apart "), t["apart"], asked) for t in totals)]


def _named(slips: dict[str, Any]) -> list[str]:
    cells = []
    for setting in SETTINGS:
        total = _sum(slips[setting], slips[setting])
        named = total["first"] + total["among"]
        cells.append(_share(named, named + total["unnamed"]))
    return ["true cause named, of those searched", *cells]


def _table(results: dict[str, Any], slips: dict[str, Any]) -> str:
    clean = results["soundness"]
    errors = f"errors of sound rules in {clean['studies']:,} clean series"
    text = "compared with some other number"
    rows = [
        ["asked for", *SETTINGS],
        ["---", "---:", "---:", "---:"],
        [errors, str(clean["sound_errors"]), "", ""],
        _row(slips, "counts and percents, 95 % caught", _COUNTS, 95),
        _compared(slips, f"the same, of those that a rule {text}", _COUNTS, 95),
        _row(slips, "digits of ratios and their limits, 90 % caught", _RATIOS, 90),
        _apart(slips, "the same, where wrong and right do not round alike", _RATIOS, 90),
        _row(slips, "table value that the text states, 100 % caught", _STATED, 100),
        _row(slips, "digits of limits of survival (nothing asked for)", _LIMITS),
        _named(slips),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _sentences(results: dict[str, Any], slips: dict[str, Any]) -> str:
    rules = {row["rule"]: row for row in results["soundness"]["rules"]}
    ratios = rules["log-symmetry"]["evaluated"]
    parts = [
        f"{100 * rules[name]['suspect'] / rules[name]['evaluated']:.2f} by `{name}`"
        for name in _OF_A_RATIO
    ]
    always = 100 * (rules["log-symmetry"]["suspect"] + rules["log-symmetry"]["info"]) / ratios
    hazards = rules["survival-against-hazard-ratio"]
    sparse = _sum(slips["sparse"], _COUNTS)
    timing = results["timing"]
    lines = [
        f"False suspects for 100 clean ratios: {', '.join(parts)}. Making a suspect of every "
        f"uneven interval would cost {always:.1f}.",
        f"In sparse tables {sparse['alone']} of {sparse['slips']} slips in counts and percents "
        "are in a number that no rule can compare with another: nothing printed depends on it.",
        f"{100 * hazards['suspect'] / hazards['evaluated']:.0f} in 100 comparisons of two survival "
        "percents with their hazard ratio are suspects although they are right.",
        *(
            f"{row['studies']:,} series, {name}: {row['seconds']} s on one core, "
            f"{row['rules_seconds']} s of it for the rules; at its most "
            f"{row['peak_mb']} MB beyond the evidence, of which {row['kept_mb']} MB are findings."
            for name, row in timing.items()
            if name != "seed"
        ),
    ]
    return "\n".join(f"- {line}" for line in lines) + "\n"
