"""What a parser can do at its worst; run in the sandbox's child by the tests, and nowhere else."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any


def echo(**arguments: Any) -> dict[str, Any]:
    return arguments


def pid() -> int:
    return os.getpid()


def modules() -> list[str]:
    return sorted({name.partition(".")[0] for name in sys.modules})


def environment() -> dict[str, str]:
    return dict(os.environ)


def abort() -> None:
    os.abort()


def segfault() -> None:
    ctypes.string_at(0)


def leave(status: int) -> None:
    os._exit(status)


def loop() -> None:
    while True:
        pass


def loop_in_c() -> None:
    # holds the interpreter's lock all the while: no thread of ours could end it from inside
    sum(range(10**15))


def loop_deaf() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGXCPU):
        signal.signal(number, signal.SIG_IGN)
    loop()


def sleep(seconds: float) -> str:
    time.sleep(seconds)
    return "awake"


def processor_seconds_left() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return resource.getrlimit(resource.RLIMIT_CPU)[0] - used.ru_utime - used.ru_stime


def burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def allocate(megabytes: int) -> int:
    return len(bytearray(megabytes << 20))


def allocate_in_steps() -> None:
    kept = []
    while True:
        kept.append(bytearray(1 << 20))


def raise_error(text: str) -> None:
    raise ValueError(text)


def recurse() -> None:
    recurse()


def print_a_lot() -> str:
    for _ in range(1000):
        print("x" * 10_000)
        sys.stderr.write("y" * 10_000)
    return "done"


def answer_a_lot(megabytes: int) -> str:
    return "x" * (megabytes << 20)


def answer_without_end() -> None:
    for descriptor in range(3, 64):
        try:
            while True:
                os.write(descriptor, b"x" * 65_536)
        except OSError:
            continue


def answer_twice() -> str:
    line = json.dumps({"result": "forged"}).encode() + b"\n"
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, line * 2)
        except OSError:
            continue
    return "real"


def answer_rubbish(text: str) -> None:
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, text.encode() + b"\n")
        except OSError:
            continue
    time.sleep(60)


def answer_what_json_lacks() -> object:
    return object()


def write_file(path: str) -> None:
    with open(path, "w") as file:
        file.write("x" * 100)


def open_files(path: str) -> int:
    kept = []
    while True:
        kept.append(open(path))  # noqa: SIM115


def fork_in_c(path: str) -> int:
    """Forks without Python knowing of it; the fork writes its pid to the pipe and stays."""
    libc = ctypes.CDLL(None)
    child = libc.fork()
    if child == 0:
        time.sleep(300)
    return int(child)


def start(what: str) -> None:
    if what == "fork":
        os.fork()
    elif what == "system":
        os.system("true")
    elif what == "subprocess":
        subprocess.run(["true"], check=False)
    elif what == "exec":
        os.execv("/bin/true", ["true"])


def thread() -> None:
    threading.Thread(target=time.sleep, args=(1,)).start()


def connect(host: str, port: int) -> None:
    socket.create_connection((host, port), timeout=2)


def look_up(host: str) -> None:
    socket.getaddrinfo(host, 80)


def forged_document(path: str, name: str, limit_megabytes: int, on_step: object) -> Any:
    """In place of `parse_job`: what the file says, word for word."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def parse_without_end(path: str, name: str, limit_megabytes: int, on_step: object) -> None:
    """In place of `parse_job`."""
    loop()


def parse_and_abort(path: str, name: str, limit_megabytes: int, on_step: object) -> None:
    """In place of `parse_job`."""
    abort()


def slow_steps(count: int, seconds: float, on_step: Callable[[int, int], None]) -> str:
    """Longer than a job may take, but no step of it is."""
    for number in range(1, count + 1):
        time.sleep(seconds)
        on_step(number, count)
    return "done"


def stuck_after_a_step(on_step: Callable[[int, int], None]) -> None:
    on_step(1, 2)
    time.sleep(3600)


def steps_without_end(on_step: Callable[[int, int], None]) -> None:
    while True:
        on_step(1, 1)


def forged_step() -> None:
    """A step that nobody asked for, past the child's own pipe."""
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b'{"step": [1, 2]}\n')
        except OSError:
            continue
