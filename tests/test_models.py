"""Bringing a model file here, checking it, choosing it: with a hub on this machine and real GGUF headers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import gguf
import pytest
from hub_server import COMMIT, Fault, Hub, hub_server
from huggingface_hub import constants
from model_files import vocabulary

from rag.errors import ModelError, ModelFailed, ModelInvalid, ModelMissing, UsageError
from rag.model_files.listing import list_models, machine_memory_bytes
from rag.model_files.pulling import check_before_loading, default_model, locate, pull, use, use_none, verify
from rag.model_files.records import models_folder, read_records

NAME = "openchat-3.5-0106.Q4_K_M.gguf"
PUBLISHED_BY = f"TheBloke/openchat-3.5-0106-GGUF@{COMMIT}"
SMALL_MACHINE = 8_200_000_000  # where Q4_K_M is the best that fits


def write_header(path: Path, *, name: str = "small") -> Path:
    """A GGUF with OpenChat's vocabulary and no tensors at all: enough for what looks at headers."""
    pieces, scores, types = vocabulary()
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([*pieces, b"<|end_of_turn|>", b"<|pad_0|>"])
    writer.add_token_scores([*scores, 0.0, 0.0])
    writer.add_token_types([*types, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="session")
def content(models: Path) -> bytes:
    """What the hub publishes as Q4_K_M."""
    return write_header(models / "header-only.gguf").read_bytes()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, content: bytes) -> Iterator[Hub]:
    with hub_server(monkeypatch) as hub:
        hub.put(NAME, content)
        yield hub


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A model of the person's own."""
    return write_header(tmp_path / "mine.gguf", name="mine")


