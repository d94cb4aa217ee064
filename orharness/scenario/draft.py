"""A stream in the middle of its transforms, kept so that a reply with more transforms continues from there."""

from __future__ import annotations

from collections.abc import Sequence

from orharness.stream import Stream, Transform
from orharness.transforms.families import checked_stream


class Draft:
    """A stream before its transforms, and after each transform that was applied first.

    A contract cuts one reply in thousands of ways; everything before the cuts is computed once. ``stream``: the one
    before its transforms.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._steps: list[tuple[Transform, Stream]] | None = None

    def through(self, transforms: Sequence[Transform]) -> Stream:
        """Return the stream after these transforms, in the order in which they are given."""
        known = self._steps or []
        shared = 0
        while shared < min(len(known), len(transforms)) and known[shared][0] is transforms[shared]:
            shared += 1
        done = known[:shared]
        stream = done[-1][1] if done else self.stream
        for one in transforms[shared:]:
            stream = checked_stream(one, one(stream))
            done.append((one, stream))
        if self._steps is None:
            self._steps = done
        return stream
