"""`.ragignore`: which files of a folder are not to be read, by the rules of gitignore.

Takes a folder's `.ragignore`, gives rules that say of a path below it whether it is named. Such a file can
come with a stranger's archive: a pattern takes time in proportion to its length times the path's, never more,
and the number of rules is bounded. Compared with git by a test. Does not walk.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from ingest.files import read_bytes
from rag.errors import SourceError

IGNORE_NAME = ".ragignore"
MOST_RULES = 2_000
LONGEST_RULE = 4_096  # characters, as long as a path may be
_ANY_DEPTH = "**"
_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \\t",
    "digit": "0-9",
    "lower": "a-z",
    "space": "\\s",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: its pattern's parts between slashes (None: any number of folders) and what it means."""

    parts: tuple[re.Pattern[str] | None, ...]
    folders_only: bool
    takes_back: bool  # a line that begins with "!"


@dataclass(frozen=True, slots=True)
class Rules:
    """What one `.ragignore` says of the paths below its folder."""

    folder: bytes
    rules: tuple[Rule, ...]

    def say(self, path: bytes, *, is_folder: bool) -> bool | None:
        """Whether the path is named; None where no line is about it. The last line that is decides."""
        parts = os.fsdecode(path[len(self.folder.rstrip(b"/")) + 1 :]).split("/")
        for rule in reversed(self.rules):
            if (is_folder or not rule.folders_only) and _matches(rule.parts, parts):
                return not rule.takes_back
        return None


def read_rules(folder: bytes) -> Rules | None:
    """The rules of the `.ragignore` in that folder; None where there is none.

    Raises `SourceError` for one that can't be read: then nobody knows what was not to be read.
    """
    path = os.path.join(folder, os.fsencode(IGNORE_NAME))
    if not os.path.lexists(path):
        return None
    text = read_bytes(path, limit_megabytes=1).decode("utf-8-sig", "surrogateescape")
    return Rules(folder, parse_rules(text))


def is_named(path: bytes, *, is_folder: bool, levels: Sequence[Rules]) -> bool:
    """Whether the nearest `.ragignore` that speaks of the path names it; `levels`: outermost first."""
    for rules in reversed(levels):
        said = rules.say(path, is_folder=is_folder)
        if said is not None:
            return said
    return False


def parse_rules(text: str) -> tuple[Rule, ...]:
    """The rules in a file's text, in its order."""
    lines = [line for line in text.split("\n") if line.strip() and not line.startswith("#")]
    if len(lines) > MOST_RULES:
        raise SourceError(f"has {len(lines):,} rules, the limit is {MOST_RULES:,}; name folders, not files")
    found = (_rule(line.removesuffix("\r")) for line in lines)
    return tuple(rule for rule in found if rule is not None)


def _rule(line: str) -> Rule | None:
    if len(line) > LONGEST_RULE:
        raise SourceError(
            f"has a rule of {len(line):,} characters, the limit is {LONGEST_RULE:,}; shorten it"
        )
    pattern = _without_trailing_spaces(line)
    takes_back = pattern.startswith("!")
    pattern = pattern.removeprefix("!")
    folders_only = pattern.endswith("/")
    pattern = pattern.removesuffix("/")
    if not pattern:
        return None
    parts = pattern.removeprefix("/").split("/")
    if "/" not in pattern:
        parts = [_ANY_DEPTH, pattern if pattern != _ANY_DEPTH else "*"]  # by its name, however deep
    elif parts[-1] == _ANY_DEPTH:
        parts.append("*")  # what is in a folder, not the folder
    compiled = [None if part == _ANY_DEPTH else _compiled(part) for part in parts]
    return Rule(tuple(compiled), folders_only, takes_back)


def _without_trailing_spaces(line: str) -> str:
    stripped = line.rstrip(" ")
    slashes = len(stripped) - len(stripped.rstrip("\\"))
    return stripped + " " if slashes % 2 and stripped != line else stripped  # "\ " is a space that stays


@cache
def _compiled(part: str) -> re.Pattern[str]:
    """A part of a pattern as a regular expression without backtracking: each star ends at its first match."""
    pieces: list[str] = [""]
    place = 0
    while place < len(part):
        character = part[place]
        place += 1
        if character == "*":
            pieces.append("")
        elif character == "?":
            pieces[-1] += "."
        elif character == "\\":
            if place == len(part):
                return _NEVER
            pieces[-1] += re.escape(part[place])
            place += 1
        elif character == "[":
            found, place = _bracket(part, place)
            if not found:
                return _NEVER
            pieces[-1] += found
        else:
            pieces[-1] += re.escape(character)
    first, *rest = pieces
    middle = "".join(f"(?>.*?{piece})" for piece in rest[:-1] if piece)
    return re.compile(first + middle + (f".*{rest[-1]}" if rest else ""), re.DOTALL)


_NEVER = re.compile(r"(?!)")


def _bracket(part: str, place: int) -> tuple[str, int]:
    """The class that begins after `[`, and where it ends; "" where it never does."""
    negated = part[place : place + 1] in ("!", "^")
    start = place = place + negated
    inside = ""
    while place < len(part):
        character = part[place]
        if character == "]" and place > start:
            if not inside:  # only ranges that run backwards
                return "." if negated else "(?!)", place + 1
            return f"[{'^' if negated else ''}{inside}]", place + 1
        named = re.compile(r"\[:([a-z]+):\]").match(part, place)
        if named:
            if named[1] not in _CLASSES:
                return "", place
            inside += _CLASSES[named[1]]
            place = named.end()
            continue
        low, place = _one(part, place)
        high = low
        if part[place : place + 1] == "-" and part[place + 1 : place + 2] not in ("", "]"):
            high, place = _one(part, place + 1)
        if low <= high:
            inside += f"{re.escape(low)}-{re.escape(high)}"
    return "", place


def _one(part: str, place: int) -> tuple[str, int]:
    """A character of a class, and what follows it; a backslash stands for the next one."""
    if part[place] == "\\" and place + 1 < len(part):
        return part[place + 1], place + 2
    return part[place], place + 1


def _matches(pattern: Sequence[re.Pattern[str] | None], parts: Sequence[str]) -> bool:
    """Whether the parts match; a None in the pattern is any number of them, tried from none upwards."""
    here = there = 0
    again: tuple[int, int] | None = None  # after the last None: its place, and how far it reaches
    while there < len(parts):
        if here < len(pattern) and pattern[here] is None:
            again = (here, there)
            here += 1
        elif here < len(pattern) and _is(pattern[here], parts[there]):
            here, there = here + 1, there + 1
        elif again is not None:
            again = (again[0], again[1] + 1)
            here, there = again[0] + 1, again[1]
        else:
            return False
    return all(part is None for part in pattern[here:])


def _is(pattern: re.Pattern[str] | None, part: str) -> bool:
    return pattern is not None and pattern.fullmatch(part) is not None