def flip(path: Path) -> None:
    """Changes a bit in the middle, and leaves size and time as they were."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(before.st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


# --- pull ---------------------------------------------------------------------------------------------


def test_pull_brings_the_best_that_fits_and_makes_it_the_default(hub: Hub, content: bytes) -> None:
    pulled = pull(memory_bytes=SMALL_MACHINE)
    assert pulled.path == models_folder() / NAME
    assert pulled.path.read_bytes() == content
    assert pulled.sha256 == hashlib.sha256(content).hexdigest()
    assert (pulled.downloaded, pulled.made_default) == (True, True)
    assert default_model() == str(pulled.path)
    record = read_records().files[pulled.path]
    assert (record.sha256, record.origin, record.size_bytes) == (pulled.sha256, PUBLISHED_BY, len(content))
    check_before_loading(pulled.path)


def test_pull_again_asks_nobody(hub: Hub) -> None:
    pull(NAME)
    asked = len(hub.requests)
    again = pull("q4_k_m")
    assert (again.downloaded, again.made_default) == (False, False)
    assert len(hub.requests) == asked


def test_pull_goes_on_where_it_was_stopped(hub: Hub, content: bytes) -> None:
    hub.cdn_faults += [Fault(close_after=300_000), Fault(status=500)]
    with pytest.raises(ModelFailed, match=r"300000 of .* bytes, which are kept"):
        pull(NAME, waits=())
    assert list_models().files[6].state == "part"
    assert pull(NAME).path.read_bytes() == content
    assert hub.ranges() == ["", "bytes=300000-", "bytes=300000-"]


def test_a_damaged_file_is_pulled_again(hub: Hub, content: bytes) -> None:
    path = pull(NAME).path
    flip(path)
    with pytest.raises(
        ModelInvalid, match=rf"{NAME} is damaged or was replaced: its sha256 is .*`rag model pull"
    ):
        check_before_loading(path)
    assert pull(NAME).downloaded
    assert path.read_bytes() == content
    check_before_loading(path)


def test_a_touched_file_is_not_downloaded_again(hub: Hub) -> None:
    path = pull(NAME).path
    os.utime(path, ns=(1, 1))
    asked = len(hub.requests)
    assert not pull(NAME).downloaded
    assert len(hub.requests) == asked


def test_a_file_put_there_by_hand_is_only_checked(hub: Hub, content: bytes) -> None:
    models_folder().mkdir(parents=True)
    (models_folder() / NAME).write_bytes(content)
    assert not pull(NAME).downloaded
    assert [method for method, _, _ in hub.requests] == ["HEAD"]
    assert list_models().files[6].state == "verified"


def test_a_wrong_file_of_that_name_is_replaced(hub: Hub, content: bytes) -> None:
    models_folder().mkdir(parents=True)
    (models_folder() / NAME).write_bytes(content[::-1])
    assert pull(NAME).downloaded
    assert (models_folder() / NAME).read_bytes() == content


def test_another_default_stays(hub: Hub, mine: Path) -> None:
    use(str(mine))
    assert not pull(NAME).made_default
    assert default_model() == str(mine)


def test_a_mirror_with_the_right_hash_for_something_else(hub: Hub) -> None:
    hub.put(NAME, b"<html>Welcome to the network of the hotel</html>")
    with pytest.raises(ModelInvalid, match=rf"{NAME} is not a GGUF file: it is a web page"):
        pull(NAME)
    assert default_model() is None


def test_pull_needs_a_published_name(hub: Hub) -> None:
    with pytest.raises(UsageError, match=r"'mistral\.gguf' is not a published file"):
        pull("mistral.gguf")
    assert hub.requests == []


def test_a_machine_too_small_for_all_of_them(hub: Hub) -> None:
    with pytest.raises(
        UsageError,
        match=r"no recommended file fits: openchat-3.5-0106.Q4_K_M.gguf needs 6.87 GB and 1 GB are kept"
        r" for the rest, of 4.00 GB of memory; `rag model list` shows smaller ones",
    ):
        pull(memory_bytes=4_000_000_000)


def test_offline_says_what_to_do_by_hand(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    message = (
        "HF_HUB_OFFLINE is set, so the hub is not asked: unset it; to get it by hand, save"
        f" https://huggingface.co/TheBloke/openchat-3.5-0106-GGUF/resolve/main/{NAME}"
        f" as {models_folder() / NAME} and run `rag model use {NAME}`"
    )
    with pytest.raises(ModelFailed) as got:
        pull(NAME)
    assert str(got.value) == message
    assert not models_folder().exists()


# --- verify -------------------------------------------------------------------------------------------


def test_verify_compares_with_what_was_published(hub: Hub) -> None:
    pulled = pull(NAME)
    asked = len(hub.requests)
    verified = verify("Q4_K_M")
    assert (verified.path, verified.sha256) == (pulled.path, pulled.sha256)
    assert verified.against == f"published by {PUBLISHED_BY}"
    assert len(hub.requests) == asked  # it was asked when the file was pulled


def test_verify_finds_rot_that_no_stamp_shows(
    hub: Hub, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pull(NAME).path
    stamp = read_records().files[path].stamp
    flip(path)
    monkeypatch.setattr(
        "rag.model_files.records._stamp", lambda _found: stamp
    )  # the disk changed it, nobody wrote
    check_before_loading(path)
    with pytest.raises(ModelInvalid, match=f"`rag model pull {NAME}` gets it again"):
        verify(NAME)
    with pytest.raises(ModelInvalid, match="is damaged"):
        check_before_loading(path)  # once found, it is refused
    assert pull(NAME).downloaded
    assert path.read_bytes() == content


def test_verify_asks_the_hub_for_a_file_got_by_hand(hub: Hub, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(content)
    assert verify(str(path)).against == f"published by {PUBLISHED_BY}"
    path.write_bytes(content[:-1])
    with pytest.raises(
        ModelInvalid,
        match=rf"it has {len(content) - 1} bytes, the published file has {len(content)}; `rag model"
        rf" pull {NAME}`",
    ):
        verify(str(path))


def test_a_hand_got_file_that_is_not_the_published_one(hub: Hub, tmp_path: Path) -> None:
    path = write_header(tmp_path / NAME, name="SMALL")  # as long as the published one
    use(str(path))
    with pytest.raises(ModelInvalid, match=r"its sha256 is .*, the published one is"):
        verify(str(path))
    with pytest.raises(ModelInvalid, match="the published one is"):
        check_before_loading(path)
    with pytest.raises(ModelInvalid, match="the published one is"):
        use(str(path))


def test_verify_without_the_hub_compares_with_the_first_use(hub: Hub, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(content)
    hub.head_faults.append(Fault(status=404))
    with pytest.raises(
        ModelFailed, match=rf"\(404\).*without the published hash there is nothing to compare {NAME}"
    ):
        verify(str(path))
    use(str(path))
    hub.head_faults.append(Fault(status=404))
    assert "; the published hash could not be asked for: 127.0.0.1" in verify(str(path)).against


def test_verify_a_file_of_ones_own(hub: Hub, mine: Path) -> None:
    with pytest.raises(
        ModelError,
        match=r"nothing to compare mine\.gguf with: it is not a published file, and not recorded yet;"
        " `rag model use",
    ):
        verify(str(mine))
    use(str(mine))
    assert verify(str(mine)).against.startswith("recorded on 20")
    flip(mine)
    with pytest.raises(ModelInvalid, match=r"mine\.gguf is damaged or was replaced: its sha256 is"):
        verify(str(mine))
    assert hub.requests == []


# --- use ----------------------------------------------------------------------------------------------


def test_use_a_path(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(mine.parent)
    chosen = use("mine.gguf")
    assert (chosen.path, chosen.replaced_since) == (mine, None)
    assert default_model() == str(mine)
    check_before_loading(mine)
    use_none()
    assert default_model() is None


def test_use_a_published_name(hub: Hub) -> None:
    pull(NAME)
    use_none()
    use("Q4_K_M")
    assert default_model() == str(models_folder() / NAME)
    assert read_records().files[models_folder() / NAME].origin == PUBLISHED_BY  # still what it was


def test_use_a_name_in_the_models_folder(mine: Path) -> None:
    models_folder().mkdir(parents=True)
    mine.rename(models_folder() / "tuned.gguf")
    use("tuned.gguf")
    assert default_model() == str(models_folder() / "tuned.gguf")


def test_a_file_that_its_owner_replaced_is_used_again(mine: Path) -> None:
    use(str(mine))
    first = read_records().files[mine]
    write_header(mine, name="tuned further")
    with pytest.raises(ModelInvalid, match="if you replaced it yourself, run `rag model use"):
        check_before_loading(mine)
    assert use(str(mine)).replaced_since == first.recorded_at
    check_before_loading(mine)


def test_a_damaged_published_file_is_not_used(hub: Hub) -> None:
    path = pull(NAME).path
    use_none()
    flip(path)
    with pytest.raises(ModelInvalid, match="`rag model pull"):
        use(NAME)
    assert default_model() is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<!DOCTYPE html>", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1", "it is a Git LFS pointer"),
        (b"", "it is empty"),
    ],
)
def test_use_looks_at_the_header(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(data)
    with pytest.raises(ModelInvalid, match=message):
        use(str(path))
    with pytest.raises(ModelInvalid, match=message):
        verify(str(path))
    assert default_model() is None


def test_use_refuses_another_vocabulary(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "llama3.gguf", "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([b"a"] * 7)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ModelInvalid, match="a 'gpt2' vocabulary of 7 tokens"):
        use(str(tmp_path / "llama3.gguf"))


def test_what_is_not_there_is_named_with_its_cure(tmp_path: Path, hub: Hub) -> None:
    with pytest.raises(
        ModelMissing, match=rf"^{NAME} is not here: `rag model pull {NAME}` gets it, 4.37 GB$"
    ):
        locate("Q4_K_M")
    models_folder().mkdir(parents=True)
    with (models_folder() / (NAME + ".part")).open("wb") as part:
        part.truncate(1_230_000_000)
    with pytest.raises(ModelMissing, match=r"is not here \(1.23 GB of it are\): `rag model pull"):
        verify(NAME)
    with pytest.raises(
        ModelMissing, match=r"'/no/such\.gguf' is neither a file, here or in the models folder,"
    ):
        use("/no/such.gguf")
    with pytest.raises(ModelMissing, match="is a folder; `rag model list` shows what there is"):
        use(str(tmp_path))


# --- list ---------------------------------------------------------------------------------------------


def test_the_list_says_what_is_here(hub: Hub, mine: Path, content: bytes) -> None:
    pull(NAME)
    folder = models_folder()
    (folder / "openchat-3.5-0106.Q2_K.gguf").write_bytes(content)
    (folder / "openchat-3.5-0106.Q3_K_S.gguf.part").write_bytes(content)
    (folder / "tuned.gguf").write_bytes(content)
    use(str(mine))
    listing = list_models(str(mine), memory_bytes=SMALL_MACHINE)
    assert listing.recommended == NAME
    assert (listing.memory_bytes, listing.folder, listing.in_use) == (SMALL_MACHINE, str(folder), str(mine))
    states = {file.name: file.state for file in listing.files if file.state != "absent"}
    assert states == {
        "openchat-3.5-0106.Q2_K.gguf": "unknown",
        "openchat-3.5-0106.Q3_K_S.gguf": "part",
        NAME: "verified",
        "tuned.gguf": "unknown",
        "mine.gguf": "recorded",
    }
    assert [file.name for file in listing.files if file.recommended] == [NAME]
    assert [file.name for file in listing.files if file.in_use] == ["mine.gguf"]
    assert [
        file.name for file in listing.files if file.fits and file.name.startswith("openchat-3.5-0106")
    ] == [
        f"openchat-3.5-0106.{kind}.gguf"
        for kind in ("Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_0", "Q4_K_S", "Q4_K_M")
    ]
    part = next(file for file in listing.files if file.state == "part")
    assert (part.here_bytes, part.size_bytes) == (len(content), 3_160_000_000)
    flip(mine)
    assert list_models(str(mine)).files[-1].state == "changed"


def test_a_list_of_nothing_makes_nothing() -> None:
    listing = list_models()
    assert len(listing.files) == 24
    assert {file.state for file in listing.files} == {"absent"}
    assert not models_folder().exists()


def test_a_model_in_use_that_is_gone_or_elsewhere(tmp_path: Path) -> None:
    assert list_models(str(tmp_path / "gone.gguf")).files[-1].name == "gone.gguf"
    listing = list_models("http://127.0.0.1:8000/v1")
    assert len(listing.files) == 24
    assert not [file for file in listing.files if file.in_use]


def test_the_machines_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.model_files.listing._CGROUP_LIMITS", (tmp_path / "limit",))
    memory = machine_memory_bytes()
    assert memory == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    (tmp_path / "limit").write_text("max\n")
    assert machine_memory_bytes() == memory
    (tmp_path / "limit").write_text("500000000\n")  # a container that may have less
    assert machine_memory_bytes() == 500_000_000
