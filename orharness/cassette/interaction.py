"""One recorded exchange, as a value. This module loads neither vcrpy nor YAML."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from orharness.errors import CassetteError
from orharness.stream import Ending, Stream

CLIENT_DISCONNECTED = "client_disconnected"
"""The recorded ending of a response whose client left before the end. It replays as ``Ending.ABORT``."""

Headers = tuple[tuple[str, str], ...]
"""Names and values in the order in which they were sent. The values of a repeated name are neighbours."""

_NOT_IN_A_LINE = str.maketrans("\r\n\0", "   ")


def in_one_line(value: str) -> str:
    """Return the value of a header with spaces for what HTTP cannot carry in it (RFC 9110, section 5.5)."""
    return value.translate(_NOT_IN_A_LINE)


@dataclass(frozen=True)
class RecordedRequest:
    """A request as the client sent it. The values of a repeated header are joined with a comma (RFC 9110, 5.3)."""

    method: str
    uri: str
    headers: Headers = ()
    body: bytes = b""

    def __post_init__(self) -> None:
        joined = ((values[0][0], ", ".join(value for _, value in values)) for values in by_name(self.headers))
        object.__setattr__(self, "headers", tuple(joined))

    @property
    def path(self) -> str:
        """The path of the address, without its query; ``/`` if it has none."""
        return urlsplit(self.uri).path or "/"


@dataclass(frozen=True)
class Interaction:
    """One recorded exchange: a request, and the response with its body as a ``Stream``.

    ``head``: seconds from the request to the response head. ``ending_recorded``: how the response ended, an ``Ending``
    or ``client_disconnected``, which the stream replays as ``Ending.ABORT``. ``recorded_at``: the time in ISO 8601.
    ``status`` is ``None`` where no response head came: the stream is empty, and its ending says how that ended.
    ``timed``: whether chunks and delays are those of the recording (a foreign cassette has neither: one chunk per
    event, no delays). ``note``: what a reader should know about how this was recorded or loaded. Raises
    ``CassetteError`` if ``ending_recorded`` is unknown or the stream has another ending, or where there is a body or a
    clean end without a status.
    """

    request: RecordedRequest
    status: int | None = 200
    reason: str = "OK"
    headers: Headers = ()
    stream: Stream = field(default_factory=Stream)
    head: float = 0.0
    ending_recorded: str = Ending.EOF.value
    recorded_at: str | None = None
    timed: bool = True
    note: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "headers", tuple(pair for values in by_name(self.headers) for pair in values))
        if replayed(self.ending_recorded) is not self.stream.ending:
            raise CassetteError(f"ending {self.ending_recorded!r} does not replay as {self.stream.ending.value!r}")
        if self.status is None and (self.stream.chunks or self.stream.ending is Ending.EOF):
            raise CassetteError("a response without a status has no body, and does not end with 'eof'")


def header(headers: Iterable[tuple[str, str]], name: str) -> str | None:
    """Return the first value of a header, ignoring case; ``None`` if it is missing."""
    return next((value for key, value in headers if key.lower() == name.lower()), None)


def by_name(headers: Iterable[tuple[str, str]]) -> Iterable[list[tuple[str, str]]]:
    """Return the headers grouped by name, each group under its first spelling."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name, value in headers:
        group = groups.setdefault(name.lower(), [])
        group.append((group[0][0] if group else name, value))
    return groups.values()


def replayed(ending: str) -> Ending:
    """Return the ``Ending`` that replays a recorded ending. Raises ``CassetteError`` for an unknown one."""
    try:
        return Ending.ABORT if ending == CLIENT_DISCONNECTED else Ending(ending)
    except ValueError:
        known = ", ".join([*Ending, CLIENT_DISCONNECTED])
        raise CassetteError(f"ending {ending!r} is not one of {known}") from None
