"""The connection to a Ray cluster: made, watched and ended, each within a time that is known.

Takes `HOST:PORT`, the address that `ray start --head` prints; gives Ray, connected, or the reason why not.
This machine has to be one of the cluster's nodes (`ray start --address HOST:PORT --num-cpus 0` makes it one
that does no work). Ray by itself waits for minutes where nobody answers, deaf to Ctrl-C, and ends the process
a minute after the cluster was lost; so the door is knocked at first, and again while work is under way.

Trust: Ray sends pickled objects and runs what it is sent. Whoever reaches the cluster's ports can run code on
its machines and on this one, and reads the documents that pass. So a cluster is your own: on loopback, a
private network or a VPN, best with Ray's token (RAY_AUTH_MODE=token), never open to others. Nothing of ours
reads pickle. Ray's usage statistics are off here; the cluster's own are its head's affair:
`ray start --head --disable-usage-stats`.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rag.errors import ClusterError, UsageError

KNOCK_SECONDS = 5.0
CONNECT_SECONDS = 60.0
LOST_SECONDS = 10.0  # without an answer: then it is said, before Ray ends the process (60)
COREFREE_SECONDS = 60.0  # how long a cluster may have no core at all: it may be about to grow
_LOOK_SECONDS = 2.0
_SHUTDOWN_SECONDS = 10.0
_POLL_SECONDS = 0.1
_HERE = ("localhost", "127.0.0.1", "::1")
_START = "start it with `ray start --head --disable-usage-stats` and give the address that it prints"
# HTTP/2's first words (RFC 9113, 3.4) and an empty SETTINGS frame; whoever speaks it answers with another
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
_FRAME_HEAD, _SETTINGS = 9, 4


@contextmanager
def ray_at(address: str, stop: threading.Event) -> Iterator[tuple[Any, Watch]]:
    """Ray, connected to the cluster until the block ends, and a watch over it.

    Raises `UsageError` where Ray is not installed or the address is none, `ClusterError` where nobody
    answers, or somebody who is no Ray cluster or one of another version, and when `stop` is set meanwhile.
    """
    host, port = _parsed(address)
    ray = _imported()
    if ray.is_initialized():
        raise UsageError("this process is connected to a Ray cluster already; call ray.shutdown() first")
    if host in _HERE:  # Ray does the same: its nodes call each other by addresses that all of them reach
        host = ray.util.get_node_ip_address()
    if problem := knock(host, port):
        raise ClusterError(f"the Ray cluster at {address} {problem}")
    try:
        _within(CONNECT_SECONDS, lambda: _connect(ray, f"{host}:{port}"), stop)
    except TimeoutError:
        why = "was not joined: stopped" if stop.is_set() else f"did not let us in for {CONNECT_SECONDS:g} s"
        raise ClusterError(f"the Ray cluster at {address} {why}") from None
    except Exception as error:  # Ray raises its own, and RuntimeError, ConnectionError, ValueError
        raise ClusterError(
            f"the Ray cluster at {address} can't be used: {_first_words(error)}. Where it asks for a token,"
            " set RAY_AUTH_MODE=token and its RAY_AUTH_TOKEN here, too"
        ) from error
    try:
        yield ray, Watch(ray, address, host, port)
    finally:
        with suppress(TimeoutError):  # the cluster is gone: nobody is left to say goodbye to
            _within(_SHUTDOWN_SECONDS, ray.shutdown)


class Watch:
    """Says how many cores the cluster has, and raises `ClusterError` when it is lost."""

    def __init__(self, ray: Any, address: str, host: str, port: int) -> None:
        self.cores = 0
        self._ray = ray
        self._address, self._host, self._port = address, host, port
        self._looked = -_LOOK_SECONDS
        self._answered = self._had_cores = time.monotonic()
        self.look()

    def look(self) -> None:
        """Looks after it, every now and then; cheap to call often."""
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        problem = knock(self._host, self._port, seconds=1.0)
        if problem is None:
            self._answered = now
            self.cores = int(self._ray.cluster_resources().get("CPU", 0))
        elif now - self._answered > LOST_SECONDS:
            raise ClusterError(
                f"the Ray cluster at {self._address} was lost: it {problem}. What is done is kept; the same"
                " command goes on when the cluster is back, or without --ray on this machine"
            )
        if self.cores:
            self._had_cores = now
        elif now - self._had_cores > COREFREE_SECONDS:
            raise ClusterError(
                f"the Ray cluster at {self._address} has had no core for {COREFREE_SECONDS:g} s; add a node:"
                f" ray start --address {self._address}"
            )


def knock(host: str, port: int, *, seconds: float = KNOCK_SECONDS) -> str | None:
    """Whether somebody who may be Ray's control store listens there; None, or in words what is wrong."""
    try:
        with socket.create_connection((host, port), timeout=seconds) as door:
            if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
                return None  # certificates are Ray's affair
            door.sendall(_PREFACE)
            answer = door.recv(_FRAME_HEAD)
    except ConnectionRefusedError:
        return f"is down: nothing listens at {host}:{port}; {_START}"
    except TimeoutError:
        return f"gave no answer within {seconds:g} s: it is down, or a firewall is between; {_START}"
    except socket.gaierror as error:
        return f"has a name that is not known here ({error.strerror}); {_START}"
    except OSError as error:
        return f"can't be reached ({error.strerror or error}); {_START}"
    if len(answer) < _FRAME_HEAD or answer[3] != _SETTINGS:
        return f"is none: something else listens at {host}:{port}; {_START}"
    return None


def _parsed(address: str) -> tuple[str, int]:
    if "://" in address:
        raise UsageError(
            f"--ray {address!r}: Ray Client's addresses can't be used; make this machine a node that does no"
            " work (ray start --address HOST:PORT --num-cpus 0) and give HOST:PORT"
        )
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(f"--ray is {address!r}; it takes HOST:PORT, as `ray start --head` prints it")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _imported() -> Any:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # before the import; nothing leaves the machine
    os.environ.setdefault(
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0"
    )  # else it warns of what it will do one day
    try:
        import ray
        import ray.util
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise UsageError("--ray needs Ray: pip install 'openchat-rag[ray]'") from None
    # Lines that workers print would come to our standard output, which is for the report (Ray's own
    # debugger does the same).
    ray._private.worker._worker_logs_enabled = False
    return ray


def _connect(ray: Any, address: str) -> None:
    ray.init(address=address, log_to_driver=False, logging_level="ERROR")


def _within(seconds: float, work: Callable[[], object], stop: threading.Event | None = None) -> None:
    """Does the work in a thread; `TimeoutError` when it takes longer, or when `stop` is set.

    It then goes on there, and ends with the process: Ray's waiting can't be ended from outside.
    """
    failed: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="ray", daemon=True)
    thread.start()
    deadline = time.monotonic() + seconds
    while thread.is_alive():
        if time.monotonic() > deadline or (stop is not None and stop.is_set()):
            raise TimeoutError
        thread.join(_POLL_SECONDS)
    if failed:
        raise failed[0]


def _first_words(error: Exception) -> str:
    """Ray's message on one line, in a bearable length."""
    return " ".join(str(error).split())[:400]
