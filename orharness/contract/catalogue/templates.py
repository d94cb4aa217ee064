r"""Neutral events in a case document: what they are in one dialect.

An item of ``events`` is one of

================================== =====================================================================================
``{text: Hello}``                  the dialect's event that adds this text; also with ``finish`` and ``role`` beside it
                                   (see ``roles`` for the first one)
``{finish: stop}``                 why the model stopped; left out where the API says that in no event of its own
``{usage: {prompt_tokens: 3, …}}`` the token counts; left out likewise
``{end: true}``                    what ends the answer
``{data: …, event: …, id: …}``     any event; ``{comment: …}``, ``{retry: 3}``: as in every document
``{raw: "data: ${text:Hello}\n"}`` bytes as they are written; U+DC80 to U+DCFF stand for the bytes 80 to FF
``{base64: 4oKs}``                 bytes
================================== =====================================================================================

each with ``delay`` (seconds), ``cut`` (bytes that are missing at its end, at most half of it) and ``optional`` (left
out where the frame has no form for it). With ``fill: 1024`` beside it, a text is repeated until the event's line has
that many bytes. ``named_as: {text: ""}`` beside ``data``: with the name that this event has.

In ``raw`` and ``data``, ``${text:Hello}`` is the data of the event that adds the text, and ``${end}`` of what ends the
answer. After a bar come changes: ``|finish:stop`` and ``|role:assistant`` as above, ``|first`` and ``|rest`` (the JSON
up to its last member, and from there), ``|lines`` (as data lines of their own wherever JSON allows a line end),
``|verbatim`` (the text as it is inside the JSON string, without escapes), ``|cut:15`` (characters that are missing at
its end).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from orharness.dialects import Dialect, Part
from orharness.dialects.completion import Usage
from orharness.dialects.values import dumps
from orharness.errors import Inexpressible, ScenarioError
from orharness.sse import Event
from orharness.verdict import did_you_mean

Json = Mapping[str, Any]
PLACEHOLDER = re.compile(r"\$\{(?P<what>end|text:(?P<text>[^|}]*))(?P<changes>(?:\|[a-z]+(?::[^|}]*)?)*)\}")
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},]')
_MARK = "the text"
_SAID = ("finish", "role")
_CHANGES = ("finish", "role", "first", "rest", "lines", "verbatim", "cut")


def filled(template: str, dialect: Dialect) -> str:
    """Return the template with the data of the dialect's events in the place of its placeholders."""
    return PLACEHOLDER.sub(lambda match: _data(match, dialect), template) if "${" in template else template


def said_in(items: list[Json], dialect: Dialect) -> str:
    """Return the texts of all items, joined."""
    return "".join(text_of(item, dialect) for item in items if "text" in item)


def event_of(item: Json, dialect: Dialect) -> Event:
    """Return the dialect's event for a neutral one. Raises ``Inexpressible`` where the API has none."""
    event = event_or_none(item, dialect)
    if event is None:
        raise Inexpressible(f"the dialect {dialect.name} has no event that says {', '.join(item)}")
    return event


def event_or_none(item: Json, dialect: Dialect) -> Event | None:
    """Return the dialect's event for a neutral one, ``None`` where the API has none."""
    told = {**item, "usage": Usage(**item["usage"])} if "usage" in item else dict(item)
    if "text" in told:
        told["text"] = text_of(told, dialect)
        told.pop("fill", None)
    return dialect.event_of(Part(**told))


def text_of(item: Json, dialect: Dialect) -> str:
    """Return the text that a neutral event adds."""
    text = filled(str(item["text"]), dialect)
    if "fill" not in item:
        return text
    role = {"role": item["role"]} if "role" in item else {}
    empty = dialect.frame.encode(event_of({"text": "", **role}, dialect)).partition(b"\n")[0]
    times, over = divmod(int(item["fill"]) - len(empty), len(text))
    return text * times + text[:over]


def _data(match: re.Match[str], dialect: Dialect) -> str:
    item = said_by(match)
    changes = {name: value for name, value in _changes_in(match).items() if name not in _SAID}
    if changes.pop("verbatim", None) is None:
        data = event_of(item, dialect).data
    else:
        data = event_of({**item, "text": _MARK}, dialect).data.replace(dumps(_MARK)[1:-1], match["text"])
    for name, value in changes.items():
        data = _changed(data, name, value)
    return data


def said_by(match: re.Match[str]) -> dict[str, Any]:
    """Return the neutral event that a placeholder stands for."""
    item: dict[str, Any] = {"end": True} if match["what"] == "end" else {"text": match["text"]}
    return item | {name: value for name, value in _changes_in(match).items() if name in _SAID}


def _changes_in(match: re.Match[str]) -> dict[str, str]:
    return dict(_change(one) for one in match["changes"].split("|")[1:])


def _change(text: str) -> tuple[str, str]:
    name, _, value = text.partition(":")
    return name, value


def _changed(data: str, name: str, value: str) -> str:
    match name:
        case "first":
            return data[: _last_member(data)]
        case "rest":
            return data[_last_member(data) :]
        case "lines":
            return "\ndata: ".join(data.replace(",", ",\n").replace("{", "{\n").split("\n"))
        case "cut":
            return data[: -int(value)]
    raise ScenarioError(f"a placeholder has no change {name!r}{did_you_mean([name], _CHANGES)}")


def _last_member(data: str) -> int:
    """Return where the last member of a JSON object begins: a line end there changes nothing."""
    depth = start = 0
    for match in _TOKENS.finditer(data):
        token = match.group()
        depth += (token in "{[") - (token in "}]")
        if depth == 1 and token in "{,":
            start = match.end()
    return start
