"""The time to wait for the first request of a run: much longer than this client has needed before."""

from __future__ import annotations

_TIMES = 10.0  # the longest start-up that was seen, and the runner's patience
_HUNG = 3  # runs in a row that sent nothing while they were waited for: a client that hangs is not a slow one
_TIMES_IF_HUNG = 2.0  # the longest start-up that was seen


class StartUp:
    """The start-ups of one client: seconds from the start of a run to its first request.

    A run that has ended is never waited for, so a long limit costs time only with a client that hangs before it sends.
    """

    def __init__(self) -> None:
        self._longest = 0.0
        self._hung = 0

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
