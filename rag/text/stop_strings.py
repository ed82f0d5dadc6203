"""Stop strings: a text ends before the first of them, wherever one piece of it ends and the next begins.

The first is the one that is whole first, as for a reader of the text as it is written; of two that end at the
same place, the longer. Takes pieces of text, gives what of them is certain. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence


class StopStrings:
    """Reads one text: `feed` its pieces, then say `held`, unless it has `ended`."""

    def __init__(self, stops: Sequence[str]) -> None:
        self.held = ""  # may be the beginning of a stop string
        self.ended = False
        self._stops = [stop for stop in stops if stop]
        self._longest = max(map(len, self._stops), default=0)

    def feed(self, piece: str) -> str:
        """What can be said now; nothing more once it has ended."""
        if self.ended:
            return ""
        held = self.held + piece
        found = [(at + len(stop), at) for stop in self._stops if (at := held.find(stop)) >= 0]
        self.ended = bool(found)
        said = held[: min(found)[1]] if found else held[: max(0, len(held) - self._longest + 1)]
        self.held = "" if found else held[len(said) :]
        return said
