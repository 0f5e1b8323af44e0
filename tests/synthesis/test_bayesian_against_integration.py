"""Bayesian pooling, held against independent integration in R (validation/metafor/bayesian.R)."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "validation" / "metafor"


def test_posteriors_agree_with_independent_integration_to_nine_digits() -> None:
    compared: dict[str, Any] = runpy.run_path(str(FOLDER / "bayesian.py"))
    found = list(compared["discrepancies"]())
    assert len(found) > 2000
    assert len({one.case for one in found}) >= 13
    assert [one for one in found if not one.size <= 1e-9] == []
