"""What is remembered of model files, and what is noticed when their bytes change."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path

import pytest

from rag.errors import ModelError, ModelInvalid
from rag.model_files import records as model_records
from rag.model_files.records import (
    NO_STAMP,
    absolute,
    check_before_loading,
    default_model,
    hash_file,
    models_folder,
    new_record,
    put_default,
    put_record,
    read_records,
)

CONTENT = b"GGUF and then some" * 100


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file whose hash is recorded, as at its first use."""
    path = tmp_path / "mine.gguf"
    path.write_bytes(CONTENT)
    put_record(path, new_record(*hash_file(path)))
    return path


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were hashed, as it happens."""
    seen: list[Path] = []
    real = hash_file

    def noted(path: Path, **options: object) -> object:
        seen.append(path)
        return real(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(model_records, "hash_file", noted)
    return seen


def test_nothing_is_known_at_first(tmp_path: Path) -> None:
    assert default_model() is None
    assert read_records().files == {}
    assert not models_folder().exists()  # looking makes nothing


def test_the_default_model(file: Path) -> None:
    put_default(file)
    assert default_model() == str(file)
    put_default(None)
    assert default_model() is None
    assert file in read_records().files


def test_the_hash_is_sha256s(file: Path) -> None:
    assert read_records().files[file].sha256 == hashlib.sha256(CONTENT).hexdigest()


def test_the_folder_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models_folder().mkdir(parents=True)
    path = models_folder() / "a.gguf"
    path.write_bytes(CONTENT)
    put_record(path, new_record(*hash_file(path)))
    put_default(path)
    (tmp_path / "data-home").rename(tmp_path / "elsewhere")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "elsewhere"))
    assert default_model() == str(tmp_path / "elsewhere" / "openchat-rag" / "models" / "a.gguf")
    check_before_loading(default_model() or "")


def test_an_untouched_file_is_not_hashed_again(file: Path, hashed: list[Path]) -> None:
    check_before_loading(file)
    assert hashed == []


def test_a_touched_file_is_hashed_once(file: Path, hashed: list[Path]) -> None:
    os.utime(file, ns=(1, 1))
    check_before_loading(file)
    check_before_loading(file)
    assert hashed == [file]


def test_a_flipped_bit_is_found_though_size_and_time_are_the_same(file: Path) -> None:
    before = file.stat()
    with file.open("r+b") as opened:
        opened.seek(1000)
        opened.write(bytes([CONTENT[1000] ^ 1]))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    message = (
        rf"mine\.gguf is damaged or was replaced: its sha256 is [0-9a-f]{{16}}…, on \d{{4}}-\d\d-\d\d it was"
        rf" {hashlib.sha256(CONTENT).hexdigest()[:16]}…; copy it again from where it came, or, if you"
        r" replaced it yourself, run `rag model use .*mine\.gguf`$"
    )
    with pytest.raises(ModelInvalid, match=message):
        check_before_loading(file)


def test_another_size_is_told_without_hashing(file: Path, hashed: list[Path]) -> None:
    file.write_bytes(CONTENT[:-1])
    with pytest.raises(ModelInvalid, match=r"it has 1799 bytes, on \S+ it was 1800; copy it again"):
        check_before_loading(file)
    assert hashed == []


def test_a_published_file_is_pulled_again(tmp_path: Path) -> None:
    path = tmp_path / "openchat-3.5-0106.Q4_K_M.gguf"
    path.write_bytes(b"short")
    put_record(path, new_record("ab" * 32, (1800, 0, 0, 0), origin="TheBloke/openchat-3.5-0106-GGUF@7"))
    with pytest.raises(
        ModelInvalid,
        match=r"it has 5 bytes, the published file has 1800; `rag model pull openchat-3.5-0106.Q4_K_M.gguf` ",
    ):
        check_before_loading(path)


def test_a_file_renamed_into_its_place_is_noticed(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(CONTENT[::-1])
    other.rename(file)
    with pytest.raises(ModelInvalid, match="damaged or was replaced"):
        check_before_loading(file)


def test_a_link_is_the_file_it_leads_to(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.gguf"
    link.symlink_to(file)
    check_before_loading(link)
    file.write_bytes(b"x")
    with pytest.raises(ModelInvalid, match=r"link\.gguf is damaged or was replaced: it has 1 bytes"):
        check_before_loading(link)


def test_what_is_not_recorded_or_not_there_passes(file: Path, tmp_path: Path) -> None:
    check_before_loading(tmp_path / "unknown.gguf")
    (tmp_path / "unknown.gguf").write_bytes(b"")
    check_before_loading(str(tmp_path / "unknown.gguf"))
    file.unlink()
    check_before_loading(file)


def test_a_folder_that_cannot_be_written_costs_time_only(file: Path, hashed: list[Path]) -> None:
    (models_folder() / "models.json.new").mkdir()  # the way is barred, for root too
    os.utime(file, ns=(1, 1))
    check_before_loading(file)
    check_before_loading(file)
    assert hashed == [file, file]
    with pytest.raises(ModelError, match=r"models\.json can't be written: Is a directory; free some space"):
        put_default(file)


def test_a_file_that_is_written_to_meanwhile(file: Path) -> None:
    def write(_stage: str, _done: int, _total: int) -> None:
        with file.open("ab") as opened:
            opened.write(b"more")

    with pytest.raises(ModelInvalid, match=r"mine\.gguf changed while it was read; wait until it is whole"):
        hash_file(file, on_progress=write)


def test_progress_counts_bytes(file: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    hash_file(file, on_progress=lambda *report: seen.append(report))
    assert seen == [("checking", 1800, 1800)]


def test_many_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.gguf" for number in range(20)]
    record = new_record("ab" * 32, NO_STAMP)
    threads = [threading.Thread(target=put_record, args=(path, record)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(read_records().files) == set(paths)


def test_only_its_owner_can_read_the_records(file: Path) -> None:
    assert (models_folder() / "models.json").stat().st_mode & 0o777 == 0o600
    assert models_folder().stat().st_mode & 0o777 == 0o700


def test_names_that_are_not_unicode(tmp_path: Path) -> None:
    path = absolute(tmp_path / os.fsdecode(b"caf\xe9\n.gguf"))
    path.write_bytes(CONTENT)
    put_record(path, new_record(*hash_file(path)))
    put_default(path)
    assert default_model() == str(path)
    check_before_loading(path)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"format": 1}',
        b'{"format": 1, "default": null, "files": []}',
        b'{"format": 1, "default": null, "files": {"a": {}}}',
        b'{"format": 1, "default": 3, "files": {}}',
        json.dumps(
            {
                "format": 1,
                "default": None,
                "files": {
                    "a": {
                        "sha256": "ab",
                        "size_bytes": 1,
                        "stamp": [0, 0, 0, 0],
                        "recorded_at": "",
                        "origin": None,
                    }
                },
            }
        ).encode(),
    ],
)
def test_damaged_records_are_reported(text: bytes) -> None:
    models_folder().mkdir(parents=True)
    path = models_folder() / "models.json"
    path.write_bytes(text)
    with pytest.raises(ModelError, match=r"models\.json is damaged \(.*\); remove it, then `rag model use`"):
        default_model()
    with pytest.raises(ModelError, match="is damaged"):
        put_default(None)
    assert path.read_bytes() == text  # what a person may still want to look at


def test_records_of_a_newer_program() -> None:
    models_folder().mkdir(parents=True)
    (models_folder() / "models.json").write_text('{"format": 2}')
    with pytest.raises(ModelError, match="has format 2; this program reads up to 1: install the newer"):
        default_model()
