"""Follow-ups written out by a model: what it is asked, what is made of its words, and the chain's search."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from small_index import write_index

from rag.chain import load_chain
from rag.errors import UsageError
from rag.model.loaded_model import Model, load_model
from rag.records import Queued, Retrieved, Turn
from rag.search.rewrite import LONGEST, question_in, rewritten
from rag.settings import load_settings

HISTORY = [Turn("user", "Who knows sourdough?"), Turn("assistant", "Bakers do.")]
REWRITTEN = '{"question":"Who ordered Tongji canal 大运河"}'


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_index(tmp_path_factory.mktemp("rewrite") / "index")


@pytest.fixture
def says(scripted_model: Callable[[str], Path]) -> Callable[[str], Model]:
    return lambda text: load_model(load_settings({"model": str(scripted_model(text))}))


def outcome(writing: Generator[Queued, None, str | None]) -> str | None:
    while True:
        try:
            next(writing)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def test_the_question_in_full(says: Callable[[str], Model]) -> None:
    assert outcome(rewritten(says(REWRITTEN), "And?", HISTORY)) == "Who ordered Tongji canal 大运河"


def test_without_a_conversation_the_model_is_not_asked(says: Callable[[str], Model]) -> None:
    model = says(REWRITTEN)
    assert outcome(rewritten(model, "And?", [])) is None
    assert outcome(rewritten(model, "And?", [Turn("assistant", "Ask me.")])) is None


def test_what_overruns_the_window_is_not_asked(scripted_model: Callable[[str], Path]) -> None:
    model = load_model(load_settings({"model": str(scripted_model(REWRITTEN)), "window": 256}))
    assert outcome(rewritten(model, "and then " * 300, HISTORY)) is None


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ('{"question": "How tall is\\n the tower?"}', "How tall is the tower?"),
        (' {"question": "塔有多高？"}', "塔有多高？"),
        ('{"question": "How tall', None),  # cut
        ('{"question": "  ?"}', None),
        ('{"question": 7}', None),
        ('["How tall?"]', None),
        ("How tall is the tower?", None),
        ("", None),
        (f'{{"question": "{"x" * (LONGEST + 1)}"}}', None),
    ],
)
def test_what_can_be_used(text: str, question: str | None) -> None:
    assert question_in(text) == question


@pytest.mark.parametrize(("rewrite", "first"), [("model", "运河.txt"), ("words", "bread.md")])
def test_the_chain_searches_what_the_model_wrote(
    index: Path, scripted_model: Callable[[str], Path], rewrite: str, first: str
) -> None:
    settings = load_settings(
        {"index": str(index), "model": str(scripted_model(REWRITTEN)), "rewrite": rewrite}
    )
    with load_chain(settings=settings) as chain:
        events = chain.events("And which yeast is in it?", HISTORY)
        found = next(event for event in events if isinstance(event, Retrieved))
        events.close()
    assert found.passages[0].source == first


def test_another_way_is_refused() -> None:
    with pytest.raises(UsageError, match="flag: rewrite is 'magic'; it takes words or model"):
        load_settings({"rewrite": "magic"})
