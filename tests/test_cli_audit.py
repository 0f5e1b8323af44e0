"""``secondlook audit`` as a person meets it: real processes, real folders."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = str(Path(sys.executable).with_name("secondlook"))
BARE = "Authors,No. of patients,Median survival,5-year OS\nA 1999,34,27,18\nB 2004,15,63,31\n"


def run(*arguments: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    words = [PROGRAM, "audit", *(str(argument) for argument in arguments)]
    return subprocess.run(
        words, capture_output=True, text=True, cwd=folder, check=False, timeout=300
    )


def problems(result: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines of an error; each must be a problem, and none a traceback."""
    lines = result.stderr.splitlines()
    assert result.returncode == 2, result.stderr
    assert lines
    assert all(line.startswith("secondlook: ") and ";" in line for line in lines), result.stderr
    assert result.stdout == ""
    return lines


@pytest.fixture
def review(tmp_path: Path) -> Path:
    made = subprocess.run(
        [PROGRAM, "new", str(tmp_path / "mine"), "--from", "stage-iv-breast"],
        capture_output=True,
        check=False,
    )
    assert made.returncode == 0
    return tmp_path / "mine"


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    made = subprocess.run([PROGRAM, "new", str(tmp_path / "blank")], check=False)
    assert made.returncode == 0
    return tmp_path / "blank"


def test_undecided_errors_are_exit_1_and_0_when_that_is_asked_for() -> None:
    strict, lenient = run("stage-iv-breast"), run("stage-iv-breast", "--exit-zero")
    assert (strict.returncode, lenient.returncode) == (1, 0)
    assert strict.stdout == lenient.stdout
    lines = strict.stdout.splitlines()
    said = [line.split()[0] for line in lines if line and not line.startswith(" ")][1:-1]
    assert said == sorted(said, key=["error", "suspect", "info"].index)
    for words in ("the parts add up to 244, the whole is 242", "191 + 53 = 244", "consistent if"):
        assert words in strict.stdout
    assert "without the study" in strict.stdout
    assert "No audit of printed numbers can see:" in strict.stdout


def test_json_is_json_with_its_consequences() -> None:
    result = run("stage-iv-breast", "--format", "json")
    assert result.returncode == 1
    content = json.loads(result.stdout)
    said = [one for one in content["discrepancies"] if one["consequence"]]
    assert said
    assert all(one["consequence"][0]["as_printed"]["estimate"] for one in said)


def test_csv_has_a_row_for_each_discrepancy() -> None:
    result = run("stage-iv-breast", "--format", "csv", "--exit-zero")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert {row["severity"] for row in rows} == {"error", "suspect", "info"}
    assert all(row["rule"] and row["cells"] and row["message"] for row in rows)


def test_html_is_a_page_of_its_own_with_causes_and_consequences() -> None:
    page = run("stage-iv-breast", "--format", "html", "--exit-zero").stdout
    assert page.startswith("<!doctype html>")
    assert page.rstrip().endswith("</html>")
    for words in ("It would be consistent if", "without the study", "What was asked"):
        assert words in page


def test_inspect_sr_has_its_items() -> None:
    text = run("stage-iv-breast", "--format", "inspect-sr", "--exit-zero").stdout
    for item in ("4.6", "4.9", "4.10"):
        assert f"  {item} " in text


@pytest.mark.parametrize("style", ["table", "json", "csv", "html", "inspect-sr"])
def test_a_review_that_is_still_empty_is_audited_in_every_format(blank: Path, style: str) -> None:
    result = run(blank, "--format", style)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout


def test_what_is_prepared_can_be_decided_and_then_passes(review: Path) -> None:
    first = run(review, "--prepare", "--format", "csv")
    assert first.returncode == 1
    assert "added to evidence/audit.csv" in first.stderr
    path = review / "evidence" / "audit.csv"
    prepared = path.read_bytes()
    again = run(review, "--prepare", "--exit-zero", "--format", "csv")
    assert again.stderr == "0 added to evidence/audit.csv\n"
    assert path.read_bytes() == prepared
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        row["decision"], row["reason"] = "dismissed", "looked up in the paper"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    after = run(review)
    assert after.returncode == 0, after.stdout[:500]
    assert "error [dismissed]" in after.stdout
    assert "lapsed" not in after.stdout
    findings = review / "evidence" / "findings.csv"
    text = findings.read_text(encoding="utf-8")
    assert text.count(",OS,median,,38,") == 1
    findings.write_text(text.replace(",OS,median,,38,", ",OS,median,,39,"), encoding="utf-8")
    changed = run(review)
    assert changed.returncode == 1
    assert "1 decision has lapsed" in changed.stdout.splitlines()[0]
    assert "looked up in the paper" in path.read_text(encoding="utf-8")


def test_the_bundled_review_is_never_written_to() -> None:
    result = run("stage-iv-breast", "--prepare", "--format", "csv")
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert "copy it first: secondlook new DIR --from stage-iv-breast" in line


