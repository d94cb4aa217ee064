"""Reads the spool of a recorder that was killed, or that could not write, as on a full disk."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from orharness.cassette.interaction import Headers, Interaction, RecordedRequest
from orharness.errors import OrharnessError
from orharness.recording.exchange import RecordedExchange, rounded
from orharness.server.headers import readable
from orharness.stream import Chunk, Framing

# A spool does not tell which it was: there is no room for that on a full disk.
_KILLED = "the recorder was killed in the middle of it, or could not write the rest"
KEEPER_KILLED = "the process that writes was killed in the middle of it"
_ORDER = re.compile(rb'\{"order": (\d+)[,}]')  # how each line of a spool begins


def recovered(data: bytes) -> tuple[list[Interaction], str | None]:
    """The exchanges of a spool in the order of their requests, and what of it is damaged.

    A last line without its line end is not damage: the process was killed in the middle of a write. Zeros in it are: a
    file system may leave them in place of what it had not written when the machine lost power.
    """
    recovery = _read(data)
    found, damage = [], recovery.damage()
    for order in sorted(recovery.exchanges):
        try:
            if (interaction := _interaction(recovery.exchanges[order])) is not None:
                found.append(interaction)
        except (OrharnessError, AttributeError, TypeError, ValueError) as error:
            damage.append(f"an exchange of the spool is damaged: {error}")
    return found, "; ".join(damage) or None


def left_by_keeper(data: bytes, others: Collection[int]) -> dict[int, tuple[Interaction, bool]]:
    """The exchanges of a spool but for the ``others``, by their order, and whether each had ended."""
    found = {}
    for order, exchange in _read(data).exchanges.items():
        ended = exchange.ending is not None
        if not ended:
            exchange.note = KEEPER_KILLED
        if order not in others and (interaction := _interaction(exchange)) is not None:
            found[order] = interaction, ended
    return found


def _read(data: bytes) -> _Recovery:
    *lines, unfinished = data.split(b"\n")
    if b"\0" in unfinished or _is_json(unfinished):  # damaged, or whole but for its line end
        lines.append(unfinished)
    recovery = _Recovery()
    for number, line in enumerate(lines, 1):
        recovery.read(number, line)
    return recovery


def _interaction(exchange: RecordedExchange) -> Interaction | None:
    exchange.chunks = _filled(exchange.chunks)
    return exchange.interaction()


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _filled(chunks: Iterable[Chunk]) -> list[Chunk]:
    """The chunks without the empty ones, in which a secret was; the next chunk takes their delay."""
    filled, waited = [], 0.0
    for chunk in chunks:
        waited = rounded(waited + chunk.delay)
        if chunk.data:
            filled.append(Chunk(chunk.data, waited))
            waited = 0.0
    return filled


class _Recovery:
    """The exchanges of a spool, read line by line.

    A line that cannot be read ends the exchange that it belongs to, and the later lines of that exchange are ignored: a
    response that is cut short is true as far as it goes, and one with a hole in its middle is not. Where the line does
    not even show its exchange, or may hold the remains of several lines, all exchanges that were going on are ended.
    """

    def __init__(self) -> None:
        self.exchanges: dict[int, RecordedExchange] = {}
        self._cut: set[int] = set()  # exchanges whose later lines are ignored
        self._saved: set[int] = set()
        self._damaged: dict[int, list[int]] = {}  # by line number: the exchanges that it cut

    def read(self, number: int, line: bytes) -> None:
        """Take the next line; ``number`` counts from 1."""
        try:
            written = json.loads(line)
            order = written["order"]
            if "saved" in written:
                self._saved.add(order)
            if order not in self._cut:
                _replay(written, self.exchanges)
            elif "saved" in written:
                self.exchanges.pop(order, None)
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
            self._damaged[number] = self._cut_by(number, line)

    def _cut_by(self, number: int, line: bytes) -> list[int]:
        """End the exchanges that the damaged line may belong to, also one whose beginning is lost with it."""
        known = [order for order, exchange in self.exchanges.items() if exchange.ending is None]
        shown = _ORDER.match(line)
        if shown is not None and _is_of_one_exchange(line):
            order = int(shown[1])
            known = [order] if order in known or order not in self.exchanges else []
        cut = [order for order in known if order not in self._cut]
        for order in cut:
            if order in self.exchanges:
                self.exchanges[order].note = f"line {number} of the recorder's spool is damaged: what followed is lost"
        self._cut.update(cut)
        return cut

    def damage(self) -> list[str]:
        """A sentence for each line that could not be read. What is in the cassette is not lost."""
        return [
            f"line {number} is damaged: {self._lost([order for order in cut if order not in self._saved])}"
            for number, cut in self._damaged.items()
        ]

    def _lost(self, orders: Iterable[int]) -> str:
        requests = (self.exchanges[order].request if order in self.exchanges else None for order in orders)
        lost = [f"the rest of {one.method} {one.uri}" if one else "a whole response" for one in requests]
        said = f"{', '.join(lost)} is lost" if lost else "nothing is known to be lost"
        return said.encode("ascii", "backslashreplace").decode()  # an address may hold bytes that are not UTF-8


def _is_of_one_exchange(line: bytes) -> bool:
    """Whether a damaged line was one line, as far as can be seen: what is lost may have had line ends in it."""
    return line.isascii() and b"\0" not in line and line.count(b'{"order": ') == 1


def _replay(written: Mapping[str, Any], exchanges: dict[int, RecordedExchange]) -> None:
    order = written["order"]
    if "request" in written:
        exchanges[order] = _begun(order, written["request"], written["response"])
    elif "data" in written:
        exchanges[order].chunks.append(Chunk(_unpacked(written["data"]), written["delay"]))
    elif "more" in written:
        chunks, number = exchanges[order].chunks, written["chunk"]
        chunks[number] = Chunk(chunks[number].data + _unpacked(written["more"]), chunks[number].delay)
    elif "saved" in written:
        del exchanges[order]
    else:
        exchanges[order].ending, exchanges[order].note = written["ending"], written["note"]


def _unpacked(text: str) -> bytes:
    return base64.b64decode(text, validate=True)  # or it would leave out what is not base64


def _begun(order: int, request: Mapping[str, Any], response: Mapping[str, Any]) -> RecordedExchange:
    return RecordedExchange(
        order,
        RecordedRequest(request["method"], request["uri"], _pairs(request["headers"]), _unpacked(request["body"])),
        response["recorded_at"],
        status=response["status"],
        reason=readable(response["reason"]),
        headers=_pairs(response["headers"]),
        head=response["head"],
        framing=Framing(response["framing"]),
        announced=response["announced"],
        note=_KILLED,
    )


def _pairs(pairs: Iterable[Iterable[str]]) -> Headers:
    return tuple((name, value) for name, value in pairs)
