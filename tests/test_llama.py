"""Real llama.cpp on small files: what is read, reused, stopped, and what a grammar admits."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from model_files import script_tokens, write_model

from rag.errors import ModelFailed, ModelInvalid, WindowExceeded
from rag.model import llama
from rag.model.llama import READ_BATCH, Engine, Piece, Read, Sampling
from rag.prompt import citation_grammar
from rag.records import Turn
from rag.template import encode_conversation

END = frozenset({32000, 2})
NEVER = (0, 1, 32001)


@pytest.fixture(scope="module")
def engine(random_model: Path) -> Engine:
    return Engine(random_model, window=4096, threads=1)


def prompt(engine: Engine, text: str) -> list[int]:
    return encode_conversation([Turn("user", text)], engine.tokenize)


def said(events: list[Read | Piece]) -> list[int]:
    return [event.token for event in events if isinstance(event, Piece)]


def test_a_script_is_said_to_the_letter(scripted_model: Callable[[str], Path]) -> None:
    words = "The lighthouse was finished in 1759 [2]."
    engine = Engine(scripted_model(words), window=512)
    events = list(engine.generate(prompt(engine, "When?"), max_tokens=50, end=END))
    assert b"".join(event.data for event in events if isinstance(event, Piece)) == b" " + words.encode()


def test_greedy_agrees_with_llama_cpps_own_loop(random_model: Path, engine: Engine) -> None:
    import llama_cpp

    ids = prompt(engine, "Hello there")
    reference = llama_cpp.Llama(str(random_model), n_ctx=512, verbose=False)
    expected = []
    for token in reference.generate(ids, temp=0.0, repeat_penalty=1.0):
        expected.append(token)
        if len(expected) == 20:
            break
    assert said(list(engine.generate(ids, max_tokens=20, end=END))) == expected


def test_guesses_change_nothing_but_the_number_of_steps(
    scripted_model: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "The lighthouse on that reef was finished in 1759, says its keeper."
    engine = Engine(scripted_model(words), window=512)
    steps: list[int] = []
    decode = engine._decode
    monkeypatch.setattr(engine, "_decode", lambda ids, **kw: steps.append(len(ids)) or decode(ids, **kw))

    def run(text: str) -> tuple[bytes, int]:
        ids = prompt(engine, text)
        steps.clear()
        events = list(engine.generate(ids, max_tokens=50, end=END))
        assert engine._ids[: len(ids)] == ids
        assert engine._ids[len(ids) :] == said(events)  # no wrong guess is left in the memory
        return b"".join(event.data for event in events if isinstance(event, Piece)), len(steps)

    without, single = run("When?")
    copied, fewer = run(f"When? {words}")
    misled, more = run("When? The lighthouse on that sandbank was finished in 1760, it says.")
    assert without == copied == misled == b" " + words.encode()
    assert fewer < single / 2
    assert fewer < more <= single


def test_guesses_do_not_change_what_random_weights_say(random_model: Path) -> None:
    """Each token is the best one after those before it, read one by one, but for rounding."""
    import llama_cpp

    engine = Engine(random_model, window=1024, threads=1)
    ids = prompt(engine, "the same words over and over " * 20)
    answer = said(list(engine.generate(ids, max_tokens=60, end=frozenset())))
    reference = llama_cpp.Llama(str(random_model), n_ctx=1024, n_threads=1, logits_all=True, verbose=False)
    reference.eval(ids)
    for token in answer:
        logits = reference.scores[reference.n_tokens - 1]
        assert logits[token] > logits.max() - 0.01 * logits.std()
        reference.eval([token])


def test_the_answer_ends_with_its_reserve_though_more_was_guessed(
    scripted_model: Callable[[str], Path],
) -> None:
    words = "The lighthouse on that reef was finished in 1759."
    engine = Engine(scripted_model(words), window=512)
    ids = prompt(engine, words)
    for count in range(1, 9):
        assert len(said(list(engine.generate(ids, max_tokens=count, end=END)))) == count
        assert len(engine._ids) == len(ids) + count - 1  # nothing comes after the last one: it is not decoded


def test_reading_is_told_in_steps(engine: Engine) -> None:
    ids = prompt(engine, "word " * 500)
    events = list(engine.generate(ids, max_tokens=1, end=END))
    reads = [event for event in events if isinstance(event, Read)]
    assert [read.done for read in reads] == [*range(reads[0].reused, len(ids), READ_BATCH), len(ids)]


def test_what_was_read_is_reused_and_changes_nothing(random_model: Path) -> None:
    first = Engine(random_model, window=2048)
    long = prompt(first, "word " * 300)
    follow_up = [*long, 22557, 32000, *prompt(first, "And?")[1:]]
    list(first.generate(long, max_tokens=5, end=END))
    events = list(first.generate(follow_up, max_tokens=10, end=END))
    assert isinstance(events[0], Read)
    assert events[0].reused >= len(long)
    fresh = Engine(random_model, window=2048)
    assert said(events) == said(list(fresh.generate(follow_up, max_tokens=10, end=END)))


def test_the_same_prompt_again_reads_one_token(engine: Engine) -> None:
    ids = prompt(engine, "the same words")
    list(engine.generate(ids, max_tokens=3, end=END))
    events = list(engine.generate(ids, max_tokens=3, end=END))
    assert events[0] == Read(len(ids) - 1, len(ids), len(ids) - 1)


def test_a_grammar_admits_only_the_passages_marks(engine: Engine) -> None:
    """A thousand answers of random weights at a high temperature: no mark outside the passages."""
    from rag.prompt import citation_grammar

    grammar = citation_grammar(3)
    ids = prompt(engine, "x")
    marks = 0
    for seed in range(1000):
        sampling = Sampling(temperature=1.5, top_k=200, top_p=1.0, seed=seed)
        events = engine.generate(ids, max_tokens=6, end=END, banned=NEVER, sampling=sampling, grammar=grammar)
        text = b"".join(event.data for event in events if isinstance(event, Piece)).decode("utf-8", "ignore")
        inside = re.findall(r"\[([^\]]*)\]?", text)
        assert set(inside) <= {"", "1", "2", "3"}, text
        marks += len(inside)
    assert marks > 0


def test_a_grammar_that_refuses_the_best_token(engine: Engine) -> None:
    events = engine.generate(prompt(engine, "x"), max_tokens=50, end=END, grammar='root ::= " yes" | " no"')
    text = b"".join(event.data for event in events if isinstance(event, Piece))
    assert text in (b" yes", b" no")


def test_a_grammar_lets_a_turn_end_whatever_the_file_says_ends_one(tmp_path: Path) -> None:
    """Some files name `</s>`, as Mistral's do; the model ends its turns with 32000 all the same."""
    words = "The lighthouse was finished in 1759 [2]."
    path = write_model(tmp_path / "other-end.gguf", script=script_tokens(words), end=2)
    engine = Engine(path, window=512, threads=1)
    events = list(
        engine.generate(
            prompt(engine, "When?"), max_tokens=60, end=END, banned=NEVER, grammar=citation_grammar(2)
        )
    )
    assert b"".join(event.data for event in events if isinstance(event, Piece)) == b" " + words.encode()


