"""The bundled model's arithmetic in OpenVINO: built of the published weights, compiled for this processor.

Takes rows of token ids with their mask, gives the last layer's states. It is there in half a second, where
torch takes several to import, and needs a third of torch's time for the same texts. Does not tokenise or
pool.

OpenVINO's Python package sends an event to Google when it is imported, through `openvino_telemetry`, and does
without where that is missing. Here it always is: nothing in this process can import it (see `_openvino`).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from rag.processors import processors

LAYERS, HEADS, DIMENSION = 6, 12, 384
LENGTHS = 16  # a row is padded to a multiple of this: each new shape is compiled once


def available() -> bool:
    """Whether OpenVINO is installed; it has no wheels for some processors."""
    try:
        _openvino()
    except ImportError:
        return False
    return True


def cores() -> int:
    """How many requests are worked on at once: as many as there are processors for this process.

    `OMP_NUM_THREADS` says so where it is set; a Ray worker has it set to the cores that its task was given.
    """
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    return processors()


def _openvino() -> Any:
    """The package, without its telemetry: a module that is None in `sys.modules` can't be imported."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino

    return openvino


def load(weights: Path, *, precision: str) -> Any:
    """The compiled model; `precision` is `float32`, `bfloat16`, or `auto`: what the processor is quick in."""
    from safetensors.numpy import load_file

    core = _openvino().Core()
    able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    quick = precision == "bfloat16" or (precision == "auto" and "BF16" in able)
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if quick else "f32",
        # a request is one core's: no core waits for another, which costs most where they are shared
        "NUM_STREAMS": cores(),
        "INFERENCE_NUM_THREADS": cores(),
    }
    return core.compile_model(_graph(load_file(weights)), "CPU", settings)


def hidden_states(model: Any, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """float32 [rows, length, 384]; usable from many threads at once."""
    length = ids.shape[1]
    wider = ((0, 0), (0, -length % LENGTHS))
    ids, mask = np.pad(ids, wider), np.pad(mask, wider)
    request = model.create_infer_request()  # one a call: a request is one thread's
    states: np.ndarray = request.infer({"ids": ids, "mask": mask})[0][:, :length]
    return states


def _graph(weights: dict[str, np.ndarray]) -> Any:
    """BERT as all-MiniLM-L6-v2 has it, for any number of rows of any length."""
    openvino = _openvino()
    op = openvino.opset13

    def linear(values: Any, name: str) -> Any:
        product = op.matmul(values, op.constant(weights[f"{name}.weight"]), False, True)
        return op.add(product, op.constant(weights[f"{name}.bias"]))

    def normed(values: Any, name: str) -> Any:
        centred = op.mvn(values, op.constant(np.array([-1])), True, 1e-12, "inside_sqrt")
        scaled = op.multiply(centred, op.constant(weights[f"{name}.weight"]))
        return op.add(scaled, op.constant(weights[f"{name}.bias"]))

    def heads(values: Any, name: str) -> Any:
        shape = op.constant(np.array([0, 0, HEADS, DIMENSION // HEADS]))
        return op.transpose(op.reshape(linear(values, name), shape, True), op.constant([0, 2, 1, 3]))

    ids = op.parameter([-1, -1], np.int64, name="ids")
    mask = op.parameter([-1, -1], bool, name="mask")
    length = op.gather(op.shape_of(ids), op.constant(1), op.constant(0))
    places = op.range(op.constant(0), length, op.constant(1), "i64")
    words, positions, kind = (
        weights[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type")
    )
    hidden = op.add(
        op.gather(op.constant(words), ids, op.constant(0)),
        op.gather(op.constant(positions + kind[0]), places, op.constant(0)),
    )
    hidden = normed(hidden, "embeddings.LayerNorm")
    allowed = op.unsqueeze(mask, op.constant([1, 2]))
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}."
        query, key, value = (
            heads(hidden, f"{layer}attention.self.{name}") for name in ("query", "key", "value")
        )
        mixed = op.scaled_dot_product_attention(query, key, value, allowed)
        mixed = op.reshape(
            op.transpose(mixed, op.constant([0, 2, 1, 3])), op.constant([0, 0, DIMENSION]), True
        )
        mixed = linear(mixed, f"{layer}attention.output.dense")
        hidden = normed(op.add(hidden, mixed), f"{layer}attention.output.LayerNorm")
        wide = op.gelu(linear(hidden, f"{layer}intermediate.dense"), "erf")
        narrow = linear(wide, f"{layer}output.dense")
        hidden = normed(op.add(hidden, narrow), f"{layer}output.LayerNorm")
    return openvino.Model([op.result(hidden)], [ids, mask], "all-MiniLM-L6-v2")
