"""The sample documents and their questions: every answer's words stand on the page that is named."""

from __future__ import annotations

import collections
import functools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from ingest.parse import parse
from rag.records import Document

DATA = Path(__file__).parent.parent / "data"
SAMPLES = DATA / "samples"
FILES = sorted(path.relative_to(SAMPLES).as_posix() for path in SAMPLES.rglob("*") if path.is_file())
QUESTIONS: list[dict[str, Any]] = [
    json.loads(line) for line in (DATA / "questions.jsonl").read_text("utf-8").splitlines()
]
FOLLOW_UPS: list[dict[str, Any]] = [
    json.loads(line) for line in (DATA / "follow_ups.jsonl").read_text("utf-8").splitlines()
]
ANSWERS = [
    pytest.param(answer["source"], answer["page"], answer["answer"], id=f"{question['id']}-{position}")
    for question in [*QUESTIONS, *FOLLOW_UPS]
    for position, answer in enumerate([question, *question.get("also", [])])
    if answer["source"] is not None
]


@functools.cache
def document(source: str) -> Document:
    return parse((SAMPLES / source).read_bytes(), source)


def words(text: str) -> str:
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize(("source", "page", "answer"), ANSWERS)
def test_the_answer_is_on_its_page(source: str, page: int, answer: str) -> None:
    pages = {each.number: each.text for each in document(source).pages}
    assert words(answer) in words(pages[page])


@pytest.mark.parametrize("source", FILES)
def test_a_sample_is_read_without_complaint(source: str) -> None:
    read = document(source)
    assert read.warnings == ()
    assert all(len(page.text) > 150 for page in read.pages)


@pytest.mark.parametrize(
    ("source", "pages"),
    [("lighthouses/eddystone-lighthouses.pdf", 6), ("Bread chemistry handout.pdf", 2), ("大运河简史.pdf", 3)],
)
def test_the_pdfs_have_their_pages_and_headings(source: str, pages: int) -> None:
    read = document(source)
    assert [page.number for page in read.pages] == list(range(1, pages + 1))
    assert all(page.headings for page in read.pages)


def test_chinese_pages_hold_no_radicals_in_place_of_characters() -> None:
    # Chromium writes U+2F08 for 人 when the font has one glyph for both; nobody finds such text
    for source in FILES:
        for page in document(source).pages:
            assert not re.search("[\u2e80-\u2fdf]", page.text), source


def test_every_format_and_kind_of_name_is_there() -> None:
    formats = collections.Counter(Path(source).suffix for source in FILES)
    several = {".pdf": 3, ".docx": 2, ".md": 3, ".html": 2, ".txt": 3}
    once = dict.fromkeys([".csv", ".eml", ".epub", ".ipynb", ".json", ".pptx", ".xlsx"], 1)
    assert formats == several | once
    assert any(" " in source for source in FILES)
    assert any("/" in source for source in FILES)
    assert any(not source.isascii() for source in FILES)
    assert sum((SAMPLES / source).stat().st_size for source in FILES) < 1_500_000


def test_questions_are_complete() -> None:
    assert len({question["id"] for question in QUESTIONS}) == len(QUESTIONS) >= 60
    assert len({question["question"] for question in QUESTIONS}) == len(QUESTIONS)
    assert {question["source"] for question in QUESTIONS} == {*FILES, None}
    for question in QUESTIONS:
        known = [question[field] is not None for field in ("source", "page", "answer")]
        assert all(known) or not any(known)
        assert question["language"] == ("zh" if re.search("[一-鿿]", question["question"]) else "en")


def test_some_questions_have_no_answer_far_off_and_close_by() -> None:
    kinds = collections.Counter(question["kind"] for question in QUESTIONS if question["source"] is None)
    assert set(kinds) == {"off_topic", "near_miss"}
    assert min(kinds.values()) >= 7
    assert all("kind" not in question for question in QUESTIONS if question["source"] is not None)
