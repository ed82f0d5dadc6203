"""The files for containers and for systemd name what is here: paths, commands, variables."""

from __future__ import annotations

import dataclasses
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from rag.settings import Settings
from ui.cli import cli

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
UNIT = (ROOT / "deploy" / "openchat-rag.service").read_text("utf-8")
COMPOSE_TEXT = (ROOT / "compose.yaml").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
OURS = {f"RAG_{field.name.upper()}" for field in dataclasses.fields(Settings)}
KEYS = {"RAG_API_KEY", "RAG_API_KEYS", "RAG_MILVUS_TOKEN"}
FOR_COMPOSE_ALONE = {"RAG_MEMORY"}


def parsed(arguments: list[str]) -> click.Context:
    """The command as click understands it; raises for an option or a command that is not there."""
    name, *rest = arguments
    command = cli.commands[name]
    return command.make_context(name, rest, resilient_parsing=False)


def test_the_commands_are_ones_that_we_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = re.search(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert command
    assert parsed(yaml.safe_load(command[1])).params["host"] == "0.0.0.0"
    started = re.search(r"^ExecStart=(.*)$", UNIT, re.MULTILINE)
    assert started
    program, *arguments = shlex.split(started[1])
    assert program.endswith("/bin/rag")
    assert parsed(arguments).params["host"] == "127.0.0.1"
    asked = COMPOSE["services"]["ingest"]["command"]
    assert asked == ["ingest", "/documents"]
    assert parsed([asked[0], str(tmp_path)]).params["paths"] == (str(tmp_path),)


def test_what_is_copied_is_there_and_reaches_the_build() -> None:
    reach = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    copied = [
        name
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
        for name in line.split()[:-1]
    ]
    assert {"rag", "ingest", "ui", "pyproject.toml", "constraints.txt"} <= set(copied)
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}" in reach
    assert reach[0] == "*"  # an index, a model or a key in the folder never reaches an image
    assert re.search(r"^torch==", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE)


def test_every_variable_is_one_of_ours_or_told_in_the_example() -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE_TEXT))
    told = set(re.findall(r"^([A-Z_]+)=", (ROOT / "deploy" / "example.env").read_text("utf-8"), re.MULTILINE))
    with_a_default = {"MILVUS_IMAGE", "VLLM_IMAGE", "RAG_MEMORY", "RAG_MILVUS_TOKEN"}
    assert used - with_a_default == told
    named = set(re.findall(r"\bRAG_[A-Z_]+\b", COMPOSE_TEXT + DOCKERFILE + UNIT))
    assert named - FOR_COMPOSE_ALONE <= OURS | KEYS


def test_nobody_is_let_in_without_a_key_or_out_without_being_asked() -> None:
    services = COMPOSE["services"]
    assert services["serve"]["environment"]["RAG_API_KEYS"].startswith("${RAG_API_KEYS:?")
    assert services["serve"]["ports"] == ["127.0.0.1:18888:18888"]
    assert COMPOSE["networks"]["inner"] == {"internal": True}
    for name in ("ingest", "milvus", "vllm"):
        assert services[name]["networks"] == ["inner"]
        assert "ports" not in services[name]
    for name in ("serve", "ingest"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    assert "IPAddressDeny=any" in UNIT


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "openchat-rag.service"
    unit.write_text(UNIT.replace("/opt/openchat-rag/bin/rag", "/bin/true"))  # it looks whether that is there
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
