"""Asking, measured on a synthetic OpenChat: `python -m benchmarks.model [FOLDER]`.

Writes a GGUF of the real shape (7B, Q4_K and Q6_K blocks as in Q4_K_M, 4.4 GB) with random weights to FOLDER
(a temporary one, removed afterwards), which costs llama.cpp per token exactly what the real file costs. What
it says is gibberish; speed is all that is measured. Two ways are compared in one process, in turns, and the
ratio of their medians is given, because machines are noisy.
"""

from __future__ import annotations

import json
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import gguf
import mistral_common
import numpy as np
from sentencepiece import SentencePieceProcessor

from rag.model import llama
from rag.model.llama import READ_BATCH, Engine, Piece, Read
from rag.model.lookup import GUESSED, Lookup
from rag.model.state_cache import StateCache
from rag.prompt import citation_grammar

ll = llama.ll  # loaded as the project loads it

# The model card's shape.
LAYERS, WIDTH, FEED_FORWARD, HEADS, KEY_HEADS, WINDOW = 32, 4096, 14336, 32, 8, 8192
Q4, Q6 = gguf.GGMLQuantizationType.Q4_K, gguf.GGMLQuantizationType.Q6_K
BLOCK_BYTES = {Q4: 144, Q6: 210}  # of 256 weights
PROMPT_TOKENS, ANSWER_TOKENS, ROUNDS = 256, 24, 3
READ_TOKENS = 1024  # about as many as six passages with the instruction
CASES = Path(__file__).parents[1] / "data" / "verdicts.jsonl"


def write_synthetic_openchat(path: Path) -> Path:
    """A GGUF of OpenChat 3.5's shape and vocabulary, with random weights."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("OpenChat 3.5, synthetic")
    writer.add_context_length(WINDOW)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    _add_vocabulary(writer)
    shapes = dict(_shapes())
    for name, (shape, kind) in shapes.items():
        if kind is None:
            writer.add_tensor_info(name, shape, np.dtype(np.float32), 4 * shape[0])
        else:
            row = shape[1] // 256 * BLOCK_BYTES[kind]
            writer.add_tensor_info(name, (shape[0], row), np.dtype(np.uint8), shape[0] * row, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    random = np.random.default_rng(0)
    for shape, kind in shapes.values():
        writer.write_tensor_data(_weights(shape, kind, random))
    writer.close()
    return path


def _add_vocabulary(writer: gguf.GGUFWriter) -> None:
    folder = Path(mistral_common.__file__).parent / "data"
    model = SentencePieceProcessor(model_file=str(folder / "tokenizer.model.v1"))
    count = model.vocab_size()
    kinds = [
        2 if model.is_unknown(i) else 3 if model.is_control(i) else 6 if model.is_byte(i) else 1
        for i in range(count)
    ]
    writer.add_vocab_size(count + 2)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(
        [*(model.id_to_piece(i).encode() for i in range(count)), b"<|end_of_turn|>", b"<|pad_0|>"]
    )
    writer.add_token_scores([*(model.get_score(i) for i in range(count)), 0.0, 0.0])
    writer.add_token_types([*kinds, 3, 3])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(32000)


def _shapes() -> Iterator[tuple[str, tuple[tuple[int, ...], gguf.GGMLQuantizationType | None]]]:
    """Q4_K_M as llama.cpp makes it: the output, and half of attn_v and ffn_down, in Q6_K."""
    narrow = WIDTH * KEY_HEADS // HEADS
    yield "token_embd.weight", ((32002, WIDTH), Q4)
    for layer in range(LAYERS):
        better = Q6 if layer < LAYERS // 8 or layer >= 7 * LAYERS // 8 or layer % 3 == 2 else Q4
        block = f"blk.{layer}."
        yield block + "attn_norm.weight", ((WIDTH,), None)
        yield block + "attn_q.weight", ((WIDTH, WIDTH), Q4)
        yield block + "attn_k.weight", ((narrow, WIDTH), Q4)
        yield block + "attn_v.weight", ((narrow, WIDTH), better)
        yield block + "attn_output.weight", ((WIDTH, WIDTH), Q4)
        yield block + "ffn_norm.weight", ((WIDTH,), None)
        yield block + "ffn_gate.weight", ((FEED_FORWARD, WIDTH), Q4)
        yield block + "ffn_up.weight", ((FEED_FORWARD, WIDTH), Q4)
        yield block + "ffn_down.weight", ((WIDTH, FEED_FORWARD), better)
    yield "output_norm.weight", ((WIDTH,), None)
    yield "output.weight", ((32002, WIDTH), Q6)


def _weights(
    shape: tuple[int, ...], kind: gguf.GGMLQuantizationType | None, random: np.random.Generator
) -> np.ndarray:
    if kind is None:
        return np.ones(shape, np.float32)
    blocks = shape[0] * shape[1] // 256
    tile = random.integers(0, 256, (4096, BLOCK_BYTES[kind]), dtype=np.uint8)
    scale = np.frombuffer(np.float16(0.0005).tobytes(), np.uint8)
    if kind == Q4:  # d and dmin, half precision, come first in a block
        tile[:, 0:2] = tile[:, 2:4] = scale
    else:  # d comes last
        tile[:, -2:] = scale
    data = np.resize(tile, (blocks, BLOCK_BYTES[kind]))
    return data.reshape(shape[0], -1)


# --- the two ways -------------------------------------------------------------------------------------


def bare(engine: Engine, ids: Sequence[int], tokens: int) -> tuple[float, float]:
    """llama.cpp with nothing around it, in the engine's own context: tokens a second in and out."""
    context = engine._context
    ll.llama_memory_clear(engine._memory, True)
    engine._ids = []
    sampler = ll.llama_sampler_init_greedy()
    begun = time.monotonic()
    for start in range(0, len(ids), READ_BATCH):
        _bare_decode(context, ids[start : start + READ_BATCH])
    ll.llama_synchronize(context)
    read = time.monotonic()
    for left in range(tokens, 0, -1):
        token = ll.llama_sampler_sample(sampler, context, -1)
        if left > 1:  # nothing comes after the last one
            _bare_decode(context, [token])
    ll.llama_synchronize(context)
    done = time.monotonic()
    ll.llama_sampler_free(sampler)
    ll.llama_memory_clear(engine._memory, True)
    return len(ids) / (read - begun), tokens / (done - read)


