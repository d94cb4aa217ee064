"""The four families of transforms, and the order in which they are applied."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property, wraps
from inspect import Parameter, Signature, signature
from math import inf
from typing import Any, ParamSpec

from orharness.errors import ScenarioError
from orharness.options import checked_call
from orharness.stream import Stream, Transform
from orharness.transforms.values import arguments, shown, to_json

_P = ParamSpec("_P")


class Family(IntEnum):
    """What a transform may change, in the order in which the families are applied.

    Each family relies on those before it: a fault finds its place in the rewritten bytes, a boundary in the bytes that
    the faults left, and timing works on the chunks that are sent.
    """

    REWRITE = 1  # the bytes, but not the events in them
    FAULT = 2  # anything, from its own offset on
    BOUNDARY = 3  # where the chunks are cut
    TIMING = 4  # when the chunks are sent


class Turn(IntEnum):
    """The position of a step within its family: some steps would undo the work of their neighbours."""

    AFRESH = 0  # sets every boundary or every delay of its family anew: before all steps that refine them
    REFINE = 1  # changes existing ones
    LAST = 2  # after all families


@dataclass(frozen=True)
class Step:
    """A call of a named transform, as data: its family, its name, and the arguments that differ from their defaults.

    Two steps are equal if these are equal; the function is not compared. A step is hashable if its arguments are.
    ``repr`` is the call as it was written; reports show that.
    """

    family: Family
    name: str
    arguments: tuple[tuple[str, object], ...]
    function: Transform = field(repr=False, compare=False)
    turn: Turn = field(default=Turn.REFINE, repr=False, compare=False)
    factory: Factory | None = field(default=None, repr=False, compare=False)
    called: tuple[tuple[object, ...], dict[str, object]] = field(default=((), {}), repr=False, compare=False)

    def __call__(self, stream: Stream) -> Stream:
        return self.function(stream)

    def __repr__(self) -> str:
        return f"{self.name}({arguments(*self.called[0], **self.called[1])})"

    def to_json(self) -> Any:
        """Return the canonical document form.

        ``"per_byte"`` without arguments, ``{"hold": 3}`` with the first one alone, else ``{"comments": {"text": ": X",
        "every": 2}}``. Raises ``ScenarioError`` for an argument that no document can express, such as a function.
        """
        if not self.arguments:
            return self.name
        values = {name: to_json(self.name, value) for name, value in self.arguments}
        parameters = list(self.factory.parameters) if self.factory else list(values)
        alone = values.get(parameters[0]) if len(values) == 1 else None
        # A mapping whose keys are all names of parameters is read as the arguments themselves.
        if alone is None or (isinstance(alone, dict) and set(alone) <= set(parameters)):
            return {self.name: values}
        return {self.name: alone}


@dataclass(frozen=True)
class Composed:
    """Steps and plain functions in the order in which they are applied."""

    steps: tuple[Transform, ...]

    def __call__(self, stream: Stream) -> Stream:
        for one in self.steps:
            stream = checked_stream(one, one(stream))
        return stream

    def __repr__(self) -> str:
        return f"[{', '.join(shown(one) for one in self.steps)}]"

    def to_json(self) -> list[Any]:
        """Return the document form of each step. Raises ``ScenarioError`` for a plain function."""
        return [step_to_json(one) for one in self.steps]


def step_to_json(one: Transform) -> Any:
    """Return the document form of a transform. Raises ``ScenarioError`` for a plain function, which has none."""
    if isinstance(one, Step | Composed):
        return one.to_json()
    raise ScenarioError(
        f"{shown(one)} is a plain function and cannot be written to a document: name its family with a decorator"
        " (rewrite, fault, boundary, timing)"
    )


def compose(through: Iterable[Transform]) -> Composed:
    """Combine transforms into one that applies them family by family, whatever the order in which they are given.

    Within a family they keep their order, except that those which set all boundaries or all delays anew (``rechunk``,
    ``pace``, …) come before those that refine them (``split_at``, ``stall``, …), whose work they would undo. Two come
    after all families: ``heartbeat``, a rewrite that fills the silences that timing makes, then ``cut_at``. A plain
    function ``Stream -> Stream`` counts as a rewrite. The steps of a composition in ``through`` are sorted with the
    rest. Raises ``ScenarioError`` for anything that is not a transform, and for a factory that was not called.
    """
    if callable(through):  # a Step is not iterable, and Python's error says no more than that
        raise ScenarioError(f"through takes a list of transforms, not {shown(through)} alone: put it in brackets")
    if not isinstance(through, Iterable):
        raise ScenarioError(f"through takes a list of transforms, not {through!r}")
    flat: list[Transform] = []
    for one in through:
        if isinstance(one, Step):
            flat.append(one)
        else:
            flat.extend(one.steps if isinstance(one, Composed) else (_checked(one),))
    return Composed(tuple(sorted(flat, key=_place)))


@dataclass(frozen=True, eq=False)
class Factory:
    """A registered factory of steps, as documents see it."""

    name: str
    make: Callable[..., Step]
    function: Callable[..., Transform]
    own: bool  # whether it is a user's own

    @cached_property
    def signature(self) -> Signature:
        """The parameters of a call."""
        return signature(self.function)

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters by name, in order."""
        return dict(self.signature.parameters)

    @property
    def home(self) -> str:
        """The place where it is defined, for errors."""
        return f"{self.function.__module__}.{self.function.__qualname__}"

    def bound(self, args: tuple[object, ...], kwargs: dict[str, object]) -> tuple[tuple[str, object], ...]:
        """Return the arguments of a call by parameter, without those that equal their default."""
        given = self.signature.bind(*args, **kwargs).arguments
        return tuple((name, _frozen(value)) for name, value in given.items() if not self._is_default(name, value))

    def _is_default(self, name: str, value: object) -> bool:
        parameter = self.signature.parameters[name]
        if parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
            return not value
        return bool(parameter.default is value or parameter.default == value)


