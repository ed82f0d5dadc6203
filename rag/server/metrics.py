"""Numbers for Prometheus: requests by route and status, answers by kind and outcome, tokens, times, lines.

Takes what happened, gives Prometheus' text. Labels are from short closed lists: no path, question or name of
a client's choosing becomes one.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from rag.records import Answer

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 20, 40, 80, 160, 320)


class Metrics:
    """All of one server's numbers."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "rag_requests", "Requests by route and status.", ["route", "status"], registry=registry
        )
        self._answers = Counter(
            "rag_answers", "Answers by how they were made and ended.", ["mode", "outcome"], registry=registry
        )
        self._refused = Counter(
            "rag_refused", "Requests that found the line full.", ["line"], registry=registry
        )
        self._tokens = Counter("rag_tokens", "Tokens of the model, by use.", ["use"], registry=registry)
        self._stages = Histogram(
            "rag_stage_seconds",
            "Time of a stage of an answer.",
            ["stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._line = Gauge("rag_line", "Jobs by line and state.", ["line", "state"], registry=registry)

    def requested(self, route: str, status: int) -> None:
        """A request was answered; `route` is as it is declared."""
        self._requests.labels(route, str(status)).inc()

    def refused(self, line: str) -> None:
        """A line was full."""
        self._refused.labels(line).inc()

    def answered(self, answer: Answer) -> None:
        """An answer was given, or as much of it as somebody wanted."""
        stopped = "stopped" if answer.stopped else "cut" if answer.cut else "answered"
        self._answers.labels(answer.mode, "abstained" if answer.abstained else stopped).inc()
        for stage, seconds in answer.timings.items():
            self._stages.labels(stage).observe(seconds)
        if answer.ledger:
            self._tokens.labels("prompt").inc(answer.ledger.prompt)
            self._tokens.labels("reused").inc(answer.ledger.reused)
            self._tokens.labels("answer").inc(answer.ledger.answer)

    def watch(self, line: str, state: str, count: Callable[[], int]) -> None:
        """From now on, `count` says how many jobs of a line are in a state."""
        self._line.labels(line, state).set_function(count)

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)
