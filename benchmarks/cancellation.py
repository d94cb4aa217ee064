"""Which stop buttons stop the model? ``python -m benchmarks.cancellation [--times N] [--json FILE] [CLIENT…]``.

Each way to cancel that a client's manual shows is walked in a process of its own (``benchmarks/ways``,
``benchmarks/node``), in three situations: while events come, while the stream is silent, and before the first token.
The moment of the stop is taken in the client, that of the leaving by the server's transport, on one clock
(CLOCK_MONOTONIC). Then the same through the recorder, before a real model, as the model itself tells.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import monotonic, sleep
from typing import Any

from benchmarks.client_process import WalkingProcess, command_for, install_node_clients, missing
from benchmarks.model_behind_recorder import RECORDER, real_model_missing, through_the_recorder
from benchmarks.tables import Table
from benchmarks.ways.catalogue import CLIENTS, Client, Runtime, Way
from orharness.journal import Exchange
from orharness.scenario import Reply
from orharness.server.facade import SseServer
from orharness.server.handles import LiveRoute
from orharness.server.thread import ServerThread
from orharness.transforms import hold

TOKENS = 2000
TICK = 0.02  # seconds between two events: 50 tokens a second
_BEFORE = 5  # events that have come before the stop
_ASKS = 60.0  # seconds in which a client must have asked: litellm takes some to be imported


class Situation(StrEnum):
    """What the stream does when the user presses stop."""

    EVENTS = "while events come"
    SILENT = "while silent"
    FIRST = "before the first token"  # the head has come, and nothing after it


class StoppedBy(StrEnum):
    """What it took to make the client leave."""

    STOP = "the stop"
    NEXT_EVENT = "the next event"  # of a stream that had been silent
    COLLECTION = "the garbage collector"
    NOTHING = "nothing"


_OTHERWISE = {
    StoppedBy.NEXT_EVENT: "no: at the next event",
    StoppedBy.COLLECTION: "no: by the GC",
    StoppedBy.NOTHING: "no",
}


@dataclass(frozen=True)
class Patience:
    """Seconds for which the server watches: after the stop, the next event and the collection of garbage."""

    stop: float = 3.0
    event: float = 1.0
    collection: float = 1.0


@dataclass(frozen=True)
class Seen:
    """One stop. ``seconds`` from the stop to the leaving, if the stop did it; ``leaked``: events written after the stop
    and ``billed``: tokens billed, both by the end of the watch.
    """

    by: StoppedBy
    seconds: float | None
    leaked: int
    billed: int


def written_after(exchange: Exchange, moment: float) -> int:
    """The events written after a moment, in seconds since the request was read. (One event is one chunk.)"""
    return sum(written > moment for written in exchange.written_at)


def measure(
    process: WalkingProcess, thread: ServerThread, way: Way, situation: Situation, patience: Patience | None = None
) -> Seen:
    """Walks a way once, before an origin of its own: no connection of an earlier one can be taken."""
    with SseServer(thread, pacing="recorded") as server:
        route = server.post("/chat/completions").replies(_reply(situation))
        process.walk(way.call, server.base_url)
        route.wait_call(_ASKS)
        _until(lambda: _is_there(route.call.exchange, situation))
        if situation is not Situation.EVENTS:
            process.wait_idle()  # in its read
        return _stopped(process, route, situation, patience or Patience())


def _stopped(process: WalkingProcess, route: LiveRoute, situation: Situation, patience: Patience) -> Seen:
    (live,) = route.exchanges
    stopped = process.stop() - live.started
    left = _left_within(route, patience.stop)
    exchange = route.call.exchange
    assert exchange.bill is not None
    seen = Seen(
        StoppedBy.STOP if left else StoppedBy.NOTHING,
        None if exchange.left_after is None else exchange.left_after - stopped,
        written_after(exchange, stopped),
        exchange.bill.tokens_billed,
    )
    return seen if left else replace(seen, by=_what_else(process, route, situation, patience))


@cache  # its body is made once
def _reply(situation: Situation) -> Reply:
    gates = {Situation.EVENTS: [], Situation.SILENT: [hold(after=_BEFORE)], Situation.FIRST: [hold(after=0)]}
    return Reply.chat(tokens=TOKENS, delay=TICK, through=gates[situation])


def _is_there(exchange: Exchange, situation: Situation) -> bool:
    if situation is Situation.EVENTS:
        return exchange.chunks_written >= _BEFORE
    return exchange.held_at is not None and exchange.bytes_read in (None, exchange.bytes_written)


def _what_else(process: WalkingProcess, route: LiveRoute, situation: Situation, patience: Patience) -> StoppedBy:
    """What makes a client leave that the stop alone did not."""
    if situation is not Situation.EVENTS:
        route.release()
        if _left_within(route, patience.event):
            return StoppedBy.NEXT_EVENT
    process.collect(patience.collection)
    return StoppedBy.COLLECTION if _left_within(route, patience.collection) else StoppedBy.NOTHING


def _left_within(route: LiveRoute, seconds: float) -> bool:
    with suppress(FutureTimeout):
        route.exchanges[0].left.result(seconds)
        return True
    return False


def _until(condition: Callable[[], bool]) -> None:
    deadline = monotonic() + _ASKS
    while not condition():
        if monotonic() > deadline:
            raise TimeoutError("the client did not read as far as its stop")
        sleep(0.001)


# --- the table --------------------------------------------------------------------------------------------------------


def repeated(once: Callable[[], Seen], times: int) -> list[Seen]:
    """So many of them; one that the stop does not stop is enough, since it is watched for long."""
    seen: list[Seen] = []
    while len(seen) < times and all(one.by is StoppedBy.STOP for one in seen):
        seen.append(once())
    return seen


def verdict(seen: Sequence[Seen]) -> str:
    """``0.6 ms``, the median; or that it does not stop, and what else did it."""
    last = seen[-1]
    if last.by is StoppedBy.STOP:
        return f"{median(one.seconds or 0.0 for one in seen) * 1e3:.1f} ms"
    said = _OTHERWISE[last.by]
    return f"{said}, {len(seen) - 1} of {len(seen)} did" if len(seen) > 1 else said


def row_of(client: Client, way: Way, seen: dict[Situation, list[Seen]]) -> tuple[Any, ...]:
    """A row of the table."""
    events = seen[Situation.EVENTS]
    verdicts = [verdict(seen[situation]) for situation in Situation]
    return (
        client.name,
        way.name,
        verdicts[0],
        max(one.leaked for one in events),
        max(one.billed for one in events),
        *verdicts[1:],
    )


def table_of_ways(times: int, patience: Patience) -> Table:
    """The table, with no rows yet."""
    return Table(
        "1",
        "From the stop to the upstream's knowing",
        ("client", "way", Situation.EVENTS.value, "leaked", "billed", Situation.SILENT.value, Situation.FIRST.value),
        (
            f"{TOKENS} tokens, one event each, {TICK * 1000:g} ms apart. Times: from the press of the button to the",
            f"transport's event in the server, median of {times}; a loop sees it at its next event, if there is one.",
            f"no: it had not left {patience.stop:g} s after that, and what made it leave then: the next event, or a",
            "collection of garbage (which is off until then, since its moment is chance). leaked: events written after",
            f"the stop; billed: tokens, of {TOKENS}, by the end of the watch: in a row with no both go on growing.",
        ),
    )


@dataclass
class Walked:
    """A client's rows, and with what versions they were measured."""

    client: Client
    versions: dict[str, str]
    rows: list[tuple[Any, ...]] = field(default_factory=list)


