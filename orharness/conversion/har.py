"""HAR, as browsers and mitmproxy write it. https://w3c.github.io/web-performance/specs/HAR/Overview.html"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from orharness.cassette.at import At
from orharness.cassette.codec import for_vcrpy, from_vcrpy, request_for_vcrpy
from orharness.cassette.interaction import Headers, Interaction, RecordedRequest, header, in_one_line
from orharness.cassette.keys import KEY
from orharness.conversion.source import OtherRecording, interaction
from orharness.errors import CassetteError
from orharness.sse import Event, encode
from orharness.stream import Chunk

_OURS = f"_{KEY}"  # a name that begins with an underscore is the writer's own
_OF_A_PAGE = {
    "document",
    "stylesheet",
    "image",
    "media",
    "font",
    "script",
    "manifest",
    "texttrack",
    "ping",
    "preflight",
}
_UNKNOWN_TIME = "1970-01-01T00:00:00Z"  # HAR requires one
_FROM_MESSAGES = "the body is made of the events that the browser kept: comments and raw bytes were not recorded"


def of_har(data: Any) -> OtherRecording | None:
    """Return the exchanges of a HAR file; ``None``: it is not one.

    What a page loads (documents, scripts, images) is left out, and so is an exchange whose body was not kept; the notes
    say so.
    """
    if not isinstance(data, dict) or not isinstance(data.get("log"), dict) or "entries" not in data["log"]:
        return None
    found, notes, loaded = [], [], 0
    for entry in At("log.entries", data["log"]["entries"]).items():
        if str(entry.mapping().get("_resourceType", "")).lower() in _OF_A_PAGE:
            loaded += 1
        elif (reason := _unusable(entry)) is not None:
            notes.append(f"{entry.key}: {reason}; it is left out")
        else:
            found.append(_exchange(entry))
    if loaded:
        notes.append(f"{loaded} of {len(data['log']['entries'])} entries are what a page loads, and are left out")
    return OtherRecording("har", tuple(found), notes=tuple(notes))


def _unusable(entry: At) -> str | None:
    response = entry["response"]
    if not response["status"].value:
        return "there was no response"
    if urlsplit(entry["request"]["url"].address()).scheme not in ("http", "https"):
        return f"{entry['request']['url'].value[:40]!r} is not an address of HTTP"
    content = response["content"].mapping() if "content" in response else {}
    if "text" not in content and content.get("size") and not entry.mapping().get("_eventSourceMessages"):
        return "its body was not kept"
    return None


def _exchange(entry: At) -> Interaction:
    request, response = entry["request"], entry["response"]
    posted = _posted(request)
    asked = RecordedRequest(request["method"].text().upper(), request["url"].address(), _headers(request), posted)
    if _OURS in response:
        return _ours(asked, response)
    body, chunks, notes = _content(entry)
    return interaction(
        asked,
        response["status"].integer(100),
        str(response.mapping().get("statusText") or ""),
        tuple(pair for pair in _headers(response) if pair[0].lower() != "content-encoding"),  # HAR is decoded
        body,
        where=response.key,
        notes=notes,
        recorded_at=entry["startedDateTime"].text() if "startedDateTime" in entry else None,
        head=_wait(entry),
        chunks=chunks,
    )


def _headers(message: At) -> Headers:
    found = message["headers"].items() if "headers" in message else []
    return tuple(
        (one["name"].text(), in_one_line(value.removesuffix("\r")))
        for one in found
        if not one["name"].text().startswith(":")
        for value in str(one["value"].value).split("\n")  # as a browser joins those of one name
    )


def _posted(request: At) -> bytes:
    if "postData" not in request:
        return b""
    posted = request["postData"]
    text = posted["text"].text() if "text" in posted else ""
    if not text and "params" in posted:
        pairs = [(one["name"].text(), str(one.mapping().get("value") or "")) for one in posted["params"].items()]
        return urlencode(pairs).encode()
    return base64.b64decode(text) if posted.mapping().get("encoding") == "base64" else text.encode()


def _content(entry: At) -> tuple[bytes, tuple[Chunk, ...] | None, list[str]]:
    """Return the body, its chunks if the browser kept the times of its events, and what is to be said."""
    response = entry["response"]
    content = response["content"].mapping() if "content" in response else {}
    text = content.get("text") or ""
    messages = entry.mapping().get("_eventSourceMessages") or []
    if text or not messages:
        body = base64.b64decode(text) if content.get("encoding") == "base64" else _bytes_of(text, content)
        return body, None, []
    chunks = tuple(_of_messages(messages))
    return b"".join(chunk.data for chunk in chunks), chunks, [_FROM_MESSAGES]


def _bytes_of(text: str, content: Mapping[str, Any]) -> bytes:
    """Return the bytes of a text. mitmproxy reads one without a charset as Latin-1, which the size shows."""
    data = text.encode("utf-8", "surrogatepass")
    size = int(content.get("size") or 0) + max(0, int(content.get("compression") or 0))
    if size and len(data) != size == len(text):
        with suppress(UnicodeError):
            latin = text.encode("latin-1")
            latin.decode()
            return latin
    return data


def _of_messages(messages: Iterable[Mapping[str, Any]]) -> Iterator[Chunk]:
    """Yield a chunk for each event; the times of the browser are seconds since 1970."""
    before: float | None = None
    for one in messages:
        name, time = str(one.get("eventName") or "message"), float(one.get("time") or 0)
        event = Event(name, str(one.get("data") or ""), str(one.get("eventId") or ""))
        yield Chunk(encode(event), 0.0 if before is None else max(0.0, time - before))
        before = time


def _wait(entry: At) -> float:
    wait = entry["timings"].mapping().get("wait") if "timings" in entry else None
    return max(0.0, float(wait) / 1000) if isinstance(wait, int | float) else 0.0


def _ours(asked: RecordedRequest, response: At) -> Interaction:
    """Return the interaction of an entry that we wrote: with its chunks, times and ending."""
    content = response["content"]
    text = content["text"].text()
    body = base64.b64decode(text) if content.mapping().get("encoding") == "base64" else text.encode()
    headers: dict[str, list[str]] = {}
    for name, value in _headers(response):
        headers.setdefault(name, []).append(value)
    made = {
        "status": {"code": response["status"].integer(100), "message": str(response.mapping().get("statusText") or "")},
        "headers": headers,
        "body": {"string": body},
        KEY: response[_OURS].mapping(),
    }
    return from_vcrpy(request_for_vcrpy(asked), At(response.key, made))


# --- writing ----------------------------------------------------------------------------------------------------------


def har_of(interactions: Iterable[Interaction]) -> str:
    """Return a HAR file. Chunks, times and ending are in a field of our own, which other readers pass over.

    Raises ``CassetteError`` for an interaction without a response, which HAR cannot hold.
    """
    entries = [_entry(one) for one in interactions]
    creator = {"name": "orharness", "version": version("onerouter-harness")}
    return json.dumps({"log": {"version": "1.2", "creator": creator, "entries": entries}}, ensure_ascii=False, indent=1)


def _entry(one: Interaction) -> dict[str, Any]:
    if one.status is None:
        raise CassetteError(f"{one.request.method} {one.request.uri} got no response, which HAR cannot hold")
    wait, receive = one.head * 1000, one.stream.duration * 1000
    comments = [*([] if one.recorded_at else ["when it was recorded is not known"]), *([one.note] if one.note else [])]
    return {
        "startedDateTime": one.recorded_at or _UNKNOWN_TIME,
        "time": wait + receive,
        "request": _request(one.request),
        "response": _response(one),
        "cache": {},
        "timings": {"send": 0, "wait": wait, "receive": receive},
        **({"comment": "; ".join(comments)} if comments else {}),
    }


def _request(asked: RecordedRequest) -> dict[str, Any]:
    query = parse_qsl(urlsplit(asked.uri).query, keep_blank_values=True)
    text, encoding = _text_of(asked.body)
    posted = {"mimeType": header(asked.headers, "Content-Type") or "", "params": [], "text": text, **encoding}
    return {
        "method": asked.method,
        "url": asked.uri,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _named(asked.headers),
        "queryString": _named(query),
        **({"postData": posted} if asked.body else {}),
        "headersSize": -1,
        "bodySize": len(asked.body),
    }


def _response(one: Interaction) -> dict[str, Any]:
    text, encoding = _text_of(one.stream.body)
    size = len(one.stream.body)
    kind = header(one.headers, "Content-Type") or ""
    return {
        "status": one.status,
        "statusText": one.reason,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _named(one.headers),
        "content": {"size": size, "mimeType": kind, "text": text, **encoding},
        "redirectURL": header(one.headers, "Location") or "",
        "headersSize": -1,
        "bodySize": size,
        _OURS: for_vcrpy([one])["responses"][0][KEY],
    }


def _named(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _text_of(data: bytes) -> tuple[str, dict[str, str]]:
    try:
        return data.decode(), {}
    except UnicodeDecodeError:
        return base64.b64encode(data).decode(), {"encoding": "base64"}
