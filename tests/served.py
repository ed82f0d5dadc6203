"""`rag serve` in a process of its own, as people start it, on a free port; a context manager."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).parent.parent


class Served:
    """`url` is where it listens; `settings` are `RAG_*` variables by their names without that."""

    def __init__(
        self,
        index: Path,
        model: Path | str | None = None,
        *,
        arguments: tuple[str, ...] = (),
        **settings: object,
    ) -> None:
        given = {f"RAG_{name.upper()}": str(value) for name, value in settings.items()}
        command = [sys.executable, "-m", "ui.cli", "serve", "--port", "0", "--index", str(index)]
        command += ["--model", str(model)] if model else []
        environment = {**os.environ, "RAG_THREADS": "1", "XDG_DATA_HOME": str(index.parent), **given}
        self._process = subprocess.Popen(
            [*command, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
            # a shell's background job ignores SIGINT, and so would what it starts
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        line = self._process.stdout.readline()
        said = re.fullmatch(r"openchat-rag serves at (http://\S+)/v1 \(Ctrl-C ends it\)\n", line)
        assert said, line + self._process.stderr.read()
        self.url = said[1]
        self.port = int(self.url.rpartition(":")[2])

    def metric(self, name: str, **labels: str) -> float:
        """A number of /metrics; 0 where it was never counted."""
        text = httpx.get(f"{self.url}/metrics").raise_for_status().text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def until(self, name: str, value: float, **labels: str) -> None:
        """Waits until a number of /metrics is `value`."""
        deadline = time.monotonic() + 20
        while (found := self.metric(name, **labels)) != value:
            assert time.monotonic() < deadline, f"{name} {labels} is {found}, not {value}"
            time.sleep(0.02)

    def end(self) -> tuple[int, str]:
        """Ctrl-C; gives the exit status and what was said on standard error."""
        self._process.send_signal(signal.SIGINT)
        _, said = self._process.communicate(timeout=30)
        return self._process.returncode, said

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
