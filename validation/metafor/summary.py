"""How many cases there are, and how far this package is from metafor, by topic; prints the README.

python validation/metafor/summary.py           # prints the table
python validation/metafor/summary.py --write   # and puts it into README.md
"""

from __future__ import annotations

import json
import math
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parent
START, END = "<!-- topics -->", "<!-- end of topics -->"

TOPICS = {
    "compare": "pooling: REML, DL, PM, common; four tests; leave-one-out",
    "estimators": "all estimators of tau², their standard errors, profile-likelihood intervals",
    "conventions": "what other programs choose; prediction and tau² intervals",
    "effects": "effect sizes by escalc and survival, and the way back",
    "regression": "moderators, tests, predictions, permutation tests, subgroups",
    "multilevel": "three-level and multivariate models, cluster-robust inference",
    "stratified": "Mantel-Haenszel and Peto",
    "count_models": "mixed models of counts",
    "influence": "influence, cumulative pooling, shrunken effects, subsets",
    "small_studies": "asymmetry, trim and fill, selection model, Henmi-Copas, fail-safe N",
    "bayesian": "normal-normal by quadrature, against independent integration in R",
}
"""Each topic by the script that compares it, and what it holds."""

PINNED = {
    "compare": ("reference",),
    "conventions": ("conventions", "conventions_meta"),
    "influence": ("influence", "cumulative"),
    "multilevel": ("multilevel", "multilevel_outcomes"),
    "regression": ("regression", "permutation"),
    "small_studies": ("small_studies", "small_studies_modelled"),
}
"""Topics whose numbers are in other files than one of their own name."""


class Topic(NamedTuple):
    """One topic: its cases, its data sets, its comparisons, and the largest discrepancy."""

    name: str
    cases: frozenset[str]
    data_sets: frozenset[str]
    compared: int
    typical: float
    largest: float
    where: str


def files(topic: str) -> tuple[Path, ...]:
    """Where the reference values of a topic are."""
    return tuple(FOLDER / f"{name}.json" for name in PINNED.get(topic, (topic,)))


def pinned(topic: str) -> dict[str, Any]:
    """Every case of a topic by its name."""
    cases: dict[str, Any] = {}
    for path in files(topic):
        content = json.loads(path.read_text(encoding="utf-8"))
        for part, found in content.items():
            if part != "made_with":
                cases = dict(_cases(found, part)) | cases
    return cases


def _cases(found: Any, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every record with a source, however deep it lies, or the records of a part without any."""
    if not isinstance(found, dict):
        return
    if "source" in found:
        yield name, found
        return
    inside = [case for key, value in found.items() for case in _cases(value, str(key))]
    if inside:
        yield from inside
    elif name not in ("cases", "models", "permutations", "subgroups"):
        yield name, found


def data_sets(cases: dict[str, Any]) -> frozenset[str]:
    """The data sets of metadat that the sources of cases name."""
    sources = " ".join(str(case.get("source", "")) for case in cases.values())
    return frozenset(name.rstrip(".") for name in re.findall(r"\bdat\.[a-z][\w.]*", sources))


def topics() -> Iterator[Topic]:
    """Compare everything, topic by topic."""
    for name in TOPICS:
        cases = pinned(name)
        found = list(runpy.run_path(str(FOLDER / f"{name}.py"))["discrepancies"]())
        sizes = sorted(one.size for one in found)
        worst = max(found, key=lambda one: one.size)
        where = f"{worst.quantity}, {worst.case}"
        typical = sizes[math.ceil(0.99 * len(sizes)) - 1]
        yield Topic(
            name, frozenset(cases), data_sets(cases), len(found), typical, worst.size, where
        )


def table() -> str:
    """Give the table of the README."""
    lines = [
        "| topic | cases | data sets | numbers compared | 99 % of them within | largest | at |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    cases, compared = 0, 0
    names: set[str] = set()
    for topic in topics():
        cases += len(topic.cases)
        names |= topic.data_sets
        compared += topic.compared
        lines.append(
            f"| {TOPICS[topic.name]} (`{topic.name}`) | {len(topic.cases)} "
            f"| {len(topic.data_sets)} | {topic.compared:,} | {topic.typical:.1e} "
            f"| {topic.largest:.1e} | {topic.where} |"
        )
    lines.append(f"| all | {cases} | {len(names)} | {compared:,} | | | |")
    return "\n".join(lines)


def main() -> None:
    """Print the table, and put it between its marks in the README when asked to."""
    written = table()
    print(written)
    if "--write" in sys.argv[1:]:
        readme = FOLDER / "README.md"
        text = readme.read_text(encoding="utf-8")
        before, _, rest = text.partition(START)
        _, _, after = rest.partition(END)
        readme.write_text(f"{before}{START}\n{written}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
