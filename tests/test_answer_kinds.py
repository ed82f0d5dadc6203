"""What a question asks for and whether a sentence has it, in English and Chinese."""

from __future__ import annotations

import pytest

from rag.answer_kinds import asks_nothing, has_kind, kind_asked, points_back


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("When was it built?", "date"),
        ("In which year did he die?", "date"),
        ("How many steps are there?", "number"),
        ("How tall is the tower?", "number"),
        ("What is the percentage of oxygen?", "number"),
        ("What does it cost to charter the boat?", "price"),
        ("How much do I have to pay?", "price"),
        ("What was the price?", "price"),
        ("老铁壶多少钱？", "price"),
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
        ("The last one goes at 17:10.", "date", "When?", True),
        ("It leaves at 10.15 am.", "date", "When?", True),
        ("It is open on Sundays.", "date", "When?", True),
        ("It costs £1,150.", "price", "How much?", True),
        ("Cost (£): 260.00", "price", "How much?", True),
        ("A toll of one penny a ton.", "price", "How much?", True),
        ("It is 22 m high.", "price", "How much?", False),
        ("价格（元）: 520", "price", "多少钱？", True),
        ("容量（毫升）: 650", "price", "多少钱？", False),
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


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("And the Erie Canal?", True),
        ("What about measles?", True),
        ("and in 1759?", True),
        ("红茶呢？", True),
        ("Why?", False),
        ("And how long?", False),
        ("为什么？", False),
        ("有多少部？", False),
    ],
)
def test_asks_nothing(question: str, expected: bool) -> None:
    assert asks_nothing(question) is expected
