"""The command line as a person meets it: real processes, real folders."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = str(Path(sys.executable).with_name("secondlook"))
METAFOR = Path(__file__).parents[1] / "validation" / "metafor" / "reference.json"


def run(*arguments: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    words = [PROGRAM, *(str(argument) for argument in arguments)]
    return subprocess.run(
        words, capture_output=True, text=True, cwd=folder, check=False, timeout=300
    )


def one_line_each(result: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines of an error; each must be a problem, and none a traceback."""
    lines = result.stderr.splitlines()
    assert result.returncode == 2, result.stderr
    assert lines
    assert all(line.startswith("secondlook: ") for line in lines), result.stderr
    return lines


@pytest.fixture
def review(tmp_path: Path) -> Path:
    assert run("new", tmp_path / "mine", "--from", "stage-iv-breast").returncode == 0
    return tmp_path / "mine"


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demonstrated(demo_folder: Path) -> subprocess.CompletedProcess[str]:
    """The demo, run once in an empty folder."""
    return run("demo", folder=demo_folder)


def test_the_demo_ends_with_the_path_of_a_report_that_exists(
    demonstrated: subprocess.CompletedProcess[str], demo_folder: Path
) -> None:
    assert demonstrated.returncode == 0, demonstrated.stderr
    assert demonstrated.stdout.splitlines()[-1] == f"Report: {Path('out') / 'report.html'}"
    page = demo_folder / "out" / "report.html"
    assert page.read_text(encoding="utf-8").rstrip().endswith("</html>")


def test_the_demo_says_which_stage_it_is_at(
    demonstrated: subprocess.CompletedProcess[str],
) -> None:
    stages = demonstrated.stderr.splitlines()
    for verb in ("pool:", "count:", "draw:", "write:"):
        assert any(stage.strip().startswith(verb) for stage in stages), verb


