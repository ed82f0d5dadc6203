"""The script itself, run by Streamlit's AppTest: what each state of the page shows, without a browser."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import streamlit as st
from small_index import write_index
from streamlit.testing.v1 import AppTest

from rag.model.gguf import PULL_HINT
from rag.records import Place
from rag.store.open import open_store
from ui.bringing_in import named_path
from ui.workspace import Workspace

APP = str(Path(__file__).parent.parent / "ui" / "app.py")
Shown = Callable[[str], list[dict[str, Any]]]


def library() -> None:
    """The library alone, as a script."""
    import streamlit as st

    from ui.app import open_workspace, open_workspaces
    from ui.library import library_page

    ask = st.Page(lambda: None, title="Ask", url_path="ask")
    library_page(open_workspaces(), open_workspace(), ask)


def asking() -> None:
    """The page where people ask alone, as a script."""
    import streamlit as st

    from ui.app import open_workspace
    from ui.ask import ask_page

    ask_page(open_workspace(), st.Page(lambda: None, title="Library", url_path="library"))


@pytest.fixture(autouse=True)
def a_process_of_its_own() -> Iterator[None]:
    """The workspace is shared by all tabs of a process; no test sees another one's."""
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_index(tmp_path_factory.mktemp("app") / "index")


def run(app: AppTest) -> Shown:
    """Runs the script; gives the data of our components by name, in the order in which they are drawn."""
    app.run(timeout=120)
    assert not app.exception

    def shown(component: str) -> list[dict[str, Any]]:
        protos = [getattr(element, "proto", None) for element in _elements(app._tree)]
        name = f"openchat-rag.{component}"
        return [json.loads(proto.json) for proto in protos if getattr(proto, "component_name", "") == name]

    return shown


def _elements(node: Any) -> Iterator[Any]:
    children = getattr(node, "children", None)
    if not children:
        yield node
    for child in (children or {}).values():
        yield from _elements(child)


