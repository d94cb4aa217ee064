"""A clock that runs faster, for one client's process and what it starts: libfaketime, preloaded into that process only.

libfaketime (https://github.com/wolfcw/libfaketime, GPL) is called where it is installed, and is not a part of this
package. It takes the place of the C library's clocks and timed waits. What reads its clock past the C library, such as
a Go program, is not reached by it: ``uncovered`` finds those.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

INSTALL = "libfaketime is not installed here (Debian: apt install libfaketime)"
_NAME = "libfaketimeMT.so.1"  # the one for programs with threads
_FOLDERS = ("/usr/lib/*/faketime", "/usr/lib/faketime", "/usr/lib64/faketime", "/usr/local/lib/faketime")
_MARK = "ORHARNESS_CLOCK"
_OF_GO = b"\xff Go buildinf:"  # in each program that Go's linker makes
_MOST = 64 * 1024 * 1024  # bytes of a program in which that is looked for


def libfaketime() -> Path | None:
    """Return where the library is, ``None`` if it is not installed, or cannot be preloaded on this system."""
    if sys.platform != "linux":
        return None
    found = [path for folder in _FOLDERS for path in sorted(Path("/").glob(f"{folder[1:]}/{_NAME}"))]
    here = [path for path in found if platform.machine() in str(path)]
    return next(iter([*here, *found]), None)


@dataclass(frozen=True)
class ClientClock:
    """A client's clock that runs ``rate`` times as fast as ours. ``environment``: what its process is started with."""

    rate: float = 1.0
    mark: str = field(default_factory=lambda: uuid4().hex)

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that the client's process needs; none at the usual rate."""
        library = libfaketime() if self.rate > 1 else None
        if library is None:
            return {}
        preloaded = " ".join(filter(None, [str(library), os.environ.get("LD_PRELOAD")]))
        return {"LD_PRELOAD": preloaded, "FAKETIME": f"+0 x{self.rate:g}", _MARK: self.mark}

    def uncovered(self) -> str | None:
        """Return why the clock of a process that was started with it is not faster; ``None`` if it is."""
        return next(filter(None, map(_why, self._processes())), None) if self.rate > 1 else None

    def _processes(self) -> Iterator[Path]:
        """Yield each process that has inherited the environment."""
        mark = f"{_MARK}={self.mark}".encode()
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended, or belongs to another user
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    yield process


def _why(process: Path) -> str | None:
    try:
        program = (process / "exe").readlink()
        preloaded = b"libfaketime" in (process / "maps").read_bytes()
        with (process / "exe").open("rb") as file:
            of_go = _OF_GO in file.read(_MOST)
    except OSError:  # it has ended
        return None
    if of_go:
        return f"{program.name} is a Go program, which reads its clock past the C library"
    return None if preloaded else f"{program.name} does not load libraries when it starts: it is linked statically"
