"""The errors of Anthropic Messages: a word for each HTTP status, and the document.

Sources: https://docs.claude.com/en/api/errors; the Python SDK's ``types/shared`` (anthropic 2.14.0).
"""

from __future__ import annotations

from orharness.dialects.completion import digest
from orharness.dialects.values import Json
from orharness.gateways import Gateway

_WORDS = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def word_of(code: int | str) -> str:
    """Return an error's type: the API's word for an HTTP status; a word is returned unchanged."""
    if isinstance(code, str):
        return code
    return _WORDS.get(code, "api_error" if code >= 500 else "invalid_request_error")


def error_document(gateway: Gateway, status: int, message: str) -> Json:
    """Return the body of an answer with an HTTP error status; it is the same at every gateway."""
    return document_of(word_of(status), message)


def document_of(word: str, message: str) -> Json:
    """Return an error document, which is also the data of an error event."""
    error = {"type": word, "message": message}
    return {"type": "error", "error": error, "request_id": f"req_{digest(word, message)}"}
