"""`rag eval` as a person uses it: tables, files, exit statuses, Ctrl-C, and what is said of wrong usage."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from small_index import write_index

from rag.evaluation.question_file import read_questions
from ui import cli, eval_commands

LINES = [
    {"id": "when", "question": "When was Smeaton's tower finished?", "language": "en",
     "source": "lights/eddystone.txt", "page": 1, "answer": "finished in 1759"},
    {"id": "long", "question": "大运河有多长？", "language": "zh", "source": "运河.txt", "page": 1,
     "answer": "1794公里"},
    {"id": "else", "question": "How was Smeaton's tower lit?", "language": "en",
     "source": "bread.md", "page": 1, "answer": "wild yeast"},
    {"id": "off", "question": "What is the boiling point of tungsten?", "language": "en", "source": None},
    {"id": "gone", "question": "What is a quoin?", "language": "en", "source": "gone\u001b.pdf"},
]  # fmt: skip


class Done(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_index(tmp_path_factory.mktemp("eval") / "index")


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return path


@pytest.fixture
def rag(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, index: Path
) -> Callable[..., Done]:
    """Runs `rag eval` in this process, on the small index."""

    def run(*arguments: str | Path) -> Done:
        monkeypatch.setattr(sys, "argv", ["rag", "eval", *map(str, arguments), "--index", str(index)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        return Done(int(ended.value.code or 0), out, err)

    return run


def cells(out: str, words: str) -> list[str]:
    """The cells of the table's row that begins with these words."""
    (line,) = [line for line in out.splitlines() if line.startswith(words + "  ")]
    return [cell for cell in line.removeprefix(words).split("  ") if cell.strip()]


def test_quotes_on_the_screen(rag: Callable[..., Done], questions: Path) -> None:
    done = rag(questions, "--failed")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("4 of 5 questions measured; answers in quotes\n")
    assert "all (5)" in done.out
    assert "zh (1)" in done.out
    # Three are answerable here: "when" and "long" are found first, "else" is not.
    first = [cell.strip() for cell in cells(done.out, "right passage first")]
    assert first == ["66.7 %", "2/3", "50.0 %", "1/2", "100.0 %", "1/1"]
    assert [cell.strip() for cell in cells(done.out, "answered without grounds")] == [
        "0.0 %",
        "0/1",
        "0.0 %",
        "0/1",
    ]
    assert "not measured, 1 of 5 questions:\n  gone: there is no source 'gone\\x1b.pdf'" in done.out
    assert "\x1b" not in done.out
    failed = done.out[done.out.index("1 question of 5 failed") :]
    assert "else: How was Smeaton's tower lit?" in failed
    assert "the answer lacks the expected words" in failed
    assert "expected  bread.md, page 1: “wild yeast”" in failed
    assert "lights/eddystone.txt, page 1: “Smeaton's tower was finished in 1759. It was lit" in failed
    assert "when: " not in failed


def test_a_search_alone(rag: Callable[..., Done], questions: Path) -> None:
    done = rag(questions, "--mode", "search", "-k", "2")
    assert done.status == 0
    assert "measured; search alone" in done.out
    assert "right passage in the first 2" in done.out
    assert "whole answer" not in done.out
    assert "expected words" not in done.out