HEADER = "rule,cells,message,decision,corrected,reason\n"
NAME = "adam2006 | all | OS | median |  | value"
LINE = f"{NAME} | Table 1 | Adam et al. [21] | Median survival (months)"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("rule,cells,verdict\n", '"verdict" is not a known column'),
        (HEADER + "x,a = 1,,perhaps,,\n", '"perhaps" is not one of the words'),
        (HEADER + "x,a = 1,,dismissed,,\n", "is empty for a dismissed discrepancy"),
        (HEADER + "x,a = 1,,resolved,,\n", "names none of the cells"),
        (HEADER + "x,a = 1,,resolved,b = 2,\n", "names none of the cells"),
        (HEADER + f'x,"{LINE} = 38",,resolved,"{LINE} = soon",\n', "is text where a number"),
        (HEADER + "x,a = 1,,confirmed,,,,,too many\n", "stands outside every column"),
    ],
)
def test_an_odd_line_among_the_decisions_is_one_line(
    review: Path, content: str, words: str
) -> None:
    (review / "evidence" / "audit.csv").write_text(content, encoding="utf-8")
    lines = problems(run(review, "--format", "csv"))
    assert any(words in line for line in lines), lines


def test_a_review_without_a_file_of_decisions_is_audited(review: Path) -> None:
    (review / "evidence" / "audit.csv").unlink()
    assert run(review, "--exit-zero", "--format", "csv").returncode == 0


def test_a_bare_table_is_audited_and_its_guessed_columns_shown(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(BARE)
    result = run("--table", "t.csv", folder=tmp_path)
    # half of B's patients live to 63 months, so 31 % at 60 is too few
    assert result.returncode == 1
    assert "median-against-rate" in result.stdout
    assert 'column "5-year OS": OS survival at 60 months' in result.stderr


def test_a_column_map_takes_the_place_of_guessing(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("Authors,X\nA,130\n")
    (tmp_path / "map.toml").write_text(
        'document = "d"\nplace = "Table 1"\nstudy = "Authors"\n[studies]\n"A" = "a"\n'
        '[[columns]]\nheading = "X"\nendpoint = "OS"\nstatistic = "median"\n'
    )
    result = run("--table", "t.csv", "--map", "map.toml", folder=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_text_is_audited_before_anyone_says_whose_it_is(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Of these, 55 of 71 (78%) had a response.")
    result = run("--text", "letter.txt", folder=tmp_path)
    assert result.returncode == 1
    assert "55 of 71 is 77.5 %, not 78 %" in result.stdout
    assert "read as count, characters" in result.stderr
    assert "passed over:" in result.stderr


def test_a_text_that_says_nothing_is_an_audit_of_nothing(tmp_path: Path) -> None:
    for content in ("", "No numbers here."):
        (tmp_path / "letter.txt").write_text(content)
        result = run("--text", "letter.txt", folder=tmp_path)
        assert (result.returncode, result.stderr) == (0, "passed over: nothing\n")


@pytest.mark.parametrize("style", ["table", "json", "csv", "html", "inspect-sr"])
def test_a_bare_table_prints_in_every_format(tmp_path: Path, style: str) -> None:
    (tmp_path / "t.csv").write_text(BARE)
    result = run("--table", "t.csv", "--format", style, "--exit-zero", folder=tmp_path)
    assert result.returncode == 0
    assert "Traceback" not in result.stderr
    assert "63" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--table", "t.csv", "--text", "t.txt"), "one or the other"),
        (("--map", "m.toml"), "needs a table"),
        (("--text", "t.txt", "--map", "m.toml"), "needs a table"),
        (("--table", "t.csv", "--prepare"), "needs the folder of a review"),
        (("mine", "--table", "t.csv"), "one or the other"),
        (("--table", "colours.csv"), "no heading whose meaning can be guessed"),
        (("--table", "empty.csv"), "holds no table"),
        (("--table", "nowhere.csv"), "cannot be read"),
        (("--text", "nowhere.txt"), "cannot be read"),
        (("--table", "folder"), "cannot be read"),
        (("--text", "folder"), "cannot be read"),
        (("--table", "t.csv", "--map", "nowhere.toml"), "cannot be read"),
        (("nowhere",), "cannot be read"),
        ((), "cannot be read"),
    ],
)
def test_what_cannot_be_meant_or_read_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "t.csv").write_text(BARE)
    (tmp_path / "t.txt").write_text("55 of 71 (78%)")
    (tmp_path / "m.toml").write_text("")
    (tmp_path / "colours.csv").write_text("Name,Colour\nA,red\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "folder").mkdir()
    lines = problems(run(*arguments, folder=tmp_path))
    assert any(words in line for line in lines), lines


def test_an_interrupted_audit_is_one_line_and_changes_nothing(review: Path) -> None:
    path = review / "evidence" / "audit.csv"
    before = path.read_bytes()
    row = "s{0},all,,OS,{1},{2},{3},,,,,,,,,,d,t,r,c,\n"
    findings = review / "evidence" / "findings.csv"
    studies = review / "evidence" / "studies.csv"
    header = findings.read_text(encoding="utf-8").splitlines()[0]
    assert header.startswith("study,cohort,comparator,endpoint,statistic,months,value,")
    many = range(3000)
    with findings.open("a", encoding="utf-8") as stream:
        for k in many:
            stream.write(row.format(k, "median", "", "63") + row.format(k, "survival", "60", "31"))
    with studies.open("a", encoding="utf-8") as stream:
        stream.writelines(f"s{k},S {k}\n" for k in many)
    words = [PROGRAM, "audit", str(review), "--prepare"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=2.5)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    (line,) = said.decode().splitlines()
    assert line.startswith("secondlook: stopped")
    assert path.read_bytes() == before
