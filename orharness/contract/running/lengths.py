"""The longest line that a client reads, found by plain answers that have one line of a given length."""

from __future__ import annotations

from typing import Any

from orharness.contract.catalogue.case import Case
from orharness.contract.catalogue.parse import parse
from orharness.contract.judging.features import lines_of
from orharness.contract.running.trials import Trials
from orharness.dialects import Dialect

_LONG = 1_000  # bytes: the length of a line from here on may be the cause of a fail
_SHORTEST = 256  # bytes: every client that was seen can read such a line
_END: list[dict[str, Any]] = [{"finish": "stop"}, {"end": True}]
_COMMENT = "comment"
_DATA = "data"


class Lengths:
    """What is known of the lengths of lines that one client reads."""

    def __init__(self, trials: Trials) -> None:
        self._trials = trials
        self._limits: dict[
            str, tuple[int, int]
        ] = {}  # by kind of line: the longest that held, the shortest that did not

    def of_comments(self, dialect: Dialect, body: bytes) -> str:
        """Return the cause of a fail that the long comments of a body bring and short ones do not, in words."""
        length = max(len(line.text) for line in lines_of(body) if line.is_comment)
        if not self._holds(_DATA, dialect, length):
            return self._of_data(dialect, length)
        read, lost = self._limit(_COMMENT, dialect, length)
        passed = f"one of {read:,} bytes is passed over, " if read else ""
        kept = f"a data line of {length:,} bytes is read"
        return f"a comment is stumbled over for its length: {passed}one of {lost:,} bytes is not, and {kept}"

    def of_lines(self, dialect: Dialect, body: bytes) -> str | None:
        """Return that data lines are not read up to the longest line of a body; ``None`` where they are."""
        longest = max((len(line.text) for line in lines_of(body)), default=0)
        if longest < _LONG or self._holds(_DATA, dialect, longest) or not self._holds(_DATA, dialect, _SHORTEST):
            return None
        return self._of_data(dialect, longest)

    def _of_data(self, dialect: Dialect, length: int) -> str:
        read, lost = self._limit(_DATA, dialect, length)
        held = f"one of {read:,} bytes is read, " if read else ""
        return f"a line that is longer than a buffer is lost or cut: {held}one of {lost:,} bytes is not"

    def _limit(self, kind: str, dialect: Dialect, lost: int) -> tuple[int, int]:
        """Return the longest line that held (0: none) and the shortest that did not, of powers of two and ``lost``."""
        known = self._limits.get(kind)
        if known is None or known[1] > lost:
            self._limits[kind] = self._searched(kind, dialect, lost)
        return self._limits[kind]

    def _searched(self, kind: str, dialect: Dialect, lost: int) -> tuple[int, int]:
        lengths = [0, *(_SHORTEST << n for n in range(32) if _SHORTEST << n < lost), lost]
        low, high = 0, len(lengths) - 1
        while high - low > 1:
            middle = (low + high) // 2
            if self._holds(kind, dialect, lengths[middle]):
                low = middle
            else:
                high = middle
        return lengths[low], lengths[high]

    def _holds(self, kind: str, dialect: Dialect, length: int) -> bool:
        return self._trials.once(_answer(kind, dialect, length), None, self._trials.patience).evidence is None


def _answer(kind: str, dialect: Dialect, length: int) -> Case:
    """Return a plain answer that has one line of ``length`` bytes."""
    line = {"comment": " " + "." * (length - 2)} if kind == _COMMENT else {"text": "x", "fill": length}
    return parse(
        {
            "id": f"a {kind} line of {length} bytes",
            "title": "A long line.",
            "reply": {"events": [{"text": "Hello"}, line, {"text": "world"}, *_END]},
            "expect": {"sent": True},
            "chunkings": ["per-event"],
        },
        dialect,
    )
