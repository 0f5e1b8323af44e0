"""Every rule, in one readable list."""

from __future__ import annotations

from secondlook.audit import (
    counts,
    curves,
    endpoint_order,
    heterogeneity,
    intervals,
    plausibility,
    references,
    survival_times,
    text_and_table,
)
from secondlook.audit.rule import Rule

__all__ = ["RULES"]

RULES: tuple[Rule, ...] = (
    *counts.RULES,
    *survival_times.RULES,
    *endpoint_order.RULES,
    *intervals.RULES,
    *text_and_table.RULES,
    *references.RULES,
    *curves.RULES,
    *heterogeneity.RULES,
    *plausibility.RULES,
)
"""The rules in the order in which a report lists them."""
