"""Does a packet capture contradict the journal? ``python -m benchmarks.certainty [--leavings 1000] [--seed 1]``.

Clients in a second network namespace leave a server in this one over a veth pair, in every way that
``benchmarks.leavings`` generates. A raw socket on the pair sees every packet. What the journal says is held against the
packets and against what the clients themselves say that they read. Ends with 1 if anything is contradicted. Linux, as
root, with iproute2.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from random import Random

from benchmarks.capture import Capture, Flow
from benchmarks.leavings import END, Leaving, Seen, body_in, every_leaving, leavers, play
from benchmarks.namespaces import Namespace, NoNamespace, second_namespace
from benchmarks.tables import Table
from orharness.journal import Certainty, How, Outcome
from orharness.server.thread import ServerThread

_SHOWN = 20  # contradictions


def contradictions(seen: Seen, flow: Flow) -> Iterator[str]:
    """What the packets say otherwise than the journal."""
    exchange, ended = seen.exchange, flow.ended_by_client
    if ended is None:
        yield "the client never ended the connection"
        return
    if exchange.how is not None and exchange.certainty.how is Certainty.SEEN and (exchange.how is How.RST) != ended.rst:
        yield f"how {exchange.how}, but the client's first end is {'an RST' if ended.rst else 'a FIN'}"
    if exchange.how is How.FIN and not ended.fin:
        yield "how fin, but there is no FIN"
    if exchange.outcome is Outcome.COMPLETED and flow.reset_in_time:
        yield "completed, but an RST came before the server's end was closed"
    if body_in(flow.sent(None, acknowledged=False)) > exchange.bytes_written:
        yield f"{exchange.bytes_written} bytes written, more were sent"
    yield from _of_the_end(seen, flow)


def _of_the_end(seen: Seen, flow: Flow) -> Iterator[str]:
    """Only where the end marker was delivered, and nobody sees what was read, an outcome is unknown.

    A half-closed client acknowledges on: then what it had when its FIN came is in the capture only, and no socket's
    count. So an outcome may be unknown where the marker came before the server's own end was closed.
    """
    outcome, known = seen.exchange.outcome, seen.exchange.certainty.outcome
    ended = flow.ended_by_client
    by_rst = ended is not None and ended.rst
    delivered = body_in(flow.sent(ended, acknowledged=not by_rst))
    in_the_end = body_in(flow.sent(flow.ended_by_server, acknowledged=not by_rst))
    if seen.truth.body > delivered:
        yield f"the capture is not whole: {delivered} bytes delivered, the client read {seen.truth.body}"
    if outcome is Outcome.CANCELLED and known.sure and delivered >= END:
        yield f"cancelled [{known}], but the end marker had been delivered ({delivered} bytes)"
    if known is Certainty.UNKNOWN and in_the_end < END:
        yield f"{outcome} [unknown], but the end marker was not delivered ({in_the_end} bytes)"


def measure(namespace: Namespace, leavings: int, seed: int) -> tuple[Table, list[str]]:
    """Play so many leavings; return the table, and what was contradicted."""
    chance = Random(seed)
    cells = _chosen(every_leaving(namespace.here), leavings, chance)
    with ExitStack() as stack:
        thread = ServerThread().start()
        stack.callback(thread.stop)
        clients = stack.enter_context(leavers(namespace.command()))
        capture = stack.enter_context(Capture(namespace.device))
        found = list(play(thread, clients, cells, chance))
        lost = capture.lost
    wrong = [f"{lost} packets were not captured"] * bool(lost)
    wrong += [f"{len(cells) - len(found)} leavings are not in the journal"] * (len(cells) != len(found))
    numbers: Counter[tuple[str, ...]] = Counter()
    against: Counter[tuple[str, ...]] = Counter()
    for seen in found:
        said = [*seen.contradictions(), *contradictions(seen, capture.flows[seen.truth.ports])]
        row = _row(seen)
        numbers[row] += 1
        against[row] += bool(said)
        wrong += [f"{seen.truth.leaving}: {one}" for one in said]
    return _table(numbers, against), wrong


def _chosen(cells: list[Leaving], number: int, chance: Random) -> list[Leaving]:
    """Each cell as often as any other, but for one."""
    whole, rest = divmod(number, len(cells))
    return cells * whole + chance.sample(cells, rest)


def _row(seen: Seen) -> tuple[str, ...]:
    exchange, known = seen.exchange, seen.exchange.certainty
    return (
        str(exchange.outcome),
        known.outcome.value,
        "-" if exchange.how is None else exchange.how.value,
        "-" if exchange.how is None else known.how.value,
    )


def _table(numbers: Counter[tuple[str, ...]], against: Counter[tuple[str, ...]]) -> Table:
    table = Table(
        "1",
        "Leavings over a veth pair, and what packets and clients contradict",
        ("outcome", "certainty", "how", "known", "leavings", "contradicted"),
        ("outcome, how: what the journal says; certainty, known: how it says that it knows them",),
    )
    table.rows += [(*row, number, against[row]) for row, number in sorted(numbers.items())]
    table.rows.append(("all", "", "", "", sum(numbers.values()), sum(against.values())))
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, print the table, and return 1 if anything is contradicted, 2 where it cannot run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.certainty", description=__doc__)
    parser.add_argument("--leavings", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    try:
        with second_namespace() as namespace:
            table, wrong = measure(namespace, asked.leavings, asked.seed)
    except NoNamespace as why:
        print(f"no second network namespace can be made here: {why}", file=sys.stderr)
        return 2
    print(table)
    for line in wrong[:_SHOWN]:
        print(line)
    print(f"{len(wrong)} contradictions in {asked.leavings} leavings, seed {asked.seed}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
