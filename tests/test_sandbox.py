"""The sandbox: one attack for each line of its docstring, and what it does when all goes well."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import sandbox as sandbox_module
from ingest.sandbox import Sandbox
from rag.errors import CorruptSource, ParserFailed

TESTS = Path(__file__).parent


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seconds=20, memory_megabytes=512, output_megabytes=8) as made:
        yield made


def job(name: str) -> str:
    return f"hostile_parsers:{name}"


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"


def gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not alive(pid):
            return True
        time.sleep(0.02)
    return False


# --- when all goes well -----------------------------------------------------------------------------


def test_arguments_go_in_and_the_result_comes_back(box: Sandbox) -> None:
    arguments = {"text": "中文 \n \ud800 \0", "number": 1.5, "nothing": None, "list": [1, "2"]}
    assert box.run(job("echo"), arguments) == arguments


def test_the_child_starts_with_the_first_job_and_stays(box: Sandbox) -> None:
    assert not box.running
    first = box.run(job("pid"), {})
    assert box.running
    assert first != os.getpid()
    assert box.run(job("pid"), {}) == first


def test_the_child_is_there_at_once_and_light(box: Sandbox) -> None:
    box.run(job("echo"), {})
    box.close()
    with Sandbox() as fresh:
        begun = time.monotonic()
        loaded = set(fresh.run(job("modules"), {}))
        assert time.monotonic() - begun < 3  # 0.05 s on an idle machine
    assert not loaded & {"torch", "faiss", "langchain_core", "numpy", "pypdf", "lxml", "transformers"}


def test_the_child_is_replaced_after_so_many_jobs() -> None:
    with Sandbox(jobs_per_child=2) as box:
        pids = [box.run(job("pid"), {}) for _ in range(5)]
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]


def test_threads_take_turns(box: Sandbox) -> None:
    results: list[object] = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(box.run(job("echo"), {"n": n}))) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result["n"] for result in results) == list(range(8))  # type: ignore[index]


def test_closing_ends_the_child_and_what_it_does(box: Sandbox) -> None:
    pid = box.run(job("pid"), {})
    failures: list[str] = []

    def work() -> None:
        try:
            box.run(job("sleep"), {"seconds": 60})
        except ParserFailed as error:
            failures.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.3)
    begun = time.monotonic()
    box.close()
    thread.join()
    assert time.monotonic() - begun < 5
    assert failures == ["reading was stopped"]
    assert not alive(pid)
    with pytest.raises(ParserFailed, match="reading was stopped"):
        box.run(job("echo"), {})


def test_errors_of_ours_come_through_and_others_say_what_they_were(box: Sandbox) -> None:
    arguments = {"path": "/nowhere", "name": "x.pdf", "limit_megabytes": 1}
    with pytest.raises(sandbox_module.SourceError, match="can't be opened: No such file or directory"):
        box.run("ingest.reading:parse_job", arguments)
    with pytest.raises(ParserFailed, match=r"^ValueError: the words$"):
        box.run(job("raise_error"), {"text": "the words"})
    with pytest.raises(ParserFailed, match="ModuleNotFoundError"):
        box.run("no_such_module:parse", {})
    with pytest.raises(CorruptSource, match="nested too deeply"):
        box.run(job("recurse"), {})


# --- the attacks, in the docstring's order ----------------------------------------------------------


def survives(box: Sandbox) -> None:
    assert box.run(job("echo"), {"after": "it"}) == {"after": "it"}


@pytest.mark.parametrize(
    ("attack", "arguments", "words"),
    [
        ("abort", {}, r"the parser crashed \(SIGABRT\); the file is probably damaged"),
        ("segfault", {}, r"the parser crashed \(SIGSEGV\); the file is probably damaged"),
        ("leave", {"status": 0}, "the parser ended by itself with status 0"),
        ("leave", {"status": 7}, "the parser ended by itself with status 7"),
    ],
)
def test_abort(box: Sandbox, attack: str, arguments: dict[str, int], words: str) -> None:
    with pytest.raises(ParserFailed, match=words):
        box.run(job(attack), arguments)
    survives(box)


@pytest.mark.parametrize("attack", ["loop", "loop_in_c", "loop_deaf"])
def test_endless_loop(box: Sandbox, attack: str) -> None:
    box.run(job("echo"), {})
    begun = time.monotonic()
    with pytest.raises(ParserFailed, match=r"took longer than 0\.5 s and was stopped; parse_seconds"):
        box.run(job(attack), {}, seconds=0.5)
    assert time.monotonic() - begun < 5
    survives(box)


def test_endless_loops_are_limited_in_processor_time_too(box: Sandbox) -> None:
    # counted from each job's beginning: many short jobs are no long one
    for _ in range(2):
        assert 4.9 < box.run(job("processor_seconds_left"), {}, seconds=5) < 7
        box.run(job("burn"), {"seconds": 0.5})


@pytest.mark.parametrize(
    ("attack", "arguments"), [("allocate", {"megabytes": 10_240}), ("allocate_in_steps", {})]
)
def test_memory(box: Sandbox, attack: str, arguments: dict[str, int]) -> None:
    with pytest.raises(
        ParserFailed, match="needs more than 512 MB of memory; parse_megabytes sets the limit"
    ):
        box.run(job(attack), arguments)
    survives(box)


def test_endless_output(box: Sandbox) -> None:
    with pytest.raises(ParserFailed, match="gave more than 8 MB of output and was stopped"):
        box.run(job("answer_without_end"), {})
    survives(box)
    with pytest.raises(ParserFailed, match="gave more than 8 MB of output and was stopped"):
        box.run(job("answer_a_lot"), {"megabytes": 9})
    assert box.run(job("print_a_lot"), {}) == "done"
    survives(box)


def test_forged_answer(box: Sandbox) -> None:
    with pytest.raises(ParserFailed, match="answered more than it was asked"):
        box.run(job("answer_twice"), {})
    survives(box)
    for text in (
        "not JSON",
        "[1]",
        '{"error": "SystemExit"}',
        '{"error": "RagError"}',
        '{"x": 1}',
        "[" * 100_000,
    ):
        with pytest.raises(ParserFailed, match="not in the form that was agreed"):
            box.run(job("answer_rubbish"), {"text": text})
        survives(box)
    with pytest.raises(ParserFailed, match="not JSON serializable"):
        box.run(job("answer_what_json_lacks"), {})
    survives(box)


def test_files(box: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(ParserFailed, match="File too large"):
        box.run(job("write_file"), {"path": str(tmp_path / "x")})
    assert (tmp_path / "x").read_bytes() == b""
    with pytest.raises(ParserFailed, match="Too many open files"):
        box.run(job("open_files"), {"path": "/dev/null"})
    survives(box)


@pytest.mark.parametrize("what", ["fork", "system", "subprocess", "exec"])
def test_processes_from_python(box: Sandbox, what: str) -> None:
    with pytest.raises(ParserFailed, match="a parser may not do"):
        box.run(job("start"), {"what": what})
    survives(box)


def test_processes_from_c_die_with_the_group(box: Sandbox) -> None:
    child = box.run(job("fork_in_c"), {"path": "x"})
    if os.getuid() != 0:
        assert child == -1  # RLIMIT_NPROC
        return
    assert alive(child)
    box.close()
    assert gone_within(child, 5)


AS_NOBODY = """
import os, sys
os.setgid(65534)
os.setuid(65534)
sys.path[:0] = sys.argv[1:]
from ingest.sandbox import Sandbox
with Sandbox() as box:
    print(box.run("hostile_parsers:fork_in_c", {"path": "x"}))
    try:
        box.run("hostile_parsers:thread", {})
    except Exception as error:
        print(error)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_processes_are_none_for_another_user_than_root() -> None:
    readable = Path(tempfile.mkdtemp())  # pytest's own folders are closed to others
    try:
        for package in ("ingest", "rag"):
            shutil.copytree(TESTS.parent / package, readable / package)
        shutil.copy(TESTS / "hostile_parsers.py", readable)
        for path in (readable, *readable.rglob("*")):
            path.chmod(0o755)
        outputs = []
        for python in filter(None, (sys.executable, shutil.which("python3", path="/usr/bin"))):
            command = [python, "-c", AS_NOBODY, str(readable)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd="/")
            outputs.append(done.stdout.splitlines())
    finally:
        shutil.rmtree(readable)
    if not any(outputs):
        pytest.skip("no Python here that another user may run")
    assert all(lines == ["-1", "RuntimeError: can't start new thread"] for lines in outputs if lines)


