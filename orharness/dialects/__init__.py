"""The wire dialects of LLM services, each a value in ``DIALECTS``.

``completion`` holds the meaning of an answer before it is written, ``answer`` what a stream contained; both are the
same for all dialects. Each dialect has a folder of its own.
"""

from __future__ import annotations

from orharness.dialects.chat import CHAT
from orharness.dialects.dialect import DIALECTS, Asked, Carried, Dialect, Part, Refused, Written
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
