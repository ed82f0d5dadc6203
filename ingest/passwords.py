"""A file of passwords to try on encrypted documents: one a line, in UTF-8, nothing of a line left away.

Takes its path, gives them in their order, each once. They are handed to parsers and kept nowhere.
"""

from __future__ import annotations

from ingest.files import read_bytes
from rag.errors import SourceError, UsageError

_MOST = 1000  # each of them may cost a tenth of a second on each encrypted file
_MOST_MEGABYTES = 1


def read_passwords(path: str) -> tuple[str, ...]:
    """The passwords in a file; `UsageError` where it can't be read, is no UTF-8 or has too many."""
    try:
        text = read_bytes(path, limit_megabytes=_MOST_MEGABYTES).decode("utf-8-sig")
    except SourceError as error:
        raise UsageError(f"the password file {path!r}: {error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the password file {path!r} is not in UTF-8: save it as UTF-8") from error
    passwords = tuple(dict.fromkeys(line.removesuffix("\r") for line in text.split("\n") if line.strip("\r")))
    if len(passwords) > _MOST:
        raise UsageError(f"the password file {path!r} has {len(passwords)} passwords; the most is {_MOST}")
    return passwords
