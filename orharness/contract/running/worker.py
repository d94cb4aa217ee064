"""A Python client in processes of its own, for the many runs of one sweep.

Two threads that share an interpreter, a server and its client, do best on one core: they take turns anyway, and on two
cores each waits for the other one to wake up, a dozen times a run. So each of these processes has a server of its own
and keeps to one core, and whole sweeps are shared among them, part by part: a process that is done takes the next part.
Their result counts only if every run was right; anything wrong is repeated in this process, where it can be seen.

Run as a module, it is such a process. It takes a line of JSON a row, ``{"case": document, "dialect": name, "cuts":
[[…], …], "patience": s}``, and answers with one: ``{"row": {"text": …, "proof": [proven, assumed]}}``, with null as the
row if a run of it was not right. Before it come lines of ``{}``, as long as something happens. It ends after a client
that does not end.
"""

from __future__ import annotations

import gc
import json
import os
import random
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import astuple, replace
from functools import cache, partial
from time import monotonic
from types import TracebackType

from orharness.contract.catalogue.case import Case
from orharness.contract.catalogue.chunkings import Cuts
from orharness.contract.catalogue.parse import parse
from orharness.contract.driving.function_run import CLIENT_THREAD
from orharness.contract.driving.functions import FunctionSubject
from orharness.contract.driving.habits import Habits
from orharness.contract.driving.locate import locate
from orharness.contract.driving.processes import ClientProcess
from orharness.contract.driving.subject import IMPORTING
from orharness.contract.running.replies import patience_for
from orharness.contract.running.rows import Proof, Row, run_row
from orharness.dialects import DIALECTS
from orharness.errors import OrharnessError
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread

_MOST_WORKERS = 4
_WORTH_A_PROCESS = 128  # trials: it takes longer to start a process than to run fewer here
_LONGEST_SHARE = 512  # trials in a row for each of them, at most
_LONGEST_PART, _SHORTEST_PART = 256, 64  # trials that one is asked for at a time: a part costs as much as one or two
_COLLECTED_AFTER = 50_000  # objects, which are some twenty runs: collecting every few of them took a tenth of the time
_SOON = 2.0  # seconds from the end of a process to that of its stdout
_LOOK = 0.05  # seconds between two looks at whether a process is silent for too long
_SLACK = 5.0  # seconds beyond patience within which a process says something: it has patience of its own


