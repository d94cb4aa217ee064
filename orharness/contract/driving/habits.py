"""What is known of one client by its runs so far: how long it takes to begin, and whether it leaves at the end."""

from __future__ import annotations

_TIMES = 10.0  # the longest start-up that was seen, and the runner's patience
_HUNG = 3  # runs in a row that sent nothing while they were waited for: a client that hangs is not a slow one
_TIMES_IF_HUNG = 2.0  # the longest start-up that was seen
_SETTLE = 1.0  # seconds that a client has after its run to read the last bytes or to leave
_KEPT = 3  # runs that did neither: the client keeps its connections
_SETTLE_IF_KEPT = 0.02  # seconds


class Habits:
    """The start-ups of one client, in seconds from the start of a run to its first request, and its ends.

    A run that has ended is never waited for, so a long limit costs time only with a client that hangs before it sends.
    """

    def __init__(self) -> None:
        self._longest = 0.0
        self._hung = 0
        self._kept = 0

    def limit(self, starting: float, patience: float) -> float:
        """Return the seconds to wait for the first request of the next run.

        ``starting``: seconds that the client may take in any case. ``patience``: the runner's, in seconds.
        """
        if self._hung >= _HUNG:
            return max(patience, _TIMES_IF_HUNG * self._longest)
        return max(starting, _TIMES * self._longest, _TIMES * patience)

    def sent_after(self, seconds: float) -> None:
        """Note that a run has sent its first request ``seconds`` after its start."""
        self._longest = max(self._longest, seconds)
        self._hung = 0

    def hung(self) -> None:
        """Note that a run has sent nothing within the limit, and has not ended."""
        self._hung += 1

    @property
    def settle(self) -> float:
        """The seconds that a client whose run has ended is given to read the last bytes or to leave."""
        return _SETTLE if self._kept < _KEPT else _SETTLE_IF_KEPT

    def ended(self, *, kept: bool) -> None:
        """Note how a run has ended; ``kept``: with unread bytes, on a connection that is still open."""
        self._kept += kept
