"""Measure the auditor: false alarms, slips caught, causes named, speed.

    python -m validation.audit.run
    python -m validation.audit.run soundness --studies 2000
    python -m validation.audit.run readme

Everything is drawn from one seed. Results go into ``results.json`` beside this file, and everything
they say into ``README.md``; ``readme`` only writes that again.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from validation.audit.mutations import mutations
from validation.audit.readme import tables
from validation.audit.soundness import soundness
from validation.audit.timing import timing

__all__ = ["main"]

SEED = 20261123
HERE = Path(__file__).parent
MARK = "<!-- below this line everything is written by run.py -->\n"


def main() -> None:
    """Run the parts that are asked for, and keep the results of the others."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts = ("soundness", "mutations", "timing", "readme")
    parser.add_argument("part", nargs="?", choices=parts, help="one part only")
    parser.add_argument("--studies", type=int, default=100_000, help="series for soundness")
    parser.add_argument("--reviews", type=int, default=120, help="reviews for slips")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    results: dict[str, Any] = {}
    if chosen.part in (None, "soundness"):
        results["soundness"] = soundness(seed=SEED, studies=chosen.studies, workers=chosen.workers)
    if chosen.part in (None, "mutations"):
        results["mutations"] = mutations(seed=SEED, reviews=chosen.reviews, workers=chosen.workers)
    if chosen.part in (None, "timing"):
        results["timing"] = timing(seed=SEED, studies=10_000)
    path, readme = HERE / "results.json", HERE / "README.md"
    kept: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    kept |= results
    path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    words = readme.read_text("utf-8").partition(MARK)[0]
    readme.write_text(words + MARK + tables(kept), encoding="utf-8")


if __name__ == "__main__":
    main()
