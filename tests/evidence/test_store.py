from __future__ import annotations

import tempfile
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook import evidence as ev
from secondlook.errors import EvidenceError
from secondlook.evidence import Cohort, Evidence, Factor, Finding, Reference, Reported, Study
from secondlook.evidence.store import PARTS, columns, read, to_csv, write

EXAMPLES = files("secondlook").joinpath("examples")
Folder = Callable[..., Path]

# Not round-tripped: null characters, which no text file holds; spaces around what the transcriber
# writes, which are no part of a name; "/" and ";" where they part names.
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
PRINTED = st.text(LETTERS, max_size=8)
SAID = PRINTED.map(str.strip)
KEY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00/;"), max_size=6)
KEYS = st.lists(KEY.map(str.strip).filter(bool), min_size=1, max_size=3, unique=True)
NUMBER = st.sampled_from(["", "NR", " 7 ", "46 a", "1 [sic]", "130 [sic]", "≥2", "–", "NR\n"])
P = st.sampled_from(["", "<0.001", "0,05", "NR", "3 [sic]"])
SOURCE = st.builds(ev.Source, document=SAID, place=SAID, row=PRINTED, column=PRINTED, cell=PRINTED)
MAYBE = st.sampled_from([True, False, None])


def records(kind: type, **given: st.SearchStrategy[Any] | Any) -> st.SearchStrategy[Any]:
    free = {name: SAID for name, hint in kind.__annotations__.items() if hint == "str"}
    fixed = {n: v if isinstance(v, st.SearchStrategy) else st.just(v) for n, v in given.items()}
    return st.builds(kind, **free | fixed)


@st.composite
def bodies(draw: st.DrawFn) -> Evidence:
    studies, numbers = draw(KEYS), draw(KEYS)
    named = {study: [key for key in draw(KEYS) if key != ev.ENTIRE] for study in studies}
    pairs = [f"{study}/{key}" for study in studies for key in [*named[study], ev.ENTIRE]]
    of = {study: st.sampled_from([*named[study], ev.ENTIRE]) for study in studies}
    study = draw(st.sampled_from(studies))
    overlaps = st.lists(st.sampled_from(pairs), max_size=2).map(tuple)
    reported = {name: NUMBER.map(Reported) for name in ("value", "low", "high", "n", "events")}
    finding = records(
        Finding,
        **reported,
        study=study,
        cohort=of[study],
        comparator=st.just("") | of[study],
        endpoint=SAID.filter(bool),
        statistic=st.sampled_from(sorted(set(ev.STATISTICS) - {"p_value", "period"})),
        months=st.decimals(0, 1200, places=2),
        level=st.sampled_from(["", "NR", "95", "90 %", "68.27"]).map(Reported),
        p=P.map(Reported),
        adjusted=MAYBE,
        from_figure=MAYBE,
        source=SOURCE,
    )
    factor = records(
        Factor,
        study=study,
        cohort=of[study],
        factor=SAID.filter(bool),
        direction=st.sampled_from(["better", "worse", "none", "unstated"]),
        analysis=st.sampled_from(["univariable", "multivariable", ""]),
        attribution=st.sampled_from(["individual", "joint"]),
        p=P.map(Reported),
        source=SOURCE,
    )
    cited = st.sampled_from(["", *numbers])
    judged = {
        f"bias_{name}": st.sampled_from(["", "low", "no information"]) for name in ev.BIAS_DOMAINS
    }
    return Evidence(
        studies=tuple(draw(records(Study, key=key, reference=cited, **judged)) for key in studies),
        cohorts=tuple(
            draw(records(Cohort, study=name, key=key, subset_of=ev.ENTIRE, overlaps=overlaps))
            for name in studies
            for key in named[name]
        ),
        findings=tuple(draw(st.lists(finding, max_size=2))),
        factors=tuple(draw(st.lists(factor, max_size=2))),
        references=tuple(draw(records(Reference, number=number)) for number in numbers),
    )


@settings(deadline=None, max_examples=60)
@given(bodies())
def test_evidence_that_is_written_and_read_again_is_the_same(body: Evidence) -> None:
    with tempfile.TemporaryDirectory() as name:
        write(body, Path(name))
        assert read(Path(name)) == body