def test_a_fresh_template_makes_a_report_that_says_what_to_fill_in(tmp_path: Path) -> None:
    assert run("new", "mine", folder=tmp_path).returncode == 0
    result = run("report", "mine", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    page = (tmp_path / "mine" / "out" / "report.html").read_text(encoding="utf-8")
    for asked in ("population in review.toml", "[[analyses]]", "evidence/studies.csv"):
        assert asked in page
    assert "No analysis is planned yet" in result.stderr


def test_a_copy_of_the_bundled_review_gives_the_bundled_numbers(review: Path) -> None:
    copy = json.loads(run("pool", review, "hepatic-5-year-survival", "--json").stdout)
    own = json.loads(run("pool", "stage-iv-breast", "hepatic-5-year-survival", "--json").stdout)
    assert copy == own


def test_the_hepatic_series_pool_to_the_numbers_of_metafor() -> None:
    cases = json.loads(METAFOR.read_text(encoding="utf-8"))["cases"]
    fits = cases["hepatic-5-year-survival"]["fits"]
    theirs = next(f for f in fits if (f["method"], f["test"]) == ("REML", "adhoc"))
    asked = ("pool", "stage-iv-breast", "hepatic-5-year-survival")
    ours = json.loads(run(*asked, "--json").stdout)["pooled"]
    for name in ("estimate", "interval", "prediction_interval", "tau2", "i2", "q"):
        assert ours[name] == pytest.approx(theirs[name], abs=1e-8), name
    printed = run(*asked).stdout
    for words in ("13 studies", "-0.7058", "95 % prediction", "tau²", "I² (%)", "Conventions"):
        assert words in printed, words


def test_pool_without_an_analysis_lists_those_there_are() -> None:
    listed = run("pool", "stage-iv-breast")
    assert listed.returncode == 0
    assert "pulmonary-5-year-survival" in listed.stdout.splitlines()


def test_leaving_one_out_is_printed_when_it_is_asked_for() -> None:
    result = run("pool", "stage-iv-breast", "hepatic-5-year-survival", "--leave-one-out")
    assert "Vlastos 2004" in result.stdout.partition("Left out")[2]


def test_show_prints_cells_as_they_were_printed() -> None:
    shown = run("show", "stage-iv-breast", "--part", "findings", "--study", "friedel1994").stdout
    assert "68 a" in shown
    assert "Table 2" in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", "nowhere"),
        ("pool", "stage-iv-breast", "hepatic"),
        ("show", "stage-iv-breast", "--study", "adam"),
        ("new", "x", "--from", "nothing"),
    ],
)
def test_a_wrong_word_is_one_line_that_names_what_would_do(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    lines = one_line_each(run(*arguments, folder=tmp_path))
    assert len(lines) == 1
    assert ";" in lines[0]


def test_new_leaves_a_folder_that_is_in_use_alone(review: Path) -> None:
    before = sorted(review.rglob("*"))
    (line,) = one_line_each(run("new", review))
    assert "not empty" in line
    assert sorted(review.rglob("*")) == before


def test_every_mistake_of_every_file_is_named_and_nothing_is_written(review: Path) -> None:
    findings = review / "evidence" / "findings.csv"
    text = findings.read_text(encoding="utf-8")
    findings.write_text(text.replace(",OS,survival,60,18,", ",OS,survival,60,130,", 1))
    plan = review / "review.toml"
    plan.write_text(plan.read_text(encoding="utf-8").replace("effect =", "efect =", 1))
    lines = one_line_each(run("report", review))
    assert any('"130"' in line and "findings.csv, row" in line for line in lines)
    assert any("did you mean effect?" in line for line in lines)
    assert not (review / "out").exists()


def test_an_interrupted_report_leaves_the_old_one_whole(review: Path) -> None:
    assert run("report", review).returncode == 0
    out = review / "out"
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    words = [PROGRAM, "report", str(review)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while not process.stderr.readline().strip().startswith("draw:"):
            pass
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in rest
    after = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert after == before  # the same input gives the same bytes, so whole is unchanged


def test_a_file_in_the_place_of_the_output_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    result = run("demo", "--out", tmp_path / "out")
    assert result.returncode == 2
    (line,) = [line for line in result.stderr.splitlines() if not line.startswith("  ")]
    assert line.startswith("secondlook: ")
    assert "out" in line
    assert (tmp_path / "out").read_text() == "mine"


def test_help_teaches_the_way_through() -> None:
    text = run("--help").stdout
    for command in ("demo", "new", "report", "show", "pool"):
        assert command in text
    assert "never advice for one patient" in " ".join(text.replace("│", " ").split())


def test_the_table_of_the_documentation_becomes_the_findings_it_says(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[1] / "docs" / "tables.md").read_text(encoding="utf-8")
    column_map = guide.partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "table1.toml").write_text(column_map, encoding="utf-8")
    table = (
        "Authors,No. of patients,5-year survival (%)\nRaab et al.,34,18\nPocard et al.,65,46 a\n"
    )
    (tmp_path / "table1.csv").write_text(table, encoding="utf-8")
    listed = run("extract", "table1.csv", folder=tmp_path)
    assert listed.stdout.splitlines()[0] == "1. table1.csv: 2 rows"
    words = ("extract", "table1.csv", "table1.toml", "--out", "findings.csv")
    assert run(*words, folder=tmp_path).stdout == "4 findings: findings.csv\n"
    rows = (tmp_path / "findings.csv").read_text(encoding="utf-8").splitlines()
    assert rows[4].startswith("pocard2001,all,,OS,survival,48,46 a,")
    (line,) = one_line_each(run(*words, folder=tmp_path))
    assert "already there" in line


def test_a_table_with_a_row_the_map_does_not_know_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(
        'document = "d"\nplace = "Table 1"\nstudy = "Authors"\n[studies]\n"A" = "a"\n'
        '[[columns]]\nheading = "n"\nendpoint = "patients"\nstatistic = "count"\n'
    )
    (tmp_path / "t.csv").write_text("Authors,n\nA,34\nB,15\n")
    words = ("extract", "t.csv", "map.toml", "--out", "findings.csv")
    (line,) = one_line_each(run(*words, folder=tmp_path))
    assert '"B"' in line
    assert not (tmp_path / "findings.csv").exists()


def test_a_terminal_without_the_letters_gets_other_signs_and_no_traceback() -> None:
    words = [PROGRAM, "pool", "stage-iv-breast", "hepatic-5-year-survival"]
    narrow = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(words, capture_output=True, env=narrow, check=False, timeout=120)
    assert done.returncode == 0
    assert b"33.1" in done.stdout


def test_brackets_in_a_name_are_printed_as_they_are(tmp_path: Path) -> None:
    made = run("new", "[bold]x[", folder=tmp_path)
    assert made.returncode == 0
    assert made.stdout.splitlines()[0] == "Made [bold]x["