def test_an_empty_index_says_what_to_do_next(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAG_INDEX", str(tmp_path / "index"))
    shown = run(AppTest.from_file(APP))
    [welcome] = shown("welcome")
    assert welcome["title"] == "Bring in your documents"
    assert welcome["questions"] == []


def asked(app: AppTest, question: str) -> dict[str, Any]:
    """The exchange that asking this ends in."""
    run(app)
    app.chat_input[0].set_value(question)
    shown = run(app)
    for _ in range(600):
        [exchange] = shown("exchange")
        if not exchange["live"]:
            return exchange
        time.sleep(0.05)
        shown = run(app)
    raise AssertionError("no answer")


@contextmanager
def reading(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Meanwhile something is being read, and does not come to an end."""
    held = threading.Event()
    monkeypatch.setattr(workspace.intake, "_pipeline", lambda paths, note, stop: held.wait(60))
    workspace.intake.start([Path("/docs")])
    try:
        yield
    finally:
        held.set()
        assert workspace.intake.wait(10)


def test_asking_an_empty_index_says_what_to_do_next(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAG_INDEX", str(tmp_path / "index"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    exchange = asked(AppTest.from_file(APP), "What is in my documents?")
    assert exchange["trouble"].startswith(
        "There is no document to ask yet. Bring some in on the page Library"
    )
    assert exchange["label"] is None, "not: 'Not in the documents', of which there are none"


def test_asking_while_the_first_document_is_read_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAG_INDEX", str(tmp_path / "index"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    app = AppTest.from_function(asking)
    run(app)
    from ui.app import open_workspace

    with reading(open_workspace(), monkeypatch):
        [welcome] = run(app)("welcome")
        assert welcome["under"].startswith("The first ones are being read")
        exchange = asked(app, "What is in my documents?")
        assert exchange["trouble"] == "The first document is still being read. Ask again in a moment."


def test_a_question_that_is_too_long_says_so_and_can_be_edited(
    monkeypatch: pytest.MonkeyPatch, index: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAG_INDEX", str(index))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    exchange = asked(AppTest.from_file(APP), "why? " * 2000)
    assert exchange["trouble"].startswith("The question has 9,999 characters, and at most 8,000 can be asked")
    assert exchange["question"].startswith("why? why?")
    assert exchange["foot"]  # with the buttons to edit it


def test_reading_is_seen_where_people_ask(monkeypatch: pytest.MonkeyPatch, index: Path) -> None:
    monkeypatch.setenv("RAG_INDEX", str(index))
    app = AppTest.from_function(asking)
    run(app)
    from ui.app import open_workspace

    with reading(open_workspace(), monkeypatch):
        shown = run(app)
        assert "3 sources on this machine are ready, and more are being read." in shown("welcome")[0]["under"]
        [progress] = shown("intake")
        assert progress["going"]["now"] == "Looking for what is new"


def test_without_a_model_a_line_says_so_and_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAG_INDEX", str(tmp_path / "index"))
    [line] = run(AppTest.from_file(APP))("notice")
    assert line["words"] == "Quotes only: answers are the documents' own sentences."
    assert PULL_HINT[1:] in line["more"]
    assert "--model PATH" in line["more"]
    assert "RAG_MODEL" in line["more"]


def test_the_line_names_the_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, random_model: Path
) -> None:
    monkeypatch.setenv("RAG_INDEX", str(tmp_path / "index"))
    monkeypatch.setenv("RAG_MODEL", str(random_model))
    [line] = run(AppTest.from_file(APP))("notice")
    assert line["words"] == "OpenChat writes the answers on this machine: random.gguf"
    assert line["more"] == ""


def test_documents_are_announced(monkeypatch: pytest.MonkeyPatch, index: Path) -> None:
    monkeypatch.setenv("RAG_INDEX", str(index))
    [welcome] = run(AppTest.from_file(APP))("welcome")
    assert welcome["title"] == "Ask your documents"
    assert welcome["under"].startswith("3 sources on this machine are ready.")


def test_a_folder_that_is_no_index_is_said_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    monkeypatch.setenv("RAG_INDEX", str(tmp_path))
    [line] = run(AppTest.from_file(APP))("notice")
    assert line["kind"] == "trouble"
    assert str(tmp_path) in line["words"]


def test_a_wrong_setting_is_said_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAG_INDEX", str(tmp_path / "index"))
    monkeypatch.setenv("RAG_WINDOW", "wide")
    [line] = run(AppTest.from_file(APP))("notice")
    assert "window is 'wide'; it takes a" in line["words"]


def test_a_model_that_is_not_there_is_said_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAG_INDEX", str(tmp_path / "index"))
    monkeypatch.setenv("RAG_MODEL", str(tmp_path / "gone.gguf"))
    app = AppTest.from_file(APP)
    run(app)
    from ui.app import open_workspace

    workspace = open_workspace()
    for _ in range(600):
        if not workspace.loading:
            break
        workspace.intake.wait(0.05)
    [line] = run(app)("notice")
    assert line["kind"] == "trouble"
    assert line["words"].startswith("no model file:")


def failing() -> None:
    """What Streamlit calls when a click's own function raises."""
    from ui.page_errors import tell

    assert tell(ValueError("inside"))


def test_what_nobody_foresaw_is_said_in_words(caplog: pytest.LogCaptureFixture) -> None:
    [line] = run(AppTest.from_function(failing))("notice")
    assert line["kind"] == "trouble"
    assert line["words"] == "Something failed inside (ValueError); the terminal has the details."
    assert "ValueError: inside" in caplog.text


def test_the_library_lists_what_is_there(monkeypatch: pytest.MonkeyPatch, index: Path) -> None:
    monkeypatch.setenv("RAG_INDEX", str(index))
    [data] = run(AppTest.from_function(library))("sources")
    assert data["count"].startswith("3 sources, ")
    rows = {row["name"]: row for row in data["sources"]}
    assert set(rows) == {"bread.md", "lights/eddystone.txt", "运河.txt"}
    assert rows["lights/eddystone.txt"]["pages"] == "2"
    assert rows["lights/eddystone.txt"]["kind"] == "TXT"
    assert rows["lights/eddystone.txt"]["path"] == "/docs/lights/eddystone.txt"


def test_the_library_names_what_could_not_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with open_store(tmp_path / "index", create=True).writer() as writer:
        place = Place("/docs", "evil\x1b[2J.pdf", b"/docs/evil\x1b[2J.pdf", "0" * 64, 5, 1)
        writer.record_failure(place, "a password is needed", 1)
    monkeypatch.setenv("RAG_INDEX", str(tmp_path / "index"))
    [data] = run(AppTest.from_function(library))("sources")
    [row] = data["unread"]
    assert (row["name"], row["reason"]) == ("evil\\x1b[2J.pdf", "a password is needed")


@pytest.mark.parametrize("written", ["{0}", " {0} ", "'{0}'", '"{0}"', "file://{1}"])
def test_a_folder_is_named_as_terminals_and_file_managers_write_it(tmp_path: Path, written: str) -> None:
    folder = tmp_path / "my notes"
    assert named_path(written.format(folder, quote(str(folder)))) == folder
    assert named_path("  ") is None


@pytest.mark.parametrize(
    ("written", "shown"), [("/nowhere", "/nowhere"), ("x" * 5000, "x" * 199 + "…"), ("a\0b", "a\\x00b")]
)
def test_a_folder_that_is_not_there_is_said_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str, shown: str
) -> None:
    monkeypatch.setenv("RAG_INDEX", str(tmp_path / "index"))
    app = AppTest.from_function(library)
    run(app)
    app.text_input[0].set_value(written)
    next(button for button in app.button if button.label == "Read folder").click()
    trouble = [line for line in run(app)("notice") if line["kind"] == "trouble"]
    assert [line["words"] for line in trouble] == [
        f"there is nothing at “{shown}” on this machine; give a folder's path"
    ]
