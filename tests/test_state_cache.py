"""States kept in memory and on disk: found by the longest beginning, bounded, never a damaged one."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_index import write_index

from ingest.pipeline import ingest
from rag.model import state_cache
from rag.model.llama import Engine, Piece, Read
from rag.model.state_cache import StateCache, common_prefix, forget_states, states_folder
from rag.records import Turn
from rag.settings import Settings
from rag.template import encode_conversation
from ui.conversations import Conversations
from ui.model_speed import SpeedLog
from ui.workspace import Workspace

LONG = tuple(range(1000, 1200))


def test_common_prefix() -> None:
    assert common_prefix([1, 2, 3], [1, 2, 4]) == 2
    assert common_prefix([1, 2], [1, 2, 4]) == 2
    assert common_prefix([], [1]) == 0


def test_the_longest_beginning_wins() -> None:
    cache = StateCache("model")
    cache.put([*LONG[:100], 7], b"hundred")
    cache.put([*LONG[:150], 7], b"hundred and fifty")
    state = cache.best(LONG, beyond=0)
    assert state is not None
    assert state.data == b"hundred and fifty"
    assert cache.best(LONG, beyond=100) is None  # 50 more are read sooner than they are put back
    assert cache.best([5, *LONG], beyond=0) is None


def test_a_longer_state_replaces_its_own_beginning() -> None:
    cache = StateCache("model")
    cache.put(LONG[:100], b"short")
    cache.put(LONG, b"long")
    assert list(cache._kept) == [LONG]


def test_the_least_recently_used_goes_first() -> None:
    cache = StateCache("model", memory_bytes=25)
    for first in (1, 2):
        cache.put([first, *LONG], bytes(10))
    assert cache.best([1, *LONG], beyond=0)
    cache.put([3, *LONG], bytes(10))
    assert cache.best([2, *LONG], beyond=0) is None
    assert cache.best([1, *LONG], beyond=0)


def test_on_disk_it_outlives_the_process(tmp_path: Path) -> None:
    cache = StateCache("model", folder=tmp_path / "states")
    cache.put(LONG, b"state")
    cache.flush()
    state = StateCache("model", folder=tmp_path / "states").best(LONG, beyond=0)
    assert state is not None
    assert (state.ids, state.data) == (LONG, b"state")
    assert StateCache("another", folder=tmp_path / "states").best(LONG, beyond=0) is None
    assert [oct(path.stat().st_mode & 0o777) for path in (tmp_path / "states").iterdir()] == ["0o600"]


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "header"])
def test_a_damaged_file_is_not_used(tmp_path: Path, damage: str) -> None:
    cache = StateCache("model", folder=tmp_path)
    cache.put(LONG, b"state" * 100)
    cache.flush()
    path = next(tmp_path.iterdir())
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-1] ^= 1
    elif damage == "header":
        content[12] ^= 255
    path.write_bytes({"cut": content[:-1], "empty": b""}.get(damage, content))
    assert StateCache("model", folder=tmp_path).best(LONG, beyond=0) is None


def test_the_disk_is_bounded(tmp_path: Path) -> None:
    cache = StateCache("model", folder=tmp_path, disk_bytes=5000)
    for first in range(6):
        cache.put([first, *LONG], bytes(1000))
        cache.flush()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 5000


def test_what_was_removed_from_the_disk_is_not_remembered(tmp_path: Path) -> None:
    """A process that answers for months must not keep the ids of every prompt that it ever read."""
    cache = StateCache("model", folder=tmp_path, memory_bytes=2000, disk_bytes=6000)
    for first in range(40):
        cache.put([first, *LONG], bytes(1000))
        cache.flush()
    assert len(cache.known()) <= 6


def test_two_processes_make_room_at_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    caches = [StateCache(name, folder=tmp_path, disk_bytes=6000) for name in ("one", "other")]

    def write(cache: StateCache) -> None:
        for first in range(60):
            cache.put([first, *LONG], bytes(1000))
        cache.flush()

    threads = [threading.Thread(target=write, args=[cache]) for cache in caches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert capfd.readouterr().err == ""
    assert sum(path.stat().st_size for path in tmp_path.glob("*.state")) <= 2 * 6000


def test_a_disk_that_is_nearly_full_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = state_cache.FREE_BYTES + 99
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    cache = StateCache("model", folder=tmp_path)
    cache.put(LONG, bytes(100))
    cache.put([1, *LONG], bytes(99))
    cache.flush()
    assert [ids[0] for ids in StateCache("model", folder=tmp_path).known()] == [1]
    assert len(cache.known()) == 2


def test_what_a_killed_process_left_goes_and_what_is_being_written_stays(tmp_path: Path) -> None:
    for name, age in (("old.1.part", 2 * 3600), ("new.2.part", 10)):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (time.time() - age, time.time() - age))
    StateCache("model", folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["new.2.part"]


def test_forgetting_leaves_nothing() -> None:
    cache = StateCache("model", folder=states_folder())
    cache.put(LONG, b"state")
    cache.flush()
    (states_folder() / "half.1.part").write_bytes(b"x")
    forget_states()
    assert list(states_folder().iterdir()) == []


def test_removing_a_document_in_the_browser_forgets_them_too(tmp_path: Path) -> None:
    index = write_index(tmp_path / "index")
    cache = StateCache("model", folder=states_folder())
    cache.put(LONG, b"state")
    cache.flush()
    workspace = Workspace(Settings(index=str(index)), conversations=Conversations(None), speed=SpeedLog())
    workspace.remove(b"/docs/bread.md")
    assert list(states_folder().iterdir()) == []


def test_an_ingest_that_finds_a_document_gone_forgets_them_too(tmp_path: Path) -> None:
    docs, settings = tmp_path / "docs", Settings(index=str(tmp_path / "index"))
    docs.mkdir()
    for name in ("kept.txt", "gone.txt"):
        (docs / name).write_text(f"The file {name} tells of towers.")
    ingest([docs], settings)
    cache = StateCache("model", folder=states_folder())
    cache.put(LONG, b"state")
    cache.flush()
    ingest([docs], settings)
    assert list(states_folder().iterdir())
    (docs / "gone.txt").unlink()
    assert ingest([docs], settings).removed == ("gone.txt",)
    assert list(states_folder().iterdir()) == []


def test_an_unwritable_folder_costs_only_the_shortcut(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = StateCache("model", folder=tmp_path / "file" / "states")
    cache.put(LONG, b"state")
    cache.flush()
    assert cache.best(LONG, beyond=0)


def said(events: list[Read | Piece]) -> list[int]:
    return [event.token for event in events if isinstance(event, Piece)]


def test_equal_output_with_and_without(random_model: Path, tmp_path: Path) -> None:
    """Two conversations in turns, a new process tomorrow: the same words, and hardly anything read."""
    plain = Engine(random_model, window=2048, threads=1)
    end = frozenset({32000})
    prompts = [
        encode_conversation([Turn("user", f"{name} " * 150)], plain.tokenize) for name in ("tower", "bread")
    ]
    expected = []
    for ids in prompts:
        expected.append(said(list(plain.generate(ids, max_tokens=12, end=end))))

    states = StateCache("random", folder=tmp_path)
    kept = Engine(random_model, window=2048, threads=1, states=states)
    for number in (0, 1, 0, 1):
        assert said(list(kept.generate(prompts[number], max_tokens=12, end=end))) == expected[number]
    states.flush()

    tomorrow = Engine(random_model, window=2048, threads=1, states=StateCache("random", folder=tmp_path))
    for number in (1, 0):
        events = list(tomorrow.generate(prompts[number], max_tokens=12, end=end))
        assert said(events) == expected[number]
        assert events[0] == Read(len(prompts[number]) - 1, len(prompts[number]), len(prompts[number]) - 1)


def test_a_state_too_large_for_the_cache_is_not_even_copied(
    random_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = StateCache("random", memory_bytes=1000)
    engine = Engine(random_model, window=2048, threads=1, states=states)
    monkeypatch.setattr(engine, "_state", lambda size: pytest.fail(f"copied {size} bytes"))
    ids = encode_conversation([Turn("user", "tower " * 150)], engine.tokenize)
    assert len(said(list(engine.generate(ids, max_tokens=3, end=frozenset())))) == 3
    assert states.known() == []
