"""llama.cpp in this process: tokens in, tokens out.

Takes a GGUF file and token ids, gives token ids and their bytes, one at a time, and says how much of a
prompt is read. Knows nothing about templates, chats or grammars' meaning. One context, so one generation at
a time: whoever calls `Engine.generate` from several threads waits in `rag.model.model_queue`.

Written against llama.cpp's C interface as llama-cpp-python 0.3 binds it (`llama_cpp.llama_cpp`), because its
`Llama` class tokenises chats with special tokens parsed, compiles the file's chat template, and can't be
stopped while it reads a prompt.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import threading
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rag.errors import ModelFailed, ModelInvalid, WindowExceeded
from rag.model.gguf import read_header, require_openchat
from rag.model.lookup import Lookup
from rag.model.state_cache import WORTH_TOKENS, StateCache, common_prefix
from rag.processors import processors

# llama.cpp's threads wait for each other some hundred times a token. libgomp, whose threads they are, lets
# one that waits spin 300,000 times; where another program has the processor that the last one needs, most
# of the time goes there. A hundredth of it is ten times as fast on a busy machine, and costs an idle one a
# hundredth of its speed (README.md). The library reads this when it is loaded; the user's settings win.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")

import llama_cpp as ll

# Prompt tokens decoded in one call: progress is reported and Stop is seen at least this often.
READ_BATCH = 128

_ABORTED = 2  # llama_decode: stopped by the abort callback
_NO_ROOM = 1  # llama_decode: no slot in the key/value memory


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen. Temperature 0 is greedy, and the rest then has no effect."""

    temperature: float = 0.0
    top_p: float = 0.95
    top_k: int = 40
    repeat_penalty: float = 1.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Read:
    """`done` of the prompt's `total` tokens are in the model's memory; `reused` were there before."""

    done: int
    total: int
    reused: int


@dataclass(frozen=True, slots=True)
class Piece:
    """One generated token and its bytes (a character may be spread over several tokens)."""

    token: int
    data: bytes


