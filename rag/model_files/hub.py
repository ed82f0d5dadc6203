"""The hub that publishes the model files, asked over HTTP with huggingface_hub's client.

Takes a published file's name, gives its sha256, size and revision, and its bytes from any offset on. Writes
nothing to disk. Asks for what was named and nothing else: huggingface_hub's own metadata call also fetches a
list of coding agents and reports what is installed, so the one HEAD request is made here.

`HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_OFFLINE` and the proxy variables mean what they mean everywhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time
from urllib.parse import urljoin, urlsplit

import httpx2
from huggingface_hub import constants, get_session, get_token, hf_hub_url
from huggingface_hub.errors import OfflineModeIsEnabled

from rag.errors import ModelFailed
from rag.model_files.published import PublishedFile

_MOST_REDIRECTS = 10
_PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NUMBER = re.compile(r"[0-9]{1,15}")
# What may be different a moment later; ConnectError (no network, no such host) is only so once it worked.
_PASSING = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError)


class Passing(Exception):
    """Trouble that may be over a moment later; `wait_seconds` is what the hub asks for, if it does."""

    def __init__(self, why: str, wait_seconds: float | None = None) -> None:
        super().__init__(why)
        self.wait_seconds = wait_seconds


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file as the hub publishes it, at one revision; `url` gives its bytes."""

    file: PublishedFile
    url: str
    sha256: str
    size_bytes: int
    revision: str

    @property
    def origin(self) -> str:
        """Where the hash comes from, for the record."""
        return f"{self.file.repository}@{self.revision}"


def ask(file: PublishedFile) -> HubFile:
    """What the hub says of the file: one HEAD request, and its redirects.

    Raises `ModelFailed` where that is final, `Passing` where it may be worth another try.
    """
    if constants.is_offline_mode():
        raise ModelFailed("HF_HUB_OFFLINE is set, so the hub is not asked: unset it")
    url = _url(file, "main")
    try:
        response = _head(file, url)
    except (httpx2.ConnectError, httpx2.ProxyError, OfflineModeIsEnabled) as error:
        raise ModelFailed(
            f"{_host(url)} can't be reached ({_line(error)}): check the network, HF_ENDPOINT and proxies"
        ) from error
    except _PASSING as error:
        raise Passing(f"the connection to {_host(url)} broke ({_line(error)})") from error
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:  # ValueError: urljoin's, urlsplit's
        raise ModelFailed(f"{url} can't be asked ({_line(error)}): check HF_ENDPOINT") from error
    return _hub_file(file, response)


@contextmanager
def bytes_from(hub_file: HubFile, start: int) -> Iterator[tuple[int, Iterator[bytes]]]:
    """The file's bytes from `start` on, and where they really start: 0 where the server can't resume.

    Raises `ModelFailed` where that is final, `Passing` where it may be worth another try; also while the
    bytes are read.
    """
    headers = _headers(hub_file.url)
    if start:
        headers["Range"] = f"bytes={start}-"
    timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
    try:
        with get_session().stream("GET", hub_file.url, headers=headers, timeout=timeout) as response:
            _require_success(hub_file.file, response)
            yield _start(hub_file, response, start), response.iter_raw()
    except httpx2.ProxyError as error:
        raise ModelFailed(
            f"the proxy refuses {_host(hub_file.url)} ({_line(error)}): check HTTPS_PROXY"
        ) from error
    except _PASSING as error:
        raise Passing(f"the connection to {_host(hub_file.url)} broke ({_line(error)})") from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise ModelFailed(
            f"{hub_file.file.name} can't be downloaded: {_line(error)}; try again later"
        ) from error


