"""Texts to vectors, on this machine: the bundled all-MiniLM-L6-v2, or any sentence-transformers model.

Takes strings, gives float32 rows of length 1. The bundled model is trusted by the hash of its files, not
by the name of its package; weights are read from safetensors alone and no code that comes with a model is
run. Counting tokens and embedding a question with the bundled model need no torch. Does not know what the
texts are, nor where the vectors go.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar, overload

import numpy as np
from langchain_core.embeddings import Embeddings

from rag.embedding import minilm, minilm_openvino
from rag.embedding.cosine_scale import Scale, measure
from rag.embedding.model_folder import loading, model_folder
from rag.embedding.readable import known_share, readable_share
from rag.errors import EmbeddingError
from rag.settings import BUNDLED_EMBEDDER

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

BUNDLED_REVISION = minilm.REVISION
BATCH_TOKENS = 2048  # in a batch, padding counted; larger ones gain nothing on a CPU and cost memory
QUESTION_TOKENS = 256  # so few are always embedded by numpy, whatever is loaded: the same vector everywhere
NUMPY_TOKENS = 1024  # up to so many, numpy is done with the bundled model before a quicker one is loaded
READ_CHARACTERS = 300  # tell what a text is written in
_Value = TypeVar("_Value")
_LONGEST_WINDOW = 8192  # tokens, of a model that has no limit of its own: more make no better vector
_PASSAGE_PROMPTS = ("document", "passage", "corpus")  # as models call them


class _once(Generic[_Value]):  # noqa: N801, used like a function
    """A property worked out at its first use, under the object's own lock.

    `functools.cached_property` has a lock of its own in Python 3.11, for all objects at once: taken in
    different orders by two threads that load, it stops both. In 3.12 it has none.
    """

    def __init__(self, make: Callable[[LocalEmbeddings], _Value]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> _once[_Value]: ...

    @overload
    def __get__(self, instance: LocalEmbeddings, owner: type) -> _Value: ...

    def __get__(self, instance: LocalEmbeddings | None, owner: type) -> _once[_Value] | _Value:
        if instance is None:
            return self
        with instance._lock:
            if self._name not in instance.__dict__:  # from then on it is found there, without coming here
                instance.__dict__[self._name] = self._make(instance)
            value: _Value = instance.__dict__[self._name]
            return value


class LocalEmbeddings(Embeddings):
    """A sentence-transformers model behind LangChain's `Embeddings`; usable from many threads at once.

    `name` is `all-MiniLM-L6-v2` for the bundled model, a folder, or a name on the Hugging Face hub (which
    is downloaded unless it is in the cache or `HF_HUB_OFFLINE` is set). Some models want a prefix put before
    the text (E5: "query: " and "passage: "): what the model's own settings say is used, else `query_prefix`
    and `passage_prefix`. `precision` is `float32`,
    `bfloat16`, or `auto`: bfloat16 where the processor computes in it (cosine to float32 0.9999), else
    float32.
    """

    def __init__(
        self,
        name: str = BUNDLED_EMBEDDER,
        *,
        query_prefix: str | None = None,
        passage_prefix: str | None = None,
        precision: str = "auto",
    ) -> None:
        if precision not in ("auto", "float32", "bfloat16"):
            raise EmbeddingError(f"precision is {precision!r}; it can be auto, float32 or bfloat16")
        self.name = name
        self._given_prefixes = (query_prefix or "", passage_prefix or "")
        self._precision = precision
        self._lock = threading.RLock()
        self._shares = lru_cache(maxsize=4096)(self._counted_shares)  # the same passages are found again
        self._embedded_tokens = 0  # so far: many small portions are many texts, too

    # --- what it is -------------------------------------------------------------------------------

    @property
    def revision(self) -> str:
        """The upstream revision, or a hash of the weights; a passage prefix changes it."""
        return self._revision + (f"+{self.passage_prefix!r}" if self.passage_prefix else "")

    @property
    def query_prefix(self) -> str:
        """What is put before a question."""
        return self._prefixes[0]

    @property
    def passage_prefix(self) -> str:
        """What is put before a passage."""
        return self._prefixes[1]

    @_once
    def _prefixes(self) -> tuple[str, str]:
        own = {} if self.name == BUNDLED_EMBEDDER else _prompts(self._folder)
        passage = next((own[name] for name in _PASSAGE_PROMPTS if own.get(name)), "")
        return own.get("query") or self._given_prefixes[0], passage or self._given_prefixes[1]

    @property
    def dimension(self) -> int:
        """The width of a vector."""
        if self.name == BUNDLED_EMBEDDER:
            return minilm.DIMENSION
        return int(self._model.get_embedding_dimension() or 0)

    @_once
    def max_tokens(self) -> int:
        """The longest text that is read whole, in its own tokens; special ones and the prefix are off it."""
        special = self._tokenizer.num_special_tokens_to_add(is_pair=False)
        return self._window - special - self.count_tokens(self.passage_prefix)

    # --- tokens -----------------------------------------------------------------------------------

    def count_tokens(self, text: str) -> int:
        """How many tokens `text` is to this model, without special ones and however long it is."""
        return len(self._tokenizer.encode(_valid(text), add_special_tokens=False).ids)

    def count_all(self, texts: Sequence[str]) -> list[int]:
        """`count_tokens` of each text, quicker together than one by one."""
        return [len(row) for row in self._rows([_valid(text) for text in texts])]

    def _rows(self, texts: list[str]) -> list[list[int]]:
        return [one.ids for one in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    def readable_share(self, text: str) -> float:
        """The share of `text`'s beginning that the model can read: near 1 in a language of its own."""
        return self._shares(text[:READ_CHARACTERS])[0]

    def known_share(self, text: str) -> float | None:
        """The share of the long words of `text`'s beginning that the model knows whole; None of none."""
        return self._shares(text[:READ_CHARACTERS])[1]

    def _counted_shares(self, text: str) -> tuple[float, float | None]:
        text = _valid(text)
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        words, offsets = encoding.word_ids, encoding.offsets
        return readable_share(text, encoding.ids, words, offsets, self._unknown), known_share(words, offsets)

    # --- vectors ----------------------------------------------------------------------------------

    def embed(self, texts: Sequence[str], *, query: bool = False) -> np.ndarray:
        """Rows for `texts`, float32 [n, dimension], of length 1; what overruns the window is not read."""
        prefix = self.query_prefix if query else self.passage_prefix
        given = [_valid(prefix + text) for text in texts]
        vectors = np.zeros((len(given), self.dimension), np.float32)
        rows = self._rows(given)
        tokens = sum(map(len, rows))
        self._embedded_tokens += tokens
        batches = list(_batches([min(len(row) + 2, self._window) for row in rows]))
        if self.name != BUNDLED_EMBEDDER:
            for batch in batches:
                vectors[batch] = self._forward([_valid(texts[index]) for index in batch], query=query)
            return vectors
        arithmetic = self._arithmetic(tokens)

        def embed_batch(batch: list[int]) -> None:
            vectors[batch] = self._bundled.vectors([rows[index] for index in batch], by=arithmetic)

        # OpenVINO has a batch on each core; numpy and torch have all cores on a batch
        at_once = minilm_openvino.cores() if arithmetic == "openvino" and len(batches) > 1 else 1
        with ThreadPoolExecutor(at_once, thread_name_prefix="embed") as pool:
            list(pool.map(embed_batch, batches))
        return vectors

    def _arithmetic(self, tokens: int) -> minilm.Arithmetic:
        """Numpy for a question, and until there is enough to embed that loading a quicker one pays."""
        few = self._embedded_tokens <= NUMPY_TOKENS and not self._bundled.warm
        return "numpy" if tokens <= QUESTION_TOKENS or few else self._bundled.for_many

    def scaled(self, cosines: np.ndarray) -> np.ndarray:
        """This model's cosines on the bundled model's scale, for which bounds and weights were measured."""
        return self._scale.of(cosines)

    def embed_query(self, text: str) -> list[float]:
        """One question's vector, as LangChain wants it."""
        return [float(value) for value in self.embed([text], query=True)[0]]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Passages' vectors, as LangChain wants them."""
        return [[float(value) for value in row] for row in self.embed(texts)]

    def _forward(self, texts: list[str], *, query: bool) -> np.ndarray:
        """Rows by sentence-transformers itself, which knows what a model makes of its prompt and its task."""
        encode = self._model.encode_query if query else self._model.encode_document
        prefix = self.query_prefix if query else self.passage_prefix
        with self._lock:
            found = encode(
                texts, prompt=prefix, batch_size=len(texts), convert_to_tensor=True, show_progress_bar=False
            )
        rows: np.ndarray = found.float().cpu().numpy()
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        normed: np.ndarray = rows / np.maximum(lengths, np.finfo(np.float32).tiny)
        return normed

    @_once
    def _scale(self) -> Scale:
        if self.name == BUNDLED_EMBEDDER:
            return Scale()
        return measure(lambda texts, query: self.embed(texts, query=query))

    # --- loading ----------------------------------------------------------------------------------

    @_once
    def _folder(self) -> Path:
        return minilm.bundled_folder() if self.name == BUNDLED_EMBEDDER else _folder_of(self.name)

    @_once
    def _revision(self) -> str:
        if self.name == BUNDLED_EMBEDDER:
            return BUNDLED_REVISION
        if self._folder.parent.name == "snapshots":  # the hub's cache names a folder by its commit
            return self._folder.name
        digest = hashlib.sha256()
        for path in sorted(self._folder.rglob("*.safetensors")):
            digest.update(minilm.sha256_of(path).encode())
        return digest.hexdigest()

    @_once
    def _window(self) -> int:
        settings = self._folder / "sentence_bert_config.json"
        if settings.is_file():
            length = json.loads(settings.read_text("utf-8")).get("max_seq_length")
            if length:
                return int(length)
        longest = self._model.max_seq_length or 512  # infinite for models that only look words up
        return int(min(longest, _LONGEST_WINDOW))

    @_once
    def _tokenizer(self) -> Tokenizer:
        """Our own copy, never cut nor padded: one that changes its settings cannot be shared by threads."""
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # warns after a fork otherwise
        from tokenizers import Tokenizer

        path = self._folder / "tokenizer.json"
        if path.is_file():
            tokenizer = Tokenizer.from_file(str(path))
        else:
            backend = getattr(self._model.tokenizer, "backend_tokenizer", None)
            if backend is None:
                raise EmbeddingError(
                    f"embedding model {self.name!r} has no tokenizer.json; only models with one can be used"
                )
            tokenizer = Tokenizer.from_str(backend.to_str())
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @_once
    def _unknown(self) -> int | None:
        model = json.loads(self._tokenizer.to_str())["model"]
        unknown = model.get("unk_id")
        if unknown is None and model.get("unk_token"):
            unknown = self._tokenizer.token_to_id(model["unk_token"])
        return unknown if unknown is None else int(unknown)

    @_once
    def _bundled(self) -> minilm.MiniLM:
        return minilm.MiniLM(self._folder, precision=self._precision)

    @_once
    def _model(self) -> SentenceTransformer:
        return _load(self._folder, self.name, self._precision)