def test_network(box: Sandbox) -> None:
    with pytest.raises(ParserFailed, match=r"a parser may not do socket\.(connect|getaddrinfo)"):
        box.run(job("connect"), {"host": "127.0.0.1", "port": 9})
    with pytest.raises(ParserFailed, match=r"a parser may not do socket\.getaddrinfo"):
        box.run(job("look_up"), {"host": "example.org"})


def test_environment(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    inside = box.run(job("environment"), {})
    assert "secret" not in str(inside)
    assert not {
        name for name in inside if "proxy" in name.lower() or name.startswith(("RAG_", "HOME", "HF_"))
    }


ORPHANING = """
import sys, threading
sys.path[:0] = sys.argv[2:]
from ingest.sandbox import Sandbox
box = Sandbox(seconds=1)
print(box.run("hostile_parsers:pid", {}), flush=True)
if sys.argv[1] == "busy":
    print("busy", flush=True)
    box.run("hostile_parsers:loop_in_c", {}, seconds=1)
threading.Event().wait()
"""


@pytest.mark.parametrize(("state", "seconds"), [("idle", 2), ("busy", 9)])
def test_orphans(state: str, seconds: float) -> None:
    """kill -9 of the parent: an idle child ends at once, a busy one when its time is over."""
    command = [sys.executable, "-c", ORPHANING, state, str(TESTS.parent), str(TESTS)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    if state == "busy":
        parent.stdout.readline()
        time.sleep(0.2)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone_within(child, seconds)


def test_every_line_of_the_docstring_has_its_attack() -> None:
    covered = re.findall(r"^  (\w[\w ]+?)  +\S", sandbox_module.__doc__ or "", re.MULTILINE)
    tests = [name for name in globals() if name.startswith("test_")]
    assert len(covered) == 11
    for line in covered:
        assert any(name.startswith("test_" + line.replace(" ", "_")) for name in tests), line


# --- steps ------------------------------------------------------------------------------------------


def test_a_job_in_steps_has_its_time_for_each_of_them(box: Sandbox) -> None:
    told: list[tuple[int, int]] = []
    arguments = {"count": 4, "seconds": 0.4}
    result = box.run(
        job("slow_steps"), arguments, seconds=1, on_step=lambda number, of: told.append((number, of))
    )
    assert result == "done"
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert box.run(job("echo"), {"still": "there"}) == {"still": "there"}


def test_a_step_that_hangs_is_stopped(box: Sandbox) -> None:
    begun = time.monotonic()
    with pytest.raises(ParserFailed, match="took longer than 1 s"):
        box.run(job("stuck_after_a_step"), {}, seconds=1, on_step=lambda number, of: None)
    assert time.monotonic() - begun < 10


def test_endless_steps(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_module, "MOST_STEPS", 50)
    with pytest.raises(ParserFailed, match="more than 50 pages to read from pictures"):
        box.run(job("steps_without_end"), {}, on_step=lambda number, of: None)


def test_a_step_that_nobody_asked_for_is_no_answer(box: Sandbox) -> None:
    with pytest.raises(ParserFailed, match=r"not in the form|more than it was asked"):
        box.run(job("forged_step"), {})
