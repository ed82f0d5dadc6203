"""What stands above a page that is shown beside the answer."""

from __future__ import annotations

import pytest

from rag.records import Source
from ui.page_form import PageForm
from ui.source_page import ShownPage
from ui.source_view import _of_all, _page_words

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.mark.parametrize(
    ("media_type", "page", "label", "count", "words"),
    [
        ("application/pdf", 3, None, 9, "Page 3 of 9"),
        ("application/pdf", 3, "iv", 9, "Page iv (3 of 9)"),
        ("application/pdf", 1, None, 1, ""),
        (XLSX, 2, "section 1", 5, "Sheet section 1 (2 of 5)"),
        (XLSX, 1, "Budget", 1, "Sheet Budget"),
        ("message/rfc822", 1, None, 2, "Message (1 of 2)"),
        ("message/rfc822", 2, "costs.csv", 2, "costs.csv (2 of 2)"),
        ("application/zip", 1, "\x1b[1ma.txt", 1, "\\x1b[1ma.txt"),
        ("text/markdown", 1, None, 1, ""),
    ],
)
def test_what_a_page_is_called(media_type: str, page: int, label: str | None, count: int, words: str) -> None:
    source = Source("a", "/", b"/a", "0", media_type, None, 1, 1, count, 1, "2024-01-01T00:00:00+00:00")
    shown = ShownPage(source, page, label, "text", False, None, PageForm("text"), ())
    assert _of_all(_page_words(shown), shown) == words
