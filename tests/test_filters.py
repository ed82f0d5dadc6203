"""Which documents filters mean: kinds, patterns, dates, combinations, and what is said where none is."""

from __future__ import annotations

import contextlib
import dataclasses
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parse import FORMATS
from rag.errors import UsageError
from rag.records import Source
from rag.search.filters import TYPES, chosen, filters_of, split_filter, type_word

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


INGESTED = "2025-01-01T00:00:00+00:00"


def source(name: str, media_type: str = "text/plain", day: str = "2024-06-15", root: str = "/docs") -> Source:
    modified = int(datetime.fromisoformat(day).timestamp()) * 10**9
    location = f"{root}/{name}".encode()
    return Source(
        name, root, location, name, media_type, None, 1, modified, 1, 1, "2024-07-01T00:00:00+00:00"
    )


SOURCES = [
    source("readme.md", "text/markdown", "2023-12-31"),
    source("reports/2023/annual.pdf", "application/pdf", "2024-01-01"),
    source("reports/2024/annual.pdf", "application/pdf", "2024-02-29"),
    source("reports/2024/costs.csv", "text/csv", "2024-03-01"),
    source("letters/Müller [final].docx", DOCX, "2024-12-31"),
    source("letters/annual.txt"),
    source("茶/茶具清单.csv", "text/csv"),
    source("notes.txt", root="/other place"),
]


def names(*only: str) -> list[str]:
    return [one.source for one in chosen(SOURCES, only)]


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ("readme.md", ["readme.md"]),
        ("source:README.MD", ["readme.md"]),
        ("annual.pdf", ["reports/2023/annual.pdf", "reports/2024/annual.pdf"]),
        ("reports/2024/annual.pdf", ["reports/2024/annual.pdf"]),
        ("/docs/reports/2024/annual.pdf", ["reports/2024/annual.pdf"]),
        ("annual.*", ["reports/2023/annual.pdf", "reports/2024/annual.pdf", "letters/annual.txt"]),
        ("*.csv", ["reports/2024/costs.csv", "茶/茶具清单.csv"]),
        ("reports/*/annual.pdf", ["reports/2023/annual.pdf", "reports/2024/annual.pdf"]),
        (
            "reports/**",
            [f"reports/{one}" for one in ("2023/annual.pdf", "2024/annual.pdf", "2024/costs.csv")],
        ),
        ("**/2024/*", ["reports/2024/annual.pdf", "reports/2024/costs.csv"]),
        ("r?adme.md", ["readme.md"]),
        ("Müller [final].docx", ["letters/Müller [final].docx"]),
        ("Mu\u0308ller*", ["letters/Müller [final].docx"]),  # the other normal form
        ("茶具清单.csv", ["茶/茶具清单.csv"]),
        ("/other place/*", ["notes.txt"]),
        ("letters/", ["letters/Müller [final].docx", "letters/annual.txt"]),
        ("2024/", ["reports/2024/annual.pdf", "reports/2024/costs.csv"]),
        ("folder:reports/2024", ["reports/2024/annual.pdf", "reports/2024/costs.csv"]),
        ("folder:/docs/reports/2023", ["reports/2023/annual.pdf"]),
        ("folder:reports/*4", ["reports/2024/annual.pdf", "reports/2024/costs.csv"]),
        ("type:pdf", ["reports/2023/annual.pdf", "reports/2024/annual.pdf"]),
        ("pdf", ["reports/2023/annual.pdf", "reports/2024/annual.pdf"]),
        ("type:PDFs", ["reports/2023/annual.pdf", "reports/2024/annual.pdf"]),
        ("type:spreadsheet", ["reports/2024/costs.csv", "茶/茶具清单.csv"]),
        ("type:docx", ["letters/Müller [final].docx"]),
        ("type:document", ["letters/Müller [final].docx"]),
        ("after:2024-03", ["reports/2024/costs.csv", "letters/Müller [final].docx", *names("date:2024-06")]),
        ("before:2024", ["readme.md"]),
        ("date:2024-02", ["reports/2024/annual.pdf"]),
        ("date:2024-12-31", ["letters/Müller [final].docx"]),
        ("date:2024-12", ["letters/Müller [final].docx"]),
        ("date:2023", ["readme.md"]),
    ],
)
def test_one_filter(only: str, expected: list[str]) -> None:
    assert sorted(names(only)) == sorted(expected)


