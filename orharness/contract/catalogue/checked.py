"""The keys and values of a case document, checked before it is read: one sentence for the first that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orharness.contract.catalogue.keys import EXPECT, REQUEST, WITHIN, Meanings
from orharness.errors import ScenarioError
from orharness.frames import FRAMES
from orharness.verdict import Level, did_you_mean, shorten

Check = Callable[[Any], bool]

_SHOWN = 60  # characters of a wrong value
_NEEDED_OF = {"beside": ("reply", "expect"), "then": ("reply", "expect"), "control": ("reply", "expect", "cause")}
_OF_THE_CASE = ("cancel", "due")  # keys of the case's own expect alone


def _whole(least: int) -> Check:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= least


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list | tuple) and all(map(check, value))


def _mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _mapping_of(keys: Meanings) -> tuple[Check, str]:
    return _mapping, f"a mapping of {', '.join(sorted(keys))}"


_CAUSE = (_or_none(_text), "a text")
_SWITCH = (_flag, "true or false")
_SECONDS = (lambda value: value == 0 or _number(value), "a number of seconds, 0 or more")
_CASE: dict[str, tuple[Check, str]] = {
    "id": (lambda value: _text(value) and value != "", "a text, FAMILY/NAME"),
    "title": (_text, "a text"),
    "source": (_text, "a text: the address where the rule is written"),
    "level": (lambda value: value in list(Level), " or ".join(Level)),
    "reply": (_mapping, "a mapping"),
    "expect": _mapping_of(EXPECT),
    "frame": (lambda value: _text(value) and value in FRAMES, f"one of {', '.join(FRAMES)}"),
    "also": (_list_of(_mapping), "a list of what may come instead, each as in expect"),
    "chunkings": (lambda value: _list_of(_text)(value) and len(value) > 0, "a list of names"),
    "request": _mapping_of(REQUEST),
    "requests": (lambda value: value == "any" or _whole(1)(value), "a number from 1 up, or any"),
    "runs": (_whole(1), "a number from 1 up"),
    "patience": (_number, "a number greater than 0"),
    "plain": _SWITCH,
    "end_event": _SWITCH,
    "cause": _CAUSE,
    "broken_json": _CAUSE,
    "raises": _CAUSE,
    "again": (_mapping, "a mapping"),
    "beside": _mapping_of(WITHIN["beside"]),
    "then": _mapping_of(WITHIN["then"]),
    "control": _mapping_of(WITHIN["control"]),
    "pauses": _mapping_of(WITHIN["pauses"]),
    "grows": (_list_of(_whole(1)), "a list of numbers of events"),
    "mistaken": (_list_of(_list_of(_mapping)), "a list of lists of parts"),
}
_OF_EXPECT: dict[str, tuple[Check, str]] = {
    "text": (_or_none(_text), "a text"),
    "error": (lambda value: _flag(value) or value == "allowed", "true, false or allowed"),
    "parts": (_list_of(_mapping), "a list of parts"),
    "unsaid": (_list_of(_text), "a list of kinds of parts"),
    "cancel": _mapping_of(WITHIN["cancel"]),
    "due": (_list_of(_text), "a list of texts"),
    "sent": _SWITCH,
}
_REQUEST: dict[str, tuple[Check, str]] = {
    "accept": (_text, "a media type"),
    "type": (lambda value: value in ("json", "named"), "json or named"),
    "key": (lambda value: value is True, "true"),
    "complete": (lambda value: value is True, "true"),
}
_OF_WITHIN: dict[str, dict[str, tuple[Check, str]]] = {
    "cancel": {
        "after": (_whole(0), "a number of pieces, 0 or more"),
        **dict.fromkeys(("silent", "inside_read", "stops"), _SWITCH),
    },
    "pauses": {"each": _SECONDS, "longest": _SECONDS},
    "beside": {"reply": (_mapping, "a mapping"), "side_by_side": _SWITCH},
    "then": {"reply": (_mapping, "a mapping"), "cancels": (_whole(1), "a number from 1 up")},
    "control": {"reply": (_mapping, "a mapping"), "cause": (_text, "a text")},
}


def check_document(document: Mapping[str, Any]) -> None:
    """Raise ``ScenarioError`` for the first key or value of a case document that is wrong."""
    for name, (check, wanted) in _CASE.items():
        _check(document, name, check, wanted)
    for name in WITHIN:
        if name in document:
            _check_within(document[name], name)
    for name, (check, wanted) in _REQUEST.items():
        _check(document.get("request", {}), name, check, wanted, " in request")
    if "then" in document and "cancel" not in document["expect"]:
        raise ScenarioError("then is the answer after a cancel, and expect has no cancel")
    further = [document[name] for name in _NEEDED_OF if name in document]
    _check_expect(document["expect"])
    for expect in (*document.get("also", ()), *(one["expect"] for one in further)):
        _check_expect(expect)
        if wrong := [name for name in _OF_THE_CASE if name in expect]:
            raise ScenarioError(f"{wrong[0]} is in the expect of the case alone, not in also, beside, then or control")


def _check_expect(expect: Any) -> None:
    if not isinstance(expect, Mapping):
        raise ScenarioError(f"expect is {_CASE['expect'][1]}; not {_shown(expect)}")
    _check_keys(expect, EXPECT, "expect")
    for name, (check, wanted) in _OF_EXPECT.items():
        _check(expect, name, check, wanted, " in expect")
    if "cancel" in expect:
        _check_within(expect["cancel"], "cancel")


def _check_within(given: Mapping[str, Any], name: str) -> None:
    _check_keys(given, WITHIN[name], name, _NEEDED_OF.get(name, ()))
    for key, (check, wanted) in _OF_WITHIN[name].items():
        _check(given, key, check, wanted, f" in {name}")


def _check(document: Mapping[str, Any], name: str, check: Check, wanted: str, where: str = "") -> None:
    if name in document and not check(document[name]):
        raise ScenarioError(f"{name}{where} is {wanted}; not {_shown(document[name])}")


def _check_keys(given: Mapping[str, Any], known: Meanings, name: str, needed: tuple[str, ...] = ()) -> None:
    if unknown := {str(one) for one in given} - set(known):
        words = f"{', '.join(sorted(unknown))}; it takes {', '.join(sorted(known))}"
        raise ScenarioError(f"{name} has no key {words}{did_you_mean(unknown, known)}")
    if missing := [one for one in needed if one not in given]:
        raise ScenarioError(f"{name} needs {missing[0]}")


def _shown(value: Any) -> str:
    return shorten(repr(value), _SHOWN)
