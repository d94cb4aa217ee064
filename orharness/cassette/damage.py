"""Detection of cassettes that have lost a part, or in which something was changed.

``version: 1`` is the last line that we and vcrpy write, so a file without it has lost its end. A total, in the first
interaction that has ``x-orharness``, reveals a missing interaction in a file that still has its end: it is missing
itself where that first one is. A checksum in each interaction of ours reveals a change, and one over the list of these,
beside the total, reveals another order or one interaction in place of another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from orharness.cassette.at import At
from orharness.cassette.foreign import as_vcrpy_takes_it
from orharness.cassette.keys import KEY

TOTAL = "interactions"  # below KEY, in the first interaction: the number of interactions in the file
OURS = "ours"  # beside TOTAL where other recorders' were written too: how many of them have KEY
ORDER = "order"  # beside TOTAL: the checksum of the checksums of ours, in their order
SEAL = "sha256"  # below KEY, in each interaction of ours: the checksum of its content
VERSION = 1  # the version of vcrpy's format
_SCENARIO = "orharness"  # the key of its version in a scenario document
KEYS = frozenset(["format", "head", "chunks", "framing", "ending", "recorded_at", "announced", "note", "timed"]) | {
    TOTAL,
    OURS,
    ORDER,
    SEAL,
}
_NOT_CONTENT = (TOTAL, OURS, ORDER, SEAL)
_SEAL_IT = "Restore the file or record it again; if it was edited on purpose, run `orharness cassette seal` on it"


def check_version(root: At) -> None:
    """Refuse a file that is not a cassette or has lost its end, and an unknown version."""
    if "version" not in root and "interactions" not in root and _SCENARIO in root:
        root[_SCENARIO].fail("this is a scenario document, not a cassette: play it with `orharness serve --scenario`")
    if "version" not in root:
        At("version", None).fail(
            "this key is missing: it is the last line of a cassette, so the end of this file is lost. Restore the file"
            " or record it again; if nothing else is missing, add the line `version: 1`"
        )
    if root["version"].value != VERSION:
        root["version"].fail(f"vcrpy's version {root['version'].value!r} is not known here")


def check_total(interactions: list[At]) -> None:
    """Refuse a file with fewer interactions than were written, or with another number of ours.

    More of others are allowed: vcrpy appends its own to ours.
    """
    ours = [response[KEY] for one in interactions if KEY in (response := one["response"])]
    totals = [one for one in ours if TOTAL in one]
    for first in totals:
        total = first[TOTAL]
        if total.integer(1) > len(interactions):
            total.fail(f"{total.value} interactions were written, but the file holds {len(interactions)}. {_SEAL_IT}")
        written = first[OURS if OURS in first else TOTAL]
        if written.integer(1) != len(ours):
            written.fail(
                f"{written.value} interactions with {KEY} were written, the file holds {len(ours)}. {_SEAL_IT}"
            )
    if not totals and any(SEAL in one for one in ours):  # older files have neither
        ours[0].fail(
            f"{TOTAL}, the number of interactions, is missing: the first of a file has it, so one before this is lost."
            f" {_SEAL_IT}"
        )


def check_seals(root: At, taken: list[dict[str, Any]]) -> int | None:
    """Return the index of the first interaction of ours that is not what was written; ``None``: there is none.

    ``taken``: the interactions in vcrpy's form. Raises ``CassetteError`` where a checksum is missing. One of another
    recorder has none, and neither has a file from before there were checksums.
    """
    _check_places(root)
    interactions = root["interactions"].items()
    for interaction in interactions:
        for place in (interaction, interaction["request"], interaction["response"]):
            _check_places(place)
    sealed = [_sealed_part(interaction["response"]) for interaction in interactions]
    any_sealed, wrong = any(ours is not None and SEAL in ours for ours in sealed), None
    for index, (ours, one) in enumerate(zip(sealed, taken, strict=True)):
        if ours is None:
            continue
        if SEAL not in ours and any_sealed:
            ours.fail(f"the checksum {SEAL} is missing, and others of this file have theirs. {_SEAL_IT}")
        if wrong is None and SEAL in ours and ours[SEAL].text() != digest(one):
            wrong = index
    return wrong


def check_order(root: At) -> None:
    """Refuse a file whose interactions of ours are not those that were written, or are in another order.

    A file from before there was a checksum of the order has none.
    """
    responses = [one["response"] for one in root["interactions"].items()]
    ours = [one[KEY] for one in responses if KEY in one]
    if not all(SEAL in one for one in ours):  # a file from before there were checksums
        return
    written = order_of(one[SEAL].text() for one in ours)
    for first in ours:
        if ORDER in first and first[ORDER].text() != written:
            first[ORDER].fail(
                f"the interactions are not those that were written, or they are in another order. {_SEAL_IT}"
            )


def order_of(seals: Iterable[str]) -> str:
    """Return the checksum of these checksums in their order, in a form that YAML does not take for a number."""
    return f"sha256-{hashlib.sha256(' '.join(seals).encode()).hexdigest()}"


def refuse_unsealed(index: int) -> NoReturn:
    """Raise ``CassetteError`` for the interaction with this index, which is not what was written."""
    At(f"interactions[{index}].response.{KEY}.{SEAL}", None).fail(
        f"this interaction is not what was recorded: something in it was changed or lost. {_SEAL_IT}"
    )


def _check_places(place: At) -> None:
    """Refuse what has a checksum and is not ``x-orharness`` in a response: its name or its place was damaged."""
    for name, value in place.mapping().items():
        if isinstance(value, dict) and SEAL in value and not (name == KEY and place.key.endswith(".response")):
            place[name].fail(f"this has a checksum, as only {KEY} in a response has. {_SEAL_IT}")


def _sealed_part(response: At) -> At | None:
    """Return what is under ``x-orharness``. Raises ``CassetteError`` if a name below it was damaged."""
    if KEY not in response:
        return None
    ours = response[KEY]
    unknown = sorted(map(str, ours.mapping().keys() - KEYS))
    if unknown and SEAL not in ours:  # a later version may write further keys, but not without a checksum
        ours.fail(f"the key {unknown[0]!r} is not known, and there is no checksum {SEAL}. {_SEAL_IT}")
    return ours


def digest(interaction: Mapping[str, Any]) -> str:
    """Return the checksum of an interaction in vcrpy's form. It covers values and not their layout in YAML."""
    try:
        return hashlib.sha256(digested_text(interaction).encode()).hexdigest()
    except (TypeError, ValueError):  # a key that is not text: no cassette has one
        return "none"


