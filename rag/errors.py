"""The exceptions that this project raises on purpose.

    RagError
    ├── UsageError            the call itself is wrong: an empty question, a path that isn't there
    ├── SourceError           one file could not be read; the run goes on without it
    │   ├── UnsupportedFormat     no parser for this kind of file
    │   ├── EncryptedSource       a password is needed
    │   ├── CorruptSource         the file is not what it claims to be, or is damaged
    │   ├── EmptySource           nothing to index: no text, or no text layer
    │   └── ParserFailed          the parser crashed, hung or went over a limit
    ├── StoreError            the index
    │   ├── IndexMissing          there is none at that place
    │   ├── IndexInvalid          something is there that is not one of our indexes
    │   ├── IndexDamaged          bytes of it changed behind our back
    │   ├── IndexLocked           another process is writing to it
    │   └── IndexMismatch         made by another embedding model or another version
    ├── EmbeddingError        the embedding model can't be loaded or is not the pinned one
    ├── ModelError            the language model
    │   ├── ModelMissing          no file at that path
    │   ├── ModelInvalid          not a GGUF, damaged, or not OpenChat's vocabulary
    │   ├── ModelFailed           llama.cpp or the model's server gave up
    │   └── ModelBusy             the queue in front of the model is full
    ├── ClusterError          the Ray cluster can't be reached, is lost, or runs another version
    └── WindowExceeded        the question does not fit the model's window

Every message is one line for a person: the value that was met, the limit it broke, and the cure.
Turned into text and exit statuses only in `ui`.
"""

from __future__ import annotations


class RagError(Exception):
    """Any error raised on purpose; `str(error)` is one line for a person."""


class UsageError(RagError):
    """The call itself is wrong."""


class SourceError(RagError):
    """One file could not be read."""


class UnsupportedFormat(SourceError):
    """No parser for this kind of file."""


class EncryptedSource(SourceError):
    """A password is needed."""


class CorruptSource(SourceError):
    """The file is damaged, or not what it claims to be."""


class EmptySource(SourceError):
    """The file holds no text to index."""


class ParserFailed(SourceError):
    """The parser crashed, hung or went over a limit."""


class StoreError(RagError):
    """Something is wrong with the index."""


class IndexMissing(StoreError):
    """There is no index at that place."""


class IndexInvalid(StoreError):
    """Something is there that is not one of our indexes."""


class IndexDamaged(StoreError):
    """Bytes of the index changed behind our back."""


class IndexLocked(StoreError):
    """Another process is writing to the index."""


class IndexMismatch(StoreError):
    """The index was made by another embedding model or another version."""


class EmbeddingError(RagError):
    """The embedding model can't be loaded, or is not the pinned one."""


class ModelError(RagError):
    """Something is wrong with the language model."""


class ModelMissing(ModelError):
    """There is no model file at that path."""


class ModelInvalid(ModelError):
    """Not a GGUF, damaged, or not OpenChat's vocabulary."""


class ModelFailed(ModelError):
    """llama.cpp or the model's server gave up."""


class ModelBusy(ModelError):
    """The queue in front of the model is full."""


class ClusterError(RagError):
    """The Ray cluster can't be reached, is lost, or runs another version than this."""


class WindowExceeded(RagError):
    """The question does not fit the model's window."""
