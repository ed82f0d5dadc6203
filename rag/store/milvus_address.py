"""Where an index in Milvus is: a server's address, or a milvus-lite file on this machine.

Takes what `--index` says and the environment's token; gives them checked. Opens no connection and imports no
client.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import platformdirs

from rag.errors import UsageError

TOKEN_VARIABLE = "RAG_MILVUS_TOKEN"
DEFAULT_NAME = "openchat_rag"
LITE_ENDING = ".db"
_SHAPE = "name a Milvus as http://HOST:PORT or http://HOST:PORT/NAME"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")  # what Milvus takes, less room for our endings
_DEFAULT_PORT = 19530


@dataclass(frozen=True, slots=True)
class MilvusAddress:
    """`uri` is what the client is given, `name` what our collections' names begin with.

    `shown` is how people name the index, `directory` where this machine keeps what belongs beside it.
    """

    uri: str
    name: str
    shown: str
    directory: Path
    lite: bool
    token: str = ""


def is_server(index: str) -> bool:
    """Whether `--index` names a server."""
    return index.strip().lower().startswith(("http://", "https://"))


def is_lite(index: str) -> bool:
    """Whether `--index` names a milvus-lite file; an index of ours in a folder may be called so too."""
    path = Path(index).expanduser()
    return path.name.lower().endswith(LITE_ENDING) and not (path / "index.sqlite").exists()


def lite_address(index: str) -> MilvusAddress:
    """The address of a milvus-lite file (which is a folder of milvus-lite's own)."""
    path = Path(os.path.abspath(Path(index).expanduser()))
    return MilvusAddress(str(path), DEFAULT_NAME, str(path), path, lite=True)


def server_address(index: str) -> MilvusAddress:
    """The address of a server, `http://HOST:PORT/NAME`; raises `UsageError` where it can't be one.

    Without a name it is `openchat_rag`, without a port 19530. The token is `RAG_MILVUS_TOKEN`'s.
    """
    text = index.strip()
    if not text.isprintable() or " " in text:
        raise UsageError(f"the index's address is not valid, {text!r:.100}: {_SHAPE}")
    try:
        parts = urlsplit(text)
        port = parts.port or _DEFAULT_PORT
    except ValueError as error:
        raise UsageError(f"the index's address is not valid ({error}): {_SHAPE}") from None
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        # Not quoted: what stands there is likely a secret.
        raise UsageError(
            f"the index's address holds a name, a password or a query: {_SHAPE}; "
            f"a token (or USER:PASSWORD) belongs in {TOKEN_VARIABLE}"
        )
    name = parts.path.strip("/") or DEFAULT_NAME
    host = parts.hostname or ""
    if not host or not _NAME.fullmatch(name):
        raise UsageError(
            f"the index's address {text!r:.100} has no host, or a name that Milvus does not take "
            f"(letters, digits and _, not a digit first, at most 200): {_SHAPE}"
        )
    if "global-cluster" in host:
        raise UsageError(
            f"{host!r} is the name of many clusters, and the client would go to others than the one named; "
            "name one cluster's own host"
        )
    bracketed = f"[{host}]" if ":" in host else host
    uri = f"{parts.scheme.lower()}://{bracketed}:{port}"
    beside = Path(platformdirs.user_data_dir("openchat-rag")) / "milvus" / quote(f"{host}-{port}-{name}", "")
    return MilvusAddress(
        uri, name, f"{uri}/{name}", beside, lite=False, token=os.environ.get(TOKEN_VARIABLE, "")
    )
