"""A model in memory or on a server, and the stream of text that it gives.

Takes settings and a prompt's ids, gives text as it comes. A file is loaded once in a process, whoever asks
for it, and serves one generation at a time; a server is `rag.remote.model`'s. Knows nothing of documents or
chats.
"""

from __future__ import annotations

import codecs
import importlib.metadata
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rag.errors import ModelMissing
from rag.model.gguf import PULL_HINT
from rag.model.llama import Engine, Read, Sampling
from rag.model.model_queue import ModelQueue
from rag.model.state_cache import StateCache, states_folder
from rag.model_files.records import check_before_loading, read_records
from rag.records import Queued, Reading, TextDelta
from rag.remote.address import is_address, key_from_environment
from rag.remote.model import RemoteModel
from rag.settings import Settings
from rag.template import BEGIN, END_OF_TURN

# `</s>` is not what OpenChat ends a turn with, but nothing sensible follows it.
END_TOKENS = frozenset({END_OF_TURN, 2})
NEVER_SAID = (0, BEGIN, 32001)


class LoadedModel:
    """One model file in memory, with the line in front of it."""

    def __init__(self, engine: Engine, queue: ModelQueue) -> None:
        self.engine = engine
        self.queue = queue

    # What a model on a server may not have: token counts that are its own, and nothing to be told about it.
    exact = True
    notices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name without its ending: what people call the model by."""
        return self.engine.path.stem

    @property
    def window(self) -> int:
        """Prompt and answer together, in tokens."""
        return self.engine.window

    def tokenize(self, text: str) -> list[int]:
        """Plain text as ids; see `Engine.tokenize`."""
        return self.engine.tokenize(text)

    def read_before(self) -> Sequence[Sequence[int]]:
        """Prompts whose beginnings cost nothing; see `Engine.read_before`."""
        return self.engine.read_before()

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
        """Waits for its turn, reads the prompt, and gives the text as it is written.

        `usage`, if given, is filled in on the way. Closing the iterator, or setting `stop`, ends it
        wherever it is and lets the next one go.
        """
        usage = usage if usage is not None else Usage()
        with self.queue.enter() as ticket:
            for ahead in ticket.wait(stop):
                yield Queued(ahead)
            if stop is not None and stop.is_set():
                return
            decoder = codecs.getincrementaldecoder("utf-8")("replace")
            begun, first = time.monotonic(), True
            for event in self.engine.generate(
                ids,
                max_tokens=max_tokens,
                end=END_TOKENS,
                banned=NEVER_SAID,
                sampling=sampling,
                grammar=grammar,
                stop=stop,
            ):
                if isinstance(event, Read):
                    usage.prompt, usage.reused = event.total, event.reused
                    yield _reading(event, time.monotonic() - begun)
                    continue
                usage.answer += 1
                text = decoder.decode(event.data)
                # The template has no space after "Assistant:"; the first word brings its own.
                text, first = (text.lstrip(" "), first and not text.strip(" ")) if first else (text, False)
                if text:
                    yield TextDelta(text)
            usage.cut = usage.answer >= max_tokens
            if rest := decoder.decode(b"", final=True):
                yield TextDelta(rest)


class Usage:
    """What a stream has cost so far, in tokens, and whether it ended for want of room."""

    def __init__(self) -> None:
        self.prompt = 0
        self.reused = 0
        self.answer = 0
        self.cut = False


def _reading(event: Read, seconds: float) -> Reading:
    read = event.done - event.reused
    left = (event.total - event.done) / read * seconds if read else None
    return Reading(event.done, event.total, left)


Model = LoadedModel | RemoteModel

_loaded: dict[tuple[object, ...], Model] = {}
_loading = threading.Lock()


def load_model(settings: Settings) -> Model:
    """The model that `settings.model` names; loaded once in a process, shared by all who ask.

    A file is loaded into this process; an `http://` address is a server, first asked at the first question.
    Raises `ModelMissing` and `ModelInvalid` as `rag.model.gguf` does, and `ModelFailed`.
    """
    if not settings.model:
        raise ModelMissing(f"no model is set: {PULL_HINT}, and name it with --model or RAG_MODEL")
    if is_address(settings.model):
        return _on_a_server(settings, settings.model)
    path = Path(settings.model).expanduser().resolve()
    key = (path, settings.window, settings.threads, settings.gpu_layers)
    with _loading:
        if key not in _loaded:
            check_before_loading(path)
            engine = Engine(
                path,
                window=settings.window,
                threads=settings.threads,
                gpu_layers=settings.gpu_layers,
                states=_states(path, settings.window),
            )
            _loaded[key] = LoadedModel(engine, ModelQueue(settings.queue))
        return _loaded[key]


def let_go(model: str) -> None:
    """Keeps a file no longer in memory; whoever still answers with it ends first, then it is freed.

    The next `load_model` of the same file loads it anew. A server is not held, so nothing is let go.
    """
    if is_address(model):
        return
    path = Path(model).expanduser().resolve()
    with _loading:
        for key in [key for key in _loaded if key[0] == path]:
            del _loaded[key]


def sampling_of(settings: Settings) -> Sampling:
    """How answers are sampled under these settings."""
    return Sampling(
        temperature=settings.temperature,
        top_p=settings.top_p,
        top_k=settings.top_k,
        repeat_penalty=settings.repeat_penalty,
        seed=settings.seed,
    )


def _states(path: Path, window: int) -> StateCache:
    """Kept on disk too for a file whose hash is known (`rag model pull`, `use`), else in memory alone."""
    record = read_records().files.get(path)
    if record is None:
        return StateCache(str(path))
    version = importlib.metadata.version("llama-cpp-python")
    return StateCache(f"{record.sha256} {version} {window}", folder=states_folder())


def _on_a_server(settings: Settings, address: str) -> Model:
    key = (address, settings.window, settings.queue, key_from_environment())
    with _loading:
        if key not in _loaded:
            _loaded[key] = RemoteModel(address, window=settings.window, limit=settings.queue)
        return _loaded[key]
