"""Settings: flag > environment (`RAG_*`) > `rag.toml` in the working folder > default.

The model's default is the one that `rag model use` chose.

Takes a mapping of flags, gives one frozen `Settings`. Few and closed: a name that is not a field is an
error, in the environment too. Does not know what any of them is used for.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from rag.errors import UsageError
from rag.model_files.records import default_model

BUNDLED_EMBEDDER = "all-MiniLM-L6-v2"
# RAG_CONFIG names the file to read instead of ./rag.toml; a key is no setting, so that it is never shown.
_NOT_SETTINGS = {"RAG_CONFIG", "RAG_API_KEY", "RAG_API_KEYS", "RAG_MILVUS_TOKEN", "RAG_UI_PASSWORD"}

# Least and most of the settings that don't go from 0 to as many as one likes.
_BOUNDS = {"gpu_layers": (-1, None), "temperature": (0, 5), "top_p": (0.01, 1), "repeat_penalty": (0.1, 10)}

_CHOICES = {"rewrite": ("words", "model")}


@dataclass(frozen=True, slots=True)
class Settings:
    """All there is to set. Every field is also a `RAG_` variable and a key of `rag.toml`."""

    index: str = str(Path(platformdirs.user_data_dir("openchat-rag")) / "index")  # a folder or a Milvus
    model: str | None = None  # a GGUF file or a server's http address; without one, answers are quotes
    embedding_model: str | None = None  # by name or path; None: the index's own, or the bundled
    query_prefix: str | None = None  # put before a question and a passage where the embedding model wants it
    passage_prefix: str | None = None  # and doesn't say so itself (E5: "query: ", "passage: ")
    reranker: str | None = None  # a cross-encoder by name or path that reorders what was found
    chunk_tokens: int = 200  # a new index's largest chunk, in the embedder's tokens
    rewrite: str = "words"  # follow-ups are searched with the words before; "model": as it writes them out
    passages: int = 6  # how many hits the model is given at most
    window: int = 8192  # the model's window, prompt and answer together, in tokens
    reserve: int = 768  # of these, kept for the answer
    temperature: float = 0.0  # 0 is greedy: a grounded answer is not a place for luck
    top_p: float = 0.95  # the three below: as the model card has them, but for its repeat penalty of 1.1,
    top_k: int = 40  # which hurts quoting; all without effect while the temperature is 0
    repeat_penalty: float = 1.0  # 1 is none
    seed: int = 0
    threads: int = 0  # for llama.cpp; 0 is one a processor that this process may keep busy
    gpu_layers: int = -1  # -1: all of them where llama.cpp was built with a GPU, else none
    queue: int = 8  # questions that may wait for the model
    parse_seconds: int = 120  # a parser's longest time on one file
    parse_megabytes: int = 2048  # a parser's most memory on one file
    file_megabytes: int = 512  # the largest file that is read
    password_file: str | None = None  # passwords to try on encrypted files, one a line
    ray: str | None = None  # a Ray cluster, HOST:PORT, whose machines parse and embed; None: this machine


def load_settings(flags: Mapping[str, Any] | None = None) -> Settings:
    """Settings from all four places; a flag that is None counts as not given.

    Raises `UsageError` for a name that is no setting, or a value of the wrong type.
    """
    kinds = {field.name: field.type for field in dataclasses.fields(Settings)}
    values: dict[str, Any] = {}
    for origin, given in (_from_file(), _from_environment(), ("flag", dict(flags or {}))):
        for name, value in given.items():
            if name not in kinds:
                known = ", ".join(sorted(kinds))
                raise UsageError(f"{origin}: {name!r} is not a setting; the settings are {known}")
            if value is not None:
                values[name] = _converted(origin, name, value, str(kinds[name]))
    if "model" not in values:
        values["model"] = default_model()
    return Settings(**values)


def _from_file() -> tuple[str, dict[str, Any]]:
    path = Path(os.environ.get("RAG_CONFIG", "rag.toml"))
    if not path.is_file():
        if "RAG_CONFIG" in os.environ:
            raise UsageError(f"RAG_CONFIG names {str(path)!r}, which is not a file")
        return str(path), {}
    try:
        return str(path), tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error


def _from_environment() -> tuple[str, dict[str, Any]]:
    given = {
        name.removeprefix("RAG_").lower(): value
        for name, value in os.environ.items()
        if name.startswith("RAG_") and name not in _NOT_SETTINGS and value != ""
    }
    return "environment RAG_*", given


def _converted(origin: str, name: str, value: Any, kind: str) -> Any:
    if kind.startswith("str") and isinstance(value, str | Path):
        if name in _CHOICES and value not in _CHOICES[name]:
            raise UsageError(f"{origin}: {name} is {value!r}; it takes {' or '.join(_CHOICES[name])}")
        return str(value)
    wanted: type[int] | type[float] = float if kind == "float" else int
    try:
        number = wanted(value)
    except (TypeError, ValueError):
        raise UsageError(f"{origin}: {name} is {value!r}; it takes a {wanted.__name__}") from None
    least, most = _BOUNDS.get(name, (0, None))
    if number < least:
        raise UsageError(f"{origin}: {name} is {number}; the least is {least}")
    if most is not None and number > most:
        raise UsageError(f"{origin}: {name} is {number}; the most is {most}")
    return number
