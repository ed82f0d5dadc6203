"""Servers that hang, break off, refuse, redirect and send rubbish; and the key, which goes nowhere else.

Against a real server process (`model_server.py`) that misbehaves on request. After each failure the next
question works.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from model_server import ModelServer

import rag.remote.wire
from rag.errors import ModelBusy, ModelError, ModelFailed, ModelMissing, UsageError, WindowExceeded
from rag.model.llama import Sampling
from rag.records import TextDelta, Turn
from rag.remote.address import is_address, key_from_environment, parse_address
from rag.remote.model import RemoteModel
from rag.remote.wire import Patience
from rag.template import encode_conversation

KEY = "sk-KEY1-of-nobody"
HASTY = Patience(connect_seconds=5, reply_seconds=1, first_seconds=1, between_seconds=1)


@pytest.fixture(scope="module")
def server(random_model: Path) -> Iterator[ModelServer]:
    with ModelServer(random_model) as server:
        yield server


@pytest.fixture
def hasty(server: ModelServer) -> Iterator[RemoteModel]:
    """A model on vLLM's kind of server, with a second's patience."""
    server.log()
    model = RemoteModel(server.address("vllm"), window=2048, patience=HASTY)
    model.connect()
    yield model
    model.close()


def ask(model: RemoteModel) -> str:
    ids = encode_conversation([Turn("user", "When?")], model.tokenize)
    events = model.stream(ids, max_tokens=20, sampling=Sampling())
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def event(text: str, *, finish: str | None = None) -> str:
    """An event as the servers send it; what `text` holds stands in it as it is."""
    ending = f'"{finish}"' if finish else "null"
    return f'data: {{"choices": [{{"index": 0, "text": "{text}", "finish_reason": {ending}}}]}}\n\n'


# --- time ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["hang", "hang midway", "drip"])
def test_a_server_that_hangs(fault: str, hasty: RemoteModel, server: ModelServer) -> None:
    server.fault(fault)
    begun = time.monotonic()
    with pytest.raises(
        ModelFailed,
        match=r"^http://127\.0\.0\.1:\d+ has sent nothing for 1 s: it hangs, or has too much to do",
    ):
        ask(hasty)
    assert time.monotonic() - begun < 4
    assert server.log()[-1]["gone"]
    assert ask(hasty) != ""


def test_a_server_that_hangs_before_it_is_known(hasty: RemoteModel, server: ModelServer) -> None:
    for path in ("models", "tokenize"):
        model = RemoteModel(server.address("vllm"), patience=HASTY)
        server.fault("hang", on=path)
        with pytest.raises(ModelFailed, match=r"has sent nothing for 1 s"):
            ask(model)
        assert ask(model) != ""
        model.close()


def test_slow_but_steady_is_well(hasty: RemoteModel, server: ModelServer) -> None:
    server.fault("slow", seconds=0.3)  # 1.5 s in all
    assert ask(hasty) == "A slow one."


def test_a_comment_is_a_sign_of_life(hasty: RemoteModel, server: ModelServer) -> None:
    text = event("Here") + ": still here\n\n" * 16 + event("", finish="stop")
    server.fault("events", text=text, size=24, seconds=0.12)
    assert ask(hasty) == "Here"


def test_whoever_reads_slowly_is_not_the_server(hasty: RemoteModel) -> None:
    ids = encode_conversation([Turn("user", "When?")], hasty.tokenize)
    texts = []
    for number, found in enumerate(hasty.stream(ids, max_tokens=4, sampling=Sampling())):
        time.sleep(1.3 if number == 2 else 0)
        texts.append(found)
    assert len(texts) >= 4


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    model = RemoteModel(f"http://127.0.0.1:{port}/v1")
    with pytest.raises(
        ModelFailed, match=rf"nothing answers at http://127\.0\.0\.1:{port} \(.*refused\): is the"
    ):
        ask(model)
    model.close()


def test_https_where_there_is_none(server: ModelServer) -> None:
    model = RemoteModel(f"https://127.0.0.1:{server.port}/vllm/v1", patience=HASTY)
    with pytest.raises(ModelFailed, match=r"securely \(\[SSL.*\): is it http rather than https\?"):
        model.connect()
    model.close()


def test_a_connection_that_never_comes() -> None:
    """A server whose backlog is full lets the next one wait."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        port = listener.getsockname()[1]
        model = RemoteModel(f"http://127.0.0.1:{port}/v1", patience=Patience(connect_seconds=0.3))
        with pytest.raises(ModelFailed, match=r"can't be reached within 0\.3 s: is the address right\?"):
            model.connect()
        model.close()


