"""Order of endpoints, and of wholes and parts; expected values are worked by hand."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from numpy.typing import NDArray

import secondlook as sl
from secondlook.audit.block import blocks
from secondlook.audit.endpoint_order import RULES
from secondlook.audit.verdict import Outcome, Severity, Verdict
from secondlook.evidence import ENTIRE, Cohort, Evidence, Finding, Reported, Source, Study

SPLIT = (Cohort("s", "a", split="arm"), Cohort("s", "b", split="arm"))
TWO_ARMS = {"a": ("100", "20"), "b": ("300", "40")}  # their mean is 35 %


def finding(
    statistic: str, value: str, cohort: str = ENTIRE, months: str | None = None, end: str = "OS"
) -> Finding:
    return Finding(
        study="s",
        cohort=cohort,
        endpoint=end,
        statistic=statistic,
        months=None if months is None else Decimal(months),
        value=Reported(value),
        source=Source("review", "Table 1"),
    )


def size(value: str, cohort: str = ENTIRE) -> Finding:
    return finding("count", value, cohort, end="patients")


def rate(value: str, cohort: str = ENTIRE, months: str = "36", end: str = "OS") -> Finding:
    return finding("survival", value, cohort, months, end)


def arms(overall: str, total: str = "400", **groups: tuple[str, str]) -> list[Finding]:
    found = [size(total), rate(overall)]
    for name, (number, percent) in (groups or TWO_ARMS).items():
        found += [size(number, name), rate(percent, name)]
    return found


def verdicts(rule: str, findings: list[Finding], cohorts: tuple[Cohort, ...] = ()) -> list[Verdict]:
    card = next(card for card in RULES if card.id == rule)
    evidence = Evidence(studies=(Study("s"),), cohorts=cohorts, findings=tuple(findings))
    return list(card.look(next(blocks(evidence))))


def outcome(
    rule: str, findings: list[Finding], cohorts: tuple[Cohort, ...] = ()
) -> tuple[Outcome, Severity | None]:
    (verdict,) = verdicts(rule, findings, cohorts)
    return verdict.outcome, verdict.severity


PASSED = (Outcome.PASSED, None)
SUSPECT = (Outcome.FIRED, Severity.SUSPECT)
INFO = (Outcome.FIRED, Severity.INFO)


@pytest.mark.parametrize(
    ("patients", "lower", "upper", "expected"),
    [
        ("47", "43", "32", SUSPECT),
        ("47", "33", "32", PASSED),  # 32.5 both
        ("47", "34", "32", INFO),  # one month at least, and no more is certain
        ("200", "33.9", "32", SUSPECT),  # 33.85 - 32.5
        ("14", "43", "32", INFO),
        ("about 50", "43", "32", INFO),
        ("47", "about 43", "32", PASSED),
        ("47", ">43", "32", SUSPECT),
        ("47", "20", "38", PASSED),
    ],
)
def test_a_median_without_disease_above_the_median_alive_weighs_by_gap_and_size(
    patients: str, lower: str, upper: str, expected: tuple[Outcome, Severity | None]
) -> None:
    given = [size(patients), finding("median", lower, end="DFS"), finding("median", upper)]
    assert outcome("endpoint-order", given) == expected


@pytest.mark.parametrize(
    ("patients", "lower", "upper", "expected"),
    [("46", "45", "40", INFO), ("47", "45", "40", SUSPECT), ("200", "42", "40", INFO)],
)
def test_a_percent_without_disease_above_the_percent_alive_needs_a_larger_series(
    patients: str, lower: str, upper: str, expected: tuple[Outcome, Severity | None]
) -> None:
    given = [size(patients), rate(lower, end="PFS"), rate(upper)]
    assert outcome("endpoint-order", given) == expected


def test_survival_without_disease_is_held_against_earlier_survival_too() -> None:
    given = [size("200"), rate("45", months="60", end="RFS"), rate("40", months="36")]
    assert outcome("endpoint-order", given) == SUSPECT
    given = [size("200"), rate("45", months="36", end="RFS"), rate("40", months="60")]
    (verdict,) = verdicts("endpoint-order", given)
    assert verdict.missing == "the percent of OS at or before it"


def test_the_missing_endpoint_is_named() -> None:
    given = [finding("median", "NR", end="DFS"), finding("median", "27")]
    (verdict,) = verdicts("endpoint-order", given)
    assert verdict.missing == "the median of DFS, RFS or PFS"
    (verdict,) = verdicts("endpoint-order", [finding("median", "20", end="DFS")])
    assert verdict.missing == "the median of OS"


def test_a_whole_far_outside_its_groups_is_suspect() -> None:
    given = arms("44")  # 43.5 is 3 points above 40.5, and 20/sqrt(400) = 1
    assert outcome("between-groups", given, SPLIT) == SUSPECT
    assert outcome("between-groups", arms("42"), SPLIT) == INFO  # 41.5 is 1 point above
    assert outcome("between-groups", arms("41"), SPLIT) == PASSED
    assert outcome("between-groups", arms("17"), SPLIT) == SUSPECT


def test_a_whole_outside_its_groups_is_an_info_where_its_size_is_unknown() -> None:
    given = [f for f in arms("70") if f.statistic == "survival"]
    assert outcome("between-groups", given, SPLIT) == INFO


def test_groups_that_are_not_declared_to_be_the_whole_are_not_looked_at() -> None:
    loose = (Cohort("s", "a"), Cohort("s", "b"))
    assert verdicts("between-groups", arms("70"), loose) == []
    assert verdicts("mixture", arms("70"), loose) == []


@pytest.mark.parametrize(
    ("overall", "expected"),
    [
        ("35", PASSED),
        ("41", PASSED),  # 40.5 is 5 points above 35.5, and 3 + 50/sqrt(400) = 5.5
        ("42", SUSPECT),
        ("29", PASSED),
        ("28", SUSPECT),
        ("about 80", PASSED),
    ],
)
def test_a_whole_far_from_the_mean_of_its_groups_is_suspect(
    overall: str, expected: tuple[Outcome, Severity | None]
) -> None:
    assert outcome("mixture", arms(overall), SPLIT) == expected


def test_the_allowance_shrinks_as_the_series_grows() -> None:
    small = {"a": ("10", "20"), "b": ("30", "40")}
    assert outcome("mixture", arms("45", "40", **small), SPLIT) == PASSED  # 10.9 points
    large = {"a": ("10,000", "20"), "b": ("30,000", "40")}
    assert outcome("mixture", arms("40", "40,000", **large), SPLIT) == SUSPECT  # 3.25 points


def test_a_group_without_a_percent_is_made_up_of_its_own_groups() -> None:
    cohorts = (*SPLIT, Cohort("s", "b1", "", "b", "kind"), Cohort("s", "b2", "", "b", "kind"))
    nested = {"a": ("100", "20"), "b1": ("150", "35"), "b2": ("150", "45")}
    assert verdicts("mixture", arms("35", "400", **nested), cohorts)[0].outcome is Outcome.PASSED
    above, within = verdicts("mixture", arms("60", "400", **nested), cohorts)
    assert above.severity is Severity.SUSPECT
    assert [c.printed for c in above.cells] == ["60", "20", "35", "45", "100", "150", "150"]
    assert within.missing == "survival of b at 36 months (split by kind)"


def test_cohorts_that_contain_each_other_in_a_circle_are_answered() -> None:
    cohorts = (
        *SPLIT,
        Cohort("s", "c", "", "d", "x"),
        Cohort("s", "e", "", "d", "x"),
        Cohort("s", "d", "", "c", "y"),
        Cohort("s", "f", "", "c", "y"),
    )
    said = verdicts("mixture", [*arms("35"), rate("50", "e"), rate("20", "c")], cohorts)
    assert {v.outcome for v in said} == {Outcome.PASSED, Outcome.NOT_EVALUATED}


def test_the_missing_group_size_and_whole_are_named() -> None:
    given = [f for f in arms("35") if f.cohort != "b"]
    (verdict,) = verdicts("mixture", given, SPLIT)
    assert verdict.missing == "survival of every part at 36 months (split by arm)"
    given = [f for f in arms("35") if f.cohort != "b" or f.statistic == "survival"]
    (verdict,) = verdicts("mixture", given, SPLIT)
    assert verdict.missing == "the size of every part"
    given = [f for f in arms("NR") if f.statistic == "survival"]
    (verdict,) = verdicts("between-groups", given, SPLIT)
    assert verdict.missing == "survival of all at 36 months (split by arm)"
    assert {v.missing for v in verdicts("implied-rest", given, SPLIT)} == {
        "survival of all at 36 months"
    }


@pytest.mark.parametrize(
    ("overall", "part", "expected"),
    [
        ("20", "25", PASSED),  # 300 x 25 % = 75 of 80 alive
        ("54", "80", PASSED),  # 300 x 79.5 % is 59.6 % of all, 5.1 points above 54.5
        ("53", "80", SUSPECT),  # 6.1 points, and censoring is allowed 3 + 50/sqrt(400) = 5.5
        ("83", "70", PASSED),  # 300 x 70.5 % and all 100 others are 77.9 %, 4.6 below 82.5
        ("84", "70", SUSPECT),
    ],
)
def test_what_a_whole_and_a_part_leave_for_the_rest_lies_from_0_to_100(
    overall: str, part: str, expected: tuple[Outcome, Severity | None]
) -> None:
    given = [size("400"), rate(overall), size("300", "a"), rate(part, "a")]
    assert outcome("implied-rest", given, (Cohort("s", "a"),)) == expected


def test_a_part_as_large_as_the_whole_leaves_nobody() -> None:
    given = [size("40"), rate("50"), size("40", "a"), rate("80", "a")]
    (verdict,) = verdicts("implied-rest", given, (Cohort("s", "a"),))
    assert verdict.missing == "the sizes of a whole and of a smaller part"


@pytest.mark.parametrize("patients", ["0", "-5", "0.00001", "9" * 60])
@pytest.mark.parametrize("percent", ["0", "130 [sic]", "-4", "<5", ">95", "about 10", "NR"])
def test_no_number_is_too_odd_to_be_answered(patients: str, percent: str) -> None:
    given = arms(percent, patients, a=(patients, percent), b=("7", "50"))
    given += [rate(percent, months="-12"), rate(percent, end="DFS"), finding("median", percent)]
    said = [v for card in RULES for v in verdicts(card.id, given, SPLIT)]
    assert said
    assert all(v.severity is not Severity.ERROR for v in said)


def _estimate(time: NDArray[np.float64], dead: NDArray[np.bool_], at: float) -> float:
    order = np.lexsort((~dead, time))
    risk = np.arange(len(time), 0, -1)
    return float(np.where(dead[order] & (time[order] <= at), 1 - 1 / risk, 1.0).prod())


@pytest.mark.parametrize("patients", [15, 60, 250, 1000])
def test_censoring_seldom_takes_a_whole_beyond_the_allowance(patients: int) -> None:
    rng = np.random.default_rng(20100917 + patients)
    suspects = 0
    for _ in range(400):
        first = int(np.clip(rng.uniform(0.15, 0.85) * patients, 2, patients - 2))
        in_first = np.arange(patients) < first
        death = rng.weibull(rng.uniform(0.7, 1.6), patients) * np.where(in_first, 1.5, 0.7)
        leaving = rng.exponential(np.where(in_first, 1.0, 4.0))  # four times the hazard in one
        time, dead = np.minimum(death, leaving), death <= leaving
        groups = [np.ones(patients, dtype=bool), in_first, ~in_first]
        if any((time[g] >= 1).sum() == 0 for g in groups):
            continue
        percents = [f"{100 * _estimate(time[g], dead[g], 1.0):.0f}" for g in groups]
        counts = {"a": (str(first), percents[1]), "b": (str(patients - first), percents[2])}
        given = arms(percents[0], str(patients), **counts)
        said = [v for card in RULES for v in verdicts(card.id, given, SPLIT)]
        suspects += any(v.severity is Severity.SUSPECT for v in said)
    assert suspects <= 4  # one in a hundred, and every one a suspect, never an error


@pytest.mark.parametrize("patients", [5, 30, 200])
def test_without_censoring_no_rule_of_wholes_and_parts_fires(patients: int) -> None:
    rng = np.random.default_rng(patients)
    for _ in range(100):
        first = int(rng.integers(1, patients))
        alive = rng.random(patients) < rng.random()
        counts = {
            name: (str(len(part)), f"{100 * part.mean():.0f}")
            for name, part in (("a", alive[:first]), ("b", alive[first:]))
        }
        given = arms(f"{100 * alive.mean():.0f}", str(patients), **counts)
        said = [v for card in RULES for v in verdicts(card.id, given, SPLIT)]
        assert [v for v in said if v.outcome is Outcome.FIRED] == []


def test_the_disease_free_median_of_welter_above_its_overall_median_is_found() -> None:
    # Table 2, Welter et al. [35]: 47 patients, 43 and 32 months; nothing else in Tables 1-3
    evidence = sl.example("stage-iv-breast").evidence
    said = [v for b in blocks(evidence) for card in RULES for v in card.look(b)]
    (found,) = [v for v in said if v.outcome is Outcome.FIRED]
    assert found.severity is Severity.SUSPECT
    assert [(c.study, c.printed) for c in found.cells] == [
        ("welter2008", "43"),
        ("welter2008", "32"),
    ]
