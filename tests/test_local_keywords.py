"""Keyword search where many chunks share the question's terms: against FTS5's own BM25 over all of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import store_samples as samples
from store_samples import filled, put

from rag.errors import IndexDamaged, UsageError
from rag.store import local_keywords
from rag.store.local_keywords import _varints
from rag.store.local_snapshot import Snapshot
from rag.store.local_store import LocalStore
from rag.text.words import match_query

# By frequency as words are: the one of rank r in proportion to 1 / r.
WORDS = [f"word{rank}" for rank in range(1, 400)]
QUESTIONS = [
    "word1 word2 word3",
    "word2 word30 word300",
    "word7 word110 word5 word60",
    'word1 "word2 word3" word9',
    '"word1 word1" word1',
    "word350",
    "nothing word1",
    "word4 word4 word40 source5",
]


def text(luck: random.Random, lines: int) -> str:
    weights = [1 / rank for rank in range(1, 400)]
    return "\n".join(" ".join(luck.choices(WORDS, weights, k=luck.randint(3, 30))) for _ in range(lines))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStore]:
    luck = random.Random(6)
    sources = {f"source{number}.txt": text(luck, luck.randint(1, 40)) for number in range(60)}
    store = filled(tmp_path_factory.mktemp("many") / "index", sources)
    yield store
    store.close()


@pytest.fixture
def all_by_fts5(store: LocalStore) -> Iterator[Snapshot]:
    with store.snapshot() as snapshot:
        assert snapshot.chunk_count < local_keywords.SCORED_BY_FTS5, "a small index is searched by FTS5 alone"
        yield snapshot


def by_candidates(patch: pytest.MonkeyPatch, *, scored: int = 10**6, candidates: int = 10**6) -> None:
    patch.setattr(local_keywords, "SCORED_BY_FTS5", 0)
    patch.setattr(local_keywords, "SCORED", scored)
    patch.setattr(local_keywords, "CANDIDATES", candidates)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0), (1.0, 0.5, 3.0)])
def test_scores_are_those_of_fts5(
    all_by_fts5: Snapshot, question: str, weights: tuple[float, float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    match = match_query(question)
    expected = all_by_fts5.keywords(match, 10_000, weights=weights)
    by_candidates(monkeypatch)
    found = all_by_fts5.keywords(match, 10_000, weights=weights)
    assert dict(found) == pytest.approx(dict(expected), rel=1e-12)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)


@pytest.mark.parametrize("question", QUESTIONS)
def test_of_fewer_candidates_the_best_are_the_best_of_all(
    all_by_fts5: Snapshot, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    match = match_query(question)
    expected = dict(all_by_fts5.keywords(match, 10_000))
    best = [score for _, score in all_by_fts5.keywords(match, 10)]
    by_candidates(monkeypatch, scored=150, candidates=400)
    found = all_by_fts5.keywords(match, 10)
    assert all(score == pytest.approx(expected[chunk], rel=1e-12) for chunk, score in found)
    assert sum(score for _, score in found) >= 0.95 * sum(best)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("share", [0.01, 0.3, 1.0])
def test_among_some_alone(
    all_by_fts5: Snapshot, question: str, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    luck = random.Random(7)
    among = np.array([chunk for chunk in range(1, 2_000) if luck.random() < share], np.int64)
    expected = all_by_fts5.keywords(match_query(question), 10_000, among=among)
    by_candidates(monkeypatch, candidates=1)
    found = all_by_fts5.keywords(match_query(question), 10_000, among=among)
    assert dict(found) == pytest.approx(dict(expected), rel=1e-12)


def test_a_question_of_the_commonest_term_alone_finds_as_many_as_are_asked_for(
    all_by_fts5: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_candidates(monkeypatch, scored=20, candidates=1)
    assert len(all_by_fts5.keywords(match_query("word1"), 20)) == 20


def test_where_the_rare_term_is_in_few_chunks_others_are_found_too(
    all_by_fts5: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    match = '"word1" OR "word399"'
    rare = all_by_fts5.keywords('"word399"', 1_000)
    assert 0 < len(rare) < 30
    by_candidates(monkeypatch, scored=10, candidates=1)
    for k in (30, 300):
        assert len(all_by_fts5.keywords(match, k)) == k


def test_what_no_chunk_holds_finds_nothing(all_by_fts5: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    by_candidates(monkeypatch)
    assert all_by_fts5.keywords(match_query("nothing nowhere"), 5) == []
    assert all_by_fts5.keywords(match_query("word1"), 5, among=np.array([10**6])) == []


def test_other_expressions_are_fts5s(all_by_fts5: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    expressions = ['"word3" AND "word5"', "word3 NOT word1", "word3*", 'body : "word3"']
    expected = [all_by_fts5.keywords(match, 50) for match in expressions]
    by_candidates(monkeypatch, scored=1, candidates=1)
    assert [all_by_fts5.keywords(match, 50) for match in expressions] == expected
    with pytest.raises(UsageError, match="is not a keyword query"):
        all_by_fts5.keywords('"word3', 5)


def test_the_beginning_of_terms_that_are_in_few_chunks_is_fts5s(
    all_by_fts5: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = all_by_fts5.keywords('"word39" *', 50)
    monkeypatch.setattr(local_keywords, "SCORED_BY_FTS5", 1_000)
    assert expected
    assert all_by_fts5.keywords('"word39" *', 50) == expected


def test_of_the_beginning_of_many_terms_the_first_are_read(
    all_by_fts5: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is how a question of one Chinese character is asked: what is found has it, often ones first."""
    expected = dict(all_by_fts5.keywords('"word3" *', 10_000))
    monkeypatch.setattr(local_keywords, "SCORED_BY_FTS5", 500)
    monkeypatch.setattr(local_keywords, "SCORED", 100)
    monkeypatch.setattr(local_keywords, "_scored_by_fts5", lambda *_: pytest.fail("all rows were scored"))
    found = all_by_fts5.keywords('"word3" *', 10)
    assert len(found) == 10
    assert found == sorted(found, key=lambda hit: (-hit[1], hit[0]))
    # Only how rare it is, is counted of fewer: the same factor everywhere.
    factors = [score / expected[chunk] for chunk, score in found]
    assert factors == pytest.approx([factors[0]] * 10)
    best = sum(sorted(expected.values())[-10:])
    assert sum(expected[chunk] for chunk, _ in found) > 0.8 * best
    assert len(all_by_fts5.keywords('"word3" *', 90)) == 90


