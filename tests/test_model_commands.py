"""`rag model`, as a person runs it: what is printed, exit statuses, Ctrl-C, and being killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub_server import Fault, Hub, hub_server
from huggingface_hub import constants
from test_models import NAME, flip, write_header

from rag.model_files import listing as model_list
from rag.model_files.records import default_model, models_folder
from ui import cli
from ui.model_commands import model
from ui.transfer_bar import transfer_bar

ROOT = Path(__file__).parent.parent
PROGRAM = "from ui import cli; from ui.model_commands import model; cli.cli.add_command(model); cli.main()"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def rag(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`rag("pull", "Q4_K_M")` runs `rag model pull Q4_K_M`: status, standard output, standard error."""
    cli.cli.add_command(model)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rag", "model", *arguments])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        shown = capsys.readouterr()
        assert isinstance(stopped.value.code, int)
        return stopped.value.code, shown.out, shown.err

    return run


@pytest.fixture(scope="session")
def content(models: Path) -> bytes:
    return write_header(models / "header-only-too.gguf").read_bytes()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, content: bytes) -> Iterator[Hub]:
    with hub_server(monkeypatch) as hub:
        hub.put(NAME, content)
        yield hub


@pytest.fixture
def small_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that reports 8.2 GB of memory."""
    for module in ("rag.model_files.pulling", "rag.model_files.listing"):
        monkeypatch.setattr(f"{module}.machine_memory_bytes", lambda: 8_200_000_000)


# --- what is printed ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_machine")
def test_list_pull_verify_use(rag: Run, hub: Hub) -> None:
    status, out, err = rag("list")
    assert (status, err) == (0, "")
    line = next(line for line in out.splitlines() if "Q4_K_M" in line)
    assert re.fullmatch(rf" ★  {NAME}  4\.37 GB +6\.87 GB  yes +recommended *", line)
    assert re.search(r"0106\.Q5_K_M\.gguf  5\.13 GB +7\.63 GB  no ", out)
    assert "This machine has 8.2 GB of memory, of which 1.0 GB are kept for the system" in out
    assert f"★ `rag model pull` gets the best one that fits: {NAME}\nNo model is in use" in out

    status, out, err = rag("pull")
    path = models_folder() / NAME
    assert status == 0
    assert out == f"{path} is here and verified: sha256 {hub.hashes[NAME]}\n"
    assert err.endswith("It is the default model now.\n")

    status, out, err = rag("pull", "Q4_K_M")
    assert (status, out) == (0, f"{path} was here already, and is verified: sha256 {hub.hashes[NAME]}\n")

    status, out, err = rag("list")
    assert re.search(rf"→★  {NAME} +\S+ [kM]B +6\.87 GB  yes +verified  recommended", out)
    assert f"→ in use: {path}\nFiles are kept in {models_folder()}\n" in out

    status, out, err = rag("verify")
    assert status == 0
    assert out.startswith(
        f"{path} is whole: sha256 {hub.hashes[NAME]}, published by TheBloke/openchat-3.5-0106"
    )

    assert rag("use", "--none") == (0, "", "There is no default model now.\n")
    assert default_model() is None
    assert rag("use", "q4_k_m") == (0, "", f"{path} is the default model now.\n")
    assert default_model() == str(path)


def test_list_as_json(rag: Run, hub: Hub) -> None:
    rag("pull", NAME)
    status, out, _ = rag("list", "--json")
    assert status == 0
    listing = json.loads(out)
    assert listing["in_use"] == str(models_folder() / NAME)
    assert len(listing["files"]) == 24
    file = next(file for file in listing["files"] if file["in_use"])
    assert (file["name"], file["state"], file["here_bytes"]) == (NAME, "verified", len(hub.files[NAME]))
    assert file["published"]["memory_bytes"] == 6_870_000_000


def test_the_list_shows_what_is_odd(rag: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models_folder().mkdir(parents=True)
    with (models_folder() / (NAME + ".part")).open("wb") as part:
        part.truncate(1_000_000_000)
    write_header(models_folder() / "own\x1b[31m.gguf")
    monkeypatch.setenv("RAG_MODEL", str(tmp_path / "gone.gguf"))
    _, out, _ = rag("list")
    assert re.search(rf"{NAME} +4\.37 GB .* 22 % of it +recommended", out)
    assert "own\\x1b[31m.gguf" in out
    assert "here, not verified" in out
    assert re.search(r"→   gone\.gguf +0\.00 GB +\?  \? +missing +not a published file", out)
    assert "\x1b" not in out


def test_a_file_too_large_for_the_machine(rag: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_list, "machine_memory_bytes", lambda: 4_000_000_000)
    monkeypatch.setattr("rag.model_files.pulling.machine_memory_bytes", lambda: 4_000_000_000)
    status, _, err = rag("pull", NAME)
    assert status == 0
    assert err.startswith(f"{NAME} needs 6.87 GB of memory, and this machine has 4.00 GB: it may be slow")
    status, _, err = rag("pull")
    assert status == 2
    assert err.startswith("rag: no recommended file fits")
    assert "None of the recommended files fits; `rag model pull NAME` gets another." in rag("list")[1]


def test_another_model_comes_first(
    rag: Run, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = write_header(tmp_path / "mine.gguf")
    rag("use", str(mine))
    assert rag("pull", NAME)[2].endswith(f"`rag model use {NAME}` makes it the default model.\n")
    monkeypatch.setenv("RAG_MODEL", str(mine))
    assert rag("use", NAME)[2].endswith(f"But RAG_MODEL or rag.toml names {mine}, which comes first.\n")
    write_header(mine, name="another")
    assert "Its bytes are not those recorded on 20" in rag("use", str(mine))[2]


# --- what goes wrong ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (
            ("pull", "nonsense"),
            2,
            "rag: 'nonsense' is not a published file of OpenChat 3.5; `rag model list`",
        ),
        (("use",), 2, "rag: `rag model use` takes either a file's name or path, or --none"),
        (("use", "x", "--none"), 2, "rag: `rag model use` takes either a file's name or path, or --none"),
        (("verify",), 2, "rag: no model is in use: name the file, as `rag model list` shows it"),
        (("use", "Q4_K_M"), 1, f"rag: {NAME} is not here: `rag model pull {NAME}` gets it, 4.37 GB"),
        (("verify", "no\x1b.gguf"), 1, "rag: no model file: 'no\\x1b.gguf' is neither a file, here or in"),
        (
            ("pull", "Q4_K_M"),
            1,
            "rag: HF_HUB_OFFLINE is set, so the hub is not asked: unset it; to get it by",
        ),
    ],
)
def test_one_line_says_what_to_do(
    rag: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], status: int, message: str
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    found, out, err = rag(*arguments)
    assert (found, out) == (status, "")
    assert err.startswith(message)
    assert err.count("\n") == 1


def test_damage_is_told_and_cured(rag: Run, hub: Hub) -> None:
    rag("pull", NAME)
    flip(models_folder() / NAME)
    status, _, err = rag("verify", NAME)
    assert status == 1
    assert re.fullmatch(
        rf"rag: {NAME} is damaged or was replaced: .*; `rag model pull {NAME}` gets .*\n", err
    )
    assert rag("pull", NAME)[0] == 0
    assert rag("verify", NAME)[0] == 0


def test_a_refusal_is_one_line(rag: Run, hub: Hub) -> None:
    hub.head_faults.append(Fault(status=404))
    status, out, err = rag("pull", NAME)
    assert (status, out) == (1, "")
    assert re.fullmatch(
        rf"rag: 127.0.0.1:\d+ has no {NAME} in TheBloke/openchat-3.5-0106-GGUF \(404\); is .*; to get it by"
        rf" hand, save https://huggingface.co/TheBloke/openchat-3.5-0106-GGUF/resolve/main/{NAME} as .*\n",
        err,
    )


def test_in_a_log_progress_is_a_line_for_each_tenth(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.transfer_bar._QUIET_SECONDS", 0)
    with transfer_bar() as report:
        for done in range(1001):
            report("downloading", done * 1000, 1_000_000)
        report("trouble; again in 2 s", 0, 0)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "downloading: 0 B of 1.0 MB"
    assert lines[3] == "downloading: 300.0 kB of 1.0 MB"
    assert lines[10:] == ["downloading: 1.0 MB of 1.0 MB", "trouble; again in 2 s"]


def test_on_a_terminal_progress_is_a_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.transfer_bar._QUIET_SECONDS", 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with transfer_bar() as report:
        report("checking what is here", 1_000_000, 4_000_000)
        report("downloading [x]", 1_000_000, 4_000_000)
        report("downloading [x]", 3_000_000, 4_000_000)
    assert "downloading [x]" in capsys.readouterr().err


# --- as a process -------------------------------------------------------------------------------------


def start(hub: Hub, *arguments: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "0",
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": "/nowhere",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "model", *arguments],
        env=environment,
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # a shell's background job ignores SIGINT, and so would what it starts
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def wait_for_a_part() -> Path:
    part = models_folder() / (NAME + ".part")
    deadline = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size):
        assert time.monotonic() < deadline, "nothing was downloaded"
        time.sleep(0.01)
    return part


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_stopped_or_killed_it_goes_on(hub: Hub, content: bytes, number: int, status: int) -> None:
    hub.bytes_per_second = len(content) / 5  # five seconds, if it were not stopped
    process = start(hub, "pull", NAME)
    part = wait_for_a_part()
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == status
    if number == signal.SIGINT:
        assert err.endswith("Stopped. What came is kept; the same command goes on from here.\n")
        assert "Traceback" not in err
    kept = part.stat().st_size
    assert 0 < kept < len(content)

    hub.bytes_per_second = 0
    process = start(hub, "pull", NAME)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert out == f"{models_folder() / NAME} is here and verified: sha256 {hub.hashes[NAME]}\n"
    assert hub.ranges() == ["", f"bytes={kept}-"]
    assert not part.exists()


def test_listing_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom ui.model_commands import model\n"
        "assert CliRunner().invoke(model, ['list', '--json']).exit_code == 0\n"
        "print(sorted({'torch', 'huggingface_hub', 'httpx2', 'numpy', 'llama_cpp'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