def test_to_a_file_and_against_it(rag: Callable[..., Done], questions: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    assert rag(questions, "--mode", "search", "--json", path).status == 0
    written: dict[str, Any] = json.loads(path.read_text("utf-8"))
    assert (written["format"], written["mode"], written["asked"], len(written["rows"])) == (1, "search", 5, 5)
    assert written["summary"]["all"]["measures"]["recall@1"] == {"mean": pytest.approx(2 / 3), "questions": 3}
    assert written["rows"][2]["found"][0]["source"] == "lights/eddystone.txt"
    # An old run in which nothing was found: the same questions are better now, a few of them prove nothing.
    for row in written["rows"]:
        row["rank"] = None
    path.write_text(json.dumps(written))
    done = rag(questions, "--mode", "search", "--against", path, "--json", path)
    assert done.status == 0
    assert "against the earlier run, 4 questions in both:" in done.out
    line = next(
        line for line in done.out.splitlines() if line.startswith("right passage first") and "+" in line
    )
    assert line.split("  ", 1)[1].split() == [
        "0.0", "%", "66.7", "%", "+66.7", "%", "+0.0", "%", "to", "+100.0", "%",
        *["no", "difference", "that", "this", "many", "questions", "can", "show"],
    ]  # fmt: skip
    assert "better: 2 questions\n  when: When was Smeaton's tower finished? (recall@1 0 → 1" in done.out
    again = json.loads(path.read_text("utf-8"))
    assert again["comparison"]["paired"] == 4
    assert again["rows"][0]["rank"] == 1


def test_json_on_standard_output(rag: Callable[..., Done], questions: Path) -> None:
    done = rag(questions, "--mode", "search", "--json", "-")
    assert json.loads(done.out)["asked"] == 5
    assert "right passage first" in done.err


def test_with_a_model_and_a_judge(
    rag: Callable[..., Done], questions: Path, scripted_model: Callable[[str], Path]
) -> None:
    model = scripted_model("It was lit by 24 candles [1].")
    done = rag(questions, "--model", model, "--judge")
    assert done.status == 0
    assert f"answers by {model.stem}" in done.out
    assert "sentences of the answers:" in done.out
    assert "no grade in what the judge wrote: when, long, else" in done.out
    assert "until the first word: median, 95 % within" in done.out


def test_ctrl_c_keeps_what_was_measured(
    rag: Callable[..., Done], questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextlib.contextmanager
    def bar() -> Iterator[Callable[[int, int, str], None]]:
        def show(done: int, _total: int, _name: str) -> None:
            if done == 2:
                signal.raise_signal(signal.SIGINT)

        yield show

    monkeypatch.setattr(eval_commands, "_bar", bar)
    done = rag(questions, "--mode", "search", "--json", tmp_path / "part.json")
    assert done.status == 130
    assert "2 of 5 questions measured" in done.out
    assert "PARTIAL: stopped after 2 of 5 questions; the numbers are of these alone" in done.out
    written = json.loads((tmp_path / "part.json").read_text("utf-8"))
    assert ([row["id"] for row in written["rows"]], written["asked"]) == (["when", "long"], 5)


def test_nothing_of_it_is_in_the_index(rag: Callable[..., Done], tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text('{"question": "What is a quoin?", "source": "gone.pdf"}\n')
    done = rag(path, "--mode", "search")
    assert done.status == 1
    assert "0 of 1 question measured" in done.out
    assert "line 1: there is no source 'gone.pdf' in the index" in done.out


def test_a_model_that_fails_is_status_1(rag: Callable[..., Done], questions: Path, tmp_path: Path) -> None:
    path = tmp_path / "three.jsonl"
    lines = [{**LINES[0], "id": str(number)} for number in range(4)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = rag(path, "--model", "http://127.0.0.1:9/v1")
    assert done.status == 1
    assert "PARTIAL: ended after 3 of 4 questions:" in done.out
    assert "3 questions ended in an error: 0, 1, 2" in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "`rag eval QUESTIONS.jsonl` measures; `rag eval --make N -o FILE` drafts"),
        (("Q", "-o", "x.jsonl"), "`rag eval QUESTIONS.jsonl` measures"),
        (("Q", "--make", "3"), "--make drafts questions and measures nothing"),
        (("Q", "--mode", "model"), "--mode model needs a model, and none is set: `rag model pull`"),
        (("Q", "--judge"), "--judge needs a model, and none is set: `rag model pull`"),
        (("Q", "--mode", "search", "--judge"), "--judge grades answers, and --mode search gives none"),
        (
            ("--make", "3"),
            "--make needs a model that writes the questions, and none is set: `rag model pull`",
        ),
        (("Q", "--against", "none.json"), "'none.json' can't be read"),
        (("Q", "--against", "Q"), "is not JSON; name a file that `rag eval --json FILE` wrote"),
        (
            ("Q", "--json", "no/such/folder.json"),
            "'no/such/folder.json' can't be written: name a file in a folder",
        ),
        (("none.jsonl",), "'none.jsonl' can't be read"),
    ],
)
def test_wrong_usage(
    rag: Callable[..., Done], questions: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = rag(*(str(questions) if one == "Q" else one for one in arguments))
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("rag: ")
    assert message in done.err
    assert done.err.count("\n") == 1


# --- drafts --------------------------------------------------------------------------------------------


def test_drafts(rag: Callable[..., Done], scripted_model: Callable[[str], Path], tmp_path: Path) -> None:
    model, path = (
        scripted_model('{"question":"How was it lit?","answer": "24 candles"}'),
        tmp_path / "drafts.jsonl",
    )
    done = rag("--make", "2", "--model", model, "-o", path)
    assert (done.status, done.out) == (0, "")
    assert (
        "1 of 2 questions drafted; 2 dropped: it has an answer that does not stand in its passage."
        in done.err
    )
    assert "They are drafts: read each before you measure by it." in done.err
    (question,) = read_questions(path)
    assert question.expected[0].answer == "24 candles"
    measured = rag(path, "--mode", "search")
    assert "1 of 1 question measured" in measured.out
    again = rag("--make", "2", "--model", model, "-o", path)
    assert again.status == 2
    assert "is there already; name a new file, so that no questions are lost" in again.err
    shown = rag("--make", "1", "--model", model)
    assert json.loads(shown.out)["answer"] == "24 candles"


def test_no_draft_that_is_good(rag: Callable[..., Done], json_model: Path, tmp_path: Path) -> None:
    done = rag("--make", "1", "--model", json_model, "-o", tmp_path / "none.jsonl")
    assert done.status == 1
    assert done.err == "0 of 1 question drafted; 3 dropped: it asks nothing.\n"
    assert not (tmp_path / "none.jsonl").exists()


def test_only_some_documents_are_asked(rag: Callable[..., Done], questions: Path) -> None:
    done = rag(questions, "--mode", "search", "--only", "lights/", "--json", "-")
    rows = {row["id"]: row for row in json.loads(done.out)["rows"]}
    assert {hit["source"] for row in rows.values() for hit in row["found"]} == {"lights/eddystone.txt"}
    assert (rows["when"]["rank"], rows["long"]["rank"]) == (1, None)
    wrong = rag(questions, "--only", "nothing/")
    assert wrong.status == 2
    assert "no document matches 'nothing/'" in wrong.err
