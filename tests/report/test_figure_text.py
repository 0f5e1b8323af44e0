from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from secondlook.report.figure_text import block, measure, printable
from secondlook.report.style import BOLD, REGULAR


@given(text=st.text(max_size=120), width=st.floats(20, 400))
def test_no_line_is_wider_than_asked_and_no_letter_is_lost(text: str, width: float) -> None:
    wrapped = block(text, width=width)
    letters = "".join(printable(part) for part in text.split("\n"))
    assert all(len(line) == 1 or measure(line).width <= width for line in wrapped.lines)
    assert "".join(wrapped.lines).replace(" ", "") == letters.replace(" ", "")


@given(text=st.text(max_size=60))
def test_what_is_printable_stays_as_it_is(text: str) -> None:
    assert printable(printable(text)) == printable(text)


def test_a_no_break_space_is_not_a_place_to_break() -> None:
    assert block("aaaa P\u00a0=\u00a00.05", width=50).lines == ("aaaa", "P\u00a0=\u00a00.05")


def test_bold_letters_take_more_room_than_regular_ones() -> None:
    assert measure("Survival", BOLD).width > measure("Survival", REGULAR).width


def test_a_block_is_as_high_as_its_lines_and_the_gaps_between_them() -> None:
    one, two = block("one"), block("one\none")
    assert 2 * one.height < two.height < 2.5 * one.height
