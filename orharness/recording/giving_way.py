"""How much a process gives way to others."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_AUTOGROUP = Path("/proc/self/autogroup")
_NICE = 5
_LESS = 10  # a tenth of the processor, where others want all of it


class GivingWay:
    """Lets this process, which leads a session of its own, give way to others for as long as that is wanted.

    Linux shares the processor among sessions first (``sched_autogroup_enabled``), and looks at the priorities of
    processes only inside of each: beside the processes of another session, ``nice`` has no effect. The priority of the
    session can be changed, and changed back, but only ten times a second: ``later`` is called with a function that
    tries again, and is to call it after that time. ``nice`` is for other systems; it cannot be taken back.
    """

    def __init__(self, later: Callable[[Callable[[], None]], object], file: Path = _AUTOGROUP) -> None:
        self._later = later
        self._file = file
        self._wanted = self._set = False
        self._waits = False  # for the next try
        with suppress(OSError, AttributeError):
            os.nice(_NICE)

    def set(self, *, wanted: bool) -> None:
        """Give way from now on, or do not."""
        self._wanted = wanted
        if not self._waits:
            self._try()

    def _try(self) -> None:
        self._waits = False
        if self._wanted == self._set:
            return
        try:
            self._file.write_bytes(b"%d" % (_LESS if self._wanted else 0))
            self._set = self._wanted
        except BlockingIOError:  # it was changed just now, of whatever session
            self._waits = True
            self._later(self._try)
        except OSError:  # another system
            self._set = self._wanted
