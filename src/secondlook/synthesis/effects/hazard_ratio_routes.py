"""The routes from what one study prints to a log hazard ratio, in the order they are preferred.

:data:`HAZARD_RATIO_ROUTES` is the readable list. Direct routes, which use what an analysis of
survival printed of itself, come before those that take the information from the number of events,
and these before what a point of the curves implies: the order of Parmar, Torri and Stewart (Stat
Med 1998;17:2815-2834) and of Tierney and others (Trials 2007;8:16). They do not place a ratio with
its P value or two medians; here the one is the last of the direct routes and the other comes last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from secondlook.synthesis.effects.hazard_ratios import (
    log_hazard_ratio,
    log_hazard_ratio_from_observed_and_expected,
    log_hazard_ratio_from_observed_minus_expected,
    log_hazard_ratio_from_p_value,
)
from secondlook.synthesis.effects.implied_hazard_ratios import (
    log_hazard_ratio_from_medians,
    log_hazard_ratio_from_survival,
)
from secondlook.synthesis.effects.log_rank import (
    log_hazard_ratio_from_events,
    log_hazard_ratio_from_log_rank,
)
from secondlook.synthesis.effects.record import Effects
from secondlook.synthesis.effects.survival import (
    survival_from_numbers_at_risk,
    survival_proportion,
)
from secondlook.synthesis.effects.survival_intervals import (
    survival_from_interval,
    survival_from_standard_error,
)

__all__ = ["HAZARD_RATIO_FIELDS", "HAZARD_RATIO_ROUTES", "Printed"]


@dataclass(frozen=True, slots=True)
class Printed:
    """What one study prints: numbers and words by the names of :data:`HAZARD_RATIO_FIELDS`."""

    name: str
    numbers: Mapping[str, float]
    words: Mapping[str, str]

    def columns(self, *fields: str) -> list[list[float]] | None:
        """Give the fields as columns of one row, or None where one of them is not printed."""
        if all(field in self.numbers for field in fields):
            return [[self.numbers[field]] for field in fields]
        return None


HAZARD_RATIO_FIELDS: dict[str, str] = {
    "observed_minus_expected": "O - E of the treated arm in the log-rank test",
    "variance": "V of the log-rank test",
    "ratio": "hazard ratio, treated against control",
    "low": "lower limit of its interval",
    "high": "upper limit of its interval",
    "level": "level of the interval in percent; 95 when it is not given",
    "rounding": "at most how far ratio and limits are from exact",
    "p_value": "two-sided P value of the ratio",
    "p_value_test": "the test it is from; Wald when it is not given",
    "log_rank_p_value": "two-sided log-rank P value",
    "favours": "the arm with the better survival, treated or control",
    "events": "events in both arms together",
    "treated_events": "events in the treated arm",
    "control_events": "events in the control arm",
    "treated_expected": "events the log-rank test expected in the treated arm",
    "control_expected": "events the log-rank test expected in the control arm",
    "treated_n": "patients in the treated arm",
    "control_n": "patients in the control arm",
    "treated_survival": "proportion alive in the treated arm at one time",
    "control_survival": "proportion alive in the control arm at that time",
    "treated_survival_error": "standard error of treated_survival",
    "control_survival_error": "standard error of control_survival",
    "treated_survival_low": "lower limit of treated_survival",
    "treated_survival_high": "upper limit of treated_survival",
    "control_survival_low": "lower limit of control_survival",
    "control_survival_high": "upper limit of control_survival",
    "survival_interval": "how those intervals were made; log-log when it is not given",
    "survival_level": "their level in percent; 95 when it is not given",
    "treated_at_risk": "patients at risk in the treated arm at that time",
    "control_at_risk": "patients at risk in the control arm at that time",
    "treated_median": "median survival in the treated arm",
    "control_median": "median survival in the control arm",
}
"""What a study may print, by the name it is given under."""

_LEVEL = "An interval printed without its level is taken as a 95 % interval."
_EQUAL = "The arms are taken to be of equal size."
_BY_EVENTS = "The treated arm's share of the events stands for its share of the patients."


def _further(effects: Effects, *sentences: str) -> Effects:
    return replace(effects, assumptions=(*effects.assumptions, *sentences))


def _by_observed_minus_expected(printed: Printed) -> Effects | None:
    given = printed.columns("observed_minus_expected", "variance")
    if given is None:
        return None
    return log_hazard_ratio_from_observed_minus_expected(*given, names=[printed.name])


def _by_interval(printed: Printed) -> Effects | None:
    given = printed.columns("ratio", "low", "high")
    if given is None:
        return None
    effects = log_hazard_ratio(
        *given,
        level=printed.numbers.get("level", 95.0),
        rounding=printed.numbers.get("rounding"),
        names=[printed.name],
    )
    return effects if "level" in printed.numbers else _further(effects, _LEVEL)


def _by_observed_and_expected(printed: Printed) -> Effects | None:
    given = printed.columns(
        "treated_events", "treated_expected", "control_events", "control_expected"
    )
    if given is None:
        return None
    return log_hazard_ratio_from_observed_and_expected(*given, names=[printed.name])


def _by_p_value(printed: Printed) -> Effects | None:
    given, test = printed.columns("ratio", "p_value"), printed.words.get("p_value_test", "Wald")
    if given is None:
        given, test = printed.columns("ratio", "log_rank_p_value"), "log-rank"
    if given is None:
        return None
    return log_hazard_ratio_from_p_value(*given, test=test, names=[printed.name])


def _by_events(printed: Printed) -> Effects | None:
    ratio, (events, share, supposed) = printed.numbers.get("ratio"), _events(printed)
    if ratio is None or events is None:
        return None
    effects = log_hazard_ratio_from_events(
        [ratio], [events], treated_share=share, names=[printed.name]
    )
    return _further(effects, *supposed)


def _by_log_rank(printed: Printed) -> Effects | None:
    p_value, favours = printed.numbers.get("log_rank_p_value"), printed.words.get("favours")
    events, share, supposed = _events(printed)
    if p_value is None or favours is None or events is None:
        return None
    effects = log_hazard_ratio_from_log_rank(
        [p_value], [events], favours, treated_share=share, names=[printed.name]
    )
    return _further(effects, *supposed)


def _by_survival(printed: Printed) -> Effects | None:
    treated, control = (_arm(printed, arm) for arm in ("treated", "control"))
    if treated is None or control is None:
        return None
    return log_hazard_ratio_from_survival(treated, control)


def _by_medians(printed: Printed) -> Effects | None:
    for counted, size in (("events", "events"), ("patients", "n")):
        given = printed.columns(
            "treated_median", f"treated_{size}", "control_median", f"control_{size}"
        )
        if given is not None:
            return log_hazard_ratio_from_medians(*given, counted=counted, names=[printed.name])
    return None


def _events(printed: Printed) -> tuple[float | None, float, tuple[str, ...]]:
    """Give the events, the treated arm's share of the patients, and what was supposed of it."""
    patients = printed.columns("treated_n", "control_n")
    arms = printed.columns("treated_events", "control_events")
    both = None if arms is None else arms[0][0] + arms[1][0]
    events = printed.numbers.get("events", both)
    for sizes, supposed in ((patients, ()), (arms, (_BY_EVENTS,))):
        if sizes is not None and min(sizes[0][0], sizes[1][0]) > 0:
            return events, sizes[0][0] / (sizes[0][0] + sizes[1][0]), supposed
    return events, 0.5, (_EQUAL,)


