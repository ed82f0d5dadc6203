"""`.ragignore` against git itself, rule by rule and at random; and patterns made to take for ever."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.ignore import MOST_RULES, is_named, parse_rules, read_rules
from ingest.walk import HIDDEN, IGNORED, Walk
from rag.errors import SourceError

FILES = (
    "a.txt",
    "b.md",
    "note.txt",
    "secret",
    "build/out.txt",
    "build/deep/out.txt",
    "docs/a.txt",
    "docs/build/x.txt",
    "docs/secret/key.txt",
    "docs/deep/er/a.txt",
    "docs/[x].txt",
    "docs/sp ace .txt",
    "docs/#hash",
    "docs/!bang",
    "x/y/z/w.txt",
)


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "core.excludesFile=/dev/null", *arguments]
    environment = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(folder), "LC_ALL": "C"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    for name in FILES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    git(folder, "init", "-q")
    return folder


def read_by_git(folder: Path) -> set[str]:
    """What git would add: the files that no .gitignore names."""
    listed = git(folder, "ls-files", "-z", "--others", "--exclude-standard")
    return {name for name in listed.split("\0") if name and not name.endswith(".ragignore")} - {".gitignore"}


def read_by_us(folder: Path) -> set[str]:
    """The files that we would read, if all had parsers."""
    root = os.fsencode(folder)
    walk = Walk(known=frozenset(os.fsencode(folder / name) for name in FILES))
    return {os.fsdecode(found.location[len(root) + 1 :]) for found in walk.files(root, root)}


def both(folder: Path, text: str, below: str = "") -> tuple[set[str], set[str]]:
    """What is left of the tree by these rules in the top folder, and these in `docs`."""
    for name, rules in (("", text), ("docs", below)):
        for ignore in (".gitignore", ".ragignore"):
            (folder / name / ignore).write_bytes(rules.encode())
    return read_by_us(folder), read_by_git(folder) - {"docs/.gitignore"}


RULES = (
    "*.txt",
    "/a.txt",
    "build",
    "build/",
    "/build",
    "docs/build",
    "**/build",
    "build/**",
    "build/*",
    "docs/**/a.txt",
    "x/**/w.txt",
    "x/**",
    "**",
    "**/",
    "*",
    "*/",
    "/*",
    "*\n!docs/\n!docs/a.txt",
    "*.txt\n!note.txt",
    "build/\n!build/out.txt",
    "!a.txt\n*.txt",
    "# comment\n\n   \nsecret",
    "secret/",
    "\\#hash",
    "\\!bang",
    "#hash",
    "docs/sp\\ ace*",
    "sp ace .txt  ",
    "docs/sp ace\\ .txt\\ ",
    "[ab].*",
    "[!ab].*",
    "[^ab].*",
    "[a-n]*.txt",
    "[[:alpha:]].txt",
    "\\[x\\].txt",
    "[[]x].txt",
    "[x",
    "[]x].txt",
    "?.txt",
    "a?txt",
    "docs//a.txt",
    "/",
    "a.txt\r\nb.md\r\n",
    "\ufeffa.txt",
    "d*s/*/er",
    "do**s/a.txt",
    "secret\\",
    "a.txt/",
    "[z-a].md\n[!z-a].txt",
)


@pytest.mark.parametrize("text", RULES)
def test_rules_mean_what_git_takes_them_for(tree: Path, text: str) -> None:
    ours, gits = both(tree, text)
    assert ours == gits


def test_a_nearer_file_has_the_last_word(tree: Path) -> None:
    ours, gits = both(tree, "*.txt\n", "!a.txt\n/build\n")
    assert ours == gits
    assert {"docs/a.txt", "docs/deep/er/a.txt"} <= ours
    assert "a.txt" not in ours


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.text(alphabet="ab!*?/[]-.#\\ tx^docsbuild", min_size=1, max_size=9), max_size=4),
    below=st.lists(st.text(alphabet="!*?/[].tad", min_size=1, max_size=6), max_size=2),
)
def test_any_rules_mean_what_git_takes_them_for(tree: Path, lines: list[str], below: list[str]) -> None:
    ours, gits = both(tree, "\n".join(lines), "\n".join(below))
    assert ours == gits, lines


@pytest.mark.parametrize("pattern", ["*a" * 2000 + "*b", "**/a/" * 800 + "b", "a*" * 2000])
def test_a_pattern_that_is_made_to_be_slow_is_not(pattern: str) -> None:
    rules = parse_rules(pattern)
    path = b"/r/" + b"/".join([b"a" * 250] * 12)
    begun = time.process_time()
    for _ in range(20):
        is_named(path, is_folder=False, levels=[read(rules)])
    assert time.process_time() - begun < 2


def read(rules: tuple[object, ...]) -> object:
    from ingest.ignore import Rules

    return Rules(b"/r", rules)  # type: ignore[arg-type]


def test_too_many_rules_and_too_long_ones_are_refused() -> None:
    with pytest.raises(SourceError, match=r"has 2,001 rules, the limit is 2,000; name folders, not files"):
        parse_rules("a\n" * (MOST_RULES + 1))
    with pytest.raises(SourceError, match=r"a rule of 4,097 characters, the limit is 4,096; shorten it"):
        parse_rules("a" * 4097)


def test_what_was_left_out_is_counted(tmp_path: Path) -> None:
    (tmp_path / "no").mkdir()
    for name in ("a.txt", "b.txt", "no/c.txt", ".hidden.txt"):
        (tmp_path / name).write_text("x")
    (tmp_path / ".ragignore").write_text("b.txt\nno/\n")
    root = os.fsencode(tmp_path)
    walk = Walk()
    assert [found.location for found in walk.files(root, root)] == [root + b"/a.txt"]
    assert dict(walk.left_out) == {IGNORED: 2, HIDDEN: 1}


def test_a_ragignore_that_cant_be_read_keeps_its_folder_closed(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("x")
    (tmp_path / "b.txt").write_text("x")
    os.mkfifo(tmp_path / "sub" / ".ragignore")
    root = os.fsencode(tmp_path)
    walk = Walk()
    assert [found.location for found in walk.files(root, root)] == [root + b"/b.txt"]
    assert walk.unlisted == {
        root + b"/sub": "not looked into, since its .ragignore is a named pipe, not a file; "
        "only ordinary files are read"
    }


def test_the_rules_above_hold_in_a_folder_below(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("x")
    (tmp_path / ".ragignore").write_text("a.txt\n")
    root = os.fsencode(tmp_path)
    assert list(Walk().files(root + b"/sub", root)) == []
    assert read_rules(root + b"/sub") is None
