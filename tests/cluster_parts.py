"""What tests/test_distributed.py lets a cluster's workers run: they import it by name, as they do ours."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from hashed_embeddings import HashedEmbeddings

from ingest.reading import parse_job

SLOW_SECONDS = 0.3
DOOMED = "doomed"  # the file beside the log with the id of the node that is to be killed
LOG = "CLUSTER_TEST_LOG"  # the environment variable that names the folder of `load_slow`


def load(name: str) -> Any:
    return HashedEmbeddings(name)


def load_logged(name: str) -> Any:
    """Slow, and writes down at each portion which node it is on; never done on the node that DOOMED names."""

    def before() -> None:
        import ray

        node, doomed = ray.get_runtime_context().get_node_id(), Path(name) / DOOMED
        (Path(name) / f"{node}-{time.monotonic_ns()}").touch()
        time.sleep(300 if doomed.exists() and doomed.read_text() == node else SLOW_SECONDS)

    return HashedEmbeddings(name, before=before)


def load_of_another_revision(name: str) -> Any:
    embedder = HashedEmbeddings(name)
    embedder.revision = "1" if "driver" in os.environ.get(LOG, "") else "2"
    return embedder


def parse_badly(path: str, name: str, limit_megabytes: int, on_step: Any) -> Any:
    """In place of `parse_job`: some names do what parsers of hostile files do."""
    if name.startswith("abort"):
        os.abort()
    if name.startswith("hang"):
        time.sleep(300)
    if name.startswith("killer"):  # what the sandbox does not cover: code of the attacker's in it
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(300)
    return parse_job(path, name, limit_megabytes)
