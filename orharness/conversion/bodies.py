"""Single responses: what ``curl -i -N`` prints, a raw event stream, lines of JSON, and the chunks of the AI SDK."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from orharness.conversion.source import Given, OtherRecording, dialect_in, interaction, unknown_request
from orharness.errors import CassetteError
from orharness.frames import NDJSON, SSE

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})(?: ([^\r\n]*))?\r?\n")
_FIELD = re.compile(rb"\A\xef?\xbb?\xbf?[\r\n]*(?::|(?:data|event|id|retry)[:\r\n])")
_NO_HEAD = "status and headers were not recorded: 200 and the content type are what the body needs"
_PARTS_DELTAS = {"text-delta": "text", "reasoning-delta": "reasoning", "reasoning": "reasoning"}


def of_curl(data: bytes, given: Given) -> OtherRecording | None:
    """Return the response that ``curl -i -N`` printed; ``None``: it is not that.

    The heads of redirects and of ``100 Continue``, which come first, are left out.
    """
    head = _STATUS.match(data)
    if head is None:
        return None
    while True:
        status, reason, headers, body = _parted(head, data)
        following = _STATUS.match(body)
        if following is None or not (status < 200 or 300 <= status < 400 or not headers):
            break
        head, data = following, body
    kind = next((value for name, value in headers if name.lower() == "content-type"), None)
    asked, said = unknown_request(body, kind, given)
    return OtherRecording("curl", (interaction(asked, status, reason, headers, body, notes=said),))


def _parted(head: re.Match[bytes], data: bytes) -> tuple[int, str, list[tuple[str, str]], bytes]:
    block, _, body = (
        re.split(rb"(\r?\n\r?\n)", data, maxsplit=1) if re.search(rb"\r?\n\r?\n", data) else (data, b"", b"")
    )
    lines = block.decode("latin-1").splitlines()[1:]
    pairs = [(name.strip(), value.strip()) for name, colon, value in (line.partition(":") for line in lines) if colon]
    return int(head[1]), (head[2] or b"").decode("latin-1"), pairs, body


def of_event_stream(data: bytes, given: Given) -> OtherRecording | None:
    """Return the body of an event stream; ``None``: it does not begin like one."""
    if not _FIELD.match(data):
        return None
    return _body("sse", data, SSE.content_type, given, [_NO_HEAD])


def of_lines(data: bytes, given: Given) -> OtherRecording | None:
    """Return lines of JSON: a body of NDJSON, the AI SDK's chunks, or its stream parts; ``None``: they are not that."""
    objects = _objects(data)
    if not objects:
        return None
    if any("type" in one and _is_part(one) for one in objects):
        return _parts(objects)
    if (dialect := dialect_in(data, NDJSON.content_type)) is not None and dialect.frame is NDJSON:
        return _body("ndjson", data, NDJSON.content_type, given, [_NO_HEAD])
    lines = [line for line in data.splitlines() if line.strip()] if not data.lstrip().startswith(b"[") else None
    payloads = lines if lines is not None else [json.dumps(one, ensure_ascii=False).encode() for one in objects]
    body = b"".join(b"data: %b\n\n" % line for line in payloads)
    if dialect_in(body) is None:
        return None
    lost = "the file holds the data of the events: their names, comments and the end marker were not recorded"
    return _body("ai-sdk-chunks", body, SSE.content_type, given, [_NO_HEAD, lost])


def _body(form: str, body: bytes, kind: str, given: Given, notes: Iterable[str]) -> OtherRecording:
    asked, said = unknown_request(body, kind, given)
    made = interaction(asked, 200, "", (("Content-Type", kind),), body, notes=[*said, *notes])
    return OtherRecording(form, (made,))


def _objects(data: bytes) -> list[dict[str, Any]] | None:
    """Return the objects of lines of JSON, or of a JSON array; ``None``: it is neither."""
    found: Any = None
    with suppress(ValueError, RecursionError):
        text = data.decode("utf-8-sig")
        if text.lstrip().startswith("["):
            found = json.loads(text)
        elif text.lstrip().startswith("{"):
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
    return found if isinstance(found, list) and found and all(isinstance(one, dict) for one in found) else None


# --- the AI SDK's stream parts ----------------------------------------------------------------------------------------


def _is_part(one: Mapping[str, Any]) -> bool:
    """Whether it is a part of a mocked model's stream: a delta with its text beside its type, and no choices."""
    return one["type"] in _PARTS_DELTAS and any(isinstance(one.get(key), str) for key in ("delta", "textDelta"))


def _parts(parts: list[dict[str, Any]]) -> OtherRecording:
    """Return a scenario with the answer of these parts: they are what an SDK made of a stream, which is not in them."""
    said: dict[str, list[str]] = {"text": [], "reasoning": []}
    calls, answer, unknown = [], {}, set()
    for one in parts:
        kind = str(one.get("type"))
        if kind in _PARTS_DELTAS:
            said[_PARTS_DELTAS[kind]].append(str(one.get("delta", one.get("textDelta", ""))))
        elif kind == "tool-call":
            calls.append(_call(one))
        elif kind == "finish" and isinstance(one.get("finishReason"), str):
            answer["finish_reason"] = one["finishReason"].replace("-", "_")
        elif kind not in ("stream-start", "start", "start-step", "finish-step", "text-start", "text-end", "finish"):
            unknown.add(kind)
    if said["reasoning"]:
        answer["reasoning"] = "".join(said["reasoning"])
    if calls:
        answer["tool_calls"] = calls
    notes = ["the parts are what the AI SDK made of a stream: its bytes, its API and the request were not recorded"]
    if unknown:
        notes.append(f"no counterpart in a scenario, and left out: {', '.join(sorted(unknown))}")
    document = {"orharness": 1, "routes": [{"answer": {"pieces": said["text"], **answer}}]}
    return OtherRecording("ai-sdk-parts", scenario=document, notes=tuple(notes))


def _call(one: Mapping[str, Any]) -> dict[str, Any]:
    arguments = one.get("input", one.get("args", {}))
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    if "toolName" not in one:
        raise CassetteError("a part of the type tool-call has no toolName")
    return {
        "name": one["toolName"],
        "arguments": arguments,
        **({"id": one["toolCallId"]} if "toolCallId" in one else {}),
    }
