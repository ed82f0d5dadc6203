"""The password in front of the page: who gets nothing, who gets in, and what guessing costs."""

from __future__ import annotations

from collections.abc import Iterator

import axe
import pytest
from chromium import Server, keep, serving
from playwright.sync_api import Browser, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from rag.errors import UsageError
from rag.settings import Settings
from ui.password import (
    COOKIE,
    FREE_GUESSES,
    MOST_GUESSES,
    SPAN_SECONDS,
    WAIT_SECONDS,
    Guesses,
    PasswordDoor,
    require_long,
)

PASSWORD = "the tide turns 潮"


async def _page(_: Request) -> PlainTextResponse:
    return PlainTextResponse("inside")


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("inside")
    await socket.close()


@pytest.fixture
def client() -> Iterator[TestClient]:
    inside = Starlette(
        routes=[Route("/{rest:path}", _page, methods=["GET", "POST"]), WebSocketRoute("/ws", _socket)]
    )
    with TestClient(PasswordDoor(inside, PASSWORD), follow_redirects=False) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/static/index.js", "/originals/x/open", "/?a"])
def test_nobody_gets_anything_without_it(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 401
    assert "inside" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_no_websocket_without_it(client: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/ws"):
        pass
    client.cookies.set(COOKIE, "guessed")
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/ws"):
        pass


def test_whoever_says_it_is_in(client: TestClient) -> None:
    answer = client.post("/", data={"password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert PASSWORD not in cookie
    assert client.get("/").text == "inside"
    with client.websocket_connect("/ws") as socket:
        assert socket.receive_text() == "inside"


@pytest.mark.parametrize(
    "body", [{"password": PASSWORD + " "}, {"password": ""}, {}, {"password": [PASSWORD, PASSWORD]}]
)
def test_anything_else_is_refused(client: TestClient, body: dict[str, object]) -> None:
    answer = client.post("/", data=body)
    assert answer.status_code == 401
    assert "That is not the password." in answer.text
    assert "set-cookie" not in answer.headers


def test_a_huge_body_and_a_foreign_page_are_refused(client: TestClient) -> None:
    assert client.post("/", content=b"password=" + b"x" * 100_000).status_code == 401
    answer = client.post("/", data={"password": PASSWORD}, headers={"origin": "http://evil.example"})
    assert answer.status_code == 403


def test_guessing_is_slowed_down(client: TestClient) -> None:
    for _ in range(FREE_GUESSES):
        assert client.post("/", data={"password": "guess"}).status_code == 401
    answer = client.post("/", data={"password": PASSWORD})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= WAIT_SECONDS
    assert "Too many wrong passwords" in answer.text


def test_what_guesses_cost() -> None:
    now = 1000.0
    guesses = Guesses(lambda: now)
    for _ in range(FREE_GUESSES):
        assert guesses.wait("a") == 0
        guesses.wrong("a")
    assert guesses.wait("a") == WAIT_SECONDS
    assert guesses.wait("b") == 0
    now += WAIT_SECONDS
    assert guesses.wait("a") == 0
    for number in range(MOST_GUESSES):
        guesses.wrong(f"address {number}")
    assert guesses.wait("c") == SPAN_SECONDS  # from everywhere at once
    now += SPAN_SECONDS
    assert guesses.wait("c") == 0
    guesses.right("a")
    assert guesses.wait("a") == 0


def test_a_short_one_is_no_password() -> None:
    with pytest.raises(UsageError, match="the password has 9 characters; give one of at least 10"):
        require_long("123456789")
    require_long("1234567890")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("password")
    settings = Settings(index=str(folder / "index"))
    with serving(folder, settings, {"RAG_UI_PASSWORD": PASSWORD}) as server:
        yield server


def test_the_page_behind_it(browser: Browser, server: Server) -> None:
    context = browser.new_context(viewport={"width": 400, "height": 700}, color_scheme="dark")
    page = context.new_page()
    page.goto(f"{server.address}/library")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type("a guess")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("That is not the password.")
    keep(page, "password-400-dark")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Come in").click()
    expect(page.get_by_text("Bring in your documents")).to_be_visible()
    context.close()


def test_axe_finds_nothing_on_its_form(browser: Browser, server: Server) -> None:
    page = browser.new_page(bypass_csp=True)
    page.goto(server.address)
    assert axe.serious(page) == []
    page.close()
