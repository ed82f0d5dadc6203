"""What runs inside the sandbox's child: `python -m ingest.sandbox_child MEMORY_MB`.

Takes jobs as JSON lines on standard input, `{"job": "module:function", "arguments": {...}, "seconds": n,
"steps": false}`, and gives one JSON line for each, `{"result": ...}` or `{"error": kind, "message": ...}`;
where `steps` is true, any number of `{"step": [number, of]}` come first. A job's function takes the arguments
as keywords and returns what JSON can hold. Does not know what the jobs do, and imports next to nothing, so
that it is there in a tenth of a second.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from rag.errors import SourceError

OPEN_FILES = 64
# After these the child has no business: a parser reads bytes and returns text.
_FORBIDDEN_EVENTS = frozenset(
    {
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.system",
        "socket.bind",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.sendmsg",
        "socket.sendto",
        "subprocess.Popen",
    }
)


def main() -> None:
    """Works off jobs until standard input ends."""
    jobs, replies = _private_pipes()
    gc.set_threshold(100_000, 50, 50)  # parsers make many small objects: 12 to 18 % of a PDF's time
    _limit_for_good(memory_megabytes=int(sys.argv[1]))
    for line in jobs:
        request = json.loads(line)
        arguments = request["arguments"]
        if request["steps"]:
            arguments["on_step"] = _teller(replies, request["seconds"])
        _limit_time(request["seconds"])
        reply = _answer(request["job"], arguments)
        signal.setitimer(signal.ITIMER_REAL, 0)
        replies.write(reply.encode("ascii") + b"\n")
        replies.flush()


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Moves the two pipes away from 0 and 1, where a library's stray print would land."""
    jobs = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return jobs, replies


def _limit_for_good(*, memory_megabytes: int) -> None:
    """Limits that hold for the child's whole life, and for children of its own."""
    memory_bytes = memory_megabytes << 20
    for which, limit in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(which, (limit, limit))
    sys.addaudithook(_refuse)


def _refuse(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in _FORBIDDEN_EVENTS:
        raise PermissionError(f"a parser may not do {event}")


def _teller(replies: BinaryIO, seconds: float) -> Callable[[int, int], None]:
    """What a job calls after each of its steps; the next one has as long again."""

    def on_step(number: int, total: int) -> None:
        replies.write(b'{"step": [%d, %d]}\n' % (number, total))
        replies.flush()
        _limit_time(seconds)

    return on_step


def _limit_time(seconds: float) -> None:
    """The parent kills in time; should the parent be gone, the kernel does."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    processor_seconds = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (processor_seconds, resource.RLIM_INFINITY))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds + 5)


def _answer(job: str, arguments: dict[str, Any]) -> str:
    """The reply to a job, as JSON."""
    kind, message = "ParserFailed", ""
    try:
        module, _, function = job.partition(":")
        return json.dumps({"result": getattr(importlib.import_module(module), function)(**arguments)})
    except SourceError as error:
        kind, message = type(error).__name__, str(error)
    except MemoryError:
        kind = "MemoryError"
    except RecursionError:
        kind, message = "CorruptSource", "the file is nested too deeply to be read"
    except Exception as error:  # whatever a parser raises is this file's failure, told to the parent
        message = f"{type(error).__name__}: {error}"[:500]
    return json.dumps({"error": kind, "message": message})


if __name__ == "__main__":
    main()
