"""What is embedded for a chunk: its place in the document on one line, then its text.

Pure. Knows nothing of tokens: the line is kept short by weight, a bound on the tokens of any model.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.records import Chunk, Document

_PREFIX_WEIGHT = 120  # letters, digits and spaces of ASCII weigh one, any other character three


def embedded_text(chunk: Chunk, document: Document) -> str:
    """What is embedded for a chunk: the title and its headings on a line, then its text."""
    return prefix(document.title, chunk.headings, chunk.text) + chunk.text


def prefix(title: str | None, headings: Sequence[str], text: str = "") -> str:
    """`"Title > Heading > Heading\\n"`, or nothing; outer headings give way when it grows too long.

    A heading that the text begins with, and a title that says the same as the first heading, are not said
    twice.
    """
    path = [heading for heading in headings if not text.startswith(heading)]
    if title and not text.startswith(title) and (not headings or headings[0] != title):
        path.insert(0, title)
    if not path:
        return ""
    kept, left = [], _PREFIX_WEIGHT
    order = [0, *range(len(path) - 1, 0, -1)]  # the outermost says what it is about, then the nearest
    for place in order:
        cut = _cut(path[place], left)
        if cut:
            kept.append((place, cut))
            left -= _weight(cut) + 3
    return " > ".join(words for _, words in sorted(kept)) + "\n" if kept else ""


def _cut(words: str, weight: int) -> str:
    """As much of the words as weighs no more."""
    if _weight(words) <= weight:
        return words
    kept, left = 0, weight
    for character in words:
        left -= _weight(character)
        if left < 0:
            break
        kept += 1
    return words[:kept].rstrip()


def _weight(words: str) -> int:
    return sum(
        1 if character.isascii() and (character.isalnum() or character == " ") else 3 for character in words
    )