def _frozen(value: object) -> object:
    """Return a value with tuples in place of lists: hashable, and equal after a round trip through a document."""
    match value:
        case list() | tuple():
            return tuple(map(_frozen, value))
        case dict():
            return {name: _frozen(one) for name, one in value.items()}
    return value


_factories: dict[str, dict[str, Factory]] = {}  # by name, then by home


def step(
    family: Family, turn: Turn = Turn.REFINE, *, wrap: Callable[[str, Transform], Transform] | None = None
) -> Callable[[Callable[_P, Transform]], Callable[_P, Step]]:
    """Turn a factory of plain transforms into a factory of steps, and register it under its name for documents.

    ``wrap`` is given for a user's factory: it adds the check of the law to a transform.
    """

    def decorate(function: Callable[_P, Transform]) -> Callable[_P, Step]:
        name, checked = function.__name__, checked_call()(function)

        @wraps(function)
        def make(*args: _P.args, **kwargs: _P.kwargs) -> Step:
            transform = checked(*args, **kwargs)
            if wrap is not None:
                transform = wrap(name, transform)
            return Step(family, name, factory.bound(args, kwargs), transform, turn, factory, (args, kwargs))

        factory = Factory(name, make, function, wrap is not None)
        _register(factory)
        return make

    return decorate


def _register(factory: Factory) -> None:
    homes = _factories.setdefault(factory.name, {})
    if factory.own and any(not other.own for other in homes.values()):
        raise ScenarioError(f"{factory.name} is a transform of orharness: give {factory.home} another name")
    homes[factory.home] = factory  # a reloaded module replaces its own factories


def factories() -> dict[str, Factory]:
    """Return all factories by name: the package's, and those of the user's modules that were imported."""
    return {name: next(iter(homes.values())) for name, homes in sorted(_factories.items())}


def factory_named(name: str) -> Factory | None:
    """Return the factory of that name. Raises ``ScenarioError`` if two modules define one."""
    homes = _factories.get(name, {})
    if len(homes) > 1:
        raise ScenarioError(f"{name} is defined twice, as {' and '.join(sorted(homes))}: rename one of them")
    return next(iter(homes.values()), None)


def checked_stream(one: Transform, result: object) -> Stream:
    """Return the result of a transform. Raises ``ScenarioError`` if it is not a stream."""
    if not isinstance(result, Stream):
        raise ScenarioError(
            f"{shown(one)} in through returned {shown(result)} and not a Stream: should it be called first?"
        )
    return result


def whole_number(what: str, value: object, least: int) -> None:
    """Raise ``ScenarioError`` unless the value is a whole number from ``least`` up."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ScenarioError(f"{what} is a whole number from {least} up, not {value!r}")


def finite(what: str, value: object) -> None:
    """Raise ``ScenarioError`` unless the value is a finite number from 0 up."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < inf:
        raise ScenarioError(f"{what} is a finite number from 0 up, not {value!r}")


def _place(one: Transform) -> tuple[bool, Family, Turn]:
    if not isinstance(one, Step):
        return (False, Family.REWRITE, Turn.REFINE)
    return (one.turn is Turn.LAST, one.family, one.turn)


def _checked(one: Transform) -> Transform:
    if not callable(one):
        raise ScenarioError(f"through takes transforms, functions from Stream to Stream, not {one!r}")
    given: object = one
    if any(given is factory.make for factory in _factories.get(getattr(one, "__name__", ""), {}).values()):
        raise ScenarioError(f"{shown(one)} in through was not called: write {shown(one)}(…)")
    return one
