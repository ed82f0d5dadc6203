"""An ingest on a real Ray cluster of several nodes on this machine, all on loopback."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cluster_parts
import pytest
from cluster_process import Nodes
from pdf_by_hand import lines_pdf
from test_ingest_crash import contents

from ingest import cluster_worker, distributed
from ingest.pipeline import Report, ingest
from rag.errors import ClusterError
from rag.settings import Settings

TESTS = Path(__file__).parent


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    """A head without cores and one node with one; its driver runs in the test's process."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patched.setenv("RAY_gcs_server_port_wait_time_s", "200")  # 30 are few where it was never started yet
        patched.setenv("RAY_worker_niceness", "0")  # else whatever runs beside the tests makes them wait
        patched.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        patched.setenv("PYTHONPATH", os.pathsep.join([str(TESTS.parent), str(TESTS)]))
        made = Nodes()
        yield made
        made.close()


def write_documents(docs: Path, *, count: int = 6) -> None:
    """Texts, pages, a copy, two files with a paragraph in common, an empty one and a broken one."""
    docs.mkdir()
    for n in range(count):
        paragraphs = [f"Text {n}, paragraph {k}, is about lock {k * n}. " * 3 for k in range(8)]
        (docs / f"text{n}.txt").write_text("\n\n".join([*paragraphs, "The same words in all of them. " * 9]))
    (docs / "pages.pdf").write_bytes(lines_pdf(["The lock gate opens at noon."], ["It closes at four."]))
    (docs / "copy.txt").write_bytes((docs / "text1.txt").read_bytes())
    (docs / "empty.txt").write_text("")
    (docs / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")


def settings(folder: Path, name: str, address: str | None = None, **more: Any) -> Settings:
    model = more.pop("embedding_model", "hashed")
    return Settings(index=str(folder / name), embedding_model=model, chunk_tokens=60, ray=address, **more)


def without_times(report: Report) -> dict[str, Any]:
    """What the two ways have to have in common; files are done in another order."""
    words = {key: value for key, value in report.as_dict().items() if key not in ("seconds", "stages")}
    return {key: sorted(value, key=str) if isinstance(value, list) else value for key, value in words.items()}


def both_ways(folder: Path, address: str) -> None:
    """The same folder here and there: the same report, the same index to the bit of each vector."""
    here = ingest([folder / "docs"], settings(folder, "here"), load_embedder=cluster_parts.load)
    there = ingest([folder / "docs"], settings(folder, "there", address), load_embedder=cluster_parts.load)
    assert without_times(there) == without_times(here)
    assert contents(folder / "there") == contents(folder / "here")
    assert {"parse", "chunk", "embed", "store", "wait"} <= set(there.stages)


def test_the_same_report_and_the_same_index_as_here(nodes: Nodes, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    write_documents(docs)
    both_ways(tmp_path, nodes.address)
    # a day later: one paragraph changed, a file moved, one gone, one mended
    text = docs / "text0.txt"
    text.write_text(text.read_text().replace("paragraph 3", "paragraph three"))
    (docs / "text2.txt").rename(docs / "moved.txt")
    (docs / "text3.txt").unlink()
    (docs / "broken.pdf").write_bytes(lines_pdf(["Mended."]))
    both_ways(tmp_path, nodes.address)


def test_what_a_parser_does_on_a_worker_is_that_files_row(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = tmp_path / "docs"
    write_documents(docs, count=2)
    for name in ("abort.txt", "hang.txt", "killer.txt"):
        (docs / name).write_text(f"The file {name} has a text of its own.")
    monkeypatch.setattr(distributed, "PARSE_JOB", "cluster_parts:parse_badly")
    report = ingest(
        [docs], settings(tmp_path, "index", nodes.address, parse_seconds=10), load_embedder=cluster_parts.load
    )
    reasons = {failure.source: failure.reason for failure in report.failed}
    assert "SIGABRT" in reasons.pop("abort.txt")
    assert "took longer than 10 s" in reasons.pop("hang.txt")
    assert "its worker was lost, 3 times" in reasons.pop("killer.txt")
    assert set(reasons) == {"broken.pdf", "empty.txt"}
    assert set(report.added) == {"text0.txt", "text1.txt", "pages.pdf", "copy.txt"}


def test_a_node_is_killed_in_the_middle(
    nodes: Nodes, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    docs, log = tmp_path / "docs", tmp_path / "log"
    log.mkdir()
    write_documents(docs, count=30)
    doomed = nodes.add()
    (log / cluster_parts.DOOMED).write_text(doomed)
    killed = threading.Event()

    def kill() -> None:
        wait_for(lambda: any(one.name.startswith(doomed) for one in log.iterdir()))
        nodes.kill(doomed)
        killed.set()

    killer = threading.Thread(target=kill)
    killer.start()
    given = settings(tmp_path, "there", nodes.address, embedding_model=str(log))
    with caplog.at_level("INFO", "ingest.distributed"):
        there = ingest([docs], given, load_embedder=cluster_parts.load_logged)
    killer.join()
    assert killed.is_set()
    assert "a worker was lost" in caplog.text
    here = ingest(
        [docs], settings(tmp_path, "here", embedding_model=str(log)), load_embedder=cluster_parts.load
    )
    assert without_times(there) == without_times(here)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert capfd.readouterr().out == ""  # which is the report's


def test_stopped_in_the_middle_and_gone_on_with(nodes: Nodes, tmp_path: Path) -> None:
    docs, log = tmp_path / "docs", tmp_path / "log"
    log.mkdir()
    write_documents(docs, count=20)
    given = settings(tmp_path, "there", nodes.address, embedding_model=str(log))
    stop = threading.Event()
    first = ingest(
        [docs],
        given,
        load_embedder=cluster_parts.load_logged,
        stop=stop,
        progress=lambda state: stop.set() if state.chunks else None,
    )
    assert 0 < len(first.added) < 22
    second = ingest([docs], given, load_embedder=cluster_parts.load)
    assert set(second.unchanged) == set(first.added)
    assert len(second.unchanged) + len(second.added) == 22
    ingest([docs], settings(tmp_path, "here", embedding_model=str(log)), load_embedder=cluster_parts.load)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_another_version_on_the_workers_is_refused_by_both_names(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = tmp_path / "docs"
    write_documents(docs, count=2)
    given = settings(tmp_path, "index", nodes.address)
    with monkeypatch.context() as patched:
        patched.setattr(cluster_worker, "own_version", lambda: "openchat-rag 9.9 with parsers of version 99")
        with pytest.raises(
            ClusterError, match=r"has openchat-rag 0.* this program is openchat-rag 9\.9 .* 99"
        ):
            ingest([docs], given, load_embedder=cluster_parts.load)
    monkeypatch.setenv(cluster_parts.LOG, "driver")  # not set where the workers are
    with pytest.raises(ClusterError, match="'hashed' in revision 2, the index is made with 1: put the same"):
        ingest([docs], given, load_embedder=cluster_parts.load_of_another_revision)


def test_the_bundled_model_makes_the_same_vectors_there(nodes: Nodes, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    write_documents(docs, count=2)
    for name, address in (("here", None), ("there", nodes.address)):
        ingest([docs], Settings(index=str(tmp_path / name), ray=address))
    here, there = contents(tmp_path / "here"), contents(tmp_path / "there")
    assert here["text1.txt"]["chunks"] == there["text1.txt"]["chunks"]
    rows = [np_rows(found["text1.txt"]["vectors"]) for found in (here, there)]
    assert (rows[0] * rows[1]).sum(axis=1).min() > 0.9995  # batches of other lengths: not to the bit


def np_rows(data: bytes) -> Any:
    import numpy as np

    return np.frombuffer(data, np.float32).reshape(-1, 384)


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
