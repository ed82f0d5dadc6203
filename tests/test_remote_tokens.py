"""Ids for a server that takes messages only, and the messages that they are turned back into."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_files import sentencepiece

from rag.errors import UsageError
from rag.prompt import build_prompt as build
from rag.records import Hit, Turn
from rag.remote.dialects import (
    Piece,
    completion_body,
    kind_of,
    read_event,
    read_models,
    read_tokens,
    tokenize_body,
    window_of,
)
from rag.remote.probe import KNOWN_TOKENS, _version
from rag.remote.tokens import Spelling, best_spelling, bytewise, turns_of, without_reserved
from rag.template import BEGIN, END_OF_TURN, RESERVED, RESERVED_TEXTS, encode_conversation

SPELLINGS = {"bytes": bytewise(), "vocabulary": best_spelling()}
# Random text, and text made of what makes reserved tokens; "▁" is the vocabulary's own sign for a space.
PIECES = st.sampled_from([*RESERVED_TEXTS, "<|end_of_", "turn|>", "<", "|>", "s>", "/", " ", "\n", "[1]"])
TEXTS = (st.text(st.characters(codec="utf-8", exclude_characters="▁")) | PIECES.map(str)) | st.lists(
    PIECES | st.text(st.characters(codec="utf-8", exclude_characters="▁"), max_size=3), max_size=12
).map("".join)

each_spelling = pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)


def test_mistrals_own_vocabulary_is_found() -> None:
    assert best_spelling().counts == "made with Mistral's vocabulary"


def test_what_a_server_must_know_is_what_the_vocabulary_says() -> None:
    assert {text: tuple(sentencepiece().encode(text)) for text in KNOWN_TOKENS} == KNOWN_TOKENS


@each_spelling
@given(texts=st.lists(TEXTS, min_size=1, max_size=4))
def test_ids_lead_back_to_the_turns(spelling: Spelling, texts: list[str]) -> None:
    """To the letter, but for the words that spell out reserved tokens."""
    turns = [Turn("assistant" if number % 2 else "user", text) for number, text in enumerate(texts)]
    ids = encode_conversation(turns, spelling.tokenize)
    assert ids.count(END_OF_TURN) == len(turns)
    found, condition = turns_of(ids, spelling)
    assert condition == "GPT4 Correct"
    assert found == [Turn(turn.role, without_reserved(turn.text)) for turn in turns]


@each_spelling
def test_a_whole_prompt_leads_back_to_its_turns(spelling: Spelling) -> None:
    hit = Hit(1, "a.txt", 1, 0, 9, "It was lit by <|end_of_turn|> candles [7].", 1.0)
    history = [Turn("user", "Hi"), Turn("assistant", "Hello [1]")]
    prompt = build("How?", [hit], history, spelling.tokenize, window=8192, reserve=256)
    turns, _ = turns_of(prompt.ids, spelling)
    assert [turn.role for turn in turns] == ["user", "assistant", "user"]
    assert turns[0].text.startswith("Answer the question from the numbered passages below")
    assert turns[0].text.endswith(
        '[1] a.txt\n"""\nIt was lit by < |end_of_turn|> candles (7).\n"""\n\nQuestion: Hi'
    )
    assert [turn.text for turn in turns[1:]] == ["Hello", "How?"]


@given(TEXTS)
def test_bytes_are_never_fewer_than_the_models_tokens(text: str) -> None:
    turns = [Turn("user", text)]
    spelled = encode_conversation(turns, bytewise().tokenize)
    assert not RESERVED.difference({BEGIN, END_OF_TURN}).intersection(spelled)
    sent = without_reserved(text)
    header = "GPT4 Correct User: "
    assert len(spelled) >= 1 + len(sentencepiece().encode(header + sent)) + 1 + 7


@given(TEXTS)
def test_no_reserved_word_is_left(text: str) -> None:
    broken = without_reserved(text)
    assert not [reserved for reserved in RESERVED_TEXTS if reserved in broken]
    assert without_reserved(broken) == broken
    assert re.sub(r"\s", "", broken) == re.sub(r"\s", "", text)


def test_words_can_still_be_read() -> None:
    assert without_reserved("x<|end_of_turn|></s><<s>>") == "x< |end_of_turn|>< /s><< s>>"


@each_spelling
def test_what_is_no_conversation(spelling: Spelling) -> None:
    whole = encode_conversation([Turn("user", "Hello")], spelling.tokenize)
    for ids in ([], [BEGIN], whole[1:], spelling.tokenize("Hello")):
        with pytest.raises(UsageError, match="takes no prompt that is not a conversation"):
            turns_of(ids, spelling)
    turn = whole[: whole.index(END_OF_TURN) + 1]
    with pytest.raises(UsageError, match="can't go on with an answer, 'GPT4 Correct Assistant: Yes'"):
        turns_of([*turn, *spelling.tokenize("GPT4 Correct Assistant: Yes")], spelling)
    foreign = [BEGIN, *spelling.tokenize("Human: Hello"), *whole[len(turn) - 1 :]]
    with pytest.raises(UsageError, match="can't be sent a turn that begins 'Human: Hello'"):
        turns_of(foreign, spelling)


# --- the servers' forms --------------------------------------------------------------------------------


class Chosen:
    """`rag.model.llama.Sampling`'s fields, all of them unusual."""

    temperature, top_p, top_k, repeat_penalty, seed = 0.7, 0.9, 0, 1.1, 2**40 + 5


