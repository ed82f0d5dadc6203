"""The words for a name that no source has, or that several have.

Takes names, gives messages; the same for both kinds of store.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from rag.records import Place

_NEAR_NAMES = 3


def no_such_source(name: str, names: Iterable[str]) -> str:
    """That no source is called so, with the nearest of those that there are."""
    near = difflib.get_close_matches(name, sorted(names), _NEAR_NAMES, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "`rag sources` lists what is there"
    return f"there is no source {name!r} in the index; {hint}"


def in_several_roots(name: str, found: Sequence[Place]) -> str:
    """That the name alone does not say which source is meant."""
    roots = ", ".join(sorted(repr(place.root) for place in found))
    return f"{name!r} is in more than one root: {roots}; give the whole path of the one you mean"
