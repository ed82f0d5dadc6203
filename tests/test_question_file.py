"""A file of questions: what is read, and what each wrong line is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.errors import UsageError
from rag.evaluation.question_file import Expected, Question, question_line, read_questions

GOOD = '{"question": "When?", "source": "a.pdf"}'


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "questions.jsonl"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_every_field(tmp_path: Path) -> None:
    lines = [
        '{"id": "a", "question": "When?", "language": "en", "source": "a.pdf", "page": 2, "answer": "1759",'
        ' "also": [{"source": "b.md", "page": 1, "answer": "in 1759"}, {"source": "c.txt"}], "note": "hm"}',
        "",
        '{"question": "谁？", "source": null, "page": null, "answer": null, "kind": "off_topic"}',
        '{"question": "Where?", "source": "a.pdf"}\r',
    ]
    assert read_questions(written(tmp_path, "\ufeff" + "\n".join(lines))) == (
        Question(
            "a",
            "When?",
            (Expected("a.pdf", 2, "1759"), Expected("b.md", 1, "in 1759"), Expected("c.txt")),
            "en",
            note="hm",
        ),
        Question("line 3", "谁？", kind="off_topic"),
        Question("line 4", "Where?", (Expected("a.pdf"),)),
    )


def test_the_projects_own_file() -> None:
    path = Path(__file__).parent.parent / "data" / "questions.jsonl"
    lines = path.read_text("utf-8").splitlines()
    questions = {question.id: question for question in read_questions(path)}
    assert len(questions) == len(lines)
    assert sum(not question.expected for question in questions.values()) == path.read_text().count(
        '"source": null'
    )
    assert questions["q003"].expected[1].answer == "14 November 1698"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{'question': 1}", r"line 2 is not JSON \(.* at column 2\); write one object a line"),
        ("[" * 100_000, "line 2 is not JSON"),
        ("7", "line 2 is not an object but 7; write"),
        ('{"source": "a.pdf"}', 'line 2: there is no "question"; write what is asked'),
        ('{"question": "  ", "source": "a.pdf"}', 'line 2: "question" is "  "; it is text'),
        ('{"question": 5, "source": "a.pdf"}', 'line 2: "question" is 5; it is text'),
        ('{"question": "When?"}', 'line 2: there is no "source"; name the document .* or write null'),
        ('{"question": "When?", "source": "a", "page": 0}', '"page" is 0; it is a whole number from 1'),
        ('{"question": "When?", "source": "a", "page": "two"}', '"page" is "two"; it is a whole number'),
        ('{"question": "When?", "source": "a", "page": true}', '"page" is true; it is a whole number'),
        (
            '{"question": "When?", "source": "a", "anwser": "x"}',
            r'"anwser" is no field .*did you mean "answer"\?',
        ),
        (
            '{"question": "When?", "source": "a", "zzz": 1}',
            "no field of a question; the fields are id, question",
        ),
        ('{"question": "When?", "source": null, "answer": "x"}', '"source" is null, yet "answer" is given'),
        ('{"question": "When?", "source": "a", "also": "b"}', '"also" is "b"; it is a list of'),
        ('{"question": "When?", "source": "a", "also": [{"page": 1}]}', '"also" 1: there is no "source"'),
        (
            '{"question": "When?", "source": "a", "also": [{"source": "b", "x": 1}]}',
            '"also" 1: "x" is no field',
        ),
        ('{"id": "line 1", "question": "When?", "source": "a"}', "the id 'line 1' is line 1's already"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        read_questions(written(tmp_path, f"{GOOD}\n{line}\n{GOOD}\n"))
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400 + len(str(tmp_path))


def test_files_that_hold_no_questions(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no question; write one a line"):
        read_questions(written(tmp_path, "\n \n"))
    with pytest.raises(UsageError, match=r"not UTF-8 \(byte 0xff at 3\); save it as UTF-8"):
        read_questions(written(tmp_path, b'{"q\xff'))
    with pytest.raises(UsageError, match="can't be read"):
        read_questions(tmp_path)
    with pytest.raises(UsageError, match=r"can't be read \(No such file"):
        read_questions(tmp_path / "none.jsonl")


TEXT = (
    st.text(min_size=1)
    .filter(str.strip)
    .filter(lambda text: text.encode("utf-8", "replace").decode() == text)
)
PLACES = st.builds(Expected, TEXT, st.none() | st.integers(1, 9999), st.none() | TEXT)
QUESTIONS = st.builds(
    Question, TEXT, TEXT, st.lists(PLACES, max_size=3).map(tuple), st.just("") | TEXT, note=st.just("") | TEXT
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(QUESTIONS, min_size=1, max_size=4, unique_by=lambda one: one.id))
def test_what_is_written_is_read_again(tmp_path: Path, questions: list[Question]) -> None:
    text = "".join(question_line(one) + "\n" for one in questions)
    assert read_questions(written(tmp_path, text)) == tuple(questions)
    first: dict[str, Any] = json.loads(text.split("\n")[0])
    assert first["question"] == questions[0].question
