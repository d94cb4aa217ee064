"""Whether a relay sends an event on when it has come, or by a timer, many at once.

A gate cannot tell that: while the upstream waits, a timer sends what there is. So the time is taken that each event
needs, and the shortest one counts, since a busy machine does not hold up every one of many events. Where all are late,
the same answer is read once more without the relay: if that is slow as well, the machine may be the cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import monotonic

from orharness.relay.seen import Found, Seen
from orharness.verdict import Evidence

EVENTS = 13  # of which each but the first is timed, unless one came in time
LATE = 0.075  # seconds: more than a delayed ACK takes (0.04 s on Linux)
_QUIET = LATE / 5  # seconds that the shortest of them may take without the relay


def waits(tokens: Iterable[str], comes: Callable[[str], bool], release: Callable[[], None]) -> tuple[float, ...] | None:
    """Return the seconds from the sending of each token but the first to its coming, up to the first that was not late.

    ``release`` has the next one sent, ``comes`` waits for one. ``None`` if one does not come before the next is sent.
    """
    found: list[float] = []
    sent = None
    for token in tokens:
        if not comes(token):
            return None
        if sent is not None:
            found.append(monotonic() - sent)
            if found[-1] < LATE:
                break
        sent = monotonic()
        release()
    return tuple(found)


def are_late(found: tuple[float, ...] | None) -> bool:
    """Return whether each of the events was late."""
    return bool(found) and min(found or (0.0,)) >= LATE


def promptly(seen: Seen) -> Found:
    """An event must come out when it has come, and not by a timer."""
    if seen.waits is None:
        return "an event does not come out before the next one is sent: buffering/each-event judges that"
    if not are_late(seen.waits):
        return None
    if not seen.direct or min(seen.direct) >= _QUIET:
        return "not known: this machine is too busy to tell how long the relay holds an event"
    shortest, number = min(seen.waits), len(seen.waits)
    return Evidence(
        f"of {number} events, each sent when the one before it had come out, at least one comes out at once",
        f"each of them came out {shortest:.2g} s after it was sent, or later; without the relay, the first in"
        f" {min(seen.direct):.1g} s",
        f"events are held for {shortest:.1g} s or longer before they are sent on, as a timer does that sends what has"
        " been collected: the text comes late, and in batches. Send each event on when it comes",
    )
