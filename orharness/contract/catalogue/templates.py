r"""Neutral events in a case document: what they are in one dialect.

An item of ``events`` is one of

================================== =====================================================================================
``{text: Hello}``                  the dialect's event that adds this text; also with ``finish`` and ``role`` beside it
``{finish: stop}``                 why the model stopped; left out where the API says that in no event of its own
``{usage: {prompt_tokens: 3, …}}`` the token counts; left out likewise
``{end: true}``                    what ends the answer
``{data: …, event: …, id: …}``     any event; ``{comment: …}``, ``{retry: 3}``: as in every document
``{raw: "data: ${text:Hello}\n"}`` bytes as they are written; U+DC80 to U+DCFF stand for the bytes 80 to FF
``{base64: 4oKs}``                 bytes
================================== =====================================================================================

each with ``delay`` (seconds), ``cut`` (bytes that are missing at its end, at most half of it) and ``optional`` (left
out where the frame has no form for it). With ``fill: 1024`` beside it, a text is repeated until the event's line has
that many bytes.

In ``raw`` and ``data``, ``${text:Hello}`` is the data of the event that adds the text, and ``${end}`` of what ends the
answer. After a bar come changes: ``|finish:stop`` and ``|role:assistant`` as above, ``|first`` and ``|rest`` (the JSON
up to its last member, and from there), ``|lines`` (as data lines of their own wherever JSON allows a line end),
``|verbatim`` (the text as it is inside the JSON string, without escapes), ``|cut:15`` (characters that are missing at
its end).

In an API that gives its events names (Messages, Responses) an event with such data has its name: in ``raw`` as a line
before the data, or instead of ``message`` in a line ``event: message``. Any other name is kept.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any

from orharness.dialects import Dialect, Part
from orharness.dialects.completion import Usage
from orharness.dialects.values import dumps
from orharness.errors import Inexpressible, ScenarioError
from orharness.scenario import Piece
from orharness.sse import Comment, Event, Item, Retry
from orharness.stream import Chunk
from orharness.transforms import item_from_json
from orharness.verdict import did_you_mean

Json = Mapping[str, Any]
_PARTS = {"text", "finish", "role", "usage", "end"}
_PLACEHOLDER = re.compile(r"\$\{(?P<what>end|text:(?P<text>[^|}]*))(?P<changes>(?:\|[a-z]+(?::[^|}]*)?)*)\}")
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},]')
_LINE = re.compile(r"(?P<text>(?:\$\{[^}]*\}|[^\r\n])*)(?P<end>\r\n|\r|\n|(?<=[^\r\n])\Z)")
_DATA = re.compile(r"data:\s*\$\{(?:end|text:)")
_NAME = re.compile(r"event(?:: ?(?P<name>.*))?")
_BOM, _LF = "\ufeff", "\n"
_MARK = "the text"
_SAID = ("finish", "role")
_CHANGES = ("finish", "role", "first", "rest", "lines", "verbatim", "cut")


def filled(template: str, dialect: Dialect) -> str:
    """Return the template with the data of the dialect's events in the place of its placeholders."""
    return _PLACEHOLDER.sub(lambda match: _data(match, dialect), template) if "${" in template else template


def named(template: str, dialect: Dialect) -> str:
    """Return bytes of an event stream, as ``raw`` has them, with the names that the dialect's events have.

    Raises ``Inexpressible`` for an event whose name the template leaves empty, in an API that names it.
    """
    blocks: list[list[re.Match[str]]] = [[]]
    marked = template.startswith(_BOM)  # a byte order mark anywhere else belongs to the name of the field
    for line in _LINE.finditer(template, len(_BOM) if marked else 0):
        blocks[-1].append(line)
        if not line["text"]:
            blocks.append([])
    return _BOM * marked + "".join(text for block in blocks for text in _named_block(block, dialect))


