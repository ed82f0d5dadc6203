"""`rag mcp`, a real process, over stdio and over HTTP, by the SDK's own client."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult
from small_index import PAGES, write_index

ROOT = Path(__file__).parent.parent
HOW = "How was Smeaton's tower lit?"
SAYS = "It was lit by 24 candles [1]."
KEY = "sk-mcp"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    long = "The log says nothing.\n\n" * 2000
    return write_index(tmp_path_factory.mktemp("mcp") / "index", {**PAGES, "long.txt": [long.strip()]})


@pytest.fixture(scope="module")
def over_stdio(index: Path, scripted_model: Callable[[str], Path]) -> StdioServerParameters:
    arguments = ["-m", "ui.cli", "mcp", "--index", str(index), "--model", str(scripted_model(SAYS))]
    environment = {"RAG_THREADS": "1", "HF_HUB_OFFLINE": "1", "XDG_DATA_HOME": str(index.parent)}
    return StdioServerParameters(command=sys.executable, args=arguments, env=environment, cwd=ROOT)


@pytest.fixture(scope="module")
def over_http(index: Path) -> Iterator[str]:
    """Without a model: its answers are quotes. Gives the address."""
    command = [sys.executable, "-m", "ui.cli", "mcp", "--http", "--port", "0", "--index", str(index)]
    with subprocess.Popen(
        [*command, "--api-keys", KEY, "sk-other"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        said = re.fullmatch(
            r"openchat-rag speaks MCP at (http://\S+/mcp) \(Ctrl-C ends it\)\n", process.stdout.readline()
        )
        assert said
        yield said[1]
        process.kill()


def record(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


def trouble(result: CallToolResult) -> str:
    assert result.is_error
    return str(result.content[0].text)  # type: ignore[union-attr]


async def test_over_stdio(over_stdio: StdioServerParameters) -> None:
    progress: list[tuple[float, float | None, str | None]] = []

    async def told(done: float, total: float | None, message: str | None) -> None:
        progress.append((done, total, message))

    async with Client(over_stdio) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"search", "ask", "list_sources", "read_page"}
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.values())
        assert all(tool.output_schema for tool in tools.values())

        result = await client.call_tool("ask", {"question": HOW}, progress_callback=told)
        answer = record(result)
        assert answer["answer"] == SAYS
        assert (answer["mode"], answer["abstained"]) == ("openchat", False)
        cited = answer["citations"][0]
        assert (cited["number"], cited["source"], cited["verdict"]) == (
            1,
            "lights/eddystone.txt",
            "supported",
        )
        assert PAGES[cited["source"]][cited["page"] - 1][cited["start"] : cited["end"]] == cited["quote"]
        text = result.content[0].text  # type: ignore[union-attr]
        assert text == SAYS + ("\n\n---\n\n[1] lights/eddystone.txt: “It was lit by 24 candles.” (supported)")
        done, total, message = progress[-1]
        assert done == total
        assert message == "reading the passages"

        nothing = record(
            await client.call_tool("ask", {"question": "What is the boiling point of tungsten?"})
        )
        assert nothing["abstained"]
        assert nothing["citations"] == []
        assert nothing["nearest"]


async def test_search_list_and_read(over_stdio: StdioServerParameters) -> None:
    async with Client(over_stdio) as client:
        found = record(
            await client.call_tool("search", {"question": "When was the tower taken down?", "k": 2})
        )
        best = found["passages"][0]
        assert best["citation"] == "lights/eddystone.txt, page 2"
        assert "taken down in 1882" in best["text"]
        assert len(found["passages"]) == 2
        only = record(await client.call_tool("search", {"question": "tower", "only": ["source:bread.md"]}))
        assert {passage["source"] for passage in only["passages"]} == {"bread.md"}

        listed = record(await client.call_tool("list_sources", {"limit": 2}))
        assert (listed["total"], listed["next_offset"]) == (4, 2)
        rest = record(await client.call_tool("list_sources", {"offset": 2}))
        names = [source["source"] for source in listed["sources"] + rest["sources"]]
        assert sorted(names) == ["bread.md", "lights/eddystone.txt", "long.txt", "运河.txt"]
        assert rest["next_offset"] is None
        some = record(await client.call_tool("list_sources", {"contains": "EDDY"}))
        assert [(source["source"], source["pages"]) for source in some["sources"]] == [
            ("lights/eddystone.txt", 2)
        ]

        page = record(await client.call_tool("read_page", {"source": "lights/eddystone.txt", "page": 2}))
        assert (page["text"], page["pages"]) == (PAGES["lights/eddystone.txt"][1], 2)
        assert page["citation"] == "lights/eddystone.txt, page 2"
        text, start = "", 0
        while start is not None:
            part = record(await client.call_tool("read_page", {"source": "long.txt", "start": start}))
            assert len(part["text"]) <= 20_000
            text, start = text + part["text"], part["next_start"]
        assert text == ("The log says nothing.\n\n" * 2000).strip()


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("read_page", {"source": "nothing.txt"}, "nothing.txt"),
        ("read_page", {"source": "bread.md", "page": 9}, "'bread.md' has 1 pages; there is no page 9"),
        (
            "read_page",
            {"source": "bread.md", "start": 9999},
            f"start is 9999; the page has {len(PAGES['bread.md'][0])} characters",
        ),
        ("read_page", {"source": "../../etc/passwd"}, "etc/passwd"),
        ("read_page", {"source": "bread.md", "page": 10**30}, "less than or equal to 2147483648"),
        ("search", {"question": "x", "k": 0}, "greater than or equal to 1"),
        ("search", {"question": "x", "k": 10**9}, "less than or equal to 50"),
        ("search", {"question": " "}, "the question is empty"),
        ("search", {"question": "x", "only": ["folder:nowhere"]}, "nowhere"),
        ("ask", {"question": ""}, "at least 1 character"),
        ("ask", {}, "question"),
        ("wurst", {}, "wurst"),
    ],
)
async def test_what_is_wrong_is_said(over_http: str, tool: str, arguments: dict[str, Any], said: str) -> None:
    async with keyed(over_http) as client:
        assert re.search(said, trouble(await client.call_tool(tool, arguments)))


async def test_over_http(over_http: str) -> None:
    async with keyed(over_http) as client:
        answer = record(await client.call_tool("ask", {"question": "When was Smeaton's tower finished?"}))
        assert answer["mode"] == "quotes"
        assert answer["citations"][0]["quote"] == "Smeaton's tower was finished in 1759."


@contextlib.asynccontextmanager
async def keyed(address: str) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}) as http,
        Client(streamable_http_client(address, http_client=http)) as client,
    ):
        yield client


def test_the_same_guard_as_rag_serve(over_http: str) -> None:
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    key = {"Authorization": f"Bearer {KEY}"}
    assert httpx.post(over_http, json=ping).status_code == 401
    assert httpx.post(over_http, json=ping, headers=key | {"Host": "evil.example"}).status_code == 421
    assert (
        httpx.post(over_http, json=ping, headers=key | {"Origin": "http://evil.example"}).status_code == 403
    )
    assert httpx.post(over_http, content=b" " * 1_100_000, headers=key).status_code == 413
    assert httpx.post(over_http, content=b"{", headers=key).status_code in (400, 406)


async def test_a_client_that_cancels_stops_the_model(index: Path, slow_model: Path) -> None:
    """The model would write 3000 tokens: whoever asks meanwhile is told of one that comes before."""
    arguments = ["-m", "ui.cli", "mcp", "--index", str(index), "--model", str(slow_model)]
    environment = {"RAG_THREADS": "1", "RAG_RESERVE": "3000", "XDG_DATA_HOME": str(index.parent)}
    server = StdioServerParameters(command=sys.executable, args=arguments, env=environment, cwd=ROOT)

    async with Client(server) as client:

        async def messages_until_read(*, cancel: bool) -> list[str | None]:
            said: list[str | None] = []
            is_read = asyncio.Event()

            async def told(done: float, total: float | None, message: str | None) -> None:
                said.append(message)
                if done == total or (message or "").startswith("waiting"):
                    is_read.set()

            call = asyncio.create_task(client.call_tool("ask", {"question": HOW}, progress_callback=told))
            await asyncio.wait_for(is_read.wait(), 60)
            asked.append(call)
            if cancel:
                call.cancel()
                await asyncio.sleep(1)
            return said

        asked: list[asyncio.Task[CallToolResult]] = []
        assert set(await messages_until_read(cancel=True)) == {"reading the passages"}
        assert set(await messages_until_read(cancel=False)) == {"reading the passages"}
        assert "waiting, 1 before you" in await messages_until_read(cancel=True)
        asked[1].cancel()
