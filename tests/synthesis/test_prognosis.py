"""Counting prognostic statements: what a vote is, and which way it points."""

from __future__ import annotations

from dataclasses import replace

import secondlook as sl
from secondlook.evidence import Evidence, Factor, Finding, Reported, Study
from secondlook.synthesis import FactorVotes, count_votes


def other_endpoint(factor: Factor) -> Factor:
    return replace(factor, endpoint="DFS")


def count(*factors: Factor) -> FactorVotes:
    studies = tuple(Study(key, site="liver") for key in ("a", "b"))
    size = Finding(study="a", endpoint="patients", statistic="count", value=Reported("85"))
    (group,) = count_votes(Evidence(studies, findings=(size,), factors=factors))
    return group


def margin(
    study: str, direction: str, *, analysis: str = "", attribution: str = "individual"
) -> Factor:
    return Factor(
        study=study,
        factor="margin",
        level="positive",
        reference_level="negative",
        direction=direction,
        analysis=analysis,
        attribution=attribution,
    )


def flipped(study: str) -> Factor:
    return Factor(
        study=study,
        factor="margin",
        level="negative",
        reference_level="positive",
        direction="better",
    )


def test_worse_with_one_level_and_better_with_the_other_is_the_same_association() -> None:
    group = count(margin("a", "worse"), flipped("b"))
    assert group.favourable == "negative"
    assert [vote.outcome for vote in group.votes] == ["associated", "associated"]


def test_the_opposite_finding_is_named_as_opposite() -> None:
    group = count(
        margin("a", "worse"), margin("a", "worse", analysis="univariable"), margin("b", "better")
    )
    assert group.favourable == "negative"
    assert [vote.outcome for vote in group.votes] == ["associated", "opposite"]


def test_no_direction_is_read_into_a_statement_that_has_none() -> None:
    group = count(margin("a", "unstated"), margin("b", "none"))
    assert group.favourable == ""
    assert [vote.outcome for vote in group.votes] == ["direction not stated", "no association"]


def test_saying_a_thing_twice_is_one_vote() -> None:
    group = count(
        margin("a", "worse"), margin("a", "worse"), margin("a", "worse", analysis="multivariable")
    )
    (vote,) = group.votes
    assert vote.factor.analysis == "multivariable"
    assert len(vote.repeats) == 2


def test_univariable_and_multivariable_are_two_votes() -> None:
    group = count(
        margin("a", "worse", analysis="univariable"), margin("a", "worse", analysis="multivariable")
    )
    assert len(group.votes) == 2


def test_a_joint_citation_adds_nothing_to_a_statement_about_the_study() -> None:
    group = count(margin("a", "worse", attribution="joint"), margin("a", "worse"))
    (vote,) = group.votes
    assert vote.factor.attribution == "individual"
    assert group.count("associated", attribution="joint") == 0


def test_a_vote_carries_the_size_of_its_study_or_none() -> None:
    group = count(margin("a", "worse"), margin("b", "worse"))
    assert [vote.n for vote in group.votes] == [85, None]


def test_no_statement_of_the_bundled_review_is_lost_in_counting(bundled: sl.Review) -> None:
    votes = [vote for group in count_votes(bundled.evidence) for vote in group.votes]
    counted = sum(1 + len(vote.repeats) for vote in votes)
    assert counted == len(bundled.evidence.factors)


def test_in_the_bundled_review_extrahepatic_disease_matters_alone_and_not_beside_the_others(
    bundled: sl.Review,
) -> None:
    groups = {(group.site, group.factor): group for group in count_votes(bundled.evidence)}
    votes = groups["liver", "extrahepatic disease"].votes  # Adam, page 2421
    assert {(vote.factor.analysis, vote.outcome) for vote in votes} == {
        ("univariable", "associated"),
        ("multivariable", "no association"),
    }


def test_a_longer_disease_free_interval_has_eight_studies_behind_it(bundled: sl.Review) -> None:
    groups = {(group.site, group.factor): group for group in count_votes(bundled.evidence)}
    votes = groups["lung", "disease-free interval"].votes  # references 28, 29, 31-34, 36, 37
    assert {vote.study.reference for vote in votes} == {
        "28",
        "29",
        "31",
        "32",
        "33",
        "34",
        "36",
        "37",
    }


def test_disease_free_survival_is_not_counted_as_overall_survival() -> None:
    studies = (Study("a", site="liver"),)
    factors = (margin("a", "worse"), other_endpoint(margin("a", "worse")))
    groups = count_votes(Evidence(studies, factors=factors))
    assert [group.name for group in groups] == ["margin", "margin (DFS)"]


def test_another_level_of_a_factor_is_another_finding() -> None:
    other = replace(margin("a", "worse"), level="close")
    assert len(count(margin("a", "worse"), other).votes) == 2
