"""Folders of small models: one that is there, one of the Hugging Face hub's cache, or one to be downloaded.

Takes a name or a path, gives a folder that is safe to load: weights are in safetensors, since the other kinds
can run code when they are read. Does not load anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rag.errors import EmbeddingError

_PUBLISHED_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]  # no pickles, no other formats
_WEIGHTS_THAT_RUN = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")


def model_folder(name: str, *, what: str, download: bool, cure: str) -> Path:
    """The folder of that path, or the hub's of that name; with `download`, got from there if need be.

    `what` it is and the `cure` stand in the message when there is none: `EmbeddingError`.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _of_hub(name, what=what, download=download, cure=cure)
    refuse_pickles(folder, name, what=what)
    return folder


def _of_hub(name: str, *, what: str, download: bool, cure: str) -> Path:
    """What is in the cache is taken from there: no connection is made for what is here already."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        found = Path(snapshot_download(name, allow_patterns=_PUBLISHED_FILES, local_files_only=True))
        if _is_whole(found):
            return found
        reason = "what is in the cache lacks its weights: a download was broken off"
    except LocalEntryNotFoundError:
        reason = "it is not in the cache"
    except Exception as error:  # not a repository's name at all
        reason = " ".join(str(error).split())
        download = False
    if download:
        try:
            return Path(snapshot_download(name, allow_patterns=_PUBLISHED_FILES))
        except Exception as error:  # no network, no such repository
            reason = " ".join(str(error).split())
    raise EmbeddingError(
        f"{what} {name!r} is neither a folder nor to be had from the Hugging Face hub ({reason}); {cure}"
    )


def _is_whole(folder: Path) -> bool:
    """Whether the weights are there; they are the last to come. Those of a pickle are refused later."""
    shards = {
        path.parent / name
        for path in folder.rglob("*.safetensors.index.json")
        for name in json.loads(path.read_text("utf-8")).get("weight_map", {}).values()
    }
    weights = (path for kind in ("*.safetensors", *_WEIGHTS_THAT_RUN) for path in folder.rglob(kind))
    return any(path.exists() for path in weights) and all(path.exists() for path in shards)


def refuse_pickles(folder: Path, name: str, *, what: str) -> None:
    """Raises `EmbeddingError` where a part of the model has its weights in nothing but a pickle."""
    for path in (path for pattern in _WEIGHTS_THAT_RUN for path in folder.rglob(pattern)):
        if not list(path.parent.glob("*.safetensors")):
            raise EmbeddingError(
                f"{what} {name!r} has weights in {path.name}, which can run code when it is read; "
                "only safetensors are: convert it, or take a revision that has them"
            )


@contextmanager
def loading(name: str, *, what: str) -> Iterator[None]:
    """While a model is loaded: no bars are drawn, and whatever its files make fail is an `EmbeddingError`."""
    from transformers.utils import logging

    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    except Exception as error:  # a stranger's files can raise anything
        reason = " ".join(str(error).split())
        raise EmbeddingError(f"{what} {name!r} can't be loaded: {reason}") from error
    finally:
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
