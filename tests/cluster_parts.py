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
LOG = "CLUSTER_TEST_LOG"  # the environment variable that names the folder of `load_slow`


def load(name: str) -> Any:
    return HashedEmbeddings(name)


def load_logged(name: str) -> Any:
    """Slow, and writes down at each portion which node it is on."""

    def before() -> None:
        import ray

        (Path(name) / f"{ray.get_runtime_context().get_node_id()}-{time.monotonic_ns()}").touch()
        time.sleep(SLOW_SECONDS)

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
