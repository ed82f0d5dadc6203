"""Search over a real index with the real embedder: legs, languages, duplicates, follow-ups, hostility."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_index import write_index

from rag.embedding.embeddings import LocalEmbeddings
from rag.errors import UsageError
from rag.quotes import quote_answer
from rag.records import Hit, Turn
from rag.search.search import scored, search
from rag.search.searcher import Searcher
from rag.store.local_snapshot import Snapshot
from rag.store.local_store import LocalStore
from rag.store.open import open_store
from rag.text.words import match_query

PAGES = {
    "lights/eddystone.txt": [
        "Smeaton's tower on the Eddystone was finished in 1759 and lit by 24 candles.\n\n"
        "The tower was taken down in 1882, because the sea had worn away the rock below.",
        "The keeper trims the wick of the oil lamp every four hours.",
    ],
    "copy-of-eddystone.txt": ["The keeper trims the wick of the oil lamp every four hours!"],
    "bread.md": ["Bread rises because yeast turns sugar into carbon dioxide.\n\nA loaf stales in the cold."],
    "parts.txt": ["Order code DW-45/E7 for the pump filter.\n\nSet retry_limit in config.toml to 3."],
    "运河.txt": ["大运河全长约1794公里，连接北京和杭州。\n\n隋炀帝在公元605年下令开凿通济渠。"],
    "茶.txt": ["绿茶用八十度的水冲泡两分钟。"],
}


@pytest.fixture(scope="module")
def embedder() -> LocalEmbeddings:
    return LocalEmbeddings()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStore]:
    store = open_store(write_index(tmp_path_factory.mktemp("search") / "index", PAGES))
    yield store
    store.close()


def found(
    store: LocalStore, embedder: LocalEmbeddings, question: str, k: int = 3, **more: object
) -> list[Hit]:
    with store.snapshot() as snapshot:
        return search(snapshot, embedder, question, k=k, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("When was Smeaton's tower finished?", "1759"),
        ("Why did people demolish the old lighthouse?", "taken down in 1882"),  # the dense leg alone
        ("What makes dough swell?", "yeast turns sugar"),
        ("DW-45/E7", "pump filter"),  # the keyword leg alone
        ("retry limit", "config.toml"),
        ("config.toml", "retry_limit"),
        ("大运河有多长？", "1794公里"),
        ("谁下令开凿通济渠？", "隋炀帝"),
        ("怎么泡绿茶？", "八十度"),
        ("茶", "八十度"),
    ],
)
def test_the_best_hit(store: LocalStore, embedder: LocalEmbeddings, question: str, words: str) -> None:
    hits = found(store, embedder, question)
    assert words in hits[0].text
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_hit_says_what_its_score_is_made_of(store: LocalStore, embedder: LocalEmbeddings) -> None:
    hit = found(store, embedder, "When was Smeaton's tower finished?")[0]
    assert set(hit.scores) == {"dense", "keyword", "whole", "sentence", "trust"}
    assert hit.scores["whole"] == hit.scores["sentence"] == pytest.approx(1)
    assert hit.scores["trust"] == 1
    expected = embedder.embed([hit.text])[0] @ embedder.embed(["When was Smeaton's tower finished?"])[0]
    assert hit.scores["dense"] == pytest.approx(float(expected), abs=2e-3)
    assert found(store, embedder, "大运河有多长？")[0].scores["trust"] == 0
    assert PAGES[hit.source][hit.page - 1][hit.start : hit.end] == hit.text


def test_what_says_the_same_comes_once(store: LocalStore, embedder: LocalEmbeddings) -> None:
    hits = found(store, embedder, "How often does the keeper trim the wick?", k=10)
    assert sum("trims the wick" in hit.text for hit in hits) == 1


CONTRACT = (
    "The contract begins on the first of May and is made for an indefinite time between the parties. "
    "The tenant keeps the rooms clean, airs them daily and reports damage at once. {pets} "
    "The tenant may end it with a notice period of {months} months to the end of a quarter. "
    "Keys are handed over in person, counted and signed for by both sides, and none may be copied "
    "without the written consent of the landlord. The deposit is kept on a separate account and paid "
    "back with its interest after the rooms were handed over."
)


def test_versions_that_differ_in_what_is_asked_are_both_found(
    tmp_path: Path, embedder: LocalEmbeddings
) -> None:
    """Of the same but for what nobody asked about, one is enough."""
    pages = {
        "2023.txt": [CONTRACT.format(months="three", pets="Pets are allowed in the rooms.")],
        "2024.txt": [CONTRACT.format(months="six", pets="Pets are allowed in the rooms.")],
        "2025.txt": [CONTRACT.format(months="six", pets="Pets are not allowed in the rooms.")],
    }
    store = open_store(write_index(tmp_path / "index", pages))
    notice = found(store, embedder, "How long is the notice period for the tenant?", k=5)
    assert {hit.source for hit in notice} >= {"2023.txt", "2024.txt"}
    pets = found(store, embedder, "Are pets allowed?", k=5)
    assert "2025.txt" in {hit.source for hit in pets}
    deposit = found(store, embedder, "What becomes of the deposit and its interest?", k=5)
    assert len(deposit) == 1
    quotes = quote_answer("How long is the notice period for the tenant?", notice, embedder)
    assert {"three" in quote.text for quote in quotes[:2]} == {True, False}
    store.close()


def test_k_is_the_most_there_is(store: LocalStore, embedder: LocalEmbeddings) -> None:
    assert len(found(store, embedder, "tower", k=2)) == 2
    everything = found(store, embedder, "tower", k=100)
    assert len(everything) == len({hit.chunk_id for hit in everything}) == 10  # of 11, one twice
    assert found(store, embedder, "tower", k=0) == []


@pytest.mark.parametrize("question", ["", "  \n", "\u200b"])
def test_an_empty_question_finds_nothing_or_anything_but_never_fails(
    store: LocalStore, embedder: LocalEmbeddings, question: str
) -> None:
    assert len(found(store, embedder, question)) in (0, 3)
    assert found(store, embedder, "") == []


def test_an_empty_index_gives_nothing(tmp_path: Path, embedder: LocalEmbeddings) -> None:
    store = open_store(write_index(tmp_path / "index", {}))
    assert found(store, embedder, "tower") == []
    store.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(max_size=40)
    | st.lists(st.sampled_from([*'"*^(){}:+-', "OR", "NEAR", "\x00", "\ud800", "塔"])).map(" ".join)
)
def test_no_question_breaks_a_search(store: LocalStore, embedder: LocalEmbeddings, question: str) -> None:
    hits = found(store, embedder, question)
    assert hits == found(store, embedder, question)  # and it is the same every time


def test_equals_come_in_the_order_of_their_ids() -> None:
    hits = [Hit(n, f"{n}.txt", 1, 0, 4, "tide", 0.0, {"dense": 0.5, "keyword": 1.0}) for n in (3, 1, 2)]
    assert [hit.chunk_id for hit in scored(hits, "tide", [1.0] * 3)] == [1, 2, 3]


def test_a_cosine_of_a_passage_that_cannot_be_read_counts_for_nothing(
    tmp_path: Path, embedder: LocalEmbeddings
) -> None:
    texts = {
        "zh.txt": ["灯塔的守护者每天晚上点亮油灯。"],
        "ru.txt": ["Смотритель маяка зажигает лампу."],
        "en.txt": ["Sea."],
    }
    store = open_store(write_index(tmp_path / "index", texts))
    trusted = {hit.source: hit.scores["trust"] for hit in found(store, embedder, "Who lights the lamp?")}
    assert trusted == {"zh.txt": 0.0, "ru.txt": 0.0, "en.txt": 1.0}
    asked = {hit.source: hit.scores["trust"] for hit in found(store, embedder, "谁点亮灯塔？")}
    assert set(asked.values()) == {0.0}
    store.close()


def test_a_follow_up_finds_what_the_first_question_was_about(
    store: LocalStore, embedder: LocalEmbeddings
) -> None:
    history = [Turn("user", "Who ordered the Eddystone tower?"), Turn("assistant", "...")]
    assert "taken down" in found(store, embedder, "Why was it demolished?", history=history)[0].text


# --- filters ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def searcher(store: LocalStore) -> Searcher:
    return Searcher(store)


def brute_force(
    store: LocalStore, embedder: LocalEmbeddings, question: str, sources: set[str]
) -> tuple[list[int], list[int]]:
    """The allowed chunks by cosine and by BM25, from all chunks of the index."""
    with store.snapshot() as snapshot:
        allowed = [hit.chunk_id for name in sources for hit in snapshot.chunks_of(name)]
        cosines = snapshot.vectors(allowed) @ embedder.embed([question], query=True)[0]
        dense = [allowed[n] for n in np.argsort(-cosines, kind="stable")]
        keyword = [chunk for chunk, _ in snapshot.keywords(match_query(question), 10**6) if chunk in allowed]
    return dense, keyword


@pytest.mark.parametrize(
    ("only", "sources"),
    [
        ("bread.md", {"bread.md"}),
        ("lights/", {"lights/eddystone.txt"}),
        ("*.txt", {name for name in PAGES if name.endswith(".txt")}),
        (["bread.md", "茶.txt"], {"bread.md", "茶.txt"}),
        (["*.txt", "lights/"], {"lights/eddystone.txt"}),
    ],
)
def test_both_searches_look_at_what_is_allowed_alone(
    store: LocalStore,
    embedder: LocalEmbeddings,
    monkeypatch: pytest.MonkeyPatch,
    only: str | list[str],
    sources: set[str],
) -> None:
    monkeypatch.setattr("rag.search.search.CANDIDATES", 2)  # of an index of 11 chunks
    question = "When was the sea of yeast and the tower of tea taken down?"
    dense, keyword = brute_force(store, embedder, question, sources)
    searcher = Searcher(store)
    assert {hit.source for hit in searcher.search(question, k=100, only=only)} <= sources
    asked: dict[str, list[int]] = {}
    for leg in ("dense", "keywords"):
        plain = getattr(Snapshot, leg)

        def noted(self: Snapshot, *args: Any, leg: str = leg, plain: Any = plain, **more: Any) -> Any:
            found = plain(self, *args, **more)
            asked[leg] = [chunk for chunk, _ in found]
            return found

        monkeypatch.setattr(Snapshot, leg, noted)
    searcher.search(question, k=1, only=only)
    assert asked["dense"] == dense[:2]
    assert asked["keywords"] == keyword[:2]


def test_a_filter_changes_no_legs_scores(searcher: Searcher) -> None:
    everywhere = {hit.chunk_id: hit.scores for hit in searcher.search("a tower in the sea", k=100)}
    hits = searcher.search("a tower in the sea", k=100, only="lights/")
    assert {hit.source for hit in hits} == {"lights/eddystone.txt"}
    both = [hit for hit in hits if hit.chunk_id in everywhere]  # one says the same as another document
    assert len(both) == len(hits) - 1 == 2
    for hit in both:
        assert hit.scores["keyword"] == everywhere[hit.chunk_id]["keyword"]
        assert hit.scores["dense"] == pytest.approx(everywhere[hit.chunk_id]["dense"])


def test_a_filter_that_nothing_matches_is_said(searcher: Searcher) -> None:
    with pytest.raises(UsageError, match=r"no document matches 'bred.md'; did you mean 'bread.md'\?"):
        searcher.search("tower", k=3, only="bred.md")
    assert searcher.find("tower", k=3, only=["bread.md", "*.md"]).documents == 1
    assert searcher.find("tower", k=3).documents is None


def test_a_copy_is_named_by_the_place_that_was_chosen(tmp_path: Path) -> None:
    pages = {"b/original.txt": ["The lamp burns whale oil."]}
    store = open_store(write_index(tmp_path / "index", pages))
    with store.snapshot() as snapshot:
        original = snapshot.places()[0]
    with store.writer() as writer:
        writer.link(dataclasses.replace(original, source="a/copy.txt", location=b"/docs/a/copy.txt"))
    with Searcher(store) as searcher:
        assert searcher.search("whale oil", k=1)[0].source == "a/copy.txt"
        assert searcher.search("whale oil", k=1, only="b/")[0].source == "b/original.txt"
        assert searcher.search("whale oil", k=1, only="a/")[0].source == "a/copy.txt"
        assert searcher.find("whale oil", k=1, only="*.txt").documents == 2


def test_filters_of_an_older_generation_are_not_kept(tmp_path: Path) -> None:
    store = open_store(write_index(tmp_path / "index", {"a.md": ["The tower."], "b.txt": ["The sea."]}))
    searcher = Searcher(store)
    assert searcher.find("tower", k=1, only="*.md").documents == 1
    with store.writer() as writer:
        writer.remove([b"/docs/a.md"])
    with pytest.raises(UsageError, match=r"no document matches '\*.md'; there are text \(1\)"):
        searcher.search("tower", k=1, only="*.md")
    store.close()
