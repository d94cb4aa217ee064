"""A request as it was read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from orharness.lazy import Deferred

if TYPE_CHECKING:
    import orharness.redaction as redaction
else:
    redaction = Deferred("orharness.redaction")  # for journals: a first request does not wait for its import

_UNREAD = object()


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it was read."""

    method: str
    """As sent."""
    path: str
    """Without the query."""
    headers: tuple[tuple[str, str], ...] = ()
    """Names and values as sent, in order."""
    body: bytes = b""
    """The whole body."""
    query: str = ""
    """What follows the path's question mark, as sent."""
    _json: Any = field(default=_UNREAD, init=False, repr=False, compare=False)

    def header(self, name: str) -> str | None:
        """Return the first header of that name; case does not matter."""
        wanted = name.lower()
        for key, value in self.headers:
            if key.lower() == wanted:
                return value
        return None

    @property
    def parameters(self) -> dict[str, str]:
        """The query's parameters; of a repeated one, the last."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def json(self) -> Any:
        """The body parsed as JSON, ``None`` if it is not JSON. The value is cached, see ``forget_json``."""
        if self._json is _UNREAD:
            try:
                object.__setattr__(self, "_json", json.loads(self.body))
            except (ValueError, RecursionError):  # RecursionError: brackets are nested too deeply
                object.__setattr__(self, "_json", None)
        return self._json

    def with_body(self, body: bytes) -> Request:
        """Return the request with its body, once that has been read."""
        return Request(self.method, self.path, self.headers, body, self.query)

    def forget_json(self) -> None:
        """Drop the cached value of ``json``: Python objects take several times the memory of the body's bytes."""
        object.__setattr__(self, "_json", _UNREAD)

    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are shown as U+FFFD."""
        return self.body.decode("utf-8", "replace")

    def to_json(self) -> dict[str, Any]:
        """Return the journal's form, without credentials."""
        hidden = ((name, "[hidden]" if redaction.is_secret(name) else value) for name, value in self.headers)
        return {"method": self.method, "path": self.path, "headers": dict(hidden), "body": self.text}
