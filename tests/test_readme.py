"""The README's commands and its Python, run as they are written, in a folder that has what they name."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from small_index import write_index

from ui import cli

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
# Run elsewhere: the page in test_browser.py, downloads in test_model_commands.py, a server in test_remote.py,
# ours in test_server.py and test_mcp_server.py, a cluster in test_distributed.py.
ELSEWHERE = ("rag ui", "rag serve", "rag mcp", "rag model pull", "http://", "--make", "--watch", "--ray")


def indented_blocks() -> list[str]:
    return [
        "\n".join(line.removeprefix("    ") for line in block.strip("\n").splitlines())
        for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", README, re.MULTILINE)
    ]


def commands() -> list[str]:
    """Each line of a block that is a `rag` command, without its comment."""
    lines = [line.removeprefix("$ ") for block in indented_blocks() for line in block.splitlines()]
    found = [line.split("  #")[0].strip() for line in lines if line.startswith("rag ")]
    return [line for line in found if not any(other in line for other in ELSEWHERE)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scripted_model: Callable[[str], Path]) -> Path:
    """`docs/`, `my-index`, `.run/index` and the model's file, as the README names them."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "contract.txt").write_text("The contract says that notice periods are three months.\n")
    (docs / "tower.txt").write_text("The tower was built in 1759 by John Smeaton, of stone.\n")
    question = {"id": "when", "question": "When was the tower built?", "source": "tower.txt"}
    (tmp_path / "questions.jsonl").write_text(json.dumps(question) + "\n")
    (tmp_path / "passwords.txt").write_text("secret\n")
    index = write_index(tmp_path / "my-index")
    shutil.copytree(index, tmp_path / ".run" / "index")
    model = scripted_model("The tower was finished in 1759 [2].")
    shutil.copy(model, tmp_path / "openchat-3.5-0106.Q4_K_M.gguf")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAG_INDEX", str(tmp_path / "default-index"))  # not the person's own
    return tmp_path


def test_the_commands_as_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run = commands()
    assert [line.split()[1] for line in run].count("ask") >= 2
    assert run[0] == "rag ingest ./docs"
    for line in run:
        if line.startswith("rag model use"):  # a file of the published name whose bytes are others is refused
            continue
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        assert not ended.value.code, f"{line}: {out}{err}"


def test_the_python_as_written(folder: Path) -> None:
    code = next(block for block in indented_blocks() if block.startswith("from rag import"))
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert names["answer"].text == "The tower was finished in 1759 [2]."  # type: ignore[attr-defined]
    assert names["documents"]


def test_every_command_is_named_and_nothing_else() -> None:
    table = set(re.findall(r"^\| `rag (\w+)", README, re.MULTILINE))
    assert table == set(cli.cli.commands)


def test_what_it_shows_is_there() -> None:
    for path in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / path).stat().st_size > 10_000