def test_a_grammar_that_is_none(engine: Engine) -> None:
    with pytest.raises(ModelFailed, match="can't read this grammar: 'root ::= \\('"):
        list(engine.generate(prompt(engine, "x"), max_tokens=5, end=END, grammar="root ::= ("))


def test_seeds(engine: Engine) -> None:
    def run(seed: int) -> list[int]:
        sampling = Sampling(temperature=1.0, seed=seed)
        return said(list(engine.generate(prompt(engine, "x"), max_tokens=15, end=END, sampling=sampling)))

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_the_repeat_penalty_follows_the_paper() -> None:
    """Positive logits are divided by it, negative ones multiplied (arXiv 1909.05858, section 4.1)."""
    from rag.model.llama import _Sampler

    sampler = _Sampler.__new__(_Sampler)
    sampler.sampling = Sampling(repeat_penalty=2.0)
    sampler.recent = [0, 1, 1]
    logits = np.array([4.0, -4.0, 4.0], np.float32)
    sampler._penalise_repeats(logits)
    assert logits.tolist() == [2.0, -8.0, 4.0]


def test_stop_while_reading(random_model: Path) -> None:
    engine = Engine(random_model, window=8192, threads=1)
    ids = prompt(engine, "word " * 7000)
    stop = threading.Event()
    events = engine.generate(ids, max_tokens=5, end=END, stop=stop)
    assert isinstance(next(events), Read)
    assert isinstance(next(events), Read)
    stop.set()
    asked = time.monotonic()
    rest = list(events)
    assert time.monotonic() - asked < 1
    assert not said(rest)
    # The next prompt works, and reuses what had been read.
    again = list(engine.generate(ids[:200], max_tokens=3, end=END))
    assert isinstance(again[0], Read)
    assert again[0].reused >= READ_BATCH
    assert said(again) == said(
        list(Engine(random_model, window=512).generate(ids[:200], max_tokens=3, end=END))
    )


