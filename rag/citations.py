"""A model's stream of text to text and citations.

Takes the passages that the model was given, a judge, and the answer piece by piece; gives the text on at
once, and for each finished sentence that carries marks its citations: which words of which passage, and
whether they bear it out. Does not know where the text comes from, nor how the judge decides.

A mark is `[1]`, `[1][2]`, `[1, 2]` or `[1-3]`; one behind the full stop belongs to the sentence before.
Only numbers of passages are ever cited. A number that no passage has is taken out of the text and counted;
brackets that are no mark (`array[0]`, `[sic]`, `[2024]`) and brackets in code are text like any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from rag.places import line_of, place_of
from rag.records import Citation, Cited, Mark, Passage, Sentence, TextDelta, Verdict
from rag.text.marks import MARK
from rag.text.sentences import spans
from rag.verdicts.verdict import Judgement

# sentence without its marks, the cited passages' texts, what is known about them besides -> judgement
Judge = Callable[[str, Sequence[str], str], Judgement]

_BEGUN = re.compile(r"\[[\s\d,;、，；–-]{0,32}")
_NUMBERS = re.compile(r"(\d+)(?:\s*[–-]\s*(\d+))?")
# A word that is indexed rather than cited: `x[1]`, `item_list[1]`, `utf8[1]`, `rowCount[1]`.
_INDEXED = re.compile(
    r"(?<![\w'’])(?:[A-Za-z]|array|list|arr|argv|args|buf|data|row|col|items|values"
    r"|\w*_\w*|[A-Za-z]+\d\w*|[a-z]+[A-Z]\w*)(?:\[\d+\])*\Z",
    re.ASCII,
)
_MOST_PASSAGES = 99  # a larger number that no passage has is a year, a status, a page: text
_SPACE_BEFORE_STOP = re.compile(r"\s+(?=[.,;:!?。，；：！？、])")
# A sentence is over when this much of the next one is there: an abbreviation's full stop looks like an end
# until then.
_NEXT_SENTENCE = 16
_FIRST_CJK = "\u2e80"


class CitationReader:
    """Reads one answer: `feed` its pieces, then `finish`; the attributes hold what was found so far.

    However the text is cut into pieces, text, sentences and citations come out the same.
    """

    def __init__(self, passages: Sequence[Passage], judge: Judge) -> None:
        self.text = ""
        self.citations: tuple[Citation, ...] = ()
        self.sentences: tuple[Sentence, ...] = ()
        self.dropped = 0  # marks that named no passage
        self._passages = {passage.number: passage for passage in passages}
        self._judge = judge
        self._held = ""  # spaces and the beginning of what may become a mark
        self._plain = ""  # the text, each mark replaced by as many spaces
        self._marks: list[Mark] = []
        self._read = 0  # up to here, sentences were looked for
        self._next = 0  # where the first sentence that is not finished begins

    def feed(self, delta: str) -> list[TextDelta | Cited]:
        """The text that is certain now, and the citations of the sentences that it finished."""
        held = self._held + delta
        ready = _certain(held)
        self._held = held[len(ready) :]
        return [*self._written(ready), *self._finished(last=False)]

    def finish(self) -> list[TextDelta | Cited]:
        """What was still held back: the rest of the text and the last sentence's citations."""
        held, self._held = self._held, ""
        return [*self._written(held), *self._finished(last=False), *self._finished(last=True)]

    # --- text -------------------------------------------------------------------------------------

    def _written(self, ready: str) -> Iterator[TextDelta]:
        before = len(self.text)
        done = 0
        for match in MARK.finditer(ready):
            self._write(ready[done : match.start()])
            done = match.end()
            self._write_mark(match[0])
        self._write(ready[done:])
        if len(self.text) > before:
            yield TextDelta(self.text[before:])

    def _write(self, text: str) -> None:
        self.text += text
        self._plain += text

    def _write_mark(self, mark: str) -> None:
        numbers = _named(mark)
        known = tuple(number for number in numbers if number in self._passages)
        foreign = not known and max(numbers) > _MOST_PASSAGES
        if foreign or 0 in numbers or _INDEXED.search(self.text[-64:]) or _in_code(self.text):
            self._write(mark)
            return
        if len(known) < len(numbers):
            self.dropped += len(numbers) - len(known)
            mark = f"[{', '.join(map(str, known))}]" if known else ""
        if not known:
            kept = self.text.rstrip(" \t")
            self.text, self._plain = kept, self._plain[: len(kept)]
            return
        self._marks.append(Mark(len(self.text), len(self.text) + len(mark), known))
        self.text += mark
        self._plain += " " * len(mark)

    # --- sentences --------------------------------------------------------------------------------

    def _finished(self, *, last: bool) -> Iterator[Cited]:
        """The citations of each sentence that is over by now; with `last` all that is left is over."""
        if last:
            while self._next < len(self._plain):
                yield from self._first_sentence(_sentences(self._plain[self._next :]))
            return
        # Looking at every step, not at what a delta happens to end with, makes deltas not matter.
        while self._read < len(self._plain):
            character = self._plain[self._read]
            self._read += 1
            if not (character.isspace() or character >= _FIRST_CJK):
                continue
            found = _sentences(self._plain[self._next : self._read])
            if len(found) > 1 and self._read - self._next - found[1][0] >= _NEXT_SENTENCE:
                yield from self._first_sentence(found)

    def _first_sentence(self, found: Sequence[tuple[int, int]]) -> Iterator[Cited]:
        following = len(self._plain)
        if len(found) > 1:
            following = self._leading_marks(self._next + found[0][1], self._next + found[1][0])
        marks = tuple(mark for mark in self._marks if self._next <= mark.start < following)
        start, end = (self._next + found[0][0], self._next + found[0][1]) if found else (following, 0)
        self._next = following
        if not marks:
            if found:
                self.sentences += (Sentence(start, end, (), "uncited"),)
            return
        start, end = min(start, marks[0].start), max(end, marks[-1].end)
        numbers = tuple(dict.fromkeys(number for mark in marks for number in mark.numbers))
        sentence = Sentence(start, end, numbers, "unsupported", marks)
        citations = self._judged(sentence)
        self.sentences += (replace(sentence, verdict=citations[0].verdict),)
        self.citations += citations
        yield from map(Cited, citations)

    def _leading_marks(self, end: int, following: int) -> int:
        """Where the next sentence begins when marks may stand before it, on its own line: `[2] The ...`."""
        line = self.text.rfind("\n", end, following) + 1
        if line == 0:
            return following
        return next((mark.start for mark in self._marks if line <= mark.start < following), following)

    def _judged(self, sentence: Sentence) -> tuple[Citation, ...]:
        cited = [self._passages[number] for number in sentence.numbers]
        words = _without_marks(self.text, sentence)
        context = " ".join(dict.fromkeys(line for passage in cited for line in _known_besides(passage)))
        judgement = self._judge(words, [passage.text for passage in cited], context)
        return tuple(
            _citation(passage, span, judgement.verdict, sentence)
            for passage, span in zip(cited, judgement.spans, strict=True)
        )


