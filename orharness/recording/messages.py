"""Messages between a recorder and the process that keeps what passes: tuples, each with its length before it."""

from __future__ import annotations

import pickle
import struct
from typing import Any

_LENGTH = struct.Struct(">Q")


def packed(*message: object) -> bytes:
    """Return a message as bytes."""
    data = pickle.dumps(message, protocol=5)
    return _LENGTH.pack(len(data)) + data


class Unpacker:
    """Takes bytes cut anywhere. They come from a process of our own, through a socket that nobody else holds."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[tuple[Any, ...]]:
        """Take the next bytes; return the messages that are whole by now."""
        rest, at, found = self._rest, 0, []
        rest += data
        while len(rest) >= at + _LENGTH.size:
            start = at + _LENGTH.size
            end = start + _LENGTH.unpack_from(rest, at)[0]
            if len(rest) < end:
                break
            found.append(pickle.loads(bytes(rest[start:end])))
            at = end
        del rest[:at]
        return found
