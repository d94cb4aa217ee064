"""A second, tiny dialect, with a client of it: one JSON object a line. It shows that nothing else knows an API.

``{"text": "Hel"}``, ``{"tool": {"id": "call_1", "name": "clock"}}``, ``{"arguments": "{}"}``, and at the end
``{"done": true, "reason": "stop", "usage": {"in": 3, "out": 2}}`` or ``{"error": {"code": 502, "message": "…"}}``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from orharness.dialects import Asked, Carried, Dialect, Part, Refused, Written
from orharness.dialects.answer import Answer, Choice, ReportedError
from orharness.dialects.completion import Completion, Piece, PieceKind, ToolCall
from orharness.dialects.values import Json, at, dumps, parsed
from orharness.frames import NDJSON
from orharness.gateways import Gateway
from orharness.journal import Request
from orharness.sse import Event, Item


def _asked(request: Request, gateway: Gateway) -> Asked:
    body = request.json
    if not isinstance(body, dict):
        raise Refused(400, "an answer is asked for with a JSON object")
    return Asked(
        stream=body.get("stream") is True,
        model=body.get("model"),
        provider=body.get("provider"),
        prompt_tokens=len(str(body.get("prompt", "")).split()),
        last_user=str(body.get("prompt", "")),
        wants_usage=bool(body.get("usage")),
    )


def _write(completion: Completion, gateway: Gateway, asked: Asked) -> Written:
    said = [_line(_said(piece, completion)) for piece in completion.made]
    end = _error(completion) if completion.error else _done(completion, asked)
    return Written((*said, _line(end)), len(said), tuple(range(len(said))))


def _said(piece: Piece, completion: Completion) -> Json:
    match piece.kind:
        case PieceKind.CALL:
            return {"tool": {"id": completion.tool_calls[piece.call].id_at(piece.call), "name": piece.value}}
        case PieceKind.ARGUMENTS:
            return {"arguments": piece.value}
    return {"text": piece.value}


def _done(completion: Completion, asked: Asked) -> Json:
    counted = completion.counted
    usage = {"input_tokens": counted.prompt_tokens, "output_tokens": counted.completion_tokens}
    return {"done": True, "reason": completion.finish, **({"usage": usage} if asked.wants_usage else {})}


def _error(completion: Completion) -> Json:
    assert completion.error is not None
    return {"error": {"code": completion.error.code, "message": completion.error.message}}


def _line(value: Json) -> Event:
    return Event(data=dumps(value))


def _document(completion: Completion, gateway: Gateway, asked: Asked) -> Json:
    return {"text": completion.text, **_done(completion, Asked(wants_usage=True))}


def _fold(items: Iterable[Item]) -> Answer:
    text, calls, error, done = "", list[ToolCall](), None, None
    for item in items:
        said = parsed(item.data) if isinstance(item, Event) else None
        if not isinstance(said, dict):
            continue
        text += said.get("text", "")
        if tool := said.get("tool"):
            calls.append(ToolCall(tool["name"], "", tool["id"]))
        if "arguments" in said:
            calls[-1] = ToolCall(calls[-1].name, calls[-1].arguments + said["arguments"], calls[-1].id)
        error = error or _reported(said)
        done = said if said.get("done") else done
    choice = Choice(text, tool_calls=tuple(calls), finish_reason=None if done is None else done.get("reason"))
    usage = None if done is None else done.get("usage")
    return Answer({0: choice}, usage, error, complete=done is not None)


def _reported(said: object) -> ReportedError | None:
    error = at(said, "error")
    return ReportedError(error["code"], error["message"]) if isinstance(error, dict) else None


def _event_of(part: Part) -> Event | None:
    if part.end:
        return _line({"done": True, "reason": "stop"})
    return None if part.text is None else _line({"text": part.text})


def _is_token(event: Event) -> bool:
    said = parsed(event.data)
    return isinstance(said, dict) and bool(said.keys() & {"text", "tool", "arguments"})


LINES = Dialect(
    name="lines",
    frame=NDJSON,
    paths=("/lines",),
    asked=_asked,
    carries=frozenset({Carried.TOOL_CALLS, Carried.USAGE, Carried.ERROR}),
    write=_write,
    document=_document,
    fold=_fold,
    is_end=lambda event: at(parsed(event.data), "done") is True,
    error_of=lambda event: _reported(parsed(event.data)),
    is_token=_is_token,
    error_document=lambda gateway, status, message: {"error": {"code": status, "message": message}},
    models=lambda names: {"models": list(names)},
    event_of=_event_of,
)


# -- a client that is right, and what is wrong with some others ----------------------------------------------------


class LineError(Exception):
    """The answer is an error, or is not whole."""


def read_lines(response: HTTPResponse) -> Iterator[bytes]:
    """Yield the lines of a body, cut anywhere."""
    rest = b""
    while data := response.read1(65536):
        *lines, rest = (rest + data).split(b"\n")
        yield from lines
    if rest:
        yield rest


def texts_of(lines: Iterable[bytes]) -> Iterator[str]:
    """Yield the texts of an answer up to its end."""
    for line in lines:
        said: Any = json.loads(line.decode())
        if "error" in said:
            raise LineError(said["error"])
        if said.get("done"):
            return
        if text := said["text"]:
            yield text
    raise LineError("the answer is not whole")


def client_of(
    read: Callable[[HTTPResponse], Iterator[bytes]] = read_lines,
    texts: Callable[[Iterable[bytes]], Iterator[str]] = texts_of,
) -> Callable[[str], Iterator[str]]:
    """Return a client of the dialect that reads in this way."""

    def stream(base_url: str) -> Iterator[str]:
        at = urlsplit(base_url)
        with closing(HTTPConnection(str(at.hostname), at.port, timeout=60)) as connection:
            ask = json.dumps({"model": "m", "prompt": "two words", "stream": True})
            connection.request("POST", f"{at.path}/lines", ask, {"Accept-Encoding": "identity"})
            response = connection.getresponse()
            with closing(response):
                if response.status != 200:
                    raise LineError(response.status)
                yield from texts(read(response))

    return stream


correct = client_of()


def lines_of_each_read(response: HTTPResponse) -> Iterator[bytes]:
    """Yield what each read brings, as if a read ended where a line does."""
    while data := response.read1(65536):
        yield from data.splitlines()


def texts_to_the_end_of_the_body(lines: Iterable[bytes]) -> Iterator[str]:
    """Yield the texts and read on after the end."""
    for line in lines:
        said = json.loads(line)
        if "error" in said:
            raise LineError(said["error"])
        yield from filter(None, [said.get("text")])


def texts_of_what_is_cut_short(lines: Iterable[bytes]) -> Iterator[str]:
    """Yield the texts, and take the end of the body for the end of the answer."""
    try:
        yield from texts_of(lines)
    except LineError as error:
        if error.args != ("the answer is not whole",):
            raise