def _citation(passage: Passage, span: tuple[int, int], verdict: Verdict, sentence: Sentence) -> Citation:
    """The citation of a span of a passage's text by a sentence of the answer."""
    start, end = passage.start + span[0], passage.start + span[1]
    return Citation(
        number=passage.number,
        source=passage.source,
        page=passage.page,
        start=start,
        end=end,
        quote=passage.text[slice(*span)],
        verdict=verdict,
        answer_start=sentence.start,
        answer_end=sentence.end,
        label=passage.label,
        line=line_of(passage, start),
        place=place_of(passage, start, end),
    )


def _certain(held: str) -> str:
    """What of `held` can be given on: all but a mark that is being written and the spaces at the end.

    The spaces wait because they go too when the mark that follows them is taken out.
    """
    opening = held.rfind("[")
    if opening >= 0 and _BEGUN.fullmatch(held, opening):
        held = held[:opening]
    return held.rstrip(" \t")


def _sentences(text: str) -> list[tuple[int, int]]:
    """Sentences of an answer: unlike a document's, its lines are never broken because they were full."""
    found = []
    start = 0
    for line in text.split("\n"):
        found += [(start + begin, start + end) for begin, end in spans(line)]
        start += len(line) + 1
    return found


def _named(mark: str) -> tuple[int, ...]:
    """The numbers in a mark, each once, ranges written out: `[1-3]` names 1, 2 and 3."""
    numbers: list[int] = []
    for first, last in _NUMBERS.findall(mark):
        span = range(int(first), int(last) + 1) if last else ()
        numbers += span if 0 < len(span) <= _MOST_PASSAGES else [int(n) for n in (first, last) if n]
    return tuple(dict.fromkeys(numbers))


def _in_code(text: str) -> bool:
    """Whether what comes after `text` stands between backticks, in a line or in a fenced block."""
    fences = sum(line.lstrip().startswith("```") for line in text.split("\n"))
    line = text[text.rfind("\n") + 1 :]
    return fences % 2 == 1 or line.count("`") % 2 == 1


def _without_marks(text: str, sentence: Sentence) -> str:
    kept = []
    done = sentence.start
    for mark in sentence.marks:
        kept.append(text[done : mark.start])
        done = mark.end
    kept.append(text[done : sentence.end])
    return _SPACE_BEFORE_STOP.sub("", "".join(kept)).strip()


def _known_besides(passage: Passage) -> tuple[str, ...]:
    """Headings and the file's name: what "it" in a passage is."""
    return (*passage.headings, PurePosixPath(passage.source).stem)
