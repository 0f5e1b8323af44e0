"""Prognostic factors as tables: counted, put together, and the traits of those who lived longer."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from secondlook.evidence import Evidence
from secondlook.report.contents import Contents
from secondlook.report.numerals import interval_text, p_text
from secondlook.report.prose import factor_sentence
from secondlook.report.tables import text_rows
from secondlook.synthesis import FactorVotes, combine_p_values, profile

__all__ = ["factor_numbers_frame", "factors_frame", "profile_frame", "statements_frame"]


def factors_frame(contents: Contents) -> pl.DataFrame:
    """One row for each prognostic factor at each site."""
    return text_rows(
        {
            "Site": group.site,
            "Factor": group.name,
            "Longer with": group.favourable or "not stated",
            "Studies × analyses": f"{len(group.votes)}",
            "Found": factor_sentence(group),
            "Studies": ", ".join(dict.fromkeys(vote.study.label for vote in group.votes)),
        }
        for group in contents.votes
    )


def statements_frame(evidence: Evidence) -> pl.DataFrame:
    """One row for each prognostic statement, with where it stands."""
    return text_rows(
        {
            "Study": evidence.study(factor.study).label
            + ("" if factor.cohort == "all" else f", {factor.cohort}"),
            "Factor": factor.factor,
            "Level": factor.level
            + (f" against {factor.reference_level}" if factor.reference_level else ""),
            "Survival": factor.direction,
            "Endpoint": factor.endpoint,
            "Analysis": factor.analysis,
            "P": factor.p.printed,
            "Remarks": "; ".join(
                ["cited jointly"] * (factor.attribution == "joint")
                + [factor.note] * bool(factor.note)
            ),
            "Seen in": ", ".join(p for p in (factor.source.place, factor.source.row) if p),
        }
        for factor in evidence.factors
    )


def profile_frame(votes: Sequence[FactorVotes]) -> pl.DataFrame:
    """One row for each trait of the patients in whom longer survival was reported."""
    return text_rows(
        {
            "Site": entry.site,
            "Longer survival reported with": f"{entry.factor}: {entry.trait}",
            "By": ", ".join(entry.supporting) or "–",
            "Controlled for others": ", ".join(entry.multivariable) or "–",
            "No association": ", ".join(entry.without) or "–",
            "Opposite": ", ".join(entry.opposing) or "–",
            "Possibly (cited jointly)": ", ".join(entry.joint) or "–",
            "Where": "; ".join(entry.sources) or "–",
        }
        for entry in profile(votes)
    )


def factor_numbers_frame(contents: Contents) -> pl.DataFrame:
    """One row for each factor about which numbers could be put together."""
    rows = [
        {
            "Site": effect.site,
            "Factor": f"{effect.factor}: {effect.level} / {effect.reference_level or 'other'}",
            "Studies": ", ".join(effect.pooled.names),
            "Result": f"hazard ratio {interval_text(effect.shown)}"
            + (f", {effect.analysis}" if effect.analysis else ""),
            "Note": "Reported where found to matter: too far from 1, as a rule.",
        }
        for effect in contents.factor_effects
    ]
    for combined in filter(None, map(combine_p_values, contents.votes)):
        rows.append(
            {
                "Site": combined.site,
                "Factor": f"{combined.factor}: {combined.favourable}",
                "Studies": ", ".join(combined.studies),
                "Result": f"P values combined (Stouffer): z = {combined.statistic:.2f}, "
                f"{p_text(combined.p_value)}",
                "Note": " ".join(combined.conventions)
                + (f" Without a number: {', '.join(combined.silent)}." if combined.silent else ""),
            }
        )
    return text_rows(rows)
