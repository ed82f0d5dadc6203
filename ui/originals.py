"""Original files for the reader: the browser opens one at its page, or saves it.

Takes sources as they are shown, gives addresses that nobody can guess and that end with this process; the
route answers with the file. What a browser shows without running anything of it (PDF, pictures) is opened;
everything else is only ever saved, so that no document's script runs on our page.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import PurePosixPath

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from rag.records import Source
from ui.uploads import safe_name

PATH = "/originals/{token}/{what}"
MOST = 2000  # addresses that hold at a time; the oldest are forgotten first
_SHOWN = frozenset({"application/pdf", "image/png", "image/jpeg", "image/gif", "image/webp"})
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Original:
    """A file by its place on this machine, and what its content is."""

    location: bytes
    media_type: str

    @property
    def opens(self) -> bool:
        """Whether a browser shows it by itself."""
        return self.media_type in _SHOWN


class Originals:
    """The addresses of this process; safe from any thread."""

    def __init__(self) -> None:
        self._by_token: OrderedDict[str, Original] = OrderedDict()
        self._tokens: dict[Original, str] = {}
        self._lock = threading.Lock()

    def links(self, source: Source, page: int) -> dict[str, str | None]:
        """The addresses to `save` the file and, where a browser can, to `open` it at its page."""
        if not os.path.isfile(source.location):
            return {"save": None, "open": None}
        original = Original(source.location, source.media_type)
        token = self._token(original)
        at_page = f"#page={page}" if source.media_type == "application/pdf" else ""
        return {
            "save": f"/originals/{token}/save",
            "open": f"/originals/{token}/open{at_page}" if original.opens else None,
        }

    def find(self, token: str) -> Original | None:
        """What an address stands for."""
        with self._lock:
            return self._by_token.get(token)

    def _token(self, original: Original) -> str:
        with self._lock:
            token = self._tokens.setdefault(original, secrets.token_urlsafe(24))
            self._by_token[token] = original
            self._by_token.move_to_end(token)
            while len(self._by_token) > MOST:
                _, forgotten = self._by_token.popitem(last=False)
                del self._tokens[forgotten]
            return token


originals = Originals()


async def serve_original(request: Request) -> Response:
    """The route's answer: the file, or in words that it is not to be had."""
    original = originals.find(request.path_params["token"])
    what = request.path_params["what"]
    if original is None or what not in ("open", "save"):
        return PlainTextResponse("Nothing is here; open the source in the page again.", 404, _HEADERS)
    if not os.path.isfile(original.location):
        return PlainTextResponse("The file is not there any more.", 404, _HEADERS)
    shown = what == "open" and original.opens
    path = os.fsdecode(original.location)
    return FileResponse(
        path,
        media_type=original.media_type if shown else "application/octet-stream",
        filename=safe_name(PurePosixPath(path).name),
        content_disposition_type="inline" if shown else "attachment",
        headers=_HEADERS,
    )
