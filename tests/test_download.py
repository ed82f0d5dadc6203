"""A download that is stopped, cut, lied to and refused, and ends with the right bytes or one clear line."""

from __future__ import annotations

import fcntl
import hashlib
import random
import resource
import shutil
import time
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import COMMIT, Fault, Hub, hub_server
from huggingface_hub import constants
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.errors import ModelError, ModelFailed, ModelInvalid
from rag.model_files import download as download_module
from rag.model_files.download import download, part_path, with_patience
from rag.model_files.hub import HubFile, Passing, ask
from rag.model_files.published import require_published

FILE = require_published("Q4_K_M")
CONTENT = random.Random(1).randbytes(1_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub_server(monkeypatch) as hub:
        hub.put(FILE.name, CONTENT)
        yield hub


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "models" / FILE.name


def got(target: Path) -> bytes:
    """What is there, and nothing beside it."""
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    return target.read_bytes()


def test_the_hub_is_asked_three_things_and_no_more(hub: Hub, target: Path) -> None:
    found = ask(FILE)
    assert (found.sha256, found.size_bytes, found.revision) == (SHA256, 1_000_000, COMMIT)
    assert found.origin == f"TheBloke/openchat-3.5-0106-GGUF@{COMMIT}"
    download(found, target)
    assert got(target) == CONTENT
    path = f"/TheBloke/openchat-3.5-0106-GGUF/resolve/{{}}/{FILE.name}"
    assert [(method, asked) for method, asked, _ in hub.requests] == [
        ("HEAD", path.format("main")),
        ("GET", path.format(COMMIT)),  # the very revision whose hash was named
        ("GET", f"/cdn/{FILE.name}?signature=x"),
    ]
    for _, _, headers in hub.requests:
        assert headers["user-agent"] == "openchat-rag"
        assert headers["accept-encoding"] == "identity"
        assert "authorization" not in headers


def test_a_hub_that_sends_the_file_itself(hub: Hub, target: Path) -> None:
    hub.redirects = False
    download(ask(FILE), target)
    assert got(target) == CONTENT


def test_a_repository_that_was_renamed(hub: Hub) -> None:
    hub.moved = True
    assert ask(FILE).sha256 == SHA256


def test_a_token_goes_to_the_hub_and_not_to_the_cdn(
    hub: Hub, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    download(ask(FILE), target)
    assert [headers.get("authorization") for _, _, headers in hub.requests] == [
        "Bearer hf_secret",
        "Bearer hf_secret",
        None,
    ]


# --- stopped, and going on ----------------------------------------------------------------------------


def test_what_is_here_is_not_asked_for_again(hub: Hub, target: Path) -> None:
    target.parent.mkdir()
    part_path(target).write_bytes(CONTENT[:400_000])
    seen = []
    download(ask(FILE), target, on_progress=lambda *report: seen.append(report))
    assert got(target) == CONTENT
    assert hub.ranges() == ["bytes=400000-"]
    assert seen[0] == ("checking what is here", 400_000, 400_000)
    assert seen[-1] == ("downloading", 1_000_000, 1_000_000)


def test_a_part_that_is_whole_is_only_checked(hub: Hub, target: Path) -> None:
    target.parent.mkdir()
    part_path(target).write_bytes(CONTENT)
    download(ask(FILE), target)
    assert got(target) == CONTENT
    assert hub.ranges() == []


def test_a_part_that_is_too_long_is_another_files(hub: Hub, target: Path) -> None:
    target.parent.mkdir()
    part_path(target).write_bytes(CONTENT + b"x")
    download(ask(FILE), target)
    assert got(target) == CONTENT
    assert hub.ranges() == [""]


def test_ctrl_c_keeps_what_came(hub: Hub, target: Path) -> None:
    def stop(_stage: str, done: int, _total: int) -> None:
        if done > 300_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(ask(FILE), target, on_progress=stop)
    kept = part_path(target).read_bytes()
    assert len(kept) > 300_000
    assert CONTENT.startswith(kept)
    download(ask(FILE), target)
    assert got(target) == CONTENT
    assert hub.ranges() == ["", f"bytes={len(kept)}-"]


def test_a_connection_that_breaks_is_made_again(hub: Hub, target: Path) -> None:
    hub.cdn_faults += [Fault(close_after=100_000), Fault(close_after=0), Fault(close_after=50_000)]
    stages = []
    download(ask(FILE), target, waits=(0,), on_progress=lambda stage, *_: stages.append(stage))
    assert got(target) == CONTENT
    assert hub.ranges() == ["", "bytes=100000-", "bytes=100000-", "bytes=150000-"]
    assert any("again in 0 s" in stage for stage in stages)


def test_it_gives_up_after_tries_that_brought_nothing(hub: Hub, target: Path) -> None:
    hub.cdn_faults += [Fault(close_after=100_000), *[Fault(close_after=0)] * 9]
    with pytest.raises(
        ModelFailed,
        match=r".+ at 100000 of 1000000 bytes, which are kept; 3 tries in a row brought nothing: run the",
    ):
        download(ask(FILE), target, waits=(0, 0))
    assert part_path(target).read_bytes() == CONTENT[:100_000]
    assert len(hub.ranges()) == 4


def test_a_server_that_cannot_resume_sends_it_whole(hub: Hub, target: Path) -> None:
    hub.cdn_faults += [Fault(close_after=500_000), Fault(whole=True)]
    download(ask(FILE), target, waits=(0,))
    assert got(target) == CONTENT


def test_a_server_that_cannot_resume_and_always_breaks_is_given_up(hub: Hub, target: Path) -> None:
    hub.cdn_faults += [Fault(whole=True, close_after=200_000)] * 9
    with pytest.raises(ModelFailed, match="3 tries in a row brought nothing"):
        download(ask(FILE), target, waits=(0, 0))
    assert len(hub.ranges()) == 4


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    faults=st.lists(
        st.builds(
            Fault,
            close_after=st.none() | st.integers(0, 5000),
            whole=st.booleans(),
            status=st.sampled_from([0, 0, 0, 500, 503, 429, 404, 416]),
            shifted=st.sampled_from([0, 0, 0, 1]),
        ),
        max_size=6,
    ),
    stops=st.lists(st.integers(0, 5000), max_size=3),
)
def test_whatever_happens_the_file_is_whole_or_not_there(
    hub: Hub, tmp_path: Path, faults: list[Fault], stops: list[int]
) -> None:
    content = CONTENT[:5000]
    hub.put(FILE.name, content)
    hub.cdn_faults[:] = faults
    target = tmp_path / "any" / FILE.name
    shutil.rmtree(target.parent, ignore_errors=True)
    for stop in [*stops, *[5001] * 8]:

        def report(_stage: str, done: int, _total: int, stop: int = stop) -> None:
            if done > stop:
                raise KeyboardInterrupt

        try:
            download(ask(FILE), target, waits=(0,), on_progress=report)
            break
        except (ModelFailed, KeyboardInterrupt):
            assert not target.exists()
            assert content.startswith(part_path(target).read_bytes())
    assert got(target) == content


# --- other bytes than those that were published -------------------------------------------------------


def test_a_wrong_hash_is_not_let_in(hub: Hub, target: Path) -> None:
    hub.put(FILE.name, CONTENT, sha256="ab" * 32)
    with pytest.raises(
        ModelInvalid,
        match=rf"what came of {FILE.name} is damaged: its sha256 is {SHA256[:16]}…, the hub publishes"
        rf" abababababababab…; it was removed: `rag model pull {FILE.name}` starts again",
    ):
        download(ask(FILE), target)
    assert not target.exists()
    assert part_path(target).read_bytes() == b""


def test_a_part_that_rotted_is_removed_and_then_it_works(hub: Hub, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"the one before")
    part_path(target).write_bytes(b"\0" * 400_000)  # what a power cut leaves
    with pytest.raises(ModelInvalid, match=r"\(the 400000 bytes from before may have been damaged\)"):
        download(ask(FILE), target)
    assert target.read_bytes() == b"the one before"
    download(ask(FILE), target)
    assert got(target) == CONTENT


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            Fault(shifted=1),
            "sends another file: bytes 400001-999999/1000000, 599999 bytes, in place of bytes",
        ),
        (
            Fault(headers={"Content-Encoding": "gzip"}),
            "compressed, which can't be resumed: check HF_ENDPOINT",
        ),
        (Fault(status=416), "answers 416 .*Range.* for openchat"),
        (
            Fault(status=404),
            r"has no openchat-3.5-0106.Q4_K_M.gguf in TheBloke/openchat-3.5-0106-GGUF \(404\)",
        ),
        (Fault(status=403), r"refuses openchat-3.5-0106.Q4_K_M.gguf \(403 Forbidden\): check HF_ENDPOINT"),
    ],
)
def test_answers_that_are_final(hub: Hub, target: Path, fault: Fault, message: str) -> None:
    target.parent.mkdir()
    part_path(target).write_bytes(CONTENT[:400_000])
    hub.cdn_faults.append(fault)
    with pytest.raises(ModelFailed, match=message):
        download(ask(FILE), target)
    assert part_path(target).read_bytes() == CONTENT[:400_000]
    download(ask(FILE), target)
    assert got(target) == CONTENT


