"""`ChatOpenChat` against LangChain's standard suites, and what is OpenChat's own, on real llama.cpp."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from rag.errors import ModelBusy, ModelFailed, ModelMissing, UsageError, WindowExceeded
from rag.model.llama import Sampling
from rag.model.loaded_model import LoadedModel, load_model
from rag.model.openchat import ChatOpenChat, _until, turns_from_messages
from rag.records import Queued, Reading, TextDelta, Turn
from rag.settings import Settings
from rag.template import encode_conversation

WORDS = "The lighthouse was finished in 1759 [2]."


@pytest.fixture
def chat(scripted_model: Callable[[str], Path]) -> ChatOpenChat:
    return ChatOpenChat(model=str(scripted_model(WORDS)), window=2048)


# --- LangChain's suites --------------------------------------------------------------------------------


class OpenChatUnderTest:
    """What both suites are told about the model."""

    _path = ""

    @pytest.fixture(autouse=True)
    def _model(
        self, request: pytest.FixtureRequest, scripted_model: Callable[[str], Path], json_model: Path
    ) -> None:
        """A script can't say JSON, so these tests get the model that leaves all to the grammar."""
        structured = "structured_output" in request.node.name
        type(self)._path = str(json_model if structured else scripted_model(WORDS))

    @property
    def chat_model_class(self) -> type[ChatOpenChat]:
        return ChatOpenChat

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": self._path or None, "window": 2048}

    @property
    def has_tool_calling(self) -> bool:
        return False  # OpenChat's template has no place for tools

    @property
    def supports_json_mode(self) -> bool:
        return False  # a schema is always there, and the grammar is made of it

    @property
    def model_override_value(self) -> str:
        return self._path


class TestUnit(OpenChatUnderTest, ChatModelUnitTests):
    """Nothing is asked of the model."""


class TestIntegration(OpenChatUnderTest, ChatModelIntegrationTests):
    """The model is asked, through llama.cpp."""


# --- who leaves stops the model ------------------------------------------------------------------------


def of(chat: ChatOpenChat) -> LoadedModel:
    loaded = load_model(chat._settings)
    assert isinstance(loaded, LoadedModel)
    return loaded


def counted(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch, third: Callable[[], object]) -> list[int]:
    """The tokens that the model goes on to write; `third` is called at the third."""
    tokens: list[int] = []
    piece = loaded.engine.piece

    def counting(token: int) -> bytes:
        tokens.append(token)
        if len(tokens) == 3:
            third()
        return piece(token)

    monkeypatch.setattr(loaded.engine, "piece", counting)
    return tokens


