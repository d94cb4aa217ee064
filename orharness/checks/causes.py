"""The usual causes of a connection that stays open, each with its cure."""

from __future__ import annotations

from orharness.checks.aftermath import Aftermath
from orharness.dialects import DIALECTS
from orharness.journal import Exchange

# The usual causes, each with its cure; the journal shows which of them it is (``cause_of``).
LEAK = (
    "the stream is not closed: in Python leaving a loop (break, return) does not close it (`with`, `async with` or\n"
    "close() do; from another thread close() waits for the next bytes); in JavaScript reader.cancel() or an\n"
    "AbortSignal closes it, in Go a cancelled context or Body.Close()"
)
_LEFT_THE_LOOP = (
    "it stopped reading and kept the connection: as a rule it left the loop (break, return) without closing the stream."
    "\nIn Python that stays open until it is collected: use `with`, `async with`, or close() in a `finally`;"
    "\nin JavaScript reader.cancel() or an AbortSignal, in Go `defer` with Body.Close()"
)
_READS_ON = (
    "it went on reading after the block: a task or thread of its own still reads (a queue filled in the background,\n"
    "a stop flag that nothing checks), or its event loop reads ahead for a stream that was not closed:\n"
    "end what reads and wait for it, or close the stream (in Python with `with`, `async with` or close())"
)
_SILENT = (
    "no bytes came after the block, so the client either waits in a read (cancel the read: a task in asyncio,\n"
    "an AbortSignal in JavaScript, a context in Go; in Python a close() from another thread waits, too), or it left\n"
    "the loop without closing the response (`with` or close() in Python, reader.cancel(), Body.Close())"
)
_LOOP_IS_KEPT = (
    "an event loop is running in this thread, and a sync `with` keeps it from going on, so that no async client\n"
    "can leave: use `async with route.expect_disconnect()`"
)
_OR_IN_A_THREAD = "or, if the client does not run in that event loop:"
_LOOP_MAY_BE_KEPT = f"it may also be that {_LOOP_IS_KEPT}"
_ANOTHER_PROCESS = "another process keeps the connection (an app under test that does not leave its upstream):"
_AT_THE_NEXT_BYTES = (
    "it left when the next bytes came: its stop flag is checked, or its close() takes effect, only between\n"
    "two reads; cancel the task that reads, or shut its socket down, so that a silent stream is left as well"
)


def cause_of(seen: Aftermath, in_loop: bool = False) -> str:
    """Return the usual cause of a connection that stays open.

    A running event loop that a sync block holds up is the cause only if the client can be in it: not if another process
    holds the connection, or if the client read on.
    """
    if is_unstreamed(seen.after):
        return not_streamed(seen.after)
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


def not_streamed(exchange: Exchange) -> str:
    """Return that the request asked for an answer in one piece, in the words of its API."""
    dialect = DIALECTS.at(exchange.request.path)
    how = "" if dialect is None else f" ({dialect.unstreamed})"
    return (
        f"the request does not ask for a stream{how}: such an answer is made, and billed,\n"
        "to its end, whatever the client does"
    )


def is_unstreamed(exchange: Exchange) -> bool:
    """Return whether the request asked for an answer in one piece."""
    return exchange.streamed is False
