"""How many tokens of a conversation's prompts the model has to read, with whole chunks and as they are cut.

`python -m benchmarks.prompt_tokens` asks all turns of the conversations in data/follow_ups.jsonl of an index
of data/samples, and prints the mean of the tokens that no prompt before it in its conversation began with, in
OpenChat's own vocabulary. On a processor, reading them is most of the time before the first word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.collections import indexed, samples
from benchmarks.follow_ups import Conversation, conversations
from rag.chain import READ_WHOLE
from rag.embedding.embeddings import LocalEmbeddings
from rag.model.state_cache import common_prefix
from rag.prompt import build_prompt
from rag.records import Turn
from rag.search.searcher import Searcher
from rag.settings import Settings
from tests.model_files import sentencepiece


def main() -> None:
    """Measures both and prints a line for each turn."""
    data = Path(__file__).parent.parent / "data"
    collection, embedder = samples(data), LocalEmbeddings()
    asked = conversations(data / "follow_ups.jsonl", collection)
    with indexed(collection, embedder) as store, Searcher(store) as searcher:
        chunks, ours = (read_anew(searcher, asked, cut=cut) for cut in (False, True))
    print("tokens to read, mean: whole chunks, ours, ours over chunks")
    for turn, counts in chunks.items():
        old, new = np.mean(counts), np.mean(ours[turn])
        print(f"  question {turn} ({len(counts)} conversations) {old:8.0f} {new:8.0f} {new / old:6.2f}")
    old, new = (sum(map(sum, counts.values())) for counts in (chunks, ours))
    print(f"  all of them, summed {old:20} {new:8} {new / old:6.2f}")


def read_anew(searcher: Searcher, asked: Sequence[Conversation], *, cut: bool) -> dict[int, list[int]]:
    """For each turn, from 1, the tokens that are new in the prompts of the conversations."""
    settings, tokenize = Settings(), sentencepiece().encode
    counts: dict[int, list[int]] = defaultdict(list)
    for one in asked:
        turns = [*one.history, Turn("user", one.question)]
        read: list[tuple[int, ...]] = []
        for place in range(0, len(turns), 2):
            question, history = turns[place].text, turns[:place]
            found = searcher.find(
                question, k=settings.passages, history=history, cut=cut, whole=READ_WHOLE, halves=True
            )
            prompt = build_prompt(
                question,
                found.hits,
                history,
                tokenize,
                window=settings.window,
                reserve=settings.reserve,
                read=read,
            )
            known = max((common_prefix(prompt.ids, before) for before in read), default=0)
            counts[place // 2 + 1].append(len(prompt.ids) - known)
            read.append(prompt.ids)
    return counts


if __name__ == "__main__":
    main()
