"""Text to the terms of the keyword index, and a question to an FTS5 query.

Takes text in any script, gives space-separated terms made of letters, digits, marks and `_` alone; a
question gives an FTS5 MATCH expression in which every term is quoted, so that nothing a person types is
ever read as an operator. Does not know what is in an index, nor which language a text is in: words with
spaces between them are folded and lightly stemmed, scripts without spaces become pairs of characters.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

import snowballstemmer

from rag.text.han import simplified
from rag.text.spellings import HALVES, other_spellings, readings, together, with_joined_numbers
from rag.text.stopwords import FUNCTION_CHARACTERS, QUESTION_WORDS, STOP_WORDS, TWO_ASKED
from rag.text.word_forms import base_form, one_spelling

# How FTS5 must be told to take our terms: split at spaces only, every other character as it is.
FTS5_TOKENIZER = "ascii tokenchars '_'"

MOST_QUERY_TERMS = 128  # a question with more is a document; FTS5 reads one list a term
LONGEST_TERM = 64  # characters; longer runs are data, not words

# Han, kana, bopomofo, Hangul (particles are glued to its words), Thai, Lao, Myanmar, Khmer.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30fa\u30fc-\u30ff"
    "\u3100-\u312f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
# `\w` leaves out the vowel signs of Indic scripts and the points of Semitic ones: they belong to words.
_MARKS = "".join(
    chr(code)
    for code in (*range(0x0300, 0x1E00), *range(0xA800, 0xAC00))
    if unicodedata.category(chr(code)) in ("Mn", "Mc")
)
_WORD = rf"(?:[A-Za-z0-9_]++|(?:(?![{_UNSPACED}])[\w{_MARKS}])++)++"
ALPHABETS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # of these: Thai, Lao, Burmese, Khmer
_ALPHABETIC = re.compile(f"[{ALPHABETS}]")
_UNSPACED_RUN = re.compile(f"[{_UNSPACED}]")
_JOINT = r"(?:[-.:/\\@+&'’‐‑]|(?<=\d),(?=\d))"  # inside a word, a number, a code, a file name
_TOKEN = re.compile(rf"(?P<run>[{_UNSPACED}]+)|{_WORD}(?:{_JOINT}{_WORD})*+")
_CHARACTER = re.compile(rf".[{_MARKS}]*")  # with its vowel and tone signs
_JOINTS = re.compile(r"[-.:/\\@+&,_'’‐‑]+")
_THOUSANDS = re.compile(r"\d{1,3}(?:(?:,\d{3})+|(?:['’]\d{3})+)(?!\d)")
_THIN_THOUSANDS = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))")  # 1 000
_HYPHENATED = re.compile(r"[^\W\d_]+(?:[-‐‑][^\W\d_]+)+")
_INITIALS = re.compile(r"[^\W\d_](?:\.[^\W\d_])+")  # U.S.A.
_ELISION = re.compile(r"(?:n['’]t|['’](?:s|d|m|ll|re|ve))(?![^\W_])", re.IGNORECASE)
_HUMPS = re.compile(r"\d+|[^\W\d_](?:(?![A-Z])[^\W\d_])+|(?:[A-Z](?![a-z]))+")
_HUMPED = re.compile(
    r"[A-Z\d]"
)  # else it is one word, and in Indic scripts a vowel's sign is no border in it
_LANGUAGE_NAMES = re.compile(r"\b([A-Za-z])(\+\+|#)(?!\w)")  # C++, C#, F#
# An article before its word, which is no part of it; a capital begins a name: D'Angelo.
_ELIDED = re.compile(
    r"(?i:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quelqu|dell|all|nell|sull|dall|un|gl|quell|quest)['’](?![A-Z])"
)
_APOSTROPHIC = re.compile(r"[^\W\d_]+['’][^\W\d_]+")
_IGNORED = dict.fromkeys(
    [0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x640, 0x2BB, 0x2BC, *range(0xFE00, 0xFE10)]
)
_FOREIGN_DIGIT = re.compile(r"[^\x00-\x7f]")
_STROKES = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe"})
_POINTS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670]")  # accents, niqqud, harakat
_PHRASE = re.compile(r'"([^"]+)"|“([^”]+)”|„([^“”]+)[“”]|«([^»]+)»|「([^」]+)」|『([^』]+)』')


def index_terms(text: str) -> str:
    """The terms of `text` in its order, separated by spaces; '' when it has none.

    A compound gives itself whole and then its parts: `snake_case` gives `snake_case snake case`.
    """
    return " ".join(_terms(text, tails=True))


def match_query(question: str) -> str:
    """An FTS5 expression that finds what shares a term with `question`; '' when there is nothing to search.

    Words in quotes are searched as a phrase as well, and codes as they are spelled with and without a joint:
    E7, E-7. Function words are left out unless there is nothing else. `match_query("what's snake_case?")` is
    `"snake_case" OR "snake" OR "case"`.
    """
    phrases = [
        " ".join(_terms(next(filter(None, found)), tails=False)) for found in _PHRASE.findall(question)
    ]
    terms = [phrase for phrase in phrases if " " in phrase] + content_terms(question)
    if len(terms) == 1 and len(terms[0]) == 1 and _UNSPACED_RUN.match(terms[0]):
        return f'"{terms[0]}" *'  # a character by itself is in the index at the head of its pairs
    spelled = dict.fromkeys([*terms, *_spelled_otherwise(question)])
    return " OR ".join(f'"{term}"' for term in list(spelled)[:MOST_QUERY_TERMS])


def _spelled_otherwise(question: str) -> Iterator[str]:
    """The terms of the other spellings of a question's words, whole (of e7 it is e_7), or as phrases."""
    text = _prepared(question)
    for token in (one for one in _TOKEN.finditer(with_joined_numbers(text)) if not one["run"]):
        for spelling in other_spellings(_without_thousands(token[0]).casefold()):
            yield from [_phrase(spelling)] if " " in spelling else _word_terms(spelling)[:1]
        for term in _word_terms(token[0])[:1]:
            yield from filter(None, [" ".join(_halves().get(term, ()))])
    yield from filter(None, map(_phrase, readings(text)))
    stops = _stop_words([word.casefold() for word in re.findall(_WORD, text)])
    yield from map(_phrase, together(text.split(), stops))


