"""The line in front of the model: order, bound, stopping."""

from __future__ import annotations

import threading
import time

import pytest

from rag.errors import ModelBusy
from rag.model.model_queue import ModelQueue


def test_the_first_one_does_not_wait() -> None:
    queue = ModelQueue(limit=1)
    with queue.enter() as ticket:
        assert list(ticket.wait()) == []
    assert len(queue) == 0


def test_first_come_first_served() -> None:
    queue = ModelQueue(limit=10)
    order: list[int] = []
    tickets = [queue.enter() for _ in range(5)]

    def serve(number: int) -> None:
        with tickets[number] as ticket:
            positions = list(ticket.wait())
            assert positions == sorted(positions, reverse=True)
            order.append(number)
            time.sleep(0.01)

    threads = [threading.Thread(target=serve, args=[number]) for number in (4, 2, 0, 3, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert order == [0, 1, 2, 3, 4]


def test_the_position_is_told() -> None:
    queue = ModelQueue(limit=10)
    first, second, third = (queue.enter() for _ in range(3))
    waiting = third.wait()
    assert next(waiting) == 2
    first.leave()
    assert next(waiting) == 1
    second.leave()
    assert list(waiting) == []


def test_a_full_line_says_so() -> None:
    queue = ModelQueue(limit=2)
    tickets = [queue.enter() for _ in range(3)]
    with pytest.raises(ModelBusy, match="2 questions wait for the model already, and 2 may"):
        queue.enter()
    tickets[0].leave()
    queue.enter()


def test_no_one_may_wait_at_limit_zero() -> None:
    queue = ModelQueue(limit=0)
    with queue.enter(), pytest.raises(ModelBusy, match="0 questions wait"):
        queue.enter()


def test_stop_ends_the_waiting_and_frees_the_place() -> None:
    queue = ModelQueue(limit=10)
    first = queue.enter()
    stop = threading.Event()
    with queue.enter() as second:
        waiting = second.wait(stop)
        assert next(waiting) == 1
        stop.set()
        assert list(waiting) == []
    assert len(queue) == 1
    first.leave()
    first.leave()  # twice is no error
    assert len(queue) == 0
