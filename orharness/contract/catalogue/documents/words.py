"""What the documents share: sources and texts.

``WHATWG`` is the event-stream format of the HTML standard, ``CHAT`` the streamed chat completions of OpenAI's
reference, ``GATEWAY`` what OneRouter and services like it document and were recorded to send.
"""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]

WHATWG = "https://html.spec.whatwg.org/multipage/server-sent-events.html"
PARSING_RULES = f"{WHATWG}#event-stream-interpretation"
CHAT = "https://platform.openai.com/docs/api-reference/chat-streaming"
GATEWAY = "https://docs.onerouter.pro"
WPT = "https://github.com/web-platform-tests/wpt/blob/master/eventsource"
LAUNCHDARKLY = "https://github.com/launchdarkly/sse-contract-tests/blob/main/ssetests"
PARSER = "https://github.com/rexxars/eventsource-parser/blob/main/test/parse.test.ts"

TEXT = "Grüße, 世界 🙂!"
PLAIN = "Hello, world!"  # where the reading of bytes is not the claim, a client that only reads badly must not fail
GZIP_UNREAD = "it asks for gzip and cannot read it"
END_IN_A_COMMENT = (
    "`${end}` in a comment is not passed over: a line that begins with a colon says nothing, whatever is in it"
)
NOT_THE_END = "(end)"  # what stands in a control where its case has what looks like the end
KEEP_ALIVE = ": ONEROUTER PROCESSING"

HELLO_WORLD: list[Document] = [{"text": "Hello"}, {"text": " world"}, {"finish": "stop"}]
ANSWER: list[Document] = [*HELLO_WORLD, {"end": True}]
""" "Hello world", event by event."""

PLAIN_ANSWER: list[Document] = [
    {"text": "Hello", "role": "assistant"},
    {"text": ", world", "role": "assistant"},
    {"text": "!", "role": "assistant"},
    {"text": "", "role": "assistant", "finish": "stop"},
    {"end": True},
]
"""``PLAIN`` with nothing to stumble over: ASCII, a role and a text in each event, no blank at an end of a token."""


def may_fail(text: str) -> Document:
    """The client yields this text, and may show an error."""
    return {"text": text, "error": "allowed"}


def fails(text: str) -> Document:
    """The client yields this text, and shows an error."""
    return {"text": text, "error": True}
