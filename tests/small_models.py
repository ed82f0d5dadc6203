"""Tiny cross-encoders and embedders with weights that a test chose, written to disk as published ones are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
HIDDEN = 32
LONGEST = 64


def _tokenizer() -> Any:
    from transformers import BertTokenizerFast

    words = [*_SPECIAL, *_LETTERS, *(f"##{letter}" for letter in _LETTERS), *".,:?!'"]
    return BertTokenizerFast(
        vocab={word: number for number, word in enumerate(words)}, model_max_length=LONGEST
    )


def _config(labels: int = 1) -> Any:
    from transformers import BertConfig

    return BertConfig(
        vocab_size=len(_tokenizer()),
        hidden_size=HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=LONGEST,
        num_labels=labels,
        initializer_range=0.3,  # so that texts come out apart
    )


def write_cross_encoder(folder: Path, *, seed: int = 0, labels: int = 1) -> Path:
    """A cross-encoder of two layers with random weights."""
    import torch
    from transformers import BertForSequenceClassification

    torch.manual_seed(seed)
    BertForSequenceClassification(_config(labels)).save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    return folder


def write_encoder(folder: Path, *, seed: int = 0) -> Path:
    """The encoder alone, without anything that ranks or pools."""
    import torch
    from transformers import BertModel

    torch.manual_seed(seed)
    BertModel(_config()).save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    return folder


def write_embedder(
    folder: Path, *, seed: int = 0, prompts: dict[str, str] | None = None, width: int | None = None
) -> Path:
    """A sentence-transformers model of two layers; with `width`, a dense layer makes it so wide."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer

    torch.manual_seed(seed)
    modules: list[Any] = [
        Transformer(str(write_encoder(folder.with_name(f"{folder.name}-encoder"), seed=seed))),
        Pooling(HIDDEN),
    ]
    if width:
        modules.append(Dense(HIDDEN, width))
    SentenceTransformer(modules=modules).save_pretrained(str(folder))
    _set_prompts(folder, prompts)
    return folder


def write_static_embedder(folder: Path, *, seed: int = 0) -> Path:
    """A model that only looks words up: no layers, and no longest text."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    torch.manual_seed(seed)
    tokenizer = Tokenizer.from_str(_tokenizer().backend_tokenizer.to_str())
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=16)])
    model.save_pretrained(str(folder))
    return folder


def _set_prompts(folder: Path, prompts: dict[str, str] | None) -> None:
    path = folder / "config_sentence_transformers.json"
    settings = json.loads(path.read_text("utf-8"))
    settings["prompts"] = prompts or {}
    path.write_text(json.dumps(settings), "utf-8")
