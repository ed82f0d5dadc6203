"""Cleaning: what has no business in text goes, everything else stays where a reader would see it."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parse.clean import clean, clean_lines, clean_prose, collapse, hidden_tags, joined


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a\0b", "ab"),
        ("bell\x07 and escape \x1b[31m", "bell and escape [31m"),
        ("lone \ud800 surrogate", "lone \ufffd surrogate"),
        ("eﬃcient ﬁnd oﬀ ﬂow", "efficient find off flow"),
        ("hy\u00adphen zero\u200bwidth \ufeffmark", "hyphen zerowidth mark"),
        ("thin\u2009nbsp\u00a0wide\u3000space", "thin nbsp wide space"),
        ("one\r\ntwo\rthree\u2028four\ffive", "one\ntwo\nthree\nfour\nfive"),
        ("safe\u202efdp.exe\u202c", "safefdp.exe"),
        ("plain\U000e0068\U000e0069 text", "plain text"),
        ("cafe\u0301", "café"),
        ("नमस्\u200dते", "नमस्\u200dते"),  # a joiner that the script needs stays
        ("\uf0b7 item", "• item"),
        ("\ufffe\uffff\ufdd0", ""),
        ("\u2f00\u2fa7\u2fd5\u2f2d", "一長龠山"),  # Kangxi radicals, first and last among them
        ("\u2e9f\u2ec5\u2ed3\u2ed4\u2ee2\u2ef3\u2e81", "母见长门马龟厂"),  # the CJK radicals supplement
        ("\u2e80\u2e9a", "\u2e80\u2e9a"),  # no ideograph is like it; no such character
    ],
)
def test_one_kind_of_dirt(given: str, expected: str) -> None:
    assert clean(given) == expected


def test_lines_lose_the_spaces_at_their_ends_and_surplus_blank_lines() -> None:
    assert clean_lines("\n\n  a  \t\n\n\n\nb\n \n c \n") == "  a\n\nb\n\n c"


def test_prose_is_one_line() -> None:
    assert clean_prose("  a\n b\t\tc  ") == "a b c"


def test_dot_leaders_shrink() -> None:
    assert collapse("Introduction . . . . . . . . . 7") == "Introduction … 7"
    assert collapse("wait... what") == "wait... what"


def test_hidden_tags_are_counted() -> None:
    assert hidden_tags("a\U000e0041\U000e0042b") == 2
    assert hidden_tags("ab") == 0


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("one", "two", "one two"),
        ("中文", "继续", "中文继续"),
        ("中文，", "继续", "中文，继续"),
        ("用 Python", "写", "用 Python 写"),
        ("", "x", "x"),
        ("x ", "y", "x y"),
        ("한국", "어", "한국 어"),  # Korean is written with spaces
    ],
)
def test_pieces_are_joined_as_their_script_is_written(before: str, after: str, expected: str) -> None:
    assert joined(before, after) == expected


@given(st.text())
def test_what_comes_out_is_valid_and_stable(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert clean(cleaned) == cleaned
    assert not any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in cleaned)


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_lines_and_prose_are_stable_too(text: str) -> None:
    assert clean_lines(clean_lines(text)) == clean_lines(text)
    assert clean_prose(clean_prose(text)) == clean_prose(text)


@pytest.mark.parametrize(
    "text", [" " * 3_000_000 + "x", " ." * 1_500_000, "\n" * 3_000_000, "\u00ad" * 3_000_000]
)
def test_time_is_linear(text: str) -> None:
    begun = time.process_time()
    clean_lines(text)
    clean_prose(text)
    assert time.process_time() - begun < 10
