"""How Streamlit is started: what is switched off, and what is refused."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from rag.errors import UsageError
from rag.settings import Settings
from ui import launch


def test_silent_and_on_loopback() -> None:
    arguments = launch.streamlit_arguments("127.0.0.1", 8601, upload_megabytes=512)
    assert {
        "--server.address=127.0.0.1",
        "--server.port=8601",
        "--browser.serverAddress=127.0.0.1",
        "--browser.gatherUsageStats=false",
        "--client.showErrorLinks=false",
        "--server.maxUploadSize=512",
        "--server.fileWatcherType=none",
        "--server.headless=true",
        "--server.allowedHosts=127.0.0.1",
        "--server.allowedHosts=localhost",
    } <= set(arguments)


def test_streamlit_knows_every_option() -> None:
    from streamlit import config

    named = {
        argument.removeprefix("--").split("=")[0]
        for argument in launch.streamlit_arguments("127.0.0.1", 8601, upload_megabytes=1)
    }
    assert named <= set(config._config_options_template)


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.5", "::"])
def test_other_addresses_are_refused_without_a_password(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = (
        f"the address {address} is reached from other machines, and no password is set: set RAG_UI_PASSWORD"
    )
    with pytest.raises(UsageError, match=told):
        launch.run(Settings(), address=address)
    monkeypatch.setenv("RAG_UI_PASSWORD", "12345")
    with pytest.raises(UsageError, match="the password has 5 characters; give one of at least 10"):
        launch.run(Settings(), address=address)


@pytest.mark.parametrize(
    ("address", "hosts"), [("127.0.0.1", {"127.0.0.1", "localhost"}), ("0.0.0.0", {"*"})]
)
def test_who_may_be_called_by_which_name(address: str, hosts: set[str]) -> None:
    given = launch.streamlit_arguments(address, 8601, upload_megabytes=1)
    assert {one.partition("=")[2] for one in given if one.startswith("--server.allowedHosts=")} == hosts


def test_a_taken_port_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} can't be used .*; name another one with --port"):
            launch.run(Settings(), port=port)


def test_index_and_model_go_through_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", "0.0.0.0")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    given = launch.environment(Settings(index="/tmp/i", model=None))
    assert (given["RAG_INDEX"], given["RAG_MODEL"]) == ("/tmp/i", "")
    assert "STREAMLIT_SERVER_ADDRESS" not in given
    assert given["PYTHONPATH"].split(":") == [str(Path(launch.__file__).parent.parent), "/elsewhere"]


def test_rag_ui_serves_and_ends(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "ui.cli", "ui", "--port", str(port), "--index", str(tmp_path / "index")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == f"openchat-rag is at http://127.0.0.1:{port} (Ctrl-C ends it)\n"
        assert _health(port) == b"ok"
        started.send_signal(signal.SIGINT)
        assert started.wait(30) == 0


def _health(port: int) -> bytes:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as answer:
                return bytes(answer.read())
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server did not start")
