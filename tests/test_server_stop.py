"""Stop strings, wherever one piece of text ends and the next begins."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.records import Answer, Citation, Cited, Done, Event, Sentence, TextDelta
from rag.server.stop import until_stop


def citation(start: int, end: int) -> Citation:
    return Citation(1, "a.txt", 1, 0, 1, "q", "supported", start, end)


def events(pieces: list[str], citations: tuple[Citation, ...] = ()) -> Iterator[Event]:
    text = "".join(pieces)
    yield from map(TextDelta, pieces)
    yield from map(Cited, citations)
    sentences = tuple(Sentence(one.answer_start, one.answer_end, (1,), "supported") for one in citations)
    yield Done(
        Answer("q", text, "openchat", False, citations, (), None, {}, sentences, stopped=True, cut=True)
    )


def told(pieces: list[str], stops: list[str]) -> tuple[str, Answer, bool]:
    stop = threading.Event()
    found = list(until_stop(events(pieces), stops, stop))
    last = found[-1]
    assert isinstance(last, Done)
    text = "".join(event.text for event in found if isinstance(event, TextDelta))
    return text, last.answer, stop.is_set()


@pytest.mark.parametrize(
    ("pieces", "stops", "text"),
    [
        (["One ", "two ", "three"], ["two"], "One "),
        (["One t", "w", "o three"], ["two"], "One "),
        (["One tw", "ice"], ["two"], "One twice"),
        (["abcd"], ["cd", "bc"], "a"),
        (["abcd"], ["cd", "abcd"], ""),
        (["b", "a", "a"], ["a", "baa"], "b"),
        (["baa"], ["a", "baa"], "b"),
        (["x"], ["x"], ""),
        (["never"], ["no"], "never"),
    ],
)
def test_examples(pieces: list[str], stops: list[str], text: str) -> None:
    assert told(pieces, stops)[0] == text


def test_the_answer_is_cut_as_the_text_is() -> None:
    first, second = citation(0, 6), citation(7, 13)
    stop = threading.Event()
    found = list(until_stop(events(["One a.", " Two STOP b."], (first, second)), ["STOP"], stop))
    answer = found[-1].answer  # type: ignore[union-attr]
    assert answer.text == "One a. Two"
    assert answer.citations == (first,)
    assert [sentence.end for sentence in answer.sentences] == [6]
    assert (answer.stopped, answer.cut) == (False, False)
    assert stop.is_set()


words = st.text(alphabet="ab ", max_size=4)


@given(st.lists(words, max_size=12), st.lists(words.filter(bool), max_size=3))
def test_it_is_the_text_before_the_first_stop_string(pieces: list[str], stops: list[str]) -> None:
    whole = "".join(pieces)
    # told letter by letter: the text ends where the first stop string is whole
    lengths = (
        [length for length in range(len(whole) + 1) if whole[:length].endswith(tuple(stops))] if stops else []
    )
    ending = [stop for stop in stops if whole[: lengths[0]].endswith(stop)] if lengths else []
    text, answer, ended = told(pieces, stops)
    assert text == (whole[: lengths[0] - max(map(len, ending))] if lengths else whole)
    assert ended == bool(lengths)
    assert answer.text == (text.rstrip() if lengths else whole)