class Engine:
    """One loaded model with one context.

    Raises `ModelMissing` or `ModelInvalid` where the file can't be used, before llama.cpp sees it where
    that can be told, and `ModelFailed` where llama.cpp gives up.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        window: int,
        threads: int = 0,
        gpu_layers: int = -1,
        states: StateCache | None = None,
    ) -> None:
        header = read_header(path)
        require_openchat(header)
        self.path = Path(path)
        self.name = header.name
        self.window = window
        self._load(threads or processors(), gpu_layers)
        self._ids: list[int] = []  # what the context's memory holds
        self._states = states

    def _load(self, threads: int, gpu_layers: int) -> None:
        logging.getLogger("llama-cpp-python").setLevel(logging.CRITICAL + 1)
        ll.llama_backend_init()
        model_parameters = ll.llama_model_default_params()
        offload = ll.llama_supports_gpu_offload()
        model_parameters.n_gpu_layers = gpu_layers if gpu_layers >= 0 else (999 if offload else 0)
        self._model: Any = ll.llama_model_load_from_file(os.fsencode(self.path), model_parameters)
        if not self._model:
            raise ModelInvalid(f"llama.cpp can't load {self.path.name}: it is damaged; download it again")
        self._vocab: Any = ll.llama_model_get_vocab(self._model)
        parameters = ll.llama_context_default_params()
        parameters.n_ctx = self.window
        parameters.n_batch = parameters.n_ubatch = READ_BATCH
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.no_perf = True
        self._context: Any = ll.llama_init_from_model(self._model, parameters)
        if not self._context:
            ll.llama_model_free(self._model)
            raise ModelFailed(
                f"llama.cpp can't make a window of {self.window} tokens for {self.path.name}: "
                "not enough memory? Close other programs, or take a smaller file"
            )
        self._freed = weakref.finalize(self, _free, self._context, self._model)  # at the latest
        self._freed.atexit = False  # a thread may still be decoding then
        self._memory: Any = ll.llama_get_memory(self._context)
        # llama.cpp asks "abort?" some thousand times a batch. A Python function would wait for the
        # interpreter's lock each time; C's strlen of this buffer gives 0 (go on), and 1 once a byte is set.
        self._abort = ctypes.create_string_buffer(2)
        callback = ctypes.cast(ctypes.CDLL(None).strlen, ll.ggml_abort_callback)
        ll.llama_set_abort_callback(self._context, callback, ctypes.cast(self._abort, ctypes.c_void_p))

    def close(self) -> None:
        """Frees the model's memory; the engine can't be used afterwards. So does its last user's end."""
        self._freed()
        self._context = self._model = self._vocab = None

    def tokenize(self, text: str) -> list[int]:
        """`text` as ids, special tokens off, a space before its first word; safe from any thread."""
        data = text.encode("utf-8")
        size = len(data) + 2
        ids = (ll.llama_token * size)()
        count = ll.llama_tokenize(self._vocab, data, len(data), ids, size, False, False)
        if count < 0:
            raise ModelFailed(f"llama.cpp can't tokenise a text of {len(data)} bytes: error {count}")
        return list(ids[:count])

    def piece(self, token: int) -> bytes:
        """The bytes that a token stands for; a control token stands for none."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = ll.llama_token_to_piece(self._vocab, token, buffer, size, 0, False)
            if count >= 0:
                return buffer.raw[:count]
            size = -count

    def read_before(self) -> list[tuple[int, ...]]:
        """What need not be read again: the prompt in memory with its answer, and those that are kept."""
        return [tuple(self._ids), *(self._states.known() if self._states else [])]

    def generate(
        self,
        ids: Sequence[int],
        *,
        max_tokens: int,
        end: frozenset[int],
        banned: Sequence[int] = (),
        sampling: Sampling | None = None,
        grammar: str | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[Read | Piece]:
        """Reads the prompt `ids`, then gives token after token until one of `end` (which is not given).

        What the memory still holds of an earlier prompt's beginning is not read again. `stop` ends it at
        once, while reading too. `banned` ids are never chosen; `grammar` is GBNF text. Closing the
        iterator leaves the engine ready for the next prompt.
        """
        if not ids or len(ids) + max_tokens > self.window:
            raise WindowExceeded(
                f"a prompt of {len(ids)} tokens and an answer of {max_tokens} do not fit the window of "
                f"{self.window} tokens"
            )
        stop = stop or threading.Event()
        with _Sampler(self._vocab, self._context, sampling or Sampling(), banned, grammar) as sampler:
            with self._aborting_on(stop):
                yield from self._read(ids, stop)
            if not stop.is_set():
                yield from self._write(ids, sampler, max_tokens, end, stop)

    def _write(
        self,
        ids: Sequence[int],
        sampler: _Sampler,
        max_tokens: int,
        end: frozenset[int],
        stop: threading.Event,
    ) -> Iterator[Piece]:
        """Token after token; guesses are decoded along with the token before them.

        Each token is chosen from the logits after the ones before it, guessed or not, so a guess changes
        when it comes and never what it is.
        """
        lookup = Lookup(ids)
        guessed: list[int] = []  # decoded after the last token, and not yet chosen
        place = -1  # of the last token's logits in what was decoded last
        for left in range(max_tokens, 0, -1):
            token = sampler.next(place)
            if token in end:
                break
            yield Piece(token, self.piece(token))
            if stop.is_set() or left == 1:
                break
            lookup.add(token)
            if guessed and guessed[0] == token:
                guessed.pop(0)
                place += 1
                continue
            self._forget(guessed)
            guessed = lookup.guess()[: left - 1]
            if not self._decode([token, *guessed], all_logits=True):
                return
            place = 0
        self._forget(guessed)

    def _read(self, ids: Sequence[int], stop: threading.Event) -> Iterator[Read]:
        # The last one is read again in any case, for its logits.
        reused = common_prefix(self._ids, ids[:-1])
        if self._restore(ids[:-1], beyond=reused):
            reused = common_prefix(self._ids, ids[:-1])
        self._keep(reused)
        done = reused
        yield Read(done, len(ids), reused)
        while done < len(ids) and not stop.is_set() and self._decode(ids[done : done + READ_BATCH]):
            done = len(self._ids)
            yield Read(done, len(ids), reused)
        if self._states and done == len(ids) and done - reused >= WORTH_TOKENS:
            size = ll.llama_state_seq_get_size(self._context, 0)
            if size <= self._states.largest_bytes:
                self._states.put(ids, self._state(size))

    def _restore(self, ids: Sequence[int], *, beyond: int) -> bool:
        """Puts back what was read at another time, when that goes further than what the memory holds."""
        state = self._states.best(ids, beyond=beyond) if self._states else None
        if state is None:
            return False
        data = np.frombuffer(state.data, np.uint8)
        pointer = data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
        self._keep(0)
        if not ll.llama_state_seq_set_data(self._context, pointer, len(data), 0):
            self._keep(0)
            return False
        self._ids = list(state.ids)
        return True

    def _state(self, size: int) -> bytearray:
        data = bytearray(size)
        buffer = (ctypes.c_uint8 * len(data)).from_buffer(data)
        size = ll.llama_state_seq_get_data(self._context, buffer, len(data), 0)
        del buffer  # a bytearray that is exported can't be shortened
        del data[size:]
        return data

    @contextlib.contextmanager
    def _aborting_on(self, stop: threading.Event) -> Iterator[None]:
        """While inside, `stop` ends a running `llama_decode` within a twentieth of a second."""
        finished = threading.Event()

        def watch() -> None:
            while not finished.wait(0.05):  # so that the end of reading is seen at once
                if stop.is_set():
                    self._abort[0] = b"x"
                    return

        watcher = threading.Thread(target=watch, name="llama-stop", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            finished.set()
            watcher.join()
            self._abort[0] = b"\0"

    def _decode(self, ids: Sequence[int], *, all_logits: bool = False) -> bool:
        """True when `ids` were added to the memory; False when it was aborted before they all were.

        There are logits after the last of them, or after each.
        """
        tokens = (ll.llama_token * len(ids))(*ids)
        batch = ll.llama_batch_get_one(tokens, len(ids))
        wanted = (ctypes.c_int8 * len(ids))(*[1] * len(ids))
        if all_logits:
            batch.logits = ctypes.cast(wanted, ctypes.POINTER(ctypes.c_int8))
        status = ll.llama_decode(self._context, batch)
        if status == 0:
            self._ids += ids
            return True
        self._keep(len(self._ids))
        if status == _ABORTED:
            return False
        if status == _NO_ROOM:
            raise ModelFailed(f"the window of {self.window} tokens is full: ask a shorter question")
        raise ModelFailed(f"llama.cpp failed with status {status} on {self.path.name}: verify the file")

    def _forget(self, guessed: Sequence[int]) -> None:
        """Takes guesses that were not chosen off the memory's end."""
        if guessed:
            self._keep(len(self._ids) - len(guessed))

    def _keep(self, count: int) -> None:
        """Forgets all of the context's memory but the first `count` tokens."""
        self._ids = self._ids[:count]
        if not ll.llama_memory_seq_rm(self._memory, 0, count, -1):
            ll.llama_memory_clear(self._memory, True)
            self._ids = []