def test_stop_ends_a_batch_that_is_being_read(random_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """llama.cpp itself is told: a batch of a 7B takes seconds."""
    monkeypatch.setattr(llama, "READ_BATCH", 8000)
    engine = Engine(random_model, window=8192, threads=1)
    ids = prompt(engine, "word " * 7000)
    stop = threading.Event()
    events = engine.generate(ids, max_tokens=5, end=END, stop=stop)
    assert next(events) == Read(0, len(ids), 0)
    timer = threading.Timer(0.2, stop.set)
    timer.start()
    assert list(events) == []
    timer.join()
    assert engine._ids == []
    assert said(list(engine.generate(ids[:50], max_tokens=2, end=frozenset())))


def test_the_end_of_reading_is_not_waited_for(random_model: Path) -> None:
    """The watch for Stop looks every twentieth of a second, and is told when there is nothing to watch."""
    engine = Engine(random_model, window=512, threads=1)
    waited = []
    for _ in range(5):
        begun = time.monotonic()
        with engine._aborting_on(threading.Event()):
            pass
        waited.append(time.monotonic() - begun)
    assert min(waited) < 0.02


def test_stop_while_writing(engine: Engine) -> None:
    stop = threading.Event()
    events = engine.generate(prompt(engine, "x"), max_tokens=200, end=frozenset(), stop=stop)
    tokens = 0
    for event in events:
        tokens += isinstance(event, Piece)
        if tokens == 3:
            stop.set()
    assert tokens == 3


def test_closing_the_iterator_leaves_the_engine_ready(engine: Engine) -> None:
    events = engine.generate(prompt(engine, "first"), max_tokens=100, end=frozenset())
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert len(said(list(engine.generate(prompt(engine, "second"), max_tokens=4, end=frozenset())))) == 4


@pytest.mark.parametrize(
    ("given", "spins"), [({}, "3000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "PASSIVE"}, "0")]
)
def test_waiting_threads_spin_for_a_moment_only(given: dict[str, str], spins: str) -> None:
    """As libgomp itself tells it when it is loaded; what the user has set wins."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))
    }
    told = subprocess.run(
        [sys.executable, "-c", "import rag.model.llama"],
        env={**environment, "OMP_DISPLAY_ENV": "VERBOSE", **given},
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    assert f"GOMP_SPINCOUNT = '{spins}'" in told


def test_over_the_window(engine: Engine) -> None:
    with pytest.raises(WindowExceeded, match="a prompt of 4090 tokens and an answer of 10 do not fit"):
        next(iter(engine.generate([1] * 4090, max_tokens=10, end=END)))


def test_bytes_of_a_character_in_several_tokens(engine: Engine) -> None:
    ids = engine.tokenize("𓀀")
    assert len(ids) > 2
    assert b"".join(map(engine.piece, ids)).decode() == " 𓀀"


def test_a_header_that_lies_about_its_tensors(random_model: Path, tmp_path: Path) -> None:
    data = bytearray(random_model.read_bytes())
    place = data.index(b"output_norm.weight")
    data[place : place + 6] = b"xutput"
    path = tmp_path / "renamed.gguf"
    path.write_bytes(bytes(data))
    with pytest.raises(ModelInvalid, match=r"llama\.cpp can't load renamed\.gguf"):
        Engine(path, window=512)
