"""A model's server in a process of its own: real llama.cpp behind the HTTP of the servers that people run.

    python tests/model_server.py model.gguf

listens on a free port of loopback and prints it. One process speaks as four servers, each below its own path:

- `/llama-server`: llama.cpp's (tools/server of the llama.cpp that llama-cpp-python 0.3.36 brings);
- `/vllm`: vLLM's (0.28, entrypoints/openai/completion and entrypoints/serve/tokenize);
- `/openchat`: OpenChat's own (ochat/serving/openai_api_server.py): messages only, six tokens an event;
- `/plain`: one that renders messages into a string and finds reserved tokens in it, as chat calls mostly do.

`ModelServer` starts and ends it. `fault` makes the next request misbehave (`model_server_faults.py`), and
`log` tells what was asked for, what the model read and wrote, and whether the client stayed to the end.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
KINDS = ("llama-server", "vllm", "openchat", "plain")


class ModelServer:
    """The process, from the side of a test; a context manager."""

    def __init__(self, gguf: Path, *, window: int = 2048, key: str | None = None) -> None:
        command = [sys.executable, __file__, str(gguf), "--window", str(window), "--key", key or ""]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.strip().isdigit(), f"the server said {line!r} rather than its port"
        self.port = int(line)

    def address(self, kind: str) -> str:
        """What `--model` takes."""
        assert kind in KINDS
        return f"http://127.0.0.1:{self.port}/{kind}/v1"

    def fault(self, name: str, *, on: str = "completions", **details: Any) -> None:
        """The next request to a path that ends with `on` goes wrong in the way that `name` says."""
        self._control("fault", {"name": name, "on": on, **details})

    def log(self) -> list[dict[str, Any]]:
        """What was asked for since the last call; waits until nothing is being written any more."""
        deadline = time.monotonic() + 10
        while self._control("busy", {}):
            assert time.monotonic() < deadline, "the server still writes"
            time.sleep(0.02)
        entries = self._control("log", {})
        assert isinstance(entries, list)
        return entries

    def forget(self) -> None:
        """Nothing of an earlier prompt is used again: the same numbers come out as on the first day."""
        self._control("forget", {})

    def _control(self, what: str, body: dict[str, Any]) -> Any:
        url = f"http://127.0.0.1:{self.port}/control/{what}"
        with urllib.request.urlopen(url, data=json.dumps(body).encode(), timeout=10) as reply:
            return json.load(reply)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def __enter__(self) -> ModelServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Model:
    """llama.cpp with the lock that its one context needs."""

    def __init__(self, gguf: Path, window: int) -> None:
        from rag.model.llama import Engine

        self.engine = Engine(gguf, window=window, threads=1)
        self.name = gguf.stem
        self.window = window
        self.lock = threading.Lock()

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        """As the engine does, and with reserved tokens found in the text where `special`."""
        import llama_cpp as ll

        data = text.encode("utf-8")
        ids = (ll.llama_token * (len(data) + 2))()
        count = ll.llama_tokenize(self.engine._vocab, data, len(data), ids, len(ids), False, special)
        return list(ids[:count])

    def write(self, body: dict[str, Any], ids: list[int], entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The answer to `body`, read from `ids`, as steps: progress, tokens, and why it ended."""
        from rag.model.llama import Read, Sampling

        sampling = Sampling(
            temperature=body.get("temperature", 0.7),
            top_p=body.get("top_p", 1.0),
            top_k=max(0, body.get("top_k", 0)),
            repeat_penalty=body.get("repeat_penalty", body.get("repetition_penalty", 1.0)),
            seed=body.get("seed", 0),
        )
        grammar = body.get("grammar") or body.get("structured_outputs", {}).get("grammar")
        entry |= {"prompt": ids, "tokens": []}
        begun, reused = time.monotonic(), 0
        with self.lock:
            for event in self.engine.generate(
                ids,
                max_tokens=body["max_tokens"],
                end=frozenset({32000, 2}),
                banned=_banned(body),
                sampling=sampling,
                grammar=grammar,
                stop=entry["gone"],
            ):
                if isinstance(event, Read):
                    reused = event.reused
                    yield {"read": event.done, "ms": (time.monotonic() - begun) * 1000, "reused": reused}
                else:
                    entry["tokens"].append(event.token)
                    yield {"token": event.token, "data": event.data}
        written = len(entry["tokens"])
        entry["finished"] = not entry["gone"].is_set()
        yield {"end": "length" if written >= body["max_tokens"] else "stop", "reused": reused}


