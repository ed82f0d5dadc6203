"""A second look at what was found: a cross-encoder reads question and passage together, and reorders.

Takes a question and hits, gives the hits in another order, with `rerank` among their scores. The model is
any sentence-transformers cross-encoder on this machine: weights from safetensors alone, no code of its own,
nothing is downloaded. Knows neither the index nor how the hits were found.
"""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rag.embedding.model_folder import loading, model_folder
from rag.errors import EmbeddingError
from rag.records import Hit

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

# Off the score of what was not reranked. Scores of the reranker are in 0..1, those of the fusion below 2: so
# what comes after has the lower score, and `score` goes on ordering hits.
BEHIND = 2.0
_HEADS = ("ForSequenceClassification", "ForCausalLM")


class Reranker:
    """A cross-encoder by its folder or its name on the Hugging Face hub; loaded when it is first asked.

    Usable from many threads, one of which computes at a time.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._loaded: CrossEncoder | None = None

    def scores(self, question: str, texts: Sequence[str]) -> np.ndarray:
        """How well each text answers, from 0 to 1: float64 [n]. What overruns the model is not read."""
        if not texts:
            return np.zeros(0)
        import torch

        with self._lock, torch.inference_mode():
            if self._loaded is None:
                self._loaded = _load(self.name)
            logits = self._loaded.predict(
                [(_valid(question), _valid(text)) for text in texts],
                activation_fn=torch.nn.Identity(),  # each model has one of its own; the order is the same
                show_progress_bar=False,
            )
        values = np.asarray(logits, np.float64).reshape(len(texts))
        if not np.isfinite(values).all():
            raise EmbeddingError(f"reranker {self.name!r} gives scores that are no numbers; name another one")
        scores: np.ndarray = 1 / (1 + np.exp(-np.clip(values, -30, 30)))
        return scores


def reranked(hits: Sequence[Hit], question: str, reranker: Reranker, *, first: int) -> list[Hit]:
    """The `first` hits in the reranker's order, then the rest in theirs; equals stay as they were.

    `scores` keeps what a hit had as `fused` and what the reranker gave it as `rerank`.
    """
    head, tail = hits[:first], hits[first:]
    scores = reranker.scores(question, [_read(hit) for hit in head])
    done = [
        dataclasses.replace(
            hit, score=float(score), scores={**hit.scores, "fused": hit.score, "rerank": float(score)}
        )
        for hit, score in zip(head, scores, strict=True)
    ]
    done.sort(key=lambda hit: -hit.score)
    rest = [
        dataclasses.replace(hit, score=hit.score - BEHIND, scores={**hit.scores, "fused": hit.score})
        for hit in tail
    ]
    return [*done, *rest]


def _read(hit: Hit) -> str:
    """What is read of a hit: the headings that it stands under, and its text."""
    return f"{' > '.join(hit.headings)}\n{hit.text}" if hit.headings else hit.text


def _load(name: str) -> CrossEncoder:
    folder = model_folder(
        name,
        what="reranker",
        download=False,
        cure=f"give a cross-encoder's folder, get it once with `hf download {name}`, or unset RAG_RERANKER",
    )
    _require_head(folder, name)
    with loading(name, what="reranker"):
        from sentence_transformers import CrossEncoder

        model: CrossEncoder = CrossEncoder(
            str(folder),
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        ).eval()
    if model.num_labels != 1:
        raise EmbeddingError(
            f"reranker {name!r} gives {model.num_labels} numbers for a passage, a reranker gives 1; "
            "name a cross-encoder that was made for ranking"
        )
    return model


def _require_head(folder: Path, name: str) -> None:
    """A bare encoder would be given a head of random weights, and rank by chance."""
    settings = folder / "config.json"
    if (folder / "modules.json").is_file() or not settings.is_file():
        return  # says itself what it is made of; or is no model, which loading it will tell
    try:
        made_for = json.loads(settings.read_text("utf-8")).get("architectures") or [""]
    except (ValueError, AttributeError):
        return
    if not str(made_for[0]).endswith(_HEADS):
        raise EmbeddingError(
            f"reranker {name!r} is a {made_for[0] or 'model of no known kind'}, which has not learnt to"
            " rank; name a cross-encoder"
        )


def _valid(text: str) -> str:
    """Lone surrogates cannot be UTF-8, which is what tokenizers are written in."""
    return text.encode("utf-8", "replace").decode("utf-8")
