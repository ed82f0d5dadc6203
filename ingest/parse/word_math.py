"""A formula of Word's (Office Math, ECMA-376 part 1, 22.1) -> one line: `x=(-b±√(b^2-4ac))/(2a)`.

Its pieces alone would run together: `x=-b±b2-4ac2a` is another formula. The line is as Unicode's plain-text
mathematics has it (Unicode Technical Note 28), which is what Word reads when it is typed. Pure.
"""

from __future__ import annotations

from typing import Any

from ingest.parse.word_styles import child, local, value

_DEEPEST = 40  # formulas inside each other; deeper ones are read without their form
_SUM = "∫"  # what Word draws where no sign is named


def linear(element: Any, depth: int = 0) -> str:
    """What an element of a formula says, in one line."""
    if depth > _DEEPEST:
        return "".join(element.itertext())
    kind = local(element)
    parts: dict[str, str] = {}
    if kind in _WITH_PARTS:
        parts = {local(inner): linear(inner, depth + 1) for inner in element if local(inner) in _PARTS}
    match kind:
        case "t":
            return element.text or ""
        case "f":
            return f"{_grouped(parts.get('num', ''))}/{_grouped(parts.get('den', ''))}"
        case "rad":
            degree = parts.get("deg", "")
            return f"√({degree}{'&' if degree else ''}{parts.get('e', '')})"
        case "sSup" | "sSub" | "sSubSup":
            return _grouped(parts.get("e", "")) + _scripts(parts)
        case "nary":
            sign = value(child(child(element, "naryPr"), "chr"))
            return f"{_SUM if sign is None else sign}{_scripts(parts)} {parts.get('e', '')}"
        case "limLow" | "limUpp":
            return f"{parts.get('e', '')}{'_' if kind == 'limLow' else '^'}{_grouped(parts.get('lim', ''))}"
        case "func":
            return f"{parts.get('fName', '')} {parts.get('e', '')}"
        case "d":
            return _delimited(element, depth)
        case "m":
            rows = [inner for inner in element if local(inner) == "mr"]
            return "(" + "; ".join(_listed(row, ", ", depth) for row in rows) + ")"
        case "eqArr":
            return _listed(element, "; ", depth)
    return "".join(linear(inner, depth + 1) for inner in element if isinstance(inner.tag, str))


_WITH_PARTS = frozenset(("f", "rad", "sSup", "sSub", "sSubSup", "nary", "limLow", "limUpp", "func"))
_PARTS = frozenset(("num", "den", "deg", "e", "sub", "sup", "lim", "fName"))


def _delimited(element: Any, depth: int) -> str:
    properties = child(element, "dPr")
    begin, end = (value(child(properties, name)) for name in ("begChr", "endChr"))
    between = value(child(properties, "sepChr"))
    inside = _listed(element, "|" if between is None else between, depth)
    return f"{'(' if begin is None else begin}{inside}{')' if end is None else end}"


def _listed(element: Any, between: str, depth: int) -> str:
    return between.join(linear(inner, depth + 1) for inner in element if local(inner) == "e")


def _scripts(parts: dict[str, str]) -> str:
    below, above = parts.get("sub", ""), parts.get("sup", "")
    return f"{'_' if below else ''}{_grouped(below)}{'^' if above else ''}{_grouped(above)}"


def _grouped(words: str) -> str:
    """In brackets where it is more than a sign or number, or in them already."""
    bracketed = words.startswith("(") and words.find(")") == len(words) - 1
    return words if len(words) < 2 or words.isdecimal() or bracketed else f"({words})"
