"""Every rule, in one readable list."""

from __future__ import annotations

from secondlook.audit import (
    copies,
    counts,
    curves,
    endpoint_order,
    heterogeneity,
    intervals,
    plausibility,
    ranges,
    ratio_limits,
    references,
    survival_times,
    text_and_table,
    two_by_two,
)
from secondlook.audit.rule import Rule

__all__ = ["RULES"]

RULES: tuple[Rule, ...] = (
    *counts.RULES,
    *survival_times.RULES,
    *endpoint_order.RULES,
    *intervals.RULES,
    *ratio_limits.RULES,
    *two_by_two.RULES,
    *text_and_table.RULES,
    *ranges.RULES,
    *references.RULES,
    *curves.RULES,
    *heterogeneity.RULES,
    *plausibility.RULES,
    *copies.RULES,
)
"""The rules in the order in which a report lists them."""
