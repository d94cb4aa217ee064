"""Comparing the blocks that the upstream sent with those that came out at the browser. Pure.

An event is compared by what it means, since a relay may write the JSON anew: first as a whole, then by what it brings
of the answer, since a relay may also leave out fields.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

from orharness.dialects import DIALECTS, Dialect
from orharness.dialects.values import at, list_at
from orharness.frames import SSE, Frame
from orharness.relay.seen import Seen
from orharness.relay.views import AnswerForm, bare, canonical, parsed
from orharness.sse import Comment, Event

_PUNCTUATION = re.compile(r"[{}\[\]\"]")  # of JSON


@dataclass(frozen=True)
class SeenBlock:
    """One block of a stream: its number and bytes, the event that they dispatch, its comments, and if it is ended."""

    number: int
    data: bytes
    event: Event | None
    comments: int
    ended: bool

    @cached_property
    def meaning(self) -> tuple[str, str] | None:
        """The event with its JSON in one spelling."""
        return None if self.event is None else _meaning(self.event)

    @cached_property
    def is_chunk(self) -> bool:
        """Whether the event is a chat completion chunk, or the end marker after them."""
        return self.event is not None and DIALECTS.default.is_own(self.event)

    @cached_property
    def essence(self) -> str:
        """What a chunk brings of the answer: the usage, and of each choice its finish and its delta but the role."""
        if self.event is None or DIALECTS.default.is_end(self.event):
            return self.event.data if self.event else ""
        document = parsed(self.event.data)
        said: list[object] = []
        for choice in list_at(document, "choices"):
            delta = at(choice, "delta")
            fields = delta.items() if isinstance(delta, dict) else ()
            brings = {name: bare(value) for name, value in fields if value and name != "role"}
            if brings or at(choice, "finish_reason"):
                said.append([at(choice, "index"), brings, at(choice, "finish_reason")])
        usage = at(document, "usage")
        return canonical([said, usage]) if said or usage else ""


@dataclass(frozen=True)
class Comparison:
    """The blocks that the upstream sent, and those that came out at the browser."""

    dialect: Dialect
    sent: Sequence[SeenBlock]
    came: Sequence[SeenBlock]

    @classmethod
    def of(cls, seen: Seen) -> Comparison | None:
        """Return the comparison, ``None`` where the relay does not send the events of an API."""
        chat = seen.form is AnswerForm.CHAT
        dialect = DIALECTS.default if chat else seen.dialect
        if dialect is None:
            return None
        same = [one for one in seen.exchanges if DIALECTS.at(one.request.path) is dialect]
        sent = _blocks(dialect.frame, same[-1].body) if same else []
        return cls(dialect, sent, _blocks(SSE if chat else seen.frame, seen.content))

    # -- events that are not the upstream's ----------------------------------------------------------------------------

    def added(self, is_added: Callable[[Event], bool]) -> list[SeenBlock]:
        """Return the blocks that came whose event the upstream did not send and ``is_added`` selects."""
        return [one for one in self.came if one.event is not None and not self.was_sent(one) and is_added(one.event)]

    def without_data(self) -> list[SeenBlock]:
        """Return the blocks that came with fields but no data, and that the upstream did not send."""
        sent = {one.data for one in self.sent}
        empty = [one for one in self.came if one.event is None and not one.comments and one.ended]
        return [one for one in empty if one.data.strip() and one.data not in sent]

    def was_sent(self, block: SeenBlock) -> bool:
        """Return whether the upstream sent this event, in whatever spelling of its JSON."""
        return block.meaning in self._sent

    @cached_property
    def _sent(self) -> set[tuple[str, str] | None]:
        return {one.meaning for one in self.sent}

    def is_of_the_api(self, event: Event) -> bool:
        """Return whether the event is one of the API's; an error is not, if the upstream reported none."""
        dialect = self.dialect
        if dialect.error_of(event) is not None:
            return self._failed or not self.sent
        return dialect.is_own(event) or dialect.is_token(event) or dialect.is_end(event) or self._is_broken(event)

    @cached_property
    def _failed(self) -> bool:
        return any(one.event is not None and self.dialect.error_of(one.event) is not None for one in self.sent)

    def _is_broken(self, event: Event) -> bool:
        """Return whether the event is a piece of one that was sent, or several: ``fidelity/events`` judges that."""
        data = event.data.strip()
        if parsed(data) is not None or not _PUNCTUATION.search(data):  # a word may be in a text that was sent
            return False
        sent = [one.event.data for one in self.sent if one.event is not None]
        return '"choices"' in data or any(data in one or one in data for one in sent)

    # -- chunks, in their order ----------------------------------------------------------------------------------------

    @cached_property
    def _gaps(self) -> list[tuple[list[SeenBlock], list[SeenBlock]]]:
        """The chunks that were sent, and those that came, between two that are the same on both sides."""
        sent, came = ([one for one in blocks if one.is_chunk] for blocks in (self.sent, self.came))
        exact = _differing(sent, came, lambda one: one.meaning)
        return [gap for some in exact for gap in _differing(*some, lambda one: one.essence)]

    def surplus(self) -> list[SeenBlock]:
        """Return the chunks by which more came than were sent, between two that are the same on both sides.

        Between the two, chunks that bring nothing of the answer count as added first, and repeated ones last.
        """
        found: list[SeenBlock] = []
        for sent, came in self._gaps:
            ranked = sorted(came, key=lambda one: (one.essence != "", self.was_sent(one)))
            found += sorted(ranked[: max(0, len(came) - len(sent))], key=lambda one: one.number)
        return found

    def moved(self) -> list[SeenBlock]:
        """Return the chunks that came in another place than the one in which they were sent."""
        missing = {one.essence for sent, _ in self._gaps for one in sent if one.essence}
        return [one for _, came in self._gaps for one in came if one.essence in missing]

    # -- comments ------------------------------------------------------------------------------------------------------

    def turned(self, added: Sequence[SeenBlock]) -> bool:
        """Return whether these blocks came in place of keep-alive comments, and no comment was lost otherwise."""
        sent, came = _comments(self.sent, ()), _comments(self.came, added)
        lost = {place for place, number in sent.items() if number > came[place]}
        places = _places(self.came, added)
        return bool(added) and lost == {places[one.number] for one in added}


