"""HTTP to a model's server: JSON in and out, and streams of server-sent events.

Takes an address, a key and how long to wait; gives parsed JSON, or the JSON of one event after another.
Every failure is one of `rag.errors` with the server's own words in it. Knows nothing of models, prompts or
what a field means.

httpx carries it: langchain-core brings it along, it follows no redirect and reads no proxy unless told to,
and it hands out the socket. openai's client would add headers about this machine and repeat a question by
itself; with the standard library's, errors and chunks would have to be told apart here.

What a hostile or broken server can do is bounded: time (to connect, to the first event, between events),
and bytes (of an event, of a reply, of an error). Each request has a connection of its own, so that shutting
its socket ends a read that blocks, at once and for nobody else.
"""

from __future__ import annotations

import contextlib
import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from rag.errors import ModelBusy, ModelFailed, ModelMissing, WindowExceeded
from rag.remote.address import KEY_VARIABLE, Address
from rag.remote.watch import Stopped, Watch

MOST_LINE_BYTES = 1 << 20  # of one event; the longest that is sent on purpose has some hundred
MOST_REPLY_BYTES = 1 << 26  # of a reply that is read whole: the ids of a text of ten million characters
MOST_ERROR_BYTES = 1 << 16  # of what is read of an error
MOST_WORDS = 200  # characters of the server's own words that a message quotes

