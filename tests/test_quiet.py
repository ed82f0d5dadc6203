"""Nothing leaves the machine: the kernel's own account of it.

Reading, asking, `rag serve` and the browser's page run in a network namespace that has nothing but loopback,
with strace as the witness of every connection, every datagram and every address that is listened on, in all
processes. The environment asks for the opposite: LangSmith's tracing, proxies, a hub that is online.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SESSION = Path(__file__).with_name("quiet_session.py")
SAMPLE = Path(__file__).parent.parent / "data" / "samples" / "lighthouses" / "eddystone-lighthouses.pdf"
ELSEWHERE = "http://192.0.2.1:3128"  # RFC 5737: nobody's
TALKATIVE = {
    "LANGSMITH_TRACING": "true",
    "LANGCHAIN_TRACING_V2": "true",
    "LANGSMITH_API_KEY": "key",
    "LANGSMITH_ENDPOINT": ELSEWHERE,
    "HF_HUB_OFFLINE": "0",
    "HF_ENDPOINT": ELSEWHERE,
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "true",
    **{f"{kind}_PROXY": ELSEWHERE for kind in ("HTTP", "HTTPS", "ALL")},
    **{f"{kind}_proxy": ELSEWHERE for kind in ("http", "https", "all")},
    "NO_PROXY": "127.0.0.1,localhost",
}
_CALLS = "trace=connect,bind,sendto,sendmsg,sendmmsg"
_ADDRESS = re.compile(r'htons\((\d+)\).*?(?:inet_addr\(|inet_pton\(AF_INET6, )"([^"]+)"')
_DNS = 53


@pytest.fixture(scope="module")
def alone() -> list[str]:
    """The beginning of a command line that gives a command a network namespace of its own."""
    command = ["unshare", "--net", *([] if os.getuid() == 0 else ["--map-root-user"])]
    if not shutil.which("unshare") or subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("a network namespace can't be made here")
    if not shutil.which("strace") or subprocess.run(["strace", "true"], capture_output=True).returncode:
        pytest.skip("strace is not here, or may not trace")
    return command


def witnessed(alone: list[str], log: Path, *arguments: str, **more: str) -> tuple[str, list[str]]:
    """What Python says with these arguments, and the calls in which it or a child turned to the outside."""
    strace = ["strace", "--follow-forks", "--seccomp-bpf", "-qq", "-e", _CALLS, "-o", str(log)]
    done = subprocess.run(
        [*strace, *alone, sys.executable, *arguments],
        env={**os.environ, **more},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert done.returncode == 0
    return done.stdout, list(outward(log.read_text("utf-8", "replace").splitlines()))


def outward(calls: list[str]) -> Iterator[str]:
    """The calls with an address that is not loopback's, and all that go to a name server."""
    for call in calls:
        for port, address in _ADDRESS.findall(call):
            if int(port) == _DNS or not ipaddress.ip_address(address).is_loopback:
                yield call


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.socket().connect_ex(('192.0.2.1', 80))",
        "import socket; socket.socket(socket.AF_INET6).connect_ex(('2001:db8::1', 80))",
        "import socket; socket.socket(type=socket.SOCK_DGRAM).bind(('0.0.0.0', 9))",
        "import socket\ntry: socket.getaddrinfo('name.example', 80)\nexcept OSError: pass",
        "import subprocess, sys; subprocess.run([sys.executable, '-c', "
        "\"import socket; socket.socket().connect_ex(('192.0.2.1', 80))\"])",
    ],
)
def test_the_witness_sees_it(alone: list[str], tmp_path: Path, code: str) -> None:
    assert witnessed(alone, tmp_path / "calls", "-c", code)[1]


def test_nobody_outside_is_asked_for_anything(
    alone: list[str], tmp_path: Path, scripted_model: Callable[[str], Path]
) -> None:
    (tmp_path / "docs").mkdir()
    shutil.copy(SAMPLE, tmp_path / "docs")
    model = scripted_model("It was finished in 1759 [2].")
    said, calls = witnessed(
        alone,
        tmp_path / "calls",
        str(SESSION),
        str(tmp_path),
        str(model),
        XDG_DATA_HOME=str(tmp_path / "data"),
        **TALKATIVE,
    )
    assert calls == []
    answers = json.loads(said)
    assert "The Duke of Edinburgh laid" in answers["quotes"]
    assert "It was finished in 1759" in answers["written"]
    assert answers["http"] == "It was finished in 1759 [2]."
    assert answers["browser"][0] > 5
    assert answers["browser"][1] == 403
