"""What the page holds for a whole process: the model of all indexes, and that the one before goes."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

from rag.model.llama import Sampling
from rag.model.loaded_model import LoadedModel, load_model
from rag.settings import Settings
from rag.template import encode_text
from ui.workspaces import Workspaces


def test_another_model_takes_the_place_of_the_one_before(
    tmp_path: Path, scripted_model: Callable[[str], Path], random_model: Path
) -> None:
    workspaces = Workspaces(
        Settings(index=str(tmp_path / "index"), model=str(scripted_model("One.")), window=256)
    )
    workspace = workspaces.at()
    assert workspace.chain().model_name == scripted_model("One.").stem
    first = weakref.ref(load_model(workspaces.settings).engine)  # type: ignore[union-attr]
    workspaces.use_model(str(random_model))
    assert workspace.chain().model_name == random_model.stem
    gc.collect()
    assert first() is None
    second = weakref.ref(load_model(workspaces.settings).engine)  # type: ignore[union-attr]
    workspaces.use_model(None)
    assert workspace.chain().model_name is None
    gc.collect()
    assert second() is None


def test_an_answer_under_way_keeps_its_model_to_the_end(tmp_path: Path, random_model: Path) -> None:
    workspaces = Workspaces(Settings(index=str(tmp_path / "index"), model=str(random_model), window=256))
    model = load_model(workspaces.settings)
    assert isinstance(model, LoadedModel)
    ids = encode_text("Hello", model.tokenize)
    stream = model.stream(ids, max_tokens=40, sampling=Sampling(), stop=threading.Event())
    next(stream)
    engine = weakref.ref(model.engine)
    del model
    workspaces.use_model(None)
    gc.collect()
    assert engine() is not None
    assert sum(1 for _ in stream) > 5
    del stream
    gc.collect()
    assert engine() is None
