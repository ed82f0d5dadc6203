"""How an answer says that there is none, in all documents or in those that were chosen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.abstention import abstains, abstention, abstention_in, said_of
from rag.prompt import ABSTENTION
from rag.records import Queued, Reading, TextDelta


def said(pieces: list[str], documents: int | None) -> str:
    events: Iterator[Queued | Reading | TextDelta] = iter(TextDelta(piece) for piece in pieces)
    return "".join(event.text for event in said_of(events, documents) if isinstance(event, TextDelta))


def test_the_sentence() -> None:
    assert abstention() == ABSTENTION == "Not in the documents."
    assert abstention(1) == "Not in the one document chosen."
    assert abstention(3) == "Not in the 3 documents chosen."
    assert abstention(12_000) == "Not in the 12,000 documents chosen."


@pytest.mark.parametrize("documents", [None, 1, 3, 12_000])
def test_it_is_known_again(documents: int | None) -> None:
    sentence = abstention(documents)
    assert abstains(sentence)
    assert abstains(f" {sentence} And more.")
    assert abstention_in(f"{sentence} And more.") == sentence


def test_what_is_an_answer_is_none() -> None:
    for text in ("Not in the harbour.", "Not in the 3 documents.", "It is not in the documents.", ""):
        assert not abstains(text)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["Not in the documents."], "Not in the 3 documents chosen."),
        (["Not", " in the doc", "uments", "."], "Not in the 3 documents chosen."),
        ([" Not in the documents"], "Not in the 3 documents chosen"),
        (["Not in the documents. Sorry", "."], "Not in the 3 documents chosen. Sorry."),
        (["Not in the", " harbour [1]."], "Not in the harbour [1]."),
        (["Not in"], "Not in"),
        (["It is 5. Not in the documents."], "It is 5. Not in the documents."),
        ([], ""),
    ],
)
def test_the_models_sentence_becomes_that_of_the_chosen(pieces: list[str], expected: str) -> None:
    assert said(pieces, 3) == expected
    assert said(pieces, None) == "".join(pieces)


@given(st.text(alphabet="Not in the documents. x", max_size=40), st.lists(st.integers(0, 40), max_size=5))
def test_however_it_is_cut_it_says_the_same(text: str, cuts: list[int]) -> None:
    at = [0, *sorted(cuts), len(text)]
    pieces = [text[start:end] for start, end in pairwise(at)]
    assert said(pieces, 2) == said([text], 2)


def test_other_events_pass_at_once() -> None:
    events: Iterator[Queued | Reading | TextDelta] = iter([Queued(1), Reading(1, 2, None), TextDelta("Not")])
    assert list(said_of(events, 3)) == [Queued(1), Reading(1, 2, None), TextDelta("Not")]