def _phrase(text: str) -> str:
    return " ".join(_terms(text, tails=False))


def content_terms(question: str, *, characters: bool = False) -> list[str]:
    """The distinct terms of a question that carry meaning, in order; all of them when none does.

    No more than `MOST_QUERY_TERMS`. With `characters`, also the single ones of scripts without spaces: good
    for comparing a few texts closely, where the index would have to read very long lists.
    """
    terms = _content(question, characters=characters)
    return list(dict.fromkeys(terms or _terms(question, tails=False)))[:MOST_QUERY_TERMS]


def has_content(question: str) -> bool:
    """Whether any term of `question` carries meaning: "and why is that?" has none."""
    return bool(_content(question, characters=False))


def _content(question: str, *, characters: bool) -> list[str]:
    text = with_joined_numbers(_prepared(question))
    stops = _stop_words([word.casefold() for word in re.findall(_WORD, text)])
    terms: list[str] = []
    for token in _TOKEN.finditer(QUESTION_WORDS.sub(" ", text)):
        if token["run"] or _ELISION.sub("", token[0]).casefold() not in stops:
            terms += _terms_of(token, tails=False)
            if characters and token["run"]:
                terms += [one for one in _characters(token["run"]) if one not in FUNCTION_CHARACTERS]
    return terms


def _characters(run: str) -> list[str]:
    """The single characters of a run that say something; the letters of an alphabet, like Thai, do not."""
    return [one for one in _CHARACTER.findall(run) if not _ALPHABETIC.match(one)]


def term_set(text: str) -> frozenset[str]:
    """All terms of `text`, with the single characters of scripts without spaces, however they are written."""
    found: set[str] = set()
    prepared = _prepared(text)
    for part in (prepared, *readings(prepared)):
        for token in _TOKEN.finditer(part):
            found.update(_terms_of(token, tails=False))
            if token["run"]:
                found.update(_characters(token["run"]))
    for one, two in _halves().items():
        if one in found:
            found.update(two)
        elif found.issuperset(two):
            found.add(one)
    return frozenset(found)


@cache
def _halves() -> dict[str, tuple[str, ...]]:
    """The terms of words that are written as one and as two: `wifi` is `("wi", "fi")`."""
    return {_phrase(one): tuple(_phrase(two).split()) for one, two in HALVES.items()}


def is_character(term: str) -> bool:
    """Whether `term` is a single character of a script without spaces."""
    return len(term) == 1 and _UNSPACED_RUN.match(term) is not None


def is_pair(term: str) -> bool:
    """Whether `term` is two characters of a script without spaces, which need not be a word."""
    return len(term) > 1 and _UNSPACED_RUN.match(term) is not None


def _stop_words(words: list[str]) -> frozenset[str]:
    """The function words of the language that these words have most of.

    One list for all languages would lose English "war" and "die" to German.
    """
    counts = {language: sum(word in stops for word in words) for language, stops in STOP_WORDS.items()}
    counts = {language: count for language, count in counts.items() if count > (language in TWO_ASKED)}
    most = max(counts.values(), default=0)
    chosen = [STOP_WORDS[language] for language, count in counts.items() if count == most]
    return frozenset().union(*chosen)


def _terms(text: str, *, tails: bool) -> Iterator[str]:
    for token in _TOKEN.finditer(_prepared(text)):
        yield from _terms_of(token, tails=tails)


