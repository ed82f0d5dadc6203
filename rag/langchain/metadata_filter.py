"""What a filter on documents' metadata asks for, as a function that says yes or no.

Takes the dictionaries that langchain-community's FAISS took, `{"source": "a.pdf"}` or
`{"year": {"$gte": 2020}}`, or a function of the metadata; gives a function of the metadata. Pure. Does not
know where documents are kept.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from rag.errors import UsageError

Wanted = Callable[[dict[str, Any]], bool]
Filter = Mapping[str, Any] | Wanted

_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "$eq": operator.eq,
    "$neq": operator.ne,
    "$ne": operator.ne,
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
_AMONG = ("$in", "$nin")
_JOINED = ("$and", "$or", "$not")
MOST_LEVELS = 50  # filters within filters


def wanted_by(filter: Filter) -> Wanted:  # LangChain's word for it
    """The function that a filter stands for; raises `UsageError` for an operator that it does not know.

    A dictionary wants all of its fields; a list as value wants one of its items. Operators: `$eq`, `$neq`,
    `$gt`, `$gte`, `$lt`, `$lte`, `$in`, `$nin` for a field; `$and`, `$or`, `$not` for whole filters. A field
    that a document lacks is None, and what can't be compared is not wanted.

    >>> wanted_by({"year": {"$gte": 2020}})({"year": 2021})
    True
    """
    if callable(filter):
        return filter
    return _all_of(filter, 0)


def _all_of(filter: Any, level: int) -> Wanted:
    if not isinstance(filter, Mapping):
        raise UsageError(
            f"a filter is a dictionary or a function of the metadata, not {filter!r:.100}:"
            ' write {"source": "a.pdf"}'
        )
    if level > MOST_LEVELS:
        raise UsageError(f"a filter has more than {MOST_LEVELS} levels; write it flatter")
    parts = [_part(str(name), value, level + 1) for name, value in filter.items()]
    return lambda metadata: all(part(metadata) for part in parts)


def _part(name: str, value: Any, level: int) -> Wanted:
    if name in _JOINED:
        return _joined(name, value, level)
    if name.startswith("$"):
        raise UsageError(f"{name!r} is no operator for whole filters; there are {', '.join(_JOINED)}")
    if isinstance(value, Mapping):
        return _field(name, value)
    if isinstance(value, list | tuple | set | frozenset):
        return _field(name, {"$in": value})
    return _field(name, {"$eq": value})


def _joined(name: str, value: Any, level: int) -> Wanted:
    if name == "$not":
        inner = _all_of(value, level)
        return lambda metadata: not inner(metadata)
    if not isinstance(value, list | tuple):
        raise UsageError(f"{name} takes a list of filters, not {value!r:.100}")
    parts = [_all_of(part, level) for part in value]
    if name == "$and":
        return lambda metadata: all(part(metadata) for part in parts)
    return lambda metadata: any(part(metadata) for part in parts)


def _field(name: str, conditions: Mapping[str, Any]) -> Wanted:
    tests = [_test(str(sign), value) for sign, value in conditions.items()]
    return lambda metadata: all(test(metadata.get(name)) for test in tests)


def _test(sign: str, value: Any) -> Callable[[Any], bool]:
    if sign in _AMONG:
        if not isinstance(value, list | tuple | set | frozenset):
            raise UsageError(f"{sign} takes a list of values, not {value!r:.100}")
        values = list(value)  # a document's value may be a list itself, which no set can be asked for
        return lambda found: (found in values) == (sign == "$in")
    if sign not in _COMPARED:
        known = ", ".join([*_COMPARED, *_AMONG])
        raise UsageError(f"{sign!r} is no operator for a field; there are {known}")
    return lambda found: _compared(_COMPARED[sign], found, value)


def _compared(compare: Callable[[Any, Any], Any], found: Any, value: Any) -> bool:
    try:
        return bool(compare(found, value))
    except TypeError:  # a text and a number: neither is the larger
        return False
