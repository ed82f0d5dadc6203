"""Where a model's server is, and the key it wants.

Takes what `--model` and the environment say; gives them checked. Opens no connection.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from rag.errors import UsageError

KEY_VARIABLE = "RAG_API_KEY"
_SHAPE = "name a server as http://HOST:PORT/v1, or http://HOST:PORT/v1#MODEL"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens: `base` is what `/completions` is put after, `root` has no `/v1`."""

    base: str
    root: str
    origin: str
    host: str
    model: str | None  # from `#MODEL`, which is never sent as a part of the address
    loopback: bool


def is_address(model: str | None) -> bool:
    """Whether a `--model` names a server rather than a file."""
    return model is not None and model.strip().lower().startswith(("http://", "https://"))


def parse_address(text: str) -> Address:
    """The address that `--model` names; raises `UsageError` where it can't be one.

    Without a path it is completed with `/v1`.

    Example: `parse_address("http://localhost:8000/v1#openchat_3.5").model == "openchat_3.5"`.
    """
    text = text.strip()
    if not text.isprintable() or " " in text:
        raise UsageError(f"the model's address is not valid, {text!r:.100}: {_SHAPE}")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"the model's address is not valid ({error}): {_SHAPE}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"the model's address {text!r:.100} is neither http nor https: {_SHAPE}")
    if parts.username is not None or parts.password is not None or parts.query:
        # Not quoted: what stands there is likely a secret.
        raise UsageError(
            f"the model's address holds a name, a password or a query: {_SHAPE}; "
            f"a key belongs in {KEY_VARIABLE}"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    origin = f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")
    base = origin + (parts.path.rstrip("/") or "/v1")
    try:
        httpx.URL(base)
    except httpx.InvalidURL as error:
        raise UsageError(f"the model's address is not valid ({error}): {_SHAPE}") from None
    return Address(
        base=base,
        root=base.removesuffix("/v1"),
        origin=origin,
        host=parts.hostname,
        model=parts.fragment or None,
        loopback=_is_loopback(parts.hostname),
    )


def key_from_environment() -> str | None:
    """The key in `RAG_API_KEY`; raises `UsageError` for one that no header can carry.

    `OPENAI_API_KEY` is not read: that key is for OpenAI, and whoever runs this server is somebody else.
    """
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not all("!" <= character <= "~" for character in key):
        raise UsageError(f"{KEY_VARIABLE} holds a space, a line's end or a character that is not ASCII")
    return key or None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
