"""chat: what stands in the chunks of a chat completion."""

from __future__ import annotations

from orharness.contract.case import Case
from orharness.contract.cases.making import CHAT, PARSING_RULES, chunk, delta, stream, yields
from orharness.sse import Event

_USAGE = Event(data=chunk(None, usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}))
_SEPARATORS = "one\u2028two\u0085three\u2029four"

CASES: tuple[Case, ...] = (
    Case(
        "chat/role-and-null-content",
        "A first chunk with only a role and null as content.",
        CHAT,
        stream(Event(data=chunk({"role": "assistant", "content": None})), delta("Hello"), delta(" world"), "[DONE]"),
        yields("Hello world"),
    ),
    Case(
        "chat/usage-without-choices",
        "A usage chunk with an empty list of choices.",
        CHAT,
        stream(delta("Hello"), delta(" world"), _USAGE, "[DONE]"),
        yields("Hello world"),
    ),
    Case(
        "chat/unicode-line-separators",
        "U+2028, U+2029 and U+0085 inside the data: they end no line.",
        PARSING_RULES,
        stream(delta(_SEPARATORS), "[DONE]"),
        yields(_SEPARATORS),
        broken_json=(
            "a line is ended at U+2028, U+2029 or U+0085, as str.splitlines, httpx's iter_lines and aiter_lines do:"
            " only CR, LF and CRLF end a line"
        ),
    ),
)
