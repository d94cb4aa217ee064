"""What was read from a recording of another tool, and how interactions are made of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from orharness.cassette.at import At
from orharness.cassette.foreign import decoded, pieces
from orharness.cassette.interaction import Headers, Interaction, RecordedRequest, header, in_one_line
from orharness.dialects import DIALECTS, Dialect
from orharness.errors import CassetteError
from orharness.frames import frame_of
from orharness.stream import Chunk, Stream

_LEFT_OUT = {"content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "te", "trailer"}
UNTIMED = "chunk boundaries and times were not recorded: one chunk an event"
NO_REQUEST = "the request was not recorded"


@dataclass(frozen=True)
class OtherRecording:
    """What a file holds: interactions, or the routes of a ``scenario`` document where it holds no bytes.

    ``form``: the name of its form. ``notes``: what it does not know, and what of it was left out, a sentence each.
    """

    form: str
    interactions: tuple[Interaction, ...] = ()
    scenario: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Given:
    """What the user says about a source that does not say it: the address that was asked, and the request's body."""

    url: str | None = None
    body: bytes | None = None


def interaction(
    request: RecordedRequest,
    status: int,
    reason: str,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    *,
    where: str = "",
    notes: Iterable[str] = (),
    recorded_at: str | None = None,
    head: float = 0.0,
    chunks: tuple[Chunk, ...] | None = None,
) -> Interaction:
    """Return the interaction of a tool that keeps no chunks: one chunk an event, decoded, without delays.

    ``where``: its place in the file, for errors. ``chunks``: where they are known otherwise. Raises ``CassetteError``
    for an unknown content coding.
    """
    kept = tuple(
        (name, in_one_line(value)) for name, value in headers if name.lower() not in _LEFT_OUT and name[:1] != ":"
    )
    plain, body = decoded(kept, body, At(f"{where}.body".lstrip("."), None))
    frame = frame_of(header(plain, "Content-Type"))
    made = chunks if chunks is not None else tuple(Chunk(piece) for piece in pieces(plain, body) if piece)
    return Interaction(
        request,
        status,
        in_one_line(reason),
        plain,
        Stream(made, frame=frame),
        head,
        recorded_at=recorded_at,
        timed=False,
        note="; ".join(notes) or None,
    )


def unknown_request(body: bytes, kind: str | None, given: Given) -> tuple[RecordedRequest, list[str]]:
    """Return a request for a response whose request was not recorded, and what is to be said about that.

    Its path is that of the API that the events are of. Raises ``CassetteError`` where they are of none, and the user
    does not say the address.
    """
    if given.url is not None:
        return RecordedRequest("POST", given.url, body=given.body or b""), [f"{NO_REQUEST}: its address was given"]
    dialect = dialect_in(body, kind)
    if dialect is None:
        raise CassetteError(f"{NO_REQUEST}, and its events are of no known API: say its address with --url")
    uri = f"https://unknown.invalid{dialect.prefix}{dialect.example_path}"
    said = f"{NO_REQUEST}: its path is that of the API that the events are of ({dialect.name})"
    return RecordedRequest("POST", uri, body=given.body or b""), [said]


def dialect_in(body: bytes, kind: str | None = None) -> Dialect | None:
    """Return the dialect of a body, by its content type or else as an event stream; ``None``: it is of none."""
    return DIALECTS.of(frame_of(kind).decode(body))


def headers_at(at: At) -> Headers:
    """Return a mapping of names to a value or a list of values as pairs."""
    return tuple((str(name), str(one)) for name, values in (at.value or {}).items() for one in _list(values))


def _list(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]


def iso_of(text: str) -> str | None:
    """Return the ISO 8601 form of a date as HTTP writes it; ``None`` for any other text."""
    try:
        return parsedate_to_datetime(text).isoformat().replace("+00:00", "Z")
    except (TypeError, ValueError):
        return None
