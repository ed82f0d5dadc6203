"""The line in front of the answers: order, its bound, who leaves, what goes wrong."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from rag.errors import ModelBusy, ModelFailed
from rag.records import Queued
from rag.server.line import Job, Line


def work(name: str, go_on: threading.Event, said: list[str]) -> Callable[[threading.Event], Iterator[str]]:
    def items(stop: threading.Event) -> Iterator[str]:
        said.append(name)
        yield f"{name} begins"
        while not go_on.wait(0.01) and not stop.is_set():
            pass
        yield f"{name} ends"

    return items


async def all_of(job: Job[str]) -> list[str | Queued]:
    return [item async for item in job.items()]


async def test_first_come_first_served_and_one_too_many_is_refused() -> None:
    line, go_on, said = Line("test", 2), threading.Event(), list[str]()
    jobs = [line.start(work(name, go_on, said)) for name in "abc"]
    with pytest.raises(ModelBusy, match="2 questions wait for the model already, and 2 may"):
        line.start(work("d", go_on, said))
    assert (line.running, line.waiting) == (1, 2)
    assert line.retry_seconds() == 15  # three in the line, and five seconds is what one is thought to take
    go_on.set()
    found = await asyncio.gather(*map(all_of, jobs))
    assert said == ["a", "b", "c"]
    assert found[0] == ["a begins", "a ends"]
    assert [item for item in found[2] if isinstance(item, str)] == ["c begins", "c ends"]
    assert Queued(2) in found[2]
    assert (line.running, line.waiting) == (0, 0)
    line.close()


async def test_who_leaves_lets_the_next_one_go() -> None:
    line, never, said = Line("test", 2), threading.Event(), list[str]()
    first, second, third = (line.start(work(name, never, said)) for name in "abc")
    second.stop.set()
    assert [item for item in await all_of(second) if isinstance(item, str)] == []
    first.stop.set()
    assert await all_of(first) == ["a begins", "a ends"]
    items = third.items()
    while isinstance(await anext(items), Queued):
        pass
    await items.aclose()
    assert third.stop.is_set()
    assert said == ["a", "c"]
    line.close()


async def test_two_at_once() -> None:
    line, go_on, said = Line("test", 1, at_once=2), threading.Event(), list[str]()
    jobs = [line.start(work(name, go_on, said)) for name in "abc"]
    assert (line.running, line.waiting) == (2, 1)
    for job in jobs[:2]:
        assert str(await anext(job.items())).endswith("begins")
    go_on.set()
    assert Queued(1) in await all_of(jobs[2])
    line.close()


async def test_what_goes_wrong_is_raised_to_who_reads() -> None:
    def fails(stop: threading.Event) -> Iterator[str]:
        yield "so far"
        raise ModelFailed("it gave up")

    line = Line("test", 1)
    items = line.start(fails).items()
    assert await anext(items) == "so far"
    with pytest.raises(ModelFailed, match="it gave up"):
        await anext(items)
    assert line.running == 0
    line.close()