class NamedFunction(FunctionSubject):
    """A function that is given by its name, ``MODULE:NAME`` or ``FILE.py:NAME``, so that other processes find it, too.
    A context manager.

    ``starting``: seconds until a process sends its first request. ``slack``: seconds beyond patience within which a
    process must say something. ``cores``: of each of these processes the number of its core, ``None`` where none can be
    chosen. Raises ``ScenarioError`` as ``locate`` does.
    """

    def __init__(
        self, name: str, *, starting: float = IMPORTING, slack: float = _SLACK, share: int = _LONGEST_SHARE
    ) -> None:
        super().__init__(locate(name))
        self._limits = starting, slack
        self._share = share
        self._name = name
        self.cores = cores_of_workers()
        self._workers: list[Worker] = []
        self._failed = False
        self._stay = ExitStack()

    def prepare(self) -> None:
        """Start a process, on another core than this one's, so that it is ready when the first row comes."""
        if len(self.cores) > 1 and not self._failed:
            self._processes(1)

    def takes(self, trials: int) -> int:
        """Return how many of ``trials`` the processes take in a row; 0 after they failed."""
        if self._failed or (not self._workers and trials < _WORTH_A_PROCESS):
            return 0
        return min(trials, len(self.cores) * self._share)

    def row(self, case: Case, cuttings: Sequence[Cuts], patience: float) -> Row | None:
        """Run one trial for each way to cut, shared among the processes; ``None`` if one of them does not hold."""
        workers = self._processes(min(len(self.cores), 1 + len(cuttings) // self._share))
        if not workers:
            return None
        parts = Handout(cuttings, len(workers))
        waited = patience_for(case, case.reply(), patience)
        first, *others = [partial(_work, worker, parts, case, patience, waited) for worker in workers]
        threads = [threading.Thread(target=one, name="orharness-worker", daemon=True) for one in others]
        try:
            for thread in threads:
                thread.start()
            first()
        except RuntimeError:  # no more threads can be started
            parts.stop()
            self._failed = True
        for thread in threads:
            while thread.is_alive():  # a join without an end cannot be interrupted on every system
                thread.join(_LOOK)
        if self._failed or any(worker.failed for worker in workers):
            self._give_up()
        return parts.result

    def _processes(self, number: int) -> list[Worker]:
        """Return the running processes, at least ``number``; none if no more can be started."""
        try:
            while len(self._workers) < number:  # the last core first: this thread has the first one
                self._workers.append(Worker(self._name, self.cores[-1 - len(self._workers)], *self._limits))
        except (OrharnessError, RuntimeError):  # no more processes, or threads, can be started
            self._give_up()
        return self._workers.copy()

    def _give_up(self) -> None:
        self._failed = True
        self.close()

    def close(self) -> None:
        """End the other processes."""
        while self._workers:
            self._workers.pop().close()

    def __enter__(self) -> NamedFunction:
        """Keep this thread and those that it starts on one core for the block."""
        self._stay.enter_context(_on_one_core(self.cores[0]))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._stay:
            self.close()


class Worker:
    """One of the other processes, as it is seen from here; ``failed`` after anything has gone wrong with it.

    Raises ``ScenarioError`` where it cannot be started.
    """

    def __init__(self, name: str, core: int | None, starting: float, slack: float) -> None:
        self.failed = False
        # Without the current directory on its path: a file of the user's may be named as one of ours is.
        with _on_one_core(core):
            self._process = ClientProcess([sys.executable, "-P", "-m", __name__, name], hears=True)
        self._starting = starting
        self._slack = slack
        self._silence = 0.0  # seconds that it may say nothing
        self._heard = 0.0  # when it last said something
        self._row: Row | None = None
        self._reader = threading.Thread()

    def run(self, case: Case, cuttings: Sequence[Cuts], patience: float, waited: float) -> Row | None:
        """Run one trial for each way to cut; return ``None`` if one does not hold, or where the process fails.

        ``waited``: the seconds that the process waits for a client which does nothing.
        """
        self.failed = True  # until it has answered
        try:
            return self._answer() if self._ask(case, cuttings, patience, waited) else None
        except RuntimeError:  # no more threads can be started
            return None

    def _ask(self, case: Case, cuttings: Sequence[Cuts], patience: float, waited: float) -> bool:
        """Ask it to run one trial for each way to cut; return whether it took the question."""
        question = {"case": case.document, "dialect": case.dialect.name, "cuts": cuttings, "patience": patience}
        self._row = None
        told = self._process.write(json.dumps(question).encode() + b"\n")
        if told:
            until_request = Habits().limit(self._starting, waited)  # at least: only the process has measured
            self._silence = waited + self._slack + until_request
            self._heard = monotonic()
            self._reader = threading.Thread(target=self._read, name="orharness-worker", daemon=True)
            self._reader.start()
            self._starting = 0.0
        return told

    def _answer(self) -> Row | None:
        """Wait for its answer; ``None`` as ``run``."""
        while self._reader.is_alive():
            self._reader.join(_LOOK)
            if self._reader.is_alive() and monotonic() > self._heard + self._silence:
                self._process.kill()
                self._reader.join(_SOON)
                break
        return None if self.failed else self._row

    def _read(self) -> None:
        told = b""
        while data := self._process.read():
            self._heard = monotonic()
            told += data
            if told.endswith(b"\n") and "row" in (message := json.loads(told.splitlines()[-1])):
                row = message["row"]
                self._row = None if row is None else Row(row["text"], Proof(*row["proof"]))
                self.failed = False
                return

    def close(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        if self._reader.ident is not None:
            self._reader.join(_SOON)
        if self._reader.is_alive():  # what a client started in a session of its own holds the pipe open
            self._process.wait(_SOON)
        else:
            self._process.close()


class Handout:
    """The trials of a row, handed out part by part, and their results. Used by several threads."""

    def __init__(self, cuttings: Sequence[Cuts], workers: int) -> None:
        self._cuttings = cuttings
        self._workers = workers
        self._least = min(_SHORTEST_PART, -(-len(cuttings) // workers))  # a short row is shared evenly
        self._handed = 0  # trials that were handed out
        self._rows: dict[int, Row] = {}  # by the number of the first trial
        self._held = 0  # trials that hold
        self._stopped = False
        self._lock = threading.Lock()

    def take(self) -> tuple[int, Sequence[Cuts]] | None:
        """Return the next part, and the number of its first trial; ``None`` if there is none, or the row is stopped.

        The parts grow shorter, so that all are done at about the same time, however fast each process is.
        """
        with self._lock:
            left = len(self._cuttings) - self._handed
            if not left or self._stopped:
                return None
            at, size = self._handed, min(_LONGEST_PART, left // (2 * self._workers - 1))
            self._handed += min(left, max(self._least, size))
            return at, self._cuttings[at : self._handed]

    def done(self, at: int, trials: int, row: Row) -> None:
        """Note that all trials of a part hold."""
        with self._lock:
            self._rows[at] = row
            self._held += trials

    def stop(self) -> None:
        """Hand out no more: a trial does not hold, or a process failed."""
        self._stopped = True

    @property
    def result(self) -> Row | None:
        """The whole row; ``None`` unless all of it holds."""
        if self._held < len(self._cuttings):
            return None
        return Row.all([self._rows[at] for at in sorted(self._rows)])


def _work(worker: Worker, parts: Handout, case: Case, patience: float, waited: float) -> None:
    """Have a process run parts of a row until no part is left, or one does not hold; see ``Worker.run``."""
    while (part := parts.take()) is not None:
        at, cuttings = part
        row = worker.run(case, cuttings, patience, waited)
        if row is None:
            return parts.stop()
        parts.done(at, len(cuttings), row)
    return None


def cores_of_workers() -> list[int | None]:
    """Return a random core for each process (other checks may be running), ``None`` where none can be chosen."""
    if hasattr(os, "sched_getaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        return list(random.SystemRandom().sample(allowed, min(_MOST_WORKERS, len(allowed))))
    return [None] * min(_MOST_WORKERS, os.cpu_count() or 1)


@contextmanager
def _on_one_core(core: int | None) -> Iterator[None]:
    """Keep this thread, and what it starts, on one core for the block; do nothing where no core can be chosen."""
    if core is None:
        yield
        return
    allowed = os.sched_getaffinity(0)
    with suppress(OSError):  # it was taken away meanwhile
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, allowed)


def main(name: str) -> None:
    """Run rows until stdin ends. What the client prints is discarded."""
    asked, told = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)

    def tell(**message: object) -> None:
        told.write(json.dumps(message).encode() + b"\n")
        told.flush()

    client = FunctionSubject(locate(name))
    gc.freeze()  # what has been imported stays, and need not be looked at again and again
    gc.set_threshold(_COLLECTED_AFTER)
    thread, habits = ServerThread().start(), Habits()
    asked_of, case = None, None
    for line in asked:
        question = json.loads(line)
        with SseServer(thread, strict=False) as server:
            if case is None or (question["case"], question["dialect"]) != asked_of:
                document, dialect = asked_of = question["case"], question["dialect"]
                case = parse(document, DIALECTS.named(dialect))
                case = replace(case, reply=cache(case.reply))  # as a rule the next part is of the same case
            cuts, patience = question["cuts"], question["patience"]
            row = run_row(server, client, case, cuts, patience, habits, tell)
        if any(one.name == CLIENT_THREAD for one in threading.enumerate()):
            os._exit(1)  # a client that goes on, whatever it is told, would be in the way of the next row
        tell(row=None if row is None else {"text": row.text, "proof": astuple(row.proof)})
    thread.stop()


if __name__ == "__main__":
    main(sys.argv[1])
