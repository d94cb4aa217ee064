"""Messages between a recorder and the process that keeps what passes: tuples, each after a head of fixed size."""

from __future__ import annotations

import pickle
import struct
from typing import Any

_HEAD = struct.Struct(">cQQd")  # kind, bytes that follow, order of the exchange, time
_PICKLED = b"p"
_WITH_DATA = {b"a": "add", b"c": "chunks"}  # bytes of a body follow the head as they are
_LETTERS = {kind: letter for letter, kind in _WITH_DATA.items()}


def packed(*message: object) -> bytes:
    """Return a message as bytes."""
    data = pickle.dumps(message, protocol=5)
    return _HEAD.pack(_PICKLED, len(data), 0, 0.0) + data


def packed_data(kind: str, order: int, data: bytes, now: float) -> bytes:
    """Return the message ``(kind, order, data, now)`` as bytes; ``kind`` is ``"add"`` or ``"chunks"``.

    Each event waits for this, so it takes a fraction of the time that ``packed`` takes.
    """
    return _HEAD.pack(_LETTERS[kind], len(data), order, now) + data


class Unpacker:
    """Takes bytes cut anywhere. They come from a process of our own, through a socket that no other process holds."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[tuple[Any, ...]]:
        """Take the next bytes; return the messages that are whole by now."""
        rest, at, found = self._rest, 0, []
        rest += data
        while len(rest) >= at + _HEAD.size:
            letter, size, order, now = _HEAD.unpack_from(rest, at)
            start = at + _HEAD.size
            end = start + size
            if len(rest) < end:
                break
            body = bytes(rest[start:end])
            found.append(pickle.loads(body) if letter == _PICKLED else (_WITH_DATA[letter], order, body, now))
            at = end
        del rest[:at]
        return found
