"""Hold the distribution-free summary curve against what metaSurvival prints for its own example.

The example's data belong to that package and are not kept here. With R and metaSurvival 0.1.0:

    Rscript -e 'write.csv(metaSurvival::exampleData, "example.csv", row.names = FALSE)'
    python -m validation.curve_synthesis.against_metasurvival example.csv

The numbers below are those its documentation shows for the call with a correction of 1/4 and 1/2
and Greenwood limits. Its limits of median and mean are drawn at random and not compared.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from pathlib import Path

from secondlook.synthesis.curve_synthesis import (
    CurveObservation,
    CurveSummary,
    SummaryEstimate,
    summary_curve,
)

# time, survival, low, high
FIXED = (
    (1, 0.94497450, 0.93455418, 0.95551100),
    (6, 0.52144090, 0.49844475, 0.54549799),
    (12, 0.32461488, 0.30222075, 0.34866838),
    (24, 0.16086195, 0.14062988, 0.18400476),
    (48, 0.06295069, 0.04180072, 0.09480195),
)
RANDOM = (
    (1, 0.93524921, 0.90753843, 0.96380610),
    (6, 0.44916320, 0.37511275, 0.53783184),
    (12, 0.24431166, 0.18426527, 0.32392532),
    (24, 0.09822802, 0.06593733, 0.14633204),
    (48, 0.03516081, 0.01850465, 0.06680927),
)
MEDIANS_AND_MEANS = {"fixed": (6.571189, 12.06584), "random": (5.375810, 9.554813)}
Q = 731.217128


def read(path: Path) -> list[CurveSummary]:
    """Read the exported example; a row's number at risk is that at the start of its interval."""
    rows: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            numbers = (float(row[name]) for name in ("Time", "Survival", "NbRisk"))
            rows[row["Study"]].append(tuple(numbers))  # type: ignore[arg-type]
    found = []
    for study, points in rows.items():
        points.sort()
        later = [at_risk for _, _, at_risk in points[1:]]
        rates = [
            CurveObservation.rate(time, survival, at_risk=at_risk)
            for (time, survival, _), at_risk in zip(points, [*later, None], strict=True)
        ]
        found.append(CurveSummary(study, points[0][2], tuple(rates)))
    return found


def largest(name: str, ours: SummaryEstimate, times: tuple[float, ...]) -> float:
    """Largest difference from the printed survival and limits."""
    return max(
        abs(value - printed)
        for time, *row in (FIXED if name == "fixed" else RANDOM)
        for i in [times.index(time)]
        for value, printed in zip((ours.survival[i], ours.low[i], ours.high[i]), row, strict=True)
    )


def main() -> None:
    """Print how far apart the two are."""
    # they multiply by 1.96
    ours = summary_curve(read(Path(sys.argv[1])), level=0.950004209703559)
    for name, estimate in (("fixed", ours.fixed), ("random", ours.random)):
        median, mean = MEDIANS_AND_MEANS[name]
        print(
            f"{name}: survival and limits within {largest(name, estimate, ours.times):.1e}, "
            f"median {abs((estimate.median or 0) - median):.1e}, "
            f"mean {abs(estimate.restricted_mean - mean):.1e}"
        )
    print(f"Q: {abs(ours.q - Q):.1e}")


if __name__ == "__main__":
    main()
