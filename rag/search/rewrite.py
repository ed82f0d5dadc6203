"""A follow-up written out by the model, so that it can be understood, and searched for, by itself.

Takes a model, a question and the turns before it, gives the question in full; nothing where the model wrote
none that can be used. The option beside `rag.search.follow_up`, which asks no model: this costs a generation
before the search begins, and takes what the model has read of the prompt before out of its memory. Not the
default.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Sequence
from typing import Any

from rag.model.llama import Sampling
from rag.model.loaded_model import Model
from rag.model.structured_output import schema_grammar
from rag.records import Queued, TextDelta, Turn
from rag.search.follow_up import exchanges
from rag.template import encode_conversation

REWRITTEN_TOKENS = 96
EXCHANGES = 4  # the last ones, each answer by its first sentences
LONGEST = 400  # characters; a question that is longer is something else

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"question": {"type": "string"}},
    "required": ["question"],
    "additionalProperties": False,
}
_TASK = """\
Below are a conversation and its last question. Write that question so that it is understood without the \
conversation: put in the names of what it points to, add nothing else, keep its language. If it is about \
something new, or understood already, copy it. Write JSON: {{"question": "..."}}

Conversation:
{conversation}

Last question: {question}"""


def rewritten(
    model: Model, question: str, history: Sequence[Turn], *, stop: threading.Event | None = None
) -> Generator[Queued, None, str | None]:
    """The question in full; yields its place while it waits for the model. None: search it as it stands.

    That is where nothing went before, where the prompt overruns the window, and where what came is cut,
    empty, longer than `LONGEST` or not the JSON that was asked for (a server that knows no grammar).
    """
    said = exchanges(history)[-EXCHANGES:]
    if not said:
        return None
    conversation = "\n".join(f"User: {asked}\nAssistant: {answer or '(none)'}" for asked, answer in said)
    task = _TASK.format(conversation=conversation, question=question)
    ids = encode_conversation([Turn("user", task)], model.tokenize)
    if len(ids) + REWRITTEN_TOKENS > model.window:
        return None
    text = ""
    for event in model.stream(
        ids, max_tokens=REWRITTEN_TOKENS, sampling=Sampling(temperature=0.0), grammar=_grammar(), stop=stop
    ):
        if isinstance(event, TextDelta):
            text += event.text
        elif isinstance(event, Queued):
            yield event
    return question_in(text)


def question_in(text: str) -> str | None:
    """The question in what the model wrote, on one line; None where there is none that can be used."""
    try:
        written = json.loads(text)
    except ValueError:
        return None
    question = written.get("question") if isinstance(written, dict) else None
    if not isinstance(question, str):
        return None
    line = " ".join(question.split())
    return line if len(line) <= LONGEST and any(map(str.isalnum, line)) else None


def _grammar() -> str:
    """JSON, after a space if it likes: OpenChat's first word after "Assistant:" brings one with it."""
    return schema_grammar(_SCHEMA).replace("root ::=", "rewritten ::=") + '\nroot ::= " "? rewritten\n'
