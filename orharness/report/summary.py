"""A stream in one sentence."""

from __future__ import annotations

from orharness.sse import Comment, Event
from orharness.stream import Stream
from orharness.verdict import count


def summary(stream: Stream) -> str:
    """Return chunks, bytes, events, comments and the characters that boundaries cut, in one sentence."""
    items = stream.frame.decode(stream.body)
    parts = [
        count(len(stream.chunks), "chunk"),
        count(len(stream.body), "byte"),
        count(sum(isinstance(item, Event) for item in items), "event"),
    ]
    comments = sum(isinstance(item, Comment) for item in items)
    parts += [count(comments, "comment")] if comments else []
    cuts = sum(at < len(stream.body) and stream.body[at] & 0xC0 == 0x80 for at in stream.boundaries)
    parts += [f"{count(cuts, 'boundary', 'boundaries')} inside a character"] if cuts else []
    return ", ".join(parts)
