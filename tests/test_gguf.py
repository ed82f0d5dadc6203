"""What is told from a model file's header, before llama.cpp sees it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import gguf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import ModelInvalid, ModelMissing, RagError
from rag.model.gguf import read_header, require_openchat


def test_a_whole_file(random_model: Path) -> None:
    header = read_header(random_model)
    require_openchat(header)
    assert header.name == "OpenChat 3.5 shape, small"
    assert header.version == 3
    assert header.needed_bytes == header.size_bytes == random_model.stat().st_size
    assert len(header.values["tokenizer.ggml.tokens"]) == 32002


def test_a_user_defined_end_of_turn_is_openchat_too(user_defined_model: Path) -> None:
    require_openchat(read_header(user_defined_model))


@pytest.mark.parametrize("share", [0.0001, 0.001, 0.02, 0.5, 0.999])
def test_truncated_at_five_places(random_model: Path, tmp_path: Path, share: float) -> None:
    data = random_model.read_bytes()
    path = tmp_path / "short.gguf"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ModelInvalid, match=r"short\.gguf is cut short: .*download it again"):
        read_header(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"<!DOCTYPE html><html>Entry not found", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "it is a Git LFS pointer"),
        (b"PK\x03\x04zip", "it is a zip archive"),
        (b"ggjt\x01\x00\x00\x00", "one of GGUF's predecessors"),
        (b"hello there", "it starts with b'hell'"),
        (b"GGUF\x09\x00\x00\x00", "is GGUF version 9; versions 2 and 3 can be read"),
        (b"GGUF\x03\x00\x00\x00" + b"\xff" * 16, r"18446744073709551615 tensors > 65536"),
        (b"GGUF\x03\x00\x00\x00" + bytes(8) + b"\xff" * 8, r"18446744073709551615 keys > 4096"),
    ],
)
def test_not_a_model(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelInvalid, match=message):
        read_header(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"absent\.gguf' is nothing; get OpenChat"):
        read_header(tmp_path / "absent.gguf")
    with pytest.raises(ModelMissing, match="is a folder"):
        read_header(tmp_path)


def vocabulary_file(path: Path, *, architecture: str, model: str, tokens: list[str]) -> Path:
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name("Another Model")
    writer.add_tokenizer_model(model)
    writer.add_token_list(tokens)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize(
    ("architecture", "model", "tokens", "message"),
    [
        (
            "llama",
            "gpt2",
            ["a"] * 100,
            r"\(Another Model\).*a 'gpt2' vocabulary of 100 tokens \(OpenChat 3.6",
        ),
        ("llama", "llama", ["a"] * 32000, "32000 tokens, not 32002"),
        ("llama", "llama", ["<unk>", "<s>", "</s>"] + ["a"] * 31999, "token 32000 is 'a', not"),
        ("bert", "bert", ["a"], "architecture 'bert', not 'llama'"),
    ],
)
def test_another_vocabulary_is_refused_by_name(
    tmp_path: Path, architecture: str, model: str, tokens: list[str], message: str
) -> None:
    path = vocabulary_file(tmp_path / "other.gguf", architecture=architecture, model=model, tokens=tokens)
    with pytest.raises(ModelInvalid, match=message):
        require_openchat(read_header(path))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_header_is_an_error_or_a_header(
    random_model: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Flipped bytes in the header's first part: never anything but a clear error or values."""
    content = bytearray(random_model.read_bytes()[:2000]) + bytes(1000)
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, 1999))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "damaged.gguf"
    path.write_bytes(bytes(content))
    with contextlib.suppress(RagError):
        assert read_header(path).tensor_count >= 0
