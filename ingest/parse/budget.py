"""What may come out of one file, together with all that is packed in it: bytes, members and depth.

One `Budget` goes along from the outermost container to the members of its members, so that a bomb made of
many small parts costs no more than a large one. Counts what came out, not what headers say. Knows no format.
"""

from __future__ import annotations

from rag.errors import ParserFailed

UNPACKED_MEGABYTES = 1024
MOST_MEMBERS = 10_000
DEEPEST = 4  # containers in each other: a mail with an archive with a mail with a book


class Budget:
    """What is left to be unpacked."""

    def __init__(
        self, *, unpacked_megabytes: int = UNPACKED_MEGABYTES, most_members: int = MOST_MEMBERS
    ) -> None:
        self._megabytes = unpacked_megabytes
        self._bytes_left = unpacked_megabytes << 20
        self._members_left = most_members
        self.most_members = most_members

    @property
    def spent(self) -> bool:
        """Whether more bytes came out than may."""
        return self._bytes_left < 0

    def take(self, size_bytes: int, name: str) -> None:
        """Counts bytes that came out of the member `name`; `ParserFailed` when there are too many."""
        self._bytes_left -= size_bytes
        if self._bytes_left < 0:
            raise ParserFailed(
                f"unpacks to more than {self._megabytes} MB ({name}), as a ZIP bomb does; if it is none, "
                "unpack it and ingest the folder"
            )

    def take_member(self) -> bool:
        """Counts one member more; false when there were too many before."""
        self._members_left -= 1
        return self._members_left >= 0
