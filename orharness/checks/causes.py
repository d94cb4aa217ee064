"""The usual causes of a connection that stays open, each with its cure."""

from __future__ import annotations

from orharness.checks.aftermath import Aftermath
from orharness.journal import Exchange

# The usual causes, each with its cure; the journal shows which of them it is (``cause_of``).
LEAK = (
    "leaving a loop (break, return) does not close the stream: close it with `with`, `async with` or close();\n"
    "and a close() from another thread waits for the next bytes"
)
_LEFT_THE_LOOP = (
    "it stopped reading and kept the connection: it left the loop (break, return) without closing the stream,\n"
    "which stays open until the garbage collector comes: use `with`, `async with`, or close() in a `finally`"
)
_READS_ON = (
    "it went on reading after the block: a task or thread of its own still reads (a queue filled in the background,\n"
    "a stop flag that nobody looks at), or its event loop reads ahead for a stream that nobody closed:\n"
    "end what reads and wait for it, or close the stream with `with`, `async with` or close()"
)
_SILENT = (
    "no bytes came after the block, so it is one of two: it waits in a read (cancel the read: a task in asyncio,\n"
    "an AbortSignal in JavaScript, a context in Go; a close() from another Python thread waits with it); or it left\n"
    "the loop without closing the response (`with` or close() in Python, reader.cancel(), Body.Close())"
)
_LOOP_IS_KEPT = (
    "an event loop is running in this thread, and a sync `with` keeps it from going on, so that no async client\n"
    "can leave: use `async with reply.expect_disconnect()`"
)
_OR_IN_A_THREAD = "or, if the client does not run in that event loop:"
_LOOP_MAY_BE_KEPT = f"it may also be that {_LOOP_IS_KEPT}"
_ANOTHER_PROCESS = "another process keeps the connection (an app under test that does not leave its upstream):"
NOT_STREAMED = (
    "the request does not ask for a stream (`stream: true` is missing): such an answer is made, and billed,\n"
    "to its end, whatever the client does"
)
_AT_THE_NEXT_BYTES = (
    "it left when the next bytes came: its stop flag is looked at, or its close() gets through, only between\n"
    "two reads; cancel the task that reads, or shut its socket down, so that a silent stream is left as well"
)


def cause_of(seen: Aftermath, in_loop: bool = False) -> str:
    """Return the usual cause of a connection that stays open.

    A running event loop that a sync block holds up is the cause only if the client can be in it: not if another process
    holds the connection, or if the client read on.
    """
    if is_unstreamed(seen.after):
        return NOT_STREAMED
    by_bytes = _cause_by_bytes(seen)
    if seen.held_here is False:
        return f"{_ANOTHER_PROCESS}\n{by_bytes}"
    if not in_loop or seen.read:
        return by_bytes
    if seen.held_here:
        return f"{_LOOP_IS_KEPT};\n{_OR_IN_A_THREAD}\n{by_bytes}"
    return f"{by_bytes};\n{_LOOP_MAY_BE_KEPT}"


def _cause_by_bytes(seen: Aftermath) -> str:
    """Return the usual cause of a connection that stays open, by what was written and read after the act."""
    if seen.read:
        return _READS_ON
    if seen.read is None or seen.after.bytes_read is None:
        return LEAK
    return _LEFT_THE_LOOP if seen.after.bytes_read < seen.after.bytes_written else _SILENT


def cause_of_lateness(seen: Aftermath) -> str | None:
    """Return the cause if the client was silent for most of the time, and left only when bytes came."""
    if seen.left is None or not seen.chunks:
        return None
    silence = seen.after.written_at[-seen.chunks] - seen.act
    return _AT_THE_NEXT_BYTES if silence >= seen.left / 2 else None


def is_unstreamed(exchange: Exchange) -> bool:
    """Return whether the request asked for an answer in one piece."""
    return exchange.streamed is False
