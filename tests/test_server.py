"""`rag serve`, a real process, asked by clients that we did not write: openai's, LangChain's, plain HTTP."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from model_server import ModelServer
from served import Served
from small_index import write_index

HOW = "How was Smeaton's tower lit?"
SAYS = "It was lit by 24 candles [1]."
FOOTNOTE = "\n\n---\n\n[1] lights/eddystone.txt: “It was lit by 24 candles.” (supported)"
OFF_TOPIC = "What is the boiling point of tungsten?"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_index(tmp_path_factory.mktemp("served") / "index")


@pytest.fixture(scope="module")
def writing(index: Path, scripted_model: Callable[[str], Path]) -> Iterator[Served]:
    with Served(index, scripted_model(SAYS)) as served:
        yield served


@pytest.fixture(scope="module")
def quoting(index: Path) -> Iterator[Served]:
    with Served(index) as served:
        yield served


@pytest.fixture(scope="module")
def rambling(index: Path, slow_model: Path) -> Iterator[Served]:
    """Writes gibberish until its reserve is used up; three may wait."""
    with Served(index, slow_model, queue=3, reserve=1500) as served:
        yield served


def client(served: Served, **options: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{served.url}/v1", api_key="any", max_retries=0, **options)


def asked(question: str = HOW, **more: Any) -> dict[str, Any]:
    return {"model": "openchat_3.5", "messages": [{"role": "user", "content": question}], **more}


def post(served: Served, body: Any, path: str = "chat/completions", **options: Any) -> httpx.Response:
    return httpx.post(f"{served.url}/v1/{path}", json=body, timeout=30, **options)


# --- openai's client ----------------------------------------------------------------------------------


def test_a_question_by_openais_client(writing: Served) -> None:
    reply = client(writing).chat.completions.create(**asked())
    assert reply.choices[0].message.content == SAYS + FOOTNOTE
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage is not None
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    assert reply.model_extra is not None
    rag = reply.model_extra["rag"]
    assert reply.rag is rag
    assert rag["text"] == SAYS
    assert rag["citations"][0]["quote"] == "It was lit by 24 candles."
    assert rag["citations"][0]["source"] == "lights/eddystone.txt"
    assert "24 candles" in rag["passages"][0]["text"]
    ledger = rag["ledger"]
    parts = ledger["instruction"] + ledger["passages"] + ledger["history"] + ledger["question"]
    assert parts == reply.usage.prompt_tokens
    assert ledger["answer"] == reply.usage.completion_tokens


def test_a_stream_by_openais_client(writing: Served) -> None:
    pieces = list(
        client(writing).chat.completions.create(
            **asked(), stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    assert text == SAYS + FOOTNOTE
    assert pieces[0].choices[0].delta.role == "assistant"
    assert pieces[-2].choices[0].finish_reason == "stop"
    assert pieces[-2].model_extra["rag"]["citations"][0]["verdict"] == "supported"
    assert pieces[-1].usage.prompt_tokens > 200
    assert len({piece.id for piece in pieces}) == 1


def test_a_conversation_is_remembered_without_its_footnotes(writing: Served) -> None:
    turns = [{"role": "user", "content": HOW}, {"role": "assistant", "content": SAYS + FOOTNOTE}]
    plain = [turns[0], {"role": "assistant", "content": SAYS}]
    ledgers = [
        post(writing, asked() | {"messages": [*before, turns[0]]}).json()["rag"]["ledger"]
        for before in (turns, plain)
    ]
    assert ledgers[0]["history"] == ledgers[1]["history"] > 0


def test_system_messages_are_said_to_be_ignored(writing: Served) -> None:
    messages = [{"role": "system", "content": "Talk like a pirate."}, {"role": "user", "content": HOW}]
    rag = post(writing, asked() | {"messages": messages}).json()["rag"]
    assert rag["ignored"] == ["messages.0 (system): the instruction is the server's own"]


def test_the_condition_is_in_the_prompt(writing: Served) -> None:
    """`GPT4 Correct User:` has one token more than `Math Correct User:`, in each of its four headers."""
    default, correct, maths = (
        post(writing, asked() | more).json()["rag"]["ledger"]
        for more in ({}, {"condition": "GPT4 Correct"}, {"condition": "Math Correct"})
    )
    assert default["instruction"] == correct["instruction"] > maths["instruction"]


def test_stop_and_length(writing: Served) -> None:
    cut = post(writing, asked(stop="candles", footnotes=False)).json()
    assert cut["choices"][0]["message"]["content"] == "It was lit by 24"
    assert cut["choices"][0]["finish_reason"] == "stop"
    assert cut["rag"]["citations"] == []
    assert not cut["rag"]["stopped"]
    short = post(writing, asked(max_tokens=3, footnotes=False)).json()
    assert short["choices"][0]["message"]["content"] == "It was lit"
    assert short["choices"][0]["finish_reason"] == "length"
    assert short["usage"]["completion_tokens"] == 3


def test_models(writing: Served, quoting: Served) -> None:
    names = [model.id for model in client(writing).models.list()]
    assert names[1:] == ["openchat_3.5", "all-MiniLM-L6-v2"]
    assert client(writing).models.retrieve(names[0]).id == names[0]
    assert [model.id for model in client(quoting).models.list()] == ["quotes", "all-MiniLM-L6-v2"]
    with pytest.raises(openai.NotFoundError, match="there is no model 'gpt-5' here; known: quotes"):
        client(quoting).models.retrieve("gpt-5")
    with pytest.raises(openai.NotFoundError, match=r"'openchat_3\.5' here; known: quotes"):
        client(quoting).chat.completions.create(**asked())


def test_quotes(quoting: Served) -> None:
    reply = client(quoting).chat.completions.create(
        **asked("When was Smeaton's tower finished?") | {"model": "quotes"}
    )
    content = str(reply.choices[0].message.content)
    assert content.startswith("Smeaton's tower was finished in 1759. [1]")
    assert "[1] lights/eddystone.txt: “Smeaton's tower was finished in 1759.” (supported)" in content
    assert reply.usage is not None
    assert reply.usage.total_tokens == 0
    none = post(quoting, asked(OFF_TOPIC) | {"model": "quotes"}).json()
    assert none["rag"]["abstained"]
    assert "---" not in none["choices"][0]["message"]["content"]


def test_embeddings(quoting: Served) -> None:
    texts = ["The tower was lit by candles.", "Candles were burning in the tower.", "Bread rises with yeast."]
    found = client(quoting).embeddings.create(model="all-MiniLM-L6-v2", input=texts)  # asks for base64
    rows = np.array([item.embedding for item in found.data])
    assert rows.shape == (3, 384)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3)
    assert rows[0] @ rows[1] > 0.5 > rows[0] @ rows[2] + 0.2
    numbers = client(quoting).embeddings.create(
        model="all-MiniLM-L6-v2", input=texts[0], encoding_format="float", dimensions=384
    )
    assert np.allclose(numbers.data[0].embedding, rows[0], atol=1e-3)
    assert found.usage.prompt_tokens == sum(map(len, (t.replace(".", " .").split() for t in texts)))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"input": "word " * 400}, r"a text has 400 tokens; all-MiniLM-L6-v2 reads 254: send shorter ones"),
        ({"input": "word", "dimensions": 100}, "dimensions is 100; all-MiniLM-L6-v2 has 384"),
        ({"input": [1, 2, 3]}, "input"),
        ({"input": []}, "input"),
        ({"input": ""}, "input"),
        ({"input": [""]}, "input"),
    ],
)
def test_embeddings_that_are_refused(quoting: Served, body: dict[str, Any], said: str) -> None:
    reply = post(quoting, {"model": "all-MiniLM-L6-v2", **body}, "embeddings")
    assert reply.status_code == 400
    assert said in reply.json()["error"]["message"]


def test_a_long_text_is_cut_where_that_is_wanted(quoting: Served) -> None:
    body = {"model": "all-MiniLM-L6-v2", "input": "word " * 400, "truncate": True}
    assert len(post(quoting, body, "embeddings").json()["data"][0]["embedding"]) == 384


# --- LangChain's --------------------------------------------------------------------------------------


def test_langchains_client(writing: Served, quoting: Served) -> None:
    chat = ChatOpenAI(base_url=f"{writing.url}/v1", api_key="any", model="openchat_3.5", max_retries=0)
    messages = [SystemMessage("Be brief."), HumanMessage("Hello"), AIMessage("Hi."), HumanMessage(HOW)]
    answer = chat.invoke(messages)
    assert answer.content == SAYS + FOOTNOTE
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["input_tokens"] > 200
    assert "".join(str(piece.content) for piece in chat.stream(messages)) == SAYS + FOOTNOTE
    embedder = OpenAIEmbeddings(
        base_url=f"{quoting.url}/v1",
        api_key="any",
        model="all-MiniLM-L6-v2",
        check_embedding_ctx_length=False,
    )
    assert len(embedder.embed_query("candles")) == 384


# --- what is refused ----------------------------------------------------------------------------------

_ABSURD: list[tuple[dict[str, Any], str]] = [
    ({"temperature": 7}, "temperature"),
    ({"temperature": "0.5"}, "temperature"),
    ({"temperature": True}, "temperature"),
    ({"top_p": -1}, "top_p"),
    ({"n": 2}, "n"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": 10**40}, "max_tokens"),
    ({"seed": -1}, "seed"),
    ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
    ({"stop": ""}, "stop"),
    ({"condition": "Evil Correct"}, "condition"),
    ({"tools": [{"type": "function"}]}, "tools"),
    ({"response_format": {"type": "json_object"}}, "response_format"),
    ({"logprobs": True}, "logprobs"),
    ({"wurst": 1}, "wurst"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "user", "content": " \n"}]}, "messages"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages"),
    ({"messages": [{"role": "assistant", "content": "x"}]}, "messages"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages"),
    ({"messages": [{"role": "user", "content": None}]}, "messages"),
    ({"stream_options": {"include_usage": True}}, "stream_options"),
]


@pytest.mark.parametrize(("more", "param"), _ABSURD, ids=lambda value: json.dumps(value)[:40])
def test_absurd_parameters(writing: Served, more: dict[str, Any], param: str) -> None:
    reply = post(writing, {**asked(), **more})
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert error["param"].startswith(param)
    assert error["type"] == "invalid_request_error"
    assert "\n" not in error["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'{"model": "\xff"}',
        b'{"a":' * 5000,
        b'{"model": "\\ud800"}',
        b"NaN",
        json.dumps(asked()).encode()[:-1] + b', "temperature": NaN}',
    ],
)
def test_bodies_that_are_no_requests(writing: Served, body: bytes) -> None:
    url, headers = f"{writing.url}/v1/chat/completions", {"Content-Type": "application/json"}
    reply = httpx.post(url, content=body, headers=headers)
    assert reply.status_code == 400
    assert reply.json()["error"]["message"]


def test_a_question_too_long_is_the_clients_error(writing: Served) -> None:
    for stream in (False, True):
        reply = post(writing, asked("tower " * 9000, stream=stream))
        assert reply.status_code == 400
        assert reply.json()["error"]["code"] == "context_length_exceeded"
        assert "the window of 8192 has room for" in reply.json()["error"]["message"]


def test_other_paths_methods_and_types(writing: Served) -> None:
    assert httpx.get(f"{writing.url}/v1/completions").status_code == 404
    assert httpx.get(f"{writing.url}/v1/chat/completions").status_code == 405
    reply = httpx.post(
        f"{writing.url}/v1/chat/completions", content=b"{}", headers={"Content-Type": "text/plain"}
    )
    assert reply.status_code == 415
    assert httpx.get(f"{writing.url}/v1/models/").status_code == 404


def test_the_page_and_its_document(writing: Served) -> None:
    page = httpx.get(f"{writing.url}/docs")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "POST /v1/chat/completions" in page.text
    assert "<script" not in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert httpx.get(f"{writing.url}/openapi.json").json()["openapi"] == "3.1.0"


# --- many at once -------------------------------------------------------------------------------------


def test_fifty_at_once(index: Path, scripted_model: Callable[[str], Path]) -> None:
    def ask(number: int) -> tuple[int, float, str | None, str]:
        begun = time.monotonic()
        reply = post(served, asked(f"{HOW} {number}"))
        content = reply.json().get("choices", [{"message": {"content": ""}}])[0]["message"]["content"]
        return reply.status_code, time.monotonic() - begun, reply.headers.get("Retry-After"), content

    with Served(index, scripted_model(SAYS), queue=8) as served:
        post(served, asked())  # so that loading does not count
        with ThreadPoolExecutor(50) as pool:
            results = list(pool.map(ask, range(50)))
        refused = [result for result in results if result[0] == 429]
        answered = [result for result in results if result[0] == 200]
        assert len(answered) + len(refused) == 50
        assert len(answered) >= 9  # one that is answered, and the eight that may wait
        assert refused
        assert all(content == SAYS + FOOTNOTE for *_, content in answered)
        assert all(retry is not None and 1 <= int(retry) <= 600 for _, _, retry, _ in refused)
        assert np.median([seconds for _, seconds, _, _ in refused]) < max(
            seconds for _, seconds, _, _ in answered
        )
        assert served.metric("rag_refused_total", line="questions") == len(refused)
        assert served.metric("rag_answers_total", outcome="answered") == len(answered) + 1


def test_one_runs_the_others_wait_in_order_and_one_too_many_is_told(rambling: Served) -> None:
    def first_words(number: int) -> int:
        pieces = client(rambling).chat.completions.create(**asked(), stream=True, max_tokens=40)
        for piece in pieces:
            if piece.choices and piece.choices[0].delta.content:
                began.append(number)
        return number

    began: list[int] = []
    with streaming(rambling) as lines, ThreadPoolExecutor(3) as pool:
        next(line for line in lines if '"content":"' in line and '"content":""' not in line)
        waiting = []
        for number in range(3):
            waiting.append(pool.submit(first_words, number))
            rambling.until("rag_line", number + 1, line="questions", state="waiting")
        assert rambling.metric("rag_line", line="questions", state="running") == 1
        begun = time.monotonic()
        with pytest.raises(openai.RateLimitError, match="3 questions wait for the model already, and 3 may"):
            client(rambling).chat.completions.create(**asked())
        assert time.monotonic() - begun < 1
        assert not began
        lines.close()  # the client goes in the middle of its answer
        assert [job.result(30) for job in waiting] == [0, 1, 2]
    assert list(dict.fromkeys(began)) == [0, 1, 2]
    assert rambling.metric("rag_answers_total", outcome="stopped") == 1


def test_who_leaves_the_line_is_out_of_it(rambling: Served) -> None:
    stopped = rambling.metric("rag_answers_total", outcome="stopped")
    with streaming(rambling) as lines:
        next(line for line in lines if '"content":"' in line and '"content":""' not in line)
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{rambling.url}/v1/chat/completions", json=asked(), timeout=0.5)
        rambling.until("rag_line", 0, line="questions", state="waiting")
        with streaming(rambling) as behind:
            assert next(line for line in behind if line.startswith(":")) == ": waiting, 1 before you"
        rambling.until("rag_line", 0, line="questions", state="waiting")
        assert rambling.metric("rag_line", line="questions", state="running") == 1
        assert '"content":' in next(line for line in lines if line.startswith("data"))  # it still goes on
    rambling.until("rag_line", 0, line="questions", state="running")
    assert rambling.metric("rag_answers_total", outcome="stopped") == stopped + 1


def test_who_leaves_while_the_prompt_is_read_gets_no_answer_written(rambling: Served) -> None:
    rambling.until("rag_line", 0, line="questions", state="running")
    stopped = rambling.metric("rag_answers_total", outcome="stopped")
    written = rambling.metric("rag_tokens_total", use="answer")
    body = asked("tower " * 5500, stream=True)
    with httpx.stream("POST", f"{rambling.url}/v1/chat/completions", json=body, timeout=30) as reply:
        told = next(line for line in reply.iter_lines() if line.startswith(":"))
        read, total = map(int, re.findall(r"\d+", told))
        assert read < total / 2
    rambling.until("rag_answers_total", stopped + 1, outcome="stopped")
    assert rambling.metric("rag_tokens_total", use="answer") == written


def test_a_client_that_does_not_read_holds_up_nobody(rambling: Served) -> None:
    body = json.dumps(asked(stream=True, max_tokens=900)).encode()
    with socket.create_connection(("127.0.0.1", rambling.port)) as mute:
        mute.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        mute.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        rambling.until("rag_line", 1, line="questions", state="running")
        reply = post(rambling, asked(max_tokens=5))
        assert reply.status_code == 200
        assert reply.json()["usage"]["completion_tokens"] == 5


class streaming:  # noqa: N801, used like a function
    """An answer's lines as they come, over a connection that is closed at the end."""

    def __init__(self, served: Served) -> None:
        self._client = httpx.Client(timeout=30)
        body = asked(stream=True)
        self._stream = self._client.stream("POST", f"{served.url}/v1/chat/completions", json=body)

    def __enter__(self) -> streaming:
        self._response = self._stream.__enter__()
        self._lines = self._response.iter_lines()
        return self

    def __iter__(self) -> Iterator[str]:
        return self._lines

    def close(self) -> None:
        self._response.close()

    def __exit__(self, *_: object) -> None:
        self.close()
        self._client.close()


