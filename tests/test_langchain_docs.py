"""The Python of docs/langchain.md, run as it stands there, in a folder that has what it names.

Someone else's chat model is `langchain_openai.ChatOpenAI`, whose server is a small one here, on loopback.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from small_index import write_index
from test_saved_faiss import flat, langchain_pickle

import rag
from ingest import langchain as loaders
from rag import LocalEmbeddings

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "langchain.md").read_text("utf-8")
EDDYSTONE = ROOT / "data" / "samples" / "lighthouses" / "eddystone-lighthouses.pdf"
SAID = "In 1759."
FINISHED = "Smeaton's tower was finished in 1759."


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def block_with(words: str) -> str:
    (found,) = [block for block in blocks("python") if words in block]
    return found


def after(diff: str) -> str:
    """What a diff leaves."""
    return "\n".join(line[1:] for line in diff.splitlines() if not line.startswith("-"))


def run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(code, "docs/langchain.md", "exec"), names)
    return names


class SomeoneElses:
    """An OpenAI-compatible server that calls the tool it is given, then says `SAID`; keeps requests."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append(asked)
                body = json.dumps(outer.reply(asked)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing on the screen."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def reply(self, asked: dict[str, Any]) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": SAID}
        if asked.get("tools") and asked["messages"][-1]["role"] == "user":
            function = {
                "name": asked["tools"][0]["function"]["name"],
                "arguments": json.dumps({"question": asked["messages"][-1]["content"]}),
            }
            message = {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "1", "type": "function", "function": function}],
            }
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"id": "1", "object": "chat.completion", "created": 1, "model": "x", "choices": [choice]}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SomeoneElses]:
    someone = SomeoneElses()
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{someone.server.server_port}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    yield someone
    someone.server.shutdown()
    someone.server.server_close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, scripted_model: Callable[[str], Path]) -> Path:
    """`my-index`, `report.pdf`, `papers`, `faiss_index` and the model's file, as the page names them."""
    made = tmp_path_factory.mktemp("made")
    write_index(made / "my-index")
    shutil.copy(EDDYSTONE, made / "report.pdf")
    (made / "papers").mkdir()
    shutil.copy(ROOT / "data" / "samples" / "krakatoa-1883.txt", made / "papers")
    (made / "papers" / "broken.pdf").write_bytes(b"%PDF-1.7 broken")
    shutil.copy(scripted_model(SAID), made / "openchat-3.5-0106.Q4_K_M.gguf")
    (made / "faiss_index").mkdir()
    saved = langchain_pickle({"x": (FINISHED, {"page": 0})}, {0: "x"})
    (made / "faiss_index" / "index.pkl").write_bytes(saved)
    (made / "faiss_index" / "index.faiss").write_bytes(flat(LocalEmbeddings().embed([FINISHED])))
    return made


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of it, to work in."""
    shutil.copytree(made, tmp_path / "work", copy_function=os.link)
    shutil.rmtree(tmp_path / "work" / "my-index")
    shutil.copytree(made / "my-index", tmp_path / "work" / "my-index")  # its files are written to
    monkeypatch.chdir(tmp_path / "work")


def test_every_block_is_run_by_a_test_of_this_file() -> None:
    assert (len(blocks("python")), len(blocks("diff")), len(re.findall(r"^```", PAGE, re.MULTILINE))) == (
        8,
        1,
        18,
    )


def test_a_store(folder: None) -> None:
    names = run(block_with("store.add_texts"))
    assert [document.id for document in names["nearest"]] == ["tower"]
    assert [document.id for document in names["recent"]] == ["bread"]
    assert [document.id for document, _ in names["scored"]] == ["bread", "tower"]
    assert all(0 <= score <= 1 for _, score in names["scored"])
    assert {document.id for document in names["diverse"]} == {"tower", "bread"}
    with rag.FaissStore(LocalEmbeddings(), "my-documents") as store:
        assert len(store) == 1


def test_a_saved_index(folder: None) -> None:
    names = run(block_with("import_saved_faiss("))
    (found,) = names["store"].similarity_search("When was the tower finished?")
    assert (found.page_content, found.metadata, found.id) == (FINISHED, {"page": 0}, "x")


def test_embeddings(folder: None) -> None:
    assert len(run(block_with("embed_query("))["vector"]) == 384


def test_the_retriever_and_the_chain(folder: None, capsys: pytest.CaptureFixture[str]) -> None:
    names = run(block_with("answer = load_chain("))
    assert FINISHED in names["documents"][0].page_content
    assert "lights/eddystone.txt" in capsys.readouterr().out
    assert FINISHED in [citation.quote for citation in names["answer"].citations]


def test_loaders_and_splitter(folder: None, capsys: pytest.CaptureFixture[str]) -> None:
    names = run(block_with("FolderLoader("))
    assert len(names["pages"]) == 6
    assert len(names["chunks"]) > 5
    assert [failure.source for failure in names["loader"].failures] == ["papers/broken.pdf"]
    assert "broken.pdf" in capsys.readouterr().out


def test_our_retriever_with_someone_elses_model(folder: None, server: SomeoneElses) -> None:
    names = run(block_with("StrOutputParser"))
    assert names["answer"] == SAID
    (asked,) = server.asked
    assert FINISHED in asked["messages"][0]["content"]
    assert "[1] lights/eddystone.txt" in asked["messages"][0]["content"]
    assert asyncio.run(names["chain"].ainvoke("How was it lit?")) == SAID
    assert "24 candles" in server.asked[-1]["messages"][0]["content"]


def test_the_search_as_a_tool(folder: None, server: SomeoneElses) -> None:
    assert run(block_with("@tool"))["answer"] == SAID
    first, second = server.asked
    assert first["tools"][0]["function"]["name"] == "search_documents"
    assert FINISHED not in str(first)
    assert second["messages"][-1]["role"] == "tool"
    assert FINISHED in second["messages"][-1]["content"]


def test_our_model_in_someone_elses_agent(folder: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from rag.model import openchat

    read: list[str] = []
    encode = openchat.encode_conversation

    def kept(turns: Any, *given: Any, **named: Any) -> Any:
        read.append(turns[-1].text)
        return encode(turns, *given, **named)

    monkeypatch.setattr(openchat, "encode_conversation", kept)
    assert run(block_with("@dynamic_prompt"))["answer"] == SAID
    assert FINISHED in read[0]
    assert read[0].endswith("When was Smeaton's tower finished?")


def test_tools_are_refused_as_the_page_says(folder: None) -> None:
    from langchain.agents import create_agent
    from langchain_core.tools import tool

    @tool
    def nothing() -> str:
        """Nothing."""
        return ""

    agent = create_agent(rag.ChatOpenChat(model="openchat-3.5-0106.Q4_K_M.gguf"), tools=[nothing])
    with pytest.raises((NotImplementedError, rag.errors.UsageError)):
        agent.invoke({"messages": [{"role": "user", "content": "Hi"}]})


def test_line_by_line_in_place_of_langchain_community(folder: None) -> None:
    names = run(after(blocks("diff")[0]))
    assert names["answer"] == SAID
    assert {document.metadata["source"] for document in names["retriever"].invoke("the third tower")} == {
        "report.pdf"
    }
    assert len(names["store"]) == len(names["chunks"]) > 5


def test_the_table_names_what_there_is() -> None:
    table = re.findall(r"^\| (`.*?) \|.*?\| `([\w.]+)` \|", PAGE, re.MULTILINE)
    homes = {"rag": rag, "ingest.langchain": loaders}
    named = {(name, home) for cell, home in table for name in re.findall(r"`(\w+)`", cell)}
    assert len(named) == 9
    for name, home in named:
        assert callable(getattr(homes[home], name)), name