def digested_text(interaction: Mapping[str, Any]) -> str:
    """Return the text of which the checksum is made: JSON, in which a body is its own SHA-256.

    Raises ``TypeError`` or ``ValueError`` for what JSON cannot hold.
    """
    request, response = interaction["request"], interaction["response"]
    ours = response.get(KEY)
    content = {
        "request": {**{name: request[name] for name in ("method", "uri", "headers")}, "body": _hex(request["body"])},
        "response": {name: response[name] for name in ("status", "headers")},
        "body": _hex(response["body"]["string"]),
        "ours": {name: value for name, value in ours.items() if name not in _NOT_CONTENT},
    }
    return json.dumps(content, sort_keys=True, default=str)


def _hex(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def sealed(interactions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the interactions with a checksum in each that has ``x-orharness``, and the totals in the first of them."""
    found = [_sealed(one) for one in interactions]
    ours = [one["response"][KEY] for one in found if isinstance(one["response"].get(KEY), dict)]
    for first in ours[:1]:
        first[TOTAL] = len(found)
        if len(ours) != len(found):
            first[OURS] = len(ours)
        first[ORDER] = order_of(one[SEAL] for one in ours)
    return found


def _sealed(interaction: dict[str, Any]) -> dict[str, Any]:
    response = interaction["response"]
    if not isinstance(response.get(KEY), dict):
        return interaction
    ours = {name: value for name, value in response[KEY].items() if name not in _NOT_CONTENT}
    ours[SEAL] = digest(as_vcrpy_takes_it(At("", interaction)))
    return {**interaction, "response": {**response, KEY: ours}}