def _named_block(lines: list[re.Match[str]], dialect: Dialect) -> Iterator[str]:
    """Yield the lines of one event, one of them with the event's name if the dialect gives it one."""
    carries = next((line for line in lines if _DATA.match(line["text"])), None)
    name = "message" if carries is None else _name_of(carries["text"], dialect)
    said = [found["name"] or "" for line in lines if (found := _NAME.fullmatch(line["text"]))]
    if name != "message" and "" in said:
        raise Inexpressible(f"each event of {dialect.name} has a name, and this is about one whose name is empty")
    for line in lines:
        text, end = line["text"], line["end"]
        if name == "message":
            yield text + end
        elif (found := _NAME.fullmatch(text)) and found["name"] == "message":
            yield text.removesuffix("message") + name + end
        elif line is carries and not said:
            yield f"event: {name}{end or _LF}{text}{end}"
        else:
            yield text + end


def _name_of(text: str, dialect: Dialect) -> str:
    """Return the name of the event whose data the first placeholder stands for."""
    found = _PLACEHOLDER.search(text)
    assert found is not None
    event = dialect.event_of(Part(**_said_by(found)))
    return "message" if event is None else event.type


def pieces(items: list[Json], dialect: Dialect) -> list[Piece]:
    """Return the items as the dialect writes them. Raises ``Inexpressible`` for what it has no form for."""
    return [piece for item in items for piece in _pieces(item, dialect)]


def said_in(items: list[Json], dialect: Dialect) -> str:
    """Return the texts of all items, joined."""
    return "".join(_text_of(item, dialect) for item in items if "text" in item)


def event_of(item: Json, dialect: Dialect) -> Event:
    """Return the dialect's event for a neutral one. Raises ``Inexpressible`` where the API has none."""
    event = _event_of(item, dialect)
    if event is None:
        raise Inexpressible(f"the dialect {dialect.name} has no event that says {', '.join(item)}")
    return event


def _event_of(item: Json, dialect: Dialect) -> Event | None:
    told = {**item, "usage": Usage(**item["usage"])} if "usage" in item else dict(item)
    if "text" in told:
        told["text"] = _text_of(told, dialect)
        told.pop("fill", None)
    return dialect.event_of(Part(**told))


def _text_of(item: Json, dialect: Dialect) -> str:
    text = filled(str(item["text"]), dialect)
    if "fill" not in item:
        return text
    empty = dialect.frame.encode(event_of({"text": ""}, dialect)).partition(b"\n")[0]
    times, over = divmod(int(item["fill"]) - len(empty), len(text))
    return text * times + text[:over]


def _pieces(item: Json, dialect: Dialect) -> Iterator[Piece]:
    given = dict(item)
    delay, missing = given.pop("delay", None), given.pop("cut", 0)
    optional = given.pop("optional", False)
    made = _item(given, dialect)
    if optional and isinstance(made, Event | Comment | Retry) and dialect.frame.lacks(made):
        return
    if made is None:
        return
    if delay is None and not missing:
        yield made
        return
    data = made if isinstance(made, bytes) else dialect.frame.encode(made)
    kept = data[: len(data) - min(missing, len(data) // 2)]
    yield kept if delay is None else Chunk(kept, delay)


def _item(given: dict[str, Any], dialect: Dialect) -> Item | bytes | None:
    match given:
        case {"raw": str(template)} if len(given) == 1:
            return filled(named(template, dialect), dialect).encode("utf-8", "surrogateescape")
        case {"base64": str(data)} if len(given) == 1:
            return b64decode(data, validate=True)
        case {"finish": _} | {"usage": _} if len(given) == 1:
            return _event_of(given, dialect)
        case {"text": _} | {"end": _} if set(given) <= _PARTS | {"fill"}:
            return event_of(given, dialect)
    if "event" not in given and _PLACEHOLDER.match(data := str(given.get("data", ""))):
        given = {"event": _name_of(data, dialect), **given}
    return item_from_json({key: filled(one, dialect) if isinstance(one, str) else one for key, one in given.items()})


def _data(match: re.Match[str], dialect: Dialect) -> str:
    item = _said_by(match)
    changes = {name: value for name, value in _changes_in(match).items() if name not in _SAID}
    if changes.pop("verbatim", None) is None:
        data = event_of(item, dialect).data
    else:
        data = event_of({**item, "text": _MARK}, dialect).data.replace(dumps(_MARK)[1:-1], match["text"])
    for name, value in changes.items():
        data = _changed(data, name, value)
    return data


def _said_by(match: re.Match[str]) -> dict[str, Any]:
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
