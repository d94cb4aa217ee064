"""Several cases at once: each share of them in a process of its own, which has its own server and its own client.

Run as a module, it is such a process. It takes one line of JSON, a ``Share``, and answers with a pickled ``Verdict`` in
base64 a line, in the order of its cases.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import TextIO

from orharness.contract.catalogue.files import with_own
from orharness.contract.driving import host
from orharness.contract.driving.clocks import ClientClock
from orharness.contract.driving.commands import CommandSubject
from orharness.contract.driving.drivers import DriverSubject
from orharness.contract.driving.processes import ClientProcess
from orharness.contract.driving.subject import Subject
from orharness.contract.running.run import run
from orharness.contract.running.worker import NamedFunction
from orharness.errors import OrharnessError
from orharness.verdict import Verdict

_SOON = 2.0  # seconds from the end of a process to that of its stdout


@dataclass(frozen=True)
class Share:
    """What one process judges.

    ``client``: the words that name it to ``orharness check``. ``only``: the ids of the cases, ``files``: where those of
    the user's own are. ``dialect``: its name. ``at``, ``profile``, ``seed`` and ``patience`` as for ``run``.
    """

    client: Sequence[str]
    only: Sequence[str]
    files: Sequence[str]
    dialect: str
    profile: str
    seed: int
    patience: float
    at: Sequence[int] | None = None

    def judge(self, subject: Subject, on_verdict: Callable[[Verdict], None]) -> None:
        """Judge the client in this process; ``on_verdict`` is called with each verdict as it comes."""
        run(
            subject,
            with_own(map(Path, self.files), self.dialect),
            dialect=self.dialect,
            only=self.only,
            at=self.at,
            profile=self.profile,
            seed=self.seed,
            patience=self.patience,
            on_verdict=on_verdict,
        )


def opened(client: Sequence[str], clock: ClientClock | None = None) -> AbstractContextManager[Subject]:
    """Return the client that these words name: ``--command CMD``, ``--driver CMD``, or the name of a function.

    ``clock``: the clock of its process; a function then has a process of its own. Raises ``ScenarioError`` for a name
    that cannot be resolved.
    """
    environment = None if clock is None else clock.environment
    match client:
        case ["--command", command]:
            return nullcontext(CommandSubject(command, environment=environment))
        case ["--driver", command]:
            return DriverSubject(command, environment=environment)
    if clock is None:
        return NamedFunction(client[-1])
    return DriverSubject(host.command(client[-1], clock.rate), environment=environment)


def run_in_jobs(share: Share, jobs: int, on_verdict: Callable[[Verdict], None]) -> list[Verdict]:
    """Judge the cases of a share in several processes; return the verdicts in the order of its cases. ``on_verdict`` is
    called with each verdict as it comes. Raises ``OrharnessError`` where a process fails.
    """
    shares = [replace(share, only=share.only[number::jobs]) for number in range(min(jobs, len(share.only)))]
    found: dict[str, Verdict] = {}
    heard: SimpleQueue[Verdict | str | None] = SimpleQueue()
    with ExitStack() as stack:
        for one in shares:
            stack.callback(_Process(one, heard).close)
        left = len(shares)
        while left:
            said = heard.get()
            if isinstance(said, str):
                raise OrharnessError(f"a process of --jobs failed: {said}")
            if said is None:
                left -= 1
            elif said.case not in found:  # each process may add its verdict on the plain answer
                found[said.case] = said
                on_verdict(said)
    places = {case: number for number, case in enumerate(share.only)}
    return sorted(found.values(), key=lambda one: places.get(one.case, -1))


class _Process:
    """One of the processes. ``heard`` gets its verdicts, then ``None``, or the end of its stderr if it fails."""

    def __init__(self, share: Share, heard: SimpleQueue[Verdict | str | None]) -> None:
        self._heard = heard
        self._closed = False
        self._process = ClientProcess([sys.executable, "-P", "-m", __name__], hears=True)
        self._process.write(json.dumps(asdict(share)).encode() + b"\n")
        self._thread = threading.Thread(target=self._read, name="orharness-job", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        told = b""
        while data := self._process.read():
            *lines, told = (told + data).split(b"\n")
            for line in lines:
                self._heard.put(pickle.loads(b64decode(line)))  # of a process of ours
        self._process.wait(_SOON)
        if self._process.code == 0 or self._closed:
            self._heard.put(None)
        else:
            self._heard.put((self._process.said().splitlines() or [self._process.ended() or "it ended"])[-1])

    def close(self) -> None:
        """End it, whatever it does."""
        self._closed = True
        self._process.kill()
        self._thread.join(_SOON)
        if not self._thread.is_alive():
            self._process.close()


def _end_with(orders: TextIO) -> None:
    """End this process when its parent has ended."""
    orders.read()
    os._exit(1)


def main() -> None:
    """Judge one share. What the client prints is discarded."""
    orders, answers = os.fdopen(os.dup(0), "r", encoding="utf-8"), os.fdopen(os.dup(1), "wb")
    asked = orders.readline()
    threading.Thread(target=_end_with, args=(orders,), name="orharness-orders", daemon=True).start()
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)

    def tell(verdict: Verdict) -> None:
        answers.write(b64encode(pickle.dumps(verdict)) + b"\n")
        answers.flush()

    share = Share(**json.loads(asked))
    try:
        with opened(share.client) as subject:
            share.judge(subject, tell)
    except OrharnessError as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
        os._exit(2)
    os._exit(0)  # threads of the client may go on, whatever they are told


if __name__ == "__main__":
    main()
