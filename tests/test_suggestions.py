"""First questions from the documents' headings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rag.records import Chunk, Document, IndexMeta, Page, Place
from rag.store.local_store import LocalStore
from ui.suggestions import suggestions

KINDS = {".py": "text/x-source", ".xlsx": "application/vnd.ms-excel", ".eml": "message/rfc822"}


def store_with(folder: Path, headings: dict[str, list[str]]) -> LocalStore:
    store = LocalStore.open(folder / "index", create=True)
    with store.writer() as writer:
        writer.set_meta(IndexMeta("none", "1", 2, 200, 1))
        for number, (name, titles) in enumerate(headings.items()):
            lines = [f"Words under {title}." for title in titles] or ["No heading here."]
            text = "\n".join(lines)
            starts = [text.index(line) for line in lines]
            chunks = [
                Chunk(1, start, start + len(line), line, (title,) if title else ())
                for start, line, title in zip(starts, lines, titles or [""], strict=True)
            ]
            location = f"/docs/{name}".encode()
            place = Place("/docs", name, location, f"{number:064}", len(text), 1)
            document = Document(KINDS.get(Path(name).suffix, "text/plain"), (Page(1, text),))
            vectors = np.ones((len(chunks), 2), np.float32)
            digests = [f"{number:08}{index:08}".encode() for index in range(len(chunks))]
            writer.put(place, document, chunks, vectors, digests)
    return store


@pytest.mark.parametrize(
    ("headings", "question"),
    [
        (["The tower", "3.2 Smeaton's tower"], "What is said about “Smeaton's tower”?"),
        (["Guide", "Lighting the lamp"], "What is said about “Lighting the lamp”?"),
        (["Guide", "The Four Towers"], "What is said about “The Four Towers”?"),
        (["Guide", "Why does bread rise?"], "Why does bread rise?"),
        (["简史", "一、运河的开凿"], "关于“运河的开凿”，文档里怎么说？"),
        (["Guide", "Chapter 2", "Chapter 3 Measuring the wind"], "What is said about “Measuring the wind”?"),
        (["Guide", "Towers", "1.2. When was the first one lit?"], "When was the first one lit?"),
        (["简史", "Copyright © 1996 A. Writer", "版权 © 2021", "第 3 章 灯塔"], "关于“灯塔”，文档里怎么说？"),
        (["Contents", "* Imagine that you like a package.", "Set, from software, to:"], None),
        (["Only the title"], "What is said about “Only the title”?"),
        (["Contents", "References", "12", "x"], None),
        (["T" * 200], None),
        ([], None),
    ],
)
def test_a_question(tmp_path: Path, headings: list[str], question: str | None) -> None:
    with store_with(tmp_path, {"a.md": headings}).snapshot() as snapshot:
        asked = [(one.question, one.source) for one in suggestions(snapshot)]
    assert asked == ([(question, "a.md")] if question else [])


def test_from_different_sources_and_the_same_each_time(tmp_path: Path) -> None:
    store = store_with(tmp_path, {f"{n}.md": ["Guide", f"Subject number {n}"] for n in range(9)})
    with store.snapshot() as snapshot:
        first, second = suggestions(snapshot, most=3), suggestions(snapshot, most=3)
    assert first == second
    assert len({one.source for one in first}) == 3


def test_what_people_wrote_comes_before_tables_mails_and_code(tmp_path: Path) -> None:
    names = ["mail.eml", "code.py", "sheet.xlsx", "report.pdf", "letter.docx"]
    store = store_with(tmp_path, {name: ["Title", f"Subject of {name}"] for name in names})
    with store.snapshot() as snapshot:
        assert {one.source for one in suggestions(snapshot, most=2)} == {"report.pdf", "letter.docx"}
        assert len(suggestions(snapshot, most=5)) == 5


def test_two_copies_suggest_a_question_once(tmp_path: Path) -> None:
    store = store_with(tmp_path, {"a.md": ["Guide", "Towers"], "copy of a.md": ["Guide", "Towers"]})
    with store.snapshot() as snapshot:
        assert len(suggestions(snapshot)) == 1


def test_an_empty_index_suggests_nothing(tmp_path: Path) -> None:
    with LocalStore.open(tmp_path / "index", create=True).snapshot() as snapshot:
        assert suggestions(snapshot) == []
