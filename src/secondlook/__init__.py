"""Comparative survival, looked at twice.

A review of published survival is a folder: its question, its evidence as printed, and a report
that is rebuilt from them. The names below are the public door; each is loaded on first use, so
that importing the package costs next to nothing.

Examples
--------
>>> import secondlook as sl
>>> review = sl.example("stage-iv-breast")
>>> result = sl.synthesis.pool([-0.5, -0.3, -0.4], [0.04, 0.05, 0.09])
>>> round(result.estimate, 4)
-0.4089
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secondlook import audit, errors, evidence, question, synthesis
    from secondlook.review import Review, example, new

__all__ = ["Review", "audit", "errors", "evidence", "example", "new", "question", "synthesis"]

_HOMES = {"Review": "review", "example": "review", "new": "review"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES.get(name)
    if home is None:
        return import_module(f"{__name__}.{name}")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
