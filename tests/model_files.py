"""Small GGUF files with OpenChat's real vocabulary, for real llama.cpp runs without the real weights.

`write_model` takes the 32000 pieces from mistral-common's `tokenizer.model.v1`, which OpenChat's vocabulary
starts with, and adds a few small tensors. Three kinds of weights:

- random ones (the default): the text is gibberish, everything else is real;
- a preference: whatever it has read, it likes the first of these tokens best, then the second, and so on, so
  that a grammar alone decides what is said;
- a script: the layers add nothing, and the output matrix maps each token of the script to the one after it,
  so that greedy decoding says exactly these words. A token can stand in the script once only.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import gguf
import mistral_common
import numpy as np
from sentencepiece import SentencePieceProcessor

END_OF_TURN, PAD = 32000, 32001
COLON = 28747  # the last token of "GPT4 Correct Assistant:", after which a script starts
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ 'GPT4 Correct ' + message['role'].title() + ': ' "
    "+ message['content'] + '<|end_of_turn|>'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'GPT4 Correct Assistant:' }}{% endif %}"
)


@cache
def sentencepiece() -> SentencePieceProcessor:
    """Mistral's tokenizer, the reference that llama.cpp's is compared with."""
    path = Path(mistral_common.__file__).parent / "data" / "tokenizer.model.v1"
    return SentencePieceProcessor(model_file=str(path))


@cache
def vocabulary() -> tuple[tuple[bytes, ...], tuple[float, ...], tuple[int, ...]]:
    """The 32000 pieces, their scores, and their types in GGUF's numbers."""
    model = sentencepiece()
    types = []
    for token in range(model.vocab_size()):
        if model.is_unknown(token):
            types.append(gguf.TokenType.UNKNOWN)
        elif model.is_control(token):
            types.append(gguf.TokenType.CONTROL)
        elif model.is_byte(token):
            types.append(gguf.TokenType.BYTE)
        else:
            types.append(gguf.TokenType.NORMAL)
    pieces = [model.id_to_piece(token).encode() for token in range(model.vocab_size())]
    scores = [model.get_score(token) for token in range(model.vocab_size())]
    return tuple(pieces), tuple(scores), tuple(int(kind) for kind in types)


def write_model(
    path: Path,
    *,
    end_of_turn_type: gguf.TokenType = gguf.TokenType.CONTROL,
    script: Sequence[int] | None = None,
    preference: Sequence[int] | None = None,
    seed: int = 0,
    width: int = 128,
    window: int = 8192,
    end: int = END_OF_TURN,
    chat_template: str | None = CHAT_TEMPLATE,
) -> Path:
    """Writes a GGUF of about 17 MB to `path`; `script` is what it will say, `end` what the file ends at."""
    pieces, scores, types = vocabulary()
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("OpenChat 3.5 shape, small")
    writer.add_context_length(window)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(width * 2)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_rope_dimension_count(width // 4)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(pieces) + 2)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([*pieces, b"<|end_of_turn|>", b"<|pad_0|>"])
    writer.add_token_scores([*scores, 0.0, 0.0])
    writer.add_token_types([*types, int(end_of_turn_type), int(end_of_turn_type)])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(end)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    if chat_template:
        writer.add_chat_template(chat_template)
    for name, tensor in _tensors(width, script, preference, seed).items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def script_tokens(text: str) -> list[int]:
    """`text` as the tokens that a scripted model says; raises ValueError where one stands twice."""
    ids = sentencepiece().encode(text)
    twice = {sentencepiece().id_to_piece(token) for token in ids if ids.count(token) > 1 or token == COLON}
    if twice:
        raise ValueError(f"a script can hold each token once; these stand twice: {sorted(twice)}")
    return ids


def _tensors(
    width: int, script: Sequence[int] | None, preference: Sequence[int] | None, seed: int
) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    size = PAD + 1

    def matrix(rows: int, columns: int, scale: float) -> np.ndarray:
        return (random.standard_normal((rows, columns)) * scale).astype(np.float32)

    embeddings = matrix(size, width, 1.0)
    output = matrix(size, width, 0.2)
    if script is not None:
        output[:] = 0
        for before, after in zip([COLON, *script], [*script, END_OF_TURN], strict=True):
            output[after] = embeddings[before]
    if preference is not None:
        embeddings[:] = 1
        output[:] = 0
        for rank, token in enumerate(preference):
            output[token] = 1 - rank / len(preference)
    layer = 0.1 if script is None and preference is None else 0.0
    tensors = {
        "token_embd.weight": embeddings.astype(np.float16),
        "output.weight": output.astype(np.float16),
        "output_norm.weight": np.ones(width, np.float32),
        "blk.0.attn_norm.weight": np.ones(width, np.float32),
        "blk.0.ffn_norm.weight": np.ones(width, np.float32),
    }
    for name, rows in {
        "attn_q": width,
        "attn_k": width // 2,
        "attn_v": width // 2,
        "attn_output": width,
    }.items():
        tensors[f"blk.0.{name}.weight"] = matrix(rows, width, layer)
    tensors["blk.0.ffn_gate.weight"] = matrix(width * 2, width, layer)
    tensors["blk.0.ffn_up.weight"] = matrix(width * 2, width, layer)
    tensors["blk.0.ffn_down.weight"] = matrix(width, width * 2, layer)
    return tensors
