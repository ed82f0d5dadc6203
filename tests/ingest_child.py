"""An ingest to be killed: `python ingest_child.py DOCS INDEX`. Says when it begins and when it is done."""

from __future__ import annotations

import sys
import time
from typing import Any

from hashed_embeddings import HashedEmbeddings

from ingest.pipeline import ingest
from rag.settings import Settings

EMBED_SECONDS = 0.03  # so that kills land in every stage, not only in the parser's start


def load(name: str) -> Any:
    return HashedEmbeddings(name, before=lambda: time.sleep(EMBED_SECONDS))


def main() -> None:
    docs, index = sys.argv[1:]
    settings = Settings(index=index, embedding_model="hashed", chunk_tokens=60)
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    report = ingest([docs], settings, load_embedder=load)
    sys.stdout.write(f"done {report.readable}\n")


if __name__ == "__main__":
    main()
