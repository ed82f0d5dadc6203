"""What every store must do, run over both kinds: a folder, and Milvus's client against milvus-lite's server.

What only the folder promises is in test_local_store.py, what only Milvus does in test_milvus_store.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import store_samples as samples
from milvus_server import LiteServer
from store_samples import META, filled, put

from rag.errors import IndexMismatch, StoreError, UsageError
from rag.records import Chunk, Document, Heading, Hit, IndexMeta, Page, PlacedWord
from rag.store import local_schema, milvus_schema
from rag.store.contract import Store
from rag.store.open import open_store
from rag.text.words import match_query

ALPHA = "# Alpha\nbanana bread\nan apple"
BETA = "pie of ohio\f\fteeth"


@pytest.fixture(params=["folder", "milvus"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new index can be made."""
    if request.param == "folder":
        return str(tmp_path / "index")
    server: LiteServer = request.getfixturevalue("milvus_server")
    return server.new_address()


@pytest.fixture
def store(where: str) -> Store:
    return filled(where, {"alpha.txt": ALPHA, "notes/beta.txt": BETA})


def found_by(store: Store, words: str) -> list[str]:
    with store.snapshot() as snapshot:
        ids = [chunk for chunk, _ in snapshot.keywords(match_query(words), 10)]
        return [hit.text for hit in snapshot.hits(ids)]


# --- what was put in comes out ------------------------------------------------------------------------


def test_an_empty_index_answers_everything_with_nothing(where: str) -> None:
    store = open_store(where, create=True)
    assert store.meta() is None
    assert store.check() == []
    with store.snapshot() as snapshot:
        assert (snapshot.chunk_count, snapshot.meta()) == (0, None)
        assert snapshot.dense(np.ones(4), 5) == []
        assert snapshot.keywords("word", 5) == []
        assert snapshot.hits([]) == snapshot.sources() == snapshot.places() == snapshot.failures() == []


def test_dense_scores_are_the_inner_products_worked_by_hand(store: Store) -> None:
    with store.snapshot() as snapshot:
        found = snapshot.dense(np.array([1, 0, 0, 0], np.float32), 3)
        # a's: "banana bread" 4, "# Alpha" 1 (small letters only), "an apple" 2
        assert [(hit.text, score) for hit, (_, score) in zip(_hits(snapshot, found), found, strict=True)] == [
            ("banana bread", 4.0),
            ("an apple", 2.0),
            ("# Alpha", 1.0),
        ]
        only = np.array([found[2][0]], np.int64)
        assert snapshot.dense(np.array([1, 0, 0, 0]), 3, among=only) == [found[2]]


def _hits(snapshot: object, found: list[tuple[int, float]]) -> list[Hit]:
    return snapshot.hits([chunk for chunk, _ in found])  # type: ignore[attr-defined]


def test_a_hit_has_all_that_a_citation_needs(store: Store) -> None:
    with store.snapshot() as snapshot:
        ((chunk, score),) = snapshot.keywords(match_query("teeth"), 5)
        assert score > 0
        assert snapshot.hits([chunk]) == [
            Hit(
                chunk,
                "notes/beta.txt",
                3,
                0,
                5,
                "teeth",
                0.0,
                {},
                ("Head",),
                "text/plain",
                label="p3",
                line=1,
                place="p3, section “Head”",
            )
        ]
        page = snapshot.page("notes/beta.txt", 3)
        assert page.text[0:5] == "teeth"


def test_a_hit_has_the_headings_that_stand_in_it(where: str) -> None:
    text = "# One\na\n# Two\nb\n# Three\nc"
    headings = (Heading(1, 16, 23, "# Three"), Heading(1, 0, 5, "# One"), Heading(2, 8, 13, "# Two"))
    store = filled(where, {})
    with store.writer() as writer:
        page = Document("text/markdown", (Page(1, text, (*headings, Heading(1, 8, 8, "of no width"))),))
        chunks = [Chunk(1, 0, 15, text[:15], ("One",), 1), Chunk(1, 16, 25, text[16:], (), 5)]
        digests = [samples.digest("1"), samples.digest("2")]
        writer.put(samples.place("a.md", text), page, chunks, np.ones((2, 4)), digests)
    with store.snapshot() as snapshot:
        one, two = snapshot.chunks_of("a.md")
    assert one.inside == (Heading(1, 0, 5, "# One"), Heading(2, 8, 13, "# Two"))
    assert two.inside == (Heading(1, 16, 23, "# Three"),)
    assert (one.place, two.place) == ("section “# One”", "section “# Three”")


