"""Cochran's Q, its P value and I²."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import chdtrc

from secondlook.audit.block import blocks
from secondlook.audit.heterogeneity import RULES
from secondlook.audit.verdict import Outcome, Severity, Verdict
from secondlook.evidence import Evidence, Finding, Reported, Source, Study

FIGURE = Source("review", "Figure 3")


def finding(statistic: str, value: str, endpoint: str = "OS", **more: object) -> Finding:
    record = {"source": FIGURE} | more
    return Finding(
        study="s",
        endpoint=endpoint,
        statistic=statistic,
        value=Reported(value),
        **record,  # type: ignore[arg-type]
    )


def studies(value: str, source: Source = FIGURE) -> Finding:
    return finding("count", value, "studies", source=source)


def verdicts(rule: str, *findings: Finding) -> list[Verdict]:
    card = next(card for card in RULES if card.id == rule)
    block = next(blocks(Evidence(studies=(Study("s"),), findings=findings)))
    return list(card.look(block))


def outcome(rule: str, *findings: Finding) -> tuple[Outcome, Severity | None]:
    (verdict,) = verdicts(rule, *findings)
    return verdict.outcome, verdict.severity


PASSED = (Outcome.PASSED, None)
SUSPECT = (Outcome.FIRED, Severity.SUSPECT)
ERROR = (Outcome.FIRED, Severity.ERROR)


@pytest.mark.parametrize(
    ("q", "k", "i2", "expected"),
    [
        ("20", "11", "50", PASSED),  # (20 - 10)/20
        ("20", "11", "55", SUSPECT),  # Q of 20.5 gives 51.2
        ("20.0", "11", "51", SUSPECT),  # Q of 20.05 gives 50.1
        ("5", "11", "0", PASSED),
        ("5", "11", "20", SUSPECT),
        ("0", "2", "0", PASSED),
        ("-3", "4", "0", PASSED),
        ("152.23", "13", "92.12", PASSED),  # BCG trials, (152.2330 - 12)/152.2330 = 92.117 %
        ("about 20", "11", "99", PASSED),
        (">20", "11", "95", PASSED),
        (">20", "11", "40", SUSPECT),
        ("<20", "11", "60", SUSPECT),
        ("20", "about 11", "3", PASSED),
    ],
)
def test_i_squared_is_the_share_of_q_beyond_its_degrees_of_freedom(
    q: str, k: str, i2: str, expected: tuple[Outcome, Severity | None]
) -> None:
    given_ = finding("cochran_q", q), finding("i_squared", i2), studies(k)
    assert outcome("i2-from-q", *given_) == expected


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        # chi-square tables: 18.307 is the upper 5 % point on 10 degrees of freedom, 23.209 the 1 %
        ("0.050", PASSED),
        ("0.05", PASSED),
        ("0.052", ERROR),
        ("0.01", ERROR),
        ("<0.001", ERROR),
        ("<0.1", PASSED),
        (">0.1", ERROR),
        ("1.7 [sic]", ERROR),
    ],
)
def test_the_p_value_of_q_is_the_tail_of_chi_square(
    p: str, expected: tuple[Outcome, Severity | None]
) -> None:
    q = finding("cochran_q", "18.307", p=Reported(p))
    assert outcome("p-from-q", q, studies("11")) == expected


def test_a_number_of_studies_printed_elsewhere_gives_a_suspect_only() -> None:
    q = finding("cochran_q", "18.307", p=Reported("0.01"))
    assert outcome("p-from-q", q, studies("11", Source("review", "p. 4"))) == SUSPECT


def test_any_number_of_studies_beside_q_that_fits_is_granted() -> None:
    q = finding("cochran_q", "18.307", p=Reported("0.05"))
    assert outcome("p-from-q", q, studies("25"), studies("11")) == PASSED
    i2 = finding("i_squared", "45.4")  # (18.307 - 10)/18.307
    assert outcome("i2-from-q", q, i2, studies("25"), studies("11")) == PASSED


def test_each_i_squared_is_held_against_the_q_of_its_row() -> None:
    rows = [Source("review", "Table 4", row) for row in ("liver", "lung")]
    given_ = [
        finding("cochran_q", "20", source=rows[0]),
        finding("i_squared", "50", source=rows[0]),
        finding("cochran_q", "40", source=rows[1]),
        finding("i_squared", "50", source=rows[1]),
        studies("11", Source("review", "Table 4")),
    ]
    said = [v.outcome for v in verdicts("i2-from-q", *given_)]
    assert said == [Outcome.PASSED, Outcome.FIRED]


@pytest.mark.parametrize(
    ("rule", "findings", "missing"),
    [
        ("i2-from-q", [finding("i_squared", "50")], "Cochran's Q"),
        ("i2-from-q", [finding("cochran_q", "20")], "I²"),
        (
            "i2-from-q",
            [finding("cochran_q", "20"), finding("i_squared", "50")],
            "the number of studies (two or more)",
        ),
        (
            "i2-from-q",
            [finding("cochran_q", "20"), finding("i_squared", "50"), studies("1"), studies("0")],
            "the number of studies (two or more)",
        ),
        ("p-from-q", [finding("cochran_q", "20"), studies("9")], "the P value of Q"),
        (
            "p-from-q",
            [finding("cochran_q", "20", p=Reported("0.1"))],
            "the number of studies (two or more)",
        ),
    ],
)
def test_what_is_missing_beside_q_is_named(
    rule: str, findings: list[Finding], missing: str
) -> None:
    (verdict,) = verdicts(rule, *findings)
    assert (verdict.outcome, verdict.missing) == (Outcome.NOT_EVALUATED, missing)


def test_numbers_beyond_all_measure_are_answered() -> None:
    q = finding("cochran_q", "9" * 90, p=Reported("0.5"))
    assert outcome("p-from-q", q, studies("9" * 90))[0] in (Outcome.PASSED, Outcome.FIRED)


@given(
    q=st.floats(0.01, 400),
    k=st.integers(2, 60),
    decimals=st.integers(0, 3),
    digits=st.integers(1, 4),
)
def test_no_rule_fires_on_q_p_and_i_squared_that_were_computed_and_rounded(
    q: float, k: int, decimals: int, digits: int
) -> None:
    p = float(chdtrc(k - 1, q))
    i2 = 100 * max(0.0, (q - (k - 1)) / q)
    printed = (
        finding("cochran_q", f"{q:.{decimals}f}", p=Reported(f"{p:.{digits}f}")),
        finding("i_squared", f"{i2:.{decimals}f}"),
        studies(str(k)),
    )
    said = [v for card in RULES for v in verdicts(card.id, *printed)]
    assert [v.outcome for v in said] == [Outcome.PASSED, Outcome.PASSED]
