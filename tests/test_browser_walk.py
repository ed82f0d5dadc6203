"""A newcomer's walk, from an empty machine to an exported conversation, with nothing but what the page says.

The server is what `make run` starts. The documents are three PDFs, in English and Chinese.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import SECONDS, Tab, keep, wait_until_up
from playwright.sync_api import Browser, Locator, expect

PROJECT = Path(__file__).parent.parent
SAMPLES = PROJECT / "data" / "samples"
PDFS = ("lighthouses/eddystone-lighthouses.pdf", "Bread chemistry handout.pdf", "大运河简史.pdf")
# each with words of the answer, and the PDF that has them
QUESTIONS = (
    ("Which two proteins form gluten?", "glutenin and gliadin", "Bread chemistry handout.pdf"),
    ("How heavy was the lead found in the keeper's stomach?", "7 ounces", "eddystone-lighthouses.pdf"),
    ("Which ship struck the unlit reef soon after the first tower was lost?", "Winchelsea", "eddystone"),
    ("宝带桥有多少个桥孔？", "53个桥孔", "大运河简史.pdf"),
    ("明朝每年要往北京运多少粮食？", "四百万石", "大运河简史.pdf"),
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the server of `make run` is: an empty index, no conversations, nobody's settings."""
    folder = tmp_path_factory.mktemp("newcomer")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("RAG_", "XDG_", "MAKE"))
    }
    made = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "run", f"PORT={port}", f"INDEX={folder / 'index'}"],
        cwd=PROJECT,
        env=kept,
        capture_output=True,
        text=True,
        check=True,
    )
    command = shlex.split(made.stdout.splitlines()[-1])
    assert command[:3] == ["HF_HUB_OFFLINE=0", ".venv/bin/rag", "ui"]
    command[1:2] = [sys.executable, "-m", "ui.cli"]  # the same program, in whatever environment this is
    log = (folder / "server.log").open("w+")
    started = subprocess.Popen(
        ["env", *command],
        env={**kept, "HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "RAG_THREADS": "1"},
        cwd=PROJECT,
        stdout=log,
        stderr=log,
    )
    wait_until_up(f"http://127.0.0.1:{port}", started, lambda: (folder / "server.log").read_text())
    yield f"http://127.0.0.1:{port}"
    started.send_signal(signal.SIGINT)
    assert started.wait(30) == 0
    log.close()


def test_a_newcomers_walk(browser: Browser, address: str) -> None:
    tab = Tab(browser, address)
    page = tab.page
    expect(page.get_by_text("Bring in your documents")).to_be_visible()
    keep(page, "walk-1-empty")
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Upload", exact=True).click()
    chooser.value.set_files([SAMPLES / name for name in PDFS])
    expect(page.locator(".intake, .done")).to_be_visible()
    expect(page.get_by_text("3 sources on this machine are ready.")).to_be_visible(timeout=SECONDS * 1000)
    expect(page.locator(".welcome li")).not_to_have_count(0)
    keep(page, "walk-2-ready")
    for question, words, source in QUESTIONS:
        exchange = tab.ask(question)
        expect(exchange.locator(".text")).to_contain_text(words)
        _open_each_citation(tab, exchange, words, source)
    expect(tab.exchanges).to_have_count(len(QUESTIONS))

    title = page.locator(".conversations li.current .title")
    expect(title).to_have_text(QUESTIONS[0][0])
    page.get_by_label(f"Export {QUESTIONS[0][0]}").click()
    with page.expect_download() as download:
        page.get_by_test_id("stDialog").get_by_role("button", name="Markdown").click()
    written = Path(download.value.path()).read_text("utf-8").replace("\\", "")
    with page.expect_download() as download:
        page.get_by_test_id("stDialog").get_by_role("button", name="JSON").click()
    plain = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert [one["question"] for one in plain["exchanges"]] == [question for question, *_ in QUESTIONS]
    for (question, words, source), kept in zip(QUESTIONS, plain["exchanges"], strict=True):
        assert question in written
        assert words in written
        assert any(source in citation["source"] for citation in kept["citations"])
        assert {citation["verdict"] for citation in kept["citations"]} == {"supported"}
    tab.close()


def _open_each_citation(tab: Tab, exchange: Locator, words: str, source: str) -> None:
    """Each number in the answer, at its page with the words boxed; one of them holds what was asked."""
    seen = []
    for mark in exchange.locator("button.mark").all():
        mark.click()
        expect(mark).to_have_attribute("aria-pressed", "true")
        expect(tab.view.locator(".box").first).to_be_visible()
        seen.append(tab.view.get_by_role("heading").inner_text())
    keep(tab.page, f"walk-3-{source.split('.')[0].split('/')[-1].split()[0]}")
    assert any(source in name for name in seen)
    tab.page.keyboard.press("Escape")
    expect(tab.view).to_have_count(0)
    expect(exchange.locator(".citation", has_text=words).first).to_be_visible()