def test_hits_come_in_the_order_that_was_asked_for(store: Store) -> None:
    with store.snapshot() as snapshot:
        ids = [hit.chunk_id for hit in snapshot.chunks_of("alpha.txt")]
        assert [hit.chunk_id for hit in snapshot.hits(ids[::-1])] == ids[::-1]
        assert [hit.chunk_id for hit in snapshot.hits([ids[0], ids[0]])] == [ids[0], ids[0]]
        assert np.array_equal(snapshot.vectors(ids[::-1]), samples.vectors([*ALPHA.split("\n")][::-1]))
        assert snapshot.vectors([]).shape == (0, 4)


def test_a_scans_words_keep_their_places(where: str) -> None:
    store = open_store(where, create=True)
    words = tuple(PlacedWord(f"灯塔{n}", n, 20, 300, 10_000) for n in range(1000))
    pages = (Page(1, "one", words=words), Page(2, "two"))
    with store.writer() as writer:
        writer.set_meta(META)
        place = samples.place("scan.png", "scan")
        writer.put(place, Document("image/png", pages), [], np.zeros((0, 4), np.float32), [])
    with store.snapshot() as snapshot:
        assert (snapshot.page("scan.png", 1), snapshot.page("scan.png", 2)) == pages
    assert store.check() == []
    with store.writer() as writer:
        writer.remove([place.location])
    assert store.check() == []  # nothing of it is left


def test_pages_headings_and_labels(store: Store) -> None:
    with store.snapshot() as snapshot:
        assert snapshot.page("alpha.txt", 1) == Page(1, ALPHA, (Heading(1, 0, 7, "# Alpha"),), "p1")
        assert snapshot.page("notes/beta.txt", 2) == Page(2, "", (), "p2")
        with pytest.raises(UsageError, match=r"'notes/beta.txt' has 3 pages; there is no page 4"):
            snapshot.page("notes/beta.txt", 4)


def test_a_text_longer_than_a_block_and_with_every_kind_of_character(where: str) -> None:
    length = max(local_schema.BLOCK_CHARACTERS, milvus_schema.TEXT_CHARACTERS)
    text = "é" * (length - 2) + "\0\U0001f600東京" + "z" * length + "end\r\n\u202e\ufeff"
    spans = [(0, 3), (length - 4, length + 3), (length, length), (2 * length - 1, len(text)), (0, len(text))]
    found = [Chunk(1, start, end, text[start:end]) for start, end in spans]
    store = filled(where, {})
    with store.writer() as writer:
        page = Document("text/plain", (Page(1, text),))
        digests = [samples.digest(str(span)) for span in spans]
        writer.put(samples.place("long.txt", text), page, found, np.ones((5, 4)), digests)
    with store.snapshot() as snapshot:
        assert snapshot.page("long.txt", 1).text == text
        assert [hit.text for hit in snapshot.chunks_of("long.txt")] == [text[a:b] for a, b in spans]
    assert store.check() == []


def test_neighbours_stay_within_their_source(store: Store) -> None:
    with store.snapshot() as snapshot:
        first, second, third = (hit.chunk_id for hit in snapshot.chunks_of("alpha.txt"))
        assert snapshot.neighbours(first) == (None, second)
        assert snapshot.neighbours(second) == (first, third)
        assert snapshot.neighbours(third) == (second, None)
        with pytest.raises(UsageError, match="chunk 99 is not in the index at generation"):
            snapshot.neighbours(99)


def test_sources_are_listed_in_order_with_their_counts(store: Store) -> None:
    with store.snapshot() as snapshot:
        alpha, beta = snapshot.sources()
        assert (alpha.source, alpha.page_count, alpha.chunk_count, alpha.media_type) == (
            *("alpha.txt", 1, 3),
            "text/plain",
        )
        assert (beta.source, beta.page_count, beta.chunk_count) == ("notes/beta.txt", 3, 2)
        assert alpha.location == b"/documents/alpha.txt"
        assert snapshot.places() == [
            samples.place("alpha.txt", ALPHA),
            samples.place("notes/beta.txt", BETA),
        ]


