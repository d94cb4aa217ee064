"""Which headers authenticate: the one list, for whatever is written down or shown."""

from __future__ import annotations

import re

_SECRET_HEADER = re.compile(
    r"authorization$|^(?:set-)?cookie2?$|api-?key|subscription-key|(?:secret|password|token)$"
    r"|(?:^|-)(?<!idempotency-)(?<!cache-)(?<!surrogate-)(?<!websocket-)key$",
    re.I,
)


def is_secret(name: str) -> bool:
    """Whether a header of this name authenticates: authorization, cookies, ``*-key``, ``*-token`` and the like."""
    return _SECRET_HEADER.search(name) is not None
