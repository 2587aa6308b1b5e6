"""Characters that act on a terminal or a page are written out; all others stay as they are."""

import json
import sys
import unicodedata
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opp_mri.domain.visible_text import make_line_visible, make_visible

JOINERS: Final = "\u200c\u200d"  # Persian and Indic words need them


def test_every_control_format_and_separator_character_of_unicode_is_written_out() -> None:
    acting_characters = {
        char
        for char in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") and char not in JOINERS
    }
    assert {char for char in acting_characters if make_line_visible(char) == char} == set()
    assert {char for char in acting_characters if make_visible(char) == char} == {"\t", "\n"}


def test_letters_of_all_scripts_stay_as_they_are() -> None:
    letters = "".join(
        char
        for char in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(char)[0] in "LMNPS" or char in f" {JOINERS}"
    )
    assert make_visible(letters) == letters
    assert make_line_visible(letters) == letters


@pytest.mark.parametrize(
    ("text", "visible_text"),
    [
        ("\x1b]0;title\x07", r"\u001b]0;title\u0007"),
        ("\x9b2J", r"\u009b2J"),
        ("\u202efdp.exe", r"\u202efdp.exe"),
        ("\U000e0041", r"\udb40\udc41"),
        ("a\x7f", r"a\u007f"),
    ],
)
def test_what_acts_is_shown_as_json_writes_it(text: str, visible_text: str) -> None:
    assert make_visible(text) == visible_text


@given(st.text())
def test_a_json_document_means_the_same_afterwards(text: str) -> None:
    assert json.loads(make_visible(json.dumps(text, ensure_ascii=False))) == text


@given(st.text())
def test_a_value_stays_on_its_line(text: str) -> None:
    assert len(make_line_visible(text).splitlines()) <= 1
