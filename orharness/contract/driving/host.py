"""A Python client in a process of its own, which speaks the driver protocol: so its clock can be another one than ours.

Run as a module with the client's name, ``MODULE:NAME`` or ``FILE.py:NAME``, and how many times faster its clock runs.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from contextlib import suppress

from orharness.contract.driving.driver_process import PROTOCOL
from orharness.contract.driving.function_run import FunctionRun
from orharness.contract.driving.locate import locate
from orharness.contract.driving.subject import Client
from orharness.errors import ScenarioError

_LOOK = 0.002  # seconds, by our clock, between two looks


def command(name: str, rate: float) -> list[str]:
    """Return the words that start it."""
    # Without the current directory on its path: a file of the user's may be named as one of ours is.
    return [sys.executable, "-P", "-m", __name__, name, f"{rate:g}"]


class _Host:
    def __init__(self, client: Client, rate: float, out: int) -> None:
        self._client = client
        self._look = _LOOK * rate  # by the clock of this process
        self._out = os.fdopen(out, "wb")

    def tell(self, **message: object) -> None:
        self._out.write(json.dumps(message).encode() + b"\n")
        self._out.flush()

    def stream(self, number: int, base_url: str) -> None:
        run = FunctionRun(self._client, base_url)
        run.start()
        told = 0
        while not run.ended.is_set():
            told = self._tell_texts(number, run, told)
            time.sleep(self._look)
        self._tell_texts(number, run, told)
        if run.error is None:
            self.tell(id=number, event="end")
        else:
            self.tell(id=number, event="error", message=f"{type(run.error).__name__}: {run.error}")

    def _tell_texts(self, number: int, run: FunctionRun, told: int) -> int:
        new = run.pieces[told:]
        for text in new:
            self.tell(id=number, event="delta", text=text)
        return told + len(new)


def poll_timed_waits(look: float) -> None:
    """Make the timed waits of Python's threads look at the clock every ``look`` seconds.

    They wait for a moment of the kernel's clock (sem_clockwait), which libfaketime leaves as it is: the moment is named
    by the faster clock, and would come days later.
    """
    untimed, joined = threading.Condition.wait, threading.Thread.join

    def wait(self: threading.Condition, timeout: float | None = None) -> bool:
        if timeout is None:
            return untimed(self)
        if not self._is_owned():  # type: ignore[attr-defined]
            raise RuntimeError("cannot wait on un-acquired lock")
        waiter = threading.Lock()
        waiter.acquire()
        self._waiters.append(waiter)  # type: ignore[attr-defined]
        saved, woken = self._release_save(), False  # type: ignore[attr-defined]
        deadline = time.monotonic() + timeout
        try:
            while not (woken := waiter.acquire(blocking=False)) and (left := deadline - time.monotonic()) > 0:
                time.sleep(min(look, left))
            return woken
        finally:
            self._acquire_restore(saved)  # type: ignore[attr-defined]
            if not woken:
                with suppress(ValueError):
                    self._waiters.remove(waiter)  # type: ignore[attr-defined]

    def join(self: threading.Thread, timeout: float | None = None) -> None:
        if timeout is None:
            return joined(self)
        deadline = time.monotonic() + timeout
        while self.is_alive() and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(look, left))
        return None

    threading.Condition.wait = wait  # type: ignore[method-assign]
    threading.Thread.join = join  # type: ignore[method-assign]
    queue.SimpleQueue = queue._PySimpleQueue  # type: ignore[attr-defined,misc]  # it waits by a Condition


def main(name: str, rate: float) -> None:
    """Take orders until stdin ends, or says so. What the client prints is discarded."""
    orders, out = os.fdopen(os.dup(0), "rb"), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    if rate > 1:
        poll_timed_waits(_LOOK * rate)
    try:
        client = locate(name)
    except ScenarioError as error:
        sys.stderr.write(f"{error}\n")
        os._exit(2)
    host = _Host(client, rate, out)
    host.tell(event="hello", protocol=PROTOCOL, name=name)
    for line in orders:
        order = json.loads(line)
        if order["op"] == "quit":
            break
        if order["op"] == "stream":  # in a thread of its own, so that an order to quit is taken while it runs
            threading.Thread(target=host.stream, args=(order["id"], order["base_url"]), daemon=True).start()
    os._exit(0)  # threads of the client may go on, whatever they are told


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
