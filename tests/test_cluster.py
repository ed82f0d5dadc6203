"""The door of a Ray cluster: what is said where it is closed, another's, silent, or shut behind us."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ingest import cluster
from ingest.cluster import Watch, knock, ray_at
from rag.errors import ClusterError, UsageError

SETTINGS_FRAME = b"\0\0\0\4\0\0\0\0\0"


@contextmanager
def listener(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port on loopback; each who connects is given to `answer`."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    client, _ = server.accept()
                except TimeoutError:
                    continue
                with client:
                    answer(client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stop.set()
            thread.join()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("6379", "takes HOST:PORT"),
        (":6379", "takes HOST:PORT"),
        ("host", "takes HOST:PORT"),
        ("host:0", "takes HOST:PORT"),
        ("host:65536", "takes HOST:PORT"),
        ("host:٦", "takes HOST:PORT"),
        ("ray://host:10001", "Ray Client's addresses can't be used; make this machine a node"),
    ],
)
def test_an_address_that_is_none(address: str, message: str) -> None:
    with pytest.raises(UsageError, match=message), ray_at(address, threading.Event()):
        pass


def test_without_ray_the_cure_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(UsageError, match=r"pip install 'openchat-rag\[ray\]'"),
        ray_at("host:1", threading.Event()),
    ):
        pass


def test_a_cluster_that_is_down_is_said_at_once() -> None:
    begun = time.monotonic()
    port = closed_port()
    message = (
        rf"the Ray cluster at 127\.0\.0\.2:{port} is down: nothing listens at 127\.0\.0\.2:{port}; start it"
    )
    with pytest.raises(ClusterError, match=message), ray_at(f"127.0.0.2:{port}", threading.Event()):
        pass
    assert time.monotonic() - begun < cluster.KNOCK_SECONDS


def test_what_else_may_listen_there() -> None:
    def speak_http(client: socket.socket) -> None:
        client.recv(1000)
        client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with listener(speak_http) as port:
        assert "something else listens" in str(knock("127.0.0.1", port))
    with listener(lambda client: None) as port:  # hangs up
        assert knock("127.0.0.1", port) is not None
    with listener(lambda client: time.sleep(0.3)) as port:
        assert "gave no answer within 0.1 s" in str(knock("127.0.0.1", port, seconds=0.1))
    assert "is down" in str(knock("127.0.0.1", closed_port()))


class Resources:
    """Stands for Ray: how many cores it says it has."""

    def __init__(self, cores: int) -> None:
        self.cores = cores

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": float(self.cores)} if self.cores else {}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(cluster, "LOST_SECONDS", 0.1)
    monkeypatch.setattr(cluster, "COREFREE_SECONDS", 0.1)


@pytest.mark.usefixtures("impatient")
def test_a_cluster_that_is_lost_or_has_no_cores() -> None:
    def settings(client: socket.socket) -> None:
        client.sendall(SETTINGS_FRAME)
        client.recv(1000)

    with listener(settings) as port:
        watch = Watch(Resources(4), "head:1", "127.0.0.1", port)
        assert watch.cores == 4
        bare = Watch(Resources(0), "head:1", "127.0.0.1", port)
        time.sleep(0.15)
        with pytest.raises(ClusterError, match=r"at head:1 has had no core for 0.1 s; add a node: ray start"):
            bare.look()
        watch.look()
    time.sleep(0.15)
    with pytest.raises(
        ClusterError, match=r"at head:1 was lost: it is down.* What is done is kept; the same"
    ):
        watch.look()
