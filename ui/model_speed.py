"""How fast the model reads and writes, measured from the answers that it gave.

Takes answers and a counter of tokens, gives medians in tokens a second. Says nothing before there is an
answer to measure. Knows nothing about the model itself.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from rag.records import Answer

ANSWERS_KEPT = 20
_LEAST_READ = 32  # tokens; a few of them are read in a blink, which says nothing about a thousand
_LEAST_WRITTEN = 4


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens a second, in the median of so many answers; None where nothing could be measured yet."""

    answers: int
    read: float | None
    written: float | None


class SpeedLog:
    """The last answers' speeds, by model."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, deque[tuple[float | None, float | None]]] = {}

    def add(self, answer: Answer, count: Callable[[str], int]) -> None:
        """Takes an answer's figures; one that no model wrote has none."""
        if answer.mode != "openchat" or answer.model is None or answer.ledger is None:
            return
        ledger, timings = answer.ledger, answer.timings
        read = _rate(ledger.prompt - ledger.reused, timings.get("read", 0.0), _LEAST_READ)
        written = _rate(count(answer.text), timings.get("write", 0.0), _LEAST_WRITTEN)
        with self._lock:
            self._kept.setdefault(answer.model, deque(maxlen=ANSWERS_KEPT)).append((read, written))

    def of(self, model: str) -> Speed:
        """What is known of a model by now."""
        with self._lock:
            kept = list(self._kept.get(model, ()))
        read = [rate for rate, _ in kept if rate is not None]
        written = [rate for _, rate in kept if rate is not None]
        return Speed(len(kept), median(read) if read else None, median(written) if written else None)


def _rate(tokens: int, seconds: float, least: int) -> float | None:
    return tokens / seconds if tokens >= least and seconds > 0 else None
