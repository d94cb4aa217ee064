"""The order and the moments of a stream's writes, played without any event loop on a clock that is a list."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.journal import Pacing
from orharness.player import play
from orharness.stream import Chunk, Ending, Stream
from tests.support.stream_strategies import streams

START = 100.0  # the clock does not begin at 0: a deadline is not a duration


class Step:
    """An awaitable that hands one thing to whoever drives the coroutine."""

    def __init__(self, what: tuple[str, object]) -> None:
        self.what = what

    def __await__(self) -> Generator[tuple[str, object], None, None]:
        yield self.what


class Stage:
    """Clock, writer and gate: every await is seen, and takes the time that the test says."""

    def __init__(self, *, write: float = 0.0, gate: float = 0.0, lag: float = 0.0) -> None:
        self.time = START
        self.seen: list[tuple[str, object]] = []
        self._takes = {"write": write, "gate": gate}
        self._lag = lag  # by how much each sleep returns too late

    def now(self) -> float:
        return self.time

    async def sleep_until(self, deadline: float) -> None:
        await Step(("sleep", deadline - START))

    async def write(self, chunk: Chunk) -> None:
        await Step(("write", chunk.data))

    async def gate(self, number: int) -> None:
        await Step(("gate", number))

    def drive(self, played: Coroutine[Any, Any, None]) -> Stage:
        """Runs it to its end; what it awaits that is none of ours fails here."""
        with suppress(StopIteration):
            while True:
                self._pass(*played.send(None))
        return self

    def _pass(self, kind: str, value: object) -> None:
        self.seen.append((kind, round(value, 9) if isinstance(value, float) else value))
        if kind == "sleep":
            assert isinstance(value, float)
            self.time = max(self.time, START + value) + self._lag
        else:
            self.time += self._takes[kind]

    def play(self, stream: Stream, pacing: Pacing = Pacing.RECORDED) -> Stage:
        return self.drive(play(stream, self.write, self, pacing=pacing, gate=self.gate))

    def all(self, kind: str) -> list[object]:
        return [value for seen, value in self.seen if seen == kind]


ABC = Stream.of(b"aa", b"bb", b"cc", delay=1.0)


def test_recorded_sleeps_to_each_deadline_and_then_writes() -> None:
    assert Stage().play(ABC).seen == [
        *(("sleep", 1.0), ("write", b"aa")),
        *(("sleep", 2.0), ("write", b"bb")),
        *(("sleep", 3.0), ("write", b"cc")),
    ]


def test_recorded_is_the_default() -> None:
    stage = Stage()
    stage.drive(play(ABC, stage.write, stage))
    assert stage.all("sleep") == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("late", [0.3, 1.0, 5.0])
def test_recorded_deadlines_do_not_drift(late: float) -> None:
    assert Stage(write=late).play(ABC).all("sleep") == [1.0, 2.0, 3.0]
    assert Stage(lag=late).play(ABC).all("sleep") == [1.0, 2.0, 3.0]


def test_lockstep_counts_a_delay_from_the_return_of_the_write_before() -> None:
    assert Stage(write=0.25).play(ABC, Pacing.LOCKSTEP).all("sleep") == [1.0, 2.25, 3.5]
    assert Stage(lag=0.5).play(ABC, Pacing.LOCKSTEP).all("sleep") == [1.0, 2.5, 4.0]


def test_instant_passes_over_every_delay() -> None:
    assert Stage().play(ABC, Pacing.INSTANT).seen == [("write", b"aa"), ("write", b"bb"), ("write", b"cc")]


@pytest.mark.parametrize("pacing", Pacing)
def test_nothing_is_played_of_nothing(pacing: Pacing) -> None:
    assert Stage().play(Stream(ending=Ending.HANG), pacing).seen == []


# -- gates ---------------------------------------------------------------------------------------------------------


def order(stream: Stream, pacing: Pacing = Pacing.INSTANT) -> list[object]:
    return [value for kind, value in Stage().play(stream, pacing).seen if kind != "sleep"]


@pytest.mark.parametrize("pacing", Pacing)
@pytest.mark.parametrize(
    ("gates", "played"),
    [
        ((0,), [0, b"aa", b"bb", b"cc"]),
        ((2,), [b"aa", 0, b"bb", b"cc"]),
        ((6,), [b"aa", b"bb", b"cc", 0]),
        ((0, 2, 4, 6), [0, b"aa", 1, b"bb", 2, b"cc", 3]),
        ((2, 2, 2), [b"aa", 0, 1, 2, b"bb", b"cc"]),
        ((6, 6), [b"aa", b"bb", b"cc", 0, 1]),
        ((99,), [b"aa", b"bb", b"cc", 0]),
    ],
)
def test_a_gate_stands_before_the_chunk_behind_it(gates: tuple[int, ...], played: list[object], pacing: Pacing) -> None:
    assert order(replace(ABC, gates=gates), pacing) == played


def test_a_gate_inside_a_chunk_stands_behind_it() -> None:
    """A chunk is one write: the bytes before the gate are sent, so those after it in the same chunk are, too."""
    assert order(replace(ABC, gates=(1, 3))) == [b"aa", 0, b"bb", 1, b"cc"]


def test_a_stream_without_a_chunk_still_has_its_gate() -> None:
    assert Stage().play(Stream(gates=(0,))).seen == [("gate", 0)]


@pytest.mark.parametrize("pacing", [Pacing.RECORDED, Pacing.LOCKSTEP])
def test_the_wait_at_a_gate_moves_the_deadlines_behind_it(pacing: Pacing) -> None:
    stage = Stage(gate=10.0).play(replace(ABC, gates=(2,)), pacing)
    assert stage.all("sleep") == [1.0, 12.0, 13.0]


def test_at_gates_deadlines_do_not_drift_either() -> None:
    held = replace(ABC, gates=(2, 4))
    assert Stage(gate=10.0, write=0.5).play(held).all("sleep") == [1.0, 12.0, 23.0]
    assert Stage(gate=0.0, write=0.5).play(held).all("sleep") == [1.0, 2.0, 3.0]  # gates that are found open


def test_without_a_gatekeeper_nothing_is_held() -> None:
    stage = Stage()
    stage.drive(play(replace(ABC, gates=(0, 2, 6)), stage.write, stage, pacing=Pacing.INSTANT))
    assert stage.seen == [("write", b"aa"), ("write", b"bb"), ("write", b"cc")]


# -- for any stream ------------------------------------------------------------------------------------------------


@given(streams(), st.sampled_from(Pacing), st.floats(0, 3), st.floats(0, 3))
def test_any_stream_is_written_whole_with_each_gate_once(
    stream: Stream, pacing: Pacing, write: float, lag: float
) -> None:
    stage = Stage(write=write, lag=lag).play(stream, pacing)
    assert stage.all("write") == [chunk.data for chunk in stream.chunks]
    assert stage.all("gate") == list(range(len(stream.gates)))
    waits = [] if pacing is Pacing.INSTANT else [chunk for chunk in stream.chunks if chunk.delay]
    assert len(stage.all("sleep")) == len(waits)  # a chunk without a delay is due already
    written = 0
    for kind, value in stage.seen:
        if kind == "gate":
            assert isinstance(value, int)
            assert written >= stream.gates[value]
        elif kind == "write":
            assert isinstance(value, bytes)
            written += len(value)


def test_a_client_that_is_gone_ends_the_play() -> None:
    async def broken(chunk: Chunk) -> None:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        Stage().drive(play(ABC, broken, Stage(), pacing=Pacing.INSTANT))
