"""Case documents: plain data, as a user would write them in YAML or JSON, read for one dialect.

::

    id: done/inside-content
    title: "`${end}` inside the text of an answer does not end it."    # ${end}: the dialect's end marker
    source: https://…                                                  # where the rule is written down
    reply: {events: [{text: "say ${end}"}, {text: " world"}, {finish: stop}, {end: true}]}     # see ``sending``
    expect: {text: "say ${end} world"}
    chunkings: [as-sent, per-byte]

What each key means is in ``keys``; what an edited key of a written-out case means is in ``resolved``. A cause is told
only after a trial has shown it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from orharness.contract.catalogue import many, resolved
from orharness.contract.catalogue.blocks import written
from orharness.contract.catalogue.case import Cancel, Case, Further, Pauses, Profile, end_data, end_of
from orharness.contract.catalogue.checked import check_document
from orharness.contract.catalogue.chunkings import CHUNKINGS, Chunking
from orharness.contract.catalogue.demands import wrong_request
from orharness.contract.catalogue.entries import check_entries
from orharness.contract.catalogue.keys import CASE, NEEDED, WRITTEN_OUT
from orharness.contract.catalogue.roles import with_role
from orharness.contract.catalogue.sending import reply_of
from orharness.contract.catalogue.templates import said_in
from orharness.dialects import Dialect
from orharness.errors import Inexpressible, ScenarioError
from orharness.frames import FRAMES
from orharness.parts import KINDS, Part, part_of
from orharness.scenario import Reply
from orharness.verdict import Expected, Level, did_you_mean

Json = Mapping[str, Any]
_LIMIT = "limit"
_KEYS = frozenset({*CASE, *WRITTEN_OUT})


def parse(document: Json, dialect: Dialect) -> Case:
    """Return the case of a document for a dialect.

    What it sends is made when it is first asked for; at once for a written-out case, whose keys must agree with it.

    Raises ``ScenarioError``, which names the case, for a key that is missing or unknown and for a wrong value.
    """
    name = document.get("id", "a case")
    try:
        resolved.check_version(document)  # first, as another version may have other keys
    except ScenarioError as error:
        raise ScenarioError(f"{name}: {error}") from None
    unknown = {str(key) for key in document} - _KEYS
    no_key = f"a case has no key {', '.join(sorted(unknown))}{did_you_mean(unknown, _KEYS)}"
    if missing := [key for key in NEEDED if key not in document]:
        raise ScenarioError(f"{name}: {missing[0]} is missing{f', and {no_key}' if unknown else ''}")
    if unknown:
        raise ScenarioError(f"{name}: {no_key}")
    try:
        check_document(document)
        case = _parsed(document, dialect)
    except (ScenarioError, ValueError, TypeError, KeyError) as error:
        raise ScenarioError(f"{name}: {error}") from error
    return resolved.obeyed(case, document)


def _parsed(document: Json, dialect: Dialect) -> Case:
    def said(key: str) -> str | None:
        return None if document.get(key) is None else _in_words(document[key], dialect)

    expect = document["expect"]
    return Case(
        document["id"],
        _in_words(document["title"], dialect),
        document.get("source", ""),
        dialect,
        _maker(document["reply"], document["id"], dialect),
        _expected(expect, document, dialect),
        tuple(_expected(one, document, dialect) for one in document.get("also", ())),
        Level(document.get("level", Level.MUST)),
        Profile.of(document.get("profile", Profile.GATEWAY)),
        tuple(map(_chunking, document.get("chunkings", ["as-sent"]))),
        Cancel(**expect["cancel"]) if "cancel" in expect else None,
        None if document.get("requests") == "any" else document.get("requests", 1),
        document.get("runs", 1),
        document.get("patience", 1.0),
        wrong_request(document.get("request", {}), dialect),
        said("cause"),
        said("broken_json"),
        said("raises"),
        document.get("plain", False),
        FRAMES[document["frame"]] if "frame" in document else None,
        document.get("end_event", False),
        _maker(document["again"], document["id"], dialect) if "again" in document else None,
        _in_limits(document),
        tuple(expect.get("due", ())),
        _further(document, "beside", dialect),
        _further(document, "then", dialect),
        _further(document, "control", dialect),
        Pauses(**document["pauses"]) if "pauses" in document else None,
        tuple((number, _of_many(number, document, dialect)) for number in document.get("grows", ())),
        tuple(tuple(map(_part, one)) for one in document.get("mistaken", ())),
        document,
    )


def _in_limits(document: Json) -> bool:
    unit = document.get("unit")
    if unit not in (None, _LIMIT):
        raise ScenarioError(f"unit is {_LIMIT}, or left out for seconds; not {unit!r}")
    return unit is not None


def _further(document: Json, key: str, dialect: Dialect) -> Further | None:
    if key not in document:
        return None
    given = dict(document[key])
    reply, expect = given.pop("reply"), given.pop("expect")
    if "cause" in given:
        given["cause"] = _in_words(given["cause"], dialect)
    return Further(_maker(reply, document["id"], dialect), _expected(expect, {"reply": reply}, dialect), **given)


def _of_many(number: int, document: Json, dialect: Dialect) -> Further:
    reply = {"many": {"events": number}}
    return Further(_maker(reply, document["id"], dialect), _expected({"sent": True}, {"reply": reply}, dialect))


def _maker(reply: Json, name: str, dialect: Dialect) -> Callable[[], Reply]:
    @cache
    def make() -> Reply:
        try:
            return reply_of(reply, dialect)
        except Inexpressible:
            raise
        except (ScenarioError, ValueError, TypeError, KeyError, AttributeError) as error:  # a value of another type
            where = name if isinstance(error, ScenarioError) else f"{name}: reply"
            raise ScenarioError(f"{where}: {error}") from error

    return make


def _in_words(sentence: str, dialect: Dialect) -> str:
    """Return a sentence with what is shown of the event that ends an answer."""
    return sentence.replace("${end}", end_of(dialect)) if "${" in sentence else sentence


def _with_end(text: str, dialect: Dialect) -> str:
    """Return a text with the whole data of the event that ends an answer, as a stream has them."""
    return text.replace("${end}", end_data(dialect)) if "${" in text else text


def _expected(given: Json, document: Json, dialect: Dialect) -> Expected:
    error = {False: False, True: True, "allowed": None}[given.get("error", False)]
    parts = tuple(_part(one) for one in given.get("parts", ()))
    return Expected(_text(given, document, dialect), error, parts, tuple(map(_kind, given.get("unsaid", ()))))


def _text(given: Json, document: Json, dialect: Dialect) -> str | None:
    if given.get("sent") and "many" in document["reply"]:
        return many.said(document["reply"]["many"])
    if given.get("sent") and "blocks" in document["reply"]:
        return written(document["reply"]["blocks"], dialect)[1]
    if given.get("sent"):
        if "events" not in document["reply"]:
            raise ScenarioError("sent in expect is about a reply of events, blocks or many; this one has none of them")
        check_entries(document["reply"]["events"])
        return said_in(with_role(document["reply"]["events"]), dialect)
    text = given.get("text")
    return None if text is None else _with_end(text, dialect)


def _kind(given: str) -> str:
    if given not in KINDS:
        raise ScenarioError(f"unsaid has kinds of parts, {', '.join(KINDS)}; not {given!r}")
    return given


def _part(given: Any) -> Part:
    part = part_of(given)
    if part is None:
        raise ScenarioError(f"a part has a type, one of {', '.join(KINDS)}, and its fields; not {given!r}")
    return part


def _chunking(name: str) -> Chunking:
    if name not in CHUNKINGS:
        known = f"a chunking is one of {', '.join(CHUNKINGS)}"
        raise ScenarioError(f"there is no chunking {name!r}{did_you_mean([name], CHUNKINGS)}; {known}")
    return CHUNKINGS[name]
