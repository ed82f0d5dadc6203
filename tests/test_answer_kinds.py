"""What a question asks for and whether a sentence has it, in English and Chinese."""

from __future__ import annotations

import pytest

from rag.answer_kinds import has_kind, kind_asked, points_back


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("When was it built?", "date"),
        ("In which year did he die?", "date"),
        ("How many steps are there?", "number"),
        ("How tall is the tower?", "number"),
        ("What is the percentage of oxygen?", "number"),
        ("Who built it?", "name"),
        ("Whose idea was that?", "name"),
        ("Why did it fall?", None),
        ("它是什么时候建成的？", "date"),
        ("哪一年完工？", "date"),
        ("灯塔有多高？", "number"),
        ("有多少个国家？", "number"),
        ("谁建造了它？", "name"),
        ("为什么倒塌？", None),
        ("¿Por qué?", None),
        ("", None),
    ],
)
def test_kind_asked(question: str, kind: str | None) -> None:
    assert kind_asked(question) == kind


@pytest.mark.parametrize(
    ("sentence", "kind", "question", "expected"),
    [
        ("It was lit in 1759.", "date", "When?", True),
        ("It was lit in October.", "date", "When?", True),
        ("It was lit at dusk.", "date", "When?", False),
        ("它建于公元前486年。", "date", "什么时候？", True),
        ("There were twelve keepers.", "number", "How many?", True),
        ("There were some keepers.", "number", "How many?", False),
        ("共有三个国家。", "number", "多少？", True),
        ("The tower was built by Smeaton.", "name", "Who built it?", True),
        ("The tower was built by Smeaton.", "name", "Who was Smeaton?", False),
        ("The tower was built by masons.", "name", "Who built it?", False),
        ("由卡万·肖特建造。", "name", "谁建造？", True),
        ("Smeaton built it in 1759.", None, "Why?", False),
    ],
)
def test_has_kind(sentence: str, kind: str | None, question: str, expected: bool) -> None:
    assert has_kind(sentence, kind, question) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("It was lit by candles.", True),
        ("However, they left.", True),
        ("这座灯塔很高。", True),
        ("Item one.", False),
        ("Smeaton built it.", False),
        ("灯塔很高。", False),
    ],
)
def test_points_back(sentence: str, expected: bool) -> None:
    assert points_back(sentence) is expected
