"""A process that changes an index without end, to be killed: `python store_child.py INDEX SEED`.

Says on standard output what it is about to do and, when it is done, that it is. With
`QUANTIZED_FROM` in the environment, the vector cache holds codes from so many vectors on, and is made anew
when more than so many have changed.
"""

from __future__ import annotations

import os
import random
import sys
from itertools import count
from pathlib import Path

import store_samples as samples

from rag.store import dense_index, dense_quantized
from rag.store.contract import Store
from rag.store.local_store import LocalStore
from rag.store.open import open_store

NAMES = ["a", "b", "c", "d", "e"]
TEXTS = ["banana\nape", "ape", "\n".join(f"line {n} aeio" for n in range(60)), "ohio\f\fpie", "e"]


def say(*words: str) -> None:
    sys.stdout.write("\t".join(words) + "\n")
    sys.stdout.flush()


def next_change(luck: random.Random, files: dict[str, str]) -> list[str]:
    """What to do next: a change's name and its arguments."""
    kind = luck.choice(["put", "put", "put", "link", "relocate", "remove", "sync", "fail"])
    name, text = luck.choice(NAMES), repr(luck.choice(TEXTS))
    if kind == "link" and files:
        text = files[luck.choice(sorted(files))]
    if kind == "relocate" and name not in files:
        kind = "put"
    return [kind, name, luck.choice(NAMES)] if kind == "relocate" else [kind, name, text]


def applied(files: dict[str, str], change: list[str]) -> dict[str, str]:
    """What the files are after a change; text as its `repr`."""
    after = dict(files)
    kind, name, other = change
    if kind in ("put", "link") and (kind == "put" or other in files.values()):
        after[name] = other
    elif kind == "relocate":
        after[other] = after.pop(name)
    elif kind == "remove":
        after.pop(name, None)
    return after


def run(store: Store, seed: int) -> None:
    luck = random.Random(seed)
    with store.snapshot() as snapshot:
        files = {
            source.source: repr(
                "\f".join(snapshot.page(source.source, n + 1).text for n in range(source.page_count))
            )
            for source in snapshot.sources()
        }
    say("opened")
    with store.writer() as writer:
        writer.set_meta(samples.META)
        while True:
            change = next_change(luck, files)
            say("start", *change)
            kind, name, other = change
            if kind == "put":
                samples.put(writer, name, eval_text(other))
            elif kind == "link" and other in files.values():
                writer.link(samples.place(name, eval_text(other)))
            elif kind == "relocate":
                writer.relocate(
                    samples.place(name, "").location, samples.place(other, eval_text(files[name]))
                )
            elif kind == "remove":
                writer.remove([samples.place(name, "").location])
            elif kind == "sync" and isinstance(store, LocalStore):
                writer.sync()
            elif kind == "fail":
                writer.record_failure(samples.place("broken", "x"), "broken", 1)
            files = applied(files, change)
            say("done", *change)


def eval_text(written: str) -> str:
    """The text of a `repr` that `TEXTS` has."""
    return next(text for text in TEXTS if repr(text) == written)


def create_without_end(directory: Path) -> None:
    """Makes one index after the other, to be killed while making one."""
    for number in count():
        say("start", str(number))
        LocalStore.open(directory / str(number), create=True).close()
        say("done", str(number))


if __name__ == "__main__":
    if "QUANTIZED_FROM" in os.environ:
        dense_quantized.QUANTIZED_FROM = int(os.environ["QUANTIZED_FROM"])
        dense_index.FOLD_LEAST = dense_quantized.QUANTIZED_FROM
    if sys.argv[2] == "create":
        create_without_end(Path(sys.argv[1]))
    run(open_store(sys.argv[1], create=True), int(sys.argv[2]))