def test_keywords_are_searched_in_body_headings_and_name(where: str) -> None:
    store = filled(where, {"zebra.txt": "lion"})
    with store.writer() as writer:
        put(writer, "other.txt", "zebra", title="tiger")
    assert set(found_by(store, "zebra")) == {"lion", "zebra"}
    assert found_by(store, "tiger") == ["zebra"]
    with store.snapshot() as snapshot:
        assert snapshot.keywords("", 5) == snapshot.keywords(match_query("zebra"), 0) == []


@pytest.mark.parametrize("match", ['"', "AND", "a:b", "(", "a b)", "*"])
def test_an_expression_that_is_none_is_the_callers_mistake(store: Store, match: str) -> None:
    with store.snapshot() as snapshot, pytest.raises(UsageError, match="is not a keyword query"):
        snapshot.keywords(match, 5)


@pytest.mark.parametrize("vector", [np.ones(3), np.ones((1, 4)), np.array([1, 2, np.nan, 4])])
def test_a_vector_of_another_kind_names_the_model(store: Store, vector: np.ndarray) -> None:
    with store.snapshot() as snapshot, pytest.raises(UsageError, match="4 each, made by letters"):
        snapshot.dense(vector, 5)


# --- names --------------------------------------------------------------------------------------------


def test_find_by_path_below_the_root_by_whole_path_and_from_where_one_stands(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = filled(where, {})
    root = tmp_path / "docs"
    root.mkdir()
    with store.writer() as writer:
        put(writer, "a b.txt", "text", root=str(root))
    monkeypatch.chdir(root)
    with store.snapshot() as snapshot:
        (source,) = snapshot.sources()
        assert snapshot.find("a b.txt") == source
        assert snapshot.find(str(root / "a b.txt")) == source
        assert snapshot.find("./a b.txt") == source


def test_an_unknown_name_gets_near_ones(store: Store) -> None:
    with store.snapshot() as snapshot:
        with pytest.raises(UsageError, match=r"no source 'alfa.txt' in the index; did you mean 'alpha.txt'"):
            snapshot.find("alfa.txt")
        with pytest.raises(UsageError, match="no source 'qqq' in the index; `rag sources` lists"):
            snapshot.chunks_of("qqq")
        with pytest.raises(UsageError, match="no source ''"):
            snapshot.find("")


def test_the_same_name_below_two_roots(where: str) -> None:
    store = filled(where, {})
    with store.writer() as writer:
        put(writer, "README.md", "first", root="/one")
        put(writer, "README.md", "second", root="/two")
    with store.snapshot() as snapshot:
        with pytest.raises(UsageError, match=r"'README.md' is in more than one root: '/one', '/two'"):
            snapshot.find("README.md")
        # A hit is named so that its page can be found by that name.
        ((chunk, _),) = snapshot.keywords(match_query("second"), 5)
        (hit,) = snapshot.hits([chunk])
        assert hit.source == "/two/README.md"
        assert snapshot.page(hit.source, hit.page).text == "second"


def test_a_name_that_is_not_valid_text(where: str) -> None:
    store = filled(where, {})
    odd = samples.place("caf\\xe9.txt", "text")
    odd = type(odd)(odd.root, odd.source, b"/documents/caf\xe9.txt", odd.content_hash, 4, 1)
    with store.writer() as writer:
        writer.put(odd, samples.document("text"), [], np.empty((0, 4)), [])
    with store.snapshot() as snapshot:
        assert snapshot.find("caf\\xe9.txt").location == b"/documents/caf\xe9.txt"
        assert snapshot.find("/documents/caf\\xe9.txt").location == b"/documents/caf\xe9.txt"
        assert snapshot.find("/documents/caf\udce9.txt").location == b"/documents/caf\xe9.txt"
    assert store.check() == []


# --- changes ------------------------------------------------------------------------------------------


def test_a_changed_file_replaces_its_chunks(store: Store) -> None:
    with store.writer() as writer:
        put(writer, "alpha.txt", "cherry")
    assert samples.texts_in(store) == {"alpha.txt": ["cherry"], "notes/beta.txt": ["pie of ohio", "teeth"]}
    assert found_by(store, "banana") == []
    assert store.check() == []


def test_the_same_content_in_two_places_is_kept_once(store: Store) -> None:
    copy = samples.place("copy.txt", ALPHA)
    with store.writer() as writer:
        assert writer.has_document(copy.content_hash)
        writer.link(copy)
    with store.snapshot() as snapshot:
        assert snapshot.chunk_count == 5
        assert [source.source for source in snapshot.sources()] == ["alpha.txt", "copy.txt", "notes/beta.txt"]
        assert snapshot.chunks_of("copy.txt")[1].source == "copy.txt", "cited by the place asked for"
        ids = [hit.chunk_id for hit in snapshot.chunks_of("copy.txt")]
        assert {hit.source for hit in snapshot.hits(ids)} == {"alpha.txt"}, "otherwise by the first"
    assert set(found_by(store, "copy")) == set(ALPHA.split("\n"))
    with store.writer() as writer:
        writer.remove([samples.place("alpha.txt", ALPHA).location])
    assert found_by(store, "alpha") == ["# Alpha"], "the name is gone, the heading is not"
    with store.snapshot() as snapshot:
        assert {hit.source for hit in snapshot.hits(ids)} == {"copy.txt"}
    with store.writer() as writer:
        writer.remove([copy.location, b"/never/there"])
    assert found_by(store, "banana") == []
    assert list(samples.texts_in(store)) == ["notes/beta.txt"]
    assert store.check() == []


def test_a_moved_file_keeps_its_chunks_and_is_found_by_its_new_name(store: Store) -> None:
    with store.snapshot() as snapshot:
        before = [hit.chunk_id for hit in snapshot.chunks_of("alpha.txt")]
    old = samples.place("alpha.txt", ALPHA)
    with store.writer() as writer:
        writer.relocate(old.location, samples.place("omega.txt", ALPHA))
    with store.snapshot() as snapshot:
        assert [hit.chunk_id for hit in snapshot.chunks_of("omega.txt")] == before
        with pytest.raises(UsageError, match=r"no source 'alpha.txt'"):
            snapshot.find("alpha.txt")
    assert len(found_by(store, "omega")) == 3
    assert store.check() == []


def test_a_file_moved_onto_another(store: Store) -> None:
    old = samples.place("alpha.txt", ALPHA)
    with store.writer() as writer:
        writer.relocate(old.location, samples.place("notes/beta.txt", ALPHA))
    assert samples.texts_in(store) == {"notes/beta.txt": ALPHA.split("\n")}
    assert store.check() == []


def test_a_move_that_is_none(store: Store) -> None:
    with store.writer() as writer:
        with pytest.raises(UsageError, match="'/no/such' is not in the index; it can't have moved"):
            writer.relocate(b"/no/such", samples.place("x.txt", ALPHA))
        with pytest.raises(UsageError, match="has another content; it can't have moved"):
            writer.relocate(b"/documents/alpha.txt", samples.place("x.txt", "other"))
        with pytest.raises(UsageError, match=r"the content of 'x.txt' is not in the index; put it first"):
            writer.link(samples.place("x.txt", "other"))


def test_a_touched_file_changes_its_place_alone(store: Store) -> None:
    touched = samples.place("alpha.txt", ALPHA, modified_ns=99)
    with store.snapshot() as snapshot:
        before = snapshot.generation
    with store.writer() as writer:
        writer.link(touched)
        writer.link(touched)
    with store.snapshot() as snapshot:
        assert snapshot.generation != before
        assert touched in snapshot.places()
        assert samples.place("alpha.txt", ALPHA) not in snapshot.places()
    assert store.check() == []


def test_vectors_that_are_there_need_not_be_made_again(store: Store) -> None:
    wanted = [samples.digest("banana bread"), samples.digest("new"), samples.digest("banana bread")]
    with store.writer() as writer:
        found = writer.vectors_for(wanted)
    assert list(found) == [samples.digest("banana bread")]
    assert np.array_equal(found[wanted[0]], [4, 1, 0, 0])  # a e i o


def test_failures_are_kept_until_the_file_is_read_or_gone(store: Store) -> None:
    broken = [samples.place(f"{name}.pdf", name) for name in "abc"]
    with store.writer() as writer:
        for number, place in enumerate(broken):
            writer.record_failure(place, f"reason {number} \ud800", number)
        writer.record_failure(broken[0], "another reason", 7)
    with store.snapshot() as snapshot:
        assert snapshot.failures() == [
            (broken[0], "another reason", 7),
            (broken[1], "reason 1 \\ud800", 1),
            (broken[2], "reason 2 \\ud800", 2),
        ]
        assert len(snapshot.sources()) == 2
    with store.writer() as writer:
        put(writer, "a.pdf", "a")
        writer.link(samples.place("b.pdf", ALPHA))
        writer.remove([broken[2].location])
    with store.snapshot() as snapshot:
        assert snapshot.failures() == []
    assert store.check() == []


def test_meta_stands_while_there_are_chunks(store: Store) -> None:
    assert store.meta() == META
    other = IndexMeta("other", "2", 8, 100, 2)
    with store.writer() as writer:
        writer.set_meta(META)
        with pytest.raises(IndexMismatch, match=r"made with letters .*this run has other .*dimension 8"):
            writer.set_meta(other)
        writer.remove([place.location for place in _places(store)])
        writer.set_meta(other)
        lines = samples.chunks("a")
        writer.put(samples.place("a", "a"), samples.document("a"), lines, np.ones((1, 8)), [bytes(16)])
    with store.snapshot() as snapshot:
        assert snapshot.dense(np.ones(8), 1)[0][1] == 8.0
    assert store.check() == []


def _places(store: Store) -> list[object]:
    with store.snapshot() as snapshot:
        return list(snapshot.places())


BAD_PUTS = {
    "is not what its span of the page says": {"chunks": [Chunk(1, 0, 1, "x")]},
    "is outside page 2's text": {"chunks": [Chunk(2, 0, 1, "t")]},
    "is outside page 1's text": {"chunks": [Chunk(1, 0, 9, "text     ")]},
    "vectors of shape (1, 3)": {"vectors": np.ones((1, 3))},
    "vectors of shape (2, 4)": {"vectors": np.ones((2, 4))},
    "0 digests": {"digests": []},
    "a digest that is not 16 bytes long": {"digests": [b"short"]},
    "not all finite numbers": {"vectors": np.array([[1, 2, 3, np.inf]])},
    "half a surrogate pair (in 't\\ud800xt')": {
        "document": Document("text/plain", (Page(1, "t\ud800xt"),)),
        "chunks": [Chunk(1, 0, 1, "t")],
    },
    "half a surrogate pair (in '\\udc00')": {
        "document": Document("text/plain", (Page(1, "text"),), title="\udc00")
    },
    "two pages of the same number": {"document": Document("text/plain", (Page(1, "text"), Page(1, "text")))},
}


@pytest.mark.parametrize("message", BAD_PUTS)
def test_what_does_not_fit_together_is_refused_and_nothing_of_it_stays(store: Store, message: str) -> None:
    arguments = {
        "document": samples.document("text"),
        "chunks": [Chunk(1, 0, 4, "text")],
        "vectors": np.ones((1, 4)),
        "digests": [bytes(16)],
    }
    before = samples.texts_in(store)
    with store.writer() as writer, pytest.raises(UsageError) as caught:
        writer.put(samples.place("bad.txt", "text"), **(arguments | BAD_PUTS[message]))
    assert message in str(caught.value)
    assert samples.texts_in(store) == before
    assert store.check() == []


def test_put_without_meta(where: str) -> None:
    store = open_store(where, create=True)
    with store.writer() as writer:
        assert writer.vectors_for([bytes(16)]) == {}
        with pytest.raises(UsageError, match="call set_meta before put"):
            put(writer, "a.txt", "a")


# --- together -----------------------------------------------------------------------------------------


def test_a_snapshot_keeps_to_what_it_saw_of_a_source(store: Store) -> None:
    query = np.array([1, 0, 0, 0], np.float32)
    with store.snapshot() as before:
        dense, words = before.dense(query, 9), before.keywords(match_query("banana"), 9)
        with store.writer() as writer:
            put(writer, "alpha.txt", "aaaaaaaa banana")
            writer.remove([b"/documents/notes/beta.txt"])
        with store.snapshot() as after:
            assert after.generation != before.generation
            assert [hit.text for hit in _hits(after, after.dense(query, 9))] == ["aaaaaaaa banana"]
        assert before.dense(query, 9) == dense
        assert [chunk for chunk, _ in before.keywords(match_query("banana"), 9)] == [words[0][0]]
        assert before.hits([dense[0][0]])[0].text == "banana bread"
        assert before.page("alpha.txt", 1).text == ALPHA


def test_an_ended_snapshot_says_so(store: Store) -> None:
    with store.snapshot() as snapshot:
        pass
    with pytest.raises(StoreError, match="this snapshot of the index has ended"):
        snapshot.sources()


def test_a_search_among_some_contents(store: Store) -> None:
    query = np.array([1, 1, 1, 1], np.float32)
    with store.snapshot() as snapshot:
        (beta,) = (one for one in snapshot.sources() if one.source == "notes/beta.txt")
        among = snapshot.chunks_in({beta.content_hash, "0" * 64})
        assert among.dtype == np.int64
        assert list(among) == sorted(hit.chunk_id for hit in snapshot.chunks_of("notes/beta.txt"))
        found = snapshot.dense(query, 9, among=among)
        assert {hit.text for hit in _hits(snapshot, found)} == {"pie of ohio", "teeth"}
        assert snapshot.keywords(match_query("banana"), 9, among=among) == []
        assert len(snapshot.keywords(match_query("teeth banana"), 9, among=among)) == 1
        assert snapshot.dense(query, 9, among=among[:0]) == []


def test_several_changes_together(store: Store) -> None:
    with store.writer() as writer, writer.together():
        put(writer, "one.txt", "one")
        writer.link(samples.place("two.txt", "one"))
        writer.remove([b"/documents/alpha.txt"])
        writer.record_failure(samples.place("no.pdf", "x"), "it is broken", 3)
        assert writer.has_document(samples.place("one.txt", "one").content_hash)
    assert samples.texts_in(store) == {
        "notes/beta.txt": ["pie of ohio", "teeth"],
        "one.txt": ["one"],
        "two.txt": ["one"],
    }
    assert store.check() == []


def _put_then_fail(store: Store) -> None:
    with store.writer() as writer:
        put(writer, "done.txt", "done")
        writer.link(samples.place("x.txt", "not there"))


def test_an_error_in_the_block_loses_nothing_that_was_done(store: Store) -> None:
    with pytest.raises(UsageError, match="put it first"):
        _put_then_fail(store)
    assert "done.txt" in samples.texts_in(store)
    with store.writer():
        pass
    assert store.check() == []


def test_newer_parsers_may_go_on_and_older_may_not(store: Store) -> None:
    old = samples.place("alpha.txt", ALPHA).content_hash
    with store.writer() as writer:
        writer.set_meta(IndexMeta("letters", "1", 4, 200, 2))
        assert writer.has_document(old)
        assert not writer.has_document(old, parser_version=2)
        put(writer, "alpha.txt", ALPHA)
        assert writer.has_document(old, parser_version=2)
        assert writer.outdated(2) == {samples.place("notes/beta.txt", BETA).content_hash}
        with pytest.raises(IndexMismatch, match=r"parsers of version 2; this program has version 1"):
            writer.set_meta(META)
    with store.snapshot() as snapshot:
        assert snapshot.outdated(2) == {samples.place("notes/beta.txt", BETA).content_hash}
    assert store.check() == []


def test_one_character_of_a_script_without_spaces(where: str) -> None:
    store = filled(where, {"tea.txt": "制茶笔记\n茶", "other.txt": "coffee"})
    assert sorted(found_by(store, "茶")) == ["制茶笔记", "茶"]
    assert found_by(store, "制茶") == ["制茶笔记"]
    assert found_by(store, "笔茶") == []
