"""The results as the tables of ``README.md``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from validation.audit.summary import summary

__all__ = ["tables"]


def _table(headings: Iterable[str], rows: Iterable[Iterable[object]], left: int = 1) -> str:
    names = list(headings)
    rule = ["---"] * left + ["---:"] * (len(names) - left)
    lines = (names, rule, *rows)
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines) + "\n"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}" if whole else "–"


def _soundness(results: dict[str, Any]) -> str:
    levels = ("error", "suspect", "info")
    rows = [
        (
            row["rule"],
            row["class"],
            f"{row['evaluated']:,}",
            *(
                f"{100 * row[level] / row['evaluated']:.3f}" if row[level] else "0"
                for level in levels
            ),
            f"{row['not_evaluated']:,}",
        )
        for row in results["rules"]
    ]
    all_of = {
        name: sum(row[name] for row in results["rules"])
        for name in ("evaluated", "not_evaluated", *levels)
    }
    per_100 = (f"{100 * all_of[level] / all_of['evaluated']:.3f}" for level in levels)
    rows.append(("all", "", f"{all_of['evaluated']:,}", *per_100, f"{all_of['not_evaluated']:,}"))
    headings = (
        "rule",
        "class",
        "evaluated",
        "errors per 100",
        "suspects per 100",
        "infos per 100",
        "not evaluated",
    )
    return (
        f"\n## False alarms on {results['studies']:,} clean series\n\n"
        f"Errors of sound rules: **{results['sound_errors']}**. Seed {results['seed']}, "
        f"{results['seconds']} s.\n\n" + _table(headings, rows, 2)
    )


_OF_A_SLIP = (
    "slip",
    "made",
    "sound %",
    "soft %",
    "info only %",
    "unseen %",
    "caught %",
    "alone %",
    "caught % of others",
    "caught % if apart",
    "cause named %",
    "first %",
)


def _slips(setting: str, slips: dict[str, dict[str, int]]) -> str:
    rows = []
    for name, counts in slips.items():
        made, apart = counts.get("slips", 0), counts.get("apart", 0)
        if not made:
            rows.append((name, 0, *["–"] * 10))
            continue
        caught = counts.get("apart sound", 0) + counts.get("apart soft", 0)
        seen = counts.get("sound", 0) + counts.get("soft", 0)
        alone = counts.get("alone", 0)
        compared = seen - counts.get("alone sound", 0) - counts.get("alone soft", 0)
        named = counts.get("first", 0) + counts.get("among", 0)
        searched = named + counts.get("unnamed", 0)
        shares = (counts.get(level, 0) for level in ("sound", "soft", "info", "unseen"))
        rows.append(
            (
                name,
                made,
                *(_share(count, made) for count in shares),
                _share(seen, made),
                _share(alone, made),
                _share(compared, made - alone),
                f"{_share(caught, apart)} ({apart})",
                f"{_share(named, searched)} ({searched})",
                _share(counts.get("first", 0), searched),
            )
        )
    return f"\n### {setting[:1].upper()}{setting[1:]}\n\n" + _table(_OF_A_SLIP, rows)


def _timing(results: dict[str, Any]) -> str:
    columns = {
        "series": "studies",
        "findings": "findings",
        "seconds": "seconds",
        "of them rules": "rules_seconds",
        "fired": "fired",
        "with causes": "with_causes",
        "evidence MB": "evidence_mb",
        "peak MB beyond": "peak_mb",
        "kept MB": "kept_mb",
    }
    rows = []
    for name, row in results.items():
        if name != "seed":
            cells = (row[column] for column in columns.values())
            rows.append((name, *(f"{c:,}" if isinstance(c, int) else c for c in cells)))
    return "\n## Time on one core\n\n" + _table(["tables", *columns], rows)


def tables(results: dict[str, Any]) -> str:
    """Set every part that was measured."""
    parts = [summary(results)]
    if "soundness" in results:
        parts.append(_soundness(results["soundness"]))
    if "mutations" in results:
        found = results["mutations"]
        parts.append(
            f"\n## Slips\n\n{found['reviews']} reviews of 6 series each; seed {found['seed']}.\n"
        )
        parts += [_slips(setting, slips) for setting, slips in found["tables"].items()]
    if "timing" in results:
        parts.append(_timing(results["timing"]))
    return "".join(parts)
