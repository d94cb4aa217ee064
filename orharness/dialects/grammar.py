"""The order of events as tables, and the deviations of a stream from them.

A ``Grammar`` knows no API: it consists of tables of states, each state with the clause of the specification that it
expresses. A generator, a judge of clients and a judge of servers read the same tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from orharness.sse import Event, Item


@dataclass(frozen=True, slots=True)
class Clause:
    """One rule of a specification: a name, the rule in one sentence, and where it is written or was observed."""

    name: str
    says: str
    source: str


@dataclass(frozen=True, slots=True)
class Deviation:
    """A deviation from a clause: the event's number, from 1 (0 in a stream without events), and what is wrong."""

    clause: Clause
    number: int
    what: str

    def __str__(self) -> str:
        return f"event {self.number} {self.what}; {self.clause.name}: {self.clause.says}"


@dataclass(frozen=True, eq=False)
class State:
    """One row of a table: the kinds of events that may come, each with the name of the next state.

    ``clause``: the rule that any other kind breaks. ``may_end``: whether a stream may end here.
    """

    clause: Clause
    moves: Mapping[str, str]
    may_end: bool = False


class Key(Enum):
    """The runs of a table that an event is for, if it is not for one thing."""

    WHOLE = "whole"  # the only run of a table that covers the whole stream
    EVERY = "every"  # each run that has begun: the event concerns all of them


Symbol = tuple[object, str]


@dataclass(frozen=True, eq=False)
class Table:
    """A state machine, run for the whole stream or for each thing that the stream builds (a block, an item).

    ``states``: by name; the first one is the start. ``reads``: the symbols of an event, each a key that identifies the
    run and a kind; none if the event is skipped.
    """

    states: Mapping[str, State]
    reads: Callable[[Event], Iterable[Symbol]]
    follows_whole: bool = False

    def check(self, events: Sequence[Event]) -> Iterator[Deviation]:
        """Yield deviations from the table; after one it continues in the state to which the event leads elsewhere."""
        start = next(iter(self.states))
        runs: dict[object, str] = {Key.WHOLE: start} if self.follows_whole else {}
        for number, event in enumerate(events, start=1):
            for key, kind in self.reads(event):
                for each in list(runs) if key is Key.EVERY else [key]:
                    name = runs.get(each, start)
                    if kind not in self.states[name].moves:
                        said = f"is {kind}{_of(each)}, {self._instead(name)}"
                        yield Deviation(self.states[name].clause, number, said)
                    runs[each] = self._after(name, kind)
        for each, name in runs.items():
            if not self.states[name].may_end:
                said = f"is the last one{_of(each)}, {self._instead(name)}"
                yield Deviation(self.states[name].clause, len(events), said)

    def _after(self, name: str, kind: str) -> str:
        """Return the state after an event; if it is not allowed here, the state to which it leads elsewhere.

        A run that may have ended stays as it is, so that one wrong event is one deviation.
        """
        if kind in self.states[name].moves:
            return self.states[name].moves[kind]
        leads = (state.moves[kind] for each, state in self.states.items() if state.moves.get(kind, each) != each)
        return name if self.states[name].may_end else next(leads, name)

    def _instead(self, name: str) -> str:
        moves = self.states[name].moves
        return f"where {' or '.join(moves)} may come" if moves else "where nothing may come"


def _of(key: object) -> str:
    return "" if key is Key.WHOLE else f" of {key}"


@dataclass(frozen=True)
class Demand:
    """A requirement on each event; ``problem`` returns in words how one fails it, else ``None``."""

    clause: Clause
    problem: Callable[[Event], str | None]

    def check(self, events: Sequence[Event]) -> Iterator[Deviation]:
        """Yield each kind of problem once, at the first event that has it."""
        told: set[str] = set()
        for number, event in enumerate(events, start=1):
            said = self.problem(event)
            if said is not None and said not in told:
                told.add(said)
                yield Deviation(self.clause, number, said)


@dataclass(frozen=True)
class Numbering:
    """A number that starts at 0 and rises by one with each event that has it. ``of`` returns it, ``None`` if absent."""

    clause: Clause
    of: Callable[[Event], object]

    def check(self, events: Sequence[Event]) -> Iterator[Deviation]:
        """Yield each number that is not the next one; the count continues from it."""
        expected = 0
        for number, event in enumerate(events, start=1):
            found = self.of(event)
            if found is None:
                continue
            if found != expected:
                yield Deviation(self.clause, number, f"has the number {found}, not {expected}")
            expected = found + 1 if isinstance(found, int) else expected + 1


Part = Table | Demand | Numbering


@dataclass(frozen=True, eq=False)
class Grammar:
    """The rules of one API's stream."""

    parts: tuple[Part, ...]

    def check(self, items: Iterable[Item]) -> list[Deviation]:
        """Return all deviations of a whole stream from the rules, in the order of the events."""
        events = [item for item in items if isinstance(item, Event)]
        found = [deviation for part in self.parts for deviation in part.check(events)]
        return sorted(found, key=lambda deviation: deviation.number)

    @property
    def clauses(self) -> dict[str, Clause]:
        """The clauses that a stream can break, by name."""
        found: list[Clause] = []
        for part in self.parts:
            found += [state.clause for state in part.states.values()] if isinstance(part, Table) else [part.clause]
        return {clause.name: clause for clause in found}
