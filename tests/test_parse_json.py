"""JSON and JSON lines: readable lines with the keys that lead to them, whatever is in there."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.chunk import split
from ingest.parse.json_lines import parse as parse_lines
from ingest.parse.json_text import LONGEST_ROW, parse
from ingest.parse.json_values import MOST_NUMBERS
from rag.errors import CorruptSource, EmptySource
from rag.places import line_of
from rag.records import Document, Hit, LineMark

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def read(text: str) -> Document:
    return parse(text.encode(), "a.json")


def text_of(value: Any) -> str:
    return read(json.dumps(value, ensure_ascii=False)).pages[0].text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": 1, "b": {"c": "x"}}, "a: 1\nb.c: x"),
        ({"on": True, "off": False, "none": None, "empty": "", "list": [], "object": {}},
         "on: true\noff: false\nnone: null\nempty:\nlist:\nobject:"),
        ({"tags": ["a", "b"], "mixed": [1, {"x": 2}]}, "tags: a, b\nmixed[0]: 1\nmixed[1].x: 2"),
        ([[1, 2], ["a", [3]]], "[0]: 1, 2\n[1][0]: a\n[1][1]: 3"),
        ("only words", "only words"),
        ([1, 2.50], "1, 2.5"),
        ({"text": "two\nlines ﬁn"}, "text: two lines fin"),
        ({"地址": {"城市": "巴黎"}}, "地址.城市: 巴黎"),
    ],
)  # fmt: skip
def test_values_with_the_keys_that_lead_to_them(value: Any, text: str) -> None:
    assert text_of(value) == text


def test_records_are_rows_with_their_keys() -> None:
    records = [{"name": "Ann", "address": {"city": "Paris"}}, {"name": "Bob", "tags": ["x", "y"], "no": None}]
    assert text_of(records) == "name: Ann | address.city: Paris\nname: Bob | tags: x, y"


def test_larger_parts_have_headings_below_what_is_said_in_a_line() -> None:
    document = read(
        json.dumps(
            {
                "users": [{"name": "Ann"}, {"name": "Bob"}],
                "title": "Team",
                "limits": {"a": 1, "b": 2, "c": 3, "sub": {"d": [1], "e": 5}},
            }
        )
    )
    page = document.pages[0]
    assert page.text == (
        "title: Team\n\nusers\n\nname: Ann\nname: Bob\n\nlimits\n\nlimits.a: 1\nlimits.b: 2\nlimits.c: 3\n\n"
        "limits.sub\n\nlimits.sub.d: 1\nlimits.sub.e: 5"
    )
    assert [(h.level, h.text) for h in page.headings] == [(1, "users"), (1, "limits"), (2, "limits.sub")]
    assert document.title == "Team"


def test_a_record_that_is_too_long_for_a_row_has_a_line_for_each_value() -> None:
    long = "word " * (LONGEST_ROW // 5)
    assert text_of([{"a": 1, "b": {"c": long}}, {"a": 2}]) == f"[0].a: 1\n[0].b.c: {long.strip()}\na: 2"


def test_numbers_and_keys_stay_as_they_are_written() -> None:
    text = '{"a": 1.50, "a": 2, "big": 1' + "0" * 5000 + ', "x": NaN, "y": -Infinity, "z": 1e400}'
    lines = read(text).pages[0].text.split("\n")
    assert lines[:2] == ["a: 1.50", "a: 2"]
    assert lines[2] == "big: 1" + "0" * 5000
    assert lines[3:] == ["x: NaN", "y: -Infinity", "z: 1e400"]


def test_long_lists_of_numbers_and_packed_data_are_named() -> None:
    vector = list(range(MOST_NUMBERS + 1))
    shown = ", ".join(map(str, range(20)))
    assert text_of({"v": vector}) == f"v: {shown}, … (101 numbers)"
    assert text_of({"v": vector[:-1]}).endswith("98, 99")
    packed = "iVBORw0KGgo" * 100
    assert text_of({"i": packed}) == "i: (1100 characters of packed data)"
    assert text_of({"i": "data:image/png;base64," + packed}).endswith("(1122 characters of packed data)")
    assert text_of({"i": "some words " * 100}).startswith("i: some words some words")


def test_geojson() -> None:
    features = [
        {
            "type": "Feature",
            "properties": {"name": "Paris"},
            "geometry": {"type": "Point", "coordinates": [2.35, 48.85]},
        },
        {
            "type": "Feature",
            "properties": {"name": "Seine"},
            "geometry": {"type": "Polygon", "coordinates": [[[n, n] for n in range(60)]]},
        },
    ]
    text = text_of({"type": "FeatureCollection", "features": features})
    assert text == (
        "type: FeatureCollection\n\nfeatures\n\n"
        "type: Feature | properties.name: Paris | geometry.type: Point | geometry.coordinates: 2.35, 48.85\n"
        "type: Feature | properties.name: Seine | geometry.type: Polygon | "
        "geometry.coordinates: (120 numbers)"
    )


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32", "gb18030"])
def test_encodings(codec: str) -> None:
    text = '{"名": "这是一个关于城市的说明，内容是有意义的中文。"}'
    assert (
        parse(text.encode(codec), "a.json").pages[0].text
        == "名: 这是一个关于城市的说明，内容是有意义的中文。"
    )


def test_what_is_no_json_is_read_line_by_line() -> None:
    document = read('{\n  // a comment\n  "a": 1,\n}')
    assert document.pages[0].text == '{\n  // a comment\n  "a": 1,\n}'
    assert "not valid JSON (" in document.warnings[0]
    assert "line 2 column 3" in document.warnings[0]
    rows = read('{"a": 1}\n{"a": 2}\n')
    assert rows.pages[0].text == "a: 1\na: 2"
    assert rows.warnings == ("it is one JSON value a line, so it was read as JSON lines",)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"  \n", EmptySource, "holds no text"),
        (b"{}", EmptySource, "holds no value"),
        (b"[{}]", EmptySource, "holds no value"),
        (b"{}\n" + bytes(range(256)) * 20, CorruptSource, "binary data"),
        (b"[" * 100_000, CorruptSource, "nested too deeply"),
        (b'{"a":' * 100_000, CorruptSource, "nested too deeply"),
    ],
)
def test_nothing_to_read(data: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse(data, "a.json")


def test_a_long_key_is_not_said_again_in_full() -> None:
    text = text_of({"k" * 10_000: {f"{n}": [{"x": n}, 1] for n in range(1000)}})
    assert len(text) < 1_000_000


@pytest.mark.parametrize(
    ("text", "page"),
    [
        (' [ {"a": 1} ,\n{"a": 2}] \n', "a: 1\na: 2"),
        ('[{"a": 1}, 2]', "[0].a: 1\n[1]: 2"),
        ('[{"a": [{"b": 1}]}]', "a[0].b: 1"),
        ('[{"a": 1}] x', '[{"a": 1}] x'),
        ('[{"a": 1},]', '[{"a": 1},]'),
        ('[{"a": 1} {"a": 2}]', '[{"a": 1} {"a": 2}]'),
        ('[{"a": 1}', '[{"a": 1}'),
    ],
)
def test_lists_that_are_and_are_not_of_objects(text: str, page: str) -> None:
    assert read(text).pages[0].text == page


def test_lines_are_the_file_s_lines() -> None:
    data = '{"a": 1, "b": {"c": "x\\ny"}}\r\n\n["p", "q"]\n"words"\nno json\n\n\n'
    document = parse_lines(data.encode(), "a.jsonl")
    assert document.pages[0].text == "a: 1 | b.c: x y\n\np, q\nwords\nno json"
    assert document.warnings == ("1 of 4 lines are not JSON and were read as they are",)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"\n\n", EmptySource, "holds no record"),
        (b"words\nmore\n", CorruptSource, r"none of its 2 lines is JSON; name it \.txt"),
        (b"[" * 50_000 + b"\n", CorruptSource, "none of its 1 lines is JSON"),
    ],
)
def test_no_lines_to_read(data: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse_lines(data, "a.jsonl")


@given(JSON)
def test_any_value_is_read_or_empty(value: Any) -> None:
    data = json.dumps(value).encode()
    for reader in (parse, parse_lines):
        try:
            page = reader(data, "a.json").pages[0]
        except EmptySource:
            continue
        page.text.encode("utf-8")
        assert all(page.text[h.start : h.end] == h.text for h in page.headings)
        if reader is parse_lines:
            assert "\n" not in page.text


@example([{}, {"": None, "0": None}], 0)
@given(JSON, st.sampled_from([None, 0, 2]))
def test_every_value_knows_its_line_in_the_file(value: Any, indent: int | None) -> None:
    """Values are numbered in their order, the keys of objects too, so that each is found but once."""
    numbers = itertools.count(1)

    def numbered(one: Any) -> Any:
        if isinstance(one, dict):
            return {f"key {next(numbers)}": numbered(inner) for inner in one.values()}
        return [numbered(inner) for inner in one] if isinstance(one, list) else f"value{next(numbers)}x"

    text = json.dumps({"all": numbered(value), "more": [{"last": "value0x"}, {"last": 1}]}, indent=indent)
    lines = {
        found[0]: number
        for number, line in enumerate(text.split("\n"), 1)
        for found in re.finditer(r"value\d+x", line)
    }
    document = parse(text.encode(), "a.json")
    for chunk in split(document, count_tokens=lambda words: len(words.split()), chunk_tokens=24):
        hit = Hit(1, "a.json", 1, chunk.start, chunk.end, chunk.text, 1.0, line=chunk.line, lines=chunk.lines)
        for found in re.finditer(r"(?<!, )value\d+x", chunk.text):  # of a list, the first
            assert line_of(hit, chunk.start + found.start()) == lines[found[0]]


def test_what_is_no_json_has_lines_too() -> None:
    assert parse(b"// a comment\n{\n\n 1", "a.json").pages[0].lines == (LineMark(0, 1),)


def test_a_long_list_s_records_know_where_they_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.parse.json_decoder.MOST_PLACED", 10)
    page = parse(b'[\n{"a": 1,\n"b": 2},\n{"a": 3}]', "a.json").pages[0]
    assert (page.text, page.lines) == ("a: 1 | b: 2\na: 3", (LineMark(0, 2), LineMark(7, 2), LineMark(12, 4)))
