"""From what papers print to an effect and its sampling variance.

Every function takes one value per row and gives an :class:`Effects`, whose ``yi`` and ``vi`` go
straight to :func:`~secondlook.synthesis.pool`, whose ``route`` says from which numbers they came
and whose ``assumptions`` say in words what had to be supposed. No number is corrected in silence: a
row a scale cannot hold is an error that names it.
"""

from secondlook.synthesis.effects.best_hazard_ratios import (
    RoutedHazardRatios,
    log_hazard_ratio_by_route,
)
from secondlook.synthesis.effects.hazard_ratio_routes import (
    HAZARD_RATIO_FIELDS,
    HAZARD_RATIO_ROUTES,
)
from secondlook.synthesis.effects.hazard_ratios import (
    RATIO_TESTS,
    log_hazard_ratio,
    log_hazard_ratio_from_observed_and_expected,
    log_hazard_ratio_from_observed_minus_expected,
    log_hazard_ratio_from_p_value,
)
from secondlook.synthesis.effects.implied_hazard_ratios import (
    implied_log_hazard_ratio,
    log_hazard_ratio_from_medians,
    log_hazard_ratio_from_survival,
)
from secondlook.synthesis.effects.log_rank import (
    log_hazard_ratio_from_events,
    log_hazard_ratio_from_log_rank,
)
from secondlook.synthesis.effects.median_survival import (
    median_survival,
    median_survival_from_interval,
)
from secondlook.synthesis.effects.proportions import PROPORTION_VARIANCES, proportion
from secondlook.synthesis.effects.rates import (
    incidence_rate,
    log_rate_ratio,
    rate_difference,
    square_root_rate_difference,
)
from secondlook.synthesis.effects.record import Effects
from secondlook.synthesis.effects.survival import (
    survival_difference,
    survival_from_censored_numbers,
    survival_from_numbers_at_risk,
    survival_proportion,
)
from secondlook.synthesis.effects.survival_intervals import (
    INTERVAL_TYPES,
    survival_from_interval,
    survival_from_standard_error,
)
from secondlook.synthesis.effects.two_arms import (
    arcsine_difference,
    log_odds_ratio,
    log_risk_ratio,
    peto_log_odds_ratio,
    risk_difference,
)

__all__ = [
    "HAZARD_RATIO_FIELDS",
    "HAZARD_RATIO_ROUTES",
    "INTERVAL_TYPES",
    "PROPORTION_VARIANCES",
    "RATIO_TESTS",
    "Effects",
    "RoutedHazardRatios",
    "arcsine_difference",
    "implied_log_hazard_ratio",
    "incidence_rate",
    "log_hazard_ratio",
    "log_hazard_ratio_by_route",
    "log_hazard_ratio_from_events",
    "log_hazard_ratio_from_log_rank",
    "log_hazard_ratio_from_medians",
    "log_hazard_ratio_from_observed_and_expected",
    "log_hazard_ratio_from_observed_minus_expected",
    "log_hazard_ratio_from_p_value",
    "log_hazard_ratio_from_survival",
    "log_odds_ratio",
    "log_rate_ratio",
    "log_risk_ratio",
    "median_survival",
    "median_survival_from_interval",
    "peto_log_odds_ratio",
    "proportion",
    "rate_difference",
    "risk_difference",
    "square_root_rate_difference",
    "survival_difference",
    "survival_from_censored_numbers",
    "survival_from_interval",
    "survival_from_numbers_at_risk",
    "survival_from_standard_error",
    "survival_proportion",
]