@pytest.mark.parametrize("example", ["stage-iv-breast", "new-review"])
def test_a_bundled_folder_that_is_read_and_written_again_is_the_same_to_the_byte(
    example: str, tmp_path: Path
) -> None:
    with as_file(EXAMPLES.joinpath(example, "evidence")) as folder:
        write(read(folder), tmp_path / "copy")
        names = sorted(path.name for path in folder.glob("*.csv"))
        assert names == sorted(f"{part}.csv" for part in PARTS)
        for name in names:
            assert (tmp_path / "copy" / name).read_bytes() == (folder / name).read_bytes()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Write an evidence folder with one study and no finding, but for what is given."""

    def written(**parts: str | bytes) -> Path:
        least = {"studies": "key,label\nadam,Adam\n", "findings": FINDINGS}
        for part, content in (least | parts).items():
            data = content if isinstance(content, bytes) else content.encode()
            (tmp_path / f"{part}.csv").write_bytes(data)
        return tmp_path

    return written


FINDINGS = "study,endpoint,statistic,months,value\n"


def problems(folder: Path) -> list[str]:
    with pytest.raises(EvidenceError) as caught:
        read(folder)
    lines = [str(problem) for problem in caught.value.problems]
    assert all(line.isprintable() for line in lines)
    return [line.replace(f"{folder}/", "") for line in lines]


def test_columns_may_stand_in_any_order_and_optional_ones_be_left_out(folder: Folder) -> None:
    body = read(folder(findings="value,study,statistic,endpoint\nNR b,adam,median,OS\n"))
    assert body.findings == (
        Finding(study="adam", endpoint="OS", statistic="median", value=Reported("NR b")),
    )


def test_a_folder_without_studies_or_findings_is_refused_once_for_each(tmp_path: Path) -> None:
    end = "cannot be read (No such file or directory); check the path and its rights"
    assert problems(tmp_path) == [f"studies.csv: {end}", f"findings.csv: {end}"]


def test_cohorts_factors_and_references_may_be_left_out_but_not_be_folders(folder: Folder) -> None:
    path = folder()
    body = read(path)
    assert (body.cohorts, body.factors, body.references) == ((), (), ())
    (path / "cohorts.csv").mkdir()
    (line,) = problems(path)
    assert line.startswith("cohorts.csv: cannot be read (Is a directory)")


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for name in ("file", "x" * 300):
        with pytest.raises(EvidenceError, match=r"studies\.csv: cannot be read"):
            read(tmp_path / name)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("key,labl", ['row 1, column 2: "labl" is not a known column; rename or remove it']),
        ("key,label,key", ['row 1, column 3: "key" is there twice; remove one of the two']),
        ("label,key,", []),
        ("label", ["row 1: lacks the column key; add it"]),
        ("key,,label", ['row 1, column 2: "" is not a known column; rename or remove it']),
        (
            "\n\nKey;Label",
            [
                'row 3, column 1: "Key" is not a known column',
                'row 3, column 2: "Label" is not a known column',
                "row 3: lacks the column key",
            ],
        ),
        ("", ["is empty; write a header row: key,label,reference,site"]),
    ],
)
def test_each_mistake_of_a_header_is_named(
    folder: Folder, header: str, expected: list[str]
) -> None:
    path = folder(studies=f"{header}\n")
    found = problems(path) if expected else []
    assert len(found) == len(expected)
    for line, start in zip(found, expected, strict=True):
        assert line.removeprefix("studies.csv, ").removeprefix("studies.csv: ").startswith(start)


def test_a_file_of_a_header_alone_holds_nothing(folder: Folder) -> None:
    assert read(folder(studies="key\n")) == Evidence()


def test_a_short_row_is_filled_and_a_long_one_is_refused(folder: Folder) -> None:
    path = folder(findings="study,endpoint,statistic,value\nadam,OS,median\nadam,OS,count,16,023\n")
    assert problems(path) == [
        'findings.csv, row 3: "023" stands outside every column; '
        "put quotation marks around a cell that holds the separator"
    ]
    path = folder(findings="value,study,endpoint,statistic\n5\n")
    assert [line.partition(":")[0] for line in problems(path)] == [
        f"findings.csv, row 2, column {name}" for name in ("study", "endpoint", "statistic")
    ]
    path = folder(findings="study,endpoint,statistic,value,,\nadam,OS,median,,,\nadam,OS,median\n")
    assert [finding.value.printed for finding in read(path).findings] == ["", ""]


def test_spaces_around_names_are_no_part_of_them_but_of_what_is_printed(folder: Folder) -> None:
    path = folder(
        studies=" key , label,site\n adam ,Adam 2006, liver\n",
        findings="study,endpoint,statistic,months,value,place,cell\n"
        "adam , OS,survival , 60 , 37 , Table 1 , 37 \n",
    )
    body = read(path)
    (finding,) = body.findings
    assert body.studies == (Study("adam", "Adam 2006", site="liver"),)
    assert (finding.study, finding.endpoint, finding.statistic) == ("adam", "OS", "survival")
    assert (finding.source.place, finding.source.cell) == ("Table 1", " 37 ")
    assert (finding.value.printed, float(finding.value)) == (" 37 ", 37)


@pytest.mark.parametrize("months", ["60.0", "60", " 60 ", "060"])
def test_months_are_a_plain_decimal_number(folder: Folder, months: str) -> None:
    (finding,) = read(folder(findings=f"{FINDINGS}adam,OS,survival,{months},5\n")).findings
    assert finding.months == 60


@pytest.mark.parametrize(
    "months", ["1e2", "nan", "inf", "٦٠", "60 m", "6,5", "−3", "60a", "9" * 99]
)
def test_other_months_are_refused(folder: Folder, months: str) -> None:
    (line,) = problems(folder(findings=f'{FINDINGS}adam,OS,survival,"{months}",5\n'))
    assert line.startswith("findings.csv, row 2, column months: ")
    assert line.endswith("is not a number of months; write a number such as 60 or 7.5")


@pytest.mark.parametrize(("said", "meant"), [("yes", True), ("No ", False), ("", None)])
def test_yes_no_and_unknown_are_three_things(folder: Folder, said: str, meant: bool | None) -> None:
    path = folder(findings=f"study,endpoint,statistic,adjusted\nadam,OS,median,{said}\n")
    assert read(path).findings[0].adjusted is meant
    path = folder(findings="study,endpoint,statistic,adjusted\nadam,OS,median,1\n")
    assert problems(path) == [
        'findings.csv, row 2, column adjusted: "1" is neither yes nor no; '
        "write yes or no, or leave it empty"
    ]


def test_what_cannot_be_read_and_what_cannot_be_meant_are_told_together(folder: Folder) -> None:
    path = folder(
        findings=f"{FINDINGS}adam,OS,survival,five,20\nadan,OS,survival,60,130\n",
        factors="study,factor,direction,p\nadam,age,up,0.5\n",
    )
    assert [line.partition(" is ")[0] for line in problems(path)] == [
        'findings.csv, row 2, column months: "five"',
        'findings.csv, row 3, column study: "adan"',
        'findings.csv, row 3, column value: "130"',
        'factors.csv, row 2, column direction: "up"',
    ]


def test_links_into_a_file_that_cannot_be_read_are_not_called_wrong(folder: Folder) -> None:
    path = folder(studies="kye\nadam\n", findings=f"{FINDINGS}adam,OS,survival,x,5\n")
    assert [line.partition(": ")[0] for line in problems(path)] == [
        "studies.csv, row 1, column 1",
        "studies.csv, row 1",
        "findings.csv, row 2, column months",
    ]


def test_a_row_after_a_cell_of_two_lines_is_numbered_as_a_spreadsheet_does(folder: Folder) -> None:
    path = folder(studies='key,label\nadam,"Adam\n2006"\nadam,x\n')
    (line,) = problems(path)
    assert line.startswith('studies.csv, row 3, column key: "adam" is named a second time (first')


def test_writing_makes_the_folder_and_leaves_nothing_else_in_it(tmp_path: Path) -> None:
    write(Evidence(), tmp_path / "deep" / "evidence")
    names = sorted(path.name for path in (tmp_path / "deep" / "evidence").iterdir())
    assert names == sorted(f"{part}.csv" for part in PARTS)


@pytest.mark.parametrize("printed", ["a\rb", "a\nb", "a\r\nb", 'a "b"', "a,b", "a;b\tc", "\u2028"])
def test_what_a_cell_holds_does_not_end_it(printed: str, tmp_path: Path) -> None:
    body = Evidence(studies=(Study("adam", note=f"x{printed}x"), Study("elias")))
    write(body, tmp_path)
    assert read(tmp_path) == body


@pytest.mark.parametrize("part", PARTS)
def test_a_part_without_records_is_written_as_its_header(part: str) -> None:
    assert to_csv(Evidence(), part) == ",".join(columns(part)) + "\n"