async def free_again(loaded: LoadedModel) -> None:
    deadline = time.monotonic() + 60
    while len(loaded.queue):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_a_call_that_is_cancelled_stops_the_model(
    slow_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = ChatOpenChat(model=str(slow_model), window=2048, max_tokens=1900)
    loaded = of(chat)
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(chat.ainvoke("Hello"))
    tokens = counted(loaded, monkeypatch, lambda: loop.call_soon_threadsafe(task.cancel))
    with pytest.raises(asyncio.CancelledError):
        await task
    await free_again(loaded)
    assert 3 <= len(tokens) < 1000


async def test_a_stream_that_is_left_stops_the_model(
    slow_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = ChatOpenChat(model=str(slow_model), window=2048, max_tokens=1900)
    loaded = of(chat)
    tokens = counted(loaded, monkeypatch, lambda: None)
    chunks = chat.astream("Hello")
    assert (await anext(chunks)).content
    await chunks.aclose()  # type: ignore[attr-defined]  # it is a generator
    await free_again(loaded)
    assert len(tokens) < 1000


async def test_a_stream_that_is_left_in_the_queue_is_out_of_it(
    random_model: Path,
) -> None:
    chat = ChatOpenChat(model=str(random_model), window=2048)
    loaded = of(chat)
    with loaded.queue.enter():
        task = asyncio.create_task(chat.ainvoke("Hello"))
        while len(loaded.queue) < 2:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while len(loaded.queue) > 1:
            await asyncio.sleep(0.01)


# --- what is OpenChat's own ----------------------------------------------------------------------------


def test_the_text_has_no_space_in_front(chat: ChatOpenChat) -> None:
    answer = chat.invoke("When?")
    assert answer.content == WORDS
    assert answer.response_metadata["finish_reason"] == "stop"
    assert answer.usage_metadata is not None
    # BOS, "GPT4 Correct User: When?", end of turn, "GPT4 Correct Assistant:", as in the card's list
    assert answer.usage_metadata["input_tokens"] == 1 + 9 + 1 + 7


def test_a_system_message_goes_before_the_users_words() -> None:
    messages = [SystemMessage("Be brief."), HumanMessage("Hi"), AIMessage("Yes?"), HumanMessage("Go.")]
    assert turns_from_messages(messages) == [
        Turn("user", "Be brief.\n\nHi"),
        Turn("assistant", "Yes?"),
        Turn("user", "Go."),
    ]


def test_what_openchat_has_no_place_for() -> None:
    with pytest.raises(UsageError, match="no place for a message of type 'tool'"):
        turns_from_messages([ToolMessage("x", tool_call_id="1")])
    with pytest.raises(UsageError, match="reads text only, not a block of type 'image_url'"):
        turns_from_messages([HumanMessage([{"type": "image_url", "image_url": {"url": "x"}}])])


def test_tokens_are_the_models_own(chat: ChatOpenChat) -> None:
    assert chat.get_token_ids("How are you today?") == [1602, 460, 368, 3154, 28804]
    assert chat.get_num_tokens("How are you today?") == 5
    assert chat.get_num_tokens_from_messages([HumanMessage("Hello")]) == 17


def test_stop_strings_and_max_tokens(chat: ChatOpenChat) -> None:
    assert chat.bind(stop=[" in 17"]).invoke("When?").content == "The lighthouse was finished"
    cut = chat.bind(max_tokens=3).invoke("When?")
    assert cut.response_metadata["finish_reason"] == "length"
    assert WORDS.startswith(str(cut.content))


def test_a_stop_string_over_several_pieces() -> None:
    assert "".join(_until(iter(["ab", "cS", "TO", "Pd"]), ["STOP"])) == "abc"
    assert "".join(_until(iter(["ab", "cS", "TO"]), ["STOP"])) == "abcSTO"
    assert "".join(_until(iter(["abXcY"]), ["Y", "X"])) == "ab"
    for pieces in (["abcd"], ["abc", "d"], ["a", "b", "c", "d"]):  # the one that is whole first
        assert "".join(_until(iter(pieces), ["abcd", "c", ""])) == "ab"


def test_too_many_messages(chat: ChatOpenChat) -> None:
    with pytest.raises(WindowExceeded, match=r"the messages have \d+ tokens; the window has 2048"):
        chat.invoke("word " * 2100)


def test_no_model_says_what_to_do() -> None:
    with pytest.raises(ModelMissing, match=r"no model is set: get OpenChat 3\.5 with `rag model pull`"):
        ChatOpenChat().invoke("Hi")


# --- one model, one line -------------------------------------------------------------------------------


@pytest.fixture
def loaded(random_model: Path) -> LoadedModel:
    return load_model(Settings(model=str(random_model), window=4096, queue=4))


def prompt_ids(loaded: LoadedModel, words: int = 3) -> list[int]:
    return [1, *loaded.tokenize("word " * words)]


def test_a_file_is_loaded_once(random_model: Path, loaded: LoadedModel) -> None:
    assert load_model(Settings(model=str(random_model), window=4096, queue=4)) is loaded


def test_four_threads_take_turns(loaded: LoadedModel) -> None:
    """Each text is what it is alone; while one writes, the others are told their place."""
    ids = prompt_ids(loaded)

    def text(seed: int) -> str:
        sampling = Sampling(temperature=1.0, seed=seed)
        events = loaded.stream(ids, max_tokens=30, sampling=sampling)
        return "".join(event.text for event in events if isinstance(event, TextDelta))

    alone = [text(seed) for seed in range(4)]
    together: dict[int, str] = {}
    threads = [
        threading.Thread(target=lambda seed=seed: together.update({seed: text(seed)})) for seed in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert [together[seed] for seed in range(4)] == alone


def test_the_place_in_line_is_told_and_a_full_line_refused(loaded: LoadedModel) -> None:
    sampling = Sampling()
    with loaded.queue.enter():
        waiting = loaded.stream(prompt_ids(loaded), max_tokens=2, sampling=sampling)
        assert next(waiting) == Queued(1)
        held = [loaded.queue.enter() for _ in range(3)]
        with pytest.raises(ModelBusy, match="4 questions wait"):
            next(loaded.stream(prompt_ids(loaded), max_tokens=2, sampling=sampling))
        for ticket in held:
            ticket.leave()
    assert [event for event in list(waiting) if isinstance(event, Reading)]
    assert len(loaded.queue) == 0


def test_a_stream_that_is_dropped_lets_the_next_one_go(loaded: LoadedModel) -> None:
    stream = loaded.stream(prompt_ids(loaded), max_tokens=1000, sampling=Sampling(temperature=1.0))
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert len(loaded.queue) == 0


def test_stop_in_the_queue(loaded: LoadedModel) -> None:
    stop = threading.Event()
    with loaded.queue.enter():
        waiting = loaded.stream(prompt_ids(loaded), max_tokens=2, sampling=Sampling(), stop=stop)
        next(waiting)
        stop.set()
        begun = time.monotonic()
        assert list(waiting) == []
        assert time.monotonic() - begun < 1


def test_reading_says_how_long_is_left(loaded: LoadedModel) -> None:
    events = loaded.stream(prompt_ids(loaded, 1000), max_tokens=1, sampling=Sampling())
    reads = [event for event in events if isinstance(event, Reading)]
    assert reads[0].seconds_left is None
    assert reads[-1].seconds_left == 0
    assert all(read.seconds_left is not None and read.seconds_left >= 0 for read in reads[1:])


# --- structured output ---------------------------------------------------------------------------------


def test_json_that_was_cut_says_so(random_model: Path) -> None:
    from pydantic import BaseModel

    class Tower(BaseModel):
        name: str
        metres: int

    chat = ChatOpenChat(model=str(random_model), window=2048, max_tokens=6)
    with pytest.raises(ModelFailed, match=r"cut after \d+ characters, in the middle of its JSON: give more"):
        chat.with_structured_output(Tower).invoke("Which tower?")


def test_a_schema_that_is_none(chat: ChatOpenChat) -> None:
    with pytest.raises(UsageError, match="this JSON schema can't be made a grammar"):
        chat.with_structured_output(
            {"title": "x", "type": "object", "properties": {"a": {"$ref": "#/nowhere"}}}
        )
    with pytest.raises(UsageError, match=r"takes method, strict and include_raw, not \['tools'\]"):
        chat.with_structured_output({"title": "x", "type": "object"}, tools=[])


# --- what was read before ------------------------------------------------------------------------------


def test_a_recorded_file_keeps_its_states_on_disk(random_model: Path, tmp_path: Path) -> None:
    """Asked again in another process: the same words, and only the last token is read."""
    import rag.model.loaded_model as module
    from rag.model.state_cache import forget_states, states_folder
    from rag.model_files.pulling import use

    path = tmp_path / "kept.gguf"
    path.write_bytes(random_model.read_bytes())
    use(str(path))
    said = []
    for reused in (0, 216, 0):
        module._loaded.pop((path.resolve(), 2048, 1, -1), None)
        chat = ChatOpenChat(model=str(path), window=2048, max_tokens=8)
        loaded = load_model(chat._settings)
        assert isinstance(loaded, LoadedModel)
        ids = encode_conversation([Turn("user", "word " * 200)], loaded.tokenize)
        events = list(loaded.stream(ids, max_tokens=8, sampling=Sampling()))
        assert isinstance(events[0], Reading)
        assert events[0].done == reused == (len(ids) - 1 if reused else 0)
        said.append("".join(event.text for event in events if isinstance(event, TextDelta)))
        loaded.engine._states.flush()  # type: ignore[union-attr]
        if reused:
            forget_states()
            assert list(states_folder().iterdir()) == []
    assert said[0] == said[1] == said[2]
