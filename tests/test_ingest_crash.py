"""kill -9 in the middle of an ingest, ten times: what is there is whole, and the end is the same."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from docx_by_hand import docx, p
from pdf_by_hand import lines_pdf

from rag.errors import IndexMissing
from rag.store.local_store import LocalStore

KILLS = 10
CHILD = Path(__file__).parent / "ingest_child.py"


def write_documents(docs: Path) -> None:
    """Thirty files of five formats, some alike, some broken."""
    for n in range(10):
        text = "\n\n".join(f"Text {n}, paragraph {k}, is about lock {k * n}. " * 3 for k in range(8))
        (docs / f"text{n}.txt").write_text(text)
        (docs / f"notes{n}.md").write_text(f"# Notes {n}\n\n{text}\n\n## More\n\nNumber {n} again.")
    for n in range(4):
        (docs / f"page{n}.pdf").write_bytes(
            lines_pdf([f"Page one of {n}."], [f"Page two of {n}, with a gate."])
        )
        (docs / f"word{n}.docx").write_bytes(docx(p(f"Document {n}.") + p("It has a second paragraph.")))
    (docs / "copy.txt").write_bytes((docs / "text3.txt").read_bytes())
    (docs / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")


def change_documents(docs: Path) -> None:
    """A day later: changed, moved, swapped, copied, deleted, mended, broken."""
    (docs / "text0.txt").write_text((docs / "text0.txt").read_text().replace("lock", "gate"))
    (docs / "moved").mkdir()
    (docs / "text1.txt").rename(docs / "moved" / "text1.txt")
    (docs / "notes1.md").rename(docs / "t")
    (docs / "notes2.md").rename(docs / "notes1.md")
    (docs / "t").rename(docs / "notes2.md")
    (docs / "copy2.txt").write_bytes((docs / "text4.txt").read_bytes())
    (docs / "text5.txt").unlink()
    (docs / "page0.pdf").unlink()
    (docs / "broken.pdf").write_bytes(lines_pdf(["Mended."]))
    (docs / "word0.docx").write_bytes(b"PK\x03\x04 broken")


def start(docs: Path, index: Path) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(CHILD.parent.parent), str(CHILD.parent)])
    child = subprocess.Popen(
        [sys.executable, str(CHILD), str(docs), str(index)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "begun\n"
    return child


def finish(docs: Path, index: Path) -> float:
    """A whole run, undisturbed; gives its seconds."""
    begun = time.monotonic()
    child = start(docs, index)
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline().startswith("done")
    assert child.wait(60) == 0
    return time.monotonic() - begun


def killed(docs: Path, index: Path, after_seconds: float) -> bool:
    """A run that is killed; false when it was done before."""
    child = start(docs, index)
    time.sleep(after_seconds)
    done = child.poll() is not None
    child.kill()
    child.wait()
    assert child.stdout is not None
    child.stdout.close()
    return not done


def contents(index: Path) -> dict[str, Any]:
    """All that an index says, and that it is sound."""
    try:
        store = LocalStore.open(index)
    except IndexMissing:
        return {}  # killed before there was one
    assert store.check() == []
    found: dict[str, Any] = {}
    with store.snapshot() as snapshot:
        for source in snapshot.sources():
            name = os.fsdecode(source.location)
            hits = snapshot.chunks_of(name)
            found[source.source] = {
                "content": (source.content_hash, source.media_type, source.title, source.size_bytes),
                "pages": [snapshot.page(name, number) for number in range(1, source.page_count + 1)],
                "chunks": [(hit.page, hit.start, hit.end, hit.text, hit.headings) for hit in hits],
                "vectors": snapshot.vectors([hit.chunk_id for hit in hits]).tobytes(),
            }
        found["failures"] = sorted((place.source, reason) for place, reason, _ in snapshot.failures())
        found["count"] = snapshot.chunk_count
    store.close()
    return found


@pytest.mark.parametrize("seed", [20260])
def test_ten_kills_and_then_the_same_index(tmp_path: Path, seed: int) -> None:
    docs, calm, shaken = tmp_path / "docs", tmp_path / "calm", tmp_path / "shaken"
    docs.mkdir()
    luck = random.Random(seed)
    before: dict[str, Any] = {}
    for change, kills in ((write_documents, KILLS), (change_documents, KILLS // 2)):
        change(docs)
        seconds = finish(docs, calm)
        expected = contents(calm)
        hit = 0
        for _ in range(kills):
            hit += killed(docs, shaken, luck.uniform(0.02, max(0.3, seconds / 3)))
            for name, there in contents(shaken).items():
                # each file whole: as it was, or as it is to be
                assert name in ("failures", "count") or there in (before.get(name), expected.get(name)), name
        finish(docs, shaken)
        assert contents(shaken) == expected
        assert hit >= kills // 3, "the kills came too late to hit anything"
        before = expected
