"""What the browser's tests share: the app as `rag ui` starts it, real Chromium, and one tab of it.

Every request of the browser's is recorded, and every connection of the server's; none may leave 127.0.0.1.
Screenshots of what is looked at are kept in `build/screenshots` (or where SCREENSHOTS says).
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from rag.settings import Settings
from ui.launch import APP, environment, streamlit_arguments

SECONDS = 120  # the first answer loads torch, on a machine that may be busy
UPLOAD_MEGABYTES = 20
SCREENSHOTS = Path(os.environ.get("SCREENSHOTS") or Path(__file__).parent.parent / "build" / "screenshots")
_WATCHED = Path(__file__).with_name("watched_streamlit.py")
_CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=30_000)


@contextmanager
def launched() -> Iterator[Browser]:
    """Chromium, headless."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=_CHROMIUM, args=_OPTIONS)
        yield browser
        browser.close()


@contextmanager
def serving(folder: Path, settings: Settings, variables: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server over an index; at its end no connection of its may have left this machine."""
    server = Server(folder, settings, variables)
    try:
        yield server
    finally:
        server.close()
    assert not server.witness.exists(), server.witness.read_text()


def wait_until_up(address: str, process: subprocess.Popen[Any], said: Callable[[], str]) -> None:
    """Until the server answers; fails with what it said when it ends before."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                return
        except urllib.error.HTTPError:
            return  # it is there, behind a password
        except (urllib.error.URLError, OSError):
            assert process.poll() is None, said()
            time.sleep(0.1)
    raise AssertionError(f"the server did not start: {said()}")


class Server:
    """The app, started as `rag ui` does, with a witness for its connections."""

    def __init__(self, folder: Path, settings: Settings, variables: Mapping[str, str] | None = None) -> None:
        self.settings = settings
        self.witness = folder / "connections.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.output = (folder / "server.log").open("w+")
        arguments = streamlit_arguments("127.0.0.1", self.port, upload_megabytes=UPLOAD_MEGABYTES)
        self.process = subprocess.Popen(
            [sys.executable, str(_WATCHED), str(self.witness), "run", str(APP), *arguments],
            env={
                **environment(settings),
                "HF_HUB_OFFLINE": "1",
                "RAG_RESERVE": str(settings.reserve),
                "XDG_DATA_HOME": str(folder / "data"),
                **(variables or {}),
            },
            stdout=self.output,
            stderr=subprocess.STDOUT,
        )
        wait_until_up(self.address, self.process, self.said)

    def said(self) -> str:
        self.output.flush()
        self.output.seek(0)
        return self.output.read()

    def close(self) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()


class Tab:
    """One tab, and what it requested."""

    def __init__(
        self, browser: Browser, server: Server | str, *, width: int = 1440, scheme: str = "light"
    ) -> None:
        self.address = server if isinstance(server, str) else server.address
        self.context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
        )
        self.context.set_default_timeout(SECONDS * 1000)
        self.page = self.context.new_page()
        self.requested: list[str] = []
        self.errors: list[str] = []
        self.context.on("request", lambda request: self.requested.append(request.url))
        self.page.on("websocket", lambda socket: self.requested.append(socket.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", lambda dialog: self.errors.append(f"a dialog: {dialog.message}"))
        self.page.goto(self.address)

    def begin(self, question: str) -> Locator:
        """Asks; gives the exchange without waiting for its answer."""
        before = self.exchanges.count()
        field = self.page.get_by_test_id("stChatInputTextArea")
        field.fill(question)
        field.press("Enter")
        exchange = self.exchanges.nth(before)
        exchange.wait_for()
        return exchange

    def ask(self, question: str) -> Locator:
        """Asks, waits for the end of the answer, gives its exchange."""
        exchange = self.begin(question)
        exchange.locator(".foot").wait_for()
        return exchange

    @property
    def exchanges(self) -> Locator:
        return self.page.locator(".exchange")

    @property
    def view(self) -> Locator:
        return self.page.locator(".view")

    def library(self) -> None:
        self.page.get_by_test_id("stSidebarNav").get_by_text("Library").click()
        self.page.get_by_text("Read folder").wait_for()

    def close(self) -> None:
        """Ends the tab; nothing it did may have left the machine, failed inside, or run a script."""
        assert self.page.get_by_test_id("stException").count() == 0
        assert self.page.evaluate("window.stolen") is None
        assert self.errors == []
        away = [
            url
            for url in self.requested
            if not url.startswith((self.address, self.address.replace("http://", "ws://"), "blob:", "data:"))
        ]
        assert away == []
        assert len(self.requested) > 5
        self.context.close()


def sticking_out(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def keep(page: Page, name: str) -> None:
    """A screenshot, for people to look at after the tests."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled")
