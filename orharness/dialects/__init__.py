"""The wire dialects of LLM services, each a value in ``DIALECTS``.

``completion`` holds the meaning of an answer before it is written, ``answer`` what a stream contained; both are the
same for all dialects. Each dialect has a folder of its own, which is imported when the dialect is first asked for: a
server that answers one API does not wait for the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orharness.dialects.dialect import Asked, Carried, Dialect, Part, Refused, Written
from orharness.dialects.known import DIALECTS
from orharness.lazy import lazy_names

if TYPE_CHECKING:
    from orharness.dialects.chat import CHAT
    from orharness.dialects.gemini import GEMINI
    from orharness.dialects.messages import MESSAGES
    from orharness.dialects.ollama import OLLAMA
    from orharness.dialects.responses import RESPONSES

__all__ = [
    "CHAT",
    "DIALECTS",
    "GEMINI",
    "MESSAGES",
    "OLLAMA",
    "RESPONSES",
    "Asked",
    "Carried",
    "Dialect",
    "Part",
    "Refused",
    "Written",
]

_OURS = ("chat", "gemini", "messages", "ollama", "responses")
for _name in _OURS:
    DIALECTS.register_later(_name, f"{__name__}.{_name}")
__getattr__, _ = lazy_names(__name__, {name: name.upper() for name in _OURS})
