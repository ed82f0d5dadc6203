"""What is right for a question in an index: where the places that its file expects are in there.

Takes expected places and a store, gives a `Target` that tells right hits from others. Right is a hit that
shares a character with the expected words, where they are given and found on their page; else one on that
page; else, where no page is given, one of that document. The same file in another place is as good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.errors import UsageError
from rag.evaluation.question_file import Expected
from rag.records import Citation, Hit
from rag.store.contract import Snapshot, Store
from rag.store.local_rows import address_of
from rag.text.expected_text import Stretch, character_recall, overlaps, stretches_of

_LONGEST_PAGE = 1 << 62  # a page whose words are not known, or not there, counts whole


@dataclass(frozen=True, slots=True)
class Target:
    """What is right for a question: stretches of which a hit must overlap one, and pages.

    `problems` say which expected places are not in the index; with none that is, it is not `measured`.
    """

    names: Mapping[str, str]  # what a hit's source is called -> its content's hash
    stretches: tuple[Stretch, ...] = ()
    words: tuple[Stretch, ...] = ()  # of these, those that are expected words
    pages: frozenset[tuple[str, int]] = frozenset()
    problems: tuple[str, ...] = ()
    measured: bool = True
    words_not_on_page: bool = False

    def stretch(self, one: Hit | Citation) -> Stretch:
        """Where a hit is, in terms of contents."""
        return self.names.get(one.source, one.source), one.page, one.start, one.end

    def is_right(self, hit: Hit) -> bool:
        """Whether a hit answers."""
        return any(overlaps(self.stretch(hit), right) for right in self.stretches)

    def character_recall(self, hits: Sequence[Hit]) -> float | None:
        """The most that hits hold of any one place where expected words stand; None where none is known."""
        found = [self.stretch(hit) for hit in hits]
        return max((character_recall(found, [stretch]) for stretch in self.words), default=None)

    def on_page(self, one: Hit | Citation) -> bool:
        """Whether a hit or citation is on a page that answers."""
        return self.stretch(one)[:2] in self.pages


def targets_of(store: Store, expected: Sequence[Sequence[Expected]]) -> list[Target]:
    """For each question's expected places, what is right in the index as it is now."""
    with store.snapshot() as snapshot:
        names: dict[str, str] = {}
        for source in snapshot.sources():
            names[address_of(source.location)] = source.content_hash
            names[source.source] = source.content_hash  # a name that two roots have is never shown
        return [_target(snapshot, names, places) for places in expected]


def _target(snapshot: Snapshot, names: Mapping[str, str], expected: Sequence[Expected]) -> Target:
    stretches: list[Stretch] = []
    words: list[Stretch] = []
    pages: set[tuple[str, int]] = set()
    problems: list[str] = []
    lacking = False
    for one in expected:
        try:
            source = snapshot.find(one.source)
            text = snapshot.page(one.source, one.page).text if one.page is not None else ""
        except UsageError as error:  # there is no such source, or page: the message names it
            problems.append(str(error))
            continue
        content = source.content_hash
        if one.page is None:
            stretches += [(content, page, 0, _LONGEST_PAGE) for page in range(1, source.page_count + 1)]
            continue
        pages.add((content, one.page))
        spans = stretches_of(text, one.answer) if one.answer else []
        here = tuple((content, one.page, start, end) for start, end in spans)
        lacking |= bool(one.answer) and not here
        words += here
        stretches += here or ((content, one.page, 0, _LONGEST_PAGE),)
    return Target(
        names,
        tuple(stretches),
        tuple(words),
        frozenset(pages),
        tuple(problems),
        measured=bool(stretches) or not expected,
        words_not_on_page=lacking and not words,
    )
