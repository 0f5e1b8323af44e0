from __future__ import annotations

from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook.errors import QuestionError
from secondlook.question import Analysis, Question, read_question

TITLE = 'title = "T"\n'
ANALYSIS = '[[analyses]]\nid = "a"\ntitle = "A"\neffect = "survival"\nmonths = [60]\n'
Problems = Callable[[str | bytes], list[str]]


@pytest.fixture
def problems(tmp_path: Path) -> Problems:
    """List what is wrong with a review.toml, a line each."""

    def found(content: str | bytes) -> list[str]:
        path = tmp_path / "review.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(QuestionError) as caught:
            read_question(path)
        lines = [str(problem) for problem in caught.value.problems]
        assert all(line.isprintable() for line in lines)
        return [line.removeprefix("review.toml, ") for line in lines]

    return found


def test_a_title_alone_is_a_question_and_spaces_around_it_are_none_of_it(tmp_path: Path) -> None:
    path = tmp_path / "review.toml"
    path.write_bytes(b'\xef\xbb\xbftitle = " T "\r\n')
    assert read_question(path) == Question(title="T")


def test_whole_months_and_dotted_inline_and_quoted_keys_are_read(tmp_path: Path) -> None:
    path = tmp_path / "review.toml"
    path.write_text(
        '"title" = "T"\nsearch.database = "D"\n'
        'analyses = [{id = "a", title = "A", effect = "survival", months = [60, 7.5]}]\n',
        encoding="utf-8",
    )
    question = read_question(path)
    assert question.search.database == "D"
    assert question.analysis("a").months == (60, 7.5)


@pytest.mark.parametrize("example", ["stage-iv-breast", "new-review"])
def test_the_bundled_questions_can_be_read(example: str) -> None:
    with as_file(files("secondlook").joinpath("examples", example, "review.toml")) as path:
        assert read_question(path).title


def test_an_analysis_that_is_not_planned_is_met_with_those_that_are() -> None:
    with pytest.raises(QuestionError, match="choose one of: none yet"):
        Question(title="T").analysis("a")
    plan = (Analysis(id="b", title="B", effect="median"),)
    with pytest.raises(QuestionError, match='"a" is not a planned analysis; choose one of: b'):
        Question(title="T", analyses=plan).analysis("a")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            f'{TITLE}titel = "T"\n',
            "line 2, key titel: is not a key that is known here; did you mean t",
        ),
        (f"{TITLE}[search]\n\nfoo = 1\n", "line 4, key search.foo: is not a key that is known"),
        (f"{TITLE}\n[serach]\n", "line 3, key serach: is not a key that is known here; did you me"),
        (f"{TITLE}[search.deep]\nx = 1\n", "line 2, key search.deep: is not a key that is known"),
        (f'{TITLE}search.databas = "x"\n', "line 2, key search.databas: is not a key that is k"),
        (f'{TITLE}search.query = "x"\nsearch.end = 1\n', 'line 3, key search.end: "1" is not t'),
        (f'{TITLE}["search"]\n"end" = 1\n', 'line 3, key search.end: "1" is not text; write it'),
        (f"{TITLE}['search']\n'end' = 1\n", 'line 3, key search.end: "1" is not text; write it'),
        (f"{TITLE}[search]\nend = 2009-09-01\n", 'line 3, key search.end: "2009-09-01" is not te'),
        (f"{TITLE}[search]\nend = true\n", 'line 3, key search.end: "true" is not text; write it'),
        ("title = ['T']\n", 'line 1, key title: "["T"]" is not text; write it in quotation marks'),
        (f'{TITLE}[search]\nkeywords = "x"\n', 'line 3, key search.keywords: "x" is not a list; w'),
        (f'{TITLE}outcomes = "x"\n', 'line 2, key outcomes: "x" is not a list; head it [[outcomes'),
        (f'{TITLE}analyses = {{id = "a"}}\n', 'line 2, key analyses: "{"id": "a"}" is not a list;'),
        (f'{TITLE}\n[analyses]\nid = "a"\n', 'line 3, key analyses: "{"id": "a"}" is not a list;'),
        (f'{TITLE}analyses = ["x"]\n', 'line 2, key analyses: "x" is not a table of keys; head it'),
        (f'{TITLE}search = "x"\n', 'line 2, key search: "x" is not a table of keys; head it [sea'),
        (f"{TITLE}[[search]]\n", 'line 2, key search: "[{}]" is not a table of keys; head it [sea'),
        (
            f"{TITLE}[[outcomes]]\nname = 'x'\n",
            "line 2, key outcomes.endpoint: is missing; add endpoint = ...",
        ),
        ("", "line 1, key title: is missing; add title = ..."),
        ('title="T"\n"a\\nb" = 1\n', "line 1, key a b: is not a key that is known here; the keys"),
        ('title = "a\u2028b"\nx = 1\n', "line 2, key x: is not a key that is known here; the keys"),
    ],
)
def test_each_mistake_is_named_with_its_line_and_key(
    problems: Problems, content: str, expected: str
) -> None:
    (line,) = problems(content)
    assert line.startswith(expected)