def test_a_file_of_another_size(hub: Hub, target: Path) -> None:
    found = ask(FILE)
    hub.files[FILE.name] += b"more"
    with pytest.raises(
        ModelFailed, match="sends another file: bytes 0-999999/1000000, 1000004 bytes, in place"
    ):
        download(found, target)


def test_more_than_was_announced(hub: Hub, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import nullcontext

    endless = lambda *_: nullcontext((0, iter([CONTENT, b"more"])))  # noqa: E731
    monkeypatch.setattr(download_module, "bytes_from", endless)
    found = HubFile(FILE, "", SHA256, 1_000_001, COMMIT)
    with pytest.raises(ModelFailed, match=r"sends more of .* than the 1000001 bytes that it announced"):
        download(found, target)
    assert part_path(target).read_bytes() == b""


# --- refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, r"refuses openchat-3.5-0106.Q4_K_M.gguf \(401 Unauthorized\): check HF_ENDPOINT, or wait"),
        (403, r"refuses openchat-3.5-0106.Q4_K_M.gguf \(403 Forbidden\): check HF_ENDPOINT, or wait"),
        (404, r"has no .* in TheBloke/openchat-3.5-0106-GGUF \(404\); is HF_ENDPOINT a mirror without it\?"),
        (418, r"answers 418 I'm a Teapot for openchat"),
    ],
)
def test_the_hub_refuses(hub: Hub, status: int, message: str) -> None:
    hub.head_faults.append(Fault(status=status))
    with pytest.raises(ModelFailed, match=message):
        ask(FILE)


