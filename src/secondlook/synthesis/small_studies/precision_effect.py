"""The effect of a study of boundless precision: PET, PEESE, and the choice between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import written
from secondlook.synthesis.regression import Coefficient
from secondlook.synthesis.regression.coefficients import is_share
from secondlook.synthesis.result import decimals, p_text, range_text
from secondlook.synthesis.small_studies.egger import egger_test
from secondlook.synthesis.small_studies.reading import (
    NOT_PROOF,
    about_few,
    about_omitted,
    sections,
)

if TYPE_CHECKING:
    import polars

__all__ = ["PrecisionEffect", "pet_peese"]

_CAVEATS = (
    "PET-PEESE extrapolates beyond the largest study. It does badly with few studies, with studies "
    "much alike in size, and with more than slight heterogeneity, where it can miss the effect by "
    "more than the plain mean does.",
)


@dataclass(frozen=True, slots=True)
class PrecisionEffect:
    """The effect in the limit of boundless precision, extrapolated in two ways.

    Parameters
    ----------
    estimate
        The one chosen: of ``pet`` or of ``peese``.
    chosen
        ``"PET"`` or ``"PEESE"``.
    pet, peese
        Limits of the regressions on the standard error and on the sampling variance.
    pet_slope, peese_slope
        Their slopes; that of PET is Egger's test.
    alpha
        The two-sided P value of PET below which PEESE is chosen.
    k, names, omitted, level, conventions, warnings
        As in :class:`.Pooled`.
    """

    estimate: Coefficient
    chosen: str
    pet: Coefficient
    peese: Coefficient
    pet_slope: Coefficient
    peese_slope: Coefficient
    alpha: float
    k: int
    names: tuple[str, ...]
    omitted: tuple[str, ...]
    level: float
    conventions: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Give every field as plain JSON types."""
        plain = asdict(self)
        for part in ("estimate", "pet", "peese", "pet_slope", "peese_slope"):
            plain[part]["interval"] = list(plain[part]["interval"])
        return {key: list(v) if isinstance(v, tuple) else v for key, v in plain.items()}

    def to_frame(self) -> polars.DataFrame:
        """Give one row each for PET and PEESE."""
        import polars as pl

        rows = []
        for name, part in (("PET", self.pet), ("PEESE", self.peese)):
            row = asdict(part) | {"name": name, "chosen": name == self.chosen}
            row["low"], row["high"] = row.pop("interval")
            rows.append(row)
        return pl.DataFrame(rows)

    def __str__(self) -> str:
        percent = f"{100 * self.level:g} % interval"
        lines = [f"PET-PEESE: {self.k} studies, {self.chosen} chosen", ""]
        for name, part in (("PET", self.pet), ("PEESE", self.peese)):
            test = "" if part.p_value is None else f"   {p_text(part.p_value)}"
            lines.append(
                f"  {name:<6} {decimals(part.estimate):>9}   {percent} "
                f"{range_text(part.interval)}{test}"
            )
        return sections(lines, self.conventions, self.warnings)


def pet_peese(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    alpha: float = 0.10,
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> PrecisionEffect:
    """Extrapolate effects to a study of boundless precision.

    What is estimated is the intercept of a weighted linear regression of effects on their standard
    errors (PET, precision-effect test), or on their variances (PEESE, precision-effect estimate
    with standard errors). PET is less biased where there is no effect, PEESE where there is one, so
    that PEESE is taken where PET differs from 0.

    Parameters
    ----------
    yi, vi
        Effects and their sampling variances, shape (k,); a study with a NaN is left out.
    alpha
        PEESE is chosen where the two-sided P value of PET is below it.
    level
        Coverage of the intervals, between 0 and 1.
    names
        What the studies are called.

    Raises
    ------
    EstimationError
        As :func:`egger_test` does, and for an alpha that is not between 0 and 1.

    Notes
    -----
    Stanley and Doucouliagos, Res Synth Methods 2014;5:60-78; Stanley, Soc Psychol Personal Sci
    2017;8:581-591, on when not to use it. The interval takes no account of the choice. For log
    ratios and standardised differences effects and standard errors are related without any
    selection, which the regression takes for a small-study effect.

    Examples
    --------
    >>> found = pet_peese([-0.1, -0.3, -0.2, -0.8, -1.1], [0.01, 0.02, 0.04, 0.2, 0.3])
    >>> found.chosen, round(found.pet.estimate, 3), round(found.peese.estimate, 3)
    ('PET', 0.08, -0.113)
    """
    if not is_share(alpha):
        rule, remedy = "is not a number between 0 and 1", "write 0.10 for 10 %"
        raise EstimationError(Problem("pet_peese, alpha", written(alpha), rule, remedy))
    pet = egger_test(yi, vi, level=level, names=names)
    peese = egger_test(yi, vi, predictor="variance", level=level, names=names)
    limits = (pet.limit, peese.limit)
    # both predictors vanish, so that both limits are there
    first, second = (limit for limit in limits if limit is not None)
    p_value = first.p_value
    differs = first.estimate != 0 if p_value is None else p_value < alpha
    return PrecisionEffect(
        estimate=second if differs else first,
        chosen="PEESE" if differs else "PET",
        pet=first,
        peese=second,
        pet_slope=pet.asymmetry,
        peese_slope=peese.asymmetry,
        alpha=float(alpha),
        k=pet.k,
        names=pet.names,
        omitted=pet.omitted,
        level=pet.level,
        conventions=(
            f"PEESE is chosen where PET differs from 0 with two-sided P below {alpha:g}.",
            "Sampling variances are multiplied by a common dispersion; tests and intervals: t with "
            f"{pet.k - 2} degrees of freedom.",
        ),
        warnings=(*_CAVEATS, NOT_PROOF, *about_few(pet.k), *about_omitted(pet.omitted)),
    )
