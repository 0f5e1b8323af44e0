"""What a review found, counted: studies and patients by site and design."""

from __future__ import annotations

from dataclasses import dataclass

from secondlook.evidence import Evidence

__all__ = ["StudyCount", "count_studies"]


@dataclass(frozen=True, slots=True)
class StudyCount:
    """Studies of one site and design.

    Attributes
    ----------
    site, design
        As in ``studies.csv``; empty where not stated.
    studies
        Number of studies.
    patients
        Sum of their sizes, printed or added up from their arms; `without_size` studies have none.
    """

    site: str
    design: str
    studies: int
    patients: int
    without_size: int


def count_studies(evidence: Evidence) -> tuple[StudyCount, ...]:
    """Count the studies that have a site by site and design, in the order of the evidence.

    Patients of overlapping studies are counted in each of them.
    """
    groups: dict[tuple[str, str], list[int | None]] = {}
    for study in evidence.studies:
        if study.site:
            n = evidence.patients(study.key)
            groups.setdefault((study.site, study.design), []).append(n)
    return tuple(
        StudyCount(
            site,
            design,
            len(sizes),
            sum(n for n in sizes if n is not None),
            sum(n is None for n in sizes),
        )
        for (site, design), sizes in groups.items()
    )
