"""What a person does in a day, for the witness of tests/test_quiet.py: `quiet_session.py FOLDER MODEL`.

Reads documents, asks on the command line with and without a model, asks `rag serve` over HTTP, opens a
session of the browser's page, and gives the answers as JSON. Runs in a network namespace of its own, whose
loopback it switches on first.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import httpx
from served import Served
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

ROOT = Path(__file__).parent.parent
QUESTION = "Who laid the foundation stone of Douglass's tower?"
_DRAWN = "script_finished"
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1  # linux/sockios.h, linux/if.h


def loopback_up() -> None:
    """Switches on the one interface that a new network namespace has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", _IFF_UP))


def rag(*arguments: str) -> str:
    """What a command of ours says on standard output."""
    command = [sys.executable, "-m", "ui.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def asked_over_http(index: Path, model: Path) -> str:
    """The answer of `rag serve`."""
    with Served(index, model) as server:
        body = {"model": "openchat_3.5", "messages": [{"role": "user", "content": QUESTION}]}
        reply = httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=60).raise_for_status()
        httpx.get(f"{server.url}/docs").raise_for_status()
        server.end()
    return str(reply.json()["rag"]["text"])


def session_in_the_browser(index: Path, model: Path) -> list[int]:
    """Opens the page's WebSocket as a browser does, until it is drawn; and as a foreign page would.

    Gives how much of it came, and the status that the foreign one got.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "ui.cli", "ui", "--index", str(index), "--model", str(model)]
    page = subprocess.Popen([*command, "--port", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL)
    address = f"ws://127.0.0.1:{port}/_stcore/stream"
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        with connect(address, origin=Origin(f"http://127.0.0.1:{port}"), max_size=None, proxy=None) as tab:
            tab.send(BackMsg(rerun_script=ClientState(query_string="")).SerializeToString())
            came = 1
            while ForwardMsg.FromString(bytes(tab.recv(60, decode=False))).WhichOneof("type") != _DRAWN:
                came += 1
        try:
            connect(address, origin=Origin("https://example.org"), proxy=None).close()
            status = 101
        except InvalidStatus as refused:
            status = refused.response.status_code
    finally:
        page.send_signal(signal.SIGINT)
        page.wait(30)
    return [came, status]


def wait_for(url: str) -> None:
    """Until something answers there."""
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx.get(url).raise_for_status()
            return
        except httpx.HTTPError:
            assert time.monotonic() < deadline, f"nothing answers at {url}"
            time.sleep(0.1)


def main(folder: Path, model: Path) -> None:
    """All of it, one after another."""
    loopback_up()
    index = folder / "index"
    rag("ingest", str(folder / "docs"), "--index", str(index))
    print(
        json.dumps(
            {
                "quotes": rag("ask", QUESTION, "--index", str(index)),
                "written": rag("ask", QUESTION, "--index", str(index), "--model", str(model)),
                "http": asked_over_http(index, model),
                "browser": session_in_the_browser(index, model),
            }
        )
    )


if __name__ == "__main__":
    os.environ["PYTHONPATH"] = str(ROOT)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
