"""Errors of Milvus's client as ours: what happened to the index at an address, and the cure.

Takes an exception, gives one. The client's codes say little, so its words are gone by.
"""

from __future__ import annotations

from rag.errors import StoreError
from rag.store.milvus_address import TOKEN_VARIABLE

_DOWN = ("fail connecting", "unavailable", "failed to connect", "connection refused", "not ready")
_SLOW = ("deadline exceeded", "timeout", "timed out")
_TOKEN = ("auth check failure", "unauthenticated", "permission", "not authorized", "invalid token")
_FULL = ("no space left", "quota", "disk full", "memory limit", "insufficient", "deny to write")


def milvus_exception() -> type[Exception]:
    """The class of what Milvus itself says."""
    from pymilvus.exceptions import MilvusException

    found: type[Exception] = MilvusException
    return found


def client_exceptions() -> tuple[type[Exception], ...]:
    """The classes of all that a call can end in, but for our own mistakes."""
    import grpc

    return (milvus_exception(), grpc.RpcError, OSError)


def _said(error: BaseException) -> str:
    """What it says, and what it came of: a refused token is hidden behind a connection that failed."""
    words = []
    seen: set[int] = set()  # the client raises errors from themselves
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        details = getattr(cause, "details", None)
        message = details() if callable(details) else getattr(cause, "message", None) or str(cause)
        words.append(" ".join(str(message).split())[:300])
        cause = cause.__cause__ or cause.__context__
    return "; ".join(dict.fromkeys(reversed(words)))


def explain(error: Exception, shown: str, seconds: float) -> StoreError:
    """Our error for one of the client's, which says what went wrong in words more than in codes."""
    said = _said(error)
    lower = said.lower()
    where = f"index {shown!r}"
    if any(words in lower for words in _TOKEN):
        return StoreError(
            f"{where}: Milvus does not let us in ({said[:200]}); give the token, or USER:PASSWORD, in"
            f" {TOKEN_VARIABLE}"
        )
    if any(words in lower for words in _FULL):
        return StoreError(
            f"{where}: Milvus takes nothing more ({said[:200]}); no finished source was lost; give it room"
            " and run the same command again"
        )
    if any(words in lower for words in _SLOW):
        return StoreError(
            f"{where}: Milvus did not answer within {seconds:.0f} s ({said[:200]}); no finished source"
            " was lost; run the same command again when it does"
        )
    if any(words in lower for words in _DOWN):
        return StoreError(
            f"{where}: no Milvus answers there ({said[:200]}); no finished source was lost; start it, or"
            " check the address, and run the same command again"
        )
    return StoreError(f"{where}: Milvus refused ({said[:400]}); no finished source was lost")
