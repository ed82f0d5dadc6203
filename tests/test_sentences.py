"""Sentence spans by hand, in several scripts, and what must hold for any text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.sentences import line_spans, spans


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in spans(text)]


@pytest.mark.parametrize(
    "expected",
    [
        ["It is 3.5 m high.", "See Dr. Ray!"],
        ["Who built it?", "Mr. J. R. Smeaton, in 1759, did."],
        ["It was Roe v. Wade."],
        ["The U.S. Army left.", "It was 1945."],
        ["He lived in the U.S.", "The house stands."],
        ["Bring oil, wicks, etc.", "The lamp needs them."],
        ["Use e.g. Colza oil."],
        ["See Fig. 3 and No. 7 of vol. 2.", "Then stop."],
        ["No.", "He left."],
        ["“Stop!” he cried, and “Go!”", "They went."],
        ['He said: "It is late."', "Nobody answered."],
        ["Go to https://example.org/a.b?c=d.e for v2.0.1 of it.", "Done."],
        ["Wait ... then go.", "Why?!", "Because!"],
        ["(He left.)", "She stayed [it rained]."],
        ["It was shown before.[12]", "Some agree [3, 4]."],
        ["He was born on Jan. 5 at 8 a.m. in Kent.", "He died in 1810."],
        ["Das kostet z.B. 5 Euro.", "Über Nr. 7 hinaus nichts."],
        ["I am.", "You are."],
        ["It was Henry I.", "The next was Stephen."],
    ],
)
def test_sentences_of_a_line(expected: list[str]) -> None:
    assert sentences(" ".join(expected)) == expected


@pytest.mark.parametrize(
    "expected",
    [
        ["灯塔高三十米。", "它建于1759年！", "谁建的？"],
        ["他说：“天黑了。”", "没有人回答。"],
        ["“快走！”，他喊道。", "他们走了。"],
        ["「遅い。」と彼は言った。", "「はい。」", "終わり"],
        ["约 3.5 米（见图 2）高。", "完。"],
        ["यह एक दीपस्तंभ है।"],
    ],
)
def test_sentences_without_spaces_between(expected: list[str]) -> None:
    assert sentences("".join(expected)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t ", []),
        ("Title\n\nBody text.", ["Title", "Body text."]),
        ("Lamps\nThe first burned wood and went out.", ["Lamps", "The first burned wood and went out."]),
        ("# One\ntext goes\non here", ["# One", "text goes\non here"]),
        ("- oil\n- wick\n- glass for\n  the lens", ["- oil", "- wick", "- glass for\n  the lens"]),
        ("1. Light it.\n2. Trim it.", ["1. Light it.", "2. Trim it."]),
        ("| a | b |\n| --- | --- |\n| 1. | 2. |", ["| a | b |", "| --- | --- |", "| 1. | 2. |"]),
        ("a\tb. c\nd\te", ["a\tb. c", "d\te"]),
        ("Apples\nPears\nPlums", ["Apples", "Pears", "Plums"]),
        (
            "The tower that stands on the Eddystone\nRock was built by Smeaton and it stood\nlong. It moved.",
            [
                "The tower that stands on the Eddystone\nRock was built by Smeaton and it stood\nlong.",
                "It moved.",
            ],
        ),
        (
            "The rate constants of the binding are k\n7 for axin and k\n8).",
            ["The rate constants of the binding are k\n7 for axin and k\n8)."],
        ),
        ("One.\r\nTwo.\r\n\r\nThree.", ["One.", "Two.", "Three."]),
        ("一、点灯\n二、修剪灯芯", ["一、点灯", "二、修剪灯芯"]),
        (
            "    Opened       17 November 1869      15 August 1914\n    length       193 km      82 km",
            ["Opened       17 November 1869      15 August 1914", "length       193 km      82 km"],
        ),
        (
            "11:00  at the rocks; one hour for photographs, engine stopped\n12:00  turning back",
            ["11:00  at the rocks; one hour for photographs, engine stopped", "12:00  turning back"],
        ),
        (
            "From: Ann Lee <ann@a.example>\nSubject: the boat\nDear Mr Roe,",
            ["From: Ann Lee <ann@a.example>", "Subject: the boat", "Dear Mr Roe,"],
        ),
        ("One is so    . Two goes on.", ["One is so    .", "Two goes on."]),
        ("Heading\n=======\nText.", ["Heading", "=======", "Text."]),
    ],
)
def test_lines(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_lines_that_count_are_units_whatever_they_hold() -> None:
    text = '{"id": 1, "text": "It is late. Go!"}\n\n  {"id": 2}\nfor each in rows:\r\n    print(each)\n'
    assert [text[start:end] for start, end in line_spans(text)] == [
        '{"id": 1, "text": "It is late. Go!"}',
        '{"id": 2}',
        "for each in rows:",
        "print(each)",
    ]


PIECES = st.sampled_from(
    ["灯", "Mr", "- ", "| ", *".?。\n\t1aA”()… ", ". ", "\n\n", "\r\n", "\u2028", "\x1c", "\ud800"]
)


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
def test_spans_are_ordered_trimmed_and_leave_nothing_out(text: str) -> None:
    found = spans(text)
    covered = set()
    reached = 0
    for start, end in found:
        assert reached <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()
        covered.update(range(start, end))
        reached = end
    assert all(position in covered for position, character in enumerate(text) if not character.isspace())


@pytest.mark.parametrize(
    "piece", ["a. ", "a.", ".", "A\n", "(" * 50, "\n", " ", "a\tb\n", "灯。", '."', "12", "- "]
)
def test_time_grows_with_length_alone(piece: str) -> None:
    text = piece * (400_000 // len(piece))
    began = time.perf_counter()
    spans(text)
    assert time.perf_counter() - began < 5  # some 0.5 s; anything quadratic takes minutes
