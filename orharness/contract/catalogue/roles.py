"""The role of the first event that adds a text: every recorded chat completion says there who speaks.

Only the chat dialect's events show it: the others say it in the events around a text, or in each one. So a document
leaves it out, and it is put in here. An event that is about its role says so: ``{text: Hello, role: null}`` is sent
without one. Data that are written out as JSON are sent as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from orharness.contract.catalogue.templates import PLACEHOLDER, said_by

Json = Mapping[str, Any]
ROLE = "assistant"
_DATA_LINE = re.compile(r"(?:\A\ufeff?|(?<=[\r\n]))data:(?:\$\{[^}]*\}|[^\r\n])*")
_END_OF_BLOCK = re.compile(r"(?:\r\n|\r(?!\n)|\n){2}")


def with_role(items: Sequence[Json]) -> list[Json]:
    """Return the items of a stream with the role in the first one that adds a text, if it says none itself."""
    for number, item in enumerate(items):
        changed = _opened(item)
        if changed is not None:
            return [*items[:number], changed, *items[number + 1 :]]
    return list(items)


def _opened(item: Json) -> Json | None:
    """Return an item with the role, ``None`` for one that adds no text."""
    if "text" in item:
        return item if "role" in item else {**item, "role": ROLE}
    if "raw" in item:
        raw = _raw(str(item["raw"]))
        return None if raw is None else {**item, "raw": raw}
    found = PLACEHOLDER.match(str(item.get("data", "")))
    if found is None or "text" not in said_by(found):
        return None
    return {**item, "data": _in_texts(item["data"])}


def _raw(template: str) -> str | None:
    """Return bytes with the role in the data lines of the first event that adds a text, ``None`` if none does."""
    first = next((line for line in _DATA_LINE.finditer(template) if _adds_text(line[0])), None)
    if first is None:
        return None
    end = _END_OF_BLOCK.search(template, first.end())
    block = slice(first.start(), len(template) if end is None else end.start())
    changed = _DATA_LINE.sub(lambda line: _in_texts(line[0]), template[block])
    return template[: block.start] + changed + template[block.stop :]


def _adds_text(data: str) -> bool:
    return any("text" in said_by(found) for found in PLACEHOLDER.finditer(data))


def _in_texts(data: str) -> str:
    return PLACEHOLDER.sub(_in_placeholder, data)


def _in_placeholder(found: re.Match[str]) -> str:
    said = said_by(found)
    return found[0] if "text" not in said or "role" in said else f"{found[0][:-1]}|role:{ROLE}}}"
