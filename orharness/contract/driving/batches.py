"""Several runs of a function in one thread, one after the other, with nothing between them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from orharness.contract.driving.function_run import CLIENT_THREAD, FunctionRun
from orharness.contract.driving.loops import client_loop, replace_if_held

_GIVEN_UP = 1.0  # seconds for a run that was given up to end


class FunctionBatch:
    """Several runs of a function in one thread, one after the other. ``ended``: the last one has.

    ``texts``: of each run the text, once all have ended; ``None`` if one of them showed an error or stopped short.
    ``starting``: seconds that the first run may take, at least, until it sends its request. ``begun``: how many of the
    runs have begun.
    """

    def __init__(self, runs: Sequence[FunctionRun], starting: float) -> None:
        self.starting = starting
        self.begun = 0
        self.texts: list[str] | None = None
        self.ended = threading.Event()
        self._runs = runs
        self._closed = False
        self._thread = threading.Thread(target=self._main, name=CLIENT_THREAD, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Begin no further run, and give up the one that is running."""
        self._closed = True
        for run in self._runs:
            run.close()
        self._thread.join(_GIVEN_UP)
        if self._thread.is_alive() and any(run.can_cancel_inside_read for run in self._runs):
            replace_if_held(_GIVEN_UP)

    def _main(self) -> None:
        waiting = iter(self._runs)
        for run in waiting:
            self.begun += 1
            run.run()
            if not self._continues_after(run):
                break
            if run.can_cancel_inside_read:  # from thread to thread, each time, was a quarter of a sweep
                client_loop().run(self._run_in_loop(waiting))
        self.ended.set()

    async def _run_in_loop(self, waiting: Iterator[FunctionRun]) -> None:
        for run in waiting:
            self.begun += 1
            await run.run_in_loop()
            if not self._continues_after(run):
                break

    def _continues_after(self, run: FunctionRun) -> bool:
        """Return whether the next one is to be run; after the last one, set ``texts``."""
        if self._closed or run.error is not None:
            return False
        if run is self._runs[-1]:
            self.texts = ["".join(one.pieces) for one in self._runs]
        return True
