"""The arguments of transforms: shown in Python's form, and written to documents."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from enum import Enum
from math import isfinite
from typing import Any, Protocol, runtime_checkable

from orharness.errors import ScenarioError
from orharness.sse import Comment, Event, Item, Retry


@runtime_checkable
class HasDocumentForm(Protocol):
    """A value with its own document form, such as a position."""

    def to_json(self) -> Any: ...


def shown(value: object) -> str:
    """Return a value as it is written in Python; a function is shown by its name."""
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    text = repr(value)
    # Python shows a function's address, which differs between runs.
    return str(getattr(value, "__name__", type(value).__name__)) if text.startswith("<") else text


def arguments(*args: object, **kwargs: object) -> str:
    """Return the arguments of a call as Python source."""
    return ", ".join([*map(shown, args), *(f"{name}={shown(value)}" for name, value in kwargs.items())])


def to_json(what: str, value: object) -> Any:
    """Return the document form of an argument; ``what`` is the name of its transform.

    Raises ``ScenarioError`` for what a document cannot express, above all a function.
    """
    match value:
        case Enum():
            return to_json(what, value.value)
        case None | bool() | int() | str():
            return value
        case float() if isfinite(value):
            return value
        case Event() | Comment() | Retry():
            return item_to_json(value)
        case bytes():
            return {"base64": b64encode(value).decode()}
        case list() | tuple():
            return [to_json(what, one) for one in value]
        case Mapping() if all(isinstance(name, str) for name in value):
            return {name: to_json(what, one) for name, one in value.items()}
        case HasDocumentForm() if not isinstance(value, type):
            return value.to_json()
    kind = "the function " if callable(value) else ""
    raise ScenarioError(f"{what}: {kind}{shown(value)} cannot be written to a document: it works in Python only")


def item_to_json(item: Item) -> dict[str, Any]:
    """Return the document form of an event, comment or retry: ``{data:, event:, id:}``, ``{comment:}``, ``{retry:}``.

    ``retry`` is in seconds. An event of type ``message`` has no ``event``, and one without an ID no ``id``.
    """
    match item:
        case Comment(text):
            return {"comment": text}
        case Retry(seconds):
            return {"retry": seconds}
        case Event(type_, data, last_event_id):
            named = {} if type_ == "message" else {"event": type_}
            return {"data": data, **named, **({"id": last_event_id} if last_event_id else {})}