def test_no_such_host() -> None:
    model = RemoteModel("http://host.invalid:8000/v1")
    with pytest.raises(ModelFailed, match=r"nothing answers at http://host\.invalid:8000 \("):
        model.connect()
    model.close()


# --- what is said no to --------------------------------------------------------------------------------

REFUSALS: list[tuple[dict[str, Any], type[ModelError | WindowExceeded], str]] = [
    (
        {"status": 401, "body": {"error": {"message": "bad key"}}},
        ModelFailed,
        r"asks for a key \(401: bad key\): set RAG_API_KEY",
    ),
    ({"status": 403, "body": {"detail": {"error": {"message": ""}}}}, ModelFailed, r"asks for a key \(403\)"),
    (
        {"status": 404, "body": {"error": {"message": "The model `x` does not exist."}}},
        ModelMissing,
        r"\(404: The model `x` does not exist\.\): name both",
    ),
    (
        {"status": 429, "headers": {"Retry_After": "7"}, "body": {"error": "slow down"}},
        ModelBusy,
        r"\(429: slow down\): try again in 7 s",
    ),
    (
        {"status": 503, "body": {"error": {"message": "Loading model", "code": 503}}},
        ModelBusy,
        r"\(503: Loading model\): try again in a while",
    ),
    ({"status": 429, "headers": {"Retry_After": "x\x1b[31m"}}, ModelBusy, "try again in a while"),
    (
        {"status": 500, "body": {"message": "CUDA\nout of\x1b[2J memory"}},
        ModelFailed,
        r"gave up \(500: CUDA out of \[2J memory\): look at",
    ),
    ({"status": 500, "body": ["x" * 5000]}, ModelFailed, r'gave up \(500: \["x{198}…\)'),
    (
        {"status": 400, "body": {"error": {"message": "This model's maximum context length is 9"}}},
        WindowExceeded,
        "set RAG_WINDOW",
    ),
    ({"status": 400, "body": {"error": "bad field"}}, ModelFailed, r"gave up \(400: bad field\)"),
    ({"status": 202}, ModelFailed, r"gave up \(202: null\)"),
]


@pytest.mark.parametrize(("details", "error", "words"), REFUSALS)
def test_refusals(
    details: dict[str, Any], error: type[Exception], words: str, hasty: RemoteModel, server: ModelServer
) -> None:
    server.fault("status", **details)
    with pytest.raises(error, match=words) as raised:
        ask(hasty)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 500
    assert ask(hasty) != ""


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(status: int, hasty: RemoteModel, server: ModelServer) -> None:
    where = server.address("llama-server") + "/completions"
    server.fault("status", status=status, headers={"Location": where})
    with pytest.raises(ModelFailed, match=rf"redirects to {where}, and redirects are not followed"):
        ask(hasty)
    assert not [entry for entry in server.log() if "llama-server" in entry["path"]]


# --- rubbish -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<html>\n<body>Login</body>", r"sends something that is no event of an answer \('<html>'\)"),
        ("data: {not json}\n\n", r"no event of an answer \('\{not json\}'\)"),
        ("data: [1, 2]\n\n", r"no piece of an answer \(\[1, 2\]\)"),
        ('data: {"choices": "many"}\n\n', r"no piece of an answer"),
        ("data: " + "[" * 100_000 + "\n\n", r"no event of an answer \('\[{200}…'\)"),
        ('data: {"error": {"message": "out of memory"}}\n\n', r"gave up in the middle .*\(out of memory\)"),
        ('error: {"message": "slot lost"}\n\n', r"gave up: slot lost"),
        ('data: {"object": "error", "message": "dead"}\n\n', r"gave up in the middle .*\(dead\)"),
        (event("The"), r"closed the connection in the middle of the answer: ask again"),
        ("data: [DONE]\n\n", r"closed the connection in the middle of the answer"),
        ("", r"closed the connection in the middle of the answer"),
    ],
)
def test_rubbish_in_the_stream(text: str, words: str, hasty: RemoteModel, server: ModelServer) -> None:
    server.fault("events", text=text)
    with pytest.raises(ModelFailed, match=words):
        ask(hasty)
    assert ask(hasty) != ""


