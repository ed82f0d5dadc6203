"""Runs a parser in a limited child process: `sandbox.run("module:function", {...})`, JSON in, JSON out.

One long-lived child per `Sandbox`, in a session and process group of its own; jobs and results are JSON
lines over two pipes, never pickle. The child is replaced after a crash, after a limit was met and after
`jobs_per_child` jobs. Which functions are run is the parent's choice; a document has none. A job that is told
`on_step` may say how far it is; the time limit then holds from one step to the next.

Covered, one attack in tests/test_sandbox.py for each:
  abort            a parser that aborts or segfaults ends the child, not us; the next job gets a new one
  endless loop     in Python or in C: killed, with its process group, after `seconds`
  memory           an allocation over `memory_megabytes` fails (RLIMIT_AS), also in many small steps
  endless output   more than `output_megabytes` in an answer: killed; prints go nowhere
  endless steps    more than `MOST_STEPS` in one job: killed
  forged answer    what comes back is checked as JSON and as a Document whose spans fit its text
  files            nothing can be written (RLIMIT_FSIZE 0), 64 open files, no core dump
  processes        no fork and no thread for users other than root (RLIMIT_NPROC 0), no `subprocess`, `fork`
                   or `exec` from Python for anyone; what was forked in C dies with the process group
  network          no connection and no look-up from Python
  environment      none of ours: no key, token or proxy of the user's is there to be read
  orphans          the child ends when we are gone, kill -9 included: at once when idle, else in its time
Not covered: machine code of the attacker's running in the child. It has the user's rights: it can read the
user's files, use the network through C, leave the process group, ignore the signals that end an orphan, and
forge the answers to later jobs. Folders are not hidden from it. Limits need POSIX (Linux, and in part
macOS); memory is limited for each child, not for the machine.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import rag.errors
from rag.errors import ParserFailed, SourceError

JOBS_PER_CHILD = 200  # libraries leak a little; a fresh child costs 0.1 s
OUTPUT_MEGABYTES = 256  # more text than any book has
MOST_STEPS = 10_000  # pages of a scan
_LONGEST_STEP = 100  # bytes of the line that says it
_POLL_SECONDS = 0.02
_READ_BYTES = 1 << 18


class Sandbox:
    """A child process for jobs, started at the first one. One job at a time; safe to share by threads."""

    def __init__(
        self,
        *,
        seconds: float = 120,
        memory_megabytes: int = 2048,
        output_megabytes: int = OUTPUT_MEGABYTES,
        jobs_per_child: int = JOBS_PER_CHILD,
    ) -> None:
        self.seconds = seconds
        self.memory_megabytes = memory_megabytes
        self.output_megabytes = output_megabytes
        self.jobs_per_child = jobs_per_child
        self._child: subprocess.Popen[bytes] | None = None
        self._jobs_done = 0
        self._closed = False
        self._lock = threading.Lock()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def running(self) -> bool:
        """Whether a child is there; it is not before the first job."""
        return self._child is not None

    def run(
        self,
        job: str,
        arguments: Mapping[str, Any],
        *,
        seconds: float | None = None,
        on_step: Callable[[int, int], None] | None = None,
    ) -> Any:
        """What the function `job` ("module:function") returns for these keyword arguments.

        Arguments and result are what JSON can hold (bytes as base64). With `on_step` the function gets one
        more argument of that name, to be called with a step's number and how many there are; what it says is
        told here, and its time starts anew. A `SourceError` of the function's is raised here again;
        `ParserFailed` says how anything else ended.
        """
        limit = self.seconds if seconds is None else seconds
        request = {
            "job": job,
            "arguments": dict(arguments),
            "seconds": limit,
            "steps": on_step is not None,
        }
        with self._lock:
            child = self._ready_child()
            try:
                reply = self._exchange(child, json.dumps(request).encode("ascii") + b"\n", limit, on_step)
            except BaseException:  # Ctrl-C included: the child is in the middle of something
                self._end(child)
                raise
            self._jobs_done += 1
            return self._result(child, reply)

    def close(self) -> None:
        """Ends the child, in the middle of a job too; `run` then raises `ParserFailed`."""
        self._closed = True
        while not self._lock.acquire(timeout=_POLL_SECONDS):
            if child := self._child:  # perhaps started after `_closed` was looked at
                _kill_group(child)
        try:
            if child := self._child:
                self._end(child)
        finally:
            self._lock.release()

    def _ready_child(self) -> subprocess.Popen[bytes]:
        if self._closed:
            raise ParserFailed("reading was stopped")
        if (child := self._child) is not None:
            if self._jobs_done < self.jobs_per_child and child.poll() is None:
                return child
            self._end(child)
        self._jobs_done = 0
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "ingest.sandbox_child", str(self.memory_megabytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env=_environment(),
            start_new_session=True,
        )
        return self._child

    def _exchange(
        self,
        child: subprocess.Popen[bytes],
        request: bytes,
        seconds: float,
        on_step: Callable[[int, int], None] | None,
    ) -> bytes:
        """Sends one line and reads the reply's, or raises `ParserFailed` for whatever came instead."""
        assert child.stdin is not None
        try:
            child.stdin.write(request)
        except BrokenPipeError:
            raise ParserFailed(self._how_it_ended(child)) from None
        received = bytearray()
        for _ in range(MOST_STEPS + 1):
            line = self._line(child, received, seconds)
            step = _step(line) if on_step is not None else None
            if on_step is None or step is None:
                if received:
                    raise ParserFailed("the parser answered more than it was asked")
                return line
            on_step(*step)
        raise ParserFailed(
            f"has more than {MOST_STEPS} pages to read from pictures; split the file to read it"
        )

    def _line(self, child: subprocess.Popen[bytes], received: bytearray, seconds: float) -> bytes:
        """The next line that the child says, in time; `received` keeps what comes after it."""
        assert child.stdout is not None
        deadline = time.monotonic() + seconds
        limit_bytes = self.output_megabytes << 20
        end = received.find(b"\n")
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            while end < 0:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise ParserFailed(
                        f"took longer than {seconds:g} s and was stopped; parse_seconds sets the limit"
                    )
                block = os.read(child.stdout.fileno(), _READ_BYTES)
                if not block:
                    raise ParserFailed(self._how_it_ended(child))
                end = block.find(b"\n")
                end += len(received) if end >= 0 else 0
                received += block
                if len(received) > limit_bytes:
                    raise ParserFailed(
                        f"gave more than {self.output_megabytes} MB of output and was stopped; "
                        "split the file to read it"
                    )
        line = bytes(received[: end + 1])
        del received[: end + 1]
        return line

    def _result(self, child: subprocess.Popen[bytes], line: bytes) -> Any:
        try:
            reply = json.loads(line)
        except (ValueError, RecursionError):
            reply = None
        if isinstance(reply, dict):
            if "result" in reply:
                return reply["result"]
            kind, message = reply.get("error"), str(reply.get("message"))
            if kind == "MemoryError":
                self._end(child)  # what is left of its memory is in no state for the next file
                raise ParserFailed(self._over_memory())
            error = getattr(rag.errors, str(kind), None)
            if isinstance(error, type) and issubclass(error, SourceError):
                raise error(message)
        self._end(child)
        raise ParserFailed("the parser's answer is not in the form that was agreed")

    def _how_it_ended(self, child: subprocess.Popen[bytes]) -> str:
        """In words, for a child whose pipe is closed."""
        if self._closed:
            return "reading was stopped"
        try:
            status = child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "the parser closed its pipe without an answer"
        if status >= 0:
            return f"the parser ended by itself with status {status}"
        name = signal.Signals(-status).name
        if name == "SIGXCPU":
            return "used more processor time than it may and was stopped; parse_seconds sets the limit"
        hint = "; perhaps the machine ran out of memory" if name == "SIGKILL" else ""
        return f"the parser crashed ({name}){hint}; the file is probably damaged"

    def _over_memory(self) -> str:
        return f"needs more than {self.memory_megabytes} MB of memory; parse_megabytes sets the limit"

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        _kill_group(child)
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()
        if self._child is child:
            self._child = None


def _step(line: bytes) -> tuple[int, int] | None:
    """The numbers in a line `{"step": [number, of]}`; None for any other line."""
    if len(line) > _LONGEST_STEP or not line.startswith(b'{"step": '):
        return None
    try:
        number, total = json.loads(line)["step"]
    except (KeyError, TypeError, ValueError):
        return None
    return (number, total) if type(number) is int and type(total) is int else None


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    """The child and whatever it started; it leads a process group of its own."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # nothing is left of the group


def _environment() -> dict[str, str]:
    """What the child needs to start, and nothing of the user's."""
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(entry for entry in map(os.path.abspath, sys.path) if entry),
        "PYTHONDONTWRITEBYTECODE": "1",  # it could not: nothing can be written
        "PYTHONNOUSERSITE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }
