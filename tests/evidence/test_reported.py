from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secondlook.evidence import Kind, Reported

PLAIN = st.from_regex(r"[-−–]?(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?", fullmatch=True)
UNSIGNED = st.from_regex(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?", fullmatch=True)
MARK = st.sampled_from([*"abcdefghijklnopqrstuvxz", *"*†‡§¶#‖ᵃᵇ¹²³⁴", "[sic]", "a,b", "**", "^a"])


@given(st.text() | st.text("0123456789.,·<>=~-−% ab*†[]sic\n\u00a0٣¹", max_size=130))
@example("9" * 5000)
@example("1." + "0" * 5000)
@example(" " * 20_000 + "x")
@example("*" * 60 + "!")
@example("5" + " a" * 20_000 + "!")
@example("\x00")
def test_any_string_is_kept_untouched_and_read_without_complaint(printed: str) -> None:
    reported = Reported(printed)
    assert reported.printed == str(reported) == printed
    assert reported.is_number == (reported.value is not None)
    assert reported.is_number + reported.is_missing + (reported.kind is Kind.TEXT) == 1
    if reported.value is not None:
        low, high = reported.interval
        assert low is None or low <= Fraction(reported.value)
        assert high is None or Fraction(reported.value) <= high


@given(PLAIN)
def test_a_plain_number_stands_for_half_a_unit_of_its_last_place_either_way(printed: str) -> None:
    reported = Reported(printed)
    plain = printed.replace("−", "-").replace("–", "-")
    decimals = len(plain.partition(".")[2])
    low, high = reported.interval
    assert low is not None
    assert high is not None
    assert reported.value == Decimal(plain)
    assert low < Fraction(plain) < high
    assert high - low == Fraction(1, 10**decimals)
    assert high - Fraction(plain) == Fraction(plain) - low


@given(st.integers(1000, 10**9), st.sampled_from(",  \u00a0\u2009\u202f"), st.sampled_from([2, 0]))
def test_thousands_separators_do_not_change_the_value(
    number: int, separator: str, decimals: int
) -> None:
    grouped = f"{number:,.{decimals}f}".replace(",", separator)
    assert Reported(grouped).value == number
    assert Reported(grouped).interval == Reported(f"{number}.{'0' * decimals}".strip(".")).interval


@given(PLAIN, MARK, st.sampled_from(["", " ", "  "]), st.sampled_from(["", " [sic]", " †"]))
def test_footnote_marks_change_neither_value_nor_interval(
    printed: str, mark: str, space: str, more: str
) -> None:
    marked = Reported(f"{printed}{space}{mark}{more}")
    assert marked.value == Reported(printed).value
    assert marked.interval == Reported(printed).interval
    assert marked.marks


@given(UNSIGNED)
def test_a_decimal_comma_is_a_decimal_point_unless_it_could_part_thousands(printed: str) -> None:
    whole, _, decimals = printed.partition(".")
    could_be_thousands = len(decimals) == 3 and len(whole) <= 3 and whole != "0"
    value = Reported(printed.replace(".", ",")).value
    assert value == (Decimal(whole + decimals) if could_be_thousands else Decimal(printed))


@given(UNSIGNED, st.sampled_from(["<", "≤", "<=", ">", "≥", ">="]), st.sampled_from(["", " "]))
def test_a_printed_bound_is_bounded_on_one_side_only(sign_of: str, sign: str, space: str) -> None:
    below, above = Reported(sign + space + sign_of).interval
    bound = Fraction(sign_of)
    assert (below, above) == ((None, bound) if sign[0] in "<≤" else (bound, None))


@pytest.mark.parametrize(
    ("printed", "value", "interval", "marks"),
    [
        # Ludwig, Table 2; Khan, Table 3; Pocard, Table 1; P of Gnerlich in the text
        ("27.6", "27.6", (Fraction(551, 20), Fraction(553, 20)), ""),
        ("16,023", "16023", (Fraction(32045, 2), Fraction(32047, 2)), ""),
        ("46 a", "46", (Fraction(91, 2), Fraction(93, 2)), "a"),
        ("<0.001", "0.001", (None, Fraction(1, 1000)), ""),
        ("<0,001", "0.001", (None, Fraction(1, 1000)), ""),
        ("0·05", "0.05", (Fraction(9, 200), Fraction(11, 200)), ""),
        (".5", "0.5", (Fraction(9, 20), Fraction(11, 20)), ""),
        ("1,234.5", "1234.5", (Fraction(24689, 20), Fraction(24691, 20)), ""),
        ("130 [sic]", "130", (Fraction(259, 2), Fraction(261, 2)), "[sic]"),
        ("46 a,b [sic]", "46", (Fraction(91, 2), Fraction(93, 2)), "a b [sic]"),
        ("−3 %", "-3", (Fraction(-7, 2), Fraction(-5, 2)), ""),
        ("about 5", "5", (None, None), ""),
        ("~5", "5", (None, None), ""),
        ("46⁴", "46", (Fraction(91, 2), Fraction(93, 2)), "⁴"),
    ],
)
def test_number_is_read_as_by_hand(
    printed: str, value: str, interval: tuple[Fraction | None, Fraction | None], marks: str
) -> None:
    reported = Reported(printed)
    assert reported.kind is Kind.NUMBER
    assert reported.value == Decimal(value)
    assert (reported.interval, reported.marks) == (interval, marks)


@pytest.mark.parametrize(
    "printed",
    [
        *("9,162 (57)", "28 (PM) 32 (TM)", "P<0.001", "5–6", "5 ± 2", "12 m", "5 y", "12 months"),
        *("1.234,5", "1.234.567", "1,234,56", "1,234 567", "0 123", "5.", "1'000", "--5", "- 3"),
        *("12-May", "1.00E+03", "1e2", "nan", "inf", "-Infinity", "0x10", "1_000", "#DIV/0!"),
        *("٣", "1٣", "१२", "５", "١,٢٣٤", "Ⅷ", "½", "²", "10⁻³", "sic", "[sic]", "a"),
    ],
)
def test_what_is_not_one_number_is_text_and_has_no_value(printed: str) -> None:
    reported = Reported(printed)
    assert (reported.kind, reported.value) == (Kind.TEXT, None)
    with pytest.raises(ValueError, match="no number"):
        reported.interval  # noqa: B018
    with pytest.raises(ValueError, match="no number"):
        float(reported)


@pytest.mark.parametrize(
    ("printed", "kind", "marks"),
    [
        ("", Kind.BLANK, ""),
        (" \n\u00a0", Kind.BLANK, ""),
        ("–", Kind.BLANK, ""),
        ("NR", Kind.NOT_REPORTED, ""),
        ("NR b", Kind.NOT_REPORTED, "b"),
        ("n.r.*", Kind.NOT_REPORTED, "*"),
        ("Not  Reached", Kind.NOT_REACHED, ""),
        ("NR (not reached)", Kind.NOT_REACHED, ""),
        ("NA", Kind.NOT_APPLICABLE, ""),
        ("n/a †", Kind.NOT_APPLICABLE, "†"),
    ],
)
def test_the_kinds_of_missing_are_kept_apart(printed: str, kind: Kind, marks: str) -> None:
    reported = Reported(printed)
    assert (reported.kind, reported.marks, reported.is_missing) == (kind, marks, True)


def test_two_numbers_printed_differently_are_different_records() -> None:
    assert Reported("27.60") != Reported("27.6")
    assert Reported("27.60").value == Reported("27.6").value
