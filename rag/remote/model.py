"""OpenChat on a server that speaks OpenAI's HTTP: vLLM, llama-server, OpenChat's own, or another.

Takes an address and a prompt's ids, gives the answer's text as it comes, as `LoadedModel` does.
To a server that splits text the prompt goes as token ids, so that the template is exact and no document's
text can close a turn. To any other it goes as messages, with the words that spell out reserved tokens
broken; the template is the server's own then, and a person is told.

What the server is, it is asked before the first question, and again after a failure. Not known here: what
the prompt says, and what the answer means.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from rag.errors import ModelBusy, ModelFailed, ModelMissing, UsageError, WindowExceeded
from rag.records import Queued, Reading, TextDelta
from rag.remote.address import key_from_environment, parse_address
from rag.remote.dialects import chat_body, completion_body, read_event, takes_grammars
from rag.remote.probe import Server, find_out
from rag.remote.tokens import turns_of
from rag.remote.wire import Patience, Wire, error_message

if TYPE_CHECKING:
    from rag.model.llama import Sampling
    from rag.model.loaded_model import Usage

# The longest piece of the vocabulary has 16 characters: a server that sends more than this for each token
# that was asked for does not stop by itself.
MOST_CHARACTERS_A_TOKEN = 64

_log = logging.getLogger(__name__)


class RemoteModel:
    """A model on a server, with `LoadedModel`'s face; usable from many threads at once.

    The server has a queue of its own; `limit` questions of this process may wait there while one is answered.

    Example: `RemoteModel("http://localhost:18888/v1", window=8192)`; the key comes from `RAG_API_KEY`.
    """

    def __init__(
        self, address: str, *, window: int = 8192, limit: int = 8, patience: Patience | None = None
    ) -> None:
        self.address = parse_address(address)
        self.limit = limit
        self._window = window
        self._places = threading.BoundedSemaphore(limit + 1)
        self._wire = Wire(self.address, key=key_from_environment(), patience=patience)
        self._server: Server | None = None
        self._connecting = threading.Lock()
        self._told: set[str] = set()
        self._last: tuple[int, ...] = ()

    # --- what it is ---------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """What the server calls the model; its address before it was asked. Asks nobody."""
        server = self._server
        name = server.model if server else self.address.model or self.address.origin
        # llama-server names it by the path of its file.
        return PurePath(name).stem if name.endswith(".gguf") else name

    @property
    def window(self) -> int:
        """The smaller of the window that is set and the server's."""
        return min(self._window, self.connect().window or self._window)

    @property
    def exact(self) -> bool:
        """Whether token counts are the model's own."""
        return self.connect().spelling is None

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know about this server, in a line each. They are logged, too, once."""
        return self._notices(self.connect())

    def connect(self) -> Server:
        """What the server is; asks it the first time, and again after a failure.

        Raises what `find_out` raises.
        """
        with self._connecting:
            if self._server is None:
                server = find_out(self._wire)
                for notice in self._notices(server):
                    if notice not in self._told:
                        self._told.add(notice)
                        _log.warning("%s", notice)
                self._server = server
            return self._server

    def close(self) -> None:
        """Ends what is under way; the model can't be used afterwards."""
        self._wire.close()

    def _notices(self, server: Server) -> tuple[str, ...]:
        address = self.address
        found = []
        if not address.loopback:
            plain = ", unencrypted (http)" if address.base.startswith("http:") else ""
            found.append(f"the documents' text leaves this machine: it goes to {address.host}{plain}")
        if server.spelling is not None:
            found.append(
                f"{address.origin} takes messages only: the template is the server's own, and tokens are "
                f"counted here, {server.spelling.counts}"
            )
        if not takes_grammars(server.kind):
            found.append(
                f"{address.origin} takes no grammar: marks of passages that are not there can't be prevented "
                "there, only taken out of the answer"
            )
        return tuple(found)

    # --- what it does -------------------------------------------------------------------------------------

    def tokenize(self, text: str) -> list[int]:
        """Plain text as ids, special tokens off, a space before its first word."""
        try:
            return self.connect().tokenize(text)
        except (ModelFailed, ModelMissing):
            self._server = None
            raise

    def read_before(self) -> Sequence[Sequence[int]]:
        """The last prompt: what servers that keep prompts have in memory, if nobody else asked since."""
        return [self._last]

    def stream(
        self,
        ids: Sequence[int],
        *,
        max_tokens: int,
        sampling: Sampling,
        grammar: str | None = None,
        stop: threading.Event | None = None,
        usage: Usage | None = None,
    ) -> Iterator[Queued | Reading | TextDelta]:
        """Sends the prompt, and gives the text as it is written.

        `usage`, if given, is filled in when the answer ends. Closing the iterator, or setting `stop`, closes
        the connection, which makes the server stop. Where the server takes no grammar, it writes without.
        """
        server = self.connect()
        url, body = self._request(server, ids, max_tokens, sampling, grammar)
        if not self._places.acquire(blocking=False):
            raise ModelBusy(
                f"{self.limit} questions wait for {self.address.origin} already, and {self.limit} may: try "
                "again in a while (RAG_QUEUE sets the limit)"
            )
        try:
            yield Reading(0, len(ids), None)
            answer = _Answer(self._wire, server, len(ids), max_tokens)
            for event in self._wire.events(url, body, stop=stop, reading=_is_progress):
                yield from answer.read(event)
            if stop is None or not stop.is_set():
                answer.require_end()
            self._last = tuple(ids)
            if usage is not None:
                answer.fill_in(usage)
        except (ModelFailed, ModelMissing):
            self._server = None  # it may come back as another one
            raise
        finally:
            self._places.release()

    def _request(
        self,
        server: Server,
        ids: Sequence[int],
        max_tokens: int,
        sampling: Sampling,
        grammar: str | None,
    ) -> tuple[str, dict[str, Any]]:
        if server.spelling is not None:
            turns, condition = turns_of(ids, server.spelling)
            if condition != "GPT4 Correct" and server.kind != "OpenChat's server":
                raise UsageError(
                    f"{self.address.origin} takes messages only, and its template has no {condition!r}: "
                    "OpenChat's own server, vLLM and llama-server have"
                )
            return f"{self.address.base}/chat/completions", chat_body(
                server.kind,
                server.model,
                turns,
                condition=condition,
                max_tokens=max_tokens,
                sampling=sampling,
                grammar=grammar,
            )
        if server.window is not None and len(ids) + max_tokens > server.window:
            raise WindowExceeded(
                f"a prompt of {len(ids)} tokens and an answer of {max_tokens} do not fit the window of "
                f"{server.window} that {self.address.origin} has: set RAG_WINDOW={server.window}"
            )
        return f"{self.address.base}/completions", completion_body(
            server.kind,
            server.model,
            ids,
            max_tokens=max_tokens,
            sampling=sampling,
            grammar=grammar,
            version=server.version,
        )


