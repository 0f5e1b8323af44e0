from __future__ import annotations

import re
import sys
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory

from lxml import etree
from matplotlib.figure import Figure

import secondlook as sl
from secondlook.report.figure_files import save, svg_text
from secondlook.report.forest import forest
from secondlook.report.harvest import harvest

PLAN = "primary-3-year-survival-difference"


def drawn(review: sl.Review) -> Figure:
    return forest(sl.synthesis.analyse(review.evidence, review.question.analysis(PLAN)))


def as_svg(figure: Figure) -> bytes:
    with TemporaryDirectory() as folder:
        return save(figure, Path(folder), "figure")[0].read_bytes()


def page_part(figure: Figure, name: str) -> str:
    return svg_text(
        as_svg(figure), name=name, title="A <b> & title", description="What it shows\x07"
    )


def test_the_same_figure_drawn_twice_gives_the_same_bytes(
    bundled: sl.Review, tmp_path: Path
) -> None:
    first = save(drawn(bundled), tmp_path / "one", "plot")
    second = save(drawn(bundled), tmp_path / "two", "plot")
    assert [path.suffix for path in first] == [".svg", ".pdf", ".png"]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_a_figure_saved_over_another_leaves_no_other_file(
    bundled: sl.Review, tmp_path: Path
) -> None:
    save(Figure(), tmp_path, "plot")
    save(drawn(bundled), tmp_path, "plot")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plot.pdf", "plot.png", "plot.svg"]


def test_files_carry_the_title_and_no_date(bundled: sl.Review, tmp_path: Path) -> None:
    svg, pdf, _ = save(drawn(bundled), tmp_path, "plot")
    assert bundled.question.analysis(PLAN).title in svg.read_text(encoding="utf-8")
    assert "dc:date" not in svg.read_text(encoding="utf-8")
    assert b"CreationDate" not in pdf.read_bytes()


def test_two_figures_on_a_page_share_no_id_and_every_reference_is_met(bundled: sl.Review) -> None:
    votes = sl.synthesis.count_votes(bundled.evidence)
    parts = [page_part(drawn(bundled), "a"), page_part(harvest(votes), "b")]
    ids = [re.findall(r'\bid="([^"]+)"', part) for part in parts]
    assert all(len(found) == len(set(found)) for found in ids)
    assert not set(ids[0]) & set(ids[1])
    for part, found in zip(parts, ids, strict=True):
        used = re.findall(r'href="#([^"]+)"', part) + re.findall(r"url\(#([^)]+)\)", part)
        assert used
        assert set(used) <= set(found)


def test_a_figure_on_a_page_scales_and_can_be_heard(bundled: sl.Review) -> None:
    root = etree.fromstring(page_part(drawn(bundled), "a"))
    assert "width" not in root.attrib
    assert "height" not in root.attrib
    assert root.get("viewBox")
    assert root.get("role") == "img"
    spoken = {child.get("id"): child.text for child in list(root)[:2]}
    assert list(spoken.values()) == ["A <b> & title", "What it shows "]
    assert str(root.get("aria-labelledby")).split() == list(spoken)


def test_a_figure_on_a_page_needs_no_font_of_the_readers_machine(bundled: sl.Review) -> None:
    part = page_part(drawn(bundled), "a")
    assert "<text" not in part
    assert "font-family" not in part


def test_drawing_needs_no_window_system_and_no_global_state(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys; from secondlook.report.harvest import harvest;"
        "from secondlook.report.figure_files import save;"
        f"save(harvest(()), pathlib.Path({str(tmp_path)!r}), 'a');"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
