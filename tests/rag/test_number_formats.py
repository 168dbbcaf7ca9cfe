"""Numbers of a spreadsheet come out as the sheet shows them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.office.number_formats import GENERAL, number_format, plain


@pytest.mark.parametrize(
    ("code", "value", "shown"),
    [
        ("General", 0.1 + 0.2, "0.3"),
        ("General", 1234567.0, "1234567"),
        ("General", 1e-7, "0.0000001"),
        ("General", 1e20, "1e+20"),
        ("0.00", 12.5, "12.50"),
        ("0", 2.5, "3"),
        ("0.00", 1.005, "1.01"),
        ("#,##0.00", 1234.5, "1234.50"),
        ("0%", 0.25, "25%"),
        ("0.0%", -0.0525, "-5.3%"),
        ("00000", 8001, "08001"),
        ('#,##0.00 "€"', 1999.99, "1999.99 €"),
        ("[$€-2] #,##0.00", 5, "€ 5.00"),
        ('"$"#,##0_);("$"#,##0)', -7, "-$7"),
        ('0 "kg"', 600, "600 kg"),
        ("0.00E+00", 12345, "12345"),
        ("# ?/?", 0.5, "0.5"),
        ("yyyy-mm-dd", 45292, "2024-01-01"),
        ("dd/mm/yyyy", 45292.75, "2024-01-01"),
        ("m/d/yy h:mm", 45292.75, "2024-01-01 18:00"),
        ("mmmm yyyy", 45292, "2024-01-01"),
        ("[$-C0A]d mmm yyyy;@", 45292, "2024-01-01"),
        ("h:mm AM/PM", 0.5, "12:00"),
        ("hh:mm:ss", 0.500011574, "12:00:01"),
        ("[h]:mm", 1.5, "36:00:00"),
        ("yyyy-mm-dd", 59, "1900-02-28"),
        ("yyyy-mm-dd", 61, "1900-03-01"),
        ("yyyy-mm-dd", -1, "-1"),
        ("yyyy-mm-dd", 9e9, "9000000000"),
        ("@", 5, "5"),
        ("", 5, "5"),
    ],
)
def test_a_number_is_written_as_its_format_shows_it(code: str, value: float, shown: str) -> None:
    """Dates in ISO form, halves rounded up, units and leading zeros kept, no float noise, no thousands separators."""
    assert number_format(code).text(float(value)) == shown


def test_old_workbooks_of_macs_count_their_days_from_1904() -> None:
    """The same number is four years later."""
    assert number_format("yyyy-mm-dd").text(0, is_1904=True) == "1904-01-01"


@given(st.text(max_size=40), st.floats())
def test_no_format_code_and_no_number_breaks_the_reader(code: str, value: float) -> None:
    """Whatever stands in a file, a text comes out."""
    assert isinstance(number_format(code).text(value), str)


@given(st.integers(-(10**14), 10**14), st.integers(0, 3))
def test_a_decimal_of_up_to_fifteen_digits_is_kept(whole: int, places: int) -> None:
    """What people typed is what they read."""
    value = whole / 10**places
    assert float(plain(value)) == float(f"{value:.15g}")
    assert GENERAL.text(value) == plain(value)
