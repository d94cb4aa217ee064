"""What a recorder has handed over to the process that keeps it, and what is not in the cassette yet."""

from __future__ import annotations

from typing import NamedTuple

Message = tuple[object, ...]


class SoFar(NamedTuple):
    """What a process must know that takes the place of one that was killed.

    ``goes_on``: the cassette was there before, with ``before`` interactions. By the order of their requests: what is
    known to be in the cassette (``saved``), and what was being put into it when the process was killed (``saving``).
    ``held``: the messages about all that is not in it, but for large answers.
    """

    goes_on: bool
    before: int
    saved: tuple[int, ...]
    saving: tuple[int, ...]
    held: tuple[Message, ...]


class Unconfirmed:
    """The messages about exchanges that are not in the cassette, but for those of more than ``most`` bytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._messages: dict[int, list[Message]] = {}  # by order
        self._sizes: dict[int, int] = {}  # bytes
        self.large: set[int] = set()
        """The exchanges whose messages are not held."""

    def add(self, order: int, message: Message, size: int, *, delivered: bool) -> None:
        """Take one more message about an exchange. What was not ``delivered`` is held however large it is."""
        if order in self.large:
            return
        self._messages.setdefault(order, []).append(message)
        self._sizes[order] = self._sizes.get(order, 0) + size
        if delivered and self._sizes[order] > self._most:
            self.confirm(order)
            self.large.add(order)

    def confirm(self, order: int) -> None:
        """Forget an exchange: it is in the cassette, or is not to be."""
        self._messages.pop(order, None)
        self._sizes.pop(order, None)
        self.large.discard(order)

    @property
    def size(self) -> int:
        """Bytes of chunks that are held."""
        return sum(self._sizes.values())

    @property
    def messages(self) -> tuple[Message, ...]:
        """All that are held: those of an exchange in their order."""
        return tuple(message for one in self._messages.values() for message in one)