def _head(file: PublishedFile, url: str) -> httpx2.Response:
    """The first answer that names the file's hash, or the last one of the redirects."""
    for _ in range(_MOST_REDIRECTS):
        response = get_session().request(
            "HEAD", url, headers=_headers(url), timeout=constants.HF_HUB_ETAG_TIMEOUT, follow_redirects=False
        )
        if not response.has_redirect_location:
            _require_success(file, response)
            return response
        if "X-Linked-Etag" in response.headers:
            return response
        url = urljoin(url, response.headers["Location"])
    raise ModelFailed(f"{_host(url)} redirects more than {_MOST_REDIRECTS} times: check HF_ENDPOINT")


def _hub_file(file: PublishedFile, response: httpx2.Response) -> HubFile:
    headers = response.headers
    sha256 = headers.get("X-Linked-Etag", headers.get("ETag", "")).removeprefix("W/").strip('"').lower()
    size = headers.get("X-Linked-Size", headers.get("Content-Length", ""))
    if not _SHA256.fullmatch(sha256) or not _NUMBER.fullmatch(size) or int(size) == 0:
        raise ModelFailed(
            f"{_host(str(response.url))} does not say the sha256 and size of {file.name}:"
            " is it a hub, or does a login page stand between? Check the network and HF_ENDPOINT"
        )
    revision = headers.get("X-Repo-Commit", "main")
    return HubFile(file, _url(file, revision), sha256, int(size), revision)


def _start(hub_file: HubFile, response: httpx2.Response, asked: int) -> int:
    """Where the bytes start; `ModelFailed` where they are another file's."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise ModelFailed(
            f"{_host(str(response.url))} sends {hub_file.file.name} compressed, which can't be resumed:"
            " check HF_ENDPOINT and proxies"
        )
    length = response.headers.get("Content-Length")
    wanted = range(asked, hub_file.size_bytes) if response.status_code == 206 else range(hub_file.size_bytes)
    span = f"bytes {wanted.start}-{wanted.stop - 1}/{wanted.stop}"
    found = response.headers.get("Content-Range", "nothing") if response.status_code == 206 else span
    if found != span or length not in (None, str(len(wanted))):
        raise ModelFailed(
            f"{_host(str(response.url))} sends another file: {found}, {length} bytes, in place of {span};"
            " try again later"
        )
    return wanted.start


def _require_success(file: PublishedFile, response: httpx2.Response) -> None:
    status = response.status_code
    if response.is_success:
        return
    host = _host(str(response.url))
    if status in _PASSING_STATUSES:
        raise Passing(f"{host} answers {status} {response.reason_phrase}", _retry_after(response))
    if status == 404:
        raise ModelFailed(
            f"{host} has no {file.name} in {file.repository} (404); is HF_ENDPOINT a mirror without it?"
        )
    if status in (401, 403):
        cure = "check HF_ENDPOINT, or wait and try again"
        if "Authorization" in response.request.headers:
            cure = "the file is public, so the token may be wrong: unset HF_TOKEN, or `hf auth logout`"
        raise ModelFailed(f"{host} refuses {file.name} ({status} {response.reason_phrase}): {cure}")
    raise ModelFailed(f"{host} answers {status} {response.reason_phrase} for {file.name}")


def _retry_after(response: httpx2.Response) -> float | None:
    """Seconds that the server asks to wait: a number, or a date (RFC 9110, 10.2.3)."""
    value = response.headers.get("Retry-After", "").strip()
    if _NUMBER.fullmatch(value):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except ValueError:
        return None


def _headers(url: str) -> dict[str, str]:
    headers = {"User-Agent": "openchat-rag", "Accept-Encoding": "identity"}
    token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
    if token and _origin(url) == _origin(_endpoint()):
        headers["Authorization"] = f"Bearer {token}"
    return headers


def _endpoint() -> str:
    endpoint = (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:  # brackets that don't match
        usable = False
    if not usable:
        raise ModelFailed(f"HF_ENDPOINT is {endpoint!r}; it takes a URL such as https://huggingface.co")
    return endpoint


def _url(file: PublishedFile, revision: str) -> str:
    return hf_hub_url(file.repository, file.name, revision=revision, endpoint=_endpoint())


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
