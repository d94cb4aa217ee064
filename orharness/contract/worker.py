"""A Python client in processes of its own, for the many runs of one sweep.

A client in a thread of this process shares the interpreter with the server that is to see it: each hands it to the
other a dozen times a run, which takes longer than all that the two have to do. So whole sweeps are read elsewhere, and
only if every run was right; whatever is wrong is looked at here, where it can be seen.

Run as a module, it is such a process. It takes a line of JSON a batch, ``{"base_url": …, "times": …}``, and answers
with one, ``{"texts": …}``.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import threading
from collections.abc import Callable, Sequence
from itertools import chain
from types import TracebackType
from typing import Any

from orharness.contract.clients import IMPORTING, Batch, FunctionSession, FunctionSubject, texts_of
from orharness.contract.locate import locate
from orharness.contract.processes import ClientProcess
from orharness.errors import OrharnessError

_WORKERS = 2  # clients at a time: while one computes, the server answers the other


class NamedFunction(FunctionSubject):
    """A function by its name, ``MODULE:NAME`` or ``FILE.py:NAME``: other processes find it, too. A context manager.

    Raises ``ScenarioError`` as ``locate`` does.
    """

    def __init__(self, name: str) -> None:
        super().__init__(locate(name))
        self._name = name
        self._workers: list[ClientProcess] = []
        self._failed = False

    def start_many(self, base_url: str, times: int) -> Batch:
        """Begins the first of so many runs: in the other processes, unless they have failed before."""
        if self._failed:
            return super().start_many(base_url, times)
        starting = 0.0 if self._workers else IMPORTING
        try:
            while len(self._workers) < _WORKERS:
                # Without the current directory on its path: a file of the user's may be named as one of ours is.
                words = [sys.executable, "-P", "-m", __name__, self._name]
                self._workers.append(ClientProcess(shlex.join(words), hears=True))
        except OrharnessError:  # it cannot be started
            self._give_up()
            return super().start_many(base_url, times)
        return WorkerBatch(self._workers, base_url, times, starting, self._give_up)

    def _give_up(self) -> None:
        self._failed = True
        self.close()

    def close(self) -> None:
        """Ends the other processes."""
        while self._workers:
            self._workers.pop().close()

    def __enter__(self) -> NamedFunction:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class WorkerBatch:
    """Several runs, shared by the other processes. Where one says anything but texts, they are not asked again."""

    def __init__(
        self,
        workers: Sequence[ClientProcess],
        base_url: str,
        times: int,
        starting: float,
        give_up: Callable[[], None],
    ) -> None:
        self.texts: list[str] | None = None
        self.ended = threading.Event()
        self.starting = starting
        self._workers = workers
        self._give_up = give_up
        self._answers: list[list[str] | None] = []
        self._lock = threading.Lock()
        self._asking = len(workers)
        shares = (times // len(workers) + (number < times % len(workers)) for number in range(len(workers)))
        questions = ({"base_url": base_url, "times": share} for share in shares)
        self._threads = [
            threading.Thread(target=self._ask, args=pair, name="orharness-worker", daemon=True)
            for pair in zip(workers, questions, strict=True)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Gives up the runs that are under way: ends the processes."""
        if not self.ended.is_set():
            for worker in self._workers:
                worker.kill()
        for thread in self._threads:
            thread.join()
        if len(self._answers) < len(self._workers):
            self._give_up()

    def _ask(self, worker: ClientProcess, question: dict[str, Any]) -> None:
        told = b""
        if worker.write(json.dumps(question).encode() + b"\n"):
            while not told.endswith(b"\n") and (data := worker.read()):
                told += data
        with self._lock:
            if told.endswith(b"\n"):
                self._answers.append(json.loads(told)["texts"])
            self._asking -= 1
            if not self._asking:
                self.texts = self._all_texts()
                self.ended.set()

    def _all_texts(self) -> list[str] | None:
        """All runs are of one case, so it does not matter which run has which text."""
        whole = [answer for answer in self._answers if answer is not None]
        return list(chain.from_iterable(whole)) if len(whole) == len(self._workers) else None


def main(name: str) -> None:
    """The other process: reads batches until its stdin ends. What the client prints goes nowhere."""
    asked, told = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    client = locate(name)
    for line in asked:
        question = json.loads(line)
        sessions = [FunctionSession(client, question["base_url"]) for _ in range(question["times"])]
        told.write(json.dumps({"texts": texts_of(sessions)}).encode() + b"\n")
        told.flush()


if __name__ == "__main__":
    main(sys.argv[1])
