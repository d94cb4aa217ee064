"""A client that is a function in this process: each run is in a thread of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from orharness.contract.driving.batches import FunctionBatch
from orharness.contract.driving.function_run import FunctionRun
from orharness.contract.driving.subject import IMPORTING, Client, ClientRun
from orharness.contract.driving.usage import peak_of


class FunctionSubject:
    """A function of the base URL, in this process. Its first run may take long, since it imports its packages."""

    cannot_cancel: str | None = None
    cannot_time: str | None = None
    cannot_pair: str | None = None
    keyless: str | None = "a function is given no API key, and this one sends none"

    def __init__(self, client: Client) -> None:
        self.starting = IMPORTING
        self._client = client
        self._runs = 0

    def cpu(self) -> float | None:
        """Return the CPU time of this process, the server's part included."""
        return time.process_time()

    def memory(self) -> int | None:
        """Return the most memory that this process has had."""
        return peak_of(os.getpid())

    def start(self, base_url: str, stop_after: int | None = None, *, inside_read: bool = False) -> ClientRun:
        """Begin a run in a thread of its own."""
        self._runs += 1
        self.starting = IMPORTING if self._runs == 1 else 0.0
        run = FunctionRun(self._client, base_url, stop_after, inside_read=inside_read)
        run.start()
        return run

    def start_runs(self, base_urls: Sequence[str]) -> FunctionBatch:
        """Begin one run for each base URL, one after the other, all in one thread."""
        self._runs += 1
        self.starting = IMPORTING if self._runs == 1 else 0.0
        return FunctionBatch([FunctionRun(self._client, base_url) for base_url in base_urls], self.starting)
