"""The four families of transform, and the one order in which they are applied."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import wraps
from math import inf
from typing import ParamSpec

from orharness.errors import ScenarioError
from orharness.stream import Stream, Transform

_P = ParamSpec("_P")


class Family(IntEnum):
    """What a transform may change, in the order in which the families are applied.

    Each family may rely on what the ones before it did: a fault finds its place in the bytes as they were rewritten, a
    boundary in the bytes that are left by the faults, and timing speaks of the chunks that are sent in the end.
    """

    REWRITE = 1  # the bytes, and not the events in them
    FAULT = 2  # whatever it says, from its own offset on
    BOUNDARY = 3  # where the chunks are cut
    TIMING = 4  # when the chunks are sent


class Turn(IntEnum):
    """When a step comes within its family: some steps would wipe out what their neighbours did."""

    AFRESH = 0  # replaces what the family governs as a whole (every boundary, every delay): before all that refine it
    REFINE = 1  # changes what is there
    LAST = 2  # behind all families


@dataclass(frozen=True)
class Step:
    """A transform that knows its family, and how it was written: its ``repr`` is what stands in reports."""

    family: Family
    name: str
    arguments: str
    function: Transform = field(repr=False)
    turn: Turn = Turn.REFINE

    def __call__(self, stream: Stream) -> Stream:
        return self.function(stream)

    def __repr__(self) -> str:
        return f"{self.name}({self.arguments})"


@dataclass(frozen=True)
class Composed:
    """Steps and plain functions in the order in which they are applied."""

    steps: tuple[Transform, ...]

    def __call__(self, stream: Stream) -> Stream:
        for one in self.steps:
            stream = _applied(one, stream)
        return stream

    def __repr__(self) -> str:
        return f"[{', '.join(_shown(one) for one in self.steps)}]"


def compose(through: Iterable[Transform]) -> Composed:
    """All of ``through`` as one transform, applied family by family, whatever the order in which they are given.

    Within a family they keep their order, but for those that make all boundaries or all delays afresh (``rechunk``,
    ``pace``, …): they come before the ones that refine (``split_at``, ``stall``, …), which they would wipe out.
    ``heartbeat`` is the one exception to the families: it changes bytes, so it is a rewrite, but it fills the silences
    that timing makes, so it is applied behind everything else. A plain function ``Stream -> Stream`` is taken for a
    rewrite. A composition may stand in another: its steps are sorted with the rest.

    Raises ``ScenarioError`` for what is not a transform, and for a factory that was not called.
    """
    if callable(through):  # a Step is not iterable, and Python would say no more than that
        raise ScenarioError(f"through takes a list of transforms, not {_shown(through)} alone: put it in brackets")
    flat: list[Transform] = []
    for one in through:
        flat.extend(one.steps if isinstance(one, Composed) else (_checked(one),))
    return Composed(tuple(sorted(flat, key=_place)))


def step(family: Family, turn: Turn = Turn.REFINE) -> Callable[[Callable[_P, Transform]], Callable[_P, Step]]:
    """Make a factory of plain transforms into one of steps, which remember how they were called."""

    def decorate(factory: Callable[_P, Transform]) -> Callable[_P, Step]:
        @wraps(factory)
        def make(*args: _P.args, **kwargs: _P.kwargs) -> Step:
            return Step(family, factory.__name__, arguments(*args, **kwargs), factory(*args, **kwargs), turn)

        _factories.append(make)
        return make

    return decorate


_factories: list[object] = []


def arguments(*args: object, **kwargs: object) -> str:
    """The arguments of a call as they are written in Python; a function by its name."""
    return ", ".join([*map(_shown, args), *(f"{name}={_shown(value)}" for name, value in kwargs.items())])


def whole_number(what: str, value: object, least: int) -> None:
    """Raise ``ScenarioError`` unless the value is a whole number from ``least`` up."""
    if not isinstance(value, int) or value < least:
        raise ScenarioError(f"{what} is a whole number from {least} up, not {value!r}")


def finite(what: str, value: object) -> None:
    """Raise ``ScenarioError`` unless the value is a finite number from 0 up."""
    if not isinstance(value, int | float) or not 0 <= value < inf:
        raise ScenarioError(f"{what} is a finite number from 0 up, not {value!r}")


def _place(one: Transform) -> tuple[bool, Family, Turn]:
    if not isinstance(one, Step):
        return (False, Family.REWRITE, Turn.REFINE)
    return (one.turn is Turn.LAST, one.family, one.turn)


def _checked(one: Transform) -> Transform:
    if not callable(one):
        raise ScenarioError(f"through takes transforms, functions from Stream to Stream, not {one!r}")
    if any(one is factory for factory in _factories):
        raise ScenarioError(f"{_shown(one)} in through was not called: write {_shown(one)}(…)")
    return one


def _applied(one: Transform, stream: Stream) -> Stream:
    result: object = one(stream)
    if not isinstance(result, Stream):
        raise ScenarioError(f"{_shown(one)} in through made {_shown(result)} and no Stream: was it to be called?")
    return result


def _shown(value: object) -> str:
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    shown = repr(value)
    # What Python has no form for, a function above all, would show its address: no two runs would read the same.
    return str(getattr(value, "__name__", type(value).__name__)) if shown.startswith("<") else shown