def _arm(printed: Printed, arm: str) -> Effects | None:
    """Give one arm's survival by the best of what is printed of its uncertainty."""
    survival, names = f"{arm}_survival", [printed.name]
    given = printed.columns(survival, f"{survival}_error")
    if given is not None:
        return survival_from_standard_error(*given, scale="cloglog", names=names)
    given = printed.columns(survival, f"{survival}_low", f"{survival}_high")
    if given is not None:
        effects = survival_from_interval(
            *given,
            level=printed.numbers.get("survival_level", 95.0),
            interval=printed.words.get("survival_interval", "log-log"),
            scale="cloglog",
            names=names,
        )
        return effects if "survival_level" in printed.numbers else _further(effects, _LEVEL)
    given = printed.columns(survival, f"{arm}_at_risk")
    if given is not None:
        return survival_from_numbers_at_risk(*given, scale="cloglog", names=names)
    given = printed.columns(survival, f"{arm}_n")
    return None if given is None else survival_proportion(*given, scale="cloglog", names=names)


HAZARD_RATIO_ROUTES: dict[str, Callable[[Printed], Effects | None]] = {
    "O - E and V": _by_observed_minus_expected,
    "ratio and interval": _by_interval,
    "observed and expected by arm": _by_observed_and_expected,
    "ratio and P value": _by_p_value,
    "ratio and events": _by_events,
    "log-rank P value and events": _by_log_rank,
    "two survival rates": _by_survival,
    "two medians": _by_medians,
}
"""Every route by name, the preferred first; each gives None where its numbers are not printed."""
