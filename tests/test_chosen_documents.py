"""What a tab chose to be asked: filters for the chain, chips for the page."""

from __future__ import annotations

import pytest
from test_filters import SOURCES, source

from rag.search.filters import chosen
from ui.chosen_documents import MOST_LISTED, Choice, options_of, type_label

OPTIONS = options_of(SOURCES)
CHOICE = Choice(
    source=("/docs/readme.md", "*.csv"),
    folder=("/docs/reports/2024",),
    type=("pdf", "sheet"),
    after=("2024-01",),
    before=("2025",),
)


def test_what_there_is_to_choose_from() -> None:
    assert OPTIONS.sources["/docs/reports/2024/costs.csv"] == "reports/2024/costs.csv"
    assert list(OPTIONS.folders.items()) == [
        ("/docs/letters", "letters/"),
        ("/docs/reports", "reports/"),
        ("/docs/reports/2023", "reports/2023/"),
        ("/docs/reports/2024", "reports/2024/"),
        ("/docs/茶", "茶/"),
    ]
    assert next(iter(OPTIONS.types.items())) == ("pdf", "PDF (2)")
    assert OPTIONS.types["sheet"] == "Sheets (2)"
    assert options_of([]).sources == {}


def test_filters_are_whole_paths_so_that_no_namesake_is_meant() -> None:
    assert CHOICE.filters() == (
        "source:/docs/readme.md",
        "source:*.csv",
        "folder:/docs/reports/2024",
        "type:pdf",
        "type:sheet",
        "after:2024-01",
        "before:2025",
    )
    assert [one.source for one in chosen(SOURCES, CHOICE.filters())] == ["reports/2024/costs.csv"]
    others = [*SOURCES, source("sub/readme.md")]
    only = Choice(source=("/docs/readme.md",)).filters()
    assert [one.source for one in chosen(others, only)] == ["readme.md"]
    assert Choice().filters() == ()


@pytest.mark.parametrize("value", OPTIONS.sources)
def test_each_listed_source_is_found_by_its_filter(value: str) -> None:
    assert [one.location.decode() for one in chosen(SOURCES, [f"source:{value}"])] == [value]


def test_chips_say_what_was_chosen_and_are_taken_away() -> None:
    labels = [chip["label"] for chip in CHOICE.chips(OPTIONS)]
    assert labels == [
        "readme.md",
        "*.csv",
        "reports/2024/",
        "PDF",
        "Sheets",
        "modified since 2024-01",
        "modified before 2025",
    ]
    left = CHOICE
    for chip in CHOICE.chips(OPTIONS)[1:]:
        left = left.without(chip["id"])
    assert left == Choice(source=("/docs/readme.md",))
    assert left.without("nonsense:x") == left
    gone = Choice(source=("/gone\x1b[31m.txt",)).chips(OPTIONS)
    assert gone[0]["label"] == "/gone\\x1b[31m.txt"


def test_many_sources_are_not_all_listed() -> None:
    many = [source(f"{number}/a.txt") for number in range(MOST_LISTED + 10)]
    assert len(options_of(many).sources) == len(options_of(many).folders) == MOST_LISTED


def test_labels() -> None:
    words = ["pdf", "sheet", "slides", "mail", "web", "markdown", "picture", "archive", "x-new"]
    labels = ["PDF", "Sheets", "Slides", "Mail", "Web pages", "Markdown", "Pictures", "Archives", "X-News"]
    assert [type_label(word) for word in words] == labels
