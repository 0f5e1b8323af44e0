"""How long an audit takes, causes included, on one core, and what memory it asks for."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from time import process_time
from typing import Any

import numpy as np
from validation.audit.series import Detail
from validation.audit.simulate import REVIEW, simulate
from validation.audit.slips import Case, slipped

from secondlook.audit import RULES, audit
from secondlook.audit.block import Block, Whole, blocks
from secondlook.evidence import Evidence, Finding, Reported

__all__ = ["timing"]

STUDIES = 20
WRONG = "count: one digit"
"""The slip made in one series in twenty, so that causes are searched for."""


def _evidence(seed: int, studies: int, detail: Detail) -> Evidence:
    """Give one body of evidence of many reviews, one series of each with a wrong digit."""
    parts: list[Evidence] = []
    for number in range(studies // STUDIES):
        random = np.random.default_rng([seed, 2, number])
        review = simulate(random, studies=STUDIES, detail=detail, text=0.27)
        findings = list(review.evidence.findings)
        made = slipped(WRONG, Case(review, "study1", random))
        for index, finding in (made[0] if made else {}).items():
            findings[index] = finding
        parts.append(_named(review.evidence, findings, number))
    return Evidence(
        tuple(study for part in parts for study in part.studies),
        tuple(cohort for part in parts for cohort in part.cohorts),
        tuple(finding for part in parts for finding in part.findings),
        references=tuple(entry for part in parts for entry in part.references),
    )


def _named(evidence: Evidence, findings: list[Finding], place: int) -> Evidence:
    """Give the studies, authors, references and documents of a review names of their own."""
    prefix = f"{place}-"
    letters = "".join(chr(97 + place // 26**k % 26) for k in range(3)).capitalize()

    def number(printed: str) -> str:
        return str(int(printed) + place * 100) if printed else ""

    def moved(finding: Finding) -> Finding:
        source = replace(finding.source, document=prefix + REVIEW)
        if source.column:
            name, _, cited = source.row.partition(" et al. [")
            row = f"{letters}{name.casefold()} et al. [{number(cited[:-1])}]"
            source = replace(source, row=row)
        if finding.statistic == "citation_span":
            low, high = (Reported(number(end.printed)) for end in (finding.low, finding.high))
            finding = replace(finding, low=low, high=high)
        return replace(finding, study=prefix + finding.study, source=source)

    return Evidence(
        tuple(
            replace(study, key=prefix + study.key, reference=number(study.reference))
            for study in evidence.studies
        ),
        tuple(
            replace(
                cohort,
                study=prefix + cohort.study,
                overlaps=tuple(prefix + name for name in cohort.overlaps),
            )
            for cohort in evidence.cohorts
        ),
        tuple(moved(finding) for finding in findings),
        references=tuple(
            replace(
                entry,
                number=number(entry.number),
                first_author=letters + entry.first_author.casefold(),
            )
            for entry in evidence.references
        ),
    )


def timing(*, seed: int, studies: int) -> dict[str, Any]:
    """Audit this many series of sparse tables, and a hundredth as many of complete ones."""
    results: dict[str, Any] = {"seed": seed}
    sizes: tuple[tuple[str, Detail, int], ...] = (
        ("sparse, a tenth", "sparse", studies // 10),
        ("sparse", "sparse", studies),
        ("complete, a hundredth", "complete", studies // 100),
    )
    for name, detail, number in sizes:
        evidence = _evidence(seed, number, detail)
        start = process_time()
        places: Iterator[Block | Whole] = chain(blocks(evidence), [Whole(evidence, None)])
        for _ in (verdict for at in places for rule in RULES for verdict in rule.look(at)):
            pass
        ruled = process_time()
        report = audit(evidence)
        results[name] = {
            "studies": number,
            "findings": len(evidence.findings),
            "seconds": round(process_time() - ruled, 1),
            "rules_seconds": round(ruled - start, 1),
            "fired": len(report.discrepancies),
            "with_causes": sum(bool(found.search.causes) for found in report.discrepancies),
            **_memory(seed, number, detail),
        }
        print(f"timing, {name}: {results[name]}")
    return results


def _memory(seed: int, number: int, detail: Detail) -> dict[str, float]:
    """Give what the evidence takes, what an audit asks for beyond it, and what it keeps."""
    tracemalloc.start()
    evidence = _evidence(seed, number, detail)
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    report = audit(evidence)
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del report
    taken = {"evidence_mb": before, "peak_mb": peak - before, "kept_mb": after - before}
    return {name: round(size / 2**20, 1) for name, size in taken.items()}