@pytest.mark.parametrize(
    ("fault", "details", "words"),
    [
        ("close midway", {}, "closed the connection in the middle of its reply: ask again"),
        ("end early", {}, "closed the connection in the middle of the answer: ask again"),
        ("not http", {}, r"gives no reply that is HTTP \(.*\): is it a model's server\?"),
        ("long line", {}, "sends an event of more than 1,048,576 bytes"),
        ("reply", {"type": "text/html", "text": "<h1>Hi</h1>"}, r"with text/html where events were .*<h1>Hi"),
        ("reply", {"type": "application/json", "text": "{}"}, "replies with application/json where events"),
    ],
)
def test_broken_replies(
    fault: str, details: dict[str, Any], words: str, hasty: RemoteModel, server: ModelServer
) -> None:
    server.fault(fault, **details)
    with pytest.raises(ModelFailed, match=words):
        ask(hasty)
    assert ask(hasty) != ""


@pytest.mark.parametrize("path", ["models", "tokenize"])
def test_rubbish_before_it_is_known(path: str, server: ModelServer) -> None:
    model = RemoteModel(server.address("vllm"), patience=HASTY)
    server.fault("reply", on=path, type="text/html", text="<h1>It works!</h1>")
    with pytest.raises(ModelFailed, match=r"something that is not JSON \('<h1>It works!</h1>'\): is it"):
        model.connect()
    for rubbish in ("[]", '"x"', '{"data": {"id": 1}}', '{"data": [{"id": 1}, 2]}'):
        server.fault("reply", on="models", type="application/json", text=rubbish)
        with pytest.raises(ModelMissing, match="does not say which models it has"):
            model.connect()
    model.connect()
    server.fault("reply", on="tokenize", type="application/json", text='{"tokens": [1, true, -3]}')
    with pytest.raises(ModelFailed, match="no longer gives the tokens of a text"):
        model.tokenize("a new text")
    assert ask(model) != ""
    model.close()


def test_a_reply_without_end(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rag.remote.wire, "MOST_REPLY_BYTES", 1000)
    model = RemoteModel(server.address("vllm"), patience=HASTY)
    server.fault("endless", on="models")
    with pytest.raises(ModelFailed, match="replies with more than 1,000 bytes"):
        model.connect()
    model.close()


# --- events, however they are cut ----------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_events_are_whole_however_they_come(
    size: int, end: str, hasty: RemoteModel, server: ModelServer
) -> None:
    """U+2028 and U+0085 end no line; half a surrogate pair is no character; a comment is no event."""
    text = (
        ": ping\n\n"
        + event(" One\u2028two\u0085три")
        + "event: message\nid: 7\nretry: 10\n"
        + event("灯塔 \\ud83d\\ude80 \\ud83d!")
        + event("", finish="stop")
        + "data: [DONE]\n\n"
    )
    server.fault("events", text=text.replace("\n", end), size=size)
    assert ask(hasty) == "One\u2028two\u0085три灯塔 🚀 \ufffd!"


def test_the_first_words_spaces_are_dropped(hasty: RemoteModel, server: ModelServer) -> None:
    server.fault("events", text=event("") + event(" ") + event("  A ") + event(" b", finish="stop"))
    assert ask(hasty) == "A  b"


def test_an_end_without_done_is_an_end(hasty: RemoteModel, server: ModelServer) -> None:
    server.fault("events", text=event("Yes.", finish="stop").rstrip())
    assert ask(hasty) == "Yes."


# --- the key, and who else might be asked --------------------------------------------------------------