def test_filters_of_a_kind_are_alternatives_and_kinds_go_together() -> None:
    assert names("readme.md", "notes.txt") == ["readme.md", "notes.txt"]
    assert names("type:pdf", "type:sheet", "reports/", "after:2024-02") == [
        "reports/2024/annual.pdf",
        "reports/2024/costs.csv",
    ]
    assert names("after:2024-02", "before:2024-03-01") == ["reports/2024/annual.pdf"]
    assert names() == [one.source for one in SOURCES]


def test_a_path_as_seen_from_where_one_stands(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))
    here = source("a/b.txt", root=f"{tmp_path}/docs")
    others = [*SOURCES, here]
    assert chosen(others, ["docs/a/b.txt"]) == [here]
    assert chosen(others, ["docs/"]) == [here]
    assert chosen(others, ["folder:./docs/a"]) == [here]


@pytest.mark.parametrize(
    ("only", "message"),
    [
        (["readme.me"], r"no document matches 'readme.me'; did you mean 'readme.md'\?"),
        (["reports/2025/annual.pdf"], r"did you mean 'reports/202\d/annual.pdf' or"),
        (["*.pptx"], r"'\*\.pptx'; there are pdf \(2\), sheet \(2\), text \(2\),.*; `rag sources` lists"),
        (["report/"], r"'report/'; did you mean 'reports'"),
        (
            ["type:mail"],
            r"'type:mail'; there are pdf \(2\), sheet \(2\), text \(2\), markdown \(1\), word \(1\)",
        ),
        (["after:2025"], r"'after:2025'; they were modified from 2023-12-31 to 2024-12-31"),
        (["after:yesterday"], "'yesterday' is not a date; write 2024, 2024-01 or 2024-01-31"),
        (["after:2024-13"], "'2024-13' is not a date"),
        (["before:2023-02-30"], "'2023-02-30' is not a date"),
        (["date:0000"], "'0000' is not a date"),
        (["type:pdf", "letters/"], r"no document is all of this at once.* type:pdf 2, letters/ 2; leave one"),
        (["readme.md", "typo.md"], "no document matches 'typo.md'"),
    ],
)
def test_nothing_is_said_with_what_there_is(only: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        chosen(SOURCES, only)


def test_an_empty_index_is_said_to_be_empty() -> None:
    with pytest.raises(UsageError, match="no document matches 'type:pdf': the index is empty"):
        chosen([], ["type:pdf"])


def test_what_comes_from_outside() -> None:
    assert filters_of(None) == filters_of([]) == ()
    assert filters_of("type:pdf") == ("type:pdf",)
    assert filters_of(["a", " a ", "b"]) == ("a", "b")
    for wrong in (3, {"type": "pdf"}, ["a", 1], b"pdf"):
        with pytest.raises(UsageError, match="filters are strings like 'type:pdf'"):
            filters_of(wrong)
    with pytest.raises(UsageError, match="a filter has 1 characters; it takes from 1 to 4096"):
        filters_of([" "])
    with pytest.raises(UsageError, match="there are 201 filters, the limit is 200"):
        filters_of([str(number) for number in range(201)])
    assert split_filter("folder: a:b ") == ("folder", "a:b")
    assert split_filter("a:b") == (None, "a:b")


def test_every_format_that_is_read_has_a_word() -> None:
    spoken = {media_type for media_types in TYPES.values() for media_type in media_types}
    assert {known.media_type for known in FORMATS} == spoken
    assert type_word("text/csv") == "sheet"
    assert type_word("application/x-new") == "x-new"


@given(st.text(alphabet="ab/*?[]!-.", min_size=1, max_size=12), st.text(alphabet="ab/", max_size=12))
def test_any_pattern_gives_all_or_says_that_it_gives_none(pattern: str, name: str) -> None:
    one = dataclasses.replace(SOURCES[0], source=f"{name}x", location=f"/x/{name}x".encode())
    found = []
    with contextlib.suppress(UsageError):
        found = chosen([one], [f"source:{pattern}"])
    assert found in ([], [one])
    assert chosen([one], [f"source:{name}x", f"source:{name}*"]) == [one]


@given(st.text(alphabet="abc", min_size=1, max_size=4), st.text(alphabet="abc", min_size=1, max_size=4))
def test_a_name_matches_itself_and_no_other(one: str, other: str) -> None:
    found = dataclasses.replace(SOURCES[0], source=one, location=b"/x/" + one.encode())
    if one == other:
        assert chosen([found], [f"source:{other}"]) == [found]
    else:
        with pytest.raises(UsageError):
            chosen([found], [f"source:{other}"])


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    long = source("a" * 250)
    with pytest.raises(UsageError, match="no document"):
        chosen([long] * 50, ["source:" + "*a" * 60 + "b"])
