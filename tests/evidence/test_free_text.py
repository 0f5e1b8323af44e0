"""Reading running text: what is printed is found, and every digit is accounted for."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.audit.block import blocks
from secondlook.audit.counts import RULES
from secondlook.audit.verdict import Outcome
from secondlook.errors import EvidenceError
from secondlook.evidence import Evidence, Study
from secondlook.evidence.free_text import Statement, article_text, read_text, to_findings

DIGIT_RUNS = re.compile(r"[0-9]+|[^\D0-9]+|[⁰¹²³⁴-⁹₀-₉]+")


def only(text: str) -> Statement:
    (statement,) = read_text(text).statements
    return statement


def printed(statement: Statement) -> dict[str, str]:
    return {role: number.printed for role, number in statement.numbers.items()}


@pytest.mark.parametrize(
    "text",
    [
        "71/85 [84%]",
        "71 of the 85 women (84 %)",
        "71 / 85 (84 per cent)",
        "71 of 85\npatients\u00a0(84\u202f%)",
        "84% (71/85)",
        "Of 85 patients, 71 (84%)",
    ],
)
def test_a_count_its_whole_and_its_percent_are_read_in_any_order(text: str) -> None:
    assert printed(only(text)) == {"events": "71", "n": "85", "percent": "84"}


@pytest.mark.parametrize("dash", ["-", "‐", "‑", "‒", "–", "—", "−", " to ", "–\n"])
def test_a_ratio_is_read_with_its_interval_whatever_the_dash(dash: str) -> None:
    statement = only(f"hazard ratio, 0.63 [95% confidence interval, 0.60{dash}0.66]; P<.001")
    assert statement.statistic == "hazard_ratio"
    assert printed(statement) == {
        "value": "0.63",
        "low": "0.60",
        "high": "0.66",
        "level": "95",
        "p": "<.001",
    }


def test_decimals_with_a_middle_dot_keep_their_printed_form() -> None:
    statement = only("(p = 0·03)")
    assert printed(statement) == {"p": "0·03"}
    assert statement.numbers["p"].value == Decimal("0.03")


def test_several_times_take_their_values_in_order() -> None:
    statement = only("3-year and 5-year survival was 50 and 34%, respectively")
    assert [value.printed for value in statement.values] == ["50", "34"]
    assert statement.months == (Decimal(36), Decimal(60))


def test_a_percent_of_other_things_behind_a_rate_is_not_survival() -> None:
    rate, percent = read_text("5-year survival was 37%, and 12% of them bled.").statements
    assert (rate.kind, printed(rate)) == ("rate", {"value": "37"})
    assert (percent.kind, printed(percent)) == ("percent", {"value": "12"})


def test_a_median_in_years_is_no_median_in_months() -> None:
    (finding,) = to_findings(read_text("Median survival was 3 years.").statements)
    assert finding.endpoint == "OS (years)"


def test_the_end_of_a_sentence_ends_a_statement() -> None:
    first, second = read_text("We saw 12 of 40 patients. Then (30%) left.").statements
    assert printed(first) == {"events": "12", "n": "40"}
    assert second.kind == "percent"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "Better.<sup>10,21</sup> So",
            "raised or lowered: a citation, a footnote mark or an exponent",
        ),
        ("as shown [3,4] before", "a citation"),
        ("was seen.12 The rest", "a citation"),
        ("in 1997 we", "a year"),
        ("see Table 2", "a label: Table"),
        ("HER-2 status", "part of a name"),
        ("doi:10.1000/182", "part of an identifier or address"),
        (
            "P < 0.05 was considered significant",
            "a P value that is a threshold, or part of a product",
        ),
        ("٣٤ were", "in the digits of another script"),
    ],
)
def test_digits_that_are_no_statement_are_listed_with_the_reason(text: str, reason: str) -> None:
    reading = read_text(text)
    assert reading.statements == ()
    assert {entry.reason for entry in reading.skipped} == {reason}


WORDS = (
    "71 85 4 0.63 95 % ( ) [ ] / - – of patients median survival was months 5-year 3- and , ; : . "
    "HR 95%CI CI P = < 1997 Table <sup> </sup> vs. at years respectively ³ ٤ R0 1,204 16,02 0·5 "
    "from to range n mean the ratio × e.g. $ \n \n\n \t"
)
PIECES = st.sampled_from(WORDS.split(" "))


@given(st.lists(st.tuples(PIECES, st.sampled_from(["", " "])), max_size=40) | st.text(max_size=60))
def test_what_is_read_and_what_is_skipped_are_every_run_of_digits(
    pieces: list[tuple[str, str]] | str,
) -> None:
    text = pieces if isinstance(pieces, str) else "".join(a + b for a, b in pieces)
    reading = read_text(text)
    places = [place for statement in reading.statements for place in statement.places]
    skipped = {entry.span for entry in reading.skipped}
    for run in DIGIT_RUNS.finditer(text):
        read = [start for start, end in places if start <= run.start() and run.end() <= end]
        assert (len(read), run.span() in skipped) in ((1, False), (0, True))
    assert len(skipped) + len(places) <= len(DIGIT_RUNS.findall(text))


@given(st.lists(st.tuples(PIECES, st.sampled_from(["", " "])), max_size=40))
def test_statements_are_exact_slices_that_do_not_overlap(pieces: list[tuple[str, str]]) -> None:
    text = "".join(a + b for a, b in pieces)
    statements = read_text(text).statements
    for statement in statements:
        start, end = statement.span
        assert statement.text == text[start:end]
        assert all(start <= place[0] < place[1] <= end for place in statement.places)
        assert all(number.is_number for number in statement.numbers.values())
    ends = [0, *(statement.span[1] for statement in statements)]
    assert all(end <= s.span[0] for end, s in zip(ends, statements, strict=False))


ENDLESS = (
    "1|1,|1,000|1.|(|<sup>|5-|a-|of 1 |median |"
    "0.5-|P = | |compared |N%, |1 and |37% vs |HR of |\n|–|a"
)


@pytest.mark.parametrize(
    ("unit", "length"),
    [
        *((unit, 100_000) for unit in ENDLESS.split("|")),
        ("5-year survival ", 1_000_000),
        ("[1,", 1_000_000),
    ],
)
def test_a_long_text_of_anything_is_read_to_the_end(unit: str, length: int) -> None:
    text = (unit * (length // len(unit) + 1))[:length]
    assert read_text(text).text == text


def outcomes(text: str) -> dict[str, set[Outcome]]:
    findings = to_findings(read_text(text).statements, document="letter")
    evidence = Evidence(studies=(Study("unassigned"),), findings=findings)
    found: dict[str, set[Outcome]] = {}
    for block in blocks(evidence):
        for rule in RULES:
            for verdict in rule.look(block):
                found.setdefault(verdict.rule, set()).add(verdict.outcome)
    return found


def test_a_wrong_percent_is_found_before_anyone_assigns_it_to_a_study() -> None:
    assert outcomes("In 71/85 [48%] it was given.")["percent-of-count"] == {Outcome.FIRED}
    assert outcomes("In 71/85 [84%] it was given.")["percent-of-count"] == {Outcome.PASSED}


def test_numbers_of_different_statements_are_never_of_one_cohort() -> None:
    findings = to_findings(read_text("Here 30% bled, and 5 of 9 women (56%) died.").statements)
    assert len({finding.cohort for finding in findings}) == len(findings) == 2


def test_survival_at_several_times_is_of_one_cohort_and_a_comparison_is_of_two() -> None:
    text = "1- and 5-year survival was 80% and 30%"
    times = to_findings(read_text(text).statements)
    groups = to_findings(read_text("5-year survival was higher (36% vs. 11%; P = 0.1).").statements)
    place = f"characters 0-{len(text)}"
    assert [(f.cohort, f.months) for f in times] == [(place, Decimal(12)), (place, Decimal(60))]
    assert len({finding.cohort for finding in groups}) == 2
    assert {finding.p.printed for finding in groups} == {""}


def test_the_source_of_a_finding_leads_back_to_its_characters() -> None:
    text = "Survival at 5 years was 37%."
    (finding,) = to_findings(read_text(text).statements, document="letter")
    assert finding.source.document == "letter"
    found = re.fullmatch(r"characters (\d+)-(\d+)", finding.source.place)
    assert found is not None
    assert text[int(found[1]) : int(found[2])] == finding.source.cell == text[:-1]


def test_an_article_gives_its_text_without_tables_and_references(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(
        "<article><front><abstract><p>HR &lt; 1&#xa0;%.</p></abstract></front><body><sec><title>R"
        "</title><p>Alive.<sup><xref ref-type='bibr'>12</xref></sup> In 7 <italic>of</italic> 9"
        " women (78%).<table-wrap><p>99</p></table-wrap></p></sec></body>"
        "<back><ref-list><ref>88</ref></ref-list></back></article>",
        encoding="utf-8",
    )
    text = article_text(path)
    assert text == "HR < 1\u00a0%.\n\nR\n\nAlive.¹² In 7 of 9 women (78%)."
    assert printed(read_text(text).statements[-1]) == {"events": "7", "n": "9", "percent": "78"}


def test_an_entity_a_file_defines_is_refused_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a><body><p>&x;</p></body></a>'
    )
    with pytest.raises(EvidenceError, match="defines for itself"):
        article_text(path)


@pytest.mark.parametrize("name", ["none.txt", "none.xml"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(EvidenceError, match=name):
        article_text(tmp_path / name)