# --- its process --------------------------------------------------------------------------------------


def test_ctrl_c_ends_it_in_the_middle_of_an_answer_and_nothing_was_logged(
    index: Path, random_model: Path
) -> None:
    with Served(index, random_model, reserve=3000) as served:
        with streaming(served) as lines:
            next(line for line in lines if '"content":"' in line and '"content":""' not in line)
            begun = time.monotonic()
            status, said = served.end()
        assert time.monotonic() - begun < 10
    assert status == 130
    assert "Smeaton" not in said
    assert said.splitlines()[-1] == "rag: stopped"


def test_an_index_that_goes_is_told_and_comes_back(tmp_path: Path) -> None:
    index = write_index(tmp_path / "index")
    with Served(index) as served:
        index.rename(tmp_path / "away")
        assert httpx.get(f"{served.url}/health").status_code == 503
        reply = post(served, asked() | {"model": "quotes"})
        assert (reply.status_code, reply.json()["error"]["type"]) == (503, "server_error")
        (tmp_path / "away").rename(index)
        assert httpx.get(f"{served.url}/health").json() == {"status": "ok"}
        assert post(served, asked() | {"model": "quotes"}).status_code == 200


def test_a_model_on_a_server(index: Path, scripted_model: Callable[[str], Path]) -> None:
    with (
        ModelServer(scripted_model(SAYS)) as model,
        Served(index, model.address("openchat"), queue=1, window=2048) as served,
    ):
        with ThreadPoolExecutor(2) as pool:
            replies = list(pool.map(lambda _: post(served, asked(condition="Math Correct")), range(2)))
        assert [reply.status_code for reply in replies] == [200, 200]
        assert replies[0].json()["choices"][0]["message"]["content"] == SAYS + FOOTNOTE
        sent = [entry for entry in model.log() if entry["path"].endswith("chat/completions")]
        assert [entry["body"]["condition"] for entry in sent] == ["Math Correct"] * 2
        model.close()
        for stream in (False, True):
            gone = post(served, asked(stream=stream))
            assert gone.status_code == 503
            assert gone.json()["error"]["code"] == "ModelFailed"
            assert int(gone.headers["Retry-After"]) >= 1
