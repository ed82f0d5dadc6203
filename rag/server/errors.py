"""Errors as OpenAI's clients read them: a status and `{"error": {"message", "type", "param", "code"}}`.

Takes our exceptions, gives replies. Knows no routes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse

from rag.errors import ModelBusy, RagError, UsageError, WindowExceeded


class BadRequest(UsageError):
    """A request that no retry makes right: its status, the parameter that it is about, and a code."""

    def __init__(
        self, message: str, *, param: str | None = None, code: str | None = None, status: int = 400
    ) -> None:
        super().__init__(message)
        self.param = param
        self.code = code
        self.status = status


def error_body(
    message: str, kind: str, *, param: str | None = None, code: str | None = None
) -> dict[str, dict[str, str | None]]:
    """What an error reply, or an error in the middle of a stream, holds."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def error_reply(
    status: int,
    message: str,
    *,
    kind: str = "invalid_request_error",
    param: str | None = None,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
    close: bool = False,
) -> JSONResponse:
    """An error as a response; with `close`, the connection ends with it."""
    given = {**(headers or {}), **({"Connection": "close"} if close else {})}
    return JSONResponse(error_body(message, kind, param=param, code=code), status, headers=given)


def described(error: RagError) -> tuple[int, dict[str, Any]]:
    """The status and the body of an error of ours."""
    message = str(error)
    if isinstance(error, BadRequest):
        return error.status, error_body(message, "invalid_request_error", param=error.param, code=error.code)
    if isinstance(error, WindowExceeded):
        code = "context_length_exceeded"
        return 400, error_body(message, "invalid_request_error", param="messages", code=code)
    if isinstance(error, UsageError):
        return 400, error_body(message, "invalid_request_error")
    if isinstance(error, ModelBusy):
        return 429, error_body(message, "rate_limit_error", code="queue_full")
    return 503, error_body(message, "server_error", code=type(error).__name__)


def reply_to(error: RagError, *, retry_seconds: int) -> JSONResponse:
    """The reply to an error of ours; who is told to come again is told when."""
    status, body = described(error)
    headers = {"Retry-After": str(retry_seconds)} if status in (429, 503) else {}
    return JSONResponse(body, status, headers=headers)
