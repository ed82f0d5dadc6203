"""All that a process of the page holds: an open workspace for each index in use, one model, the history.

Takes settings, gives workspaces by their index's folder. The model is the same for all of them, and can be
changed while the page is open. Knows nothing about Streamlit.
"""

from __future__ import annotations

import dataclasses
import threading

from rag.errors import StoreError
from rag.settings import Settings
from rag.store.open import index_place
from ui.conversations import Conversations
from ui.history import History, history_path
from ui.model_speed import SpeedLog
from ui.transfer import Transfer
from ui.workspace import Workspace


class Workspaces:
    """One per process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.conversations = _conversations()
        self.speed = SpeedLog()
        self.transfer = Transfer(self.use_model)
        self._open: dict[str, Workspace] = {}
        self._lock = threading.Lock()

    def at(self, index: str | None = None) -> Workspace:
        """The workspace of an index's folder or address; that of the settings without one. Opened once."""
        path = index_place(index or self.settings.index)
        with self._lock:
            if path not in self._open:
                settings = dataclasses.replace(self.settings, index=path)
                self._open[path] = Workspace(settings, conversations=self.conversations, speed=self.speed)
            return self._open[path]

    def use_model(self, model: str | None) -> None:
        """From the next question on this model answers, in every workspace; None: answers are quotes.

        The one before leaves the memory as soon as no answer is being written with it.
        """
        with self._lock:
            before = self.settings.model
            self.settings = dataclasses.replace(self.settings, model=model)
            for workspace in self._open.values():
                workspace.use_model(model)
            if before is not None and before != model:
                _let_go(before)


def _let_go(model: str) -> None:
    from rag.model.loaded_model import let_go

    let_go(model)


def _conversations() -> Conversations:
    """A history that can't be opened must keep nobody from asking."""
    try:
        return Conversations(History(history_path()))
    except StoreError as error:
        return Conversations(None, str(error))
