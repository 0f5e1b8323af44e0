"""Measure how much of what it claims to read is read, and how much of what it reads is right.

    python validation/free_text/measure.py
    python validation/free_text/measure.py --paper FILE

The first holds the reading against ``gold.json``: sentences written for this purpose and labelled
by hand. The second holds it against the findings of the bundled review that were transcribed from
the running text of Pockaj and others 2010, given the text of that paper.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import secondlook as sl
from secondlook.evidence import Finding
from secondlook.evidence.free_text import KINDS, article_text, read_text, to_findings

__all__ = ["gold", "score"]

HERE = Path(__file__).parent
Label = tuple[str, tuple[tuple[str, str], ...], tuple[float, ...]]


def gold() -> list[tuple[str, Counter[Label]]]:
    """Every passage and the statements it prints."""
    passages: list[dict[str, Any]] = json.loads((HERE / "gold.json").read_text(encoding="utf-8"))
    return [
        (
            passage["text"],
            Counter(
                (
                    entry["kind"],
                    tuple(sorted(entry["numbers"].items())),
                    tuple(map(float, entry.get("months", ()))),
                )
                for entry in passage["statements"]
            ),
        )
        for passage in passages
    ]


def read(text: str) -> Counter[Label]:
    """What the reader makes of a passage, in the form of a label."""
    return Counter(
        (
            statement.kind,
            tuple(sorted((role, number.printed) for role, number in statement.numbers.items())),
            tuple(map(float, statement.months)),
        )
        for statement in read_text(text).statements
    )


def score() -> Iterator[tuple[str, int, int, int]]:
    """For each kind: how many are printed, how many of them were read, how many were read in all.

    A statement counts as read only when its kind, every number in its role and its times are all
    right; anything else read there is a false reading, however near.
    """
    printed: Counter[str] = Counter()
    right: Counter[str] = Counter()
    made: Counter[str] = Counter()
    for text, labels in gold():
        found = read(text)
        for counts, labelled in ((printed, labels), (made, found), (right, labels & found)):
            counts.update(label[0] for label in labelled.elements())
    for kind in KINDS:
        yield kind, printed[kind], right[kind], made[kind]


def of_the_paper(path: Path) -> Iterator[tuple[str, int, int]]:
    """For each statistic: findings transcribed from the text, and how many were found in it."""
    findings = to_findings(read_text(article_text(path)).statements)
    found = Counter(_key(finding) for finding in findings)
    # a count with its percent is one statement here, and two findings in the review
    found.update(
        ("count", "", finding.events.printed, "", "", "")
        for finding in findings
        if finding.events.printed
    )
    wanted: dict[str, Counter[tuple[str, ...]]] = {}
    seen: set[tuple[str, ...]] = set()
    for finding in sl.example("stage-iv-breast").evidence.findings:
        place = (*_key(finding), finding.source.place, finding.source.row, finding.source.cell)
        # one printed number that is cited to two studies is transcribed twice
        shared = "printed once" in finding.note and place in seen
        seen.add(place)
        if finding.source.place.startswith("text") and not shared:
            wanted.setdefault(finding.statistic, Counter())[_key(finding)] += 1
    for statistic, keys in sorted(wanted.items()):
        yield statistic, keys.total(), (keys & found).total()


def _key(finding: Finding) -> tuple[str, ...]:
    numbers = (finding.value, finding.low, finding.high, finding.events)
    months = "" if finding.months is None else f"{float(finding.months):g}"
    return (finding.statistic, months, *(number.printed for number in numbers))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--paper", type=Path, help="the text of Pockaj and others 2010")
    paper: Path | None = parser.parse_args().paper
    print("| kind | printed | read rightly | recall | read in all | precision |")
    print("|---|---:|---:|---:|---:|---:|")
    rows = list(score())
    printed, right, made = (sum(column) for column in zip(*(row[1:] for row in rows), strict=True))
    for kind, all_printed, all_right, all_made in [*rows, ("all", printed, right, made)]:
        recall, precision = all_right / max(all_printed, 1), all_right / max(all_made, 1)
        counts = f"{all_printed} | {all_right} | {recall:.3f} | {all_made} | {precision:.3f}"
        print(f"| {kind} | {counts} |")
    if paper is not None:
        print("\n| statistic | transcribed from the text | found | recall |\n|---|---:|---:|---:|")
        for statistic, wanted, found in of_the_paper(paper):
            print(f"| {statistic} | {wanted} | {found} | {found / wanted:.3f} |")


if __name__ == "__main__":
    main()
