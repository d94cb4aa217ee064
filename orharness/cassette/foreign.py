"""Cassettes written by others: their variants of vcrpy's format, and bodies without recorded chunks."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from orharness.cassette.at import At
from orharness.cassette.interaction import Headers, header
from orharness.cassette.keys import FORMAT, KEY
from orharness.frames import NDJSON, frame_of
from orharness.sse import Event, decode

_BLOCK_END = re.compile(rb"(?>\r\n|\r|\n){2,}")


def as_vcrpy_takes_it(interaction: At) -> dict[str, Any]:
    """Return the interaction in the form that vcrpy's ``deserialize`` accepts: bodies as bytes, headers as lists."""
    request, response = interaction["request"], interaction["response"]
    return {
        "request": {
            "method": request["method"].token("a method"),
            "uri": request["uri"].address(),
            "body": _body_of_request(request),
            "headers": {name: [", ".join(values)] for name, values in _header_lists(request).items()},
        },
        "response": {
            **{name: value for name, value in response.mapping().items() if name != "parsed_body"},
            "status": {"code": _code(response), "message": _reason(response["status"])},
            "headers": _header_lists(response),
            **_body_of_response(response),
        },
    }


def _code(response: At) -> int | None:
    """Return the status; ``None`` only in a response of ours to which no head came."""
    code = response["status"]["code"]
    if code.value is None and KEY in response and "ending" in response[KEY]:
        return None
    return code.integer(100, 999)


def _reason(status: At) -> str:
    return status["message"].line() if "message" in status else ""


def _header_lists(message: At) -> dict[str, list[str]]:
    """Return the values of each header in a list; a list of one may have been written as the value alone."""
    if "headers" not in message:
        return {}
    headers = message["headers"]
    lists = {}
    for name in headers.mapping():
        At(headers.key, str(name)).token("a header")
        values = headers[name]
        found = values.items() if isinstance(values.value, list) else [values]
        lists[str(name)] = [_header_value(value) for value in found]
    return lists


def _header_value(value: At) -> str:
    if isinstance(value.value, bytes):
        return At(value.key, value.value.decode("latin-1")).line()
    return value.line() if not isinstance(value.value, int | float) else str(value.value)


def _body_of_request(request: At) -> bytes:
    if "body" not in request and "parsed_body" in request:
        return _as_json(request["parsed_body"])
    return request["body"].data() if "body" in request else b""


def _body_of_response(response: At) -> dict[str, Any]:
    if "body" in response:
        return {"body": {"string": response["body"]["string"].data()}}
    if "parsed_body" not in response:
        response["body"].fail("a response has a body (or a parsed_body)")
    note = "the body is the JSON of parsed_body: the recording holds no bytes"
    return {"body": {"string": _as_json(response["parsed_body"])}, KEY: {"format": FORMAT, "note": note}}


def _as_json(at: At) -> bytes:
    try:
        return json.dumps(at.value, ensure_ascii=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        at.fail(f"this is not JSON: {error}")


def pieces(headers: Headers, body: bytes) -> Iterable[bytes]:
    """Return the blocks of an event stream (each with its empty line), or the lines of NDJSON.

    Any other body is one piece.
    """
    kind = header(headers, "content-type")
    if frame_of(kind) is NDJSON:
        return body.splitlines(keepends=True)
    streams = "event-stream" in kind if kind else any(isinstance(item, Event) for item in decode(body))
    ends = [match.end() for match in _BLOCK_END.finditer(body)] if streams else []
    return (body[start:end] for start, end in zip([0, *ends], [*ends, len(body)], strict=True))


def decoded(headers: Headers, body: bytes, at: At) -> tuple[Headers, bytes]:
    """Return the headers without ``Content-Encoding``, and the decoded body (vcrpy keeps the compressed bytes)."""
    codings = [coding.strip().lower() for coding in (header(headers, "content-encoding") or "").split(",")]
    for coding in codings:  # in either order: gzip and deflate are recognized by their content
        if coding in ("gzip", "x-gzip", "deflate"):
            body = _inflated(body)
        elif coding not in ("", "identity") and not _is_text(body):
            at.fail(f"content-encoding {coding} is not known here: record with decode_compressed_response=True")
    return tuple(pair for pair in headers if pair[0].lower() != "content-encoding"), body


def _inflated(body: bytes) -> bytes:
    """Return what gzip, zlib or raw deflate compressed, even without its end; any other body unchanged."""
    for window in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):
        with suppress(zlib.error):
            found = zlib.decompressobj(window).decompress(body)
            if found or not body:
                return found
    return body  # a recorder that decodes may have kept the header


def _is_text(body: bytes) -> bool:
    with suppress(UnicodeDecodeError):
        return body.decode() is not None
    return False
