"""The errors of the Gemini API: a status word for each HTTP status, and the document.

Sources: https://ai.google.dev/gemini-api/docs/troubleshooting; ``google/rpc/code.proto`` in
https://github.com/googleapis/googleapis, for the HTTP status of each word.
"""

from __future__ import annotations

from orharness.dialects.values import Json
from orharness.gateways import Gateway

_WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_CODES = {word: code for code, word in _WORDS.items()} | {
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "ALREADY_EXISTS": 409,
    "DATA_LOSS": 500,
    "UNKNOWN": 500,
}
_OTHER = 500  # the code sent with a word that the API does not have


def word_of(code: int | str) -> str:
    """Return an error's status word: the API's word for an HTTP status; a word is returned unchanged."""
    if isinstance(code, str):
        return code
    return _WORDS.get(code, "UNKNOWN" if code >= 500 else "INVALID_ARGUMENT")


def code_of(code: int | str) -> int:
    """Return an error's number, which is an HTTP status; for a word, the API's own."""
    return code if isinstance(code, int) else _CODES.get(code, _OTHER)


def error_document(gateway: Gateway, status: int, message: str) -> Json:
    """Return the body of an answer with an HTTP error status; it is the same at every gateway."""
    return document_of(status, message)


def document_of(code: int | str, message: str) -> Json:
    """Return an error document, which is also the data of an error in a stream."""
    return {"error": {"code": code_of(code), "message": message, "status": word_of(code)}}
