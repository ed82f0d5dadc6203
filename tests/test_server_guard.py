"""Who is let in: Host, Origin, keys and the body's size, on a real server and on the guard by itself."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from served import Served
from small_index import write_index
from starlette.types import Message, Receive, Scope, Send

from rag.errors import UsageError
from rag.server.guard import Door, Guard, door_for
from ui import cli

KEY, OTHER_KEY = "sk-Schlüssel", "sk-two"
ROUTES = [
    ("GET", "/v1/models"),
    ("GET", "/v1/models/quotes"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/embeddings"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/nothing"),
    ("DELETE", "/v1/models"),
]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    index = write_index(tmp_path_factory.mktemp("guarded") / "index")
    with Served(index, api_keys=f"{KEY}, {OTHER_KEY}") as served:
        yield served


def raw(served: Served, request: bytes) -> bytes:
    """What the server says to these bytes, until it closes."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as connection:
        connection.sendall(request)
        reply = b""
        while piece := connection.recv(65536):
            reply += piece
        return reply


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_wants_a_key(locked: Served, method: str, path: str) -> None:
    wrong = ["sk", KEY[:-1], KEY + "x", "x", "None", "sk-two sk-two"]
    for header in [None, *(f"Bearer {key}" for key in wrong), f"Basic {OTHER_KEY}", OTHER_KEY]:
        headers = {} if header is None else {"Authorization": header.encode()}
        reply = httpx.request(method, locked.url + path, headers=headers)
        assert reply.status_code == 401, header
        assert reply.headers["WWW-Authenticate"] == "Bearer"
        assert reply.json()["error"]["code"] == "invalid_api_key"


def test_either_key_opens(locked: Served) -> None:
    for header in (f"Bearer {KEY}", f"bearer {OTHER_KEY}"):
        reply = httpx.get(f"{locked.url}/v1/models", headers={"Authorization": header.encode()})
        assert reply.status_code == 200


def test_two_keys_at_once_open_nothing(locked: Served) -> None:
    headers = [(b"Authorization", b"Bearer sk-two"), (b"Authorization", b"Bearer sk-two")]
    assert httpx.get(f"{locked.url}/v1/models", headers=headers).status_code == 401


def test_health_is_open_and_says_nothing(locked: Served) -> None:
    reply = httpx.get(f"{locked.url}/health")
    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


def test_401_comes_before_the_body(locked: Served) -> None:
    """The body is promised and never sent: whoever waited for it would run into the time limit."""
    reply = raw(
        locked,
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 500000\r\n\r\n",
    )
    assert reply.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:1", 200),
        ("LOCALHOST:18888", 200),
        ("127.0.0.1:18888", 200),
        ("[::1]:18888", 200),
        ("evil.example", 421),
        ("evil.example:18888", 421),
        ("localhost.evil.example", 421),
        ("localhost:80:80", 421),
        ("localhost:x", 421),
        ("[::1]evil", 421),
        ("127.0.0.2", 421),
        ("", 421),
    ],
)
def test_hosts(locked: Served, host: str, status: int) -> None:
    headers = {"Host": host, "Authorization": f"Bearer {OTHER_KEY}"}
    assert httpx.get(f"{locked.url}/v1/models", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:18888", 200),
        ("http://LOCALHOST:18888", 200),
        ("http://localhost:8080", 403),
        ("https://evil.example", 403),
        ("null", 403),
        ("", 403),
        ("file://localhost:18888", 403),
        ("http://[", 403),
    ],
)
def test_origins(locked: Served, origin: str, status: int) -> None:
    headers = {"Host": "localhost:18888", "Origin": origin, "Authorization": f"Bearer {OTHER_KEY}"}
    assert httpx.get(f"{locked.url}/v1/models", headers=headers).status_code == status


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_a_mebibyte(locked: Served, chunked: bool) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(21):
            yield b" " * 50_000

    content: Any = pieces() if chunked else b" " * 1_050_000
    headers = {"Authorization": f"Bearer {OTHER_KEY}", "Content-Type": "application/json"}
    reply = httpx.post(f"{locked.url}/v1/chat/completions", content=content, headers=headers)
    assert reply.status_code == 413
    assert reply.json()["error"]["message"] == "the request's body is over 1,048,576 bytes: send less"


def test_a_body_of_a_mebibyte_is_read(locked: Served) -> None:
    body = json.dumps({"model": "quotes", "messages": [{"role": "user", "content": "hello"}]}).encode()
    headers = {"Authorization": f"Bearer {OTHER_KEY}", "Content-Type": "application/json"}
    content = body + b" " * (1_048_576 - len(body))
    assert (
        httpx.post(f"{locked.url}/v1/chat/completions", content=content, headers=headers).status_code == 200
    )


def test_a_websocket_is_refused(locked: Served) -> None:
    reply = raw(
        locked,
        b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    )
    assert reply.startswith(b"HTTP/1.1 401 ")


# --- the guard by itself --------------------------------------------------------------------------------


async def never(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("a request came through")


async def guarded(messages: list[Message], **options: Any) -> list[Message]:
    """What the guard says to a request whose body comes in these messages, and then no more."""
    said: list[Message] = []

    async def receive() -> Message:
        if not messages:
            await asyncio.sleep(60)
        return messages.pop(0)

    async def send(message: Message) -> None:
        said.append(message)

    scope: Scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"host", b"localhost")]}
    await Guard(never, Door(), **options)(scope, receive, send)
    return said


async def test_a_body_that_does_not_come() -> None:
    said = await guarded([{"type": "http.request", "body": b"{", "more_body": True}], body_seconds=0.05)
    assert said[0]["status"] == 408
    assert b"did not come within 0.05 seconds" in said[1]["body"]


async def test_a_body_without_end_is_not_read_to_its_end() -> None:
    messages: list[Message] = [{"type": "http.request", "body": b"x" * 10, "more_body": True}] * 1000
    said = await guarded(messages, body_bytes=20)
    assert said[0]["status"] == 413
    assert len(messages) > 950


# --- what listens where ---------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_a_wider_bind_wants_a_key(host: str) -> None:
    with pytest.raises(UsageError, match=f"the address {host} is reached from other machines, and no key"):
        door_for(host)
    door = door_for(host, keys=["sk-1"], names=["Rag.Local"])
    assert door.any_address
    assert "rag.local" in door.hosts


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.5"])
def test_loopback_needs_none(host: str) -> None:
    assert not door_for(host).any_address


@pytest.mark.parametrize("key", ["", "a b", "a\nb", "a\x00"])
def test_keys_that_no_header_carries(key: str) -> None:
    with pytest.raises(UsageError, match="an API key is empty, or holds spaces or control characters"):
        door_for("127.0.0.1", keys=[key])


def test_the_command_refuses_and_never_shows_a_key(tmp_path: Path) -> None:
    def said(*arguments: str) -> str:
        error = CliRunner().invoke(cli.cli, ["serve", "--index", str(tmp_path), *arguments]).exception
        assert isinstance(error, Exception)
        return str(error)

    assert "no key is set" in said("--host", "0.0.0.0")
    assert "'sk-1' is not understood; keys come after --api-keys" in said("sk-1")
    assert "sk-secret" not in said("--api-keys", "sk-secret", "sk-secret-2")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"port {port} of 127.0.0.1 can't be used" in said("--port", port)
    assert "the address 'nowhere.invalid' can't be used" in said(
        "--host", "nowhere.invalid", "--api-keys", "k"
    )
