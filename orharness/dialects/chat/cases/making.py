"""Helpers for the documents of the chat dialect's own cases: they return plain data, as a user would write it.

``CHAT`` is the streamed chat completions of OpenAI's reference, ``GATEWAY`` what OneRouter and similar services
document and were recorded to send.
"""

from __future__ import annotations

import re
from typing import Any

from orharness.dialects.chat.parts import chunk

Document = dict[str, Any]
CHAT = "https://platform.openai.com/docs/api-reference/chat-streaming"
GATEWAY = "https://docs.onerouter.pro"
OPENROUTER = "https://openrouter.ai/docs/api-reference/streaming"
PARSING_RULES = "https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation"
PLAIN = "Hello, world!"
_SENDING = ("gateway", "provider")
_ROLE = '"role":"assistant"'
_DELTA = re.compile(r'"index":(?P<index>\d+),"delta":\{(?P<said>"role"|"|\})')


def event(data: str) -> Document:
    """Return an event with this data."""
    return {"data": data}


def delta(content: str | None, **fields: Any) -> Document:
    """Return an event that adds this content."""
    return event(chunk({"content": content}, **fields))


def finish(reason: str = "stop") -> Document:
    """Return the event with the reason why the model stopped."""
    return event(chunk({}, reason))


def stream(*pieces: Document | str, **sending: Any) -> Document:
    """Return a reply of these events; a ``str`` is the data of an event. Each choice begins with its role."""
    begun: set[str] = set()
    events = (event(one) if isinstance(one, str) else one for one in pieces)
    return {"events": [_with_roles(one, begun) for one in events], **sending}


def _with_roles(item: Document, begun: set[str]) -> Document:
    """Return an event with the role in the first delta of each choice, as every recording has it.

    ``begun`` are the indices of the choices so far. A delta that begins with a role keeps that one.
    """

    def first(match: re.Match[str]) -> str:
        opening, index, said = match[0], match["index"], match["said"]
        if index in begun:
            return opening
        begun.add(index)
        return opening if said == '"role"' else f"{opening.removesuffix(said)}{_ROLE}{',' * (said != '}')}{said}"

    return {**item, "data": _DELTA.sub(first, item["data"])} if "data" in item else item


def chat(text: str | list[str], **options: Any) -> Document:
    """Return a completion as a gateway sends it."""
    sending = {name: options.pop(name) for name in _SENDING if name in options}
    return {"answer": {"text": text, **options}, **sending}


def yields(text: str) -> Document:
    """The client yields this text, and shows no error."""
    return {"text": text}


def fails(text: str) -> Document:
    """The client yields this text, and shows an error."""
    return {"text": text, "error": True}


def may_fail(text: str) -> Document:
    """The client yields this text, and may show an error."""
    return {"text": text, "error": "allowed"}


def case(name: str, title: str, source: str, reply: Document, expect: Document, **more: Any) -> Document:
    """Return a case of the family chat."""
    return {"id": f"chat/{name}", "title": title, "source": source, "reply": reply, "expect": expect, **more}


def said(*events: Document, **sending: Any) -> Document:
    """Return events, each a delta or a whole event, followed by the finish and ``[DONE]``."""
    pieces = (one if set(one) in ({"data"}, {"text"}) else event(chunk(one)) for one in events)
    return stream(*pieces, finish(), "[DONE]", **sending)
