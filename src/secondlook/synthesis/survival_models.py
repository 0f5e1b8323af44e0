"""One set of survival percents by several models, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from secondlook.synthesis.back_transform import inverse
from secondlook.synthesis.count_models import pool_proportions
from secondlook.synthesis.effects import survival_proportion
from secondlook.synthesis.measures import Interval
from secondlook.synthesis.pooling import pool

__all__ = ["ModelPool", "pool_by_model"]

_SCALES = {"logit": "normal, on the logit", "cloglog": "normal, on the complementary log-log"}


@dataclass(frozen=True, slots=True)
class ModelPool:
    """What one model makes of the percents.

    Attributes
    ----------
    model
        In words.
    k
        Studies it could use.
    shown, prediction
        Percent of the typical study with its interval, and where that of a new study is expected.
    tau
        Between-study standard deviation on the scale of the model; None for one study.
    note
        What it supposes.
    """

    model: str
    k: int
    shown: Interval
    prediction: tuple[float, float] | None
    tau: float | None
    note: str

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return asdict(self)


def pool_by_model(
    survival: Sequence[float], n: Sequence[float], names: Sequence[str]
) -> tuple[ModelPool, ...]:
    """Pool survival percents by the binomial-normal model and on two scales.

    Parameters
    ----------
    survival
        Proportions without the event, strictly between 0 and 1 for the normal models, shape (k,).
    n
        Patients, shape (k,).
    names
        What the studies are called.

    Returns
    -------
    tuple of ModelPool
        The binomial-normal model first; the others where no percent is 0 or 100.

    Raises
    ------
    EstimationError
        For a proportion outside 0 to 1 or a number of patients that is not positive, naming each.

    Notes
    -----
    Stijnen, Hamza and Ozdemir, Stat Med 2010;29:3046-3067. The binomial model takes n times the
    survival, rounded to a whole patient, as if it had been counted: a Kaplan-Meier rate is not a
    count, and it says nothing of who was censored.

    Examples
    --------
    >>> pools = pool_by_model([0.18, 0.37, 0.46, 0.22], [34, 85, 21, 17], ["A", "B", "C", "D"])
    >>> [one.k for one in pools]
    [4, 4, 4]
    """
    alive = [float(round(s * size)) for s, size in zip(survival, n, strict=True)]
    counted = pool_proportions(alive, n, names=names)
    found = [
        ModelPool(
            "binomial-normal (GLMM)",
            counted.k,
            _percent(counted.typical, counted.typical_interval),
            _ends(counted.typical_prediction_interval),
            None if counted.tau2 is None else counted.tau2**0.5,
            "patients alive are taken as counted, rounded to whole patients",
        )
    ]
    if not all(0 < s < 1 for s in survival):
        return tuple(found)  # 0 and 100 % have no finite logit
    for scale, words in _SCALES.items():
        effects = survival_proportion(survival, n, scale=scale, names=names)
        pooled = pool(effects.yi, effects.vi, names=names)
        back = inverse(effects.measure)
        low, high = (float(back(end)) for end in pooled.interval)
        beyond = pooled.prediction_interval
        found.append(
            ModelPool(
                words,
                pooled.k,
                _percent(float(back(pooled.estimate)), (low, high)),
                None if beyond is None else _ends((float(back(beyond[0])), float(back(beyond[1])))),
                None if pooled.tau2 is None else pooled.tau2**0.5,
                "normal within studies, REML, Hartung-Knapp",
            )
        )
    return tuple(found)


def _percent(estimate: float, interval: tuple[float, float]) -> Interval:
    low, high = sorted(interval)
    return Interval(100 * estimate, 100 * low, 100 * high)


def _ends(interval: tuple[float, float] | None) -> tuple[float, float] | None:
    if interval is None:
        return None
    low, high = sorted(interval)
    return 100 * low, 100 * high
