"""Reads a pickle of plain values without unpickling: nothing is imported, called or made but these values.

Takes a pickle's bytes and the names of classes that may be in it, gives text, numbers, lists, dictionaries,
sets and tuples; an object of one of the classes comes back as a `Thing`, which is its class's name and its
state. A pickle is a program for a small machine; this is that machine without the instructions that reach
outside it, so a hostile one has nothing to say but a name, and is refused with that name. Does not know what
the classes are.

The instructions are those of Python's Lib/pickletools.py, protocols 2 to 5.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MOST_OBJECTS_A_BYTE = 8  # one container for so many bytes of the file; a list of nothing takes 56 bytes
_LARGEST_KEY = 2**53


class NotPlain(Exception):
    """The pickle holds something else, or is damaged; says what, as the rest of a sentence."""


@dataclass(frozen=True, slots=True)
class Named:
    """A class by its name; a name is all that it is."""

    name: str


@dataclass(slots=True, eq=False, repr=False)  # its state may hold itself, or be endless to write out
class Thing:
    """An object: the name of its class, and its state."""

    name: str
    state: Any = None


_MARK = object()
_CALLS = {
    0x52: "calls a function",  # REDUCE
    0x6F: "makes an object by calling its class",  # OBJ
    0x81: "makes an object by calling its class",  # NEWOBJ, where it has arguments
    0x92: "makes an object by calling its class",  # NEWOBJ_EX
    0x50: "refers to something outside the file",  # PERSID
    0x51: "refers to something outside the file",  # BINPERSID
    0x82: "refers to something outside the file",  # EXT1
    0x83: "refers to something outside the file",  # EXT2
    0x84: "refers to something outside the file",  # EXT4
}


def read_plain(data: bytes, classes: frozenset[str]) -> Any:
    """The value in a pickle; `classes` are names such as "package.module.Class".

    Raises `NotPlain` for any other class, any call, any instruction beside those for plain values, and for a
    pickle that is cut short or makes no sense.
    """
    return _Machine(data, classes).run()


class _Machine:
    def __init__(self, data: bytes, classes: frozenset[str]) -> None:
        self._data = data
        self._classes = classes
        self._at = 0
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._objects_left = 1_000 + len(data) // MOST_OBJECTS_A_BYTE

    def run(self) -> Any:
        instructions = _INSTRUCTIONS
        try:
            while True:
                code = self._data[self._at]
                self._at += 1
                if code == 0x2E:  # STOP
                    return self._stop()
                instruction = instructions.get(code)
                if instruction is None:
                    raise NotPlain(self._refused(code))
                instruction(self)
        except (IndexError, struct.error, UnicodeDecodeError):
            raise NotPlain(f"is cut short or damaged at byte {self._at}") from None

    def _stop(self) -> Any:
        value = self._stack.pop()
        if self._stack or self._at != len(self._data):
            raise NotPlain(f"goes on after its end, at byte {self._at}")
        return value

    def _refused(self, code: int) -> str:
        if code == 0x69:  # INST names what it calls
            return f"calls {self._line()}.{self._line()}"
        names = [value.name for value in self._stack if isinstance(value, Named)]
        what = _CALLS.get(code, f"has the instruction 0x{code:02x}, which plain values don't need")
        return what + (f" ({names[-1]})" if names and code in _CALLS else "")

    # --- reading ----------------------------------------------------------------------------------

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) != count:
            raise IndexError
        self._at += count
        return taken

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _line(self) -> str:
        end = self._data.find(b"\n", self._at)
        if end < 0:
            raise IndexError
        line = self._data[self._at : end].decode("utf-8", "backslashreplace")
        self._at = end + 1
        return line[:200]

    # --- values -----------------------------------------------------------------------------------

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def text(self, form: str) -> None:
        self.push(self._take(self._number(form)).decode("utf-8", "surrogatepass"))

    def raw(self, form: str) -> None:
        self.push(self._take(self._number(form)))

    def whole_number(self) -> None:
        self.push(int.from_bytes(self._take(self._number("<B")), "little", signed=True))

    def new(self, value: Any) -> None:
        self._objects_left -= 1
        if self._objects_left < 0:
            raise NotPlain(f"holds more objects than its {len(self._data)} bytes can have a use for")
        self.push(value)

    def tuple_of(self, count: int) -> None:
        self.new(tuple(self._last(count)))

    def marked_tuple(self) -> None:
        self.new(tuple(self._since_mark()))

    # --- filling ----------------------------------------------------------------------------------

    def _last(self, count: int) -> list[Any]:
        if count and any(value is _MARK for value in self._stack[-count:]):
            raise IndexError
        values = [self._stack.pop() for _ in range(count)]
        return values[::-1]

    def _since_mark(self) -> list[Any]:
        for place in range(len(self._stack) - 1, -1, -1):
            if self._stack[place] is _MARK:
                values = self._stack[place + 1 :]
                del self._stack[place:]
                return values
        raise IndexError

    def _into(self, kind: type) -> Any:
        value = self._stack[-1]
        if type(value) is not kind:
            raise NotPlain(f"puts values into what is no {kind.__name__}, at byte {self._at}")
        return value

    def append(self, values: list[Any]) -> None:
        self._into(list).extend(values)

    def add(self, values: list[Any]) -> None:
        self._into(set).update(map(self._key, values))

    def set_items(self, values: list[Any]) -> None:
        if len(values) % 2:
            raise IndexError
        target = self._into(dict)
        for place in range(0, len(values), 2):
            target[self._key(values[place])] = values[place + 1]

    def _key(self, value: Any) -> Any:
        if type(value) is int and abs(value) < _LARGEST_KEY:
            return value
        if type(value) not in (str, bytes, bool, type(None)):
            raise NotPlain(f"has a {type(value).__name__} where a name was due, at byte {self._at}")
        return value

    # --- objects ----------------------------------------------------------------------------------

    def named(self, module: Any, name: Any) -> None:
        whole = f"{module}.{name}"
        if not (isinstance(module, str) and isinstance(name, str)) or whole not in self._classes:
            raise NotPlain(f"names {whole[:200]}")
        self.push(Named(whole))

    def named_on_stack(self) -> None:
        self.named(*self._last(2))

    def named_in_line(self) -> None:
        self.named(self._line(), self._line())

    def new_object(self) -> None:
        kind, arguments = self._last(2)
        if not isinstance(kind, Named) or arguments != ():
            self.push(kind)
            raise NotPlain(self._refused(0x81))
        self.new(Thing(kind.name))

    def build(self) -> None:
        (state,) = self._last(1)
        self._into(Thing).state = state

    # --- the memo ---------------------------------------------------------------------------------

    def remember(self, place: int) -> None:
        if self._stack[-1] is _MARK:
            raise IndexError
        self._memo[place] = self._stack[-1]

    def recall(self, place: int) -> None:
        if place not in self._memo:
            raise IndexError
        self.push(self._memo[place])

    def pop(self) -> None:
        self._stack.pop()

    def pop_to_mark(self) -> None:
        self._since_mark()

    def skip(self, count: int) -> None:
        self._take(count)


_Instruction = Callable[[_Machine], None]
_INSTRUCTIONS: dict[int, _Instruction] = {
    0x80: lambda m: m.skip(1),  # PROTO
    0x95: lambda m: m.skip(8),  # FRAME
    0x28: lambda m: m.push(_MARK),
    0x30: lambda m: m.pop(),
    0x31: lambda m: m.pop_to_mark(),  # POP_MARK
    0x4E: lambda m: m.push(None),
    0x88: lambda m: m.push(True),
    0x89: lambda m: m.push(False),
    0x4A: lambda m: m.push(m._number("<i")),  # BININT
    0x4B: lambda m: m.push(m._number("<B")),  # BININT1
    0x4D: lambda m: m.push(m._number("<H")),  # BININT2
    0x8A: lambda m: m.whole_number(),  # LONG1
    0x47: lambda m: m.push(m._number(">d")),  # BINFLOAT
    0x8C: lambda m: m.text("<B"),  # SHORT_BINUNICODE
    0x58: lambda m: m.text("<I"),  # BINUNICODE
    0x8D: lambda m: m.text("<Q"),  # BINUNICODE8
    0x43: lambda m: m.raw("<B"),  # SHORT_BINBYTES
    0x42: lambda m: m.raw("<I"),  # BINBYTES
    0x5D: lambda m: m.new([]),
    0x7D: lambda m: m.new({}),
    0x8F: lambda m: m.new(set()),
    0x29: lambda m: m.push(()),
    0x85: lambda m: m.tuple_of(1),
    0x86: lambda m: m.tuple_of(2),
    0x87: lambda m: m.tuple_of(3),
    0x74: lambda m: m.marked_tuple(),
    0x61: lambda m: m.append(m._last(1)),
    0x65: lambda m: m.append(m._since_mark()),
    0x73: lambda m: m.set_items(m._last(2)),
    0x75: lambda m: m.set_items(m._since_mark()),
    0x90: lambda m: m.add(m._since_mark()),
    0x93: lambda m: m.named_on_stack(),
    0x63: lambda m: m.named_in_line(),
    0x81: lambda m: m.new_object(),
    0x62: lambda m: m.build(),
    0x94: lambda m: m.remember(len(m._memo)),  # MEMOIZE
    0x71: lambda m: m.remember(m._number("<B")),  # BINPUT
    0x72: lambda m: m.remember(m._number("<I")),  # LONG_BINPUT
    0x68: lambda m: m.recall(m._number("<B")),  # BINGET
    0x6A: lambda m: m.recall(m._number("<I")),  # LONG_BINGET
}
