r"""The items of a case document as one stream of a dialect: what comes before its text, names, and what closes it.

In an API that gives its events names (Messages, Responses) an event has its name: in ``raw`` as a line before the data,
or instead of ``message`` in a line ``event: message``; any other name is kept. In an API in which a text is inside of
something (a message, a part), that is opened before the first event with a text, and closed before the answer ends.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

from orharness.contract.catalogue.templates import (
    PLACEHOLDER,
    Json,
    event_of,
    event_or_none,
    filled,
    said_by,
    text_of,
)
from orharness.dialects import Dialect
from orharness.errors import Inexpressible
from orharness.scenario import Piece
from orharness.sse import Comment, Event, Item, Retry
from orharness.stream import Chunk
from orharness.transforms import item_from_json

_PARTS = {"text", "finish", "role", "usage", "end"}
_ENDING = {"finish", "usage", "end"}
_LINE = re.compile(r"(?P<text>(?:\$\{[^}]*\}|[^\r\n])*)(?P<end>\r\n|\r|\n|(?<=[^\r\n])\Z)")
_DATA = re.compile(r"data:\s*\$\{(?:end|text:)")
_NAME = re.compile(r"event(?:: ?(?P<name>.*))?")
_BOM = "\ufeff"
Lines = list[re.Match[str]]


def pieces(items: list[Json], dialect: Dialect) -> list[Piece]:
    """Return the items as the dialect writes them. Raises ``Inexpressible`` for what it has no form for."""
    script = Script(dialect)
    return [piece for item in items for piece in script.pieces(item)]


class Script:
    """One stream, item by item."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._said: list[str] | None = None  # the texts so far, ``None`` before the first
        self._closed = False

    def pieces(self, item: Json) -> Iterator[Piece]:
        """Yield what is sent for an item."""
        given = dict(item)
        delay, missing = given.pop("delay", None), given.pop("cut", 0)
        optional = given.pop("optional", False)
        before = list(self._before(given))
        made = self._item(given)
        if optional and isinstance(made, Event | Comment | Retry) and self._dialect.frame.lacks(made):
            return
        yield from before  # also before a finish that the API says in no event of its own
        if made is None:
            return
        if delay is None and not missing:
            yield made
            return
        data = made if isinstance(made, bytes) else self._dialect.frame.encode(made)
        kept = data[: len(data) - min(missing, len(data) // 2)]
        yield kept if delay is None else Chunk(kept, delay)

    def _before(self, given: Json) -> Iterator[Event]:
        if "raw" in given:
            return
        placed = PLACEHOLDER.match(str(given.get("data", "")))
        if placed is not None and placed["what"] != "end":
            yield from self._opened(placed["text"])
        elif "text" in given or given.keys() & _ENDING:
            yield from self._around(given)

    def _around(self, part: Json) -> Iterator[Event]:
        """Yield what comes before a neutral event. With an empty text it may be one that says why the answer ends."""
        event = event_or_none(part, self._dialect) if "text" in part else None
        if event is not None and event.type == event_of({"text": "x"}, self._dialect).type:
            yield from self._opened(text_of(part, self._dialect))
        else:
            yield from self._closing(at_end="end" in part)

    def _opened(self, text: str) -> Iterator[Event]:
        if self._said is None:
            self._said = []
            yield from self._dialect.opening
        self._said.append(text)

    def _closing(self, *, at_end: bool) -> Iterator[Event]:
        if not self._closed:
            self._closed = True
            if self._said is None:
                yield from self._opened("")
            assert self._said is not None
            # Bytes that are not UTF-8 are read as U+FFFD.
            said = "".join(self._said).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            closing = self._dialect.closing(said)
            yield from closing
            finish = event_or_none({"finish": "stop"}, self._dialect)
            if at_end and closing and finish is not None:  # a finish beside a text had no event of its own
                yield finish

    def _item(self, given: dict[str, Any]) -> Item | bytes | None:
        match given:
            case {"raw": str(template)} if len(given) == 1:
                return filled(self.raw(template), self._dialect).encode("utf-8", "surrogateescape")
            case {"base64": str(data)} if len(given) == 1:
                return b64decode(data, validate=True)
            case {"finish": _} | {"usage": _} if len(given) == 1:
                return event_or_none(given, self._dialect)
            case {"text": _} | {"end": _} if set(given) <= _PARTS | {"fill"}:
                return event_of(given, self._dialect)
        like = given.pop("named_as", None)
        name = "message" if like is None else event_of(like, self._dialect).type
        if PLACEHOLDER.match(data := str(given.get("data", ""))):
            name = self._name_of(data)
        if name != "message":
            given = {"event": name, **given}
        filled_in = {key: filled(one, self._dialect) if isinstance(one, str) else one for key, one in given.items()}
        return item_from_json(filled_in)

    # --- bytes that are written out -------------------------------------------------------------------------------

    def raw(self, template: str) -> str:
        """Return bytes of an event stream as the dialect sends them, placeholders left as they are.

        Raises ``Inexpressible`` for an event whose name the template leaves empty, in an API that names it.
        """
        blocks: list[Lines] = [[]]
        marked = template.startswith(_BOM)  # a byte order mark anywhere else belongs to the name of the field
        for line in _LINE.finditer(template, len(_BOM) if marked else 0):
            blocks[-1].append(line)
            if not line["text"]:
                blocks.append([])
        return _BOM * marked + "".join(text for block in blocks for text in self._block(block))

    def _block(self, lines: Lines) -> Iterator[str]:
        """Yield the lines of one event, with what comes before it and with its name."""
        carries = next((line for line in lines if _DATA.match(line["text"])), None)
        if carries is None:
            yield from (line[0] for line in lines)
            return
        found = PLACEHOLDER.search(carries["text"])
        assert found is not None
        before = self._around(said_by(found))
        yield from (self._dialect.frame.encode(event, newline=carries["end"] or "\n").decode() for event in before)
        name = self._name_of(carries["text"])
        if name == "message":
            yield from (line[0] for line in lines)
        else:
            yield from self._named(lines, carries, name)

    def _named(self, lines: Lines, carries: re.Match[str], name: str) -> Iterator[str]:
        said = [found["name"] or "" for line in lines if (found := _NAME.fullmatch(line["text"]))]
        if "" in said:
            reason = f"each event of {self._dialect.name} has a name, and this is about one whose name is empty"
            raise Inexpressible(reason)
        for line in lines:
            text, end = line["text"], line["end"]
            if (found := _NAME.fullmatch(text)) and found["name"] == "message":
                yield text.removesuffix("message") + name + end
            elif line is carries and not said:
                yield f"event: {name}" + (end or "\n") + text + end
            else:
                yield text + end

    def _name_of(self, text: str) -> str:
        """Return the name of the event whose data the first placeholder stands for."""
        found = PLACEHOLDER.search(text)
        assert found is not None
        event = event_or_none(said_by(found), self._dialect)
        return "message" if event is None else event.type
