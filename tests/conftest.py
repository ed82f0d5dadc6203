"""What every test starts from: no settings of the person who runs it, no network, and small real models."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from chromium import Server, Tab
    from milvus_server import LiteServer
    from playwright.sync_api import Browser

# `.ci/run` says the same of the same commit each time; everywhere else the examples are new ones
settings.register_profile("same-examples", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("same-examples")

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# as docs/scaling.md advises; a process reads it once, whichever of its tests is the first to load Ray
os.environ["RAY_AUTH_MODE"] = "token"
os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


@pytest.fixture(autouse=True)
def clean_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No `RAG_*` from outside, no `rag.toml` of the working folder, no index in the person's own folders."""
    for name in list(os.environ):
        if name.startswith("RAG_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data-home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache-home"))
    monkeypatch.setenv("RAG_THREADS", "1")  # on the small models more threads wait more than they work


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that would leave this machine fails the test that tries it."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else "local"
        if self.family != socket.AF_UNIX and host not in ("::1", "localhost") and not host.startswith("127."):
            raise AssertionError(f"a test tried to connect to {address!r}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the small models are written to, once a run."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def random_model(models: Path) -> Path:
    """A small GGUF with OpenChat's vocabulary and random weights; token 32000 is CONTROL."""
    from model_files import write_model

    return write_model(models / "random.gguf")


@pytest.fixture(scope="session")
def slow_model(models: Path) -> Path:
    """The same, eight times as wide: about ten milliseconds a token, for answers that are to be stopped."""
    from model_files import write_model

    return write_model(models / "slow.gguf", width=1024)


@pytest.fixture(scope="session")
def user_defined_model(models: Path) -> Path:
    """The same with token 32000 USER_DEFINED: llama.cpp finds it in plain text on such a file."""
    import gguf
    from model_files import write_model

    return write_model(models / "user-defined.gguf", end_of_turn_type=gguf.TokenType.USER_DEFINED)


@pytest.fixture(scope="session")
def scripted_model(models: Path) -> Iterator[Callable[[str], Path]]:
    """`scripted_model("The words.")` is a GGUF that answers everything with these words."""
    from model_files import script_tokens, write_model

    written: dict[str, Path] = {}

    def model(text: str) -> Path:
        if text not in written:
            path = models / f"script-{len(written)}.gguf"
            written[text] = write_model(path, script=script_tokens(text))
        return written[text]

    yield model
    for path in written.values():
        path.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def json_model(models: Path) -> Path:
    """A small GGUF that writes the shortest JSON that a grammar admits."""
    from model_files import END_OF_TURN, sentencepiece, write_model

    pieces = ('"', "}", "]", ":", ",", "{", "0")
    short = [sentencepiece().piece_to_id(piece) for piece in pieces]
    return write_model(models / "json.gguf", preference=[END_OF_TURN, *short])


@pytest.fixture(scope="session")
def milvus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiteServer]:
    """milvus-lite's server on loopback, one for the run."""
    from milvus_server import LiteServer

    server = LiteServer(tmp_path_factory.mktemp("milvus") / "server.db")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; closed before the next module, because its driver's event loop keeps others from running."""
    from chromium import launched

    with launched() as browser:
        yield browser


@pytest.fixture
def open_tab(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Tab]]:
    """`open_tab(width=400, scheme="dark")` is a tab of the module's `server`, or of the one that is given."""
    from chromium import Tab

    tabs: list[Tab] = []

    def opened(at: Server | str | None = None, **options: int | str) -> Tab:
        tabs.append(Tab(browser, at or request.getfixturevalue("server"), **options))  # type: ignore[arg-type]
        return tabs[-1]

    yield opened
    for tab in tabs:
        tab.close()


@pytest.fixture
def tab(open_tab: Callable[..., Tab]) -> Tab:
    """A tab of the module's `server`."""
    return open_tab()
