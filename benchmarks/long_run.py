"""Many questions in one process: `python -m benchmarks.long_run [COUNT]`, 1,000 unless given.

Asks a chain over an index of data/samples, with a small model that says a script through real llama.cpp, one
question after another: of data/questions.jsonl, each time in other words, some with a conversation before
them, some about chosen documents, some stopped in the middle. Twenty times it prints the process's own
memory (RssAnon and swap), its open files, threads and temporary files. What has grown since the first
quarter is named at the end, and the exit status is 1.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from benchmarks.collections import Collection, indexed, samples
from rag.chain import Chain
from rag.embedding.embeddings import LocalEmbeddings
from rag.model.llama import Engine
from rag.model.loaded_model import LoadedModel
from rag.model.model_queue import ModelQueue
from rag.model.state_cache import StateCache
from rag.records import Done, TextDelta, Turn
from rag.search.searcher import Searcher
from rag.settings import Settings
from tests.model_files import script_tokens, write_model

DATA = Path(__file__).parents[1] / "data"
SAYS = "The lighthouse was finished in 1759 [2]."
LOOKS = 20
SPARE_KIB = 32 << 10  # what an allocator may keep beside; a leak of 4 kB a question is as much in 8,000
NAMES = ("memory, KiB", "open files", "threads", "temporary files")


@dataclass(frozen=True, slots=True)
class Look:
    """What the process holds at one moment."""

    kibibytes: int
    files: int
    threads: int
    temporary: int


def look(folder: Path) -> Look:
    """This process, by the kernel's account; `folder` is where its temporary files go."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    kibibytes = sum(int(status[name].split()[0]) for name in ("RssAnon", "VmSwap"))
    temporary = sum(len(files) for _, _, files in os.walk(folder))
    return Look(kibibytes, len(os.listdir("/proc/self/fd")), int(status["Threads"]), temporary)


def ask(chain: Chain, collection: Collection, number: int) -> None:
    """The question of that number."""
    asked = collection.asked
    question = f"{asked[number % len(asked)].question} ({number})"
    before = asked[(number - 1) % len(asked)].question
    history = [Turn("user", before), Turn("assistant", SAYS)] if number % 3 == 0 else []
    only = ["type:pdf"] if number % 5 == 0 else []
    stop = threading.Event()
    for event in chain.events(question, history, only=only, stop=stop):
        if isinstance(event, TextDelta) and number % 7 == 0:
            if number % 2:
                break  # the stream is closed
            stop.set()
        assert not isinstance(event, Done) or event.answer.text


def grown(looks: Sequence[Look]) -> list[str]:
    """What is larger in the last quarter of the looks than it ever was in the second."""
    quarter = len(looks) // 4
    found = []
    for place, name in enumerate(NAMES):
        values = [astuple(one)[place] for one in looks]
        before, after = max(values[quarter : 2 * quarter]), min(values[-quarter:])
        if after > before + (SPARE_KIB if place == 0 else 0):
            found.append(f"{name}: {before:,} and then {after:,}")
    return found


def main() -> int:
    """Asks, prints a table; 1 where something grew."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tempfile.tempdir = name  # whatever is left behind is left here
        path = write_model(folder / "script.gguf", script=script_tokens(SAYS))
        states = StateCache("script", folder=folder / "states", memory_bytes=8 << 20, disk_bytes=8 << 20)
        model = LoadedModel(Engine(path, window=8192, threads=1, states=states), ModelQueue(1))
        collection = samples(DATA)
        with indexed(collection, LocalEmbeddings()) as store:
            chain = Chain(Searcher(store), model, Settings(passages=2))  # shorter prompts, more questions
            return run(chain, collection, count, folder)


def run(chain: Chain, collection: Collection, count: int, folder: Path) -> int:
    """Asks so many questions, looking twenty times."""
    looks: list[Look] = []
    begun = time.monotonic()
    print(f"{'questions':>10}{'seconds':>9}" + "".join(f"{name:>17}" for name in NAMES))
    for number in range(1, count + 1):
        ask(chain, collection, number)
        if number * LOOKS // count > len(looks):
            looks.append(look(folder))
            values = "".join(f"{value:17,}" for value in astuple(looks[-1]))
            print(f"{number:10,}{time.monotonic() - begun:9.0f}{values}", flush=True)
    worse = grown(looks)
    print("\n".join(["grown:", *worse]) if worse else "nothing has grown")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