def test_the_key_is_sent_and_never_shown(
    random_model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with ModelServer(random_model, key=KEY) as server, caplog.at_level(logging.DEBUG):
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-elses-bill")
        model = RemoteModel(server.address("llama-server"))
        with pytest.raises(ModelFailed, match=r"asks for a key \(401: Invalid API Key\): set RAG_API_KEY to"):
            model.connect()
        assert [entry["key"] for entry in server.log()] == [None]
        model.close()

        monkeypatch.setenv("RAG_API_KEY", f" {KEY}\n")
        model = RemoteModel(server.address("llama-server"))
        assert ask(model) != ""
        assert {entry["key"] for entry in server.log()} == {f"Bearer {KEY}"}
        told = {"error": {"message": f"Incorrect API key provided: {KEY}."}}
        server.fault("status", status=401, body=told)
        with pytest.raises(ModelFailed, match=r"refuses the key \(401: Incorrect API key provided: …\.\)"):
            ask(model)
        assert KEY not in repr(vars(model))
        model.close()
    assert "When?" not in caplog.text
    assert KEY not in caplog.text
    assert "sk-of-somebody" not in caplog.text


def test_no_proxy_and_no_netrc(server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n", "utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.log()
    model = RemoteModel(server.address("vllm"))
    assert ask(model) != ""
    assert {entry["key"] for entry in server.log()} == {None}
    model.close()


def test_nothing_about_this_machine_is_sent(hasty: RemoteModel, server: ModelServer) -> None:
    server.log()
    ask(hasty)
    names = {name.lower() for entry in server.log() for name in entry["headers"]}
    assert names == {
        "host",
        "accept",
        "accept-encoding",
        "connection",
        "user-agent",
        "content-length",
        "content-type",
    }


@pytest.mark.parametrize("key", ["with space", "line\nend", "schlüssel", "tab\there"])
def test_a_key_that_is_none(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_API_KEY", key)
    with pytest.raises(UsageError, match="RAG_API_KEY holds a space, a line's end or a character") as raised:
        key_from_environment()
    assert key not in str(raised.value)


# --- addresses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "base", "root", "host", "model", "loopback"),
    [
        (
            "http://localhost:18888/v1",
            "http://localhost:18888/v1",
            "http://localhost:18888",
            "localhost",
            None,
            True,
        ),
        (
            "http://localhost:8080",
            "http://localhost:8080/v1",
            "http://localhost:8080",
            "localhost",
            None,
            True,
        ),
        (
            "https://GPU.example/v1/#a/b-3.5",
            "https://gpu.example/v1",
            "https://gpu.example",
            "gpu.example",
            "a/b-3.5",
            False,
        ),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1", "http://[::1]:8000", "::1", None, True),
        ("http://127.9.9.9/x/v1", "http://127.9.9.9/x/v1", "http://127.9.9.9/x", "127.9.9.9", None, True),
        ("http://10.0.0.1/api", "http://10.0.0.1/api", "http://10.0.0.1/api", "10.0.0.1", None, False),
        (
            "http://localhost.evil.example/v1",
            "http://localhost.evil.example/v1",
            "http://localhost.evil.example",
            "localhost.evil.example",
            None,
            False,
        ),
    ],
)
def test_addresses(text: str, base: str, root: str, host: str, model: str | None, loopback: bool) -> None:
    address = parse_address(text)
    assert (address.base, address.root, address.host) == (base, root, host)
    assert (address.model, address.loopback) == (model, loopback)
    assert is_address(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ftp://host/v1", "neither http nor https: name a server as http://HOST:PORT/v1"),
        ("http://", "neither http nor https"),
        ("http://host:99999/v1", "is not valid .*[Pp]ort"),
        ("http://host:port/v1", "is not valid"),
        ("http://[::1/v1", "is not valid"),
        ("http://me:secret@host/v1", "holds a name, a password or a query: .* a key belongs in RAG_API_KEY"),
        ("http://host/v1?api_key=secret", "holds a name, a password or a query"),
        ("http://ho st/v1", "is not valid"),
    ],
)
def test_what_is_no_address(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        parse_address(text)
    assert "secret" not in str(raised.value)


def test_a_file_is_no_address() -> None:
    assert not is_address(None)
    assert not is_address("models/openchat.gguf")
    assert not is_address("httpd.gguf")