def _terms_of(token: re.Match[str], *, tails: bool) -> Iterator[str]:
    if token["run"]:
        characters = _CHARACTER.findall(token["run"])
        for first, second in pairwise(characters):
            yield first + second
        if tails or len(characters) == 1:  # so that a search for one character finds a run's last one too
            yield characters[-1]
    else:
        yield from _word_terms(token[0])


def _prepared(text: str) -> str:
    text = _THIN_THOUSANDS.sub(",", text)
    text = simplified(unicodedata.normalize("NFKC", text).translate(_IGNORED))
    text = _LANGUAGE_NAMES.sub(lambda m: m[1] + ("plusplus" if m[2] == "++" else "sharp"), text)
    return _FOREIGN_DIGIT.sub(lambda m: str(unicodedata.decimal(m[0], m[0])), text)


@lru_cache(maxsize=65536)
def _word_terms(word: str) -> tuple[str, ...]:
    word = _without_thousands(_ELISION.sub("", word))
    parts = [part for part in _JOINTS.split(word) if part]
    terms: list[str] = []
    if len(parts) > 1 and not _ELIDED.match(word):
        joined = any(one.fullmatch(word) for one in (_HYPHENATED, _INITIALS, _APOSTROPHIC))
        whole = "".join(parts) if joined else "_".join(parts)
        if len(whole) <= LONGEST_TERM:
            terms.append(_folded(whole))
    for part in parts:
        terms.append(_stem(_folded(part))[:LONGEST_TERM])
        humps = _HUMPS.findall(part) if _HUMPED.search(part) else ()
        if len(humps) > 1 and len(part) <= LONGEST_TERM:
            terms += [_stem(_folded(hump)) for hump in humps if len(hump) > 1]
    return tuple(term for term in terms if term)


def _without_thousands(word: str) -> str:
    """`1,000` and `1'000` as 1000, other words as they are."""
    found = _THOUSANDS.match(word)
    return re.sub("[,'’]", "", word) if found else word


def _folded(word: str) -> str:
    """Caseless, and without the accents that people leave out: Latin, Greek, Hebrew, Arabic."""
    word = word.casefold()
    if word.isascii():
        return word
    if "\u0400" <= word[0] <= "\u052f":  # in Cyrillic й is a letter of its own
        return word.replace("ё", "е")
    bare = _POINTS.sub("", unicodedata.normalize("NFD", word)).translate(_STROKES)
    return unicodedata.normalize("NFC", bare)


def _stem(word: str) -> str:
    """Takes off an ending, lightly: plural and verb endings of Latin words, case endings of Cyrillic ones.

    Words whose script says which language they are in, or one that is close to it, as Snowball does.
    """
    language = next((name for first, last, name in _SNOWBALL if first <= word[:1] <= last), None)
    if language:
        with _STEMMING:  # a stemmer holds the word that it is at
            return _snowball(language).stemWord(word) or word
    if len(word) < 4 or not word.isalpha():
        return word
    if "а" <= word[0] <= "я":
        return _CYRILLIC_ENDING.sub("", word, count=1)
    if not word.isascii():
        return word
    word = base_form(word)
    for ending, least, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= least:
            word = word[: -len(ending)] + instead
            break
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "aeiouslz":  # stopp(ed)
        word = word[:-1]
    return one_spelling(word[:-1] if len(word) > 4 and word.endswith("e") else word)


_STEMMING = threading.Lock()


@lru_cache
def _snowball(language: str) -> Any:
    return snowballstemmer.stemmer(language)


# The first and the last letter of a script, and the stemmer for its words.
_SNOWBALL = (
    ("\u0370", "\u03ff", "greek"),
    ("\u0531", "\u058f", "armenian"),
    ("\u0620", "\u06ff", "arabic"),
    ("\u0900", "\u097f", "hindi"),
    ("\u0b80", "\u0bff", "tamil"),
)
_CYRILLIC_ENDING = re.compile(
    r"(?<=\w\w\w)(?:иями|ями|ами|ого|его|ому|ему|ыми|ими|ией|иях|иям|ах|ях|ов|ев|ей|ой|ий|ый|ая|яя|ое|ее|ые|ие"
    r"|ым|им|ом|ем|ам|ям|ию|ью|ия|ья|ую|юю|а|я|о|е|ы|и|у|ю|ь|й)$"
)
# An ending, how much of the word must be left before it, and what takes its place; the first that fits.
_ENDINGS = (
    ("sses", 2, "ss"),
    ("ies", 2, "y"),
    ("ied", 2, "y"),
    ("ings", 3, ""),
    ("ing", 3, ""),
    ("edly", 3, ""),
    ("ed", 3, ""),
    ("ches", 2, "ch"),
    ("shes", 2, "sh"),
    ("xes", 2, "x"),
    ("ss", 1, "ss"),
    ("us", 1, "us"),
    ("is", 1, "is"),
    ("s", 3, ""),
    ("ly", 4, ""),
)
