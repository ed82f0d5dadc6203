"""A hub on 127.0.0.1 that behaves as the real one does, and misbehaves where a test says so.

`/OWNER/NAME/resolve/REVISION/FILE` answers HEAD and GET with a redirect to another port (the CDN) and the
headers that the hub sends (X-Linked-Etag, X-Linked-Size, X-Repo-Commit); the CDN answers GET with ranges.
"""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from huggingface_hub import close_session, constants

COMMIT = "7" * 40


@dataclass
class Fault:
    """What one answer does wrong."""

    status: int = 0  # answers with it, and nothing else
    headers: dict[str, str] = field(default_factory=dict)
    close_after: int | None = None  # bytes of the body, then the connection is closed
    whole: bool = False  # 200 and the whole file, whatever was asked for
    shifted: int = 0  # a range that starts so many bytes too late
    silence: float = 0.0  # seconds before anything is said


@dataclass
class Hub:
    """The files it has, the faults to come, and what it was asked."""

    endpoint: str = ""
    cdn: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    head_faults: list[Fault] = field(default_factory=list)
    cdn_faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    bytes_per_second: float = 0.0
    redirects: bool = True
    moved: bool = False  # the repository has another name: one redirect on the same host first

    def put(self, name: str, content: bytes, *, sha256: str | None = None) -> str:
        self.files[name] = content
        self.hashes[name] = sha256 or hashlib.sha256(content).hexdigest()
        return self.hashes[name]

    def ranges(self) -> list[str]:
        """The ranges asked of the CDN, in order; "" for the whole file."""
        return [
            headers.get("range", "") for method, path, headers in self.requests if path.startswith("/cdn/")
        ]

    def count(self, method: str) -> int:
        return sum(1 for asked, _, _ in self.requests if asked == method)


@contextmanager
def hub_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A running hub that `HF_ENDPOINT` names, asked without token and proxies."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    servers = [_Server(("127.0.0.1", 0), handler) for _ in range(2)]
    hub.endpoint, hub.cdn = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    for server in servers:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "/nowhere/token")
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    try:
        yield hub
    finally:
        close_session()
        for server in servers:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # tests hang up in the middle
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Tests look at `Hub.requests`."""

    def do_HEAD(self) -> None:
        self._noted(self._resolve)

    def do_GET(self) -> None:
        self._noted(self._content if self.path.startswith("/cdn/") else self._resolve)

    def _noted(self, answer: Callable[[], None]) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.hub.requests.append((self.command, self.path, headers))
        try:
            answer()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the other side went away, as tests make it do

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _resolve(self) -> None:
        hub, name = self.hub, self.path.rsplit("/", 1)[-1]
        if self.command == "HEAD" and hub.head_faults:
            fault = hub.head_faults.pop(0)
            time.sleep(fault.silence)
            if fault.close_after is not None:
                self.close_connection = True
                return
            self._answer(fault.status, fault.headers)
            return
        if "TheBloke" in self.path and hub.moved:
            self._answer(307, {"Location": self.path.replace("TheBloke", "renamed")})
            return
        if name not in hub.files:
            self._answer(404, {"X-Error-Code": "EntryNotFound"})
            return
        linked = {
            "X-Repo-Commit": COMMIT,
            "X-Linked-Etag": f'"{hub.hashes[name]}"',
            "X-Linked-Size": str(len(hub.files[name])),
        }
        if hub.redirects:
            self._answer(302, {"Location": f"{hub.cdn}/cdn/{name}?signature=x", "ETag": '"other"', **linked})
        elif self.command == "HEAD":
            size = str(len(hub.files[name]))
            self._answer(200, {"ETag": f'"{hub.hashes[name]}"', "Content-Length": size})
        else:
            self._content()

    def _content(self) -> None:
        hub = self.hub
        content = hub.files[self.path.rsplit("/", 1)[-1].partition("?")[0]]
        fault = hub.cdn_faults.pop(0) if hub.cdn_faults else Fault()
        time.sleep(fault.silence)
        if fault.status:
            self._answer(fault.status, fault.headers)
            return
        asked = self.headers.get("Range", "")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and not fault.whole else 0
        start += fault.shifted
        headers = {"Content-Length": str(len(content) - start), **fault.headers}
        if asked and not fault.whole:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._answer(206 if asked and not fault.whole else 200, headers)
        self._send(content[start:], fault)

    def _send(self, body: bytes, fault: Fault) -> None:
        if fault.close_after is not None:
            body = body[: fault.close_after]
            self.close_connection = True
        block = 65536 if not self.hub.bytes_per_second else 16384
        for begin in range(0, len(body), block):
            piece = body[begin : begin + block]
            self.wfile.write(piece)
            if self.hub.bytes_per_second:
                time.sleep(len(piece) / self.hub.bytes_per_second)
        self.wfile.flush()
