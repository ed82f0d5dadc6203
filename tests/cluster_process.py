"""Ray's nodes, started and killed by a process of their own.

Ray forks to start a node, and in a process with many threads, as that of the tests is, a child can wait for
ever for a lock that one of them held. Run as a script it takes JSON lines from standard input, `["add"]` and
`["kill", node id]`, and answers each on standard output; `Nodes` is that from the outside.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import Any

HOST = "127.0.0.2"  # loopback, but not by a name for which Ray would put this machine's address
MEMORY = 80 << 20  # bytes, of each node's object store
REPLY = "reply "


class Nodes:
    """A head without cores and one node with one, until `close`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.address = str(self._reply())
        self.add()

    def add(self) -> str:
        """One more node with one core; its id."""
        return str(self._ask("add"))

    def kill(self, node_id: str) -> None:
        """SIGKILL to a node's raylet, and to its workers with it."""
        self._ask("kill", node_id)

    def close(self) -> None:
        """Ends all nodes."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()

    def _ask(self, *command: str) -> Any:
        assert self._process.stdin
        with self._lock:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
            return self._reply()

    def _reply(self) -> Any:
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith(REPLY):
                return json.loads(line.removeprefix(REPLY))
        raise RuntimeError(f"the process of Ray's nodes ended with {self._process.wait()}")


def main() -> None:
    """Does what it is told, to the end of its input."""
    from ray.cluster_utils import Cluster

    node = {"node_ip_address": HOST, "object_store_memory": MEMORY}
    made = Cluster(initialize_head=True, head_node_args={**node, "num_cpus": 0, "include_dashboard": False})
    answer(made.address)
    nodes: dict[str, Any] = {}
    for line in sys.stdin:
        command, *rest = json.loads(line)
        if command == "add":
            added = made.add_node(**node, num_cpus=1)
            nodes[added.node_id] = added
            answer(added.node_id)
        else:
            made.remove_node(nodes.pop(rest[0]), allow_graceful=False)
            answer(None)
    made.shutdown()


def answer(value: object) -> None:
    print(f"{REPLY}{json.dumps(value)}", flush=True)


if __name__ == "__main__":
    main()