@pytest.mark.parametrize(
    ("key", "written", "expected"),
    [
        ("months", "60", '"60" is not a list; write months = [...]'),
        ("months", '["60"]', '"60" is not a number; correct the value'),
        ("months", "[true]", '"true" is not a number; correct the value'),
        ("months", "[-3]", '"-3" is not greater than 0; correct the value'),
        ("months", "[0]", '"0" is not greater than 0; correct the value'),
        ("months", "[1201]", '"1201" is not less than or equal to 1200; correct the value'),
        ("months", "[inf]", '"inf" is not less than or equal to 1200; correct the value'),
        ("months", "[nan]", '"nan" is not less than or equal to 1200; correct the value'),
        ("months", "[1979-05-27]", '"1979-05-27" is not a number; correct the value'),
        ("id", '"A b"', '"A b" is not a short name (a-z, 0-9, single hyphens); correct the value'),
        (
            "id",
            '"../a"',
            '"../a" is not a short name (a-z, 0-9, single hyphens); correct the value',
        ),
        (
            "method",
            '"reml"',
            "\"reml\" is not 'REML', 'DL', 'PM', 'ML', 'EB', 'SJ', 'HE', 'HS' or 'common'; "
            "correct the value",
        ),
    ],
)
def test_a_wrong_value_of_an_analysis_is_named(
    problems: Problems, key: str, written: str, expected: str
) -> None:
    lines = [line for line in ANALYSIS.splitlines() if not line.startswith(key)]
    other = TITLE + ANALYSIS.replace('"a"', '"b"')
    content = other + "\n".join([*lines, f"{key} = {written}"])
    last = content.count("\n") + 1
    assert problems(content) == [f"line {last}, key analyses.{key}: {expected}"]


@pytest.mark.parametrize(
    ("effect", "kept", "key"),
    [
        ("survival", 'cohort = "c"', "months"),
        ("survival_difference", 'comparator = "c"', "months"),
        ("survival_difference", "months = [60]", "comparator"),
        ("hazard_ratio_from_survival", 'comparator = "c"', "months"),
        ("hazard_ratio", 'cohort = "c"', "comparator"),
    ],
)
def test_an_effect_needs_its_time_and_its_comparator(
    problems: Problems, effect: str, kept: str, key: str
) -> None:
    plan = f'[[analyses]]\nid = "a"\ntitle = "A"\neffect = "{effect}"\n{kept}\n'
    (line,) = problems(TITLE + plan)
    assert line.startswith(f"line 2, key analyses.{key}: is missing for the effect {effect}; add")


def test_a_time_is_refused_where_it_would_be_ignored(problems: Problems) -> None:
    assert problems(TITLE + ANALYSIS.replace('"survival"', '"median"')) == [
        "line 6, key analyses.months: has no meaning for the effect median; remove it"
    ]