def test_counts_are_those_of_the_generation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How rare a term is changes with each commit; an older snapshot keeps what it was."""
    store = filled(tmp_path / "index", {"a.txt": "ape\nbanana ape\npear", "b.txt": "ape ape\nplum\nfig"})
    match = match_query("ape banana fig")
    with store.snapshot() as before:
        expected = dict(before.keywords(match, 9))
        by_candidates(monkeypatch)
        assert dict(before.keywords(match, 9)) == pytest.approx(expected)
        with store.writer() as writer:
            put(writer, "c.txt", "banana\nbanana fig\nfig fig")
            writer.remove([samples.place("b.txt", "").location])
        with store.snapshot() as after:
            found = after.keywords(match, 9)
            assert dict(before.keywords(match, 9)) == pytest.approx(expected)
            monkeypatch.undo()
            assert dict(found) == pytest.approx(dict(after.keywords(match, 9)))
    store.close()


def test_a_keyword_index_that_does_not_count_its_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = filled(tmp_path / "index", {"a.txt": "ape\nbanana"})
    with store.writer() as writer:
        writer._database.run("UPDATE keyword_data SET block = x'0304' WHERE id = 1")
    by_candidates(monkeypatch)
    with store.snapshot() as snapshot, pytest.raises(IndexDamaged, match="does not count its 2 chunks"):
        snapshot.keywords(match_query("ape"), 5)
    store.close()


def test_sqlites_integers() -> None:
    # From the file format's description: https://sqlite.org/fileformat2.html#varint
    assert _varints(b"\x00\x7f\x81\x00\x82\x01") == [0, 127, 128, 257]
    assert _varints(b"\xff" * 9 + b"\x05") == [2**64 - 1, 5]
