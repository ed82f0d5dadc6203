"""The conversations of all tabs: those that are going on, and those that are kept.

Takes the history, gives conversations: a tab that opens one which another tab (or a closed one) has begun
gets the same object, so that an answer still being written goes on growing there. Without a history
conversations work all the same, and are kept nowhere.
"""

from __future__ import annotations

import threading
from weakref import WeakValueDictionary

from rag.errors import StoreError, UsageError
from ui.conversation import Ask, Conversation, Exchange
from ui.history import History, Kept, Listed


class Conversations:
    """One per process. `trouble` says in words why none is kept, when that is so."""

    def __init__(self, history: History | None, trouble: str | None = None) -> None:
        self.trouble = trouble
        self._history = history
        self._going: WeakValueDictionary[str, Conversation] = WeakValueDictionary()
        self._lock = threading.Lock()

    def begin(self, place: str, ask: Ask) -> Conversation:
        """A fresh one about the index at `place`; it is kept from its first question on."""
        if self._history is None:
            return Conversation(ask)
        keeper = self._history.begin(place)
        conversation = Conversation(ask, id=keeper.id, keep=keeper)
        self._going[keeper.id] = conversation
        return conversation

    def take_up(self, place: str, name: str, ask: Ask) -> Conversation:
        """The one of that id; raises `UsageError` when it was removed, or is about another index."""
        with self._lock:
            going = self._going.get(name)
            if going is not None:
                return going
            if all(one.id != name for one in self.listed(place)):
                raise UsageError("this conversation is about another index, or was removed")
            exchanges = [
                Exchange.ended(one.number, one.question, one.progress, one.seconds)
                for one in self.kept(name).exchanges
            ]
            keeper = self._of().go_on(place, name)
            conversation = Conversation(ask, id=name, keep=keeper, exchanges=exchanges)
            self._going[name] = conversation
            return conversation

    def is_busy(self, name: str) -> bool:
        """Whether an answer of it is being written."""
        going = self._going.get(name)
        return going is not None and going.busy

    def listed(self, place: str, wanted: str = "") -> list[Listed]:
        """As `History.listed`; none where nothing is kept."""
        return self._history.listed(place, wanted) if self._history is not None else []

    def kept(self, name: str) -> Kept:
        """All that is kept of one."""
        return self._of().load(name)

    def rename(self, name: str, title: str) -> None:
        """As `History.rename`."""
        self._of().rename(name, title)

    def remove(self, name: str) -> None:
        """Removes it, and stops what is being written of it."""
        self._of().remove(name)
        going = self._going.pop(name, None)
        if going is not None:
            going.stop()

    def _of(self) -> History:
        if self._history is None:
            raise StoreError(self.trouble or "conversations are not kept here")
        return self._history
