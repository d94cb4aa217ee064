"""What shows from outside that a tool works: requests that it makes, or a file that it writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from orharness.server.facade import SseServer
from orharness.transforms import pace

PATH = "/beat"
_PIECES = 100  # of the model's answer, one each 50 ms: five seconds
_EACH = 0.05


class Witness(Protocol):
    """Something that sees a tool work. ``signs``: in words, what counts as work."""

    signs: str

    def look(self) -> bool:
        """Return whether there was a sign of work since the last look."""
        ...


class RequestWitness:
    """A server of ours: the tool works while it sends requests, or reads the answer of a model.

    ``url`` is the address for requests that only say so; any other request is answered as a model's API, with an answer
    that takes five seconds.
    """

    signs = "its requests to the witness"

    def __init__(self, server: SseServer) -> None:
        self._server = server
        self._seen = 0
        self._open: list[int] = []
        for method in ("GET", "POST"):
            server.route(method, PATH).respond(status=204)
        server.answer(tokens=_PIECES, through=[pace(_EACH)])

    @property
    def url(self) -> str:
        """Where a tool says that it works."""
        return self._server.url_for(PATH)

    def look(self) -> bool:
        """Return whether a request has come, or a model's answer is being read."""
        fresh = self._server.calls_from(self._seen)
        going_on = [number for number in self._open if self._server.calls_from(number)[0].outcome is None]
        self._open = going_on + [number for number, call in enumerate(fresh, self._seen) if call.outcome is None]
        self._seen += len(fresh)
        return bool(fresh or self._open)


class FileWitness:
    """A file, or a folder: the tool works while it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.signs = f"changes of {path}"
        self._state = self._now()

    def look(self) -> bool:
        """Return whether size or time of the file, or of one in the folder, is another one."""
        before, self._state = self._state, self._now()
        return self._state != before

    def _now(self) -> Sequence[tuple[str, int, int]]:
        files = sorted(self._path.iterdir()) if self._path.is_dir() else [self._path]
        found = []
        for one in files:
            try:
                found.append((one.name, one.stat().st_size, one.stat().st_mtime_ns))
            except OSError:
                continue  # it is not there yet, or no longer
        return found