class _Answer:
    """One answer as it comes: what was said, and what it cost."""

    def __init__(self, wire: Wire, server: Server, prompt: int, max_tokens: int) -> None:
        self._wire = wire
        self._server = server
        self._sent = prompt
        self._max_tokens = max_tokens
        self._prompt = prompt
        self._read = 0
        self._reused = 0
        self._tokens: int | None = None
        self._finish: str | None = None
        self._texts: list[str] = []
        self._characters = 0

    def read(self, event: Any) -> Iterator[Reading | TextDelta]:
        """What an event adds; raises `ModelFailed` for one that reports an error, or is none of an answer."""
        origin, piece = self._wire.address.origin, read_event(event)
        if piece is None:
            raise ModelFailed(
                f"{origin} sends something that is no piece of an answer "
                f"({self._wire.quoted(repr(event))}): is it a model's server?"
            )
        if piece.error is not None:
            words = self._wire.quoted(error_message(piece.error))
            raise ModelFailed(f"{origin} gave up in the middle of the answer ({words}): ask again")
        self._finish = piece.finish or self._finish
        self._tokens = piece.answer_tokens if piece.answer_tokens is not None else self._tokens
        self._reused = piece.reused_tokens if piece.reused_tokens is not None else self._reused
        if piece.prompt_tokens is not None:
            self._require_whole_prompt(piece.prompt_tokens)
        if piece.read is not None:
            self._read = piece.read[0]
            yield _reading(*piece.read)
        yield from self._said(piece.text)

    def require_end(self) -> None:
        """Raises `ModelFailed` where no event said that the answer was over."""
        if self._finish is None:
            raise ModelFailed(
                f"{self._wire.address.origin} closed the connection in the middle of the answer: ask again"
            )

    def fill_in(self, usage: Usage) -> None:
        """What the server says that it cost; what it does not say is counted here."""
        usage.prompt, usage.reused, usage.cut = self._prompt, self._reused, self._finish == "length"
        spelling = self._server.spelling
        if self._tokens is not None:
            usage.answer = self._tokens
        elif spelling is not None:
            usage.answer = len(spelling.tokenize("".join(self._texts)))
        else:
            usage.answer = len(self._texts)  # stopped before the count came; an event is a token there

    def _said(self, text: str) -> Iterator[Reading | TextDelta]:
        if not self._texts:
            # The template has no space after "Assistant:"; the first word brings its own.
            text = text.lstrip(" ")
            if text and self._read < self._sent:
                yield Reading(self._sent, self._sent, 0.0)
        if not text:
            return
        self._texts.append(text)
        self._characters += len(text)
        if self._characters > self._max_tokens * MOST_CHARACTERS_A_TOKEN:
            raise ModelFailed(
                f"{self._wire.address.origin} has sent {self._characters:,} characters and goes on, where "
                f"{self._max_tokens} tokens were asked for: is it a model's server?"
            )
        yield TextDelta(text)

    def _require_whole_prompt(self, read: int) -> None:
        self._prompt = read
        if self._server.spelling is None and read != self._sent:
            raise ModelFailed(
                f"{self._wire.address.origin} read a prompt of {read} tokens where {self._sent} were sent: "
                "the answer rests on something else; look at the server's window"
            )


def _reading(read: int, total: int, reused: int, milliseconds: float) -> Reading:
    done = read - reused
    left = (total - read) / done * milliseconds / 1000 if done > 0 else None
    return Reading(read, total, left)


def _is_progress(event: Any) -> bool:
    return isinstance(event, dict) and "prompt_progress" in event
