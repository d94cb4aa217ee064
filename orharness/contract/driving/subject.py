"""A client under test, in whatever form it comes: the protocols of driving one, and what it may show beside text."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Protocol, runtime_checkable

from orharness.parts import Part

MOST_PIECES = 1_000_000  # of text in one run: the largest case has 10,000
IMPORTING = 30.0  # seconds until the first request of a client

Client = Callable[[str], Iterable[str] | AsyncIterator[str] | Any]
"""``client(base_url)`` returns an iterator, iterable or async iterator of text, or the whole text, also awaitable.

Beside text it may yield parts: ``Text``, ``Reasoning``, ``ToolCall``, ``Usage``, ``Finish`` and ``Refusal``, or their
dicts (``orharness.parts``). A client that is an object may keep its tool calls in a list ``calls`` instead, as
``ToolCall`` or as mappings with ``name`` and ``arguments``: it is read when a run has ended.
"""


class NotText(TypeError):  # noqa: N818 - a finding about the client, as it is told
    """What the client yields or returns is not text; the message is the reason that is reported."""


class Trouble(Exception):  # noqa: N818 - a finding about the client, as it is told
    """A client under test breaks the protocol by which it is driven; ``got`` is what it did instead.

    ``certain``: it was seen, and does not follow from a time limit alone; so no second run can refute it.
    """

    def __init__(self, reason: str, got: str = "", *, certain: bool = True) -> None:
        super().__init__(reason)
        self.got = got
        self.certain = certain


class ClientError(Exception):
    """The error that a client in another process showed; ``said`` is the end of what it wrote to its stderr."""

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.said = said

    def __repr__(self) -> str:
        return str(self)


class ClientRun(Protocol):
    """One run of a client, from its request to its end. Its state may be read from any thread.

    ``pieces``: the texts that came, none of them empty; ``parts``: what came besides text. ``error``: the error that
    the client showed, or ``Trouble``. ``paused`` is set when the pieces after which it is to be cancelled are there,
    and at the end; ``ended`` at the end. ``can_cancel_inside_read``: whether it can be cancelled while it waits for
    bytes; known once it has paused.
    """

    pieces: list[str]
    parts: list[Part]
    error: BaseException | None
    paused: threading.Event
    ended: threading.Event

    @property
    def can_cancel_inside_read(self) -> bool: ...

    def close(self) -> None:
        """Cancel it; do nothing if it has ended."""

    def join(self, timeout: float) -> bool:
        """Return whether the run and its threads ended within ``timeout`` seconds."""

    def why_it_stays(self) -> str | None:
        """Return what keeps a run that was cancelled from leaving, if that can be seen."""


@runtime_checkable
class Subject(Protocol):
    """A client under test, in whatever form it comes. ``cannot_cancel``: why its cancels are not judged, if so.

    ``cannot_time``: why it is not judged by when its text comes, if so; ``cannot_pair``: by two runs at the same time.
    ``keyless``: why it may send no API key, if so.
    ``starting``: seconds that the run which was started last may take, at least, until it sends its request.
    """

    cannot_cancel: str | None
    cannot_time: str | None
    cannot_pair: str | None
    keyless: str | None
    starting: float

    def cpu(self) -> float | None:
        """Return the seconds of CPU time that its processes have used so far, ``None`` where that cannot be known."""

    def memory(self) -> int | None:
        """Return the most bytes of memory that its processes have had, ``None`` where that cannot be known."""

    def start(self, base_url: str, stop_after: int | None = None, *, inside_read: bool = False) -> ClientRun:
        """Begin a run. ``stop_after``: the number of pieces after which it is to be cancelled."""


@runtime_checkable
class InProcess(Protocol):
    """A client in a process of its own. ``process``: the number of that process, ``None`` before the first one."""

    @property
    def process(self) -> int | None: ...
