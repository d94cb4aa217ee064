"""``orharness serve --workers N``: processes that share one port, for load tests that need more than one core.

Linux deals connections out among the sockets that listen on one port (``SO_REUSEPORT``). So requests of one client may
come to different processes, and only routes whose answers depend on nothing but the request are served. The process
that was started plays nothing: it starts the workers, reports the end of one, and adds up their accounts.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Unpack

from orharness.cli.metrics import MergedMetrics, Metrics, serve_metrics
from orharness.cli.running import (
    TURN,
    Stop,
    announce,
    rare_collections,
    short_turns,
    stop_at_end_of_input,
    stopped_by_signal,
)
from orharness.cli.serve import Decided, Played, ServeOptions, server_options
from orharness.cli.served import Account, Served, ServeOutput
from orharness.errors import OrharnessError, ScenarioError
from orharness.journal import Pacing
from orharness.scenario.body import Whole
from orharness.scenario.reply import Reply
from orharness.scenario.route import Route
from orharness.server.facade import ServerOptions, SseServer
from orharness.server.siblings import WorkerPlace
from orharness.server.thread import loopback_sockets
from orharness.transforms import Step

_START = 60.0  # seconds for all workers to listen
_END = 10.0  # seconds for a worker to end after it was asked to
_AT_ONCE = 0.5  # seconds in which a signal to all processes has reached this one as well


def serve_with_workers(options: ServeOptions) -> bool:
    """Serve until SIGINT or SIGTERM; return whether every worker served to the end.

    Raises ``OrharnessError`` for what cannot be served, or not by several processes.
    """
    if sys.platform != "linux":
        raise ScenarioError("--workers needs Linux, which deals the connections to one port out among processes")
    played = Played.by(options)
    check_stateless(played)
    with stopped_by_signal() as stop, tempfile.TemporaryDirectory(prefix="orharness-") as folder:
        merged = None if options.metrics is None else MergedMetrics(Path(folder) / "metrics")
        with _port_of(options) as port:
            token = os.environ.get("ORHARNESS_TOKEN") or secrets.token_urlsafe(24)
            team = _Team(replace(options, port=port), played, Path(folder), token)
            try:
                served = team.started()
            except BaseException:
                team.kill()
                raise
        if options.until_eof:
            stop_at_end_of_input(stop)  # a thread: no process is forked after it
        output = ServeOutput(Decided())
        address = None if merged is None else f"http://127.0.0.1:{serve_metrics(merged, options.metrics or 0)}/metrics"
        announce(served.base_url)
        output.introduce(served, played, metrics=address)
        team.watch(stop, output, merged)
        account = team.end(output)
    return output.sum_up(account, options.journal) and team.all_reported


def check_stateless(played: Played) -> None:
    """Raise ``ScenarioError`` if an answer depends on more than its request: each worker knows its own requests."""
    options = played.options
    if options.paced == Pacing.LOCKSTEP:
        what = "a --case is played in lockstep" if options.pacing is None else "--pacing lockstep"
        raise ScenarioError(f"--workers: {what}, which is for one client at a time: leave --workers out")
    for route in (*played.routes, *played.of_cassettes):
        reason = next(_state_of(route), None)
        if reason is not None:
            raise ScenarioError(f"--workers: {route.name} {reason}, and no worker knows what the others did")


def _state_of(route: Route) -> Iterator[str]:
    """Yield what of a route depends on other requests, or on a release."""
    if len(route.replies) > 1:
        yield f"has {len(route.replies)} replies in turn"
    if route.times is not None:
        yield "answers a number of requests (times)"
    if route.expect is not None:
        yield "expects something of all its calls (expect)"
    for reply in route.replies:
        if reply.pacing is Pacing.LOCKSTEP:
            yield "is played in lockstep"
        if _has_gates(reply):
            yield "has a gate (hold)"


def _has_gates(reply: Reply) -> bool:
    given = isinstance(reply.body, Whole) and bool(reply.body.stream.gates)
    return given or any(isinstance(one, Step) and one.name == "hold" for one in reply.through)


@contextmanager
def _port_of(options: ServeOptions) -> Iterator[int]:
    """Yield the port, which is kept for the workers inside the block. Raises ``ScenarioError`` where it is taken."""
    alone = loopback_sockets(options.host, options.port)  # another server of this user would let itself be joined
    port = int(alone[0].getsockname()[1])
    _close(alone)
    shared = loopback_sockets(options.host, port, shared=True)
    try:
        yield port
    finally:
        _close(shared)


def _close(sockets: Sequence[socket.socket]) -> None:
    for one in sockets:
        one.close()


class WorkerServer(SseServer):
    """The server of one worker."""

    def __init__(self, place: WorkerPlace, **options: Unpack[ServerOptions]) -> None:
        self._place = place
        super().__init__(**options)


@dataclass
class _WorkerProcess:
    """A worker, as its parent sees it. ``account``: what it sent at its end, ``None`` if nothing (yet)."""

    number: int
    process: BaseProcess
    pipe: Connection
    account: Account | None = None
    ended_at: float | None = None

    def hear(self) -> Any:
        """Return the next message, ``None`` at the end of the pipe."""
        try:
            return self.pipe.recv()
        except (EOFError, ConnectionError):
            return None

    @property
    def how_it_ended(self) -> str:
        """How the process ended."""
        code = self.process.exitcode
        how = f"by {signal.Signals(-code).name}" if code is not None and code < 0 else f"with exit code {code}"
        return f"worker {self.number} (process {self.process.pid}) has ended {how}"


class _Team:
    """The workers of one server."""

    def __init__(self, options: ServeOptions, played: Played, folder: Path, token: str) -> None:
        self._reported: list[_WorkerProcess] = []
        self._all: list[_WorkerProcess] = []
        context = get_context("fork")  # what is played is read and checked once
        for number in range(1, options.workers + 1):
            ours, theirs = context.Pipe()
            place = WorkerPlace(number, options.workers, folder)
            not_theirs = [ours, *(one.pipe for one in self._all)]
            process = context.Process(
                target=_work, args=(place, options, played, token, theirs, not_theirs), name=f"orharness-{number}"
            )
            process.start()
            theirs.close()
            self._all.append(_WorkerProcess(number, process, ours))

    def started(self) -> Served:
        """Return where the server is reached, once all workers listen. Raises ``OrharnessError`` if one does not."""
        deadline = monotonic() + _START
        served = None
        for one in self._all:
            message = one.hear() if one.pipe.poll(max(0.0, deadline - monotonic())) else "does not start"
            if not isinstance(message, Served):
                one.process.join(0 if message else _END)
                raise OrharnessError(f"worker {one.number}: {message}" if message else one.how_it_ended)
            served = message
        assert served is not None
        return served

    @property
    def all_reported(self) -> bool:
        """Whether each worker has sent its account: one that was stopped by a signal has, one that died has not."""
        return all(one.account is not None for one in self._all)

    def watch(self, stop: Stop, output: ServeOutput, merged: MergedMetrics | None) -> None:
        """Return when the stop is asked for, or no worker is left; report each that ends before."""
        while not stop.asked and (alive := [one for one in self._all if one not in self._reported]):
            running = [one for one in alive if one.ended_at is None]
            ready = wait([one.pipe for one in running], TURN)
            if not running:
                sleep(TURN)
            for one in running:
                if one.pipe in ready:
                    one.account = one.hear()
                    one.process.join(_END)
                    one.ended_at = monotonic()
            for one in alive:
                # A signal to all processes of a group ends the workers, too: nothing is lost.
                if one.ended_at is not None and monotonic() - one.ended_at > _AT_ONCE and not stop.asked:
                    self._report(one, output)
                    if merged is not None:
                        merged.ended(one.process.pid or 0)

    def _report(self, one: _WorkerProcess, output: ServeOutput) -> None:
        self._reported.append(one)
        others = sum(each.ended_at is None for each in self._all)
        kept = "its exchanges are lost" if one.account is None else "its exchanges are in the account, not the journal"
        output.complain(f"{one.how_it_ended}: {kept}; {others} of {len(self._all)} workers serve")

    def end(self, output: ServeOutput) -> Account:
        """End all workers; return what they saw."""
        for one in self._all:
            if one.ended_at is None:
                try:
                    one.pipe.send("stop")
                except OSError:  # it ended by itself
                    continue
        deadline = monotonic() + _END
        for one in self._all:
            if one.account is None and one not in self._reported:
                one.account = one.hear() if one.pipe.poll(max(0.0, deadline - monotonic())) else None
                one.process.join(max(0.0, deadline - monotonic()))
        self.kill()
        for one in self._all:
            if one.account is None and one not in self._reported:
                one.ended_at = monotonic()
                self._report(one, output)
        return sum((one.account for one in self._all if one.account is not None), Account())

    def kill(self) -> None:
        """End at once those that are left."""
        for one in self._all:
            if one.process.exitcode is None:
                one.process.kill()
                one.process.join()
            one.pipe.close()


def _work(
    place: WorkerPlace,
    options: ServeOptions,
    played: Played,
    token: str,
    pipe: Connection,
    not_ours: Sequence[Connection],
) -> None:
    """Serve as one worker until the parent says stop, or is gone."""
    for one in not_ours:  # else a worker would not see the end of the parent
        one.close()
    with stopped_by_signal() as stop, short_turns(), rare_collections():
        decided = Decided()
        try:
            server = WorkerServer(place, **_options_of(options, played, place, token))
        except OrharnessError as error:
            pipe.send(str(error))
            return
        with server:
            played.mount_on(server)
            server.listen(decided.notice)
            if options.metrics is not None:
                server.listen(Metrics().notice)
            output = ServeOutput(decided)
            pipe.send(Served.of(server))
            while not stop.asked and not pipe.poll():
                output.show_next(TURN)
        while output.show_next():
            pass
        if not stop.asked and _is_gone(pipe):
            return
        pipe.send(Account.of(server))


def _options_of(options: ServeOptions, played: Played, place: WorkerPlace, token: str) -> ServerOptions:
    control = replace(options.controlled, token=token, page=False)
    kept = -(-options.journal // place.of)
    return {**server_options(options, played), "control": control, "journal": kept}


def _is_gone(pipe: Connection) -> bool:
    try:
        pipe.recv()
    except (EOFError, ConnectionError):
        return True
    return False