def test_an_id_is_used_once(problems: Problems) -> None:
    twice = TITLE + ANALYSIS + ANALYSIS
    expected = 'line 8, key analyses.id: "a" is used twice; rename one of the two'
    assert problems(twice) == [expected]
    # and is said so although another key cannot be read
    assert problems(twice.replace('"T"', "1")) == [
        'line 1, key title: "1" is not text; write it in quotation marks',
        expected,
    ]


def test_every_mistake_of_a_file_is_told_at_once(problems: Problems) -> None:
    content = f"title = 1\nfoo = 2\n[search]\nbaz = 1\nend = 1\n{ANALYSIS.replace('id', 'ID')}"
    found = {line.partition(":")[0] for line in problems(content)}
    assert found == {
        *("line 1, key title", "line 2, key foo", "line 4, key search.baz"),
        *("line 5, key search.end", "line 6, key analyses.id", "line 7, key analyses.ID"),
    }


@pytest.mark.parametrize(
    "prose",
    [
        '"""\n[search]\nend = 1\n"""',
        "'''\n[search]\nend = 1\n'''",
        '"x" # [search] end = 1',
        '"it\'s # not a comment"',
        '"""\\""" \n[search]\nend = 1 # """',
    ],
)
def test_what_looks_like_a_key_within_a_text_is_not_taken_for_it(
    problems: Problems, prose: str
) -> None:
    content = (
        f"title = {prose}\n# [search]\n# end = 1\n[search]\nkeywords = [\n'end = 2',\n]\nend = 1\n"
    )
    expected = content.count("\n")
    assert problems(content) == [
        f'line {expected}, key search.end: "1" is not text; write it in quotation marks'
    ]


@pytest.mark.parametrize(
    "content",
    [
        *('title = "T', "title = T", f"{TITLE}{TITLE}", "title", "[search]\n[search]", "\x00"),
        *('title = "T"\rfoo = 1', "a = " + "[" * 5000 + "]" * 5000, "a." * 3000 + "a = 1"),
        *("a = " + "9" * 5000, "a = 0x" + "f" * 5000, "a = 99999999999999999999"),
    ],
)
def test_what_is_not_toml_is_said_to_be_none(problems: Problems, content: str) -> None:
    (line,) = problems(content)
    assert line.startswith("review.toml: is not TOML (")
    assert line.endswith("mend the TOML: text in quotation marks, one key = value a line")


def test_a_file_in_another_encoding_is_refused_at_the_line_where_it_shows(
    problems: Problems,
) -> None:
    latin = '# review\ntitle = "é"\n'.encode("latin-1")
    assert problems(latin) == ["line 2: is not UTF-8; save it as UTF-8"]
    assert problems(TITLE.encode("utf-16")) == ["line 1: is not UTF-8; save it as UTF-8"]
    (line,) = problems(TITLE.encode("utf-16-le"))
    assert line.startswith("review.toml: is not TOML (")


def test_a_folder_without_a_question_is_met_with_how_to_make_one(tmp_path: Path) -> None:
    for path, reason in [
        (tmp_path / "review.toml", "No such file or directory"),
        (tmp_path, "Is a directory"),
    ]:
        with pytest.raises(QuestionError) as caught:
            read_question(path)
        assert str(caught.value) == (
            f"{path}: cannot be read ({reason}); "
            "give the folder of a review, or make one with: secondlook new DIR"
        )


@settings(deadline=None)
@given(st.text() | st.text("title=[]{}\"'#.\n \\a1-:") | st.binary())
def test_no_content_whatever_breaks_the_reader(content: str | bytes) -> None:
    class Held:
        name = "review.toml"

        def read_bytes(self) -> bytes:
            return content if isinstance(content, bytes) else content.encode(errors="replace")

    with pytest.raises(QuestionError):
        read_question(Held())  # type: ignore[arg-type]


def test_a_path_no_file_can_have_is_one_line() -> None:
    with pytest.raises(QuestionError, match="cannot be read") as caught:
        read_question(Path("\0") / "review.toml")
    assert str(caught.value).isprintable()
