"""Bringing a model file here from the page: only when asked, stopped and gone on with, used at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import Fault, Hub, hub_server
from test_models import NAME, write_header

from rag.model_files.listing import list_models
from rag.model_files.records import default_model, models_folder
from ui.model_speed import Speed
from ui.model_view import at_work, files, speeds, transfer_data
from ui.transfer import Transfer

SECONDS = 30


@pytest.fixture(scope="session")
def content(models: Path) -> bytes:
    """What the hub publishes as Q4_K_M."""
    return write_header(models / "header-of-a-page.gguf").read_bytes()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, content: bytes) -> Iterator[Hub]:
    with hub_server(monkeypatch) as hub:
        hub.put(NAME, content)
        yield hub


@pytest.fixture
def used() -> list[str | None]:
    return []


@pytest.fixture
def transfer(used: list[str | None]) -> Transfer:
    return Transfer(used.append)


def row(name: str) -> dict[str, object]:
    [found] = [
        file for file in files(list_models(memory_bytes=8_200_000_000))["files"] if file["name"] == name
    ]
    return dict(found)


def test_nothing_is_asked_of_the_hub_before_somebody_wants_a_file(hub: Hub, transfer: Transfer) -> None:
    assert (row(NAME)["act"], row(NAME)["best"], row(NAME)["fits"]) == ("download", True, True)
    assert transfer_data(transfer) == {"going": None, "said": None, "error": None}
    assert hub.requests == []


def test_a_download_stops_and_goes_on_and_the_first_file_answers(
    hub: Hub, transfer: Transfer, used: list[str | None], content: bytes
) -> None:
    hub.bytes_per_second = 200_000
    transfer.start("download", NAME)
    transfer.start("download", "another")  # one at a time
    for _ in range(SECONDS * 100):
        progress = transfer.progress
        if progress is not None and progress.stage == "downloading" and progress.done > 16384:
            break
        time.sleep(0.01)
    going = transfer_data(transfer)["going"]
    assert going["words"] == f"Getting {NAME}"
    assert 0 < going["share"] < 1
    assert " of " in going["far"]
    transfer.stop()
    assert transfer.wait(SECONDS)
    assert transfer_data(transfer)["said"].startswith("Stopped. What came is kept")
    assert used == []
    part = models_folder() / f"{NAME}.part"
    kept = part.stat().st_size
    assert 16384 <= kept < len(content)
    assert row(NAME)["act"] == "go on"
    assert str(row(NAME)["state"]).endswith("% of it is here")

    hub.bytes_per_second = 0
    transfer.start("download", NAME)
    assert transfer.wait(SECONDS)
    assert transfer.error is None
    assert hub.ranges()[-1] == f"bytes={kept}-"
    path = models_folder() / NAME
    assert path.read_bytes() == content
    assert used == [str(path)]
    assert transfer.said == f"{NAME} is here and verified, and answers from now on."


def test_a_second_file_is_used_when_asked_for(
    hub: Hub, transfer: Transfer, used: list[str | None], tmp_path: Path
) -> None:
    transfer.start("download", NAME)
    assert transfer.wait(SECONDS)
    mine = write_header(models_folder() / "mine.gguf", name="mine")
    transfer.start("use", str(mine))
    assert transfer.wait(SECONDS)
    assert transfer.said == "mine.gguf answers from now on."
    assert used[-1] == str(mine) == default_model()


def test_what_goes_wrong_is_said_in_words(hub: Hub, transfer: Transfer, used: list[str | None]) -> None:
    hub.head_faults.append(Fault(status=404))
    transfer.start("download", NAME)
    assert transfer.wait(SECONDS)
    assert transfer.error is not None
    assert "(404)" in transfer.error
    assert (transfer.said, used) == (None, [])
    transfer.start("use", str(models_folder() / "gone.gguf"))
    assert transfer.wait(SECONDS)
    assert transfer.error is not None
    assert transfer.error.startswith("no model file:")


@pytest.mark.parametrize(
    ("model", "kind", "title", "words"),
    [
        (None, "none", "No model", "own sentences"),
        ("/models/a.gguf", "file", "a.gguf", "nothing is sent anywhere"),
        ("http://127.0.0.1:8000/v1", "server", "127.0.0.1", "on this machine"),
        ("https://llm.example:8443/v1#chat", "server", "llm.example", "are sent there"),
    ],
)
def test_what_is_at_work(model: str | None, kind: str, title: str, words: str) -> None:
    shown = at_work(model, loading=False, trouble=None, window=8192)
    assert (shown["kind"], shown["title"], shown["trouble"]) == (kind, title, None)
    assert words in " ".join(shown["lines"])


def test_speed_in_words() -> None:
    assert [one["value"] for one in speeds(Speed(0, None, None))] == ["not known yet"]
    shown = speeds(Speed(3, 41.26, 6.5))
    assert [(one["name"], one["value"]) for one in shown] == [
        ("Reading", "41.3 tokens a second"),
        ("Writing", "6.5 tokens a second"),
    ]
    assert speeds(None) == []
