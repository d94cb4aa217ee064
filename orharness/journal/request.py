"""A request as it was read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from orharness.redaction import is_secret


@dataclass(frozen=True)
class Request:
    """One request as it was read: the path without its query, header names and query as sent, the whole body."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    query: str = ""

    def header(self, name: str) -> str | None:
        """The first header of that name, without regard to case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The query's parameters; of a repeated one, the last."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @cached_property
    def json(self) -> Any:
        """The body read as JSON, ``None`` where it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):  # the latter from brackets that are nested too deeply to be read
            return None

    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are shown as U+FFFD."""
        return self.body.decode("utf-8", "replace")

    def to_json(self) -> dict[str, Any]:
        """For the journal, without what authenticates."""
        hidden = ((name, "[hidden]" if is_secret(name) else value) for name, value in self.headers)
        return {"method": self.method, "path": self.path, "headers": dict(hidden), "body": self.text}
