"""The CPU time and the memory of a client's processes, and how long they wait for a core, as Linux counts them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_GROUP, _USER, _SYSTEM = 2, 11, 12  # fields of /proc/PID/stat, counted from the state of the process


def cpu_of_group(group: int) -> float | None:
    """Return the seconds of CPU time of all processes of a group so far; ``None`` where the system does not say."""
    if sys.platform != "linux":
        return None
    ticks = sum(int(fields[_USER]) + int(fields[_SYSTEM]) for _, fields in _members(group))
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_of_group(group: int) -> int | None:
    """Return the most bytes of memory that the processes of a group have had, ``None`` where that is not known."""
    if sys.platform != "linux":
        return None
    return sum(_peak(process) for process, _ in _members(group))


def peak_of(process: int) -> int | None:
    """Return the most bytes of memory that a process has had; ``None`` where the system does not say."""
    return _peak(Path(f"/proc/{process}")) if sys.platform == "linux" else None


def starved(process: int, *, children: bool = True) -> dict[int, float]:
    """Return of each thread the seconds for which it was ready to run and had no core, since it began.

    That is the run delay of ``/proc/PID/task/TID/schedstat`` (Documentation/scheduler/sched-stats.rst). Empty where the
    system does not say. ``children``: with the threads of the processes that it has started.
    """
    found: dict[int, float] = {}
    left = [process] if sys.platform == "linux" else []
    while left:
        tasks = f"/proc/{left.pop()}/task"
        with suppress(OSError):  # it has ended
            for thread in os.listdir(tasks):  # noqa: PTH208 - a tenth of the time of a look, ten times a second
                with suppress(OSError, IndexError):
                    found[int(thread)] = int(_read(f"{tasks}/{thread}/schedstat").split()[1]) / 1e9
                    left += map(int, _read(f"{tasks}/{thread}/children").split()) if children else ()
    return found


def _read(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, 4096)
    finally:
        os.close(file)


def _members(group: int) -> Iterator[tuple[Path, list[str]]]:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):  # it has ended
            fields = (process / "stat").read_text("ascii", "replace").rpartition(") ")[2].split()
            if int(fields[_GROUP]) == group:
                yield process, fields


def _peak(process: Path) -> int:
    with suppress(OSError):
        for line in (process / "status").read_text("ascii", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
