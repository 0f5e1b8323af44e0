"""Whole files, put in place in one step, and numbers as JSON can hold them."""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["finite", "replace_bytes"]


def replace_bytes(path: Path, content: bytes) -> Path:
    """Put bytes in the place of a file in one step, so that no reader sees half of them.

    They are written beside it and renamed into its place: an interruption leaves the file as it
    was. The folder is made when it is not there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(beside).chmod(0o644)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    return path


def finite(value: Any) -> Any:
    """Replace what JSON cannot hold: an unbounded limit becomes the word for it."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("infinity" if value > 0 else "-infinity")
    return value