def test_a_token_that_is_refused(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.head_faults.append(Fault(status=401))
    with pytest.raises(
        ModelFailed, match="the token may be wrong: unset HF_TOKEN, or `hf auth logout`"
    ) as got:
        ask(FILE)
    assert "hf_secret" not in str(got.value)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_trouble_that_passes(hub: Hub, status: int) -> None:
    hub.head_faults += [Fault(status=status), Fault(close_after=0)]
    assert with_patience(lambda: ask(FILE), waits=(0, 0)).sha256 == SHA256
    hub.head_faults += [Fault(status=status)] * 3
    with pytest.raises(ModelFailed, match=rf"answers {status} [\w ]+; 3 tries in a row brought nothing: run"):
        with_patience(lambda: ask(FILE), waits=(0, 0))


def test_too_many_requests_says_how_long_to_wait(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    hub.head_faults.append(Fault(status=429, headers={"Retry-After": "7"}))
    assert with_patience(lambda: ask(FILE), waits=(2,)).sha256 == SHA256
    assert [seconds for seconds in slept if seconds] == [7]
    hub.head_faults.append(Fault(status=429, headers={"Retry-After": "3600"}))
    with pytest.raises(
        ModelFailed, match="429 Too Many Requests, and asks to wait for 3600 s, longer than 120"
    ):
        with_patience(lambda: ask(FILE), waits=(2,))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("soon", None), ("-3", None), (None, None)],
)
def test_other_words_for_how_long(hub: Hub, value: str | None, seconds: float | None) -> None:
    hub.head_faults.append(Fault(status=503, headers={"Retry-After": value} if value else {}))
    with pytest.raises(Passing) as got:
        ask(FILE)
    assert got.value.wait_seconds == seconds


def test_a_silent_server_is_not_waited_for(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.1)
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.1)
    hub.head_faults.append(Fault(status=200, silence=0.4))
    with pytest.raises(Passing, match="timed out"):
        ask(FILE)


def test_a_silence_in_the_middle_is_passed_over(
    hub: Hub, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.1)
    hub.cdn_faults += [Fault(close_after=100_000), Fault(silence=0.4)]
    download(ask(FILE), target, waits=(0, 0, 0))
    assert got(target) == CONTENT


@pytest.mark.parametrize(
    "headers",
    [
        {},  # a login page
        {"ETag": '"0123abc"', "Content-Length": "7"},  # a git hash: not a large file
        {"X-Linked-Etag": '"' + "a" * 64 + '"', "X-Linked-Size": "0"},
        {"X-Linked-Etag": '"' + "a" * 64 + '"', "X-Linked-Size": "-1"},
        {"X-Linked-Etag": '"' + "a" * 64 + '"', "X-Linked-Size": "\u00b2"},
        {"X-Linked-Etag": '"' + "a" * 64 + '"', "X-Linked-Size": "9" * 5000},
        {"X-Linked-Etag": '"' + "A-" * 32 + '"', "X-Linked-Size": "7"},
    ],
)
def test_something_that_is_not_a_hub(hub: Hub, headers: dict[str, str]) -> None:
    hub.head_faults.append(Fault(status=200, headers=headers))
    with pytest.raises(
        ModelFailed, match=r"does not say the sha256 and size of .*: is it a hub, or does a login"
    ):
        ask(FILE)


