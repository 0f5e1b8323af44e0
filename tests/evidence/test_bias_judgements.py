"""What studies.csv may say of a study's risk of bias."""

from __future__ import annotations

import pytest

from secondlook.evidence import BIAS_DOMAINS, BIAS_JUDGEMENTS, Evidence, Study, check


def problems(**judged: str) -> list[str]:
    return [str(problem) for problem in check(Evidence(studies=(Study("adam", **judged),)))]


def test_a_study_nobody_judged_is_no_problem() -> None:
    assert problems() == []


@pytest.mark.parametrize("domain", BIAS_DOMAINS)
def test_a_word_outside_the_scale_is_named_with_the_scale(domain: str) -> None:
    (told,) = problems(**{f"bias_{domain}": "high"})
    assert told == (
        f'studies, record 1, bias_{domain}: "high" is not a judgement; '
        "write low, moderate, serious, critical, no information, or leave it empty"
    )


@pytest.mark.parametrize("judgement", BIAS_JUDGEMENTS)
def test_every_word_of_the_scale_is_taken(judgement: str) -> None:
    assert problems(bias_confounding=judgement) == []


def test_overall_is_never_better_than_the_worst_domain() -> None:
    (told,) = problems(bias_confounding="critical", bias_overall="serious")
    assert "is better than the worst domain (critical)" in told
    assert problems(bias_confounding="serious", bias_overall="serious") == []
    # several domains together may be worse than each
    assert problems(bias_confounding="serious", bias_overall="critical") == []
    assert problems(bias_confounding="critical", bias_overall="no information") == []