def _differing(
    sent: Sequence[SeenBlock], came: Sequence[SeenBlock], key: Callable[[SeenBlock], object]
) -> Iterator[tuple[list[SeenBlock], list[SeenBlock]]]:
    """Yield what differs between blocks that have the same key on both sides."""
    matcher = SequenceMatcher(None, list(map(key, sent)), list(map(key, came)), autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag != "equal":
            yield list(sent[i1:i2]), list(came[j1:j2])


def _blocks(frame: Frame, body: bytes) -> list[SeenBlock]:
    found = []
    for number, block in enumerate(frame.blocks(body)):
        data = body[block.start : block.end]
        comments = sum(isinstance(item, Comment) for item in frame.decode(data)) if frame.has_comments else 0
        found.append(SeenBlock(number, data, block.event, comments, frame.is_ended(body, block)))
    return found


def _places(blocks: Sequence[SeenBlock], added: Sequence[SeenBlock]) -> list[int]:
    """Return for each block how many events came before it that are not added."""
    others = {one.number for one in added}
    places, place = [], 0
    for one in blocks:
        places.append(place)
        place += one.event is not None and one.number not in others
    return places


def _comments(blocks: Sequence[SeenBlock], added: Sequence[SeenBlock]) -> Counter[int]:
    """Return how many comments are in each place."""
    found: Counter[int] = Counter()
    for place, one in zip(_places(blocks, added), blocks, strict=True):
        found[place] += one.comments
    return found


def _meaning(event: Event) -> tuple[str, str]:
    document = parsed(event.data)
    return event.type, event.data if document is None else canonical(document)