def test_redirects_without_end(hub: Hub) -> None:
    hub.head_faults += [Fault(status=302, headers={"Location": f"/x/{FILE.name}"})] * 11
    with pytest.raises(ModelFailed, match=r"127.0.0.1:\d+ redirects more than 10 times: check HF_ENDPOINT"):
        ask(FILE)


@pytest.mark.parametrize("location", ["http://[bad", "ftp://127.0.0.1/x", "http://127.0.0.1:port/"])
def test_a_redirect_to_nowhere(hub: Hub, location: str) -> None:
    hub.head_faults.append(Fault(status=302, headers={"Location": location}))
    with pytest.raises(ModelFailed, match=r"resolve/main/.* can't be asked \(.+\): check HF_ENDPOINT"):
        ask(FILE)


def test_offline_asks_nobody(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelFailed, match="HF_HUB_OFFLINE is set, so the hub is not asked: unset it"):
        ask(FILE)
    assert hub.requests == []


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        ("http://127.0.0.1:9", r"127\.0\.0\.1:9 can't be reached \(.*refused.*\): check the network"),
        ("huggingface.co", "HF_ENDPOINT is 'huggingface.co'; it takes a URL such as https://huggingface.co"),
        ("http://127.0.0.1:port", "can't be asked"),
        ("http://[bad", r"HF_ENDPOINT is 'http://\[bad'; it takes a URL such as"),
    ],
)
def test_no_network(monkeypatch: pytest.MonkeyPatch, hub: Hub, endpoint: str, message: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(ModelFailed, match=message):
        ask(FILE)


# --- the disk -----------------------------------------------------------------------------------------


def test_a_full_disk_is_told_before_the_download(
    hub: Hub, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")(0, 0, 64_500_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    with pytest.raises(
        ModelError,
        match=r"needs 0.00 GB more in .*, and 0.06 GB are free there: free some space, name a smaller",
    ):
        download(ask(FILE), target)
    assert hub.ranges() == []
    part_path(target).write_bytes(CONTENT[:500_000])  # half of it is here: the rest fits
    download(ask(FILE), target)
    assert got(target) == CONTENT


def test_a_disk_that_fills_up(hub: Hub, target: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, limits[1]))
    try:
        with pytest.raises(
            ModelError, match=r"\.part can't be written: File too large; what came is kept: free"
        ):
            download(ask(FILE), target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert part_path(target).read_bytes() == CONTENT[:600_000]
    download(ask(FILE), target)
    assert got(target) == CONTENT


def test_only_one_downloads(hub: Hub, target: Path) -> None:
    target.parent.mkdir()
    with part_path(target).open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ModelError, match=rf"another process is downloading {FILE.name} at this moment"):
            download(ask(FILE), target)
    download(ask(FILE), target)
    assert got(target) == CONTENT


def test_a_part_that_was_finished_by_another_is_not_touched(
    hub: Hub, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between opening the part and locking it, the other process renames it: it is the model now."""
    target.parent.mkdir()
    part_path(target).write_bytes(CONTENT + b"longer, and so cut off if it were taken for a part")
    monkeypatch.setattr(fcntl, "flock", lambda *_: part_path(target).rename(target))
    with pytest.raises(ModelError, match="another process is downloading"):
        download(ask(FILE), target)
    assert target.read_bytes().startswith(CONTENT + b"longer")


def test_a_part_that_leads_elsewhere(hub: Hub, target: Path, tmp_path: Path) -> None:
    target.parent.mkdir()
    (tmp_path / "precious").write_bytes(b"mine")
    part_path(target).symlink_to(tmp_path / "precious")
    with pytest.raises(ModelError, match="can't be written: Too many levels of symbolic links"):
        download(ask(FILE), target)
    assert (tmp_path / "precious").read_bytes() == b"mine"


def test_a_folder_that_cannot_be_made(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(
        ModelError, match=r"can't be made at .*: Not a directory; make its parent writable by you, or"
    ):
        download(ask(FILE), tmp_path / "file" / "models" / FILE.name)