def _bare_decode(context: Any, ids: Sequence[int]) -> None:
    tokens = (ll.llama_token * len(ids))(*ids)  # must outlive the call
    if ll.llama_decode(context, ll.llama_batch_get_one(tokens, len(ids))):
        raise AssertionError("llama.cpp failed")


def ours(engine: Engine, ids: Sequence[int], tokens: int, grammar: str | None = None) -> tuple[float, float]:
    """The same through `Engine.generate`."""
    engine._keep(0)
    begun = time.monotonic()
    read = begun
    count = 0
    with patch.object(Lookup, "guess", return_value=[]):  # random weights say the same over and over
        for event in engine.generate(
            ids, max_tokens=tokens, end=frozenset(), banned=(0, 1, 32001), grammar=grammar
        ):
            if isinstance(event, Read):
                read = time.monotonic()
            count += isinstance(event, Piece)
    return len(ids) / (read - begun), count / (time.monotonic() - read)


def first_token_seconds(engine: Engine, ids: Sequence[int]) -> float:
    """From the question to the first word."""
    begun = time.monotonic()
    for event in engine.generate(ids, max_tokens=1, end=frozenset()):
        if isinstance(event, Piece):
            return time.monotonic() - begun
    raise AssertionError("no token came")


def main() -> None:
    """Writes the model, measures, prints a table."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(temporary)
        path = folder / "synthetic-openchat.Q4_K_M.gguf"
        if not path.exists():
            write_synthetic_openchat(path)
        print(f"{path.stat().st_size / 1e9:.2f} GB; {platform.platform()}; reading in steps of {READ_BATCH}")
        _measure(path)


def _measure(path: Path) -> None:
    begun = time.monotonic()
    engine = Engine(path, window=WINDOW)
    print(f"loading: {time.monotonic() - begun:.1f} s")
    random = np.random.default_rng(1)
    ids = [1, *random.integers(300, 31000, PROMPT_TOKENS - 1).tolist()]
    ways: dict[str, Callable[[], tuple[float, float]]] = {
        "bare llama.cpp": lambda: bare(engine, ids, ANSWER_TOKENS),
        "ours": lambda: ours(engine, ids, ANSWER_TOKENS),
        "ours, with the citation grammar": lambda: ours(engine, ids, ANSWER_TOKENS, citation_grammar(6)),
    }
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            results[name].append(way())
    speeds = {
        name: [statistics.median(column) for column in zip(*runs, strict=True)]
        for name, runs in results.items()
    }
    base = speeds["bare llama.cpp"]
    print(f"{'':34}{'tokens/s in':>12}{'ratio':>7}{'tokens/s out':>14}{'ratio':>7}")
    for name, (read, write) in speeds.items():
        print(f"{name:34}{read:12.1f}{read / base[0]:7.3f}{write:14.2f}{write / base[1]:7.3f}")
    _follow_up(path, engine, random)
    _guesses(engine, random)
    print(f"memory at its largest: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


def _follow_up(path: Path, engine: Engine, random: np.random.Generator) -> None:
    """Cold; a follow-up, which adds a question to what was read; and cold again with the state from disk."""
    ids = [1, *random.integers(300, 31000, READ_TOKENS - 1).tolist()]
    question = random.integers(300, 31000, 40).tolist()
    with tempfile.TemporaryDirectory() as folder:
        engine._states = StateCache(str(path), folder=Path(folder))
        engine._keep(0)
        cold = first_token_seconds(engine, ids)
        follow_up = first_token_seconds(engine, [*ids, *question])
        engine._states.flush()
        engine._states = StateCache(str(path), folder=Path(folder))  # as another process finds it
        engine._keep(0)
        tomorrow = first_token_seconds(engine, ids)
        engine._states = None
    print(
        f"first token of a prompt of {READ_TOKENS}: cold {cold:.1f} s; a follow-up of 40 more "
        f"{follow_up:.2f} s, {cold / follow_up:.1f} times sooner; asked again another day {tomorrow:.2f} s, "
        f"{cold / tomorrow:.0f} times sooner"
    )


def _guesses(engine: Engine, random: np.random.Generator) -> None:
    """What several tokens in one go cost, and what guessing gains on sentences that people wrote."""
    engine._keep(min(len(engine._ids), PROMPT_TOKENS))
    start = len(engine._ids)
    seconds: dict[int, list[float]] = {count: [] for count in range(1, GUESSED + 2)}
    for _ in range(2 * ROUNDS):
        for count, times in seconds.items():
            engine._keep(start)
            begun = time.monotonic()
            engine._decode(random.integers(300, 31000, count).tolist(), all_logits=True)
            ll.llama_synchronize(engine._context)
            times.append(time.monotonic() - begun)
    cost = {count: statistics.median(times) for count, times in seconds.items()}
    print("tokens in one go: " + ", ".join(f"{n} cost {cost[n] / cost[1]:.2f}" for n in cost))
    cases = [json.loads(line) for line in CASES.read_text("utf-8").splitlines()]
    for language in ("en", "zh"):
        for name, kinds in (("verbatim", {"verbatim"}), ("in other words", None)):
            pairs = [
                (engine.tokenize(case["passage"]), engine.tokenize(case["sentence"]))
                for case in cases
                if case["expected"] == "supported" and case["language"] == language
                if (case["kind"] in kinds if kinds else case["kind"] != "verbatim")
            ]
            alone = sum(len(answer) for _, answer in pairs) * cost[1]
            guessed = sum(cost[step] for pair in pairs for step in steps(*pair))
            print(f"guessing, {language}, {len(pairs)} sentences {name}: {alone / guessed:.2f} times as fast")


def steps(prompt: Sequence[int], answer: Sequence[int]) -> Iterator[int]:
    """How many tokens each decoding has when exactly this answer is written, as `Engine` does it."""
    lookup = Lookup(prompt)
    place = 0
    while place < len(answer):
        lookup.add(answer[place])
        place += 1
        guess = lookup.guess()
        yield 1 + len(guess)
        for token in guess:
            if place == len(answer) or token != answer[place]:
                break
            lookup.add(token)
            place += 1


if __name__ == "__main__":
    main()
