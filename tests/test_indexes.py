"""Indexes by name: which there are, and what a new one may be called."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import UsageError
from rag.settings import Settings
from ui.indexes import NamedIndex, indexes_folder, known_indexes, new_index


def test_that_of_the_settings_comes_first(tmp_path: Path) -> None:
    settings = Settings(index=str(tmp_path / "mine"))
    assert known_indexes(settings) == [NamedIndex("mine", str(tmp_path / "mine"))]
    (indexes_folder() / "法律").mkdir(parents=True)
    (indexes_folder() / "Contracts").mkdir()
    (indexes_folder() / "a file").touch()
    assert [one.name for one in known_indexes(settings)] == ["mine", "Contracts", "法律"]


def test_one_of_the_named_as_the_settings_own_is_listed_once() -> None:
    path = indexes_folder() / "Contracts"
    path.mkdir(parents=True)
    assert known_indexes(Settings(index=str(path))) == [NamedIndex("Contracts", str(path))]


def test_a_new_one_lies_beside_the_others(tmp_path: Path) -> None:
    made = new_index("  Contracts  2026 ", Settings(index=str(tmp_path / "mine")))
    assert made == NamedIndex("Contracts 2026", str(indexes_folder() / "Contracts 2026"))
    assert not Path(made.path).exists()


@pytest.mark.parametrize(
    "name", ["", " ", ".", "..", "../x", "/etc", "a/b", "a\\b", "-rf", "a\0b", "x" * 61, "<img>"]
)
def test_names_that_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="an index can't be named"):
        new_index(name, Settings(index=str(tmp_path / "mine")))


def test_a_name_that_is_taken(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is an index named 'MINE' already"):
        new_index("MINE", Settings(index=str(tmp_path / "mine")))