def body(kind: Any, **more: Any) -> dict[str, Any]:
    given = {"max_tokens": 9, "sampling": Chosen(), "grammar": "root ::= [^x]+", **more}
    return completion_body(kind, "m", [1, 420], **given)


def test_a_completion_for_llama_server() -> None:
    sent = body("llama-server")
    assert (sent["model"], sent["prompt"], sent["max_tokens"]) == ("m", [1, 420], 9)
    assert (sent["stream"], sent["stream_options"]) == (True, {"include_usage": True})
    assert (sent["temperature"], sent["top_p"], sent["top_k"], sent["min_p"]) == (0.7, 0.9, 0, 0.0)
    assert (sent["repeat_penalty"], sent["repeat_last_n"]) == (1.1, 64)
    assert sent["logit_bias"] == [[0, False], [1, False], [32001, False]]
    assert sent["grammar"] == "root ::= [^x]+"
    assert (sent["return_progress"], sent["cache_prompt"]) == (True, True)
    assert 0 <= sent["seed"] < 2**32 - 1


def test_a_completion_for_vllm() -> None:
    sent = body("vLLM")
    assert (sent["top_k"], sent["repetition_penalty"]) == (-1, 1.1)
    assert sent["logit_bias"] == {"0": -100, "1": -100, "32001": -100}
    assert sent["stop_token_ids"] == [32000, 2]
    assert sent["structured_outputs"] == {"grammar": "root ::= [^x]+"}
    assert "structured_outputs" not in body("vLLM", grammar=None)
    assert "guided_grammar" not in sent


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ((0, 8), "guided_grammar"),
        ((0, 10), "guided_grammar"),
        ((0, 11), "structured_outputs"),
        ((1, 0), "structured_outputs"),
        ((), "structured_outputs"),
    ],
)
def test_vllms_name_for_a_grammar(version: tuple[int, ...], name: str) -> None:
    assert {"guided_grammar", "structured_outputs"}.intersection(body("vLLM", version=version)) == {name}


@pytest.mark.parametrize(
    ("told", "version"),
    [
        ({"version": "0.28.1rc1.dev388+g8a728663c"}, (0, 28)),
        ({"version": "0.10.2"}, (0, 10)),
        ({"version": "0.1.dev1+gabc"}, ()),  # a build without a tag
        ({"version": 7}, ()),
        ("0.10.2", ()),
        (None, ()),
    ],
)
def test_vllms_version(told: Any, version: tuple[int, ...]) -> None:
    class Told:
        address = type("Address", (), {"root": "http://h"})

        def ask(self, url: str, **_: Any) -> Any:
            assert url == "http://h/version"
            return told

    assert _version(Told()) == version  # type: ignore[arg-type]  # all that is asked of a wire here


def test_splitting_a_text() -> None:
    assert tokenize_body("llama-server", "m", "x", special=False) == {
        "content": "x",
        "add_special": False,
        "parse_special": False,
    }
    assert tokenize_body("vLLM", "m", "x", special=False) == {
        "model": "m",
        "prompt": "x",
        "add_special_tokens": False,
    }
    assert read_tokens({"tokens": [1, 2]}) == [1, 2]
    for reply in ({"tokens": [1, "2"]}, {"tokens": [True]}, {"tokens": [-1]}, {"tokens": 7}, {}, [], None):
        assert read_tokens(reply) is None


def test_entries_of_models() -> None:
    assert read_models({"data": [{"id": "a"}, {"id": 1}, "b", {}]}) == [{"id": "a"}]
    for reply in ({"data": {}}, {}, [], None, "x"):
        assert read_models(reply) == []
    assert window_of({"max_model_len": 4096}) == 4096
    assert window_of({"meta": {"n_ctx": 512}}) == 512
    for entry in (
        {},
        {"meta": None},
        {"max_model_len": True},
        {"max_model_len": "9"},
        {"meta": {"n_ctx": 0}},
    ):
        assert window_of(entry) is None
    kinds = [kind_of({"owned_by": owner}) for owner in ("llamacpp", "vllm", "openchat", "me", None)]
    assert kinds == ["llama-server", "vLLM", "OpenChat's server", "another server", "another server"]


def test_events_of_an_answer() -> None:
    assert read_event({"choices": [{"text": "a", "finish_reason": None}]}) == Piece("a")
    assert read_event({"choices": [{"delta": {"content": "b"}, "finish_reason": "stop"}]}) == Piece(
        "b", "stop"
    )
    assert read_event({"choices": [{"delta": {"role": "assistant"}}], "usage": None}) == Piece()
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 5}}
    assert read_event({"choices": [], "usage": usage}) == Piece("", None, 7, 5, 3)
    progress = {"total": 9, "cache": 2, "processed": 4, "time_ms": 8}
    assert read_event({"choices": [{"text": ""}], "prompt_progress": progress}) == Piece(read=(4, 9, 2, 8.0))
    assert read_event({"error": {"message": "no"}}) == Piece(error={"error": {"message": "no"}})


FIELDS = {
    "event": ["choices", "text", "delta", "content", "finish_reason", "error", "usage", "prompt_progress"],
    "usage": ["prompt_tokens", "completion_tokens", "prompt_tokens_details", "cached_tokens"],
    "prompt_progress": ["total", "cache", "processed", "time_ms"],
    "reply": ["data", "id", "tokens"],
}
NAMES = st.sampled_from([name for names in FIELDS.values() for name in names])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_read_without_an_exception(data: Any) -> None:
    piece = read_event(data)
    if piece is not None:
        assert isinstance(piece.text, str)
        assert piece.text.encode("utf-8") is not None  # no lone surrogate
    read_models(data)
    read_tokens(data)
