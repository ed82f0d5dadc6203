"""Cleans text once, before anything points into it: spans are offsets into what comes out of here.

Takes any `str`, also one with lone surrogates and NULs; gives text that is valid UTF-8, in NFC, with `\\n`
for line ends and no character that has no business in prose. Does not know where the text comes from.
"""

from __future__ import annotations

import re
import unicodedata

# Spaces of odd widths, and the ideographic one, are spaces; so is the tab where lines are prose.
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_LINE_ENDS = ("\r\n", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")
_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
# Radicals (U+2E80..2EF3) as the ideographs that they look like; fonts map ordinary characters to them.
# Unicode's Equivalent_Unified_Ideograph (UCD 14), in order; "-" where there is none.
_RADICALS = (
    "-厂乛乚乙亻冂𠘨刀刂卜㔾小小兀尣尢𡯂巳幺彑彐忄心扌攵-旡日月歺母民氵氺灬爫爫丬牛"
    "犭王𤴔目示礻𥫗糹纟罓罒㓁冗𦉫羊𦍌𦍋耂肀聿肉𦥑艹艹艹虎衤覀西见角𧢲讠贝𧾷车辶辶辶邑"
    "钅長镸长门𨸏阝雨青韦页风飞食𩙿飠饣𩠐马骨鬼鱼鸟卤麦黄黾斉齐歯齿竜龙龜亀龟"
)
# Nothing of these is seen on a page: soft hyphen, zero-width space and joiners of words, byte order marks,
# the controls that reorder what is displayed, and noncharacters. ZWJ and ZWNJ stay: scripts need them.
_INVISIBLE = (
    "\u00ad\u200b\u200e\u200f\u2060\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufffe\uffff"
)
# Tags (U+E0000..E007F) spell out text that no screen shows; whoever writes that way hides something.
_TAGS = re.compile("[\U000e0000-\U000e007f]+")
_SURROGATES = re.compile("[\ud800-\udfff]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\ufdd0-\ufdef]")
_LINE_END = re.compile("|".join(_LINE_ENDS))
AS_IDEOGRAPHS = {
    **{0x2E80 + place: ideograph for place, ideograph in enumerate(_RADICALS) if ideograph != "-"},
    **{code: unicodedata.normalize("NFKC", chr(code)) for code in range(0x2F00, 0x2FD6)},  # Kangxi radicals
}
_TRANSLATION = AS_IDEOGRAPHS | str.maketrans(
    {**dict.fromkeys(_SPACES, " "), **dict.fromkeys(_INVISIBLE, None), **_LIGATURES, "\uf0b7": "•"}
)
_TO_TRANSLATE = re.compile("[" + "".join(map(chr, _TRANSLATION)) + "]")
_SPACE_RUN = re.compile(r"[ \t]+")
_BLANK_LINES = re.compile(r"\n{3,}")
_LEADS = re.compile(r"[.·…_] ?[.·…_]")  # quickly: whether there may be one
_DOT_LEADER = re.compile(r"(?: ?[.·…_]){5,}")


def clean(text: str) -> str:
    """`text` without what has no place in it; lines and the spaces inside them stay as they were."""
    if text.isascii() and text.isprintable():
        return text  # most of what there is to clean
    if _SURROGATES.search(text):
        text = _SURROGATES.sub("\ufffd", text)
    text = _TAGS.sub("", _CONTROLS.sub("", _LINE_END.sub("\n", text)))
    if _TO_TRANSLATE.search(text):
        text = text.translate(_TRANSLATION)
    return unicodedata.normalize("NFC", text)


def clean_lines(text: str) -> str:
    """As `clean`, without spaces at line ends, more than one blank line in a row, or blank ends."""
    lines = [line.rstrip() for line in clean(text).split("\n")]
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n")


def clean_prose(text: str) -> str:
    """As `clean`, on one line: every run of spaces, tabs and line ends is one space."""
    return collapse(clean(text).replace("\n", " "))


def collapse(text: str) -> str:
    """Runs of spaces made one, none at the ends; long dot leaders (tables of contents) made one ellipsis."""
    if "  " in text or "\t" in text:
        text = _SPACE_RUN.sub(" ", text)
    return _DOT_LEADER.sub(" …", text).strip() if _LEADS.search(text) else text.strip()


def hidden_tags(text: str) -> int:
    """How many characters of `text` are Unicode tags, which no screen shows."""
    return sum(len(run) for run in _TAGS.findall(text))


def joined(before: str, after: str) -> str:
    """Two pieces of one line of thought: a space between them, or none where the script has none."""
    if not before or not after or before[-1].isspace() or after[0].isspace():
        return before + after
    return before + after if _spaceless(before[-1]) and _spaceless(after[0]) else f"{before} {after}"


def _spaceless(character: str) -> bool:
    """Whether the script is written without spaces: Chinese, Japanese and their punctuation."""
    return (
        "\u2e80" <= character <= "\u9fff"  # radicals, CJK punctuation, kana, ideographs
        or "\uf900" <= character <= "\ufaff"
        or "\ufe30" <= character <= "\ufe4f"
        or "\uff00" <= character <= "\uffef"
        or "\U00020000" <= character <= "\U0003ffff"
    )
