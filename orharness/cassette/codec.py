"""Interactions as vcrpy's requests and responses, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from math import inf, isfinite
from typing import Any
from urllib.parse import urlsplit

import vcr.request  # type: ignore[import-untyped]

from orharness.cassette.at import At
from orharness.cassette.foreign import decoded, pieces
from orharness.cassette.interaction import Headers, Interaction, RecordedRequest, by_name, header, replayed
from orharness.cassette.keys import FORMAT, KEY
from orharness.errors import CassetteError
from orharness.frames import frame_of
from orharness.stream import Chunk, Ending, Framing, Stream

_COMPUTED = {"content-length", "transfer-encoding"}  # a replay computes its own framing
_HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"}  # RFC 9110, 7.6.1


def for_vcrpy(interactions: Iterable[Interaction]) -> dict[str, list[Any]]:
    """Return the interactions as vcrpy's requests and responses.

    Raises ``CassetteError`` for an address that cannot be parsed, and for seconds that are negative or not finite.
    """
    interactions = list(interactions)
    try:
        requests = [request_for_vcrpy(one.request) for one in interactions]
    except ValueError as error:
        raise CassetteError(f"an address that cannot be replayed: {error}") from error
    return {"requests": requests, "responses": [{**response_for_vcrpy(one), KEY: _ours(one)} for one in interactions]}


def request_for_vcrpy(request: RecordedRequest) -> Any:
    """The request as vcrpy's. Raises ``ValueError`` for an address that cannot be parsed."""
    urlsplit(request.uri)  # not every vcrpy does so at once
    return vcr.request.Request(request.method, request.uri, request.body, dict(request.headers))


def response_for_vcrpy(interaction: Interaction) -> dict[str, Any]:
    """The response as vcrpy's, without what vcrpy has no place for."""
    return {
        "status": {"code": interaction.status, "message": interaction.reason},
        "headers": {values[0][0]: [value for _, value in values] for values in by_name(interaction.headers)},
        "body": {"string": interaction.stream.body},
    }


def _ours(interaction: Interaction) -> dict[str, Any]:
    stream = interaction.stream
    optional = {
        "recorded_at": interaction.recorded_at,
        "announced": stream.announced,
        "note": interaction.note,
        "timed": None if interaction.timed else False,
    }
    return {
        "format": FORMAT,
        "head": _microseconds(interaction.head),
        "chunks": [[_microseconds(chunk.delay), len(chunk.data)] for chunk in stream.chunks],
        "framing": stream.framing.value,
        "ending": interaction.ending_recorded,
        **{key: value for key, value in optional.items() if value is not None},
    }


def _microseconds(seconds: float) -> float:
    if not isfinite(seconds) or seconds < 0:
        raise CassetteError(f"{seconds} seconds cannot have been recorded")
    return round(seconds, 6)


def from_vcrpy(request: Any, response: At) -> Interaction:
    """Return the interaction for vcrpy's request and response.

    Without recorded chunks, gzip and deflate are decoded and an event stream has one chunk per event. Raises
    ``CassetteError``, with the key, for invalid ones.
    """
    ours = response[KEY] if KEY in response else At(f"{response.key}.{KEY}", {"format": FORMAT})
    if ours["format"].value != FORMAT:
        ours["format"].fail(f"this orharness reads format {FORMAT}, not {ours['format'].value!r}")
    ending = ours["ending"].text() if "ending" in ours else Ending.EOF.value
    headers, chunks = _content(ours, response)
    return Interaction(
        request=RecordedRequest(request.method, request.uri, tuple(request.headers.items()), request.body),
        status=response["status"]["code"].value,
        reason=response["status"]["message"].value,
        headers=headers,
        stream=Stream(
            chunks,
            _checked(ours, "ending", replayed, ending),
            _checked(ours, "framing", Framing, ours["framing"].text()) if "framing" in ours else Framing.CHUNKED,
            announced=ours["announced"].integer(0) if "announced" in ours else None,
            frame=frame_of(header(headers, "Content-Type")),
        ),
        head=ours["head"].seconds() if "head" in ours else 0.0,
        ending_recorded=ending,
        recorded_at=ours["recorded_at"].text() if "recorded_at" in ours else None,
        timed="chunks" in ours and ("timed" not in ours or ours["timed"].boolean()),
        note=ours["note"].text() if "note" in ours else None,
    )


def _content(ours: At, response: At) -> tuple[Headers, tuple[Chunk, ...]]:
    """Return the headers that can be replayed, and the body in its recorded chunks (without them, one per event)."""
    headers = _end_to_end(response["headers"].value)
    body: bytes = response["body"]["string"].value
    if "chunks" in ours:
        return headers, _chunks(ours["chunks"], body)
    headers, body = decoded(headers, body, response["body"])
    return headers, tuple(Chunk(piece) for piece in pieces(headers, body))


def _checked(ours: At, name: str, make: Any, value: str) -> Any:
    try:
        return make(value)
    except (CassetteError, ValueError) as error:
        ours[name].fail(str(error))


def _chunks(at: At, body: bytes) -> tuple[Chunk, ...]:
    rows = _rows(at)
    ends = [0, *accumulate(size for _, size in rows)]
    if ends[-1] != len(body):
        at.fail(
            f"the sizes add up to {ends[-1]}, but the body has {len(body)} bytes: it was edited, or changed by a vcrpy "
            "filter such as filter_sensitive_data. Record it again, or run `orharness cassette seal` on the file"
        )
    return tuple([Chunk(body[start : start + size], delay) for start, (delay, size) in zip(ends, rows, strict=False)])


def _rows(at: At) -> list[tuple[float, int]]:
    """Return the checked rows: there are thousands, so only one that is wrong is looked at with its key."""
    given = at.value
    if isinstance(given, list) and all(map(_is_row, given)):
        return [(float(delay), size) for delay, size in given]
    return [_row(row) for row in at.items()]


def _is_row(row: Any) -> bool:
    if type(row) is not list or len(row) != 2:
        return False
    delay, size = row
    return type(delay) in (int, float) and 0 <= delay < inf and type(size) is int and size > 0


def _row(row: At) -> tuple[float, int]:
    cells = row.items()
    if len(cells) != 2:
        row.fail(f"a chunk is [seconds, bytes], not {row.value!r}")
    return cells[0].seconds(), cells[1].integer(1)


def _end_to_end(headers: Mapping[str, Sequence[str]]) -> Headers:
    dropped = _COMPUTED | _HOP_BY_HOP
    return tuple((name, value) for name, values in headers.items() for value in values if name.lower() not in dropped)
