"""What a case sends, as a document: one entry of ``replies`` in the vocabulary of DESIGN's documents, in any dialect.

``answer: {text: …}`` is a completion, ``events: […]`` a stream piece by piece (see ``templates``), ``blocks: {…}`` a
long one with something at the end of a client's read blocks (see ``blocks``), ``many: {…}`` one of very many
events (see ``many``), ``stream: {chunks:
…}`` one that is written out (as in scenario documents), anything else a plain response: ``status``, ``headers``,
``json``, ``text``, or ``error: message``, the dialect's own error document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from orharness.contract.catalogue import many
from orharness.contract.catalogue.blocks import written
from orharness.contract.catalogue.entries import check_entries
from orharness.contract.catalogue.roles import with_role
from orharness.contract.catalogue.script import pieces
from orharness.contract.catalogue.templates import event_of
from orharness.dialects import Dialect
from orharness.dialects.completion import Failure, ToolCall, Usage
from orharness.errors import Inexpressible, ScenarioError
from orharness.gateways import ErrorShape, Gateway
from orharness.gateways import lookup as gateway_named
from orharness.journal import Request
from orharness.scenario import Piece, Reply
from orharness.scenario.document import read_reply
from orharness.scenario.encoding import gzipped
from orharness.stream import Ending, Stream, Transform
from orharness.transforms import after_event, append, drop, from_json, hold, inside_event, repeat, stall, truncate

Json = Mapping[str, Any]
MODEL = "m"  # named, so that the bytes do not depend on what the client asks for
_ASKED = Request("POST", "/")
_SENDING = {"through", "ending", "framing", "pacing", "headers", "head", "delay", "provider", "gateway", "pace"}
KEYS = {  # of a reply, by what says what is sent
    "answer": {"answer", *_SENDING},
    "events": {"events", "status", "encoding", "gzipped", *_SENDING} - {"gateway"},
    "blocks": {"blocks", "status", *_SENDING} - {"gateway", "provider", "pace", "delay"},
    "many": {"many"},
    "plain": {"status", "headers", "head", "json", "text", "body", "error", "gateway"},
}
_SAYING = ("answer", "events", "blocks", "many", "stream", "error", "json", "text", "body")


def reply_of(document: Json, dialect: Dialect) -> Reply:
    """Return the reply. Raises ``ScenarioError`` for a mistake, ``Inexpressible`` for what the API has no form for."""
    if len(saying := [one for one in _SAYING if one in document]) > 1:
        raise ScenarioError(f"a reply says what is sent in one of {', '.join(_SAYING)}; not in {' and '.join(saying)}")
    if "stream" in document:
        return read_reply({**document, "dialect": dialect.name})
    kind = next((one for one in ("answer", "events", "blocks", "many") if one in document), "plain")
    if unknown := set(document) - KEYS[kind]:
        known = ", ".join(sorted(KEYS[kind]))
        raise ScenarioError(f"a reply has no key {', '.join(sorted(unknown))}; it takes {known}")
    return _READERS[kind](dict(document), dialect)


def _answer(given: dict[str, Any], dialect: Dialect) -> Reply:
    said = dict(given.pop("answer"))
    text = said.pop("text", None)
    options = {**_sending(given, dialect), "model": MODEL, **{name: _meant(name, one) for name, one in said.items()}}
    return Reply.completion(dialect, text, **options)


def _meant(name: str, value: Any) -> Any:
    match name:
        case "tool_calls":
            return tuple(ToolCall(**one) for one in value)
        case "usage":
            return Usage(**value)
        case "error":
            shape = value.get("shape")
            return Failure(**{**value, "shape": None if shape is None else ErrorShape(shape)})
        case "others":
            return tuple(map(tuple, value))
    return value


def _events(given: dict[str, Any], dialect: Dialect) -> Reply:
    entries = given.pop("events")
    check_entries(entries)
    made: list[Piece | Stream] = list(pieces(with_role(entries), dialect))
    options = _sending(given, dialect)
    if options.pop("gzipped", False):  # whatever the client accepts; `encoding` asks it
        sent = Reply.stream(*made, dialect=dialect).answer(_ASKED).stream
        made = [gzipped(sent)]
        options["headers"] = {**options.get("headers", {}), "Content-Encoding": "gzip"}
    return Reply.stream(*made, dialect=dialect, **options)


def _blocks(given: dict[str, Any], dialect: Dialect) -> Reply:
    body, _ = written(given.pop("blocks"), dialect)
    return Reply.stream(body, dialect=dialect, **_sending(given, dialect))


def _many(given: dict[str, Any], dialect: Dialect) -> Reply:
    # Not as a stream, whose every event would be read before it is sent.
    body, kind = many.written(given["many"], dialect), {"Content-Type": dialect.frame.content_type}
    return Reply.respond(200, body=body, headers=kind)


def _plain(given: dict[str, Any], dialect: Dialect) -> Reply:
    gateway: Gateway = gateway_named(given.pop("gateway", "onerouter"))
    status = given.pop("status", 200)
    if (error := given.pop("error", None)) is not None:
        told = {"status": status, "message": error} if isinstance(error, str) else error
        given["json"] = dialect.error_document(gateway, told["status"], told["message"])
    return Reply.respond(status, **given)


def _sending(given: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    return {**given, "through": [made for one in given.get("through", ()) for made in _transforms(one, dialect)]}


def _transforms(one: Any, dialect: Dialect) -> Iterator[Transform]:
    """Yield the transform; one of ``{optional: …}`` only if the dialect's frame has a form for it."""
    if not (isinstance(one, Mapping) and "optional" in one):
        yield _transform(one, dialect)
        return
    made = _transform(one["optional"], dialect)
    with suppress(Inexpressible):
        made(Stream((), frame=dialect.frame))
        yield made


def _transform(one: Any, dialect: Dialect) -> Transform:
    """Return a transform of the document form, which may be said in a dialect's own events.

    An event may be a neutral one, a marker ``{end: true}``; and tokens may be counted instead of events: APIs differ in
    how many events come before the first token.
    """
    match one:
        case {"drop": {"end": True}}:
            return drop(dialect.is_end)
        case {"repeat": {"end": True}}:
            return repeat(dialect.is_end)
        case {"append": {"text": _} | {"end": _} as part}:
            return append(event_of(part, dialect))
        case {"hold": {"after_tokens": int(number)}}:
            return hold(dialect.lead + number)
        case {"hold": {"after_text": str(text)}}:
            return _hold_after(text)
        case {"stall": {"before_token": int(number), "seconds": seconds}}:
            return stall(dialect.lead + number, seconds)
        case {"truncate": {"at": {"after_tokens": int(number)}, "ending": ending}}:
            return truncate(after_event(dialect.lead + number), Ending(ending))
        case {"truncate": {"at": {"inside_token": int(number)}, "ending": ending}}:
            return truncate(inside_event(dialect.lead + number), Ending(ending))
    return from_json(one)


def _hold_after(text: str) -> Transform:
    """Hold the stream after the first event whose data contain the text."""

    def hold_after(stream: Stream) -> Stream:
        events = enumerate(stream.frame.events(stream.body), 1)
        number = next((number for number, (_, event) in events if text in event.data), None)
        if number is None:
            raise ScenarioError(f"hold: no event has the text {text!r}")
        return hold(number)(stream)

    return hold_after


_READERS = {"answer": _answer, "events": _events, "blocks": _blocks, "many": _many, "plain": _plain}
