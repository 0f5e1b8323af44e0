"""The written report: complete, self-contained, and fit for a screen of any width."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import html
from playwright.sync_api import Browser

import secondlook as sl
from secondlook.evidence import Finding, Reported, Source
from secondlook.report import write_report

WIDTHS = (390, 768, 1280)


def numbers(written: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((written / "numbers.json").read_text("utf-8"))
    return content


def tree_of(written: Path) -> Any:
    return html.document_fromstring((written / "report.html").read_text(encoding="utf-8"))


def ignore(_stage: str) -> None:
    """Take no notice of progress."""


def test_the_page_asks_for_nothing_outside_itself(written: Path) -> None:
    tree = tree_of(written)
    targets = [value for *_, attribute, value, _ in tree.iterlinks() if attribute]
    assert [t for t in targets if not t.startswith(("#", "data:", "url(#"))] == []
    assert tree.xpath("//script | //iframe | //img | //link[@rel='stylesheet']") == []


def test_every_link_within_the_page_leads_somewhere(written: Path) -> None:
    tree = tree_of(written)
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert {h.removeprefix("#") for h in tree.xpath("//a/@href") if h != "#"} <= set(ids)


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_sticks_out_of_the_page_and_nothing_is_fetched(
    written: Path, browser: Browser, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    fetched: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto((written / "report.html").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in fetched if not url.startswith(("file:", "data:"))] == []
    assert said == []
    page.close()


def test_every_printed_cell_of_the_three_tables_is_on_the_page(
    written: Path, bundled: sl.Review
) -> None:
    tree = tree_of(written)
    for table in bundled.evidence.tables():
        anchor = f"printed-pockaj2010-{table.place.lower().replace(' ', '-').replace(',', '')}"
        shown = [
            "".join(c for c in cell.text_content() if not c.isspace())
            for cell in tree.xpath(f"//article[@id='{anchor}']//tbody//td")
        ]
        printed = [
            "".join(c for c in cell or "" if not c.isspace())
            for row, cells in table.rows
            for cell in (row, *cells)
        ]
        assert shown == printed, table.place


def test_every_study_looked_at_is_on_the_page_also_those_not_pooled(
    written: Path, bundled: sl.Review
) -> None:
    tree = tree_of(written)
    for result in bundled.answer().results:
        rows = tree.xpath(
            f"//article[@id='analysis-{result.analysis.id}']//div/table//tbody/tr/td[1]"
        )
        shown = {row.text_content() for row in rows}
        assert {row.study.label for row in result.rows} <= shown


def test_a_number_leads_to_the_cell_it_was_read_from(written: Path) -> None:
    tree = tree_of(written)
    (article,) = tree.xpath("//article[@id='analysis-hepatic-5-year-survival']")
    links = article.xpath(".//td//a")
    assert len(links) == 15
    for link in links:
        (cell,) = tree.xpath(f"//*[@id='{link.get('href').removeprefix('#')}']")
        assert cell.text_content() == link.text_content()
        (table,) = cell.iterancestors("article")
        assert table.get("id") == "printed-pockaj2010-table-1"


def test_the_notice_stands_at_the_head_and_the_foot_of_the_page(written: Path) -> None:
    tree = tree_of(written)
    (head,), (foot,) = tree.xpath("//header"), tree.xpath("//footer")
    assert "not advice for any one patient" in " ".join(head.text_content().split())
    assert "never advice for one patient" in " ".join(foot.text_content().split())


def test_an_approximation_is_named_where_it_is_used(written: Path) -> None:
    tree = tree_of(written)
    (article,) = tree.xpath("//article[@id='analysis-hepatic-5-year-survival']")
    assert "binomial" in article.text_content()
    assert "Kaplan-Meier" in article.text_content()


def test_the_files_listed_in_the_numbers_are_the_files_that_are_there(written: Path) -> None:
    listed = numbers(written)["files"]
    there = {
        path.relative_to(written).as_posix()
        for folder in ("figures", "tables")
        for path in (written / folder).iterdir()
    }
    assert set(listed) == there


def test_every_figure_comes_as_svg_pdf_and_png(written: Path) -> None:
    starts = {".svg": b"<?xml", ".pdf": b"%PDF", ".png": b"\x89PNG"}
    names = {path.stem for path in (written / "figures").iterdir()}
    assert names >= {"hepatic-5-year-survival", "prognostic-factors"}
    for name in names:
        for ending, start in starts.items():
            assert (written / "figures" / f"{name}{ending}").read_bytes().startswith(start)


def test_the_numbers_of_the_page_are_those_of_the_file(written: Path) -> None:
    answers = {entry["id"]: entry for entry in numbers(written)["analyses"]}
    with (written / "tables" / "answers.csv").open(encoding="utf-8") as stream:
        table = list(csv.DictReader(stream))
    shown = answers["hepatic-5-year-survival"]["shown"]
    assert float(table[0]["estimate"]) == shown["estimate"]
    (first,) = tree_of(written).xpath("//*[@id='answers']//tbody/tr[1]/td[4]")
    assert first.text_content() == f"{shown['estimate']:.1f}\u00a0%"


def test_the_same_review_gives_the_same_bytes(bundled: sl.Review, written: Path) -> None:
    before = {path: path.read_bytes() for path in written.rglob("*") if path.is_file()}
    again = bundled.run(written).parent
    after = {path: path.read_bytes() for path in again.rglob("*") if path.is_file()}
    assert {path for path in before if before[path] != after.get(path)} == set()
    assert before.keys() == after.keys()


def test_what_an_earlier_report_wrote_goes_and_what_others_put_there_stays(
    bundled: sl.Review, tmp_path: Path
) -> None:
    contents = bundled.answer()
    write_report(contents, tmp_path, ignore)
    (tmp_path / "figures" / "mine.png").write_bytes(b"mine")
    fewer = replace(contents, results=contents.results[:1], curves=(), votes=())
    write_report(fewer, tmp_path, ignore)
    left = {path.name for path in (tmp_path / "figures").iterdir()}
    plan = contents.results[0].analysis
    kept = [plan.id, *(f"{plan.id}-{kind}" for kind in plan.figures)]
    assert left == {f"{name}.{end}" for name in kept for end in ("svg", "pdf", "png")} | {
        "mine.png"
    }


def test_text_from_a_file_cannot_become_markup(bundled: sl.Review, tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    study = replace(bundled.evidence.studies[0], key="h", label=hostile, site="liver", reference="")
    finding = replace(bundled.evidence.findings[0], study="h", note=hostile)
    evidence = replace(
        bundled.evidence,
        studies=(*bundled.evidence.studies, study),
        findings=(*bundled.evidence.findings, finding),
    )
    review = replace(bundled, evidence=evidence)
    contents = review.answer()
    question = contents.question.model_copy(update={"title": hostile})
    page = write_report(replace(contents, question=question), tmp_path, ignore)
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text
    assert re.search(r"&lt;script&gt;", text)


def cell(study: str, place: str, row: str, column: str, printed: str) -> Finding:
    return Finding(
        study=study,
        endpoint="OS",
        statistic="median",
        value=Reported(printed),
        source=Source("doc", place, row, column, printed),
    )


def test_tables_whose_names_are_written_alike_keep_their_own_cells(
    bundled: sl.Review, tmp_path: Path
) -> None:
    places = ("Table 1", "Table-1", "表1", "表 1", "T" * 300)
    found = tuple(cell("adam2006", place, "A", "c", f"{n}.5") for n, place in enumerate(places))
    evidence = sl.evidence.Evidence(bundled.evidence.studies, findings=found)
    review = replace(
        bundled,
        evidence=evidence,
        question=bundled.question.model_copy(update={"analyses": ()}),
    )
    write_report(review.answer(), tmp_path, ignore)
    files = list((tmp_path / "tables").glob("printed-*.csv"))
    assert len(files) == len(places)
    ids = tree_of(tmp_path).xpath("//@id")
    assert len(ids) == len(set(ids))


def test_two_rows_with_one_heading_stay_two_rows() -> None:
    found = (cell("a", "Table 1", "Smith", "c", "11"), cell("b", "Table 1", "Smith", "c", "77"))
    (table,) = sl.evidence.Evidence(findings=found).tables()
    assert table.rows == (("Smith", ("11",)), ("Smith (b)", ("77",)))


def test_a_number_with_a_column_and_no_row_is_still_on_the_page(
    bundled: sl.Review, tmp_path: Path
) -> None:
    found = (*bundled.evidence.findings, cell("adam2006", "Table 9", "", "Median", "77.75"))
    evidence = replace(bundled.evidence, findings=found)
    contents = replace(bundled.answer(), evidence=evidence)
    write_report(contents, tmp_path, ignore)
    assert "77.75" in tree_of(tmp_path).xpath("string(//*[@id='text-numbers'])")
