"""Which embedding model made vectors, so that another one's are never compared with them.

Takes LangChain's `Embeddings`, gives an identity that can be kept as text and compared. Our own models say
what they are; of any other, the beginning of one sentence's vector is kept, which no other model gives,
whatever the model or its class is called. Does not know where vectors are kept.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np
from langchain_core.embeddings import Embeddings

from rag.embedding.embeddings import LocalEmbeddings
from rag.errors import EmbeddingError, IndexMismatch

PROBE = "The keeper of the lighthouse trims the lamp at dusk, when the ships come home."
_PROBE_NUMBERS = 64
_LEAST_COSINE = 0.98  # bfloat16 and another machine give 0.999; another model anything around 0


@dataclass(frozen=True, slots=True)
class EmbeddingIdentity:
    """A model by its name and revision, or by the beginning of its vector for `PROBE`."""

    model: str
    revision: str  # "" where all that is known is the probe
    dimension: int
    probe: tuple[int, ...] = ()  # from -127 to 127

    def as_text(self) -> str:
        """What `identity_from_text` reads."""
        return json.dumps(asdict(self))

    def is_of(self, other: EmbeddingIdentity) -> bool:
        """Whether vectors of the two can be compared."""
        if self.dimension != other.dimension:
            return False
        if self.revision and other.revision:
            return (self.model, self.revision) == (other.model, other.revision)
        return bool(self.probe and other.probe) and _cosine(self.probe, other.probe) >= _LEAST_COSINE

    def __str__(self) -> str:
        known = f"revision {self.revision}, " if self.revision else ""
        return f"{self.model} ({known}dimension {self.dimension})"


def identity_from_text(text: str) -> EmbeddingIdentity:
    """What `as_text` wrote."""
    values = json.loads(text)
    return EmbeddingIdentity(**{**values, "probe": tuple(values["probe"])})


def identity_of(embedding: Embeddings, probe: np.ndarray) -> EmbeddingIdentity:
    """The identity of a model that gives the row `probe` for the text `PROBE`."""
    if isinstance(embedding, LocalEmbeddings):
        return EmbeddingIdentity(embedding.name, embedding.revision, len(probe), _beginning(probe))
    kind = type(embedding)
    name = f"{kind.__module__}.{kind.__qualname__}"
    model = getattr(embedding, "model_name", None) or getattr(embedding, "model", None)
    return EmbeddingIdentity(
        f"{name} {model}" if isinstance(model, str) else name, "", len(probe), _beginning(probe)
    )


def require_same(kept: EmbeddingIdentity, given: EmbeddingIdentity, *, where: str) -> None:
    """Raises `IndexMismatch`, both names in it, when the kept vectors are not the given model's."""
    if not kept.is_of(given):
        raise IndexMismatch(
            f"{where} was made with {kept}, and its vectors are not those of {given}: give the embedding that"
            " made it, or add the documents to a store in another folder"
        )


def unit_rows(vectors: object, count: int) -> np.ndarray:
    """Rows of length 1 (or 0), float32 [count, dimension], of what an embedding gave.

    Raises `EmbeddingError` for another number of rows, rows of several lengths, and numbers that are none.
    """
    try:
        matrix = np.asarray(vectors, np.float64)
    except (TypeError, ValueError) as error:
        raise EmbeddingError(f"the embedding gave no rows of numbers of one length: {error}") from error
    if matrix.ndim != 2 or len(matrix) != count or not matrix.shape[1]:
        raise EmbeddingError(
            f"the embedding gave an array of shape {matrix.shape} for {count} texts; it must give a row for"
            " each"
        )
    if not np.isfinite(matrix).all():
        raise EmbeddingError(
            "the embedding gave numbers that are infinite or none; look at its input or model"
        )
    largest = np.abs(matrix).max(axis=1, keepdims=True)  # squares of large numbers would overflow
    matrix = np.divide(matrix, largest, out=np.zeros_like(matrix), where=largest > 0)
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    rows: np.ndarray = np.divide(matrix, lengths, out=np.zeros_like(matrix), where=lengths > 0)
    return rows.astype(np.float32)


def _beginning(row: np.ndarray) -> tuple[int, ...]:
    numbers = row[:_PROBE_NUMBERS].astype(np.float64)
    largest = float(np.abs(numbers).max()) or 1.0
    return tuple(int(number) for number in np.round(numbers / largest * 127))


def _cosine(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    first, second = np.array(one, np.float64), np.array(other, np.float64)
    lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / lengths if lengths else float(one == other)
