"""Reading a folder, side by side with LangChain's usual way, on the same files in one run, in turns.

    python -m benchmarks.ingest FOLDER [--rounds N] [--cores N]

Each turn is a process of its own, imports and loading included. Prints the best turn of each way by stage,
in seconds of the clock and of the processor (which says more on a machine that is shared), the peak of the
memory, what memory was used as the folder grew, and how long a second look at the unchanged folder takes.
Files that the usual way can't take (encrypted, of other formats) are left out for both. On a machine that
is busy with other things `--cores 1` compares what both have to do: threads that wait for each other there
spend the processor's time on waiting.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.usual_way import TEXTS, read_folder

WAYS = ("usual", "ours")
STAGES = ("start", "parse", "chunk", "embed", "store")


def main() -> None:
    """Compares, or is one turn of a comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--cores", type=int, help="use so many alone")
    parser.add_argument("--turn", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--index", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-given.cores :])
    if given.turn:
        print(json.dumps(_turn(given.turn, given.folder, given.index)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "documents"
        count = _both_can_read(given.folder, folder)
        if not count:
            sys.exit(
                f"{given.folder} has neither PDFs nor texts that the usual way reads; name another folder"
            )
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(f"{count} files, {size / 1e6:.1f} MB; the best of {given.rounds} turns each\n")
        best: dict[str, dict[str, Any]] = {}
        for number in range(given.rounds):
            for way in WAYS:
                found = _in_process(way, folder, Path(scratch) / f"{way}-{number}")
                if way not in best or found["processor"] < best[way]["processor"]:
                    best[way] = found
        _print(best["usual"], best["ours"])
        for failed in best["ours"]["failed"]:
            print(f"not read by rag ingest: {failed}")
        print(f"\na second look at the unchanged folder: {_again(folder, Path(scratch) / 'ours-0'):.2f} s")


def _both_can_read(source: Path, target: Path) -> int:
    """Copies the files that the usual way can read, so that it does not end at the first it can't."""
    from pypdf import PdfReader

    count = 0
    for path in sorted(source.rglob("*")):
        if not path.is_file():
            continue
        try:
            if path.suffix.lower() == ".pdf":
                # all of them: it ends at the first page that it can't read
                readable = bool("".join([page.extract_text() for page in PdfReader(path).pages]).strip())
            else:
                readable = path.suffix.lower() in TEXTS and bool(path.read_text("utf-8").strip())
        except Exception as error:  # whatever the usual way trips over
            print(f"left out: {path.name}: {' '.join(str(error).split())[:80]}")
            continue
        if readable:
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            count += 1
    return count


# --- one turn ----------------------------------------------------------------------------------------


def _in_process(way: str, folder: Path, index: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.ingest", str(folder), "--turn", way, "--index", str(index)]
    begun = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"the {way} way failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "seconds": time.monotonic() - begun}


def _turn(way: str, folder: Path, index: Path) -> dict[str, Any]:
    found = read_folder(folder, index) if way == "usual" else _our_way(folder, index)
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    processor = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    peak = (own.ru_maxrss + children.ru_maxrss) / 1024  # as if both had their most at once
    return {**found, "processor": processor, "peak": peak}


def _our_way(folder: Path, index: Path) -> dict[str, Any]:
    begun = time.monotonic()
    from ingest.pipeline import Progress, ingest
    from rag.settings import Settings

    started = time.monotonic() - begun
    memory: dict[int, float] = {}

    def note(state: Progress) -> None:
        quarter = 4 * state.files_done // max(1, state.files_total)
        memory.setdefault(quarter, _resident_megabytes())

    report = ingest([folder], Settings(index=str(index)), progress=note)
    return {
        "failed": [f"{one.source}: {one.reason}" for one in report.failed],
        "chunks": report.chunks,
        "characters": _characters(index),
        "memory": [round(memory[quarter]) for quarter in sorted(memory)],
        "start": started,
        **report.stages,
    }


def _resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def _characters(index: Path) -> int:
    from rag.store.open import open_store

    store = open_store(index)
    with store.snapshot() as snapshot:
        places = snapshot.places()
        total = sum(
            len(hit.text) for place in places for hit in snapshot.chunks_of(os.fsdecode(place.location))
        )
    store.close()
    return total


def _again(folder: Path, index: Path) -> float:
    """Seconds of the whole command, from the shell."""
    command = [sys.executable, "-m", "ui.cli", "ingest", str(folder), "--index", str(index)]
    begun = time.monotonic()
    subprocess.run(command, check=False, stderr=subprocess.DEVNULL)
    return time.monotonic() - begun


# --- the table ---------------------------------------------------------------------------------------


def _print(usual: dict[str, Any], ours: dict[str, Any]) -> None:
    print(f"{'':<26}{'usual way':>12}{'rag ingest':>12}{'times':>8}")
    for stage in STAGES:
        _row(f"{stage}, s", usual[stage], ours[stage])
    _row("whole, s", usual["seconds"], ours["seconds"])
    _row("whole, processor s", usual["processor"], ours["processor"])
    for way in (usual, ours):
        way["rate"] = way["chunks"] / way["seconds"]
        way["text rate"] = way["characters"] / way["seconds"] / 1000
    _row("chunks", usual["chunks"], ours["chunks"], digits=0)
    _row("chunks a second", usual["rate"], ours["rate"], more_is_better=True)
    _row("1000 characters a second", usual["text rate"], ours["text rate"], more_is_better=True)
    _row("peak memory, MB", usual["peak"], ours["peak"], digits=0)
    print(f"\nour memory after each quarter of the files, MB: {ours['memory']}")
    print("rag ingest parses and cuts beside the rest: its stages add up to more than the whole")


def _row(what: str, usual: float, ours: float, *, digits: int = 1, more_is_better: bool = False) -> None:
    times = (ours / usual if more_is_better else usual / ours) if usual and ours else 0.0
    print(f"{what:<26}{usual:>12.{digits}f}{ours:>12.{digits}f}{times:>8.1f}")


if __name__ == "__main__":
    main()
