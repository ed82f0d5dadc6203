"""Notebooks: cells in order, text outputs kept, pictures not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingest.parse.notebook import LONGEST_OUTPUT, parse
from rag.errors import CorruptSource, EmptySource
from rag.records import Document


def read(*cells: Any, **notebook: Any) -> Document:
    return parse(json.dumps({"cells": cells, **notebook}).encode(), "a.ipynb")


def code(source: Any, *outputs: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "outputs": list(outputs)}


def text_of(*outputs: Any) -> str:
    return read(code("x", *outputs)).pages[0].text.removeprefix("x").lstrip("\n")


def test_cells_in_their_order() -> None:
    document = read(
        {"cell_type": "markdown", "source": ["# Tides\n", "\n", "Some *words*."]},
        code(["def f():\n", "    return 1\n"], {"output_type": "stream", "text": ["a\n", "b\n"]}),
        {"cell_type": "raw", "source": "as it is"},
        {"cell_type": "markdown", "source": "## Next"},
    )
    page = document.pages[0]
    assert page.text == "Tides\n\nSome words.\n\ndef f():\n    return 1\n\na\nb\n\nas it is\n\nNext"
    assert [(h.level, h.text) for h in page.headings] == [(1, "Tides"), (2, "Next")]
    assert document.title == "Tides"


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ({"output_type": "execute_result", "data": {"text/plain": "42"}}, "42"),
        ({"output_type": "display_data", "data": {"image/png": "iVBO", "text/plain": "<Figure>"}}, ""),
        (
            {
                "output_type": "execute_result",
                "data": {
                    "text/html": [
                        "<table><tr><th>Item</th><th>Limit</th></tr>",
                        "<tr><td>Hotel</td><td>165</td></tr></table><script>x</script>",
                    ],
                    "text/plain": "   Item  Limit",
                },
            },
            "Item: Hotel | Limit: 165",
        ),
        ({"output_type": "error", "ename": "KeyError", "evalue": "'x'", "traceback": ["x"]}, "KeyError: 'x'"),
        ({"output_type": "stream", "text": "\x1b[31mred\x1b[0m"}, "red"),
        ({"output_type": "execute_result", "data": "no object"}, ""),
        ("no object", ""),
    ],
)
def test_outputs(output: Any, text: str) -> None:
    assert text_of(output) == text


def test_long_outputs_are_cut_and_said() -> None:
    document = read(code("x", {"output_type": "stream", "text": "a" * (LONGEST_OUTPUT + 1)}))
    assert document.pages[0].text == "x\n\n" + "a" * LONGEST_OUTPUT + " …"
    assert document.warnings == ("1 outputs were cut at 4000 characters",)


def test_a_notebook_of_version_3() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Old"},
        {"cell_type": "code", "input": "1+1", "outputs": [{"output_type": "pyout", "text": ["2"]}]},
    ]
    data = json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]}).encode()
    page = parse(data, "a.ipynb").pages[0]
    assert page.text == "Old\n\n1+1\n\n2"
    assert [(h.level, h.text) for h in page.headings] == [(2, "Old")]


def test_the_title_of_the_metadata() -> None:
    assert read(code("x"), metadata={"title": " Tides "}).title == "Tides"
    assert read(code("x"), metadata="none").title is None


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b'{"cells": [', CorruptSource, r"not valid JSON \(.*\); is it cut off\?"),
        (b"[1]", CorruptSource, "is a JSON list and holds no cells"),
        (b'{"cells": 5}', EmptySource, "no cell with text"),
        (b'{"cells": [{"cell_type": "code", "source": 5}, 7]}', EmptySource, "no cell with text"),
        (b"[" * 100_000, CorruptSource, "nested too deeply"),
    ],
)
def test_what_is_no_notebook(data: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse(data, "a.ipynb")