def _free(context: Any, model: Any) -> None:
    ll.llama_free(context)
    ll.llama_model_free(model)


class _Sampler:
    """Chooses the next token from the context's logits; a context manager, because it holds C memory.

    A grammar is asked about the one token that would be chosen anyway, and only where it says no about all
    32002 (llama.cpp's own common_sampler_sample does it the same way): its cost a token nearly vanishes.
    """

    def __init__(
        self, vocab: Any, context: Any, sampling: Sampling, banned: Sequence[int], grammar: str | None
    ) -> None:
        self.context = context
        self.size = ll.llama_vocab_n_tokens(vocab)
        self.sampling = sampling
        self.banned = list(banned)
        self.random = np.random.default_rng(sampling.seed)
        self.recent: list[int] = []
        self.grammar: Any = None
        if grammar is not None:
            self.grammar = ll.llama_sampler_init_grammar(vocab, grammar.encode("utf-8"), b"root")
            if not self.grammar:
                raise ModelFailed(f"llama.cpp can't read this grammar: {grammar[:200]!r}")

    def __enter__(self) -> _Sampler:
        return self

    def __exit__(self, *_: object) -> None:
        if self.grammar:
            ll.llama_sampler_free(self.grammar)
            self.grammar = None

    def next(self, place: int) -> int:
        """The next token, from the logits at a place in what was decoded last; -1 is its end."""
        pointer = ll.llama_get_logits_ith(self.context, place)
        logits = np.ctypeslib.as_array(pointer, shape=(self.size,)).copy()
        logits[self.banned] = -np.inf
        self._penalise_repeats(logits)
        token = self._choose(logits)
        if self.grammar:
            if not self._allowed(np.array([token])).any():
                refused = ~self._allowed(np.arange(self.size))
                logits[refused] = -np.inf
                token = self._choose(logits)
            ll.llama_sampler_accept(self.grammar, token)
        self.recent = [*self.recent[-63:], token]
        return token

    def _choose(self, logits: np.ndarray) -> int:
        if self.sampling.temperature <= 0:
            return int(np.argmax(logits))
        count = min(self.sampling.top_k or self.size, self.size)
        best = np.argpartition(-logits, count - 1)[:count]
        best = best[np.argsort(-logits[best])]
        scaled = logits[best].astype(np.float64) / self.sampling.temperature
        weights = np.exp(scaled - scaled.max())
        weights /= weights.sum()
        # The smallest set of best tokens that holds top_p of the probability (nucleus sampling).
        kept = int(np.searchsorted(np.cumsum(weights), self.sampling.top_p)) + 1
        weights = weights[:kept] / weights[:kept].sum()
        return int(self.random.choice(best[:kept], p=weights))

    def _penalise_repeats(self, logits: np.ndarray) -> None:
        """llama.cpp's repeat penalty, over the last 64 tokens generated (CTRL, arXiv 1909.05858)."""
        if self.sampling.repeat_penalty != 1.0 and self.recent:
            seen = np.unique(self.recent)
            values = logits[seen]
            penalty = self.sampling.repeat_penalty
            logits[seen] = np.where(values > 0, values / penalty, values * penalty)

    def _allowed(self, tokens: np.ndarray) -> np.ndarray:
        """For each of `tokens`, whether the grammar admits it next."""
        candidates = np.zeros(len(tokens), dtype=[("id", np.int32), ("logit", np.float32), ("p", np.float32)])
        candidates["id"] = tokens
        pointer = candidates.ctypes.data_as(ll.llama_token_data_p)
        array = ll.llama_token_data_array(pointer, len(tokens), -1, False)
        ll.llama_sampler_apply(self.grammar, ctypes.byref(array))
        return np.asarray(np.isfinite(candidates["logit"]))