_WINDOW_WORDS = re.compile(r"exceed_context_size|context (size|length|window)|max_model_len", re.IGNORECASE)
_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server may take, in seconds."""

    connect_seconds: float = 10.0
    reply_seconds: float = 30.0  # for anything but an answer
    # To the answer's first words. Two slow cores read the whole window in five minutes; before that comes
    # the server's own queue.
    first_seconds: float = 600.0
    between_seconds: float = 120.0  # from one piece of the answer to the next


class Wire:
    """Requests to one server; usable from many threads at once."""

    def __init__(self, address: Address, *, key: str | None = None, patience: Patience | None = None) -> None:
        self.address = address
        self.patience = patience or Patience()
        self._key = key
        headers = {"Accept-Encoding": "identity", "User-Agent": "openchat-rag"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        self._client = httpx.Client(
            headers=headers,
            # The watch bounds reading; httpx would only bound the pauses between two bytes.
            timeout=httpx.Timeout(
                self.patience.reply_seconds, connect=self.patience.connect_seconds, read=None, pool=None
            ),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            trust_env=False,  # no proxy, no netrc: the documents' text goes to this server and nowhere else
            verify=ssl.create_default_context(),  # the system's certificates; SSL_CERT_FILE names others
        )

    def close(self) -> None:
        """Ends what is under way."""
        self._client.close()

    def ask(
        self, url: str, body: Mapping[str, Any] | None = None, *, absent: frozenset[int] = frozenset()
    ) -> Any:
        """The JSON that `url` replies with, to a POST of `body` or else to a GET.

        None where the status is one of `absent`.
        """
        with Watch(None, self.patience.reply_seconds) as watch, self._open(url, body, watch) as response:
            if response.status_code in absent:
                return None
            self._require_success(response)
            data = self._read(response, MOST_REPLY_BYTES)
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise ModelFailed(
                f"{url} replies with something that is not JSON ({self.quoted(data)!r}): "
                "is it a model's server?"
            ) from None

    def events(
        self,
        url: str,
        body: Mapping[str, Any],
        *,
        stop: threading.Event | None = None,
        reading: Callable[[Any], bool] = lambda event: False,
    ) -> Iterator[Any]:
        """The JSON of each event of the reply to `body`, until `[DONE]`, the reply's end or `stop`.

        `reading` tells an event before the answer's first words; after it there is time as before the first.
        Raises `ModelFailed` for a reply that is no stream of events; not for one that ends too soon, which
        only its reader can tell.
        """
        if stop is not None and stop.is_set():
            return
        with contextlib.suppress(Stopped), Watch(stop, self.patience.first_seconds) as watch:
            with self._open(url, body, watch) as response:
                self._require_success(response)
                self._require_event_stream(response)
                patience = self.patience
                for line in self._lines(response):
                    watch.expect(watch.seconds)
                    data = self._data(line)
                    if data is None:
                        continue
                    if data == b"[DONE]" or (stop is not None and stop.is_set()):
                        return
                    event = self._parsed(data)
                    watch.rest()
                    yield event
                    watch.expect(patience.first_seconds if reading(event) else patience.between_seconds)
            if watch.reason == "late":  # the reply had no length, so that its end looked like any other
                raise self._late(watch)

    # --- one request --------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _open(self, url: str, body: Mapping[str, Any] | None, watch: Watch) -> Iterator[httpx.Response]:
        method = "GET" if body is None else "POST"
        request = self._client.build_request(method, url, json=body, extensions={"trace": watch.trace})
        response: httpx.Response | None = None
        try:
            response = self._client.send(request, stream=True)
            yield response
        except httpx.HTTPError as error:
            if watch.reason == "stopped":
                raise Stopped from None
            if watch.reason == "late":
                raise self._late(watch) from error
            raise self._broken(error, begun=response is not None) from error
        finally:
            if response is not None:
                response.close()

    def _late(self, watch: Watch) -> ModelFailed:
        return ModelFailed(
            f"{self.address.origin} has sent nothing for {watch.seconds:g} s: it hangs, or has too much to "
            "do; look at the server, or try again in a while"
        )

    def _broken(self, error: httpx.HTTPError, *, begun: bool) -> ModelFailed:
        origin, reason = self.address.origin, self.quoted(str(error))
        if isinstance(error, httpx.ConnectTimeout):
            seconds = self.patience.connect_seconds
            return ModelFailed(f"{origin} can't be reached within {seconds:g} s: is the address right?")
        if "[SSL" in reason:
            return ModelFailed(
                f"{origin} can't be spoken to securely ({reason}): is it http rather than https? "
                "SSL_CERT_FILE names a certificate of your own"
            )
        if isinstance(error, httpx.ConnectError):
            return ModelFailed(f"nothing answers at {origin} ({reason}): is the server running?")
        if begun:
            return ModelFailed(f"{origin} closed the connection in the middle of its reply: ask again")
        return ModelFailed(f"{origin} gives no reply that is HTTP ({reason}): is it a model's server?")

    def _require_success(self, response: httpx.Response) -> None:
        """Raises what fits a status other than 200; the server's words are in the message."""
        status, origin = response.status_code, self.address.origin
        if status == 200:
            return
        if 300 <= status < 400:
            where = self.quoted(response.headers.get("location", "nowhere"))
            raise ModelFailed(
                f"{origin} redirects to {where}, and redirects are not followed: name that address with "
                "--model if you trust it"
            )
        said = f"{status}{self._words(self._read(response, MOST_ERROR_BYTES, cut=True))}"
        if status in (401, 403):
            fault = "refuses the key" if self._key else "asks for a key"
            raise ModelFailed(f"{origin} {fault} ({said}): set {KEY_VARIABLE} to one that it accepts")
        if status in (429, 503):
            after = response.headers.get("retry-after", "")
            when = f"in {after} s" if re.fullmatch(r"\d{1,5}", after) else "in a while"
            raise ModelBusy(f"{origin} is busy or not ready yet ({said}): try again {when}")
        if status == 404:
            raise ModelMissing(
                f"{origin} has no such model or address ({said}): name both, --model http://HOST:PORT/v1#MODEL"
            )
        if status in (400, 413, 422) and _WINDOW_WORDS.search(said):
            raise WindowExceeded(
                f"the prompt is too long for {origin} ({said}): set RAG_WINDOW to the server's window"
            )
        raise ModelFailed(f"{origin} gave up ({said}): look at the server's log")

    def _require_event_stream(self, response: httpx.Response) -> None:
        kind = response.headers.get("content-type", "")
        if not kind.startswith("text/event-stream"):
            data = self._read(response, MOST_ERROR_BYTES, cut=True)
            raise ModelFailed(
                f"{self.address.origin} replies with {self.quoted(kind) or 'nothing'} where events were "
                f"asked for ({self.quoted(data)!r}): is it a model's server?"
            )

    # --- bytes --------------------------------------------------------------------------------------------

    def _read(self, response: httpx.Response, limit: int, *, cut: bool = False) -> bytes:
        """The reply's bytes; where there are more than `limit`, the first of them if `cut`, else an error."""
        data = bytearray()
        for piece in response.iter_raw():
            data += piece
            if len(data) > limit:
                if cut:
                    break
                raise ModelFailed(f"{self.address.origin} replies with more than {limit:,} bytes")
        return bytes(data[:limit])

    def _lines(self, response: httpx.Response) -> Iterator[bytes]:
        """Lines as the HTML standard cuts an event stream: at LF, CR or CRLF, and nowhere else.

        httpx's own `iter_lines` cuts at U+2028 and U+0085 too, which stand inside JSON strings.
        """
        rest = b""
        for piece in response.iter_raw():
            *lines, rest = _LINE_END.split(rest + piece)
            yield from lines
            if len(rest) > MOST_LINE_BYTES:
                raise ModelFailed(
                    f"{self.address.origin} sends an event of more than {MOST_LINE_BYTES:,} bytes: "
                    "is it a model's server?"
                )
        yield rest

    def _data(self, line: bytes) -> bytes | None:
        """What an event carries; None for what stands between: empty lines, names, comments ("still here").

        llama.cpp's server once wrote errors as `error: {...}`. Anything else is no event stream.
        """
        if line.startswith(b"data:"):
            return line[5:].strip()
        if line.startswith(b"error:"):
            raise ModelFailed(f"{self.address.origin} gave up{self._words(line[6:])}")
        if line.strip() and not line.startswith((b":", b"event:", b"id:", b"retry:")):
            raise self._rubbish(line)
        return None

    def _parsed(self, data: bytes) -> Any:
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise self._rubbish(data) from None

    def _rubbish(self, data: bytes) -> ModelFailed:
        return ModelFailed(
            f"{self.address.origin} sends something that is no event of an answer ({self.quoted(data)!r}): "
            "is it a model's server?"
        )

    def _words(self, data: bytes) -> str:
        """What the server says about an error, as `: its words`; empty where it says nothing."""
        try:
            words = self.quoted(error_message(json.loads(data)))
        except (ValueError, RecursionError):
            words = self.quoted(data)
        return f": {words}" if words else ""

    def quoted(self, text: bytes | str) -> str:
        """The beginning of the server's `text`, fit for one line of a message; never with the key in it."""
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        if self._key:
            text = text.replace(self._key, "…")
        text = "".join(character if character.isprintable() else " " for character in text)
        text = " ".join(text.split())
        return text if len(text) <= MOST_WORDS else text[:MOST_WORDS] + "…"


def error_message(data: Any) -> str:
    """The message in one of the forms that servers put an error into; empty where there is none."""
    while isinstance(data, dict):
        data = next((data[name] for name in ("error", "message", "detail") if data.get(name)), "")
    return data if isinstance(data, str) else json.dumps(data)
