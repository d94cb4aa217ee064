"""Cases as files that any runner in any language can play: bytes, cuts, gates, what must come of it.

Each file is a case document (``parse``) whose reply is written out, with further keys that a runner needs (``resolved``
is how they are read again)::

    {"case": 1, "id": "done/twice", "dialect": "chat", "path": "/chat/completions",
     "reply": {"status": 200, "headers": {…}, "head": 0.0,
               "stream": {"chunks": [{"base64": "…", "delay": 0.5}], "ending": "eof", "framing": "chunked"}},
     "gates": [120], "end_marker": 355, "cuts": [null, [], [10, 20]], "expect": {"text": "Hello, world!"}, …}

``cuts``: each entry is one run: the body offsets at which to cut, and nowhere else; ``null``: the reply's own chunks.
``gates``: body offsets at which the stream is held until the client has been cancelled. ``framing``: ``chunked``,
``length`` (``announced`` bytes, or the body's length) or ``close``; ``ending``: ``eof``, ``abort`` (FIN before the
framing's end), ``reset`` (RST) or ``hang`` (nothing more comes, the connection stays open). ``again``: the reply to
each further request, where it is another one. ``unit: limit``: the delays are multiples of the silence that the client
allows; without it, they are seconds. ``due``, in ``expect``: for each gate the text that must have been handed over
before it opens. ``beside`` and ``then``: a further reply and what must come of it, at the same time as the first, or
after the cancel; ``control``: one of which nothing is asked. ``pauses``: seconds between requests, ``each`` of which,
or the ``longest``, has at least that many.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from orharness.contract.catalogue.case import Case, Further
from orharness.contract.catalogue.resolved import FORMAT, resolve
from orharness.errors import OrharnessError
from orharness.files import write_whole
from orharness.parts import kind_of
from orharness.scenario import Reply
from orharness.scenario.response import Response
from orharness.stream import Stream, repartition
from orharness.verdict import Expected

_KEPT = (
    *("request", "patience", "pauses", "grows", "unit", "frame", "chunkings", "end_event"),
    *("cause", "broken_json", "raises", "mistaken"),
)


def as_document(case: Case, seed: int = 0) -> dict[str, Any]:
    """Return the case with its bytes. ``seed``: of the random chunks."""
    stream = _sent(case, case.reply()).stream
    resolved = resolve(case, stream, seed)
    return {
        "case": FORMAT,
        "id": case.id,
        "title": case.title,
        "source": case.source,
        "level": case.level.value,
        "profile": case.profile.value,
        "dialect": case.dialect.name,
        "path": case.path,
        "reply": _reply(case, case.reply()),
        **({} if case.again is None else {"again": _reply(case, case.again())}),
        **_further(case, "beside", case.beside),
        **_further(case, "then", case.then),
        **_further(case, "control", case.control),
        "gates": resolved.gates,
        "end_marker": resolved.end_marker,
        "cuts": resolved.cuts,
        "expect": {
            **_expected(case.expected),
            **({} if case.cancel is None else {"cancel": asdict(case.cancel)}),
            **({"due": list(case.due)} if case.due else {}),
        },
        **({"also": [_expected(one) for one in case.also]} if case.also else {}),
        "requests": "any" if case.requests is None else case.requests,
        "runs": case.runs,
        "plain": case.plain,
        **{key: case.document[key] for key in _KEPT if key in case.document},
    }


def _sent(case: Case, reply: Reply) -> Response:
    """Return the response to a plain request, with a boundary at each gate."""
    response = reply.answer(case.dialect.example_request)
    stream = response.stream
    return replace(response, stream=repartition(stream, {*stream.boundaries, *stream.gates}))


def _reply(case: Case, reply: Reply) -> dict[str, Any]:
    response = _sent(case, reply)
    stream, encoding = response.stream, reply.encoding
    return {
        "status": response.status,
        "headers": dict(response.headers),
        "default_headers": False,
        **({"head": response.head} if response.head else {}),
        **({"pacing": response.pacing.value} if response.pacing else {}),
        **({"encoding": encoding} if encoding else {}),
        **({"through": [{"hold": {"chunks": one}} for one in _gates(stream)]} if stream.gates else {}),
        "stream": _stream(stream),
    }


def _further(case: Case, key: str, further: Further | None) -> dict[str, Any]:
    if further is None:
        return {}
    said = {"reply": _reply(case, further.reply()), "expect": _expected(further.expected)}
    return {key: {**said, **{name: one for name, one in case.document[key].items() if name not in said}}}


def _gates(stream: Stream) -> list[int]:
    """Return the number of chunks before each gate."""
    return [sum(end <= gate for end in stream.boundaries) for gate in stream.gates]


def _stream(stream: Stream) -> dict[str, Any]:
    chunks = [
        {"base64": b64encode(one.data).decode(), **({"delay": one.delay} if one.delay else {})} for one in stream.chunks
    ]
    announced = {} if stream.announced is None else {"announced": stream.announced}
    return {"chunks": chunks, "ending": stream.ending.value, "framing": stream.framing.value, **announced}


def _expected(expected: Expected) -> dict[str, Any]:
    error = {} if expected.error is False else {"error": "allowed" if expected.error is None else True}
    parts = [{"type": kind_of(one), **asdict(one)} for one in expected.parts]
    return {
        **({} if expected.text is None else {"text": expected.text}),
        **error,
        **({"parts": parts} if parts else {}),
        **({"unsaid": list(expected.unsaid)} if expected.unsaid else {}),
    }


def export(cases: Iterable[Case], to: Path, seed: int = 0) -> int:
    """Write each case that can be sent to a file ``FAMILY/NAME.json`` in the folder; return how many there are.

    Raises ``OrharnessError`` where a file cannot be written.
    """
    number = 0
    for case in cases:
        if case.inapplicable is not None:
            continue
        path = to / f"{case.id}.json"
        text = json.dumps(as_document(case, seed), ensure_ascii=False, indent=1) + "\n"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, text.encode("utf-8", "surrogatepass"))
        except OSError as error:
            raise OrharnessError(f"{path}: the case cannot be written: {error.strerror or error}") from error
        number += 1
    return number