def walk(client: Client, command: Sequence[str], times: int, patience: Patience) -> Walked:
    """Every way of a client in every situation."""
    with ExitStack() as stack:
        thread = ServerThread().start()
        stack.callback(thread.stop)
        process = stack.enter_context(WalkingProcess(command))
        walked = Walked(client, process.versions)
        measure(process, thread, client.ways[0], Situation.EVENTS, Patience(0.5, 0.0, 0.0))  # imports and warms up
        for way in client.ways:
            seen = {
                situation: repeated(partial(measure, process, thread, way, situation, patience), times)
                for situation in Situation
            }
            walked.rows.append(row_of(client, way, seen))
    return walked


# --- the command ------------------------------------------------------------------------------------------------------


def about() -> dict[str, str]:
    """Where and when it was measured."""
    system = f"{platform.system()}, {os.cpu_count()} CPUs"
    if hasattr(os, "getloadavg"):
        system += f", load {os.getloadavg()[0]:.1f} at the start"
    own = f"onerouter-harness {version('onerouter-harness')}, Python {platform.python_version()}"
    return {"date": datetime.now(UTC).isoformat(timespec="seconds"), "system": system, "own": own}


def _walk_all(clients: Sequence[Client], options: argparse.Namespace, patience: Patience) -> tuple[Table, list[str]]:
    """The table, and a line on the versions of each client."""
    table, told = table_of_ways(options.times, patience), []
    without_node = install_node_clients() if any(client.runtime is Runtime.NODE for client in clients) else None
    for client in clients:
        left_out = without_node if client.runtime is Runtime.NODE else None
        command = None if left_out else command_for(client, (sys.executable, *options.python))
        if command is None:
            reason = left_out or missing(client)
            told.append(f"{client.name}: left out ({reason})")
        else:
            walked = walk(client, command, options.times, patience)
            table.rows += walked.rows
            told.append(f"{client.name}: " + ", ".join(f"{name} {number}" for name, number in walked.versions.items()))
        print(told[-1], flush=True)
    return table, told


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cancellation", description=(__doc__ or "").split("\n")[0]
    )
    names = ", ".join(repr(client.name) for client in CLIENTS)
    parser.add_argument("client", nargs="*", help=f"which clients, by default all: {names}; or 'recorder'")
    parser.add_argument("--times", type=int, default=5, help="how often each stop is repeated (%(default)s)")
    parser.add_argument("--watch", type=float, default=3.0, help="seconds that a stop is watched (%(default)g)")
    parser.add_argument(
        "--python", action="append", default=[], help="another interpreter, for clients that this one does not have"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    options = parser.parse_args(arguments)
    unknown = set(options.client) - {RECORDER, *(client.name for client in CLIENTS)}
    if unknown or options.times < 1:
        parser.error(f"no such client: {', '.join(sorted(unknown))}" if unknown else "--times is 1 at least")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    options = _options(arguments)
    described = about()
    print("orharness.cancellation", *described.values(), sep="\n", end="\n\n", flush=True)
    clients = [client for client in CLIENTS if not options.client or client.name in options.client]
    tables: list[Table] = []
    told: list[str] = []
    if clients:
        table, told = _walk_all(clients, options, Patience(stop=options.watch))
        tables.append(table)
        print(f"\n{table}", flush=True)
    if not options.client or RECORDER in options.client:
        tables += _before_a_model(options.times, told)
    if options.json:
        written = {"about": {**described, "versions": told}, "tables": [table.as_dicts() for table in tables]}
        options.json.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    return 0


def _before_a_model(times: int, told: list[str]) -> list[Table]:
    missing = real_model_missing()
    if missing:
        told.append(f"{RECORDER}: left out ({missing})")
        print(told[-1])
        return []
    table = through_the_recorder(times)
    print(table, flush=True)
    return [table]


if __name__ == "__main__":
    raise SystemExit(main())
