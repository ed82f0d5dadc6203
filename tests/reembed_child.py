"""A process that re-embeds an index, to be killed: `python reembed_child.py INDEX MODEL`.

Says a line for each portion that is kept, and one when it is done.
"""

from __future__ import annotations

import sys
import warnings

import rag.store.local_reembedding
from ingest.reembed import reembed
from rag.settings import Settings


def say(*words: object) -> None:
    print(*words, flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    rag.store.local_reembedding.PORTION = 2
    settings = Settings(index=sys.argv[1], embedding_model=sys.argv[2])
    report = reembed(settings, progress=lambda state: say("kept", state.done))
    say("done", report.embedded)