def _banned(body: dict[str, Any]) -> list[int]:
    bias = body.get("logit_bias") or []
    pairs = bias.items() if isinstance(bias, dict) else bias
    return [int(token) for token, value in pairs if value is False or value == -100]


class Handler(BaseHTTPRequestHandler):
    """One request; the server's `model`, `key`, `log` and `faults` are shared."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

    def log_message(self, format: str, *args: Any) -> None:
        """Standard error stays empty."""

    def _answer(self, body: Any) -> None:
        _, first, rest = self.path.split("/", 2)
        if first == "control":
            self.reply(200, self.server.control(rest, body))
            return
        entry = {
            "path": self.path,
            "body": body,
            "key": self.headers.get("authorization"),
            "headers": dict(self.headers.items()),
            "gone": threading.Event(),
            "finished": False,
        }
        with self.server.counting(entry):
            self._watch_client(entry["gone"])
            if fault := self.server.next_fault(self.path):
                from model_server_faults import misbehave

                misbehave(self, fault, entry)
            elif self.server.key and entry["key"] != f"Bearer {self.server.key}":
                self.reply(401, {"error": {"message": "Invalid API Key", "code": 401}})
            else:
                self.dispatch(first, rest, body, entry)

    def dispatch(self, kind: str, rest: str, body: Any, entry: dict[str, Any]) -> None:
        """What the server called `kind` does with a request that is in order."""
        import model_server_formats as formats

        reply = formats.reply(kind, rest, body, self.server.model)
        if reply is not None:
            self.reply(*reply)
            return
        prompt = formats.prompt(kind, rest, body, self.server.model)
        if isinstance(prompt, tuple):
            self.reply(*prompt)
            return
        steps = self.server.model.write(body, prompt, entry)
        self.stream(formats.events(kind, body, prompt, steps, self.server.model), entry)

    def reply(self, status: int, data: Any, **headers: str) -> None:
        """One JSON reply."""
        body = json.dumps(data).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, events: Iterator[str], entry: dict[str, Any]) -> None:
        """Server-sent events, each in a chunk of its own, until the end or the client's going."""
        self.begin_stream()
        try:
            for event in events:
                self.send_chunk(event.encode("utf-8"))
            self.send_chunk(b"")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def begin_stream(self) -> None:
        """The head of a reply of unknown length."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send_chunk(self, data: bytes) -> None:
        """A chunk; the empty one ends the reply."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _watch_client(self, gone: threading.Event) -> None:
        """Sets `gone` as soon as the client has closed its side: it sends nothing after its request."""
        import socket

        def watch() -> None:
            try:
                while not gone.is_set() and self.connection.recv(1, socket.MSG_PEEK | socket.MSG_WAITALL):
                    return  # the next request on this connection
            except OSError:
                pass
            gone.set()

        threading.Thread(target=watch, daemon=True).start()


class Server(ThreadingHTTPServer):
    """What the requests share."""

    daemon_threads = True

    def __init__(self, model: Model, key: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.model = model
        self.key = key
        self._log: list[dict[str, Any]] = []
        self._faults: list[dict[str, Any]] = []
        self._busy = 0
        self._lock = threading.Lock()

    def counting(self, entry: dict[str, Any]) -> Any:
        """A context in which the entry counts as being worked on."""
        import contextlib

        @contextlib.contextmanager
        def counted() -> Iterator[None]:
            with self._lock:
                self._log.append(entry)
                self._busy += 1
            try:
                yield
            finally:
                with self._lock:
                    self._busy -= 1

        return counted()

    def next_fault(self, path: str) -> dict[str, Any] | None:
        """The fault that is meant for `path`, once."""
        with self._lock:
            for fault in self._faults:
                if path.endswith(fault["on"]):
                    self._faults.remove(fault)
                    return fault
        return None

    def control(self, what: str, body: Any) -> Any:
        """What a test says about and asks of the server itself."""
        with self._lock:
            if what == "fault":
                self._faults.append(body)
            elif what == "busy":
                return self._busy
            elif what == "forget":
                self.model.engine._keep(0)
            elif what == "log":
                entries, self._log = self._log, []
                return [{**entry, "gone": entry["gone"].is_set()} for entry in entries]
        return None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("gguf", type=Path)
    parser.add_argument("--window", type=int, default=2048)
    parser.add_argument("--key", default="")
    options = parser.parse_args()
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    server = Server(Model(options.gguf, options.window), options.key)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
