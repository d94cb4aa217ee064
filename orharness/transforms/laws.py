"""Decorators that give a user's own transform its family, and the laws that it must then obey."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import ParamSpec

from orharness.errors import ScenarioError
from orharness.sse import Comment, Item
from orharness.stream import Stream, Transform
from orharness.transforms.families import Family, Step, checked_stream, step
from orharness.transforms.values import shown

_P = ParamSpec("_P")


def rewrite(factory: Callable[_P, Transform]) -> Callable[_P, Step]:
    """Make a factory of transforms a rewrite: the body still decodes to the same events, comments aside.

    A factory is a function that takes the transform's arguments and returns a function ``Stream -> Stream``. Use
    ``edit`` to change the body, so that gates, faults and the end marker move with it. Once the module is imported,
    documents may use the transform by its name. The law is checked each time that the transform is applied. Raises
    ``ScenarioError`` for a breach, and for the name of a transform of this package.
    """
    return step(Family.REWRITE, wrap=_lawful(_rewrites))(factory)


def fault(factory: Callable[_P, Transform]) -> Callable[_P, Step]:
    """Make a factory of transforms a fault: the stream names it (``Stream.with_fault``) and is untouched before it.

    For factories and the check of the law see ``rewrite``.
    """
    return step(Family.FAULT, wrap=_lawful(_faults))(factory)


def boundary(factory: Callable[_P, Transform]) -> Callable[_P, Step]:
    """Make a factory of transforms a boundary: the body stays byte-identical. Use ``repartition`` to cut it.

    For factories and the check of the law see ``rewrite``.
    """
    return step(Family.BOUNDARY, wrap=_lawful(_boundaries))(factory)


def timing(factory: Callable[_P, Transform]) -> Callable[_P, Step]:
    """Make a factory of transforms a timing: the data of each chunk stays identical.

    For factories and the check of the law see ``rewrite``.
    """
    return step(Family.TIMING, wrap=_lawful(_timings))(factory)


_Law = Callable[[Stream, Stream], str]
"""The check of a law: returns what it demands and what the result did instead; empty if the result obeys."""


def _lawful(law: _Law) -> Callable[[str, Transform], Transform]:
    def wrap(name: str, transform: Transform) -> Transform:
        if not callable(transform):
            raise ScenarioError(
                f"{name}() made {shown(transform)}: what is decorated returns a function from Stream to Stream"
            )

        def checked(stream: Stream) -> Stream:
            result = checked_stream(transform, transform(stream))
            breach = law(stream, result)
            if result.frame != stream.frame:
                breach = f"keeps the frame, and this one made {result.frame!r} of {stream.frame!r}"
            if breach:
                raise ScenarioError(f"{name} breaks the law of its family: a transform {breach}")
            return result

        return checked

    return wrap


def _rewrites(before: Stream, after: Stream) -> str:
    if _meaning(before) == _meaning(after):
        return ""
    return "that rewrites decodes to the same events, and this one to others"


def _meaning(stream: Stream) -> list[Item]:
    return [item for item in stream.frame.decode(stream.body) if not isinstance(item, Comment)]


def _faults(before: Stream, after: Stream) -> str:
    named = Counter(after.faults) - Counter(before.faults)
    if not named:
        return "that makes a fault names it in the stream (with_fault), and this one names none"
    at = min(fault.at for fault in named)
    if before.body[:at] == after.body[:at]:
        return ""
    return f"that makes a fault leaves the bytes before it as they are, and this one changed some before offset {at}"


def _boundaries(before: Stream, after: Stream) -> str:
    return "" if before.body == after.body else "that moves boundaries keeps the body, and this one changed it"


def _timings(before: Stream, after: Stream) -> str:
    if [chunk.data for chunk in before.chunks] == [chunk.data for chunk in after.chunks]:
        return ""
    return "that changes timing keeps the data of each chunk, and this one changed it"