def _load(folder: Path, name: str, precision: str) -> SentenceTransformer:
    with loading(name, what="embedding model"):
        import torch
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(
            str(folder),
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        ).eval()
    quick = precision == "auto" and model.device.type == "cpu" and minilm.computes_in_bfloat16()
    if quick or precision == "bfloat16":
        model = model.to(torch.bfloat16)
    return model


def _folder_of(name: str) -> Path:
    """The model's folder: the one of that name, or the hub's, downloaded where it is allowed to."""
    return model_folder(
        name,
        what="embedding model",
        download=True,
        cure=f"give a folder that holds a sentence-transformers model, or {BUNDLED_EMBEDDER}",
    )


def _prompts(folder: Path) -> dict[str, str]:
    """The prompts by name that the model's own settings give."""
    settings = folder / "config_sentence_transformers.json"
    if not settings.is_file():
        return {}
    try:
        prompts = json.loads(settings.read_text("utf-8")).get("prompts") or {}
        return {name: words for name, words in prompts.items() if isinstance(words, str)}
    except (ValueError, AttributeError) as error:
        raise EmbeddingError(f"{str(settings)!r} can't be read ({error}); get the model again") from error


def _valid(text: str) -> str:
    """Lone surrogates cannot be UTF-8, which is what the tokenizer is written in."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    """Indices of similar lengths together, longest first; a batch with padding is under `BATCH_TOKENS`."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if batch and (len(batch) + 1) * lengths[batch[0]] > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
