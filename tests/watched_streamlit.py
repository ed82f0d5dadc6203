"""Streamlit with a witness: `python watched_streamlit.py LOG run APP OPTIONS` writes every connection and
look-up that would leave this machine to LOG. What tests/test_browser.py starts."""

from __future__ import annotations

import sys
from typing import Any

_LOOPBACK = ("127.0.0.1", "::1", "localhost", "", None)
_log = sys.argv.pop(1)


def _witness(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in _LOOPBACK:
        with open(_log, "a", encoding="utf-8") as file:
            file.write(f"{event} {arguments!r}\n")


sys.addaudithook(_witness)

from ui.quiet_streamlit import main  # noqa: E402  # nothing of Streamlit's may run before the witness

main()
