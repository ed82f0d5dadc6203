"""Questions about an index's own documents, drafted by a model: a beginning for a file of questions.

Takes a model and a store, gives `Question`s whose answers stand word for word in the passage that each was
made from. Drafts, for a person to read: a small model asks odd questions, and an answer that stands there
need not be the answer.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rag.errors import UsageError, WindowExceeded
from rag.evaluation.question_file import Expected, Question
from rag.model.llama import Sampling
from rag.model.loaded_model import Model, Usage
from rag.model.structured_output import schema_grammar
from rag.records import Hit, TextDelta, Turn
from rag.store.contract import Snapshot, Store
from rag.store.local_rows import address_of
from rag.template import encode_conversation
from rag.text.expected_text import says, stretches_of

SEED = 20_240_106
SHORTEST_PASSAGE = 60  # letters; one of Chinese or Japanese says as much as two; shorter is a fragment
LONGEST_ANSWER = 200  # characters: what is to be found, not the passage over again
DRAFT_TOKENS = 256
ATTEMPTS = 4  # passages that are tried for each question that is wanted

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"question": {"type": "string"}, "answer": {"type": "string"}},
    "required": ["question", "answer"],
    "additionalProperties": False,
}
_TASK = """\
Below is a passage from the document “{source}”. Write one question that this passage answers, as somebody \
would ask it who has not seen the passage, in the passage's language. The question must be understood by \
itself. Then copy the few words of the passage that answer it, letter for letter. Write JSON: \
{{"question": "...", "answer": "..."}}

Passage:
{text}"""


@dataclass(frozen=True, slots=True)
class Drafts:
    """The questions, and how many more the model wrote that were of no use, by reason."""

    questions: tuple[Question, ...]
    dropped: dict[str, int]
    stopped: bool = False


def draft(
    model: Model,
    store: Store,
    count: int,
    *,
    seed: int = SEED,
    stop: threading.Event | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Drafts:
    """Up to `count` questions, spread over the sources; fewer where passages run out or drafts are no good.

    `ATTEMPTS` passages are tried for each question at most. `progress` gets (done, of how many, source).
    """
    if count < 1:
        raise UsageError(f"{count} questions were asked for; the least is 1")
    stop = stop or threading.Event()
    grammar = _grammar()
    questions: list[Question] = []
    dropped: dict[str, int] = {}
    with store.snapshot() as snapshot:
        for hit in _passages(snapshot, count * ATTEMPTS, seed):
            if len(questions) == count or stop.is_set():
                break
            if progress:
                progress(len(questions), count, hit.source)
            written = _written(model, hit, grammar, stop)
            if stop.is_set():
                break  # in the middle of this one
            drafted = written if isinstance(written, str) else _checked(*written, hit, questions)
            if isinstance(drafted, str):
                dropped[drafted] = dropped.get(drafted, 0) + 1
                continue
            note = f"a draft by {model.name}: read it before you rely on it"
            questions.append(Question(f"draft {len(questions) + 1}", drafted[0], (drafted[1],), note=note))
    return Drafts(tuple(questions), dropped, stopped=stop.is_set())


def _passages(snapshot: Snapshot, count: int, seed: int) -> list[Hit]:
    """Up to `count` chunks, one from each source in turn, so that a large one does not crowd out the rest."""
    random = np.random.default_rng(seed)
    sources = {source.content_hash: source.location for source in snapshot.sources()}
    names = [address_of(location) for location in sources.values()]
    chosen = [names[place] for place in random.permutation(len(names))[:count]]
    waiting = []
    for name in chosen:
        hits = [hit for hit in snapshot.chunks_of(name) if _letters(hit.text) >= SHORTEST_PASSAGE]
        order = random.permutation(len(hits))[: -(-count // len(chosen))]
        waiting.append([hits[place] for place in order])
    turns = max(map(len, waiting), default=0)
    return [hits[turn] for turn in range(turns) for hits in waiting if turn < len(hits)][:count]


def _letters(text: str) -> int:
    return sum(1 + (character >= "\u2e80") for character in text.strip())


def _grammar() -> str:
    """JSON, after a space if it likes: OpenChat's first word after "Assistant:" brings one with it."""
    json_alone = schema_grammar(_SCHEMA)
    return json_alone.replace("root ::=", "draft ::=") + '\nroot ::= " "? draft\n'


def _written(model: Model, hit: Hit, grammar: str, stop: threading.Event) -> tuple[str, str] | str:
    """Question and answer as the model wrote them for a passage, or why they can't be had."""
    turn = Turn("user", _TASK.format(source=hit.source, text=hit.text))
    ids = encode_conversation([turn], model.tokenize)
    if len(ids) + DRAFT_TOKENS > model.window:
        raise WindowExceeded(
            f"a passage of {hit.source} has {len(ids)} tokens with its task; the window of {model.window} "
            f"has room for {model.window - DRAFT_TOKENS} beside the draft: set a larger window (RAG_WINDOW)"
        )
    usage = Usage()
    events = model.stream(
        ids,
        max_tokens=DRAFT_TOKENS,
        sampling=Sampling(temperature=0.0),
        grammar=grammar,
        stop=stop,
        usage=usage,
    )
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    try:
        fields = json.loads(text)
        return str(fields["question"]).strip(), str(fields["answer"]).strip()
    except (ValueError, KeyError, TypeError):  # cut, stopped, or from a server that knows no grammar
        return "was cut" if usage.cut else "is not the JSON that was asked for"


def _checked(question: str, answer: str, hit: Hit, before: list[Question]) -> tuple[str, Expected] | str:
    """The question and its place with the passage's own words, or what is wrong with them."""
    if not any(character.isalnum() for character in question) or len(question.split("\n")) > 1:
        return "asks nothing"
    found = stretches_of(hit.text, answer)
    if not found:
        return "has an answer that does not stand in its passage"
    start, end = found[0]
    if end - start > LONGEST_ANSWER:
        return f"has an answer of more than {LONGEST_ANSWER} characters"
    if says(question, answer):
        return "gives its answer away"
    if any(one.question.casefold() == question.casefold() for one in before):
        return "was asked already"
    return question, Expected(hit.source, hit.page, hit.text[start:end])
