"""The keys and values of a case document, checked before it is read: one sentence for the first that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orharness.errors import ScenarioError
from orharness.verdict import Level, did_you_mean, shorten

Check = Callable[[Any], bool]

_SHOWN = 60  # characters of a wrong value
_EXPECT = frozenset(["text", "error", "parts", "unsaid", "cancel", "due", "sent"])
_KEYS_OF = {
    "cancel": frozenset(["after", "silent", "inside_read", "stops"]),
    "pauses": frozenset(["each", "longest"]),
    "beside": frozenset(["reply", "expect", "side_by_side"]),
    "then": frozenset(["reply", "expect", "cancels"]),
    "control": frozenset(["reply", "expect", "cause"]),
}
_NEEDED_OF = dict.fromkeys(("beside", "then", "control"), ("reply", "expect"))


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


_CAUSE = (_or_none(_text), "a text")
_CASE: dict[str, tuple[Check, str]] = {
    "id": (lambda value: _text(value) and value != "", "a text, FAMILY/NAME"),
    "title": (_text, "a text"),
    "source": (_text, "a text: the address where the rule is written"),
    "level": (lambda value: value in list(Level), " or ".join(Level)),
    "reply": (_mapping, "a mapping"),
    "expect": (_mapping, "a mapping"),
    "also": (_list_of(_mapping), "a list of what may come instead, each as in expect"),
    "chunkings": (_list_of(_text), "a list of names"),
    "request": (_mapping, "a mapping"),
    "requests": (lambda value: value == "any" or _whole(1)(value), "a number from 1 up, or any"),
    "runs": (_whole(1), "a number from 1 up"),
    "patience": (_number, "a number greater than 0"),
    "plain": (_flag, "true or false"),
    "end_event": (_flag, "true or false"),
    "cause": _CAUSE,
    "broken_json": _CAUSE,
    "raises": _CAUSE,
    "again": (_mapping, "a mapping"),
    "beside": (_mapping, "a mapping"),
    "then": (_mapping, "a mapping"),
    "control": (_mapping, "a mapping"),
    "pauses": (_mapping, "a mapping"),
    "grows": (_list_of(_whole(1)), "a list of numbers of events"),
    "mistaken": (_list_of(_list_of(_mapping)), "a list of lists of parts"),
}
_OF_EXPECT: dict[str, tuple[Check, str]] = {
    "text": (_or_none(_text), "a text"),
    "error": (lambda value: _flag(value) or value == "allowed", "true, false or allowed"),
    "parts": (_list_of(_mapping), "a list of parts"),
    "unsaid": (_list_of(_text), "a list of kinds of parts"),
    "cancel": (_mapping, "a mapping"),
    "due": (_list_of(_text), "a list of texts"),
    "sent": (_flag, "true or false"),
}


def check_document(document: Mapping[str, Any]) -> None:
    """Raise ``ScenarioError`` for the first key or value of a case document that is wrong."""
    for name, (check, wanted) in _CASE.items():
        _check(document, name, check, wanted)
    for name, keys in _KEYS_OF.items():
        if name in document:
            _check_keys(document[name], keys, name, _NEEDED_OF.get(name, ()))
    if "then" in document and "cancel" not in document["expect"]:
        raise ScenarioError("then is the answer after a cancel, and expect has no cancel")
    further = [document[name] for name in _NEEDED_OF if name in document]
    for expect in (document["expect"], *document.get("also", ()), *(one["expect"] for one in further)):
        _check_expect(expect)


def _check_expect(expect: Any) -> None:
    if not isinstance(expect, Mapping):
        raise ScenarioError(f"expect is a mapping; not {_shown(expect)}")
    _check_keys(expect, _EXPECT, "expect")
    for name, (check, wanted) in _OF_EXPECT.items():
        _check(expect, name, check, wanted, " in expect")
    if "cancel" in expect:
        _check_keys(expect["cancel"], _KEYS_OF["cancel"], "cancel")


def _check(document: Mapping[str, Any], name: str, check: Check, wanted: str, where: str = "") -> None:
    if name in document and not check(document[name]):
        raise ScenarioError(f"{name}{where} is {wanted}; not {_shown(document[name])}")


def _check_keys(given: Mapping[str, Any], known: frozenset[str], name: str, needed: tuple[str, ...] = ()) -> None:
    if unknown := {str(one) for one in given} - known:
        words = f"{', '.join(sorted(unknown))}; it takes {', '.join(sorted(known))}"
        raise ScenarioError(f"{name} has no key {words}{did_you_mean(unknown, known)}")
    if missing := [one for one in needed if one not in given]:
        raise ScenarioError(f"{name} needs {missing[0]}")


def _shown(value: Any) -> str:
    return shorten(repr(value), _SHOWN)
