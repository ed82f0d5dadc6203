"""How a server can go wrong, for `model_server.py`: each fault is a function of the request's handler."""

from __future__ import annotations

import itertools
import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

Fault = Callable[[Any, dict[str, Any], dict[str, Any]], None]


def misbehave(handler: Any, fault: dict[str, Any], entry: dict[str, Any]) -> None:
    """Answers the request in the way that the fault's name says."""
    FAULTS[fault["name"]](handler, fault, entry)


def _status(handler: Any, fault: dict[str, Any], entry: dict[str, Any]) -> None:
    handler.reply(fault["status"], fault.get("body"), **fault.get("headers", {}))


def _reply(handler: Any, fault: dict[str, Any], entry: dict[str, Any]) -> None:
    """A whole reply of some kind, with a length."""
    data = fault["text"].encode("utf-8")
    handler.send_response(200)
    handler.send_header("Content-Type", fault["type"])
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def _hang(handler: Any, fault: dict[str, Any], entry: dict[str, Any]) -> None:
    """Says nothing at all."""
    entry["gone"].wait(30)
    handler.close_connection = True


def _not_http(handler: Any, fault: dict[str, Any], entry: dict[str, Any]) -> None:
    handler.wfile.write(b"\x00\x01SSH-2.0-rubbish\r\n" * 4)
    handler.close_connection = True


def _hang_midway(handler: Any, fault: dict[str, Any], entry: dict[str, Any]) -> None:
    """Sends a few events, then nothing."""
    handler.begin_stream()
    for event in _texts(fault.get("texts", ["The", " light"])):
        handler.send_chunk(event)
    _hang(handler, fault, entry)


def _close_midway(handler: Any, fault: dict[str, Any], entry: dict[str, Any]) -> None:
    """Breaks off inside a chunk."""
    handler.begin_stream()
    for event in _texts(["The", " light"]):
        handler.send_chunk(event)
    handler.wfile.write(b"400\r\ndata: {")
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def _end_early(handler: Any, fault: dict[str, Any], entry: dict[str, Any]) -> None:
    """Ends the reply in good order, but the answer has no end."""
    handler.stream((event.decode() for event in _texts(["The", " light"])), entry)


def _events(handler: Any, fault: dict[str, Any], entry: dict[str, Any]) -> None:
    """Exactly these bytes, as a stream of events, in chunks of `size`, one every `seconds`."""
    handler.begin_stream()
    data = fault["text"].encode("utf-8", "surrogatepass")
    size = fault.get("size", len(data) or 1)
    for start in range(0, len(data), size):
        time.sleep(fault.get("seconds", 0))
        handler.send_chunk(data[start : start + size])
    handler.send_chunk(b"")


def _slow(handler: Any, fault: dict[str, Any], entry: dict[str, Any]) -> None:
    """A word every `seconds`; in good order otherwise."""
    handler.begin_stream()
    for event in _texts(["A", " slow", " one", "."], finish="stop"):
        time.sleep(fault["seconds"])
        handler.send_chunk(event)
    handler.send_chunk(b"")


def _drip(handler: Any, fault: dict[str, Any], entry: dict[str, Any]) -> None:
    """A byte at a time of an event that never ends."""
    handler.begin_stream()
    _until_gone(handler, entry, (b"x" for _ in itertools.count()), seconds=0.02)


def _endless(handler: Any, fault: dict[str, Any], entry: dict[str, Any]) -> None:
    """Goes on whatever was asked for."""
    handler.begin_stream()
    _until_gone(handler, entry, itertools.cycle(_texts(["and so on "])), seconds=0.0)


def _long_line(handler: Any, fault: dict[str, Any], entry: dict[str, Any]) -> None:
    """An event of many megabytes."""
    handler.begin_stream()
    _until_gone(handler, entry, itertools.chain([b"data: "], itertools.repeat(b"x" * 65536)), seconds=0.0)


def _until_gone(handler: Any, entry: dict[str, Any], chunks: Iterator[bytes], *, seconds: float) -> None:
    try:
        for chunk in chunks:
            if entry["gone"].wait(seconds):
                break
            handler.send_chunk(chunk)
    except OSError:
        entry["gone"].set()
    handler.close_connection = True


def _texts(texts: list[str], finish: str | None = None) -> list[bytes]:
    choices = [{"text": text, "index": 0, "finish_reason": None} for text in texts]
    if finish:
        choices.append({"text": "", "index": 0, "finish_reason": finish})
    return [f"data: {json.dumps({'choices': [choice]})}\n\n".encode() for choice in choices]


FAULTS: dict[str, Fault] = {
    "status": _status,
    "reply": _reply,
    "hang": _hang,
    "not http": _not_http,
    "hang midway": _hang_midway,
    "close midway": _close_midway,
    "end early": _end_early,
    "events": _events,
    "slow": _slow,
    "drip": _drip,
    "endless": _endless,
    "long line": _long_line,
}
