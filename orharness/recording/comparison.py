"""The differences in grammar between two recordings of one request: fields, order, end and pacing, but not words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median
from typing import Any

from orharness.cassette.interaction import Interaction, header
from orharness.dialects import DIALECTS
from orharness.sse import Comment, Event
from orharness.stream import Stream

_WORDS_OF_THE_GRAMMAR = ("type", "object", "role", "finish_reason", "native_finish_reason", "stop_reason", "status")
"""Fields whose text is one of a few words that an API defines."""
_APART = 3.0  # times: two answers of one service differ by less, as a rule
_SHORT = 0.01  # seconds: a median gap below this is the machine's
_SHORT_HEAD = 0.1  # seconds: a head comes once, and waits for a connection, perhaps: below this it is chance
_FEW = 4  # chunks: fewer say nothing about pacing


def differences(before: Interaction, after: Interaction) -> list[str]:
    """Return a sentence for each thing that changed from the recorded answer to the one that came now."""
    if before.status is None or after.status is None:
        same = before.status is after.status
        why = f": {after.note}" if after.status is None and after.note else ""
        return [] if same else [f"status: {_status(before)} before, {_status(after)} now{why}"]
    found = [*_heads(before, after)]
    if before.stream.frame is not after.stream.frame:
        return [*found, f"framing of events: {before.stream.frame.name} before, {after.stream.frame.name} now"]
    old, new = _Grammar.of(before.stream), _Grammar.of(after.stream)
    return [*found, *_fields(old, new), *_order(old, new), *_ends(before, after, old, new), *_pacing(before, after)]


def _status(interaction: Interaction) -> str:
    return "no response" if interaction.status is None else str(interaction.status)


def _heads(before: Interaction, after: Interaction) -> Iterator[str]:
    if before.status != after.status:
        yield f"status: {before.status} before, {after.status} now"
    kinds = [header(one.headers, "Content-Type") for one in (before, after)]
    if kinds[0] != kinds[1]:
        yield f"Content-Type: {kinds[0]} before, {kinds[1]} now"
    if before.stream.framing is not after.stream.framing and before.timed:
        yield f"framing of the body: {before.stream.framing.value} before, {after.stream.framing.value} now"


# --- events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Grammar:
    """What the events of an answer are, without what they say.

    ``fields``: the types that each field has had. ``words``: the words in fields whose words an API defines. ``kinds``:
    the kind of each event, one for a run of the same. ``comments``: the texts of comments.
    """

    fields: Mapping[str, frozenset[str]]
    words: Mapping[str, frozenset[str]]
    kinds: tuple[str, ...]
    comments: frozenset[str]
    terminal: str | None

    @classmethod
    def of(cls, stream: Stream) -> _Grammar:
        fields: dict[str, set[str]] = {}
        words: dict[str, set[str]] = {}
        kinds: list[str] = []
        terminal: str | None = None
        items = list(stream.frame.decode(stream.body))
        events = [item for item in items if isinstance(item, Event)]
        if not events and stream.body:  # an answer without a stream is one document
            events = [Event(data=stream.body.decode("utf-8", "replace"))]
        for event in events:
            leaves = list(_leaves(_document(event)))
            for path, value in leaves:
                fields.setdefault(path, set()).add(_type(value))
                if path.rpartition(".")[2] in _WORDS_OF_THE_GRAMMAR and isinstance(value, str):
                    words.setdefault(path, set()).add(value)
            kinds.append(_kind(event, leaves))
            if terminal is None and DIALECTS.is_terminal(event):
                terminal = kinds[-1]
        comments = frozenset(item.text for item in items if isinstance(item, Comment))
        runs = tuple(kind for kind, _ in groupby(kinds))
        return cls(_frozen(fields), _frozen(words), runs, comments, terminal)


def _frozen(found: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    return {path: frozenset(values) for path, values in found.items()}


def _document(event: Event) -> Any:
    try:
        return json.loads(event.data)
    except ValueError:
        return None


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a document that hold no others, each with its path; an empty list or mapping counts as one."""
    if isinstance(value, dict) and value:
        for name, one in value.items():
            yield from _leaves(one, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for one in value:
            yield from _leaves(one, f"{path}[]")
    elif path:
        yield path, value


def _type(value: Any) -> str:
    names = {bool: "true or false", str: "text", int: "number", float: "number", list: "list", dict: "mapping"}
    return "null" if value is None else names[type(value)]


def _kind(event: Event, leaves: Iterable[tuple[str, Any]]) -> str:
    """What an event is: its name or type where it has one, else the fields that it sets."""
    document = _document(event)
    if document is None:
        return event.data if len(event.data) < 20 else "text"
    named = document.get("type") if isinstance(document, dict) else None
    if event.type != "message" or isinstance(named, str):
        return event.type if event.type != "message" else str(named)
    telling = ("delta.", "finish_reason", "error", "usage", "message.")
    said = [path for path, value in leaves if value is not None and value != "" and any(one in path for one in telling)]
    short = dict.fromkeys(_short(path) for path in said if not path.endswith((".role", "native_finish_reason")))
    return " + ".join(short) or "(empty)"


def _short(path: str) -> str:
    bare = path.removeprefix("choices[].")
    return bare.partition(".")[0] if bare.startswith("usage") else bare.partition("[]")[0]


# --- what differs ---------------------------------------------------------------------------------------------------


def _fields(old: _Grammar, new: _Grammar) -> Iterator[str]:
    for path in sorted(old.fields.keys() | new.fields.keys()):
        before, after = old.fields.get(path), new.fields.get(path)
        if before is None:
            yield f"fields: {path} is new ({_listed(after)})"
        elif after is None:
            yield f"fields: {path} is gone (it was {_listed(before)})"
        elif before - {"null"} and after - {"null"} and before - {"null"} != after - {"null"}:
            yield f"fields: {path} was {_listed(before)}, and is {_listed(after)}"
    for path in sorted(old.words.keys() & new.words.keys()):
        if fresh := new.words[path] - old.words[path]:
            yield f"fields: {path} has the new value {_listed(fresh)} (before: {_listed(old.words[path])})"
    for text in sorted(new.comments ^ old.comments):
        yield f"comments: {text!r} is {'new' if text in new.comments else 'gone'}"


def _listed(values: Iterable[str] | None) -> str:
    return ", ".join(sorted(values or ()))


def _order(old: _Grammar, new: _Grammar) -> Iterator[str]:
    """Which kinds of events follow one another now that did not before, among the kinds that were there before."""
    known, seen = set(old.kinds), set(pairwise(old.kinds))
    if old.kinds and new.kinds and old.kinds[0] != new.kinds[0]:
        yield f"order: the first event was {old.kinds[0]}, and is {new.kinds[0]}"
    for first, second in dict.fromkeys(pairwise(new.kinds)):
        if (first, second) not in seen and {first, second} <= known:
            yield f"order: {second} comes after {first} now"
    for kind in dict.fromkeys(new.kinds):
        if kind not in known:
            yield f"order: events of {kind} are new"
    for kind in dict.fromkeys(old.kinds):
        if kind not in new.kinds:
            yield f"order: events of {kind} are gone"


def _ends(before: Interaction, after: Interaction, old: _Grammar, new: _Grammar) -> Iterator[str]:
    if before.ending_recorded != after.ending_recorded:
        yield f"end: {before.ending_recorded} before, {after.ending_recorded} now"
    if old.terminal != new.terminal:
        yield f"end: the last event for a client was {old.terminal or 'none'}, and is {new.terminal or 'none'}"


def _pacing(before: Interaction, after: Interaction) -> Iterator[str]:
    """Differences in time and in chunks that are too large for chance."""
    if not before.timed:
        return
    if _apart(before.head, after.head, _SHORT_HEAD):
        yield f"pacing: the head came after {before.head:.3f} s, and comes after {after.head:.3f} s"
    if min(len(before.stream.chunks), len(after.stream.chunks)) < _FEW:
        return
    was, now = (median(chunk.delay for chunk in one.stream.chunks[1:]) for one in (before, after))
    if _apart(was, now, _SHORT):
        yield f"pacing: half of the gaps between chunks were below {was:.3f} s, and are below {now:.3f} s"
    per = [_events(one.stream) / len(one.stream.chunks) for one in (before, after)]
    if max(per) > _APART * min(per) > 0:
        yield f"pacing: a chunk had {per[0]:.1f} events, and has {per[1]:.1f}"


def _apart(one: float, other: float, short: float) -> bool:
    """Whether one is more than three times the other, and longer than ``short``."""
    low, high = sorted((one, other))
    return high > short and high > _APART * low


def _events(stream: Stream) -> int:
    return sum(isinstance(item, Event) for item in stream.frame.decode(stream.body))
