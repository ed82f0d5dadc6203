"""Flag > environment > rag.toml > default; closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import UsageError
from rag.settings import Settings, load_settings


def test_the_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings().passages == Settings().passages
    (tmp_path / "rag.toml").write_text('passages = 3\nmodel = "file.gguf"\n')
    assert (load_settings().passages, load_settings().model) == (3, "file.gguf")
    monkeypatch.setenv("RAG_PASSAGES", "4")
    assert load_settings().passages == 4
    assert load_settings({"passages": 5, "model": None}).passages == 5
    assert load_settings({"model": None}).model == "file.gguf"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("RAG_PASAGES", "4", "environment RAG_.*: 'pasages' is not a setting; the settings are chunk_tokens"),
        ("RAG_WINDOW", "many", "window is 'many'; it takes a int"),
        ("RAG_RESERVE", "-1", "reserve is -1; the least is 0"),
        ("RAG_TOP_P", "2", "top_p is 2.0; the most is 1"),
        ("RAG_REPEAT_PENALTY", "0", "repeat_penalty is 0.0; the least is 0.1"),
        ("RAG_CONFIG", "/nowhere.toml", "RAG_CONFIG names '/nowhere.toml', which is not a file"),
    ],
)
def test_wrong_environment(monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=message):
        load_settings()


def test_wrong_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rag.toml").write_text("passages = = 3")
    with pytest.raises(UsageError, match=r"rag\.toml is not valid TOML"):
        load_settings()


def test_an_empty_variable_counts_as_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_MODEL", "")
    assert load_settings().model is None
