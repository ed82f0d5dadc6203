"""The header of a GGUF file, read and checked before llama.cpp sees a byte of it.

Takes a path, gives a `GgufHeader`; `require_openchat` says whether llama.cpp may load it as OpenChat 3.5.
llama.cpp can abort the whole process on a damaged file, so what can be told from the header is told here,
as an error with a cure. Does not look at the tensors' values: a flipped bit there is only found by the
file's hash. Format: the GGUF specification, versions 2 and 3 (ggml project, docs/gguf.md).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from rag.errors import ModelInvalid, ModelMissing

VOCABULARY_SIZE = 32002
END_OF_TURN_TEXT = "<|end_of_turn|>"
PULL_HINT = "get OpenChat 3.5 with `rag model pull`"

_LARGEST_STRING = 16 << 20
_LARGEST_ARRAY = 1 << 20
_MOST_KEYS = 4096
_MOST_TENSORS = 65536
_MOST_DIMENSIONS = 4

# value type -> struct format (GGUF specification, gguf_metadata_value_type)
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9

# tensor type -> (values a block, bytes a block) (ggml.h, ggml_type)
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What the header says: its keys, and how many bytes the file must have at least."""

    path: Path
    version: int
    values: dict[str, Any]
    tensor_count: int
    size_bytes: int
    needed_bytes: int

    @property
    def name(self) -> str:
        """The model's name in its own words, or the file's."""
        return str(self.values.get("general.name") or self.path.name)


def read_header(path: str | Path) -> GgufHeader:
    """The header of the GGUF file at `path`.

    Raises `ModelMissing` where there is no file, `ModelInvalid` where it is no whole GGUF.
    """
    path = Path(path)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "nothing"
        raise ModelMissing(f"no model file: {str(path)!r} is {what}; {PULL_HINT}, and name it with --model")
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            return _Reader(file, size).header(path)
        except struct.error:
            raise ModelInvalid(
                f"{path.name} is cut short: its header goes on past its {size} bytes; download it again"
            ) from None


def require_openchat(header: GgufHeader) -> None:
    """Raises `ModelInvalid`, naming what was found, unless this is OpenChat 3.5's vocabulary.

    Facts: OpenChat 3.5's tokenizer is Mistral's 32000 SentencePiece pieces, then `<|end_of_turn|>` and
    `<|pad_0|>` (its model card).
    """
    found = None
    architecture = header.values.get("general.architecture")
    tokens = header.values.get("tokenizer.ggml.tokens")
    if architecture not in ("llama", "mistral"):
        found = f"architecture {architecture!r}, not 'llama'"
    elif not isinstance(tokens, list):
        found = "no vocabulary"
    elif header.values.get("tokenizer.ggml.model") != "llama":
        kind = header.values.get("tokenizer.ggml.model")
        found = f"a {kind!r} vocabulary of {len(tokens)} tokens (OpenChat 3.6 and Llama 3 have such a one)"
    elif len(tokens) != VOCABULARY_SIZE:
        found = f"{len(tokens)} tokens, not {VOCABULARY_SIZE}"
    elif tokens[1:3] != ["<s>", "</s>"] or tokens[32000] != END_OF_TURN_TEXT:
        found = f"token 32000 is {tokens[32000]!r}, not {END_OF_TURN_TEXT!r}"
    if found:
        raise ModelInvalid(
            f"{header.path.name} ({header.name}) does not have OpenChat 3.5's vocabulary: {found}; "
            f"{PULL_HINT}"
        )


class _Reader:
    """Reads the header's fields in order; every length is checked against the file's size first."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file = file
        self.size = size

    def header(self, path: Path) -> GgufHeader:
        magic = self.file.read(4)
        if magic != b"GGUF":
            raise ModelInvalid(
                f"{path.name} is not a GGUF file: {_what_it_is(magic, self.file)}; {PULL_HINT}"
            )
        version = self.number("I")
        if version not in (2, 3):
            raise ModelInvalid(f"{path.name} is GGUF version {version}; versions 2 and 3 can be read")
        tensor_count, key_count = self.number("Q"), self.number("Q")
        self.limit(tensor_count, _MOST_TENSORS, "tensors")
        self.limit(key_count, _MOST_KEYS, "keys")
        values = {}
        for _ in range(key_count):
            key = self.text()
            values[key] = self.value(self.number("I"))
        needed = self.tensors(tensor_count, int(values.get("general.alignment") or 32))
        if needed > self.size:
            raise ModelInvalid(
                f"{path.name} is cut short: {self.size} bytes of at least {needed}; download it again"
            )
        return GgufHeader(path, version, values, tensor_count, self.size, needed)

    def tensors(self, count: int, alignment: int) -> int:
        end = 0
        for _ in range(count):
            self.text()
            dimensions = self.number("I")
            self.limit(dimensions, _MOST_DIMENSIONS, "dimensions of a tensor")
            elements = 1
            for _ in range(dimensions):
                elements *= self.number("Q")
            kind, offset = self.number("I"), self.number("Q")
            if kind in _BLOCKS:
                values, size = _BLOCKS[kind]
                end = max(end, offset + elements // values * size)
        if alignment < 1 or alignment > 1 << 20:
            raise ModelInvalid(f"damaged GGUF header: alignment {alignment}; download the file again")
        return -(-self.file.tell() // alignment) * alignment + end

    def value(self, kind: int) -> Any:
        if kind in _SCALARS:
            return self.number(_SCALARS[kind])
        if kind == _STRING:
            return self.text()
        if kind != _ARRAY:
            raise ModelInvalid(f"damaged GGUF header: value type {kind}; download the file again")
        item, count = self.number("I"), self.number("Q")
        self.limit(count, _LARGEST_ARRAY, "items in an array")
        if item in _SCALARS:
            form = f"<{count}{_SCALARS[item]}"
            return list(struct.unpack(form, self.read(struct.calcsize(form))))
        return [self.value(item) for _ in range(count)]

    def text(self) -> str:
        length = self.number("Q")
        self.limit(length, _LARGEST_STRING, "bytes of text")
        return self.read(length).decode("utf-8", errors="replace")

    def number(self, form: str) -> Any:
        return struct.unpack("<" + form, self.read(struct.calcsize("<" + form)))[0]

    def read(self, count: int) -> bytes:
        data = self.file.read(count)
        if len(data) != count:
            raise struct.error("the file ended")
        return data

    def limit(self, value: int, most: int, what: str) -> None:
        if value > most:
            raise ModelInvalid(f"damaged GGUF header: {value} {what} > {most}; download the file again")


def _what_it_is(magic: bytes, file: BinaryIO) -> str:
    start = (magic + file.read(252)).lstrip().lower()
    if not start:
        return "it is empty"
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it is a web page (was the download's page saved in place of the file?)"
    if start.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer, not the file it points to"
    if start.startswith((b"ggml", b"lmgg", b"tjgg", b"ggjt", b"fmgg")):
        return "it is one of GGUF's predecessors"
    if start.startswith(b"pk\x03\x04"):
        return "it is a zip archive (a PyTorch checkpoint?)"
    return f"it starts with {magic!r}"
