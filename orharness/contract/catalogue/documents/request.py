"""request: what a client sends. That it asks for a stream is judged in every case."""

from __future__ import annotations

from typing import Any

from orharness.contract.catalogue.documents.words import PLAIN, Document

_AUTHENTICATION = "https://platform.openai.com/docs/api-reference/authentication"
_TYPE = "https://www.rfc-editor.org/rfc/rfc9110#section-8.3"
_CREATE = "https://platform.openai.com/docs/api-reference/chat/create"


def _case(name: str, title: str, source: str, demanded: Document, **more: Any) -> Document:
    return {
        "id": f"request/{name}",
        "title": title,
        "source": source,
        "reply": {"answer": {"text": PLAIN}},
        "expect": {"text": PLAIN},
        "request": demanded,
        **more,
    }


CASES: tuple[Document, ...] = (
    _case(
        "complete",
        "The request has all that the API requires, a model and a question of the user among it.",
        _CREATE,
        {"complete": True},
    ),
    _case("key", "The request carries an API key, and not an empty one.", _AUTHENTICATION, {"key": True}),
    _case(
        "content-type",
        "The content type of the request is that of JSON, where one is named.",
        _CREATE,
        {"type": "json"},
    ),
    _case(
        "content-type-named",
        "The request names the type of its body.",
        _TYPE,
        {"type": "named"},
        level="SHOULD",
    ),
)
