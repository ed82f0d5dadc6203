"""milvus-lite's own server in this process, spoken to by Milvus's real client over loopback.

One worker: milvus-lite does not take writes at once to one collection, which a Milvus server does.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path


class LiteServer:
    """A running server; each address that it gives is a new index's."""

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        from milvus_lite.adapter.grpc.server import start_server_in_thread

        self.folder = folder
        self._server, self._database, self.port = start_server_in_thread(
            str(folder), port=port, max_workers=1
        )
        self._numbers = count(1)

    def new_address(self) -> str:
        return f"http://127.0.0.1:{self.port}/test_{next(self._numbers)}"

    def stop(self) -> None:
        self._server.stop(grace=2).wait()
        self._database.close()
